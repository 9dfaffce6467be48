//! Warnings: what did not fit, what was expected, and what the person can do (E26).

use serde::{Deserialize, Serialize};
use tradepost_statements::{Address, Evidence, Time, TradeRef, words};
use tradepost_trades::letter::LetterFacts;

words! {
    /// What a warning is about (protocol 5).
    pub enum WarningKind as "a kind of warning" {
        /// Line 3: the sender is not proven.
        UnprovenSender = "unproven-sender",
        /// Line 3: the OpenPGP signature is wrong or missing.
        FailedSignature = "failed-signature",
        /// Line 4: the statement breaks the protocol.
        UnreadableStatement = "unreadable-statement",
        /// Line 4: the statement is newer than this program.
        UnsupportedStatement = "unsupported-statement",
        /// Line 4: the statement is encrypted for somebody else.
        Undecryptable = "undecryptable",
        /// Lines 5, 8, 9, 12, 13: the sender has no say in this.
        WrongSender = "wrong-sender",
        /// Line 6: the statement was meant for somebody else.
        WrongRecipient = "wrong-recipient",
        /// Line 7: the same statement id, other content.
        ConflictingStatement = "conflicting-statement",
        /// Line 8: an answer to nothing that was asked.
        UnknownRequest = "unknown-request",
        /// Line 10: a second answer to one order.
        SecondTrade = "second-trade",
        /// Line 11: the trade record is not what was ordered.
        ChangedContents = "changed-contents",
        /// Line 12: there is no such trade.
        NoSuchTrade = "no-such-trade",
        /// Line 14: an amount that does not fit the trade.
        WrongAmount = "wrong-amount",
        /// Line 15: items that the trade does not have.
        WrongItems = "wrong-items",
        /// Line 16: two statuses or records that cannot both be true.
        ConflictingStatus = "conflicting-status",
        /// Line 16: a step that cannot follow.
        ImpossibleStep = "impossible-step",
        /// Line 16: the sender's numbering began anew.
        SequenceRestarted = "sequence-restarted",
        /// The unpaid total reached a limit (E20).
        UnpaidLimit = "unpaid-limit",
        /// The promised time has passed.
        OverdueDelivery = "overdue-delivery",
        /// The time to pay has passed.
        OverduePayment = "overdue-payment",
        /// Nobody answered for three days.
        NoAnswer = "no-answer",
        /// A letter in the mailbox could not be read.
        UnreadLetter = "unread-letter",
        /// A letter of ours came back (RFC 3464).
        Undeliverable = "undeliverable",
        /// The sender's domain resembles a party's.
        LookalikeSender = "lookalike-sender",
    }
}

words! {
    /// What became of a warning.
    pub enum WarningState as "a state of a warning" {
        /// It stands: it is listed, and counted at its trade.
        Open = "open",
        /// The person has seen it and wants no more of it.
        Dismissed = "dismissed",
        /// The person accepted the letter.
        Accepted = "accepted",
        /// What it told of no longer holds: it is closed, not deleted (protocol 4, "The fold").
        Resolved = "resolved",
    }
}

/// A warning in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Counts up from 1, in the order in which they are given.
    pub id: u64,
    /// What it is about: its word in protocol 5.
    pub kind: WarningKind,
    /// The line of protocol 5; none for the ledger's own and for what stands beside the verdict.
    pub rule: Option<u8>,
    /// When it was first given; one that is opened again keeps that.
    pub at: Time,
    /// Whether it stands, or how it ended.
    pub state: WarningState,
    /// The trade that it is about.
    pub trade: Option<TradeRef>,
    /// The letter that it is about: its number.
    pub letter: Option<u64>,
    /// What the letter says of itself.
    pub facts: LetterFacts,
    /// How its sender was proven.
    pub evidence: Evidence,
    /// How its sender was proven, in one sentence.
    pub proof: String,
    /// Whom the letter would have paid in place of whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payee: Option<OtherPayee>,
    /// What came, in words for people; it may quote the letter as it is.
    pub received: String,
    /// What was expected, in words for people; it may quote the letter as it is.
    pub expected: String,
}

/// Another payment processor than the one that a trade has (protocol 4, "Versions").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherPayee {
    /// Whom the trade has paid.
    pub from: Address,
    /// Whom the letter names instead.
    pub to: Address,
}

/// A line of protocol 5 that applies to a letter, or what is to be said beside the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// The line; 0 beside the verdict.
    pub(super) rule: u8,
    pub(super) kind: WarningKind,
    pub(super) payee: Option<OtherPayee>,
    pub(super) received: String,
    pub(super) expected: String,
}

/// What does not fit: what came, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) payee: Option<OtherPayee>,
    pub(super) received: String,
    pub(super) expected: String,
}

impl Mismatch {
    pub(super) fn new(received: impl Into<String>, expected: impl Into<String>) -> Mismatch {
        Mismatch {
            payee: None,
            received: received.into(),
            expected: expected.into(),
        }
    }
}

impl Finding {
    /// What a line of protocol 5 says of what does not fit.
    pub(super) fn of(rule: u8, kind: WarningKind, mismatch: Mismatch) -> Finding {
        Finding {
            rule,
            kind,
            payee: mismatch.payee,
            received: mismatch.received,
            expected: mismatch.expected,
        }
    }

