//! A journal that lacks what was acknowledged, and the index beside it that knows of more.

use std::fs::{self, OpenOptions};
use std::path::Path;

use tradepost_store::{IndexOpened, Lost, Position, Recalled, StoreError, Why, forget_index};

use super::tally::{
    Add, add, add_all, checkpoints, copy, flip_a_bit, open, options, repair, segment,
    small_segments, try_open, words,
};

/// Batches of one and of two records, each with its position.
fn filled(data: &Path) -> Vec<(Position, String)> {
    let (store, _) = open(data);
    let mut all = Vec::new();
    for n in 0..5 {
        let words: Vec<String> = (0..=n % 2).map(|part| format!("{n}.{part}")).collect();
        let adds: Vec<Add> = words.iter().map(|word| Add::new("a", word)).collect();
        all.extend(
            add_all(&store, &adds, b"a letter")
                .unwrap()
                .into_iter()
                .zip(words),
        );
    }
    all
}

/// 40 records in several segments.
fn in_segments(data: &Path) -> Vec<(Position, String)> {
    let (store, _) = try_open(data, &small_segments()).unwrap();
    (0..40)
        .map(|n| {
            let at = add(&store, &Add::new("a", n), &[b'x'; 50]).unwrap();
            (at, n.to_string())
        })
        .collect()
}

fn place(at: Position) -> u64 {
    at.as_u64() & 0xffff_ffff
}

fn cut(file: &Path, length: u64) {
    let file = OpenOptions::new().write(true).open(file).unwrap();
    file.set_len(length).unwrap();
}

fn length(file: &Path) -> u64 {
    fs::metadata(file).unwrap().len()
}

