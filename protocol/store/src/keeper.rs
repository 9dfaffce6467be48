//! Who keeps the index: some seconds after a batch, or when many wait, their rows are written to it with one
//! call; now and then all rows are written as a checkpoint.
//!
//! The journal has every row by then, so nothing here is in a hurry: a disk that is nearly full is left to
//! the journal, and an index that cannot be written is made anew at the next start.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use tradepost_trades::rows::{Row, Rows};

use super::checkpoint;
use super::index::{Index, IndexTrouble};
use super::known::Known;
use super::memtable::Memtable;
use super::{Options, StoreError};

/// So many octets of rows are written to the index without waiting for their time.
const MANY: usize = 8 << 20;
/// And so many are too many: whoever writes waits until they are in the index.
const TOO_MANY: usize = 4 * MANY;

/// A checkpoint is due when so much of the journal lies behind the last one ...
const TAIL: u64 = 8 << 20;
/// ... and a half of its own size, so that the writing of all rows stays within bounds of what was written
/// to the journal.
const TAIL_OF: u64 = 2;
/// When a store is closed, one of a size up to this is written for any change ...
const SMALL: u64 = 4 << 20;
/// ... and a larger one for so much of its own size: a command that writes one line has not to write all.
const CHANGED_OF: u64 = 16;

/// sled writes its file in pieces of so many octets. Several are begun before an old one is given up.
const SPARE: u64 = 1 << 20;

/// The rows of an open store: those of the index, with the newest laid over.
#[derive(Debug)]
pub(super) struct KeptRows {
    root: PathBuf,
    form: u32,
    index_after: Duration,
    pub(super) index: Index,
    newest: RwLock<Memtable>,
    pub(super) trouble: IndexTrouble,
    /// Held by whoever writes to the index.
    keeping: Mutex<Kept>,
    clock: Mutex<Alarm>,
    rings: Condvar,
}

/// How far the index and the newest checkpoint go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) index: Known,
    /// None: there is none.
    pub(super) checkpoint: Option<(Known, u64)>,
}

/// When the index is written to next.
#[derive(Debug, Default)]
struct Alarm {
    due: Option<Instant>,
    at_once: bool,
    ends: bool,
}

impl KeptRows {
    pub(super) fn new(
        root: PathBuf,
        options: &Options,
        index: Index,
        trouble: IndexTrouble,
        kept: Kept,
    ) -> KeptRows {
        KeptRows {
            root,
            form: options.format,
            index_after: options.index_after,
            index,
            newest: RwLock::default(),
            trouble,
            keeping: Mutex::new(kept),
            clock: Mutex::default(),
            rings: Condvar::new(),
        }
    }

    /// Shows the rows of a batch that is in the journal up to `known`.
    pub(super) fn show(&self, rows: Vec<Row>, known: Known) {
        let octets = {
            let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
            newest.apply(rows, known);
            newest.octets()
        };
        {
            let mut clock = lock(&self.clock);
            clock
                .due
                .get_or_insert_with(|| Instant::now() + self.index_after);
            clock.at_once |= octets >= MANY;
            self.rings.notify_one();
        }
        if octets >= TOO_MANY {
            // What fails here is trouble, which stops the next batch.
            let _ = self.write_out();
        }
    }

    /// Several reads of one state.
    pub(super) fn view<T>(&self, read: impl FnOnce(&dyn Rows) -> T) -> T {
        let newest = self.newest();
        read(&ShownRows {
            newest: &newest,
            index: &self.index,
        })
    }

    fn newest(&self) -> RwLockReadGuard<'_, Memtable> {
        self.newest.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what waits to the index; while the disk is nearly full it goes on waiting.
    ///
    /// # Errors
    /// The index cannot be written: it is trouble.
    pub(super) fn write_out(&self) -> Result<(), StoreError> {
        let mut kept = lock(&self.keeping);
        self.write_out_as(&mut kept)
    }

