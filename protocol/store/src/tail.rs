//! How the journal ends: whole, with a batch that was being written, or short of what is known.
//!
//! Whatever lies before the known end was acknowledged (see `known`): if it is missing or hurt,
//! that is a loss and never mended in silence. Behind it, a batch of which only a part reached the
//! disk was not acknowledged, and is dropped whole.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::frame::{self, FrameFault};
use super::known::Known;
use super::lost::Loss;
use super::segment::{self, Bad, Ending, Segment};
use super::{Position, StoreError};

/// The smallest part of a file that a disk writes by itself.
const SECTOR: usize = 512;

/// What the newest segment holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tail {
    /// The end of its last whole batch.
    pub(super) whole: Ending,
    /// Where acknowledged batches begin to be missing.
    pub(super) short_from: Option<u32>,
}

/// Reads the newest segment to its end, beginning with the frame at `from`. What lies before
/// `acknowledged` must be there.
pub(super) fn examine(tail: &Segment, from: u32, acknowledged: u32) -> Result<Tail, StoreError> {
    let mut whole = Ending {
        length: from,
        ..Ending::default()
    };
    for frame in tail.frames_from(from) {
        match frame {
            Ok((offset, frame)) if frame.last => {
                whole = Ending {
                    length: offset + frame.length() as u32,
                    last: offset,
                    check: frame.check,
                };
            }
            Ok(_) => {}
            Err(bad) if bad.offset < acknowledged && ends_at(tail, bad) => break,
            Err(bad) if bad.offset >= acknowledged && is_torn(tail, bad, whole.length) => break,
            Err(bad) => return Err(tail.damaged(bad)),
        }
    }
    Ok(Tail {
        whole,
        short_from: (whole.length < acknowledged).then_some(whole.length),
    })
}

/// Whether nothing stands behind: the file ends, or was made longer again without its octets.
pub(super) fn ends_at(tail: &Segment, bad: Bad) -> bool {
    let rest = tail.bytes.get(bad.offset as usize..).unwrap_or_default();
    bad.fault == FrameFault::CutShort || rest.iter().all(|b| *b == 0)
}

/// Whether this is what a power cut leaves of the last batch, which starts at `batch`. The parts
/// of a file reach the disk in any order: some are there, the others read as zeros, or the file
/// ends early. A record of a later batch shows that this one was acknowledged and hurt since; so
/// do octets that are neither zeros nor what was written.
pub(super) fn is_torn(tail: &Segment, bad: Bad, batch: u32) -> bool {
    if bad.fault == FrameFault::CutShort {
        return true;
    }
    let mut next = None;
    let mut from = bad.offset as usize + 1;
    while let Some(found) = frame::find(&tail.bytes, from, &tail.seal) {
        let Some(Ok(frame)) = tail.frame_at(found as u32) else {
            break;
        };
        if frame.batch > bad.offset {
            return false;
        }
        next.get_or_insert(found);
        from = found + frame.length();
    }
    let end = tail.bytes.len();
    let first = bad.offset as usize / SECTOR * SECTOR;
    (first..next.unwrap_or(end)).step_by(SECTOR).any(|sector| {
        let part = sector.max(batch as usize)..(sector + SECTOR).min(end);
        let octets = tail.bytes.get(part).unwrap_or_default();
        !octets.is_empty() && octets.iter().all(|b| *b == 0)
    })
}

/// Refuses a journal whose rows are of another form than the caller's.
pub(super) fn same_rows(journal: &Path, numbers: &[u32], wanted: u32) -> Result<(), StoreError> {
    for number in numbers {
        let found = segment::read_header_of(journal, *number)?.rows;
        if found != wanted {
            return Err(StoreError::OtherRows {
                file: segment::path(journal, *number),
                found,
                wanted,
            });
        }
    }
    Ok(())
}

/// What older segments lack of what they held when the next ones were begun.
///
/// The second value: octets that all but the newest segment held then.
pub(super) fn older_losses(
    journal: &Path,
    numbers: &[u32],
) -> Result<(Vec<Loss>, u64), StoreError> {
    let mut losses = Vec::new();
    let mut octets = 0;
    let newest = numbers.last().copied().unwrap_or(0);
    let mut salt = None;
    for number in 1..=newest {
        let is_there = numbers.binary_search(&number).is_ok();
        if is_there {
            let header = segment::read_header_of(journal, number)?;
            if *salt.get_or_insert(header.seal.salt) != header.seal.salt {
                return Err(StoreError::Damaged {
                    file: segment::path(journal, number),
                    offset: 0,
                    what: "it belongs to another journal",
                });
            }
        }
        if number == newest {
            break;
        }
        let ending = match numbers.binary_search(&(number + 1)) {
            Ok(_) => Some(segment::read_header_of(journal, number + 1)?.previous),
            Err(_) => None,
        };
        octets += u64::from(ending.unwrap_or_default().length);
        if !is_there {
            losses.push(Loss::of_file(journal, number, ending));
        } else if let Some(ending) = ending {
            losses.extend(missing_of(journal, number, ending)?);
        }
    }
    Ok((losses, octets))
}