/// Refused by whatever opens it, changed by nothing but a repair that is told to; gives what the
/// store says is lost.
fn check_refused(data: &Path, what: &str) -> Lost {
    let files = || -> Vec<(String, Vec<u8>)> {
        let Ok(entries) = fs::read_dir(data.join("journal")) else {
            return Vec::new();
        };
        let mut files: Vec<_> = entries
            .map(|e| e.unwrap().path())
            .map(|p| (p.display().to_string(), fs::read(&p).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = files();
    let refused = |error: StoreError| {
        let StoreError::Lost(lost) = error else {
            panic!("{what}: {error}");
        };
        *lost
    };
    let lost = refused(try_open(data, &options()).unwrap_err());
    assert_eq!(
        refused(try_open(data, &options()).unwrap_err()),
        lost,
        "{what}"
    );
    assert_eq!(
        refused(forget_index(data, &options()).unwrap_err()),
        lost,
        "{what}"
    );
    let text = lost.to_string();
    assert!(text.contains(&format!("{} octets", lost.octets)), "{text}");
    assert!(text.contains("repair"), "{text}");
    let dry = repair(data, false).unwrap();
    assert!(!dry.lost.is_empty(), "{what}");
    assert!(!dry.to_string().contains("whole"), "{dry}");
    assert_eq!(dry.recalled, lost.recalled, "{what}");
    assert_eq!(
        refused(try_open(data, &options()).unwrap_err()),
        lost,
        "{what}"
    );
    assert_eq!(files(), before, "{what}: nothing was changed");
    lost
}

/// What is lost is accepted: the store opens, has what is left, and goes on behind what is lost.
fn check_accepted(data: &Path, left: &[&str], end: Position, what: &str) {
    let report = repair(data, true).unwrap();
    assert!(!report.lost.is_empty(), "{what}");
    let (store, opened) = open(data);
    assert!(
        matches!(
            opened.index,
            IndexOpened::Rebuilt {
                why: Why::Missing,
                ..
            }
        ),
        "{what}: {opened}"
    );
    assert_eq!(words(&store), left, "{what}");
    let next = add(&store, &Add::new("a", "next"), b"").unwrap();
    assert!(next >= end, "{what}: a position is never given twice");
    drop(store);
    let again = repair(data, false).unwrap();
    assert_eq!(again.lost, [], "{what}: {again}");
    let (store, opened) = open(data);
    assert_eq!(opened.index, IndexOpened::Current, "{what}");
    assert_eq!(words(&store).len(), left.len() + 1, "{what}");
}

#[test]
fn a_journal_that_was_cut_anywhere_is_refused_and_the_lost_records_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let all = filled(&original);
    let full = length(&segment(&original, 1));
    let end = Position::from_u64(1 << 32 | full);
    let borders: Vec<u64> = all.iter().map(|(at, _)| place(*at)).collect();
    // Of a batch that lost a part nothing is left: where each starts, and its first record.
    let batches: Vec<(u64, usize)> = [0, 1, 3, 4, 6].map(|n| (borders[n], n)).to_vec();
    let anywhere = (0..full).step_by(13).chain(borders.iter().copied());
    for at in anywhere {
        let what = format!("cut at {at} of {full}");
        let data = dir.path().join(format!("cut-{at}"));
        copy(&original, &data);
        cut(&segment(&data, 1), at);
        let lost = check_refused(&data, &what);
        let (from, left) = *batches.iter().rfind(|b| b.0 <= at).unwrap_or(&(0, 0));
        assert_eq!(lost.octets, full - from, "{what}");
        assert_eq!(lost.losses[0].file, segment(&data, 1), "{what}");
        let gone: Vec<&str> = all.iter().skip(left).map(|(_, w)| w.as_str()).collect();
        assert_eq!(lost.recalled.events, gone, "{what}");
        let left: Vec<&str> = all.iter().take(left).map(|(_, w)| w.as_str()).collect();
        check_accepted(&data, &left, end, &what);
        fs::remove_dir_all(data).unwrap();
    }
    assert_eq!(words(&open(&original).0).len(), all.len());
}

#[test]
fn zeros_where_acknowledged_records_were_are_a_loss_and_no_torn_write() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let all = filled(&original);
    let full = length(&segment(&original, 1));
    for n in [0, 1, 3, 4, 6] {
        let (at, _) = &all[n];
        let data = dir.path().join(format!("zeros-{n}"));
        copy(&original, &data);
        cut(&segment(&data, 1), place(*at));
        cut(&segment(&data, 1), full + 4096);
        let lost = check_refused(&data, "zeros");
        assert_eq!(lost.octets, full - place(*at));
        let left: Vec<&str> = all.iter().take(n).map(|(_, w)| w.as_str()).collect();
        check_accepted(&data, &left, *at, "zeros");
    }
    assert!(try_open(&original, &options()).is_ok());
}

#[test]
fn whichever_segment_is_missing_or_empty_is_named_with_what_it_held() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let all = in_segments(&original);
    let (last, _) = all.last().unwrap();
    let newest = (last.as_u64() >> 32) as u32;
    assert!(newest > 3, "{newest} segments");
    for number in [1, 2, newest] {
        for empty in [false, true] {
            let what = format!("{number}, empty: {empty}");
            let data = dir.path().join(format!("without-{number}-{empty}"));
            copy(&original, &data);
            let file = segment(&data, number);
            let held = length(&file);
            match empty {
                true => cut(&file, 0),
                false => fs::remove_file(&file).unwrap(),
            }
            let lost = check_refused(&data, &what);
            assert_eq!((lost.octets, &lost.losses[0].file), (held, &file), "{what}");
            let (gone, left): (Vec<_>, Vec<_>) = all
                .iter()
                .partition(|(at, _)| at.as_u64() >> 32 == u64::from(number));
            let told = lost.recalled.events.len() + lost.recalled.more;
            assert_eq!(told, gone.len(), "{what}");
            assert!(lost.recalled.events.len() <= Recalled::SHOWN, "{what}");
            assert_eq!(lost.recalled.events[0], gone[0].1, "{what}");
            let left: Vec<&str> = left.iter().map(|(_, w)| w.as_str()).collect();
            check_accepted(&data, &left, *last, &what);
        }
    }
    assert!(try_open(&original, &options()).is_ok());
}

#[test]
fn several_segments_that_are_missing_are_told_together() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let all = in_segments(&original);
    let newest = (all.last().unwrap().0.as_u64() >> 32) as u32;
    let octets = |numbers: &[u32]| {
        numbers
            .iter()
            .map(|n| length(&segment(&original, *n)))
            .sum()
    };
    let every: Vec<u32> = (1..=newest).collect();
    for (n, gone) in [vec![newest - 1, newest], vec![1, 2], vec![1, newest], every]
        .into_iter()
        .enumerate()
    {
        let what = format!("without {gone:?}");
        let data = dir.path().join(format!("several-{n}"));
        copy(&original, &data);
        for number in &gone {
            fs::remove_file(segment(&data, *number)).unwrap();
        }
        let lost = check_refused(&data, &what);
        // How long the first of two neighbours was, nobody knows but in all.
        if gone != [1, 2] {
            let expected: u64 = octets(&gone);
            let at_least = if gone == [1, newest] {
                expected - 1_100
            } else {
                expected
            };
            assert!(
                (at_least..=expected).contains(&lost.octets),
                "{what}: {}",
                lost.octets
            );
        }
        let left: Vec<&str> = all
            .iter()
            .filter(|(at, _)| !gone.contains(&((at.as_u64() >> 32) as u32)))
            .map(|(_, w)| w.as_str())
            .collect();
        check_accepted(&data, &left, all.last().unwrap().0, &what);
    }
}

