//! The ledger: the buyer as a party of the kernel. What is decided stands in `tradepost-buyer`; here is what
//! the journal keeps of it, and the rows that are the client's own.
//!
//! The journal holds inputs ([`LedgerEntry`]), each with its time, and the rows that were decided about it.
//! What another trust, or a newer program, has to judge again is an entry of its own.

pub(crate) mod daily;
mod entry;
mod events;
mod letters;
mod trust;
mod understood;
mod unread;
mod words;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tradepost_agent::clock::Clock;
use tradepost_agent::host::{Host, HostError, Page, Recorded, fresh_ids};
use tradepost_agent::outbox::{Due, NewItem};
use tradepost_agent::party::{AwaitingProof, ComposeError, Composed, Decision, Input, Made, Party};
use tradepost_buyer::{self as buyer, BuyerSettings, Judgement, Notice};
use tradepost_proof::dkim::Signing;
use tradepost_statements::{Address, Time};
use tradepost_store::{Opened, Position, ReplayProgress, StoreError};
use tradepost_trades::ids::FreshIds;
use tradepost_trades::rows::{Row, Rows};

use crate::config::Config;
use crate::notify;

pub(crate) use entry::{LedgerEntry, kept_letter};
pub(crate) use events::{LedgerEvent, next_event};
pub(crate) use letters::{Say, request_id, waits_to_leave, what};
pub(crate) use trust::{
    JudgedAgain, Slice, Trust, judge_again, left_to_prove, prove_slice, take_slice,
};
pub(crate) use understood::{is_left_to_read, read_slice};

/// The buyer as a party: what of the configuration its decisions and letters go by.
#[derive(Debug)]
pub(crate) struct Ledger {
    settings: BuyerSettings,
    first_address: Address,
    /// Whether letters can be sent at all.
    has_way_out: bool,
    signing: Signing,
}

pub(crate) type LedgerHost = Host<Ledger>;

/// Why something could not be entered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    /// It could not be recorded.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The person asked for something that cannot be done.
    #[error(transparent)]
    Refused(#[from] buyer::ActRefusal),
    /// The person wants to order from an address that is not configured.
    #[error("{0} is not one of your addresses: add it to `addresses` in the configuration")]
    NotOurs(Address),
    #[error(
        "the configuration has no [smtp] section, so nothing can be sent; the README shows one"
    )]
    NoWayOut,
}

impl From<StoreError> for LedgerError {
    fn from(e: StoreError) -> LedgerError {
        LedgerError::Host(e.into())
    }
}

impl From<ComposeError> for LedgerError {
    fn from(e: ComposeError) -> LedgerError {
        LedgerError::Host(e.into())
    }
}

impl LedgerError {
    /// Another process has the ledger open.
    pub(crate) fn is_in_use(&self) -> bool {
        matches!(
            self,
            LedgerError::Host(HostError::Store(StoreError::InUse { .. }))
        )
    }
}

/// Opens the ledger in `folder`, alone: another process that has it open is an error.
pub(crate) fn open(
    folder: &Path,
    config: &Config,
    clock: Arc<dyn Clock>,
    progress: &mut dyn FnMut(ReplayProgress),
) -> Result<(LedgerHost, Opened), LedgerError> {
    let (host, opened) = Host::open(folder, Ledger::of(config), clock, progress)?;
    note_reads(&host)?;
    note_notify(&host, config.notify.is_some())?;
    note_trust(&host, Trust::of(config))?;
    Ok((host, opened))
}

/// Statements that were not understood may be now (protocol 2): the letters that came before are to be
/// read again, which is left to whoever works with the ledger.
fn note_reads(host: &LedgerHost) -> Result<(), LedgerError> {
    let by = understood::what_reads();
    if host.view(entry::reads).as_ref() != Some(&by) {
        let through = host.view(buyer::last_letter);
        enter(host, vec![LedgerEntry::Reads { by, through }])?;
    }
    Ok(())
}

/// Events are kept while there is a program to be told of them.
fn note_notify(host: &LedgerHost, on: bool) -> Result<(), LedgerError> {
    if host.view(events::is_on) != on {
        let keeps_waiting = false;
        enter(host, vec![LedgerEntry::Notify { on, keeps_waiting }])?;
    }
    Ok(())
}

/// Until the ledger is opened again, nothing that happens is news to the person's own program; what waits
/// to be told waits on.
pub(crate) fn keep_no_events(host: &LedgerHost) -> Result<(), LedgerError> {
    if host.view(events::is_on) {
        let (on, keeps_waiting) = (false, true);
        enter(host, vec![LedgerEntry::Notify { on, keeps_waiting }])?;
    }
    Ok(())
}

/// Letters that were not believed may be now (protocol 5): those that came before are to be proven again,
/// which is left to whoever works with the ledger.
fn note_trust(host: &LedgerHost, trust: Trust) -> Result<(), LedgerError> {
    if host.view(entry::trust).as_ref() != Some(&trust) {
        let through = host.view(buyer::last_letter);
        enter(host, vec![LedgerEntry::Trust { trust, through }])?;
    }
    Ok(())
}

/// Whether letters wait to be judged again, because [trust] is another one than it was.
pub(crate) fn is_to_judge_again(rows: &dyn Rows, config: &Config) -> bool {
    entry::trust(rows).is_some_and(|trust| trust != Trust::of(config))
        && !buyer::unbelieved(&config.settings, rows, 1, 1).is_empty()
}

