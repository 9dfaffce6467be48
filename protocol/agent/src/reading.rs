//! What is read of an agent's store. An agent that has it open, and a command that finds none and reads the
//! files ([`ReadStore`]), answer a question alike: by a [`StoreView`].
//!
//! A command that only asks opens nothing to be written to: no lock, no index, no party. So it works on a disk
//! that is full or may not be written to, and is in nobody's way.

use std::path::Path;
use std::sync::Arc;

use tradepost_statements::Time;
use tradepost_store::{Position, Record, Records, Snapshot, Store, StoreError};
use tradepost_trades::rows::Rows;

use crate::clock::Clock;
use crate::host::{Host, HostError, options};
use crate::party::Party;

/// One state of a store.
#[derive(Clone, Copy)]
pub struct StoreView<'v> {
    rows: &'v dyn Rows,
    journal: &'v dyn ReadRecords,
    now: Time,
}

/// The journal of a store, to be read.
trait ReadRecords {
    fn record(&self, at: Position) -> Result<Record, StoreError>;
    fn behind(&self, after: Option<Position>) -> Result<Records, StoreError>;
}

impl ReadRecords for Store {
    fn record(&self, at: Position) -> Result<Record, StoreError> {
        self.read(at)
    }

    fn behind(&self, after: Option<Position>) -> Result<Records, StoreError> {
        match after {
            Some(after) => self.records_behind(after),
            None => Ok(self.records()),
        }
    }
}

impl ReadRecords for Snapshot {
    fn record(&self, at: Position) -> Result<Record, StoreError> {
        self.read(at)
    }

    fn behind(&self, after: Option<Position>) -> Result<Records, StoreError> {
        self.records_behind(after)
    }
}

impl<'v> StoreView<'v> {
    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &'v dyn Rows {
        self.rows
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// A letter that is kept whole, or waits in the outbox.
    ///
    /// # Errors
    /// [`HostError::Store`].
    pub fn letter(&self, at: Position) -> Result<Vec<u8>, HostError> {
        Ok(self.journal.record(at)?.blob)
    }

    /// The records of the journal behind the one at a position, or all, for an export.
    ///
    /// # Errors
    /// [`HostError::Store`]: there is none at the position.
    pub fn records_behind(&self, after: Option<Position>) -> Result<Records, HostError> {
        Ok(self.journal.behind(after)?)
    }
}

impl<P: Party> Host<P> {
    /// Reads where no two have to agree with one another, such as of the journal: nobody who writes waits
    /// for them, however long they take.
    pub fn browsing<T>(&self, read: impl FnOnce(StoreView<'_>) -> T) -> T {
        read(StoreView {
            rows: self.store(),
            journal: self.store(),
            now: self.now(),
        })
    }

    /// Several reads of one state, letters among them.
    pub fn reading<T>(&self, read: impl FnOnce(StoreView<'_>) -> T) -> T {
        let now = self.now();
        self.store().view(|rows| {
            read(StoreView {
                rows,
                journal: self.store(),
                now,
            })
        })
    }
}

/// A store that is read from its files as they are now.
#[derive(Debug)]
pub struct ReadStore {
    snapshot: Snapshot,
    clock: Arc<dyn Clock>,
}

impl ReadStore {
    /// Looks at the store of a party; one that is not there yet holds nothing.
    ///
    /// # Errors
    /// [`HostError::Store`].
    pub fn open<P: Party>(folder: &Path, clock: Arc<dyn Clock>) -> Result<ReadStore, HostError> {
        let snapshot = Snapshot::open(folder, &options::<P>())?;
        Ok(ReadStore { snapshot, clock })
    }

    /// Several reads of one state. `read` may run more than once.
    ///
    /// # Errors
    /// [`HostError::Store`]: the files can't be read.
    pub fn reading<T>(&self, mut read: impl FnMut(StoreView<'_>) -> T) -> Result<T, HostError> {
        let now = self.clock.now();
        let view = |rows: &dyn Rows| {
            read(StoreView {
                rows,
                journal: &self.snapshot,
                now,
            })
        };
        Ok(self.snapshot.view(view)?)
    }
}
