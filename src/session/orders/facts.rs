//! What is proven about one order, and the state that follows from it.
//!
//! The state is a function of facts that only accumulate, so that evidence may come late, twice and
//! in any order: a final fact wins over every earlier or later word that is not.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::status::Word;
use crate::{
    schema::{
        Size,
        order::{OrderEvent, OrderState},
        request::order::SettledState,
    },
    tws::sentinel::unset_double,
};

/// What is proven about one order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts; the state is what follows from them")]
pub(super) struct Facts {
    /// Handed to the driver, or placed by somebody else.
    pub(super) is_sent: bool,
    pub(super) quantity: Option<Size>,
    filled: Option<Size>,
    average_price: Option<f64>,
    /// The last status word that is not final.
    word: Option<Word>,
    is_filled: bool,
    is_cancelled: bool,
    is_rejected: bool,
    /// A code that kills a new order came.
    is_refused: bool,
    /// It worked or filled at some time: the same code leaves it alive.
    is_live: bool,
    /// We asked to cancel it and have not been refused.
    pub(super) cancel_asked: bool,
    /// Nobody can say whether it exists; the next evidence ends this.
    pub(super) in_doubt: bool,
    /// The gateway's lists say that it does not exist; the next evidence ends this.
    pub(super) is_absent: bool,
    /// How it ended as positions or a person say; the next evidence ends this.
    pub(super) verdict: Option<SettledState>,
}

impl Facts {
    /// What an event of an earlier run tells, where its facts cannot be read.
    pub(super) fn of_event(event: &OrderEvent) -> Self {
        let mut facts = Self { is_sent: true, quantity: event.quantity.clone(), ..Self::default() };
        if let Some(word) = event.ib_status.as_deref().and_then(Word::read) {
            facts.on_word(word);
        }
        facts.on_filled(&event.filled, event.average_price);
        match event.state {
            OrderState::Filled => facts.is_filled = true,
            OrderState::Cancelled => facts.is_cancelled = true,
            OrderState::Rejected => facts.is_rejected = true,
            OrderState::OutcomeUnknown => facts.in_doubt = true,
            _ => {}
        }
        facts
    }

    pub(super) fn state(&self) -> OrderState {
        let has_fills = self.has_fills();
        if self.is_filled || self.is_complete() {
            return OrderState::Filled;
        }
        if (self.is_rejected || self.is_refused && !self.is_live) && !has_fills {
            return OrderState::Rejected;
        }
        if self.is_cancelled || self.is_rejected {
            return OrderState::Cancelled;
        }
        if self.is_absent {
            return OrderState::Rejected;
        }
        match self.verdict {
            Some(SettledState::Filled) => return OrderState::Filled,
            Some(SettledState::Cancelled) => return OrderState::Cancelled,
            Some(SettledState::Rejected) => return OrderState::Rejected,
            None => {}
        }
        if self.in_doubt {
            return OrderState::OutcomeUnknown;
        }
        if self.is_sent && self.cancel_asked {
            return OrderState::CancelPending;
        }
        match self.word {
            Some(Word::CancelPending) => OrderState::CancelPending,
            Some(Word::Inactive) => OrderState::Inactive,
            _ if has_fills => OrderState::PartiallyFilled,
            Some(Word::Working) => OrderState::Working,
            _ if self.is_sent => OrderState::Sent,
            _ => OrderState::Journaled,
        }
    }

    /// True if it has worked or filled.
    pub(super) fn is_live(&self) -> bool {
        self.is_live
    }

    /// True if the gateway has said anything about it.
    pub(super) fn is_heard_of(&self) -> bool {
        self.word.is_some() || self.has_fills() || self.state().is_final()
    }

    /// True if IB or an exchange has worked or filled it.
    pub(super) fn was_live(&self) -> bool {
        self.is_live
    }

    pub(super) fn on_word(&mut self, word: Word) {
        self.on_sign();
        match word {
            // Late, or the echo of a change: what works goes on working.
            Word::Pending if self.is_live => {}
            Word::Filled => self.is_filled = true,
            Word::Cancelled => self.is_cancelled = true,
            Word::Working => {
                self.is_live = true;
                self.word = Some(word);
            }
            Word::Pending | Word::CancelPending | Word::Inactive => self.word = Some(word),
        }
    }

    /// Filled so far. Only more than before counts: late and repeated reports change nothing.
    pub(super) fn on_filled(&mut self, filled: &Size, average_price: Option<f64>) {
        self.on_sign();
        if filled.decimal() <= Decimal::ZERO {
            return;
        }
        self.is_live = true;
        if filled.decimal() > self.filled().decimal() {
            self.filled = Some(filled.clone());
            self.average_price = None;
        }
        if filled.decimal() == self.filled().decimal() && self.average_price.is_none() {
            self.average_price = average_price.and_then(unset_double).filter(|price| *price != 0.0);
        }
    }

    /// A correction or bust changed one of its fills.
    pub(super) fn on_corrected(&mut self, before: &Size, after: &Size, average_price: Option<f64>) {
        let Some(filled) = &self.filled else { return };
        if before.decimal() != after.decimal() {
            let others = filled.decimal().saturating_sub(before.decimal());
            let corrected = others.saturating_add(after.decimal()).max(Decimal::ZERO);
            self.filled = Some(Size::from(corrected)).filter(|filled| filled.decimal() > Decimal::ZERO);
        }
        self.average_price = average_price.and_then(unset_double).filter(|price| *price != 0.0);
    }

    /// The gateway or IB shows that it has the order.
    fn on_sign(&mut self) {
        self.is_sent = true;
        self.in_doubt = false;
        self.is_absent = false;
        self.verdict = None;
    }

    pub(super) fn on_reject(&mut self) {
        self.in_doubt = false;
        self.is_rejected = true;
    }

    /// Taken back before it was sent.
    pub(super) fn on_withdrawn(&mut self) {
        self.is_cancelled = true;
    }

    pub(super) fn on_refusal(&mut self) {
        self.in_doubt = false;
        self.is_refused = true;
    }

    /// As [`Self::on_refusal`]; an order that IB shows `Inactive` is thereby over.
    pub(super) fn on_refusal_or_end(&mut self) {
        self.on_refusal();
        self.is_rejected |= self.word == Some(Word::Inactive);
    }

    pub(super) fn filled(&self) -> Size {
        self.filled.clone().unwrap_or(Size::ZERO)
    }

    pub(super) fn average_price(&self) -> Option<f64> {
        self.average_price
    }

    /// `None` while the ordered quantity is unknown.
    pub(super) fn remaining(&self) -> Option<Size> {
        if self.is_filled {
            return Some(Size::ZERO);
        }
        let quantity = self.quantity.as_ref()?;
        if !self.has_fills() {
            return Some(quantity.clone());
        }
        Some(Size::from(quantity.decimal().saturating_sub(self.filled().decimal()).max(Decimal::ZERO)))
    }

    pub(super) fn has_fills(&self) -> bool {
        self.filled.is_some()
    }

    fn is_complete(&self) -> bool {
        let quantity = self.quantity.as_ref().map_or(Decimal::ZERO, Size::decimal);
        quantity > Decimal::ZERO && self.filled().decimal() >= quantity
    }
}
