//! Orders whose payment is authorized before there is a trade (E3).
//!
//! ```text
//! order ─► Authorizing ─┬─ approved ──► the trade
//!                       ├─ declined ──► order-rejected, `declined`
//!                       ├─ `cancel` ──► order-rejected, `cancelled-by-buyer` ─┐
//!                       └─ nothing ───► order-rejected, `declined` ───────────┴─► voided by `refund`
//! ```
//!
//! The name of the trade is chosen with the question, since `authorize` names it; the buyer learns
//! it only with the record.

use serde::{Deserialize, Serialize};
use tradepost_statements::instruction::{Authorization, Authorize, Refund};
use tradepost_statements::order::RejectionReason;
use tradepost_statements::wish::Wishes;
use tradepost_statements::{
    Address, Amount, Body, Kind, RequestId, Statement, Time, TradeId, TradeRef,
};

use super::charge::{self, Approved};
use super::order::{Taken, make, reject};
use super::shortened;
use crate::payment;
use crate::server::ask::not_for_us;
use crate::server::book::{self, KeptWishes, Request, Told};
use crate::server::{Desk, Ignored, Outcome};

/// An order whose payment is being authorized, and one whose authorization is being voided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Authorizing {
    /// The name that the trade will have.
    pub(crate) trade: TradeRef,
    /// Who was asked.
    processor: Address,
    /// How much.
    amount: Amount,
    /// What was told to the payment processor; nothing where this server is that itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    told: Vec<Told>,
    /// The order; none: it is rejected, and what was authorized is to be voided.
    order: Option<Taken>,
}

/// The order that waits for the authorization of its payment, as its request says.
pub(crate) fn authorizing(desk: &Desk<'_>, entry: &Request) -> Option<Authorizing> {
    let row: Authorizing = desk.read(&book::authorizing_key(entry.authorizing.as_ref()?))?;
    row.order.is_some().then_some(row)
}

/// Whether a trade of that id is being authorized.
pub(super) fn has(desk: &Desk<'_>, id: &TradeId) -> bool {
    desk.read::<Authorizing>(&book::authorizing_key(id))
        .is_some()
}

/// Whether an order waits under that name.
pub(crate) fn order_waits(rows: &dyn tradepost_trades::rows::Rows, id: &TradeId) -> bool {
    book::read::<Authorizing>(rows, &book::authorizing_key(id)).is_some_and(|r| r.order.is_some())
}

/// Asks the payment processor; the order waits for the answer.
pub(super) fn first(desk: &mut Desk<'_>, taken: Taken, name: TradeRef) -> Outcome {
    let record = &taken.record;
    let wanted = Authorize {
        amount: record.total,
        method: record.payment.method,
        reference: taken.reference.clone(),
        buyer: record.buyer.clone(),
        buyer_mail: taken.buyer_mail.clone(),
    };
    let processor = record.payment.processor.clone();
    let mut row = Authorizing {
        trade: name.clone(),
        processor: processor.clone(),
        amount: record.total,
        told: Vec::new(),
        order: None,
    };
    if processor == desk.settings.address {
        if let Some(answer) = payment::authorize_here(desk, &name, &wanted) {
            return decide(desk, taken, name, &answer);
        }
    } else {
        let body = Body::Authorize(Box::new(wanted));
        let id = desk.ask_until_answered(&processor, &name, body, None);
        row.told.push(Told {
            id,
            kind: Kind::Authorize,
            to: processor,
        });
    }
    let entry = Request {
        answer: None,
        trade: None,
        authorizing: Some(name.id.clone()),
        cancelled_until: None,
        repeated: Vec::new(),
    };
    desk.put(book::request_key(&taken.request), &entry);
    row.order = Some(taken);
    desk.put(book::authorizing_key(&name.id), &row);
    let until = desk.now.plus(desk.settings.timers.authorization);
    desk.due_at(until, &format!("auth/{}", name.id));
    Outcome::AuthorizationAwaited(name.id)
}

