//! The rows of the ledger, as types.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tradepost_statements::{
    Address, Amount, Currency, Evidence, Kind, RequestId, Statement, StatementId, Time, TradeRef,
};
use tradepost_trades::letter::{Content, LetterFacts, Received};
use tradepost_trades::rows::Rows;

use super::keys;
use super::warning::WarningKind;

/// A letter that was received.
#[derive(Debug, Clone)]
pub(super) struct FiledLetter {
    pub(super) no: u64,
    /// Without its digest when it was read back: that stands in an index of its own (`keys::digest`).
    pub(super) received: Received,
    /// Lines of protocol 5 up to this one were passed by the person's own act; 0 for none.
    pub(super) accepted_through: u8,
    pub(super) fate: Fate,
    /// Since when it waits for DNS, if it ever did.
    pub(super) held_since: Option<Time>,
    /// How often DNS was asked again for it, in vain.
    pub(super) tries: u32,
    /// It stands in the group of letters below the minimum (protocol 5), and joins none again.
    pub(super) grouped: bool,
    /// How many more times it came.
    pub(super) copies: u64,
    /// Where it stands among the letters, when that is not where it came.
    pub(super) moved: Option<LetterPlace>,
}

/// The row of a letter: facts and fate. What it says is in a row of its own, which never changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LetterRow {
    #[serde(rename = "n")]
    pub(super) no: u64,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    date: Option<Time>,
    #[serde(rename = "z", default, skip_serializing_if = "is_default")]
    size: u64,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<Address>,
    #[serde(rename = "e")]
    pub(super) evidence: Evidence,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    undecided: Option<Evidence>,
    #[serde(rename = "p")]
    proof: String,
    #[serde(rename = "r")]
    pub(super) received_at: Time,
    #[serde(rename = "x", default, skip_serializing_if = "is_default")]
    pub(super) accepted_through: u8,
    #[serde(rename = "v")]
    pub(super) fate: Fate,
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(super) held_since: Option<Time>,
    #[serde(rename = "g", default, skip_serializing_if = "is_default")]
    grouped: bool,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    moved: Option<LetterPlace>,
}

impl LetterRow {
    pub(super) fn of(letter: &FiledLetter) -> LetterRow {
        let received = &letter.received;
        let facts = &received.letter;
        LetterRow {
            no: letter.no,
            message_id: facts.message_id.clone(),
            from: facts.from.clone(),
            subject: facts.subject.clone(),
            date: facts.date,
            size: facts.size,
            author: received.author.clone(),
            evidence: received.evidence,
            undecided: received.undecided,
            proof: received.proof.clone(),
            received_at: received.received_at,
            accepted_through: letter.accepted_through,
            fate: match letter.fate.clone() {
                Fate::Held { rule, .. } => Fate::Held {
                    until: in_counts(),
                    rule,
                },
                fate @ (Fate::New
                | Fate::Applied
                | Fate::Adopted
                | Fate::Late
                | Fate::Duplicate
                | Fate::Warned { .. }) => fate,
            },
            held_since: letter.held_since,
            grouped: letter.grouped,
            moved: letter.moved,
        }
    }

    pub(super) fn with(self, counts: LetterCounts, content: Content) -> FiledLetter {
        FiledLetter {
            no: self.no,
            received: Received {
                letter: LetterFacts {
                    message_id: self.message_id,
                    from: self.from,
                    subject: self.subject,
                    date: self.date,
                    size: self.size,
                },
                author: self.author,
                evidence: self.evidence,
                undecided: self.undecided,
                proof: self.proof,
                digest: String::new(),
                received_at: self.received_at,
                content,
            },
            accepted_through: self.accepted_through,
            fate: match self.fate {
                Fate::Held { rule, .. } => Fate::Held {
                    until: counts.until.unwrap_or_else(in_counts),
                    rule,
                },
                fate @ (Fate::New
                | Fate::Applied
                | Fate::Adopted
                | Fate::Late
                | Fate::Duplicate
                | Fate::Warned { .. }) => fate,
            },
            held_since: self.held_since,
            tries: counts.tries,
            grouped: self.grouped,
            copies: counts.copies,
            moved: self.moved,
        }
    }
}

/// In the place of a time that stands in [`LetterCounts`].
fn in_counts() -> Time {
    Time::from_unix_millis(0)
}

/// What changes of a letter while it waits, or when it comes again: apart from what it says of itself, which
/// its sender may make long, and the journal would have to say each time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LetterCounts {
    /// When it is looked at again, where it is held.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Time>,
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    tries: u32,
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    copies: u64,
}

