//! The command line of xtask, as a developer types it. What the commands do is not run here: they run tests.
#![allow(clippy::unwrap_used, missing_docs)]

use std::process::{Command, Output};

fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn help_goes_to_stdout_and_names_every_command() {
    for (arguments, word) in [
        (&["--help"][..], "demo"),
        (&["help"], "test"),
        (&["test", "--help"], "TRADEPOST_REQUIRE_SERVERS"),
        (&["demo", "--help"], "--keep"),
        (&["story", "--help"], "NAME"),
        (&["requirement", "--help"], "ID"),
    ] {
        let output = xtask(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains(word),
            "{arguments:?}"
        );
        assert!(output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_command_that_does_not_exist_gets_the_usage_on_stderr_and_status_2() {
    for arguments in [
        &[][..],
        &["tset"],
        &["test", "--fast"],
        &["test", "--clock", "tomorrow"],
        &["test", "--clock", "+d"],
        &["test", "--clock"],
        &["demo", "keep"],
        &["story"],
        &["story", "one-shop", "--kepe"],
        &["requirement"],
        &["requirement", "E99"],
    ] {
        let output = xtask(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("Usage: cargo xtask"), "{said}");
        assert!(
            arguments.last().is_none_or(|wrong| said.contains(wrong)),
            "{said}"
        );
    }
}

#[test]
fn a_requirement_is_told_with_the_tests_and_the_scenarios_that_show_it() {
    let output = xtask(&["requirement", "E7"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("E7: The buyer confirms"), "{said}");
    for shown in [
        "protocol/parties/tests/server/requests.rs: a_cancellation_before_shipping_stops_the_trade",
        "protocol/simulation/scenarios/cancelled-before-shipping.toml",
    ] {
        assert!(said.lines().any(|line| line == shown), "{said}");
    }
    let other = "a_part_is_returned_by_its_line_and_the_decision_is_shown";
    assert!(!said.contains(other), "{said}");
}

#[test]
fn a_requirement_that_nothing_shows_yet_ends_with_status_1() {
    let output = xtask(&["requirement", "H1"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("nothing shows H1"), "{said}");
}
