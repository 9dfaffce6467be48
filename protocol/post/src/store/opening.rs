//! Opening a store: the journal first, then an index that agrees with it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tradepost_trades::rows::{Overlay, Row, Rows};

use super::folder::Folder;
use super::index::{self, Index, Mark, Trouble, Use};
use super::journal::{Journal, Reader};
use super::{ApplyError, Options, Position, Record, StoreError, segment};

/// Turns a record of the journal back into rows. The rows it is given hold what all earlier
/// records made.
pub type Apply<'a> = dyn FnMut(&dyn Rows, Position, &Record) -> Result<Vec<Row>, ApplyError> + 'a;

/// How far a replay of the journal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the journal read.
    pub done: u64,
    /// Bytes to read.
    pub total: u64,
}

/// What opening the store found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Bytes of a batch that was being written when the process or the machine went down; it
    /// was never acknowledged and has been cut off.
    pub torn_bytes: u64,
    /// What was done about the index.
    pub index: IndexOpened,
}

/// See [`Opened::index`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexOpened {
    /// It was up to date.
    Current,
    /// The last records were missing in it and were put in.
    Replayed {
        /// How many.
        records: u64,
    },
    /// It was made anew from the whole journal.
    Rebuilt {
        /// For what reason.
        why: Why,
        /// How many records the journal has.
        records: u64,
    },
}

/// Why the index was made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There was none.
    Missing,
    /// It could not be read.
    Unreadable(String),
    /// Its rows are of another form than this version's.
    OtherFormat {
        /// The number found.
        found: u32,
        /// This version's.
        wanted: u32,
    },
    /// It was made from another journal, or from one that was longer.
    NotOfThisJournal,
    /// The machine went down while it was in use, so parts of it may be missing.
    MachineWentDown,
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.index {
            IndexOpened::Current => write!(f, "the index was up to date")?,
            IndexOpened::Replayed { records } => write!(
                f,
                "the last {records} records of the journal were put into the index"
            )?,
            IndexOpened::Rebuilt { why, records } => write!(
                f,
                "the index was made anew from {records} records of the journal, because {why}"
            )?,
        }
        if self.torn_bytes > 0 {
            write!(
                f,
                "; {} bytes of an unfinished write were cut off the journal (nothing that was \
                 acknowledged)",
                self.torn_bytes
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Missing => write!(f, "there was none"),
            Why::Unreadable(why) => write!(f, "the old one could not be read: {why}"),
            Why::OtherFormat { found, wanted } => {
                write!(f, "its format is {found} and this version's is {wanted}")
            }
            Why::NotOfThisJournal => write!(f, "the old one does not belong to this journal"),
            Why::MachineWentDown => {
                write!(f, "the machine went down while the old one was in use")
            }
        }
    }
}

/// The parts of an open store.
pub(super) struct Parts {
    pub(super) folder: Folder,
    pub(super) journal: Journal,
    pub(super) reader: Reader,
    pub(super) index: Index,
    pub(super) trouble: Trouble,
}

pub(super) fn open(
    dir: &Path,
    options: &Options,
    apply: &mut Apply<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Parts, Opened), StoreError> {
    let folder = Folder::own(dir)?;
    let root = folder.root();
    let there_was_an_index = index::path(root).exists();
    if there_was_an_index && segment::list(&folder.journal())?.is_empty() {
        return Err(StoreError::JournalMissing {
            journal: folder.journal(),
            index: index::path(root),
        });
    }
    let found = Journal::open(&folder.journal(), options.segment_limit())?;
    let reader = found.journal.reader();
    let replay = Replay {
        reader: &reader,
        format: options.format,
        to: found.journal.end(),
    };
    let trouble = Trouble::default();
    let in_use = Use::of(root);
    let usable = if !there_was_an_index {
        Err(Why::Missing)
    } else if !in_use.is_trustworthy() {
        Err(Why::MachineWentDown)
    } else {
        usable_index(root, options, &trouble, &replay)
    };
    let (index, opened) = match usable {
        Ok((index, from)) => {
            in_use.begin()?;
            let records = replay.run(&index, from, apply, progress)?;
            let opened = match records {
                0 => IndexOpened::Current,
                records => IndexOpened::Replayed { records },
            };
            (index, opened)
        }
        Err(why) => {
            index::set_aside(root)?;
            in_use.begin()?;
            let index =
                Index::open(root, options.cache_bytes, Arc::clone(&trouble)).map_err(|why| {
                    StoreError::Broken {
                        why: format!("a new index can't be made: {why}"),
                    }
                })?;
            let from = Position::new(1, segment::HEADER);
            let records = replay.run(&index, from, apply, progress)?;
            let opened = if found.new {
                IndexOpened::Current
            } else {
                IndexOpened::Rebuilt { why, records }
            };
            (index, opened)
        }
    };
    let opened = Opened {
        torn_bytes: found.torn_bytes,
        index: opened,
    };
    let parts = Parts {
        folder,
        journal: found.journal,
        reader,
        index,
        trouble,
    };
    Ok((parts, opened))
}

