//! Another version of the record has another total, and the payment follows it (protocol 4, "Versions"):
//! while it is not settled by an instruction, once it is by a refund of what is less and an instruction
//! for what is more.

use serde_json::{Value, json};
use tradepost_parties::kernel::settings::AuthorizeAnswer;
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_statements::Kind;

use crate::scene::{invoice, on, payment, payment_to, processor, refused, told};
use crate::server::{ANN, CARRIER, Came, PROCESSOR, SHOP, Server, eur, order_body, trade, with};

/// A version of the record with this total.
fn version(id: &str, processor: &str, carrier: &str, total: &str) -> Value {
    json!({ "trade": id, "buyer_mail": ANN, "total": eur(total),
            "lines": [{ "name": "Kettle", "quantity": 1, "price": eur(total) }],
            "payment": { "method": "credit-card", "processor": processor },
            "delivery": { "method": "courier", "carriers": [{ "address": carrier }] },
            "buyer": order_body()["buyer"] })
}

fn costs(shop: &mut Server, id: &str, total: &str) -> Came {
    told(
        shop,
        json!({ "record": version(id, PROCESSOR, CARRIER, total) }),
    )
}

fn refuses(shop: &mut Server, id: &str, total: &str) -> String {
    refused(
        shop,
        json!({ "record": version(id, PROCESSOR, CARRIER, total) }),
    )
}

/// What the payment processor says of a payment, as the shop hears it.
fn processor_says(
    shop: &mut Server,
    id: &str,
    (sequence, state): (u32, &str),
    more: Value,
) -> Came {
    let mut body = json!({ "kind": "payment-status", "sequence": sequence, "state": state,
                           "at": shop.now, "amount": eur("98.00"), "settle": {} });
    if state == "settled" {
        body["settle"]["actual"] = json!(shop.now);
    }
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    shop.hears(PROCESSOR, trade(id), body)
}

fn instructs(server: &mut Server, body: Value) -> Came {
    server.later(60);
    server.hears(SHOP, trade("T-1"), body)
}

fn total(total: &str) -> Value {
    with(payment(), "amount", eur(total))
}

fn to_processor(came: &Came) -> Vec<String> {
    let mut kinds = came.kinds();
    kinds.retain(|kind| kind.ends_with(" processor"));
    kinds
}

fn states(status: &Value) -> (&Value, &Value, &Value) {
    (&status["state"], &status["amount"], &status["paid"])
}

// Requirements: E9
#[test]
fn a_payment_that_is_not_settled_is_instructed_anew_with_each_total() {
    let mut shop = Server::shop();
    let id = shop.order();
    for (amount, heard) in [
        ("90.00", None),
        ("95.00", Some("due")),
        ("120.00", Some("authorized")),
    ] {
        if let Some(state) = heard {
            let amount = json!({ "amount": eur("90.00") });
            processor_says(
                &mut shop,
                &id,
                (if state == "due" { 1 } else { 2 }, state),
                amount,
            );
        }
        let came = costs(&mut shop, &id, amount);
        assert_eq!(to_processor(&came), ["payment-instruction processor"]);
        let instruction = came.body(Kind::PaymentInstruction, PROCESSOR);
        assert_eq!(instruction["amount"], eur(amount));
        assert!(instruction.get("reference").is_none(), "it is not kept");
    }
    // The same total again is nobody's news.
    let came = costs(&mut shop, &id, "120.00");
    assert_eq!(to_processor(&came), Vec::<String>::new());
    // What is to be paid back is told of the total that was instructed last.
    let came = shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    let refund = came.body(Kind::Refund, PROCESSOR);
    assert_eq!(
        (&refund["amount"], &refund["refunded"]),
        (&eur("120.00"), &eur("120.00"))
    );
}

