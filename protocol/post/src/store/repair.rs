//! What can be done about a damaged journal: keep every record that is whole, in its place, and
//! say what is lost.
//!
//! A damaged file is not changed but kept beside the repaired copy. Where a record is lost, a
//! frame of the same length stands for it, so that the positions of the others hold.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::folder::Folder;
use super::frame::{self, Seal};
use super::journal;
use super::segment::{self, Segment};
use super::{StoreError, index};

/// What a repair did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Nothing was changed: this says only what would be done.
    pub dry_run: bool,
    /// Records that are whole.
    pub kept: u64,
    /// What is lost. Empty: the journal is not damaged.
    pub lost: Vec<Loss>,
    /// Bytes of an unfinished write at the end, which were never acknowledged. They are cut off
    /// when the store is opened.
    pub torn_bytes: u64,
    /// Where the damaged files were put.
    pub set_aside: Vec<PathBuf>,
}

/// Bytes of the journal that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The segment's file.
    pub file: PathBuf,
    /// The first damaged record's place in it.
    pub offset: u64,
    /// How many bytes, of one record or of several.
    pub bytes: u64,
    /// What is wrong with them.
    pub what: String,
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
            for Loss {
                file,
                offset,
                bytes,
                what,
            } in &self.lost
            {
                let file = file.display();
                write!(f, "\n- {file}, {bytes} bytes from byte {offset} on: {what}")?;
            }
        }
        for path in &self.set_aside {
            write!(f, "\nThe damaged file was kept as {}", path.display())?;
        }
        if self.torn_bytes > 0 {
            write!(
                f,
                "\nThe last {} bytes are of an unfinished write that was never acknowledged.",
                self.torn_bytes
            )?;
        }
        Ok(())
    }
}

/// Looks through the whole journal of a data folder; unless it is a `dry_run`, puts a repaired
/// copy in the place of each damaged file, and sets the index aside so that it is made anew.
///
/// # Errors
/// The folder is in use, not private, or can't be read or written.
pub fn repair(dir: &Path, dry_run: bool) -> Result<Report, StoreError> {
    let folder = Folder::own(dir)?;
    let journal = folder.journal();
    let mut report = Report {
        dry_run,
        kept: 0,
        lost: Vec::new(),
        torn_bytes: 0,
        set_aside: Vec::new(),
    };
    let numbers = segment::list(&journal)?;
    let mut examination = Examination {
        journal: &journal,
        newest: numbers.last().copied().unwrap_or(0),
        salt: known_salt(&journal, &numbers)?.unwrap_or_else(rand::random),
        previous: 0,
        report: &mut report,
    };
    let mut repaired = Vec::new();
    for number in 1..=examination.newest {
        let copy = examination.examine(number)?;
        repaired.extend(copy.map(|bytes| (number, bytes)));
    }
    if !dry_run && !repaired.is_empty() {
        // First: an index that holds rows of lost records must not meet the repaired journal.
        index::set_aside(folder.root())?;
        for (number, bytes) in repaired {
            let aside = replace(&segment::path(&journal, number), &bytes)?;
            report.set_aside.extend(aside);
        }
        segment::sync_folder(&journal)?;
    }
    Ok(report)
}

/// Sets the index of a data folder aside, so that the store makes it anew from the journal when
/// it is opened the next time.
///
/// # Errors
/// The folder is in use, not private, or can't be written.
pub fn forget_index(dir: &Path) -> Result<(), StoreError> {
    index::set_aside(Folder::own(dir)?.root())
}

