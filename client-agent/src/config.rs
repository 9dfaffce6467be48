//! The configuration, and where it and the ledger are.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use etcetera::BaseStrategy;
use serde::Deserialize;
use tradepost_agent::arrival::Reader;
use tradepost_agent::command::Program;
use tradepost_agent::config::{
    AdoptToml, ConfigError, DkimToml, EnvironmentToml, ImapToml, SmtpToml, Source, Span, Spanned,
    TrustToml, make_private_folder,
};
use tradepost_agent::door;
use tradepost_agent::outbox::Policy;
use tradepost_buyer::{self as buyer, Adopt, BuyerSettings};
use tradepost_letters::RelayPolicy;
use tradepost_proof::dkim::{KeySource, NoProver, Signing};
use tradepost_statements::{Address, Amount};

/// Where things are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Places {
    /// The configuration [default: $TRADEPOST_CONFIG, else ~/.config/tradepost/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the ledger [default: $TRADEPOST_DATA, else ~/.local/share/tradepost]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
}

/// What the configuration file says, checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// For faults that show later, such as a password command that fails.
    pub(crate) source: Source,
    /// Those of the mailbox; orders are sent from the first.
    pub(crate) addresses: Addresses,
    /// What the judgement goes by.
    pub(crate) settings: BuyerSettings,
    /// Whose Authentication-Results count.
    pub(crate) policy: RelayPolicy,
    /// Where the keys of DKIM signatures come from.
    pub(crate) keys: KeySource,
    /// Who signs what leaves.
    pub(crate) signing: Signing,
    /// The mailbox; not needed for reports and imports.
    pub(crate) imap: Option<ImapToml>,
    /// The way out; not needed for reports and imports.
    pub(crate) smtp: Option<SmtpToml>,
    /// Who is told what happened.
    pub(crate) notify: Option<NotifyConfig>,
    /// When the mail server is asked again to accept a letter.
    pub(crate) submissions: Policy,
    /// How long `order` and the like wait for a letter to leave.
    pub(crate) wait_to_send: Duration,
    /// How long a command waits where the daemon says nothing, or the ledger is in use.
    pub(crate) patience: Duration,
}

/// `[notify]`, checked: at least one of them.
#[derive(Debug, Clone)]
pub(crate) struct NotifyConfig {
    /// A program and its arguments, with an event as JSON on its standard input.
    pub(crate) command: Option<Program>,
    /// How long it may take for one.
    pub(crate) timeout: Duration,
    /// Whether the desktop shows events.
    #[cfg_attr(not(feature = "desktop"), expect(dead_code, reason = "refused before"))]
    pub(crate) desktop: bool,
}

/// At least one address.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// The one that orders, unless told otherwise.
    pub(crate) first: Address,
    pub(crate) others: Vec<Address>,
}

impl Addresses {
    /// All of them, the first one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Address> + Clone {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    address: Option<Spanned<String>>,
    addresses: Option<Spanned<Vec<Spanned<String>>>>,
    dkim: Option<DkimToml>,
    imap: Option<ImapToml>,
    smtp: Option<SmtpToml>,
    #[serde(default)]
    trust: TrustToml,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    timers: Timers,
    notify: Option<NotifyToml>,
}

/// `[notify]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotifyToml {
    command: Option<Spanned<Vec<String>>>,
    timeout: Option<Span>,
    desktop: Option<Spanned<bool>>,
    env_clear: Option<Spanned<bool>>,
    env: Option<Spanned<Vec<String>>>,
}

/// A program that sends a message somewhere may wait for a server.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(30);

impl NotifyToml {
    fn checked(&self, source: &Source) -> Result<Option<NotifyConfig>, ConfigError> {
        if let Some(command) = &self.command
            && command.as_ref().first().is_none_or(String::is_empty)
        {
            return Err(source.wrong(
                command,
                "command is empty: name a program, such as command = [\"/home/ann/bin/on-event\"]",
            ));
        }
        if let Some(desktop) = &self.desktop
            && *desktop.as_ref()
            && !cfg!(feature = "desktop")
        {
            return Err(source.wrong(desktop, "this program was built without notices on the desktop: install it with `--features desktop`"));
        }
        let environment = EnvironmentToml {
            env_clear: self.env_clear.clone(),
            env: self.env.clone(),
        };
        let command = match &self.command {
            Some(words) => Some(Program {
                words: words.as_ref().clone(),
                environment: environment.environment(source)?,
            }),
            None => {
                environment.check_without(source, "command")?;
                None
            }
        };
        let desktop = self.desktop.as_ref().is_some_and(|d| *d.as_ref());
        Ok((command.is_some() || desktop).then(|| NotifyConfig {
            command,
            timeout: or(self.timeout, NOTIFY_TIMEOUT),
            desktop,
        }))
    }
}

