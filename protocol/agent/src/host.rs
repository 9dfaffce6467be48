//! The opened store of an agent, and the one place where something is written.
//!
//! [`Host::write`] is one durable write: what is recorded on its [`Page`] stands in the journal together,
//! or not at all. On a page a decision's letters are composed before anything of it is recorded; no store
//! composes.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tradepost_post::imap::Cursor;
use tradepost_proof::blocking;
use tradepost_statements::{StatementId, Time};
use tradepost_store::{
    Batch, Opened, Options, Position, Record, ReplayProgress, Store, StoreError,
};
use tradepost_trades::ids::FreshIds;
use tradepost_trades::rows::{Overlay, Rows};

use crate::aside::AsideChange;
use crate::clock::Clock;
use crate::journal::{self, JournalEntry};
use crate::outbox::{self, NewItem, OutboxSignal, Tried};
use crate::party::{ComposeError, Composed, Decision, Input, Made, Party};
use crate::trail::recall;

/// A batch of so many octets is fenced before more is added: a store's batch is bounded, and few
/// decisions are larger than some kilobytes.
pub const ENOUGH: usize = 8 * 1024 * 1024;

/// Why something could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The disk, or what is on it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A letter could not be made; nothing of its decision was recorded.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// One decision is more than the journal can hold; nothing of it was recorded, and the others of its
    /// batch may be.
    #[error("this makes {0} octets in the journal, more than it holds for one decision")]
    TooLarge(usize),
    /// An entry that this program wrote cannot be read back, or cannot be written.
    #[error("an entry of the journal at {at}: {what}")]
    Entry {
        /// Its position; in words for an entry that was still to be written.
        at: String,
        /// Why it cannot be read or written, in words.
        what: String,
    },
}

impl HostError {
    /// Whether it is a matter of this one decision: those behind it can be recorded all the same.
    #[must_use]
    pub fn is_of_the_decision(&self) -> bool {
        match self {
            HostError::Compose(e) => e.is_of_the_letter(),
            HostError::TooLarge(_) => true,
            HostError::Store(_) | HostError::Entry { .. } => false,
        }
    }
}

impl From<HostError> for outbox::Failure {
    fn from(e: HostError) -> outbox::Failure {
        outbox::Failure::new(e)
    }
}

/// An opened store with the party that decides about it. Blocking calls: make them off the async
/// threads, by [`Host::work`].
#[derive(Debug)]
pub struct Host<P: Party> {
    store: Store,
    party: P,
    clock: Arc<dyn Clock>,
    outbox: OutboxSignal,
    /// Counts what was written: somebody may wait for it, and something may be due by it.
    writes: watch::Sender<u64>,
}

/// How the store of a party is opened, and repaired.
#[must_use]
pub fn options<P: Party>() -> Options {
    Options::new(P::FORMAT, recall)
}

impl<P: Party> Host<P> {
    /// Opens the store in `folder`, alone: another process that has it open is an error.
    ///
    /// # Errors
    /// [`HostError::Store`].
    pub fn open(
        folder: &Path,
        party: P,
        clock: Arc<dyn Clock>,
        progress: &mut dyn FnMut(ReplayProgress),
    ) -> Result<(Host<P>, Opened), HostError> {
        let (store, opened) = Store::open(folder, &options::<P>(), progress)?;
        let host = Host {
            store,
            party,
            clock,
            outbox: OutboxSignal::new(),
            writes: watch::Sender::new(0),
        };
        Ok((host, opened))
    }

    /// The party, as it was given to [`Host::open`].
    pub fn party(&self) -> &P {
        &self.party
    }

    /// The present time, by the clock that was given to [`Host::open`].
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Several reads of one state.
    pub fn view<T>(&self, read: impl FnOnce(&dyn Rows) -> T) -> T {
        self.store.view(read)
    }

    /// A letter that is kept whole, or waits in the outbox.
    ///
    /// # Errors
    /// [`HostError::Store`].
    pub fn letter(&self, at: Position) -> Result<Vec<u8>, HostError> {
        Ok(self.store.read(at)?.blob)
    }

    /// What the party had recorded there, with the letter that was kept.
    ///
    /// # Errors
    /// [`HostError::Store`]; [`HostError::Entry`]: something else stands there.
    pub fn entry(&self, at: Position) -> Result<(P::Entry, Vec<u8>), HostError> {
        let record = self.store.read(at)?;
        match serde_json::from_slice(&record.head) {
            Ok(JournalEntry::Decided(entry)) => Ok((entry, record.blob)),
            Ok(_) => Err(HostError::Entry {
                at: at.to_string(),
                what: "nothing was decided there".to_owned(),
            }),
            Err(e) => Err(HostError::Entry {
                at: at.to_string(),
                what: e.to_string(),
            }),
        }
    }

