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

use super::charge::{self, Approved};
use super::instruct::instruct;
use super::settings::{Charge, DeliveryProcedure, PaymentProcedure, Settings};
use super::{advance, authorize, fits, say_record, shortened, tell_order};
use crate::server::ask::{not_for_us, rejection, unknown_trade};
use crate::server::book::{self, Instructed, KeptWishes, Request, ShopPart, Trade};
use crate::server::desk::{AskedBy, Naming, may_repeat};
use crate::server::{Desk, Ignored, Occasion, Outcome};

/// Protocol 3: an order that was sent longer ago is refused.
const OLDEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// An order that the shop takes, before there is a trade of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// Its id (Q1).
    pub(crate) request: RequestId,
    /// The statement that is answered.
    pub(crate) statement: StatementId,
    /// Whose it is.
    pub(crate) buyer_mail: Address,
    /// What the buyer wants to be told of (Q7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wishes: Option<KeptWishes>,
    /// The buyer's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<Reference>,
    /// When it is charged.
    pub(crate) charge: Charge,
    /// What the record will say; `placed` and `confirm_by` are set when the trade is made.
    pub(crate) record: TradeRecord,
}

pub(crate) fn order(desk: &mut Desk<'_>, statement: &Statement, order: &Order) -> Outcome {
    let Some(settings) = &desk.settings.shop else {
        return not_for_us(statement);
    };
    let Some(request) = &statement.request else {
        return unknown_trade(desk, statement);
    };
    let rejected = |desk: &mut Desk<'_>, reason, text: &str| {
        let answered = (&statement.from, Some(statement.id));
        reject(desk, answered, request, reason, text)
    };
    let known = book::by_request(desk.rows(), request);
    if let Some(entry) = known {
        if entry.answer.is_some() {
            return answer_again(desk, request, entry);
        }
        if let Some(id) = entry.authorizing {
            // Q8: it gets its answer once there is one.
            return Outcome::AuthorizationAwaited(id);
        }
        if entry.cancelled_until.is_some_and(|until| desk.now <= until) {
            let text = "You cancelled this order before it arrived here.";
            return rejected(desk, RejectionReason::CancelledByBuyer, text);
        }
    }
    if desk.now.since(statement.sent) > OLDEST {
        let text = "This order was sent more than 30 days ago. Please order again.";
        return rejected(desk, RejectionReason::InvalidOrder, text);
    }
    let accepted = match examine(settings, order) {
        Ok(accepted) => accepted,
        Err((reason, text)) => return rejected(desk, reason, &text),
    };
    let record = record(desk, settings, order, &accepted);
    if !fits(desk, &statement.from, Some(request), &record) {
        let text = "The order is so long that its record would be too long for a letter. Please make several orders of it.";
        return rejected(desk, RejectionReason::InvalidOrder, text);
    }
    let taken = Taken {
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
    let name = new_name(desk);
    if authorize {
        authorize::first(desk, taken, name)
    } else {
        make(desk, taken, name, None)
    }
}

/// Q8: "an order whose request id is known is answered with the stored answer, whatever it says".
fn answer_again(desk: &mut Desk<'_>, request: &RequestId, mut entry: Request) -> Outcome {
    if !may_repeat(&mut entry.repeated, desk.now) {
        return Ignored::RepeatedOftenEnough(entry.repeated.len()).into();
    }
    if let Some(octets) = &entry.answer {
        desk.say_again(octets, Occasion::Answer);
    }
    desk.put(book::request_key(request), &entry);
    Outcome::AnswerRepeated
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
    settings: &'s Settings,
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
    desk: &mut Desk<'_>,
    (to, answers): (&Address, Option<StatementId>),
    request: &RequestId,
    reason: RejectionReason,
    text: &str,
) -> Outcome {
    let naming = Naming {
        trade: None,
        request: Some(request.clone()),
        answers,
    };
    let said = desk.say(to, naming, rejection(reason, text), None);
    remember_answer(desk, request, said, None);
    Outcome::OrderRejected {
        reason,
        text: text.to_owned(),
    }
}

fn remember_answer(
    desk: &mut Desk<'_>,
    request: &RequestId,
    said: StatementId,
    trade: Option<TradeId>,
) {
    let entry = Request {
        answer: desk.said(said),
        trade,
        authorizing: None,
        cancelled_until: None,
        repeated: Vec::new(),
    };
    desk.put(book::request_key(request), &entry);
}

/// E4, E5, E9, E10: the trade and everything that goes out with it, in one change.
pub(super) fn make(
    desk: &mut Desk<'_>,
    taken: Taken,
    name: TradeRef,
    approved: Option<Approved>,
) -> Outcome {
    let confirm_within = desk.settings.shop.as_ref().and_then(|s| s.confirm_within);
    let confirm_by = confirm_within.map(|d| desk.now.plus(d));
    let record = TradeRecord {
        placed: desk.now,
        confirm_by,
        ..taken.record
    };
    let mut trade = Trade::new(name.clone(), taken.buyer_mail.clone());
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
    advance(&mut shop, OrderState::Received, None, desk.now);
    trade.shop = Some(shop.clone());
    shop.record_statement = say_record(
        desk,
        &taken.buyer_mail,
        &trade,
        &shop,
        Some(taken.statement),
    );
    let record_statement = shop.record_statement;
    trade.shop = Some(shop);
    remember_answer(
        desk,
        &taken.request,
        record_statement,
        Some(name.id.clone()),
    );
    tell_order(desk, &trade, AskedBy::Nobody);
    match confirm_by {
        Some(by) => desk.due_at(by, &format!("confirm/{}", name.id)),
        None => instruct(desk, &mut trade),
    }
    charge::watch(desk, &trade);
    desk.save(&mut trade);
    Outcome::TradeMade(name)
}

/// Q3: the shop makes the trade id, which no other trade of this shop has.
fn new_name(desk: &mut Desk<'_>) -> TradeRef {
    loop {
        let text = format!("T-{}", desk.fresh_text());
        let id: TradeId = text
            .parse()
            .expect("T- and ten letters and digits are a trade id");
        let shop: Address = desk.settings.address.clone();
        let name = TradeRef { shop, id };
        if desk.trade(&name).is_none() && !authorize::has(desk, &name.id) {
            return name;
        }
    }
}

fn record(
    desk: &Desk<'_>,
    settings: &Settings,
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
        shop_name: desk.settings.name.clone(),
        placed: desk.now,
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
        confirm_by: settings.confirm_within.map(|d| desk.now.plus(d)),
        hub: None,
        keys: None,
    }
}
