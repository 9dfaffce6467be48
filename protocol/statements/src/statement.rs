//! The statement: what one party says to another (protocol 2).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::Address;
use crate::id::{RequestId, StatementId, TradeRef};
use crate::instruction::{
    Authorization, Authorize, DeliveryInstruction, PaymentInstruction, Recall, Refund,
};
use crate::order::{Cancel, Confirm, Order, OrderRejected, Return, ReturnDecision};
use crate::record::TradeRecord;
use crate::status::{DeliveryStatus, OrderStatus, PaymentStatus};
use crate::time::Time;
use crate::wire;
use crate::wish::Wishes;
use crate::words::words;

/// What one party says to another (protocol 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Made by the sender, the same whenever the statement is sent again.
    pub id: StatementId,
    /// Must be the letter's From.
    pub from: Address,
    /// Must be an address of the mailbox that receives it.
    pub to: Address,
    /// When it was made, by the sender's clock; not far in the reader's future (protocol 2).
    pub sent: Time,
    /// The trade that it is about.
    pub trade: Option<TradeRef>,
    /// The request that it makes or answers.
    pub request: Option<RequestId>,
    /// The statement that it answers.
    pub answers: Option<StatementId>,
    /// What is said; its kind decides which of the three above must be there (protocol 3).
    pub body: Body,
}

/// What is said (protocol 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// B to S (E1).
    Order(Box<Order>),
    /// S to B (E4, E5).
    TradeRecord(Box<TradeRecord>),
    /// S to B (E3).
    OrderRejected(OrderRejected),
    /// B to S (E7).
    Confirm(Confirm),
    /// B to S (E7).
    Cancel(Cancel),
    /// B to S (E23).
    Return(Return),
    /// S to B (E23).
    ReturnDecision(ReturnDecision),
    /// B to S, C, P (E15, E21).
    StatusRequest,
    /// B to S, C, P (Q5, Q6).
    Notify(Wishes),
    /// S, C, P to B.
    UnknownTrade,
    /// S to B (E11).
    OrderStatus(OrderStatus),
    /// C to B, S (E12).
    DeliveryStatus(Box<DeliveryStatus>),
    /// P to B, S (E13).
    PaymentStatus(PaymentStatus),
    /// S to P (E3).
    Authorize(Box<Authorize>),
    /// P to S (E3).
    Authorization(Authorization),
    /// S to P (E9).
    PaymentInstruction(Box<PaymentInstruction>),
    /// S to C (E10).
    DeliveryInstruction(Box<DeliveryInstruction>),
    /// S to P (E23).
    Refund(Refund),
    /// S to C.
    Recall(Recall),
}

words! {
    /// The kinds of statements, by their word in `body.kind`.
    pub enum Kind as "a kind of statement" {
        /// [`Body::Order`].
        Order = "order",
        /// [`Body::TradeRecord`].
        TradeRecord = "trade-record",
        /// [`Body::OrderRejected`].
        OrderRejected = "order-rejected",
        /// [`Body::Confirm`].
        Confirm = "confirm",
        /// [`Body::Cancel`].
        Cancel = "cancel",
        /// [`Body::Return`].
        Return = "return",
        /// [`Body::ReturnDecision`].
        ReturnDecision = "return-decision",
        /// [`Body::StatusRequest`].
        StatusRequest = "status-request",
        /// [`Body::Notify`].
        Notify = "notify",
        /// [`Body::UnknownTrade`].
        UnknownTrade = "unknown-trade",
        /// [`Body::OrderStatus`].
        OrderStatus = "order-status",
        /// [`Body::DeliveryStatus`].
        DeliveryStatus = "delivery-status",
        /// [`Body::PaymentStatus`].
        PaymentStatus = "payment-status",
        /// [`Body::Authorize`].
        Authorize = "authorize",
        /// [`Body::Authorization`].
        Authorization = "authorization",
        /// [`Body::PaymentInstruction`].
        PaymentInstruction = "payment-instruction",
        /// [`Body::DeliveryInstruction`].
        DeliveryInstruction = "delivery-instruction",
        /// [`Body::Refund`].
        Refund = "refund",
        /// [`Body::Recall`].
        Recall = "recall",
    }
}

impl Body {
    /// The kind of statement, which stands in `body.kind`.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Body::Order(_) => Kind::Order,
            Body::TradeRecord(_) => Kind::TradeRecord,
            Body::OrderRejected(_) => Kind::OrderRejected,
            Body::Confirm(_) => Kind::Confirm,
            Body::Cancel(_) => Kind::Cancel,
            Body::Return(_) => Kind::Return,
            Body::ReturnDecision(_) => Kind::ReturnDecision,
            Body::StatusRequest => Kind::StatusRequest,
            Body::Notify(_) => Kind::Notify,
            Body::UnknownTrade => Kind::UnknownTrade,
            Body::OrderStatus(_) => Kind::OrderStatus,
            Body::DeliveryStatus(_) => Kind::DeliveryStatus,
            Body::PaymentStatus(_) => Kind::PaymentStatus,
            Body::Authorize(_) => Kind::Authorize,
            Body::Authorization(_) => Kind::Authorization,
            Body::PaymentInstruction(_) => Kind::PaymentInstruction,
            Body::DeliveryInstruction(_) => Kind::DeliveryInstruction,
            Body::Refund(_) => Kind::Refund,
            Body::Recall(_) => Kind::Recall,
        }
    }
}

/// As on the wire.
impl Serialize for Statement {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        wire::to_value(self).serialize(s)
    }
}

/// As from the wire, with the same refusals, except those of the JSON text itself
/// ([`wire::JsonError`]): for what this program has stored.
impl<'de> Deserialize<'de> for Statement {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(d)?;
        wire::from_value(&value).map_err(serde::de::Error::custom)
    }
}
