//! The payment is authorized before there is a trade (E3).

use serde_json::{Value, json};
use tradepost_parties::kernel::settings::AuthorizeAnswer;
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_parties::shop;
use tradepost_statements::order::PaymentMethod;
use tradepost_statements::{Kind, RequestId, wire};

use crate::server::{
    ANN, CARRIER, Came, PROCESSOR, REQUEST, SHOP, Server, buyer, eur, order_body, trade,
};

const DAY: u64 = 24 * 3600;

pub(crate) fn authorizing(mut server: Server) -> Server {
    let table = &mut server.settings.shop.as_mut().unwrap().payment;
    for procedure in table.values_mut() {
        procedure.authorize = true;
    }
    server
}

fn order(shop: &mut Server) -> Came {
    shop.hears(ANN, json!({ "request": REQUEST }), order_body())
}

/// Orders; gives the trade's name and the question's id.
fn ordered(shop: &mut Server) -> (String, String) {
    let came = order(shop);
    let asked = came.of(Kind::Authorize, PROCESSOR);
    let id = asked.trade.as_ref().unwrap().id.to_string();
    (id, asked.id.to_string())
}

fn answer(shop: &mut Server, from: &str, (id, asked): (&str, &str), approved: bool) -> Came {
    let mut about = trade(id);
    about["answers"] = json!(asked);
    let mut body = json!({ "kind": "authorization", "approved": approved });
    if !approved {
        body["text"] = json!("The card has expired.");
    }
    shop.hears(from, about, body)
}

/// All that is due now.
fn due(shop: &mut Server) -> Vec<Came> {
    let mut all = Vec::new();
    loop {
        let came = shop.tick();
        if came.outcome == PartyOutcome::Ignored(Ignored::NothingDue) {
            return all;
        }
        all.push(came);
    }
}

fn kinds(all: &[Came]) -> Vec<String> {
    all.iter().flat_map(Came::kinds).collect()
}

// Requirements: E3
#[test]
fn an_order_becomes_a_trade_when_its_payment_is_authorized_and_nothing_leaves_before() {
    let mut shop = authorizing(Server::shop());
    let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    let came = shop.receive(Server::letter(ANN, &statement));
    assert_eq!(came.kinds(), ["authorize processor"]);
    assert!(shop.trades().is_empty());
    let asked = came.of(Kind::Authorize, PROCESSOR);
    let body = came.body(Kind::Authorize, PROCESSOR);
    assert_eq!(body["amount"], eur("98.00"));
    assert_eq!(
        (&body["method"], &body["reference"], &body["buyer_mail"]),
        (&json!("credit-card"), &json!("tok_1"), &json!(ANN))
    );
    assert_eq!(body["buyer"], buyer());
    let id = asked.trade.as_ref().unwrap().id.to_string();
    let waiting = shop::waiting_orders(&shop.rows, 10);
    assert_eq!(waiting.len(), 1);
    assert_eq!(
        (waiting[0].id.as_str(), waiting[0].buyer.as_str()),
        (id.as_str(), ANN)
    );

    shop.later(60);
    let asked = asked.id.to_string();
    let came = answer(&mut shop, PROCESSOR, (&id, &asked), true);
    let expected = [
        "trade-record ann",
        "order-status ann",
        "payment-instruction processor",
        "delivery-instruction carrier",
    ];
    assert_eq!(came.kinds(), expected);
    let record = came.of(Kind::TradeRecord, ANN);
    assert_eq!(json!(record.answers), statement["id"]);
    assert_eq!(record.request, Some(REQUEST.parse::<RequestId>().unwrap()));
    assert_eq!(record.trade.as_ref().unwrap().id.as_str(), id);
    assert_eq!(came.body(Kind::TradeRecord, ANN)["placed"], json!(shop.now));
    assert!(shop::waiting_orders(&shop.rows, 10).is_empty());
    assert_eq!(
        came.body(Kind::PaymentInstruction, PROCESSOR)["reference"],
        "tok_1"
    );
    // Only the instructions wait for an answer now.
    shop.later(301);
    assert_eq!(kinds(&due(&mut shop)).len(), 2);
}

