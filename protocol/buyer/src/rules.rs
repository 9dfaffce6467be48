//! Protocol 5 as a table: lines 2 to 15, a row for each thing that can be wrong with a letter, in the order
//! of the specification. The first row that applies decides, from the first line on that the person did
//! not pass by accepting a warning.
//!
//! Lines 2 to 7 ask about the letter ([`LetterQuestion`]), before it is filed; lines 8 to 15 about what it
//! says of its trade ([`TradeQuestion`]), when it comes, and again when other terms count. Line 1 was decided by
//! whoever gave us the letter, and line 16, the fold, refuses no letter by itself: it goes by all
//! statuses of a track (`tracks`), or by all records of a trade (`records`).
//!
//! What is asked here changes nothing: every row is a function of what is known.

mod answers;
mod contents;
mod letter;
mod parties;
mod terms;

use std::cell::OnceCell;
use std::fmt;

use tradepost_statements::{Statement, Time};
use tradepost_trades::rows::Rows;

use super::filed::ReadContent;
use super::known::KnownTrade;
use super::settings::BuyerSettings;
use super::state::{FiledLetter, Own, OwnRequest};
use super::terms::TermsChanged;
use super::warning::WarningKind::{
    ChangedContents, ConflictingStatement, NoSuchTrade, SecondTrade, Undecryptable, UnknownRequest,
    UnprovenSender, UnreadableStatement, UnsupportedStatement, WrongAmount, WrongItems,
    WrongRecipient, WrongSender,
};
use super::warning::{Finding, Mismatch, WarningKind};

/// A row of the judgement.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The line of protocol 5.
    pub line: u8,
    /// What it asks for, in a sentence. Shown with the line before it.
    pub name: &'static str,
    verdict: RuleVerdict,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.name)
    }
}

