//! When `[trust]` is another one than it was, the letters that were not believed are proven again,
//! from the journal (protocol 5: "a decision of the buyer"). Who forgot `authserv_ids`, and mends
//! that, gets what came in the meantime.
//!
//! The ledger notes the trust when it is opened, and with it how far this has come: each slice is
//! recorded together with the place behind it, so it goes on where it was broken off. A command
//! does as much as a person waits for; the daemon does all, beside its other work.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tradepost_agent::arrival::Reader;
use tradepost_agent::held::{ProvenAgain, prove};
use tradepost_agent::host::fresh_ids;
use tradepost_agent::party::{AwaitingProof, Input, Party as _};
use tradepost_agent::terminal::progress::bar;
use tradepost_buyer::{self as buyer, Judgement, Verdict, unbelieved};
use tradepost_statements::{Address, Evidence};
use tradepost_trades::rows::Rows;

use super::entry::{self, LedgerEntry, kept_letter};
use super::understood::read_slice;
use super::{LedgerError, LedgerHost, enter_one};
use crate::config::Config;

/// All of the configuration that decides whose letters are believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trust {
    authserv_ids: Vec<String>,
    own_hosts: Vec<String>,
    takes_spf: bool,
    keys: BTreeMap<String, String>,
    resolver: Option<SocketAddr>,
    minimum: Evidence,
    minimum_of: BTreeMap<Address, Evidence>,
}

impl Trust {
    pub(crate) fn of(config: &Config) -> Trust {
        let policy = &config.policy;
        Trust {
            authserv_ids: policy.authserv_ids.iter().map(|p| p.to_string()).collect(),
            own_hosts: policy.own_hosts.iter().map(|p| p.to_string()).collect(),
            takes_spf: policy.takes_spf,
            keys: config.keys.fixed.clone(),
            resolver: config.keys.resolver,
            minimum: config.settings.minimum,
            minimum_of: config.settings.minimum_of.clone(),
        }
    }
}

/// The letters, by number, that are still to be proven, or read, again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LettersLeft {
    pub(crate) from: u64,
    pub(crate) through: u64,
}

/// Which letters are still to be proven again.
pub(crate) fn left_to_prove(rows: &dyn Rows) -> Option<LettersLeft> {
    entry::left(rows)
}

/// Letters by their numbers, as the kernel proves them again.
pub(super) fn to_prove(
    rows: &dyn Rows,
    letters: impl IntoIterator<Item = u64>,
) -> Vec<AwaitingProof> {
    let named = letters.into_iter().filter_map(|no| {
        Some(AwaitingProof {
            id: no.to_string(),
            at: kept_letter(rows, no),
            received_at: buyer::received_at(rows, no)?,
        })
    });
    named.collect()
}

/// So many letters are proven, and recorded, together: few enough that DNS, should it be silent, is
/// asked for all of them at the same time.
const LETTERS: usize = 16;

/// What came of proving letters again, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct JudgedAgain {
    letters: usize,
    /// Statements that are understood now, and of these those that were not refused for another reason.
    understood: usize,
    understood_count: usize,
    count_now: usize,
    wait: usize,
    warned_otherwise: usize,
    /// Time was out: the rest is for the next command.
    is_cut_short: bool,
}

/// Some letters, proven again and not recorded yet.
#[derive(Debug)]
pub(crate) struct Slice {
    asked: usize,
    proven: Vec<ProvenAgain>,
    /// Up to where this comes.
    through: u64,
    /// And how far it has to come.
    last: u64,
}

/// Proves the next of the letters that are left to be; none when none is left.
pub(crate) async fn prove_slice(
    host: &Arc<LedgerHost>,
    reader: &Reader,
) -> Result<Option<Slice>, LedgerError> {
    let next = host.work(|host| {
        host.view(|rows| {
            let left = left_to_prove(rows)?;
            let letters = next_slice(host, rows, left);
            let up_to = letters.last().copied().filter(|_| letters.len() == LETTERS);
            Some((left, to_prove(rows, letters), up_to))
        })
    });
    let Some((left, mut rest, up_to)) = next.await else {
        return Ok(None);
    };
    let asked = rest.len();
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (later, proven) = prove(host, reader, rest).await?;
        rest = later;
        all.extend(proven);
    }
    Ok(Some(Slice {
        asked,
        proven: all,
        through: up_to.unwrap_or(left.through),
        last: left.through,
    }))
}