// Requirements: E3
#[test]
fn a_declined_order_is_rejected_with_the_processors_text_and_stays_rejected() {
    let mut shop = authorizing(Server::shop());
    let (id, asked) = ordered(&mut shop);
    let came = answer(&mut shop, PROCESSOR, (&id, &asked), false);
    assert_eq!(came.kinds(), ["order-rejected ann"]);
    let body = came.body(Kind::OrderRejected, ANN);
    assert_eq!(body["reason"], "declined");
    assert_eq!(
        body["text"],
        "The payment was declined: The card has expired."
    );
    assert!(shop.trades().is_empty());
    // Q8, Q4.
    assert_eq!(order(&mut shop).said, came.said);
    let status = json!({ "kind": "status-request" });
    let asked_again = shop.hears(ANN, json!({ "request": REQUEST }), status);
    assert_eq!(asked_again.said, came.said);
    // The question is not asked again, and another answer to it changes nothing.
    shop.later(DAY * 7);
    assert!(due(&mut shop).iter().all(|c| c.said.is_empty()));
    assert!(
        answer(&mut shop, PROCESSOR, (&id, &asked), true)
            .said
            .is_empty()
    );
    assert!(shop.trades().is_empty());
}

// Requirements: E3, Q8
#[test]
fn an_order_repeated_while_it_waits_is_not_made_twice_and_gets_its_answer_once_there_is_one() {
    let mut shop = authorizing(Server::shop());
    let statement = shop.statement(ANN, json!({ "request": REQUEST }), order_body());
    let first = shop.receive(Server::letter(ANN, &statement));
    let asked = first.of(Kind::Authorize, PROCESSOR).clone();
    let id = asked.trade.unwrap().id;
    for _ in 0..3 {
        let again = shop.receive(Server::letter(ANN, &statement));
        assert_eq!(
            again.outcome,
            PartyOutcome::AuthorizationAwaited(id.clone())
        );
        assert!(again.said.is_empty());
    }
    let came = answer(
        &mut shop,
        PROCESSOR,
        (id.as_str(), &asked.id.to_string()),
        true,
    );
    let again = shop.receive(Server::letter(ANN, &statement));
    assert_eq!(again.said, [came.of(Kind::TradeRecord, ANN).clone()]);
    assert_eq!(shop.trades().len(), 1);
}

/// Q4, Q5: neither `unknown-trade`, upon which the client would order again, nor anything else;
/// the answer to the order is the answer to these as well.
// Requirements: Q4
#[test]
fn what_is_asked_by_request_while_the_order_waits_is_answered_by_the_record() {
    let mut shop = authorizing(Server::shop());
    let (id, asked) = ordered(&mut shop);
    let by_request = json!({ "request": REQUEST });
    let early = shop.hears(ANN, by_request.clone(), json!({ "kind": "status-request" }));
    assert!(early.said.is_empty());
    let wishes = json!({ "kind": "notify", "on": ["delivery"] });
    assert!(shop.hears(ANN, by_request.clone(), wishes).said.is_empty());
    // Somebody else learns nothing.
    let mallory = "mallory@evil.example";
    let asks = json!({ "kind": "status-request" });
    let hers = json!({ "request": REQUEST.replace(ANN, mallory) });
    let came = shop.hears(mallory, hers, asks.clone());
    assert_eq!(came.kinds(), ["unknown-trade mallory@evil.example"]);
    let came = answer(&mut shop, PROCESSOR, (&id, &asked), true);
    // The wishes count: an order status is not among them.
    assert!(came.kinds().contains(&"trade-record ann".to_owned()));
    assert!(!came.kinds().contains(&"order-status ann".to_owned()));
    let late = shop.hears(ANN, by_request, asks);
    assert_eq!(late.kinds(), ["trade-record ann", "order-status ann"]);
}