fn decide(desk: &mut Desk<'_>, taken: Taken, name: TradeRef, answer: &Authorization) -> Outcome {
    if answer.approved {
        let approved = Approved {
            until: answer.until,
        };
        return make(desk, taken, name, Some(approved));
    }
    let text = match &answer.text {
        Some(why) => format!("The payment was declined: {}", shortened(why)),
        None => "The payment was declined.".to_owned(),
    };
    reject_taken(desk, &taken, RejectionReason::Declined, &text)
}

fn reject_taken(
    desk: &mut Desk<'_>,
    taken: &Taken,
    reason: RejectionReason,
    text: &str,
) -> Outcome {
    let answered = (&taken.buyer_mail, Some(taken.statement));
    reject(desk, answered, &taken.request, reason, text)
}

/// `authorization` of another server.
pub(crate) fn authorization(
    desk: &mut Desk<'_>,
    statement: &Statement,
    answer: &Authorization,
) -> Outcome {
    if desk.settings.shop.is_none() {
        return not_for_us(statement);
    }
    let Some(name) = &statement.trade else {
        return not_for_us(statement);
    };
    let row = own_row(desk, name);
    let told = match &row {
        Some(row) => row.told.clone(),
        None => match desk.trade(name).and_then(|t| t.shop) {
            Some(shop) => shop.told,
            None => return Ignored::NoSuchTrade(name.to_string()).into(),
        },
    };
    let asked = told
        .iter()
        .find(|t| Some(t.id) == statement.answers && t.kind == Kind::Authorize);
    match asked {
        None => return Ignored::AnswersNothing.into(),
        Some(asked) if asked.to != statement.from => {
            return Ignored::SenderIsNoPartyOfTheTrade {
                from: statement.from.to_string(),
                trade: name.to_string(),
            }
            .into();
        }
        // Protocol 7: it has answered; it is not asked again.
        Some(asked) => desk.delete(book::waiting_key(asked.id)),
    }
    authorization_came(desk, name, answer)
}

fn own_row(desk: &Desk<'_>, name: &TradeRef) -> Option<Authorizing> {
    let row: Authorizing = desk.read(&book::authorizing_key(&name.id))?;
    (row.trade == *name).then_some(row)
}

/// The payment processor has decided; its operator, where this server is that itself (E27).
pub(crate) fn authorization_came(
    desk: &mut Desk<'_>,
    name: &TradeRef,
    answer: &Authorization,
) -> Outcome {
    let Some(mut row) = own_row(desk, name) else {
        return charge::authorized_again(desk, name, answer);
    };
    let key = book::authorizing_key(&name.id);
    match row.order.take() {
        Some(taken) => {
            desk.delete(key);
            decide(desk, taken, name.clone(), answer)
        }
        // Too late: the order is rejected, and the refund that voids it is on its way.
        None if answer.approved => heard(&row),
        // There is nothing to void.
        None => {
            forget(desk, &row);
            heard(&row)
        }
    }
}

fn heard(row: &Authorizing) -> Outcome {
    Outcome::Heard {
        kind: Kind::Authorization,
        from: row.processor.clone(),
        trade: row.trade.clone(),
    }
}

fn forget(desk: &mut Desk<'_>, row: &Authorizing) {
    for told in &row.told {
        desk.delete(book::waiting_key(told.id));
    }
    desk.delete(book::authorizing_key(&row.trade.id));
}

/// `cancel` by request: no trade is made, and what was authorized is voided.
pub(super) fn withdraw(desk: &mut Desk<'_>, statement: &Statement, row: Authorizing) -> Outcome {
    let Some(request) = row.order.as_ref().map(|t| t.request.clone()) else {
        return Ignored::NothingDue.into();
    };
    let answered = (&statement.from, Some(statement.id));
    let reason = RejectionReason::CancelledByBuyer;
    let text = "You cancelled this order; no trade was made of it.";
    let outcome = reject(desk, answered, &request, reason, text);
    void(desk, row, "The buyer cancelled the order.");
    outcome
}

