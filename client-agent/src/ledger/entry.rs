//! What stands in the journal, and what each entry means for the rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradepost_agent::outbox::{self, NewItem};
use tradepost_agent::trail::trail;
use tradepost_buyer::{
    self as buyer, Act, BouncedLetter, BuyerChange, BuyerSettings, Counted, Judgement, NewProof,
    OwnHow,
};
use tradepost_post::imap::{Cursor, aside};
use tradepost_statements::{StatementId, Time};
use tradepost_store::Position;
use tradepost_trades::letter::{Content, Received, Unreadable};
use tradepost_trades::rows::{Row, Rows};

use super::telling::{self, EventId};
use super::{LedgerError, set_aside, words};
use crate::again::{Left, Trust};
use crate::receive;

/// An input to the ledger, as it stands in the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub(crate) enum Entry {
    /// What the judgement goes by from here on.
    Settings {
        /// All of it.
        settings: BuyerSettings,
    },
    /// Whose letters are believed from here on. Those up to a number, whose senders were not, are
    /// to be proven again.
    Trust {
        /// All of it.
        trust: Trust,
        /// The last letter before.
        through: u64,
    },
    /// Of the letters that are to be proven again, those up to here were.
    JudgedThrough {
        /// The number of the last of them.
        letter: u64,
    },
    /// The sender of a letter was proven again, which was kept whole, or else judged again by the
    /// proof that there was.
    ProvenAgain {
        /// The letter's number.
        letter: u64,
        /// How the sender is proven now; none where the letter was not kept.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        proof: Option<NewProof>,
        /// When.
        now: Time,
    },
    /// A letter that is only counted: a flood of such letters fills no disk.
    Counted {
        /// What it adds to.
        counted: Counted,
        /// When it came.
        now: Time,
    },
    /// A letter with a Tradepost part. The record's blob is the letter where it is kept.
    Received {
        /// What the judgement needs of it.
        received: Received,
        /// When it was judged.
        now: Time,
    },
    /// A copy of a letter of ours that was not sent from here, or is not known here any more.
    FoundInSent {
        /// The statement's octets.
        json: String,
        /// Of the letter.
        message_id: Option<String>,
        /// When it was found.
        now: Time,
    },
    /// A letter of ours that waits in the outbox. The record's blob is the letter.
    Sending {
        /// The statement's octets.
        json: String,
        /// What the outbox needs.
        item: NewItem,
    },
    /// What became of a letter in the outbox.
    Outbox {
        /// The outbox's own entry.
        outbox: outbox::Entry,
        /// Whether a copy belongs into the Sent folder, once it has left.
        #[serde(default)]
        copy: bool,
    },
    /// The Sent folder has its copy, or needs none.
    Copied {
        /// The item of the outbox.
        item: Position,
    },
    /// Letters of ours came back, or never left.
    Bounced {
        /// Which, and why.
        #[serde(flatten)]
        returned: BouncedLetter,
        /// When it was read.
        now: Time,
    },
    /// The person decided something.
    Act {
        /// What.
        act: Act,
        /// When.
        now: Time,
    },
    /// Time passed, and something was due.
    Ticked {
        /// The present time.
        now: Time,
    },
    /// A folder was read up to here.
    Cursor {
        /// Which.
        folder: String,
        /// Up to where.
        cursor: Place,
    },
    /// Letters could not be had from the mailbox, or could at last.
    Aside {
        /// Which, and why.
        news: aside::AsideChange,
    },
    /// The mailbox is to be read from its beginning again.
    CursorsForgotten,
    /// From here on, events are kept for the person's own program, or are not any more.
    Notify {
        /// Kept.
        on: bool,
        /// Those that wait to be told stay although no more are kept.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keeps_waiting: bool,
    },
    /// The person's own program has taken an event, or would not for too long.
    Told {
        /// Which.
        event: EventId,
    },
}

/// A [`Cursor`], as it is written down.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Place {
    uid_validity: u32,
    last_uid: u32,
}

impl From<Cursor> for Place {
    fn from(c: Cursor) -> Place {
        Place {
            uid_validity: c.uid_validity,
            last_uid: c.last_uid,
        }
    }
}

impl From<Place> for Cursor {
    fn from(p: Place) -> Cursor {
        Cursor {
            uid_validity: p.uid_validity,
            last_uid: p.last_uid,
        }
    }
}

/// An entry that is to be made, and the letter that it is about, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// What is to be recorded.
    pub(crate) entry: Entry,
    /// The letter's octets; empty where there is none.
    pub(crate) letter: Vec<u8>,
}

impl Input {
    /// An entry without a letter.
    pub(crate) fn of(entry: Entry) -> Input {
        Input {
            entry,
            letter: Vec::new(),
        }
    }
}

impl Entry {
    /// As it stands in the journal.
    pub(crate) fn to_head(&self) -> Result<Vec<u8>, LedgerError> {
        serde_json::to_vec(self).map_err(|e| LedgerError::Entry {
            at: "its end".to_owned(),
            what: e.to_string(),
        })
    }

