//! What people are told of letters that do not fit, wait, or count: plain words on one screen,
//! whatever the letter itself says.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::Home;
use support::letters::{CARRIER, Said, at, delivered, in_transit, record, settled, shipped};

/// A letter with other header fields than its sender's program would write.
fn dressed(letter: Vec<u8>, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("\r\n{}", String::from_utf8(letter).unwrap());
    for (name, value) in fields {
        let start = text.find(&format!("\r\n{name}: ")).unwrap() + 2;
        let mut end = start + text.get(start..).unwrap().find("\r\n").unwrap();
        while text.get(end + 2..).unwrap().starts_with([' ', '\t']) {
            end += 2 + text.get(end + 2..).unwrap().find("\r\n").unwrap();
        }
        text.replace_range(start..end, &format!("{name}: {value}"));
    }
    text.split_off(2).into_bytes()
}

/// No more than a screen, and nothing that a terminal acts on or makes clickable.
#[track_caller]
fn is_one_plain_screen(shown: &str) {
    assert!(shown.lines().count() <= 24, "{shown}");
    for line in shown.lines() {
        let columns = unicode_width::UnicodeWidthStr::width(line);
        assert!(columns <= 80, "{columns} columns: {line}");
    }
    assert!(!shown.contains("://") && !shown.contains("www."), "{shown}");
    let hidden = |c: char| c != '\n' && tradepost_letters::untrusted::is_hidden(c);
    assert!(!shown.contains(hidden), "{shown}");
}

// Requirements: E26
#[test]
fn a_warning_is_one_screen_whatever_the_letter_says() {
    let home = Home::new();
    home.import(&[record().letter()]);
    let hostile = format!(
        "\u{1b}[2J\u{202e}Pay at https://evil.example/pay or www.evil.example\u{200b} {}",
        "x".repeat(600)
    );
    let wide = "壺".repeat(300);
    let many = "a b ".repeat(200);
    let mut letters = Vec::new();
    for subject in [&hostile, &wide, &many] {
        for from in [
            format!("\"{subject}\" <{CARRIER}>"),
            format!("{}@carrier.example", "a".repeat(64)),
            format!("a@{}example", format!("{}.", "b".repeat(60)).repeat(3)),
        ] {
            let fields = [("Subject", subject.as_str()), ("From", from.as_str())];
            letters.push(dressed(delivered(1).raw(), &fields));
        }
    }
    let verdicts = home.import(&letters);
    assert!(verdicts.iter().all(|v| v["verdict"] == "warned"));
    for warning in home.json(&["warnings"]).as_array().unwrap() {
        let id = warning["id"].to_string();
        let shown = home.run(&["warnings", "show", &id]).ok();
        is_one_plain_screen(&shown);
        for word in [
            "received",
            "expected",
            "evidence  none",
            "dismiss",
            "accept",
        ] {
            assert!(shown.contains(word), "{word} is not in: {shown}");
        }
        let whole = home.run(&["warnings", "show", &id, "--letter"]).ok();
        assert!(!whole.contains("://"), "{whole}");
        assert!(!warning.to_string().contains("://"), "{warning}");
    }
    let list = home.run(&["warnings"]).ok();
    assert!(!list.contains("://") && !list.contains("www."), "{list}");
}

#[test]
fn a_link_in_a_trade_is_not_clickable_either() {
    let home = Home::new();
    let name = "Kettle, see https://evil.example/";
    let said = record()
        .with("/body/shop_name", json!("www.evil.example"))
        .with("/body/lines/0/name", json!(name));
    let status = in_transit(1, &at(9)).with("/body/place", json!("https://evil.example/"));
    home.import(&[said.letter(), status.letter()]);
    for args in [&["show", "T-1001"][..], &["list"], &["pending"]] {
        let shown = home.run(args).ok();
        assert!(!shown.contains("://") && !shown.contains("www."), "{shown}");
        assert!(shown.contains("[.]evil"), "it is still told: {shown}");
    }
}

