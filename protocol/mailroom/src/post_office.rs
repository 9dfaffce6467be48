//! Where letters are taken in and handed to mailboxes, by whichever way they came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use thiserror::Error;

use crate::address::{canonical, domain_of};
use crate::boxes::Mailbox;
use crate::certificate::Identity;
use crate::faults::{Fault, Faults};
use crate::options::Options;
use crate::stamp::{Passage, stamp, written};

/// The mailroom has no mailbox for this address.
#[derive(Debug, Error)]
#[error("{address} is no mailbox here; this mailroom serves {domains}")]
pub struct NotServed {
    /// The address as it was given.
    pub address: String,
    /// The domains that are served, with commas between.
    pub domains: String,
}

/// In which order held letters are filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseOrder {
    /// In the order in which they came.
    AsTheyCame,
    /// The last one first.
    Reversed,
}

/// What all connections share.
pub(crate) struct PostOffice {
    pub(crate) options: Options,
    pub(crate) faults: Faults,
    pub(crate) identity: Identity,
    domains: BTreeSet<String>,
    mailboxes: Mutex<BTreeMap<String, Arc<Mailbox>>>,
    held: Mutex<BTreeMap<String, Vec<Arc<[u8]>>>>,
    passed: AtomicU64,
}

/// A letter that was handed in by SMTP, or in a test's name.
pub(crate) struct Handed<'a> {
    pub(crate) greeting: &'a str,
    pub(crate) protocol: &'static str,
    pub(crate) mail_from: &'a str,
    pub(crate) from: Origin<'a>,
    pub(crate) letter: &'a [u8],
}

/// Who handed it in.
pub(crate) enum Origin<'a> {
    /// The user who logged in; the address is canonical.
    Submitted { user: &'a str },
    /// Somebody outside, with what this provider found out about the letter.
    Outside { results: &'a str },
}

impl PostOffice {
    pub(crate) fn new(options: Options, identity: Identity) -> PostOffice {
        let key = |domain: &String| canonical(&format!("x@{domain}"));
        let domains = options
            .domains
            .iter()
            .filter_map(key)
            .map(|address| domain_of(&address).to_owned())
            .collect();
        PostOffice {
            options,
            faults: Faults::none(),
            identity,
            domains,
            mailboxes: Mutex::new(BTreeMap::new()),
            held: Mutex::new(BTreeMap::new()),
            passed: AtomicU64::new(1),
        }
    }

    /// The mailbox of an address; every address of a served domain has one.
    pub(crate) fn mailbox(&self, address: &str) -> Result<Arc<Mailbox>, NotServed> {
        let key = canonical(address).filter(|key| self.domains.contains(domain_of(key)));
        let Some(key) = key else {
            return Err(NotServed {
                address: address.to_owned(),
                domains: self.options.domains.join(", "),
            });
        };
        let mut mailboxes = lock(&self.mailboxes);
        let mailbox = mailboxes
            .entry(key.clone())
            .or_insert_with(|| Arc::new(Mailbox::new(key, &self.options)));
        Ok(Arc::clone(mailbox))
    }

    /// The mailbox of whoever knows the password. A user without a domain is looked up where
    /// there is one domain only.
    pub(crate) fn log_in(&self, user: &str, password: &str) -> Option<Arc<Mailbox>> {
        let mut domains = self.domains.iter();
        let address = match (user.contains('@'), domains.next(), domains.next()) {
            (false, Some(domain), None) => format!("{user}@{domain}"),
            _ => user.to_owned(),
        };
        let mailbox = self.mailbox(&address).ok()?;
        (password == self.options.password).then_some(mailbox)
    }

    /// Stamps a letter and files it for each of its recipients, who are all served here.
    pub(crate) fn take_in(&self, handed: &Handed<'_>, recipients: &[Arc<Mailbox>]) {
        let results = match handed.from {
            Origin::Submitted { user } => {
                format!("auth=pass smtp.auth={}", written(user))
            }
            Origin::Outside { results } => results.to_owned(),
        };
        for recipient in recipients {
            let stamped = stamp(
                &Passage {
                    authserv_id: &self.options.authserv_id,
                    greeting: handed.greeting,
                    protocol: handed.protocol,
                    mail_from: handed.mail_from,
                    recipient: &recipient.address,
                    results: &results,
                    forged: self.options.forged_results,
                    number: self.passed.fetch_add(1, Ordering::Relaxed),
                    at: Timestamp::now(),
                },
                handed.letter,
            );
            self.file_in_inbox(recipient, stamped.into());
        }
        if let Origin::Submitted { user } = handed.from
            && self.options.sent_copy
            && let Ok(sender) = self.mailbox(user)
        {
            let seen = BTreeSet::from(["\\Seen".to_owned()]);
            let copy: Arc<[u8]> = handed.letter.into();
            sender.file(&self.options.sent_folder, copy, seen, Timestamp::now());
        }
    }

    /// Files a letter as it is, unless a fault or a hold says otherwise.
    pub(crate) fn file_in_inbox(&self, mailbox: &Mailbox, bytes: Arc<[u8]>) {
        let user = Some(mailbox.address.as_str());
        if self.faults.strikes(user, &Fault::LetterLost) {
            return;
        }
        if let Some(held) = lock(&self.held).get_mut(&mailbox.address) {
            held.push(bytes);
            return;
        }
        let now = Timestamp::now();
        if self.faults.strikes(user, &Fault::LetterTwice) {
            mailbox.file("INBOX", Arc::clone(&bytes), BTreeSet::new(), now);
        }
        mailbox.file("INBOX", bytes, BTreeSet::new(), now);
    }

    /// Letters to this mailbox wait from now on.
    pub(crate) fn hold(&self, mailbox: &Mailbox) {
        lock(&self.held).entry(mailbox.address.clone()).or_default();
    }

    pub(crate) fn count_held(&self, mailbox: &Mailbox) -> usize {
        lock(&self.held).get(&mailbox.address).map_or(0, Vec::len)
    }

    /// Files what waited, and holds no longer.
    pub(crate) fn release(&self, mailbox: &Mailbox, order: ReleaseOrder) {
        let mut waited = lock(&self.held)
            .remove(&mailbox.address)
            .unwrap_or_default();
        match order {
            ReleaseOrder::AsTheyCame => {}
            ReleaseOrder::Reversed => waited.reverse(),
        }
        for bytes in waited {
            self.file_in_inbox(mailbox, bytes);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
