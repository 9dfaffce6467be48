//! Writing and reading, without accidents.

use std::sync::Arc;
use std::thread;

use proptest::prelude::*;
use tradepost_store::{IndexOpened, Record, StoreError};
use tradepost_trades::rows::{Row, Rows as _};

use super::tally::{
    Add, add, add_all, all_rows, open, options, small_segments, sum, try_open, words,
};

#[test]
fn a_record_and_its_letter_come_back_as_they_were_written() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let letter = b"From: a@shop.example\r\n\r\n\0\xff".to_vec();
    let (store, opened) = open(&data);
    assert_eq!(opened.index, IndexOpened::Current);
    let one = add(&store, &Add::new("a", 1), &letter).unwrap();
    let two = add(&store, &Add::new("a", 2), b"").unwrap();
    assert!(one < two);
    drop(store);

    let (store, opened) = open(&data);
    assert_eq!((opened.index, opened.torn_bytes), (IndexOpened::Current, 0));
    assert_eq!(
        store.read(one).unwrap(),
        Add::new("a", 1).record().with_blob(letter)
    );
    assert_eq!(store.read(two).unwrap(), Add::new("a", 2).record());
    assert_eq!(sum(&store, "a"), "1 2 ");
    assert_eq!(
        store.get(format!("at/{one}").as_bytes()),
        Some(b"1".to_vec())
    );
}

#[test]
fn a_position_that_is_no_record_is_an_error_and_not_another_record() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir.path().join("data"));
    let at = add(&store, &Add::new("a", 1), b"letter").unwrap();
    assert!(store.read(at).is_ok());
    for wrong in ["1:41", "1:39", "0:0", "1:999999", "2:32"] {
        assert!(store.read(wrong.parse().unwrap()).is_err(), "{wrong}");
    }
}

#[test]
fn a_decision_sees_what_it_has_written_itself_and_others_only_what_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir.path().join("data"));
    store
        .write(|batch| {
            batch.record(Add::new("a", 1).record().with_rows([Row::put("k", "new")]))?;
            assert_eq!(batch.get(b"k"), Some(b"new".to_vec()));
            assert_eq!(store.get(b"k"), None);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(store.get(b"k"), Some(b"new".to_vec()));
}

#[test]
fn a_decision_that_fails_or_panics_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir.path().join("data"));
    let refused: Result<(), anyhow::Error> = store.write(|batch| {
        let rows = [Row::put("k", "refused")];
        batch.record(Add::new("a", "refused").record().with_rows(rows))?;
        anyhow::bail!("thought better of it")
    });
    assert!(refused.is_err());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.write(|batch| {
            batch.record(Add::new("a", "panicked").record())?;
            if batch.get(b"k").is_none() {
                panic!("on purpose");
            }
            Ok::<_, StoreError>(())
        })
    }));
    assert!(panicked.is_err());
    add(&store, &Add::new("a", "kept"), b"").unwrap();
    assert_eq!(words(&store), ["kept"]);
    assert_eq!(store.get(b"k"), None);
}

#[test]
fn rows_can_name_the_record_that_they_stand_in() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (store, _) = try_open(&data, &small_segments()).unwrap();
    for n in 0..40 {
        let named = store.write(|batch| {
            let mut named = Vec::new();
            for part in 0..2 {
                let at = batch.next();
                let row = Row::put(format!("{n}/{part}"), at.to_string());
                let record = Record::new(format!("{n}/{part}")).with_blob([b'x'; 90]);
                named.push((at, batch.record(record.with_rows([row]))?));
            }
            Ok::<_, StoreError>(named)
        });
        for (named, at) in named.unwrap() {
            assert_eq!(named, at);
        }
    }
    drop(store);
    std::fs::remove_dir_all(data.join("index")).unwrap();
    let (store, _) = open(&data);
    for (key, at) in all_rows(&store) {
        let at = String::from_utf8(at).unwrap().parse().unwrap();
        assert_eq!(store.read(at).unwrap().head, key);
    }
    assert_eq!(all_rows(&store).len(), 80);
}

#[test]
fn an_empty_batch_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir.path().join("data"));
    assert_eq!(store.commit(vec![]).unwrap(), []);
    assert_eq!(store.records().count(), 0);
}

#[test]
fn what_is_too_large_is_refused_and_the_largest_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir.path().join("data"));
    let largest = Record::new("{}").with_blob(vec![b'x'; Record::BLOB_LIMIT]);
    let larger = Record::new("{}").with_blob(vec![b'x'; Record::BLOB_LIMIT + 1]);
    let head = Record::new(vec![b' '; Record::HEAD_LIMIT + 1]);
    for refused in [larger, head] {
        assert!(matches!(
            store.commit(vec![refused]),
            Err(StoreError::TooLarge { .. })
        ));
    }
    let many = vec![largest.clone(); 4];
    assert!(matches!(
        store.commit(many),
        Err(StoreError::TooLarge { .. })
    ));
    let at = store.commit(vec![largest.clone()]).unwrap();
    assert_eq!(store.read(at[0]).unwrap(), largest);
    assert_eq!(store.records().count(), 1);
}