// Requirements: E13
#[test]
fn the_track_of_a_payment_that_is_not_settled_goes_on_with_the_new_total() {
    for (before, amount, after) in [
        (None, "90.00", "pending"),
        (None, "120.00", "pending"),
        (Some("authorized"), "90.00", "authorized"),
        (Some("due"), "120.00", "due"),
        (Some("declined"), "90.00", "declined"),
    ] {
        let mut server = processor();
        if let Some(state) = before {
            told(&mut server, on("payment", state));
        }
        if before == Some("authorized") {
            // Covered by what the shop asked before.
            let asks = json!({ "kind": "authorize", "amount": eur("98.00"), "method": "credit-card",
                               "buyer_mail": ANN });
            server.settings.payment.as_mut().unwrap().authorize = AuthorizeAnswer::Approve;
            server.hears(SHOP, trade("T-1"), asks);
        }
        let came = instructs(&mut server, total(amount));
        assert_eq!(came.kinds(), ["payment-status shop", "payment-status ann"]);
        let status = payment_to(&came, ANN);
        assert_eq!(states(&status), (&json!(after), &eur(amount), &Value::Null));
        assert!(
            status["text"].as_str().unwrap().contains(amount),
            "{status}"
        );
        let came = told(&mut server, on("payment", "settled"));
        assert_eq!(payment_to(&came, ANN)["amount"], eur(amount));
    }
    // What was authorized does not cover it.
    let mut server = processor();
    told(&mut server, on("payment", "authorized"));
    let came = instructs(&mut server, total("120.00"));
    assert_eq!(payment_to(&came, ANN)["state"], "pending");
}

#[test]
fn what_is_paid_in_part_counts_towards_the_new_total() {
    let partly = with(on("payment", "partly-paid"), "paid", eur("70.00"));
    for (amount, expected) in [
        ("120.00", ("partly-paid", "120.00", 2)),
        ("70.00", ("settled", "70.00", 2)),
        // More is paid: only the shop hears that it has to say so by a refund.
        ("60.00", ("partly-paid", "98.00", 1)),
    ] {
        let mut server = processor();
        told(&mut server, partly.clone());
        let came = instructs(&mut server, total(amount));
        let status = payment_to(&came, SHOP);
        assert_eq!(
            (states(&status), came.kinds().len()),
            (
                (&json!(expected.0), &eur(expected.1), &eur("70.00")),
                expected.2
            )
        );
    }
}

#[test]
fn an_instruction_that_was_overtaken_by_a_later_one_changes_nothing() {
    for in_order in [true, false] {
        let mut server = processor();
        server.later(60);
        let first = server.statement(SHOP, trade("T-1"), total("90.00"));
        server.later(60);
        let second = server.statement(SHOP, trade("T-1"), total("120.00"));
        let arrival = if in_order {
            [&first, &second]
        } else {
            [&second, &first]
        };
        let came = arrival.map(|s| server.receive(Server::letter(SHOP, s)));
        let last = payment_to(&came[1], SHOP);
        assert_eq!(last["amount"], eur("120.00"), "{in_order}");
        assert_eq!(came[1].kinds().len(), if in_order { 2 } else { 1 });
    }
    // Another currency is another payment.
    let mut server = processor();
    let pounds = json!({ "amount": "90.00", "currency": "GBP" });
    let came = instructs(&mut server, with(payment(), "amount", pounds));
    let refused = Ignored::AmountIsNotTheTotal {
        stated: "90.00 GBP".to_owned(),
        total: "98.00 EUR".to_owned(),
    };
    assert_eq!(came.outcome, PartyOutcome::Ignored(refused));
}

/// Protocol 4: no state of rank 2 says that something is due, so `settled` goes on saying what it settled.
// Requirements: E13
#[test]
fn a_settled_payment_of_which_more_is_to_be_paid_says_so_and_is_settled_again() {
    let mut server = processor();
    told(&mut server, on("payment", "settled"));
    let dearer = with(invoice("2026-12-15"), "amount", eur("120.00"));
    let came = instructs(&mut server, dearer);
    assert_eq!(came.kinds(), ["payment-status shop", "payment-status ann"]);
    let status = payment_to(&came, ANN);
    assert_eq!(
        states(&status),
        (&json!("settled"), &eur("98.00"), &Value::Null)
    );
    assert_eq!(status["settle"]["planned"], "2026-12-15T23:59:59Z");
    assert!(
        status["text"]
            .as_str()
            .unwrap()
            .contains("22.00 EUR is to be paid")
    );

    // What is said meanwhile says how much of the new total is paid.
    let mut disputed = server.clone();
    let came = told(&mut disputed, on("payment", "disputed"));
    assert_eq!(
        states(&payment_to(&came, ANN)),
        (&json!("disputed"), &eur("120.00"), &eur("98.00"))
    );

    server.later(3600);
    let came = told(&mut server, on("payment", "settled"));
    let status = payment_to(&came, ANN);
    assert_eq!(
        states(&status),
        (&json!("settled"), &eur("120.00"), &Value::Null)
    );
    assert_eq!(status["settle"]["actual"], json!(server.now));

    // The total goes down again before the rest is paid: there is no rest.
    let mut server = processor();
    told(&mut server, on("payment", "settled"));
    instructs(&mut server, total("120.00"));
    let came = instructs(&mut server, total("98.00"));
    let text = payment_to(&came, ANN)["text"].clone();
    assert!(text.as_str().unwrap().contains("nothing more"), "{text}");
}

