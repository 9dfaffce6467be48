//! A data folder that is only read: whoever has it open, and whatever state it was left in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use tradepost_store::{Snapshot, StoreError};

use super::tally::{
    Add, add, add_all, all_rows, checkpoints, copy, flip_a_bit, open, options, segment,
    small_segments, sum, try_open,
};

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn rows(data: &Path) -> Pairs {
    let snapshot = Snapshot::open(data, &options()).unwrap();
    snapshot.view(|rows| rows.scan(b"")).unwrap()
}

/// Every file below a folder, with its octets.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_folder_that_is_not_there_holds_nothing_and_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert_eq!(rows(&data), []);
    assert!(!data.exists());
    let snapshot = Snapshot::open(&data, &options()).unwrap();
    assert_eq!(snapshot.records_behind(None).unwrap().count(), 0);
    assert!(snapshot.read("1:44".parse().unwrap()).is_err());
}

#[test]
fn it_shows_what_the_store_shows_with_and_without_checkpoint_and_tail() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut kept = Vec::new();
    for run in 0..3 {
        let (store, _) = try_open(&data, &small_segments()).unwrap();
        for n in 0..15 {
            kept.push(add(&store, &Add::new("a", format!("{run}.{n}")), b"letter").unwrap());
            // Beside whoever has it open, which its lock does not keep out.
            assert_eq!(rows(&data), all_rows(&store), "{run}.{n}");
        }
        let expected = all_rows(&store);
        drop(store);
        assert_eq!(rows(&data), expected, "from a checkpoint");
    }
    let expected = rows(&data);
    let before = files(&data);
    let snapshot = Snapshot::open(&data, &options()).unwrap();
    assert_eq!(snapshot.read(kept[7]).unwrap().blob, b"letter");
    assert_eq!(snapshot.records_behind(None).unwrap().count(), 45);
    assert_eq!(snapshot.records_behind(Some(kept[40])).unwrap().count(), 4);
    assert_eq!(files(&data), before, "nothing was written");
    fs::remove_dir_all(data.join("index")).unwrap();
    assert_eq!(rows(&data), expected, "from the journal alone");
}

#[test]
fn a_scan_begins_and_ends_where_it_should_at_every_row() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for run in 0..2 {
        let (store, _) = open(&data);
        for n in 0..400 {
            // Several blocks of a checkpoint, and rows of both runs among one another.
            let word = format!("{:07} {}", n * 2 + run, "x".repeat(150));
            add(&store, &Add::new(&format!("{:04}", n * 7 % 400), word), b"").unwrap();
        }
        if run == 0 {
            continue;
        }
        let snapshot = Snapshot::open(&data, &options()).unwrap();
        let all = all_rows(&store);
        assert!(all.len() > 1_000);
        for (at, (key, value)) in all.iter().enumerate() {
            let prefix = key.get(..4).unwrap();
            let read = |rows: &dyn tradepost_trades::rows::Rows| {
                (rows.get(key), rows.scan_from(prefix, key, 3))
            };
            let (found, scanned) = snapshot.view(read).unwrap();
            assert_eq!(found.as_ref(), Some(value));
            let rest = all.get(at..).unwrap().iter();
            let expected: Pairs = rest
                .take_while(|(k, _)| k.starts_with(prefix))
                .take(3)
                .cloned()
                .collect();
            assert_eq!(scanned, expected);
        }
        let nothing = snapshot
            .view(|rows| (rows.get(b"at"), rows.scan(b"zz")))
            .unwrap();
        assert_eq!(nothing, (None, Vec::new()));
    }
}

#[test]
fn a_hurt_checkpoint_is_passed_over_at_whatever_octet() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for run in 0..2 {
        let (store, _) = open(&data);
        for n in 0..60 {
            let word = format!("{run}.{n} {}", "x".repeat(200));
            add(&store, &Add::new(&(n % 30).to_string(), word), b"").unwrap();
        }
    }
    let expected = rows(&data);
    let newest = checkpoints(&data).pop().unwrap();
    let size = fs::metadata(&newest).unwrap().len();
    for at in (0..size).step_by(211).chain([size - 1]) {
        flip_a_bit(&newest, at);
        assert_eq!(rows(&data), expected, "octet {at} of {size}");
        flip_a_bit(&newest, at);
    }
    for checkpoint in checkpoints(&data) {
        fs::write(checkpoint, b"nothing").unwrap();
    }
    assert_eq!(rows(&data), expected);
}

