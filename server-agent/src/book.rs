//! The book: what this server keeps, durably. The journal is the truth, the rows are made from it
//! (design 3).
//!
//! [`Book`] is all that the agent needs of it, so that another backend can come beside the journal:
//! load, look up a request, record decisions, claim what is to be sent, retire it, tell what is due.

mod journal;
mod record;

pub(crate) use journal::{Journal, options};

use std::collections::BTreeMap;

use tradepost_agent::outbox::{Due, Entry, Failure, Item, State};
use tradepost_letters::AttachError;
use tradepost_parties::kernel::{PartyChange, StatementToSend};
use tradepost_post::imap::aside;
use tradepost_proof::dkim::SignError;
use tradepost_statements::{Address, Time, TradeRef};
use tradepost_store::{Position, StoreError};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Rows;

use crate::arrivals::Arrivals;

/// Why the book could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BookError {
    /// The store's own words.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A letter is none that can be signed; nothing of its decision was recorded.
    #[error("a letter could not be signed: {0}")]
    Unsignable(SignError),
    /// A mail cannot carry its statement; nothing of the decision was recorded.
    #[error(transparent)]
    Unattachable(AttachError),
    /// The key fails, as it would for every letter.
    #[error("a letter could not be signed: {0}")]
    KeyFails(SignError),
    /// One decision is more than the book can hold; nothing of it was recorded, and the others
    /// of its batch may be.
    #[error("this makes {0} octets in the book, more than it holds for one decision")]
    DecisionTooLarge(usize),
    /// Another party's book lies there.
    #[error(
        "the data folder {folder} holds the book of {owner}; give {address} one of its own with --data"
    )]
    OfAnother {
        /// Where it lies.
        folder: String,
        /// Whose it is.
        owner: String,
        /// Who wanted to use it.
        address: String,
    },
}

impl From<SignError> for BookError {
    fn from(e: SignError) -> BookError {
        match e {
            SignError::Key { .. } => BookError::KeyFails(e),
            SignError::NoHeader
            | SignError::NoFrom
            | SignError::LineEnd
            | SignError::BlanksAtTheEnd => BookError::Unsignable(e),
        }
    }
}

impl From<BookError> for Failure {
    fn from(e: BookError) -> Failure {
        Failure::new(e)
    }
}

/// What was decided about, as the journal keeps it beside the change.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// A letter, with its Message-ID, which answers refer to.
    Letter {
        /// As it was judged.
        received: Box<Received>,
        /// For the thread of letters.
        message_id: Option<String>,
        /// The whole letter, which is kept while it waits for DNS; empty when it is kept already.
        octets: Vec<u8>,
    },
    /// A line of the merchant's own system.
    Line(String),
    /// Something was due.
    Time,
}

/// How far a folder of the mailbox has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Cursor {
    pub(crate) uid_validity: u32,
    pub(crate) last_uid: u32,
}

/// Where decisions are made and recorded: what one writes, the next one in the batch reads.
pub(crate) trait Page {
    /// The rows, with what was recorded in this batch.
    fn rows(&self) -> &dyn Rows;
    /// Records a decision: its rows, and its letters, composed now and never again.
    fn record(&mut self, input: &Input, change: PartyChange, now: Time) -> Result<(), BookError>;
    /// Records what became of a letter.
    fn retire(&mut self, entry: Entry) -> Result<(), BookError>;
    /// Records that a letter of ours came back, as the letter with this digest says.
    fn record_bounce(&mut self, digest: &str, entry: Entry) -> Result<(), BookError>;
    /// Records a decision whose statement goes with a mail of the merchant's own system, and that
    /// mail, as a letter that has left. Gives the mail.
    fn record_attached(
        &mut self,
        input: &Input,
        change: PartyChange,
        sending: &StatementToSend,
        mail: &[u8],
        now: Time,
    ) -> Result<Vec<u8>, BookError>;
    /// Octets recorded in this batch so far. Past [`ENOUGH`], the rest belongs into the next one.
    fn written(&self) -> usize;
    /// Records when the deliveries of a webhook came.
    fn record_arrivals(&mut self, webhook: &str, arrivals: &Arrivals) -> Result<(), BookError>;
    /// Records how far a folder has been read.
    fn record_cursor(&mut self, folder: &str, cursor: Cursor) -> Result<(), BookError>;
    /// Records which letters of the mailbox could not be had, or could at last.
    fn record_aside(&mut self, news: aside::AsideChange) -> Result<(), BookError>;
}

/// A batch of so many octets is fenced before more is added: a store's batch is bounded, and few
/// decisions are larger than some kilobytes.
pub(crate) const ENOUGH: usize = 8 * 1024 * 1024;

/// A server's book. Blocking: call it off the async threads.
pub(crate) trait Book: Send + Sync {
    /// Decides and records, all of it durable and together once this returns `Ok`, or none of it.
    /// A backend that shares its rows with others may call `decide` again when they were
    /// faster: ids and the time are made outside, so that it decides the same.
    fn decide(
        &self,
        decide: &mut dyn FnMut(&mut dyn Page) -> Result<(), BookError>,
    ) -> Result<(), BookError>;