// Requirements: E9
#[test]
fn of_a_settled_payment_less_goes_back_and_more_is_instructed() {
    let settled = || {
        let mut shop = Server::shop();
        let id = shop.order();
        processor_says(&mut shop, &id, (1, "settled"), json!({}));
        (shop, id)
    };
    let (mut shop, id) = settled();
    let came = costs(&mut shop, &id, "120.00");
    assert_eq!(to_processor(&came), ["payment-instruction processor"]);
    assert_eq!(
        came.body(Kind::PaymentInstruction, PROCESSOR)["amount"],
        eur("120.00")
    );

    let (mut shop, id) = settled();
    for (lower, refunded) in [("90.00", "8.00"), ("80.00", "18.00")] {
        let came = costs(&mut shop, &id, lower);
        assert_eq!(to_processor(&came), ["refund processor"]);
        let refund = came.body(Kind::Refund, PROCESSOR);
        assert_eq!(
            (&refund["amount"], &refund["refunded"]),
            (&eur("98.00"), &eur(refunded))
        );
    }
    // The sum of refunds never gets less.
    let why = refuses(&mut shop, &id, "95.00");
    assert!(why.contains("on its way back"), "{why}");
    // All that is left goes back with the trade.
    let came = shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    let refund = came.body(Kind::Refund, PROCESSOR);
    assert_eq!(
        (&refund["amount"], &refund["refunded"]),
        (&eur("98.00"), &eur("98.00"))
    );
}

/// Goods that are given back are worth what is left of the payment, not of the first total.
#[test]
fn a_return_after_a_lower_total_pays_back_what_is_left() {
    let mut shop = Server::shop();
    let id = shop.order();
    processor_says(&mut shop, &id, (1, "settled"), json!({}));
    costs(&mut shop, &id, "90.00");
    told(
        &mut shop,
        json!({ "trade": id, "track": "order", "state": "shipped" }),
    );
    shop.hears(ANN, trade(&id), json!({ "kind": "return" }));
    let accept = json!({ "trade": id, "return": "accept" });
    let more = with(accept.clone(), "refund", eur("90.01"));
    assert!(refused(&mut shop, more).contains("at most 90.00 EUR"));
    let came = told(&mut shop, accept);
    assert_eq!(came.body(Kind::ReturnDecision, ANN)["refund"], eur("90.00"));
    let refund = came.body(Kind::Refund, PROCESSOR);
    assert_eq!(
        (&refund["amount"], &refund["refunded"]),
        (&eur("98.00"), &eur("98.00"))
    );
}

/// The payment is made while the lower total is on its way: the processor takes it no more, and the shop
/// hears that.
#[test]
fn what_was_paid_before_a_lower_total_arrived_goes_back() {
    for (state, more, back) in [
        ("settled", json!({}), Some("8.00")),
        ("partly-paid", json!({ "paid": eur("95.00") }), Some("8.00")),
        ("partly-paid", json!({ "paid": eur("90.00") }), None),
        ("pending", json!({}), None),
        ("settled", json!({ "amount": eur("90.00") }), None),
    ] {
        let mut shop = Server::shop();
        let id = shop.order();
        costs(&mut shop, &id, "90.00");
        let came = processor_says(&mut shop, &id, (1, state), more.clone());
        let kinds: &[&str] = if back.is_some() {
            &["refund processor"]
        } else {
            &[]
        };
        assert_eq!(came.kinds(), kinds, "{state} {more}");
        if let Some(back) = back {
            let refund = came.body(Kind::Refund, PROCESSOR);
            assert_eq!(
                (&refund["amount"], &refund["refunded"]),
                (&eur("98.00"), &eur(back))
            );
            let again = processor_says(&mut shop, &id, (2, state), more);
            assert_eq!(again.kinds(), Vec::<String>::new(), "once");
        }
    }
    // It was cancelled meanwhile: all of it goes back.
    let mut shop = Server::shop();
    let id = shop.order();
    costs(&mut shop, &id, "90.00");
    shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    let came = processor_says(&mut shop, &id, (1, "settled"), json!({}));
    let refund = came.body(Kind::Refund, PROCESSOR);
    assert_eq!(
        (&refund["amount"], &refund["refunded"]),
        (&eur("98.00"), &eur("98.00"))
    );
}

