//! `doctor`: is everything set up, and what to do where it is not. The checks that both programs have:
//! what senders are proven by, the mail servers, who signs, and what waits. It changes nothing, neither
//! here nor in the mailbox; the probe adds one letter to it.
//!
//! What only one program has is checked by that program.

mod check;
mod dkim;
mod mail;
mod probe;
mod show;
mod trust;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use tradepost_letters::RelayPolicy;
use tradepost_post::imap::SentFolder;
use tradepost_proof::dkim::{KeySource, Signing};
use tradepost_statements::{Address, Evidence};

use crate::config::{ImapToml, SmtpToml, Source};

pub use check::{Check, CheckState};
pub use show::show;
pub use waiting::{letters, outbox};

/// What a program's configuration says about mail, as far as it is checked here.
#[derive(Debug)]
pub struct MailSetup<'c> {
    /// The file that all this was read from; faults name its lines.
    pub source: &'c Source,
    /// The own address: letters leave from it, and the mail servers know the user by it where the
    /// configuration names none.
    pub address: &'c Address,
    /// Other own addresses, which letters leave from too.
    pub other_addresses: Vec<&'c Address>,
    /// `[imap]`; that there is none is told as a fault.
    pub imap: Option<&'c ImapToml>,
    /// The folder for copies of what left.
    pub sent: SentFolder,
    /// `[smtp]`; that there is none is told as a fault.
    pub smtp: Option<&'c SmtpToml>,
    /// Where the keys of DKIM signatures come from.
    pub keys: &'c KeySource,
    /// Whose Authentication-Results count.
    pub policy: &'c RelayPolicy,
    /// The evidence without which a letter counts for nothing.
    pub minimum: Evidence,
    /// The same of single parties.
    pub minimum_of: &'c BTreeMap<Address, Evidence>,
    /// Who signs what leaves.
    pub signing: &'c Signing,
    /// What it means where nobody said who signs.
    pub unsigned: Unsigned,
}

/// What it means that a program does not sign, and that its configuration does not say who does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsigned {
    /// The domain of a person's mailbox is its provider's, which signs.
    IsUsual,
    /// A business has a domain of its own, and those that it writes to cannot prove who wrote.
    IsAFault,
}

/// Looks at all of it, one after the other; a fault does not hide the next one. With `probe_for`, a letter
/// from the mailbox to itself is sent and waited for so long.
///
/// A password may be had from a program that takes its time: this needs a runtime of several threads.
pub async fn examine_mail(setup: &MailSetup<'_>, probe_for: Option<Duration>) -> Vec<Check> {
    let mut checks = trust::checks(setup).await;
    checks.extend(mail::checks(setup).await);
    checks.extend(dkim::signing(setup).await);
    if let Some(within) = probe_for {
        checks.extend(probe::checks(setup, within).await);
    }
    checks
}
