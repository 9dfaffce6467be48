//! Letters of a server that come back: the operator sees them with the reason, whoever forges such a
//! report changes nothing, and the statement is still one without answer (protocol 7).
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tradepost_letters::{RelayPolicy, open};
use tradepost_mailroom::Fault;
use tradepost_statements::{Kind, Statement};

use support::{
    ALL_ROLES, ANN, CARRIER, PATIENCE, Room, Running, SHOP, SHOP_TOML, Server, new_request, order,
    room, stdout,
};

/// A report of the mail server (RFC 3464) that the letter with this Message-ID did not arrive.
fn report(message_id: &str, to: &str, action: &str) -> Vec<u8> {
    format!(
        "From: Mail Delivery System <MAILER-DAEMON@mx.mailroom.example>\r\n\
         To: {SHOP}\r\n\
         Subject: Undelivered Mail Returned to Sender\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <{}@mx.mailroom.example>\r\n\
         Auto-Submitted: auto-replied\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\
         \r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nI'm sorry to have to inform you ..\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.mailroom.example\r\n\r\n\
         Final-Recipient: rfc822; {to}\r\nAction: {action}\r\nStatus: 5.1.1\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\n\
         From: {SHOP}\r\nTo: {to}\r\nMessage-ID: <{message_id}>\r\n\r\n\
         --b--\r\n",
        uuid::Uuid::now_v7()
    )
    .into_bytes()
}

fn bounce(room: &Room, letter: &[u8]) {
    // The envelope of a report has no sender (RFC 3464 section 2).
    room.room
        .deliver_from_outside("", SHOP, letter, None)
        .unwrap();
}

/// The Message-IDs of the letters of a kind that somebody has.
fn message_ids(room: &Room, user: &str, kind: Kind) -> Vec<String> {
    let policy = RelayPolicy::new(Vec::new(), None);
    let letters = room.room.letters(user, "INBOX");
    let opened = letters.iter().map(|l| open(&l.bytes, &policy));
    opened
        .filter(|o| match &o.content {
            tradepost_letters::LetterContent::Statement(d) => d.statement.body.kind() == kind,
            tradepost_letters::LetterContent::NotOurs
            | tradepost_letters::LetterContent::Unreadable { .. } => false,
        })
        .map(|o| o.letter.message_id.unwrap())
        .collect()
}

