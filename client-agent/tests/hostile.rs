//! What others write reaches a person through the escaper, whichever command prints it: every command
//! is run on a ledger in which all that a letter can bring is hostile, at several widths, for people and
//! as JSON.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::letters::{
    CARRIER, ORDER, SHOP, Said, delivered, eur, in_transit, record, settled, shipped,
};
use support::world::{World, statements};
use tradepost_letters::untrusted::is_hidden;

/// What a line must not begin with: it would be taken for one of ours.
const FORGED: &str = "payment  voided  2026-11-20 10:00  billing@pay.example";

/// A text that begins as it should, and goes on with everything that drives a terminal, hides, or
/// pretends to be a line of ours.
fn hostile(start: &str) -> String {
    let evil = [
        "\u{1b}[2J",
        "\u{1b}]0;title\u{7}",
        "\r\n",
        "\n",
        "\r",
        "\u{8}\u{8}",
        "\u{9b}31m",
        "\u{85}",
        "\u{202e}",
        "\u{2066}",
        "\u{2028}",
        "\u{2029}",
        "\t",
        "\u{200b}",
        "\u{feff}",
        "\u{ad}",
        "\u{e0041}",
        "\u{7f}",
        "\u{c}",
    ];
    let mut text = start.to_owned();
    for piece in evil {
        text.push_str(piece);
        text.push_str(FORGED);
    }
    text.push_str(&"\u{301}".repeat(100));
    // Wherever a line of a terminal ends, the next one could begin with it.
    for n in 0..60 {
        text.push_str(&"x".repeat(n));
        text.push(' ');
        text.push_str(FORGED);
    }
    text
}

/// The same, as long as a string of a statement may be.
fn long() -> String {
    let text = hostile("Long");
    text.chars().cycle().take(10_000).collect()
}

/// Nothing acts on a terminal, and no line of others begins where lines of ours do.
#[track_caller]
fn is_harmless(what: &str, printed: &str) {
    for line in printed.lines() {
        let hidden = line.chars().find(|c| is_hidden(*c));
        assert_eq!(hidden, None, "{what}: {line:?}");
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        let is_forged = !line.starts_with(' ') && words == ["payment", "voided"];
        assert!(!is_forged, "{what}: {line:?} in\n{printed}");
    }
}

const WIDTHS: [&str; 3] = ["40", "80", "200"];

/// Runs a command at each width; its output is harmless whether it succeeds or not.
#[track_caller]
fn look(world: &World, args: &[&str]) {
    for width in WIDTHS {
        let done = world.home.command(args).env("COLUMNS", width).output();
        let done = done.unwrap();
        let what = format!("{args:?} at {width}");
        for stream in [&done.stdout, &done.stderr] {
            is_harmless(&what, &String::from_utf8(stream.clone()).unwrap());
        }
        assert!(!done.stdout.is_empty() || !done.stderr.is_empty(), "{what}");
    }
}

/// The same with `--json`, which has to be JSON, with what was written in it.
#[track_caller]
fn look_at_json(world: &World, args: &[&str]) -> String {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let printed = world.home.run(&args).ok();
    is_harmless(&format!("{args:?}"), &printed);
    let values = serde_json::Deserializer::from_str(&printed).into_iter::<Value>();
    let values: Result<Vec<Value>, _> = values.collect();
    serde_json::to_string(&values.unwrap_or_else(|e| panic!("{args:?}: {e}: {printed}"))).unwrap()
}

/// A letter whose Subject and whose name of the sender are hostile, of somebody whom nobody vouches for.
fn stranger(said: &Said, text: &str) -> Vec<u8> {
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let letter = String::from_utf8(said.raw()).unwrap();
    let mut lines: Vec<String> = Vec::new();
    for line in letter.split("\r\n") {
        let is_folded = line.starts_with([' ', '\t']);
        let replaced = |l: &String| l.starts_with("Subject: ") || l.starts_with("From: ");
        if is_folded && lines.last().is_some_and(replaced) {
            continue;
        }
        lines.push(if line.starts_with("Subject: ") {
            format!("Subject: {text}")
        } else if line.starts_with("From: ") {
            format!("From: \"{}\" <{CARRIER}>", text.replace(['"', '\\'], ""))
        } else {
            line.to_owned()
        });
    }
    let mut letter = lines.join("\r\n");
    letter.push_str(&format!("\r\n{FORGED}\r\n\u{1b}[2J{text}\n{FORGED}\r\n"));
    letter.into_bytes()
}