// Requirements: E3
#[test]
fn a_cancel_while_the_order_waits_rejects_it_and_voids_what_is_authorized() {
    let mut shop = authorizing(Server::shop());
    let (id, asked) = ordered(&mut shop);
    let by_request = json!({ "request": REQUEST });
    let cancel = shop.statement(ANN, by_request.clone(), json!({ "kind": "cancel" }));
    let came = shop.receive(Server::letter(ANN, &cancel));
    assert_eq!(came.kinds(), ["order-rejected ann", "refund processor"]);
    assert_eq!(
        came.body(Kind::OrderRejected, ANN)["reason"],
        "cancelled-by-buyer"
    );
    assert_eq!(
        json!(came.of(Kind::OrderRejected, ANN).answers),
        cancel["id"]
    );
    let refund = came.body(Kind::Refund, PROCESSOR);
    assert_eq!(
        (&refund["amount"], &refund["refunded"]),
        (&eur("98.00"), &eur("98.00"))
    );
    // The order is answered the same from now on.
    assert_eq!(
        order(&mut shop).said,
        [came.of(Kind::OrderRejected, ANN).clone()]
    );
    // An approval that comes late makes no trade; the refund goes on being sent.
    let late = answer(&mut shop, PROCESSOR, (&id, &asked), true);
    assert!(late.said.is_empty() && shop.trades().is_empty());
    shop.later(301);
    assert_eq!(kinds(&due(&mut shop)), ["refund processor"]);
    // Until it is answered.
    let mut about = trade(&id);
    about["answers"] = json!(came.of(Kind::Refund, PROCESSOR).id);
    let voided = json!({ "kind": "payment-status", "sequence": 1, "state": "voided",
                         "amount": eur("98.00"), "at": shop.now, "settle": {} });
    let heard = shop.hears(PROCESSOR, about, voided);
    assert!(
        matches!(heard.outcome, PartyOutcome::Heard { .. }),
        "{:?}",
        heard.outcome
    );
    shop.later(DAY * 7);
    assert!(kinds(&due(&mut shop)).is_empty());
}

#[test]
fn a_cancelled_order_that_is_declined_afterwards_has_nothing_to_void() {
    let mut shop = authorizing(Server::shop());
    let (id, asked) = ordered(&mut shop);
    shop.hears(
        ANN,
        json!({ "request": REQUEST }),
        json!({ "kind": "cancel" }),
    );
    answer(&mut shop, PROCESSOR, (&id, &asked), false);
    shop.later(301);
    assert!(kinds(&due(&mut shop)).is_empty());
}

/// Protocol 7: "5 min, doubling to 6 h; `authorization` missing after 1 day: rejects the order".
// Requirements: E3
#[test]
fn without_an_answer_it_is_asked_again_and_the_order_is_rejected_after_a_day() {
    let mut shop = authorizing(Server::shop());
    let (id, asked) = ordered(&mut shop);
    let start = shop.now;
    let mut asked_after = Vec::new();
    let mut rejected_after = None;
    for _ in 0..(30 * 12) {
        shop.later(300);
        for came in due(&mut shop) {
            let minutes = shop.now.since(start).as_secs() / 60;
            let kinds = came.kinds();
            if kinds == ["authorize processor"] && rejected_after.is_none() {
                asked_after.push(minutes);
            }
            if kinds.contains(&"order-rejected ann".to_owned()) {
                assert!(rejected_after.is_none());
                rejected_after = Some(minutes);
                assert_eq!(kinds, ["order-rejected ann", "refund processor"]);
                assert_eq!(came.body(Kind::OrderRejected, ANN)["reason"], "declined");
                assert!(matches!(came.outcome, PartyOutcome::OperatorActs { .. }));
            }
        }
    }
    assert_eq!(asked_after, [5, 15, 35, 75, 155, 315, 635, 995, 1355]);
    assert_eq!(rejected_after, Some(24 * 60));
    // A late approval makes no trade.
    assert!(
        answer(&mut shop, PROCESSOR, (&id, &asked), true)
            .said
            .is_empty()
    );
    assert!(shop.trades().is_empty());
}

