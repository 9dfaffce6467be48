//! Letters that lie in the mailbox and can't be had, and folders that can't be opened: the person is told,
//! everything else is read, and what comes at last is settled.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use support::letters::record;
use support::world::{World, wait, wait_json};
use tradepost_mailroom::{Fault, ImapCommand};

/// What `doctor` says under a name.
fn doctor(world: &World, name: &str) -> Value {
    let done = world.home.run(&["doctor", "--json"]);
    let checks: Value = serde_json::from_str(&done.stdout).unwrap();
    let check = checks
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["name"] == name);
    check.unwrap().clone()
}

#[test]
fn a_letter_that_does_not_come_is_told_of_until_it_comes() {
    let world = World::new();
    // The folder was read before, so that what is new is looked at.
    world.home.run(&["daemon", "--once"]).ok();
    assert_eq!(doctor(&world, "letters")["remedy"], Value::Null);
    world.deliver(&record());
    let fault = Fault::ImapLeavesOut(ImapCommand::UidFetch, 0);
    world.room.faults().always(fault);
    let done = world.home.run(&["daemon", "--once"]);
    assert!(
        done.stderr.contains("letter 1 of INBOX was set aside: "),
        "{}",
        done.stderr
    );
    done.ok();
    let warnings = world.home.json(&["warnings"]);
    assert_eq!(warnings[0]["kind"], "unread-letter", "{warnings}");
    assert!(
        warnings[0]["received"]
            .as_str()
            .unwrap()
            .starts_with("letter 1 in INBOX: ")
    );
    let told = doctor(&world, "letters");
    assert!(
        told["found"]
            .as_str()
            .unwrap()
            .contains("letter 1 in INBOX"),
        "{told}"
    );
    assert!(
        told["remedy"]
            .as_str()
            .unwrap()
            .contains("tradepost import"),
        "{told}"
    );

    world.room.faults().clear();
    world.home.run(&["daemon", "--once"]).ok();
    assert_eq!(world.home.json(&["list"])[0]["id"], "T-1001");
    assert_eq!(world.home.json(&["warnings"]).as_array().unwrap().len(), 0);
    assert_eq!(doctor(&world, "letters")["remedy"], Value::Null);
}

#[test]
fn a_letter_that_is_deleted_is_told_of_no_more() {
    let world = World::new();
    world.home.run(&["daemon", "--once"]).ok();
    // Marked, and too large to be read.
    let letter = [record().raw(), vec![b'\n'; 11 * 1024 * 1024]].concat();
    world.room.deliver("ann@home.example", &letter).unwrap();
    let daemon = world.daemon();
    let told = wait_json(&world.home, &["warnings"], |w| {
        w[0]["kind"] == "unread-letter"
    });
    assert!(
        told[0]["received"].as_str().unwrap().contains("protocol 6"),
        "{told}"
    );
    // The daemon has the ledger, and tells the doctor.
    let told = doctor(&world, "letters");
    assert!(
        told["found"].as_str().unwrap().contains("protocol 6"),
        "{told}"
    );
    daemon.end();
    // In a mailbox of another UIDVALIDITY its number means nothing any more.
    world
        .room
        .faults()
        .always(Fault::ImapLeavesOut(ImapCommand::UidSearch, 0));
    world.room.change_uid_validity("ann@home.example", "INBOX");
    world.home.run(&["daemon", "--once"]).ok();
    let all = world.home.json(&["warnings", "--all"]);
    assert_eq!(all[0]["state"], "resolved", "{all}");
}

#[test]
fn a_folder_that_opens_at_a_later_try_is_no_failure_and_one_that_never_does_is_named() {
    let folders = |config: String| {
        config.replace(
            "retry_first",
            "folders = [\"INBOX\", \"Shops\"]\nretry_first",
        )
    };
    let world = World::with(folders);
    world.deliver(&record());
    world
        .home
        .run(&["daemon", "--once"])
        .fails(1, "can't open the folder \"Shops\"");
    assert_eq!(world.home.json(&["list"])[0]["id"], "T-1001");

    let world = World::new();
    world.deliver(&record());
    for command in [ImapCommand::Examine, ImapCommand::Examine] {
        world.room.faults().once(Fault::ImapNo(command));
    }
    world.home.run(&["daemon", "--once"]).ok();
    assert_eq!(world.home.json(&["list"])[0]["id"], "T-1001");
}

#[test]
fn a_running_daemon_tells_of_a_folder_once_and_reads_it_when_it_opens() {
    let world = World::new();
    world.deliver(&record());
    world
        .room
        .faults()
        .times(6, Fault::ImapBad(ImapCommand::Examine));
    let daemon = world.daemon();
    wait(
        || world.home.json(&["list"])[0]["id"] == "T-1001",
        || daemon.log(),
    );
    for folder in ["\"INBOX\"", "\"Sent\""] {
        let told = format!("can't open the folder {folder}");
        assert_eq!(daemon.log().matches(&told).count(), 1, "{}", daemon.log());
    }
    daemon.end();
}
