//! `tradepost doctor`: looks whether everything is set up, each check with what to do where it
//! is not. It changes nothing, neither here nor in the mailbox; `--probe` adds one letter to it.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tradepost_agent::aside::AsideRecord;
use tradepost_agent::clock::SystemClock;
use tradepost_agent::config::make_private_folder;
use tradepost_agent::doctor::{self, Check, MailSetup, Unsigned};
use tradepost_agent::door;
use tradepost_agent::journal::set_aside;
use tradepost_agent::outbox::{Filter, Item, list};
use tradepost_agent::rpc::Caller;
use tradepost_buyer::plain;
use tradepost_post::imap::SentFolder;

use crate::api::Question;
use crate::api::answer::only;
use crate::config::{Config, Places, config_file, data_folder};
use crate::ledger;

/// Looks at everything, and prints what it found.
pub(crate) async fn run(
    places: &Places,
    probe_for: Option<Duration>,
    is_json: bool,
) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    let file = config_file(places)?;
    let config = match Config::load(&file) {
        Ok(config) => {
            let ours: Vec<&str> = config.addresses.iter().map(|a| a.as_written()).collect();
            let found = format!("{}: {}", file.display(), ours.join(", "));
            checks.push(Check::ok("configuration", found));
            Some(config)
        }
        Err(e) => {
            let remedy = if file.exists() {
                "correct that line"
            } else {
                "write it; the README shows one of ten lines"
            };
            checks.push(Check::failed("configuration", e.to_string(), remedy));
            None
        }
    };
    checks.extend(store(places, config.as_ref()).await?);
    if let Some(config) = &config {
        checks.extend(doctor::examine_mail(&setup(config), probe_for).await);
    }
    if !is_json {
        // No terminal is to make a link of a server's words clickable.
        for check in &mut checks {
            check.found = plain::without_links(&check.found);
            check.remedy = check.remedy.as_deref().map(plain::without_links);
        }
    }
    Ok(doctor::show(&checks, is_json)?)
}

fn setup(config: &Config) -> MailSetup<'_> {
    MailSetup {
        source: &config.source,
        address: &config.addresses.first,
        other_addresses: config.addresses.others.iter().collect(),
        imap: config.imap.as_ref(),
        sent: match &config.imap {
            Some(imap) => imap.watch().sent,
            None => SentFolder::Off,
        },
        smtp: config.smtp.as_ref(),
        keys: &config.keys,
        policy: &config.policy,
        minimum: config.settings.minimum,
        minimum_of: &config.settings.minimum_of,
        signing: &config.signing,
        unsigned: Unsigned::IsUsual,
    }
}

async fn store(places: &Places, config: Option<&Config>) -> anyhow::Result<Vec<Check>> {
    let data = data_folder(places)?;
    if let Err(e) = make_private_folder(&data) {
        let remedy = format!("chmod 700 {}", data.display());
        return Ok(vec![Check::failed("data folder", e.to_string(), remedy)]);
    }
    let mut checks = vec![Check::ok("data folder", data.display().to_string())];
    let patience = config.map_or(door::PATIENCE, |config| config.patience);
    match Caller::find(&data, patience).await {
        Ok(Some(mut daemon)) => {
            match of_the_daemon(&mut daemon).await {
                Ok((kept, items)) => {
                    checks.push(Check::ok("daemon", "runs, and has the ledger open"));
                    checks.extend(waiting(&kept, &items));
                }
                Err(why) => checks.push(Check::failed(
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
        Err(e) => checks.push(Check::failed(
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
    match ledger::open(data, config, Arc::new(SystemClock), &mut |_| {}) {
        Ok((host, opened)) => {
            let mut checks = vec![Check::ok("store", opened.to_string())];
            let items = host.view(|rows| list(rows, Filter::Queued, 0));
            checks.extend(waiting(&host.view(set_aside), &items));
            checks
        }
        Err(e) if e.is_in_use() => {
            vec![Check::ok("store", format!("in use: {e}"))]
        }
        Err(e) => vec![Check::failed(
            "store",
            e.to_string(),
            "see: tradepost repair",
        )],
    }
}

/// What could not be read, and what waits to be sent.
async fn of_the_daemon(daemon: &mut Caller) -> anyhow::Result<(Vec<AsideRecord>, Vec<Item>)> {
    let kept = only!(daemon.ask(&Question::SetAside).await?, SetAside)?;
    let items = only!(daemon.ask(&Question::Outbox).await?, Outbox)?;
    Ok((kept, items))
}

fn waiting(kept: &[AsideRecord], items: &[Item]) -> [Check; 2] {
    [
        doctor::letters(
            kept,
            "look at them with another mail program; one that matters can be saved, and read with: \
             tradepost import FILE",
        ),
        doctor::outbox(
            items,
            "they leave by themselves once it is mended, while the daemon runs",
        ),
    ]
}
