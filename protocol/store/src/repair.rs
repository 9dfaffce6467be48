//! What can be done about a damaged journal: keep every batch that is whole, in its place, and
//! say what is lost.
//!
//! A damaged file is not changed but kept beside the repaired copy. Where records are lost, a
//! frame of the same length stands for them, so that the positions of the others hold, and no
//! position is given a second time.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::disk;
use super::folder::Folder;
use super::frame::{self, Seal};
use super::journal;
use super::known::{self, Known};
use super::lost::{self, Loss, Recalled};
use super::opening::{self, Memory};
use super::segment::{self, Ending, Segment};
use super::tail;
use super::{Options, Position, StoreError, index};

/// What a repair did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing was changed: this says only what would be done.
    pub dry_run: bool,
    /// Records that are whole; they stay at their positions.
    pub kept: u64,
    /// What is lost. Empty: the journal is not damaged, and has all that is known of it.
    pub lost: Vec<Loss>,
    /// What the index still knows of that.
    pub recalled: Recalled,
    /// Bytes of an unfinished write at the end, which nobody is known to have been answered for.
    /// They are cut off when the store is opened.
    pub torn_bytes: u64,
    /// Where the damaged files, and the index that knew more, were put.
    pub set_aside: Vec<PathBuf>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lost.is_empty() {
            write!(f, "the journal is whole: {} records", self.kept)?;
        } else {
            let (is, are) = match self.dry_run {
                true => ("would be", "would be"),
                false => ("is", "are"),
            };
            write!(f, "{} records {are} kept. Lost {is}:", self.kept)?;
            for loss in &self.lost {
                write!(f, "\n- {loss}")?;
            }
            write!(f, "\n{}", self.recalled)?;
        }
        for path in &self.set_aside {
            write!(f, "\nWhat was there was kept as {}", path.display())?;
        }
        if self.torn_bytes > 0 {
            write!(
                f,
                "\nThe last {} octets are of an unfinished write that nobody is known to have been \
                 answered for.",
                self.torn_bytes
            )?;
        }
        Ok(())
    }
}

/// Looks through the whole journal of a data folder, and for all that is known of it; unless it is
/// a `dry_run`, puts a repaired copy in the place of each damaged file, and sets the index aside so
/// that it is made anew. From then on what is lost is accepted.
///
/// # Errors
/// The folder is in use, not private, or can't be read or written.
pub fn repair(dir: &Path, options: &Options, dry_run: bool) -> Result<Report, StoreError> {
    let folder = Folder::own(dir)?;
    let journal = folder.journal();
    let mut report = Report {
        dry_run,
        kept: 0,
        lost: Vec::new(),
        recalled: Recalled::default(),
        torn_bytes: 0,
        set_aside: Vec::new(),
    };
    let numbers = segment::list(&journal)?;
    let mut memory = Memory::of(folder.root(), options)?;
    let salt = salt(&journal, &numbers, &memory.known, options)?;
    // What is known of another journal than the one that is here.
    let mut foreign = memory.known.iter().filter(|known| known.salt != salt);
    if let Some(foreign) = foreign.next() {
        report.lost.push(journal::of_another(&journal, foreign));
    }
    let known: Vec<Known> = memory
        .known
        .iter()
        .copied()
        .filter(|k| k.salt == salt)
        .collect();
    let furthest = tail::furthest(&known).filter(|known| known.last < known.end);
    let newest = numbers.last().copied().unwrap_or(0);
    let mut examination = Examination {
        journal: &journal,
        newest: newest.max(furthest.map_or(0, |known| known.end.segment())),
        known: furthest,
        salt,
        rows: options.format,
        previous: Ending::default(),
        previous_is_as_it_was: true,
        report: &mut report,
    };
    let mut repaired = Vec::new();
    for number in 1..=examination.newest {
        let copy = examination.examine(number)?;
        repaired.extend(copy.map(|bytes| (number, bytes)));
    }
    if numbers.is_empty() && report.lost.is_empty() && memory.index_is_there {
        let what = "there is an index, but no journal; how long it was is not known";
        report.lost.push(Loss::new(&journal, 1, 0, None, what));
    }
    if report.lost.is_empty() {
        let reader = journal::JournalReader::of(&journal, salt);
        let missing = known.iter().find(|known| !reader.holds(known));
        let loss = missing.map(|k| Loss::of_another_course(&journal, k.last, k.end));
        report.lost.extend(loss);
    }
    report.recalled = memory.recall(&report.lost, options);
    drop(memory);
    if !dry_run && !report.lost.is_empty() {
        // First: an index that holds rows of lost records must not meet the repaired journal.
        let root = folder.root();
        report
            .set_aside
            .extend(index::set_aside(root, &index::path(root))?);
        for (number, bytes) in repaired {
            let aside = replace(&segment::path(&journal, number), &bytes)?;
            report.set_aside.extend(aside);
        }
        disk::sync_folder(&journal)?;
        known::note_without_index(folder.root(), None)?;
        note_end(folder, options)?;
    }
    Ok(report)
}