/// A trade whose record, statuses and decision say nothing but hostile things, one that waits, and
/// warnings of every sort of text.
fn world() -> World {
    let world = World::new().bought();
    let home = &world.home;
    let bad = hostile("Example");
    let first = statements(&world, SHOP);
    let hostile_record = record()
        .with("/trade/id", json!("T-666"))
        .with("/body/shop_name", json!(bad))
        .with("/body/lines/0/name", json!(bad))
        .with("/body/lines/0/sku", json!(bad))
        .with(
            "/body/charges",
            json!([{ "name": bad, "price": eur("1.00") }]),
        )
        .with("/body/total", json!(eur("99.00")))
        .with("/body/buyer/name", json!(bad))
        .with("/body/buyer/address/street", json!(bad));
    let of = |said: Said| said.with("/trade/id", json!("T-666"));
    let on_its_way = of(in_transit(1, &support::letters::at(3600)))
        .with("/body/parcel", json!(bad))
        .with("/body/place", json!(bad))
        .with("/body/text", json!(bad))
        .with("/body/tracking_number", json!(bad));
    let letters = [
        hostile_record.letter(),
        on_its_way.letter(),
        of(shipped(1)).with("/body/text", json!(long())).letter(),
        of(settled(1))
            .with("/body/amount", json!(eur("99.00")))
            .with("/body/text", json!(bad))
            .letter(),
    ];
    let verdicts = home.import(&letters);
    let words = support::verdicts(&verdicts);
    assert_eq!(words, ["adopted", "applied", "applied", "applied"]);
    // A wish to return, and what the shop says to it.
    home.run(&["confirm", "T-666"]).ok();
    home.run(&["return", "T-666", "--reason", &bad]).ok();
    let wish = statements(&world, SHOP)
        .into_iter()
        .find(|s| s["body"]["kind"] == "return")
        .unwrap();
    let decision = of(record())
        .with("/answers", wish["id"].clone())
        .with(
            "/body",
            json!({ "kind": "return-decision", "accepted": true, "text": bad, "refund": eur("1.00"),
                "send_to": { "name": bad, "address": { "street": bad, "city": bad, "country": "DE" } } }),
        );
    home.import(&[decision.letter()]);
    // An order that is rejected.
    home.write("order.toml", ORDER.as_bytes());
    home.run(&["order", "order.toml"]).ok();
    let known: BTreeSet<String> = first.iter().map(|s| s["id"].to_string()).collect();
    let order = statements(&world, SHOP)
        .into_iter()
        .find(|s| s["body"]["kind"] == "order" && !known.contains(&s["id"].to_string()))
        .unwrap();
    let mut rejected = record()
        .with("/request", order["request"].clone())
        .with("/answers", order["id"].clone())
        .with(
            "/body",
            json!({ "kind": "order-rejected", "reason": "out-of-stock", "text": bad }),
        );
    rejected.0.as_object_mut().unwrap().remove("trade");
    home.import(&[rejected.letter()]);
    // Warnings.
    let warned = home.import(&[
        stranger(&delivered(2), &bad),
        stranger(&delivered(3).with("/body/text", json!(long())), &long()),
        of(delivered(9))
            .with("/from", json!("evil@evil.example"))
            .letter(),
        of(settled(7))
            .with("/body/amount", json!(eur("1.00")))
            .with("/body/text", json!(bad))
            .letter(),
    ]);
    let words = support::verdicts(&warned);
    assert!(words.iter().all(|word| *word == "warned"), "{words:?}");
    home.run(&["schedule", "add", "T-666", "--every", "12h"])
        .ok();
    world
}

#[test]
fn no_command_lets_through_what_a_letter_brings() {
    let world = world();
    let home = &world.home;
    let bad = hostile("Example");
    let mut looked: BTreeSet<&str> = BTreeSet::new();
    let mut see = |args: &[&'static str]| {
        look(&world, args);
        looked.insert(args[0]);
    };
    for args in [
        &["pending"][..],
        &["list"],
        &["list", "--group-by", "shop"],
        &["list", "--group-by", "promised"],
        &["show", "T-666"],
        &["show", "T-1001"],
        &["warnings"],
        &["warnings", "--all"],
        &["held"],
        &["stats"],
        &["requests", "--all"],
        &["schedule", "list"],
        &["expect", "--list"],
        &["doctor"],
        &["export"],
        &["reorder", "T-666", "--dry-run"],
        &["reorder", "T-666", "--yes"],
        &["order", "order.toml", "--dry-run"],
        &["import", "letters/000.eml"],
        &["ask", "T-666"],
        &["confirm", "T-666"],
        &["cancel", "T-666"],
        &["return", "T-666", "--line", "1:1"],
        &["notify", "T-666", "--all"],
        &["daemon", "--once"],
        &["rebuild"],
        &["repair"],
        &["man", "man"],
        &["completions", "bash"],
    ] {
        see(args);
    }
    let warnings = home.json(&["warnings", "--all"]);
    for warning in warnings.as_array().unwrap() {
        let id = warning["id"].to_string();
        look(&world, &["warnings", "show", &id]);
        look(&world, &["warnings", "show", &id, "--letter"]);
        look_at_json(&world, &["warnings", "show", &id]);
    }
    look(
        &world,
        &["warnings", "accept", &warnings[0]["id"].to_string()],
    );
    look(
        &world,
        &["warnings", "dismiss", &warnings[1]["id"].to_string()],
    );
    // Whoever adds a command adds it here.
    let help = home.run(&["--help"]).ok();
    let (_, commands) = help.split_once("Commands:").unwrap();
    let commands: BTreeSet<&str> = commands
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert_eq!(commands, looked);
    // As JSON it is what was written, all of it.
    for (args, has) in [
        (&["list"][..], true),
        (&["show", "T-666"], true),
        (&["pending"], false),
        (&["requests", "--all"], false),
        (&["warnings", "--all"], false),
        (&["held"], false),
        (&["stats"], false),
        (&["schedule", "list"], false),
        (&["expect", "--list"], false),
        (&["ask", "T-666"], false),
    ] {
        let written = look_at_json(&world, args);
        let quoted = serde_json::to_string(&bad).unwrap();
        let quoted = quoted.trim_matches('"');
        assert!(!has || written.contains(quoted), "{args:?}: {written}");
    }
    let exported = home.run(&["export"]).ok();
    is_harmless("export", &exported);
    let lines = support::lines(&exported);
    let record = lines.iter().find(|l| l["shop_name"] == json!(bad));
    assert!(record.is_some(), "it is exported as it was written");
}

