//! A small agent to test the store with: it counts. Its rows depend on the rows before them, so
//! a record that is lost, doubled or out of order shows.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tradepost_store::{Opened, Options, Position, Record, Report, Store, StoreError};
use tradepost_trades::rows::{Row, Rows};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Add {
    pub(crate) to: String,
    pub(crate) what: String,
}

impl Add {
    pub(crate) fn new(to: &str, what: impl ToString) -> Add {
        Add {
            to: to.to_owned(),
            what: what.to_string(),
        }
    }

    pub(crate) fn record(&self) -> Record {
        Record::new(serde_json::to_vec(self).unwrap())
    }
}

/// `sum/<to>` collects the words in their order, `at/<position>` says which record was where.
fn decide(rows: &dyn Rows, at: Position, add: &Add) -> Vec<Row> {
    let key = format!("sum/{}", add.to);
    let mut sum = rows.get(key.as_bytes()).unwrap_or_default();
    sum.extend(add.what.bytes());
    sum.push(b' ');
    vec![
        Row::put(key, sum),
        Row::put(format!("at/{at}"), add.what.as_str()),
    ]
}

pub(crate) fn options() -> Options {
    Options::new(1, recall)
}

/// The words of the records in a part of the journal.
pub(crate) fn recall(rows: &dyn Rows, part: Range<Position>) -> Vec<String> {
    let mut found: Vec<(Position, String)> = rows
        .scan(b"at/")
        .into_iter()
        .filter_map(|(key, word)| {
            let at = std::str::from_utf8(&key).ok()?.strip_prefix("at/")?;
            Some((at.parse().ok()?, String::from_utf8(word).ok()?))
        })
        .filter(|(at, _)| part.contains(at))
        .collect();
    found.sort();
    found.into_iter().map(|(_, word)| word).collect()
}

/// Looks through the journal, and accepts what is lost if `yes`.
pub(crate) fn repair(dir: &Path, yes: bool) -> Result<Report, StoreError> {
    tradepost_store::repair(dir, &options(), !yes)
}

pub(crate) fn small_segments() -> Options {
    Options {
        segment_bytes: 1_000,
        ..options()
    }
}

pub(crate) fn try_open(dir: &Path, options: &Options) -> Result<(Store, Opened), StoreError> {
    Store::open(dir, options, &mut |_| {})
}

pub(crate) fn open(dir: &Path) -> (Store, Opened) {
    try_open(dir, &options()).unwrap()
}

pub(crate) fn add(store: &Store, add: &Add, blob: &[u8]) -> Result<Position, StoreError> {
    add_all(store, std::slice::from_ref(add), blob).map(|p| p[0])
}

/// In one batch.
pub(crate) fn add_all(
    store: &Store,
    adds: &[Add],
    blob: &[u8],
) -> Result<Vec<Position>, StoreError> {
    store.write(|batch| {
        adds.iter()
            .map(|add| {
                let rows = decide(&*batch, batch.next(), add);
                batch.record(add.record().with_rows(rows).with_blob(blob))
            })
            .collect()
    })
}

pub(crate) fn sum(rows: &dyn Rows, of: &str) -> String {
    let sum = rows.get(format!("sum/{of}").as_bytes());
    String::from_utf8(sum.unwrap_or_default()).unwrap()
}

pub(crate) fn all_rows(store: &Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    store.scan(b"")
}

/// What every record adds, in order.
pub(crate) fn words(store: &Store) -> Vec<String> {
    store
        .records()
        .map(|r| {
            serde_json::from_slice::<Add>(&r.unwrap().1.head)
                .unwrap()
                .what
        })
        .collect()
}

pub(crate) fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("journal/{number:08}.journal"))
}

/// The checkpoints of a data folder, the oldest first.
pub(crate) fn checkpoints(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir.join("index")) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("checkpoint-"))
        .collect();
    found.sort();
    found
}

/// A copy of a closed data folder, as the folder of another store.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn flip_a_bit(file: &Path, at: u64) {
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    byte[0] ^= 0x10;
    file.write_all_at(&byte, at).unwrap();
}
