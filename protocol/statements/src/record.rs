//! The trade record: what the shop says the trade is (E4, E5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::id::IdError;
use crate::money::{Amount, AmountError};
use crate::order::{DeliveryMethod, Line, PaymentMethod};
use crate::postal::{Buyer, Recipient};
use crate::time::Time;

/// `trade-record`: introduces carriers and payment processor (E4, E5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeRecord {
    /// From 1; a change of the record is a new version.
    pub version: Version,
    /// The shop's name for people.
    pub shop_name: String,
    /// When the order was placed.
    pub placed: Time,
    /// What was bought, at least one line: as ordered, where there was an order (protocol 5, line 11).
    pub lines: Vec<Line>,
    /// What comes on top, e.g. shipping.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub charges: Option<Vec<PriceItem>>,
    /// What goes off; more than lines and charges has no sum ([`SumError::Negative`]).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discounts: Option<Vec<PriceItem>>,
    /// Lines and charges less discounts.
    pub total: Amount,
    /// How it is paid, and who may speak about the payment.
    pub payment: RecordPayment,
    /// How it is delivered, and who may speak about the delivery.
    pub delivery: RecordDelivery,
    /// Who buys; absent only with `hub`, before it is completed (protocol 8).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub buyer: Option<Buyer>,
    /// Where it goes, when not to the buyer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deliver_to: Option<Recipient>,
    /// Until when the shop waits for `confirm`; absent: it does not wait.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirm_by: Option<Time>,
    /// The hub that finalizes it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hub: Option<Address>,
    /// OpenPGP fingerprints of the parties.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub keys: Option<BTreeMap<Address, String>>,
}

/// A charge or a discount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceItem {
    /// What it is, for people.
    pub name: String,
    /// In the total's currency, else there is no sum; without sign, of a discount too.
    pub price: Amount,
}

/// `payment` of a trade record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPayment {
    /// As ordered; another one is `changed-contents` (protocol 5, line 11).
    pub method: PaymentMethod,
    /// Who may speak about the payment.
    pub processor: Address,
}

/// `delivery` of a trade record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordDelivery {
    /// As ordered; another one is `changed-contents` (protocol 5, line 11).
    pub method: DeliveryMethod,
    /// Who may speak about the delivery.
    pub carriers: Vec<RecordCarrier>,
}

/// A carrier of a trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordCarrier {
    /// From here it speaks about its parcels, and about nothing else.
    pub address: Address,
    /// The parcels it brings, where they are named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parcels: Option<Vec<String>>,
}

impl TradeRecord {
    /// Lines and charges less discounts.
    ///
    /// # Errors
    /// When there is more than one currency, or the discounts are more than the rest.
    pub fn sum(&self) -> Result<Amount, SumError> {
        let mut sum = Amount::zero(self.total.currency());
        for line in &self.lines {
            sum = sum.plus(line.price.times(line.quantity.get()))?;
        }
        for charge in self.charges.iter().flatten() {
            sum = sum.plus(charge.price)?;
        }
        for discount in self.discounts.iter().flatten() {
            if discount.price.is_more_than(sum) {
                return Err(SumError::Negative);
            }
            sum = sum.minus(discount.price)?;
        }
        Ok(sum)
    }
}

/// Why a record has no sum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SumError {
    /// More than one currency.
    #[error(transparent)]
    Currency(#[from] AmountError),
    /// The discounts are more than the rest.
    #[error("the discounts are more than lines and charges")]
    Negative,
}

/// The version of a trade record, a whole number from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Version(u32);

impl Version {
    /// 1, with which the record of a trade begins.
    pub const FIRST: Version = Version(1);

    /// From 1 to 2^31-1.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// The version after this one.
    #[must_use]
    pub fn next(self) -> Version {
        Version(self.0.saturating_add(1))
    }
}

impl TryFrom<u64> for Version {
    type Error = IdError;
    fn try_from(number: u64) -> Result<Self, IdError> {
        match u32::try_from(number) {
            Ok(n @ 1..=0x7fff_ffff) => Ok(Version(n)),
            _ => Err(IdError::Version),
        }
    }
}

impl From<Version> for u64 {
    fn from(v: Version) -> u64 {
        u64::from(v.0)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