/// Protocol 5, line 14: at the payment processor, a refund may name any total that it was told.
#[test]
fn a_refund_that_an_instruction_overtook_is_taken() {
    let refund =
        |amount: &str| json!({ "kind": "refund", "amount": eur(amount), "refunded": eur("10.00") });
    let mut server = processor();
    told(&mut server, on("payment", "settled"));
    instructs(&mut server, total("120.00"));
    told(&mut server, on("payment", "settled"));
    let unknown = instructs(&mut server, refund("110.00"));
    assert!(matches!(
        unknown.outcome,
        PartyOutcome::Ignored(Ignored::AmountIsNotTheTotal { .. })
    ));
    let came = instructs(&mut server, refund("98.00"));
    assert_eq!(
        states(&payment_to(&came, ANN)),
        (&json!("refund-pending"), &eur("120.00"), &Value::Null)
    );
}

/// Protocol 5, line 14: the total of any version.
#[test]
fn the_shop_hears_of_a_payment_by_the_total_of_any_version() {
    let mut shop = Server::shop();
    let id = shop.order();
    costs(&mut shop, &id, "90.00");
    for (sequence, amount, is_heard) in
        [(1, "98.00", true), (2, "91.00", false), (2, "90.00", true)]
    {
        let amount = json!({ "amount": eur(amount) });
        let came = processor_says(&mut shop, &id, (sequence, "pending"), amount.clone());
        let heard = matches!(came.outcome, PartyOutcome::Heard { .. });
        assert_eq!(heard, is_heard, "{amount} {:?}", came.outcome);
    }
}

#[test]
fn totals_that_no_statement_could_tell_are_refused() {
    let paid = |state: &str, refunded: Option<&str>| {
        let mut shop = Server::shop();
        let id = shop.order();
        if let Some(refunded) = refunded {
            let line = json!([{ "line": 0, "quantity": 1 }]);
            let came = shop.hears(ANN, trade(&id), json!({ "kind": "return", "lines": line }));
            assert_eq!(
                came.body(Kind::Refund, PROCESSOR)["refunded"],
                eur(refunded)
            );
        }
        processor_says(&mut shop, &id, (1, state), json!({}));
        (shop, id)
    };
    let (mut shop, id) = paid("pending", Some("49.00"));
    assert!(refuses(&mut shop, &id, "48.00").contains("49.00 EUR is paid back"));
    costs(&mut shop, &id, "49.00");
    let (mut shop, id) = paid("voided", None);
    assert!(refuses(&mut shop, &id, "90.00").contains("the payment is voided"));
    costs(&mut shop, &id, "98.00");
}

/// E27: no letter goes from the shop to the processor, as both are one.
#[test]
fn a_server_that_is_its_own_processor_follows_the_total_as_well() {
    let costs = |server: &mut Server, id: &str, total: &str| {
        told(server, json!({ "record": version(id, SHOP, SHOP, total) }))
    };
    for (before, amount, expected) in [
        ("due", "90.00", ("due", "90.00")),
        ("due", "120.00", ("due", "120.00")),
        ("settled", "90.00", ("refund-pending", "98.00")),
        ("settled", "120.00", ("settled", "98.00")),
    ] {
        let mut server = Server::all_in_one();
        let id = server.order();
        let line = |state: &str| with(on("payment", state), "trade", json!(id));
        told(&mut server, line(before));
        let came = costs(&mut server, &id, amount);
        let status = payment_to(&came, ANN);
        assert_eq!(
            (&status["state"], &status["amount"]),
            (&json!(expected.0), &eur(expected.1)),
            "{before} {amount}"
        );
        let end = if expected.0 == "refund-pending" {
            "partly-refunded"
        } else {
            "settled"
        };
        let status = payment_to(&told(&mut server, line(end)), ANN);
        let paid_by = if expected.0 == "refund-pending" {
            "98.00"
        } else {
            amount
        };
        assert_eq!(
            (&status["state"], &status["amount"]),
            (&json!(end), &eur(paid_by))
        );
        if end == "partly-refunded" {
            assert_eq!(status["refunded"], eur("8.00"));
        }
    }
}