    /// When it was entered, of those that decide something.
    pub(super) fn time(&self) -> Option<Time> {
        match self {
            Entry::Received { now, .. }
            | Entry::ProvenAgain { now, .. }
            | Entry::Counted { now, .. }
            | Entry::FoundInSent { now, .. }
            | Entry::Bounced { now, .. }
            | Entry::Act { now, .. }
            | Entry::Ticked { now } => Some(*now),
            Entry::Aside { news } => Some(news.at),
            Entry::Sending { item, .. } => Some(item.queued_at),
            Entry::Settings { .. }
            | Entry::Trust { .. }
            | Entry::JudgedThrough { .. }
            | Entry::Outbox { .. }
            | Entry::Copied { .. }
            | Entry::Cursor { .. }
            | Entry::CursorsForgotten
            | Entry::Notify { .. }
            | Entry::Told { .. } => None,
        }
    }

    /// From the journal.
    pub(crate) fn from_head(head: &[u8]) -> Result<Entry, String> {
        serde_json::from_slice(head).map_err(|e| e.to_string())
    }
}

const SETTINGS: &[u8] = b"c/settings";
const TRUST: &[u8] = b"c/trust";
const LEFT: &[u8] = b"c/again";
const CURSORS: &str = "c/cursor/";
const COPIES: &str = "c/copy/";
const LETTERS: &str = "c/letter/";
const NEWEST: &str = "c/newest/";

/// What the trades' decisions say to an entry.
pub(super) fn decide(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    entry: &Entry,
) -> Result<BuyerChange, LedgerError> {
    Ok(match entry {
        Entry::Received { received, now } => buyer::receive(settings, rows, received, *now),
        Entry::FoundInSent {
            json,
            message_id,
            now,
        } => buyer::own(
            settings,
            rows,
            json,
            message_id.as_deref(),
            OwnHow::FoundInSent,
            *now,
        ),
        Entry::Sending { json, item } => {
            let id = Some(item.message_id.as_str());
            buyer::own(settings, rows, json, id, OwnHow::Sending, item.queued_at)
        }
        Entry::Bounced { returned, now } => buyer::bounced(settings, rows, returned, *now),
        Entry::Act { act, now } => buyer::act(settings, rows, act, *now)?,
        Entry::Ticked { now } => buyer::tick(settings, rows, *now),
        Entry::ProvenAgain { letter, proof, now } => {
            buyer::proven_again(settings, rows, *letter, proof.as_ref(), *now)
        }
        Entry::Counted { counted, now } => buyer::count(settings, rows, *counted, *now),
        Entry::Aside { news } => set_aside::decide(settings, rows, news),
        Entry::Settings { .. }
        | Entry::Trust { .. }
        | Entry::JudgedThrough { .. }
        | Entry::Outbox { .. }
        | Entry::Copied { .. }
        | Entry::Cursor { .. }
        | Entry::CursorsForgotten
        | Entry::Notify { .. }
        | Entry::Told { .. } => BuyerChange::default(),
    })
}

/// Whether an entry is recorded although the trades' decisions had nothing to write.
pub(super) fn has_rows_of_its_own(entry: &Entry) -> bool {
    match entry {
        Entry::Settings { .. }
        | Entry::Trust { .. }
        | Entry::JudgedThrough { .. }
        | Entry::Sending { .. }
        | Entry::Outbox { .. }
        | Entry::Copied { .. }
        | Entry::Cursor { .. }
        | Entry::CursorsForgotten
        | Entry::Aside { .. }
        | Entry::Notify { .. }
        | Entry::Told { .. } => true,
        Entry::Received { .. }
        | Entry::ProvenAgain { .. }
        | Entry::Counted { .. }
        | Entry::FoundInSent { .. }
        | Entry::Bounced { .. }
        | Entry::Act { .. }
        | Entry::Ticked { .. } => false,
    }
}

/// Whether an entry brings a letter into the outbox.
pub(super) fn queues(entry: &Entry) -> bool {
    matches!(entry, Entry::Sending { .. })
}

/// The rows that are the client's own and the outbox's, beside those of the trades.
pub(super) fn rows(
    rows: &dyn Rows,
    entry: &Entry,
    at: Position,
    kept: bool,
    judgement: Option<&Judgement>,
) -> Vec<Row> {
    let mut out = own_rows(rows, entry, at, kept, judgement);
    out.extend(words::of(entry).map(|words| trail(at, &words)));
    out
}

