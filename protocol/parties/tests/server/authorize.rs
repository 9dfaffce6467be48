//! `authorize` (E3): approved, declined, or decided by the operator; nothing is lost on the way and
//! nothing decided twice.

use serde_json::{Value, json};
use tradepost_parties::kernel::settings::AuthorizeAnswer;
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_parties::payment::authorizations;
use tradepost_statements::{Amount, Kind, wire};

use crate::scene::{payment, payment_to, refund, refused, told};
use crate::server::{ANN, Came, SHOP, Server, buyer, eur, trade, with};

fn processor(answer: AuthorizeAnswer) -> Server {
    let mut server = Server::processor();
    server.settings.payment.as_mut().unwrap().authorize = answer;
    server
}

fn question() -> Value {
    json!({ "kind": "authorize", "amount": eur("98.00"), "method": "credit-card",
            "reference": "tok_1", "buyer": buyer(), "buyer_mail": ANN })
}

fn answer(word: &str) -> Value {
    json!({ "trade": "T-1", "authorize": word })
}

fn approved(came: &Came) -> bool {
    let said = came.of(Kind::Authorization, SHOP);
    assert!(said.answers.is_some());
    came.body(Kind::Authorization, SHOP)["approved"] == true
}

/// How many authorizations wait for the operator.
fn waiting(server: &Server) -> usize {
    authorizations(&server.rows, 100).len()
}

// Requirements: E3
#[test]
fn a_processor_approves_or_declines_as_configured() {
    for (how, expected) in [
        (AuthorizeAnswer::Approve, true),
        (AuthorizeAnswer::Decline, false),
    ] {
        let came = processor(how).hears(SHOP, trade("T-1"), question());
        assert_eq!(
            came.kinds(),
            ["authorization shop"],
            "the buyer hears nothing yet"
        );
        assert_eq!(approved(&came), expected);
    }
}

#[test]
fn only_a_configured_shop_may_ask_and_only_about_its_own_trades() {
    let mut server = processor(AuthorizeAnswer::Approve);
    let other = "orders@other.example";
    let of_other = json!({ "trade": { "shop": other, "id": "T-1" } });
    for (from, about) in [
        (other, of_other),
        (other, trade("T-1")),
        (ANN, trade("T-1")),
    ] {
        let came = server.hears(from, about, question());
        let refused = matches!(
            came.outcome,
            PartyOutcome::Ignored(Ignored::SenderMayNotInstruct { .. })
        );
        assert!(refused && came.said.is_empty(), "{from}");
    }
    assert!(approved(&server.hears(SHOP, trade("T-1"), question())));
}

// Requirements: E3
#[test]
fn up_to_a_limit_it_approves_and_above_it_asks_the_operator() {
    let most: Amount = "98.00 EUR".parse().unwrap();
    for (amount, currency, is_asked) in [
        ("98.00", "EUR", false),
        ("98.01", "EUR", true),
        ("98.00", "USD", true),
    ] {
        let mut server = processor(AuthorizeAnswer::ApproveUpTo(most));
        let amount = json!({ "amount": amount, "currency": currency });
        let came = server.hears(SHOP, trade("T-1"), with(question(), "amount", amount));
        assert_eq!(came.said.is_empty(), is_asked);
        assert_eq!(waiting(&server), usize::from(is_asked));
    }
}

// Requirements: E3
#[test]
fn the_operator_answers_with_a_line_and_the_shop_hears_it_once_it_is_decided() {
    for (word, expected) in [("approve", true), ("decline", false)] {
        let mut server = processor(AuthorizeAnswer::Ask);
        let statement = server.statement(SHOP, trade("T-1"), question());
        let came = server.receive(Server::letter(SHOP, &statement));
        assert!(came.said.is_empty());
        let PartyOutcome::AuthorizationAsked { amount, .. } = &came.outcome else {
            panic!("{:?}", came.outcome);
        };
        assert_eq!(amount.to_string(), "98.00 EUR");
        assert!(
            came.outcome
                .to_string()
                .contains("\"authorize\":\"approve\"")
        );
        let waits = authorizations(&server.rows, 100);
        assert_eq!(
            waits[0].wanted.reference.as_ref().unwrap().as_str(),
            "tok_1"
        );
        // The shop asks again for want of an answer: it stays one question.
        server.later(300);
        assert!(
            server
                .receive(Server::letter(SHOP, &statement))
                .said
                .is_empty()
        );
        assert_eq!(waiting(&server), 1);
        let line = with(answer(word), "text", json!("By hand."));
        let came = told(&mut server, line);
        assert_eq!(came.kinds(), ["authorization shop"]);
        assert_eq!(approved(&came), expected);
        assert_eq!(
            came.said[0].answers.unwrap().to_string(),
            statement["id"].as_str().unwrap()
        );
        assert_eq!(came.body(Kind::Authorization, SHOP)["text"], "By hand.");
        assert_eq!(waiting(&server), 0);
        // Asked again, it repeats that very statement.
        let again = server.receive(Server::letter(SHOP, &statement));
        assert_eq!(again.said, came.said);
        assert_eq!(again.outcome, PartyOutcome::AnswerRepeated);
    }
}

