//! A carrier's settings.

use std::collections::BTreeSet;

use tradepost_statements::Address;

/// How a carrier takes instructions.
#[derive(Debug, Clone, Default)]
pub struct CarrierSettings {
    /// The shops that may instruct it.
    pub shops: BTreeSet<Address>,
}