#[test]
fn neither_the_log_nor_a_program_that_is_told_gets_it_as_it_came() {
    let world = World::new();
    let home = &world.home;
    let config = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    let script = home.write("tell", b"#!/bin/sh\ncat >> told; cat told >&2; exit 1\n");
    let allowed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&script, allowed).unwrap();
    let notify = format!("{config}[notify]\ncommand = [\"{}\"]\n", script.display());
    home.write("config.toml", notify.as_bytes());
    let bad = hostile("Example");
    world.deliver(&record().with("/body/shop_name", json!(bad)));
    world.deliver(&shipped(1).with("/body/text", json!(bad)));
    let from_others = stranger(&delivered(4), &bad);
    world
        .room
        .deliver_from_outside(CARRIER, "ann@home.example", &from_others, None)
        .unwrap();
    let done = home
        .command(&["daemon", "--once"])
        .env("TRADEPOST_LOG", "debug")
        .output()
        .unwrap();
    let log = String::from_utf8(done.stderr).unwrap();
    is_harmless("the log", &log);
    assert!(log.contains("did not take an event"), "{log}");
    let told = std::fs::read_to_string(home.path().join("told")).unwrap();
    is_harmless("what the program is told", &told);
    assert!(!support::lines(&told).is_empty());
}

#[test]
fn a_name_is_one_line_and_is_cut_with_a_mark_wherever_it_is_shown() {
    let world = World::new();
    let home = &world.home;
    let long = format!("Example\nShop {}", "x".repeat(500));
    let said = record()
        .with("/body/shop_name", json!(long))
        .with("/body/lines/0/name", json!(long));
    home.import(&[said.letter()]);
    for args in [
        &["show", "T-1001"][..],
        &["list"],
        &["pending"],
        &["list", "--group-by", "shop"],
    ] {
        let done = home.command(args).env("COLUMNS", "200").output().unwrap();
        let shown = String::from_utf8(done.stdout).unwrap();
        let flat: String = shown.split_whitespace().collect();
        assert!(flat.contains("ExampleShopxxx"), "{shown}");
        assert!(flat.contains("xxx..."), "{args:?}: {shown}");
        assert!(!flat.contains(&"x".repeat(121)), "{args:?}: {shown}");
    }
    assert_eq!(
        home.json(&["list"])[0]["shop_name"],
        json!(long),
        "whole for programs"
    );
    let hides = format!("P\u{202e}1\u{200b} {}", "y".repeat(500));
    let parcel = in_transit(1, &support::letters::at(3600)).with("/body/parcel", json!(hides));
    let lie = format!("\"Swift\u{200b} {}\" <{CARRIER}>", "z".repeat(500));
    let letter = String::from_utf8(delivered(2).raw()).unwrap();
    let (before, after) = letter.split_once("From: ").unwrap();
    let (_, after) = after.split_once("\r\n").unwrap();
    let unproven = format!("{before}From: {lie}\r\n{after}");
    home.import(&[parcel.letter(), unproven.into_bytes()]);
    let shown = |args: &[&str]| {
        let done = home.command(args).env("COLUMNS", "200").output().unwrap();
        let shown = String::from_utf8(done.stdout).unwrap();
        shown.split_whitespace().collect::<String>()
    };
    let trade = shown(&["show", "T-1001"]);
    assert!(
        trade.contains(&format!("P1{}...", "y".repeat(117))),
        "{trade}"
    );
    let warning = shown(&["warnings", "show", "1"]);
    assert!(warning.contains("from\"Swiftzzz"), "{warning}");
    assert!(!warning.contains(&"z".repeat(121)), "{warning}");
}
