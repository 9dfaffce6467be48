//! What the members of a statement must have in common (protocol 3 and 4), beyond the form of each.

use serde_json::{Map, Value};

use crate::money::{Amount, Currency};
use crate::order::Order;
use crate::progress::{DeliveryState, OrderState, PaymentState};
use crate::record::TradeRecord;
use crate::statement::{Body, Kind, Statement};
use crate::wish::Wish;

use super::DecodeError;

/// A rule between members that is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Protocol 3, the column "needs".
    #[error("a {kind} needs the member {member}")]
    Needs {
        /// Of the statement.
        kind: Kind,
        /// Which one.
        member: &'static str,
    },
    /// There is nothing in the order, record or instruction.
    #[error("there are no lines")]
    NoLines,
    /// Protocol 3, `order`: one currency throughout.
    #[error("{0} and {1} stand in one order")]
    TwoCurrencies(Currency, Currency),
    /// Without a hub, an order and its record name the buyer.
    #[error("body.buyer is missing")]
    NoBuyer,
    /// Protocol 4: the state requires a time.
    #[error("the state {state} requires {member}")]
    StateRequires {
        /// The state's word.
        state: &'static str,
        /// The member it requires.
        member: &'static str,
    },
}

/// Protocol 2: a state that is not known makes the statement unsupported, not unreadable.
pub(super) fn check_states_are_known(
    kind: Kind,
    body: &Map<String, Value>,
) -> Result<(), DecodeError> {
    let unknown = |at, state: &str| {
        Err(DecodeError::UnknownState {
            at,
            state: state.chars().take(64).collect(),
        })
    };
    let state = body.get("state").and_then(Value::as_str);
    match (kind, state) {
        (Kind::OrderStatus, Some(s)) if s.parse::<OrderState>().is_err() => {
            unknown("body.state", s)
        }
        (Kind::DeliveryStatus, Some(s)) if s.parse::<DeliveryState>().is_err() => {
            unknown("body.state", s)
        }
        (Kind::PaymentStatus, Some(s)) if s.parse::<PaymentState>().is_err() => {
            unknown("body.state", s)
        }
        _ => {
            let wishes = if kind == Kind::Notify {
                body.get("on")
            } else {
                body.get("notify").and_then(|n| n.get("on"))
            };
            let words = wishes
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            for word in words {
                if word.parse::<Wish>().is_err() {
                    return unknown("notify.on", word);
                }
            }
            Ok(())
        }
    }
}

pub(super) fn check(s: &Statement) -> Result<(), RuleError> {
    check_needs(s)?;
    match &s.body {
        Body::Order(order) => check_order(order),
        Body::TradeRecord(record) => check_record(record),
        Body::OrderStatus(status) => require(
            status.state == OrderState::Shipped,
            status.ship.actual.is_some(),
            status.state.word(),
            "ship.actual",
        ),
        Body::DeliveryStatus(status) => {
            let delivered = status.state == DeliveryState::Delivered;
            require(
                delivered,
                status.delivery.actual.is_some(),
                status.state.word(),
                "delivery.actual",
            )
        }
        Body::PaymentStatus(status) => {
            let state = status.state;
            require(
                state == PaymentState::Settled,
                status.settle.actual.is_some(),
                state.word(),
                "settle.actual",
            )?;
            require(
                state == PaymentState::Scheduled,
                status.settle.planned.is_some(),
                state.word(),
                "settle.planned",
            )
        }
        Body::DeliveryInstruction(i) if i.lines.is_empty() => Err(RuleError::NoLines),
        Body::OrderRejected(_)
        | Body::Confirm(_)
        | Body::Cancel(_)
        | Body::Return(_)
        | Body::ReturnDecision(_)
        | Body::StatusRequest
        | Body::Notify(_)
        | Body::UnknownTrade
        | Body::Authorize(_)
        | Body::Authorization(_)
        | Body::PaymentInstruction(_)
        | Body::DeliveryInstruction(_)
        | Body::Refund(_)
        | Body::Recall(_) => Ok(()),
    }
}

fn require(
    is_that_state: bool,
    is_there: bool,
    state: &'static str,
    member: &'static str,
) -> Result<(), RuleError> {
    if is_that_state && !is_there {
        Err(RuleError::StateRequires { state, member })
    } else {
        Ok(())
    }
}

/// Protocol 3, the column "needs".
fn check_needs(s: &Statement) -> Result<(), RuleError> {
    let kind = s.body.kind();
    let needs = |there: bool, member| {
        if there {
            Ok(())
        } else {
            Err(RuleError::Needs { kind, member })
        }
    };
    let (trade, request, answers) = (s.trade.is_some(), s.request.is_some(), s.answers.is_some());
    match kind {
        Kind::Order => needs(request, "request"),
        Kind::OrderRejected => {
            needs(request, "request")?;
            needs(answers, "answers")
        }
        Kind::Cancel | Kind::StatusRequest | Kind::Notify => {
            needs(trade || request, "trade or request")
        }
        Kind::UnknownTrade => needs(answers, "answers"),
        Kind::ReturnDecision | Kind::Authorization => {
            needs(trade, "trade")?;
            needs(answers, "answers")
        }
        Kind::TradeRecord
        | Kind::Confirm
        | Kind::Return
        | Kind::OrderStatus
        | Kind::DeliveryStatus
        | Kind::PaymentStatus
        | Kind::Authorize
        | Kind::PaymentInstruction
        | Kind::DeliveryInstruction
        | Kind::Refund
        | Kind::Recall => needs(trade, "trade"),
    }
}

fn check_order(order: &Order) -> Result<(), RuleError> {
    if order.lines.is_empty() {
        return Err(RuleError::NoLines);
    }
    one_currency(order.total, order.lines.iter().map(|l| l.price))?;
    // Protocol 8: with a hub, what the order must not say is answered `invalid-order` by the shop.
    if order.hub.is_none() && order.buyer.is_none() {
        return Err(RuleError::NoBuyer);
    }
    Ok(())
}

/// A record's currencies and sum are judged (protocol 5, line 11), not refused here.
fn check_record(record: &TradeRecord) -> Result<(), RuleError> {
    if record.lines.is_empty() {
        return Err(RuleError::NoLines);
    }
    if record.hub.is_none() && record.buyer.is_none() {
        return Err(RuleError::NoBuyer);
    }
    Ok(())
}

fn one_currency(first: Amount, rest: impl Iterator<Item = Amount>) -> Result<(), RuleError> {
    for amount in rest {
        if amount.currency() != first.currency() {
            return Err(RuleError::TwoCurrencies(
                first.currency(),
                amount.currency(),
            ));
        }
    }
    Ok(())
}
