//! A notice for people, to the address that a buyer named in `notify.to` (protocol 3, Wishes): no
//! Tradepost part, and nothing about the buyer, the goods or the money.

use tradepost_statements::{Address, Body, Statement, Time};

use super::encode::quoted_printable;
use super::field::HeaderText;
use super::status_words::{self, StatusWords};
use super::telling::{LetterText, moment, order_id, order_name};
use super::{Story, plain};
use crate::header::Field;
use crate::untrusted::show;

/// What a notice is made of.
#[derive(Debug, Clone, Copy)]
pub struct NoticeParts<'a> {
    /// The status that the buyer is told as well.
    pub statement: &'a Statement,
    /// The address of the wish.
    pub to: &'a Address,
    /// Made by the caller; with or without angle brackets.
    pub message_id: &'a str,
    /// Of the letter; the statement has its own.
    pub date: Time,
    /// The sender's name for people.
    pub from_name: Option<&'a str>,
    /// The shop's name, where it is known.
    pub shop_name: Option<&'a str>,
}

/// The notice as a letter of plain text.
#[must_use]
pub fn compose_notice(n: &NoticeParts<'_>) -> Vec<u8> {
    let s = n.statement;
    let story = Story {
        shop_name: n.shop_name,
        ..Story::default()
    };
    let (what, words, planned, actual) = state(&s.body);
    let mut telling = LetterText::default();
    telling.happened.push(words.sentence.to_owned());
    telling.fact("Order", order_name(s, &story).trim_start_matches("order "));
    match (actual, planned) {
        (Some(at), _) => telling.fact("Happened", moment(at)),
        (None, Some(at)) => telling.fact("Expected", moment(at)),
        (None, None) => {}
    }
    telling
        .ask
        .push("Whoever placed the order: this notice was sent at their wish.".to_owned());
    let subject = format!("{what} {}: {}", order_id(s), words.short);
    let text = plain::plain_without_signature(&telling);

    let mut header = HeaderText::default();
    header.from(&s.from, n.from_name);
    header.to(n.to);
    header.text(Field::Subject, &show(&subject));
    header.date(n.date);
    header.ids(Field::MessageId, &[n.message_id.to_owned()]);
    header.token(Field::AutoSubmitted, "auto-generated");
    header.token(Field::MimeVersion, "1.0");
    header.token(Field::ContentType, "text/plain; charset=utf-8");
    header.token(Field::ContentTransferEncoding, "quoted-printable");
    let mut letter = header.finish();
    letter.extend_from_slice(&quoted_printable(&text));
    letter.extend_from_slice(b"\r\n");
    letter
}

/// Reasons, places and free texts are left out: they can be personal.
fn state(body: &Body) -> (&'static str, StatusWords, Option<Time>, Option<Time>) {
    if let Body::OrderStatus(b) = body {
        let words = status_words::order(b.state);
        return ("News of", words, b.ship.planned, b.ship.actual);
    }
    if let Body::DeliveryStatus(b) = body {
        let words = status_words::delivery(b.state);
        return ("Parcel for", words, b.delivery.planned, b.delivery.actual);
    }
    if let Body::PaymentStatus(b) = body {
        let words = status_words::payment(b.state);
        return ("Payment for", words, b.settle.planned, b.settle.actual);
    }
    ("News of", status_words::NEWS, None, None)
}
