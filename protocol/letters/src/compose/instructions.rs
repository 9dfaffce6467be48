//! What servers tell one another.

use tradepost_statements::Statement;
use tradepost_statements::instruction::{
    Authorization, Authorize, DeliveryInstruction, PaymentInstruction, Recall, Refund,
};

use super::telling::{LetterText, address_line, parcel, plain_word, trade_id};
use crate::untrusted::name;

pub(super) fn authorize(t: &mut LetterText, s: &Statement, b: &Authorize) {
    let id = trade_id(s);
    t.subject = format!("Please authorize {} for {id}", b.amount);
    t.happened
        .push("The shop asks whether this payment is authorized.".to_owned());
    t.fact("Amount", b.amount.to_string());
    t.fact("Method", plain_word(b.method.word()));
    t.fact("Order", &id);
}

pub(super) fn authorization(t: &mut LetterText, s: &Statement, b: &Authorization) {
    let id = trade_id(s);
    let word = if b.approved {
        "Authorized"
    } else {
        "Not authorized"
    };
    t.subject = format!("{word}: {id}");
    t.happened
        .push(format!("{word}: the payment for order {id}."));
    t.fact_if("Code", b.code.as_ref());
    t.time("Until", b.until);
    t.said("The payment processor", b.text.as_ref());
    t.fact("Order", &id);
}

pub(super) fn payment_instruction(t: &mut LetterText, s: &Statement, b: &PaymentInstruction) {
    let id = trade_id(s);
    t.subject = format!("Please collect {} for {id}", b.amount);
    t.happened.push(
        "The shop asks to collect this payment and to tell the buyer how it goes.".to_owned(),
    );
    t.fact("Amount", b.amount.to_string());
    t.fact("Method", plain_word(b.method.word()));
    t.fact("Buyer", b.buyer_mail.as_written());
    t.fact_if("Due", b.due.map(|d| d.to_string()));
    t.fact("Order", &id);
}

pub(super) fn delivery_instruction(t: &mut LetterText, s: &Statement, b: &DeliveryInstruction) {
    let id = trade_id(s);
    t.subject = format!("Please deliver {id}");
    t.happened
        .push("The shop asks to deliver this and to tell the buyer how it goes.".to_owned());
    t.fact_if("Parcel", b.parcel.as_deref().and_then(parcel));
    for line in b.lines.iter().take(200) {
        t.fact("What", format!("{} x {}", line.quantity, name(&line.name)));
    }
    t.fact(
        "Deliver to",
        format!(
            "{}, {}",
            name(&b.deliver_to.name),
            address_line(&b.deliver_to.address)
        ),
    );
    t.fact("Buyer", b.buyer_mail.as_written());
    t.time("Ready", b.ready);
    t.fact("Order", &id);
}

pub(super) fn refund(t: &mut LetterText, s: &Statement, b: &Refund) {
    let id = trade_id(s);
    t.subject = format!("Please refund {id}");
    t.happened.push("The shop asks to pay back to the buyer what was paid, up to the sum below; what was not yet taken is not taken any more.".to_owned());
    t.fact("Amount", b.amount.to_string());
    t.fact("Refunds in all", b.refunded.to_string());
    t.said("The shop", b.text.as_ref());
    t.fact("Order", &id);
}

pub(super) fn recall(t: &mut LetterText, s: &Statement, b: &Recall) {
    let id = trade_id(s);
    t.subject = format!("Please stop the delivery of {id}");
    t.happened
        .push("The shop asks to stop this delivery, or to turn it back.".to_owned());
    let which = b.parcel.as_deref().map(|p| parcel(p).unwrap_or_default());
    t.fact("Parcel", which.as_deref().unwrap_or("all"));
    t.said("The shop", b.text.as_ref());
    t.fact("Order", &id);
}