#[test]
fn a_shop_that_slept_a_week_asks_once_and_rejects_once() {
    let mut shop = authorizing(Server::shop());
    ordered(&mut shop);
    shop.later(7 * DAY);
    let said = kinds(&due(&mut shop));
    assert_eq!(
        said,
        [
            "authorize processor",
            "order-rejected ann",
            "refund processor"
        ]
    );
    // An approval that lay in the mailbox meanwhile comes before that, if it is read first.
    let mut shop = authorizing(Server::shop());
    let (id, asked) = ordered(&mut shop);
    shop.later(7 * DAY);
    let came = answer(&mut shop, PROCESSOR, (&id, &asked), true);
    assert!(matches!(came.outcome, PartyOutcome::TradeMade(_)));
    assert!(!kinds(&due(&mut shop)).contains(&"order-rejected ann".to_owned()));
}

#[test]
fn how_long_an_authorization_is_awaited_is_configured() {
    for (seconds, rejected) in [(599, false), (600, true)] {
        let mut shop = authorizing(Server::shop());
        shop.settings.timers.authorization = std::time::Duration::from_secs(600);
        ordered(&mut shop);
        shop.later(seconds);
        let said = kinds(&due(&mut shop));
        assert_eq!(said.contains(&"order-rejected ann".to_owned()), rejected);
    }
}

/// Protocol 5, lines 8 and 13 (E16).
#[test]
fn only_the_processors_answer_to_this_very_question_counts() {
    let other = "01932c07-9a2e-7c11-8f54-0f6a1c0d9e99";
    for (from, answers, counts) in [
        (PROCESSOR, None, true),
        (CARRIER, None, false),
        ("billing@pay.exemple", None, false),
        (PROCESSOR, Some(other), false),
    ] {
        for approved in [true, false] {
            let mut shop = authorizing(Server::shop());
            let (id, asked) = ordered(&mut shop);
            let asked = answers.unwrap_or(&asked).to_owned();
            let came = answer(&mut shop, from, (&id, &asked), approved);
            assert_eq!(!came.said.is_empty(), counts, "{from} {approved}");
            assert_eq!(!shop.trades().is_empty(), counts && approved);
        }
    }
}

/// E27: no letters to itself.
#[test]
fn a_shop_that_is_its_own_processor_decides_at_once() {
    for (how, made) in [
        (AuthorizeAnswer::Approve, true),
        (AuthorizeAnswer::Decline, false),
    ] {
        let mut server = authorizing(Server::all_in_one());
        server.settings.payment.as_mut().unwrap().authorize = how;
        let came = order(&mut server);
        if made {
            assert_eq!(came.kinds()[0], "trade-record ann");
        } else {
            assert_eq!(came.kinds(), ["order-rejected ann"]);
            assert_eq!(came.body(Kind::OrderRejected, ANN)["reason"], "declined");
        }
        assert_eq!(server.trades().len(), usize::from(made));
        server.later(7 * DAY);
        assert!(!kinds(&due(&mut server)).contains(&"order-rejected ann".to_owned()));
    }
}

#[test]
fn only_the_methods_that_say_so_are_authorized_first() {
    for method in [PaymentMethod::CreditCard, PaymentMethod::BankTransfer] {
        let mut shop = Server::shop();
        let table = &mut shop.settings.shop.as_mut().unwrap().payment;
        table.get_mut(&PaymentMethod::CreditCard).unwrap().authorize = true;
        let body = crate::server::with(order_body(), "payment/method", json!(method));
        let came = shop.hears(ANN, json!({ "request": REQUEST }), body);
        let first = came.kinds()[0].clone();
        let expected: Value = match method {
            PaymentMethod::CreditCard => json!("authorize processor"),
            PaymentMethod::BankTransfer | PaymentMethod::EMoney | PaymentMethod::Nothing => {
                json!("trade-record ann")
            }
        };
        assert_eq!(json!(first), expected);
    }
}

/// `SHOP` is the name of the trade's shop, however many are asked about.
#[test]
fn two_orders_are_authorized_apart() {
    let mut shop = authorizing(Server::shop());
    let (first, asked_first) = ordered(&mut shop);
    let other = REQUEST.replace("9e21", "9e22");
    let came = shop.hears(ANN, json!({ "request": other }), order_body());
    let asked = came.of(Kind::Authorize, PROCESSOR).clone();
    let name = asked.trade.unwrap();
    assert_ne!(name.id.as_str(), first);
    assert_eq!(name.shop.as_str(), SHOP);
    // The answer to one does not answer the other.
    let crossed = answer(&mut shop, PROCESSOR, (&first, &asked.id.to_string()), true);
    assert!(crossed.said.is_empty());
    answer(&mut shop, PROCESSOR, (&first, &asked_first), false);
    let made = answer(
        &mut shop,
        PROCESSOR,
        (name.id.as_str(), &asked.id.to_string()),
        true,
    );
    assert!(matches!(made.outcome, PartyOutcome::TradeMade(_)));
    assert_eq!(shop.trades().len(), 1);
}

