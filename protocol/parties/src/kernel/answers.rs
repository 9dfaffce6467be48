//! What any role says to whom it has nothing else to say, and what is answered at all.

use tradepost_statements::order::{OrderRejected, RejectionReason};
use tradepost_statements::{Body, Kind, Statement};

use super::case::{Naming, PartyCase};
use super::change::{Ignored, PartyOutcome};

/// The same answer whether no such trade exists or it is somebody else's.
pub(crate) fn unknown_trade(case: &mut PartyCase<'_>, statement: &Statement) -> PartyOutcome {
    let naming = Naming {
        trade: None,
        request: statement
            .request
            .clone()
            .filter(|r| *r.buyer() == statement.from),
        answers: Some(statement.id),
    };
    case.say(&statement.from, naming, Body::UnknownTrade, None);
    PartyOutcome::UnknownTrade(statement.from.clone())
}

/// The rejection of an order, as a new statement.
pub(crate) fn rejection(reason: RejectionReason, text: &str) -> Body {
    Body::OrderRejected(OrderRejected {
        reason,
        text: text.to_owned(),
    })
}

/// Where this server is not what the statement is for.
pub(crate) fn not_for_us(statement: &Statement) -> PartyOutcome {
    Ignored::NotForThisServer(statement.body.kind()).into()
}

/// Whether statements of a kind are answered (protocol 3, "What answers what").
pub(crate) fn is_a_request(kind: Kind) -> bool {
    match kind {
        Kind::Order
        | Kind::Confirm
        | Kind::Cancel
        | Kind::Return
        | Kind::StatusRequest
        | Kind::Notify
        | Kind::Authorize
        | Kind::PaymentInstruction
        | Kind::DeliveryInstruction
        | Kind::Refund
        | Kind::Recall => true,
        Kind::TradeRecord
        | Kind::OrderRejected
        | Kind::ReturnDecision
        | Kind::UnknownTrade
        | Kind::OrderStatus
        | Kind::DeliveryStatus
        | Kind::PaymentStatus
        | Kind::Authorization => false,
    }
}
