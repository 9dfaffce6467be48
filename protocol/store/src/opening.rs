//! Opening a store: the journal first, then an index that agrees with it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use tradepost_trades::rows::Row;

use super::checkpoint::{self, Checkpoint, CheckpointRows};
use super::folder::Folder;
use super::index::{self, Index, IndexTrouble};
use super::journal::{FoundJournal, Journal, JournalReader};
use super::keeper::{Kept, KeptRows};
use super::known::{Known, Noted, Use};
use super::lost::{Loss, Recalled};
use super::walk::{WalkedRecord, beginning, walk};
use super::{Options, Position, StoreError, segment};

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
    /// It was made anew from a checkpoint and the journal behind it, or from the whole journal.
    Rebuilt {
        /// What was wrong with the old one, or that there was none.
        why: Why,
        /// How many rows the checkpoint had; 0 where there was none that is whole.
        rows: u64,
        /// How many records of the journal were read.
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
            IndexOpened::Rebuilt {
                why,
                rows: 0,
                records,
            } => write!(
                f,
                "the index was made anew from {records} records of the journal, because {why}"
            )?,
            IndexOpened::Rebuilt { why, rows, records } => write!(
                f,
                "the index was made anew from a checkpoint of {rows} rows and the {records} records of the journal \
                 behind it, because {why}"
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
    pub(super) rows: KeptRows,
    pub(super) in_use: Use,
}

pub(super) fn open(
    dir: &Path,
    options: &Options,
    progress: &mut dyn FnMut(ReplayProgress),
) -> Result<(Parts, Opened), StoreError> {
    let Settled {
        folder,
        found,
        usable,
        checkpoints,
        in_use,
        trouble,
    } = settle(Folder::own(dir)?, options)?;
    let root = folder.root();
    let reader = found.journal.reader();
    let replay = Replay {
        reader: &reader,
        to: found.journal.end(),
        known: found.journal.known(),
    };
    let mut newest = checkpoints.first();
    let (index, in_use, opened) = match usable {
        Ok((index, from)) => {
            let mut in_use = in_use.map_or_else(|| Use::begin(root, None), Ok)?;
            in_use.acknowledged(replay.known);
            let records = replay.run(&index, from, progress)?;
            let opened = match records {
                0 => IndexOpened::Current,
                records => IndexOpened::Replayed { records },
            };
            (index, in_use, opened)
        }
        Err(why) => {
            index::set_aside(root, &index::sled_path(root))?;
            // Only now: the old one must not be taken for one that was in use.
            let in_use = Use::begin(root, Some(replay.known))?;
            let anew = Anew {
                root,
                options,
                trouble: &trouble,
            };
            let index;
            (index, newest) = anew.filled(&checkpoints, progress)?;
            let from = newest.map_or_else(|| beginning(reader.salt()), |newest| newest.known);
            let records = replay.run(&index, from, progress)?;
            let rows = newest.map_or(0, |newest| newest.rows);
            let opened = if found.new {
                IndexOpened::Current
            } else {
                IndexOpened::Rebuilt { why, rows, records }
            };
            (index, in_use, opened)
        }
    };
    index.flush()?;
    let opened = Opened {
        torn_bytes: found.torn_bytes,
        index: opened,
    };
    let kept = Kept {
        index: replay.known,
        checkpoint: newest.map(|newest| (newest.known, newest.size)),
    };
    let rows = KeptRows::new(root.to_path_buf(), options, index, trouble, kept);
    let parts = Parts {
        folder,
        journal: found.journal,
        reader,
        rows,
        in_use,
    };
    Ok((parts, opened))
}

/// An index in the place of one that is there no more.
struct Anew<'a> {
    root: &'a Path,
    options: &'a Options,
    trouble: &'a IndexTrouble,
}

impl Anew<'_> {
    /// With the rows of the newest checkpoint that is whole, or without any.
    fn filled<'c>(
        &self,
        checkpoints: &'c [Checkpoint],
        progress: &mut dyn FnMut(ReplayProgress),
    ) -> Result<(Index, Option<&'c Checkpoint>), StoreError> {
        for checkpoint in checkpoints {
            let index = self.empty()?;
            if fill(&index, checkpoint, progress)? {
                return Ok((index, Some(checkpoint)));
            }
            drop(index);
            let begun = index::sled_path(self.root);
            fs::remove_dir_all(&begun).map_err(StoreError::io("remove", &begun))?;
            // It is of no use any more, and an older one may be.
            let _ = fs::remove_file(checkpoint.path());
        }
        Ok((self.empty()?, None))
    }

    fn empty(&self) -> Result<Index, StoreError> {
        let made = Index::open(
            self.root,
            self.options.cache_bytes,
            Arc::clone(self.trouble),
        );
        made.map_err(|why| StoreError::Broken {
            why: format!("a new index can't be made: {why}"),
        })
    }
}

/// Puts the rows of a checkpoint into an empty index; whether all of it is whole.
fn fill(
    index: &Index,
    checkpoint: &Checkpoint,
    progress: &mut dyn FnMut(ReplayProgress),
) -> Result<bool, StoreError> {
    let total = checkpoint.size;
    let mut rows = Vec::new();
    let (mut done, mut waiting) = (0, 0);
    for block in checkpoint.blocks() {
        let Some(block) = block else {
            return Ok(false);
        };
        waiting += block.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
        rows.extend(block);
        if waiting >= BYTES_AT_ONCE {
            done += waiting as u64;
            waiting = 0;
            index.fill(std::mem::take(&mut rows))?;
            progress(ReplayProgress { done, total });
        }
    }
    index.fill(rows)?;
    Ok(true)
}

