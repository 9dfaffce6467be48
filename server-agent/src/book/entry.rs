//! What the journal keeps of what was decided, and the rows that it makes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradepost_agent::outbox;
use tradepost_agent::party::Made;
use tradepost_parties::kernel::PartyOutcome;
use tradepost_parties::kernel::book::{digest_of_waiting, key_of_emitted};
use tradepost_statements::{Address, Time};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Row;

use super::{Book, DecidedAbout, OWNER_KEY, arrivals_key, kept_key, put};
use crate::arrivals::Arrivals;

/// What stands in the journal beside the kernel's own entries.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
pub(crate) enum BookEntry {
    Decided(Box<DecidedEntry>),
    /// A letter of ours came back.
    Bounced {
        /// The letter that told of it.
        digest: String,
        /// What that means for the outbox.
        outbox: outbox::OutboxEntry,
    },
    /// When the deliveries of a webhook came.
    Arrivals {
        /// Its name in the configuration.
        webhook: String,
        /// All that is known of them.
        arrivals: Arrivals,
    },
    /// Whose book this is: its first record.
    Owner {
        address: Address,
    },
}

/// What was decided, about what, and the rows that it makes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DecidedEntry {
    at: Time,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    letter: Option<Received>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    line: Option<String>,
    outcome: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    put: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    delete: Vec<String>,
}

impl DecidedEntry {
    /// Enough to know it again: for whoever has lost the record.
    fn in_words(&self) -> String {
        let emitted = self
            .put
            .keys()
            .find_map(|row| key_of_emitted(row.as_bytes()));
        let author = |received: &Received| match &received.author {
            Some(author) => format!("letter of {author}"),
            None => "letter of nobody who can be named".to_owned(),
        };
        let what = match (emitted, &self.letter) {
            (Some(key), _) => format!("event with the key {key}"),
            (None, Some(received)) => author(received),
            (None, None) if self.line.is_some() => "event".to_owned(),
            (None, None) => "what was due".to_owned(),
        };
        format!("{what} ({}): {}", self.at, self.outcome)
    }
}

impl BookEntry {
    pub(super) fn decided(
        about: DecidedAbout<'_>,
        outcome: &PartyOutcome,
        rows: Vec<Row>,
        at: Time,
    ) -> BookEntry {
        let (letter, line) = match about {
            DecidedAbout::Letter(received) | DecidedAbout::LetterAgain(received) => {
                (Some(received.clone()), None)
            }
            DecidedAbout::Line(line) => (None, Some(line.to_owned())),
            DecidedAbout::Time => (None, None),
        };
        let mut put = BTreeMap::new();
        let mut delete = Vec::new();
        for row in rows {
            // Keys and values of the book are texts and JSON, made by `tradepost_parties`.
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
        BookEntry::Decided(Box::new(DecidedEntry {
            at,
            letter,
            line,
            outcome: outcome.to_string(),
            put,
            delete,
        }))
    }

    /// What it makes, when it is written and whenever it is replayed. `keeps`: its letter stands in the
    /// journal.
    pub(super) fn made(&self, keeps: bool) -> Made<Book> {
        match self {
            BookEntry::Decided(decided) => decided.made(keeps),
            BookEntry::Arrivals { webhook, arrivals } => Made {
                rows: vec![put(arrivals_key(webhook), arrivals)],
                ..Made::default()
            },
            BookEntry::Owner { address } => Made {
                rows: vec![put(OWNER_KEY, address)],
                ..Made::default()
            },
            // Its rows need its place in the journal.
            BookEntry::Bounced { .. } => Made::default(),
        }
    }
}

impl DecidedEntry {
    fn made(&self, keeps: bool) -> Made<Book> {
        let put = self
            .put
            .iter()
            .map(|(key, value)| Row::put(key.as_str(), value.to_string()));
        let delete = self.delete.iter().map(|key| Row::delete(key.as_str()));
        // A letter that waits no longer is not looked for any more.
        let let_go = self.delete.iter().filter_map(|key| {
            digest_of_waiting(key.as_bytes()).map(|digest| Row::delete(kept_key(digest)))
        });
        let letter = self.letter.as_ref().filter(|_| keeps);
        Made {
            rows: put.chain(delete).chain(let_go).collect(),
            letter_row: letter.map(|received| kept_key(&received.digest)),
            words: Some(self.in_words()),
            notices: Vec::new(),
        }
    }
}
