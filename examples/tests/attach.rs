//! A mail of the shop's own system carries the statement: the customer gets one mail, the buyer's agent
//! believes it, and the server knows that it was told.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::path::Path;

use serde_json::{Value, json};

use support::agent::{Agent, Outcome};
use support::{ANN, SHOP, World};

const PAGE: &str = "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\
                    <html><head></head><body><h1>Schöne Grüße</h1></body></html>\n";

fn mail(number: u32, subject: &str) -> String {
    format!(
        "From: Example Shop <{SHOP}>\nTo: <{ANN}>\nSubject: {subject}\nDate: Fri, 20 Nov 2026 10:15:00 +0000\n\
         Message-ID: <woo-{number}@shop.example>\nMIME-Version: 1.0\n\
         Content-Type: multipart/alternative; boundary=\"b{number}\"\n\n--b{number}\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nSchöne Grüße\n\
         --b{number}\n{PAGE}--b{number}--\n"
    )
}

fn record() -> Value {
    let eur = |amount: &str| json!({ "amount": amount, "currency": "EUR" });
    json!({ "key": "r", "mail": false, "record": { "trade": "W-1", "buyer_mail": ANN, "total": eur("98.00"),
        "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }],
        "payment": { "method": "credit-card", "processor": support::PROCESSOR },
        "delivery": { "method": "courier", "carriers": [{ "address": support::CARRIER }] },
        "buyer": { "name": "Ann", "address": { "street": "1", "city": "York", "country": "GB" } } } })
}

fn attach(shop: &Agent, track: &str, mail: &str) -> Outcome {
    shop.run_with(&["attach", "--trade", "W-1", "--track", track], mail)
}

fn attached(world: &World, shop: &Agent, track: &str, number: u32) -> std::path::PathBuf {
    let outcome = attach(shop, track, &mail(number, track));
    assert!(outcome.status.success(), "{outcome:?}");
    world.file(&format!("{number}.eml"), &outcome.stdout)
}

fn import(ann: &Agent, file: &Path) -> Value {
    let outcome = ann.run(&["import", "--json", file.to_str().unwrap()]);
    serde_json::from_str(outcome.stdout.lines().next().unwrap())
        .unwrap_or_else(|e| panic!("{e}: {outcome:?}"))
}

// Requirements: E14
#[test]
fn a_mail_of_the_shops_own_system_is_signed_believed_and_the_only_one() {
    let mut world = World::in_a_mailroom();
    // Nobody's provider is believed: the mails are proven by the server's own signature.
    let key = world.key(SHOP, "s1", "rsa");
    world.customs.trust = Some(format!(
        "minimum = \"dkim\"\n[trust.keys]\n\"{}\" = \"{}\"\n",
        key.name, key.record
    ));
    let (ann, mut shop) = (world.buyer(), world.shop());
    assert_eq!(shop.emit(&[record()])[0]["accepted"], true);
    let first = attached(&world, &shop, "record", 1);
    assert_eq!(import(&ann, &first)["verdict"], "adopted");
    let told =
        json!({ "key": "s", "trade": "W-1", "track": "order", "state": "shipped", "mail": false });
    // `run` has the book now.
    shop.start();
    let answer = shop.emit(&[told]);
    assert_eq!(answer[0]["accepted"], true);
    let second = attached(&world, &shop, "order", 2);
    assert_eq!(import(&ann, &second)["verdict"], "applied");
    assert_eq!(import(&ann, &second)["verdict"], "duplicate");
    let shown = ann.json(&["show", "W-1", "--json"]);
    assert_eq!(shown["order"]["state"], "shipped", "{shown}");
    let page = std::fs::read_to_string(&second).unwrap();
    assert!(
        page.contains("application/ld+json")
            && page.contains("multipart/alternative; boundary=\"b2\"")
    );

    // It was changed on the way: not believed.
    let forged = page
        .replace("Sch=C3=B6ne", "Sch=C3=B6nere")
        .replace("woo-2@", "woo-3@");
    assert_ne!(forged, page);
    let forged = world.file("forged.eml", &forged);
    assert_eq!(import(&ann, &forged)["warning"], "unproven-sender");

    // The server mails nothing itself, and knows what the mails said.
    assert_eq!(shop.json(&["outbox", "--json"]), json!([]));
    let all = shop.json(&["outbox", "--all", "--json"]);
    let ids: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["message_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["woo-2@shop.example", "woo-1@shop.example"], "{all}");
    assert_eq!(all[0]["statement"], answer[0]["statement"]);
    assert_eq!(all[0]["state"], "accepted");
}

#[test]
fn a_mail_that_cannot_carry_it_is_refused_and_nothing_was_told() {
    let world = World::in_a_mailroom();
    let shop = world.shop();
    assert_eq!(shop.emit(&[record()])[0]["accepted"], true);
    let good = mail(1, "x");
    for (name, track, mail, word) in [
        (
            "signed",
            "record",
            format!("DKIM-Signature: v=1\n{good}"),
            "sign",
        ),
        (
            "another sender",
            "record",
            good.replacen(SHOP, "news@shop.example", 1),
            "news@shop.example",
        ),
        (
            "another receiver",
            "record",
            good.replacen(ANN, "bob@home.example", 1),
            "bob@home.example",
        ),
        ("nothing told", "payment", good.clone(), "payment"),
        ("no mail", "record", String::new(), "standard input"),
    ] {
        let outcome = attach(&shop, track, &mail);
        assert_eq!(outcome.status.code(), Some(1), "{name}: {outcome:?}");
        assert!(
            outcome.stdout.is_empty() && outcome.stderr.contains(word),
            "{name}: {outcome:?}"
        );
    }
    assert_eq!(shop.json(&["outbox", "--all", "--json"]), json!([]));
    let with_parcel = shop.run_with(&["attach", "--trade", "W-1", "--parcel", "P"], &good);
    assert!(
        with_parcel.stderr.contains("--track delivery"),
        "{with_parcel:?}"
    );
    assert!(attach(&shop, "record", &good).status.success());
}