    /// Reads one state: trades, requests, cursors, the outbox, what is due.
    fn view(&self, read: &mut dyn FnMut(&dyn Rows));

    /// Claims letters that are to be sent, from `n` that wait: of those about one trade to one
    /// receiver only the first, and none while that one waits for another try. So a trade record
    /// is there before its first status.
    fn claim_outbox(&self, now: Time, n: usize) -> Due;

    /// The bytes of a letter.
    fn letter(&self, id: Position) -> Result<Vec<u8>, BookError>;

    /// Records that letters are to be tried at once.
    fn retire(&self, entries: Vec<Entry>) -> Result<(), BookError>;
}

/// What of these waiting letters may leave now.
fn in_turn(waiting: Due, now: Time) -> Due {
    let mut first: BTreeMap<(Address, Option<TradeRef>), Position> = BTreeMap::new();
    for item in &waiting.items {
        let turn = (item.to.clone(), item.trade.clone());
        let first = first.entry(turn).or_insert(item.id);
        *first = item.id.min(*first);
    }
    let mut next_wake = waiting.next_wake;
    let mut items = Vec::new();
    for item in waiting.items {
        let State::Queued { next_try, .. } = item.state else {
            continue;
        };
        // The outbox counts in whole milliseconds.
        if next_try.unix_millis() > now.unix_millis() {
            next_wake = Some(next_wake.map_or(next_try, |wake| wake.min(next_try)));
        } else if first.get(&(item.to.clone(), item.trade.clone())) == Some(&item.id) {
            items.push(item);
        }
    }
    Due {
        items,
        next_wake,
        pause: waiting.pause,
    }
}

/// Reads one thing from the book.
pub(crate) fn view<T>(book: &dyn Book, read: impl FnOnce(&dyn Rows) -> T) -> T {
    let mut read = Some(read);
    let mut result = None;
    book.view(&mut |rows| {
        if let Some(read) = read.take() {
            result = Some(read(rows));
        }
    });
    result.expect("a book calls `read`")
}

/// Where the book says whose it is.
const OWNER_KEY: &str = "v/owner";

/// The key of a folder's cursor.
fn cursor_key(folder: &str) -> String {
    format!("v/c/{folder}")
}

/// How far each folder has been read.
pub(crate) fn cursors(rows: &dyn Rows) -> Vec<(String, Cursor)> {
    rows.scan(b"v/c/")
        .into_iter()
        .filter_map(|(key, value)| {
            let key = String::from_utf8(key).ok()?;
            let folder = key.strip_prefix("v/c/")?.to_owned();
            Some((folder, serde_json::from_slice(&value).ok()?))
        })
        .collect()
}

fn arrivals_key(webhook: &str) -> String {
    format!("v/w/{webhook}")
}

/// When the deliveries of a webhook came; none: none ever did.
pub(crate) fn arrivals(rows: &dyn Rows, webhook: &str) -> Option<Arrivals> {
    serde_json::from_slice(&rows.get(arrivals_key(webhook).as_bytes())?).ok()
}

/// Below it, the letters of the mailbox that could not be had.
const ASIDE: &str = "v/a/";

/// Letters of the mailbox that could not be had.
pub(crate) fn set_aside(rows: &dyn Rows) -> Vec<aside::AsideRecord> {
    aside::kept(rows, ASIDE)
}

/// How many letters of ours ever came back.
const BOUNCES_KEY: &str = "v/b";

/// A letter that told of a letter of ours that came back.
fn bounce_key(digest: &str) -> String {
    format!("{BOUNCES_KEY}/{digest}")
}

/// How many letters of ours ever came back.
pub(crate) fn bounces(rows: &dyn Rows) -> u64 {
    let count = rows.get(BOUNCES_KEY.as_bytes());
    count
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or(0)
}

/// Whether this report of a letter that came back was taken before.
pub(crate) fn is_known_bounce(rows: &dyn Rows, digest: &str) -> bool {
    rows.get(bounce_key(digest).as_bytes()).is_some()
}

fn message_id_key(message_id: &str) -> String {
    format!("v/m/{message_id}")
}

/// The letter of the outbox that bears this Message-ID.
pub(crate) fn by_message_id(rows: &dyn Rows, message_id: &str) -> Option<Item> {
    let id = rows.get(message_id_key(message_id).as_bytes())?;
    item(rows, serde_json::from_slice(&id).ok()?)
}

/// Where a letter is that waits for DNS, by its digest.
pub(crate) fn kept_letter(rows: &dyn Rows, digest: &str) -> Option<Position> {
    serde_json::from_slice(&rows.get(kept_key(digest).as_bytes())?).ok()
}

fn kept_key(digest: &str) -> String {
    format!("v/k/{digest}")
}

/// One letter of the outbox.
pub(crate) fn item(rows: &dyn Rows, id: Position) -> Option<Item> {
    tradepost_agent::outbox::item(rows, id)
}
