//! Lines 2 to 7: what a letter must pass before anybody asks what it is about.

use std::time::Duration;

use tradepost_statements::{Evidence, Kind, Time};
use tradepost_trades::letter::Content;

use super::PartyQuestion;
use crate::kernel::book::{self, SeenStatement};
use crate::kernel::change::Ignored;
use crate::kernel::held::{HeldLetter, could_be_lifted};
use crate::kernel::judge::content_hash;

/// Protocol 2: a statement may be this far ahead of the reader's clock.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10 * 60);
/// Protocol 2: what is ahead further than that is unreadable.
const FAR_AHEAD: Duration = Duration::from_secs(24 * 3600);

pub(super) fn dns_may_prove(q: &PartyQuestion<'_>) -> bool {
    could_be_lifted(q.settings, q.letter).is_some()
}

/// Its signature got lost on another way, or was left out.
pub(super) fn copy_of_what_waits(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let waits: Option<HeldLetter> = book::read(q.rows, &book::waits_key(&q.letter.digest));
    let minimum = q.settings.minimum_for(q.letter.author.as_ref());
    (waits.is_some() && q.letter.evidence < minimum).then_some(Ignored::SameLetter)
}

pub(super) fn without_author(q: &PartyQuestion<'_>) -> Option<Ignored> {
    q.letter.author.is_none().then(|| not_proven(q))
}

pub(super) fn below_the_minimum(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let minimum = q.settings.minimum_for(q.letter.author.as_ref());
    (q.letter.evidence < minimum).then(|| not_proven(q))
}

pub(super) fn without_evidence(q: &PartyQuestion<'_>) -> Option<Ignored> {
    (q.letter.evidence == Evidence::None).then(|| not_proven(q))
}

fn not_proven(q: &PartyQuestion<'_>) -> Ignored {
    Ignored::SenderIsNotProven {
        evidence: q.letter.evidence,
        proof: q.letter.proof.clone(),
    }
}

pub(super) fn unreadable(q: &PartyQuestion<'_>) -> Option<Ignored> {
    match &q.letter.content {
        Content::Statement(_) => None,
        Content::Unreadable { why, text } => {
            Some(Ignored::StatementIsUnreadable(format!("{why}: {text}")))
        }
    }
}

pub(super) fn a_day_ahead(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let sent = q.statement()?.sent;
    (sent > q.now.plus(FAR_AHEAD)).then_some(Ignored::SentIsFarAhead(sent))
}

pub(super) fn ahead(q: &PartyQuestion<'_>) -> Option<Time> {
    let sent = q.statement()?.sent;
    (sent > q.now.plus(CLOCKS_DIFFER)).then_some(sent)
}

pub(super) fn not_by_its_author(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let (stated, author) = (&q.statement()?.from, q.letter.author.as_ref()?);
    (stated != author).then(|| Ignored::StatementIsFromAnother {
        stated: stated.to_string(),
        author: author.to_string(),
    })
}

pub(super) fn not_to_us(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let to = &q.statement()?.to;
    (*to != q.settings.address).then(|| Ignored::StatementIsForAnother(to.to_string()))
}

pub(super) fn said_otherwise(q: &PartyQuestion<'_>) -> Option<Ignored> {
    let ((_, seen), read) = (q.seen()?, q.read()?);
    (seen.content != content_hash(&read.value)).then_some(Ignored::StatementIdWithOtherContent)
}

/// An order's answer is stored with its request (Q8), and its repetitions counted there. What had no
/// answer may have one now: its trade has come, or its sender was configured.
pub(super) fn answered_before(q: &PartyQuestion<'_>) -> Option<(String, SeenStatement)> {
    let is_order = q.statement()?.body.kind() == Kind::Order;
    let (key, seen) = q.seen()?;
    (!is_order && !seen.answers.is_empty()).then_some((key, seen))
}

impl PartyQuestion<'_> {
    /// What is known of a statement of this sender under this id, and where.
    fn seen(&self) -> Option<(String, SeenStatement)> {
        let statement = self.statement()?;
        let key = book::seen_key(&statement.from, statement.id);
        let seen = book::read(self.rows, &key)?;
        Some((key, seen))
    }
}
