//! A record of the journal, and the rows that it makes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradepost_agent::outbox::{self, Entry};
use tradepost_agent::trail::trail;
use tradepost_parties::kernel::book::{digest_of_waiting, key_of_emitted};
use tradepost_post::imap::aside;
use tradepost_statements::{Address, Time};
use tradepost_store::{ApplyError, Position, Record};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::{Row, Rows};

use super::{
    ASIDE, BOUNCES_KEY, Cursor, Input, OWNER_KEY, arrivals_key, bounce_key, bounces, cursor_key,
    kept_key, message_id_key,
};

use crate::arrivals::Arrivals;

/// Raise it when rows are made otherwise: the index is then made anew.
pub(super) const FORMAT: u32 = 4;

/// A record's head.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Head {
    /// A decision.
    Decided(Decided),
    /// Something happened to the outbox; the blob of a queued letter is the letter.
    Outbox(Entry),
    /// A letter of ours came back.
    Bounced {
        /// The letter that told of it.
        digest: String,
        entry: Entry,
    },
    /// When the deliveries of a webhook came.
    Arrivals { webhook: String, arrivals: Arrivals },
    /// Whose book this is: its first record.
    Owner(Address),
    /// Letters of the mailbox could not be had, or could at last.
    Aside(aside::AsideChange),
    /// A folder was read so far.
    Read {
        folder: String,
        #[serde(flatten)]
        cursor: Cursor,
    },
}

/// What was decided, about what, and the rows that it makes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Decided {
    at: Time,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    letter: Option<Judged>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    line: Option<String>,
    outcome: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    put: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    delete: Vec<String>,
    /// The record's blob is the letter with this digest, which waits for DNS.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    kept: Option<String>,
}

impl Decided {
    /// Enough to know it again: for whoever has lost the record.
    fn in_words(&self) -> String {
        let emitted = self
            .put
            .keys()
            .find_map(|row| key_of_emitted(row.as_bytes()));
        let author = |judged: &Judged| match &judged.received.author {
            Some(author) => format!("letter of {author}"),
            None => "letter of nobody who can be named".to_owned(),
        };
        let what = match (emitted, &self.letter) {
            (Some(key), _) => format!("event with the key {key}"),
            (None, Some(judged)) => author(judged),
            (None, None) if self.line.is_some() => "event".to_owned(),
            (None, None) => "what was due".to_owned(),
        };
        format!("{what} ({}): {}", self.at, self.outcome)
    }
}

/// A judged letter: what it said, and what its evidence rests on.
#[derive(Debug, Serialize, Deserialize)]
struct Judged {
    #[serde(flatten)]
    received: Received,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    message_id: Option<String>,
}

impl Head {
    pub(super) fn decided(
        input: &Input,
        outcome: &str,
        rows: Vec<Row>,
        kept: Option<&str>,
        at: Time,
    ) -> Head {
        let (letter, line) = match input {
            Input::Letter {
                received,
                message_id,
                octets: _,
            } => (
                Some(Judged {
                    received: (**received).clone(),
                    message_id: message_id.clone(),
                }),
                None,
            ),
            Input::Line(line) => (None, Some(line.clone())),
            Input::Time => (None, None),
        };
        let mut put = BTreeMap::new();
        let mut delete = Vec::new();
        for row in rows {
            // Keys and values of the book are texts and JSON, made by `tradepost_parties::kernel::book`.
            let key = String::from_utf8_lossy(&row.key).into_owned();
            match row.value {
                Some(value) => {
                    let value =
                        serde_json::from_slice(&value).expect("a row of the book holds JSON");
                    put.insert(key, value);
                }
                None => delete.push(key),
            }
        }
        Head::Decided(Decided {
            at,
            letter,
            line,
            outcome: outcome.to_owned(),
            put,
            delete,
            kept: kept.map(str::to_owned),
        })
    }

    pub(super) fn read(folder: &str, cursor: Cursor) -> Head {
        Head::Read {
            folder: folder.to_owned(),
            cursor,
        }
    }

    pub(super) fn to_record(&self) -> Record {
        let head = serde_json::to_vec(self).expect("a head always has a JSON form");
        Record::new(head)
    }

    /// The rows that a record makes, when it is written and whenever it is replayed.
    pub(super) fn rows(&self, rows: &dyn Rows, at: Position) -> Vec<Row> {
        match self {
            Head::Decided(decided) => {
                let put = decided
                    .put
                    .iter()
                    .map(|(key, value)| Row::put(key.as_str(), value.to_string()));
                let delete = decided.delete.iter().map(|key| Row::delete(key.as_str()));
                let kept = decided.kept.iter().map(|digest| {
                    let value = serde_json::to_vec(&at).expect("a position has a JSON form");
                    Row::put(kept_key(digest), value)
                });
                // A letter that waits no longer is not looked for any more.
                let let_go = decided.delete.iter().filter_map(|key| {
                    digest_of_waiting(key.as_bytes()).map(|digest| Row::delete(kept_key(digest)))
                });
                let words = trail(at, &decided.in_words());
                put.chain(delete)
                    .chain(kept)
                    .chain(let_go)
                    .chain([words])
                    .collect()
            }
            Head::Outbox(entry) => {
                let mut made = outbox::apply(rows, entry, at);
                if let Entry::Queued(new) = entry {
                    // Reports of letters that came back name them so.
                    let value = serde_json::to_vec(&at).expect("a position has a JSON form");
                    made.push(Row::put(message_id_key(&new.message_id), value));
                }
                made
            }
            Head::Bounced { digest, entry } => {
                let mut made = outbox::apply(rows, entry, at);
                let count = bounces(rows).saturating_add(1).to_string();
                made.push(Row::put(BOUNCES_KEY, count));
                made.push(Row::put(bounce_key(digest), "null"));
                made
            }
            Head::Arrivals { webhook, arrivals } => {
                let value = serde_json::to_vec(arrivals).expect("arrivals have a JSON form");
                vec![Row::put(arrivals_key(webhook), value)]
            }
            Head::Owner(address) => {
                let value = serde_json::to_vec(address).expect("an address has a JSON form");
                vec![Row::put(OWNER_KEY, value)]
            }
            Head::Aside(news) => news.rows(rows, ASIDE),
            Head::Read { folder, cursor } => {
                let value = serde_json::to_vec(cursor).expect("a cursor always has a JSON form");
                vec![Row::put(cursor_key(folder), value)]
            }
        }
    }
}

/// Replays one record.
pub(super) fn replay(
    rows: &dyn Rows,
    at: Position,
    record: &Record,
) -> Result<Vec<Row>, ApplyError> {
    let head: Head = serde_json::from_slice(&record.head)?;
    Ok(head.rows(rows, at))
}