#[test]
fn a_batch_that_is_being_written_is_not_there_yet() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (store, _) = open(&data);
    add(&store, &Add::new("a", 1), b"").unwrap();
    drop(store);
    let before = rows(&data);
    let start = fs::metadata(segment(&data, 1)).unwrap().len();
    let (store, _) = open(&data);
    let three = [2, 3, 4].map(|n| Add::new("a", n));
    add_all(&store, &three, b"a letter").unwrap();
    let whole = rows(&data);
    assert_ne!(whole, before);
    let octets = fs::read(segment(&data, 1)).unwrap();
    // Not acknowledged: neither a note nor a checkpoint knows of it.
    let torn = dir.path().join("torn");
    copy(&data, &torn);
    drop(store);
    fs::remove_file(torn.join("index.use")).unwrap();
    for end in start..=octets.len() as u64 {
        let part = octets.get(..end as usize).unwrap();
        fs::write(segment(&torn, 1), part).unwrap();
        let expected = if end == octets.len() as u64 {
            &whole
        } else {
            &before
        };
        assert_eq!(rows(&torn), *expected, "{end} of {}", octets.len());
    }
}

#[test]
fn what_was_written_and_never_synced_by_a_process_that_was_killed_is_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let (data, killed) = (dir.path().join("data"), dir.path().join("killed"));
    let (store, _) = open(&data);
    add(&store, &Add::new("a", 1), b"").unwrap();
    let note = fs::read(data.join("index.use")).unwrap();
    let before = rows(&data);
    add(&store, &Add::new("a", 2), b"").unwrap();
    assert_ne!(rows(&data), before, "the note says that it is synced");
    copy(&data, &killed);
    drop(store);
    fs::write(killed.join("index.use"), note).unwrap();
    assert_eq!(rows(&killed), before);
    // Who opens it syncs first, and then it counts.
    drop(open(&killed));
    assert_eq!(rows(&killed), rows(&data));
}

#[test]
fn a_journal_that_lacks_what_was_acknowledged_is_refused_and_the_lost_records_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (store, _) = open(&data);
    for n in 0..5 {
        add(&store, &Add::new("a", n), b"a letter").unwrap();
    }
    drop(store);
    assert!(Snapshot::open(&data, &options()).is_ok());
    let file = fs::OpenOptions::new()
        .write(true)
        .open(segment(&data, 1))
        .unwrap();
    file.set_len(fs::metadata(segment(&data, 1)).unwrap().len() - 10)
        .unwrap();
    let by_reading = Snapshot::open(&data, &options()).unwrap_err();
    let by_opening = try_open(&data, &options()).unwrap_err();
    let StoreError::Lost(lost) = by_reading else {
        panic!("{by_reading}");
    };
    assert_eq!(lost.recalled.events, ["4"]);
    assert_eq!(lost.to_string(), by_opening.to_string());
    // No journal at all is a loss as well.
    fs::remove_dir_all(data.join("journal")).unwrap();
    let by_reading = Snapshot::open(&data, &options()).unwrap_err();
    assert!(matches!(by_reading, StoreError::Lost(_)), "{by_reading}");
}

#[test]
fn while_others_write_each_look_shows_one_state() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = Arc::new(try_open(&data, &small_segments()).unwrap().0);
    let writer = thread::spawn({
        let store = Arc::clone(&store);
        move || {
            for n in 0..150 {
                let both = [Add::new("a", n), Add::new("b", n)];
                add_all(&store, &both, &[b'x'; 40]).unwrap();
            }
        }
    });
    loop {
        let snapshot = Snapshot::open(&data, &options()).unwrap();
        let both = |rows: &dyn tradepost_trades::rows::Rows| (sum(rows, "a"), sum(rows, "b"));
        let (a, b) = snapshot.view(both).unwrap();
        assert_eq!(a, b);
        if a.ends_with(" 149 ") {
            break;
        }
    }
    writer.join().unwrap();
}
