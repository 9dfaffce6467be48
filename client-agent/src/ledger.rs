//! The ledger: owns the store, and is the one place where something is written.
//!
//! The journal holds inputs ([`Entry`]), each with its time; the rows are what the decisions make
//! of them. What happens live and what a replay does is one function, [`apply`]: so the index can
//! always be made anew.

pub(crate) mod daily;
mod entry;
pub(crate) mod send;
mod set_aside;
mod telling;
mod words;

use std::path::Path;
use std::sync::Arc;

use tradepost_agent::clock::Clock;
use tradepost_agent::outbox;
use tradepost_agent::trail::recall;
use tradepost_buyer::{
    self as buyer, Act, BuyerChange, BuyerSettings, Judgement, Notice, Saying, Verdict,
};
use tradepost_proof::dkim::Signing;
use tradepost_statements::{Address, StatementId, Time};
use tradepost_store::{
    self, Batch, Opened, Options, Position, Progress, Record, Store, StoreError,
};
use tradepost_trades::rows::{Row, Rows};

pub(crate) use entry::{Entry, Input, copies, cursors, kept_letter, left_to_prove, waits_to_leave};
use send::Pen;
pub(crate) use send::SendError;
pub(crate) use set_aside::set_aside;
pub(crate) use telling::{Event, next_event};

use crate::again::Trust;
use crate::config::Config;

/// Raise it when rows are made in another way, or statements are understood that were not before:
/// the index is then made anew from the journal, and letters that were not understood are read
/// again (protocol 2).
const FORMAT: u32 = 6;

/// Protocol 5 and design 3: a letter that was warned, held or not understood is kept whole up to
/// this size; one that waits for DNS whatever its size, since it has to be proven again.
const KEPT_OCTETS: usize = 256 * 1024;

/// The person's ledger, opened.
pub(crate) struct Ledger {
    store: Store,
    settings: BuyerSettings,
    first_address: Address,
    /// Whether letters can be sent at all.
    has_way_out: bool,
    signing: Signing,
    clock: Arc<dyn Clock>,
}

/// How the store of a ledger is opened, and repaired.
pub(crate) fn options() -> Options {
    Options::new(FORMAT, recall)
}

/// Why something could not be entered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    /// The disk, or what is on it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry that this program wrote cannot be read back, or cannot be written.
    #[error("an entry of the journal at {at}: {what}")]
    Entry {
        /// Where.
        at: String,
        /// What is wrong.
        what: String,
    },
    /// The person asked for something that cannot be done.
    #[error(transparent)]
    Refused(#[from] buyer::ActRefusal),
    /// A letter could not be made.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The person wants to order from an address that is not configured.
    #[error("{0} is not one of your addresses: add it to `addresses` in the configuration")]
    NotOurs(Address),
    /// Nothing can be sent.
    #[error(
        "the configuration has no [smtp] section, so nothing can be sent; the README shows one"
    )]
    NoWayOut,
}

/// What entering came to.
#[derive(Debug, Default)]
pub(crate) struct Entered {
    /// For each input, how it was judged; none for what is not a letter.
    pub(crate) judgements: Vec<Option<Judgement>>,
    /// For the person.
    pub(crate) notices: Vec<Notice>,
    /// When [`Ledger::tick`] has something to do.
    pub(crate) wake_up: Option<Time>,
    /// Letters that now wait in the outbox.
    pub(crate) queued: Vec<Position>,
}

impl Ledger {
    /// Opens the ledger in `folder`, alone: another process that has it open is an error.
    pub(crate) fn open(
        folder: &Path,
        config: &Config,
        clock: Arc<dyn Clock>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Ledger, Opened), LedgerError> {
        let (store, opened) = Store::open(
            folder,
            &options(),
            &mut |rows, at, record| Ok(replay(rows, at, record)?.rows),
            progress,
        )?;
        let ledger = Ledger {
            store,
            settings: config.settings.clone(),
            first_address: config.addresses.first.clone(),
            has_way_out: config.smtp.is_some(),
            signing: config.signing.clone(),
            clock,
        };
        ledger.note_settings()?;
        ledger.note_notify(config.notify.is_some())?;
        ledger.note_trust(Trust::of(config))?;
        Ok((ledger, opened))
    }

    /// A replay must decide as it was decided then, so the journal says when the settings change.
    fn note_settings(&self) -> Result<(), LedgerError> {
        let settings = self.settings.clone();
        if entry::settings(&self.store).as_ref() == Some(&settings) {
            return Ok(());
        }
        self.enter(vec![Input::of(Entry::Settings { settings })])?;
        Ok(())
    }