/// What a row makes of a letter that it applies to, and how it knows that.
#[derive(Debug, Clone, Copy)]
enum RuleVerdict {
    /// It waits until then.
    Held(fn(&LetterQuestion<'_>) -> Option<Time>),
    /// It says again what the letter of this number said.
    Duplicate(fn(&LetterQuestion<'_>) -> Option<u64>),
    /// It changes nothing, and the person is warned.
    Refused(WarningKind, fn(&LetterQuestion<'_>) -> Option<Mismatch>),
    /// The same, by what it says of its trade.
    Contradicts(WarningKind, fn(&TradeQuestion<'_>) -> Option<Mismatch>),
}

/// The judgement, a row a line.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    held(2, "a letter that DNS may still prove waits", letter::dns_may_prove),
    refused(3, "the sender is proven as well as is asked for", UnprovenSender, letter::unproven),
    refused(4, "the statement obeys the protocol", UnreadableStatement, letter::unreadable),
    refused(4, "the statement is of a kind that is known", UnsupportedStatement, letter::unsupported),
    refused(4, "the letter is encrypted for a key that is here", Undecryptable, letter::undecryptable),
    refused(4, "it was not sent more than a day from now", UnreadableStatement, letter::a_day_ahead),
    held(4, "what was sent some minutes from now waits for its time", letter::ahead),
    refused(5, "the statement is from who wrote the letter", WrongSender, letter::not_by_its_author),
    refused(6, "the statement is to one of our addresses", WrongRecipient, letter::not_to_us),
    duplicate(7, "what this sender said before counts once", letter::said_before),
    refused(7, "one statement id has one content", ConflictingStatement, letter::said_otherwise),
    contradicts(8, "an answer is to something that was said from here", UnknownRequest, answers::answers_nothing),
    contradicts(8, "an answer is from whom that was said to", WrongSender, answers::another_answers),
    contradicts(8, "a request is one that was made from here", UnknownRequest, answers::requested_nothing),
    contradicts(8, "a request is answered by whom it went to", WrongSender, answers::another_fulfils),
    contradicts(9, "a trade record comes from the shop", WrongSender, parties::another_makes_the_record),
    contradicts(9, "an order status comes from the shop", WrongSender, parties::another_tells_the_order),
    contradicts(9, "the shop decides about a return", WrongSender, parties::another_decides),
    contradicts(10, "a request makes one trade", SecondTrade, answers::second_trade),
    contradicts(10, "no record follows the rejection of its order", SecondTrade, answers::record_after_rejection),
    contradicts(10, "no rejection follows the record of its order", SecondTrade, answers::rejection_after_record),
    contradicts(11, "the total is the sum", ChangedContents, terms::not_the_sum),
    contradicts(11, "the total is not above that of the order", ChangedContents, terms::above_the_order),
    contradicts(11, "the total is not above the expected one", ChangedContents, terms::above_the_expected),
    contradicts(11, "the total is that of the record it is held to", ChangedContents, terms::another_total),
    contradicts(11, "the lines are those that were agreed", ChangedContents, terms::other_lines),
    contradicts(11, "payment and delivery go as was agreed", ChangedContents, terms::other_methods),
    contradicts(11, "the buyer is the one who ordered", ChangedContents, terms::another_buyer),
    contradicts(11, "it goes where was agreed", ChangedContents, terms::another_destination),
    contradicts(11, "the same is to be paid as before", ChangedContents, terms::another_payee),
    contradicts(12, "a trade of a known id is told of by a party of it", WrongSender, parties::a_stranger),
    contradicts(12, "a trade of an expected id is told of by its shop", WrongSender, parties::a_stranger_to_the_expected),
    contradicts(12, "the trade is in the ledger", NoSuchTrade, parties::no_such_trade),
    contradicts(13, "a delivery status comes from a carrier of the trade", WrongSender, parties::no_carrier),
    contradicts(13, "a payment status comes from the payment processor", WrongSender, parties::no_processor),
    contradicts(13, "the statement is of a kind that is said to a buyer", WrongSender, parties::not_said_to_a_buyer),
    contradicts(14, "amounts are in the currency of the trade", WrongAmount, contents::another_currency),
    contradicts(14, "the amount of a payment is the total", WrongAmount, contents::not_the_total),
    contradicts(14, "no more is paid than the total", WrongAmount, contents::paid_too_much),
    contradicts(14, "no more is refunded than was paid", WrongAmount, contents::refunded_too_much),
    contradicts(14, "the refund of a return is not above the total", WrongAmount, contents::returned_too_much),
    contradicts(15, "the lines are lines of the trade", WrongItems, contents::no_such_line),
    contradicts(15, "of a line there is no more than the trade has", WrongItems, contents::more_than_there_is),
];

/// What is asked about a letter before it is filed (lines 2 to 7).
pub(super) struct LetterQuestion<'q> {
    pub(super) settings: &'q BuyerSettings,
    pub(super) rows: &'q dyn Rows,
    pub(super) now: Time,
    pub(super) letter: &'q FiledLetter,
    /// What it says, or why that cannot be read.
    pub(super) content: &'q ReadContent,
    /// Where DNS may still lift the evidence to the minimum: when it is asked again; none once it was
    /// asked for long enough.
    pub(super) next_try: Option<Time>,
}

/// What is asked about the statement of a letter, by what is known of its trade (lines 8 to 15).
pub(super) struct TradeQuestion<'q> {
    settings: &'q BuyerSettings,
    rows: &'q dyn Rows,
    statement: &'q Statement,
    known: &'q KnownTrade<'q>,
    // Found out once, for the first row that asks, and for those after it.
    /// The statement of ours that it says it answers.
    answered: OnceCell<Option<Own>>,
    /// The request of ours that it names.
    requested: OnceCell<Option<OwnRequest>>,
    /// What a trade record changes.
    changed: OnceCell<TermsChanged>,
}

impl<'q> TradeQuestion<'q> {
    pub(super) fn new(
        settings: &'q BuyerSettings,
        rows: &'q dyn Rows,
        statement: &'q Statement,
        known: &'q KnownTrade<'q>,
    ) -> TradeQuestion<'q> {
        TradeQuestion {
            settings,
            rows,
            statement,
            known,
            answered: OnceCell::new(),
            requested: OnceCell::new(),
            changed: OnceCell::new(),
        }
    }
}

/// Why a letter does not pass lines 2 to 7.
pub(super) enum Stopped {
    /// It waits.
    Held {
        /// When it is looked at again.
        until: Time,
        /// The line that holds it.
        line: u8,
    },
    /// Its sender said the same before.
    SaidBefore {
        /// The number of the letter that said it first.
        first: u64,
    },
    /// It is not believed.
    Refused(Finding),
}

/// Lines 2 to 7, behind the line that the person passed.
pub(super) fn stops(rules: &[Rule], accepted: u8, q: &LetterQuestion<'_>) -> Option<Stopped> {
    behind(rules, accepted).find_map(|rule| {
        let line = rule.line;
        match rule.verdict {
            RuleVerdict::Held(until) => until(q).map(|until| Stopped::Held { until, line }),
            RuleVerdict::Duplicate(first) => first(q).map(|first| Stopped::SaidBefore { first }),
            RuleVerdict::Refused(kind, mismatch) => {
                mismatch(q).map(|m| Stopped::Refused(Finding::of(line, kind, m)))
            }
            RuleVerdict::Contradicts(..) => None,
        }
    })
}

/// Lines 8 to 15, behind the line that the person passed.
pub(super) fn contradicted(rules: &[Rule], accepted: u8, q: &TradeQuestion<'_>) -> Option<Finding> {
    behind(rules, accepted).find_map(|rule| match rule.verdict {
        RuleVerdict::Contradicts(kind, mismatch) => {
            mismatch(q).map(|m| Finding::of(rule.line, kind, m))
        }
        RuleVerdict::Held(_) | RuleVerdict::Duplicate(_) | RuleVerdict::Refused(..) => None,
    })
}

fn behind(rules: &[Rule], accepted: u8) -> impl Iterator<Item = &Rule> {
    rules.iter().filter(move |rule| rule.line > accepted)
}

const fn held(
    line: u8,
    name: &'static str,
    until: fn(&LetterQuestion<'_>) -> Option<Time>,
) -> Rule {
    Rule {
        line,
        name,
        verdict: RuleVerdict::Held(until),
    }
}

const fn duplicate(
    line: u8,
    name: &'static str,
    first: fn(&LetterQuestion<'_>) -> Option<u64>,
) -> Rule {
    Rule {
        line,
        name,
        verdict: RuleVerdict::Duplicate(first),
    }
}

const fn refused(
    line: u8,
    name: &'static str,
    kind: WarningKind,
    mismatch: fn(&LetterQuestion<'_>) -> Option<Mismatch>,
) -> Rule {
    Rule {
        line,
        name,
        verdict: RuleVerdict::Refused(kind, mismatch),
    }
}

const fn contradicts(
    line: u8,
    name: &'static str,
    kind: WarningKind,
    mismatch: fn(&TradeQuestion<'_>) -> Option<Mismatch>,
) -> Rule {
    Rule {
        line,
        name,
        verdict: RuleVerdict::Contradicts(kind, mismatch),
    }
}
