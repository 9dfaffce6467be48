//! The opened book and what works on it: `run`'s tasks share one desk; a command that finds no
//! `run` opens its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tradepost_agent::clock::{Clock, SystemClock};
use tradepost_agent::outbox::Bell;
use tradepost_agent::terminal::progress;
use tradepost_parties::server::FreshIds;
use tradepost_proof::blocking;
use tradepost_statements::{StatementId, Time};
use tradepost_store::{IndexOpened, StoreError};

use crate::book::{Book, BookError, Journal};
use crate::config::Config;
use crate::office::Composer;

/// The opened book, the configuration, and the bell of the outbox.
pub(crate) struct Desk {
    pub(crate) book: Box<dyn Book>,
    pub(crate) config: Config,
    /// Rung when a letter was queued.
    pub(crate) bell: Bell,
    clock: SystemClock,
}

/// While another command has the book for a moment, it is worth waiting.
const PATIENCE: Duration = Duration::from_secs(15);

impl Desk {
    /// Opens the book; waits a while for another process to leave it.
    pub(crate) fn open(folder: &Path, config: Config) -> anyhow::Result<Arc<Desk>> {
        match Self::try_open(folder, &config, PATIENCE)? {
            Some(book) => Ok(Self::of(book, config)),
            None => unreachable_in_use(folder),
        }
    }

    /// Opens the book if no other process has it at the moment.
    pub(crate) fn open_now(folder: &Path, config: &Config) -> anyhow::Result<Option<Journal>> {
        Self::try_open(folder, config, Duration::ZERO)
    }

    pub(crate) fn of(book: Journal, config: Config) -> Arc<Desk> {
        Arc::new(Desk {
            book: Box::new(book),
            config,
            bell: Bell::new(),
            clock: SystemClock,
        })
    }

    fn try_open(
        folder: &Path,
        config: &Config,
        patience: Duration,
    ) -> anyhow::Result<Option<Journal>> {
        let deadline = Instant::now() + patience;
        loop {
            let mut progress = progress::replay();
            match Journal::open(
                folder,
                &config.settings.address,
                Composer::new(config),
                &mut progress,
            ) {
                Ok((book, opened)) => {
                    if opened.torn_bytes > 0 || !matches!(opened.index, IndexOpened::Current) {
                        tracing::info!("{opened}");
                    }
                    return Ok(Some(book));
                }
                Err(BookError::Store(StoreError::InUse { .. })) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(BookError::Store(StoreError::InUse { .. })) if patience.is_zero() => {
                    return Ok(None);
                }
                Err(e) => return Err(e).context("the book could not be opened"),
            }
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Does blocking work on the book, off the async threads.
    pub(crate) async fn work<T: Send + 'static>(
        self: &Arc<Desk>,
        work: impl FnOnce(&Desk) -> T + Send + 'static,
    ) -> T {
        let desk = Arc::clone(self);
        blocking(move || work(&desk)).await
    }
}

fn unreachable_in_use<T>(folder: &Path) -> anyhow::Result<T> {
    anyhow::bail!(
        "the data folder {} is in use by another process; stop that one first",
        folder.display()
    )
}

/// New ids for one decision.
pub(crate) fn fresh_ids() -> FreshIds {
    let id = StatementId::new(uuid::Uuid::now_v7()).expect("a UUID of version 7 was asked for");
    FreshIds::starting_with(id)
}
