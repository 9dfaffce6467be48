//! `order`: a trade, or a rejection; the same request never makes two (Q8).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::order::{Order, PaymentMethod, Reference, RejectionReason};
use tradepost_statements::record::{
    RecordCarrier, RecordDelivery, RecordPayment, TradeRecord, Version,
};
use tradepost_statements::{
    Address, Amount, OrderState, RequestId, Statement, StatementId, TradeId, TradeRef,
};

use super::instruct::instruct;
use super::{advance, authorize, charge, fits, say_record, shortened, tell_order};
use crate::kernel::answers::{not_for_us, rejection, unknown_trade};
use crate::kernel::book::{
    self, Approved, Instructed, KeptWishes, OrderRequest, PartyTrade, ShopPart,
};
use crate::kernel::case::{AskedBy, Naming, may_repeat};
use crate::kernel::settings::{Charge, DeliveryProcedure, PaymentProcedure, ShopSettings};
use crate::kernel::{Ignored, Occasion, PartyCase, PartyOutcome};

/// Protocol 3: an order that was sent longer ago is refused.
const OLDEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// An order that the shop takes, before there is a trade of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TakenOrder {
    /// Its id (Q1).
    pub(crate) request: RequestId,
    /// The statement that is answered.
    pub(crate) statement: StatementId,
    pub(crate) buyer_mail: Address,
    /// What the buyer wants to be told of (Q7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wishes: Option<KeptWishes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<Reference>,
    pub(crate) charge: Charge,
    /// What the record will say; `placed` and `confirm_by` are set when the trade is made.
    pub(crate) record: TradeRecord,
}

pub(crate) fn order(
    case: &mut PartyCase<'_>,
    statement: &Statement,
    order: &Order,
) -> PartyOutcome {
    let Some(settings) = &case.settings.shop else {
        return not_for_us(statement);
    };
    let Some(request) = &statement.request else {
        return unknown_trade(case, statement);
    };
    let rejected = |case: &mut PartyCase<'_>, reason, text: &str| {
        let answered = (&statement.from, Some(statement.id));
        reject(case, answered, request, reason, text)
    };
    let known = book::by_request(case.rows(), request);
    if let Some(entry) = known {
        if entry.answer.is_some() {
            return answer_again(case, request, entry);
        }
        if let Some(id) = entry.authorizing {
            // Q8: it gets its answer once there is one.
            return PartyOutcome::AuthorizationAwaited(id);
        }
        if entry.cancelled_until.is_some_and(|until| case.now <= until) {
            let text = "You cancelled this order before it arrived here.";
            return rejected(case, RejectionReason::CancelledByBuyer, text);
        }
    }
    if case.now.since(statement.sent) > OLDEST {
        let text = "This order was sent more than 30 days ago. Please order again.";
        return rejected(case, RejectionReason::InvalidOrder, text);
    }
    let accepted = match examine(settings, order) {
        Ok(accepted) => accepted,
        Err((reason, text)) => return rejected(case, reason, &text),
    };
    let record = record(case, settings, order, &accepted);
    if !fits(case, &statement.from, Some(request), &record) {
        let text = "The order is so long that its record would be too long for a letter. Please make several orders of it.";
        return rejected(case, RejectionReason::InvalidOrder, text);
    }
    let taken = TakenOrder {
        request: request.clone(),
        statement: statement.id,
        buyer_mail: statement.from.clone(),
        wishes: order.notify.as_ref().map(|wishes| KeptWishes {
            wishes: wishes.clone(),
            sent: statement.sent,
        }),
        reference: order.payment.reference.clone(),
        charge: accepted.payment.charge,
        record,
    };
    let authorize = accepted.payment.authorize;
    let name = new_name(case);
    if authorize {
        authorize::first(case, taken, name)
    } else {
        make(case, taken, name, None)
    }
}

