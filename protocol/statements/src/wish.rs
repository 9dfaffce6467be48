//! Which changes the buyer wants to be told of without asking (Q5 to Q7).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::progress::{DeliveryState, OrderState, PaymentState, Track};
use crate::words::{UnknownWord, string_serde};

/// The buyer's wishes: `notify` of an order, and the body of a `notify` statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// What is told without being asked.
    pub on: Vec<Wish>,
    /// Where a notice for people goes in addition.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<Address>,
}

/// One wish: a whole track, or one of its states (`delivery.delivered`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Every change of a track.
    Track(Track),
    /// When the order gets into this state.
    Order(OrderState),
    /// When a parcel gets into this state.
    Delivery(DeliveryState),
    /// When the payment gets into this state.
    Payment(PaymentState),
}

impl Wishes {
    /// Whether an order status with this state is to be told.
    #[must_use]
    pub fn want_order(&self, state: OrderState) -> bool {
        self.on
            .iter()
            .any(|w| *w == Wish::Track(Track::Order) || *w == Wish::Order(state))
    }

    /// Whether a delivery status with this state is to be told.
    #[must_use]
    pub fn want_delivery(&self, state: DeliveryState) -> bool {
        self.on
            .iter()
            .any(|w| *w == Wish::Track(Track::Delivery) || *w == Wish::Delivery(state))
    }

    /// Whether a payment status with this state is to be told.
    #[must_use]
    pub fn want_payment(&self, state: PaymentState) -> bool {
        self.on
            .iter()
            .any(|w| *w == Wish::Track(Track::Payment) || *w == Wish::Payment(state))
    }
}

impl FromStr for Wish {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let Some((track, state)) = text.split_once('.') else {
            return text.parse().map(Wish::Track);
        };
        match track.parse()? {
            Track::Order => state.parse().map(Wish::Order),
            Track::Delivery => state.parse().map(Wish::Delivery),
            Track::Payment => state.parse().map(Wish::Payment),
        }
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wish::Track(t) => write!(f, "{t}"),
            Wish::Order(s) => write!(f, "{}.{s}", Track::Order),
            Wish::Delivery(s) => write!(f, "{}.{s}", Track::Delivery),
            Wish::Payment(s) => write!(f, "{}.{s}", Track::Payment),
        }
    }
}
string_serde!(Wish);
