//! Lines 2 to 7: what a letter must pass before anybody asks what it is about.

use std::time::Duration;

use tradepost_statements::{Statement, Time};
use tradepost_trades::letter::Unreadable;

use super::LetterQuestion;
use crate::filed::decode;
use crate::keys;
use crate::state::{FiledLetter, letter, read};
use crate::warning::Mismatch;

/// Protocol 2: a statement this far ahead is held until then.
const AHEAD_IS_HELD: Duration = Duration::from_secs(10 * 60);
/// Protocol 2: and this far ahead it is unreadable.
const AHEAD_IS_UNREADABLE: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn dns_may_prove(q: &LetterQuestion<'_>) -> Option<Time> {
    q.next_try
}

pub(super) fn unproven(q: &LetterQuestion<'_>) -> Option<Mismatch> {
    let received = &q.letter.received;
    let minimum = q.settings.minimum_for(received.author.as_ref());
    (received.evidence < minimum).then(|| {
        Mismatch::new(
            format!("{}; evidence: {}", received.proof, received.evidence),
            format!("evidence of at least {minimum} for the sender"),
        )
    })
}

pub(super) fn unreadable(q: &LetterQuestion<'_>) -> Option<Mismatch> {
    let expected = "a statement as the Tradepost protocol defines it";
    cannot_be_read(q, Unreadable::Unreadable, expected)
}

pub(super) fn unsupported(q: &LetterQuestion<'_>) -> Option<Mismatch> {
    let expected = "a statement that this version knows";
    cannot_be_read(q, Unreadable::Unsupported, expected)
}

pub(super) fn undecryptable(q: &LetterQuestion<'_>) -> Option<Mismatch> {
    let expected = "a letter encrypted for a key that is here";
    cannot_be_read(q, Unreadable::Undecryptable, expected)
}

fn cannot_be_read(
    q: &LetterQuestion<'_>,
    reason: Unreadable,
    expected: &'static str,
) -> Option<Mismatch> {
    let (why, text) = q.content.as_ref().err()?;
    (*why == reason).then(|| Mismatch::new(text.as_str(), expected))
}

pub(super) fn a_day_ahead(q: &LetterQuestion<'_>) -> Option<Mismatch> {
    let sent = q.statement()?.sent;
    (sent.since(q.now) > AHEAD_IS_UNREADABLE).then(|| {
        Mismatch::new(
            format!("sent: {sent}, more than a day ahead"),
            format!("a time up to {}", q.now),
        )
    })
}

pub(super) fn ahead(q: &LetterQuestion<'_>) -> Option<Time> {
    let sent = q.statement()?.sent;
    (sent.since(q.now) > AHEAD_IS_HELD).then_some(sent)
}

pub(super) fn not_by_its_author(q: &LetterQuestion<'_>) -> Option<Mismatch> {
    let (from, author) = (&q.statement()?.from, q.letter.received.author.as_ref());
    (author != Some(from)).then(|| {
        let said = author.map_or("nobody", |a| a.as_str());
        Mismatch::new(
            format!("a statement from {} in a letter from {said}", from.as_str()),
            format!("a statement from {said}"),
        )
    })
}

pub(super) fn not_to_us(q: &LetterQuestion<'_>) -> Option<Mismatch> {
    let to = &q.statement()?.to;
    (!q.settings.ours.contains(to)).then(|| {
        let ours: Vec<&str> = q.settings.ours.iter().map(|a| a.as_str()).collect();
        Mismatch::new(
            format!("a statement to {}", to.as_str()),
            format!("a statement to {}", ours.join(" or ")),
        )
    })
}

pub(super) fn said_before(q: &LetterQuestion<'_>) -> Option<u64> {
    let first = q.first_of_this_id()?;
    q.says_what(&first).then_some(first.no)
}

pub(super) fn said_otherwise(q: &LetterQuestion<'_>) -> Option<Mismatch> {
    let (statement, first) = (q.statement()?, q.first_of_this_id()?);
    (!q.says_what(&first)).then(|| {
        Mismatch::new(
            format!("another statement under the id {}", statement.id),
            format!(
                "what came first under this id, in the letter {}",
                first.received.letter.message_id.unwrap_or_default()
            ),
        )
    })
}

impl LetterQuestion<'_> {
    /// None where it cannot be read; that is for line 4 to say.
    fn statement(&self) -> Option<&Statement> {
        self.content.as_ref().ok().map(|d| &d.statement)
    }

    /// Another letter that brought a statement of this sender under this id.
    fn first_of_this_id(&self) -> Option<FiledLetter> {
        let statement = self.statement()?;
        let no: u64 = read(self.rows, &keys::statement(&statement.from, statement.id))?;
        (no != self.letter.no).then(|| letter(self.rows, no))?
    }

    /// "Same content" (protocol 2).
    fn says_what(&self, first: &FiledLetter) -> bool {
        let first = decode(&first.received.content);
        first.is_ok_and(|d| self.content.as_ref().is_ok_and(|c| d.value == c.value))
    }
}