    /// A replay must keep the events that were kept then, and no others.
    fn note_notify(&self, on: bool) -> Result<(), LedgerError> {
        if telling::is_on(&self.store) != on {
            let keeps_waiting = false;
            self.enter(vec![Input::of(Entry::Notify { on, keeps_waiting })])?;
        }
        Ok(())
    }

    /// Until the ledger is opened again, nothing that happens is news to the person's own program;
    /// what waits to be told waits on.
    pub(crate) fn keep_no_events(&self) -> Result<(), LedgerError> {
        if self.view(telling::is_on) {
            let (on, keeps_waiting) = (false, true);
            self.enter(vec![Input::of(Entry::Notify { on, keeps_waiting })])?;
        }
        Ok(())
    }

    /// Letters that were not believed may be now (protocol 5): those that came before are to be
    /// proven again, which is left to whoever works with the ledger.
    fn note_trust(&self, trust: Trust) -> Result<(), LedgerError> {
        if entry::trust(&self.store).as_ref() == Some(&trust) {
            return Ok(());
        }
        let through = buyer::last_letter(&self.store);
        self.enter(vec![Input::of(Entry::Trust { trust, through })])?;
        Ok(())
    }

    /// The present time.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// What the judgement goes by.
    pub(crate) fn settings(&self) -> &BuyerSettings {
        &self.settings
    }

    /// Whether an address is one of the mailbox.
    pub(crate) fn is_ours(&self, address: &Address) -> bool {
        self.settings.ours.contains(address)
    }

    /// The address that orders, unless told otherwise.
    pub(crate) fn first_address(&self) -> &Address {
        &self.first_address
    }

    /// Refuses where nothing can be sent.
    pub(crate) fn has_way_out(&self) -> Result<(), LedgerError> {
        if self.has_way_out {
            Ok(())
        } else {
            Err(LedgerError::NoWayOut)
        }
    }

    /// What letters of ours are written with, now.
    pub(crate) fn pen<'p>(&'p self, rows: &'p dyn Rows) -> Pen<'p> {
        Pen {
            rows,
            signing: &self.signing,
            now: self.now(),
        }
    }

    /// Several reads of one state.
    pub(crate) fn view<T>(&self, read: impl FnOnce(&dyn Rows) -> T) -> T {
        self.store.view(read)
    }

    /// The store, for what needs more of it: export, doctor.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Decides and records inputs in one durable write, in their order. Those that change nothing
    /// are not recorded.
    pub(crate) fn enter(&self, inputs: Vec<Input>) -> Result<Entered, LedgerError> {
        self.store.write(|batch| {
            let mut entered = Entered::default();
            for input in inputs {
                self.enter_one(batch, input, &mut entered)?;
            }
            Ok(entered)
        })
    }

    fn enter_one(
        &self,
        batch: &mut Batch<'_>,
        mut input: Input,
        entered: &mut Entered,
    ) -> Result<(), LedgerError> {
        let mut change = entry::decide(&self.settings, &*batch, &input.entry)?;
        if let (Some(counted), Entry::Received { now, .. }) = (change.counted, &input.entry) {
            // Protocol 5: "the rest counted". Replayed, it makes the same rows.
            let now = *now;
            input = Input::of(Entry::Counted { counted, now });
        }
        let mut rows = std::mem::take(&mut change.rows);
        // What is written already need not be written again, nor its cause be recorded.
        rows.retain(|row| batch.get(&row.key) != row.value);
        let own_rows = entry::has_rows_of_its_own(&input.entry);
        if rows.is_empty() && !own_rows {
            entered.take(change);
            return Ok(());
        }
        let record = Record::new(input.entry.to_head()?);
        let record = if keeps_letter(&input, change.judgement.as_ref()) {
            record.with_blob(input.letter)
        } else {
            record
        };
        let kept = !record.blob.is_empty();
        let at = batch.record(&record)?;
        let more = entry::rows(&*batch, &input.entry, at, kept, change.judgement.as_ref());
        let to_tell = telling::queue(&*batch, &input.entry, at, &change.notices);
        batch.put(rows);
        batch.put(more);
        batch.put(to_tell);
        if entry::queues(&input.entry) {
            entered.queued.push(at);
        }
        let again = std::mem::take(&mut change.say_again);
        let say = std::mem::take(&mut change.say);
        entered.take(change);
        // Where nothing can leave, nothing piles up: it is said when it can.
        if self.has_way_out {
            self.say_by_itself(batch, again, say, entered)?;
        }
        Ok(())
    }

