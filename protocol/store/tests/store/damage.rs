//! Bytes of the journal that are no longer what was written, and what can be done about it.

use std::fs;
use std::path::Path;

use tradepost_store::{IndexOpened, Position, StoreError};
use tradepost_trades::rows::Rows as _;

use super::tally::{
    Add, add, add_all, copy, flip_a_bit, open, repair, segment, small_segments, sum, try_open,
    words,
};

/// Positions of five records in one segment.
fn five(data: &Path) -> Vec<Position> {
    let (store, _) = open(data);
    (1..=5)
        .map(|n| add(&store, &Add::new("a", n), b"a letter").unwrap())
        .collect()
}

fn place(at: Position) -> u64 {
    at.as_u64() & 0xffff_ffff
}

#[test]
fn a_changed_byte_anywhere_stops_the_store_with_file_and_place() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let positions = five(&original);
    let length = fs::metadata(segment(&original, 1)).unwrap().len();
    let unhurt = dir.path().join("unhurt");
    copy(&original, &unhurt);
    assert!(try_open(&unhurt, &super::tally::options()).is_ok());
    for at in (0..length).step_by(11) {
        let data = dir.path().join(format!("flip-{at}"));
        copy(&original, &data);
        let file = segment(&data, 1);
        flip_a_bit(&file, at);
        let before = fs::read(&file).unwrap();
        let error = try_open(&data, &super::tally::options()).unwrap_err();
        let hit = positions.iter().map(|p| place(*p)).rfind(|p| *p <= at);
        let StoreError::Damaged {
            file: named,
            offset,
            ..
        } = &error
        else {
            panic!("byte {at}: {error}");
        };
        assert_eq!(named, &file);
        assert_eq!(*offset, hit.unwrap_or(0), "byte {at}");
        assert!(error.to_string().contains("repair"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), before, "nothing was changed");
        fs::remove_dir_all(data).unwrap();
    }
}

#[test]
fn damage_in_an_older_segment_is_found_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (store, _) = try_open(&data, &small_segments()).unwrap();
    let at: Vec<_> = (0..40)
        .map(|n| add(&store, &Add::new("a", n), &[b'x'; 50]).unwrap())
        .collect();
    assert_eq!(store.records().filter(Result::is_err).count(), 0);
    flip_a_bit(&segment(&data, 1), place(at[1]) + 30);
    assert!(store.read(at[0]).is_ok());
    assert!(matches!(
        store.read(at[1]),
        Err(StoreError::Damaged { offset, .. }) if offset == place(at[1])
    ));
    let read: Vec<_> = store.records().collect();
    assert_eq!(read.len(), 2, "it ends with the error");
    assert!(matches!(read[1], Err(StoreError::Damaged { .. })));
}

#[test]
fn a_missing_or_shortened_segment_stops_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let (store, _) = try_open(&original, &small_segments()).unwrap();
    let at: Vec<_> = (0..40)
        .map(|n| add(&store, &Add::new("a", n), &[b'x'; 50]).unwrap())
        .collect();
    drop(store);
    for what in ["missing", "shortened"] {
        let data = dir.path().join(what);
        copy(&original, &data);
        assert!(try_open(&data, &small_segments()).is_ok());
        let file = segment(&data, 1);
        if what == "missing" {
            fs::remove_file(&file).unwrap();
        } else {
            // Exactly at the end of a record: what is left looks whole.
            let file = fs::OpenOptions::new().write(true).open(&file).unwrap();
            file.set_len(place(at[3])).unwrap();
        }
        let error = try_open(&data, &small_segments()).unwrap_err();
        let StoreError::Lost(lost) = &error else {
            panic!("{what}: {error}");
        };
        assert_eq!(lost.losses.len(), 1, "{what}");
        assert_eq!(lost.losses[0].file, file, "{what}");
        let report = repair(&data, true).unwrap();
        assert_eq!(report.lost, lost.losses, "{what}");
        let (store, _) = try_open(&data, &small_segments()).unwrap();
        assert_eq!(store.read(at[39]).unwrap().blob, [b'x'; 50]);
    }
}

/// Writes another format number into the header of the first segment; the file's bytes then.
fn with_format(file: &std::path::Path, format: u8) -> Vec<u8> {
    let mut bytes = fs::read(file).unwrap();
    bytes[8] = format;
    let crc = crc32c::crc32c(&bytes[..40]);
    bytes[40..44].copy_from_slice(&crc.to_le_bytes());
    fs::write(file, &bytes).unwrap();
    bytes
}

#[test]
fn a_journal_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    five(&data);
    let file = segment(&data, 1);
    let bytes = with_format(&file, 5);
    let error = try_open(&data, &super::tally::options()).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { format: 5, .. }),
        "{error}"
    );
    assert!(matches!(repair(&data, true), Err(StoreError::Newer { .. })));
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_journal_of_an_older_version_is_refused_by_name_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    five(&data);
    let file = segment(&data, 1);
    let bytes = with_format(&file, 3);
    let error = try_open(&data, &super::tally::options()).unwrap_err();
    let words = error.to_string();
    assert!(words.contains(&file.display().to_string()), "{words}");
    assert!(words.contains("rebuild --from-mailbox"), "{words}");
    assert!(matches!(repair(&data, true), Err(StoreError::Older { .. })));
    assert_eq!(fs::read(&file).unwrap(), bytes);
    with_format(&file, 4);
    try_open(&data, &super::tally::options()).unwrap();
}

