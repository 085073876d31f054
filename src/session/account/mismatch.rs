//! Positions that are not what the opening position and the fills since then make.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::{
    schema::bridge::BridgeEvent,
    session::{
        Event,
        core::Core,
        durable::{Fact, HeldPosition},
    },
};

/// Account and contract id.
type Place = (String, i32);

/// What was held when the bridge first knew both, and what has not added up since.
///
/// Positions and executions travel on their own, so a difference counts once two comparisons in a row
/// have found it.
#[derive(Debug, Default)]
pub(super) struct Mismatches {
    /// What was held before the first fill that is known; `None` before the first comparison.
    opening: Option<BTreeMap<Place, Decimal>>,
    /// A second comparison has borne the opening out: the first may have been made between the news of
    /// a fill and the news of its position.
    is_settled: bool,
    suspected: BTreeMap<Place, Decimal>,
    told: BTreeMap<Place, Decimal>,
    /// What was held when this was written down last.
    noted: Option<Vec<HeldPosition>>,
}

impl Mismatches {
    /// Differences that a second comparison has not borne out.
    pub(super) fn suspected(&self) -> usize {
        self.suspected.len()
    }

    /// Begins with what earlier runs leave: a fill that was missed between two runs shows.
    pub(super) fn restore(&mut self, held: Option<Vec<HeldPosition>>, bought: &BTreeMap<Place, Decimal>) {
        let Some(held) = held else { return };
        let mut opening: BTreeMap<Place, Decimal> = bought.iter().map(|(place, size)| (place.clone(), -size)).collect();
        for held in held {
            let opened = opening.entry((held.account, held.con_id)).or_default();
            *opened = opened.saturating_add(held.size);
        }
        (self.opening, self.is_settled) = (Some(opening), true);
    }

    /// The last comparison found no difference in this position, and none has been found before.
    pub(super) fn agrees(&self, account: &str, con_id: i32) -> bool {
        let place = (account.to_owned(), con_id);
        self.is_settled && !self.suspected.contains_key(&place) && !self.told.contains_key(&place)
    }

    /// Writes down what is held, for the next run.
    fn note(&mut self, core: &mut Core, held: &BTreeMap<Place, Decimal>) {
        let position = |((account, con_id), size): (&Place, &Decimal)| HeldPosition {
            account: account.clone(),
            con_id: *con_id,
            size: *size,
        };
        let held: Vec<HeldPosition> = held.iter().map(position).collect();
        if self.noted.as_ref() != Some(&held) {
            self.noted = Some(held.clone());
            core.journal(Fact::Positions(held));
        }
    }

    /// Compares complete lists. True if a difference must be looked at again soon.
    pub(super) fn compare(
        &mut self,
        core: &mut Core,
        held: &BTreeMap<Place, Decimal>,
        bought: &BTreeMap<Place, Decimal>,
    ) -> bool {
        let of = |sizes: &BTreeMap<Place, Decimal>, place: &Place| sizes.get(place).copied().unwrap_or_default();
        let places: BTreeSet<&Place> = held.keys().chain(bought.keys()).collect();
        let Some(opening) = &self.opening else {
            let before = |place: &Place| (place.clone(), of(held, place).saturating_sub(of(bought, place)));
            self.opening = Some(places.into_iter().map(before).collect());
            return false;
        };
        let places = places.into_iter().chain(opening.keys());
        let differences: BTreeMap<Place, Decimal> = places
            .map(|place| {
                let expected = of(opening, place).saturating_add(of(bought, place));
                (place.clone(), of(held, place).saturating_sub(expected))
            })
            .filter(|(_, difference)| !difference.is_zero())
            .collect();
        if !self.is_settled {
            self.is_settled = differences.is_empty();
            if !self.is_settled {
                self.opening = None;
                return self.compare(core, held, bought);
            }
        }
        let is_known = |known: &BTreeMap<Place, Decimal>, (place, difference): (&Place, &Decimal)| {
            known.get(place) == Some(difference)
        };
        for (place, difference) in &differences {
            if is_known(&self.suspected, (place, difference)) && !is_known(&self.told, (place, difference)) {
                let expected = of(held, place).saturating_sub(*difference);
                tell(
                    core,
                    "mismatch",
                    place,
                    &format!(
                        "the gateway holds {}, the opening position and the fills since then make {expected}: a fill is \
                     missing here, or the position changed without a trade",
                        of(held, place)
                    ),
                );
                self.told.insert(place.clone(), *difference);
            }
        }
        let over: Vec<Place> = self.told.keys().filter(|place| !differences.contains_key(*place)).cloned().collect();
        for place in over {
            self.told.remove(&place);
            tell(core, "mismatch_over", &place, "position and fills agree again");
        }
        let is_news = differences.iter().any(|entry| !is_known(&self.told, entry));
        self.suspected = differences;
        if !is_news {
            self.note(core, held);
        }
        is_news
    }
}

fn tell(core: &mut Core, name: &str, (account, con_id): &Place, what: &str) {
    let mut event = BridgeEvent::new(name, core.now.us);
    event.message = Some(format!("{account}, contract {con_id}: {what}"));
    event.figures.insert("con_id".to_owned(), i64::from(*con_id));
    core.emit(Event::Bridge(Box::new(event)));
}
