//! What the person decided about the judgement.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::{Address, Amount, Evidence, words};

/// What the person decided about the judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyerSettings {
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
    /// How long to wait for answers.
    #[serde(default)]
    pub timers: BuyerTimers,
}

/// How long the buyer waits, for answers (protocol 7) and for DNS (protocol 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuyerTimers {
    /// Before a statement is sent again for the first time; doubles with each time.
    pub answer_first: Duration,
    /// The longest wait between two times.
    pub answer_longest: Duration,
    /// After which `no-answer` is warned.
    pub answer_patience: Duration,
    /// After which a statement is not sent again: a shop refuses what is so old (protocol 3).
    pub answer_give_up: Duration,
    /// For so long a server is not asked again about the same trade, since it may need that long.
    pub ask_apart: Duration,
    /// Before DNS is asked again for a held letter; doubles with each time.
    pub held_first: Duration,
    /// The longest wait between two of these times.
    pub held_longest: Duration,
    /// After which a held letter is judged by the evidence that there is.
    pub held_patience: Duration,
}

/// As protocol 7 says: 10 minutes, doubling to 12 hours; a warning after 3 days; given up after 30.
/// A server has 10 minutes to answer before it is asked again. DNS is asked again
/// after a minute, then less and less often up to once an hour, for 7 days (protocol 5).
impl Default for BuyerTimers {
    fn default() -> BuyerTimers {
        const HOUR: u64 = 60 * 60;
        BuyerTimers {
            answer_first: Duration::from_secs(10 * 60),
            answer_longest: Duration::from_secs(12 * HOUR),
            answer_patience: Duration::from_secs(3 * 24 * HOUR),
            answer_give_up: Duration::from_secs(30 * 24 * HOUR),
            ask_apart: Duration::from_secs(10 * 60),
            held_first: Duration::from_secs(60),
            held_longest: Duration::from_secs(HOUR),
            held_patience: Duration::from_secs(7 * 24 * HOUR),
        }
    }
}

words! {
    /// What becomes of a trade record that answers no order (protocol 9).
    pub enum Adopt as "a way to adopt trades" {
        /// It makes a trade that is listed apart until the person confirms it.
        List = "list",
        /// The person is asked for each.
        Ask = "ask",
        /// None is adopted: each is warned of as `no-such-trade`.
        Off = "off",
    }
}

impl BuyerSettings {
    /// For a mailbox with these addresses: `relay` evidence, adopted trades listed, no limits.
    #[must_use]
    pub fn new(ours: impl IntoIterator<Item = Address>) -> BuyerSettings {
        BuyerSettings {
            ours: ours.into_iter().collect(),
            minimum: Evidence::Relay,
            minimum_of: BTreeMap::new(),
            adopt: Adopt::List,
            unpaid_limits: Vec::new(),
            timers: BuyerTimers::default(),
        }
    }

    pub(super) fn minimum_for(&self, author: Option<&Address>) -> Evidence {
        author
            .and_then(|a| self.minimum_of.get(a))
            .copied()
            .unwrap_or(self.minimum)
    }
}
