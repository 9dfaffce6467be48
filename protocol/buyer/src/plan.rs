//! What the person plans to ask: which trades, when, and until when.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::{TradeRef, words};

use super::progress::TradeState;

words! {
    /// Who can be asked about a trade (E21).
    pub enum AskedParty as "a party that can be asked" {
        /// The shop that made the trade.
        Shop = "shop",
        /// The carriers: all that have something to do with it.
        Carrier = "carrier",
        /// The payment processor that the present trade record names.
        Payment = "payment",
    }
}

/// What is to be asked, whom, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// A single trade, or each that is pending.
    pub about: Planned,
    /// Whom; everybody where it is empty.
    #[serde(default)]
    pub parties: BTreeSet<AskedParty>,
    /// Again and again, or at a time of day.
    pub when: PlannedWhen,
    /// How long, of a single trade.
    pub until: Until,
}

/// What a plan asks about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Planned {
    /// A single trade; the plan ends as [`Plan::until`] says.
    Trade {
        /// The trade that is asked about until the plan ends.
        trade: TradeRef,
    },
    /// Each trade that is not delivered at the time.
    AllPending,
}

/// When a plan asks; however long nobody looked, it asks once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum PlannedWhen {
    /// Again and again, in one rhythm.
    Every {
        /// From one time to the next, at least `ask_apart`.
        span: Duration,
    },
    /// Every day when the clocks of a place show this.
    Daily {
        /// Hours, 0 to 23.
        hour: u8,
        /// Minutes, 0 to 59.
        minute: u8,
        /// The place, as the time zone database names it.
        zone: String,
    },
}

words! {
    /// What ends a plan for a trade; that the trade has ended, always does.
    pub enum Until as "an end of asking" {
        /// The trade has ended (protocol 4, "Ended").
        Ended = "ended",
        /// Nothing is to be delivered any more.
        Delivered = "delivered",
        /// Nothing is to be paid any more.
        Paid = "paid",
    }
}

impl Until {
    pub(super) fn is_reached_by(self, state: &TradeState) -> bool {
        state.ended
            || match self {
                Until::Ended => false,
                Until::Delivered => !state.undelivered,
                Until::Paid => state.unpaid.is_zero(),
            }
    }
}
