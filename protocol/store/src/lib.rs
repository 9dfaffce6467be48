//! The store of an agent: a journal, which is the truth, and an index of rows made from it.
//!
//! ```text
//! decide ──► records with their rows ──► journal (one fdatasync) ──► acknowledged ──► index (sled)
//!                                            │                                          ▲
//!                                            └── rows in memory ── some seconds later ──┘
//! ```
//!
//! Now and then all rows are written as a checkpoint, from which an index that was lost is made anew.
//!
//! An agent reads rows, decides, and hands over records of what happened, each with the rows that
//! were decided. Both stand in the journal, so that an index can be lost without loss, and nothing
//! has to be decided again.
//!
//! It does not know what the records say, it takes part in no network, and it never deletes a
//! record. All calls block: make them off the async threads.

mod batch;
mod group;
mod opening;
mod snapshot;

mod frame;
mod journal;
mod packed;
mod position;
mod records;
mod segment;
mod tail;
mod walk;

mod checkpoint;
mod disk;
mod folder;
mod index;
mod keeper;
mod known;
mod memtable;

mod error;
mod lost;
mod repair;
mod verify;

#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tradepost_trades::rows::{Overlay, Rows};

pub use batch::Batch;
pub use error::StoreError;
pub use frame::Record;
pub use lost::{Loss, Lost, RecallRecords, Recalled};
pub use opening::{IndexOpened, Opened, ReplayProgress, Why};
pub use position::{Position, PositionError};
pub use records::Records;
pub use repair::{Report, forget_index, repair};
pub use snapshot::Snapshot;
pub use verify::Verified;

use batch::NewFrames;
use folder::Folder;
use group::SharedBatch;
use journal::{AppendError, Journal, JournalReader};
use keeper::KeptRows;
use known::Use;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The caller's number for the form of its rows. A journal that holds rows under another number
    /// is not opened.
    pub format: u32,
    /// A new segment of the journal is begun when the last one has reached so many bytes.
    pub segment_bytes: u64,
    /// Memory for the index's cache.
    pub cache_bytes: u64,
    /// So long after a batch the index has its rows, unless there are so many that they do not wait.
    pub index_after: Duration,
    /// Names what the rows know of a part of the journal, for whoever has lost it.
    pub recall: RecallRecords,
}

impl Options {
    /// Segments of 64 MiB, a cache of 16 MiB; the index is at most 10 seconds behind, of which the writing
    /// has two.
    #[must_use]
    pub fn new(format: u32, recall: RecallRecords) -> Options {
        Options {
            format,
            segment_bytes: 64 << 20,
            cache_bytes: 16 << 20,
            index_after: Duration::from_secs(8),
            recall,
        }
    }

    /// A place in a segment is a number of 32 bits.
    fn segment_limit(&self) -> u64 {
        self.segment_bytes.min(1 << 30)
    }
}

/// An open store. One process owns a data folder at a time.
#[derive(Debug)]
pub struct Store {
    writer: Mutex<Writer>,
    /// How many wait for the writer, to write.
    waiting: AtomicUsize,
    rows: Arc<KeptRows>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    reader: JournalReader,
    /// The position behind the last acknowledged record, as a number.
    end: AtomicU64,
    /// Owned, and locked, until the store is dropped.
    _folder: Folder,
}

#[derive(Debug)]
struct Writer {
    journal: Journal,
    in_use: Use,
    /// What was decided, and whoever waits for the writer will bring to the disk.
    group: Option<SharedBatch>,
    closed: bool,
}

impl Store {
    /// Opens the store in a data folder, or makes one. Cuts off what was never acknowledged,
    /// brings the index up to date with the journal, and makes it anew where it can't be used.
    ///
    /// # Errors
    /// The folder is not private or in use, the journal is damaged or of another form, or the
    /// operating system refuses. Nothing is changed by an error but what opening had mended.
    pub fn open(
        dir: &Path,
        options: &Options,
        progress: &mut dyn FnMut(ReplayProgress),
    ) -> Result<(Store, Opened), StoreError> {
        let (parts, opened) = opening::open(dir, options, progress)?;
        let rows = Arc::new(parts.rows);
        let keeper = thread::Builder::new().name("keeper".to_owned()).spawn({
            let rows = Arc::clone(&rows);
            move || rows.keep()
        });
        let keeper = keeper.map_err(StoreError::io("start a thread for", dir))?;
        let store = Store {
            end: AtomicU64::new(parts.journal.end().as_u64()),
            writer: Mutex::new(Writer {
                journal: parts.journal,
                in_use: parts.in_use,
                group: None,
                closed: false,
            }),
            waiting: AtomicUsize::new(0),
            rows,
            keeper: Mutex::new(Some(keeper)),
            reader: parts.reader,
            _folder: parts.folder,
        };
        Ok((store, opened))
    }

