//! Opening a store: the journal first, then an index that agrees with it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tradepost_trades::rows::{Overlay, Row, Rows};

use super::folder::Folder;
use super::index::{self, Index, IndexTrouble, Mark};
use super::journal::{FoundFrame, Journal, JournalReader};
use super::known::{Known, Noted, Use};
use super::lost::{Loss, Recalled};
use super::{ApplyError, Options, Position, Record, StoreError, segment};

/// Turns a record of the journal back into rows. The rows it is given hold what all earlier
/// records made.
pub type Apply<'a> = dyn FnMut(&dyn Rows, Position, &Record) -> Result<Vec<Row>, ApplyError> + 'a;

/// How far a replay of the journal has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayProgress {
    /// Bytes of the journal read.
    pub done: u64,
    /// Bytes to read in all: what the index lacks; of `Store::verify`, the whole journal.
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

/// Whether the index could be used as it was, and what was done where it could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexOpened {
    /// It was up to date.
    Current,
    /// The last records were missing in it and were put in.
    Replayed {
        /// How many; those that a repair gave up do not count.
        records: u64,
    },
    /// It was made anew from the whole journal.
    Rebuilt {
        /// What was wrong with the old one, or that there was none.
        why: Why,
        /// How many records the journal has.
        records: u64,
    },
}

/// Why the index was made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There was none: it was set aside, or only the journal was put back.
    Missing,
    /// It could not be read.
    Unreadable(String),
    /// Its rows are of another form than this version's.
    OtherFormat {
        /// [`Options::format`] of the version that made it.
        found: u32,
        /// [`Options::format`] of this version.
        wanted: u32,
    },
    /// It was made from another journal.
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
                "; {} octets of an unfinished write were cut off the journal (nothing that is known \
                 to have been answered for)",
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
    pub(super) reader: JournalReader,
    pub(super) index: Index,
    pub(super) in_use: Use,
    pub(super) trouble: IndexTrouble,
}