/// Notes how far the journal goes from now on.
fn note_end(folder: Folder, options: &Options) -> Result<(), StoreError> {
    let (folder, known) = opening::settle(folder, options)?.without_index();
    known::note_without_index(folder.root(), Some(known))
}

/// Sets the index of a data folder aside, so that the store makes it anew from the journal when
/// it is opened the next time.
///
/// # Errors
/// As of opening the store: while the index knows of more than the journal has, it is needed.
pub fn forget_index(dir: &Path, options: &Options) -> Result<(), StoreError> {
    let settled = opening::settle(Folder::own(dir)?, options)?;
    let (folder, known) = settled.without_index();
    index::set_aside(folder.root(), &index::path(folder.root()))?;
    known::note_without_index(folder.root(), Some(known))
}

/// The salt is the same in all segments, so one whole header is enough to read them all: that of
/// the known journal, where there is a choice.
fn salt(
    journal: &Path,
    numbers: &[u32],
    known: &[Known],
    options: &Options,
) -> Result<u64, StoreError> {
    let mut found = None;
    for number in numbers {
        match tail::same_rows(journal, &[*number], options.format)
            .and_then(|()| segment::read_header_of(journal, *number))
        {
            Ok(header) if known.iter().any(|k| k.salt == header.seal.salt) => {
                return Ok(header.seal.salt);
            }
            Ok(header) => {
                found.get_or_insert(header.seal.salt);
            }
            Err(StoreError::Damaged { .. }) => {}
            Err(e) => return Err(e),
        }
    }
    let known = known.first().map(|known| known.salt);
    Ok(found.or(known).unwrap_or_else(rand::random))
}

/// One walk through the journal.
struct Examination<'e> {
    journal: &'e Path,
    /// Of those that are there, and those that are known to have been.
    newest: u32,
    known: Option<&'e Known>,
    salt: u64,
    /// The caller's number for the form of its rows.
    rows: u32,
    /// The end of the segment before, after its repair.
    previous: Ending,
    /// Nothing was lost of that one, nor was too much in it.
    previous_is_as_it_was: bool,
    report: &'e mut Report,
}

