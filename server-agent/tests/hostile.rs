//! What others write reaches an operator through the escaper, whichever command prints it, at several
//! widths, for people and as JSON, in the log, and by HTTP: a buyer's letters, the merchant's own lines
//! and what the merchant's programs say are all hostile.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use serde_json::{Value, json};
use tradepost_letters::untrusted::is_hidden;
use tradepost_statements::{Kind, Statement};

use support::http::http_section;
use support::{
    ANN, CARRIER, PATIENCE, PROCESSOR, Room, SHOP, Server, eur, new_request, order, room, statement,
};

/// What a line must not begin with: it would be taken for a trade of the table.
const FORGED: &str = "T-FORGED  orders@shop.example  ann@home.example  0.00 EUR  shipped";

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
    for n in 0..60 {
        text.push_str(&"x".repeat(n));
        text.push(' ');
        text.push_str(FORGED);
    }
    text
}

/// Nothing acts on a terminal, and no line of others begins where lines of ours do.
#[track_caller]
fn is_harmless(what: &str, printed: &str) {
    for line in printed.lines() {
        let hidden = line.chars().find(|c| is_hidden(*c));
        assert_eq!(hidden, None, "{what}: {line:?}");
        assert!(
            !line.starts_with("T-FORGED"),
            "{what}: {line:?} in\n{printed}"
        );
    }
}

/// Runs a command at each width; its output is harmless whether it succeeds or not.
#[track_caller]
fn look(server: &Server, args: &[&str]) {
    for width in ["40", "80", "200"] {
        let done = server.command(args).env("COLUMNS", width).output().unwrap();
        let what = format!("{args:?} at {width}");
        for stream in [&done.stdout, &done.stderr] {
            is_harmless(&what, &String::from_utf8(stream.clone()).unwrap());
        }
    }
}

/// The same with `--json`, which has to be JSON; what was written in it.
#[track_caller]
fn look_at_json(server: &Server, args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let done = server.say(&args, "");
    let printed = String::from_utf8(done.stdout).unwrap();
    is_harmless(&format!("{args:?}"), &printed);
    is_harmless(
        &format!("{args:?}"),
        &String::from_utf8(done.stderr).unwrap(),
    );
    serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{args:?}: {e}: {printed}"))
}

fn has(statements: &[Statement], kind: Kind) -> bool {
    statements.iter().any(|s| s.body.kind() == kind)
}

