//! `doctor`: is everything set up, and what to do where it is not.

mod dkim;
mod probe;
mod procedures;
mod trust;
mod webhooks;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio::net::UnixStream;
use tradepost_agent::door;
use tradepost_agent::outbox::{Filter, Item, Waiting, list};
use tradepost_agent::terminal::{json, output};
use tradepost_letters::untrusted;
use tradepost_parties::payment::AuthorizeAnswer;
use tradepost_post::imap::aside::{Kept, in_words};
use tradepost_post::imap::{self, HeaderSearch, SentFolder};
use tradepost_post::smtp::{self, Submitter};
use tradepost_post::trouble::{Error, TroubleKind};

use crate::ask;
use crate::book::{set_aside, view};
use crate::cli::Places;
use crate::config::{self, Config};
use crate::desk::Desk;
use crate::socket::Ask;

/// What was looked at, and what was found.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    what: &'static str,
    ok: bool,
    found: String,
    remedy: Option<String>,
}

impl Check {
    fn good(what: &'static str, found: impl Into<String>) -> Check {
        Check {
            what,
            ok: true,
            found: found.into(),
            remedy: None,
        }
    }

    /// It works, but not as well as it could.
    fn doubtful(what: &'static str, found: impl Into<String>, remedy: &str) -> Check {
        Check {
            ok: true,
            ..Check::bad(what, found, remedy)
        }
    }

    fn bad(what: &'static str, found: impl Into<String>, remedy: &str) -> Check {
        Check {
            what,
            ok: false,
            found: found.into(),
            remedy: Some(remedy.to_owned()).filter(|r| !r.is_empty()),
        }
    }
}

/// Looks at everything; a fault does not hide the next one.
pub(crate) async fn examine(
    places: &Places,
    probe_for: Option<Duration>,
) -> anyhow::Result<Vec<Check>> {
    let mut checks = Vec::new();
    let config = match config::load(places) {
        Ok(config) => config,
        Err(e) => {
            checks.push(Check::bad("configuration", format!("{e:#}"), ""));
            return Ok(checks);
        }
    };
    checks.push(Check::good(
        "configuration",
        config.path().display().to_string(),
    ));
    checks.push(roles(&config));
    checks.extend(procedures::checks(&config).await);
    match config::data_folder(places) {
        Ok(data) => checks.extend(store(&data, &config).await),
        Err(e) => checks.push(Check::bad("data folder", format!("{e:#}"), "")),
    }
    checks.extend(webhooks::checks(places, &config).await);
    checks.extend(trust::checks(&config).await);
    mailbox(&config, &mut checks).await;
    submission(&config, &mut checks).await;
    checks.extend(dkim::signing(&config).await);
    if let Some(within) = probe_for {
        checks.extend(probe::checks(&config, within).await);
    }
    Ok(checks)
}

fn roles(config: &Config) -> Check {
    let settings = &config.settings;
    let mut found = Vec::new();
    if let Some(shop) = &settings.shop {
        let methods = (shop.payment.len(), shop.delivery.len());
        found.push(format!(
            "shop ({} payment and {} delivery methods)",
            methods.0, methods.1
        ));
        if methods.0 == 0 || methods.1 == 0 {
            return Check::bad(
                "roles",
                found.join(", "),
                "every order would be rejected: add [shop.payment.METHOD] with a processor and \
                 [shop.delivery.METHOD] with a carrier",
            );
        }
    }
    if let Some(carrier) = &settings.carrier {
        found.push(format!("carrier for {} shops", carrier.shops.len()));
    }
    if let Some(payment) = &settings.payment {
        let authorizes = match payment.authorize {
            AuthorizeAnswer::Decline => "authorizes nothing".to_owned(),
            AuthorizeAnswer::Approve => "authorizes everything".to_owned(),
            AuthorizeAnswer::ApproveUpTo(most) => format!("authorizes up to {most}, then asks"),
            AuthorizeAnswer::Ask => "asks before it authorizes".to_owned(),
        };
        found.push(format!(
            "payment processor for {} shops ({authorizes})",
            payment.shops.len()
        ));
    }
    Check::good("roles", found.join(", "))
}

/// The book, what could not be read, and what waits in its outbox.
async fn store(data: &Path, config: &Config) -> Vec<Check> {
    let restart = "stop `tradepost-server run`, and start it again";
    match door::connect(data, config.patience).await {
        Ok(Some(stream)) => {
            return match of_run(stream, data, config).await {
                Ok((kept, items)) => vec![
                    Check::good("book", format!("{}; run has it", data.display())),
                    letters(&kept),
                    outbox(&items),
                ],
                Err(e) => vec![Check::bad("book", format!("{e:#}"), restart)],
            };
        }
        Ok(None) => {}
        Err(e) => return vec![Check::bad("book", e.to_string(), restart)],
    }
    vec![
        match tokio::task::block_in_place(|| Desk::open_now(data, config)) {
            Ok(Some(book)) => {
                let kept = view(&book, set_aside);
                let items = view(&book, |rows| list(rows, Filter::Queued, 0));
                let closed = match book.close() {
                    Ok(()) => Check::good("book", data.display().to_string()),
                    Err(e) => Check::bad("book", e.to_string(), ""),
                };
                return vec![closed, letters(&kept), outbox(&items)];
            }
            Ok(None) => Check::good(
                "book",
                format!("{}; another command has it", data.display()),
            ),
            Err(e) => Check::bad("book", format!("{e:#}"), "see: tradepost-server repair"),
        },
    ]
}

