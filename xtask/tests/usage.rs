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