pub(super) fn open(
    dir: &Path,
    options: &Options,
    apply: &mut Apply<'_>,
    progress: &mut dyn FnMut(ReplayProgress),
) -> Result<(Parts, Opened), StoreError> {
    let Settled {
        folder,
        found,
        usable,
        in_use,
        trouble,
    } = settle(Folder::own(dir)?, options)?;
    let root = folder.root();
    let reader = found.journal.reader();
    let replay = Replay {
        reader: &reader,
        format: options.format,
        to: found.journal.end(),
        known: found.journal.known(),
    };
    let (index, in_use, opened) = match usable {
        Ok((index, from)) => {
            let mut in_use = in_use.map_or_else(|| Use::begin(root, None), Ok)?;
            in_use.acknowledged(replay.known);
            let records = replay.run(&index, from, apply, progress)?;
            let opened = match records {
                0 => IndexOpened::Current,
                records => IndexOpened::Replayed { records },
            };
            (index, in_use, opened)
        }
        Err(why) => {
            index::set_aside(root)?;
            // Only now: the old one must not be taken for one that was in use.
            let in_use = Use::begin(root, Some(replay.known))?;
            let index =
                Index::open(root, options.cache_bytes, Arc::clone(&trouble)).map_err(|why| {
                    StoreError::Broken {
                        why: format!("a new index can't be made: {why}"),
                    }
                })?;
            let start = Position::new(1, segment::HEADER);
            let from = Known::nothing(reader.salt(), start);
            let records = replay.run(&index, from, apply, progress)?;
            let opened = if found.new {
                IndexOpened::Current
            } else {
                IndexOpened::Rebuilt { why, records }
            };
            (index, in_use, opened)
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
        in_use,
        trouble,
    };
    Ok((parts, opened))
}

/// A data folder whose journal is whole and on the disk.
pub(super) struct Settled {
    pub(super) folder: Folder,
    pub(super) found: FoundFrame,
    /// The index that can be used, with the end of what is in it.
    usable: Result<(Index, Known), Why>,
    in_use: Option<Use>,
    trouble: IndexTrouble,
}

impl Settled {
    /// The folder and the end of its journal; the index is closed.
    pub(super) fn without_index(self) -> (Folder, Known) {
        (self.folder, self.found.journal.known())
    }
}

/// Opens the journal, which must hold all that is known of it.
pub(super) fn settle(folder: Folder, options: &Options) -> Result<Settled, StoreError> {
    let mut memory = Memory::of(folder.root(), options)?;
    let journal = folder.journal();
    if memory.known.is_empty() && memory.index_is_there && segment::list(&journal)?.is_empty() {
        return Err(StoreError::JournalMissing {
            journal,
            index: index::path(folder.root()),
        });
    }
    let found = match Journal::open(&journal, options.segment_limit(), &memory.known) {
        Err(StoreError::Lost(mut lost)) => {
            lost.recalled = memory.recall(&lost.losses, options);
            return Err(StoreError::Lost(lost));
        }
        found => found?,
    };
    let usable = memory.usable_index(options, &found.journal.reader());
    Ok(Settled {
        folder,
        found,
        usable,
        in_use: memory.in_use,
        trouble: memory.trouble,
    })
}

/// What a data folder knows of its journal, beside the journal itself.
pub(super) struct Memory {
    pub(super) known: Vec<Known>,
    pub(super) index_is_there: bool,
    index_is_trustworthy: bool,
    /// Of an index that can be trusted.
    in_use: Option<Use>,
    /// The index as it is, whether it can be used or not, and how far its rows go.
    index: Result<(Index, Option<Mark>), Why>,
    trouble: IndexTrouble,
}

impl Memory {
    pub(super) fn of(root: &Path, options: &Options) -> Result<Memory, StoreError> {
        let trouble = IndexTrouble::default();
        let noted = Noted::read(root);
        let index_is_there = index::path(root).exists();
        let index_is_trustworthy = noted.as_ref().is_some_and(Noted::index_is_trustworthy);
        let noted = noted.and_then(|noted| noted.known);
        // Opening it writes to it: from here on it is no longer the one that was closed.
        let in_use = (index_is_there && index_is_trustworthy)
            .then(|| Use::begin(root, noted))
            .transpose()?;
        let index = match index_is_there {
            true => Memory::index(root, options, &trouble).map_err(Why::Unreadable),
            false => Err(Why::Missing),
        };
        let mark = match &index {
            Ok((_, Some(mark))) => Some(mark.known),
            Ok((_, None)) | Err(_) => None,
        };
        // An index that was put here from elsewhere proves nothing while the note is at hand.
        let mark = mark.filter(|mark| noted.is_none_or(|noted| noted.salt == mark.salt));
        Ok(Memory {
            known: noted.into_iter().chain(mark).collect(),
            index_is_there,
            index_is_trustworthy,
            in_use,
            index,
            trouble,
        })
    }

    fn index(
        root: &Path,
        options: &Options,
        trouble: &IndexTrouble,
    ) -> Result<(Index, Option<Mark>), String> {
        let index = Index::open(root, options.cache_bytes, Arc::clone(trouble))?;
        let mark = index.mark()?;
        Ok((index, mark))
    }

    /// What the index still knows of lost records.
    pub(super) fn recall(&mut self, losses: &[Loss], options: &Options) -> Recalled {
        match &self.index {
            Ok((index, Some(mark))) if mark.format == options.format => {
                Recalled::of(losses, index, options.recall)
            }
            Ok(_) | Err(_) => Recalled::default(),
        }
    }

    /// The index, where its rows are those of this journal and this version.
    fn usable_index(
        &mut self,
        options: &Options,
        reader: &JournalReader,
    ) -> Result<(Index, Known), Why> {
        let (index, mark) = std::mem::replace(&mut self.index, Err(Why::Missing))?;
        let start = Position::new(1, segment::HEADER);
        match mark {
            _ if !self.index_is_trustworthy => Err(Why::MachineWentDown),
            None => Ok((index, Known::nothing(reader.salt(), start))),
            Some(mark) if mark.format != options.format => Err(Why::OtherFormat {
                found: mark.format,
                wanted: options.format,
            }),
            Some(mark) if mark.known.salt != reader.salt() => Err(Why::NotOfThisJournal),
            Some(mark) => Ok((index, mark.known)),
        }
    }
}

/// Puts records of the journal into rows.
pub(super) struct Replay<'r> {
    pub(super) reader: &'r JournalReader,
    pub(super) format: u32,
    /// The end of what is acknowledged.
    pub(super) to: Position,
    /// The same, as the index is marked.
    pub(super) known: Known,
}

/// So many records wait at most in memory before their rows are written ...
const RECORDS_AT_ONCE: usize = 1_000;
/// ... and so many bytes of them.
const BYTES_AT_ONCE: usize = 8 << 20;

impl Replay<'_> {
    fn mark(&self, known: Known) -> Mark {
        Mark {
            format: self.format,
            known,
        }
    }

    /// Applies the records from `from` on, and marks the index as up to date.
    fn run(
        &self,
        index: &Index,
        behind: Known,
        apply: &mut Apply<'_>,
        progress: &mut dyn FnMut(ReplayProgress),
    ) -> Result<u64, StoreError> {
        let from = behind.end;
        let mut octets = behind.octets;
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
                octets += u64::from(segment::HEADER);
                segment::HEADER
            };
            while Position::new(number, offset) < self.to
                && let Some(frame) = segment.frame_at(offset)
            {
                let frame = frame.map_err(|bad| segment.damaged(bad))?;
                let at = Position::new(number, offset);
                offset += frame.length() as u32;
                done += frame.length() as u64;
                octets += frame.length() as u64;
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
                    let known = Known {
                        salt: self.known.salt,
                        last: at,
                        end: Position::new(number, offset),
                        check: frame.check,
                        octets,
                    };
                    index.apply(rows.into_rows(), self.mark(known))?;
                    rows = Overlay::new(index);
                    waiting = (0, 0);
                    progress(ReplayProgress { done, total });
                }
            }
        }
        index.apply(rows.into_rows(), self.mark(self.known))?;
        if records > 0 {
            progress(ReplayProgress { done: total, total });
        }
        Ok(records)
    }
}
