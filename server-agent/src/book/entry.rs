//! What the journal keeps of what was decided beside its rows, and the rows of what is the server's own.

use serde::{Deserialize, Serialize};
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

/// What was decided, and about what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DecidedEntry {
    at: Time,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    letter: Option<Received>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    line: Option<String>,
    outcome: String,
}

impl DecidedEntry {
    /// Enough to know it again: for whoever has lost the record.
    fn in_words(&self, rows: &[Row]) -> String {
        let put = rows.iter().filter(|row| row.value.is_some());
        let emitted = put.into_iter().find_map(|row| key_of_emitted(&row.key));
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

/// What the journal keeps of a decision, and what it makes. `keeps`: its letter stands in the journal.
pub(super) fn decided(
    about: DecidedAbout<'_>,
    outcome: &PartyOutcome,
    mut rows: Vec<Row>,
    at: Time,
    keeps: bool,
) -> (BookEntry, Made<Book>) {
    let (letter, line) = match about {
        DecidedAbout::Letter(received) | DecidedAbout::LetterAgain(received) => {
            (Some(received.clone()), None)
        }
        DecidedAbout::Line(line) => (None, Some(line.to_owned())),
        DecidedAbout::Time => (None, None),
    };
    let entry = DecidedEntry {
        at,
        letter,
        line,
        outcome: outcome.to_string(),
    };
    let words = entry.in_words(&rows);
    // A letter that waits no longer is not looked for any more.
    let deleted = rows.iter().filter(|row| row.value.is_none());
    let let_go: Vec<Row> = deleted
        .filter_map(|row| Some(Row::delete(kept_key(digest_of_waiting(&row.key)?))))
        .collect();
    rows.extend(let_go);
    let letter = entry.letter.as_ref().filter(|_| keeps);
    let made = Made {
        rows,
        letter_row: letter.map(|received| kept_key(&received.digest)),
        words: Some(words),
        notices: Vec::new(),
    };
    (BookEntry::Decided(Box::new(entry)), made)
}

/// When the deliveries of a webhook came.
pub(crate) fn arrived(webhook: String, arrivals: Arrivals) -> (BookEntry, Made<Book>) {
    let made = Made {
        rows: vec![put(arrivals_key(&webhook), &arrivals)],
        ..Made::default()
    };
    (BookEntry::Arrivals { webhook, arrivals }, made)
}

/// Whose book this is.
pub(super) fn owned(address: Address) -> (BookEntry, Made<Book>) {
    let made = Made {
        rows: vec![put(OWNER_KEY, &address)],
        ..Made::default()
    };
    (BookEntry::Owner { address }, made)
}