#[test]
fn full_segments_are_followed_by_new_ones_and_batches_stay_whole() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (store, _) = try_open(&data, &small_segments()).unwrap();
    let mut positions = Vec::new();
    for n in 0..60 {
        let batch = [Add::new("a", n * 2), Add::new("a", n * 2 + 1)];
        positions.extend(add_all(&store, &batch, &[b'x'; 70]).unwrap());
    }
    assert!(positions.is_sorted());
    assert!(data.join("journal/00000005.journal").exists());
    let expected: Vec<String> = (0..120).map(|n: u32| n.to_string()).collect();
    assert_eq!(words(&store), expected);
    drop(store);
    let (store, _) = try_open(&data, &small_segments()).unwrap();
    assert_eq!(words(&store), expected);
    for (n, at) in positions.iter().enumerate() {
        assert_eq!(
            store.read(*at).unwrap(),
            Add::new("a", n).record().with_blob([b'x'; 70])
        );
    }
}

#[test]
fn writers_on_many_threads_are_served_one_after_another() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = Arc::new(open(&data).0);
    let writers: Vec<_> = (0..4)
        .map(|who| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                for n in 0..25 {
                    add(&store, &Add::new("all", format!("{who}.{n}")), b"").unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    // The rows were made in the order of the records.
    let in_order = words(&store);
    assert_eq!(in_order.len(), 100);
    assert_eq!(sum(&*store, "all"), in_order.join(" ") + " ");
    for who in 0..4 {
        let mine: Vec<_> = in_order
            .iter()
            .filter(|w| w.starts_with(&format!("{who}.")))
            .cloned()
            .collect();
        let expected: Vec<_> = (0..25).map(|n| format!("{who}.{n}")).collect();
        assert_eq!(mine, expected);
    }
}

#[test]
fn a_view_shows_one_state_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&dir.path().join("data")).0);
    let writer = thread::spawn({
        let store = Arc::clone(&store);
        move || {
            for n in 0..200 {
                let both = [Add::new("a", n), Add::new("b", n)];
                add_all(&store, &both, b"").unwrap();
            }
        }
    });
    loop {
        let (a, b) = store.view(|rows| (sum(rows, "a"), sum(rows, "b")));
        assert_eq!(a, b);
        if a.ends_with(" 199 ") {
            break;
        }
    }
    writer.join().unwrap();
}

#[test]
fn a_scan_finds_the_rows_of_a_prefix_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir.path().join("data"));
    let rows = ["", "a", "a/1", "a/2", "a/3", "b", "\u{0}", "mark"].map(|k| Row::put(k, k));
    store
        .commit(vec![Add::new("a", 1).record().with_rows(rows)])
        .unwrap();
    let keys = |found: Vec<(Vec<u8>, Vec<u8>)>| -> Vec<String> {
        found
            .into_iter()
            .map(|(k, _)| String::from_utf8(k).unwrap())
            .collect()
    };
    assert_eq!(keys(store.scan(b"a/")), ["a/1", "a/2", "a/3"]);
    assert_eq!(keys(store.scan_from(b"a/", b"a/2", 9)), ["a/2", "a/3"]);
    assert_eq!(keys(store.scan_from(b"a/", b"", 2)), ["a/1", "a/2"]);
    assert_eq!(keys(store.scan_from(b"a/", b"", 0)), [""; 0]);
    assert_eq!(store.scan(b"").len(), 8);
    assert_eq!(store.get(b"mark"), Some(b"mark".to_vec()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_is_written_in_whatever_batches_comes_back_in_order(
        batches in prop::collection::vec(
            prop::collection::vec((0_u8..3, 0_usize..300), 1..5), 1..20),
        segment_bytes in 100_u64..3_000,
        reopen_after in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let options = tradepost_store::Options { segment_bytes, ..options() };
        let mut store = try_open(&data, &options).unwrap().0;
        let mut expected = Vec::new();
        let reopen_after = reopen_after.index(batches.len());
        for (n, batch) in batches.iter().enumerate() {
            let adds: Vec<Add> = batch
                .iter()
                .map(|(to, size)| Add::new(&to.to_string(), format!("{n}.{size}")))
                .collect();
            let blob = vec![b'x'; batch[0].1];
            add_all(&store, &adds, &blob).unwrap();
            expected.extend(adds.into_iter().map(|a| a.what));
            if n == reopen_after {
                drop(store);
                store = try_open(&data, &options).unwrap().0;
            }
        }
        prop_assert_eq!(words(&store), expected);
        let rows = all_rows(&store);
        let verified = store.verify(&mut |_| {}).unwrap();
        prop_assert_eq!(verified.differing, Vec::<Vec<u8>>::new());
        prop_assert_eq!(verified.rows, rows.len() as u64);
    }
}
