//! The seam between the kernel and whoever an agent works for: the buyer (`client-agent`), or the parties
//! behind a purchase (`server-agent`).
//!
//! A [`Party`] decides and composes: functions of rows, an input and the time, that do nothing. The kernel
//! does the rest: it fetches and proves, has the party decide, has it compose what is to be said, and
//! only then records all of it in one durable write.
//!
//! ```text
//! Input ─► Party::decide ─► Decision ─► Party::letters ─► Page::record (one durable write) ─► Party::tell
//! ```

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tradepost_letters::AttachError;
use tradepost_proof::dkim::SignError;
use tradepost_statements::id::IdError;
use tradepost_statements::{Address, Statement, Time, wire};
use tradepost_store::Position;
use tradepost_trades::ids::FreshIds;
use tradepost_trades::letter::Received;
use tradepost_trades::rows::{Row, Rows};

use crate::arrival::Returned;
use crate::aside::AsideChange;
use crate::outbox::{Due, Item, NewItem, Tried};

/// Whoever an agent works for.
pub trait Party: Send + Sync + Sized + 'static {
    /// What the journal keeps of a decision beside its rows: what came, for people and for judging again.
    type Entry: Serialize + DeserializeOwned + Debug + Send + Sync + 'static;
    /// How an input was judged.
    type Verdict: Clone + Debug + Default + Send + 'static;
    /// Something that is to be said, with what its letter needs to know.
    type Sending: Debug + Send + 'static;
    /// Something that a person is to be told of, once it is durable.
    type Notice: Debug + Send + 'static;

    /// While letters are proven again, nothing that is due is done: they may answer it.
    const WAITS_FOR_PROOFS: bool;

    /// The number of the form of its rows. A journal that holds rows under another number is refused by
    /// name: raise it when rows are written in another way.
    const FORMAT: u32;

    /// Decides about what the kernel brings.
    fn decide(
        &self,
        rows: &dyn Rows,
        input: Input<'_>,
        now: Time,
        ids: &mut FreshIds,
    ) -> Decision<Self>;

    /// The letters of a decision, composed and signed: the only time that it is done. `rows` are those after
    /// the decision.
    ///
    /// # Errors
    /// What cannot be said, or not be signed; nothing of the decision is recorded then.
    fn letters(
        &self,
        rows: &dyn Rows,
        send: Vec<Self::Sending>,
        now: Time,
        ids: &mut FreshIds,
    ) -> Result<Vec<Composed>, ComposeError>;

    /// What a letter of our own makes, beside its place in the outbox. `json` are the octets of its statement
    /// where the party has them recorded.
    fn sent(&self, rows: &dyn Rows, at: Position, item: &NewItem, json: Option<&str>)
    -> Made<Self>;

    /// Rows that name the record they were made with, at `at`: beside those of [`Made`].
    fn rows_at(
        _rows: &dyn Rows,
        _at: Position,
        _entry: Option<&Self::Entry>,
        _made: &Made<Self>,
    ) -> Vec<Row> {
        Vec::new()
    }

    /// When time alone brings something about next.
    fn next_wake(&self, rows: &dyn Rows, now: Time) -> Option<Time>;

    /// The letters that wait for DNS (protocol 5, line 2) and are to be proven again by now, the longest
    /// due first; at most so many.
    fn awaiting_proof(&self, rows: &dyn Rows, now: Time, most: usize) -> Vec<AwaitingProof>;

    /// When the next letter is to be proven again.
    fn next_proof(&self, rows: &dyn Rows) -> Option<Time>;

    /// Which letters of the outbox may leave now, at most so many.
    fn may_leave(&self, rows: &dyn Rows, now: Time, most: usize) -> Due {
        Due::read(rows, now, most)
    }

    /// Why a letter of the outbox must not leave any more, where that has come to pass.
    fn must_stay(&self, _rows: &dyn Rows, _item: &Item) -> Option<&'static str> {
        None
    }

    /// Tells the person what happened. It is durable by now.
    fn tell(&self, notices: &[Self::Notice]);
}

/// A letter that waits for its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitingProof {
    /// The party's name for it.
    pub id: String,
    /// The record that holds it; none where it was not kept.
    pub at: Option<Position>,
    /// When it was received, by which it is judged at last.
    pub received_at: Time,
}