/// A data folder whose journal is whole and on the disk.
pub(super) struct Settled {
    pub(super) folder: Folder,
    pub(super) found: FoundJournal,
    /// The index that can be used, with the end of what is in it.
    usable: Result<(Index, Known), Why>,
    /// Of this journal, the newest first.
    checkpoints: Vec<Checkpoint>,
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
            index: index::sled_path(folder.root()),
        });
    }
    let found = match Journal::open(&journal, options, &memory.known) {
        Err(StoreError::Lost(mut lost)) => {
            lost.recalled = memory.recall(&lost.losses, options);
            return Err(StoreError::Lost(lost));
        }
        found => found?,
    };
    let reader = found.journal.reader();
    let usable = memory.usable_index(&reader);
    let mut checkpoints = memory.checkpoints;
    checkpoints.retain(|checkpoint| reader.has(&checkpoint.known));
    Ok(Settled {
        folder,
        found,
        usable,
        checkpoints,
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
    index: Result<(Index, Option<Known>), Why>,
    /// The newest first.
    checkpoints: Vec<Checkpoint>,
    trouble: IndexTrouble,
}

impl Memory {
    pub(super) fn of(root: &Path, options: &Options) -> Result<Memory, StoreError> {
        let trouble = IndexTrouble::default();
        let noted = Noted::read(root);
        let index_is_there = index::sled_path(root).exists();
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
            Ok((_, mark)) => *mark,
            Err(_) => None,
        };
        let checkpoints = checkpoint::all(root, options.format);
        // What was put here from elsewhere proves nothing while the note is at hand.
        let marks = mark.into_iter().chain(checkpoints.iter().map(|c| c.known));
        let marks = marks.filter(|mark| noted.is_none_or(|noted| noted.salt == mark.salt));
        Ok(Memory {
            known: noted.into_iter().chain(marks).collect(),
            index_is_there,
            index_is_trustworthy,
            in_use,
            index,
            checkpoints,
            trouble,
        })
    }

    fn index(
        root: &Path,
        options: &Options,
        trouble: &IndexTrouble,
    ) -> Result<(Index, Option<Known>), String> {
        let index = Index::open(root, options.cache_bytes, Arc::clone(trouble))?;
        let mark = index.mark()?;
        Ok((index, mark))
    }

    /// What the index still knows of lost records, or the newest checkpoint.
    pub(super) fn recall(&mut self, losses: &[Loss], options: &Options) -> Recalled {
        if let Ok((index, _)) = &self.index {
            let recalled = Recalled::of(losses, index, options.recall);
            if !recalled.events.is_empty() {
                return recalled;
            }
        }
        let rows = CheckpointRows::of(self.checkpoints.drain(..).next());
        Recalled::of(losses, &rows, options.recall)
    }

    /// The index, where its rows are those of this journal.
    fn usable_index(&mut self, reader: &JournalReader) -> Result<(Index, Known), Why> {
        let (index, mark) = std::mem::replace(&mut self.index, Err(Why::Missing))?;
        match mark {
            _ if !self.index_is_trustworthy => Err(Why::MachineWentDown),
            None => Ok((index, beginning(reader.salt()))),
            Some(mark) if mark.salt != reader.salt() => Err(Why::NotOfThisJournal),
            Some(mark) => Ok((index, mark)),
        }
    }
}

/// Puts the rows of records into the index.
pub(super) struct Replay<'r> {
    pub(super) reader: &'r JournalReader,
    /// The end of what is acknowledged.
    pub(super) to: Position,
    /// The same, as the index is marked.
    pub(super) known: Known,
}

/// So many octets of records wait at most in memory before their rows are written.
const BYTES_AT_ONCE: usize = 8 << 20;

impl Replay<'_> {
    /// Applies the rows of the records from `behind` on, and marks the index as up to date.
    fn run(
        &self,
        index: &Index,
        behind: Known,
        progress: &mut dyn FnMut(ReplayProgress),
    ) -> Result<u64, StoreError> {
        let total = self.reader.distance(behind.end, self.to);
        let mut done = 0;
        let mut rows = BTreeMap::new();
        let mut waiting = 0;
        let mut records = 0;
        walk(self.reader, behind, self.to, &mut |step: WalkedRecord<
            '_,
        >| {
            rows.extend(step.rows()?.into_iter().map(|row| (row.key, row.value)));
            records += u64::from(!step.frame.lost);
            waiting += step.frame.length();
            done += step.frame.length() as u64;
            // Only whole batches: a mark inside one would be right, but batches are
            // acknowledged as a whole and this keeps them whole everywhere.
            if step.frame.last && waiting >= BYTES_AT_ONCE {
                index.apply(taken(&mut rows), step.known)?;
                waiting = 0;
                progress(ReplayProgress { done, total });
            }
            Ok(())
        })?;
        index.apply(taken(&mut rows), self.known)?;
        if records > 0 {
            progress(ReplayProgress { done: total, total });
        }
        Ok(records)
    }
}

fn taken(rows: &mut BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Vec<Row> {
    let all = std::mem::take(rows).into_iter();
    all.map(|(key, value)| Row { key, value }).collect()
}
