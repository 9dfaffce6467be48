//! Where `run` does not run a command that only asks reads the book's files, and does nothing else.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use serde_json::{Value, json};
use support::{ANN, CARRIER, PROCESSOR, SHOP, SHOP_TOML, Server, eur, room, stdout};

/// All commands that only ask.
const READS: [&[&str]; 8] = [
    &["trades"],
    &["trades", "W-1", "--json"],
    &["outbox"],
    &["outbox", "--all", "--json"],
    &["jobs", "--json"],
    &["returns", "--json"],
    &["unanswered", "--json"],
    &["authorizations", "--json"],
];

fn record(id: &str) -> Value {
    json!({ "key": id, "record": { "trade": id, "buyer_mail": ANN,
        "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }], "total": eur("98.00"),
        "payment": { "method": "credit-card", "processor": PROCESSOR },
        "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] },
        "buyer": { "name": "Ann", "address":
            { "street": "1 High Street", "city": "York", "country": "GB" } } } })
}

/// Every file below a folder, with what shows that it was written to.
fn state(folder: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let changed = path.metadata().unwrap().modified().unwrap();
        let octets = if path.is_dir() {
            found.extend(state(&path));
            Vec::new()
        } else {
            fs::read(&path).unwrap()
        };
        found.insert(path, (changed, octets));
    }
    found
}

fn through(program: &str, arguments: &[&str], command: &Command) -> Output {
    let mut wrapped = Command::new(program);
    wrapped
        .args(arguments)
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(name, value),
            None => wrapped.env_remove(name),
        };
    }
    wrapped.output().unwrap()
}

fn shop_with_trades(room: &support::Room) -> Server {
    let shop = room.server(SHOP, SHOP_TOML);
    for id in ["W-1", "W-2"] {
        assert_eq!(shop.emit(&record(id))["accepted"], true);
    }
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_asks_writes_nothing_and_works_where_nothing_can_be_written() {
    let room = room().await;
    let shop = shop_with_trades(&room);
    let before = state(&shop.data);
    for arguments in READS {
        let said = shop.say(arguments, "");
        assert!(said.status.success(), "{arguments:?}: {said:?}");
        // No file may grow beyond nothing, as on a full disk.
        let script = ["-c", "ulimit -f 0; exec \"$0\" \"$@\""];
        let limited = through("sh", &script, &shop.command(arguments));
        assert!(limited.status.success(), "{arguments:?}: {limited:?}");
        assert_eq!(stdout(&limited), stdout(&said), "{arguments:?}");
    }
    assert_eq!(state(&shop.data), before);
    assert_eq!(
        shop.json(&["trades", "--json"]).as_array().unwrap().len(),
        2
    );
    // What does more than ask needs to write.
    assert_eq!(shop.emit(&record("W-3"))["accepted"], true);
    assert_ne!(state(&shop.data), before);
    assert_eq!(
        shop.json(&["trades", "--json"]).as_array().unwrap().len(),
        3
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_book_of_another_party_is_not_read() {
    let room = room().await;
    let shop = shop_with_trades(&room);
    let other = room.server("orders@other.example", SHOP_TOML);
    let mut command = other.command(&["trades"]);
    let out = command.arg("--data").arg(&shop.data).output().unwrap();
    assert!(!out.status.success());
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains(SHOP), "{said}");
    assert!(shop.say(&["trades"], "").status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_asks_syncs_locks_and_makes_nothing_and_opens_no_index() {
    const STRACE: &str = "/usr/bin/strace";
    if !Path::new(STRACE).exists() {
        let missing = format!("no {STRACE}; `cargo xtask test` installs it, as root");
        let is_required = std::env::var_os("TRADEPOST_REQUIRE_SERVERS").is_some_and(|v| v == "1");
        assert!(!is_required, "{missing}");
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED the calls of commands: {missing}"
        );
        if let Some(file) = std::env::var_os("TRADEPOST_SKIPPED_FILE") {
            let opened = fs::OpenOptions::new().append(true).create(true).open(file);
            let _ = opened.and_then(|mut f| writeln!(f, "the calls of commands: {missing}"));
        }
        return;
    }
    let room = room().await;
    let shop = shop_with_trades(&room);
    let log = room.folder.path().join("calls");
    let log = log.display().to_string();
    let trace = "trace=file,desc,fsync,fdatasync,sync_file_range,ftruncate,flock";
    let calls_of = |arguments: &[&str]| -> Vec<String> {
        let traced = ["-f", "-qq", "-o", &log, "-e", trace];
        let out = through(STRACE, &traced, &shop.command(arguments));
        assert!(out.status.success(), "{arguments:?}: {out:?}");
        let calls = fs::read_to_string(&log).unwrap();
        calls.lines().map(str::to_owned).collect()
    };
    for arguments in READS {
        let calls = calls_of(arguments);
        for call in [
            "fsync(",
            "fdatasync(",
            "sync_file_range(",
            "ftruncate(",
            "flock(",
        ] {
            let made: Vec<&String> = calls.iter().filter(|c| c.contains(call)).collect();
            assert!(made.is_empty(), "{arguments:?}: {made:?}");
        }
        let opened: Vec<&String> = calls.iter().filter(|c| c.contains("open")).collect();
        let writing = |call: &&&String| {
            let flags = ["O_WRONLY", "O_RDWR", "O_CREAT"];
            flags.iter().any(|flag| call.contains(flag)) && !call.contains("\"/dev/")
        };
        let written: Vec<&&String> = opened.iter().filter(writing).collect();
        assert!(written.is_empty(), "{arguments:?}: {written:?}");
        for what in ["index/sled", "/ssl/", "resolv.conf"] {
            assert!(
                !opened.iter().any(|c| c.contains(what)),
                "{arguments:?}: {what}"
            );
        }
        assert!(
            opened.iter().any(|c| c.contains("/journal/")),
            "{arguments:?}"
        );
    }
    // What writes does all of that, so that this test would notice.
    let line = room.folder.path().join("line");
    fs::write(&line, record("W-3").to_string()).unwrap();
    let calls = calls_of(&["emit", &line.display().to_string()]);
    for call in ["fdatasync(", "flock(", "index/sled"] {
        assert!(calls.iter().any(|c| c.contains(call)), "{call}");
    }
}
