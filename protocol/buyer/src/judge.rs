//! Protocol 5 put to what is at hand: the rows of the table ([`super::rules`]) are asked about a letter or
//! about its statement, in their order, and the first that applies decides.

use tradepost_statements::Statement;

use super::case::BuyerCase;
use super::evidence::may_be_held;
use super::filed::ReadContent;
use super::held;
use super::known::KnownTrade;
use super::rules::{self, LetterQuestion, Stopped, TradeQuestion};
use super::state::FiledLetter;
use super::warning::Finding;

/// The lines up to which a letter can be accepted that cannot be read: line 3.
const READ_OR_REFUSED: u8 = 3;

/// The first line from 2 to 7 that applies to a letter; none when it may be filed.
pub(super) fn lines_2_to_7(
    case: &BuyerCase<'_>,
    letter: &FiledLetter,
    content: &ReadContent,
) -> Option<Stopped> {
    let may_be_held = may_be_held(case, &letter.received);
    let question = LetterQuestion {
        settings: case.settings,
        rows: case.rows(),
        now: case.now,
        letter,
        content,
        next_try: may_be_held.then(|| held::next_try(case, letter)).flatten(),
    };
    let accepted = match content {
        Ok(_) => letter.accepted_through,
        Err(_) => letter.accepted_through.min(READ_OR_REFUSED),
    };
    rules::stops(case.rules, accepted, &question)
}

/// The first line from 8 to 15 that applies to a statement whose lines up to `accepted` the
/// person passed; none when it may be folded (line 16).
pub(super) fn lines_8_to_15(
    case: &BuyerCase<'_>,
    statement: &Statement,
    accepted: u8,
    known: &KnownTrade<'_>,
) -> Option<Finding> {
    let question = TradeQuestion::new(case.settings, case.rows(), statement, known);
    rules::contradicted(case.rules, accepted, &question)
}