    /// Reads, decides and records. `decide` runs once, with all other writers locked out; it sees
    /// the rows, with what it has written itself laid over them, and what others wrote whose fence it
    /// shares.
    ///
    /// All records of one call, with their rows, are all or nothing, even when the process is killed; calls
    /// that wait for one another share one `fdatasync`. `Ok` means durable, of what was read too. An empty
    /// batch costs nothing of its own.
    ///
    /// # Errors
    /// What `decide` returns: then nothing of it is written. Or the store's own: after
    /// [`StoreError::may_pass`] nothing is written; after [`StoreError::Broken`] and those that
    /// lead to it, whether the batch was written shows when the store is opened again.
    pub fn write<T, E: From<StoreError>>(
        &self,
        decide: impl FnOnce(&mut Batch<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut writer = self.turn();
        let mut group = match writer.group.take() {
            Some(group) => group,
            None => {
                self.sound()?;
                let start = writer.journal.begin().map_err(|e| self.failed(e))?;
                SharedBatch::new(NewFrames::new(writer.journal.seal(), start))
            }
        };
        let decided = self.decide(&mut group, decide);
        let durable = self.settle(writer, group);
        let decided = decided.unwrap_or_else(|panic| resume_unwind(panic));
        // What was read may not have come to stay, so that no decision counts.
        durable?;
        decided
    }

    /// Has something decided behind what the group has so far. A panic, like an error, leaves nothing of it.
    fn decide<T, E>(
        &self,
        group: &mut SharedBatch,
        decide: impl FnOnce(&mut Batch<'_>) -> Result<T, E>,
    ) -> thread::Result<Result<T, E>> {
        let mut before = Overlay::new(&*self.rows);
        let base: &dyn Rows = if group.rows.is_empty() {
            &*self.rows
        } else {
            before.apply(group.rows.iter().cloned());
            &before
        };
        let mut batch = Batch::new(base, &mut group.frames);
        let decided = catch_unwind(AssertUnwindSafe(|| decide(&mut batch)));
        if let Ok(Ok(_)) = decided {
            let rows = batch.keep();
            group.rows.extend(rows);
        } else {
            batch.give_up();
        }
        decided
    }

    /// Brings a group to the disk, or leaves that to whoever waits for the writer, and waits for it.
    fn settle(
        &self,
        mut writer: MutexGuard<'_, Writer>,
        mut group: SharedBatch,
    ) -> Result<(), StoreError> {
        // A read that failed looked like a row that is not there.
        if let Err(e) = self.sound() {
            return group.end(Err(e));
        }
        if group.frames.octets() == 0 {
            return Ok(());
        }
        if self.waiting.load(Ordering::SeqCst) > 0 && group.has_room() {
            let fence = group.join();
            writer.group = Some(group);
            drop(writer);
            return fence.wait();
        }
        let outcome = self.fence(&mut writer, &mut group);
        drop(writer);
        group.end(outcome)
    }

    /// Writes records with their rows, where nothing is left to decide. See [`Store::write`].
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn commit(&self, records: Vec<Record>) -> Result<Vec<Position>, StoreError> {
        self.write(|batch| records.into_iter().map(|r| batch.record(r)).collect())
    }

    /// Several reads of one state: nothing becomes visible in between. Inside, read only the rows
    /// that are given: a call to the store itself could wait for itself.
    pub fn view<T>(&self, read: impl FnOnce(&dyn Rows) -> T) -> T {
        self.rows.view(read)
    }

    /// The record at a position that [`Batch::record`] gave.
    ///
    /// # Errors
    /// There is none, it is damaged, or can't be read.
    pub fn read(&self, at: Position) -> Result<Record, StoreError> {
        if at >= self.end() {
            return Err(StoreError::NoSuchRecord { position: at });
        }
        self.reader.read(at)
    }

    /// All records up to now, in order.
    #[must_use]
    pub fn records(&self) -> Records {
        Records::all(self.reader.clone(), self.end())
    }

    /// The records behind the one at a position, up to now, in order.
    ///
    /// # Errors
    /// There is no record at the position, or it can't be read.
    pub fn records_behind(&self, after: Position) -> Result<Records, StoreError> {
        Records::behind(self.reader.clone(), after, self.end())
    }

    /// Closes the store, as dropping it does, and says what failed. Nothing that was acknowledged
    /// depends on it.
    ///
    /// # Errors
    /// The index could not be written: it will be made anew or caught up at the next start.
    pub fn close(self) -> Result<(), StoreError> {
        self.shut()
    }

    fn shut(&self) -> Result<(), StoreError> {
        let mut writer = self.lock();
        if std::mem::replace(&mut writer.closed, true) {
            return Ok(());
        }
        self.rows.end();
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = { keeper }.take() {
            // It panics nowhere that this would not show as trouble.
            let _ = keeper.join();
        }
        // After a sync of the index that failed, another one would prove nothing.
        let synced = self.sound().and_then(|()| self.rows.close());
        if synced.is_err() {
            writer.in_use.doubt();
        }
        synced?;
        writer.in_use.end()
    }

    fn end(&self) -> Position {
        Position::from_u64(self.end.load(Ordering::Acquire))
    }

    /// Waits for the writer, to write: whoever has it meanwhile leaves the fence to us.
    fn turn(&self) -> MutexGuard<'_, Writer> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let writer = self.lock();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        writer
    }

    /// A panic of a decision leaves nothing half done; one of ours is remembered as trouble.
    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sound(&self) -> Result<(), StoreError> {
        match self.rows.trouble.get() {
            None => Ok(()),
            Some(why) => Err(StoreError::Broken { why: why.clone() }),
        }
    }

    /// Remembers what leaves the journal in doubt.
    fn failed(&self, error: AppendError) -> StoreError {
        match error {
            AppendError::Undone(e) => e,
            AppendError::InDoubt(e) => {
                let _ = self.rows.trouble.set(e.to_string());
                e
            }
        }
    }

    fn fence(&self, writer: &mut Writer, group: &mut SharedBatch) -> Result<(), StoreError> {
        let Some(finished) = group.frames.finish() else {
            return Ok(());
        };
        writer
            .journal
            .append(&finished)
            .map_err(|e| self.failed(e))?;
        let known = writer.journal.known();
        writer.in_use.acknowledged(known);
        self.end.store(known.end.as_u64(), Ordering::Release);
        self.rows.show(std::mem::take(&mut group.rows), known);
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Nothing depends on it: an index that was not closed is caught up or made anew.
        let _ = self.shut();
    }
}

/// Single reads. Several that must agree with one another: [`Store::view`].
impl Rows for Store {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.get(key)
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.rows.scan_from(prefix, from, limit)
    }
}
