//! The buyer's statements to the shop: order, confirm, cancel, return (E1, E7, E23).

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::id::TradeRef;
use crate::money::Amount;
use crate::postal::{Buyer, Recipient, Region};
use crate::record::Version;
use crate::wish::Wishes;
use crate::words::{string_serde, words};

/// `order`: the buyer's wish (E1, E24).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What is ordered, all in one currency; at least one line.
    pub lines: Vec<Line>,
    /// The most that the buyer agrees to.
    pub total: Amount,
    /// The method that the buyer chooses, and the token for it.
    pub payment: OrderPayment,
    /// The method that the buyer chooses; the carrier is the shop's choice (E2).
    pub delivery: OrderDelivery,
    /// Who buys; absent only with `hub` (protocol 8).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub buyer: Option<Buyer>,
    /// Where it goes, when not to the buyer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deliver_to: Option<Recipient>,
    /// What to tell without being asked (Q5, Q6).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notify: Option<Wishes>,
    /// The trade that this order repeats (E24).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reorder_of: Option<TradeRef>,
    /// The hub that finalizes it (protocol 8).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hub: Option<Address>,
    /// Where it would go, with `hub`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub region: Option<Region>,
    /// SHA-256 in hex of the details that the client keeps, with `hub`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub details_hash: Option<String>,
}

/// One line of an order or trade record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What the article is called: the sender's word (protocol 1, "Name").
    pub name: String,
    /// The shop's article number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sku: Option<String>,
    /// Pieces; `price` is for one of them.
    pub quantity: NonZeroU32,
    /// For one piece.
    pub price: Amount,
}

words! {
    /// How a trade is paid (E2).
    pub enum PaymentMethod as "a payment method" {
        /// By credit card, with a token, never a card number.
        CreditCard = "credit-card",
        /// By electronic money, which the payment processor takes as from a credit card.
        EMoney = "e-money",
        /// By bank transfer, which the buyer makes: `due` until then.
        BankTransfer = "bank-transfer",
        /// It costs nothing, so nothing is paid: `settled` at once.
        Nothing = "none",
    }
}

words! {
    /// How a trade is delivered (E2).
    pub enum DeliveryMethod as "a delivery method" {
        /// A carrier brings it.
        Courier = "courier",
        /// Digital goods: a link or a text in a status, no parcel on the road.
        Electronic = "electronic",
    }
}

/// `payment` of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPayment {
    /// One that the shop does not offer is answered `unsupported-method`.
    pub method: PaymentMethod,
    /// A token that the payment processor knows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<Reference>,
}

/// `delivery` of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDelivery {
    /// One that the shop does not offer is answered `unsupported-method`.
    pub method: DeliveryMethod,
}

/// An opaque token of a payment method, with at least one letter, never a card number (E1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference(String);

/// Why a text is no payment reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Protocol 3, `order`.
    #[error("a payment reference is a token with at least one letter")]
    NoLetter,
    /// 13 to 19 digits that pass the Luhn check: cards do not go by mail (E1).
    #[error(
        "a payment reference must not contain a card number; ask the payment processor for a token"
    )]
    CardNumber,
}

impl Reference {
    /// As the buyer gave it; what it stands for only the payment processor knows.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Reference {
    type Err = ReferenceError;
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if contains_card_number(text) {
            return Err(ReferenceError::CardNumber);
        }
        if !text.chars().any(char::is_alphabetic) {
            return Err(ReferenceError::NoLetter);
        }
        Ok(Reference(text.to_owned()))
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}
string_serde!(Reference);

/// Blanks and hyphens count for nothing, but a number may end at one of them: what follows
/// (the month it expires, say) does not hide it.
fn contains_card_number(text: &str) -> bool {
    let separates = |c: char| c.is_whitespace() || c == '-';
    text.split(|c: char| !c.is_ascii_digit() && !separates(c))
        .any(|digits_and_separators| {
            let groups: Vec<&str> = digits_and_separators
                .split(separates)
                .filter(|group| !group.is_empty())
                .collect();
            (0..groups.len()).any(|first| starts_with_card_number(groups.iter().skip(first)))
        })
}

fn starts_with_card_number<'t>(groups: impl Iterator<Item = &'t &'t str>) -> bool {
    let mut number = String::new();
    for group in groups {
        number.push_str(group);
        if number.len() > 19 {
            return false;
        }
        if number.len() >= 13 && passes_luhn(&number) {
            return true;
        }
    }
    false
}

/// ISO/IEC 7812-1, annex B.
fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .map(|b| u32::from(b.wrapping_sub(b'0')))
        .enumerate()
        .map(|(i, d)| match (i % 2, d * 2) {
            (0, _) => d,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// `order-rejected`: no trade was made (E3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRejected {
    /// Why, for programs.
    pub reason: RejectionReason,
    /// Why, for people.
    pub text: String,
}

words! {
    /// Why a shop makes no trade of an order.
    pub enum RejectionReason as "a reason of a rejection" {
        /// The payment processor did not authorize the payment.
        Declined = "declined",
        /// There is not enough of it.
        OutOfStock = "out-of-stock",
        /// The shop does not have it.
        UnknownItem = "unknown-item",
        /// The price is another one.
        PriceChanged = "price-changed",
        /// The shop does not offer this payment or delivery method.
        UnsupportedMethod = "unsupported-method",
        /// The order contradicts itself or the protocol.
        InvalidOrder = "invalid-order",
        /// The shop does not deal with this buyer or hub.
        NotAuthorized = "not-authorized",
        /// The buyer cancelled before a trade was made.
        CancelledByBuyer = "cancelled-by-buyer",
    }
}

/// `confirm`: the buyer agrees to a version of the trade record (E7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// Of the trade record that the buyer has seen.
    pub version: Version,
}

/// `cancel` (E7): stop the trade; once something has shipped, the wish to return everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

/// `return` (E23): the wish to give goods back; while nothing has shipped it counts as `cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// What goes back; none: all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lines: Option<Vec<LineQuantity>>,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// Some of a line of the trade record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineQuantity {
    /// Index into the record's lines, from 0.
    pub line: u32,
    /// Pieces of that line; more than it has are `wrong-items` (protocol 5, line 15).
    pub quantity: NonZeroU32,
}

/// `return-decision` (E23): what the shop says to a wish to return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnDecision {
    /// Whether the shop takes it back.
    pub accepted: bool,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// What the shop pays back for it; one that declines names nothing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refund: Option<Amount>,
    /// Where to send the goods.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub send_to: Option<Recipient>,
}

#[cfg(test)]
mod tests {
    use super::*;

    // Requirements: E1
    #[test]
    fn a_card_number_is_no_reference_however_it_is_spaced() {
        for (text, refused) in [
            ("tok_4111111111111111", Some(ReferenceError::CardNumber)),
            ("tok_4111 1111-1111 1111", Some(ReferenceError::CardNumber)),
            ("4111111111111111", Some(ReferenceError::CardNumber)),
            ("tok_4111111111111112", None),
            (
                "tok_4111 1111 1111 1111 12 27",
                Some(ReferenceError::CardNumber),
            ),
            ("tok-9-4111111111111111", Some(ReferenceError::CardNumber)),
            ("tok_411111111111", None),
            ("1234", Some(ReferenceError::NoLetter)),
            ("", Some(ReferenceError::NoLetter)),
            ("tok_1234", None),
        ] {
            assert_eq!(text.parse::<Reference>().err(), refused, "{text}");
        }
    }
}
