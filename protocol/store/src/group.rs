//! Group commit: whoever waits for the disk at the same time shares a fence.
//!
//! While one batch is brought to the disk, others queue behind it. Then each of them decides in its turn, seeing
//! what those before it have decided, and the last one brings all of it to the disk together. Nobody goes on
//! before that, not even who only read what the others wrote.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tradepost_trades::rows::Row;

use super::StoreError;
use super::batch::NewFrames;

/// More than so many do not wait for one another ...
const MOST_MEMBERS: usize = 64;
/// ... nor behind more than so many octets.
const ENOUGH: usize = 1 << 20;

/// What several callers want to be recorded, in the making.
#[derive(Debug)]
pub(super) struct SharedBatch {
    pub(super) frames: NewFrames,
    /// Those that the frames hold, in order.
    pub(super) rows: Vec<Row>,
    members: usize,
    fence: Arc<Fence>,
}

impl SharedBatch {
    pub(super) fn new(frames: NewFrames) -> SharedBatch {
        SharedBatch {
            frames,
            rows: Vec::new(),
            members: 0,
            fence: Arc::default(),
        }
    }

    /// Whether somebody else may join before it is brought to the disk.
    pub(super) fn has_room(&self) -> bool {
        self.members < MOST_MEMBERS && self.frames.octets() < ENOUGH
    }

    /// What whoever has decided waits at.
    pub(super) fn join(&mut self) -> Arc<Fence> {
        self.members += 1;
        Arc::clone(&self.fence)
    }

    /// Says what became of it to all who have joined.
    pub(super) fn end(self, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        if self.members > 0 {
            self.fence.pass(match &outcome {
                Ok(()) => Ok(()),
                Err(e) => Err(e.to_another()),
            });
        }
        outcome
    }
}

impl Drop for SharedBatch {
    /// Whoever has joined is never left to wait.
    fn drop(&mut self) {
        if self.members > 0 {
            self.fence.pass(Err(StoreError::Broken {
                why: "what was to be written was given up".to_owned(),
            }));
        }
    }
}

/// Where the members of a group wait until it is on the disk.
#[derive(Debug, Default)]
pub(super) struct Fence {
    outcome: Mutex<Option<Result<(), StoreError>>>,
    passed: Condvar,
}

impl Fence {
    /// The first word counts.
    fn pass(&self, outcome: Result<(), StoreError>) {
        let mut said = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        said.get_or_insert(outcome);
        self.passed.notify_all();
    }

    /// Waits until the records are durable.
    ///
    /// # Errors
    /// As of [`Store::write`](super::Store::write).
    pub(super) fn wait(&self) -> Result<(), StoreError> {
        let mut said = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &*said {
                None => {}
                Some(Ok(())) => return Ok(()),
                Some(Err(e)) => return Err(e.to_another()),
            }
            said = self
                .passed
                .wait(said)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
