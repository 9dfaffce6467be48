//! The shop's procedures between processes: authorized first (E3), charged on shipping (E2, E9),
//! given back (E23).
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use tradepost_mailroom::{Mood, NameServer};
use tradepost_statements::{Body, Kind, Statement};

use support::{
    ALL_ROLES, ANN, PROCESSOR, Room, SHOP, Server, eur, new_request, order, room, statement, stdout,
};

const SHOP_THAT_ASKS: &str = r#"
roles = ["shop"]
name = "Example Shop"
[shop.payment.credit-card]
processor = "billing@pay.example"
authorize = true
charge = "on-shipping"
[shop.delivery.electronic]
"#;

fn processor(room: &Room, answer: &str) -> Server {
    let toml = format!(
        "roles = [\"payment\"]\n[payment]\nshops = [\"{SHOP}\"]\nauthorize = \"{answer}\"\n"
    );
    room.server(PROCESSOR, &toml)
}

fn electronic(request: &str) -> Value {
    let mut order = order(request);
    order["body"]["delivery"]["method"] = json!("electronic");
    order
}

fn count(statements: &[Statement], kind: Kind) -> usize {
    statements.iter().filter(|s| s.body.kind() == kind).count()
}

async fn until(holds: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < support::PATIENCE, "it never holds");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

// Requirements: E3
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_made_a_trade_or_rejected_as_the_processor_answers() {
    for (answer, made) in [("approve", true), ("decline", false)] {
        let room = room().await;
        let shop = room.server(SHOP, SHOP_THAT_ASKS);
        let processor = processor(&room, answer);
        let _running = [shop.run(), processor.run()];
        room.deliver(&electronic(&new_request()));
        let there = room.until(ANN, |s| !s.is_empty()).await;
        if made {
            assert_eq!(there[0].body.kind(), Kind::TradeRecord);
        } else {
            let Body::OrderRejected(rejected) = &there[0].body else {
                panic!("{there:?}");
            };
            assert_eq!(rejected.reason.word(), "declined");
            assert!(rejected.text.starts_with("The payment was declined"));
        }
        let trades = shop.json(&["trades", "--json"]);
        assert_eq!(trades.as_array().unwrap().len(), usize::from(made));
    }
}

/// Q8 and protocol 7: what waits is on disk.
// Requirements: E9
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_waits_survives_a_crash_and_becomes_one_trade_that_is_charged_on_shipping() {
    let room = room().await;
    let shop = room.server(SHOP, SHOP_THAT_ASKS);
    let first = shop.run();
    let order = electronic(&new_request());
    room.deliver(&order);
    room.until(PROCESSOR, |s| count(s, Kind::Authorize) == 1)
        .await;
    first.kill();
    let running = shop.run();
    let waiting = shop.json(&["unanswered", "--json"]);
    assert_eq!(
        (
            &waiting[0]["kind"],
            &waiting[0]["to"],
            &waiting[0]["order_waits"]
        ),
        (&json!("authorize"), &json!(PROCESSOR), &json!(true))
    );
    let shown = stdout(&shop.say(&["unanswered"], ""));
    assert!(shown.contains("the order waits for it"), "{shown}");
    // The same order once more, while it waits.
    room.deliver(&order);
    let processor = processor(&room, "approve");
    let paying = processor.run();
    let there = room.until(ANN, |s| count(s, Kind::TradeRecord) == 1).await;
    let trade = there[0].trade.clone().unwrap();
    assert!(
        room.statements(PROCESSOR)
            .iter()
            .all(|s| s.trade.as_ref() == Some(&trade))
    );
    assert_eq!(
        count(&room.statements(PROCESSOR), Kind::PaymentInstruction),
        0
    );
    let line = json!({ "key": "1", "trade": trade.id, "track": "order", "state": "shipped" });
    assert_eq!(shop.emit(&line)["accepted"], true);
    room.until(ANN, |s| count(s, Kind::PaymentStatus) == 1)
        .await;
    assert_eq!(
        shop.json(&["trades", "--json"]).as_array().unwrap().len(),
        1
    );
    assert_eq!(count(&room.statements(ANN), Kind::OrderRejected), 0);
    // Everybody answers, the letters of which may still be on their way.
    let answered = |s: &[Statement]| s.iter().filter(|s| s.answers.is_some()).count() >= 2;
    room.until(SHOP, answered).await;
    let nothing = || shop.json(&["unanswered", "--json"]) == json!([]);
    until(nothing).await;
    assert_eq!(running.terminate(), Some(0));
    assert_eq!(paying.terminate(), Some(0));
}

