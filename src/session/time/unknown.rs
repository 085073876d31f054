//! Zones and hours that cannot be read, each told once.

use std::collections::BTreeSet;

use crate::schema::connection::{LinkName, NoticeEvent};

/// Names remembered; above it nothing more is told, since only a broken peer invents so many.
const NAMES_MAX: usize = 100;
/// Characters of a name that are shown.
const SHOWN_CHARS: usize = 40;

/// Names of zones that were met and are unknown.
#[derive(Debug, Default)]
pub(crate) struct UnknownZones {
    names: BTreeSet<String>,
    /// Contracts whose hours could not be read.
    hours: BTreeSet<i32>,
}

impl UnknownZones {
    /// What to tell about hours of a contract that are no hours; `None` if it was told before.
    pub(crate) fn meet_hours(&mut self, recv_us: i64, con_id: i32, text: &str) -> Option<Box<NoticeEvent>> {
        let text: String = text.chars().take(SHOWN_CHARS).collect();
        let text = text.escape_default().to_string();
        if self.hours.len() >= NAMES_MAX || !self.hours.insert(con_id) {
            return None;
        }
        let message = format!("the hours of contract {con_id} cannot be read: {text:?}; these are left out");
        Some(Box::new(NoticeEvent::warning(recv_us, LinkName::Data, "unreadable_hours", message)))
    }

    /// What to tell about an unknown zone; `None` if it was told before. `what` says whose times are
    /// left out.
    pub(crate) fn meet(&mut self, recv_us: i64, link: LinkName, name: &str, what: &str) -> Option<Box<NoticeEvent>> {
        let name: String = name.trim().chars().take(SHOWN_CHARS).collect();
        if self.names.len() >= NAMES_MAX || !self.names.insert(name.clone()) {
            return None;
        }
        let message = format!(
            "the gateway names a time zone that is unknown or stands for several: {:?}; {what}",
            name.escape_default().to_string()
        );
        Some(Box::new(NoticeEvent::warning(recv_us, link, "unknown_zone", message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_told_once_and_in_one_line() {
        let mut zones = UnknownZones::default();
        let told = zones.meet(7, LinkName::Data, "Mars\r\n/Olympus", "its times are left out").expect("told");
        assert!(told.message.contains("Olympus") && !told.message.contains('\n'), "{}", told.message);
        assert_eq!(zones.meet(8, LinkName::Data, "Mars\r\n/Olympus", "its times are left out"), None);
        let told = (0..1_000).filter_map(|n| zones.meet(9, LinkName::Data, &n.to_string(), "")).count();
        assert_eq!(told, NAMES_MAX - 1);
    }
}
