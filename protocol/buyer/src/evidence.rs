//! Whether a letter's evidence is enough (protocol 5, lines 2 and 3).

use tradepost_statements::Evidence;
use tradepost_trades::letter::Received;

use super::case::BuyerCase;

/// The least evidence that a letter of its author needs.
pub(super) fn minimum_for(case: &BuyerCase<'_>, received: &Received) -> Evidence {
    case.settings.minimum_for(received.author.as_ref())
}

/// Whether DNS may still lift the evidence to the minimum.
pub(super) fn may_be_held(case: &BuyerCase<'_>, received: &Received) -> bool {
    let minimum = minimum_for(case, received);
    received.evidence < minimum && received.undecided.is_some_and(|e| e >= minimum)
}

/// Whether line 3 refuses, unless the person accepts.
pub(super) fn is_below(case: &BuyerCase<'_>, received: &Received) -> bool {
    received.evidence < minimum_for(case, received) && !may_be_held(case, received)
}
