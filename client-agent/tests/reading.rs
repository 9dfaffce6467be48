//! Without a daemon a command that only asks reads the ledger's files, and does nothing else: so it works on a
//! disk that is full or may not be written to, and is in nobody's way.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use support::letters::{at, delivered, in_transit, record, settled};
use support::{Done, Home};

/// All commands that only ask.
const READS: [&[&str]; 13] = [
    &["pending"],
    &["pending", "--json"],
    &["list"],
    &["list", "--unpaid"],
    &["show", "T-1001"],
    &["warnings", "--all"],
    &["warnings", "show", "1", "--letter"],
    &["held"],
    &["stats"],
    &["requests", "--all"],
    &["schedule", "list"],
    &["expect", "--list"],
    &["export"],
];

/// A ledger with a trade and a warning, of which the end lies in the journal alone.
fn home() -> Home {
    let home = Home::new();
    home.import(&[record().letter(), in_transit(1, &at(86_400)).letter()]);
    let large = home.path().join("data/index");
    let kept: Vec<PathBuf> = checkpoints(&large);
    let stored: Vec<Vec<u8>> = kept.iter().map(|path| fs::read(path).unwrap()).collect();
    home.import(&[settled(1).letter(), delivered(2).stamped("none")]);
    // The newest checkpoint is as old as before: a tail is read as well.
    for path in checkpoints(&large) {
        fs::remove_file(path).unwrap();
    }
    for (path, octets) in kept.iter().zip(stored) {
        fs::write(path, octets).unwrap();
    }
    home
}

fn checkpoints(index: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(index).unwrap().map(|e| e.unwrap().path());
    let is_one = |path: &PathBuf| path.to_string_lossy().contains("checkpoint-");
    files.filter(is_one).collect()
}

/// Every file and folder below one, with what shows that it was written to.
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

/// What differs from one moment to the next: an export tells when it was made.
fn without_the_time(done: Done) -> String {
    let lines = done.ok();
    let lines = lines.lines().filter(|l| !l.contains("\"type\":\"export\""));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_only_asks_writes_nothing_and_works_where_nothing_can_be_written() {
    let home = home();
    let before = state(home.path());
    for args in READS {
        let said = without_the_time(home.run(args));
        assert!(!said.is_empty(), "{args:?}");
        // No file may grow beyond nothing, as on a full disk.
        let mut limited = Command::new("sh");
        let command = home.command(args);
        limited
            .args(["-c", "ulimit -f 0; exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(home.path());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        let out = limited.output().unwrap();
        let done = Done {
            code: out.status.code().unwrap_or(-1),
            stdout: String::from_utf8(out.stdout).unwrap(),
            stderr: String::from_utf8(out.stderr).unwrap(),
        };
        assert_eq!(without_the_time(done), said, "{args:?}");
    }
    assert_eq!(state(home.path()), before);
    // What does more than ask needs to write.
    home.run(&["warnings", "dismiss", "1"]).ok();
    assert_ne!(state(home.path()), before);
}

#[test]
fn what_only_asks_finds_nothing_where_there_is_nothing_yet() {
    let home = Home::new();
    assert_eq!(home.json(&["list"]), serde_json::json!([]));
    assert!(!home.path().join("data").exists());
    home.import(&[record().letter()]);
    assert_eq!(home.json(&["list"])[0]["id"], "T-1001");
}

/// The calls of a command to the operating system; none where this machine has no strace.
fn traced(home: &Home, args: &[&str]) -> Option<Vec<String>> {
    let strace = "/usr/bin/strace";
    let missing = format!("no {strace}; `cargo xtask test` installs it, as root");
    if !Path::new(strace).exists() {
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
        return None;
    }
    let log = home.path().join("calls");
    let command = home.command(args);
    let mut traced = Command::new(strace);
    traced
        .args(["-f", "-qq", "-o"])
        .arg(&log)
        .args([
            "-e",
            "trace=file,desc,fsync,fdatasync,sync_file_range,ftruncate,flock,prctl",
        ])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(home.path());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    let out = traced.output().unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let calls = fs::read_to_string(&log).unwrap();
    fs::remove_file(log).unwrap();
    Some(calls.lines().map(str::to_owned).collect())
}

#[test]
fn what_only_asks_syncs_locks_and_makes_nothing_and_opens_no_index_and_no_certificate() {
    let home = home();
    let opens = |calls: &[String], what: &str| -> Vec<String> {
        let found = calls
            .iter()
            .filter(|c| c.contains("open") && c.contains(what));
        found.cloned().collect()
    };
    for args in READS {
        let Some(calls) = traced(&home, args) else {
            return;
        };
        for call in [
            "fsync(",
            "fdatasync(",
            "sync_file_range(",
            "ftruncate(",
            "flock(",
        ] {
            let made: Vec<&String> = calls.iter().filter(|c| c.contains(call)).collect();
            assert!(made.is_empty(), "{args:?}: {made:?}");
        }
        for flag in ["O_WRONLY", "O_RDWR", "O_CREAT"] {
            let mut opened = opens(&calls, flag);
            opened.retain(|call| !call.contains("\"/dev/"));
            assert!(opened.is_empty(), "{args:?}: {opened:?}");
        }
        for what in ["index/sled", "/ssl/", "/certs", ".pem", "resolv.conf"] {
            let opened = opens(&calls, what);
            assert!(opened.is_empty(), "{args:?}: {opened:?}");
        }
        assert!(!opens(&calls, "data/journal/").is_empty(), "{args:?}");
    }
    // What writes does all of that, so that this test would notice.
    let calls = traced(&home, &["warnings", "dismiss", "1"]).unwrap();
    for call in ["fdatasync(", "flock(", "index/sled", "/ssl/"] {
        assert!(calls.iter().any(|c| c.contains(call)), "{call}");
    }
}
