//! What a disk in trouble does to the store. Everything else is tested from outside.
#![allow(clippy::unwrap_used)]

use super::journal::Faults;
use super::*;

fn open(dir: &Path) -> Store {
    let mut apply = |_: &dyn Rows, at: Position, record: &Record| {
        Ok(vec![Row::put(at.to_string(), record.head.clone())])
    };
    Store::open(dir, &Options::new(1), &mut apply, &mut |_| {})
        .unwrap()
        .0
}

fn add(store: &Store, word: &str) -> Result<Position, StoreError> {
    store.write(|batch| {
        let at = batch.record(&Record::new(word))?;
        batch.put([Row::put(at.to_string(), word)]);
        Ok(at)
    })
}

fn words(store: &Store) -> Vec<String> {
    store
        .records()
        .map(|r| String::from_utf8(r.unwrap().1.head).unwrap())
        .collect()
}

fn trouble(store: &Store, faults: Faults) {
    *store.lock().journal.faults() = faults;
}

const NONE: Faults = Faults {
    write_only: None,
    no_sync: false,
    no_cut: false,
};

#[test]
fn a_full_disk_refuses_a_batch_and_takes_the_next_when_there_is_room_again() {
    for written in [0, 1, 24, 26] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let store = open(&data);
        add(&store, "before").unwrap();
        trouble(
            &store,
            Faults {
                write_only: Some(written),
                ..NONE
            },
        );
        let error = add(&store, "refused").unwrap_err();
        assert!(error.may_pass(), "{error}");
        assert_eq!(words(&store), ["before"]);
        trouble(&store, NONE);
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
    trouble(
        &store,
        Faults {
            write_only: Some(10),
            no_cut: true,
            ..NONE
        },
    );
    add(&store, "refused").unwrap_err();
    trouble(&store, NONE);
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
    trouble(
        &store,
        Faults {
            no_sync: true,
            ..NONE
        },
    );
    let error = add(&store, "in doubt").unwrap_err();
    assert!(error.to_string().contains("sync"), "{error}");
    assert_eq!(store.scan(b"").len(), 1, "it is not shown as done");
    trouble(&store, NONE);
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