    /// What the ledger wants said, recorded together with what gave rise to it.
    fn say_by_itself(
        &self,
        batch: &mut Batch<'_>,
        again: Vec<StatementId>,
        say: Vec<Saying>,
        entered: &mut Entered,
    ) -> Result<(), LedgerError> {
        let judgements = entered.judgements.len();
        for statement in again {
            if waits_to_leave(&*batch, statement) {
                // Its letter has not left yet: another one would only follow it.
                continue;
            }
            // Protocol 7: the same JSON octets in a new letter.
            if let Some(outgoing) = self.pen(&*batch).again(statement)? {
                self.enter_one(batch, outgoing.into_input(), entered)?;
            }
        }
        for saying in say {
            let outgoing = self.letter_of(&*batch, saying)?;
            self.enter_one(batch, outgoing.into_input(), entered)?;
        }
        entered.judgements.truncate(judgements);
        Ok(())
    }

    /// Waits for whoever writes at the moment, and writes nothing.
    pub(crate) fn wait_for_turn(&self) -> Result<(), LedgerError> {
        self.store.write(|_| Ok(()))
    }

    /// Does what time has made due: held letters, overdue warnings, sending again, asking.
    pub(crate) fn tick(&self) -> Result<Entered, LedgerError> {
        let now = self.now();
        self.store.write(|batch| {
            let mut entered = Entered::default();
            self.enter_one(batch, Input::of(Entry::Ticked { now }), &mut entered)?;
            for (plan, when) in buyer::without_time(&*batch) {
                let next = daily::next(&when, now);
                let act = Act::ScheduleNext { plan, next };
                self.enter_one(batch, Input::of(Entry::Act { act, now }), &mut entered)?;
            }
            Ok(entered)
        })
    }

    /// Decides with the present rows, and records what was decided, without anything between.
    pub(crate) fn decide_and_enter<T>(
        &self,
        decide: impl FnOnce(&dyn Rows) -> Result<(Vec<Input>, T), LedgerError>,
    ) -> Result<(Entered, T), LedgerError> {
        self.store.write(|batch| {
            let (inputs, decided) = decide(&*batch)?;
            let mut entered = Entered::default();
            for input in inputs {
                self.enter_one(batch, input, &mut entered)?;
            }
            Ok((entered, decided))
        })
    }
}

impl Entered {
    fn take(&mut self, change: BuyerChange) {
        self.judgements.push(change.judgement);
        self.notices.extend(change.notices);
        self.wake_up = earlier(self.wake_up, change.wake_up);
    }
}

/// The earlier of two times, where there is any.
pub(crate) fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// Own letters are kept as they were composed; of others, those that were not simply believed.
fn keeps_letter(input: &Input, judgement: Option<&Judgement>) -> bool {
    if entry::queues(&input.entry) {
        return true;
    }
    // Protocol 5: what is only counted in its group is not kept.
    let doubtful = judgement.is_some_and(|j| {
        j.letter.is_some() && matches!(j.verdict, Verdict::Held | Verdict::Warned)
    });
    let waits_for_dns = judgement.is_some_and(|j| j.verdict == Verdict::Held && j.rule == Some(2));
    waits_for_dns || doubtful && input.letter.len() <= KEPT_OCTETS
}

/// What a record of the journal comes to.
pub(crate) struct Replayed {
    /// What to write.
    pub(crate) rows: Vec<Row>,
    /// How a letter was judged.
    pub(crate) judgement: Option<Judgement>,
}

/// What a record of the journal means for the rows.
pub(crate) fn replay(
    rows: &dyn Rows,
    at: Position,
    record: &Record,
) -> Result<Replayed, LedgerError> {
    let mut input = Entry::from_head(&record.head).map_err(|what| LedgerError::Entry {
        at: at.to_string(),
        what,
    })?;
    entry::understand_anew(&mut input, &record.blob);
    // Settings are recorded before anything else is.
    let settings = entry::settings(rows).unwrap_or_else(|| BuyerSettings::new([]));
    let change = entry::decide(&settings, rows, &input)?;
    let kept = !record.blob.is_empty();
    let more = entry::rows(rows, &input, at, kept, change.judgement.as_ref());
    let to_tell = telling::queue(rows, &input, at, &change.notices);
    let mut out = change.rows;
    out.extend(more);
    out.extend(to_tell);
    Ok(Replayed {
        rows: out,
        judgement: change.judgement,
    })
}

/// What an outbox entry means, for the carriage of the outbox.
pub(crate) fn tried(tried: outbox::Tried, copy: bool) -> Input {
    Input::of(Entry::Outbox {
        outbox: outbox::Entry::Tried(tried),
        copy,
    })
}
