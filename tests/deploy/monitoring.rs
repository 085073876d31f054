//! Alert rules, runbooks, scrape configuration and dashboard: they speak of metrics that exist.

use std::{collections::BTreeSet, process::Command};

use ibnats::{ops::metrics::catalogue::CATALOGUE, schema::request::process::MetricKind};
use serde_json::Value;

use crate::{checkout, text};

fn rules() -> Vec<Value> {
    let rules: Value = serde_saphyr::from_str(&text("deploy/prometheus/alerts.yml")).expect("YAML");
    rules["groups"][0]["rules"].as_array().expect("rules").clone()
}

/// Names of metrics in an expression: of all words those that begin as ours do.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("ibnats_") || word.starts_with("process_")).map(str::to_owned).collect()
}

#[track_caller]
fn assert_known(expression: &str) {
    for name in metrics_in(expression) {
        let is_known = CATALOGUE.iter().any(|metric| match metric.kind {
            MetricKind::Histogram => {
                ["bucket", "sum", "count"].iter().any(|end| format!("{}_{end}", metric.name) == name)
            }
            MetricKind::Counter | MetricKind::Gauge => metric.name == name,
        });
        assert!(is_known, "{name} of {expression} is no metric of the bridge");
    }
}

#[test]
fn every_alert_is_about_metrics_that_exist() {
    for rule in rules() {
        let expression = rule["expr"].as_str().expect("an expression");
        assert_known(expression);
        assert!(!metrics_in(expression).is_empty() || expression.starts_with("up{"), "{expression}");
        assert!(["warning", "critical"].contains(&rule["labels"]["severity"].as_str().expect("a severity")));
    }
}

#[test]
fn every_alert_has_its_runbook_and_every_runbook_its_alert() {
    let rules = rules();
    let names: BTreeSet<&str> = rules.iter().map(|rule| rule["alert"].as_str().expect("a name")).collect();
    assert_eq!(names.len(), rules.len(), "names are unique");
    let page = text("docs/runbooks.md");
    let sections: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(sections, names);
    for rule in &rules {
        let link = rule["annotations"]["runbook_url"].as_str().expect("a link");
        let name = rule["alert"].as_str().expect("a name");
        assert!(link.ends_with(&format!("docs/runbooks.md#{}", name.to_lowercase())), "{link}");
    }
}

#[test]
fn the_dashboard_shows_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(&text("deploy/grafana/ibnats.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let shown: BTreeSet<String> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().expect("targets"))
        .flat_map(|target| metrics_in(target["expr"].as_str().expect("an expression")))
        .collect();
    for name in ["needs_person", "farm_down", "streams_stale", "streams_queued", "link_sockets_total", "session_up"] {
        assert!(shown.contains(&format!("ibnats_{name}")), "{name} is in no panel");
    }
    for panel in panels {
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            assert!(!metrics_in(expression).is_empty(), "{expression}");
            assert_known(expression);
        }
    }
}

#[test]
fn promtool_accepts_rules_and_configuration() {
    let Some(promtool) = crate::tool("PROMTOOL", "promtool") else {
        println!("not checked by Prometheus: promtool is not installed here (scripts/tools/prometheus)");
        return;
    };
    for (what, file) in [("rules", "alerts.yml"), ("config", "prometheus.yml")] {
        let path = checkout("deploy/prometheus").join(file);
        let output = Command::new(&promtool).args(["check", what]).arg(path).output().expect("runs");
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Cases in which each alert fires, and a day on which none does.
#[test]
fn every_alert_fires_when_it_should_and_alone() {
    let cases: Value = serde_saphyr::from_str(&text("tests/deploy/alerts.test.yml")).expect("YAML");
    let tried: BTreeSet<&str> =
        cases["tests"].as_array().expect("cases").iter().filter_map(|case| case["name"].as_str()).collect();
    for rule in rules() {
        let name = rule["alert"].as_str().expect("a name");
        assert!(tried.contains(name), "{name} is never seen to fire");
    }
    let Some(promtool) = crate::tool("PROMTOOL", "promtool") else {
        println!("not seen to fire: promtool is not installed here (scripts/tools/prometheus)");
        return;
    };
    let path = checkout("tests/deploy/alerts.test.yml");
    let output = Command::new(&promtool).args(["test", "rules"]).arg(path).output().expect("runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