#[test]
fn a_lost_journal_is_not_taken_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let all = filled(&original);
    let data = dir.path().join("data");
    copy(&original, &data);
    fs::remove_dir_all(data.join("journal")).unwrap();
    let lost = check_refused(&data, "no journal");
    assert_eq!(lost.octets, length(&segment(&original, 1)));
    // Without the index it is still known how much there was, but not what.
    fs::remove_dir_all(data.join("index")).unwrap();
    let without_index = check_refused(&data, "no index");
    assert_eq!(without_index.octets, lost.octets);
    assert_eq!(without_index.recalled, Recalled::default());
    check_accepted(&data, &[], all.last().unwrap().0, "no journal");
    // A folder where nothing tells of a journal is a new one.
    let new = dir.path().join("new");
    copy(&original, &new);
    fs::remove_dir_all(new.join("journal")).unwrap();
    fs::remove_dir_all(new.join("index")).unwrap();
    fs::remove_file(new.join("index.use")).unwrap();
    assert!(words(&open(&new).0).is_empty());
}

#[test]
fn an_index_that_nobody_can_read_is_enough_to_miss_its_journal() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    filled(&data);
    fs::remove_dir_all(data.join("journal")).unwrap();
    fs::remove_file(data.join("index.use")).unwrap();
    fs::write(data.join("index/sled/db"), b"not a database").unwrap();
    fs::write(data.join("index/sled/conf"), b"segment_size: -1").unwrap();
    for checkpoint in checkpoints(&data) {
        fs::write(checkpoint, b"not a checkpoint").unwrap();
    }
    let error = try_open(&data, &options()).unwrap_err();
    assert!(
        matches!(error, StoreError::JournalMissing { .. }),
        "{error}"
    );
    let dry = repair(&data, false).unwrap();
    assert!(!dry.to_string().contains("whole"), "{dry}");
    assert!(try_open(&data, &options()).is_err());
    repair(&data, true).unwrap();
    assert!(words(&open(&data).0).is_empty());
}

#[test]
fn an_index_that_nobody_can_read_leaves_the_note_that_says_how_much_there_was() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let all = filled(&data);
    fs::write(data.join("index/sled/db"), vec![0xa5; 3 << 20]).unwrap();
    cut(&segment(&data, 1), place(all[3].0));
    // A checkpoint says what it was.
    let lost = check_refused(&data, "unreadable index");
    let gone: Vec<&str> = all.iter().skip(3).map(|(_, w)| w.as_str()).collect();
    assert_eq!(lost.recalled.events, gone);
    for checkpoint in checkpoints(&data) {
        flip_a_bit(&checkpoint, length(&checkpoint) - 10);
    }
    let lost = check_refused(&data, "unreadable index and checkpoints");
    assert_eq!(lost.recalled, Recalled::default());
}

#[test]
fn without_any_note_the_index_itself_knows() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let all = filled(&data);
    fs::remove_file(data.join("index.use")).unwrap();
    let whole = dir.path().join("whole");
    copy(&data, &whole);
    cut(&segment(&data, 1), place(all[3].0));
    let lost = check_refused(&data, "no note");
    let gone: Vec<&str> = all.iter().skip(3).map(|(_, w)| w.as_str()).collect();
    assert_eq!(lost.recalled.events, gone);
    let (store, opened) = open(&whole);
    assert_eq!(words(&store).len(), all.len());
    let rebuilt = matches!(
        opened.index,
        IndexOpened::Rebuilt {
            why: Why::MachineWentDown,
            ..
        }
    );
    assert!(rebuilt, "{opened}");
}

#[test]
fn what_a_killed_process_acknowledged_is_known_although_its_index_is_behind() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (store, _) = open(&data);
    let at: Vec<Position> = (0..3)
        .map(|n| add(&store, &Add::new("a", n), b"").unwrap())
        .collect();
    // What a killed process leaves: the files as they are while it runs.
    let (killed, shortened) = (dir.path().join("killed"), dir.path().join("shortened"));
    copy(&data, &killed);
    copy(&data, &shortened);
    drop(store);
    assert_eq!(words(&open(&killed).0), ["0", "1", "2"]);
    cut(&segment(&shortened, 1), place(at[2]));
    let full = length(&segment(&killed, 1));
    let lost = check_refused(&shortened, "killed");
    assert_eq!(lost.octets, full - place(at[2]));
    check_accepted(&shortened, &["0", "1"], at[2], "killed");
}

