//! Between the driver and the register of client ids, which is on a disk that the driver does not wait for.

use tokio::sync::mpsc;

/// Ids on their way in one direction. One at a time is enough: a later dial asks again.
const WAITING_MAX: usize = 1;

/// The driver's end.
pub struct DataIds {
    in_use: mpsc::Sender<i32>,
    free: mpsc::Receiver<i32>,
}

/// The end of who looks into the register.
pub struct DataIdDesk {
    /// Ids of which the gateway says that somebody has them.
    pub in_use: mpsc::Receiver<i32>,
    /// Ids that were claimed instead.
    pub free: mpsc::Sender<i32>,
}

/// Both ends.
pub fn data_ids() -> (DataIds, DataIdDesk) {
    let (in_use, asked) = mpsc::channel(WAITING_MAX);
    let (free, claimed) = mpsc::channel(WAITING_MAX);
    (DataIds { in_use, free: claimed }, DataIdDesk { in_use: asked, free })
}

impl DataIds {
    /// Asks for another id. Without an answer the session goes on with the next of its range.
    pub(super) fn ask(&self, in_use: i32) {
        let _ = self.in_use.try_send(in_use);
    }

    /// An id that was claimed; for ever if nobody claims any.
    ///
    /// # Cancel safety
    ///
    /// No id is lost.
    pub(super) async fn next(&mut self) -> i32 {
        match self.free.recv().await {
            Some(id) => id,
            None => std::future::pending().await,
        }
    }
}
