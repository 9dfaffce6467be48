//! What is kept of a trade (protocol 4): what its records say together, what its statuses come to so far,
//! and the state that both give.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tradepost_statements::order::Line;
use tradepost_statements::{
    Address, Amount, DeliveryState, OrderState, PaymentState, RequestId, Time,
};

use super::state::is_default;

/// What the trade records that count say together (protocol 4, "Versions").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TradeTerms {
    pub(super) origin: TradeOrigin,
    pub(super) request: Option<RequestId>,
    /// The number of the letter with the trade record that counts.
    pub(super) record: u64,
    pub(super) version: u32,
    pub(super) shop_name: String,
    pub(super) placed: Time,
    pub(super) lines: Vec<Line>,
    pub(super) total: Amount,
    pub(super) confirm_by: Option<Time>,
    /// Every carrier that any version names.
    pub(super) carriers: BTreeSet<Address>,
    pub(super) newest_carriers: BTreeSet<Address>,
    pub(super) processor: Address,
    /// Every processor that one of them names.
    pub(super) processors: BTreeSet<Address>,
    /// The totals of all, the present one last.
    pub(super) totals: Vec<Amount>,
    /// The letters whose lines count beside the present ones.
    pub(super) lines_of: Vec<u64>,
}

/// What the statuses of a trade come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TradeProgress {
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(super) order: Option<OrderNow>,
    /// The letter with the last applied `shipped`, which names the parcels.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(super) named_by: Option<u64>,
    /// What each sender says of the payment.
    #[serde(rename = "p", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) payments: BTreeMap<Address, PaymentTold>,
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub(super) tally: ParcelTally,
    /// The earliest promise of a parcel that is not there.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(super) promised: Option<Time>,
}

impl TradeProgress {
    /// The order was called off: nothing is awaited that has not set out (protocol 4, "Counting").
    pub(super) fn is_cancelled(&self) -> bool {
        let order = self.order.as_ref();
        order.is_some_and(|o| o.state == OrderState::Cancelled)
    }

    /// Whether parcels count that are `announced`, though no `shipped` names them.
    pub(super) fn counts_announced(&self) -> bool {
        self.named_by.is_none() && !self.is_cancelled()
    }
}

/// How many parcels there are of each sort: kept up with each, never counted anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ParcelTally {
    /// Delivered, returned or stopped.
    #[serde(rename = "d", default, skip_serializing_if = "is_default")]
    pub(super) done: u64,
    #[serde(rename = "l", default, skip_serializing_if = "is_default")]
    pub(super) lost: u64,
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    pub(super) returning: u64,
    /// Of any other state beyond `announced`.
    #[serde(rename = "o", default, skip_serializing_if = "is_default")]
    pub(super) under_way: u64,
    /// Announced, and named by the last `shipped`.
    #[serde(rename = "a", default, skip_serializing_if = "is_default")]
    pub(super) announced_and_named: u64,
    /// Named by the last `shipped`, and told of by nobody.
    #[serde(rename = "s", default, skip_serializing_if = "is_default")]
    pub(super) untold_of_shipped: u64,
    /// Named by the newest record for a carrier that has told nothing of it.
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    pub(super) untold_of_record: u64,
    #[serde(rename = "b", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) by_carrier: BTreeMap<Address, CarrierTally>,
}

/// How many parcels a carrier has told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CarrierTally {
    #[serde(rename = "a", default, skip_serializing_if = "is_default")]
    pub(super) announced: u64,
    #[serde(rename = "b", default, skip_serializing_if = "is_default")]
    pub(super) beyond: u64,
}

/// What of a trade stands in the totals and lists; taken out again before it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CountedTrade {
    /// Adopted and not confirmed: counted apart (protocol 9).
    #[serde(rename = "a", default, skip_serializing_if = "is_default")]
    pub(super) apart: bool,
    #[serde(rename = "d", default, skip_serializing_if = "is_default")]
    pub(super) undelivered: bool,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) promised: Option<Time>,
    #[serde(rename = "u")]
    pub(super) unpaid: Amount,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(super) due: Option<Time>,
}

tradepost_statements::words! {
    /// How a trade came to be in the ledger.
    pub enum TradeOrigin as "an origin of a trade" {
        /// Ordered with this program.
        Placed = "placed",
        /// Ordered elsewhere, and known beforehand (protocol 9).
        Expected = "expected",
        /// Ordered elsewhere, known from a trade record.
        Adopted = "adopted",
    }
}

/// What the letters of a trade add up to (protocol 4). Nothing in it depends on the present time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TradeState {
    pub(super) origin: TradeOrigin,
    pub(super) request: Option<RequestId>,
    /// The number of the letter with the trade record that counts.
    pub(super) record: u64,
    pub(super) version: u32,
    pub(super) shop_name: String,
    pub(super) placed: Time,
    pub(super) lines: Vec<Line>,
    pub(super) total: Amount,
    pub(super) confirm_by: Option<Time>,
    pub(super) carriers: BTreeSet<Address>,
    pub(super) newest_carriers: BTreeSet<Address>,
    /// The carriers that have parcels of this trade.
    pub(super) bringing: BTreeSet<Address>,
    pub(super) processor: Address,
    pub(super) order: Option<OrderNow>,
    pub(super) payment: Option<PaymentNow>,
    pub(super) delivered: bool,
    pub(super) undelivered: bool,
    pub(super) unpaid: Amount,
    pub(super) ended: bool,
    pub(super) promised: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OrderNow {
    #[serde(rename = "s")]
    pub(super) state: OrderState,
    #[serde(rename = "a")]
    pub(super) at: Time,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) planned: Option<Time>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(super) actual: Option<Time>,
}

/// A parcel; without state when it was only named so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ParcelNow {
    pub(super) carrier: Option<Address>,
    pub(super) parcel: String,
    pub(super) status: Option<ParcelStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ParcelStatus {
    #[serde(rename = "s")]
    pub(super) state: DeliveryState,
    #[serde(rename = "a")]
    pub(super) at: Time,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) planned: Option<Time>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(super) planned_until: Option<Time>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(super) actual: Option<Time>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(super) tracking_number: Option<String>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<String>,
}

/// What one sender says of the payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PaymentTold {
    /// The letter that says so.
    #[serde(rename = "n")]
    pub(super) letter: u64,
    /// The person accepted it, though its sender is not whom the trade has paid.
    #[serde(rename = "x", default, skip_serializing_if = "is_default")]
    pub(super) accepted: bool,
    #[serde(rename = "t")]
    pub(super) told: PaymentNow,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PaymentNow {
    #[serde(rename = "s")]
    pub(super) state: PaymentState,
    #[serde(rename = "a")]
    pub(super) at: Time,
    #[serde(rename = "m")]
    pub(super) amount: Amount,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(super) paid: Option<Amount>,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(super) refunded: Option<Amount>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) planned: Option<Time>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(super) actual: Option<Time>,
}
