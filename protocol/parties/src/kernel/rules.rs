//! Protocol 5 as a table, as servers apply it: a row for each thing that can be wrong with a letter, in the
//! order of the specification. The first row that applies decides.
//!
//! Here is what can be said by the letter, the configuration, and what the shop told others of the trade.
//! What only a role can say, once it has looked for the trade, is said there: that there is no such trade
//! or that it is another buyer's (lines 12 and 13: it starts a trade, leaves a mark, or is answered
//! `unknown-trade`), what an authorization answers (line 8), and whether an amount is that of an
//! instruction (line 14). A role of this very server needs no letter, and no row is asked about what it
//! says (E27).
//!
//! What is asked here changes nothing: every row is a function of what is known.

mod letter;
mod sender;

use std::cell::OnceCell;
use std::fmt;

use tradepost_statements::{Statement, Time};
use tradepost_trades::letter::{Content, ReadStatement, Received};
use tradepost_trades::rows::Rows;

use super::book::{SeenStatement, ShopPart};
use super::change::Ignored;
use super::settings::PartySettings;

/// A row of a server's judgement.
#[derive(Debug, Clone, Copy)]
pub struct PartyRule {
    /// The line of protocol 5.
    pub line: u8,
    /// What it asks for, in a sentence. Shown with the line before it.
    pub name: &'static str,
    verdict: PartyVerdict,
}

impl fmt::Display for PartyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.name)
    }
}

/// What a row makes of a letter that it applies to, and how it knows that.
#[derive(Debug, Clone, Copy)]
enum PartyVerdict {
    /// It waits for its proof, as far as there is room.
    WaitsForProof(fn(&PartyQuestion<'_>) -> bool),
    /// It waits until then.
    Held(fn(&PartyQuestion<'_>) -> Option<Time>),
    /// It was answered before, and is answered the same.
    Answered(fn(&PartyQuestion<'_>) -> Option<(String, SeenStatement)>),
    /// Silence and a log line.
    Ignored(fn(&PartyQuestion<'_>) -> Option<Ignored>),
}

use PartyVerdict::{Answered, Held, WaitsForProof};

/// The judgement of a server, a row a line.
#[rustfmt::skip]
pub const RULES: &[PartyRule] = &[
    row(2, "a letter that DNS may still prove waits", WaitsForProof(letter::dns_may_prove)),
    row(2, "a copy without signature is no answer of DNS to what waits", ignored(letter::copy_of_what_waits)),
    row(3, "the letter has one author", ignored(letter::without_author)),
    row(3, "the sender is proven as well as is asked for", ignored(letter::below_the_minimum)),
    row(3, "the sender is proven at all, whatever is asked for", ignored(letter::without_evidence)),
    row(4, "the statement can be read", ignored(letter::unreadable)),
    row(4, "it was not sent more than a day from now", ignored(letter::a_day_ahead)),
    row(4, "what was sent some minutes from now waits for its time", Held(letter::ahead)),
    row(5, "the statement is from who wrote the letter", ignored(letter::not_by_its_author)),
    row(6, "the statement is to this server", ignored(letter::not_to_us)),
    row(7, "one statement id has one content", ignored(letter::said_otherwise)),
    row(7, "what was answered before is answered the same", Answered(letter::answered_before)),
    row(8, "what asks for something answers nothing", ignored(sender::a_request_that_answers)),
    row(8, "a status answers something that was said to its sender", ignored(sender::answers_nothing)),
    row(13, "an instruction is for a server that takes such", ignored(sender::not_for_this_role)),
    row(13, "an instruction comes from the shop of the trade", ignored(sender::not_by_its_shop)),
    row(13, "an instruction comes from a shop that is configured", ignored(sender::not_by_a_known_shop)),
    row(13, "a delivery status comes from a carrier of the trade", ignored(sender::no_carrier)),
    row(13, "a payment status comes from the payment processor", ignored(sender::no_processor)),
    row(14, "the amount of a payment is the total", ignored(sender::not_the_total)),
];

/// What is asked about a letter.
pub(super) struct PartyQuestion<'q> {
    settings: &'q PartySettings,
    rows: &'q dyn Rows,
    now: Time,
    letter: &'q Received,
    /// What this server knows as the shop of the trade that a status is about; found out for the first row
    /// that asks.
    shop: OnceCell<Option<ShopPart>>,
}

impl<'q> PartyQuestion<'q> {
    pub(super) fn new(
        settings: &'q PartySettings,
        rows: &'q dyn Rows,
        now: Time,
        letter: &'q Received,
    ) -> PartyQuestion<'q> {
        PartyQuestion {
            settings,
            rows,
            now,
            letter,
            shop: OnceCell::new(),
        }
    }

    /// What it says; none where that cannot be read, which is for line 4 to say.
    fn read(&self) -> Option<&'q ReadStatement> {
        match &self.letter.content {
            Content::Statement(read) => Some(read),
            Content::Unreadable { .. } => None,
        }
    }

    fn statement(&self) -> Option<&'q Statement> {
        self.read().map(|read| &read.statement)
    }
}

/// Why nothing is to be decided about a letter.
pub(super) enum PartyStop {
    /// DNS may still prove its sender.
    WaitsForProof,
    /// It is judged at its time.
    Held {
        /// When it says that it was sent.
        until: Time,
    },
    /// It was answered before.
    Answered {
        /// Where the book has that.
        key: String,
        /// What was answered.
        seen: Box<SeenStatement>,
    },
    /// Nobody is told.
    Ignored(Ignored),
}

/// The first row that applies, of those of lines behind this one; with its line.
pub(super) fn stops(
    rules: &[PartyRule],
    line: u8,
    q: &PartyQuestion<'_>,
) -> Option<(u8, PartyStop)> {
    let mut asked = rules.iter().filter(|rule| rule.line > line);
    asked.find_map(|rule| {
        let stop = match rule.verdict {
            WaitsForProof(applies) => applies(q).then_some(PartyStop::WaitsForProof),
            Held(until) => until(q).map(|until| PartyStop::Held { until }),
            Answered(before) => before(q).map(|(key, seen)| PartyStop::Answered {
                key,
                seen: Box::new(seen),
            }),
            PartyVerdict::Ignored(why) => why(q).map(PartyStop::Ignored),
        };
        stop.map(|stop| (rule.line, stop))
    })
}

const fn row(line: u8, name: &'static str, verdict: PartyVerdict) -> PartyRule {
    PartyRule {
        line,
        name,
        verdict,
    }
}

const fn ignored(why: fn(&PartyQuestion<'_>) -> Option<Ignored>) -> PartyVerdict {
    PartyVerdict::Ignored(why)
}
