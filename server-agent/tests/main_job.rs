//! The servers' part of the main job, as separate processes on a mailroom.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::json;
use tradepost_mailroom::{Fault, SmtpStage};
use tradepost_statements::{Body, Kind, Statement};

use support::{
    ALL_ROLES, ANN, CARRIER, PROCESSOR, SHOP, SHOP_TOML, new_request, order, room, statement,
};

fn has(statements: &[Statement], kind: Kind) -> usize {
    statements.iter().filter(|s| s.body.kind() == kind).count()
}

// Requirements: E14
#[tokio::test(flavor = "multi_thread")]
async fn three_servers_make_a_trade_of_an_order_and_tell_how_it_goes() {
    let room = room().await;
    let shop = room.server(SHOP, SHOP_TOML);
    let carrier = room.server(
        CARRIER,
        &format!("roles = [\"carrier\"]\n[carrier]\nshops = [\"{SHOP}\"]\n"),
    );
    let processor = room.server(
        PROCESSOR,
        &format!("roles = [\"payment\"]\n[payment]\nshops = [\"{SHOP}\"]\n"),
    );
    let running = [shop.run(), carrier.run(), processor.run()];
    let request = new_request();
    room.deliver(&order(&request));

    let there = room.until(ANN, |s| s.len() >= 4).await;
    assert_eq!(has(&there, Kind::TradeRecord), 1);
    assert_eq!(has(&there, Kind::OrderStatus), 1);
    assert_eq!(has(&there, Kind::DeliveryStatus), 1);
    assert_eq!(has(&there, Kind::PaymentStatus), 1);
    let record = there
        .iter()
        .find(|s| s.body.kind() == Kind::TradeRecord)
        .unwrap();
    let id = record.trade.as_ref().unwrap().id.to_string();
    assert_eq!(record.request.as_ref().unwrap().to_string(), request);

    for (server, track, state) in [
        (&shop, "order", "shipped"),
        (&carrier, "delivery", "delivered"),
        (&processor, "payment", "settled"),
    ] {
        let line = json!({ "key": "1", "trade": id, "track": track, "state": state });
        let answer = server.emit(&line);
        assert_eq!(answer["accepted"], true, "{answer}");
        assert_eq!(answer["line"], 1);
        let said = answer["statement"].as_str().unwrap().to_owned();
        let arrived = |s: &[Statement]| s.iter().any(|s| s.id.to_string() == said);
        room.until(ANN, arrived).await;
        // The same key: the same answer.
        assert_eq!(server.emit(&line), answer);
    }
    // The shop hears of it as well (C -> B, S; P -> B, S).
    room.until(SHOP, |s| {
        has(s, Kind::DeliveryStatus) == 2 && has(s, Kind::PaymentStatus) == 2
    })
    .await;
    assert_eq!(room.statements(ANN).len(), 7);
    let trades = shop.json(&["trades", "--json"]);
    assert_eq!(trades[0]["id"], id);
    for server in running {
        assert_eq!(server.terminate(), Some(0));
    }
}

// Requirements: E27
#[tokio::test(flavor = "multi_thread")]
async fn one_server_plays_all_roles_and_answers_the_buyer() {
    let room = room().await;
    let server = room.server(SHOP, ALL_ROLES);
    let _running = server.run();
    room.deliver(&order(&new_request()));
    let there = room.until(ANN, |s| s.len() >= 4).await;
    // Letters of one trade to one receiver leave in their order.
    let kinds: Vec<Kind> = there.iter().map(|s| s.body.kind()).collect();
    let expected = [
        Kind::TradeRecord,
        Kind::OrderStatus,
        Kind::PaymentStatus,
        Kind::DeliveryStatus,
    ];
    assert_eq!(kinds, expected);
    assert!(
        room.statements(SHOP).len() == 1,
        "it writes itself no letters"
    );
    let trade = json!({ "trade": there[0].trade });
    let confirm = statement(
        ANN,
        SHOP,
        trade.clone(),
        json!({ "kind": "confirm", "version": 1 }),
    );
    room.deliver(&confirm);
    let there = room.until(ANN, |s| s.len() >= 5).await;
    let Body::OrderStatus(status) = &there[4].body else {
        panic!("{:?}", there[4]);
    };
    assert_eq!(status.state.word(), "confirmed");
    assert_eq!(there[4].answers.unwrap().to_string(), confirm["id"]);
    room.deliver(&statement(
        ANN,
        SHOP,
        trade,
        json!({ "kind": "status-request" }),
    ));
    room.until(ANN, |s| s.len() >= 9).await;
}

// Requirements: Q8
#[tokio::test(flavor = "multi_thread")]
async fn the_same_order_twice_makes_one_trade_and_an_unproven_one_none() {
    let room = room().await;
    let server = room.server(SHOP, ALL_ROLES);
    let running = server.run();
    let forged = order(&new_request());
    room.deliver_proven(&forged, None);
    let first = order(&new_request());
    room.deliver(&first);
    room.until(ANN, |s| s.len() >= 4).await;
    room.deliver(&first);
    let there = room.until(ANN, |s| s.len() >= 5).await;
    assert_eq!(there[4], there[0], "the stored answer");
    assert_eq!(
        server.json(&["trades", "--json"]).as_array().unwrap().len(),
        1
    );
    assert!(running.log().contains("not proven"), "{}", running.log());
}

// Requirements: E5
#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_before_a_kill_leaves_after_it_exactly_once() {
    let room = room().await;
    let server = room.server(SHOP, ALL_ROLES);
    let running = server.run();
    room.deliver(&order(&new_request()));
    room.until(ANN, |s| s.len() >= 4).await;
    let id = room.statements(ANN)[0]
        .trade
        .clone()
        .unwrap()
        .id
        .to_string();
    running.kill();
    // Without `run`: the book is opened by the command, and the letter waits.
    let line = json!({ "key": "k", "trade": id, "track": "delivery", "state": "in-transit" });
    let answer = server.emit(&line);
    assert_eq!(answer["accepted"], true, "{answer}");
    let waiting = server.json(&["outbox", "--json"]);
    assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting}");
    let _running = server.run();
    let there = room.until(ANN, |s| s.len() >= 5).await;
    assert_eq!(there[4].id.to_string(), answer["statement"]);
    assert_eq!(server.emit(&line), answer);
    // Letters that were judged before the kill are not answered again.
    assert_eq!(room.statements(ANN).len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_waits_for_the_record_that_the_mail_server_put_off() {
    let room = room().await;
    let server = room.server(SHOP, ALL_ROLES);
    let put_off = Fault::SmtpReply(SmtpStage::Letter, 451);
    room.room.faults().once(put_off.clone());
    let _running = server.run();
    room.deliver(&order(&new_request()));
    let there = room.until(ANN, |s| s.len() >= 4).await;
    assert_eq!(room.room.faults().happened(&put_off), 1);
    let kinds: Vec<Kind> = there.iter().map(|s| s.body.kind()).collect();
    let expected = [
        Kind::TradeRecord,
        Kind::OrderStatus,
        Kind::PaymentStatus,
        Kind::DeliveryStatus,
    ];
    assert_eq!(kinds, expected);
}
