//! The Debian package: what `Cargo.toml` puts into it is there or made, and its page says the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{checkout, text};

fn metadata() -> Value {
    let manifest: toml::Table = toml::from_str(&text("Cargo.toml")).expect("TOML");
    serde_json::to_value(&manifest["package"]["metadata"]["deb"]).expect("JSON")
}

/// Source and destination of every file.
fn assets() -> Vec<(String, String)> {
    let assets = metadata()["assets"].as_array().expect("assets").clone();
    let word = |value: &Value| value.as_str().expect("text").to_owned();
    assets.iter().map(|asset| (word(&asset[0]), word(&asset[1]))).collect()
}

#[test]
fn every_file_of_the_package_is_in_the_checkout_or_made_by_the_script() {
    let script = text("scripts/deb");
    for (source, _) in assets() {
        let is_made = source == "target/release/ibnats"
            || source
                .strip_prefix("target/deb/")
                .is_some_and(|file| script.contains(&format!("\"$parts/{}", file.trim_end_matches("/*.1"))));
        assert!(is_made || checkout(&source).is_file(), "{source}");
    }
    let units = metadata()["systemd-units"]["unit-scripts"].as_str().expect("a folder").to_owned();
    assert!(script.contains(units.trim_start_matches("target/deb/")), "{units}");
}

#[test]
fn the_configuration_is_the_administrators() {
    let kept: Vec<String> = serde_json::from_value(metadata()["conf-files"].clone()).expect("paths");
    let installed: BTreeSet<String> = assets()
        .into_iter()
        .map(|(source, to)| format!("/{to}{}", source.rsplit('/').next().unwrap_or_default()))
        .collect();
    assert!(kept.iter().all(|file| installed.contains(file)), "{kept:?}");
    assert!(installed.iter().filter(|file| file.starts_with("/etc/")).all(|file| kept.contains(file)), "{installed:?}");
    // The unit reads what the package makes.
    let unit = text("deploy/ibnats.service");
    assert!(unit.contains(&format!("--config {}", kept[0])), "{kept:?}");
    assert!(
        unit.contains(":/etc/ibnats/nats-password")
            && text("deploy/debian/postinst").contains("/etc/ibnats/nats-password")
    );
}

#[test]
fn the_service_can_read_what_it_is_given() {
    // The unit's user exists only while it runs and belongs to no group: what is not for everybody is not for it.
    for asset in metadata()["assets"].as_array().expect("assets") {
        let mode = asset[2].as_str().expect("a mode");
        assert!(mode.ends_with('4') || mode.ends_with('5'), "{asset}");
    }
}

#[test]
fn nothing_starts_or_restarts_by_itself() {
    for what in ["enable", "start", "restart-after-upgrade"] {
        assert_eq!(metadata()["systemd-units"][what], false, "{what}");
    }
    for script in ["postinst", "prerm", "postrm"] {
        let script = text(&format!("deploy/debian/{script}"));
        assert!(!script.contains("systemctl start") && !script.contains("systemctl restart"), "{script}");
    }
}

#[test]
fn the_script_writes_the_path_of_the_package_into_the_unit() {
    let (from, to) = ("/usr/local/bin/ibnats", "/usr/bin/ibnats");
    assert!(text("deploy/ibnats.service").contains(from));
    assert!(text("scripts/deb").contains(&format!("s#{from}#{to}#")));
    assert!(assets().iter().any(|(source, place)| source.ends_with("/ibnats") && place == "usr/bin/"));
}

#[test]
fn the_page_names_every_folder_of_the_package() {
    let page = text("deploy/debian/README.md");
    for (_, to) in assets() {
        let folder = to.rsplit_once('/').map_or(to.as_str(), |(folder, _)| folder);
        let place = folder.trim_end_matches("/examples");
        let is_named =
            page.contains(place) || (place.contains("zsh") || place.contains("fish")) && page.contains("zsh and fish");
        assert!(is_named, "{to}");
    }
}

#[test]
fn scripts_of_the_package_leave_the_journal_alone() {
    for script in ["postinst", "prerm", "postrm"] {
        let script = text(&format!("deploy/debian/{script}"));
        assert!(
            script.starts_with("#!/bin/sh\n") && script.contains("\nset -e\n") && script.contains("\n#DEBHELPER#\n")
        );
        assert!(!script.lines().any(|line| line.contains("rm ") && line.contains("/var/lib")), "{script}");
    }
}