/// A server that is shop and processor, asks its operator about payments, and runs a program that fails
/// with hostile words; the carrier never answers.
fn server(room: &Room) -> Server {
    let program = room.folder.path().join("fulfil.sh");
    let complaint = room.folder.path().join("complaint");
    std::fs::write(&complaint, hostile("broken")).unwrap();
    std::fs::write(
        &program,
        format!("#!/bin/sh\ncat '{}' >&2\nexit 3\n", complaint.display()),
    )
    .unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let http = http_section(room);
    room.server(
        SHOP,
        &format!(
            "roles = [\"shop\", \"payment\"]\nname = \"Example Shop\"\n[payment]\nshops = [\"others@shop.example\"]\nauthorize = \"ask\"\n\
             [shop.payment.credit-card]\nprocessor = \"{SHOP}\"\n\
             [shop.delivery.courier]\ncarrier = \"{CARRIER}\"\n\
             [fulfilment]\ncommand = [\"./fulfil.sh\"]\nretry_first = \"1 h\"\n{http}"
        ),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_lets_through_what_letters_lines_and_programs_bring() {
    let room = room().await;
    let server = server(&room);
    let running = server.run();
    let bad = hostile("Kettle");
    let mut bought = order(&new_request());
    for pointer in [
        "/body/lines/0/name",
        "/body/buyer/name",
        "/body/buyer/address/street",
    ] {
        *bought.pointer_mut(pointer).unwrap() = json!(bad);
    }
    bought["body"]["lines"][0]["sku"] = json!(bad);
    room.deliver(&bought);
    let there = room.until(ANN, |s| has(s, Kind::TradeRecord)).await;
    let trade = there[0].trade.clone().unwrap();
    let about = json!({ "trade": trade });
    let id = trade.id.to_string();
    let told = |line: Value| {
        let out = server.say(&["emit"], &format!("{line}\n"));
        let printed = String::from_utf8(out.stdout).unwrap();
        is_harmless("emit", &printed);
        is_harmless("emit", &String::from_utf8(out.stderr).unwrap());
        serde_json::from_str::<Value>(&printed).unwrap()
    };
    let key: String = bad.chars().take(100).collect();
    let event = json!({ "key": key, "trade": id, "track": "order", "state": "shipped", "text": bad, "parcels": [bad] });
    let answer = told(event);
    assert_eq!(answer["accepted"], true, "{answer}");
    let is_ours = |answer: &support::http::Answer| {
        is_harmless("HTTP", &answer.body);
        answer.json()
    };
    let path = format!("/v1/trades/{id}");
    let shown = is_ours(&running.get(&path)).to_string();
    assert!(shown.contains("FORGED"), "it is told: {shown}");
    let wish = json!({ "kind": "return", "lines": [{ "line": 0, "quantity": 1 }], "reason": bad });
    room.deliver(&statement(ANN, SHOP, about.clone(), wish));
    // Another shop asks for an authorization.
    let others = "others@shop.example";
    let of_others = json!({ "trade": { "shop": others, "id": "T-9" } });
    let asked = json!({ "kind": "authorize", "amount": eur("5.00"), "method": "credit-card", "reference": bad,
        "buyer": { "name": bad, "address": { "street": bad, "city": bad, "country": "DE" } }, "buyer_mail": ANN });
    room.deliver(&statement(others, SHOP, of_others, asked));
    // From somebody who may say nothing here.
    room.deliver(&statement(
        "evil@evil.example",
        SHOP,
        about,
        json!({ "kind": "cancel", "text": bad }),
    ));
    // Of one that has not shipped the program is told again and again.
    room.deliver(&order(&new_request()));
    let deadline = Instant::now() + PATIENCE;
    for (args, what) in [
        (["returns", "--json"], "a wish"),
        (["authorizations", "--json"], "a question"),
        (["jobs", "--json"], "a job"),
    ] {
        let is_there = || {
            let all = server.json(&args);
            let all = all.as_array().unwrap();
            all.iter()
                .any(|one| args[0] != "jobs" || one["last_error"].is_string())
        };
        while !is_there() {
            assert!(
                Instant::now() < deadline,
                "{what} has not come: {}",
                running.log()
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    // Lines that are refused say why.
    for line in [
        json!({ "key": bad, "trade": bad, "track": "order", "state": "shipped" }),
        json!({ "key": "2", "trade": id, "track": bad, "state": bad }),
        json!({ "key": "3", "trade": id, "track": "delivery", "state": "delivered", "parcel": bad, (bad.as_str()): bad }),
        json!({ "key": "4", "record": bad }),
    ] {
        assert_eq!(told(line)["accepted"], false);
    }
    is_ours(&running.get("/v1/outbox?all=true"));
    let event = json!({ "track": bad, "state": bad });
    let refused = running.post(&format!("{path}/events"), "5", &event);
    assert!(refused.status >= 400, "{refused:?}");
    is_ours(&refused);

    let mut looked: BTreeSet<&str> = BTreeSet::new();
    let listed = |args: &[&'static str], looked: &mut BTreeSet<&'static str>| {
        look(&server, args);
        looked.insert(args[0]);
    };
    for args in [
        &["trades"][..],
        &["authorizations"],
        &["unanswered"],
        &["returns"],
        &["outbox"],
        &["outbox", "--all"],
        &["jobs"],
        &["doctor"],
        &["attach", "--trade", "T-0", "mail.eml"],
        &["decide", "T-0", "--accept"],
        &["emit", "/nowhere"],
        &["completions", "bash"],
        // The book is `run`'s.
        &["run"],
        &["repair"],
    ] {
        listed(args, &mut looked);
    }
    let folder = room.folder.path().join("man").display().to_string();
    look(&server, &["man", &folder]);
    let key = room.folder.path().join("key.pem").display().to_string();
    look(
        &server,
        &[
            "dkim-key",
            "--selector",
            "s1",
            "--domain",
            "shop.example",
            "--out",
            &key,
        ],
    );
    looked.extend(["man", "dkim-key"]);
    let letters = look_at_json(&server, &["outbox", "--all"]);
    for letter in letters.as_array().unwrap() {
        let letter = letter["id"].as_str().unwrap();
        for width in ["40", "80", "200"] {
            let shown = server
                .command(&["outbox", "show", letter])
                .env("COLUMNS", width)
                .output();
            is_harmless(
                "outbox show",
                &String::from_utf8(shown.unwrap().stdout).unwrap(),
            );
        }
        look_at_json(&server, &["outbox", "show", letter]);
    }
    for args in [
        &["trades"][..],
        &["authorizations"],
        &["unanswered"],
        &["returns"],
        &["jobs"],
        &["doctor"],
    ] {
        let value = look_at_json(&server, args);
        if args == ["returns"] {
            assert_eq!(value[0]["text"], json!(bad), "it is told as it was written");
        }
    }
    let decided = look_at_json(&server, &["decide", &id, "--accept", "--text", &bad]);
    assert_eq!(decided["accepted"], true);

    // Whoever adds a command adds it here.
    let help = support::stdout(&server.say(&["--help"], ""));
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
    let log = running.log();
    is_harmless("the log", &log);
    assert!(log.contains("FORGED"), "it is logged: {log}");
    assert!(!log.contains(PROCESSOR));
}
