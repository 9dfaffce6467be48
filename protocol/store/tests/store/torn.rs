//! What is left when the process or the machine goes down in the middle of a write.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;

use tradepost_store::{IndexOpened, StoreError};

use super::tally::{
    Add, add, add_all, copy, flip_a_bit, open, options, repair, segment, sum, try_open, words,
};

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
    fs::remove_file(data.join("index.use")).unwrap();
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

/// Two records that are whole, and behind them a batch of six, of several pages; where it lies.
fn with_a_large_batch(data: &Path) -> Range<u64> {
    let (store, _) = open(data);
    add(&store, &Add::new("a", 1), b"first letter").unwrap();
    add(&store, &Add::new("a", 2), &[b'y'; 300]).unwrap();
    let start = fs::metadata(segment(data, 1)).unwrap().len();
    let six: Vec<Add> = (3..9).map(|n| Add::new("a", n)).collect();
    add_all(&store, &six, &[b'z'; 3_000]).unwrap();
    start..fs::metadata(segment(data, 1)).unwrap().len()
}

/// Every set of neighbouring pages, as they are when they did not reach the disk: zeros behind the
/// old end of the file.
fn unwritten(file: &Path, batch: &Range<u64>) -> Vec<(String, Vec<u8>)> {
    const PAGE: u64 = 4096;
    let whole = fs::read(file).unwrap();
    let pages = batch.start / PAGE..batch.end.div_ceil(PAGE);
    let mut all = Vec::new();
    for first in pages.clone() {
        for last in first..pages.end {
            let from = (first * PAGE).max(batch.start);
            let to = ((last + 1) * PAGE).min(batch.end);
            let mut bytes = whole.clone();
            bytes[from as usize..to as usize].fill(0);
            all.push((format!("{from} to {to} of {batch:?}"), bytes));
        }
    }
    all
}

fn forget_what_is_known(data: &Path) {
    fs::remove_dir_all(data.join("index")).unwrap();
    fs::remove_file(data.join("index.use")).unwrap();
}

#[test]
fn a_batch_of_which_some_pages_did_not_reach_the_disk_is_dropped_whole() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let batch = with_a_large_batch(&original);
    let torn = unwritten(&segment(&original, 1), &batch);
    assert!(torn.len() > 9, "{}", torn.len());
    for (n, (what, bytes)) in torn.into_iter().enumerate() {
        let data = dir.path().join(format!("torn-{n}"));
        copy(&original, &data);
        fs::write(segment(&data, 1), bytes).unwrap();
        // The same is a loss while it is known that the batch was acknowledged.
        let error = try_open(&data, &options()).unwrap_err();
        let refused = matches!(error, StoreError::Lost(_) | StoreError::Damaged { .. });
        assert!(refused, "{what}: {error}");
        forget_what_is_known(&data);
        let report = repair(&data, false).unwrap();
        assert_eq!(report.lost, [], "{what}: {report}");
        assert_eq!(report.torn_bytes, batch.end - batch.start, "{what}");
        let (store, opened) = open(&data);
        assert_eq!(words(&store), ["1", "2"], "{what}");
        assert_eq!(opened.torn_bytes, batch.end - batch.start, "{what}");
        add(&store, &Add::new("a", "next"), b"").unwrap();
        drop(store);
        assert_eq!(words(&open(&data).0), ["1", "2", "next"], "{what}");
    }
    assert_eq!(words(&open(&original).0).len(), 8);
}

#[test]
fn a_torn_batch_behind_what_is_known_is_dropped_and_the_index_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (data, before) = (dir.path().join("data"), dir.path().join("before"));
    let (store, _) = open(&data);
    add(&store, &Add::new("a", 1), b"").unwrap();
    drop(store);
    copy(&data, &before);
    let (store, _) = open(&data);
    let start = fs::metadata(segment(&data, 1)).unwrap().len();
    let six: Vec<Add> = (3..9).map(|n| Add::new("a", n)).collect();
    add_all(&store, &six, &[b'z'; 3_000]).unwrap();
    drop(store);
    let batch = start..fs::metadata(segment(&data, 1)).unwrap().len();
    for (what, bytes) in unwritten(&segment(&data, 1), &batch) {
        let torn = dir.path().join("torn");
        copy(&before, &torn);
        fs::write(segment(&torn, 1), bytes).unwrap();
        let (store, opened) = open(&torn);
        assert_eq!(words(&store), ["1"], "{what}");
        assert_eq!(opened.index, IndexOpened::Current, "{what}");
        drop(store);
        fs::remove_dir_all(torn).unwrap();
    }
}

#[test]
fn an_unwritten_page_before_a_later_batch_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let batch = with_a_large_batch(&original);
    let (store, _) = open(&original);
    add(&store, &Add::new("a", "later"), b"").unwrap();
    drop(store);
    for (n, (what, bytes)) in unwritten(&segment(&original, 1), &batch)
        .into_iter()
        .enumerate()
    {
        let data = dir.path().join(format!("hurt-{n}"));
        copy(&original, &data);
        fs::write(segment(&data, 1), bytes).unwrap();
        forget_what_is_known(&data);
        let error = try_open(&data, &options()).unwrap_err();
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{what}: {error}"
        );
        assert!(!repair(&data, false).unwrap().lost.is_empty(), "{what}");
    }
    forget_what_is_known(&original);
    assert_eq!(words(&open(&original).0).len(), 9);
}

#[test]
fn changed_octets_in_the_last_batch_are_damage_whatever_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let batch = with_a_large_batch(&original);
    for at in [batch.start + 8, batch.start + 5_000, batch.end - 1] {
        let data = dir.path().join(format!("flip-{at}"));
        copy(&original, &data);
        flip_a_bit(&segment(&data, 1), at);
        forget_what_is_known(&data);
        let error = try_open(&data, &options()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{at}: {error}");
    }
    forget_what_is_known(&original);
    assert_eq!(words(&open(&original).0).len(), 8);
}