/// The table as `doctor` shows it.
fn found(server: &Server, name: &str) -> Vec<(bool, String)> {
    let out = server.say(&["doctor", "--json"], "");
    let checks: Value = serde_json::from_slice(&out.stdout).unwrap();
    let checks = checks.as_array().unwrap().iter();
    checks
        .filter(|c| c["name"] == name)
        .map(|c| (c["ok"] == true, c["found"].as_str().unwrap().to_owned()))
        .collect()
}

// Requirements: E2
#[tokio::test(flavor = "multi_thread")]
async fn doctor_shows_the_table_and_names_addresses_that_are_nobodys_and_programs_that_are_not_there()
 {
    const TABLE: &str = r#"
roles = ["shop"]
[shop.payment.credit-card]
processor = "billing@pay.example"
authorize = true
[shop.payment.e-money]
processor = "wallet@host.example"
charge = "on-shipping"
[shop.payment.bank-transfer]
processor = "invoices@nowhere.example"
charge = "on-invoice"
due_within = "10 days"
[shop.delivery.courier]
carrier = "track@nomail.example"
[shop.delivery.electronic]
goods_command = ["sh", "-c", "true"]
"#;
    let room = room().await;
    let names = NameServer::start().await.unwrap();
    names.set_mx("pay.example", "mx.pay.example");
    names.set_address("host.example", [127, 0, 0, 1].into());
    // RFC 7505: it says that it takes no mail.
    names.set_mx("nomail.example", "");
    names.set_address("nomail.example", [127, 0, 0, 1].into());
    let server = room.server(SHOP, TABLE);
    let resolver = format!("[trust]\nresolver = \"{}\"\n", names.address());
    let text = std::fs::read_to_string(&server.config).unwrap();
    std::fs::write(&server.config, text.replace("[trust]\n", &resolver)).unwrap();

    let table = found(&server, "procedure");
    assert!(table.iter().all(|(ok, _)| *ok), "{table:?}");
    let shown: Vec<&str> = table.iter().map(|(_, text)| text.as_str()).collect();
    let expected = [
        "credit-card: authorized before there is a trade, charged on confirmation by billing@pay.example",
        "e-money: charged on shipping by wallet@host.example",
        "bank-transfer: by invoice, due 10 days and 0 h after the order by invoices@nowhere.example",
        "courier: brought by track@nomail.example",
        "electronic: sent by letter, made by sh -c true",
    ];
    assert_eq!(shown, expected);
    let parties = found(&server, "parties");
    let good: Vec<&str> = parties
        .iter()
        .filter(|(ok, _)| *ok)
        .map(|(_, text)| text.as_str())
        .collect();
    assert_eq!(
        good,
        [
            "billing@pay.example: pay.example takes mail",
            "wallet@host.example: host.example takes mail",
        ]
    );
    assert_eq!(parties.len(), 4, "{parties:?}");
    // DNS that does not answer says nothing against anybody.
    names.set_mood(Mood::Fails);
    let parties = found(&server, "parties");
    assert!(
        parties
            .iter()
            .all(|(ok, text)| *ok && text.contains("does not say"))
    );
    // A program that is not there.
    let text = std::fs::read_to_string(&server.config).unwrap();
    let changed = text.replace("[\"sh\", ", "[\"/nowhere/make-licence\", ");
    std::fs::write(&server.config, changed).unwrap();
    let table = found(&server, "procedure");
    let bad: Vec<_> = table.iter().filter(|(ok, _)| !*ok).collect();
    assert_eq!(bad.len(), 1);
    assert!(bad[0].1.starts_with("electronic"), "{bad:?}");
}