    /// The store, for what the doctor looks at.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Wakes the outbox.
    pub fn outbox(&self) -> &OutboxSignal {
        &self.outbox
    }

    /// Notices what is written from now on.
    pub fn writes(&self) -> watch::Receiver<u64> {
        self.writes.subscribe()
    }

    /// Flushes and closes; what was recorded is durable without it.
    ///
    /// # Errors
    /// [`HostError::Store`].
    pub fn close(self) -> Result<(), HostError> {
        Ok(self.store.close()?)
    }

    /// Does blocking work, off the async threads.
    pub async fn work<T: Send + 'static>(
        self: &Arc<Host<P>>,
        work: impl FnOnce(&Host<P>) -> T + Send + 'static,
    ) -> T {
        let host = Arc::clone(self);
        blocking(move || work(&host)).await
    }

    /// One durable write: all that is recorded on the page, or, on an error, none of it. Then those are
    /// told and woken who have to do with it.
    ///
    /// # Errors
    /// Those of `write`, and [`HostError::Store`].
    pub fn write<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&mut Page<'_, '_, P>) -> Result<T, E>,
    ) -> Result<T, E> {
        let (done, effects) = self.store.write(|batch| {
            let mut page = Page {
                party: &self.party,
                batch,
                effects: Effects {
                    notices: Vec::new(),
                    wakes_outbox: false,
                    octets: 0,
                },
            };
            let done = write(&mut page)?;
            Ok::<_, E>((done, page.effects))
        })?;
        self.party.tell(&effects.notices);
        if effects.wakes_outbox {
            self.outbox.wake();
        }
        if effects.octets > 0 {
            self.writes.send_modify(|n| *n = n.wrapping_add(1));
        }
        Ok(done)
    }

    /// Waits for whoever writes at the moment, and writes nothing.
    ///
    /// # Errors
    /// [`StoreError`]: nothing can be written any more.
    pub fn wait_for_turn(&self) -> Result<(), StoreError> {
        self.store.write(|_| Ok(()))
    }

    /// The letters that something would be said in; nothing is recorded.
    ///
    /// # Errors
    /// What cannot be said, or not be signed.
    pub fn compose(&self, send: Vec<P::Sending>) -> Result<Vec<Composed>, ComposeError> {
        let now = self.now();
        self.view(|rows| self.party.letters(rows, send, now, &mut fresh_ids()?))
    }

    /// Does what is due at present, each thing recorded for itself. What is left after so long is due still:
    /// mail, questions and a request to stop come in between.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn do_what_is_due(&self, within: Duration) -> Result<(), HostError> {
        let start = Instant::now();
        loop {
            let jitter = rand::random();
            let was_something = self.write(|page| {
                let now = self.now();
                let mut ids = fresh_ids()?;
                let input = Input::Due { jitter };
                let decision = self.party.decide(page.rows(), input, now, &mut ids);
                let is_something = decision.entry.is_some() || !decision.send.is_empty();
                page.record(decision, &[], now, &mut ids)?;
                Ok::<_, HostError>(is_something)
            })?;
            if !was_something || start.elapsed() >= within {
                return Ok(());
            }
        }
    }
}

/// New ids for one decision.
///
/// # Errors
/// [`ComposeError::Id`]: the clock or the random numbers of this computer are unusable.
pub fn fresh_ids() -> Result<FreshIds, ComposeError> {
    Ok(FreshIds::starting_with(StatementId::new(
        uuid::Uuid::now_v7(),
    )?))
}

/// What is to be done once a write is durable.
#[derive(Debug)]
struct Effects<N> {
    notices: Vec<N>,
    wakes_outbox: bool,
    /// Recorded in all.
    octets: usize,
}

/// One durable write in the making: what was recorded, the next decision reads.
pub struct Page<'p, 'b, P: Party> {
    party: &'p P,
    batch: &'p mut Batch<'b>,
    effects: Effects<P::Notice>,
}

/// What a decision came to.
#[derive(Debug)]
pub struct Recorded<V> {
    /// How the input was judged.
    pub verdict: V,
    /// Letters that wait in the outbox now: their names there, and what they are.
    pub queued: Vec<(Position, NewItem)>,
}

impl<P: Party> Page<'_, '_, P> {
    /// The rows, with what was recorded on this page.
    pub fn rows(&self) -> &dyn Rows {
        &*self.batch
    }

    /// Octets recorded so far. Past [`ENOUGH`], the rest belongs onto the next page.
    #[must_use]
    pub fn written(&self) -> usize {
        self.effects.octets
    }

