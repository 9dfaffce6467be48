//! Letters that lie in the mailbox and can't be had: the operator is told, the letters behind them are
//! read, and what comes at last is settled.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::Value;
use tradepost_mailroom::{Fault, ImapCommand};
use tradepost_statements::Kind;

use support::{ALL_ROLES, ANN, SHOP, Server, new_request, order, room};

/// What `doctor` says of letters.
fn letters(server: &Server) -> Value {
    let out = server.say(&["doctor", "--json"], "");
    let checks: Value = serde_json::from_slice(&out.stdout).unwrap();
    let of = |name: &str| {
        let check = checks
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["name"] == name);
        check.unwrap().clone()
    };
    assert!(of("search")["found"].is_string());
    of("letters")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_cannot_be_had_is_told_of_and_holds_up_nobody() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let running = shop.run();
    assert_eq!(letters(&shop)["remedy"], Value::Null);
    // Marked, and too large to be read.
    let mut large = support::letter(&order(&new_request()));
    large.extend(vec![b'\n'; 11 * 1024 * 1024]);
    room.room.deliver(SHOP, &large).unwrap();
    room.deliver(&order(&new_request()));
    room.until(ANN, |s| {
        s.iter().any(|s| s.body.kind() == Kind::TradeRecord)
    })
    .await;
    let log = running.log();
    assert!(log.contains("letter 1 of INBOX was set aside: "), "{log}");
    // Told by `run`, and by the book alone.
    let told = letters(&shop);
    assert!(
        told["found"]
            .as_str()
            .unwrap()
            .contains("letter 1 in INBOX"),
        "{told}"
    );
    running.terminate();
    assert_eq!(letters(&shop), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_comes_later_is_answered_and_told_of_no_more() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let running = shop.run();
    let fault = Fault::ImapLeavesOut(ImapCommand::UidFetch, 0);
    room.room.faults().for_user(SHOP).always(fault.clone());
    room.deliver(&order(&new_request()));
    while !running.log().contains("was set aside") {
        room.room.faults().until_happened(&fault, 1).await;
        tokio::task::yield_now().await;
    }
    running.terminate();
    assert!(letters(&shop)["remedy"].is_string());
    room.room.faults().clear();
    let running = shop.run();
    room.until(ANN, |s| {
        s.iter().any(|s| s.body.kind() == Kind::TradeRecord)
    })
    .await;
    running.terminate();
    assert_eq!(letters(&shop)["remedy"], Value::Null);
}
