//! The index is the ledger: complete at an orderly stop, and some seconds after each batch. Beside it lie
//! checkpoints, from which it is made anew.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tradepost_store::{IndexOpened, Options, Record, Store, Why};
use tradepost_trades::rows::{Row, Rows as _};

use super::tally::{
    Add, add, all_rows, checkpoints, copy, flip_a_bit, open, options, try_open, words,
};

/// What somebody finds who has sled alone: the rows of the trades.
fn trades_in_sled(data: &Path) -> Vec<String> {
    let db = sled::Config::default()
        .path(data.join("index/sled"))
        .open()
        .unwrap();
    // Rows have an r before their keys.
    let rows = db.scan_prefix(b"rtrade/").map(|row| {
        let (key, value) = row.unwrap();
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        format!("{} = {}", text(&key[1..]), text(&value))
    });
    rows.collect()
}

fn bought(store: &Store, n: usize) {
    let rows = [
        Row::put(format!("trade/T-{n}"), format!("ordered T-{n}")),
        Row::put("letters", n.to_string()),
    ];
    let letter = Record::new(format!("letter {n}")).with_rows(rows);
    store.commit(vec![letter]).unwrap();
}

fn shipped(store: &Store, n: usize) {
    let row = Row::put(format!("trade/T-{n}"), "shipped");
    let letter = Record::new(format!("T-{n} is shipped")).with_rows([row]);
    store.commit(vec![letter]).unwrap();
}

#[test]
fn after_an_orderly_stop_sled_alone_lists_every_trade_as_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (store, _) = open(&data);
    bought(&store, 1);
    bought(&store, 2);
    shipped(&store, 1);
    store.close().unwrap();
    let expected = ["trade/T-1 = shipped", "trade/T-2 = ordered T-2"];
    assert_eq!(trades_in_sled(&data), expected);
    assert_eq!(open(&data).1.index, IndexOpened::Current);
}

const DATA: &str = "TRADEPOST_TEST_DATA";

/// The process to be killed: it writes and waits. What it has written stands in sled soon.
#[test]
#[ignore = "started by the test below, which kills it"]
fn a_process_that_writes_and_waits() {
    let Ok(data) = std::env::var(DATA) else {
        return;
    };
    let soon = Options {
        index_after: Duration::from_millis(20),
        ..options()
    };
    let (store, _) = try_open(Path::new(&data), &soon).unwrap();
    for n in 1..=3 {
        bought(&store, n);
    }
    println!("\nwritten");
    std::thread::sleep(Duration::from_secs(600));
    drop(store);
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn some_seconds_after_a_letter_kill_9_leaves_every_trade_in_sled_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "checkpoints::a_process_that_writes_and_waits"])
        .args(["--ignored", "--nocapture"])
        .env(DATA, &data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let child = Killed(child);
    let expected = [1, 2, 3].map(|n| format!("trade/T-{n} = ordered T-{n}"));
    // Nobody else can open it while the process lives, but its octets can be looked for.
    let is_written = || {
        let octets = fs::read(data.join("index/sled/db")).unwrap_or_default();
        octets.windows(11).any(|w| w == b"ordered T-3")
    };
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_written() {
        assert!(
            Instant::now() < deadline,
            "the letters did not get into sled"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(child);
    assert_eq!(trades_in_sled(&data), expected);
    assert_eq!(open(&data).0.scan(b"trade/").len(), 3);
}

#[test]
fn rows_that_wait_to_be_written_are_read_as_if_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (store, _) = open(&data);
    for n in 1..=9 {
        bought(&store, n);
    }
    drop(store);
    let (store, _) = open(&data);
    shipped(&store, 4);
    let lost =
        Record::new("lost").with_rows([Row::delete("trade/T-2"), Row::put("trade/T-35", "new")]);
    store.commit(vec![lost]).unwrap();
    let keys = |from: &str, limit| -> Vec<String> {
        let rows = store.scan_from(b"trade/", from.as_bytes(), limit);
        rows.into_iter()
            .map(|(key, _)| String::from_utf8(key).unwrap())
            .collect()
    };
    assert_eq!(
        keys("trade/T-1", 3),
        ["trade/T-1", "trade/T-3", "trade/T-35"]
    );
    assert_eq!(keys("trade/T-36", 2), ["trade/T-4", "trade/T-5"]);
    assert_eq!(keys("", usize::MAX).len(), 9);
    assert_eq!(store.get(b"trade/T-2"), None);
    assert_eq!(store.get(b"trade/T-4"), Some(b"shipped".to_vec()));
    let before = all_rows(&store);
    assert_eq!(
        store.verify(&mut |_| {}).unwrap().differing,
        [""; 0].map(Vec::from)
    );
    drop(store);
    assert_eq!(all_rows(&open(&data).0), before);
}

/// Several runs of a store, each with a few letters and an orderly end.
fn several_runs(data: &Path, runs: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    for run in 0..runs {
        let (store, _) = open(data);
        for n in 0..20 {
            add(
                &store,
                &Add::new(&(n % 3).to_string(), format!("{run}.{n}")),
                b"",
            )
            .unwrap();
        }
        rows = all_rows(&store);
    }
    rows
}

#[test]
fn the_two_newest_checkpoints_are_kept_and_one_that_would_say_the_same_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    several_runs(&data, 4);
    let kept = checkpoints(&data);
    assert_eq!(kept.len(), 2);
    drop(open(&data));
    assert_eq!(checkpoints(&data), kept);
}

