//! What a judgement needs of a letter, the buyer's and that of the servers (protocol 5): made by the
//! shell, journalled, never the letter itself. How letters travel is not known here.

use serde::{Deserialize, Serialize};
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

/// What a Tradepost part holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// The octets of the statement: JSON text.
    Statement(String),
    /// Nothing that can be read here.
    Unreadable {
        /// Which of the three warnings of protocol 5, line 4.
        why: Unreadable,
        /// What is wrong, and where.
        text: String,
    },
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