/// Nobody answered in time (protocol 7): the order is rejected.
pub(crate) fn not_authorized(desk: &mut Desk<'_>, id: &TradeId) -> Option<Outcome> {
    let row: Authorizing = desk.read(&book::authorizing_key(id))?;
    let taken = row.order.clone()?;
    let text = "The payment could not be authorized in time. Nothing was charged; please order again later.";
    let _ = reject_taken(desk, &taken, RejectionReason::Declined, text);
    let processor = row.processor.clone();
    let trade = row.trade.clone();
    void(
        desk,
        row,
        "No authorization came in time; the order was rejected.",
    );
    let text = format!(
        "{processor} did not authorize the payment in time, so the order was rejected: see whether it works"
    );
    Some(Outcome::OperatorActs { trade, text })
}

/// The question goes on being asked beside the refund: its answer tells whether there was anything
/// to void, and until it came the refund is only a mark (protocol 3, "Overtaking").
fn void(desk: &mut Desk<'_>, mut row: Authorizing, why: &str) {
    row.order = None;
    if row.processor == desk.settings.address {
        payment::call_off_authorization(desk, &row.trade);
        return forget(desk, &row);
    }
    let refund = Refund {
        amount: row.amount,
        refunded: row.amount,
        text: Some(why.to_owned()),
    };
    let body = Body::Refund(refund);
    let to = row.processor.clone();
    let id = desk.ask_until_answered(&to, &row.trade, body, None);
    row.told.push(Told {
        id,
        kind: Kind::Refund,
        to,
    });
    desk.put(book::authorizing_key(&row.trade.id), &row);
}

/// `payment-status` about a trade that was never made: the answer to the refund.
pub(super) fn voided(desk: &mut Desk<'_>, statement: &Statement) -> Option<Outcome> {
    let row = own_row(desk, statement.trade.as_ref()?)?;
    let answered = row
        .told
        .iter()
        .find(|t| Some(t.id) == statement.answers && t.to == statement.from)?;
    if answered.kind != Kind::Refund {
        return None;
    }
    forget(desk, &row);
    Some(Outcome::Heard {
        kind: statement.body.kind(),
        from: row.processor,
        trade: row.trade,
    })
}

/// `notify` by request before there is a trade (Q5): the wishes wait with the order.
pub(crate) fn wish_early(
    desk: &mut Desk<'_>,
    mut row: Authorizing,
    wishes: &Wishes,
    sent: Time,
) -> Outcome {
    let id = row.trade.id.clone();
    if let Some(taken) = &mut row.order
        && taken.wishes.as_ref().is_none_or(|k| k.sent <= sent)
    {
        taken.wishes = Some(KeptWishes {
            wishes: wishes.clone(),
            sent,
        });
        desk.put(book::authorizing_key(&id), &row);
    }
    Outcome::AuthorizationAwaited(id)
}

/// An order that waits, as an operator is shown it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaitingOrder {
    /// The name that the trade will have.
    pub id: TradeId,
    /// Whose it is.
    pub buyer: Address,
    /// Its request.
    pub request: RequestId,
    /// Who was asked to authorize the payment.
    pub processor: Address,
    /// How much.
    pub total: Amount,
}

/// The orders that wait for the authorization of their payment, at most `limit`.
#[must_use]
pub fn waiting_orders(rows: &dyn tradepost_trades::rows::Rows, limit: usize) -> Vec<WaitingOrder> {
    let prefix = b"s/v/";
    rows.scan_from(prefix, prefix, limit)
        .iter()
        .filter_map(|(_, value)| {
            let row: Authorizing = book::from_row(value);
            let taken = row.order?;
            Some(WaitingOrder {
                id: row.trade.id,
                buyer: taken.buyer_mail,
                request: taken.request,
                processor: row.processor,
                total: row.amount,
            })
        })
        .collect()
}
