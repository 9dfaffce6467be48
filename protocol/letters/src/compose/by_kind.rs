//! What each kind of statement tells people: what was bought, what happened, what comes next, whom
//! to ask.

use tradepost_statements::{Body, Statement};

use super::telling::LetterText;
use super::{Story, instructions, requests, to_buyer};
use crate::untrusted::show;

pub(super) fn telling(s: &Statement, story: &Story<'_>) -> LetterText {
    let mut t = LetterText::default();
    match &s.body {
        Body::Order(b) => requests::order(&mut t, b),
        Body::TradeRecord(b) => to_buyer::record(&mut t, s, b),
        Body::OrderRejected(b) => to_buyer::rejected(&mut t, s, story, b),
        Body::Confirm(b) => requests::confirm(&mut t, s, story, b),
        Body::Cancel(b) => requests::cancel(&mut t, s, story, b),
        Body::Return(b) => requests::return_goods(&mut t, s, story, b),
        Body::ReturnDecision(b) => to_buyer::return_decision(&mut t, s, story, b),
        Body::StatusRequest => requests::status_request(&mut t, s, story),
        Body::Notify(b) => requests::notify(&mut t, s, story, b),
        Body::UnknownTrade => to_buyer::unknown_trade(&mut t),
        Body::OrderStatus(b) => to_buyer::order_status(&mut t, s, story, b),
        Body::DeliveryStatus(b) => to_buyer::delivery_status(&mut t, s, story, b),
        Body::PaymentStatus(b) => to_buyer::payment_status(&mut t, s, story, b),
        Body::Authorize(b) => instructions::authorize(&mut t, s, b),
        Body::Authorization(b) => instructions::authorization(&mut t, s, b),
        Body::PaymentInstruction(b) => instructions::payment_instruction(&mut t, s, b),
        Body::DeliveryInstruction(b) => instructions::delivery_instruction(&mut t, s, b),
        Body::Refund(b) => instructions::refund(&mut t, s, b),
        Body::Recall(b) => instructions::recall(&mut t, s, b),
    }
    if let Some(contact) = story.contact {
        t.ask.push(show(contact));
    }
    if t.ask.is_empty() {
        t.ask_about("The sender of this letter", &s.from);
    }
    t
}
