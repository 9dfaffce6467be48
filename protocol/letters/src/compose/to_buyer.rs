//! What shop, carrier and payment processor tell the buyer.

use tradepost_statements::order::{OrderRejected, ReturnDecision};
use tradepost_statements::record::TradeRecord;
use tradepost_statements::status::{DeliveryStatus, OrderStatus, PaymentStatus};
use tradepost_statements::{Amount, DeliveryState, Statement};

use super::Story;
use super::status_words::{self, StatusWords};
use super::telling::{
    LetterText, address_line, moment, order_id, order_name, parcel, plain_word, reason, shop_name,
    trade_id,
};
use crate::untrusted::name;

/// How many parcels of an order are named; the statement has them all.
const MOST_PARCELS: usize = 50;

pub(super) fn record(t: &mut LetterText, s: &Statement, record: &TradeRecord) {
    let shop = name(&record.shop_name);
    let id = order_id(s);
    if record.version.number() == 1 {
        t.subject = format!("Your {id} at {shop}");
        t.happened.push(format!(
            "Thank you for your order. {shop} has written it down as follows."
        ));
    } else {
        t.subject = format!("Changed: your {id} at {shop}");
        t.happened.push(format!(
            "{shop} has changed what it wrote down about your order. This is version {}.",
            record.version
        ));
    }
    t.goods(&record.lines);
    t.record_sums(record);
    t.fact("Order", trade_id(s));
    t.time("Placed", Some(record.placed));
    t.fact("Payment", plain_word(record.payment.method.word()));
    t.fact("Delivery", plain_word(record.delivery.method.word()));
    if let Some(to) = &record.deliver_to {
        t.fact(
            "Deliver to",
            format!("{}, {}", name(&to.name), address_line(&to.address)),
        );
    } else if let Some(buyer) = &record.buyer {
        t.fact(
            "Deliver to",
            format!("{}, {}", name(&buyer.name), address_line(&buyer.address)),
        );
    }
    if let Some(by) = record.confirm_by {
        t.next.push(format!(
            "Please confirm the order until {}; otherwise the shop cancels it.",
            moment(by)
        ));
    }
    t.next.push(
        "You will be told when it ships, where the parcel is, and how the payment goes.".to_owned(),
    );
    t.ask_about(
        "About the order",
        s.trade.as_ref().map_or(&s.from, |trade| &trade.shop),
    );
    for carrier in record.delivery.carriers.iter().take(10) {
        t.ask_about("About the delivery", &carrier.address);
    }
    t.ask_about("About the payment", &record.payment.processor);
}

pub(super) fn rejected(t: &mut LetterText, s: &Statement, story: &Story<'_>, b: &OrderRejected) {
    let shop = shop_name(s, story);
    t.subject = "Your order was not accepted".to_owned();
    t.happened.push(format!(
        "{shop} did not accept your order. Nothing will be sent and nothing is to be paid."
    ));
    t.fact("Reason", plain_word(b.reason.word()));
    t.purchase(story);
    t.said(&shop, Some(&b.text));
    t.ask_about("About the order", &s.from);
}

pub(super) fn return_decision(
    t: &mut LetterText,
    s: &Statement,
    story: &Story<'_>,
    decision: &ReturnDecision,
) {
    let shop = shop_name(s, story);
    let word = if decision.accepted {
        "accepted"
    } else {
        "refused"
    };
    t.subject = format!("Your return for {}: {word}", order_id(s));
    t.happened.push(if decision.accepted {
        format!("{shop} takes the goods back.")
    } else {
        format!("{shop} does not take the goods back.")
    });
    t.fact("Order", order_name(s, story).trim_start_matches("order "));
    t.fact_if("Refund", decision.refund.map(|a: Amount| a.to_string()));
    if let Some(to) = &decision.send_to {
        t.fact(
            "Send to",
            format!("{}, {}", name(&to.name), address_line(&to.address)),
        );
        t.next
            .push("Please send the goods to the address above.".to_owned());
    }
    t.said(&shop, decision.text.as_ref());
    t.ask_about("About the return", &s.from);
}

pub(super) fn unknown_trade(t: &mut LetterText) {
    t.subject = "This order is not known here".to_owned();
    t.happened
        .push("You asked about an order. No such order of yours is known here.".to_owned());
}