#[test]
fn an_older_copy_of_the_journal_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let backup = dir.path().join("backup");
    let all = in_segments(&data);
    copy(&data, &backup);
    let (store, _) = open(&data);
    let at = add(&store, &Add::new("a", "after the backup"), b"").unwrap();
    drop(store);
    let whole = dir.path().join("whole");
    copy(&data, &whole);
    fs::remove_dir_all(data.join("journal")).unwrap();
    copy(&backup.join("journal"), &data.join("journal"));
    let lost = check_refused(&data, "older copy");
    assert_eq!(lost.recalled.events, ["after the backup"]);
    let left: Vec<&str> = all.iter().map(|(_, w)| w.as_str()).collect();
    check_accepted(&data, &left, at, "older copy");
    assert!(try_open(&whole, &options()).is_ok());
}

/// A data folder, and a backup of it that went on with other records of the same length.
fn gone_apart(dir: &Path, small: bool) -> (std::path::PathBuf, std::path::PathBuf) {
    let (data, other) = (dir.join("data"), dir.join("other"));
    let options = if small { small_segments() } else { options() };
    drop(try_open(&data, &options).unwrap());
    copy(&data, &other);
    for (folder, word) in [(&data, "one"), (&other, "two")] {
        let (store, _) = try_open(folder, &options).unwrap();
        for n in 0..40 {
            add(&store, &Add::new("a", format!("{word}-{n}")), b"letter").unwrap();
        }
    }
    (data, other)
}

#[test]
fn another_journal_of_the_same_length_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (data, other) = gone_apart(dir.path(), false);
    assert_eq!(length(&segment(&data, 1)), length(&segment(&other, 1)));
    assert!(try_open(&data, &options()).is_ok());
    fs::copy(segment(&other, 1), segment(&data, 1)).unwrap();
    let lost = check_refused(&data, "other content");
    assert_eq!(lost.recalled.events, ["one-39"]);
    repair(&data, true).unwrap();
    let (store, _) = open(&data);
    assert_eq!(words(&store)[39], "two-39");
}

#[test]
fn an_older_segment_of_the_same_length_with_other_records_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (data, other) = gone_apart(dir.path(), true);
    assert_eq!(length(&segment(&data, 2)), length(&segment(&other, 2)));
    assert!(try_open(&data, &options()).is_ok());
    fs::copy(segment(&other, 2), segment(&data, 2)).unwrap();
    check_refused(&data, "other content in the middle");
    repair(&data, true).unwrap();
    assert_eq!(words(&open(&data).0).len(), 40);
    assert_eq!(repair(&data, false).unwrap().lost, []);
}

#[test]
fn a_journal_of_another_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (data, other) = (dir.path().join("data"), dir.path().join("other"));
    let all = filled(&data);
    let theirs = filled(&other);
    assert_eq!(all.len(), theirs.len());
    fs::copy(segment(&other, 1), segment(&data, 1)).unwrap();
    let lost = check_refused(&data, "another journal");
    assert_eq!(lost.recalled.events.len(), all.len());
    repair(&data, true).unwrap();
    assert_eq!(words(&open(&data).0).len(), theirs.len());
    assert_eq!(repair(&data, false).unwrap().lost, []);
}

#[test]
fn an_index_from_before_a_restored_backup_shows_what_the_backup_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    filled(&data);
    copy(&data, &backup);
    let (store, _) = open(&data);
    add(&store, &Add::new("a", "not in the backup"), b"").unwrap();
    drop(store);
    // The backup goes on with a longer record, so the old index ends in the middle of it.
    let (store, _) = open(&backup);
    add(&store, &Add::new("b", "after the backup"), &[b'x'; 200]).unwrap();
    drop(store);
    assert!(try_open(&backup, &options()).is_ok());
    fs::remove_dir_all(backup.join("index")).unwrap();
    copy(&data.join("index"), &backup.join("index"));
    let lost = check_refused(&backup, "index of another course");
    assert_eq!(lost.recalled.events, ["not in the backup"]);
}

#[test]
fn a_journal_alone_is_enough_when_nothing_else_was_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (data, restored) = (dir.path().join("data"), dir.path().join("restored"));
    let all = filled(&data);
    drop(open(&restored));
    fs::remove_dir_all(&restored).unwrap();
    drop(open(&restored));
    fs::remove_dir_all(restored.join("index")).unwrap();
    fs::remove_file(restored.join("index.use")).unwrap();
    fs::copy(segment(&data, 1), segment(&restored, 1)).unwrap();
    assert_eq!(words(&open(&restored).0).len(), all.len());
}
