//! Letters of the person's that come back: shown with the reason, and sent again; a forged report
//! changes nothing but adds a warning.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::letters::{ANN, ORDER, record};
use support::world::World;

fn ordered() -> (World, Value) {
    let world = World::new();
    world.home.write("order.toml", ORDER.as_bytes());
    let order = world.home.json(&["order", "order.toml"]);
    world.home.run(&["daemon", "--once"]).ok();
    (world, order)
}

/// As Exim writes it: no `multipart/report`, and so nothing that RFC 3464 speaks of.
fn report(message_id: &str) -> String {
    format!(
        "X-Failed-Recipients: orders@shop.example\r\nAuto-Submitted: auto-replied\r\n\
         From: Mail Delivery System <Mailer-Daemon@mx.home.example>\r\nTo: {ANN}\r\n\
         Subject: Mail delivery failed: returning message to sender\r\nMessage-Id: <E1kf-1@mx.home.example>\r\n\
         Date: Fri, 20 Nov 2026 10:15:05 +0000\r\n\r\n\
         A message that you sent could not be delivered to one or more of its\r\nrecipients.\r\n\r\n\
         \x20 orders@shop.example\r\n    550 no such user\r\n\r\n\
         ------ This is a copy of the message, including all the headers. ------\r\n\r\n\
         From: {ANN}\r\nMessage-ID: <{message_id}>\r\nTradepost: v=1; kind=order\r\n\r\nHello\r\n"
    )
}

fn kinds(warnings: &Value) -> Vec<&str> {
    let all = warnings.as_array().unwrap();
    all.iter().map(|w| w["kind"].as_str().unwrap()).collect()
}

/// RFC 5321 section 4.4: what the provider writes above a letter that it puts into a mailbox.
fn delivered(world: &World, path: &str, letter: &str) {
    let letter = format!("Return-Path: <{path}>\r\n{letter}");
    world.room.deliver(ANN, letter.as_bytes()).unwrap();
    world.home.run(&["daemon", "--once"]).ok();
}

#[test]
fn a_report_of_another_form_shows_that_the_order_came_back() {
    let (world, order) = ordered();
    let home = &world.home;
    delivered(&world, "", &report(order["message_id"].as_str().unwrap()));
    assert_eq!(kinds(&home.json(&["warnings"])), ["undeliverable"]);
    let requests = home.json(&["requests"]);
    assert_eq!(requests[0]["state"], "bounced");
    let words = home.run(&["requests"]).ok();
    assert!(
        words.contains("order to orders@shop.example: sent, bounced"),
        "{words}"
    );
    assert!(words.contains("550 no such user"), "{words}");
    assert!(words.contains("sent again 2"), "{words}");

    // What it answers all the same, resolves it.
    let request = &requests[0]["request"];
    let answer = record()
        .with("/request", request.clone())
        .with("/answers", requests[0]["statement"].clone());
    world.deliver(&answer);
    home.run(&["daemon", "--once"]).ok();
    assert_eq!(home.json(&["warnings"]), json!([]));
    assert_eq!(home.json(&["requests"])[0]["state"], "answered");
}

#[test]
fn a_forged_report_changes_nothing_but_adds_a_warning() {
    let (world, order) = ordered();
    let home = &world.home;
    let before = home.json(&["requests"]);
    let forged = report(order["message_id"].as_str().unwrap());
    delivered(&world, "evil@evil.example", &forged);
    let warnings = home.json(&["warnings"]);
    assert_eq!(kinds(&warnings), ["unproven-sender"]);
    let expected = warnings[0]["expected"].as_str().unwrap();
    assert!(
        expected.contains("Return-Path evil@evil.example"),
        "{expected}"
    );
    assert_eq!(
        home.json(&["requests"]),
        before,
        "it waits for its answer as before"
    );

    // One about a letter that was never sent.
    delivered(&world, "", &report("made-up@home.example"));
    let warnings = home.json(&["warnings"]);
    assert_eq!(kinds(&warnings), ["unproven-sender", "unproven-sender"]);
    assert_eq!(home.json(&["requests"]), before);
    home.run(&["rebuild"]).ok();
    assert_eq!(home.json(&["warnings"]), warnings);
}
