//! The short form of the simulation: one seed gives one run, a bug is found and found again, some seeds pass.
//!
//! `./test sim` runs some hundreds of seeds, by the debug build as well; `airis-sim --seeds N` as many as one likes.

use std::process::{Command, Output};

fn sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_airis-sim"))
        .args(args)
        .output()
        .expect("the simulation can be run")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A run's last line without the time that it took.
fn trace(seed: &str) -> String {
    let output = sim(&["--seed", seed, "--seconds", "6"]);
    let text = text(&output);
    assert!(output.status.success(), "{text}");
    let (trace, _) = text
        .split_once(" virtual s")
        .expect("a run says what it was");
    trace.to_owned()
}

#[test]
fn one_seed_gives_one_run_and_another_another() {
    let first = trace("1");
    assert_eq!(first, trace("1"));
    let second = trace("2");
    assert_eq!(second, trace("2"));
    assert_ne!(first.split(' ').nth(3), second.split(' ').nth(3));
}

#[test]
fn a_planted_bug_is_found_and_its_seed_finds_it_again() {
    let plant = ["--plant", "high-watermark-from-max"];
    let args = [
        &plant[..],
        &["--seeds", "60", "--seconds", "15", "--until-failure"],
    ]
    .concat();
    let output = sim(&args);
    let found = text(&output);
    assert_eq!(output.status.code(), Some(1), "{found}");
    let line = |text: &str, begin: &str| {
        let line = text.lines().find(|l| l.starts_with(begin));
        line.unwrap_or_else(|| panic!("no {begin}: {text}"))
            .to_owned()
    };
    let (violation, replay) = (line(&found, "VIOLATION"), line(&found, "REPLAY"));
    let (_, args) = replay
        .split_once(" -- ")
        .expect("a command and what it is given");
    let again = sim(&args.split(' ').collect::<Vec<_>>());
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(line(&text(&again), "VIOLATION"), violation);
}

#[test]
fn some_seeds_pass() {
    let output = sim(&["--seeds", "8", "--seconds", "10"]);
    assert!(output.status.success(), "{}", text(&output));
}