/// E27: the operator answers, and until then the order waits as it does for another server.
// Requirements: E3
#[test]
fn a_shop_that_is_its_own_processor_can_ask_its_operator() {
    let asking = || {
        let mut server = authorizing(Server::all_in_one());
        server.settings.payment.as_mut().unwrap().authorize = AuthorizeAnswer::Ask;
        let came = order(&mut server);
        assert!(came.said.is_empty());
        let id = shop::waiting_orders(&server.rows, 9)[0].id.to_string();
        (server, id)
    };
    let answers = |server: &mut Server, id: &str, word: &str| {
        let line = json!({ "key": word, "trade": id, "authorize": word });
        server.emit(&line).map(|(_, came)| came.kinds())
    };
    let (mut server, id) = asking();
    let said = answers(&mut server, &id, "approve").unwrap();
    assert_eq!(said[0], "trade-record ann");
    assert_eq!(
        server.trades()[0].payment.as_ref().unwrap().state.word(),
        "authorized"
    );
    let (mut server, id) = asking();
    let said = answers(&mut server, &id, "decline").unwrap();
    assert_eq!(said, ["order-rejected ann"]);
    // Cancelled, or not answered for a day: there is nothing left to decide.
    for cancelled in [true, false] {
        let (mut server, id) = asking();
        if cancelled {
            let by_request = json!({ "request": REQUEST });
            let came = server.hears(ANN, by_request, json!({ "kind": "cancel" }));
            assert_eq!(came.kinds(), ["order-rejected ann"]);
        } else {
            server.later(DAY);
            assert_eq!(kinds(&due(&mut server)), ["order-rejected ann"]);
        }
        assert!(answers(&mut server, &id, "approve").is_err());
        assert!(server.trades().is_empty());
    }
}

/// Whatever arrives first at the payment processor, in the end nothing is authorized and nobody
/// waits for anything.
// Requirements: E3
#[test]
fn a_cancelled_order_leaves_nothing_authorized_in_whatever_order_letters_arrive() {
    for refund_first in [true, false] {
        let mut shop = authorizing(Server::shop());
        let mut processor = Server::processor();
        processor.settings.payment.as_mut().unwrap().authorize = AuthorizeAnswer::Approve;
        let mut letters = order(&mut shop).said;
        let cancel = json!({ "kind": "cancel" });
        letters.extend(shop.hears(ANN, json!({ "request": REQUEST }), cancel).said);
        if refund_first {
            letters.reverse();
        }
        for _ in 0..20 {
            let mut back = Vec::new();
            for letter in letters.drain(..).filter(|s| s.to.as_str() == PROCESSOR) {
                let letter = Server::letter(SHOP, &wire::to_value(&letter));
                back.extend(processor.receive(letter).said);
            }
            for letter in back.into_iter().filter(|s| s.to.as_str() == SHOP) {
                let letter = Server::letter(PROCESSOR, &wire::to_value(&letter));
                letters.extend(shop.receive(letter).said);
            }
            shop.later(DAY / 2);
            processor.later(DAY / 2);
            letters.extend(due(&mut shop).into_iter().flat_map(|c| c.said));
        }
        assert!(letters.is_empty(), "{refund_first}: nothing is waited for");
        assert!(shop.trades().is_empty());
        assert!(due(&mut shop).iter().all(|c| c.said.is_empty()));
        // A later instruction would be answered as voided or declined, never charged.
        let states = processor.trades();
        let held = states.iter().filter_map(|t| t.payment.as_ref());
        assert!(held.clone().all(|p| p.state.word() == "voided"));
    }
}
