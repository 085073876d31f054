//! Every scenario of `tests/scenarios/`: the real session and the simulator's core, in virtual time.
//!
//! A file names the requirements it covers, its faults, and under `[expect]` what must hold. Whatever the file
//! says, no order reaches the gateway twice, no order is left in doubt, and every gap that was opened is closed.
//! `IBNATS_SCENARIO=name` runs one and prints what happened.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "histories/disk.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod disk;
#[path = "scenarios/expect.rs"]
mod expect;
#[path = "scenarios/world.rs"]
mod world;

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use expect::{Expect, verdict};
use ibnats::sim::Scenario;
use world::World;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// All scenario files: name without ending, and text.
fn files() -> Vec<(String, String)> {
    let entries = fs::read_dir(folder()).expect("the folder of scenarios");
    let mut files: Vec<(String, String)> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a scenario file"))
        })
        .collect();
    files.sort();
    files
}

/// Runs a scenario to its end.
fn run(text: &str, seed: u64) -> Result<(World, Expect), String> {
    let scenario = Scenario::parse(text).map_err(|error| error.to_string())?;
    let expect = Expect::read(text)?;
    let mut world = World::new(scenario, &expect, seed);
    world.run(&expect);
    Ok((world, expect))
}

/// What does not hold in one scenario.
fn wrong_in(name: &str, text: &str, is_told: bool) -> Vec<String> {
    let (world, expect) = match run(text, 7) {
        Ok(done) => done,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    if is_told {
        println!("{}\n{:#?}", world.log.join("\n"), world.sim.rules());
    }
    verdict(&world, &expect).into_iter().map(|why| format!("{name}: {why}")).collect()
}

#[test]
fn every_scenario_ends_as_its_file_says() {
    let only = std::env::var("IBNATS_SCENARIO").ok();
    let mut files = files();
    files.retain(|(name, _)| only.as_ref().is_none_or(|only| only == name));
    assert!(!files.is_empty(), "there is no scenario of this name");
    let next = AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some((name, text)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(wrong_in(name, text, only.is_some()));
        }
        wrong
    };
    let mut wrong: Vec<String> = std::thread::scope(|scope| {
        let others = scope.spawn(work);
        let mut wrong = work();
        wrong.extend(others.join().expect("a scenario"));
        wrong
    });
    wrong.sort();
    assert!(wrong.is_empty(), "{} expectations are not met:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_scenario_names_what_it_is_about_and_a_requirement() {
    for (name, text) in files() {
        let scenario = Scenario::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(scenario.name, name, "the name is that of the file");
        assert!(!scenario.about.is_empty() && !scenario.rules.is_empty(), "{name}");
        let is_requirement = |word: &String| {
            word.strip_prefix('S').is_some_and(|number| number.parse::<u32>().is_ok_and(|number| number <= 168))
                || word.starts_with("ib-behaviour ")
        };
        assert!(!scenario.covers.is_empty() && scenario.covers.iter().all(is_requirement), "{name}");
    }
}

#[test]
fn the_same_seed_and_scenario_give_the_same_frames() {
    let (name, text) = files().into_iter().find(|(name, _)| name == "order_news_damaged").expect("a scenario");
    let frames = |seed| run(&text, seed).unwrap_or_else(|error| panic!("{name}: {error}")).0.frames;
    let first = frames(7);
    assert!(first.bytes > 10_000, "{} bytes were sent", first.bytes);
    assert_eq!(first, frames(7));
    assert_ne!(first, frames(8));
}
