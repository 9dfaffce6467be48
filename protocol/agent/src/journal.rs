//! What stands in an agent's journal, and the rows that are the kernel's own: how far each folder was read,
//! what waits to be copied into Sent, what could not be had from the mailbox; and the outbox.
//!
//! | key | value |
//! |---|---|
//! | `k/cursor/<folder>` | up to where it was read |
//! | `k/copy/<item>` | an item of the outbox that has left, whose copy belongs into Sent |
//! | `k/aside/<folder>/..` | a letter of the mailbox that could not be had ([`crate::aside`]) |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradepost_post::imap::Cursor;
use tradepost_store::Position;
use tradepost_trades::rows::{Row, Rows};

use crate::aside::{self, AsideChange};
use crate::outbox::{self, NewItem};
use crate::party::{Made, Party};
use crate::trail::trail;

/// A record's head.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub(crate) enum JournalEntry<E> {
    /// A letter of ours waits in the outbox. The record's blob is the letter, its position the item's id.
    Sending {
        /// What the outbox needs.
        item: NewItem,
        /// The octets of its statement.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        json: Option<String>,
    },
    /// Something became of letters in the outbox.
    Outbox {
        /// The outbox's own entry.
        outbox: outbox::OutboxEntry,
        /// Whether a copy belongs into the Sent folder, once it has left.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        copy: bool,
    },
    /// The Sent folder has its copy, or needs none.
    Copied {
        /// The item of the outbox.
        item: Position,
    },
    /// A folder was read up to here.
    Cursor {
        /// By its name for people.
        folder: String,
        /// Up to where.
        cursor: ReadUpTo,
    },
    /// The mailbox is to be read from its beginning again.
    CursorsForgotten,
    /// Letters could not be had from the mailbox, or could at last.
    Aside {
        /// Which, and why.
        news: AsideChange,
    },
    /// Something that the party has decided.
    #[serde(untagged)]
    Decided(E),
}

/// A [`Cursor`], as it is written down.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ReadUpTo {
    uid_validity: u32,
    last_uid: u32,
}

impl From<Cursor> for ReadUpTo {
    fn from(c: Cursor) -> ReadUpTo {
        ReadUpTo {
            uid_validity: c.uid_validity,
            last_uid: c.last_uid,
        }
    }
}

impl From<ReadUpTo> for Cursor {
    fn from(r: ReadUpTo) -> Cursor {
        Cursor {
            uid_validity: r.uid_validity,
            last_uid: r.last_uid,
        }
    }
}

const CURSORS: &str = "k/cursor/";
const COPIES: &str = "k/copy/";
const ASIDE: &str = "k/aside/";

impl<E: Serialize> JournalEntry<E> {
    /// As it stands in the journal.
    pub(crate) fn to_head(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

/// The rows of something that a party has decided, as its record at a position holds them.
pub fn decided_rows<P: Party>(
    rows: &dyn Rows,
    at: Position,
    entry: P::Entry,
    made: Made<P>,
) -> Vec<Row> {
    rows_of(rows, at, &JournalEntry::Decided(entry), made).0
}

/// The rows of an entry, and what a person is to be told of.
pub(crate) fn rows_of<P: Party>(
    rows: &dyn Rows,
    at: Position,
    entry: &JournalEntry<P::Entry>,
    made: Made<P>,
) -> (Vec<Row>, Vec<P::Notice>) {
    let decided = match entry {
        JournalEntry::Decided(decided) => Some(decided),
        JournalEntry::Sending { .. }
        | JournalEntry::Outbox { .. }
        | JournalEntry::Copied { .. }
        | JournalEntry::Cursor { .. }
        | JournalEntry::CursorsForgotten
        | JournalEntry::Aside { .. } => None,
    };
    let mut out = P::rows_at(rows, at, decided, &made);
    out.extend(own_rows(rows, at, entry));
    out.extend(made.letter_row.map(|key| put(key, &at)));
    out.extend(made.words.map(|words| trail(at, &words)));
    let mut all = made.rows;
    all.append(&mut out);
    (all, made.notices)
}

fn own_rows<E>(rows: &dyn Rows, at: Position, entry: &JournalEntry<E>) -> Vec<Row> {
    match entry {
        JournalEntry::Sending { item, .. } => {
            outbox::apply(rows, &outbox::OutboxEntry::Queued(item.clone()), at)
        }
        JournalEntry::Outbox {
            outbox: entry,
            copy,
        } => {
            let mut out = outbox::apply(rows, entry, at);
            if let (outbox::OutboxEntry::Tried(tried), true) = (entry, copy)
                && matches!(tried.outcome, outbox::Outcome::Accepted { .. })
            {
                out.push(put(copy_key(tried.id), &tried.id));
            }
            out
        }
        JournalEntry::Copied { item } => vec![Row::delete(copy_key(*item))],
        JournalEntry::Cursor { folder, cursor } => vec![put(format!("{CURSORS}{folder}"), cursor)],
        JournalEntry::CursorsForgotten => {
            let known = rows.scan(CURSORS.as_bytes()).into_iter();
            known.map(|(key, _)| Row::delete(key)).collect()
        }
        JournalEntry::Aside { news } => news.rows(rows, ASIDE),
        JournalEntry::Decided(_) => Vec::new(),
    }
}

fn put<T: Serialize>(key: impl Into<Vec<u8>>, value: &T) -> Row {
    let json = serde_json::to_vec(value).expect("plain data with string keys has a JSON form");
    Row::put(key, json)
}

fn copy_key(item: Position) -> String {
    format!("{COPIES}{item}")
}

/// How far each folder was read.
#[must_use]
pub fn cursors(rows: &dyn Rows) -> BTreeMap<String, Cursor> {
    let all = rows.scan(CURSORS.as_bytes()).into_iter();
    all.filter_map(|(key, value)| {
        let folder = std::str::from_utf8(key.get(CURSORS.len()..)?).ok()?;
        let read: ReadUpTo = serde_json::from_slice(&value).ok()?;
        Some((folder.to_owned(), read.into()))
    })
    .collect()
}

/// Letters that have left and whose copies are still to be put into the Sent folder; at most so many.
#[must_use]
pub fn copies(rows: &dyn Rows, most: usize) -> Vec<Position> {
    let first = rows.scan_from(COPIES.as_bytes(), COPIES.as_bytes(), most);
    let first = first.into_iter();
    first
        .filter_map(|(_, value)| serde_json::from_slice(&value).ok())
        .collect()
}

/// Letters of the mailbox that could not be had.
#[must_use]
pub fn set_aside(rows: &dyn Rows) -> Vec<aside::AsideRecord> {
    aside::kept(rows, ASIDE)
}
