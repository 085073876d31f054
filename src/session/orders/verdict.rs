//! Orders that IB no longer tells of: what positions prove about them, and what a person says.

use super::{
    Orders, not_ready,
    terms::{self, wrong},
};
use crate::{
    config::ms,
    schema::{
        ApiError, ErrorCode,
        order::OrderState,
        request::order::{SettleOrder, SettledState},
    },
    session::{
        Answer, Command,
        core::Core,
        durable::{Fact, Requested},
    },
};

impl Orders {
    /// All lists and positions are complete and were compared. An order that was open in this run, that the lists
    /// have left out for `timing.settle_ms`, and whose contract's position is what the known fills make, has filled no
    /// further: it was cancelled or it expired.
    ///
    /// `agrees` says so of an account and a contract. Of combos it cannot: their legs are what is held. Two such orders
    /// of one contract could hide each other's fills.
    pub(crate) fn settle_by_positions(&mut self, core: &mut Core, agrees: impl Fn(&str, i32) -> bool) {
        let settle_after = ms(core.config.timing.settle_ms);
        let now = core.now.at;
        let in_doubt = self.book.open_keys();
        let in_doubt = in_doubt.into_iter().filter_map(|key| {
            let record = self.book.get(&key)?;
            let is_in_doubt = record.facts.state() == OrderState::OutcomeUnknown;
            is_in_doubt.then(|| (key, record.event.account.clone(), record.event.con_id))
        });
        let in_doubt: Vec<_> = in_doubt.collect();
        for (key, account, con_id) in &in_doubt {
            let Some(record) = self.book.get(key) else { continue };
            let is_combo = record.event.instrument.as_ref().is_none_or(|instrument| instrument.sec_type == "BAG");
            let is_alone = in_doubt.iter().filter(|(_, a, c)| a == account && c == con_id).count() == 1;
            let was_seen = record.facts.was_live() && record.listed_in > 0;
            let is_missed = record.missed_since.is_some_and(|since| now >= since + settle_after);
            let proves = con_id.is_some_and(|con_id| con_id > 0 && agrees(account, con_id));
            if is_combo || !is_alone || !was_seen || !is_missed || !proves {
                continue;
            }
            self.change(core, key, |record| {
                record.facts.verdict = Some(SettledState::Cancelled);
                let reason = "IB no longer lists this order, and the position shows that no more of it filled: it was \
                              cancelled or it expired";
                record.explain(None, reason);
            });
        }
    }

    /// A person says how an order ended.
    pub(crate) fn settle_by_hand(&mut self, core: &mut Core, command: &Command, ask: &SettleOrder) {
        match self.check_verdict(core, ask) {
            Ok(()) => self.take_verdict(core, command, ask),
            Err(error) => core.refuse(command.token, error),
        }
    }

    fn check_verdict(&self, core: &Core, ask: &SettleOrder) -> Result<(), ApiError> {
        let key = &ask.key;
        let record = self.book.get(key).ok_or_else(|| wrong("key", &format!("no order {key} is known")))?;
        if ask.reason.trim().is_empty() || ask.reason.chars().any(char::is_control) || ask.reason.len() > 500 {
            return Err(wrong("reason", "say why in one line of at most 500 bytes"));
        }
        let state = record.facts.state();
        if state != OrderState::OutcomeUnknown {
            let message = format!("the order is not in doubt but {state:?}; only evidence changes that");
            return Err(wrong("key", &message));
        }
        if !self.sync.is_done() || core.ib_lost {
            return Err(not_ready("the gateway may still tell how the order ended; ask again when it is ready"));
        }
        let known = record.facts.filled();
        if ask.state == SettledState::Rejected && record.facts.has_fills() {
            return Err(wrong("state", &format!("{known} are filled")));
        }
        let Some(filled) = &ask.filled else { return Ok(()) };
        terms::at_most_quantity("filled", filled)?;
        let whole = record.facts.quantity.as_ref().map(crate::schema::Size::decimal);
        if ask.state != SettledState::Cancelled {
            return Err(wrong("filled", "is for state cancelled only"));
        }
        if filled.decimal() < known.decimal() || whole.is_some_and(|whole| filled.decimal() >= whole) {
            return Err(wrong(
                "filled",
                &format!("lies between the {known} known to be filled and the whole quantity"),
            ));
        }
        if let Some(reason) = &core.troubles.journal {
            return Err(ApiError::new(ErrorCode::NotReady, format!("the order journal cannot be written: {reason}")));
        }
        Ok(())
    }

    fn take_verdict(&mut self, core: &mut Core, command: &Command, ask: &SettleOrder) {
        let client = command.client.as_deref().map(str::to_owned);
        let by = client.clone().unwrap_or_else(|| "a client without a name".to_owned());
        let body = serde_json::to_string(ask).unwrap_or_default();
        core.journal(Fact::Request(Box::new(Requested { verb: "settle", key: ask.key.clone(), client, body })));
        core.accept(command.token);
        self.change(core, &ask.key, |record| {
            if let Some(filled) = &ask.filled {
                record.facts.on_filled(filled, None);
            }
            record.facts.verdict = Some(ask.state);
            record.explain(None, &format!("settled by {by}: {}", ask.reason.trim()));
        });
        if let Some(record) = self.book.get(&ask.key) {
            let answer = record.answer(core, false);
            core.answer(command.token, Answer::Order(Box::new(answer)));
        }
    }
}
