//! The roles of one server together (E27): which of them a statement is for, and the entries of this
//! crate, one for each thing that can happen.
//!
//! ```text
//! letter ─► receive ─► judge (protocol 5, as for servers) ─► shop | carrier | payment ─► PartyChange
//! line   ─► lines::emit ───────────────────────────────────────────────────────────────► PartyChange
//! time   ─► due::tick ─────────────────────────────────────────────────────────────────► PartyChange
//! DNS    ─► proven_again ──────────────────────────────────────────────────────────────► PartyChange
//! a job of the merchant's own system ─► jobs::done ────────────────────────────────────► PartyChange
//! ```
//!
//! Another role, such as a hub (protocol 8), is one more module beside `shop`, `carrier` and `payment`:
//! its kinds of statements go to it in [`decide`], what it waits for in [`due`], its settings are one
//! more of [`PartySettings`], and what it keeps of a trade one more part of the book's trade.

pub(crate) mod ask;
pub mod due;
pub mod jobs;
pub mod lines;

use tradepost_statements::{Body, Statement, Time};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Rows;

use crate::kernel::answers::is_a_request;
use crate::kernel::judge::{self, JudgedLetter};
use crate::kernel::{
    Ignored, PartyCase, PartyChange, PartyOutcome, PartyRule, PartySettings, RULES, held,
};
use crate::{carrier, fulfilment, payment, shop};
use tradepost_trades::ids::FreshIds;

/// Decides about one letter: judges it (protocol 5), and has its role do what it asks.
pub fn receive(
    settings: &PartySettings,
    rows: &dyn Rows,
    letter: &Received,
    now: Time,
    ids: &mut FreshIds,
) -> PartyChange {
    receive_by(RULES, settings, rows, letter, now, ids)
}

/// Decides about one letter by these rows of the table alone. A server takes all of [`RULES`], by
/// [`receive`]; this shows what each row is there for.
#[doc(hidden)]
pub fn receive_by(
    rules: &[PartyRule],
    settings: &PartySettings,
    rows: &dyn Rows,
    letter: &Received,
    now: Time,
    ids: &mut FreshIds,
) -> PartyChange {
    let mut case = PartyCase::judging_by(rules, settings, rows, now, ids);
    let judged = judge::judge(&mut case, letter);
    let outcome = take(&mut case, judged);
    finish(case, outcome)
}

/// Decides about a letter that waited, after it was proven again: judges it, or lets it wait on
/// while DNS still does not answer and protocol 5's time is not over.
pub fn proven_again(
    settings: &PartySettings,
    rows: &dyn Rows,
    letter: &Received,
    now: Time,
    ids: &mut FreshIds,
) -> PartyChange {
    let mut case = PartyCase::new(settings, rows, now, ids);
    let judged = held::proven_again(&mut case, letter);
    let outcome = take(&mut case, judged);
    finish(case, outcome)
}

/// Has a new statement decided; of any other letter, the judgement has said all.
fn take(case: &mut PartyCase<'_>, judged: JudgedLetter) -> PartyOutcome {
    match judged {
        JudgedLetter::Over(outcome) => outcome,
        JudgedLetter::New(new) => {
            let outcome = decide(case, new.statement());
            let outcome = settle(case, outcome);
            new.remember(case);
            outcome
        }
    }
}

/// Ends a step of a decision. What one role of this server said to another is delivered, in its order and
/// with what is answered to it, until nobody says anything more (E27); and the merchant's own system is
/// told of each trade that was saved, so that no way of changing one can forget it.
fn settle(case: &mut PartyCase<'_>, mut outcome: PartyOutcome) -> PartyOutcome {
    loop {
        for trade in case.take_saved() {
            fulfilment::look_at(case, &trade);
        }
        let Some(statement) = case.next_to_ourselves() else {
            return outcome;
        };
        let later = decide(case, &statement);
        outcome = with(outcome, &statement, later);
    }
}

/// The outcome of a decision in which one role heard another: that of its cause, unless what came of
/// it is what was waited for, or something that only the operator can set right.
fn with(outcome: PartyOutcome, said: &Statement, later: PartyOutcome) -> PartyOutcome {
    let is_what_was_waited_for = matches!(
        (&outcome, &later),
        (
            PartyOutcome::AuthorizationAwaited(_),
            PartyOutcome::TradeMade(_) | PartyOutcome::OrderRejected { .. }
        ) | (PartyOutcome::WasDue(_), PartyOutcome::OperatorActs { .. })
    );
    if is_what_was_waited_for {
        return later;
    }
    let kind = said.body.kind();
    if let (PartyOutcome::Ignored(why), Some(trade), true) =
        (later, &said.trade, is_a_request(kind))
    {
        // To another server it would be sent again, and the operator be told at last.
        return PartyOutcome::OperatorActs {
            trade: trade.clone(),
            text: format!("this server does not take its own {kind}: {why}"),
        };
    }
    outcome
}

fn finish(mut case: PartyCase<'_>, outcome: PartyOutcome) -> PartyChange {
    let outcome = settle(&mut case, outcome);
    case.finish(outcome)
}

/// Decides about a statement that no row of the judgement stopped, or that a role of this server said.
fn decide(case: &mut PartyCase<'_>, statement: &Statement) -> PartyOutcome {
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
