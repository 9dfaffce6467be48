//! What a disk in trouble does to the store. Everything else is tested from outside.
#![allow(clippy::unwrap_used)]

mod power;
mod shared_fences;

use super::disk::trace::{self, Faults, Op, trouble};
use super::*;
use tradepost_trades::rows::Row;

fn options(segment_bytes: u64) -> Options {
    let options = Options::new(1, |_, _| Vec::new());
    match segment_bytes {
        0 => options,
        segment_bytes => Options {
            segment_bytes,
            ..options
        },
    }
}

fn open(dir: &Path) -> Store {
    open_with(dir, 0)
}

fn open_with(dir: &Path, segment_bytes: u64) -> Store {
    Store::open(dir, &options(segment_bytes), &mut |_| {})
        .unwrap()
        .0
}

fn add(store: &Store, word: &str) -> Result<Position, StoreError> {
    store.write(|batch| {
        let row = Row::put(batch.next().to_string(), word);
        batch.record(Record::new(word).with_rows([row]))
    })
}

fn add_all(store: &Store, words: &[String]) -> Result<(), StoreError> {
    store.write(|batch| {
        for word in words {
            let row = Row::put(batch.next().to_string(), word.as_str());
            batch.record(Record::new(word.as_str()).with_rows([row]))?;
        }
        Ok(())
    })
}

fn words(store: &Store) -> Vec<String> {
    store
        .records()
        .map(|r| String::from_utf8(r.unwrap().1.head).unwrap())
        .collect()
}

const NONE: Faults = Faults {
    write_only: None,
    no_sync: false,
    no_folder_sync: false,
    no_cut: false,
};

#[test]
fn a_full_disk_refuses_a_batch_and_takes_the_next_when_there_is_room_again() {
    for written in [0, 1, 28, 30] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let store = open(&data);
        add(&store, "before").unwrap();
        trouble(Faults {
            write_only: Some(written),
            ..NONE
        });
        let error = add(&store, "refused").unwrap_err();
        assert!(error.may_pass(), "{error}");
        assert_eq!(words(&store), ["before"]);
        trouble(NONE);
        add(&store, "after").unwrap();
        drop(store);
        let store = open(&data);
        assert_eq!(words(&store), ["before", "after"]);
        assert_eq!(store.scan(b"").len(), 2);
    }
}

#[test]
fn a_half_written_batch_that_cannot_be_taken_back_stops_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = open(&data);
    add(&store, "before").unwrap();
    trouble(Faults {
        write_only: Some(10),
        no_cut: true,
        ..NONE
    });
    add(&store, "refused").unwrap_err();
    trouble(NONE);
    let error = add(&store, "after").unwrap_err();
    assert!(matches!(error, StoreError::Broken { .. }), "{error}");
    assert_eq!(words(&store), ["before"], "reading goes on");
    drop(store);
    let store = open(&data);
    add(&store, "after").unwrap();
    assert_eq!(words(&store), ["before", "after"]);
}

#[test]
fn a_failed_sync_stops_the_store_even_if_the_next_one_would_succeed() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = open(&data);
    add(&store, "before").unwrap();
    trouble(Faults {
        no_sync: true,
        ..NONE
    });
    let error = add(&store, "in doubt").unwrap_err();
    assert!(error.to_string().contains("sync"), "{error}");
    assert_eq!(store.scan(b"").len(), 1, "it is not shown as done");
    trouble(NONE);
    let error = add(&store, "after").unwrap_err();
    assert!(matches!(error, StoreError::Broken { .. }), "{error}");
    drop(store);
    let store = open(&data);
    add(&store, "after").unwrap();
    let words = words(&store);
    assert_eq!(
        (&*words[0], words.last().unwrap().as_str()),
        ("before", "after")
    );
}

#[test]
fn a_sync_that_fails_when_a_segment_is_begun_stops_the_store_as_well() {
    for (no_sync, no_folder_sync) in [(true, false), (false, true)] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let store = open_with(&data, 1);
        add(&store, "before").unwrap();
        trouble(Faults {
            no_sync,
            no_folder_sync,
            ..NONE
        });
        let error = add(&store, "refused").unwrap_err();
        assert!(matches!(error, StoreError::Unsynced { .. }), "{error}");
        trouble(NONE);
        let error = add(&store, "after").unwrap_err();
        assert!(matches!(error, StoreError::Broken { .. }), "{error}");
        drop(store);
        let store = open_with(&data, 1);
        add(&store, "after").unwrap();
        assert_eq!(words(&store), ["before", "after"]);
    }
}

#[test]
fn a_full_disk_when_a_segment_is_begun_refuses_that_batch_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_with(&dir.path().join("data"), 1);
    add(&store, "before").unwrap();
    trouble(Faults {
        write_only: Some(5),
        ..NONE
    });
    let error = add(&store, "refused").unwrap_err();
    assert!(error.may_pass(), "{error}");
    trouble(NONE);
    add(&store, "after").unwrap();
    assert_eq!(words(&store), ["before", "after"]);
}

#[test]
fn a_store_whose_files_or_folder_cannot_be_synced_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    add(&open(&data), "before").unwrap();
    for (no_sync, no_folder_sync) in [(true, false), (false, true)] {
        trouble(Faults {
            no_sync,
            no_folder_sync,
            ..NONE
        });
        let opened = Store::open(&data, &options(0), &mut |_| {});
        trouble(NONE);
        assert!(matches!(opened, Err(StoreError::Unsynced { .. })));
    }
    assert_eq!(words(&open(&data)), ["before"]);
}

#[test]
fn after_a_failed_sync_what_is_found_is_written_once_more_before_it_counts() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = open(&data);
    add(&store, "before").unwrap();
    // The process dies before it can take the batch back.
    trouble(Faults {
        no_sync: true,
        no_cut: true,
        ..NONE
    });
    add(&store, "in doubt").unwrap_err();
    trouble(NONE);
    drop(store);
    trace::start();
    let store = open(&data);
    let ops = trace::take();
    assert_eq!(words(&store), ["before", "in doubt"]);
    let journal = data.join("journal/00000001.journal");
    let written = ops.iter().position(
        |op| matches!(op, Op::Write(p, _, b) if *p == journal && b.ends_with(b"in doubt")),
    );
    let synced = ops
        .iter()
        .position(|op| *op == Op::SyncFile(journal.clone()));
    assert!(written.is_some() && written < synced, "{ops:?}");
}
