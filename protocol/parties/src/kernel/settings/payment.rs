//! A payment processor's settings.

use std::collections::BTreeSet;

use tradepost_statements::{Address, Amount};

/// How a payment processor takes instructions.
#[derive(Debug, Clone, Default)]
pub struct PaymentSettings {
    /// The shops that may instruct it.
    pub shops: BTreeSet<Address>,
    /// What it answers to `authorize` (E3).
    pub authorize: AuthorizeAnswer,
}

/// What is answered to `authorize`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthorizeAnswer {
    /// Not approved, whatever it is.
    #[default]
    Decline,
    /// Approved, however much it is.
    Approve,
    /// Approved up to this; what is more, or in another currency, is put before the operator.
    ApproveUpTo(Amount),
    /// Put before the operator, who answers by a line for `emit`.
    Ask,
}
