//! The index is lost, hurt or old, and comes back as it was.

use std::fs;
use std::path::{Path, PathBuf};

use tradepost_store::{IndexOpened, Options, StoreError, Why};

use super::tally::{
    Add, add, all_rows, checkpoints, copy, open, options, small_segments, try_open,
};

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

/// What a rebuild had to start from.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Checkpoint,
    Journal,
}

fn check_rebuilt(
    accident: impl Fn(&Path),
    expected: impl Fn(&Why) -> bool,
    set_aside: usize,
    from: From,
) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let before = filled(&data);
    assert_eq!(open(&data).1.index, IndexOpened::Current, "no accident yet");
    if from == From::Journal {
        checkpoints(&data)
            .iter()
            .for_each(|file| fs::remove_file(file).unwrap());
    }
    accident(&data);
    let (store, opened) = open(&data);
    let IndexOpened::Rebuilt { why, rows, records } = &opened.index else {
        panic!("{opened:?}");
    };
    assert!(expected(why), "{opened}");
    match from {
        From::Checkpoint => assert_eq!((*rows, *records), (before.len() as u64, 0)),
        From::Journal => assert_eq!((*rows, *records), (0, 50)),
    }
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
        From::Journal,
    );
    check_rebuilt(
        |data| fs::remove_dir_all(data.join("index/sled")).unwrap(),
        |why| *why == Why::Missing,
        0,
        From::Checkpoint,
    );
}

#[test]
fn an_index_of_garbage_is_set_aside_and_made_anew() {
    for (file, garbage) in [
        ("db", vec![0xa5; 3 << 20]),
        ("db", vec![]),
        ("conf", b"segment_size: -1".to_vec()),
    ] {
        for from in [From::Checkpoint, From::Journal] {
            check_rebuilt(
                |data| fs::write(data.join("index/sled").join(file), &garbage).unwrap(),
                |why| matches!(why, Why::Unreadable(_)),
                1,
                from,
            );
        }
    }
}

#[test]
fn an_index_that_the_machine_went_down_with_is_not_trusted() {
    for from in [From::Checkpoint, From::Journal] {
        check_rebuilt(
            |data| fs::write(data.join("index.use"), "in use, boot another").unwrap(),
            |why| *why == Why::MachineWentDown,
            1,
            from,
        );
    }
}

#[test]
fn an_index_of_another_journal_is_not_trusted_and_no_checkpoint_of_one_either() {
    check_rebuilt(
        |data| {
            let other = data.with_extension("other");
            drop(filled(&other));
            fs::remove_dir_all(data.join("index")).unwrap();
            copy(&other.join("index"), &data.join("index"));
        },
        |why| *why == Why::NotOfThisJournal,
        1,
        From::Journal,
    );
}

#[test]
fn an_index_can_be_forgotten_on_purpose() {
    check_rebuilt(
        |data| tradepost_store::forget_index(data, &options()).unwrap(),
        |why| *why == Why::Missing,
        1,
        From::Journal,
    );
}

#[test]
fn a_journal_with_rows_of_another_form_is_refused_by_name_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let before = filled(&data);
    let journal = || fs::read(data.join("journal/00000001.journal")).unwrap();
    let octets = journal();
    for (format, remedy) in [(2, "rebuild --from-mailbox"), (0, "newer version")] {
        let other = Options {
            format,
            ..options()
        };
        let refusals = [
            try_open(&data, &other).unwrap_err(),
            tradepost_store::repair(&data, &other, false).unwrap_err(),
            tradepost_store::forget_index(&data, &other).unwrap_err(),
        ];
        for refused in refusals {
            let text = refused.to_string();
            assert!(
                matches!(refused, StoreError::OtherRows { found: 1, wanted, .. } if wanted == format),
                "{text}"
            );
            let names_both = text.contains("form 1") && text.contains(&format!("form {format}"));
            assert!(names_both && text.contains(remedy), "{text}");
        }
    }
    assert_eq!(journal(), octets);
    let (store, _) = open(&data);
    assert_eq!(all_rows(&store), before);
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
fn a_check_finds_that_the_rows_are_those_of_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let before = filled(&data);
    let (store, _) = open(&data);
    let verified = store.verify(&mut |_| {}).unwrap();
    assert_eq!(verified.differing, Vec::<Vec<u8>>::new());
    assert_eq!((verified.records, verified.rows), (50, before.len() as u64));
}