/// The index as it is, with the position from which records are missing in it.
fn usable_index(
    root: &Path,
    options: &Options,
    trouble: &Trouble,
    replay: &Replay<'_>,
) -> Result<(Index, Position), Why> {
    let index =
        Index::open(root, options.cache_bytes, Arc::clone(trouble)).map_err(Why::Unreadable)?;
    let start = Position::new(1, segment::HEADER);
    let from = match index.mark().map_err(Why::Unreadable)? {
        None => start,
        Some(mark) if mark.format != options.format => {
            return Err(Why::OtherFormat {
                found: mark.format,
                wanted: options.format,
            });
        }
        Some(mark) if mark.salt != replay.reader.salt() => return Err(Why::NotOfThisJournal),
        Some(mark) => Position::from_u64(mark.position),
    };
    // A journal that was restored from a backup and has grown since may have other records there.
    if from < start || from > replay.to || !replay.reader.is_between_records(from) {
        return Err(Why::NotOfThisJournal);
    }
    Ok((index, from))
}

/// Puts records of the journal into rows.
pub(super) struct Replay<'r> {
    pub(super) reader: &'r Reader,
    pub(super) format: u32,
    /// The end of what is acknowledged.
    pub(super) to: Position,
}

/// So many records wait at most in memory before their rows are written ...
const RECORDS_AT_ONCE: usize = 1_000;
/// ... and so many bytes of them.
const BYTES_AT_ONCE: usize = 8 << 20;

impl Replay<'_> {
    fn mark(&self, position: Position) -> Mark {
        Mark {
            format: self.format,
            salt: self.reader.salt(),
            position: position.as_u64(),
        }
    }

    /// Applies the records from `from` on, and marks the index as up to date.
    fn run(
        &self,
        index: &Index,
        from: Position,
        apply: &mut Apply<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<u64, StoreError> {
        let total = self.reader.distance(from, self.to);
        let mut done = 0;
        let mut rows = Overlay::new(index);
        let mut waiting = (0, 0);
        let mut records = 0;
        for number in from.segment()..=self.to.segment() {
            let segment = self.reader.load(number)?;
            let mut offset = if number == from.segment() {
                from.offset()
            } else {
                segment::HEADER
            };
            while Position::new(number, offset) < self.to
                && let Some(frame) = segment.frame_at(offset)
            {
                let frame = frame.map_err(|bad| segment.damaged(bad))?;
                let at = Position::new(number, offset);
                offset += frame.length() as u32;
                done += frame.length() as u64;
                if !frame.lost {
                    let new = apply(&rows, at, &frame.to_record()).map_err(|source| {
                        StoreError::Apply {
                            file: segment.path.clone(),
                            offset: u64::from(at.offset()),
                            source,
                        }
                    })?;
                    rows.apply(new);
                    records += 1;
                }
                waiting = (waiting.0 + 1, waiting.1 + frame.length());
                // Only whole batches: a mark inside one would be right, but batches are
                // acknowledged as a whole and this keeps them whole everywhere.
                if frame.last && (waiting.0 >= RECORDS_AT_ONCE || waiting.1 >= BYTES_AT_ONCE) {
                    index.apply(rows.into_rows(), self.mark(Position::new(number, offset)))?;
                    rows = Overlay::new(index);
                    waiting = (0, 0);
                    progress(Progress { done, total });
                }
            }
        }
        index.apply(rows.into_rows(), self.mark(self.to))?;
        if records > 0 {
            progress(Progress { done: total, total });
        }
        Ok(records)
    }
}
