//! `tradepost doctor`: looks whether everything is set up, each check with what to do where it
//! is not. It changes nothing, neither here nor in the mailbox; `--probe` adds one letter to it.

mod dkim;
mod mail;
mod probe;
mod trust;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tradepost_agent::clock::SystemClock;
use tradepost_agent::config::make_private_folder;
use tradepost_agent::door;
use tradepost_agent::outbox::{Filter, Item, Waiting, list};
use tradepost_agent::terminal::time::local;
use tradepost_agent::terminal::{json, output};
use tradepost_letters::untrusted::show;
use tradepost_post::imap::aside::{Kept, in_words};
use tradepost_store::StoreError;

use crate::cli::Places;
use crate::config::{Config, config_file, data_folder};
use crate::ledger::{Ledger, LedgerError, set_aside};
use crate::report;
use crate::request::Request;
use crate::socket::Daemon;

/// What one check came to.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    /// What was looked at.
    pub(crate) name: &'static str,
    /// Whether it is as it should be.
    pub(crate) ok: bool,
    /// What was found.
    pub(crate) text: String,
    /// What to do; null where nothing is to be done. Beside `ok`: only if the person minds.
    pub(crate) remedy: Option<String>,
}

impl Check {
    fn ok(name: &'static str, text: impl Into<String>) -> Check {
        Check {
            name,
            ok: true,
            text: text.into(),
            remedy: None,
        }
    }

    /// It works, but not as well as it could.
    fn doubtful(name: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check {
            name,
            ok: true,
            text: text.into(),
            remedy: Some(remedy.into()),
        }
    }

    fn wrong(name: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Check {
        Check {
            name,
            ok: false,
            text: text.into(),
            remedy: Some(remedy.into()),
        }
    }
}

/// Looks at everything, and prints what it found.
pub(crate) async fn run(
    places: &Places,
    probe_for: Option<Duration>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    let file = config_file(places)?;
    let config = match Config::load(&file) {
        Ok(config) => {
            let ours: Vec<&str> = config.addresses.iter().map(|a| a.as_written()).collect();
            let text = format!("{}: {}", file.display(), ours.join(", "));
            checks.push(Check::ok("configuration", text));
            Some(config)
        }
        Err(e) => {
            let remedy = if file.exists() {
                "correct that line"
            } else {
                "write it; the README shows one of ten lines"
            };
            checks.push(Check::wrong("configuration", e.to_string(), remedy));
            None
        }
    };
    checks.extend(store(places, config.as_ref()).await?);
    if let Some(config) = &config {
        checks.extend(trust::checks(config).await);
        checks.extend(mail::checks(config).await);
        checks.extend(dkim::signing(config).await);
        if let Some(within) = probe_for {
            checks.extend(probe::checks(config, within).await);
        }
    }
    let all_is_well = checks.iter().all(|c| c.ok);
    if json {
        output::data(&json::pretty(&checks)?)?;
    } else {
        output::page(&report::doctor::checks(&checks))?;
    }
    Ok(if all_is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn store(places: &Places, config: Option<&Config>) -> anyhow::Result<Vec<Check>> {
    let data = data_folder(places)?;
    if let Err(e) = make_private_folder(&data) {
        let remedy = format!("chmod 700 {}", data.display());
        return Ok(vec![Check::wrong("data folder", e.to_string(), remedy)]);
    }
    let mut checks = vec![Check::ok("data folder", data.display().to_string())];
    let patience = config.map_or(door::PATIENCE, |config| config.patience);
    match Daemon::find(&data, patience).await {
        Ok(Some(mut daemon)) => {
            match of_the_daemon(&mut daemon).await {
                Ok((kept, items)) => {
                    checks.push(Check::ok("daemon", "runs, and has the ledger open"));
                    checks.extend([letters(&kept), outbox(&items)]);
                }
                Err(why) => checks.push(Check::wrong(
                    "daemon",
                    why.to_string(),
                    "stop it and start it again",
                )),
            }
            return Ok(checks);
        }
        Ok(None) => checks.push(Check::ok(
            "daemon",
            "does not run; start it with: tradepost daemon",
        )),
        Err(e) => checks.push(Check::wrong(
            "daemon",
            e.to_string(),
            "stop it and start it again",
        )),
    }
    if let Some(config) = config {
        checks.extend(open(&data, config));
    }
    Ok(checks)
}

fn open(data: &Path, config: &Config) -> Vec<Check> {
    match Ledger::open(data, config, Arc::new(SystemClock), &mut |_| {}) {
        Ok((ledger, opened)) => vec![
            Check::ok("store", opened.to_string()),
            letters(&ledger.view(set_aside)),
            outbox(&ledger.view(|rows| list(rows, Filter::Queued, 0))),
        ],
        Err(LedgerError::Store(e @ StoreError::InUse { .. })) => {
            vec![Check::ok("store", format!("in use: {e}"))]
        }
        Err(e) => vec![Check::wrong(
            "store",
            e.to_string(),
            "see: tradepost repair",
        )],
    }
}

/// What could not be read, and what waits to be sent.
async fn of_the_daemon(daemon: &mut Daemon) -> anyhow::Result<(Vec<Kept>, Vec<Item>)> {
    let kept = daemon.ask(&Request::SetAside).await?;
    let items = daemon.ask(&Request::Outbox).await?;
    Ok((report::read(&kept)?, report::read(&items)?))
}

/// What lies in the mailbox and could not be read.
fn letters(kept: &[Kept]) -> Check {
    const NAME: &str = "letters";
    match in_words(kept) {
        None => Check::ok(NAME, "all that came could be read"),
        Some(text) => Check::doubtful(
            NAME,
            text,
            "look at them with another mail program; one that matters can be saved, and read with: \
             tradepost import FILE",
        ),
    }
}

/// Letters that were not taken, and why.
fn outbox(queued: &[Item]) -> Check {
    match Waiting::of(queued) {
        None => Check::ok("outbox", "no letter waits because it was not taken"),
        Some(Waiting {
            count,
            next_try,
            why,
        }) => Check::doubtful(
            "outbox",
            format!(
                "{count} waiting, the next try at {}: {}",
                local(next_try),
                show(&why)
            ),
            "they leave by themselves once it is mended, while the daemon runs",
        ),
    }
}