#[test]
fn a_hurt_checkpoint_is_noticed_at_whatever_octet_and_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let rows = several_runs(&original, 2);
    let newest = checkpoints(&original).pop().unwrap();
    let size = fs::metadata(&newest).unwrap().len();
    fs::remove_dir_all(original.join("index/sled")).unwrap();
    let opened_with = |what: &str, hurt: &dyn Fn(&Path)| {
        let data = dir.path().join("data");
        copy(&original, &data);
        for file in checkpoints(&data).into_iter().rev() {
            hurt(&file);
        }
        let (store, opened) = open(&data);
        assert_eq!(all_rows(&store), rows, "{what}");
        assert_eq!(words(&store).len(), 40, "{what}");
        drop(store);
        fs::remove_dir_all(&data).unwrap();
        let IndexOpened::Rebuilt {
            why: Why::Missing,
            rows,
            records,
        } = opened.index
        else {
            panic!("{what}: {:?}", opened.index);
        };
        (rows, records)
    };
    let all = rows.len() as u64;
    assert_eq!(opened_with("none is hurt", &|_| {}), (all, 0));
    for at in (0..size).step_by(97).chain([size - 1]) {
        let what = format!("octet {at} of {size}");
        let only_the_newest = |file: &Path| {
            if file.file_name() == newest.file_name() {
                flip_a_bit(file, at);
            }
        };
        let (rows, records) = opened_with(&what, &only_the_newest);
        assert!(rows > 0 && rows < all && records == 20, "{what}: {rows}");
    }
    let both = |file: &Path| fs::write(file, b"nothing").unwrap();
    assert_eq!(opened_with("both are hurt", &both), (0, 40));
}

#[test]
fn a_checkpoint_of_records_that_were_lost_does_not_meet_the_repaired_journal() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    several_runs(&data, 1);
    let journal = super::tally::segment(&data, 1);
    let length = fs::metadata(&journal).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&journal).unwrap();
    file.set_len(length - 10).unwrap();
    assert!(try_open(&data, &options()).is_err());
    super::tally::repair(&data, true).unwrap();
    let (store, opened) = open(&data);
    assert!(
        matches!(
            opened.index,
            IndexOpened::Rebuilt {
                rows: 0,
                records: 19,
                ..
            }
        ),
        "{opened}"
    );
    assert_eq!(words(&store).len(), 19);
    assert_eq!(
        store.verify(&mut |_| {}).unwrap().differing,
        [""; 0].map(Vec::from)
    );
}
