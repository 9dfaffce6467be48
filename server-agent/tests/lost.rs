//! A book whose journal lacks what was accepted: every command says so, until the loss is accepted.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use support::{ANN, CARRIER, PROCESSOR, Room, SHOP, SHOP_TOML, Server, eur, room, stdout};

fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn record(id: &str) -> Value {
    json!({ "key": "r", "record": { "trade": id, "buyer_mail": ANN,
        "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }], "total": eur("98.00"),
        "payment": { "method": "credit-card", "processor": PROCESSOR },
        "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] },
        "buyer": { "name": "Ann", "address":
            { "street": "1 High Street", "city": "York", "country": "GB" } } } })
}

fn event(n: usize) -> Value {
    let state = ["preparing", "on-hold"][n % 2];
    json!({ "key": format!("event-{n}"), "trade": "W-1", "track": "order", "state": state })
}

/// A shop with a trade and four events, none of them told by `run` yet; and the journal's length
/// after each.
fn shop_with_events(room: &Room) -> (Server, PathBuf, Vec<u64>) {
    let shop = room.server(SHOP, SHOP_TOML);
    let journal = shop.data.join("journal/00000001.journal");
    let lines = [record("W-1"), event(0), event(1), event(2), event(3)];
    let lengths = lines
        .iter()
        .map(|line| {
            let answer = shop.emit(line);
            assert_eq!(answer["accepted"], true, "{answer}");
            fs::metadata(&journal).unwrap().len()
        })
        .collect();
    (shop, journal, lengths)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shortened_journal_is_refused_by_every_command_until_the_loss_is_accepted() {
    let room = room().await;
    let (shop, journal, lengths) = shop_with_events(&room);
    let full = lengths[4];
    assert!(shop.say(&["trades"], "").status.success(), "no loss yet");
    let file = fs::OpenOptions::new().write(true).open(&journal).unwrap();
    file.set_len(full - 10).unwrap();

    let lost = format!("{} octets", full - lengths[3]);
    let commands: [&[&str]; 7] = [
        &["trades"],
        &["returns"],
        &["outbox"],
        &["emit"],
        &["jobs"],
        &["run"],
        &["repair"],
    ];
    for command in commands {
        let out = shop.say(command, &format!("{}\n", event(9)));
        let said = stdout(&out) + &stderr(&out);
        assert_eq!(out.status.code(), Some(1), "{command:?}: {said}");
        for part in [
            "event with the key event-3",
            &lost,
            "the file has become 10 octets shorter",
            "event-3",
            ANN,
        ] {
            assert!(said.contains(part), "{command:?}, {part}: {said}");
        }
        for part in ["nothing that", "whole", "event-2 ", "\"accepted\":true"] {
            assert!(!said.contains(part), "{command:?}, {part}: {said}");
        }
    }
    let doctor = stdout(&shop.say(&["doctor"], ""));
    assert!(doctor.contains(&lost), "{doctor}");
    assert!(doctor.contains("tradepost-server repair"), "{doctor}");
    assert_eq!(fs::metadata(&journal).unwrap().len(), full - 10);

    let done = shop.say(&["repair", "--yes"], "");
    assert!(done.status.success(), "{done:?}");
    let again = shop.say(&["repair"], "");
    assert!(stdout(&again).contains("whole"), "{again:?}");
    assert!(shop.say(&["trades"], "").status.success());
    // The same key again is a new event: it was lost, and whoever told it tells it once more.
    assert_eq!(shop.emit(&event(3))["accepted"], true);
    assert_eq!(shop.emit(&event(2))["accepted"], true);
    let running = shop.run();
    room.until(ANN, |told| told.len() >= 5).await;
    assert_eq!(running.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_run_acknowledged_before_it_was_killed_is_missed_when_it_is_gone() {
    let room = room().await;
    let (shop, journal, lengths) = shop_with_events(&room);
    let running = shop.run();
    assert_eq!(shop.emit(&event(4))["accepted"], true);
    running.kill();
    let full = fs::read(&journal).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&journal).unwrap();
    file.set_len(lengths[4]).unwrap();
    let out = shop.say(&["trades"], "");
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    let said = stderr(&out);
    assert!(said.contains("the journal has lost"), "{said}");
    // The file is put back from a copy: all is as it was.
    fs::write(&journal, full).unwrap();
    assert!(shop.say(&["trades"], "").status.success());
    assert_eq!(shop.emit(&event(4))["accepted"], true);
}
