//! The configuration, and where it and the book are.

mod fulfilment;
mod http;
mod procedures;
mod processing;
mod token;
mod webhooks;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use etcetera::BaseStrategy;
use serde::Deserialize;
use tradepost_agent::config::{
    ConfigError, DkimToml, ImapToml, SmtpToml, Source, Span, Spanned, TrustToml, is_private_folder,
    make_private_folder,
};
use tradepost_agent::door;
use tradepost_agent::outbox::Policy;
use tradepost_letters::RelayPolicy;
use tradepost_parties::kernel::{PartySettings, PartyTimers, settings};
use tradepost_proof::dkim::{KeySource, Signing};
use tradepost_statements::Address;

pub(crate) use fulfilment::Commands;
pub(crate) use token::BearerToken;
pub(crate) use webhooks::{WebhookKind, WebhookSettings};

/// Where things are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Places {
    /// The configuration [default: ~/.config/tradepost-server/config.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "TRADEPOST_SERVER_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the book [default: ~/.local/share/tradepost-server]
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "TRADEPOST_SERVER_DATA",
        hide_env_values = true
    )]
    pub(crate) data: Option<PathBuf>,
}

/// What the configuration file says, checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// For faults that show later, such as a password command that fails.
    pub(crate) source: Source,
    /// What decisions go by.
    pub(crate) settings: PartySettings,
    /// Whose Authentication-Results count.
    pub(crate) policy: RelayPolicy,
    /// Where the keys of DKIM signatures come from.
    pub(crate) keys: KeySource,
    pub(crate) signing: Signing,
    /// Whom people can ask, for the texts of letters.
    pub(crate) contact: Option<String>,
    /// The mailbox; needed by `run` and `doctor`.
    pub(crate) imap: Option<ImapToml>,
    /// The way out; needed by `run` and `doctor`.
    pub(crate) smtp: Option<SmtpToml>,
    /// How long letters are tried.
    pub(crate) outbox: Policy,
    /// How the merchant's own system calls; none: by `emit` only.
    pub(crate) http: Option<http::HttpSettings>,
    /// What is run for the merchant's own system.
    pub(crate) commands: Commands,
    /// How long a command waits where `run` says nothing, or the book is in use.
    pub(crate) patience: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    roles: Spanned<Vec<Spanned<Role>>>,
    address: Address,
    name: Option<String>,
    contact: Option<String>,
    catalogue: Option<Spanned<PathBuf>>,
    dkim: Option<DkimToml>,
    #[serde(default)]
    shop: procedures::ShopToml,
    #[serde(default)]
    fulfilment: fulfilment::FulfilmentToml,
    carrier: Option<CarrierToml>,
    payment: Option<processing::PaymentToml>,
    imap: Option<ImapToml>,
    smtp: Option<SmtpToml>,
    #[serde(default)]
    trust: TrustToml,
    #[serde(default)]
    timers: TimersToml,
    http: Option<http::HttpToml>,
    #[serde(default)]
    webhook: Vec<Spanned<webhooks::WebhookToml>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Shop,
    Carrier,
    Payment,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CarrierToml {
    #[serde(default)]
    shops: Vec<Address>,
}

/// How long the server waits (protocol 7).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TimersToml {
    answer_first: Option<Span>,
    answer_longest: Option<Span>,
    tell_operator: Option<Span>,
    authorization: Option<Span>,
    give_up: Option<Span>,
    past_due: Option<Span>,
    attach_within: Option<Span>,
    held_first: Option<Span>,
    held_longest: Option<Span>,
    held_patience: Option<Span>,
    smtp_first: Option<Span>,
    smtp_longest: Option<Span>,
    smtp_expire: Option<Span>,
    command_patience: Option<Span>,
}

/// Reads and checks the configuration.
pub(crate) fn load(places: &Places) -> anyhow::Result<Config> {
    let path = file(places)?;
    if places.config.is_none() && !path.exists() {
        bail!(
            "there is no configuration at {}: make one, or name one with --config or \
             TRADEPOST_SERVER_CONFIG",
            path.display()
        );
    }
    Ok(read(Source::read(&path)?)?)
}

/// The configuration file that is meant, whether it is there or not.
pub(crate) fn file(places: &Places) -> anyhow::Result<PathBuf> {
    match &places.config {
        Some(path) => Ok(path.clone()),
        None => Ok(folders()?
            .config_dir()
            .join("tradepost-server")
            .join("config.toml")),
    }
}

/// The folder of the book, made where it is missing; refused where others can read it.
pub(crate) fn data_folder(places: &Places) -> anyhow::Result<PathBuf> {
    let path = data_place(places)?;
    make_private_folder(&path).context(DATA_FOLDER)?;
    Ok(path)
}

/// The same, for whoever only reads: it is not made.
pub(crate) fn data_to_read(places: &Places) -> anyhow::Result<PathBuf> {
    let path = data_place(places)?;
    is_private_folder(&path).context(DATA_FOLDER)?;
    Ok(path)
}

const DATA_FOLDER: &str = "the data folder (--data, TRADEPOST_SERVER_DATA)";

fn data_place(places: &Places) -> anyhow::Result<PathBuf> {
    Ok(match &places.data {
        Some(path) => path.clone(),
        None => folders()?.data_dir().join("tradepost-server"),
    })
}

fn folders() -> anyhow::Result<impl BaseStrategy> {
    etcetera::choose_base_strategy().context("your home folder could not be found: set HOME")
}