impl Examination<'_> {
    /// Counts what is whole in a segment and notes what is not. The bytes of a repaired copy,
    /// when it needs one.
    fn examine(&mut self, number: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let path = segment::path(self.journal, number);
        let (bytes, is_missing) = match fs::read(&path) {
            Ok(bytes) => (bytes, false),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => (Vec::new(), true),
            Err(e) => return Err(StoreError::io("read", &path)(e)),
        };
        let seal = Seal {
            salt: self.salt,
            segment: number,
        };
        let segment = Segment { path, seal, bytes };
        let header = segment::header(seal, self.previous, self.rows);
        let ending = self.ending(number);
        if is_missing {
            self.report
                .lost
                .push(Loss::of_file(self.journal, number, ending));
        } else {
            self.examine_header(&segment);
        }
        let losses_before = self.report.lost.len();
        let mut damaged = !segment.bytes.starts_with(&header);
        if let Some(ending) = ending.filter(|e| number < self.newest && e.length < segment.length())
        {
            let more = segment.length() - ending.length;
            let what = "this was not there when the next file was begun";
            self.lose(number, ending.length, more, what);
            damaged = true;
        }
        let mut copy = header;
        damaged |= self.copy_frames(&segment, ending, is_missing, &mut copy);
        self.previous_is_as_it_was = !is_missing && self.report.lost.len() == losses_before;
        Ok(damaged.then_some(copy))
    }

    /// What the header says of the segment before counts as well, unless a repair changes that one.
    fn examine_header(&mut self, segment: &Segment) {
        let Seal {
            segment: number, ..
        } = segment.seal;
        match segment::read_header(&segment.path, &segment.bytes, number) {
            Ok(header) if header.seal == segment.seal => {
                let previous = header.previous;
                if self.previous_is_as_it_was && previous != self.previous {
                    let at = |offset| Position::new(number.saturating_sub(1), offset);
                    let (last, end) = (at(previous.last), at(previous.length));
                    let loss = Loss::of_another_course(self.journal, last, end);
                    self.report.lost.push(loss);
                }
            }
            Ok(_) | Err(_) => {
                let bytes = segment.length().min(segment::HEADER);
                let what = "its header; the records below it were looked for";
                self.lose(number, 0, bytes, what);
            }
        }
    }

    /// How the segment ended, as the next one's header says, or as is known of the last one.
    fn ending(&self, number: u32) -> Option<Ending> {
        if let Ok(next) = segment::read_header_of(self.journal, number + 1)
            && next.seal.salt == self.salt
        {
            return Some(next.previous);
        }
        let known = self.known.filter(|known| known.end.segment() == number)?;
        Some(Ending {
            length: known.end.offset(),
            last: known.last.offset(),
            check: known.check,
        })
    }

    /// Whether any were lost.
    fn copy_frames(
        &mut self,
        segment: &Segment,
        ending: Option<Ending>,
        is_missing: bool,
        copy: &mut Vec<u8>,
    ) -> bool {
        let number = segment.seal.segment;
        let is_newest = number == self.newest;
        // Behind what is known, the newest segment may have more.
        let known = ending.map_or(0, |e| e.length);
        let limit = match ending {
            Some(ending) if !is_newest => ending.length,
            Some(_) | None => segment.length().max(known),
        };
        let mut damaged = false;
        let mut offset = segment::HEADER;
        // The last frame, and the last whole batch; records of a batch whose end was not seen.
        let (mut last, mut whole, mut pending) = (Ending::default(), copy.len(), 0);
        while offset < limit {
            let (next, check) = match segment.frame_at(offset) {
                Some(Ok(frame)) => {
                    let next = offset + frame.length() as u32;
                    let octets = segment.bytes.get(offset as usize..next as usize);
                    copy.extend_from_slice(octets.unwrap_or_default());
                    pending += u64::from(!frame.lost);
                    if frame.last {
                        self.report.kept += std::mem::take(&mut pending);
                        whole = copy.len();
                    }
                    (next, frame.check)
                }
                Some(Err(bad))
                    if is_newest
                        && offset >= known
                        && tail::is_torn(segment, bad, whole as u32) =>
                {
                    break;
                }
                bad => {
                    let next = next_batch(segment, offset).unwrap_or(limit);
                    // A batch is there as a whole or not at all: rows in it may stand on those before.
                    let start = whole as u32;
                    if !is_missing {
                        let what = match bad {
                            Some(Err(bad)) if !tail::ends_at(segment, bad) => {
                                "these are not the bytes that were written".to_owned()
                            }
                            Some(_) | None => lost::shorter(next, segment.length()),
                        };
                        self.lose(number, start, next - start, &what);
                    }
                    damaged = true;
                    copy.truncate(whole);
                    pending = 0;
                    let lost = frame::lost((next - start) as usize, start, &segment.seal);
                    let check = frame::length_and_check(&lost, start, &segment.seal);
                    copy.extend(lost);
                    whole = copy.len();
                    offset = start;
                    (next, check.map_or(0, |(_, check)| check))
                }
            };
            last = Ending {
                length: copy.len() as u32,
                last: offset,
                check,
            };
            offset = next;
        }
        if is_newest {
            self.report.torn_bytes = u64::from(segment.length()).saturating_sub(whole as u64);
            copy.truncate(whole);
        } else {
            self.report.kept += pending;
            self.previous = match last.last {
                0 => Ending {
                    length: copy.len() as u32,
                    ..last
                },
                _ => last,
            };
        }
        damaged
    }

    fn lose(&mut self, segment: u32, offset: u32, bytes: u32, what: &str) {
        let loss = Loss::new(self.journal, segment, offset, Some(bytes), what);
        self.report.lost.push(loss);
    }
}

/// Where the next whole batch starts behind damaged octets.
fn next_batch(segment: &Segment, damaged: u32) -> Option<u32> {
    let mut from = damaged as usize + 1;
    loop {
        let found = frame::find(&segment.bytes, from, &segment.seal)?;
        match segment.frame_at(found as u32) {
            Some(Ok(frame)) if frame.batch as usize != found => from = found + frame.length(),
            Some(_) | None => return Some(found as u32),
        }
    }
}

/// Puts the copy in the file's place, and the file beside it. At every moment one of the two
/// has the name.
fn replace(path: &Path, copy: &[u8]) -> Result<Option<PathBuf>, StoreError> {
    let mut aside = None;
    if path.exists() {
        let free = (1..)
            .map(|n: u32| path.with_extension(format!("journal.damaged-{n}")))
            .find(|p| !p.exists());
        if let Some(free) = free {
            disk::link(path, &free)?;
            aside = Some(free);
        }
    }
    disk::replace(path, copy)?;
    Ok(aside)
}
