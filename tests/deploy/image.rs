//! `Dockerfile` and `.dockerignore`: stages, user, entry point, and that what is copied is there.

use crate::{checkout, text};

/// Instruction and arguments, continuation lines joined, comments gone.
fn instructions() -> Vec<(String, String)> {
    text("deploy/Dockerfile")
        .replace("\\\n", " ")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(' ').expect("instruction and arguments"))
        .map(|(instruction, arguments)| (instruction.to_owned(), arguments.trim().to_owned()))
        .collect()
}

fn of_last_stage(instruction: &str) -> Vec<String> {
    let all = instructions();
    let last = all.iter().rposition(|(name, _)| name == "FROM").expect("a stage");
    all[last..].iter().filter(|(name, _)| name == instruction).map(|(_, arguments)| arguments.clone()).collect()
}

#[test]
fn the_image_is_built_in_one_stage_and_shipped_in_another() {
    let stages: Vec<_> =
        instructions().into_iter().filter(|(name, _)| name == "FROM").map(|(_, image)| image).collect();
    assert_eq!(stages.len(), 2);
    assert!(stages[0].starts_with("rust:") && stages[0].ends_with(" AS build"), "{stages:?}");
    assert!(!stages[1].contains("rust"), "the compiler must not be shipped");
    assert!(of_last_stage("COPY").iter().any(|copy| copy.starts_with("--from=build ")));
}

#[test]
fn the_builder_is_no_older_than_the_crate_asks() {
    let manifest = text("Cargo.toml");
    let asked = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    let (_, from) = instructions().into_iter().find(|(name, _)| name == "FROM").unwrap();
    let minor = |version: &str| version.split(['.', '-']).nth(1).unwrap().parse::<u32>().unwrap();
    assert!(minor(from.strip_prefix("rust:").unwrap()) >= minor(asked), "{from} against {asked}");
}

#[test]
fn the_process_is_not_root() {
    let users = of_last_stage("USER");
    assert!(users.last().is_some_and(|user| !user.starts_with("root") && !user.starts_with('0')), "{users:?}");
}

#[test]
fn the_journal_lies_on_a_volume_that_the_process_may_write() {
    let folder = of_last_stage("VOLUME").pop().expect("a volume");
    assert!(of_last_stage("ENV").contains(&format!("IBNATS_STATE__DIR={folder}")));
    assert!(of_last_stage("COPY").iter().any(|copy| copy.contains("--chown=nonroot") && copy.ends_with(&folder)));
    assert!(text("deploy/compose.yaml").contains(&format!("ibnats-state:{folder}")));
}

#[test]
fn the_container_runs_the_bridge_without_a_shell() {
    let entry: Vec<String> = serde_json::from_str(&of_last_stage("ENTRYPOINT")[0]).expect("exec form");
    let arguments: Vec<String> = serde_json::from_str(&of_last_stage("CMD")[0]).expect("exec form");
    assert!(of_last_stage("COPY").iter().any(|copy| copy.ends_with(&format!(" {}", entry[0]))));
    assert_eq!(arguments.first().map(String::as_str), Some("run"));
}

#[test]
fn the_container_says_itself_whether_it_is_well() {
    let check = of_last_stage("HEALTHCHECK").pop().expect("a health check");
    let (_, command) = check.split_once(" CMD ").expect("a command");
    let command: Vec<String> = serde_json::from_str(command).expect("exec form: there is no shell");
    let mut words = vec!["ibnats".to_owned()];
    words.extend(command.into_iter().skip(1));
    ibnats::cli::command().try_get_matches_from(&words).expect("a command of the program");
    let listens =
        of_last_stage("ENV").into_iter().find_map(|set| set.strip_prefix("IBNATS_HTTP__LISTEN=").map(str::to_owned));
    assert!(listens.is_some_and(|address| address.starts_with("127.0.0.1:")), "open to nobody outside");
}

#[test]
fn the_image_says_what_it_is_made_of() {
    let pins = text("scripts/tools/pins.sh");
    let pinned = pins.lines().find_map(|line| line.strip_prefix("CARGO_CYCLONEDX=")).expect("pinned");
    let built = instructions().into_iter().filter(|(name, _)| name == "RUN").map(|(_, command)| command);
    assert!(built.into_iter().any(|command| command.contains(&format!("cargo-cyclonedx --locked --version {pinned}"))));
    assert!(
        of_last_stage("COPY").iter().any(|copy| copy.contains(".cdx.json") && copy.contains("/usr/share/doc/ibnats/"))
    );
}

#[test]
fn what_is_copied_is_in_the_build_context() {
    let ignore = text(".dockerignore");
    let sent: Vec<_> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for file in ["Cargo.toml", "Cargo.lock", "src"] {
        assert!(sent.contains(&file), "{file} is kept from the build");
    }
    for copy in of_last_stage("COPY").iter().filter(|copy| !copy.starts_with("--from")) {
        let mut files: Vec<_> = copy.split_whitespace().collect();
        files.pop();
        for file in files {
            assert!(checkout(file).exists() && sent.contains(&file), "{file}");
        }
    }
}
