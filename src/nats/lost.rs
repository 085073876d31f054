//! How many market events of which subject never reached NATS, for `ib.bridge.shed`.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;
use tokio::sync::watch;

/// Subjects counted one by one; what further ones lose is in the totals only.
const SUBJECTS_MAX: usize = 20_000;
/// Subjects told: those that lost most.
const TOLD_MAX: usize = 20;

/// The subjects that lost most since the start, and how many events each.
pub(super) type Worst = Vec<(String, u64)>;

/// Counts since the start.
#[derive(Debug)]
pub(super) struct LostBySubject {
    counts: FxHashMap<String, u64>,
    is_news: bool,
    told: watch::Sender<Worst>,
}

impl LostBySubject {
    /// The counts, and where those of the worst subjects are told.
    pub(super) fn new() -> (Self, watch::Receiver<Worst>) {
        let (told, worst) = watch::channel(Worst::new());
        (Self { counts: FxHashMap::default(), is_news: false, told }, worst)
    }

    pub(super) fn add(&mut self, subject: &str, lost: u64) {
        self.is_news = true;
        if let Some(count) = self.counts.get_mut(subject) {
            *count += lost;
        } else if self.counts.len() < SUBJECTS_MAX {
            self.counts.insert(subject.to_owned(), lost);
        }
    }

    /// Tells what is new.
    pub(super) fn tell(&mut self) {
        if std::mem::take(&mut self.is_news) {
            let mut worst: Worst = self.counts.iter().map(|(subject, count)| (subject.clone(), *count)).collect();
            worst.sort_unstable_by(|(a, most), (b, more)| (Reverse(most), a).cmp(&(Reverse(more), b)));
            worst.truncate(TOLD_MAX);
            self.told.send_replace(worst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subjects_that_lost_most_come_first() {
        let (mut lost, worst) = LostBySubject::new();
        for number in 0..30_u64 {
            lost.add(&format!("s{number}"), number);
        }
        lost.add("s3", 100);
        lost.tell();
        let told = worst.borrow().clone();
        assert_eq!((told.len(), &told[0], &told[1]), (20, &("s3".to_owned(), 103), &("s29".to_owned(), 29)));
    }
}
