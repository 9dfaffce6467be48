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

use super::order::{TakenOrder, make, reject};
use super::{charge, shortened};
use crate::kernel::answers::not_for_us;
use crate::kernel::book::{self, Approved, KeptWishes, OrderRequest, SentToParty};
use crate::kernel::{Ignored, PartyCase, PartyOutcome};

/// An order whose payment is being authorized, and one whose authorization is being voided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Authorizing {
    /// The name that the trade will have.
    pub(crate) trade: TradeRef,
    processor: Address,
    /// The total that it was asked to authorize, and is to void whole.
    amount: Amount,
    /// What was told to the payment processor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    told: Vec<SentToParty>,
    /// The order; none: it is rejected, and what was authorized is to be voided.
    order: Option<TakenOrder>,
}

/// The order that waits for the authorization of its payment, as its request says.
pub(crate) fn authorizing(case: &PartyCase<'_>, entry: &OrderRequest) -> Option<Authorizing> {
    let row: Authorizing = case.read(&book::authorizing_key(entry.authorizing.as_ref()?))?;
    row.order.is_some().then_some(row)
}

/// Whether a trade of that id is being authorized.
pub(super) fn has(case: &PartyCase<'_>, id: &TradeId) -> bool {
    case.read::<Authorizing>(&book::authorizing_key(id))
        .is_some()
}

/// Whether an order waits under that name.
pub(crate) fn order_waits(rows: &dyn tradepost_trades::rows::Rows, id: &TradeId) -> bool {
    book::read::<Authorizing>(rows, &book::authorizing_key(id)).is_some_and(|r| r.order.is_some())
}

/// Asks the payment processor; the order waits for the answer.
pub(super) fn first(case: &mut PartyCase<'_>, taken: TakenOrder, name: TradeRef) -> PartyOutcome {
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
    let body = Body::Authorize(Box::new(wanted));
    let id = case.ask_until_answered(&processor, &name, body, None);
    row.told.push(SentToParty {
        id,
        kind: Kind::Authorize,
        to: processor,
    });
    let entry = OrderRequest {
        answer: None,
        trade: None,
        authorizing: Some(name.id.clone()),
        cancelled_until: None,
        repeated: Vec::new(),
    };
    case.put(book::request_key(&taken.request), &entry);
    row.order = Some(taken);
    case.put(book::authorizing_key(&name.id), &row);
    let until = case.now.plus(case.settings.timers.authorization);
    case.due_at(until, &format!("auth/{}", name.id));
    PartyOutcome::AuthorizationAwaited(name.id)
}

fn decide(
    case: &mut PartyCase<'_>,
    taken: TakenOrder,
    name: TradeRef,
    answer: &Authorization,
) -> PartyOutcome {
    if answer.approved {
        let approved = Approved {
            until: answer.until,
        };
        return make(case, taken, name, Some(approved));
    }
    let text = match &answer.text {
        Some(why) => format!("The payment was declined: {}", shortened(why)),
        None => "The payment was declined.".to_owned(),
    };
    reject_taken(case, &taken, RejectionReason::Declined, &text)
}

fn reject_taken(
    case: &mut PartyCase<'_>,
    taken: &TakenOrder,
    reason: RejectionReason,
    text: &str,
) -> PartyOutcome {
    let answered = (&taken.buyer_mail, Some(taken.statement));
    reject(case, answered, &taken.request, reason, text)
}

