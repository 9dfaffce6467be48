//! What is left when the process or the machine goes down in the middle of a write.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use tradepost_post::store::IndexOpened;

use super::tally::{Add, add, add_all, copy, open, segment, sum, words};

/// Three acknowledged records; the length of the journal before the last batch, and after it.
fn written(data: &Path, last: &[Add]) -> (u64, u64) {
    let (store, _) = open(data);
    add(&store, &Add::new("a", 1), b"first letter").unwrap();
    add(&store, &Add::new("a", 2), b"").unwrap();
    let before = fs::metadata(segment(data, 1)).unwrap().len();
    add_all(&store, last, b"last letter").unwrap();
    drop(store);
    // The index must not know the last batch either: as if it had never been acknowledged.
    fs::remove_dir_all(data.join("index")).unwrap();
    (before, fs::metadata(segment(data, 1)).unwrap().len())
}

fn check_cuts(last: &[Add], every: usize) {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let (before, after) = written(&original, last);
    assert!(before < after);
    for cut in (before..after).step_by(every).chain([after]) {
        let data = dir.path().join(format!("cut-{cut}"));
        copy(&original, &data);
        cut_off(&segment(&data, 1), cut);
        let (store, opened) = open(&data);
        let whole = cut == after;
        let expected: Vec<String> = ["1", "2"]
            .map(str::to_owned)
            .into_iter()
            .chain(last.iter().filter(|_| whole).map(|a| a.what.clone()))
            .collect();
        assert_eq!(words(&store), expected, "cut at {cut} of {after}");
        assert_eq!(
            opened.torn_bytes > 0,
            !whole && cut > before,
            "cut at {cut}"
        );
        // And it goes on from there.
        add(&store, &Add::new("a", "next"), b"").unwrap();
        drop(store);
        let (store, opened) = open(&data);
        assert_eq!((opened.torn_bytes, opened.index), (0, IndexOpened::Current));
        assert_eq!(sum(&store, "a"), expected.join(" ") + " next ");
        drop(store);
        fs::remove_dir_all(data).unwrap();
    }
}

fn cut_off(file: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(file).unwrap();
    file.set_len(length).unwrap();
}

#[test]
fn a_torn_record_is_cut_off_at_whatever_byte_and_all_before_it_survive() {
    check_cuts(&[Add::new("a", 3)], 1);
}

#[test]
fn of_a_torn_batch_nothing_is_left() {
    check_cuts(&[Add::new("a", 3), Add::new("a", 4)], 5);
}

#[test]
fn a_file_that_was_made_longer_but_not_filled_is_cut_off_too() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (before, after) = written(&data, &[Add::new("a", 3)]);
    for kept in [0, 10, 24, 40] {
        let data_copy = dir.path().join(format!("zeros-{kept}"));
        copy(&data, &data_copy);
        let file = segment(&data_copy, 1);
        cut_off(&file, before + kept);
        cut_off(&file, after + 4096);
        let (store, opened) = open(&data_copy);
        assert_eq!(words(&store), ["1", "2"]);
        assert_eq!(opened.torn_bytes, after + 4096 - before);
    }
}

#[test]
fn a_segment_that_was_only_begun_is_of_no_account() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    written(&data, &[Add::new("a", 3)]);
    let mut begun = fs::File::create(data.join("journal/00000002.journal.new")).unwrap();
    begun.write_all(b"TPJR").unwrap();
    let (store, opened) = open(&data);
    assert_eq!(words(&store), ["1", "2", "3"]);
    assert_eq!(opened.torn_bytes, 0);
}
