//! The commands as a person types them, where no mail server is needed.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::json;
use support::letters::{Said, at, in_transit, record, settled};
use support::{CONFIG, Home};

const COMMANDS: [&str; 24] = [
    "daemon",
    "pending",
    "list",
    "show",
    "warnings",
    "held",
    "stats",
    "order",
    "reorder",
    "confirm",
    "cancel",
    "return",
    "notify",
    "expect",
    "ask",
    "schedule",
    "requests",
    "import",
    "rebuild",
    "repair",
    "export",
    "doctor",
    "completions",
    "man",
];

#[test]
fn every_command_has_help_with_examples() {
    let home = Home::new();
    let all = home.run(&["--help"]).ok();
    for command in COMMANDS {
        assert!(
            all.contains(&format!("  {command} ")),
            "{command} is not in: {all}"
        );
        let help = home.run(&[command, "--help"]).ok();
        assert!(help.contains("Examples:\n"), "{help}");
        assert!(help.contains(&format!("tradepost {command}")), "{help}");
    }
    for what in ["show", "dismiss", "accept"] {
        let help = home.run(&["warnings", what, "--help"]).ok();
        assert!(help.contains("Examples:\n"), "{help}");
    }
    home.run(&["--version"]).ok();
}

#[test]
fn wrong_use_ends_with_status_2() {
    let home = Home::new();
    home.run(&["list"]).ok();
    home.run(&[]).fails(2, "Usage");
    home.run(&["lst"]).fails(2, "list");
    home.run(&["list", "--paid", "--unpaid"])
        .fails(2, "--unpaid");
    home.run(&["list", "--sort", "colour"]).fails(2, "payment");
    home.run(&["show"]).fails(2, "TRADE");
    home.run(&["warnings", "dismiss", "x"]).fails(2, "x");
}

#[test]
fn an_empty_ledger_says_something_helpful() {
    let home = Home::new();
    for (args, word) in [
        (&["pending"][..], "Nothing is pending"),
        (&["list"], "no trades yet"),
        (&["list", "--unpaid"], "No trade is like that"),
        (&["warnings"], "no open warnings"),
        (&["held"], "No letters are held"),
        (&["requests"], "No orders"),
        (&["stats"], "trades        0"),
    ] {
        let out = home.run(args).ok();
        assert!(out.contains(word), "{out}");
    }
    for args in [["pending"], ["list"], ["warnings"], ["held"], ["requests"]] {
        assert_eq!(home.json(&args), json!([]));
    }
    home.run(&["show", "T-1"]).fails(1, "there is no trade");
    home.run(&["warnings", "show", "1"])
        .fails(1, "there is no warning 1");
}

#[test]
fn completions_and_manual_pages_are_written() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(home.run(&["completions", shell]).ok().contains("warnings"));
    }
    home.run(&["completions", "tcsh"]).fails(2, "bash");
    home.run(&["man", "pages"]).ok();
    let page = std::fs::read_to_string(home.path().join("pages/tradepost-order.1")).unwrap();
    assert!(page.contains("Order from a shop"));
}

/// Three trades of two shops: one overdue, one paid.
fn three_trades(home: &Home) {
    let of = |said: Said, id: &str| said.with("/trade/id", json!(id));
    let books = record()
        .with("/from", json!("books@other.example"))
        .with(
            "/trade",
            json!({ "shop": "books@other.example", "id": "T-1001" }),
        )
        .with("/body/shop_name", json!("Book Shop"))
        .with("/body/placed", json!(at(-7200)));
    let got = home.import(&[
        record().letter(),
        of(record(), "T-1002").letter(),
        books.letter(),
        of(in_transit(1, &at(-3600)), "T-1002").letter(),
        in_transit(1, &at(86_400)).letter(),
        of(settled(1), "T-1002").letter(),
    ]);
    assert_eq!(
        got.iter().filter(|l| l["verdict"] == "warned").count(),
        0,
        "{got:?}"
    );
    for trade in [
        "orders@shop.example/T-1001",
        "T-1002",
        "books@other.example/T-1001",
    ] {
        home.run(&["confirm", trade]).ok();
    }
}

