//! What the members of a statement must have in common (protocol 3 and 4), beyond the form of each.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::address::Address;
use crate::money::{Amount, Currency};
use crate::order::{Order, PaymentMethod};
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
        /// Of the statement that lacks it.
        kind: Kind,
        /// The missing one; `trade or request` where either would do.
        member: &'static str,
    },
    /// There is nothing in the order, record or instruction.
    #[error("there are no lines")]
    NoLines,
    /// Protocol 3, `order`: one currency throughout.
    #[error("{0} and {1} stand in one order")]
    TwoCurrencies(Currency, Currency),
    /// More carriers than [`MOST_CARRIERS`].
    #[error("a record names at most {MOST_CARRIERS} carriers, and this one names {0}")]
    Carriers(usize),
    /// Without a hub, an order and its record name the buyer.
    #[error("body.buyer is missing")]
    NoBuyer,
    /// Protocol 3: only what costs nothing is paid by `none`.
    #[error("the method of the payment is none, and the total is {0}")]
    PaidByNothing(Amount),
    /// Protocol 1: a request id holds the address of the buyer whose request it is.
    #[error("the request is one of {of:?}, and {from:?} is who says it")]
    RequestOfAnother {
        /// The address in the request id.
        of: Address,
        /// The statement's `from`.
        from: Address,
    },
    /// An OpenPGP fingerprint has 40 or 64 hexadecimal digits (RFC 9580 section 5.5.4).
    #[error("body.keys: what stands for {0:?} is not an OpenPGP fingerprint")]
    Fingerprint(Address),
    /// Two spellings of one address have a key each.
    #[error("body.keys: one address occurs twice, written differently")]
    TwoKeys,
    /// Protocol 8: SHA-256 in hexadecimal digits.
    #[error("body.details_hash is not a SHA-256 hash of 64 hexadecimal digits")]
    DetailsHash,
    /// Protocol 4: the state requires a time.
    #[error("the state {state} requires {member}")]
    StateRequires {
        /// Its word, such as `shipped`.
        state: &'static str,
        /// What is missing, within the body: `ship.actual`.
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
            return unknown("body.state", s);
        }
        (Kind::DeliveryStatus, Some(s)) if s.parse::<DeliveryState>().is_err() => {
            return unknown("body.state", s);
        }
        (Kind::PaymentStatus, Some(s)) if s.parse::<PaymentState>().is_err() => {
            return unknown("body.state", s);
        }
        _ => {}
    }
    let (at, wishes) = match kind {
        Kind::Notify => ("body.on", body.get("on")),
        Kind::Order | Kind::PaymentInstruction | Kind::DeliveryInstruction => (
            "body.notify.on",
            body.get("notify").and_then(|notify| notify.get("on")),
        ),
        // Elsewhere these names are members that the reader does not know.
        Kind::TradeRecord
        | Kind::OrderRejected
        | Kind::Confirm
        | Kind::Cancel
        | Kind::Return
        | Kind::ReturnDecision
        | Kind::StatusRequest
        | Kind::UnknownTrade
        | Kind::OrderStatus
        | Kind::DeliveryStatus
        | Kind::PaymentStatus
        | Kind::Authorize
        | Kind::Authorization
        | Kind::Refund
        | Kind::Recall => return Ok(()),
    };
    wishes
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|word| word.parse::<Wish>().is_err())
        .map_or(Ok(()), |word| unknown(at, word))
}

pub(super) fn check(s: &Statement) -> Result<(), RuleError> {
    check_needs(s)?;
    check_request(s)?;
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

/// Protocol 1: in a statement from a buyer, the address in the request id must be the sender's.
/// Not of `notify`: protocol 3 lets the address named for notices consent by it, and whether the
/// sender is that address or the buyer only the server knows.
fn check_request(s: &Statement) -> Result<(), RuleError> {
    let from_a_buyer = matches!(
        s.body.kind(),
        Kind::Order | Kind::Confirm | Kind::Cancel | Kind::Return | Kind::StatusRequest
    );
    match &s.request {
        Some(request) if from_a_buyer && *request.buyer() != s.from => {
            Err(RuleError::RequestOfAnother {
                of: request.buyer().clone(),
                from: s.from.clone(),
            })
        }
        Some(_) | None => Ok(()),
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
    match &order.details_hash {
        Some(hash) if !is_hex(hash, &[64]) => Err(RuleError::DetailsHash),
        Some(_) | None => Ok(()),
    }
}

/// Protocol 3: each of them may speak about the trade, so a reader keeps all that any version names.
pub const MOST_CARRIERS: usize = 32;

/// A record's currencies and sum are judged (protocol 5, line 11), not refused here.
fn check_record(record: &TradeRecord) -> Result<(), RuleError> {
    let carriers = record.delivery.carriers.len();
    if carriers > MOST_CARRIERS {
        return Err(RuleError::Carriers(carriers));
    }
    if record.lines.is_empty() {
        return Err(RuleError::NoLines);
    }
    if record.hub.is_none() && record.buyer.is_none() {
        return Err(RuleError::NoBuyer);
    }
    if record.payment.method == PaymentMethod::Nothing && !record.total.is_zero() {
        return Err(RuleError::PaidByNothing(record.total));
    }
    for (address, fingerprint) in record.keys.iter().flatten() {
        if !is_hex(fingerprint, &[40, 64]) {
            return Err(RuleError::Fingerprint(address.clone()));
        }
    }
    Ok(())
}

/// A map keyed by address keeps the last of two spellings of one; which of two keys counts must
/// not depend on that.
pub(super) fn check_keys(body: &Body, value: &Value) -> Result<(), RuleError> {
    let Body::TradeRecord(record) = body else {
        return Ok(());
    };
    let written = value.get("keys").and_then(Value::as_object).map(Map::len);
    if record.keys.as_ref().map(BTreeMap::len) == written {
        Ok(())
    } else {
        Err(RuleError::TwoKeys)
    }
}

fn is_hex(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
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
