//! Takes up another configuration while the session runs: limits of risk and pacing, and its own subscriptions.

use std::sync::Arc;

use super::{Answer, Command, Event, Session, standing};
use crate::{
    config::Config,
    schema::{ApiError, bridge::BridgeEvent},
};

/// Another configuration. What cannot change while the session runs must be as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconfigure {
    /// All of it.
    pub config: Arc<Config>,
    /// Keys that have changed, for people.
    pub changed: Vec<String>,
}

impl Session {
    pub(super) fn reconfigure(&mut self, command: &Command, ask: &Reconfigure) {
        let streams = match standing::configured(&ask.config) {
            Ok(streams) => streams,
            Err(error) => return self.core.refuse(command.token, ApiError::invalid(error)),
        };
        self.core.accept(command.token);
        self.core.config = Arc::clone(&ask.config);
        self.core.risk.set_config(Arc::clone(&ask.config));
        self.core.pacing.set_limits(&ask.config.pacing);
        for command in self.standing.replace(&mut self.core, streams, self.data.is_ready()) {
            self.take(command);
        }
        // There may be room for those who wait.
        self.market.ask_starved(&mut self.core);
        let mut event = BridgeEvent::new("reloaded", self.core.now.us);
        let by = command.client.as_deref().map(|name| format!(" by {name}")).unwrap_or_default();
        event.message = Some(format!("configuration read again{by}: {}", ask.changed.join(", ")));
        self.core.emit(Event::Bridge(Box::new(event)));
        self.core.answer(command.token, Answer::Reconfigured { outranked: self.core.risk.outranked(&ask.changed) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::load_text,
        schema::connection::LinkName,
        session::{Ask, rig::Rig},
        tws::Request,
    };

    fn reconfigure(rig: &mut Rig, text: &str) {
        let config = Arc::new(load_text(text).expect("valid"));
        rig.ask_as("admin", Ask::Reconfigure(Box::new(Reconfigure { config, changed: vec!["some".to_owned()] })));
    }

    fn lookups(rig: &mut Rig) -> Vec<String> {
        let sent = rig.sent(LinkName::Data);
        sent.into_iter()
            .filter_map(|request| match request {
                Request::ContractDataRequest(ask) => ask.contract?.symbol,
                _ => None,
            })
            .collect()
    }

    const APPLE: &str = "[[subscriptions]]\ncontract = \"STK:AAPL\"\n";
    const TESLA: &str = "[[subscriptions]]\ncontract = \"STK:TSLA\"\n";

    #[test]
    fn new_subscriptions_are_asked_for_and_known_ones_left_alone() {
        let mut rig = Rig::ready();
        reconfigure(&mut rig, APPLE);
        assert_eq!(lookups(&mut rig), ["AAPL"]);
        reconfigure(&mut rig, &format!("{TESLA}{APPLE}"));
        assert_eq!(lookups(&mut rig), ["TSLA"]);
    }

    #[test]
    fn pacing_limits_change_at_once() {
        let mut rig = Rig::ready();
        assert_eq!(rig.session.core.pacing.history_window(true).0, 58);
        reconfigure(&mut rig, "[pacing]\nhistory_10_min = 20\nmessages_per_second = 30\n");
        assert_eq!(rig.session.core.pacing.history_window(true).0, 20);
        let now = rig.now().at;
        assert_eq!(rig.session.core.pacing.message_usage(now).max, 30);
        reconfigure(&mut rig, "");
        assert_eq!(rig.session.core.pacing.message_usage(now).max, 45);
    }
}
