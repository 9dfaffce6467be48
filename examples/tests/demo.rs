//! `cargo xtask demo` runs this program: it must tell the whole story, and leave nothing behind.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const DEMO: &str = env!("CARGO_BIN_EXE_demo");

/// Where the demo said that its files are.
fn folder(stdout: &str) -> &str {
    let said = "Their configurations, data and logs are in ";
    let line = stdout.lines().find_map(|l| l.strip_prefix(said));
    line.unwrap_or_else(|| panic!("no folder is named in {stdout}"))
}

#[test]
fn the_demo_tells_the_story_from_order_to_doorstep_and_cleans_up() {
    let output = Command::new(DEMO).stdin(Stdio::null()).output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}{stderr}");
    let mut rest = stdout.as_str();
    for told in [
        "$ tradepost order -",
        "request 0",
        "$ tradepost pending",
        "1 trade undelivered",
        "98.00 EUR",
        "$ tradepost warnings",
        "unproven-sender",
        "evidence  none",
        "$ tradepost show T-",
        "delivered, paid, ended",
        "signed by shop.example with the",
        "signed by carrier.example with",
        "signed by pay.example with the",
        "$ tradepost pending",
        "Nothing is pending",
    ] {
        let at = rest
            .find(told)
            .unwrap_or_else(|| panic!("{told:?} does not follow in\n{stdout}"));
        rest = &rest[at + told.len()..];
    }
    assert!(!Path::new(folder(&stdout)).exists());
}

#[test]
fn kept_running_it_can_be_played_on_until_it_is_asked_to_end() {
    for signal in ["-INT", "-TERM"] {
        let mut demo = Command::new(DEMO)
            .arg("--keep")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut stdout = BufReader::new(demo.stdout.take().unwrap());
        while !said.contains("The next order: ") {
            assert!(stdout.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        // The commands that it prints work as they are.
        let typed = said.lines().find(|l| l.ends_with(" list")).unwrap();
        let mut words = typed.split(' ');
        let listed = Command::new(words.next().unwrap())
            .args(words)
            .arg("--json")
            .output()
            .unwrap();
        let trades: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
        assert_eq!(trades[0]["delivered"], true);

        let asked = Command::new("kill")
            .args([signal, &demo.id().to_string()])
            .status()
            .unwrap();
        assert!(asked.success());
        assert!(demo.wait().unwrap().success());
        assert!(!Path::new(folder(&said)).exists());
    }
}

#[test]
fn an_argument_that_it_does_not_know_is_wrong_usage() {
    let output = Command::new(DEMO).arg("--kepe").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--kepe"));
}