async fn until_logged(running: &Running, text: &str, times: usize) {
    let deadline = Instant::now() + PATIENCE;
    while running.log().matches(text).count() < times {
        assert!(Instant::now() < deadline, "{text}: {}", running.log());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn failed(server: &Server) -> Vec<Value> {
    let outbox = server.json(&["outbox", "--json"]);
    outbox.as_array().unwrap().clone()
}

fn count(statements: &[Statement], kind: Kind) -> usize {
    statements.iter().filter(|s| s.body.kind() == kind).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_came_back_is_in_the_outbox_with_the_reason_and_may_be_sent_again() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let running = shop.run();
    room.deliver(&order(&new_request()));
    room.until(ANN, |s| s.len() >= 4).await;
    let record = message_ids(&room, ANN, Kind::TradeRecord).remove(0);
    // A delay is no failure, and a stranger does not know our Message-IDs.
    bounce(&room, &report(&record, ANN, "delayed"));
    bounce(&room, &report("01932c07-0000@shop.example", ANN, "failed"));
    until_logged(&running, "it names no letter of ours", 1).await;
    assert_eq!(failed(&shop), Vec::<Value>::new());

    let real = report(&record, ANN, "failed");
    // A person who has the letter knows its Message-ID; what a person sends has a Return-Path.
    let forged = [b"Return-Path: <evil@evil.example>\r\n", &real[..]].concat();
    room.room.deliver(SHOP, &forged).unwrap();
    until_logged(&running, "changes nothing: it has the Return-Path", 1).await;
    assert_eq!(failed(&shop), Vec::<Value>::new());
    bounce(&room, &real);
    until_logged(&running, "came back: ", 1).await;
    let items = failed(&shop);
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0]["kind"], "trade-record");
    let why = items[0]["came_back"]["text"].as_str().unwrap();
    assert!(why.contains("550 5.1.1 no such user"), "{why}");
    let table = stdout(&shop.say(&["outbox"], ""));
    assert!(
        table.contains("came back") && table.contains("no such user"),
        "{table}"
    );
    // The same report again, and another about the same letter, say nothing new.
    bounce(&room, &real);
    bounce(&room, &report(&record, ANN, "failed"));
    until_logged(&running, "that is known of this letter", 1).await;
    assert_eq!(
        running.log().matches(" came back: ").count(),
        1,
        "{}",
        running.log()
    );

    // It outlives the server, and its index.
    running.kill();
    assert_eq!(failed(&shop), items);
    for entry in std::fs::read_dir(&shop.data).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir()
            && path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .contains("index")
        {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    assert_eq!(failed(&shop), items);
    let _running = shop.run();
    let id = items[0]["id"].as_str().unwrap();
    assert!(shop.say(&["outbox", "retry", id], "").status.success());
    room.until(ANN, |s| count(s, Kind::TradeRecord) == 2).await;
    assert_eq!(
        message_ids(&room, ANN, Kind::TradeRecord),
        [record.clone(), record]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_only_a_text_is_understood_as_well() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let running = shop.run();
    room.deliver(&order(&new_request()));
    room.until(ANN, |s| s.len() >= 4).await;
    let status = message_ids(&room, ANN, Kind::OrderStatus).remove(0);
    // As qmail-send writes it.
    let text = format!(
        "Return-Path: <>\r\nDate: 20 Nov 2026 10:15:05 -0000\r\n\
         From: MAILER-DAEMON@mx.home.example\r\nTo: {SHOP}\r\nSubject: failure notice\r\n\r\n\
         Hi. This is the qmail-send program at mx.home.example.\r\n\
         I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\
         This is a permanent error; I've given up. Sorry it didn't work out.\r\n\r\n\
         <{ANN}>:\r\nRemote host said: 550 5.1.1 no such user\r\n\r\n\
         --- Below this line is a copy of the message.\r\n\r\n\
         Return-Path: <{SHOP}>\r\nFrom: {SHOP}\r\nTo: {ANN}\r\n\
         Message-ID: <{status}>\r\nTradepost: v=1; kind=order-status\r\n\r\nHello\r\n"
    );
    room.room.deliver(SHOP, text.as_bytes()).unwrap();
    until_logged(&running, "came back: ", 1).await;
    let items = failed(&shop);
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0]["kind"], "order-status");
    let why = items[0]["came_back"]["text"].as_str().unwrap();
    assert!(why.contains("550 5.1.1 no such user"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_is_here_before_the_answer_of_the_submission_server_counts() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let late = Fault::LetterTakenAnsweredLate(Duration::from_millis(1500));
    room.room.faults().for_user(SHOP).always(late);
    let running = shop.run();
    room.deliver(&order(&new_request()));
    room.until(ANN, |s| {
        s.iter().any(|s| s.body.kind() == Kind::TradeRecord)
    })
    .await;
    let record = message_ids(&room, ANN, Kind::TradeRecord).remove(0);
    bounce(&room, &report(&record, ANN, "failed"));
    until_logged(&running, "came back: ", 1).await;
    let outbox = failed(&shop);
    let back: Vec<_> = outbox
        .iter()
        .filter(|item| !item["came_back"].is_null())
        .collect();
    assert_eq!(back.len(), 1, "{outbox:?}");
    assert_eq!(back[0]["kind"], "trade-record");
    running.terminate();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instruction_that_came_back_is_still_without_answer_and_sent_again() {
    let room = room().await;
    let shop = room.server(SHOP, SHOP_TOML);
    let config = std::fs::read_to_string(&shop.config).unwrap();
    let config = config.replace("[timers]\n", "[timers]\nanswer_first = \"300 ms\"\n");
    std::fs::write(&shop.config, config).unwrap();
    let running = shop.run();
    room.deliver(&order(&new_request()));
    let asked = |s: &[Statement]| count(s, Kind::DeliveryInstruction);
    room.until(CARRIER, |s| asked(s) >= 1).await;
    let first = message_ids(&room, CARRIER, Kind::DeliveryInstruction).remove(0);
    bounce(&room, &report(&first, CARRIER, "failed"));
    until_logged(
        &running,
        "the delivery-instruction to track@carrier.example came back",
        1,
    )
    .await;
    let before = asked(&room.statements(CARRIER));
    let there = room.until(CARRIER, |s| asked(s) > before).await;
    let instructions: Vec<&Statement> = there
        .iter()
        .filter(|s| s.body.kind() == Kind::DeliveryInstruction)
        .collect();
    assert_eq!(instructions[0], instructions[before], "the same statement");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_says_something_is_judged_however_much_it_looks_like_a_report() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let running = shop.run();
    room.deliver(&order(&new_request()));
    let there = room.until(ANN, |s| s.len() >= 4).await;
    let record = message_ids(&room, ANN, Kind::TradeRecord).remove(0);
    let ask = support::statement(
        ANN,
        SHOP,
        json!({ "trade": there[0].trade }),
        json!({ "kind": "status-request" }),
    );
    let part =
        format!("--b\r\nContent-Type: application/vnd.tradepost+json\r\n\r\n{ask}\r\n--b--\r\n");
    let report = String::from_utf8(report(&record, ANN, "failed")).unwrap();
    let letter = report
        .replace("--b--\r\n", &part)
        .replace("MAILER-DAEMON@mx.mailroom.example", ANN);
    let results = format!("auth=pass smtp.auth={ANN}");
    room.room
        .deliver_from_outside(ANN, SHOP, letter.as_bytes(), Some(&results))
        .unwrap();
    room.until(ANN, |s| s.len() >= 8).await;
    assert_eq!(failed(&shop), Vec::<Value>::new(), "{}", running.log());
}
