//! The one path in: octets to what they say and what they prove. Both agents go through here.

use std::fmt;

use tradepost_statements::Evidence;
use tradepost_statements::wire::{self, Decoded};

use crate::bounce;
use crate::evidence::{RelayPolicy, relay_evidence};
use crate::parse::{Letter, parse};
use crate::tree::StatementPart;
use crate::untrusted::show;

/// A letter, what it proves, and what it says.
#[derive(Debug, Clone)]
pub struct OpenedLetter {
    /// What was parsed of it; all of it untrusted.
    pub letter: Letter,
    /// How well its sender is proven.
    pub evidence: Evidence,
    /// How the sender was proven, or what was missing: one sentence for people.
    pub proof: String,
    /// The ids of its Authentication-Results fields, whoever wrote them.
    pub authserv_ids: Vec<String>,
    /// What its Tradepost part says; to be believed no further than `evidence` goes.
    pub content: LetterContent,
    bounce_doubt: Option<String>,
}

impl OpenedLetter {
    /// Of a bounce, why it is not to be believed that a mail system wrote it; none for one that
    /// counts. Whose Message-ID it bears is not asked here.
    #[must_use]
    pub fn bounce_doubt(&self) -> Option<&str> {
        self.bounce_doubt.as_deref()
    }
}

/// What a letter says to programs: what came of its Tradepost part.
#[derive(Debug, Clone)]
pub enum LetterContent {
    /// Protocol 5, line 1: no Tradepost part.
    NotOurs,
    /// A statement that could be read.
    Statement(Box<Decoded>),
    /// Protocol 5, line 4: one that could not.
    Unreadable {
        /// Which warning of line 4 it gives.
        why: UnreadableKind,
        /// What is wrong, for people.
        text: String,
    },
}

/// Why a statement could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnreadableKind {
    /// It breaks the protocol.
    Unreadable,
    /// A newer program could read it: it is kept and judged again after an upgrade (protocol 2).
    Unsupported,
    /// It is encrypted, and not for a key that is here.
    Undecryptable,
}

impl fmt::Display for UnreadableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            UnreadableKind::Unreadable => "unreadable-statement",
            UnreadableKind::Unsupported => "unsupported-statement",
            UnreadableKind::Undecryptable => "undecryptable",
        })
    }
}

/// Reads any octets as a letter. `OpenedLetter::content` is not to be believed beyond
/// `OpenedLetter::evidence`.
#[must_use]
pub fn open(raw: &[u8], policy: &RelayPolicy) -> OpenedLetter {
    let letter = parse(raw);
    let relay = relay_evidence(&letter, policy);
    OpenedLetter {
        bounce_doubt: bounce::doubt(&letter, policy),
        evidence: relay.evidence,
        proof: relay.why,
        authserv_ids: relay.authserv_ids,
        content: content(&letter.statement),
        letter,
    }
}

fn content(part: &StatementPart) -> LetterContent {
    match part {
        StatementPart::None => LetterContent::NotOurs,
        StatementPart::Part(octets) => match wire::decode(octets) {
            Ok(decoded) => LetterContent::Statement(Box::new(decoded)),
            Err(e) => LetterContent::Unreadable {
                why: if e.is_unsupported() {
                    UnreadableKind::Unsupported
                } else {
                    UnreadableKind::Unreadable
                },
                text: show(&e.to_string()),
            },
        },
        StatementPart::Encrypted => LetterContent::Unreadable {
            why: UnreadableKind::Undecryptable,
            text: "the letter is encrypted, and there is no key here that opens it".to_owned(),
        },
        StatementPart::Unreadable(why) => LetterContent::Unreadable {
            why: UnreadableKind::Unreadable,
            text: why.to_string(),
        },
    }
}
