//! `doctor`: is everything set up, and what to do where it is not.

mod procedures;
mod webhooks;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tradepost_agent::aside::AsideRecord;
use tradepost_agent::doctor::{self, Check, MailSetup, Unsigned};
use tradepost_agent::journal::set_aside;
use tradepost_agent::outbox::{Filter, Item, list};
use tradepost_agent::rpc::Caller;
use tradepost_parties::kernel::settings::AuthorizeAnswer;
use tradepost_post::imap::SentFolder;

use crate::ask;
use crate::book;
use crate::config::{self, Config, Places};
use crate::question::Ask;

/// Looks at everything, and prints what it found.
pub(crate) async fn run(
    places: &Places,
    probe_for: Option<Duration>,
    is_json: bool,
) -> anyhow::Result<ExitCode> {
    Ok(doctor::show(&examine(places, probe_for).await, is_json)?)
}

/// A fault does not hide the next one.
async fn examine(places: &Places, probe_for: Option<Duration>) -> Vec<Check> {
    let mut checks = Vec::new();
    let config = match config::load(places) {
        Ok(config) => config,
        Err(e) => {
            checks.push(Check::error("configuration", format!("{e:#}")));
            return checks;
        }
    };
    checks.push(Check::ok(
        "configuration",
        config.path().display().to_string(),
    ));
    checks.push(roles(&config));
    checks.extend(procedures::checks(&config).await);
    match config::data_folder(places) {
        Ok(data) => checks.extend(store(&data, &config).await),
        Err(e) => checks.push(Check::error("data folder", format!("{e:#}"))),
    }
    checks.extend(webhooks::checks(places, &config).await);
    checks.extend(doctor::examine_mail(&setup(&config), probe_for).await);
    checks
}

fn setup(config: &Config) -> MailSetup<'_> {
    MailSetup {
        source: &config.source,
        address: &config.settings.address,
        other_addresses: Vec::new(),
        imap: config.imap.as_ref(),
        // What leaves is in the book.
        sent: SentFolder::Off,
        smtp: config.smtp.as_ref(),
        keys: &config.keys,
        policy: &config.policy,
        minimum: config.settings.minimum,
        minimum_of: &config.settings.minimum_of,
        signing: &config.signing,
        unsigned: Unsigned::IsAFault,
    }
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
            return Check::failed(
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
    Check::ok("roles", found.join(", "))
}

/// The book, what could not be read, and what waits in its outbox.
async fn store(data: &Path, config: &Config) -> Vec<Check> {
    const NAME: &str = "book";
    let restart = "stop `tradepost-server run`, and start it again";
    match Caller::find(data, config.patience).await {
        Ok(Some(mut run)) => {
            return match of_run(&mut run).await {
                Ok((kept, items)) => {
                    let found = format!("{}; run has it", data.display());
                    with_waiting(Check::ok(NAME, found), &kept, &items)
                }
                Err(e) => vec![Check::failed(NAME, format!("{e:#}"), restart)],
            };
        }
        Ok(None) => {}
        Err(e) => return vec![Check::failed(NAME, e.to_string(), restart)],
    }
    match tokio::task::block_in_place(|| book::open_now(data, config)) {
        Ok(Some(book)) => {
            let kept = book.view(set_aside);
            let items = book.view(|rows| list(rows, Filter::Queued, 0));
            let closed = match book.close() {
                Ok(()) => Check::ok(NAME, data.display().to_string()),
                Err(e) => Check::error(NAME, e.to_string()),
            };
            with_waiting(closed, &kept, &items)
        }
        Ok(None) => {
            let found = format!("{}; another command has it", data.display());
            vec![Check::ok(NAME, found)]
        }
        Err(e) => vec![Check::failed(
            NAME,
            format!("{e:#}"),
            "see: tradepost-server repair",
        )],
    }
}

async fn of_run(run: &mut Caller) -> anyhow::Result<(Vec<AsideRecord>, Vec<Item>)> {
    let kept = ask::of_run(run, Ask::SetAside).await?;
    let items = ask::of_run(run, Ask::Outbox { all: false }).await?;
    Ok((
        serde_json::from_value(kept)?,
        serde_json::from_value(items)?,
    ))
}

fn with_waiting(book: Check, kept: &[AsideRecord], items: &[Item]) -> Vec<Check> {
    vec![
        book,
        doctor::letters(
            kept,
            "look at them with another mail program; whoever wrote one that matters may be asked to send it again",
        ),
        doctor::outbox(
            items,
            "they leave by themselves once it is mended; `tradepost-server outbox` shows them, and `outbox retry \
             --all` tries them now",
        ),
    ]
}
