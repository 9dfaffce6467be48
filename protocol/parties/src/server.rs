//! What a server does about a letter: a shop, a carrier, a payment processor, or several of these
//! in one (E27). Pure: the state is read through [`Rows`], and a [`PartyChange`] says what to record and
//! what to send.
//!
//! ```text
//! letter ─► receive ─► judge (protocol 5, as for servers) ─► shop | carrier | payment ─► Change
//! line   ─► crate::emit ──────────────────────────────────────────────────────────────► Change
//! time   ─► due::tick ────────────────────────────────────────────────────────────────► Change
//! DNS    ─► held::proven_again ───────────────────────────────────────────────────────► Change
//! a job of the merchant's own system ─► job::done ─────────────────────────────────────► Change
//! ```
//!
//! It does not know how letters travel, and it decides nothing about the buyer's side.

pub mod ask;
pub mod book;
pub(crate) mod case;
pub mod change;
pub mod due;
pub mod held;
pub mod ids;
pub mod job;
pub(crate) mod judge;
pub mod readdress;
pub mod settings;
pub mod track;
pub mod view;

pub use change::{Ignored, Occasion, PartyChange, PartyOutcome, PersonNotice, StatementToSend};
pub use ids::FreshIds;
pub use settings::{PartySettings, PartyTimers};

pub(crate) use case::PartyCase;

use tradepost_statements::{Body, Kind, Statement, Time};

use crate::{carrier, payment, shop};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Rows;

/// Decides about one letter.
pub fn receive(
    settings: &PartySettings,
    rows: &dyn Rows,
    letter: &Received,
    now: Time,
    ids: &mut FreshIds,
) -> PartyChange {
    let mut case = PartyCase::new(settings, rows, now, ids);
    let outcome = judge::judge(&mut case, letter);
    case.finish(outcome)
}

/// Decides about a statement whose sender is proven and that is new (protocol 5, line 9 on).
fn decide(case: &mut PartyCase<'_>, statement: &Statement) -> PartyOutcome {
    if statement.answers.is_some() && is_a_request(statement.body.kind()) {
        // Protocol 3: a statement that has `answers` is never answered.
        return Ignored::AnswersNothing.into();
    }
    match &statement.body {
        Body::Order(order) => shop::order(case, statement, order),
        Body::Confirm(confirm) => shop::confirm(case, statement, confirm),
        Body::Cancel(cancel) => shop::cancel(case, statement, cancel),
        Body::Return(wish) => shop::give_back(case, statement, wish),
        Body::StatusRequest => ask::status_request(case, statement),
        Body::Notify(wishes) => ask::notify(case, statement, wishes),
        Body::DeliveryInstruction(instruction) => carrier::instructed(case, statement, instruction),
        Body::Recall(recall) => carrier::recalled(case, statement, recall),
        Body::PaymentInstruction(instruction) => payment::instructed(case, statement, instruction),
        Body::Authorize(wanted) => payment::authorize(case, statement, wanted),
        Body::Refund(refund) => payment::refund(case, statement, refund),
        Body::DeliveryStatus(status) => shop::heard_of_delivery(case, statement, status),
        Body::PaymentStatus(status) => shop::heard_of_payment(case, statement, status),
        Body::Authorization(answer) => shop::authorization(case, statement, answer),
        // What servers say to buyers.
        Body::TradeRecord(_)
        | Body::OrderRejected(_)
        | Body::ReturnDecision(_)
        | Body::UnknownTrade
        | Body::OrderStatus(_) => Ignored::NotForThisServer(statement.body.kind()).into(),
    }
}

/// Whether statements of a kind are answered (protocol 3, "What answers what").
fn is_a_request(kind: Kind) -> bool {
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
