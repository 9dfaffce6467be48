//! Where a command puts its requests: to the daemon when one runs, else to the ledger that it
//! opens itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use tradepost_agent::clock::SystemClock;
use tradepost_agent::terminal::output;
use tradepost_store::StoreError;

use crate::again::judge_again;
use crate::config::{Config, Places, config_file, private_data_folder};
use crate::ledger::{Ledger, LedgerError};
use crate::office::Office;
use crate::request::{AskError, Effect, Request};
use crate::sending::Sender;
use crate::socket::{Daemon, Unanswered};

/// Where requests go.
pub(crate) struct Desk {
    places: Places,
    at: At,
    patience: Duration,
}

enum At {
    /// The daemon has the ledger.
    Daemon(Daemon),
    /// This process has it.
    Own(Arc<Office>),
}

/// Another command may have the ledger for a moment, and a daemon that starts may replay its
/// journal before it opens its door: it is looked again, as long as commands are patient.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A person waits beside the screen: what DNS does not say until then, it may say another time.
const FOR_HELD_LETTERS: Duration = Duration::from_secs(3);

/// A change of trust is worth a longer wait, which the screen explains.
const FOR_JUDGING_AGAIN: Duration = Duration::from_secs(10);

impl Desk {
    /// Finds the daemon, or opens the ledger.
    pub(crate) async fn find(places: &Places) -> anyhow::Result<Desk> {
        let (at, patience) = find(places).await?;
        Ok(Desk {
            places: places.clone(),
            at,
            patience,
        })
    }

    /// Whether a daemon runs, which fetches what comes.
    pub(crate) fn has_daemon(&self) -> bool {
        matches!(self.at, At::Daemon(_))
    }

    /// Asks; the answer is JSON, ready to be printed. No answer is an error that says what to do: only a
    /// request that changes nothing, or that a daemon says it has not begun, is asked again elsewhere.
    pub(crate) async fn ask(&mut self, request: Request) -> anyhow::Result<String> {
        let start = Instant::now();
        loop {
            let daemon = match &mut self.at {
                At::Daemon(daemon) => daemon,
                At::Own(office) => return ask_own(office, request).await,
            };
            let why = match daemon.ask(&request).await {
                Ok(answer) => return Ok(answer),
                Err(why) => why,
            };
            let changes_nothing = request.effect() == Effect::None;
            let may_be_asked_again = match &why {
                Unanswered::Stopping => true,
                Unanswered::NoAnswer(why) => why.is_gone() && changes_nothing,
                Unanswered::Failed(_) => false,
                Unanswered::Refused(_) | Unanswered::Unsayable(_) => bail!(why),
            };
            // Without a daemon no answers come in that could be waited for.
            let waits = matches!(request, Request::Progress { .. });
            if !may_be_asked_again || waits || start.elapsed() >= self.patience {
                let has_not_begun = matches!(why, Unanswered::Stopping) && !waits;
                let known = if has_not_begun {
                    "nothing was done; try again"
                } else {
                    request.without_answer()
                };
                bail!("{why}; {known}");
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            // Whoever has the ledger now knows the same.
            self.at = find(&self.places).await?.0;
        }
    }
}

async fn ask_own(office: &Arc<Office>, request: Request) -> anyhow::Result<String> {
    let known = request.without_answer();
    let sends = request.effect() == Effect::Sends && office.config.smtp.is_some();
    let answer = if sends {
        // Before anything is queued: a password that cannot be had is told first.
        let sender = Sender::start(office).await?;
        let answer = office.ask(request).await;
        sender.finish().await;
        answer
    } else {
        office.ask(request).await
    };
    answer.map_err(|e| {
        if let AskError::Ledger(LedgerError::Store(why)) = e {
            anyhow!("{why}; {known}")
        } else {
            e.into()
        }
    })
}

async fn find(places: &Places) -> anyhow::Result<(At, Duration)> {
    let path = config_file(places)?;
    // A faulty configuration is told whether a daemon runs or not; without one, no folder is made.
    let config = Config::load(&path)?;
    let patience = config.patience;
    let mut config = Some(config);
    let data = private_data_folder(places)?;
    let start = Instant::now();
    loop {
        let daemon = Daemon::find(&data, patience)
            .await
            .with_context(|| format!("the daemon of {} cannot be asked", data.display()))?;
        if let Some(daemon) = daemon {
            return Ok((At::Daemon(daemon), patience));
        }
        let taken = match config.take() {
            Some(config) => config,
            None => Config::load(&path)?,
        };
        match Ledger::open(&data, &taken, Arc::new(SystemClock), &mut |_| {}) {
            Ok((ledger, opened)) => {
                if opened.torn_bytes > 0 {
                    output::note(&opened.to_string());
                }
                let office = Office::new(ledger, taken)?;
                if let Some(judged) = judge_again(&office, FOR_JUDGING_AGAIN).await? {
                    output::note(&format!("tradepost: {judged}"));
                }
                // What time has made due, as the daemon would have done it.
                office.do_what_is_due(FOR_HELD_LETTERS).await?;
                return Ok((At::Own(office), patience));
            }
            Err(LedgerError::Store(StoreError::InUse { .. })) if start.elapsed() < patience => {
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
    if Daemon::find(&data, config.patience).await?.is_some() {
        bail!("the daemon has the ledger open: stop it first");
    }
    Ok((data, config))
}