#[test]
fn a_repair_keeps_every_other_record_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let positions = five(&data);
    let file = segment(&data, 1);
    // In the second record's letter, in the fourth one's header.
    flip_a_bit(&file, place(positions[2]) - 3);
    flip_a_bit(&file, place(positions[3]) + 9);
    let damaged = fs::read(&file).unwrap();

    let dry = repair(&data, false).unwrap();
    assert_eq!((dry.kept, dry.lost.len()), (3, 2));
    assert_eq!(dry.lost[0].offset, place(positions[1]));
    assert_eq!(
        dry.lost[0].bytes,
        Some(place(positions[2]) - place(positions[1]))
    );
    assert_eq!(
        fs::read(&file).unwrap(),
        damaged,
        "a dry run changes nothing"
    );
    assert!(dry.to_string().contains("3 records would be kept"), "{dry}");

    let done = repair(&data, true).unwrap();
    assert_eq!((done.kept, &done.lost), (3, &dry.lost));
    assert_eq!(fs::read(done.set_aside.last().unwrap()).unwrap(), damaged);
    let (store, opened) = open(&data);
    assert!(matches!(
        opened.index,
        IndexOpened::Rebuilt { records: 3, .. }
    ));
    // What later records decided stands as it was decided; the rows of the lost ones alone are gone.
    assert_eq!(sum(&store, "a"), "1 2 3 4 5 ");
    let is_there = |n: usize| {
        let row = format!("at/{}", positions[n]);
        store.get(row.as_bytes()).is_some()
    };
    assert_eq!(
        [0, 1, 2, 3, 4].map(is_there),
        [true, false, true, false, true]
    );
    for kept in [0, 2, 4] {
        assert_eq!(store.read(positions[kept]).unwrap().blob, b"a letter");
    }
    for lost in [1, 3] {
        assert!(matches!(
            store.read(positions[lost]),
            Err(StoreError::NoSuchRecord { .. })
        ));
    }
    let next = add(&store, &Add::new("a", 6), b"").unwrap();
    assert!(next > positions[4]);
    drop(store);
    let again = repair(&data, true).unwrap();
    assert_eq!((again.kept, again.lost), (4, vec![]));
    assert_eq!(again.set_aside, Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_repair_reads_a_segment_whose_header_is_lost_with_the_help_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (store, _) = try_open(&data, &small_segments()).unwrap();
    for n in 0..40 {
        let two = [Add::new("a", n * 2), Add::new("a", n * 2 + 1)];
        add_all(&store, &two, &[b'x'; 50]).unwrap();
    }
    let all = words(&store);
    drop(store);
    flip_a_bit(&segment(&data, 2), 20);
    assert!(try_open(&data, &small_segments()).is_err());
    let report = repair(&data, true).unwrap();
    assert_eq!((report.kept, report.lost.len()), (80, 1), "{report}");
    let (store, _) = try_open(&data, &small_segments()).unwrap();
    assert_eq!(words(&store), all);
}

#[test]
fn a_repair_of_a_damaged_end_loses_only_that() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let positions = five(&data);
    flip_a_bit(&segment(&data, 1), place(positions[4]) + 30);
    let report = repair(&data, true).unwrap();
    assert_eq!(
        (report.kept, report.lost.len(), report.torn_bytes),
        (4, 1, 0)
    );
    let (store, _) = open(&data);
    assert_eq!(words(&store), ["1", "2", "3", "4"]);
}

#[test]
fn a_repair_keeps_a_batch_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let (store, _) = open(&original);
    let batches: Vec<Vec<Position>> = (0..3)
        .map(|n| {
            let three: Vec<Add> = (0..3).map(|m| Add::new("a", format!("{n}.{m}"))).collect();
            add_all(&store, &three, b"a letter").unwrap()
        })
        .collect();
    let all = words(&store);
    drop(store);
    for (n, batch) in batches.iter().enumerate() {
        for (m, at) in batch.iter().enumerate() {
            let data = dir.path().join(format!("damaged-{n}-{m}"));
            copy(&original, &data);
            flip_a_bit(&segment(&data, 1), place(*at) + 40);
            let report = repair(&data, true).unwrap();
            assert_eq!((report.kept, report.lost.len()), (6, 1), "{report}");
            assert_eq!(report.lost[0].offset, place(batch[0]), "{report}");
            let (store, _) = open(&data);
            let of_it = format!("{n}.");
            let left: Vec<&String> = all.iter().filter(|w| !w.starts_with(&of_it)).collect();
            assert_eq!(words(&store).iter().collect::<Vec<_>>(), left);
            drop(store);
            assert_eq!(repair(&data, false).unwrap().lost, []);
        }
    }
    assert_eq!(repair(&original, false).unwrap().lost, []);
}