/// What a segment lacks of what it held when the next one was begun.
fn missing_of(journal: &Path, number: u32, ending: Ending) -> Result<Option<Loss>, StoreError> {
    let path = segment::path(journal, number);
    let length = fs::metadata(&path)
        .map_err(StoreError::io("look at", &path))?
        .len();
    let damaged = |offset: u32, what| StoreError::Damaged {
        file: path.clone(),
        offset: u64::from(offset),
        what,
    };
    if length > u64::from(ending.length) {
        return Err(damaged(
            ending.length,
            "the file is longer than when the next one was begun",
        ));
    }
    let length = length as u32;
    if length < ending.length {
        let whole = {
            let segment = Segment::load(journal, number, None)?;
            examine(&segment, segment::HEADER, u32::MAX)?.whole
        };
        let (from, end) = (whole.length, ending.length);
        return Ok(Some(Loss::of_end(journal, number, from, end, length)));
    }
    if ending.last == 0 {
        return Ok(None);
    }
    let seal = segment::read_header_of(journal, number)?.seal;
    let mut bytes = [0; frame::HEADER];
    File::open(&path)
        .and_then(|f| f.read_exact_at(&mut bytes, u64::from(ending.last)))
        .map_err(StoreError::io("read", &path))?;
    match frame::length_and_check(&bytes, ending.last, &seal) {
        Ok((_, check)) if check == ending.check => Ok(None),
        Ok(_) => {
            let at = |offset| Position::new(number, offset);
            let (last, end) = (at(ending.last), at(ending.length));
            Ok(Some(Loss::of_another_course(journal, last, end)))
        }
        Err(_) => Err(damaged(
            ending.last,
            "these are not the bytes that were written",
        )),
    }
}

/// What is missing behind `from` in the newest segment, whose file has the length `now`.
pub(super) fn losses_at_the_end(
    journal: &Path,
    newest: u32,
    (from, now): (u32, u32),
    before: u64,
    known: &Known,
) -> Vec<Loss> {
    let end = known.end;
    if end.segment() == newest {
        return vec![Loss::of_end(journal, newest, from, end.offset(), now)];
    }
    let missing = newest + 1..=end.segment();
    let only_one = missing.clone().count() == 1;
    let behind = known
        .octets
        .saturating_sub(before + u64::from(from) + u64::from(end.offset()));
    let mut losses = Vec::new();
    // How long the newest one was is known where only one more is missing.
    if only_one && behind > 0 {
        let behind = u32::try_from(behind).unwrap_or(u32::MAX);
        let end = from.saturating_add(behind);
        losses.push(Loss::of_end(journal, newest, from, end, now));
    }
    for number in missing {
        let ending = (number == end.segment()).then_some(Ending {
            length: end.offset(),
            ..Ending::default()
        });
        losses.push(Loss::of_file(journal, number, ending));
    }
    losses
}

/// The segments that have a header at least; a file that lacks it is as good as missing, where it is
/// known what it held.
pub(super) fn with_header(
    journal: &Path,
    numbers: Vec<u32>,
    known: &[Known],
) -> Result<Vec<u32>, StoreError> {
    let mut whole = Vec::new();
    let mut short = Vec::new();
    for number in numbers {
        let path = segment::path(journal, number);
        let found = fs::metadata(&path).map_err(StoreError::io("look at", &path))?;
        if found.len() < u64::from(segment::HEADER) {
            short.push(number);
        } else {
            whole.push(number);
        }
    }
    let known_to = furthest(known).map_or(0, |known| known.end.segment());
    let known_to = known_to.max(whole.last().copied().unwrap_or(0));
    match short.into_iter().find(|number| *number > known_to) {
        None => Ok(whole),
        Some(number) => Err(StoreError::Damaged {
            file: segment::path(journal, number),
            offset: 0,
            what: "the file ends inside its header",
        }),
    }
}

/// The furthest of what is known of this journal.
pub(super) fn furthest(known: &[Known]) -> Option<&Known> {
    known.iter().max_by_key(|known| known.end)
}

/// Up to where the newest segment was acknowledged.
pub(super) fn acknowledged_in(newest: u32, known: &[Known]) -> u32 {
    match furthest(known).map(|known| known.end) {
        Some(end) if end.segment() == newest => end.offset(),
        Some(end) if end > Position::new(newest, 0) => u32::MAX,
        Some(_) | None => 0,
    }
}
