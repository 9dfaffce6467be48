//! What servers say to one another about a trade (E3, E9, E10, E23).

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::money::Amount;
use crate::order::{PaymentMethod, Reference};
use crate::postal::{Buyer, Recipient};
use crate::time::{Date, Time};
use crate::wish::Wishes;

/// `authorize` (E3): whether a payment may be taken; nothing is taken yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorize {
    /// The trade's total; the approval holds for no more than this.
    pub amount: Amount,
    /// As in the trade record.
    pub method: PaymentMethod,
    /// The token of the order's `payment`, where it gave one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<Reference>,
    /// As in the trade record; a shop may leave it out (protocol 3).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub buyer: Option<Buyer>,
    /// The buyer's address: where statuses go (E14).
    pub buyer_mail: Address,
}

/// `authorization` (E3): the payment processor's answer to `authorize`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// Whether the payment is authorized.
    pub approved: bool,
    /// A code of the payment processor's own; shown, never interpreted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// How long the authorization holds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Time>,
}

/// `payment-instruction` (E9): the shop asks to collect a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentInstruction {
    /// The trade's total.
    pub amount: Amount,
    /// As in the trade record.
    pub method: PaymentMethod,
    /// The token of the order's `payment`, where it gave one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<Reference>,
    /// Where statuses go (E14).
    pub buyer_mail: Address,
    /// What to tell the buyer without being asked (Q5 to Q7).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notify: Option<Wishes>,
    /// Until when the buyer is to pay.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due: Option<Date>,
}

/// `delivery-instruction` (E10): the shop asks to bring a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryInstruction {
    /// Which parcel, where they are named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parcel: Option<String>,
    /// What is in it, at least one line; what was cancelled before is left out.
    pub lines: Vec<InstructedLine>,
    /// The record's `deliver_to`, or else the buyer's own name and address.
    pub deliver_to: Recipient,
    /// Where statuses go (E14).
    pub buyer_mail: Address,
    /// What to tell the buyer without being asked (Q5 to Q7).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notify: Option<Wishes>,
    /// When it can be picked up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ready: Option<Time>,
}

/// A line of a delivery instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstructedLine {
    /// Index into the trade record's lines, from 0.
    pub line: u32,
    /// Pieces of that line.
    pub quantity: NonZeroU32,
    /// The line's name in the trade record.
    pub name: String,
}

/// `refund` (E23): voids what was not yet settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The total that the payment was instructed with last, not what is paid back.
    pub amount: Amount,
    /// The sum of all refunds so far, this one included.
    pub refunded: Amount,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

/// `recall`: stop or turn back the delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// Which parcel; none: all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parcel: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}