fn read(source: Source) -> Result<Config, ConfigError> {
    let file: File = source.parse()?;
    let roles: Vec<Role> = file.roles.get_ref().iter().map(|r| *r.get_ref()).collect();
    if roles.is_empty() {
        return Err(source.wrong(
            &file.roles,
            "roles: name at least one of \"shop\", \"carrier\" and \"payment\"",
        ));
    }
    if let Some(imap) = &file.imap {
        imap.check(&source)?;
    }
    if let Some(smtp) = &file.smtp {
        smtp.check(&source)?;
    }
    let signing = match &file.dkim {
        Some(dkim) => dkim.signing(&source, std::iter::once(&file.address))?,
        None => Signing::Unsigned,
    };
    let plays = |role| roles.contains(&role);
    let settings = PartySettings {
        address: file.address.clone(),
        name: file
            .name
            .clone()
            .unwrap_or_else(|| file.address.to_string()),
        minimum: file.trust.minimum(&source)?,
        minimum_of: file.trust.minimum_of(&source)?,
        shop: if plays(Role::Shop) {
            Some(procedures::shop(&source, &file, &roles)?)
        } else {
            None
        },
        carrier: if plays(Role::Carrier) {
            let shops = file.carrier.as_ref().map(|c| c.shops.as_slice());
            let shops = shops_of(&source, "carrier", shops, &roles)?;
            Some(settings::CarrierSettings { shops })
        } else {
            None
        },
        payment: if plays(Role::Payment) {
            Some(processing::payment(&source, file.payment.as_ref(), &roles)?)
        } else {
            None
        },
        jobs: file.fulfilment.settings(&source, &roles)?,
        timers: timers(&file.timers),
    };
    Ok(Config {
        keys: keys(&source, &file.trust, settings.timers.held_first)?,
        settings,
        policy: file.trust.relay_policy(&source)?,
        signing,
        contact: file.contact,
        imap: file.imap,
        smtp: file.smtp,
        outbox: outbox(&file.timers),
        commands: file
            .fulfilment
            .commands(&source, file.shop.goods(&source)?)?,
        patience: file
            .timers
            .command_patience
            .map_or(door::PATIENCE, Span::duration),
        http: match file.http {
            Some(http) => Some(http.check(&source, file.webhook)?),
            None => {
                if let Some(webhook) = file.webhook.first() {
                    return Err(
                        source.wrong(webhook, "[[webhook]]: nobody can call without [http]")
                    );
                }
                None
            }
        },
        source,
    })
}

/// Where keys come from. A failure of DNS is forgotten before a held letter's next try, so that it
/// is one.
fn keys(
    source: &Source,
    trust: &TrustToml,
    held_first: Duration,
) -> Result<KeySource, ConfigError> {
    let keys = trust.key_source(source)?;
    Ok(KeySource {
        failures_kept: keys.failures_kept.min(held_first / 2),
        ..keys
    })
}

/// The shops that may instruct; a server that is the shop itself needs no others (E27).
fn shops_of(
    source: &Source,
    role: &str,
    shops: Option<&[Address]>,
    roles: &[Role],
) -> Result<BTreeSet<Address>, ConfigError> {
    let shops: BTreeSet<Address> = shops.unwrap_or_default().iter().cloned().collect();
    if shops.is_empty() && !roles.contains(&Role::Shop) {
        return Err(source.lacks(format!(
            "the role {role} needs a section [{role}] with shops = [\"orders@shop.example\"]: nobody could \
             instruct this server"
        )));
    }
    Ok(shops)
}

fn timers(toml: &TimersToml) -> PartyTimers {
    let usual = PartyTimers::default();
    let or = |span: Option<Span>, usual: Duration| span.map_or(usual, Span::duration);
    PartyTimers {
        answer_first: or(toml.answer_first, usual.answer_first),
        answer_longest: or(toml.answer_longest, usual.answer_longest),
        tell_operator: or(toml.tell_operator, usual.tell_operator),
        authorization: or(toml.authorization, usual.authorization),
        give_up: or(toml.give_up, usual.give_up),
        past_due: or(toml.past_due, usual.past_due),
        attach_within: or(toml.attach_within, usual.attach_within),
        held_first: or(toml.held_first, usual.held_first),
        held_longest: or(toml.held_longest, usual.held_longest),
        held_patience: or(toml.held_patience, usual.held_patience),
    }
}

fn outbox(toml: &TimersToml) -> Policy {
    let usual = Policy::default();
    let or = |span: Option<Span>, usual: Duration| span.map_or(usual, Span::duration);
    Policy {
        first: or(toml.smtp_first, usual.first),
        longest: or(toml.smtp_longest, usual.longest),
        give_up_after: or(toml.smtp_expire, usual.give_up_after),
    }
}

impl Config {
    /// The mailbox, which `run` needs.
    pub(crate) fn imap(&self) -> Result<&ImapToml, ConfigError> {
        self.imap.as_ref().ok_or_else(|| {
            self.source
                .lacks("the section [imap] is missing: host, user, password_file")
        })
    }

    /// The way out, which `run` needs.
    pub(crate) fn smtp(&self) -> Result<&SmtpToml, ConfigError> {
        self.smtp.as_ref().ok_or_else(|| {
            self.source
                .lacks("the section [smtp] is missing: host, user, password_file")
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.source.path()
    }
}
