//! The index is lost, hurt or old, and comes back as it was.

use std::fs;
use std::path::{Path, PathBuf};

use tradepost_store::{IndexOpened, Options, ReplayProgress, Store, Why};
use tradepost_trades::rows::{Row, Rows as _};

use super::tally::{Add, add, all_rows, apply, copy, open, options, small_segments, try_open};

fn filled(data: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (store, _) = try_open(data, &small_segments()).unwrap();
    for n in 0..50 {
        add(&store, &Add::new(&(n % 3).to_string(), n), &[b'x'; 40]).unwrap();
    }
    all_rows(&store)
}

fn aside(data: &Path) -> Vec<PathBuf> {
    fs::read_dir(data)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.to_string_lossy().contains("index.aside-"))
        .collect()
}

fn check_rebuilt(accident: impl Fn(&Path), expected: impl Fn(&Why) -> bool, set_aside: usize) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let before = filled(&data);
    assert_eq!(open(&data).1.index, IndexOpened::Current, "no accident yet");
    accident(&data);
    let (store, opened) = open(&data);
    assert!(
        matches!(&opened.index, IndexOpened::Rebuilt { why, records: 50 } if expected(why)),
        "{opened:?}"
    );
    assert_eq!(all_rows(&store), before);
    assert_eq!(aside(&data).len(), set_aside);
    drop(store);
    assert_eq!(open(&data).1.index, IndexOpened::Current);
}

#[test]
fn a_lost_index_is_made_anew() {
    check_rebuilt(
        |data| fs::remove_dir_all(data.join("index")).unwrap(),
        |why| *why == Why::Missing,
        0,
    );
}

#[test]
fn an_index_of_garbage_is_set_aside_and_made_anew() {
    for (file, garbage) in [
        ("db", vec![0xa5; 3 << 20]),
        ("db", vec![]),
        ("conf", b"segment_size: -1".to_vec()),
    ] {
        check_rebuilt(
            |data| fs::write(data.join("index").join(file), &garbage).unwrap(),
            |why| matches!(why, Why::Unreadable(_)),
            1,
        );
    }
}

#[test]
fn an_index_that_the_machine_went_down_with_is_not_trusted() {
    check_rebuilt(
        |data| fs::write(data.join("index.use"), "in use, boot another").unwrap(),
        |why| *why == Why::MachineWentDown,
        1,
    );
}

#[test]
fn an_index_of_another_journal_is_not_trusted() {
    check_rebuilt(
        |data| {
            let other = data.with_extension("other");
            drop(filled(&other));
            fs::remove_dir_all(data.join("index")).unwrap();
            copy(&other.join("index"), &data.join("index"));
        },
        |why| *why == Why::NotOfThisJournal,
        1,
    );
}

#[test]
fn an_index_can_be_forgotten_on_purpose() {
    check_rebuilt(
        |data| tradepost_store::forget_index(data, &options()).unwrap(),
        |why| *why == Why::Missing,
        1,
    );
}

#[test]
fn rows_of_another_format_are_made_anew_by_the_new_rules() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let before = filled(&data);
    let newer = Options {
        format: 2,
        ..options()
    };
    let mut seen = Vec::new();
    let (store, opened) = Store::open(
        &data,
        &newer,
        &mut |_, at, _| Ok(vec![Row::put(format!("new/{at}"), "")]),
        &mut |p: ReplayProgress| seen.push(p),
    )
    .unwrap();
    let why = Why::OtherFormat {
        found: 1,
        wanted: 2,
    };
    assert_eq!(opened.index, IndexOpened::Rebuilt { why, records: 50 });
    assert_eq!(store.scan(b"").len(), 50);
    assert_eq!(store.scan(b"new/").len(), 50);
    let last = seen.last().unwrap();
    assert!(last.total > 0 && last.done == last.total);
    drop(store);
    // And back again: at most one index is kept aside.
    let (store, _) = open(&data);
    assert_eq!(all_rows(&store), before);
    assert_eq!(aside(&data).len(), 1);
}

#[test]
fn an_index_that_is_behind_gets_only_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    filled(&data);
    let old = dir.path().join("old");
    copy(&data.join("index"), &old);
    let (store, _) = open(&data);
    for n in 0..30 {
        add(&store, &Add::new("1", format!("later-{n}")), b"").unwrap();
    }
    let expected = all_rows(&store);
    drop(store);
    fs::remove_dir_all(data.join("index")).unwrap();
    copy(&old, &data.join("index"));
    let (store, opened) = open(&data);
    assert_eq!(opened.index, IndexOpened::Replayed { records: 30 });
    assert_eq!(all_rows(&store), expected);
}

#[test]
fn a_record_that_cannot_be_applied_is_named_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    filled(&data);
    fs::remove_dir_all(data.join("index")).unwrap();
    let mut count = 0;
    let error = Store::open(
        &data,
        &options(),
        &mut |rows, at, record| {
            count += 1;
            if count == 20 {
                return Err("a kind that is not known".into());
            }
            apply(rows, at, record)
        },
        &mut |_| {},
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("a kind that is not known"), "{error}");
    assert!(error.contains(".journal"), "{error}");
    let (store, _) = open(&data);
    assert_eq!(store.records().count(), 50);
}

#[test]
fn a_check_of_the_index_names_the_rows_that_differ() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(&dir.path().join("data"));
    add(&store, &Add::new("a", 1), b"").unwrap();
    let verify = || store.verify(&mut apply, &mut |_| {}).unwrap().differing;
    assert_eq!(verify(), Vec::<Vec<u8>>::new());
    let row = Row::put("sum/b", "not what the record says");
    store
        .commit(vec![Add::new("c", 2).record()], vec![row])
        .unwrap();
    let keys: Vec<_> = verify()
        .into_iter()
        .map(|k| String::from_utf8(k).unwrap())
        .collect();
    assert_eq!(keys.len(), 3, "{keys:?}");
    assert_eq!(keys[1..], ["sum/b", "sum/c"]);
}
