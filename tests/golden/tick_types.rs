//! The tick type table.

use ibnats::tws::tick_type::{Family, TICK_TYPES, info};

#[test]
fn the_tick_types_are_ibs() {
    let mut count = 0;
    for line in include_str!("tws/tick-types.md").lines().skip(2) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(&[id, constant, callback, generic]) = cells.get(1..5).and_then(|cells| cells.first_chunk()) else {
            continue;
        };
        let tick = info(id.parse().expect("a number")).unwrap_or_else(|| panic!("no tick type {id}"));
        assert_eq!(tick.name, constant.to_lowercase());
        let family = match callback {
            "tickPrice" => Family::Price,
            "tickSize" => Family::Size,
            "tickGeneric" => Family::Generic,
            "tickString" => Family::Text,
            "tickOptionComputation" => Family::Option,
            "tickEFP" => Family::Efp,
            _ => Family::Undocumented,
        };
        assert_eq!(tick.family, family, "{constant}");
        assert!(tick.delayed_of.is_none() || constant.starts_with("DELAYED_"), "{constant}");
        let is_delayed = generic.starts_with("delayed data");
        // The delayed yields are the only ones without a live partner in our table.
        let unpaired = constant.starts_with("DELAYED_YIELD_");
        assert!(!is_delayed || unpaired || tick.delayed_of.is_some(), "{constant} is not paired");
        count += 1;
    }
    assert_eq!(count, TICK_TYPES.len());
}
