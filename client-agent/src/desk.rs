//! Where a command puts its requests: to the daemon when one runs, else to the ledger that it
//! opens itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tradepost_post::clock::SystemClock;
use tradepost_post::store::StoreError;

use crate::again::judge_again;
use crate::cli::Places;
use crate::config::{Config, config_file, private_data_folder};
use crate::ledger::{Ledger, LedgerError};
use crate::office::Office;
use crate::request::{Effect, Request};
use crate::sending::Sender;
use crate::socket::{Daemon, Ended};

/// Where requests go.
pub(crate) struct Desk {
    places: Places,
    at: At,
}

enum At {
    /// The daemon has the ledger.
    Daemon(Daemon),
    /// This process has it.
    Own(Arc<Office>),
}

/// Another command may have the ledger for a moment, and a daemon that starts may replay its
/// journal before it opens its door.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A person waits beside the screen: what DNS does not say until then, it may say another time.
const FOR_HELD_LETTERS: Duration = Duration::from_secs(3);

/// A change of trust is worth a longer wait, which the screen explains.
const FOR_JUDGING_AGAIN: Duration = Duration::from_secs(10);

impl Desk {
    /// Finds the daemon, or opens the ledger.
    pub(crate) async fn find(places: &Places) -> anyhow::Result<Desk> {
        let at = find(places).await?;
        Ok(Desk {
            places: places.clone(),
            at,
        })
    }

    /// Whether a daemon runs, which fetches what comes.
    pub(crate) fn has_daemon(&self) -> bool {
        matches!(self.at, At::Daemon(_))
    }

    /// Asks; the answer is JSON, ready to be printed.
    pub(crate) async fn ask(&mut self, request: Request) -> anyhow::Result<String> {
        if let At::Daemon(daemon) = &mut self.at {
            let asked = daemon.ask(request.clone()).await;
            match asked {
                // The daemon has just ended: whoever has the ledger now knows the same.
                Err(e) if e.is::<Ended>() && request.effect() == Effect::None => {
                    self.at = find(&self.places).await?;
                }
                done => return done,
            }
        }
        match &mut self.at {
            At::Daemon(daemon) => daemon.ask(request).await,
            At::Own(office) => ask_own(office, request).await,
        }
    }
}

async fn ask_own(office: &Arc<Office>, request: Request) -> anyhow::Result<String> {
    if request.effect() != Effect::Sends || office.config.smtp.is_none() {
        return Ok(office.ask(request).await?);
    }
    // Before anything is queued: a password that cannot be had is told first.
    let sender = Sender::start(office).await?;
    let answer = office.ask(request).await;
    sender.finish().await;
    Ok(answer?)
}

async fn find(places: &Places) -> anyhow::Result<At> {
    let path = config_file(places)?;
    // A faulty configuration is told whether a daemon runs or not; without one, no folder is made.
    let mut config = Some(Config::load(&path)?);
    let data = private_data_folder(places)?;
    let start = Instant::now();
    loop {
        let daemon = Daemon::find(&data)
            .await
            .with_context(|| format!("the daemon of {} cannot be asked", data.display()))?;
        if let Some(daemon) = daemon {
            return Ok(At::Daemon(daemon));
        }
        let taken = match config.take() {
            Some(config) => config,
            None => Config::load(&path)?,
        };
        match Ledger::open(&data, &taken, Arc::new(SystemClock), &mut |_| {}) {
            Ok((ledger, opened)) => {
                if opened.torn_bytes > 0 {
                    crate::output::note(&opened.to_string());
                }
                let office = Office::new(ledger, taken)?;
                if let Some(judged) = judge_again(&office, FOR_JUDGING_AGAIN).await? {
                    crate::output::note(&format!("tradepost: {judged}"));
                }
                // What time has made due, as the daemon would have done it.
                office.do_what_is_due(FOR_HELD_LETTERS).await?;
                return Ok(At::Own(office));
            }
            Err(LedgerError::Store(StoreError::InUse { .. })) if start.elapsed() < PATIENCE => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(e) => return Err(e.into()),
        }
    }
}

/// The ledger for commands that need it alone: no daemon may run.
pub(crate) async fn alone(places: &Places) -> anyhow::Result<(PathBuf, Config)> {
    let config = Config::load(&config_file(places)?)?;
    let data = private_data_folder(places)?;
    if Daemon::find(&data).await?.is_some() {
        anyhow::bail!("the daemon has the ledger open: stop it first");
    }
    Ok((data, config))
}