pub(super) fn order_status(
    t: &mut LetterText,
    s: &Statement,
    story: &Story<'_>,
    status: &OrderStatus,
) {
    tell_state(t, s, story, "Your", &status_words::order(status.state));
    t.time("Since", Some(status.at));
    t.time("Shipped", status.ship.actual);
    if status.ship.actual.is_none() {
        t.time("Ships", status.ship.planned);
    }
    if let Some(parcels) = &status.parcels {
        let mut names: Vec<String> = parcels.iter().take(MOST_PARCELS).map(|p| name(p)).collect();
        if let Some(more @ 1..) = parcels.len().checked_sub(MOST_PARCELS) {
            names.push(format!("and {more} more"));
        }
        t.fact("Parcels", names.join(", "));
    }
    t.fact_if("Reason", status.reason.as_ref().map(|r| reason(r.as_str())));
    t.said(&shop_name(s, story), status.text.as_ref());
    t.ask_about("About the order", &s.from);
    t.ask_parties(s, story);
}

pub(super) fn delivery_status(
    t: &mut LetterText,
    s: &Statement,
    story: &Story<'_>,
    status: &DeliveryStatus,
) {
    // E2: digital goods are no parcel.
    let is_there = matches!(
        status.state,
        DeliveryState::Delivered | DeliveryState::ReadyForPickup
    );
    if is_there && status.access.is_some() {
        tell_state(t, s, story, "Delivery for", &status_words::DOWNLOAD);
    } else if is_there && story.electronic {
        tell_state(t, s, story, "Delivery for", &status_words::READY);
    } else {
        let words = status_words::delivery(status.state);
        tell_state(t, s, story, "Parcel for", &words);
    }
    t.fact_if("Parcel", parcel(&status.parcel));
    t.time("Since", Some(status.at));
    t.fact_if("Place", status.place.as_ref());
    match (
        status.delivery.actual,
        status.delivery.planned,
        status.delivery.planned_until,
    ) {
        (Some(at), _, _) => t.time("Delivered", Some(at)),
        (None, Some(from), Some(until)) => {
            t.fact("Expected", format!("{} to {}", moment(from), moment(until)));
        }
        (None, at, None) | (None, None, at) => t.time("Expected", at),
    }
    t.fact_if("Tracking number", status.tracking_number.as_ref());
    t.fact_if("Reason", status.reason.as_ref().map(|r| reason(r.as_str())));
    t.links.extend(
        status
            .access
            .clone()
            .map(|url| ("Get what you bought", url)),
    );
    t.links.extend(
        status
            .tracking_url
            .clone()
            .map(|url| ("Follow the parcel", url)),
    );
    let sender = if story.electronic {
        shop_name(s, story)
    } else {
        "The carrier".to_owned()
    };
    t.said(&sender, status.text.as_ref());
    t.ask_about("About the delivery", &s.from);
    t.ask_parties(s, story);
}

pub(super) fn payment_status(
    t: &mut LetterText,
    s: &Statement,
    story: &Story<'_>,
    status: &PaymentStatus,
) {
    tell_state(
        t,
        s,
        story,
        "Payment for",
        &status_words::payment(status.state),
    );
    t.time("Since", Some(status.at));
    t.fact("Amount", status.amount.to_string());
    t.fact_if("Paid", status.paid.map(|a| a.to_string()));
    t.fact_if("Paid back", status.refunded.map(|a| a.to_string()));
    t.time("Settled", status.settle.actual);
    if status.settle.actual.is_none() {
        t.time("Planned", status.settle.planned);
    }
    t.fact_if("Reason", status.reason.as_ref().map(|r| reason(r.as_str())));
    t.said("The payment processor", status.text.as_ref());
    t.ask_about("About the payment", &s.from);
    t.ask_parties(s, story);
}

fn tell_state(
    t: &mut LetterText,
    s: &Statement,
    story: &Story<'_>,
    what: &str,
    words: &StatusWords,
) {
    t.subject = format!("{what} {}: {}", order_id(s), words.short);
    t.happened.push(words.sentence.to_owned());
    t.fact("Order", order_name(s, story).trim_start_matches("order "));
    if !words.next.is_empty() {
        t.next.push(words.next.to_owned());
    }
    t.purchase(story);
}
