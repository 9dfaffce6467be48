//! Line 11: a trade record that keeps to what was ordered, expected, and said before. Whichever row
//! applies, the warning names all that differs, the payee before all else.

use tradepost_statements::Body;

use super::TradeQuestion;
use crate::terms::{Term, TermsChanged};
use crate::warning::Mismatch;

pub(super) fn not_the_sum(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    changes(q, Term::Sum)
}

pub(super) fn above_the_order(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    changes(q, Term::OrderedTotal)
}

pub(super) fn above_the_expected(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    changes(q, Term::ExpectedTotal)
}

pub(super) fn another_total(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    changes(q, Term::KnownTotal)
}

pub(super) fn other_lines(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    changes(q, Term::Lines)
}

pub(super) fn other_methods(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    changes(q, Term::Methods)
}

pub(super) fn another_buyer(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    changes(q, Term::Buyer)
}

pub(super) fn another_destination(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    changes(q, Term::Destination)
}

pub(super) fn another_payee(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    changes(q, Term::Payee)
}

fn changes(q: &TradeQuestion<'_>, term: Term) -> Option<Mismatch> {
    let Body::TradeRecord(record) = &q.statement.body else {
        return None;
    };
    let changed: &TermsChanged = q.changed.get_or_init(|| q.known.terms.changed_by(record));
    changed.has(term).then(|| changed.in_words())
}
