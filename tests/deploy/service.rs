//! `ibnats.service`, `ibnats.toml` and `nats-server.conf`, each through the program that reads it.

use std::process::{Command, Output};

use crate::{checkout, nats_server, text};

fn is_installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn run(command: &mut Command) -> (bool, String) {
    let Output { status, stdout, stderr } = command.output().expect("runs");
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

#[test]
fn the_unit_reports_readiness_and_runs_as_nobody() {
    let unit = text("deploy/ibnats.service");
    let settings: Vec<_> = unit.lines().filter_map(|line| line.split_once('=')).collect();
    for wanted in [
        ("Type", "notify"),
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("StateDirectory", "ibnats"),
        ("Environment", "IBNATS_STATE__DIR=%S/ibnats"),
    ] {
        assert!(settings.contains(&wanted), "{wanted:?}");
    }
    let (_, start) = settings.iter().find(|(key, _)| *key == "ExecStart").unwrap();
    assert!(start.contains(" run --config /etc/ibnats/ibnats.toml"), "{start}");
}

#[test]
fn systemd_accepts_the_unit() {
    if !is_installed("systemd-analyze") {
        println!("not checked by systemd: systemd-analyze is not installed here");
        return;
    }
    // systemd also looks whether the program exists, so the unit gets the one under test.
    for name in ["ibnats.service", "ibnats-check.service"] {
        let unit = text(&format!("deploy/{name}")).replace("/usr/local/bin/ibnats", env!("CARGO_BIN_EXE_ibnats"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, unit).unwrap();
        let (accepted, said) = run(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path));
        let about_us: Vec<_> = said.lines().filter(|line| line.contains(name)).collect();
        assert!(accepted && about_us.is_empty(), "{said}");
    }
}

#[test]
fn the_look_before_the_start_is_that_of_the_bridge() {
    let settings = |file: &str| -> Vec<String> {
        let wanted =
            ["User=", "DynamicUser=", "StateDirectory=", "StateDirectoryMode=", "Environment=", "LoadCredential="];
        let lines = text(file).lines().map(str::to_owned).collect::<Vec<_>>();
        wanted.iter().map(|key| lines.iter().find(|line| line.starts_with(key)).expect("a setting").clone()).collect()
    };
    assert_eq!(settings("deploy/ibnats.service"), settings("deploy/ibnats-check.service"));
}

/// Exposure by systemd's own reckoning, from 0 (none) to 10 (all).
const EXPOSURE_MAX: f64 = 2.0;

#[test]
fn systemd_finds_little_that_the_service_could_reach_and_the_page_says_how_much() {
    let page = text("deploy/README.md");
    let (_, rest) = page.split_once("an exposure of **").expect("the figure");
    let figure: f64 = rest.split("**").next().unwrap().parse().expect("a number");
    assert!(figure < EXPOSURE_MAX, "{figure}");
    if !is_installed("systemd-analyze") {
        println!("not judged by systemd: systemd-analyze is not installed here");
        return;
    }
    let unit = checkout("deploy/ibnats.service");
    let threshold = format!("--threshold={}", EXPOSURE_MAX * 10.0);
    let mut analyze = Command::new("systemd-analyze");
    let (accepted, said) = run(analyze.args(["security", "--offline=true", "--no-pager", &threshold]).arg(unit));
    assert!(accepted, "{said}");
    let overall = said.lines().find(|line| line.contains("Overall exposure level")).expect("a verdict");
    let found = overall.split_whitespace().find_map(|word| word.parse::<f64>().ok()).expect("a number");
    // Later releases of systemd look at more.
    assert!((found - figure).abs() < 0.5, "{found} against {figure}");
}

#[test]
fn the_sample_configuration_loads() {
    let config = ibnats::config::load(Some(&checkout("deploy/ibnats.toml"))).expect("loads");
    assert!(!config.gateway.allow_live, "a sample must not trade real money");
    assert!(!config.subscriptions.is_empty());
}

#[test]
fn the_sample_configuration_shows_the_defaults() {
    let mut config = ibnats::config::load_text(&text("deploy/ibnats.toml")).expect("loads");
    config.subscriptions.clear();
    assert_eq!(config, ibnats::config::Config::default());
}

#[test]
fn nats_server_accepts_its_configuration_and_refuses_to_start_without_passwords() {
    let configuration = checkout("deploy/nats-server.conf");
    let mut check = Command::new(nats_server::program());
    check.arg("-t").arg("-c").arg(&configuration);
    let names = ["BRIDGE", "VIEWER", "TRADER", "ADMIN"].map(|user| format!("IBNATS_{user}_PASSWORD"));
    for name in &names {
        check.env_remove(name);
    }
    let (accepted, said) = run(&mut check);
    assert!(!accepted && said.contains("IBNATS_BRIDGE_PASSWORD"), "{said}");
    let (accepted, said) = run(check.envs(names.iter().map(|name| (name, "secret"))));
    assert!(accepted, "{said}");
}
