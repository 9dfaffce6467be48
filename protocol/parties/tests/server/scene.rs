//! A carrier and a payment processor that have an instruction, and the lines that move it on.

use serde_json::{Value, json};
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_statements::Kind;

use crate::server::{ANN, Came, SHOP, Server, buyer, eur, trade, with};

pub(crate) fn delivery() -> Value {
    json!({ "kind": "delivery-instruction", "lines": [{ "line": 0, "quantity": 2, "name": "Kettle" }],
            "deliver_to": buyer(), "buyer_mail": ANN })
}

pub(crate) fn parcel(name: &str) -> Value {
    with(delivery(), "parcel", json!(name))
}

pub(crate) fn payment() -> Value {
    json!({ "kind": "payment-instruction", "amount": eur("98.00"), "method": "credit-card",
            "reference": "tok_1", "buyer_mail": ANN })
}

pub(crate) fn invoice(due: &str) -> Value {
    let body = with(payment(), "method", json!("bank-transfer"));
    with(body, "due", json!(due))
}

pub(crate) fn recall() -> Value {
    json!({ "kind": "recall" })
}

/// The sum of all refunds, of a total of 98 EUR.
pub(crate) fn refund(refunded: &str) -> Value {
    json!({ "kind": "refund", "amount": eur("98.00"), "refunded": eur(refunded) })
}

pub(crate) fn carrier() -> Server {
    let mut carrier = Server::carrier();
    carrier.hears(SHOP, trade("T-1"), delivery());
    carrier
}

pub(crate) fn processor() -> Server {
    let mut processor = Server::processor();
    processor.hears(SHOP, trade("T-1"), payment());
    processor
}

pub(crate) fn on(track: &str, state: &str) -> Value {
    json!({ "trade": "T-1", "track": track, "state": state })
}

/// Emits a line that must be taken, under a key of its own.
pub(crate) fn told(server: &mut Server, mut line: Value) -> Came {
    line["key"] = json!(server.their_id());
    match server.emit(&line) {
        Ok((_, came)) => came,
        Err(why) => panic!("{line}: {why}"),
    }
}

/// The reason why a line is refused.
pub(crate) fn refused(server: &mut Server, mut line: Value) -> String {
    line["key"] = json!(server.their_id());
    match server.emit(&line) {
        Ok(_) => panic!("accepted {line}"),
        Err(why) => why.to_string(),
    }
}

pub(crate) fn delivery_to(came: &Came, to: &str) -> Value {
    came.body(Kind::DeliveryStatus, to)
}

pub(crate) fn payment_to(came: &Came, to: &str) -> Value {
    came.body(Kind::PaymentStatus, to)
}

/// Does all that is due by now: what was said, in order.
pub(crate) fn all_that_is_due(server: &mut Server) -> Vec<Came> {
    let mut came = Vec::new();
    loop {
        let next = server.tick();
        if next.outcome == PartyOutcome::Ignored(Ignored::NothingDue) {
            return came;
        }
        came.push(next);
        assert!(came.len() < 100, "it never ends");
    }
}