fn ids(value: &serde_json::Value) -> Vec<String> {
    let name = |t: &serde_json::Value| {
        format!(
            "{}/{}",
            t["shop"].as_str().unwrap(),
            t["id"].as_str().unwrap()
        )
    };
    value.as_array().unwrap().iter().map(name).collect()
}

// Requirements: E18
#[test]
fn trades_are_filtered_sorted_and_grouped() {
    let home = Home::new();
    three_trades(&home);
    let (first, second, books) = (
        "orders@shop.example/T-1001",
        "orders@shop.example/T-1002",
        "books@other.example/T-1001",
    );
    assert_eq!(ids(&home.json(&["pending"])), [second, first, books]);
    assert_eq!(ids(&home.json(&["list"])), [books, first, second]);
    assert_eq!(ids(&home.json(&["list", "--paid"])), [second]);
    assert_eq!(ids(&home.json(&["list", "--unpaid"])), [books, first]);
    assert_eq!(ids(&home.json(&["list", "--delivered"])), [""; 0]);
    assert_eq!(ids(&home.json(&["list", "--undelivered"])).len(), 3);
    assert_eq!(
        ids(&home.json(&["list", "--sort", "promised"])),
        [second, first, books]
    );
    assert_eq!(
        ids(&home.json(&["list", "--sort", "payment"])),
        [books, first, second]
    );
    assert_eq!(
        ids(&home.json(&["list", "--sort", "shop"])),
        [books, first, second]
    );
    for by in ["order", "delivery", "payment", "date", "shop"] {
        let out = home.run(&["list", "--group-by", by]).ok();
        assert!(out.contains("T-1002"), "{out}");
    }
    let out = home.run(&["list", "--group-by", "shop"]).ok();
    assert!(
        out.contains("Book Shop <books@other.example> (1 trade)"),
        "{out}"
    );
    home.run(&["show", "T-1001"])
        .fails(1, "books@other.example/T-1001");
    home.run(&["show", "books@other.example/T-1001"]).ok();
}

// Requirements: E18, E19
#[test]
fn pending_marks_what_is_overdue_and_ends_with_counts_and_totals() {
    let home = Home::new();
    three_trades(&home);
    let out = home.run(&["pending"]).ok();
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[1].starts_with("T-1002") && lines[1].contains("OVERDUE"),
        "{out}"
    );
    assert!(
        out.ends_with("3 trades undelivered, 1 overdue\n2 trades unpaid: 196.00 EUR\n"),
        "{out}"
    );
    assert!(lines.iter().all(|l| l.chars().count() <= 80), "{out}");
    assert!(!out.contains('\u{1b}'), "{out}");
    let warnings = home.json(&["warnings"]);
    assert_eq!(warnings[0]["kind"], "overdue-delivery", "{warnings}");
    assert_eq!(warnings[0]["rule"], json!(null));
}

#[test]
fn adopted_trades_are_marked_and_counted_apart() {
    let home = Home::new();
    home.import(&[record().letter()]);
    let out = home.run(&["pending"]).ok();
    assert!(
        out.contains("Ordered elsewhere") && out.contains("0 trades undelivered; 1 adopted"),
        "{out}"
    );
    assert_eq!(home.json(&["list"])[0]["origin"], "adopted");
    assert!(home.run(&["stats"]).ok().contains("adopted       1"));
    assert!(home.run(&["show", "T-1001"]).ok().contains("never checked"));
}