/// Decides and records in one durable write, in their order. Those that change nothing are not recorded.
pub(crate) fn enter(
    host: &LedgerHost,
    entries: Vec<LedgerEntry>,
) -> Result<Vec<Option<Judgement>>, LedgerError> {
    host.write(|page| {
        let mut judgements = Vec::new();
        for entry in entries {
            judgements.push(enter_one(host, page, entry)?.verdict);
        }
        Ok(judgements)
    })
}

/// Decides about one thing and records it.
pub(crate) fn enter_one(
    host: &LedgerHost,
    page: &mut Page<'_, '_, Ledger>,
    entry: LedgerEntry,
) -> Result<Recorded<Option<Judgement>>, LedgerError> {
    let decision = host.party().decision(page.rows(), entry, 0)?;
    Ok(page.record(decision, &[], host.now(), &mut fresh_ids()?)?)
}

impl Ledger {
    pub(crate) fn of(config: &Config) -> Ledger {
        Ledger {
            settings: config.settings.clone(),
            first_address: config.addresses.first.clone(),
            has_way_out: config.smtp.is_some(),
            signing: config.signing.clone(),
        }
    }

    /// What the judgement goes by.
    pub(crate) fn settings(&self) -> &BuyerSettings {
        &self.settings
    }

    /// The addresses of the mailbox.
    fn ours(&self) -> &BTreeSet<Address> {
        &self.settings.ours
    }

    /// Whether an address is one of the mailbox.
    pub(crate) fn is_ours(&self, address: &Address) -> bool {
        self.ours().contains(address)
    }

    /// The address that orders, unless told otherwise.
    pub(crate) fn first_address(&self) -> &Address {
        &self.first_address
    }

    /// Refuses where nothing can be sent.
    pub(crate) fn needs_way_out(&self) -> Result<(), LedgerError> {
        if self.has_way_out {
            Ok(())
        } else {
            Err(LedgerError::NoWayOut)
        }
    }

    /// What an entry comes to. `octets`: the size of the letter that came with it.
    pub(crate) fn decision(
        &self,
        rows: &dyn Rows,
        entry: LedgerEntry,
        octets: u64,
    ) -> Result<Decision<Ledger>, buyer::ActRefusal> {
        let mut change = entry::decide(&self.settings, rows, &entry)?;
        let entry = match (change.counted, entry) {
            // Protocol 5: "the rest counted".
            (Some(counted), LedgerEntry::Received { now, .. }) => {
                LedgerEntry::Counted { counted, now }
            }
            (_, entry) => entry,
        };
        // What is written already need not be written again, nor its cause be recorded.
        change.rows.retain(|row| rows.get(&row.key) != row.value);
        if change.rows.is_empty() && !entry::has_rows_of_its_own(&entry) {
            let mut nothing = Decision::nothing(change.judgement);
            nothing.made.notices = change.notices;
            return Ok(nothing);
        }
        let keeps = entry::keeps_letter(&entry, change.judgement.as_ref(), octets);
        // Where nothing can leave, nothing piles up: it is said when it can.
        let send = if self.has_way_out {
            let again = change.say_again.drain(..).map(Say::Again);
            let new = change.say.drain(..).map(|said| Say::New(Box::new(said)));
            again.chain(new).collect()
        } else {
            Vec::new()
        };
        let verdict = change.judgement.clone();
        Ok(Decision {
            made: entry::made(rows, &entry, change, keeps),
            entry: Some(entry),
            send,
            verdict,
        })
    }
}

impl Party for Ledger {
    type Entry = LedgerEntry;
    type Verdict = Option<Judgement>;
    type Sending = Say;
    type Notice = Notice;

    const WAITS_FOR_PROOFS: bool = true;

    const FORMAT: u32 = 8;

    fn decide(
        &self,
        rows: &dyn Rows,
        input: Input<'_>,
        now: Time,
        _ids: &mut FreshIds,
    ) -> Decision<Ledger> {
        let Some((entry, octets)) = entry::of(self, rows, input, now) else {
            return Decision::nothing(None);
        };
        match self.decision(rows, entry, octets) {
            Ok(decision) => decision,
            // Only what the person asks for is refused.
            Err(_refusal) => Decision::nothing(None),
        }
    }

    fn letters(
        &self,
        rows: &dyn Rows,
        send: Vec<Say>,
        now: Time,
        ids: &mut FreshIds,
    ) -> Result<Vec<Composed>, ComposeError> {
        let mut composed = Vec::new();
        for say in send {
            composed.extend(self.letter(rows, say, now, ids)?);
        }
        Ok(composed)
    }

    fn sent(
        &self,
        rows: &dyn Rows,
        at: Position,
        item: &NewItem,
        json: Option<&str>,
    ) -> Made<Ledger> {
        letters::sent(&self.settings, rows, at, item, json)
    }

    fn rows_at(
        rows: &dyn Rows,
        at: Position,
        entry: Option<&LedgerEntry>,
        made: &Made<Ledger>,
    ) -> Vec<Row> {
        events::queue(rows, entry, at, &made.notices)
    }

    fn next_wake(&self, rows: &dyn Rows, now: Time) -> Option<Time> {
        buyer::next_wake(rows, now)
    }

    fn awaiting_proof(&self, rows: &dyn Rows, now: Time, most: usize) -> Vec<AwaitingProof> {
        let due = buyer::awaiting_proof(rows, now, most);
        trust::to_prove(rows, due.into_iter().take(most))
    }

    fn next_proof(&self, rows: &dyn Rows) -> Option<Time> {
        buyer::next_proof(rows)
    }

    fn may_leave(&self, rows: &dyn Rows, now: Time, most: usize) -> Due {
        letters::may_leave(rows, now, most)
    }

    fn tell(&self, notices: &[Notice]) {
        notify::tell(notices);
    }
}
