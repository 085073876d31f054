//! What a scenario file may say, and how wrong ones are refused.

use proptest::prelude::*;

use super::super::faults::action::{Action, IbFault, LineFault, LinkBack, MessageFault};
use super::super::faults::rule::When;
use super::actions::ACTIONS;
use super::*;

#[test]
fn a_scenario_is_read_with_its_rules_in_order() {
    let text = r#"
name = "loss"
about = "IB away, then the socket"
covers = ["S1", "S30"]

[[rule]]
at_ms = 2_000
do = "link_down"
for_ms = 5000
back = "1101"
repeat_ms = 1000

[[rule]]
name = "late fills"
message = ["ExecutionDetails", "OrderStatus"]
chance = 0.25
client_id = 0
do = "late"
by_ms = 100
jitter_ms = 900

[[rule]]
after_login_ms = 3000
nth = 2
do = "cut"

[expect]
anything = "goes"
"#;
    let scenario = Scenario::parse(text).expect("a scenario");
    assert_eq!((scenario.name.as_str(), scenario.covers.len()), ("loss", 2));
    let [down, late, cut] = &scenario.rules[..] else { panic!("three rules") };
    let link = IbFault::LinkDown { for_ms: 5_000, back: LinkBack::DataLost, repeat_ms: Some(1_000) };
    assert_eq!((&down.action, down.times), (&Action::Ib(link), Some(1)));
    assert_eq!(late.action, Action::Message(MessageFault::Late { by_ms: 100, jitter_ms: 900 }));
    assert_eq!((late.chance_ppm, late.client_id, late.name.as_str()), (250_000, Some(0), "late fills"));
    assert_eq!(cut.when, When::Login { at_ms: 3_000, nth: Some(2) });
    assert_eq!(cut.action, Action::Line(LineFault::Cut { mid_frame: false }));
}

#[track_caller]
fn refused(text: &str, line: usize, words: &[&str]) {
    let error = Scenario::parse(text).expect_err("refused");
    assert_eq!(error.line, line, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{word:?} is not in: {error}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_the_nearest_right_word() {
    refused("name = \n", 1, &["no TOML"]);
    refused("nmae = \"x\"\n", 1, &["\"nmae\"", "did you mean \"name\"?"]);
    refused("\n\n[[rule]]\nat_ms = 1\ndo = \"half_opne\"\n", 5, &["did you mean \"half_open\"?", "Known are"]);
    refused("[[rule]]\nat_ms = 1\ndo = \"half_open\"\nfor_sm = 5\n", 3, &["for_ms"]);
    refused("[[rule]]\nat_ms = 1\ndo = \"cut\"\nmid_farme = true\n", 4, &["did you mean \"mid_frame\"?"]);
    refused("[[rule]]\ndo = \"cut\"\n", 1, &["exactly one of", "at_ms"]);
    refused("[[rule]]\nat_ms = 1\nrequest = \"*\"\ndo = \"cut\"\n", 1, &["exactly one of"]);
    refused("[[rule]]\nat_ms = \"soon\"\ndo = \"cut\"\n", 2, &["at_ms is string", "a whole number"]);
    refused("[[rule]]\nat_ms = -1\ndo = \"cut\"\n", 2, &["at_ms must be a whole number from 0"]);
    refused("[[rule]]\nrequest = \"PlaceOrder\"\ndo = \"mute\"\n", 2, &["did you mean \"PlaceOrderRequest\"?"]);
    refused("[[rule]]\nat_ms = 1\ndo = \"mute\"\n", 3, &["done to a request"]);
    refused(
        "[[rule]]\nat_ms = 1\ndo = \"farm_down\"\nfarm = \"usfram\"\nfor_ms = 1\n",
        4,
        &["did you mean \"usfarm\"?"],
    );
    refused("[[rule]]\nat_ms = 1\ndo = \"notice\"\ncode = 2137\n", 4, &["2137 needs text"]);
    refused("[[rule]]\nmessage = \"*\"\ndo = \"notice\"\ncode = 1100\n", 3, &["never end"]);
    refused("[rule]\nat_ms = 1\n", 1, &["[[rule]]"]);
    refused("[[rule]]\nmessage = \"Position\"\nchance = 2\ndo = \"drop\"\n", 3, &["from 0 to 1"]);
}

#[test]
fn one_rule_can_be_typed_in_a_line() {
    let rules = Scenario::parse_rules("at_ms = 0\ndo = \"cut\"").expect("a rule");
    assert_eq!((rules.len(), rules[0].name.as_str()), (1, "1: cut"));
    assert_eq!(
        Scenario::parse_rules("[[rule]]\nat_ms=0\ndo='cut'\n[[rule]]\nat_ms=1\ndo='cut'").expect("two").len(),
        2
    );
    assert!(Scenario::parse_rules("do = 'cut'").is_err());
}

#[test]
fn every_word_that_is_told_can_be_done() {
    let whens = ["at_ms = 1", "message = 'OrderStatus'", "request = 'PlaceOrderRequest'"];
    let keys =
        "for_ms = 5\nby_ms = 5\ngather_ms = 5\nper_s = 5\ncount = 5\nfarm = 'usfarm'\nof = 'AAPL'\ncode = 1100\nto = 5";
    for word in ACTIONS {
        // Keys that the action does not know are left out one after the other.
        let mut left: Vec<&str> = keys.lines().collect();
        let is_known = whens.iter().any(|when| {
            for _ in 0..=keys.lines().count() {
                let text = format!("{when}\ndo = '{word}'\n{}", left.join("\n"));
                match Scenario::parse_rules(&text) {
                    Ok(_) => return true,
                    Err(error) => {
                        let unknown = left.iter().position(|key| {
                            error.to_string().contains(&format!("{:?} is no key", key.split(' ').next().unwrap_or("")))
                        });
                        match unknown {
                            Some(index) => drop(left.remove(index)),
                            None => return false,
                        }
                    }
                }
            }
            false
        });
        assert!(is_known, "{word}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "\\PC*") {
        let _ = Scenario::parse(&text);
    }

    #[test]
    fn no_table_is_too_strange(
        keys in prop::collection::vec((prop::sample::select(vec!["at_ms", "do", "for_ms", "message", "request", "nth", "chance", "x"]),
            prop::sample::select(vec!["1", "-1", "9223372036854775808", "'cut'", "[]", "['*']", "true", "1.5", "nan", "{a=1}", "1979-05-27"])), 0..6),
    ) {
        let body: Vec<String> = keys.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        let _ = Scenario::parse(&format!("[[rule]]\n{}\n", body.join("\n")));
    }
}