/// `authorization`: the answer to what was asked.
pub(crate) fn authorization(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    answer: &Authorization,
) -> PartyOutcome {
    if case.settings.shop.is_none() {
        return not_for_us(statement);
    }
    let Some(name) = &statement.trade else {
        return not_for_us(statement);
    };
    let row = own_row(case, name);
    let told = match &row {
        Some(row) => row.told.clone(),
        None => match case.trade(name).and_then(|t| t.shop) {
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
        Some(asked) => case.delete(book::waiting_key(asked.id)),
    }
    authorization_came(case, name, answer)
}

fn own_row(case: &PartyCase<'_>, name: &TradeRef) -> Option<Authorizing> {
    let row: Authorizing = case.read(&book::authorizing_key(&name.id))?;
    (row.trade == *name).then_some(row)
}

/// The payment processor has decided.
fn authorization_came(
    case: &mut PartyCase<'_>,
    name: &TradeRef,
    answer: &Authorization,
) -> PartyOutcome {
    let Some(mut row) = own_row(case, name) else {
        return charge::authorized_again(case, name, answer);
    };
    let key = book::authorizing_key(&name.id);
    match row.order.take() {
        Some(taken) => {
            case.delete(key);
            decide(case, taken, name.clone(), answer)
        }
        // Too late: the order is rejected, and the refund that voids it is on its way.
        None if answer.approved => heard(&row),
        // There is nothing to void.
        None => {
            forget(case, &row);
            heard(&row)
        }
    }
}

fn heard(row: &Authorizing) -> PartyOutcome {
    PartyOutcome::Heard {
        kind: Kind::Authorization,
        from: row.processor.clone(),
        trade: row.trade.clone(),
    }
}

fn forget(case: &mut PartyCase<'_>, row: &Authorizing) {
    for told in &row.told {
        case.delete(book::waiting_key(told.id));
    }
    case.delete(book::authorizing_key(&row.trade.id));
}

/// `cancel` by request: no trade is made, and what was authorized is voided.
pub(super) fn withdraw(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    row: Authorizing,
) -> PartyOutcome {
    let Some(request) = row.order.as_ref().map(|t| t.request.clone()) else {
        return Ignored::NothingDue.into();
    };
    let answered = (&statement.from, Some(statement.id));
    let reason = RejectionReason::CancelledByBuyer;
    let text = "You cancelled this order; no trade was made of it.";
    let outcome = reject(case, answered, &request, reason, text);
    void(case, row, "The buyer cancelled the order.");
    outcome
}

/// Nobody answered in time (protocol 7): the order is rejected.
pub(crate) fn not_authorized(case: &mut PartyCase<'_>, id: &TradeId) -> Option<PartyOutcome> {
    let row: Authorizing = case.read(&book::authorizing_key(id))?;
    let taken = row.order.clone()?;
    let text = "The payment could not be authorized in time. Nothing was charged; please order again later.";
    let _ = reject_taken(case, &taken, RejectionReason::Declined, text);
    let processor = row.processor.clone();
    let trade = row.trade.clone();
    void(
        case,
        row,
        "No authorization came in time; the order was rejected.",
    );
    let text = format!(
        "{processor} did not authorize the payment in time, so the order was rejected: see whether it works"
    );
    Some(PartyOutcome::OperatorActs { trade, text })
}

/// The question goes on being asked beside the refund: its answer tells whether there was anything
/// to void, and until it came the refund is only a mark (protocol 3, "Overtaking").
fn void(case: &mut PartyCase<'_>, mut row: Authorizing, why: &str) {
    row.order = None;
    let refund = Refund {
        amount: row.amount,
        refunded: row.amount,
        text: Some(why.to_owned()),
    };
    let body = Body::Refund(refund);
    let to = row.processor.clone();
    let id = case.ask_until_answered(&to, &row.trade, body, None);
    row.told.push(SentToParty {
        id,
        kind: Kind::Refund,
        to,
    });
    case.put(book::authorizing_key(&row.trade.id), &row);
}

/// `payment-status` about a trade that was never made: the answer to the refund.
pub(super) fn voided(case: &mut PartyCase<'_>, statement: &Statement) -> Option<PartyOutcome> {
    let row = own_row(case, statement.trade.as_ref()?)?;
    let answered = row
        .told
        .iter()
        .find(|t| Some(t.id) == statement.answers && t.to == statement.from)?;
    if answered.kind != Kind::Refund {
        return None;
    }
    forget(case, &row);
    Some(PartyOutcome::Heard {
        kind: statement.body.kind(),
        from: row.processor,
        trade: row.trade,
    })
}

/// `notify` by request before there is a trade (Q5): the wishes wait with the order.
pub(crate) fn wish_early(
    case: &mut PartyCase<'_>,
    mut row: Authorizing,
    wishes: &Wishes,
    sent: Time,
) -> PartyOutcome {
    let id = row.trade.id.clone();
    if let Some(taken) = &mut row.order
        && taken.wishes.as_ref().is_none_or(|k| k.sent <= sent)
    {
        taken.wishes = Some(KeptWishes {
            wishes: wishes.clone(),
            sent,
        });
        case.put(book::authorizing_key(&id), &row);
    }
    PartyOutcome::AuthorizationAwaited(id)
}

/// An order that waits, as an operator is shown it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaitingOrder {
    /// The name that the trade will have.
    pub id: TradeId,
    /// The address that the order came from, and its answer goes to.
    pub buyer: Address,
    /// The order's request id (Q1), to which there is no answer yet.
    pub request: RequestId,
    /// Who was asked to authorize the payment.
    pub processor: Address,
    /// The total that is being authorized.
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