fn own_rows(
    rows: &dyn Rows,
    entry: &Entry,
    at: Position,
    kept: bool,
    judgement: Option<&Judgement>,
) -> Vec<Row> {
    match entry {
        Entry::Settings { settings } => put(SETTINGS, settings),
        Entry::Trust { trust, through } => {
            let mut out = put(TRUST, trust);
            let left = Left {
                from: 1,
                through: *through,
            };
            out.extend(still(left));
            out
        }
        Entry::JudgedThrough { letter } => left_to_prove(rows)
            .map(|left| {
                let from = letter.saturating_add(1);
                still(Left { from, ..left })
            })
            .unwrap_or_default(),
        Entry::Received { .. } => match judgement.and_then(|j| j.letter) {
            Some(no) if kept => put(letter_key(no), &at),
            _ => Vec::new(),
        },
        Entry::Sending { item, .. } => {
            let mut out = outbox::apply(rows, &outbox::Entry::Queued(item.clone()), at);
            out.extend(put(newest_key(item.statement), &at));
            out
        }
        Entry::Outbox {
            outbox: entry,
            copy,
        } => {
            let mut out = outbox::apply(rows, entry, at);
            if let (outbox::Entry::Tried(tried), true) = (entry, copy)
                && matches!(tried.outcome, outbox::Outcome::Accepted { .. })
            {
                out.extend(put(copy_key(tried.id), &tried.id));
            }
            out
        }
        Entry::Copied { item } => vec![Row::delete(copy_key(*item))],
        Entry::Cursor { folder, cursor, .. } => put(format!("{CURSORS}{folder}"), cursor),
        Entry::Aside { news } => set_aside::rows(rows, news),
        Entry::CursorsForgotten => rows
            .scan(CURSORS.as_bytes())
            .into_iter()
            .map(|(key, _)| Row::delete(key))
            .collect(),
        Entry::Notify { on, keeps_waiting } => telling::switch(rows, *on, *keeps_waiting),
        Entry::Told { event } => telling::told(*event),
        Entry::ProvenAgain { .. }
        | Entry::Counted { .. }
        | Entry::FoundInSent { .. }
        | Entry::Bounced { .. }
        | Entry::Act { .. }
        | Entry::Ticked { .. } => Vec::new(),
    }
}

fn still(left: Left) -> Vec<Row> {
    if left.from <= left.through {
        put(LEFT, &left)
    } else {
        vec![Row::delete(LEFT)]
    }
}

/// What is put here is plain data with string keys: it always has a JSON form.
pub(super) fn put<T: Serialize>(key: impl Into<Vec<u8>>, value: &T) -> Vec<Row> {
    match serde_json::to_vec(value) {
        Ok(json) => vec![Row::put(key, json)],
        Err(_) => Vec::new(),
    }
}

fn letter_key(no: u64) -> String {
    format!("{LETTERS}{no:016x}")
}

fn copy_key(item: Position) -> String {
    format!("{COPIES}{item}")
}

fn newest_key(statement: StatementId) -> String {
    format!("{NEWEST}{statement}")
}

/// Whether the letter that carries a statement of ours last still waits to leave.
pub(crate) fn waits_to_leave(rows: &dyn Rows, statement: StatementId) -> bool {
    let at = rows.get(newest_key(statement).as_bytes());
    let at: Option<Position> = at.and_then(|json| serde_json::from_slice(&json).ok());
    let item = at.and_then(|at| outbox::item(rows, at));
    item.is_some_and(|i| matches!(i.state, outbox::State::Queued { .. }))
}

/// The settings that the journal has noted last.
pub(super) fn settings(rows: &dyn Rows) -> Option<BuyerSettings> {
    serde_json::from_slice(&rows.get(SETTINGS)?).ok()
}

/// The trust that the journal has noted last.
pub(super) fn trust(rows: &dyn Rows) -> Option<Trust> {
    serde_json::from_slice(&rows.get(TRUST)?).ok()
}

/// Which letters are still to be proven again.
pub(crate) fn left_to_prove(rows: &dyn Rows) -> Option<Left> {
    serde_json::from_slice(&rows.get(LEFT)?).ok()
}

/// How far each folder was read.
pub(crate) fn cursors(rows: &dyn Rows) -> BTreeMap<String, Cursor> {
    rows.scan(CURSORS.as_bytes())
        .into_iter()
        .filter_map(|(key, value)| {
            let folder = std::str::from_utf8(key.get(CURSORS.len()..)?).ok()?;
            let place: Place = serde_json::from_slice(&value).ok()?;
            Some((folder.to_owned(), place.into()))
        })
        .collect()
}

/// Letters that have left and whose copies are still to be put into the Sent folder.
pub(crate) fn copies(rows: &dyn Rows) -> Vec<Position> {
    rows.scan(COPIES.as_bytes())
        .into_iter()
        .filter_map(|(_, value)| serde_json::from_slice(&value).ok())
        .collect()
}

/// Where a letter is kept whole, by its number in the ledger.
pub(crate) fn kept_letter(rows: &dyn Rows, no: u64) -> Option<Position> {
    serde_json::from_slice(&rows.get(letter_key(no).as_bytes())?).ok()
}

/// Protocol 2: what was not understood is judged again after an upgrade.
pub(super) fn understand_anew(entry: &mut Entry, letter: &[u8]) {
    let Entry::Received { received, .. } = entry else {
        return;
    };
    let unsupported = matches!(
        received.content,
        Content::Unreadable {
            why: Unreadable::Unsupported,
            ..
        }
    );
    if unsupported && !letter.is_empty() {
        // The evidence stays what it was: what was once established is never downgraded.
        let policy = tradepost_letters::RelayPolicy::new(Vec::new(), None);
        let opened = tradepost_letters::open(letter, &policy);
        if let Some(content) = receive::content(&opened) {
            received.content = content;
        }
    }
}
