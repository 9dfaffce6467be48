//! What a data folder holds, for whoever only reads: the newest checkpoint with the journal behind it laid
//! over, in memory.
//!
//! Nothing is written, locked or mended, and no index is opened, so it works on a disk that is full or may
//! not be written to. Another process may write to the folder meanwhile: what was acknowledged before is
//! there, and a batch counts as a whole or not at all.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tradepost_trades::rows::Rows;

use super::checkpoint::{self, Checkpoint, CheckpointRows};
use super::journal::{self, JournalReader, Seen};
use super::known::{Known, Noted};
use super::lost::Recalled;
use super::walk::{WalkedRecord, beginning, walk};
use super::{Options, Position, Record, Records, StoreError, folder, index, segment};

/// One state of a data folder.
#[derive(Debug)]
pub struct Snapshot {
    /// None: there is nothing in it yet.
    journal: Option<(JournalReader, Position)>,
    rows: Mutex<Arc<CheckpointRows>>,
    /// Older checkpoints than the one that is used, the newest last.
    older: Mutex<Vec<Checkpoint>>,
}

impl Snapshot {
    /// Looks at a data folder as it is now. One that is not there yet holds nothing.
    ///
    /// # Errors
    /// As of [`Store::open`](super::Store::open), but for those of writing: the folder is not private, the
    /// journal is damaged, or lacks what was acknowledged, or holds rows of another form.
    pub fn open(dir: &Path, options: &Options) -> Result<Snapshot, StoreError> {
        let journal = dir.join("journal");
        if !folder::is_private(dir)? {
            return Ok(Snapshot::of_nothing());
        }
        // First: what it knows is in the journal by the time that is read.
        let noted = Noted::read(dir);
        let mut checkpoints = checkpoint::all(dir, options.format);
        let known = known(noted.as_ref(), &checkpoints);
        let seen = match folder::is_private(&journal)? {
            true => Seen::end_of(&journal, options.format, &known),
            false => Ok(None),
        };
        let seen = match seen {
            Err(StoreError::Lost(mut lost)) => {
                let rows = CheckpointRows::of(checkpoints.drain(..).next());
                lost.recalled = Recalled::of(&lost.losses, &rows, options.recall);
                return Err(StoreError::Lost(lost));
            }
            seen => seen?,
        };
        let Some(seen) = seen else {
            journal::must_be_new(&journal, &known)?;
            if index::sled_path(dir).exists() {
                return Err(StoreError::JournalMissing {
                    journal,
                    index: index::sled_path(dir),
                });
            }
            return Ok(Snapshot::of_nothing());
        };
        let end = seen.end(&journal)?;
        let reader = JournalReader::of(&journal, end.salt);
        let synced = noted.as_ref().and_then(Noted::synced_end);
        let to = synced.map_or(end.end, |synced| synced.min(end.end));
        checkpoints.retain(|c| c.known.end <= to && reader.has(&c.known));
        checkpoints.reverse();
        let rows = rows(&reader, checkpoints.pop(), to)?;
        Ok(Snapshot {
            journal: Some((reader, to)),
            rows: Mutex::new(Arc::new(rows)),
            older: Mutex::new(checkpoints),
        })
    }

    fn of_nothing() -> Snapshot {
        Snapshot {
            journal: None,
            rows: Mutex::new(Arc::new(CheckpointRows::of(None))),
            older: Mutex::default(),
        }
    }

    /// Reads its rows. `read` runs once more where a checkpoint turns out to be hurt.
    ///
    /// # Errors
    /// The journal can't be read, which the rows are taken from then.
    pub fn view<T>(&self, mut read: impl FnMut(&dyn Rows) -> T) -> Result<T, StoreError> {
        loop {
            let rows = {
                let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(&rows)
            };
            let found = read(&*rows);
            let is_hurt = rows.base.as_ref().is_some_and(Checkpoint::is_hurt);
            if !is_hurt {
                return Ok(found);
            }
            self.pass_over()?;
        }
    }

    fn pass_over(&self) -> Result<(), StoreError> {
        let next = {
            let mut older = self.older.lock().unwrap_or_else(PoisonError::into_inner);
            older.pop()
        };
        let Some((reader, to)) = &self.journal else {
            return Ok(());
        };
        let made = Arc::new(rows(reader, next, *to)?);
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = made;
        Ok(())
    }

    /// The record at a position.
    ///
    /// # Errors
    /// There is none, it is damaged, or can't be read.
    pub fn read(&self, at: Position) -> Result<Record, StoreError> {
        match &self.journal {
            Some((reader, end)) if at < *end => reader.read(at),
            Some(_) | None => Err(StoreError::NoSuchRecord { position: at }),
        }
    }

    /// The records behind the one at a position, or all, in order.
    ///
    /// # Errors
    /// There is no record at the position, or it can't be read.
    pub fn records_behind(&self, after: Option<Position>) -> Result<Records, StoreError> {
        let (reader, end) = match &self.journal {
            Some((reader, end)) => (reader.clone(), *end),
            // A journal that ends where it begins.
            None => {
                let start = Position::new(1, segment::HEADER);
                (JournalReader::of(Path::new(""), 0), start)
            }
        };
        match after {
            None => Ok(Records::all(reader, end)),
            Some(after) => Records::behind(reader, after, end),
        }
    }
}

/// What is known of the journal, beside itself.
fn known(noted: Option<&Noted>, checkpoints: &[Checkpoint]) -> Vec<Known> {
    let noted = noted.and_then(|noted| noted.known);
    // What was put here from elsewhere proves nothing while the note is at hand.
    let marks = checkpoints.iter().map(|c| c.known);
    let marks = marks.filter(|mark| noted.is_none_or(|noted| noted.salt == mark.salt));
    noted.into_iter().chain(marks).collect()
}

fn rows(
    reader: &JournalReader,
    base: Option<Checkpoint>,
    to: Position,
) -> Result<CheckpointRows, StoreError> {
    let behind = base
        .as_ref()
        .map_or_else(|| beginning(reader.salt()), |base| base.known);
    let mut rows = CheckpointRows::of(base);
    walk(reader, behind, to, &mut |step: WalkedRecord<'_>| {
        let new = step.rows()?.into_iter();
        rows.over.extend(new.map(|row| (row.key, row.value)));
        Ok(())
    })?;
    Ok(rows)
}
