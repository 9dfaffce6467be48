//! What the buyer's client tells the servers.

use tradepost_statements::Statement;
use tradepost_statements::order::{Cancel, Confirm, Line, Order, Return};
use tradepost_statements::wish::Wishes;

use super::Story;
use super::telling::{LetterText, address_line, order_id, order_name, plain_word};
use crate::untrusted::name;

pub(super) fn order(t: &mut LetterText, order: &Order) {
    let pieces: u64 = order
        .lines
        .iter()
        .map(|l| u64::from(l.quantity.get()))
        .sum();
    let of = if pieces == 1 { "article" } else { "articles" };
    t.subject = format!("Order: {pieces} {of}, {}", order.total);
    t.happened.push("This is an order.".to_owned());
    t.goods(&order.lines);
    t.sums.push(("At most".to_owned(), order.total.to_string()));
    t.fact("Payment", plain_word(order.payment.method.word()));
    t.fact("Delivery", plain_word(order.delivery.method.word()));
    if let Some(buyer) = &order.buyer {
        t.fact("Buyer", name(&buyer.name));
        t.fact("Address", address_line(&buyer.address));
        t.fact_if("Telephone", buyer.phone.as_ref());
    }
    if let Some(to) = &order.deliver_to {
        t.fact(
            "Deliver to",
            format!("{}, {}", name(&to.name), address_line(&to.address)),
        );
    }
    t.fact_if(
        "Again as",
        order.reorder_of.as_ref().map(|trade| trade.id.to_string()),
    );
    t.next.push(
        "The shop answers with a trade record, or says why it does not accept the order."
            .to_owned(),
    );
}

pub(super) fn confirm(t: &mut LetterText, s: &Statement, story: &Story<'_>, b: &Confirm) {
    t.subject = format!("Confirmed: {}", order_id(s));
    t.happened.push(format!(
        "The buyer confirms the {} as it stands in version {} of the trade record.",
        order_name(s, story),
        b.version
    ));
    t.purchase(story);
}

pub(super) fn cancel(t: &mut LetterText, s: &Statement, story: &Story<'_>, b: &Cancel) {
    t.subject = format!("Please cancel: {}", order_id(s));
    t.happened.push(format!(
        "The buyer asks to cancel the {}.",
        order_name(s, story)
    ));
    t.purchase(story);
    t.said("The buyer", b.text.as_ref());
}

pub(super) fn return_goods(t: &mut LetterText, s: &Statement, story: &Story<'_>, back: &Return) {
    t.subject = format!("Return: {}", order_id(s));
    t.happened.push(format!(
        "The buyer asks to return goods of the {}.",
        order_name(s, story)
    ));
    match &back.lines {
        None => t.fact("What", "everything"),
        Some(lines) => {
            for wanted in lines.iter().take(50) {
                let line: Option<&Line> = usize::try_from(wanted.line)
                    .ok()
                    .and_then(|i| story.lines?.get(i));
                let what = line.map_or_else(|| format!("line {}", wanted.line), |l| name(&l.name));
                t.fact("What", format!("{} x {what}", wanted.quantity));
            }
        }
    }
    t.said("The buyer", back.reason.as_ref());
    t.next
        .push("The shop says whether it takes them back.".to_owned());
}

pub(super) fn status_request(t: &mut LetterText, s: &Statement, story: &Story<'_>) {
    t.subject = format!("How far is {}?", order_id(s));
    t.happened.push(format!(
        "The buyer asks how far the {} has come.",
        order_name(s, story)
    ));
    t.next
        .push("The answer is a letter with the present status.".to_owned());
}

pub(super) fn notify(t: &mut LetterText, s: &Statement, story: &Story<'_>, wishes: &Wishes) {
    t.subject = format!("Notices about {}", order_id(s));
    t.happened.push(format!(
        "What the buyer wants to be told about the {}:",
        order_name(s, story)
    ));
    let on: Vec<String> = wishes.on.iter().take(50).map(ToString::to_string).collect();
    let on = if on.is_empty() {
        "nothing without being asked".to_owned()
    } else {
        on.join(", ")
    };
    t.fact("Told", on);
    t.fact_if(
        "Notices also to",
        wishes.to.as_ref().map(|a| a.as_written()),
    );
}