impl LetterCounts {
    pub(super) fn of(letter: &FiledLetter) -> LetterCounts {
        LetterCounts {
            until: match letter.fate {
                Fate::Held { until, .. } => Some(until),
                Fate::New
                | Fate::Applied
                | Fate::Adopted
                | Fate::Late
                | Fate::Duplicate
                | Fate::Warned { .. } => None,
            },
            tries: letter.tries,
            copies: letter.copies,
        }
    }
}

/// What is as it is where nothing is said needs no place in a row.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl FiledLetter {
    /// Where it stands among the letters: where it came, that is, where the journal first has it; what
    /// was not believed or did not fit, where the person's trust or act let it in.
    pub(super) fn place(&self) -> LetterPlace {
        self.moved.unwrap_or(LetterPlace {
            after: self.no,
            nth: 0,
        })
    }
}

/// A place among the letters, in the order of their arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct LetterPlace {
    /// The number of the last letter that had come.
    pub(super) after: u64,
    /// Of those that were let in later, which; 0 for that letter itself.
    pub(super) nth: u64,
}

/// How a letter stands at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub(super) enum Fate {
    /// Just arrived, not yet judged.
    New,
    Applied,
    Adopted,
    Late,
    Duplicate,
    Held {
        until: Time,
        /// The line that holds it.
        rule: u8,
    },
    Warned {
        rule: u8,
        kind: WarningKind,
    },
}

impl Fate {
    /// Its letter made the trade what it is, or says again what did.
    pub(super) fn counts(&self) -> bool {
        match self {
            Fate::Applied | Fate::Adopted | Fate::Late | Fate::Duplicate => true,
            Fate::New | Fate::Held { .. } | Fate::Warned { .. } => false,
        }
    }
}

/// A statement of ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Own {
    pub(super) statement: Statement,
    /// The JSON octets, sent again as they are.
    pub(super) json: String,
    /// All the letters that carried it.
    pub(super) message_ids: BTreeSet<String>,
    /// It left from here, so it is sent again from here when nobody answers.
    pub(super) from_here: bool,
    pub(super) first_sent: Time,
    /// How often it was sent.
    pub(super) tries: u32,
    pub(super) progress: OwnProgress,
    /// When it was sent last.
    #[serde(default)]
    pub(super) last_sent: Option<Time>,
    /// The last bounce, if one came.
    #[serde(default)]
    pub(super) bounce: Option<String>,
    /// After which of the times that it was sent.
    #[serde(default)]
    pub(super) bounced_try: u32,
}

impl Own {
    /// Whether the letter that carried it last came back.
    pub(super) fn has_bounced(&self) -> bool {
        self.bounce.is_some() && self.bounced_try == self.tries
    }
}

/// Whether an own statement still waits for its answer (protocol 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub(super) enum OwnProgress {
    Waiting {
        again: Time,
    },
    Answered {
        /// What answered first.
        by: Kind,
        #[serde(default)]
        at: Option<Time>,
        /// The letters that answered it, the first ones of them.
        #[serde(default)]
        letters: Vec<u64>,
    },
    /// Nobody answered for so long that it is not sent again.
    GivenUp,
    /// Another client of this mailbox sent it, and looks after it.
    Elsewhere,
}

/// A request of ours: what is known of the order and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct OwnRequest {
    pub(super) id: RequestId,
    pub(super) to: Address,
    /// The statement with the order.
    pub(super) order: Option<StatementId>,
    /// All statements of ours that bear this request id.
    pub(super) statements: Vec<StatementId>,
    /// The first answer counts (protocol 5, line 10).
    pub(super) answer: Option<RequestAnswer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub(super) enum RequestAnswer {
    Record { trade: TradeRef },
    Rejected { letter: u64, reason: String },
}

/// Running totals (E19, E20).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Totals {
    pub(super) trades: u64,
    pub(super) adopted: u64,
    pub(super) undelivered: u64,
    pub(super) unpaid: u64,
    pub(super) unpaid_total: BTreeMap<Currency, Amount>,
    /// Currencies whose limit is reached, with the warning that says so.
    #[serde(default)]
    pub(super) over_limit: BTreeMap<Currency, u64>,
}

/// A row as its type. A row that cannot be read is one that this program never wrote.
pub(super) fn read<T: DeserializeOwned>(rows: &dyn Rows, key: &str) -> Option<T> {
    serde_json::from_slice(&rows.get(key.as_bytes())?).ok()
}

/// What a letter says.
pub(super) fn content(rows: &dyn Rows, no: u64) -> Option<Content> {
    read(rows, &keys::content(no))
}

/// A letter, with what it says.
pub(super) fn letter(rows: &dyn Rows, no: u64) -> Option<FiledLetter> {
    let row: LetterRow = read(rows, &keys::letter(no))?;
    let counts = read(rows, &keys::letter_counts(no)).unwrap_or_default();
    Some(row.with(counts, content(rows, no)?))
}