/// The salt is the same in all segments, so one whole header is enough to read them all.
fn known_salt(journal: &Path, numbers: &[u32]) -> Result<Option<u64>, StoreError> {
    for number in numbers {
        match segment::read_header_of(journal, *number) {
            Ok(header) => return Ok(Some(header.seal.salt)),
            Err(StoreError::Damaged { .. }) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

/// One walk through the journal.
struct Examination<'e> {
    journal: &'e Path,
    newest: u32,
    salt: u64,
    /// The length of the segment before, after its repair.
    previous: u32,
    report: &'e mut Report,
}

impl Examination<'_> {
    /// Counts what is whole in a segment and notes what is not. The bytes of a repaired copy,
    /// when it needs one.
    fn examine(&mut self, number: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let path = segment::path(self.journal, number);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(StoreError::io("read", &path)(e)),
        };
        let seal = Seal {
            salt: self.salt,
            segment: number,
        };
        let segment = Segment { path, seal, bytes };
        let header = segment::header(seal, self.previous);
        let mut damaged = !segment.bytes.starts_with(&header);
        if damaged {
            let (bytes, what) = match segment.bytes.len() {
                0 => (0, "the file is missing or empty"),
                n => (n, "its header; the records below it were looked for"),
            };
            let bytes = bytes.min(header.len());
            self.lose(&segment, 0, bytes as u32, what);
        }
        let mut copy = header;
        let ends_at = segment::ends_at(self.journal, number);
        damaged |= ends_at.is_some_and(|end| end != segment.length());
        damaged |= self.copy_frames(&segment, ends_at, &mut copy);
        self.previous = copy.len() as u32;
        Ok(damaged.then_some(copy))
    }

    /// Whether any were lost.
    fn copy_frames(&mut self, segment: &Segment, ends_at: Option<u32>, copy: &mut Vec<u8>) -> bool {
        let is_newest = segment.seal.segment == self.newest;
        let limit = ends_at.unwrap_or_else(|| segment.length());
        let mut damaged = false;
        let mut offset = segment::HEADER;
        // Records of a batch whose end has not been seen.
        let (mut whole, mut pending) = (offset, 0);
        while offset < limit {
            let next = match segment.frame_at(offset) {
                Some(Ok(frame)) => {
                    let next = offset + frame.length() as u32;
                    pending += u64::from(!frame.lost);
                    if frame.last {
                        self.report.kept += std::mem::take(&mut pending);
                        whole = next;
                    }
                    copy.extend(
                        segment
                            .bytes
                            .get(offset as usize..next as usize)
                            .into_iter()
                            .flatten(),
                    );
                    next
                }
                Some(Err(bad)) if is_newest && journal::is_torn(segment, bad) => break,
                Some(Err(_)) | None => {
                    let found = frame::find(&segment.bytes, offset as usize + 1, &segment.seal);
                    let next = found.map_or(limit, |n| n as u32);
                    let what = "these are not the bytes that were written";
                    self.lose(segment, offset, next - offset, what);
                    damaged = true;
                    // What stands for the loss ends a batch: what was whole before it is kept.
                    self.report.kept += std::mem::take(&mut pending);
                    copy.extend(frame::lost((next - offset) as usize, offset, &segment.seal));
                    whole = next;
                    next
                }
            };
            offset = next;
        }
        if is_newest {
            self.report.torn_bytes = u64::from(segment.length().saturating_sub(whole));
            copy.truncate(whole as usize);
        } else {
            self.report.kept += pending;
        }
        damaged
    }

    fn lose(&mut self, segment: &Segment, offset: u32, bytes: u32, what: &str) {
        self.report.lost.push(Loss {
            file: segment.path.clone(),
            offset: u64::from(offset),
            bytes: u64::from(bytes),
            what: what.to_owned(),
        });
    }
}

/// Puts the copy in the file's place, and the file beside it. At every moment one of the two
/// has the name.
fn replace(path: &Path, copy: &[u8]) -> Result<Option<PathBuf>, StoreError> {
    let new = path.with_extension("journal.new");
    segment::write_new(&new, &[copy])?;
    let mut aside = None;
    if path.exists() {
        let free = (1..)
            .map(|n: u32| path.with_extension(format!("journal.damaged-{n}")))
            .find(|p| !p.exists());
        if let Some(free) = free {
            fs::hard_link(path, &free).map_err(StoreError::io("keep", &free))?;
            aside = Some(free);
        }
    }
    fs::rename(&new, path).map_err(StoreError::io("replace", path))?;
    Ok(aside)
}
