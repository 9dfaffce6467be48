//! How much of a payment is there, as a status says it: for those who tell it and those who judge it.

use tradepost_statements::{Amount, PaymentState};

/// "Paid so far" (protocol 4, "Counting"): `amount` when settled, else `paid`, else `amount` at rank 2, else nothing. `amount` is
/// the total that the status tells of, which a later version of the record may have changed.
pub fn paid_so_far(state: PaymentState, paid: Option<Amount>, amount: Amount) -> Amount {
    match (state, paid) {
        (PaymentState::Settled, _) => amount,
        (_, Some(paid)) => paid,
        (
            PaymentState::Disputed | PaymentState::RefundPending | PaymentState::PartlyRefunded,
            None,
        ) => amount,
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
        ) => Amount::zero(amount.currency()),
    }
}

/// What `refunded` is compared with (protocol 5, line 14): paid so far; for `refunded` and `voided` without
/// `paid`, `amount`.
pub fn paid_for_refund(state: PaymentState, paid: Option<Amount>, amount: Amount) -> Amount {
    match (state, paid) {
        (PaymentState::Refunded | PaymentState::Voided, None) => amount,
        _ => paid_so_far(state, paid, amount),
    }
}