    pub(super) fn new(
        rule: u8,
        kind: WarningKind,
        received: impl Into<String>,
        expected: impl Into<String>,
    ) -> Finding {
        Finding {
            rule,
            kind,
            payee: None,
            received: received.into(),
            expected: expected.into(),
        }
    }

    /// What is to be said beside the verdict.
    pub(super) fn beside(
        kind: WarningKind,
        received: impl Into<String>,
        expected: impl Into<String>,
    ) -> Finding {
        Finding::new(0, kind, received, expected)
    }

    /// The line that decided, where one did.
    pub(super) fn line(&self) -> Option<u8> {
        (self.rule > 0).then_some(self.rule)
    }
}

impl Warning {
    /// What it means and what the person can do, in plain words.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        if self.payee.is_some() {
            ANOTHER_IS_TO_BE_PAID
        } else {
            self.kind.advice()
        }
    }
}

/// Said before all else that a trade record changes.
const ANOTHER_IS_TO_BE_PAID: &str = "The shop names somebody else to be paid. It changed nothing. Pay nothing because of it: ask the shop by a way you \
     know, not by an answer to this letter. Accept it (`tradepost warnings accept`) only if the shop says the same there.";

impl WarningKind {
    /// What it means and what the person can do, in plain words.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            WarningKind::UnprovenSender => {
                "Nobody vouches for the sender: anybody can write a name into From. It changed nothing. Pay nothing and open nothing \
                 because of it. If you expected it, ask the party by a way you know; if all letters are like this, run `tradepost doctor`."
            }
            WarningKind::FailedSignature => {
                "The letter's OpenPGP signature is wrong, or missing where this sender always signs. It changed nothing. Ask the sender by another way."
            }
            WarningKind::UnreadableStatement => {
                "The letter breaks the Tradepost protocol, so it changed nothing. Its sender's program has a fault; tell them if it happens again."
            }
            WarningKind::UnsupportedStatement => {
                "The letter uses something newer than this program. It is kept and judged again after an upgrade."
            }
            WarningKind::Undecryptable => {
                "The letter is encrypted with a key that is not here. If you changed keys, ask the sender to send it again."
            }
            WarningKind::WrongSender => {
                "Somebody else may speak here, not this sender. It changed nothing. Pay nothing and open no link because of it. \
                 Look who is expected; if in doubt, ask the shop by a way you know, not by an answer to this letter."
            }
            WarningKind::WrongRecipient => {
                "The statement was meant for somebody else; perhaps it was forwarded to you. It changed nothing."
            }
            WarningKind::ConflictingStatement => {
                "The sender said two different things under one id. The first one counts. Ask the sender which is true."
            }
            WarningKind::UnknownRequest => {
                "Nothing like this was asked from here. Check whether you ordered there: if so, from another machine, import that order's copy from \
                 Sent (`tradepost import --sent`). If not, pay nothing and ask nothing by it."
            }
            WarningKind::SecondTrade => {
                "There was an answer to this order already; the first one counts. Ask the shop, lest you pay twice."
            }
            WarningKind::ChangedContents => {
                "The trade record is not what you ordered. It is kept as an offer: accept it only if you agree to it (`tradepost warnings accept`), \
                 or cancel the trade."
            }
            WarningKind::NoSuchTrade => {
                "There is no such trade in the ledger. Check whether you bought this. If so, its trade record may still come; then this \
                 is judged again by itself. If not, pay nothing and open nothing because of it."
            }
            WarningKind::WrongAmount => {
                "An amount does not fit the trade. It changed nothing. Pay only what the trade record says, and ask the shop."
            }
            WarningKind::WrongItems => {
                "It speaks of items that the trade does not have. It changed nothing. Ask the shop."
            }
            WarningKind::ConflictingStatus => {
                "There are two versions of the same step or trade record: of a step the one with the lower id counts, of a record the one that \
                 came first. Ask the sender which is true; accept the other only if you agree to it."
            }
            WarningKind::ImpossibleStep => {
                "This step cannot follow what was known before, so it changed nothing. Ask the sender if you doubt the present state."
            }
            WarningKind::SequenceRestarted => {
                "The sender's numbering of steps seems to have begun anew; the order of steps may be wrong. `tradepost show` has the history."
            }
            WarningKind::UnpaidLimit => {
                "What you owe has reached the limit that you set. `tradepost list --unpaid` shows it."
            }
            WarningKind::OverdueDelivery => {
                "The promised time has passed. Ask the carrier or the shop."
            }
            WarningKind::OverduePayment => {
                "The time to pay has passed. Pay it, or ask the payment processor."
            }
            WarningKind::NoAnswer => {
                "Nobody answered for three days, though it was sent again. Check the address, or ask the shop by another way."
            }
            WarningKind::Undeliverable => {
                "A letter of yours did not arrive: it came back, or the mail server did not take it. Check the address; it is sent again by itself."
            }
            WarningKind::UnreadLetter => {
                "The mail server did not hand out this letter, or not whole; the others are read. Look at it with another mail program: if it \
                 matters, save it and read the file with `tradepost import`. When it comes after all, this is resolved."
            }
            WarningKind::LookalikeSender => {
                "The sender's domain is not the party's, but easily taken for it. Compare them letter by letter. Pay nothing, open no link \
                 and give no password because of it; ask the party by the address that you used before."
            }
        }
    }
}
