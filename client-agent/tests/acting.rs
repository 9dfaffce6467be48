//! The person acts on trades: returning (E23), cancelling (E7), wishes (Q5, Q6).
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::letters::{CARRIER, ORDER, PAY, SHOP, eur, record};
use support::world::{World, statements};

/// E23.
// Requirements: E23
#[test]
fn a_part_is_returned_by_its_line_and_the_decision_is_shown() {
    let world = World::new().bought();
    let home = &world.home;
    let shown = home.run(&["show", "T-1001"]).ok();
    assert!(shown.contains("LINE"), "{shown}");
    home.run(&["return", "T-1001", "--line", "1:3"])
        .fails(1, "2 are left");
    home.run(&["return", "T-1001", "--line", "2"])
        .fails(1, "no line 2");
    home.run(&["return", "T-1001", "--line", "0"])
        .fails(2, "number from 1");
    home.run(&["return", "T-9", "--line", "1"])
        .fails(1, "no trade");
    let sent = home.json(&[
        "return",
        "T-1001",
        "--line",
        "1:1",
        "--reason",
        "the lid is cracked",
    ]);
    assert_eq!(
        (&sent["state"], &sent["kind"]),
        (&json!("left"), &json!("return"))
    );
    let asked = statements(&world, SHOP).pop().unwrap();
    assert_eq!(
        asked["body"],
        json!({ "kind": "return", "lines": [{ "line": 0, "quantity": 1 }], "reason": "the lid is cracked" })
    );
    assert_eq!(asked["trade"], json!({ "shop": SHOP, "id": "T-1001" }));
    let shown = home.run(&["show", "T-1001"]).ok();
    assert!(
        shown.contains("you asked to return 1 x Kettle: the lid is cracked")
            && shown.contains("no answer yet"),
        "{shown}"
    );

    let decision = record()
        .with("/answers", asked["id"].clone())
        .with(
            "/body",
            json!({
                "kind": "return-decision", "accepted": true, "refund": eur("49.00"),
                "send_to": { "name": "Returns\u{1b}[31m", "address": { "street": "2 Back Road", "city": "Berlin", "country": "DE" } },
            }),
        );
    world.deliver(&decision);
    home.run(&["daemon", "--once"]).ok();
    let shown = home.run(&["show", "T-1001"]).ok();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        shown.contains("the shop takes it back") && shown.contains("it refunds 49.00 EUR"),
        "{shown}"
    );
    assert!(
        shown.contains("2 Back Road") && !shown.contains('\u{1b}'),
        "{shown}"
    );
    let undoing = &home.json(&["show", "T-1001"])["undoing"][0];
    assert_eq!(undoing["decision"]["refund"], eur("49.00"));
    // The rest, in one go; then there is nothing left.
    home.run(&["return", "T-1001"]).ok();
    let rest = statements(&world, SHOP).pop().unwrap();
    assert_eq!(rest["body"]["lines"], json!([{ "line": 0, "quantity": 1 }]));
    home.run(&["return", "T-1001"]).fails(1, "all of");
    // The journal alone makes the same.
    let before = home.json(&["show", "T-1001"]);
    home.run(&["rebuild"]).ok();
    assert_eq!(home.json(&["show", "T-1001"]), before);
}

/// E7.
// Requirements: E7
#[test]
fn the_only_open_order_is_cancelled_without_its_name_and_of_two_one_must_be_named() {
    let world = World::new();
    let home = &world.home;
    home.run(&["cancel"]).fails(1, "no order waits");
    home.write("order.toml", ORDER.as_bytes());
    let first = home.json(&["order", "order.toml"]);
    let second = home.json(&["order", "order.toml"]);
    home.run(&["cancel"]).fails(1, "2 orders wait");
    let request = second["request"].as_str().unwrap();
    home.run(&["cancel", request]).ok();
    let asked = statements(&world, SHOP).pop().unwrap();
    assert_eq!(asked["request"], second["request"]);
    world.deliver(
        &record()
            .with("/request", first["request"].clone())
            .with("/trade/id", json!("T-1")),
    );
    home.run(&["daemon", "--once"]).ok();
    let cancelled = home.json(&["cancel", "--text", "by mistake"]);
    assert_eq!(cancelled["request"], second["request"]);
}

/// Q5, Q6.
// Requirements: Q5, Q6
#[test]
fn wishes_reach_the_shop_the_carrier_and_the_payment_processor() {
    let world = World::new().bought();
    let home = &world.home;
    home.run(&["notify", "T-1001"]).fails(2, "--on");
    home.run(&["notify", "T-1001", "--all", "--none"])
        .fails(2, "--none");
    home.run(&["notify", "T-1001", "--on", "delivery.arrived"])
        .fails(2, "arrived");
    let args = [
        "--on",
        "delivery.delivered",
        "--on",
        "payment",
        "--to",
        "phone@home.example",
    ];
    let sent = home.json(&[&["notify", "T-1001"], &args[..]].concat());
    let to: Vec<&str> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["to"].as_str().unwrap())
        .collect();
    assert_eq!(to, [SHOP, CARRIER, PAY]);
    assert!(sent[0].get("item").is_none(), "{sent}");
    for server in [SHOP, CARRIER, PAY] {
        let wish = statements(&world, server).pop().unwrap();
        assert_eq!(
            wish["body"],
            json!({ "kind": "notify", "on": ["delivery.delivered", "payment"], "to": "phone@home.example" })
        );
    }
    home.run(&["notify", "T-1001", "--none"]).ok();
    assert_eq!(
        statements(&world, PAY).pop().unwrap()["body"]["on"],
        json!([])
    );
    home.run(&["notify", "T-1001", "--all"]).ok();
    let all = json!(["order", "delivery", "payment"]);
    assert_eq!(
        statements(&world, CARRIER).pop().unwrap()["body"]["on"],
        all
    );
}