/// `[limits]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    #[serde(default)]
    unpaid: Vec<Spanned<String>>,
}

/// `[timers]` (protocol 7: all durations can be configured).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Timers {
    answer_first: Option<Span>,
    answer_longest: Option<Span>,
    answer_patience: Option<Span>,
    answer_give_up: Option<Span>,
    ask_apart: Option<Span>,
    held_first: Option<Span>,
    held_longest: Option<Span>,
    held_patience: Option<Span>,
    submit_first: Option<Span>,
    submit_longest: Option<Span>,
    submit_patience: Option<Span>,
    wait_to_send: Option<Span>,
    command_patience: Option<Span>,
}

impl Timers {
    /// Waits for answers, and for DNS.
    fn of_the_judgement(&self) -> buyer::settings::BuyerTimers {
        let usual = buyer::settings::BuyerTimers::default();
        buyer::settings::BuyerTimers {
            answer_first: or(self.answer_first, usual.answer_first),
            answer_longest: or(self.answer_longest, usual.answer_longest),
            answer_patience: or(self.answer_patience, usual.answer_patience),
            answer_give_up: or(self.answer_give_up, usual.answer_give_up),
            ask_apart: or(self.ask_apart, usual.ask_apart),
            held_first: or(self.held_first, usual.held_first),
            held_longest: or(self.held_longest, usual.held_longest),
            held_patience: or(self.held_patience, usual.held_patience),
        }
    }

    /// Waits for the mail server to accept a letter.
    fn submissions(&self) -> Policy {
        let usual = Policy::default();
        Policy {
            first: or(self.submit_first, usual.first),
            longest: or(self.submit_longest, usual.longest),
            give_up_after: or(self.submit_patience, usual.give_up_after),
        }
    }
}

fn or(span: Option<Span>, usual: Duration) -> Duration {
    span.map_or(usual, Span::duration)
}

/// The word: a command that sends tries for so long before it says "queued".
const WAIT_TO_SEND: Duration = Duration::from_secs(30);

impl Config {
    /// Reads and checks the file. Reads no password and asks nobody for one.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Config> {
        match Source::read(path) {
            Ok(source) => Ok(Config::check(source)?),
            Err(ConfigError::Unreadable { error, .. }) if error.kind() == ErrorKind::NotFound => {
                anyhow::bail!(
                    "there is no configuration {}: write one (the README shows ten lines), \
                     or name another with --config",
                    path.display()
                )
            }
            Err(e) => Err(e.into()),
        }
    }

    pub(crate) fn check(source: Source) -> Result<Config, ConfigError> {
        let file: File = source.parse()?;
        let addresses = addresses(&source, &file)?;
        if let Some(imap) = &file.imap {
            imap.check(&source)?;
        }
        if let Some(smtp) = &file.smtp {
            smtp.check(&source)?;
        }
        let mut settings = BuyerSettings::new(addresses.iter().cloned());
        settings.minimum = file.trust.minimum(&source)?;
        settings.minimum_of = file.trust.minimum_of(&source)?;
        settings.adopt = match file.trust.adopt {
            None | Some(AdoptToml::List) => Adopt::List,
            Some(AdoptToml::Ask) => Adopt::Ask,
            Some(AdoptToml::Off) => Adopt::Off,
        };
        for limit in &file.limits.unpaid {
            let amount: Amount = parsed(&source, limit, "unpaid")?;
            settings.unpaid_limits.push(amount);
        }
        settings.timers = file.timers.of_the_judgement();
        let signing = match &file.dkim {
            Some(dkim) => dkim.signing(&source, addresses.iter())?,
            None => Signing::Unsigned,
        };
        let notify = match &file.notify {
            Some(notify) => notify.checked(&source)?,
            None => None,
        };
        Ok(Config {
            notify,
            policy: file.trust.relay_policy(&source)?,
            keys: keys(&source, &file)?,
            signing,
            settings,
            addresses,
            imap: file.imap,
            smtp: file.smtp,
            wait_to_send: or(file.timers.wait_to_send, WAIT_TO_SEND),
            patience: or(file.timers.command_patience, door::PATIENCE),
            submissions: file.timers.submissions(),
            source,
        })
    }

    /// Reads letters, and has their senders proven, as the configuration says.
    pub(crate) fn reader(&self) -> Result<Reader, NoProver> {
        Reader::new(self.keys.clone(), self.policy.clone())
    }

    /// The user to log in as where a section names none.
    pub(crate) fn default_user(&self) -> &str {
        self.addresses.first.as_written()
    }
}