#[test]
fn a_lookalike_is_shown_letter_by_letter() {
    let home = Home::new();
    home.import(&[record().letter()]);
    // The first letter of the domain is Cyrillic.
    let evil = "track@сarrier.example";
    let said = delivered(1).with("/from", json!(evil));
    let got = home.import(&[said.stamped("dkim=pass header.d=xn--arrier-hrf.example")]);
    assert_eq!(got[0]["verdict"], "warned", "{got:?}");
    let warnings = home.json(&["warnings"]);
    let lookalike = warnings
        .as_array()
        .unwrap()
        .iter()
        .find(|w| w["kind"] == "lookalike-sender")
        .unwrap();
    let shown = home
        .run(&["warnings", "show", &lookalike["id"].to_string()])
        .ok();
    is_one_plain_screen(&shown);
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let punycode = flat
        .split([' ', '(', ')', '@', ','])
        .find(|word| word.starts_with("xn--"))
        .unwrap();
    for words in [
        &format!("{punycode} (сarrier.example), which looks the same as carrier.example"),
        "letter by letter",
        "evidence relay: ",
    ] {
        assert!(flat.contains(words), "{words:?} is not in: {shown}");
    }
    assert!(!shown.contains("accept"), "nothing was refused: {shown}");
    let list = home.run(&["warnings"]).ok();
    assert!(list.contains(punycode), "{list}");
}

#[test]
fn every_status_says_how_its_sender_was_proven() {
    let home = Home::new();
    home.import(&[
        record().letter(),
        shipped(1).letter(),
        in_transit(1, &at(9)).letter(),
        settled(1).letter(),
    ]);
    let shown = home.run(&["show", "T-1001"]).ok();
    let (_, history) = shown.split_once("History\n").unwrap();
    let flat = history.split_whitespace().collect::<Vec<_>>().join(" ");
    let statuses: Vec<&str> = flat.split("(applied) ").skip(1).collect();
    assert_eq!(statuses.len(), 3, "{shown}");
    for (proof, domain) in statuses.iter().zip(["shop", "carrier", "pay"]) {
        assert!(
            proof.starts_with("relay: mx.mailroom.example says dkim=pass"),
            "{shown}"
        );
        assert!(proof.contains(&format!("{domain}.example")), "{shown}");
    }
}

#[test]
fn a_letter_that_waits_for_its_time_is_listed_as_held() {
    let home = Home::new();
    let early = |said: Said, seconds| said.with("/sent", json!(at(seconds)));
    home.import(&[
        record().letter(),
        early(in_transit(1, &at(9)), 1800).letter(),
    ]);
    let held = home.json(&["held"]);
    assert_eq!(held.as_array().unwrap().len(), 1, "{held}");
    assert_eq!(held[0]["rule"], 4);
    assert_eq!(held[0]["trade"]["id"], "T-1001");
    let shown = home.run(&["held"]).ok();
    is_one_plain_screen(&shown);
    assert!(
        shown.contains(CARRIER) && shown.contains("1 letter"),
        "{shown}"
    );
    assert!(home.run(&["stats"]).ok().contains("held          1"));
    // The same letter, sent in time, is not held.
    let home = Home::new();
    home.import(&[
        record().letter(),
        early(in_transit(1, &at(9)), -60).letter(),
    ]);
    assert_eq!(home.json(&["held"]), json!([]));
    assert!(!home.run(&["stats"]).ok().contains("held"));
}

#[test]
fn of_a_burst_twenty_are_kept_and_the_list_tells_how_many_more_came() {
    let home = Home::new();
    home.import(&[record().letter()]);
    let burst: Vec<Vec<u8>> = (0..45).map(|_| delivered(1).raw()).collect();
    let got = home.import(&burst);
    assert!(got.iter().all(|v| v["warning"] == "unproven-sender"));
    let list = home.run(&["warnings"]).ok();
    assert!(list.contains("+25 more"), "{list}");
    assert!(list.contains("20 open warnings"), "{list}");
    let export = home.run(&["export"]).ok();
    let kept = support::lines(&export)
        .into_iter()
        .filter(|line| line["entry"]["entry"] == "received" && line["letter"].is_string());
    assert_eq!(kept.count(), 20, "what is counted is not kept");
}