/// Has a slice judged again, and records it with the place behind it.
pub(crate) fn take_slice(host: &LedgerHost, slice: &Slice) -> Result<JudgedAgain, LedgerError> {
    let judgements = host.write(|page| {
        let mut judgements = Vec::new();
        for letter in &slice.proven {
            let mut ids = fresh_ids()?;
            let now = host.now();
            let input = Input::ProvenAgain {
                id: &letter.id,
                received: letter.received.as_ref(),
            };
            let decision = host.party().decide(page.rows(), input, now, &mut ids);
            judgements.push(page.record(decision, &[], now, &mut ids)?.verdict);
        }
        let letter = slice.through;
        enter_one(host, page, LedgerEntry::JudgedThrough { letter })?;
        Ok::<_, LedgerError>(judgements)
    })?;
    let mut done = JudgedAgain {
        letters: slice.asked,
        ..JudgedAgain::default()
    };
    done.count(judgements.iter().flatten());
    Ok(done)
}

/// Proves again what is left to be, for about so long; says what came of it, if there was anything.
pub(crate) async fn judge_again(
    host: &Arc<LedgerHost>,
    reader: &Reader,
    within: Duration,
) -> Result<Option<JudgedAgain>, LedgerError> {
    let started = Instant::now();
    let mut done = JudgedAgain::default();
    let mut shown = None;
    while let Some(read) = host.work(read_slice).await? {
        done.add(read);
        if started.elapsed() > within {
            done.is_cut_short = true;
            return Ok(done.is_something().then_some(done));
        }
    }
    while host.work(|host| host.view(left_to_prove)).await.is_some() {
        // The first slice is done in any case, so that this comes to an end some day.
        if started.elapsed() > within && done.letters > 0 {
            done.is_cut_short = true;
            break;
        }
        let Some(slice) = prove_slice(host, reader).await? else {
            break;
        };
        let (through, last) = (slice.through, slice.last);
        done.add(host.work(move |host| take_slice(host, &slice)).await?);
        let bar = shown.get_or_insert_with(|| bar("proving letters again"));
        bar.set_length(last);
        bar.set_position(through);
    }
    if let Some(bar) = shown {
        bar.finish_and_clear();
    }
    Ok(done.is_something().then_some(done))
}

fn next_slice(host: &LedgerHost, rows: &dyn Rows, left: LettersLeft) -> Vec<u64> {
    let mut letters = unbelieved(host.party().settings(), rows, left.from, LETTERS);
    // Those that came since then were proven by the present trust.
    letters.retain(|no| *no <= left.through);
    letters
}

impl JudgedAgain {
    /// Whether any letter was left to be proven again.
    pub(crate) fn is_something(&self) -> bool {
        self.letters > 0 || self.understood > 0
    }

    /// Letters that were read again and are understood now, each with whether it counts or waits.
    pub(super) fn read(judged: impl Iterator<Item = bool>) -> JudgedAgain {
        let mut done = JudgedAgain::default();
        for counts in judged {
            done.understood += 1;
            done.understood_count += usize::from(counts);
        }
        done
    }

    pub(crate) fn add(&mut self, more: JudgedAgain) {
        self.letters += more.letters;
        self.understood += more.understood;
        self.understood_count += more.understood_count;
        self.count_now += more.count_now;
        self.wait += more.wait;
        self.warned_otherwise += more.warned_otherwise;
    }

    fn count<'j>(&mut self, judgements: impl Iterator<Item = &'j Judgement>) {
        for judgement in judgements {
            match judgement.verdict {
                Verdict::Applied | Verdict::Adopted | Verdict::Late | Verdict::Duplicate => {
                    self.count_now += 1;
                }
                Verdict::Held => self.wait += 1,
                Verdict::Warned if judgement.rule == Some(3) => {}
                Verdict::Warned => self.warned_otherwise += 1,
                Verdict::Sent => {}
            }
        }
    }
}

impl fmt::Display for JudgedAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.understood > 0 {
            let (n, count) = (self.understood, self.understood_count);
            write!(
                f,
                "{n} letters are understood now that were not before; {count} of them count"
            )?;
            if self.letters == 0 {
                return Ok(());
            }
            f.write_str(". ")?;
        }
        match self.letters {
            1 => f.write_str("1 letter whose sender was not believed was judged again")?,
            n => write!(
                f,
                "{n} letters whose senders were not believed were judged again"
            )?,
        }
        f.write_str(" by the present [trust]: ")?;
        match self.count_now {
            0 => f.write_str("none counts now")?,
            1 => f.write_str("1 counts now")?,
            n => write!(f, "{n} count now")?,
        }
        if self.wait > 0 {
            write!(f, ", {} held (tradepost held)", self.wait)?;
        }
        if self.warned_otherwise > 0 {
            write!(f, ", {} warned for another reason", self.warned_otherwise)?;
        }
        if self.is_cut_short {
            f.write_str("; the next command goes on, or the daemon")?;
        }
        Ok(())
    }
}
