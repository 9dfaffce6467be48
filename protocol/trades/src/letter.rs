//! What a judgement needs of a letter, the buyer's and that of the servers (protocol 5): made by the
//! shell, journalled, never the letter itself. How letters travel is not known here.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tradepost_statements::wire::{self, DecodeError, Decoded};
use tradepost_statements::{Address, Evidence, Time, words};

/// A fetched letter that has a Tradepost part, as far as a judgement needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// For showing; all of it is the sender's word.
    pub letter: LetterFacts,
    /// The one From mailbox; none when From cannot be read strictly, which leaves no evidence.
    pub author: Option<Address>,
    /// How well the author is proven.
    pub evidence: Evidence,
    /// What the evidence could still become when DNS answers (protocol 5, line 2).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undecided: Option<Evidence>,
    /// How the author was proven or not, in one sentence.
    pub proof: String,
    /// SHA-256, in hex, of the octets from the first author field on.
    pub digest: String,
    /// When the own provider received it: it is judged by that, however late it is read.
    pub received_at: Time,
    /// What its Tradepost part holds.
    pub content: Content,
}

/// What a letter says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterFacts {
    /// The first Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// From, as it stands there.
    pub from: Option<String>,
    /// Subject, decoded.
    pub subject: Option<String>,
    /// Date, as far as it can be read.
    pub date: Option<Time>,
    /// Octets of the whole letter: what it takes to keep it.
    #[serde(default)]
    pub size: u64,
}

/// What a Tradepost part holds. It is decoded once, where the letter is read; its serialized form is that of
/// the octets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", from = "StoredContent")]
pub enum Content {
    /// A statement.
    Statement(ReadStatement),
    /// Nothing that can be read here.
    Unreadable {
        /// Which of the three warnings of protocol 5, line 4.
        why: Unreadable,
        /// What is wrong, and where.
        text: String,
    },
}

impl Content {
    /// Reads the octets of a statement: JSON text.
    #[must_use]
    pub fn of_json(json: impl Into<String>) -> Content {
        match ReadStatement::read(json) {
            Ok(read) => Content::Statement(read),
            Err(e) => {
                let why = if e.is_unsupported() {
                    Unreadable::Unsupported
                } else {
                    Unreadable::Unreadable
                };
                let text = e.to_string();
                Content::Unreadable { why, text }
            }
        }
    }
}

/// As it is kept. What an earlier program could read and this one cannot is unreadable, with the reason.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredContent {
    Statement(String),
    Unreadable { why: Unreadable, text: String },
}

impl From<StoredContent> for Content {
    fn from(stored: StoredContent) -> Content {
        match stored {
            StoredContent::Statement(json) => Content::of_json(json),
            StoredContent::Unreadable { why, text } => Content::Unreadable { why, text },
        }
    }
}

/// A statement that was read (protocol 2), with the octets that it was read from. Copies share one.
#[derive(Debug, Clone)]
pub struct ReadStatement(Arc<StatementRead>);

#[derive(Debug)]
struct StatementRead {
    decoded: Decoded,
    json: String,
}

impl ReadStatement {
    /// Reads JSON text.
    ///
    /// # Errors
    /// [`DecodeError`], which names the place.
    pub fn read(json: impl Into<String>) -> Result<ReadStatement, DecodeError> {
        let json = json.into();
        let decoded = wire::decode(json.as_bytes())?;
        Ok(ReadStatement::of(decoded, json))
    }

    /// A statement that was decoded from these octets elsewhere.
    #[must_use]
    pub fn of(decoded: Decoded, json: String) -> ReadStatement {
        ReadStatement(Arc::new(StatementRead { decoded, json }))
    }

    /// The octets, as they came.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0.json
    }
}

impl Deref for ReadStatement {
    type Target = Decoded;

    fn deref(&self) -> &Decoded {
        &self.0.decoded
    }
}

/// The octets, whatever was made of them.
impl PartialEq for ReadStatement {
    fn eq(&self, other: &ReadStatement) -> bool {
        self.json() == other.json()
    }
}

impl Eq for ReadStatement {}

impl Serialize for ReadStatement {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.json())
    }
}

words! {
    /// Why a Tradepost part cannot be read (protocol 5, line 4).
    pub enum Unreadable as "a reason why a statement cannot be read" {
        /// It breaks the protocol.
        Unreadable = "unreadable-statement",
        /// A newer program could read it.
        Unsupported = "unsupported-statement",
        /// It is encrypted for somebody else.
        Undecryptable = "undecryptable",
    }
}
