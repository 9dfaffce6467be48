//! Opening the book: `run` has it for long; a command that finds no `run` opens it for a moment.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tradepost_agent::clock::SystemClock;
use tradepost_agent::host::{HostError, fresh_ids};
use tradepost_agent::party::{Decision, Made};
use tradepost_agent::reading::ReadStore;
use tradepost_agent::terminal::progress;
use tradepost_statements::Address;
use tradepost_store::{IndexOpened, StoreError};
use tradepost_trades::rows::Rows;

use super::{Book, BookEntry, BookHost, OWNER_KEY, entry};
use crate::config::Config;

/// While another command has the book for a moment, it is worth waiting.
const PATIENCE: Duration = Duration::from_secs(15);

/// Opens the book; waits a while for another process to leave it.
pub(crate) fn open(folder: &Path, config: Config) -> anyhow::Result<Arc<BookHost>> {
    match try_open(folder, &config, PATIENCE)? {
        Some(host) => Ok(Arc::new(host)),
        None => bail!(
            "the data folder {} is in use by another process; stop that one first",
            folder.display()
        ),
    }
}

/// Opens the book if no other process has it at the moment.
pub(crate) fn open_now(folder: &Path, config: &Config) -> anyhow::Result<Option<BookHost>> {
    try_open(folder, config, Duration::ZERO)
}

fn try_open(
    folder: &Path,
    config: &Config,
    patience: Duration,
) -> anyhow::Result<Option<BookHost>> {
    let deadline = Instant::now() + patience;
    loop {
        let book = Book::new(config.clone());
        let mut progress = progress::replay();
        match BookHost::open(folder, book, Arc::new(SystemClock), &mut progress) {
            Ok((host, opened)) => {
                if opened.torn_bytes > 0 || !matches!(opened.index, IndexOpened::Current) {
                    tracing::info!("{opened}");
                }
                belongs_to(&host, folder, &config.settings.address)?;
                return Ok(Some(host));
            }
            Err(HostError::Store(StoreError::InUse { .. })) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(HostError::Store(StoreError::InUse { .. })) if patience.is_zero() => {
                return Ok(None);
            }
            Err(e) => return Err(e).context("the book could not be opened"),
        }
    }
}

/// Looks at the files of the book, whoever has it open.
pub(crate) fn files(folder: &Path, config: &Config) -> anyhow::Result<ReadStore> {
    const FAILED: &str = "the book could not be opened";
    let files = ReadStore::open::<Book>(folder, Arc::new(SystemClock)).context(FAILED)?;
    let owner = files.reading(|of| owner(of.rows())).context(FAILED)?;
    is_of(owner.as_ref(), folder, &config.settings.address)?;
    Ok(files)
}

/// Whose book it is; none of one that is new.
fn owner(rows: &dyn Rows) -> Option<Address> {
    serde_json::from_slice(&rows.get(OWNER_KEY.as_bytes())?).ok()
}

/// Two parties that write into one book would number their statuses twice.
fn is_of(owner: Option<&Address>, folder: &Path, address: &Address) -> anyhow::Result<()> {
    match owner {
        Some(owner) if owner != address => bail!(
            "the book could not be opened: the data folder {} holds the book of {owner}; give {address} one of \
             its own with --data",
            folder.display()
        ),
        Some(_) | None => Ok(()),
    }
}

fn belongs_to(host: &BookHost, folder: &Path, address: &Address) -> anyhow::Result<()> {
    let owner = host.view(owner);
    is_of(owner.as_ref(), folder, address)?;
    match owner {
        Some(_) => Ok(()),
        None => record(host, entry::owned(address.clone())).context("the book could not be opened"),
    }
}

/// Records something of the server's own.
pub(crate) fn record(
    host: &BookHost,
    (entry, made): (BookEntry, Made<Book>),
) -> anyhow::Result<()> {
    host.write(|page| {
        let decision = Decision {
            entry: Some(entry),
            made,
            send: Vec::new(),
            verdict: None,
        };
        page.record(decision, &[], host.now(), &mut fresh_ids()?)?;
        Ok::<_, HostError>(())
    })?;
    Ok(())
}