#[test]
fn a_decision_is_made_once_and_a_line_that_is_repeated_gets_the_same_answer() {
    let mut server = processor(AuthorizeAnswer::Ask);
    server.hears(SHOP, trade("T-1"), question());
    let line = with(answer("approve"), "key", json!("bank-1"));
    let (id, _) = server.emit(&line).unwrap();
    let (again, came) = server.emit(&line).unwrap();
    assert_eq!(again, id);
    assert!(came.said.is_empty());
    let why = refused(&mut server, answer("decline"));
    assert!(
        why.contains("was approved at") && why.contains("decided once"),
        "{why}"
    );
}

#[test]
fn an_answer_that_cannot_be_is_refused_with_its_reason() {
    let good = answer("approve");
    let asked = || {
        let mut server = processor(AuthorizeAnswer::Ask);
        server.hears(SHOP, trade("T-1"), question());
        server
    };
    for (path, bad, says) in [
        ("authorize", json!("perhaps"), "approve, decline"),
        ("authorize", json!(true), "authorize"),
        ("trade", json!("T-2"), "no shop has asked"),
        ("trade", json!(null), "trade: is missing"),
        ("shop", json!("orders@other.example"), "no shop has asked"),
        (
            "until",
            json!("2026-11-20T10:00:00Z"),
            "until: lies in the past",
        ),
        ("until", json!("soon"), "until"),
        ("code", json!(7), "code"),
        ("text", json!("x".repeat(17_000)), "16"),
        ("state", json!("settled"), "unknown member \"state\""),
    ] {
        let why = refused(&mut asked(), with(good.clone(), path, bad.clone()));
        assert!(why.contains(says), "{path} {bad}: {why}");
        told(&mut asked(), good.clone());
    }
    let until = with(answer("decline"), "until", json!("2026-12-01T00:00:00Z"));
    let why = refused(&mut asked(), until);
    assert!(why.contains("how long an approval holds"), "{why}");
    let why = refused(&mut Server::carrier(), good.clone());
    assert!(why.contains("no payment processor"), "{why}");
    let why = refused(&mut processor(AuthorizeAnswer::Ask), good);
    assert!(why.contains("no shop has asked"), "{why}");
}

#[test]
fn of_two_shops_with_one_trade_id_the_line_names_one() {
    let other = "orders@other.example";
    let mut server = processor(AuthorizeAnswer::Ask);
    let shops = &mut server.settings.payment.as_mut().unwrap().shops;
    shops.insert(other.parse().unwrap());
    server.hears(SHOP, trade("T-1"), question());
    let of_other = json!({ "trade": { "shop": other, "id": "T-1" } });
    server.hears(other, of_other, question());
    let why = refused(&mut server, answer("approve"));
    assert!(why.contains(SHOP) && why.contains(other), "{why}");
    let came = told(&mut server, with(answer("approve"), "shop", json!(other)));
    assert_eq!(came.said[0].to.as_str(), other);
    // One is left.
    assert!(approved(&told(&mut server, answer("approve"))));
}

#[test]
fn an_approved_payment_begins_as_authorized_while_the_approval_holds() {
    for (answer, instructed, state) in [
        (AuthorizeAnswer::Approve, "98.00", "authorized"),
        (AuthorizeAnswer::Approve, "90.00", "authorized"),
        (AuthorizeAnswer::Approve, "98.01", "pending"),
        (AuthorizeAnswer::Decline, "98.00", "pending"),
    ] {
        let mut server = processor(answer);
        server.hears(SHOP, trade("T-1"), question());
        let body = with(payment(), "amount", eur(instructed));
        let came = server.hears(SHOP, trade("T-1"), body);
        assert_eq!(
            payment_to(&came, ANN)["state"],
            state,
            "{answer:?} {instructed}"
        );
        assert_eq!(payment_to(&came, ANN)["amount"], eur(instructed));
    }
    for (later, state) in [(3_599, "authorized"), (3_600, "pending")] {
        let mut server = processor(AuthorizeAnswer::Ask);
        server.hears(SHOP, trade("T-1"), question());
        let until = json!("2026-11-20T11:00:00Z");
        told(&mut server, with(answer("approve"), "until", until));
        server.later(later);
        let came = server.hears(SHOP, trade("T-1"), payment());
        assert_eq!(payment_to(&came, ANN)["state"], state, "{later}");
    }
}

#[test]
fn another_question_about_the_trade_is_decided_anew_and_the_same_one_is_not() {
    let mut server = processor(AuthorizeAnswer::Ask);
    server.hears(SHOP, trade("T-1"), question());
    told(&mut server, answer("approve"));
    let came = server.hears(SHOP, trade("T-1"), question());
    assert!(approved(&came));
    for other in [
        with(question(), "amount", eur("120.00")),
        with(question(), "reference", json!("tok_2")),
    ] {
        let came = server.hears(SHOP, trade("T-1"), other);
        assert!(matches!(
            came.outcome,
            PartyOutcome::AuthorizationAsked { .. }
        ));
        told(&mut server, answer("decline"));
    }
}

