//! How much of a payment is there, as a status says it: for those who tell it and those who judge it.

use tradepost_statements::{Amount, PaymentState};

/// "Paid so far" (protocol 4, "Counting"): the total when settled, else `paid`, else the total at rank 2, else nothing.
pub fn paid_so_far(state: PaymentState, paid: Option<Amount>, total: Amount) -> Amount {
    match (state, paid) {
        (PaymentState::Settled, _) => total,
        (_, Some(paid)) => paid,
        (
            PaymentState::Disputed | PaymentState::RefundPending | PaymentState::PartlyRefunded,
            None,
        ) => total,
        (
            PaymentState::Pending
            | PaymentState::Due
            | PaymentState::Declined
            | PaymentState::PartlyPaid
            | PaymentState::PastDue
            | PaymentState::Authorized
            | PaymentState::Scheduled
            | PaymentState::Refunded
            | PaymentState::Voided,
            None,
        ) => Amount::zero(total.currency()),
    }
}

/// What `refunded` is compared with (protocol 5, line 14): paid so far; for `refunded` and `voided` without
/// `paid`, the total.
pub fn paid_for_refund(state: PaymentState, paid: Option<Amount>, total: Amount) -> Amount {
    match (state, paid) {
        (PaymentState::Refunded | PaymentState::Voided, None) => total,
        _ => paid_so_far(state, paid, total),
    }
}
