//! A carrier and a payment processor as servers of their own, typed at as their operators do.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use tradepost_statements::{Body, Kind, Statement, wire};

use support::{
    ANN, CARRIER, PROCESSOR, Room, SHOP, Server, eur, new_request, order, room, statement, stdout,
};

const CARRIER_TOML: &str = "roles = [\"carrier\"]\n[carrier]\nshops = [\"orders@shop.example\"]\n";

const ASKING_SHOP: &str = r#"
roles = ["shop"]
name = "Example Shop"
[shop.payment.credit-card]
processor = "billing@pay.example"
authorize = true
[shop.delivery.courier]
carrier = "track@carrier.example"
"#;

fn processor_toml(more: &str) -> String {
    format!("roles = [\"payment\"]\n[payment]\nshops = [\"{SHOP}\"]\n{more}\n")
}

/// A server whose configuration has more in its last section, `[timers]`.
fn with_timers(server: &Server, lines: &str) {
    let text = std::fs::read_to_string(&server.config).unwrap();
    std::fs::write(&server.config, format!("{text}{lines}\n")).unwrap();
}

fn trade(id: &str) -> Value {
    json!({ "trade": { "shop": SHOP, "id": id } })
}

fn bodies(there: &[Statement], kind: Kind) -> Vec<Value> {
    let of_kind = there.iter().filter(|s| s.body.kind() == kind);
    of_kind.map(|s| wire::to_value(s)["body"].clone()).collect()
}

fn states(there: &[Statement], kind: Kind) -> Vec<String> {
    let state = |body: &Value| body["state"].as_str().unwrap().to_owned();
    bodies(there, kind).iter().map(state).collect()
}

fn has(there: &[Statement], kind: Kind, state: &str) -> bool {
    states(there, kind).iter().any(|s| s == state)
}

fn accepted(server: &Server, line: &Value) {
    let answer = server.emit(line);
    assert_eq!(answer["accepted"], true, "{line}: {answer}");
}

