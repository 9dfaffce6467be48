//! `order`: a trade, or a rejection; the same request never makes two (Q8).

use std::time::Duration;

use tradepost_statements::order::{Order, RejectionReason};
use tradepost_statements::record::{
    RecordCarrier, RecordDelivery, RecordPayment, TradeRecord, Version,
};
use tradepost_statements::{Address, Amount, OrderState, RequestId, Statement, TradeId, TradeRef};

use super::instruct::instruct;
use super::settings::{DeliveryProcedure, PaymentProcedure, Settings};
use super::{advance, fits, say_record, tell_order};
use crate::server::ask::{not_for_us, rejection, unknown_trade};
use crate::server::book::{self, Instructed, KeptWishes, Request, ShopPart, Trade};
use crate::server::desk::{AskedBy, Naming, may_repeat};
use crate::server::{Desk, Ignored, Occasion, Outcome};

/// Protocol 3: an order that was sent longer ago is refused.
const OLDEST: Duration = Duration::from_secs(30 * 24 * 3600);

pub(crate) fn order(desk: &mut Desk<'_>, statement: &Statement, order: &Order) -> Outcome {
    let Some(settings) = &desk.settings.shop else {
        return not_for_us(statement);
    };
    let Some(request) = &statement.request else {
        return unknown_trade(desk, statement);
    };
    let known = book::by_request(desk.rows(), request);
    if let Some(entry) = known {
        if entry.answer.is_some() {
            return answer_again(desk, request, entry);
        }
        if entry.cancelled_until.is_some_and(|until| desk.now <= until) {
            let text = "You cancelled this order before it arrived here.";
            return reject(
                desk,
                statement,
                request,
                RejectionReason::CancelledByBuyer,
                text,
            );
        }
    }
    if desk.now.since(statement.sent) > OLDEST {
        let text = "This order was sent more than 30 days ago. Please order again.";
        return reject(
            desk,
            statement,
            request,
            RejectionReason::InvalidOrder,
            text,
        );
    }
    match examine(settings, order) {
        Ok(accepted) => {
            let record = record(desk, settings, order, &accepted);
            if !fits(desk, &statement.from, Some(request), &record) {
                let text = "The order is so long that its record would be too long for a letter. Please make several orders of it.";
                return reject(
                    desk,
                    statement,
                    request,
                    RejectionReason::InvalidOrder,
                    text,
                );
            }
            accept(desk, statement, request, order, record)
        }
        Err((reason, text)) => reject(desk, statement, request, reason, &text),
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
        InvalidOrder, NotAuthorized, PriceChanged, UnknownItem, UnsupportedMethod,
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

/// What is quoted from an order must leave room in the answer (protocol 2: 16 KiB a string).
fn shortened(name: &str) -> String {
    const ENOUGH: usize = 200;
    match name.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}...", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

fn reject(
    desk: &mut Desk<'_>,
    statement: &Statement,
    request: &RequestId,
    reason: RejectionReason,
    text: &str,
) -> Outcome {
    let naming = Naming {
        trade: None,
        request: Some(request.clone()),
        answers: Some(statement.id),
    };
    desk.say(&statement.from, naming, rejection(reason, text), None);
    remember_answer(desk, statement, request, None);
    Outcome::OrderRejected {
        reason,
        text: text.to_owned(),
    }
}

fn remember_answer(
    desk: &mut Desk<'_>,
    statement: &Statement,
    request: &RequestId,
    trade: Option<TradeId>,
) {
    let entry = Request {
        answer: desk.answers_to(statement).into_iter().next(),
        trade,
        cancelled_until: None,
        repeated: Vec::new(),
    };
    desk.put(book::request_key(request), &entry);
}

/// E4, E5, E9, E10: the trade and everything that goes out with it, in one change.
fn accept(
    desk: &mut Desk<'_>,
    statement: &Statement,
    request: &RequestId,
    order: &Order,
    record: TradeRecord,
) -> Outcome {
    let name = new_name(desk);
    let confirm_by = record.confirm_by;
    let mut trade = Trade::new(name.clone(), statement.from.clone());
    trade.wishes = order.notify.as_ref().map(|wishes| KeptWishes {
        wishes: wishes.clone(),
        sent: statement.sent,
    });
    let mut shop = ShopPart {
        request: Some(request.clone()),
        record,
        record_statement: statement.id,
        confirmed: None,
        instructed: Instructed::AfterConfirm {
            reference: order.payment.reference.clone(),
        },
        told: Vec::new(),
        order: None,
        heard: Vec::new(),
        wants_back: None,
    };
    advance(&mut shop, OrderState::Received, None, desk.now);
    trade.shop = Some(shop.clone());
    let to = trade.buyer_mail.clone();
    shop.record_statement = say_record(desk, &to, &trade, &shop, Some(statement.id));
    trade.shop = Some(shop);
    remember_answer(desk, statement, request, Some(name.id.clone()));
    tell_order(desk, &trade, AskedBy::Nobody);
    match confirm_by {
        Some(by) => desk.due_at(by, &format!("confirm/{}", name.id)),
        None => instruct(desk, &mut trade),
    }
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
        if desk.trade(&name).is_none() {
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
        confirm_by: settings.confirm_within.map(|d| desk.now.plus(d)),
        hub: None,
        keys: None,
    }
}