/// What the kernel brings to a party.
#[derive(Debug, Clone, Copy)]
pub enum Input<'i> {
    /// A letter with a Tradepost part came, and its sender is as well proven as can be.
    Letter(&'i Received),
    /// A copy of a letter of our own lies in the Sent folder: whoever put it there has the password of the
    /// mailbox (protocol 5).
    FoundInSent {
        /// Who says something in it.
        from: &'i Address,
        /// The octets of its statement.
        json: &'i str,
        /// Of the copy, without angle brackets.
        message_id: Option<&'i str>,
    },
    /// The sender of a letter that waited for DNS was proven again. None: the letter can be read no more.
    ProvenAgain {
        /// As [`Party::awaiting_proof`] named it.
        id: &'i str,
        /// The letter with the proof that there is now.
        received: Option<&'i Received>,
    },
    /// A letter says that letters of ours came back.
    CameBack(&'i Returned),
    /// Letters of the mailbox could not be had, or could at last.
    Unread(&'i AsideChange),
    /// A letter of ours was tried.
    Tried {
        /// As it stood before.
        item: &'i Item,
        /// The try as it is recorded, with its outcome.
        tried: &'i Tried,
    },
    /// Time passed: the next thing that is due.
    Due {
        /// From 0 to 1, to spread waits.
        jitter: f64,
    },
}

/// What was decided: all that is to be written and said. Nothing has happened until it is recorded.
#[must_use]
#[derive(Debug)]
pub struct Decision<P: Party> {
    /// What the journal keeps of it; none where nothing changed.
    pub entry: Option<P::Entry>,
    /// What the entry makes; without an entry, only its notices count.
    pub made: Made<P>,
    /// What is to be said.
    pub send: Vec<P::Sending>,
    /// How the input was judged.
    pub verdict: P::Verdict,
}

impl<P: Party> Decision<P> {
    /// No entry, no rows, and nothing to be said: only a verdict.
    pub fn nothing(verdict: P::Verdict) -> Decision<P> {
        Decision {
            entry: None,
            made: Made::default(),
            send: Vec::new(),
            verdict,
        }
    }
}

/// What a decision makes.
#[must_use]
#[derive(Debug)]
pub struct Made<P: Party> {
    /// Rows to write together.
    pub rows: Vec<Row>,
    /// The letter is kept whole, and this row names the record that holds it.
    pub letter_row: Option<String>,
    /// What the record is about, for whoever has lost it.
    pub words: Option<String>,
    /// What a person is to be told of.
    pub notices: Vec<P::Notice>,
}

impl<P: Party> Default for Made<P> {
    fn default() -> Made<P> {
        Made {
            rows: Vec::new(),
            letter_row: None,
            words: None,
            notices: Vec::new(),
        }
    }
}

/// A letter of our own, ready to be recorded and sent.
#[derive(Debug, Clone)]
pub struct Composed {
    /// What it carries, or what a notice for people is about.
    pub statement: Statement,
    /// The octets of the statement, where the party wants them back ([`Party::sent`]).
    pub json: Option<String>,
    /// The recipient on the envelope, who need not be the statement's.
    pub to: Address,
    /// Without angle brackets.
    pub message_id: String,
    /// The whole letter, signed where this agent signs; every try sends the same (protocol 6).
    pub octets: Vec<u8>,
}

impl Composed {
    /// As the outbox takes it.
    pub(crate) fn item(&self, now: Time) -> NewItem {
        NewItem {
            from: self.statement.from.clone(),
            to: self.to.clone(),
            message_id: self.message_id.clone(),
            statement: self.statement.id,
            kind: self.statement.body.kind(),
            trade: self.statement.trade.clone(),
            request: self.statement.request.clone(),
            queued_at: now,
        }
    }
}

/// Why a letter cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The statement breaks the protocol.
    #[error("this cannot be said: {0}")]
    Forbidden(#[from] wire::DecodeError),
    /// This agent signs, and could not.
    #[error("the letter could not be signed: {0}")]
    Unsigned(#[from] SignError),
    /// A mail cannot carry its statement.
    #[error(transparent)]
    Unattachable(#[from] AttachError),
    /// The clock or the random numbers of this computer are unusable.
    #[error("this computer made an id that is none: {0}")]
    Id(#[from] IdError),
}

impl ComposeError {
    /// Whether it is a matter of this letter alone: others can be made all the same.
    #[must_use]
    pub fn is_of_the_letter(&self) -> bool {
        match self {
            ComposeError::Forbidden(_) | ComposeError::Unattachable(_) => true,
            ComposeError::Unsigned(e) => match e {
                SignError::Key { .. } => false,
                SignError::NoHeader
                | SignError::NoFrom
                | SignError::LineEnd
                | SignError::BlanksAtTheEnd => true,
            },
            ComposeError::Id(_) => false,
        }
    }
}
