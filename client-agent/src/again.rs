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
use tradepost_agent::terminal::progress;
use tradepost_buyer::{Judgement, Verdict, unbelieved};
use tradepost_statements::{Address, Evidence};

use crate::config::Config;
use crate::held::prove_from_journal;
use crate::ledger::{Entry, Input, LedgerError, left_to_prove};
use crate::office::Office;

/// All of the configuration that decides whose letters are believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trust {
    authserv_ids: Vec<String>,
    own_hosts: Vec<String>,
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
            keys: config.keys.fixed.clone(),
            resolver: config.keys.resolver,
            minimum: config.settings.minimum,
            minimum_of: config.settings.minimum_of.clone(),
        }
    }
}

/// The letters, by number, that are still to be proven again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Left {
    pub(crate) from: u64,
    pub(crate) through: u64,
}

/// So many letters are proven, and recorded, together: few enough that DNS, should it be silent, is
/// asked for all of them at the same time.
const LETTERS: usize = 16;

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct JudgedAgain {
    letters: usize,
    count_now: usize,
    wait: usize,
    warned_otherwise: usize,
    /// Time was out: the rest is for the next command.
    is_cut_short: bool,
}

/// Proves again what is left to be, for about so long; says what came of it, if there was anything.
pub(crate) async fn judge_again(
    office: &Arc<Office>,
    within: Duration,
) -> Result<Option<JudgedAgain>, LedgerError> {
    let started = Instant::now();
    let mut done = JudgedAgain::default();
    let mut bar = None;
    while let Some(left) = office.work(|o| o.ledger.view(left_to_prove)).await {
        // The first slice is done in any case, so that this comes to an end some day.
        if started.elapsed() > within && done.letters > 0 {
            done.is_cut_short = true;
            break;
        }
        let letters = office.work(move |o| next_slice(o, left)).await;
        let up_to = letters.last().copied().filter(|_| letters.len() == LETTERS);
        let (mut inputs, asked) = (Vec::new(), letters.len());
        let mut rest = letters;
        while !rest.is_empty() {
            let (later, proven) = prove_from_journal(office, rest).await?;
            rest = later;
            inputs.extend(proven.into_iter().map(|p| p.into_input(office)));
        }
        inputs.push(Input::of(Entry::JudgedThrough {
            letter: up_to.unwrap_or(left.through),
        }));
        let entered = office.enter(inputs).await?;
        done.letters += asked;
        done.count(entered.judgements.iter().flatten());
        let bar = bar.get_or_insert_with(|| progress::bar("proving letters again"));
        bar.set_length(left.through);
        bar.set_position(up_to.unwrap_or(left.through));
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok((done.letters > 0).then_some(done))
}

fn next_slice(office: &Office, left: Left) -> Vec<u64> {
    let settings = &office.config.settings;
    let mut letters = office
        .ledger
        .view(|rows| unbelieved(settings, rows, left.from, LETTERS));
    // Those that came since then were proven by the present trust.
    letters.retain(|no| *no <= left.through);
    letters
}

impl JudgedAgain {
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