/// Q8: "an order whose request id is known is answered with the stored answer, whatever it says".
fn answer_again(
    case: &mut PartyCase<'_>,
    request: &RequestId,
    mut entry: OrderRequest,
) -> PartyOutcome {
    if !may_repeat(&mut entry.repeated, case.now) {
        return Ignored::RepeatedOftenEnough(entry.repeated.len()).into();
    }
    if let Some(octets) = &entry.answer {
        case.say_again(octets, Occasion::Answer);
    }
    case.put(book::request_key(request), &entry);
    PartyOutcome::AnswerRepeated
}

/// A record says what the order says and a little more; both must fit into one statement of at
/// most 256 KiB (protocol 2).
const LONGEST_ORDER: usize = 224 * 1024;

fn is_too_long_to_record(order: &Order) -> bool {
    serde_json::to_string(order).map_or(0, |text| text.len()) > LONGEST_ORDER
}

/// What an order that is accepted comes to.
struct Accepted<'s> {
    total: Amount,
    payment: &'s PaymentProcedure,
    delivery: &'s DeliveryProcedure,
}

/// Whether the shop makes a trade of it, in an order that a buyer can act on: first whether the
/// order is an order, then whether the shop has the goods, then whether it offers the methods.
fn examine<'s>(
    settings: &'s ShopSettings,
    order: &Order,
) -> Result<Accepted<'s>, (RejectionReason, String)> {
    use RejectionReason::{
        InvalidOrder, NotAuthorized, OutOfStock, PriceChanged, UnknownItem, UnsupportedMethod,
    };
    if order.hub.is_some() {
        // Protocol 8: with a hub, personal details come only with the commit.
        let says_too_much = order.buyer.is_some()
            || order.deliver_to.is_some()
            || order.payment.reference.is_some();
        return Err(if says_too_much {
            let text =
                "An order through a hub must not name the buyer, an address or a payment token.";
            (InvalidOrder, text.to_owned())
        } else {
            let text = "This shop does not take orders through that hub.";
            (NotAuthorized, text.to_owned())
        });
    }
    if is_too_long_to_record(order) {
        let text = "The order is too long for one letter. Please divide it.";
        return Err((InvalidOrder, text.to_owned()));
    }
    let mut total = Amount::zero(order.total.currency());
    for line in &order.lines {
        total = total
            .plus(line.price.times(line.quantity.get()))
            .map_err(|e| (InvalidOrder, e.to_string()))?;
    }
    if total.is_more_than(order.total) {
        let text = format!(
            "The lines come to {total}, which is more than the total of {} that the order agrees to.",
            order.total
        );
        return Err((InvalidOrder, text));
    }
    for line in order.lines.iter().filter(|_| settings.catalogue.is_some()) {
        let item = settings.catalogue.as_ref().and_then(|c| c.find(line));
        let Some(item) = item else {
            let article = line.sku.as_ref().unwrap_or(&line.name);
            let text = format!("We do not have {:?}.", shortened(article));
            return Err((UnknownItem, text));
        };
        if item.price != line.price {
            let text = format!(
                "{} costs {} now, not {}.",
                shortened(&item.name),
                item.price,
                line.price
            );
            return Err((PriceChanged, text));
        }
        if !item.in_stock {
            let text = format!("{} is out of stock.", shortened(&item.name));
            return Err((OutOfStock, text));
        }
    }
    if order.payment.method == PaymentMethod::Nothing && !total.is_zero() {
        let text = format!(
            "The lines come to {total}: say how you pay. Only what costs nothing is paid by none."
        );
        return Err((InvalidOrder, text));
    }
    let payment = settings.payment.get(&order.payment.method).ok_or_else(|| {
        let text = format!("We do not offer payment by {}.", order.payment.method);
        (UnsupportedMethod, text)
    })?;
    let delivery = settings
        .delivery
        .get(&order.delivery.method)
        .ok_or_else(|| {
            let text = format!("We do not offer {} delivery.", order.delivery.method);
            (UnsupportedMethod, text)
        })?;
    Ok(Accepted {
        total,
        payment,
        delivery,
    })
}

