//! Faults that last: what they do to requests and streams while they stand, and when they end.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Door, LinkBack};
use super::streams::Open;
use crate::tws::Request;

/// Market data farms of the simulated login.
pub(crate) const DATA_FARMS: &[&str] = &["usfarm", "usfarm.nj", "eufarm", "cashfarm", "usfuture", "usopt"];
/// Historical data farms.
pub(crate) const HISTORY_FARMS: &[&str] = &["ushmds", "euhmds"];
/// Security definition farms.
pub(crate) const DEFINITION_FARMS: &[&str] = &["secdefnj"];

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Verdict {
    /// It is carried out.
    Carry,
    /// It is never answered, and nothing is done.
    Mute,
    /// It is answered with an error.
    Refuse(i32, String),
    /// It is carried out at this time.
    Hold(i64),
}

/// The end of a fault that lasted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Ending {
    /// 1100 is said again.
    StillDown,
    /// The link to IB is back.
    LinkBack(LinkBack),
    /// The farm is back.
    FarmUp(String),
    /// Trading goes on.
    Resume(String),
}

#[derive(Debug)]
struct LinkDown {
    until_ms: i64,
    back: LinkBack,
    repeat_ms: Option<i64>,
    next_ms: i64,
}

/// All faults that stand at present.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) muted: BTreeSet<String>,
    link: Option<LinkDown>,
    farms: BTreeMap<String, i64>,
    competing_until_ms: Option<i64>,
    read_only_until_ms: Option<i64>,
    door: Option<(Door, i64)>,
    halts: Vec<(i64, String)>,
}

impl Standing {
    pub(super) fn link_down(&mut self, now_ms: i64, for_ms: i64, back: LinkBack, repeat_ms: Option<i64>) {
        let repeat_ms = repeat_ms.map(|repeat| repeat.max(1));
        let next_ms = now_ms.saturating_add(repeat_ms.unwrap_or_default());
        self.link = Some(LinkDown { until_ms: now_ms.saturating_add(for_ms), back, repeat_ms, next_ms });
    }

    pub(super) fn farm_down(&mut self, now_ms: i64, farm: &str, for_ms: i64) {
        self.farms.insert(farm.to_owned(), now_ms.saturating_add(for_ms));
    }

    pub(super) fn compete(&mut self, now_ms: i64, for_ms: i64) {
        self.competing_until_ms = Some(now_ms.saturating_add(for_ms));
    }

    pub(super) fn read_only(&mut self, now_ms: i64, for_ms: Option<i64>) {
        self.read_only_until_ms = Some(for_ms.map_or(i64::MAX, |for_ms| now_ms.saturating_add(for_ms)));
    }

    pub(super) fn set_door(&mut self, now_ms: i64, door: Door, for_ms: i64) {
        self.door = Some((door, now_ms.saturating_add(for_ms)));
    }

    pub(super) fn halted(&mut self, until_ms: i64, symbol: &str) {
        self.halts.push((until_ms, symbol.to_owned()));
    }

    /// How new connections are met, and until when.
    pub(super) fn door(&self, now_ms: i64) -> (Door, i64) {
        self.door.filter(|(_, until)| now_ms < *until).unwrap_or((Door::Open, now_ms))
    }

    pub(super) fn is_link_down(&self) -> bool {
        self.link.is_some()
    }

    /// IB serves what this farm has.
    pub(super) fn is_farm_up(&self, farm: &str) -> bool {
        self.link.is_none() && !self.farms.contains_key(farm)
    }

    /// The gateway's "Read-Only API" is ticked.
    pub(super) fn is_read_only(&self) -> bool {
        self.read_only_until_ms.is_some()
    }

    /// Something keeps streams from flowing.
    pub(super) fn holds_streams(&self) -> bool {
        self.link.is_some() || !self.farms.is_empty() || self.competing_until_ms.is_some()
    }

    /// The stream gets nothing at present.
    pub(super) fn holds(&self, stream: &Open) -> bool {
        self.link.is_some() || self.competing_until_ms.is_some() || self.farms.contains_key(stream.farm)
    }

    /// What stands says about a request. `farm` serves live data of what it is about.
    pub(super) fn judge(&self, request: &Request, farm: impl FnOnce() -> Option<&'static str>) -> Verdict {
        if self.muted.contains(request.name()) || self.muted.contains("*") {
            return Verdict::Mute;
        }
        let need = Need::of(request);
        if need == Need::Order && self.read_only_until_ms.is_some() {
            let text = "Error validating request.-'bW' : cause - The API interface is currently in Read-Only mode.";
            return Verdict::Refuse(321, text.to_owned());
        }
        if let Some(link) = &self.link {
            return match need {
                Need::Nothing => Verdict::Carry,
                // A gateway keeps orders and sends them when it can.
                Need::Order => Verdict::Hold(link.until_ms),
                Need::Quotes | Need::History | Need::Definitions => Verdict::Mute,
            };
        }
        let away = |farms: &[&str]| farms.iter().find_map(|farm| self.farms.get(*farm)).copied();
        match need {
            Need::Quotes if !self.farms.is_empty() => {
                farm().and_then(|farm| self.farms.get(farm)).map_or(Verdict::Carry, |until| Verdict::Hold(*until))
            }
            Need::History => away(HISTORY_FARMS).map_or(Verdict::Carry, |_| Verdict::Mute),
            Need::Definitions => away(DEFINITION_FARMS).map_or(Verdict::Carry, Verdict::Hold),
            _ => Verdict::Carry,
        }
    }