/// What waits for the operator, once there is so much of it.
async fn authorizations(server: &Server, how_many: usize) -> Vec<Value> {
    let deadline = std::time::Instant::now() + support::PATIENCE;
    loop {
        let waiting = server.json(&["authorizations", "--json"]);
        let waiting = waiting.as_array().unwrap().clone();
        if waiting.len() == how_many {
            return waiting;
        }
        assert!(std::time::Instant::now() < deadline, "{waiting:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

// Requirements: E3
#[tokio::test(flavor = "multi_thread")]
async fn the_processors_operator_decides_whether_an_order_becomes_a_trade() {
    let room = room().await;
    let shop = room.server(SHOP, ASKING_SHOP);
    let carrier = room.server(CARRIER, CARRIER_TOML);
    let limit = "authorize = \"approve\"\nauthorize_up_to = \"97.99 EUR\"";
    let processor = room.server(PROCESSOR, &processor_toml(limit));
    let _running = [shop.run(), carrier.run()];
    let running = processor.run();
    room.deliver(&order(&new_request()));
    let waiting = authorizations(&processor, 1).await;
    assert_eq!(waiting[0]["wanted"]["amount"], eur("98.00"));
    assert_eq!(waiting[0]["wanted"]["reference"], "tok_1");
    assert!(room.statements(ANN).is_empty(), "there is no trade yet");
    let shown = stdout(&processor.say(&["authorizations"], ""));
    assert!(
        shown.contains("98.00 EUR") && shown.contains(ANN),
        "{shown}"
    );
    assert!(!shown.contains("tok_1"), "a token is for programs: {shown}");
    // What is accepted is on disk: a kill does not lose it.
    let id = waiting[0]["id"].clone();
    accepted(
        &processor,
        &json!({ "key": "bank-1", "trade": id, "authorize": "approve" }),
    );
    running.kill();
    let _processor_again = processor.run();
    let there = room
        .until(ANN, |s| {
            has(s, Kind::PaymentStatus, "authorized") && s.len() >= 4
        })
        .await;
    assert!(there.iter().any(|s| s.body.kind() == Kind::TradeRecord));
    authorizations(&processor, 0).await;

    room.deliver(&order(&new_request()));
    let waiting = authorizations(&processor, 1).await;
    let id = waiting[0]["id"].clone();
    let line =
        json!({ "key": "bank-2", "trade": id, "authorize": "decline", "text": "Not covered." });
    accepted(&processor, &line);
    let rejected = |s: &[Statement]| s.iter().any(|s| s.body.kind() == Kind::OrderRejected);
    let there = room.until(ANN, rejected).await;
    let rejection = &bodies(&there, Kind::OrderRejected)[0];
    assert_eq!(rejection["reason"], "declined");
    assert!(rejection["text"].as_str().unwrap().contains("Not covered."));
    let answer = processor.emit(&json!({ "key": "bank-3", "trade": id, "authorize": "approve" }));
    assert_eq!(answer["accepted"], false);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("was declined at"),
        "{answer}"
    );
}

// Requirements: E13
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_past_its_due_date_is_told_once_however_often_the_server_starts() {
    let room = room().await;
    let processor = room.server(PROCESSOR, &processor_toml(""));
    with_timers(&processor, "past_due = \"1 ms\"");
    let body = json!({ "kind": "payment-instruction", "amount": eur("98.00"),
        "method": "bank-transfer", "buyer_mail": ANN, "due": "2026-01-31" });
    room.deliver(&statement(SHOP, PROCESSOR, trade("T-1"), body));
    for _ in 0..2 {
        let running = processor.run();
        room.until(ANN, |s| has(s, Kind::PaymentStatus, "past-due"))
            .await;
        room.until(SHOP, |s| has(s, Kind::PaymentStatus, "past-due"))
            .await;
        running.kill();
    }
    let running = processor.run();
    accepted(
        &processor,
        &json!({ "key": "1", "trade": "T-1", "track": "payment", "state": "settled" }),
    );
    let there = room
        .until(ANN, |s| has(s, Kind::PaymentStatus, "settled"))
        .await;
    assert_eq!(
        states(&there, Kind::PaymentStatus),
        ["due", "past-due", "settled"]
    );
    assert_eq!(running.terminate(), Some(0));
}

async fn two_parcels(room: &Room) -> Server {
    let carrier = room.server(CARRIER, CARRIER_TOML);
    for parcel in ["P1", "P2"] {
        let body = json!({ "kind": "delivery-instruction", "parcel": parcel,
            "lines": [{ "line": 0, "quantity": 1, "name": "Kettle" }], "buyer_mail": ANN,
            "deliver_to": { "name": "Ann", "address":
                { "street": "1 High Street", "city": "York", "country": "GB" } } });
        room.deliver(&statement(SHOP, CARRIER, trade("T-1"), body));
    }
    carrier
}

// Requirements: E23
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_turns_back_what_it_can_and_says_of_the_rest_that_it_is_too_late() {
    let room = room().await;
    let carrier = two_parcels(&room).await;
    let _running = carrier.run();
    room.until(ANN, |s| states(s, Kind::DeliveryStatus).len() == 2)
        .await;
    let line = |parcel: &str, state: &str| {
        json!({ "key": format!("{parcel} {state}"), "trade": "T-1", "track": "delivery",
                "parcel": parcel, "state": state })
    };
    accepted(&carrier, &line("P1", "delivered"));
    accepted(&carrier, &line("P2", "in-transit"));
    let recall = statement(SHOP, CARRIER, trade("T-1"), json!({ "kind": "recall" }));
    room.deliver(&recall);
    let there = room
        .until(ANN, |s| has(s, Kind::DeliveryStatus, "returning"))
        .await;
    assert_eq!(
        states(&there, Kind::DeliveryStatus),
        [
            "announced",
            "announced",
            "delivered",
            "in-transit",
            "returning"
        ],
        "that P1 cannot be recalled is no news for the buyer"
    );
    let answers = |s: &[Statement]| {
        let to_recall = s
            .iter()
            .filter(|s| s.answers.is_some_and(|id| recall["id"] == id.to_string()));
        to_recall.cloned().collect::<Vec<_>>()
    };
    let there = room.until(SHOP, |s| answers(s).len() == 2).await;
    let answers = answers(&there);
    assert_eq!(
        states(&answers, Kind::DeliveryStatus),
        ["delivered", "returning"]
    );
    let Body::DeliveryStatus(too_late) = &answers[0].body else {
        panic!("{:?}", answers[0]);
    };
    let text = too_late.text.as_deref().unwrap();
    assert!(text.contains("can no longer be called back"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_authorize_may_be_is_checked_and_shown() {
    let room = room().await;
    for (more, says) in [
        ("authorize = \"perhaps\"", "perhaps"),
        (
            "authorize_up_to = \"500.00 EUR\"",
            "only authorize = \"approve\" has a limit",
        ),
        (
            "authorize = \"ask\"\nauthorize_up_to = \"500.00 EUR\"",
            "only authorize",
        ),
        (
            "authorize = \"approve\"\nauthorize_up_to = \"500 EUR\"",
            "authorize_up_to",
        ),
        (
            "authorize = \"approve\"\nauthorize_up_to = 500",
            "authorize_up_to",
        ),
    ] {
        let server = room.server(PROCESSOR, &processor_toml(more));
        let out = server.say(&["trades"], "");
        let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{more}");
        assert!(stderr.contains(says), "{more}: {stderr}");
    }
    for (more, says) in [
        ("", "authorizes nothing"),
        ("authorize = \"approve\"", "authorizes everything"),
        ("authorize = \"ask\"", "asks before it authorizes"),
        (
            "authorize = \"approve\"\nauthorize_up_to = \"500.00 EUR\"",
            "up to 500.00 EUR, then asks",
        ),
    ] {
        let server = room.server(PROCESSOR, &processor_toml(more));
        let shown = stdout(&server.say(&["doctor"], ""));
        assert!(shown.contains(says), "{more}: {shown}");
    }
    let server = room.server(PROCESSOR, &processor_toml(""));
    let out = server.say(&["authorizations"], "");
    assert!(out.status.success() && stdout(&out).is_empty(), "{out:?}");
    assert!(String::from_utf8_lossy(&out.stderr).contains("no shop waits"));
}

// Requirements: Q6
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_for_people_has_no_tradepost_part_and_nothing_personal() {
    const PHONE: &str = "phone@home.example";
    let room = room().await;
    let processor = room.server(PROCESSOR, &processor_toml(""));
    let _running = processor.run();
    let body = json!({ "kind": "payment-instruction", "amount": eur("98.00"),
        "method": "credit-card", "reference": "tok_1", "buyer_mail": ANN,
        "notify": { "on": ["payment.settled"], "to": PHONE } });
    room.deliver(&statement(SHOP, PROCESSOR, trade("T-1"), body));
    room.until(SHOP, |s| has(s, Kind::PaymentStatus, "pending"))
        .await;
    accepted(
        &processor,
        &json!({ "key": "1", "trade": "T-1", "track": "payment", "state": "settled" }),
    );
    let there = room
        .until(ANN, |s| has(s, Kind::PaymentStatus, "settled"))
        .await;
    assert_eq!(
        states(&there, Kind::PaymentStatus),
        ["settled"],
        "pending was not wished"
    );
    let notices = letters(&room, PHONE, 1).await;
    assert!(notices[0].contains("T-1"), "{}", notices[0]);
    for personal in [
        "ann@",
        "EUR",
        "98.00",
        "tok_1",
        "vnd.tradepost",
        "Tradepost:",
    ] {
        assert!(
            !notices[0].contains(personal),
            "{personal} in\n{}",
            notices[0]
        );
    }
}

/// The letters in somebody's mailbox, once there are so many.
async fn letters(room: &Room, user: &str, how_many: usize) -> Vec<String> {
    let deadline = std::time::Instant::now() + support::PATIENCE;
    loop {
        let there = room.room.letters(user, "INBOX");
        if there.len() == how_many {
            return there.iter().map(|l| l.text()).collect();
        }
        assert!(
            std::time::Instant::now() < deadline,
            "{} letters",
            there.len()
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
