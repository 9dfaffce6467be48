//! `tradepost doctor --probe` at providers of all sorts.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::letters::ANN;
use support::world::World;
use tradepost_mailroom::{Fault, ForgedResults, Options};

fn at_a_provider(forged_results: ForgedResults) -> World {
    World::at(Options {
        forged_results,
        ..Options::default()
    })
}

fn check<'c>(checks: &'c Value, name: &str) -> &'c Value {
    let mut all = checks.as_array().unwrap().iter();
    all.find(|c| c["name"] == name)
        .unwrap_or_else(|| panic!("no {name}: {checks}"))
}

fn probe(world: &World) -> (i32, Value) {
    let done = world.home.run(&["doctor", "--probe", "--json"]);
    let checks = serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}: {done:?}"));
    (done.code, checks)
}

#[test]
fn a_provider_that_removes_forged_results_is_good_and_one_that_keeps_them_is_not() {
    for (forged, removes) in [(ForgedResults::Removed, true), (ForgedResults::Kept, false)] {
        let world = at_a_provider(forged);
        let (code, checks) = probe(&world);
        let forged = check(&checks, "forged results");
        assert_eq!(forged["ok"], removes, "{forged}");
        assert_eq!(code, i32::from(!removes));
        let remedy = forged["remedy"].as_str().unwrap_or_default();
        assert_eq!(
            remedy.contains("minimum = \"dkim\" under [trust]"),
            !removes
        );
        // What is said of one's own letters: the mailroom knows who submitted it.
        let own = check(&checks, "own letters")["found"].as_str().unwrap();
        assert!(own.contains("proven by relay"), "{own}");
        assert!(own.contains(ANN), "{own}");
    }
}

/// RFC 8601 section 2.2 lets an id be written in many ways; protocol 5 takes it as a bare token alone.
#[test]
fn each_spelling_that_the_provider_overlooks_is_told_and_only_those_that_count_are_a_problem() {
    let world = at_a_provider(ForgedResults::RemovedWhereBare);
    let (code, checks) = probe(&world);
    let found = check(&checks, "forged results")["found"].as_str().unwrap();
    assert_eq!(code, 0, "{found}");
    for told in [
        "in quotes",
        "in quotes with a backslash",
        "behind a comment",
    ] {
        assert!(found.contains(told), "{told}: {found}");
    }
    assert!(found.contains("count for nothing"), "{found}");
    assert!(!found.contains("in capitals"), "{found}");

    let world = at_a_provider(ForgedResults::RemovedWhereVerbatim);
    let (code, checks) = probe(&world);
    let found = check(&checks, "forged results")["found"].as_str().unwrap();
    assert_eq!(code, 1, "{found}");
    for told in [
        "those of mx.mailroom.example",
        "in capitals",
        "on the next line",
        "with a version",
        "with a comment behind it",
    ] {
        assert!(found.contains(told), "{told}: {found}");
    }
    assert!(!found.contains("as providers write it"), "{found}");
    assert!(!found.contains("in quotes"), "{found}");
}

#[test]
fn with_dkim_as_the_minimum_nothing_rests_on_what_the_provider_keeps() {
    let world = at_a_provider(ForgedResults::Kept);
    let path = world.home.path().join("config.toml");
    let config = std::fs::read_to_string(path).unwrap();
    let config = config.replace("[trust]\n", "[trust]\nminimum = \"dkim\"\n");
    world.home.write("config.toml", config.as_bytes());
    let (code, checks) = probe(&world);
    assert_eq!(code, 0, "{checks}");
    assert!(
        check(&checks, "forged results")["found"]
            .as_str()
            .unwrap()
            .contains("does not remove")
    );
}

#[test]
fn each_configured_id_is_forged_and_a_pattern_by_a_name_that_it_covers() {
    let world = at_a_provider(ForgedResults::Kept);
    let path = world.home.path().join("config.toml");
    let config = std::fs::read_to_string(path).unwrap();
    let config = config.replace(
        "[\"mx.mailroom.example\"]",
        "[\"mx.mailroom.example\", \"*.mailboxes.example\"]",
    );
    world.home.write("config.toml", config.as_bytes());
    let (_, checks) = probe(&world);
    let text = check(&checks, "forged results")["found"].as_str().unwrap();
    assert!(
        text.contains("mx.mailroom.example, mx.mailboxes.example"),
        "{text}"
    );
}

#[test]
fn the_letter_tells_people_what_it_is_and_is_no_statement() {
    let world = at_a_provider(ForgedResults::Removed);
    let before = world.room.mailbox(ANN).len();
    probe(&world);
    let letters = world.room.letters(ANN, "INBOX");
    assert_eq!(world.room.mailbox(ANN).len(), before + 1);
    let text = String::from_utf8_lossy(&letters[0].bytes).into_owned();
    assert!(
        text.contains("Subject: Test of your mail provider"),
        "{text}"
    );
    assert!(text.contains("you may delete this letter"), "{text}");
    assert!(letters[0].flags.is_empty(), "{:?}", letters[0].flags);
    world.home.run(&["daemon", "--once"]).ok();
    assert_eq!(world.home.json(&["warnings", "--all"]), json!([]));
    assert_eq!(world.home.json(&["list"]), json!([]));
}

#[test]
fn a_letter_that_never_comes_or_is_not_taken_is_said_so() {
    let world = at_a_provider(ForgedResults::Removed);
    world.room.faults().once(Fault::LetterLost);
    let args = ["doctor", "--probe", "--wait", "2 s"];
    let done = world.home.run(&args);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stdout.contains("did not come within 2 s"), "{done:?}");
    // The same without the loss.
    assert_eq!(world.home.run(&args).code, 0);
    let refused = Fault::SmtpReply(tradepost_mailroom::SmtpStage::Data, 554);
    world.room.faults().always(refused);
    let done = world.home.run(&args);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stdout.contains("the letter was not taken"), "{done:?}");
    world
        .home
        .run(&["doctor", "--wait", "2 s"])
        .fails(2, "--probe");
}
