//! Senders proven by DKIM: by keys of the configuration and by DNS, at once or at last; and what
//! the doctor finds out about the provider.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::Value;
use tradepost_letters::dkim::Algorithm;
use tradepost_mailroom::{ForgedResults, Mood, NameServer, Options};
use tradepost_proof::dkim::{OwnKey, PrivateKey, Signer, make_key};
use tradepost_statements::{Kind, Statement};

use support::{ALL_ROLES, ANN, Room, SHOP, Server, new_request, order, room, room_at, stdout};

/// Ann's domain signs.
struct Signed {
    signer: Signer,
    name: String,
    record: String,
}

fn home_example() -> Signed {
    let key = PrivateKey::from_pem(&make_key(Algorithm::Ed25519Sha256).unwrap()).unwrap();
    let record = key.record();
    let own = OwnKey {
        domain: "home.example".to_owned(),
        selector: "s1".to_owned(),
        key,
    };
    Signed {
        name: own.name(),
        record,
        signer: Signer::new(vec![own]),
    }
}

/// A shop that believes signatures alone.
fn shop(room: &Room, trust: &str) -> Server {
    let server = room.server(SHOP, ALL_ROLES);
    let config = std::fs::read_to_string(&server.config).unwrap();
    let (mail, _) = config.split_once("[trust]").unwrap();
    let config = format!("{mail}[trust]\nminimum = \"dkim\"\n{trust}\n");
    std::fs::write(&server.config, config).unwrap();
    server
}

fn deliver(room: &Room, signed: &Signed, statement: &Value) {
    let letter = support::letter(statement);
    let from = ANN.parse().unwrap();
    let letter = signed.signer.sign(letter, &from, support::now()).unwrap();
    room.room.deliver(SHOP, &letter).unwrap();
}

fn has_a_record(statements: &[Statement]) -> bool {
    statements
        .iter()
        .any(|s| s.body.kind() == Kind::TradeRecord)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_configuration_proves_a_buyer_whom_no_provider_vouches_for() {
    let room = room().await;
    let (signed, other) = (home_example(), home_example());
    let keys = format!("[trust.keys]\n{:?} = {:?}", signed.name, signed.record);
    let shop = shop(&room, &keys);
    let running = shop.run();
    // Stamped by the provider, which is not enough; and signed with another key.
    room.deliver(&order(&new_request()));
    deliver(&room, &other, &order(&new_request()));
    let wanted = new_request();
    deliver(&room, &signed, &order(&wanted));
    room.until(ANN, has_a_record).await;
    let trades = shop.json(&["trades", "--json"]);
    assert_eq!(trades.as_array().unwrap().len(), 1, "{trades}");
    assert_eq!(trades[0]["request"], wanted);
    let log = running.log();
    assert_eq!(log.matches("the sender is not proven").count(), 2, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dns_does_not_decide_is_held_in_the_book_and_done_when_dns_is_back() {
    let room = room().await;
    let names = NameServer::start().await.unwrap();
    names.set_mood(Mood::Silent);
    let signed = home_example();
    names.set_txt(&signed.name, &signed.record);
    let trust = format!(
        "resolver = \"{}\"\ndns_budget = \"200 ms\"\n[timers]\nheld_first = \"100 ms\"\n\
         held_longest = \"200 ms\"",
        names.address()
    );
    let shop = shop(&room, &trust);
    let running = shop.run();
    let request = new_request();
    deliver(&room, &signed, &order(&request));
    until(|| running.log().contains("held, since DNS did not answer")).await;
    // Commands are answered while it asks again and again.
    let asked = names.asked();
    until(|| names.asked() > asked + 2).await;
    let trades = shop.json(&["trades", "--json"]);
    assert_eq!(trades.as_array().unwrap().len(), 0, "{trades}");
    assert_eq!(running.terminate(), Some(0));
    // What is held is in the book: the mailbox is not read again.
    names.set_mood(Mood::Fails);
    let running = shop.run();
    let asked = names.asked();
    until(|| names.asked() > asked + 2).await;
    assert!(room.statements(ANN).is_empty());
    names.set_mood(Mood::Answers);
    room.until(ANN, has_a_record).await;
    let trades = shop.json(&["trades", "--json"]);
    assert_eq!(trades[0]["request"], request);
    assert_eq!(trades.as_array().unwrap().len(), 1, "{trades}");
    // Nothing is asked any more.
    let asked = names.asked();
    deliver(&room, &signed, &order(&new_request()));
    room.until(ANN, |s| {
        s.iter()
            .filter(|s| s.body.kind() == Kind::TradeRecord)
            .count()
            == 2
    })
    .await;
    assert!(names.asked() <= asked + 1);
    drop(running);
}

async fn until(holds: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !holds() {
        assert!(start.elapsed() < support::PATIENCE, "it never holds");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tries_whether_the_provider_removes_forged_results() {
    for removes_forged in [true, false] {
        let room = room_at(Options {
            forged_results: if removes_forged {
                ForgedResults::Removed
            } else {
                ForgedResults::Kept
            },
            ..Options::default()
        })
        .await;
        let server = room.server(SHOP, &format!("dkim = \"provider\"\n{ALL_ROLES}"));
        let out = server.say(&["doctor", "--probe"], "");
        let text = stdout(&out);
        assert_eq!(out.status.success(), removes_forged, "{text}");
        let mark = if removes_forged { "ok     " } else { "PROBLEM" };
        assert!(text.contains(&format!("{mark}  forged results")), "{text}");
        assert_eq!(
            text.contains("minimum = \"dkim\""),
            !removes_forged,
            "{text}"
        );
        assert!(text.contains("proven by relay"), "{text}");
    }
}