    /// What has ended, or is due while it stands, in the order of its time.
    pub(super) fn due(&mut self, now_ms: i64) -> Vec<Ending> {
        let mut endings = Vec::new();
        if self.competing_until_ms.is_some_and(|until| until <= now_ms) {
            self.competing_until_ms = None;
        }
        if self.read_only_until_ms.is_some_and(|until| until <= now_ms) {
            self.read_only_until_ms = None;
        }
        if let Some(link) = &mut self.link {
            if link.until_ms <= now_ms {
                endings.push(Ending::LinkBack(link.back));
                self.link = None;
            } else if let Some(repeat_ms) = link.repeat_ms.filter(|_| link.next_ms <= now_ms) {
                link.next_ms = now_ms.saturating_add(repeat_ms);
                endings.push(Ending::StillDown);
            }
        }
        let up: Vec<String> =
            self.farms.iter().filter(|(_, until)| **until <= now_ms).map(|(farm, _)| farm.clone()).collect();
        for farm in up {
            self.farms.remove(&farm);
            endings.push(Ending::FarmUp(farm));
        }
        let (over, halts) = std::mem::take(&mut self.halts).into_iter().partition(|(until, _)| *until <= now_ms);
        self.halts = halts;
        let over: Vec<(i64, String)> = over;
        endings.extend(over.into_iter().map(|(_, symbol)| Ending::Resume(symbol)));
        endings
    }

    /// When [`Self::due`] has something next.
    pub(super) fn wake_at(&self) -> Option<i64> {
        let link = self.link.as_ref().map(|link| match link.repeat_ms {
            Some(_) => link.next_ms.min(link.until_ms),
            None => link.until_ms,
        });
        let farms = self.farms.values().copied().min();
        let halts = self.halts.iter().map(|(until, _)| *until).min();
        let finite = |until: Option<i64>| until.filter(|until| *until != i64::MAX);
        [link, farms, halts, self.competing_until_ms, finite(self.read_only_until_ms)].into_iter().flatten().min()
    }

    /// Forgets what an operator lifts: everything that has no end of its own to tell.
    pub(super) fn lift(&mut self) {
        self.muted.clear();
        self.read_only_until_ms = None;
        self.competing_until_ms = None;
        self.door = None;
    }

    /// Names of what stands, for people.
    pub(super) fn words(&self, now_ms: i64) -> Vec<String> {
        let mut words: Vec<String> = self.muted.iter().map(|kind| format!("mute {kind}")).collect();
        words.extend(self.link.as_ref().map(|link| format!("link_down for {} ms more", link.until_ms - now_ms)));
        words.extend(self.farms.iter().map(|(farm, until)| format!("farm_down {farm} for {} ms more", until - now_ms)));
        words.extend(self.competing_until_ms.map(|until| format!("competing_session for {} ms more", until - now_ms)));
        words.extend(self.read_only_until_ms.map(|_| "read_only".to_owned()));
        let (door, until) = self.door(now_ms);
        if door != Door::Open {
            words.push(format!("door {door:?} for {} ms more", until - now_ms));
        }
        words.extend(self.halts.iter().map(|(until, symbol)| format!("halt {symbol} for {} ms more", until - now_ms)));
        words
    }
}

/// Which part of IB a request needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The gateway answers by itself.
    Nothing,
    Order,
    Quotes,
    History,
    Definitions,
}

impl Need {
    fn of(request: &Request) -> Self {
        match request {
            Request::PlaceOrderRequest(_)
            | Request::CancelOrderRequest(_)
            | Request::GlobalCancelRequest(_)
            | Request::ExerciseOptionsRequest(_) => Self::Order,
            Request::MarketDataRequest(_)
            | Request::TickByTickRequest(_)
            | Request::RealTimeBarsRequest(_)
            | Request::MarketDepthRequest(_) => Self::Quotes,
            Request::HistoricalDataRequest(_)
            | Request::HistoricalTicksRequest(_)
            | Request::HeadTimestampRequest(_)
            | Request::HistogramDataRequest(_)
            | Request::HistoricalNewsRequest(_)
            | Request::ScannerSubscriptionRequest(_) => Self::History,
            Request::ContractDataRequest(_)
            | Request::MatchingSymbolsRequest(_)
            | Request::SecDefOptParamsRequest(_)
            | Request::MarketRuleRequest(_) => Self::Definitions,
            _ => Self::Nothing,
        }
    }
}