/// Where keys come from. A failure of DNS is forgotten before a held letter's next try, so that it
/// is one.
fn keys(source: &Source, file: &File) -> Result<KeySource, ConfigError> {
    let keys = file.trust.key_source(source)?;
    let first_try = file.timers.of_the_judgement().held_first;
    Ok(KeySource {
        failures_kept: keys.failures_kept.min(first_try / 2),
        ..keys
    })
}

fn addresses(source: &Source, file: &File) -> Result<Addresses, ConfigError> {
    let texts = match (&file.address, &file.addresses) {
        (Some(one), None) => std::slice::from_ref(one),
        (None, Some(several)) => several.as_ref().as_slice(),
        (Some(_), Some(several)) => {
            return Err(source.wrong(several, "give either address or addresses, not both"));
        }
        (None, None) => {
            return Err(source.lacks(
                "your own address is missing: put address = \"you@your-provider.example\" at the top",
            ));
        }
    };
    let mut all = Vec::new();
    for text in texts {
        all.push(parsed::<Address>(source, text, "address")?);
    }
    let mut all = all.into_iter();
    match all.next() {
        Some(first) => Ok(Addresses {
            first,
            others: all.collect(),
        }),
        None => Err(source.lacks("addresses is empty: name at least one address of yours")),
    }
}

fn parsed<T>(source: &Source, text: &Spanned<String>, key: &str) -> Result<T, ConfigError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let value = text.as_ref();
    value
        .parse()
        .map_err(|e| source.wrong(text, format!("{key} = {value:?}: {e}")))
}

/// The configuration file that is meant: `--config`, `TRADEPOST_CONFIG`, or the XDG default.
pub(crate) fn config_file(places: &Places) -> anyhow::Result<PathBuf> {
    // Read here and not by clap, which takes an empty variable for a mistake, and names the option
    // in the usage of every command while the variable is set.
    match named(&places.config, "TRADEPOST_CONFIG") {
        Some(path) => Ok(path),
        None => Ok(xdg()?.config_dir().join("tradepost").join("config.toml")),
    }
}

/// The data folder that is meant: `--data`, `TRADEPOST_DATA`, or the XDG default.
pub(crate) fn data_folder(places: &Places) -> anyhow::Result<PathBuf> {
    let folder = match named(&places.data, "TRADEPOST_DATA") {
        Some(path) => path,
        None => xdg()?.data_dir().join("tradepost"),
    };
    std::path::absolute(&folder).with_context(|| format!("the data folder {}", folder.display()))
}

/// What the command line says, else the environment, where it is not empty.
fn named(option: &Option<PathBuf>, variable: &str) -> Option<PathBuf> {
    let from_environment = || std::env::var_os(variable).filter(|value| !value.is_empty());
    option
        .clone()
        .or_else(|| from_environment().map(PathBuf::from))
}

/// The same, made when it is not there, and refused when others can read it.
pub(crate) fn private_data_folder(places: &Places) -> anyhow::Result<PathBuf> {
    let folder = data_folder(places)?;
    make_private_folder(&folder).context(YOURS_ALONE)?;
    Ok(folder)
}

/// What is said of a data folder that others can look into.
pub(crate) const YOURS_ALONE: &str =
    "the data folder holds what you bought, and must be yours alone";

fn xdg() -> anyhow::Result<etcetera::base_strategy::Xdg> {
    etcetera::base_strategy::Xdg::new()
        .context("your home folder is not known: set HOME, or give --config and --data")
}
