//! Expected orders (protocol 9), as a person states them.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::letters::{SHOP, eur, record};
use support::pty::Terminal;
use support::{Home, verdicts};

const READS: [&[&str]; 3] = [&["list"], &["warnings", "--all"], &["expect", "--list"]];

const LINK: &str = "tradepost:orders@shop.example?trade=T-1001&total=98.00EUR";

#[test]
fn a_link_is_shown_and_expected_once_the_person_agrees() {
    let home = Home::new();
    let mut terminal = Terminal::start(&home, &["expect", LINK]);
    terminal.wait_for("shop      orders@shop.example");
    terminal.wait_for("total     at most 98.00 EUR");
    terminal.answer("Expect this order? [y/N]", "");
    let (code, screen) = terminal.end();
    assert_eq!(code, 1, "{screen}");
    assert_eq!(home.json(&["expect", "--list"]), json!([]));

    let mut terminal = Terminal::start(&home, &["expect", LINK]);
    terminal.answer("Expect this order? [y/N]", "y");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("has not come yet"), "{screen}");
    let listed = &home.json(&["expect", "--list"])[0];
    assert_eq!(
        (
            &listed["shop"],
            &listed["id"],
            &listed["total"],
            &listed["come"]
        ),
        (&json!(SHOP), &json!("T-1001"), &eur("98.00"), &json!(false))
    );
    let pending = home.run(&["pending"]).ok();
    assert!(
        pending.contains("Expected, no trade record yet"),
        "{pending}"
    );

    assert_eq!(verdicts(&home.import(&[record().letter()])), ["applied"]);
    assert_eq!(home.json(&["list"])[0]["origin"], "expected");
    let pending = home.run(&["pending"]).ok();
    assert!(!pending.contains("Expected, no trade record"), "{pending}");
    let listed = home.run(&["expect", "--list"]).ok();
    assert!(listed.contains("in the ledger"), "{listed}");
    let shown = home.run(&["show", "T-1001"]).ok();
    assert!(shown.contains("in the shop; expected"), "{shown}");
    home.run(&["expect", "--forget", "T-1001"])
        .fails(1, "cancel it");
}

#[test]
fn where_nobody_can_be_asked_it_takes_a_yes_on_the_command_line() {
    let home = Home::new();
    home.run(&["expect", LINK]).fails(1, "--yes");
    assert_eq!(home.json(&["expect", "--list"]), json!([]));
    let expected = home.json(&["expect", LINK, "--yes"]);
    assert_eq!(expected["total"], eur("98.00"));
}

#[test]
fn a_dearer_record_is_warned_and_a_link_that_fits_judges_it_again() {
    let home = Home::new();
    let names = ["--shop", SHOP, "--trade", "T-1001", "--yes"];
    let expect = |total: &str| {
        let args = [&["expect", "--total", total][..], &names].concat();
        home.run(&args).ok()
    };
    expect("97.99EUR");
    let got = home.import(&[record().letter()]);
    assert_eq!(got[0]["warning"], "changed-contents");
    assert_eq!(home.json(&["list"]), json!([]));
    assert!(expect("97.99 EUR").contains("1 open warning"));
    assert!(expect("98.00 EUR").contains("It is in the ledger."));
    assert_eq!(home.json(&["warnings"]), json!([]));
    assert_eq!(home.json(&["list"])[0]["origin"], "expected");
    // The journal alone makes the same.
    let all = || READS.map(|args| home.json(args));
    let before = all();
    home.run(&["rebuild"]).ok();
    assert_eq!(all(), before);
}

#[test]
fn what_is_expected_no_longer_is_adopted_like_others() {
    let home = Home::new();
    home.run(&["expect", LINK, "--yes"]).ok();
    home.run(&["expect", "--forget", "T-9"]).fails(1, "--list");
    home.run(&["expect", "--forget", "orders@shop.example/T-1001"])
        .ok();
    assert_eq!(home.json(&["expect", "--list"]), json!([]));
    assert_eq!(verdicts(&home.import(&[record().letter()])), ["adopted"]);
}

#[test]
fn a_link_that_is_none_is_refused_with_the_reason() {
    let home = Home::new();
    for (link, reason) in [
        ("https://shop.example/?trade=T-1", "starts with tradepost:"),
        ("tradepost:orders@shop.example", "trade=T-1001 is missing"),
        ("tradepost:orders@shop.example?trade=T-1&total=98", "total"),
        ("tradepost:orders@shop.example?trade=T-1&trade=T-2", "twice"),
    ] {
        home.run(&["expect", link, "--yes"]).fails(2, reason);
    }
    home.run(&["expect"]).fails(2, "Usage");
    home.run(&["expect", "--shop", SHOP]).fails(2, "--trade");
    home.run(&["expect", LINK, "--list"]).fails(2, "--list");
    // A domain that looks like another one stands in both forms.
    let terminal = Terminal::start(
        &home,
        &["expect", "tradepost:orders@sh%D0%BEp.example?trade=T-1"],
    );
    terminal.wait_for("xn--shp-ted.example");
}

/// Nobody is to think that a signature by it is asked for.
#[test]
fn it_says_that_a_key_is_only_noted() {
    let home = Home::new();
    let key = "0123456789ABCDEF0123456789ABCDEF01234567";
    let noted = format!("{key} (noted only");
    let mut terminal = Terminal::start(&home, &["expect", &format!("{LINK}&key={key}")]);
    terminal.wait_for(&noted);
    terminal.answer("Expect this order? [y/N]", "y");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    let listed = home.run(&["expect", "--list"]).ok();
    assert!(listed.contains(&noted), "{listed}");
}