#[test]
fn text_of_others_cannot_act_on_the_terminal() {
    let evil = "Shop\u{1b}[31m\u{202e}\u{200b}\u{9b}2J\u{7f}<b>&amp;";
    let home = Home::new();
    let said = record()
        .with("/body/shop_name", json!(evil))
        .with("/body/lines/0/name", json!(evil));
    let status = in_transit(1, &at(9)).with("/body/place", json!(evil));
    let mut letter = b"X-Nothing: 1\r\n".to_vec();
    letter.extend(settled(1).raw());
    let letter = String::from_utf8(letter).unwrap();
    let letter = letter.replacen("Subject: ", "Subject: \u{1b}]0;owned\u{7}\u{202e}", 1);
    let got = home.import(&[said.letter(), status.letter(), letter.into_bytes()]);
    assert_eq!(support::verdicts(&got), ["adopted", "applied", "warned"]);
    let id = home.json(&["warnings"])[0]["id"].to_string();
    let commands: [&[&str]; 12] = [
        &["list"],
        &["list", "--json"],
        &["pending"],
        &["pending", "--json"],
        &["list", "--group-by", "shop"],
        &["show", "T-1001"],
        &["show", "T-1001", "--json"],
        &["warnings"],
        &["warnings", "show", &id, "--letter"],
        &["warnings", "--json"],
        &["export"],
        &["import", "--json", "letters"],
    ];
    for args in commands {
        let out = home.run(args).ok();
        let acts = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{200b}".contains(c));
        assert!(!out.contains(acts), "{args:?}: {out:?}");
    }
    assert_eq!(home.json(&["list"])[0]["shop_name"], evil);
    assert!(home.run(&["show", "T-1001"]).ok().contains("\\u{202e}"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_fault() {
    let home = Home::new();
    home.import(&[record().letter()]);
    let mut child = home
        .command(&["export"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), stderr.as_str()),
        (Some(0), "")
    );
}

#[test]
fn the_export_holds_everything_and_every_line_is_json() {
    let home = Home::new();
    home.import(&[record().letter(), settled(1).raw()]);
    let lines = support::lines(&home.run(&["export"]).ok());
    let of = |kind: &str| lines.iter().filter(|l| l["type"] == kind).count();
    assert_eq!((of("export"), of("trade"), of("warning")), (1, 1, 1));
    assert!(of("journal") >= 3);
    let kept = lines.iter().filter(|l| l["letter"].is_string()).count();
    assert_eq!(kept, 1, "the letter that was warned is kept whole");
}

#[test]
fn the_index_is_made_anew_when_it_is_lost() {
    let home = Home::new();
    three_trades(&home);
    let list = home.json(&["list"]);
    let warnings = home.json(&["warnings", "--all"]);
    assert!(home.run(&["rebuild"]).ok().contains("3 trades"));
    assert_eq!(home.json(&["list"]), list);
    assert_eq!(home.json(&["warnings", "--all"]), warnings);
    assert!(home.run(&["repair"]).ok().contains("whole"));
}

#[test]
fn each_fault_of_the_configuration_is_told_with_its_place() {
    let good = format!(
        "{CONFIG}adopt = \"ask\"\n[limits]\nunpaid = [\"500.00 EUR\"]\n[imap]\nhost = \"imap.home.example\"\n\
         password_env = \"P\"\n[smtp]\nhost = \"smtp.home.example\"\npassword_file = \"password\"\n"
    );
    let home = Home::with(&good);
    home.write("password", b"x\n");
    home.run(&["list"]).ok();
    for (from, to, expected) in [
        (
            "address =",
            "adress =",
            "config.toml:1: unknown key \"adress\": did you mean \"address\"?",
        ),
        (
            "ann@home.example",
            "ann",
            "config.toml:1: address = \"ann\": ",
        ),
        (
            "address = \"ann@home.example\"",
            "addresses = []",
            "addresses is empty",
        ),
        (
            "[trust]",
            "addresses = [\"b@home.example\"]\n[trust]",
            "config.toml:2: give either",
        ),
        ("adopt = \"ask\"", "adopt = \"maybe\"", "config.toml:4: "),
        (
            "500.00 EUR",
            "500 EUR",
            "config.toml:6: unpaid = \"500 EUR\": ",
        ),
        (
            "[limits]",
            "[limit]",
            "config.toml:5: unknown key \"limit\": did you mean \"limits\"?",
        ),
        (
            "password_env = \"P\"",
            "password = \"P\"",
            "config.toml:9: a password does not stand",
        ),
        (
            "password_env = \"P\"",
            "password_env = \"P\"\ntls = \"none\"",
            "config.toml:10: tls = \"none\"",
        ),
        ("\"password\"", "\"nowhere\"", "nowhere"),
        ("address = ", "address = = ", "config.toml:1: "),
        (
            "[imap]",
            "[imap]\nport = \"993\"",
            "config.toml:8: port: \"993\" is not a whole number from 0 to 65535",
        ),
        (
            "[imap]",
            "[imap]\nport = 70000",
            "config.toml:8: port: 70000 is not a whole number from 0 to 65535",
        ),
        (
            "[imap]",
            "[imap]\nfolders = \"INBOX\"",
            "config.toml:8: folders: \"INBOX\" is not a list",
        ),
        ("[imap]", "[[imap]]", "config.toml:7: "),
        (
            "\"ask\"",
            "\"of\"",
            "config.toml:4: adopt: \"of\" is none of \"list\", \"ask\", \"off\": did you mean \"off\"?",
        ),
        (
            "[imap]",
            "[imap]\ntls = \"start-tls\"",
            "config.toml:8: tls: \"start-tls\" is none of \"implicit\", \"starttls\", \"none\": did you mean \"starttls\"?",
        ),
        (
            "password_env = \"P\"",
            "",
            "config.toml:8: [imap] needs one of password_file",
        ),
        (
            "password_file = ",
            "password_env = \"P\"\npassword_file = ",
            "config.toml:11: [smtp] has more than one of",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        home.write("config.toml", good.replacen(from, to, 1).as_bytes());
        home.run(&["list"]).fails(1, expected);
    }
    home.write("config.toml", good.as_bytes());
    home.run(&["list"]).ok();
    home.run(&["list", "--config", "other.toml"])
        .fails(1, "other.toml: write one");
}

#[test]
fn what_others_can_read_is_refused_with_the_remedy() {
    let good =
        format!("{CONFIG}[smtp]\nhost = \"smtp.home.example\"\npassword_file = \"password\"\n");
    let home = Home::with(&good);
    let password = home.write("password", b"x\n");
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    home.work().ok();
    mode(&password, 0o644);
    home.run(&["list"]).fails(1, "chmod 600");
    mode(&password, 0o600);
    home.run(&["list"]).ok();
    let data = home.path().join("data");
    assert_eq!(
        std::fs::metadata(&data).unwrap().permissions().mode() & 0o777,
        0o700
    );
    mode(&data, 0o755);
    home.run(&["list"]).fails(1, "chmod 700");
    mode(&data, 0o700);
    home.run(&["list"]).ok();
}

#[test]
fn no_state_id_amount_or_date_is_broken_at_80_columns() {
    let home = Home::new();
    let id = |said: Said| said.with("/trade/id", json!("ORDER-2026-001234"));
    let shop = json!("The Very Long Name Of An Example Shop And Sons");
    let out_for_delivery =
        in_transit(1, &at(86_400)).with("/body/state", json!("out-for-delivery"));
    home.import(&[
        id(record()).with("/body/shop_name", shop).letter(),
        id(out_for_delivery).letter(),
        id(settled(1)).raw(),
    ]);
    for args in [&["list"][..], &["pending"], &["show", "ORDER-2026-001234"]] {
        let out = home.run(args).ok();
        assert!(out.contains("out-for-delivery"), "{out}");
        assert!(out.contains("ORDER-2026-001234"), "{out}");
        assert!(out.lines().all(|l| l.chars().count() <= 80), "{out}");
    }
    assert!(home.run(&["list"]).ok().contains("98.00 EUR"));
    let warnings = home.run(&["warnings"]).ok();
    assert_eq!(warnings.lines().count(), 4, "{warnings}");
    assert!(
        warnings.contains("unproven-sender  ORDER-2026-001234  billing@pay.example"),
        "{warnings}"
    );
}

#[test]
fn commands_that_run_at_once_wait_for_one_another() {
    let home = Home::new();
    home.import(&[record().letter()]);
    let running: Vec<_> = (0..6)
        .map(|_| {
            home.command(&["list", "--json"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let outputs: Vec<_> = running
        .into_iter()
        .map(|c| c.wait_with_output().unwrap())
        .collect();
    for output in &outputs {
        assert!(output.status.success());
        assert_eq!(output.stdout, outputs[0].stdout);
    }
}
