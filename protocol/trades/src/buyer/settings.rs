//! What the person decided about the judgement.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tradepost_statements::{Address, Amount, Evidence, words};

/// What the person decided about the judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The addresses of the mailbox.
    pub ours: BTreeSet<Address>,
    /// The least evidence that is believed.
    pub minimum: Evidence,
    /// The same for single parties.
    #[serde(default)]
    pub minimum_of: BTreeMap<Address, Evidence>,
    /// What becomes of trades ordered elsewhere.
    pub adopt: Adopt,
    /// At which unpaid total of a currency to warn (E20).
    #[serde(default)]
    pub unpaid_limits: Vec<Amount>,
}

words! {
    /// What becomes of a trade record that answers no order (protocol 9).
    pub enum Adopt as "a way to adopt trades" {
        /// It makes a trade that is listed apart until the person confirms it.
        List = "list",
        /// The person is asked for each.
        Ask = "ask",
        /// None is adopted.
        Off = "off",
    }
}

impl Settings {
    /// For a mailbox with these addresses: `relay` evidence, adopted trades listed, no limits.
    #[must_use]
    pub fn new(ours: impl IntoIterator<Item = Address>) -> Settings {
        Settings {
            ours: ours.into_iter().collect(),
            minimum: Evidence::Relay,
            minimum_of: BTreeMap::new(),
            adopt: Adopt::List,
            unpaid_limits: Vec::new(),
        }
    }

    pub(super) fn minimum_for(&self, author: Option<&Address>) -> Evidence {
        author
            .and_then(|a| self.minimum_of.get(a))
            .copied()
            .unwrap_or(self.minimum)
    }
}