    /// Records a decision: its letters are composed first, so that one that cannot be made leaves nothing
    /// of it behind. `letter` is kept where the decision says so.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn record(
        &mut self,
        decision: Decision<P>,
        letter: &[u8],
        now: Time,
        ids: &mut FreshIds,
    ) -> Result<Recorded<P::Verdict>, HostError> {
        let Decision {
            entry,
            made,
            send,
            verdict,
        } = decision;
        let letters = if send.is_empty() {
            Vec::new()
        } else {
            let mut after = Overlay::new(&*self.batch);
            after.apply(made.rows.iter().cloned());
            self.party.letters(&after, send, now, ids)?
        };
        if let Some(entry) = entry {
            let kept = made.letter_row.as_ref().map(|_| letter.to_vec());
            self.enter(
                &JournalEntry::Decided(entry),
                kept.unwrap_or_default(),
                |_, _| made,
            )?;
        } else {
            self.effects.notices.extend(made.notices);
        }
        let mut queued = Vec::new();
        for letter in letters {
            queued.push(self.queue(letter, now)?);
        }
        Ok(Recorded { verdict, queued })
    }

    /// Brings a letter of our own into the outbox.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn queue(&mut self, letter: Composed, now: Time) -> Result<(Position, NewItem), HostError> {
        let item = letter.item(now);
        let json = letter.json;
        let entry = JournalEntry::Sending {
            item: item.clone(),
            json: json.clone(),
        };
        let party = self.party;
        let at = self.enter(&entry, letter.octets, |rows, at| {
            party.sent(rows, at, &item, json.as_deref())
        })?;
        self.effects.wakes_outbox = true;
        Ok((at, item))
    }

    /// Records what became of a letter in the outbox; `copy`: once it has left, a copy belongs into the
    /// Sent folder.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn tried(&mut self, tried: Tried, copy: bool) -> Result<(), HostError> {
        let outbox = outbox::OutboxEntry::Tried(tried);
        self.enter_own(&JournalEntry::Outbox { outbox, copy })
    }

    /// Records that a letter in the outbox is to be tried at once, or has come back.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn outbox(&mut self, entry: outbox::OutboxEntry) -> Result<(), HostError> {
        self.effects.wakes_outbox = true;
        let entry = JournalEntry::Outbox {
            outbox: entry,
            copy: false,
        };
        self.enter_own(&entry)
    }

    /// Records that the Sent folder has its copy of a letter, or needs none.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn copied(&mut self, item: Position) -> Result<(), HostError> {
        self.enter_own(&JournalEntry::Copied { item })
    }

    /// Records how far a folder was read.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn read_up_to(&mut self, folder: &str, cursor: Cursor) -> Result<(), HostError> {
        self.enter_own(&JournalEntry::Cursor {
            folder: folder.to_owned(),
            cursor: cursor.into(),
        })
    }

    /// Records that the mailbox is to be read from its beginning again.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn forget_cursors(&mut self) -> Result<(), HostError> {
        self.enter_own(&JournalEntry::CursorsForgotten)
    }

    /// Records which letters of the mailbox could not be had, or could at last.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn set_aside(&mut self, news: AsideChange, now: Time) -> Result<(), HostError> {
        let mut ids = fresh_ids()?;
        let input = Input::Unread(&news);
        let decision = self.party.decide(self.rows(), input, now, &mut ids);
        self.record(decision, &[], now, &mut ids)?;
        self.enter_own(&JournalEntry::Aside { news })
    }

    fn enter_own(&mut self, entry: &JournalEntry<P::Entry>) -> Result<(), HostError> {
        self.enter(entry, Vec::new(), |_, _| Made::default())?;
        Ok(())
    }

    fn enter(
        &mut self,
        entry: &JournalEntry<P::Entry>,
        letter: Vec<u8>,
        make: impl FnOnce(&dyn Rows, Position) -> Made<P>,
    ) -> Result<Position, HostError> {
        let head = entry.to_head().map_err(|e| HostError::Entry {
            at: "its end".to_owned(),
            what: e.to_string(),
        })?;
        if head.len() > Record::HEAD_LIMIT {
            return Err(HostError::TooLarge(head.len()));
        }
        // The position is known before the record is written: rows may name it.
        let at = self.batch.next();
        let made = make(&*self.batch, at);
        let (rows, notices) = journal::rows_of(&*self.batch, at, entry, made);
        let record = Record::new(head).with_rows(rows).with_blob(letter);
        if record.rows_octets() > Record::ROWS_LIMIT {
            return Err(HostError::TooLarge(record.rows_octets()));
        }
        self.effects.octets += record.head.len() + record.rows_octets() + record.blob.len();
        self.batch.record(record)?;
        self.effects.notices.extend(notices);
        Ok(at)
    }
}
