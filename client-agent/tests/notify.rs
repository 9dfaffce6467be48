//! A program of the person's own is told what happens (`[notify]`).
#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use support::letters::{SHOP, at, delivered, in_transit, record};
use support::world::{World, wait};
use support::{Home, lines};

/// A world whose configuration names `script` as the program; it runs in the person's home.
fn world(script: &str, more: &str) -> World {
    let world = World::new();
    let home = &world.home;
    let path = home.write("on-event", format!("#!/bin/sh\n{script}\n").as_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    let config = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    let path = path.display();
    let notify = format!("{config}[notify]\ncommand = [\"{path}\", \"now\"]\n{more}");
    home.write("config.toml", notify.as_bytes());
    world
}

fn told(home: &Home) -> Vec<Value> {
    let told = std::fs::read_to_string(home.path().join("told")).unwrap_or_default();
    lines(&told)
}

#[track_caller]
fn wait_for(home: &Home, n: usize) -> Vec<Value> {
    wait(|| told(home).len() >= n, || format!("{:?}", told(home)));
    told(home)
}

#[test]
fn a_program_is_told_of_trades_progress_and_warnings_in_their_order() {
    let world = world("[ \"$1\" = now ] && cat >> told", "");
    let daemon = world.daemon();
    world.deliver(&record());
    world.deliver(&in_transit(1, &at(86_400)));
    world.deliver(&delivered(2).with("/from", json!("track@evil.example")));
    let told = wait_for(&world.home, 3);
    let events: Vec<&str> = told.iter().map(|t| t["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["new-trade", "progress", "warned"]);
    assert_eq!(
        (&told[0]["trade"], &told[0]["adopted"]),
        (&json!({ "shop": SHOP, "id": "T-1001" }), &json!(true))
    );
    assert_eq!(told[1]["text"], "delivery in-transit");
    assert_eq!(told[2]["kind"], "wrong-sender");
    assert_eq!(told[2]["warning"], 1);
    assert!(
        told[2]["message"]
            .as_str()
            .unwrap()
            .contains("wrong-sender")
    );
    let at = told[0]["at"].as_str().unwrap();
    assert!(at.parse::<tradepost_statements::Time>().is_ok());
    daemon.end();
    // What was told is not told again.
    world.deliver(&delivered(3));
    world.home.run(&["daemon", "--once"]).ok();
    let told = wait_for(&world.home, 4);
    assert_eq!(
        (told.len(), &told[3]["text"]),
        (4, &json!("delivery delivered"))
    );
}

#[test]
fn what_happened_without_the_daemon_is_told_when_it_runs_again_and_what_failed_is_told_again() {
    let world = world("[ -e broken ] && { echo no >&2; exit 3; }; cat >> told", "");
    let home = &world.home;
    home.write("broken", b"");
    home.import(&[record().letter()]);
    assert_eq!(told(home), Vec::<Value>::new());
    let failed = home.run(&["daemon", "--once"]);
    assert!(
        failed.code == 0 && failed.stderr.contains("did not take an event"),
        "{failed:?}"
    );
    assert_eq!(told(home), Vec::<Value>::new());
    std::fs::remove_file(home.path().join("broken")).unwrap();
    // An index that is made anew tells nothing that was not waiting.
    home.run(&["rebuild"]).ok();
    home.run(&["daemon", "--once"]).ok();
    let first = told(home);
    assert_eq!((first.len(), &first[0]["event"]), (1, &json!("new-trade")));
    home.run(&["rebuild"]).ok();
    home.run(&["daemon", "--once"]).ok();
    assert_eq!(told(home), first);
}

#[test]
fn a_program_that_hangs_is_ended_and_holds_up_no_letter() {
    let world = world("sleep 1000", "timeout = \"300 ms\"\n");
    let home = &world.home;
    world.deliver(&record());
    let done = home.run(&["daemon", "--once"]);
    assert!(
        done.code == 0 && done.stderr.contains("timeout"),
        "{done:?}"
    );
    assert_eq!(home.json(&["list"])[0]["id"], "T-1001");
    let daemon = world.daemon();
    world.deliver(&delivered(1));
    support::world::wait_json(home, &["list"], |l| l[0]["delivered"] == true);
    daemon.end();
}

#[test]
fn what_happens_while_no_program_is_configured_is_told_to_none() {
    let with = world("cat >> told", "");
    let home = &with.home;
    let config = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    let without = config.split("[notify]").next().unwrap();
    home.write("config.toml", without.as_bytes());
    with.deliver(&record());
    home.run(&["daemon", "--once"]).ok();
    home.write("config.toml", config.as_bytes());
    with.deliver(&delivered(1));
    home.run(&["daemon", "--once"]).ok();
    let told = told(home);
    assert_eq!((told.len(), &told[0]["event"]), (1, &json!("progress")));
    // A configuration that names nothing is refused.
    let empty = config.replace("command = [", "command = [] #");
    home.write("config.toml", empty.as_bytes());
    home.run(&["list"]).fails(1, "name a program");
}

#[test]
fn what_is_read_again_after_the_loss_of_the_ledger_is_no_news() {
    let world = world("cat >> told", "");
    let home = &world.home;
    world.deliver(&record());
    home.run(&["daemon", "--once"]).ok();
    assert_eq!(told(home).len(), 1);
    std::fs::remove_dir_all(home.path().join("data")).unwrap();
    home.run(&["rebuild", "--from-mailbox"]).ok();
    assert_eq!(home.json(&["list"])[0]["id"], "T-1001");
    world.deliver(&delivered(1));
    home.run(&["daemon", "--once"]).ok();
    let told = told(home);
    assert_eq!((told.len(), &told[1]["event"]), (2, &json!("progress")));
}

#[test]
fn what_waits_to_be_told_outlives_the_reading_of_the_mailbox() {
    let world = world("[ -e broken ] && exit 3; cat >> told", "");
    let home = &world.home;
    home.write("broken", b"");
    world.deliver(&record());
    home.run(&["daemon", "--once"]).ok();
    home.run(&["rebuild", "--from-mailbox"]).ok();
    assert_eq!(told(home), Vec::<Value>::new());
    std::fs::remove_file(home.path().join("broken")).unwrap();
    home.run(&["daemon", "--once"]).ok();
    let told = told(home);
    assert_eq!((told.len(), &told[0]["event"]), (1, &json!("new-trade")));
}
