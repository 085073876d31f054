//! The gateway's link to IB and its farms, as notices tell; events on transitions only.

use std::collections::BTreeMap;

use super::{Event, core::Core};
use crate::{
    schema::connection::{FarmEvent, FarmKind, FarmState, IbLink, LinkName},
    tws::notice::farm_name,
};

/// What a connectivity notice means for subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IbChange {
    /// IB is out of reach: nothing flows, orders would be held by the gateway.
    Lost,
    /// Back, subscriptions are gone (1101).
    RestoredEmpty,
    /// Back, subscriptions of `reqMktData` kept (1102).
    RestoredKept,
}

/// The two facts beside the sockets.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) ib_link: IbLink,
    pub(crate) ib_link_since_us: i64,
    pub(crate) ib_code: Option<i32>,
    /// The links that were told of the loss, and not yet of its end.
    is_lost_on: [bool; 2],
    farms: BTreeMap<String, Farm>,
}

/// What is known of a farm.
#[derive(Debug)]
struct Farm {
    /// As it was told last.
    event: FarmEvent,
    /// It was lost and is not back: connecting is not yet back.
    is_broken: bool,
}

impl Truth {
    /// Nothing is known at the start of the bridge.
    pub(crate) fn new(now_us: i64) -> Self {
        Self { ib_link_since_us: now_us, ..Self::default() }
    }

    /// Reads a global notice. `None` if it is not about the link to IB, or says what is known already.
    pub(crate) fn on_notice(&mut self, core: &mut Core, link: LinkName, code: i32, text: &str) -> Option<IbChange> {
        if matches!(code, 1100 | 1101 | 1102 | 2110) {
            *self.lost_on(link) = matches!(code, 1100 | 2110);
        }
        match code {
            1100 | 2110 => self.turn(core, IbLink::Lost, code).then_some(IbChange::Lost),
            1101 => {
                self.turn(core, IbLink::Up, code);
                Some(IbChange::RestoredEmpty)
            }
            1102 => {
                self.turn(core, IbLink::Up, code);
                Some(IbChange::RestoredKept)
            }
            _ => {
                if let Some((kind, state)) = farm_notice(code) {
                    self.on_farm(core, code, text, kind, state);
                }
                None
            }
        }
    }

    /// A new session starts without knowledge: a gateway tells about its link only when it changes.
    pub(crate) fn on_session_lost(&mut self, core: &mut Core) {
        self.is_lost_on = [false; 2];
        self.forget_ib(core);
        core.market_farms_down = false;
        core.history_farms_down = false;
        self.farms.clear();
    }

    fn forget_ib(&mut self, core: &mut Core) {
        core.ib_lost = false;
        // Each failed dial comes here too, and says nothing new.
        if self.ib_link != IbLink::Unknown {
            self.ib_link = IbLink::Unknown;
            self.ib_link_since_us = core.now.us;
        }
        self.ib_code = None;
    }

    /// Each link is told of a loss and of its end in a stream of its own, so the other link may be
    /// told of both before or after: true between the two on the data link.
    pub(crate) fn is_lost_on_data(&self) -> bool {
        let [_, is_lost_on_data] = self.is_lost_on;
        is_lost_on_data
    }

    /// The end of a loss will not be told on a link that is gone, and a login while it lasts is told of it anew. True if
    /// nobody is left to be told of the end: IB is not known to be lost any more.
    pub(crate) fn on_link_down(&mut self, core: &mut Core, link: LinkName) -> bool {
        *self.lost_on(link) = false;
        let is_untold = self.ib_link == IbLink::Lost && self.is_lost_on == [false; 2];
        if is_untold {
            self.forget_ib(core);
        }
        is_untold
    }

    fn lost_on(&mut self, link: LinkName) -> &mut bool {
        let [trading, data] = &mut self.is_lost_on;
        match link {
            LinkName::Trading => trading,
            LinkName::Data => data,
        }
    }

    fn turn(&mut self, core: &mut Core, to: IbLink, code: i32) -> bool {
        core.ib_lost = to == IbLink::Lost;
        let changed = self.ib_link != to;
        if changed {
            self.ib_link = to;
            self.ib_link_since_us = core.now.us;
            self.ib_code = Some(code);
        }
        changed
    }

    fn on_farm(&mut self, core: &mut Core, code: i32, text: &str, kind: FarmKind, state: FarmState) {
        let Some(farm) = farm_name(text) else { return };
        let known = self.farms.get(farm);
        if known.is_some_and(|known| known.event.state == state) {
            return;
        }
        let is_broken = match state {
            FarmState::Down => true,
            FarmState::Connecting => known.is_some_and(|known| known.is_broken),
            FarmState::Up | FarmState::Idle => false,
        };
        let event = FarmEvent {
            seq: 0,
            recv_us: core.now.us,
            farm: farm.to_owned(),
            kind,
            state,
            since_us: core.now.us,
            ib_code: code,
        };
        self.farms.insert(farm.to_owned(), Farm { event: event.clone(), is_broken });
        core.market_farms_down = self.is_down(FarmKind::MarketData);
        core.history_farms_down = self.is_down(FarmKind::Historical);
        core.emit(Event::Farm(Box::new(event)));
    }

    /// Every farm heard of in this session, by name.
    pub(crate) fn farms(&self) -> Vec<FarmEvent> {
        self.farms.values().map(|farm| farm.event.clone()).collect()
    }

    fn of_kind(&self, kind: FarmKind) -> impl Iterator<Item = &Farm> {
        self.farms.values().filter(move |farm| farm.event.kind == kind)
    }

    /// How many farms of this kind are broken. One that connects again is broken until it is up.
    pub(crate) fn down(&self, kind: FarmKind) -> usize {
        self.of_kind(kind).filter(|farm| farm.is_broken).count()
    }

    /// The farms of this kind that do not serve, and whether each is `down` or `connecting`.
    pub(crate) fn names_away(&self, kind: FarmKind) -> Vec<(&str, &'static str)> {
        let away = self.of_kind(kind).filter_map(|farm| {
            let state = match farm.event.state {
                FarmState::Down => "down",
                FarmState::Connecting => "connecting",
                FarmState::Up | FarmState::Idle => return None,
            };
            Some((farm.event.farm.as_str(), state))
        });
        away.collect()
    }

    /// True if a farm of this kind is broken.
    pub(crate) fn is_down(&self, kind: FarmKind) -> bool {
        self.down(kind) > 0
    }
}

/// Codes of farm notices: `ib-behaviour` section 1.
fn farm_notice(code: i32) -> Option<(FarmKind, FarmState)> {
    Some(match code {
        2103 => (FarmKind::MarketData, FarmState::Down),
        2104 => (FarmKind::MarketData, FarmState::Up),
        2119 => (FarmKind::MarketData, FarmState::Connecting),
        2108 => (FarmKind::MarketData, FarmState::Idle),
        2105 => (FarmKind::Historical, FarmState::Down),
        2106 => (FarmKind::Historical, FarmState::Up),
        2107 => (FarmKind::Historical, FarmState::Idle),
        2157 => (FarmKind::SecurityDefinition, FarmState::Down),
        2158 => (FarmKind::SecurityDefinition, FarmState::Up),
        _ => return None,
    })
}
