//! `/events`: what the console shows, as server-sent events.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::StatusCode,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Shared, requests::refuse};
use crate::{
    gateway::tap::Watchers,
    measure::Count,
    schema::{ApiError, ErrorCode},
};

/// A line of nothing, so that a dead connection is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Counts an open console for as long as its stream lives.
struct Seat(Arc<Watchers>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.leave();
    }
}

struct Reader {
    /// The first event: what happened before.
    hello: Option<String>,
    frames: Receiver<Arc<str>>,
    dropped: Arc<Count>,
    _seat: Seat,
}

impl Reader {
    /// The next event; `None` when the bridge stops.
    async fn next(&mut self) -> Option<Event> {
        if let Some(hello) = self.hello.take() {
            return Some(Event::default().event("hello").data(hello));
        }
        match self.frames.recv().await {
            Ok(frame) => Some(Event::default().data(&*frame)),
            // Too slow: it asks anew for what it shows.
            Err(RecvError::Lagged(frames)) => {
                self.dropped.add(frames);
                Some(Event::default().event("missed").data(frames.to_string()))
            }
            Err(RecvError::Closed) => None,
        }
    }
}

/// Streams until the console leaves or the bridge stops.
pub(super) async fn events(State(shared): State<Shared>) -> Response {
    let watchers = &shared.sources.watchers;
    // Counted before the limit is looked at, so that two cannot take the last seat.
    watchers.enter();
    let seat = Seat(Arc::clone(watchers));
    if watchers.open() > shared.clients_max {
        let busy = ApiError::new(ErrorCode::Busy, "too many consoles are open").retry_after_ms(10_000);
        return refuse(StatusCode::TOO_MANY_REQUESTS, &busy);
    }
    let Some((hello, frames)) = shared.board.join().await else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, &ApiError::new(ErrorCode::NotReady, "the bridge is stopping"));
    };
    let dropped = Arc::clone(&shared.sources.dropped_frames);
    let reader = Reader { hello: Some(hello), frames, dropped, _seat: seat };
    let events = stream::unfold(reader, async |mut reader| {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}
