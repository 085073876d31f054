//! Files that somebody damaged or made up are refused or read as far as they go; nothing panics.
#![expect(clippy::expect_used, reason = "a test may panic")]

use std::{fs, path::Path};

use ibnats::{
    config::{Config, load_text},
    gateway::clock,
    journal::{
        reader::{Reader, Which},
        start,
    },
    schema::contract::ContractQuery,
    sim::{Scenario, recording::Recording},
};
use proptest::prelude::*;

fn config_in(folder: &Path) -> Config {
    let mut config = Config::default();
    folder.clone_into(&mut config.state.dir);
    config
}

/// The bytes of an empty journal.
fn journal() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = start(&config_in(folder.path()), clock::now).expect("a journal");
    drop((journal.pen, journal.mail));
    journal.running.join();
    fs::read(folder.path().join("journal.sqlite")).expect("its bytes")
}

#[test]
fn a_journal_with_damaged_pages_is_read_as_far_as_it_goes_or_refused() {
    let whole = journal();
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(at in 0..whole.len(), damage in prop::collection::vec(any::<u8>(), 1..200))| {
        let mut bytes = whole.clone();
        let to = (at + damage.len()).min(bytes.len());
        bytes[at..to].copy_from_slice(&damage[..to - at]);
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("journal.sqlite"), &bytes).expect("written");
        if let Ok(reader) = Reader::open(folder.path()) {
            let _ = reader.orders(&Which { count_max: 10, ..Which::default() });
            let _ = reader.keys();
            let _ = reader.check(folder.path());
        }
        if let Ok(journal) = start(&config_in(folder.path()), clock::now) {
            drop((journal.pen, journal.mail));
            journal.running.join();
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_configuration_or_refused_in_words(
        section in "(gateway|nats|pacing|timing|risk\\.limits|state|log|subscriptions|[a-z]{1,8})",
        key in "(port|url|prefix|dir|filter|contract|keep_s|[a-z_]{1,12})",
        value in "(-?[0-9]{1,20}|\"[^\"\n]{0,20}\"|true|\\[\\]|\\{\\}|[ -~]{0,12})",
        tail in "[\\x00-\\x7f]{0,40}",
    ) {
        for text in [format!("[{section}]\n{key} = {value}\n"), format!("{key} = {value}\n{tail}"), tail.clone()] {
            if let Err(error) = load_text(&text) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn a_scenario_with_a_wrong_place_is_read_or_refused_in_words(
        name in prop::sample::select(vec!["nightly_restart", "slow_and_lumpy_network", "everything_at_once"]),
        place in any::<prop::sample::Index>(),
        left_out in 0_usize..12,
        put_in in "[ -~\n]{0,12}",
    ) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/scenarios/{name}.toml"));
        let mut text = fs::read_to_string(path).expect("a scenario");
        let from = place.index(text.len());
        let to = (from + left_out).min(text.len());
        text.replace_range(from..to, &put_in);
        if let Err(error) = Scenario::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
        if let Err(error) = Recording::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn any_text_is_a_contract_or_refused_in_a_short_line(
        text in "((STK|FUT|OPT|CASH|CRYPTO|IND|CONID|[A-Za-z]{0,5}):)?[ -~]{0,60}(@[ -~]{0,20})?|\\PC{0,200}"
    ) {
        if let Err(error) = text.parse::<ContractQuery>() {
            prop_assert!(error.to_string().len() < 1_500, "{error}");
        }
    }
}