/// Answers an order, or what else the buyer asked about it, with its rejection, and keeps that as
/// the order's answer (Q8).
pub(super) fn reject(
    case: &mut PartyCase<'_>,
    (to, answers): (&Address, Option<StatementId>),
    request: &RequestId,
    reason: RejectionReason,
    text: &str,
) -> PartyOutcome {
    let naming = Naming {
        trade: None,
        request: Some(request.clone()),
        answers,
    };
    let said = case.say(to, naming, rejection(reason, text), None);
    remember_answer(case, request, said, None);
    PartyOutcome::OrderRejected {
        reason,
        text: text.to_owned(),
    }
}

fn remember_answer(
    case: &mut PartyCase<'_>,
    request: &RequestId,
    said: StatementId,
    trade: Option<TradeId>,
) {
    let entry = OrderRequest {
        answer: case.said(said),
        trade,
        authorizing: None,
        cancelled_until: None,
        repeated: Vec::new(),
    };
    case.put(book::request_key(request), &entry);
}

/// E4, E5, E9, E10: the trade and everything that goes out with it, in one change.
pub(super) fn make(
    case: &mut PartyCase<'_>,
    taken: TakenOrder,
    name: TradeRef,
    approved: Option<Approved>,
) -> PartyOutcome {
    let confirm_within = case.settings.shop.as_ref().and_then(|s| s.confirm_within);
    let confirm_by = confirm_within.map(|d| case.now.plus(d));
    let record = TradeRecord {
        placed: case.now,
        confirm_by,
        ..taken.record
    };
    let mut trade = PartyTrade::new(name.clone(), taken.buyer_mail.clone());
    trade.wishes = taken.wishes;
    let mut shop = ShopPart {
        request: Some(taken.request.clone()),
        charge: taken.charge,
        authorization: approved,
        ..ShopPart::new(record, taken.statement)
    };
    shop.instructed = Instructed::AfterConfirm {
        reference: taken.reference,
    };
    advance(&mut shop, OrderState::Received, None, case.now);
    trade.shop = Some(shop.clone());
    shop.record_statement = say_record(
        case,
        &taken.buyer_mail,
        &trade,
        &shop,
        Some(taken.statement),
    );
    let record_statement = shop.record_statement;
    trade.shop = Some(shop);
    remember_answer(
        case,
        &taken.request,
        record_statement,
        Some(name.id.clone()),
    );
    tell_order(case, &trade, AskedBy::Nobody);
    match confirm_by {
        Some(by) => case.due_at(by, &format!("confirm/{}", name.id)),
        None => instruct(case, &mut trade),
    }
    charge::watch(case, &trade);
    case.save(&mut trade);
    PartyOutcome::TradeMade(name)
}

/// Q3: the shop makes the trade id, which no other trade of this shop has.
fn new_name(case: &mut PartyCase<'_>) -> TradeRef {
    loop {
        let text = format!("T-{}", case.fresh_text());
        let id: TradeId = text
            .parse()
            .expect("T- and ten letters and digits are a trade id");
        let shop: Address = case.settings.address.clone();
        let name = TradeRef { shop, id };
        if case.trade(&name).is_none() && !authorize::has(case, &name.id) {
            return name;
        }
    }
}

fn record(
    case: &PartyCase<'_>,
    settings: &ShopSettings,
    order: &Order,
    accepted: &Accepted<'_>,
) -> TradeRecord {
    let carrier = accepted
        .delivery
        .carrier
        .iter()
        .map(|address| RecordCarrier {
            address: address.clone(),
            parcels: None,
        });
    TradeRecord {
        version: Version::FIRST,
        shop_name: case.settings.name.clone(),
        placed: case.now,
        lines: order.lines.clone(),
        charges: None,
        discounts: None,
        total: accepted.total,
        payment: RecordPayment {
            method: order.payment.method,
            processor: accepted.payment.processor.clone(),
        },
        delivery: RecordDelivery {
            method: order.delivery.method,
            carriers: carrier.collect(),
        },
        buyer: order.buyer.clone(),
        deliver_to: order.deliver_to.clone(),
        // For the room that it takes.
        confirm_by: settings.confirm_within.map(|d| case.now.plus(d)),
        hub: None,
        keys: None,
    }
}