// Requirements: E3
#[test]
fn what_the_shop_calls_off_before_it_instructs_is_voided_and_only_the_shop_hears_of_it() {
    let mut server = processor(AuthorizeAnswer::Approve);
    server.hears(SHOP, trade("T-1"), question());
    let wrong = with(refund("97.00"), "amount", eur("97.00"));
    assert!(server.hears(SHOP, trade("T-1"), wrong).said.is_empty());
    let came = server.hears(SHOP, trade("T-1"), refund("98.00"));
    assert_eq!(came.kinds(), ["payment-status shop"]);
    let status = payment_to(&came, SHOP);
    assert_eq!(status["state"], "voided");
    assert!(came.said[0].answers.is_some());
    // What comes later starts nothing.
    let came = server.hears(SHOP, trade("T-1"), payment());
    assert_eq!(payment_to(&came, SHOP), status);
    for later in [question(), with(question(), "reference", json!("tok_2"))] {
        assert!(!approved(&server.hears(SHOP, trade("T-1"), later)));
    }
}

#[test]
fn what_the_shop_calls_off_while_the_operator_thinks_is_declined() {
    let mut server = processor(AuthorizeAnswer::Ask);
    server.hears(SHOP, trade("T-1"), question());
    let came = server.hears(SHOP, trade("T-1"), refund("98.00"));
    assert_eq!(came.kinds(), ["authorization shop", "payment-status shop"]);
    assert!(!approved(&came));
    assert_eq!(waiting(&server), 0);
    let why = refused(&mut server, answer("approve"));
    assert!(why.contains("called the payment of"), "{why}");
}

#[test]
fn a_question_that_a_refund_overtook_is_declined() {
    let mut server = processor(AuthorizeAnswer::Approve);
    server.hears(SHOP, trade("T-1"), refund("98.00"));
    assert!(!approved(&server.hears(SHOP, trade("T-1"), question())));
    assert!(approved(&server.hears(SHOP, trade("T-2"), question())));
}

#[test]
fn a_buyer_who_asks_between_authorization_and_instruction_is_answered_and_others_are_not() {
    let ask = json!({ "kind": "status-request" });
    let mut server = processor(AuthorizeAnswer::Approve);
    server.hears(SHOP, trade("T-1"), question());
    let bob = "bob@home.example";
    let came = server.hears(bob, trade("T-1"), ask.clone());
    assert_eq!(came.kinds(), ["unknown-trade bob@home.example"]);
    let came = server.hears(ANN, trade("T-1"), ask.clone());
    assert_eq!(payment_to(&came, ANN)["state"], "authorized");
    // The instruction adds nothing that the buyer does not know.
    let came = server.hears(SHOP, trade("T-1"), payment());
    assert_eq!(came.kinds(), ["payment-status shop"]);
    assert_eq!(payment_to(&came, SHOP)["state"], "authorized");
    // What was declined, or is not decided, has no track.
    for how in [AuthorizeAnswer::Decline, AuthorizeAnswer::Ask] {
        let mut server = processor(how);
        server.hears(SHOP, trade("T-1"), question());
        let came = server.hears(ANN, trade("T-1"), ask.clone());
        assert_eq!(came.kinds(), ["unknown-trade ann"]);
    }
}

#[test]
fn an_answer_can_be_read_by_whoever_asked() {
    let mut server = processor(AuthorizeAnswer::Ask);
    server.hears(SHOP, trade("T-1"), question());
    let mut line = with(answer("approve"), "code", json!("A-17"));
    line["until"] = json!("2026-11-27T10:00:00Z");
    let came = told(&mut server, line);
    let value = wire::to_value(&came.said[0]);
    let expected = json!({ "kind": "authorization", "approved": true, "code": "A-17",
                           "until": "2026-11-27T10:00:00Z" });
    assert_eq!(value["body"], expected);
}

#[test]
fn an_approval_that_has_run_out_is_decided_anew() {
    let mut server = processor(AuthorizeAnswer::Ask);
    server.hears(SHOP, trade("T-1"), question());
    let until = json!("2026-11-20T11:00:00Z");
    told(&mut server, with(answer("approve"), "until", until));
    server.later(3_599);
    assert!(approved(&server.hears(SHOP, trade("T-1"), question())));
    server.later(1);
    let came = server.hears(SHOP, trade("T-1"), question());
    assert!(matches!(
        came.outcome,
        PartyOutcome::AuthorizationAsked { .. }
    ));
    told(&mut server, answer("decline"));
    let came = server.hears(SHOP, trade("T-1"), payment());
    assert_eq!(payment_to(&came, ANN)["state"], "pending");
}