    fn write_out_as(&self, kept: &mut Kept) -> Result<(), StoreError> {
        let (is_due, octets) = {
            let newest = self.newest();
            (newest.is_due(), newest.octets())
        };
        // First: where there is no room, they are not copied in vain for each batch.
        if !is_due || !self.has_room_for(2 * octets as u64 + SPARE) {
            return Ok(());
        }
        let Some(mut due) = self.newest().due() else {
            return Ok(());
        };
        // Meanwhile the newest rows cover what changes under them.
        self.index.apply(std::mem::take(&mut due.rows), due.known)?;
        self.index.flush()?;
        kept.index = due.known;
        let mut newest = self.newest.write().unwrap_or_else(PoisonError::into_inner);
        newest.forget(&due);
        Ok(())
    }

    /// What cannot be said of the disk is no reason to wait.
    fn has_room_for(&self, octets: u64) -> bool {
        rustix::fs::statvfs(&self.root)
            .map_or(true, |fs| fs.f_bavail.saturating_mul(fs.f_frsize) >= octets)
    }

    /// Writes a checkpoint where it is due. One that cannot be written is tried another time: nothing
    /// depends on it.
    fn check(&self, kept: &mut Kept, is_due: impl Fn(u64, u64) -> bool) {
        let (behind, size) = match &kept.checkpoint {
            None => (kept.index.octets, 0),
            Some((known, size)) => (kept.index.octets.saturating_sub(known.octets), *size),
        };
        if behind == 0 || !is_due(behind, size) || !self.has_room_for(size + size / 2 + SPARE) {
            return;
        }
        let rows = &mut self.index.all();
        if let Ok(size) = checkpoint::write(&self.root, self.form, kept.index, rows) {
            kept.checkpoint = Some((kept.index, size));
        }
    }

    /// Keeps the index until it is told to end.
    pub(super) fn keep(&self) {
        while self.is_awaited() {
            let mut kept = lock(&self.keeping);
            // What fails is trouble, which stops the next batch.
            let written = self.write_out_as(&mut kept);
            if written.is_ok() {
                self.check(&mut kept, |behind, size| behind > TAIL.max(size / TAIL_OF));
            }
            let still_waits = written.is_ok() && self.newest().is_due();
            if still_waits {
                let mut clock = lock(&self.clock);
                clock
                    .due
                    .get_or_insert_with(|| Instant::now() + self.index_after);
            }
        }
    }

    /// Waits until something is to be written; false at the end.
    fn is_awaited(&self) -> bool {
        let mut clock = lock(&self.clock);
        loop {
            if clock.ends {
                return false;
            }
            let now = Instant::now();
            let wait = match clock.due {
                Some(at) if clock.at_once || at <= now => {
                    clock.due = None;
                    clock.at_once = false;
                    return true;
                }
                Some(at) => Some(at - now),
                None => None,
            };
            clock = match wait {
                Some(wait) => {
                    self.rings
                        .wait_timeout(clock, wait)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self
                    .rings
                    .wait(clock)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Nobody keeps it any more.
    pub(super) fn end(&self) {
        lock(&self.clock).ends = true;
        self.rings.notify_all();
    }

    /// Brings all there is to the disk.
    ///
    /// # Errors
    /// The index cannot be written, or not be synced.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        let mut kept = lock(&self.keeping);
        self.write_out_as(&mut kept)?;
        self.check(&mut kept, |behind, size| {
            size <= SMALL || behind > size / CHANGED_OF
        });
        self.index.sync()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One state of the rows.
struct ShownRows<'s> {
    newest: &'s Memtable,
    index: &'s Index,
}

impl Rows for ShownRows<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.newest.get(key) {
            Some(value) => value,
            None => self.index.get(key),
        }
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.index.scan_under(self.newest, prefix, from, limit)
    }
}

/// Single reads. While a batch is decided nobody else writes, so that they agree with one another.
impl Rows for KeptRows {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.view(|rows| rows.get(key))
    }

    fn scan_from(&self, prefix: &[u8], from: &[u8], limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.view(|rows| rows.scan_from(prefix, from, limit))
    }
}