async fn of_run(
    stream: UnixStream,
    data: &Path,
    config: &Config,
) -> anyhow::Result<(Vec<Kept>, Vec<Item>)> {
    let patience = config.patience;
    let kept = ask::of_run(stream, Ask::SetAside, patience).await?;
    let another = door::connect(data, patience).await?;
    let another = another.context("`tradepost-server run` has ended meanwhile")?;
    let items = ask::of_run(another, Ask::Outbox { all: false }, patience).await?;
    Ok((
        serde_json::from_value(kept)?,
        serde_json::from_value(items)?,
    ))
}

/// What lies in the mailbox and could not be read.
fn letters(kept: &[Kept]) -> Check {
    match in_words(kept) {
        None => Check::good("letters", "all that came could be read"),
        Some(text) => Check::doubtful(
            "letters",
            untrusted::show(&text),
            "look at them with another mail program; whoever wrote one that matters may be asked to send it again",
        ),
    }
}

fn outbox(items: &[Item]) -> Check {
    match Waiting::of(items) {
        None => Check::good("outbox", "no letter waits because it was not taken"),
        Some(Waiting {
            count,
            next_try,
            why,
        }) => Check::doubtful(
            "outbox",
            format!(
                "{count} waiting, the next try at {next_try}: {}",
                untrusted::show(&why)
            ),
            "they leave by themselves once it is mended; `tradepost-server outbox` shows them, and `outbox retry \
              --all` tries them now",
        ),
    }
}

async fn mailbox(config: &Config, checks: &mut Vec<Check>) {
    let settings = match imap_settings(config) {
        Ok(settings) => settings,
        Err(check) => return checks.push(check),
    };
    let probe = match imap::probe(&settings, &SentFolder::Off).await {
        Ok(probe) => probe,
        Err(e) => {
            return checks.push(Check::bad(
                "mailbox",
                untrusted::show(&e.to_string()),
                remedy(&e),
            ));
        }
    };
    let tls = probe.tls.as_deref().unwrap_or("no TLS (this computer)");
    let idle = if probe.idle {
        "IDLE"
    } else {
        "no IDLE: it is looked at now and then"
    };
    let found = format!(
        "{}:{}, {tls}, {idle}, {} letters",
        settings.host, settings.port, probe.letters
    );
    checks.push(Check::good("mailbox", found));
    checks.push(Check::good("search", search(probe.header_search)));
    checks.push(trust::results(config, &probe));
}

/// How old letters are found when a folder is read for the first time.
fn search(header_search: HeaderSearch) -> &'static str {
    match header_search {
        HeaderSearch::Works => "the server finds marked letters by their header",
        HeaderSearch::Fails => {
            "the server's search does not find every header field; the headers of all letters are read instead"
        }
        HeaderSearch::Untried => {
            "no recent letter shows whether the server's search finds every header field; the headers of all \
             letters are read instead"
        }
    }
}

async fn submission(config: &Config, checks: &mut Vec<Check>) {
    let settings = match smtp_settings(config) {
        Ok(settings) => settings,
        Err(check) => return checks.push(check),
    };
    let place = format!("{}:{}", settings.host, settings.port);
    let probe = match Submitter::new(settings) {
        Ok(submitter) => submitter.probe().await,
        Err(e) => Err(e),
    };
    checks.push(match probe {
        Ok(probe) => {
            let tls = probe.tls.as_deref().unwrap_or("no TLS (this computer)");
            Check::good("submission", format!("{place}, {tls}"))
        }
        Err(e) => Check::bad("submission", untrusted::show(&e.to_string()), remedy(&e)),
    });
}

/// What the text does not say already.
fn remedy(e: &Error) -> &'static str {
    if e.kind == TroubleKind::Busy {
        "nothing is to be corrected here: it passes; other programs on the same account count too"
    } else {
        ""
    }
}

fn imap_settings(config: &Config) -> Result<imap::Settings, Check> {
    let user = config.settings.address.to_string();
    tokio::task::block_in_place(|| config.imap()?.settings(&config.source, &user))
        .map_err(|e| Check::bad("mailbox", e.to_string(), ""))
}

fn smtp_settings(config: &Config) -> Result<smtp::Settings, Check> {
    let user = config.settings.address.to_string();
    tokio::task::block_in_place(|| config.smtp()?.settings(&config.source, &user))
        .map_err(|e| Check::bad("submission", e.to_string(), ""))
}

/// Shows what was found; status 1 when something is not set up.
pub(crate) fn show(checks: &[Check], is_json: bool) -> anyhow::Result<ExitCode> {
    if is_json {
        output::data(&json::pretty(checks)?)?;
    } else {
        for check in checks {
            let mark = match (check.ok, &check.remedy) {
                (true, None) => "ok  ",
                (true, Some(_)) => "hm  ",
                (false, _) => "NOT ",
            };
            let found = untrusted::message(&check.found);
            output::page(&format!("{mark} {:<14} {found}", check.what))?;
            if let Some(remedy) = &check.remedy {
                output::page(&format!("     {:<14} {remedy}", ""))?;
            }
        }
    }
    let all_good = checks.iter().all(|c| c.ok);
    Ok(if all_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