// Requirements: E23
#[tokio::test(flavor = "multi_thread")]
async fn what_buyers_want_back_is_listed_and_decided_by_command_with_and_without_run() {
    for with_run in [true, false] {
        let room = room().await;
        let server = room.server(SHOP, ALL_ROLES);
        let running = server.run();
        room.deliver(&order(&new_request()));
        let there = room.until(ANN, |s| count(s, Kind::TradeRecord) == 1).await;
        let name = json!({ "trade": there[0].trade });
        let id = there[0].trade.as_ref().unwrap().id.to_string();
        assert_eq!(server.json(&["returns", "--json"]), json!([]));
        let line = json!({ "key": "1", "trade": id, "track": "order", "state": "shipped" });
        assert_eq!(server.emit(&line)["accepted"], true);
        let wish = json!({ "kind": "return", "lines": [{ "line": 0, "quantity": 1 }],
                           "reason": "It \u{1b}[2J whistles." });
        let wish = statement(ANN, SHOP, name, wish);
        room.deliver(&wish);
        let is_answer = |s: &Statement| s.answers.is_some_and(|a| json!(a) == wish["id"]);
        room.until(ANN, |s| s.iter().any(is_answer)).await;

        let kept = if with_run {
            Some(running)
        } else {
            assert_eq!(running.terminate(), Some(0));
            None
        };
        let waiting = server.json(&["returns", "--json"]);
        assert_eq!(waiting[0]["id"], id);
        assert_eq!(waiting[0]["refund"], eur("49.00"));
        let shown = stdout(&server.say(&["returns"], ""));
        assert!(
            shown.contains("1 x Kettle") && shown.contains("49.00 EUR"),
            "{shown}"
        );
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        // Wrong uses decide nothing.
        for (arguments, status) in [
            (vec!["decide", &id], 2),
            (vec!["decide", &id, "--accept", "--refuse"], 2),
            (vec!["decide", &id, "--refuse", "--refund", "1.00 EUR"], 2),
            (vec!["decide", &id, "--accept", "--refund", "much"], 2),
            (vec!["decide", &id, "--accept", "--refund", "98.01 EUR"], 1),
            (vec!["decide", "T-9", "--accept"], 1),
        ] {
            let out = server.say(&arguments, "");
            assert_eq!(out.status.code(), Some(status), "{arguments:?} {out:?}");
        }
        assert_eq!(server.json(&["returns", "--json"]), waiting);
        let decide = [
            "decide",
            &id,
            "--accept",
            "--refund",
            "40.00 EUR",
            "--text",
            "Keep the box.",
            "--json",
        ];
        let first = server.json(&decide);
        assert_eq!(first["accepted"], true);
        assert_eq!(server.json(&decide), first, "the same again is the same");
        let other = server.say(&["decide", &id, "--refuse"], "");
        assert_eq!(other.status.code(), Some(1));
        assert_eq!(server.json(&["returns", "--json"]), json!([]));
        let _running = match kept {
            Some(running) => running,
            None => server.run(),
        };
        let there = room
            .until(ANN, |s| count(s, Kind::ReturnDecision) == 1)
            .await;
        let said = there
            .iter()
            .find(|s| s.body.kind() == Kind::ReturnDecision)
            .unwrap();
        assert_eq!(json!(said.id), first["statement"]);
        assert_eq!(json!(said.answers), wish["id"]);
        let Body::ReturnDecision(decision) = &said.body else {
            panic!("{said:?}");
        };
        assert_eq!(json!(decision.refund), eur("40.00"));
    }
}
