//! A ledger whose journal lacks what was recorded: every command says so, until the loss is
//! accepted.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;

use support::Home;
use support::letters::{at, in_transit, record};

#[test]
fn a_shortened_journal_is_refused_by_every_command_until_the_loss_is_accepted() {
    let home = Home::new();
    let journal = home.path().join("data/journal/00000001.journal");
    let length = || fs::metadata(&journal).unwrap().len();
    home.import(&[record().letter()]);
    home.run(&["confirm", "T-1001"]).ok();
    let before = length();
    home.import(&[in_transit(1, &at(86_400)).letter()]);
    let full = length();
    let trades = home.json(&["list"]);
    let whole = fs::read(&journal).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&journal).unwrap();
    file.set_len(full - 10).unwrap();

    let lost = format!("{} octets", full - before);
    let commands: [&[&str]; 8] = [
        &["list"],
        &["show", "T-1001"],
        &["warnings"],
        &["pending"],
        &["export"],
        &["confirm", "T-1001"],
        &["rebuild"],
        &["repair"],
    ];
    for command in commands {
        let done = home.run(command);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert_eq!(done.code, 1, "{command:?}: {said}");
        for part in [
            &lost,
            "10 octets shorter",
            "letter of track@carrier.example",
        ] {
            assert!(said.contains(part), "{command:?}, {part}: {said}");
        }
        for part in ["nothing that", "whole"] {
            assert!(!said.contains(part), "{command:?}, {part}: {said}");
        }
    }
    let doctor = home.run(&["doctor"]).stdout;
    assert!(doctor.contains(&lost), "{doctor}");
    assert!(doctor.contains("tradepost repair"), "{doctor}");
    assert_eq!(length(), full - 10, "nothing was changed");

    // From a backup everything is back.
    let shortened = fs::read(&journal).unwrap();
    fs::write(&journal, whole).unwrap();
    assert_eq!(home.json(&["list"]), trades);
    // Without one, the loss can be accepted, and the mailbox read again.
    fs::write(&journal, shortened).unwrap();
    home.run(&["repair", "--yes"]).ok();
    assert!(home.run(&["repair"]).ok().contains("whole"));
    assert_ne!(home.json(&["list"]), trades);
    home.import(&[in_transit(1, &at(86_400)).letter()]);
    let states = |list: &serde_json::Value| list[0]["states"].clone();
    assert_eq!(states(&home.json(&["list"])), states(&trades));
}
