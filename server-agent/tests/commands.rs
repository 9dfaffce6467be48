//! The commands as a person types them, with and without `run`, and what they refuse.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use support::{
    ALL_ROLES, ANN, CARRIER, PROCESSOR, Room, SHOP, SHOP_TOML, Server, eur, new_request, order,
    room,
};

fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn stdout(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn record(id: &str) -> Value {
    json!({ "trade": id, "buyer_mail": ANN,
        "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }], "total": eur("98.00"),
        "payment": { "method": "credit-card", "processor": PROCESSOR },
        "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] },
        "buyer": { "name": "Ann", "address":
            { "street": "1 High Street", "city": "York", "country": "GB" } } })
}

/// A shop with a trade W-1, without `run`.
fn shop_with_a_trade(room: &Room) -> Server {
    let shop = room.server(SHOP, SHOP_TOML);
    let answer = shop.emit(&json!({ "key": "r", "record": record("W-1") }));
    assert_eq!(answer["accepted"], true, "{answer}");
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_is_answered_while_more_may_come() {
    let room = room().await;
    let shop = shop_with_a_trade(&room);
    for with_run in [false, true] {
        let _running = with_run.then(|| shop.run());
        let mut child = shop
            .command(&["emit", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        for (i, state) in ["preparing", "on-hold"].into_iter().enumerate() {
            let key = format!("{with_run} {i}");
            let line = json!({ "key": key, "trade": "W-1", "track": "order", "state": state });
            writeln!(stdin, "{line}").unwrap();
            // The answer comes before the next line is written.
            let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
            assert_eq!(
                (&answer["line"], &answer["accepted"]),
                (&json!(i + 1), &json!(true))
            );
            assert!(answer["statement"].is_string());
        }
        writeln!(stdin, "\nnonsense").unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(
            (&answer["line"], &answer["accepted"]),
            (&json!(4), &json!(false))
        );
        assert!(answer["error"].is_string() && answer.get("statement").is_none());
        drop(stdin);
        assert_eq!(child.wait().unwrap().code(), Some(1), "a line was refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_lines_from_a_file_are_all_answered_in_order() {
    let room = room().await;
    let shop = shop_with_a_trade(&room);
    let file = room.folder.path().join("events.jsonl");
    let line = |i: usize| json!({ "key": format!("k{i}"), "trade": "W-1", "track": "order", "state": "preparing" });
    let text: String = (0..1000).map(|i| format!("{}\n", line(i))).collect();
    std::fs::write(&file, &text).unwrap();
    let first = shop.say(&["emit", file.to_str().unwrap()], "");
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(stderr(&first).contains("leaves when it starts"));
    let numbers: Vec<u64> = stdout(&first)
        .lines()
        .map(|l| {
            serde_json::from_str::<Value>(l).unwrap()["line"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(numbers, (1..=1000).collect::<Vec<u64>>());
    // Once more, through `run`: the same answers.
    let _running = shop.run();
    let again = shop.say(&["emit", "-"], &text);
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(stdout(&again), stdout(&first));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_say_the_same_with_and_without_run() {
    let room = room().await;
    let shop = shop_with_a_trade(&room);
    for with_run in [false, true] {
        // Nothing leaves meanwhile, so that the outbox stays as it is.
        room.room
            .faults()
            .always(tradepost_mailroom::Fault::SmtpReply(
                tradepost_mailroom::SmtpStage::Mail,
                451,
            ));
        let _running = with_run.then(|| shop.run());
        let trades = shop.json(&["trades", "--json"]);
        assert_eq!(trades[0]["id"], "W-1");
        assert_eq!(trades[0]["total"], eur("98.00"));
        assert!(stdout(&shop.say(&["trades"], "")).contains("98.00 EUR"));
        assert_eq!(shop.json(&["trades", "--json", "T-0"]), json!([]));
        let outbox = shop.json(&["outbox", "--json"]);
        assert_eq!(outbox[0]["kind"], "trade-record", "{outbox}");
        assert_eq!(outbox[0]["state"], "queued");
        let id = outbox[0]["id"].as_str().unwrap();
        let shown = stdout(&shop.say(&["outbox", "show", id], ""));
        assert!(shown.contains("Subject:") && shown.contains(ANN), "{shown}");
        let retried = shop.say(&["outbox", "retry", id], "");
        assert!(retried.status.success(), "{}", stderr(&retried));
        let none = shop.say(&["outbox", "retry", "1:999999"], "");
        assert_eq!(none.status.code(), Some(1));
        assert!(stderr(&none).contains("1:999999"), "{}", stderr(&none));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_refused_is_shown_with_its_reason_and_can_be_tried_again() {
    let room = room().await;
    let server = room.server(SHOP, ALL_ROLES);
    room.room
        .faults()
        .once(tradepost_mailroom::Fault::SmtpReply(
            tradepost_mailroom::SmtpStage::Rcpt,
            550,
        ));
    let _running = server.run();
    room.deliver(&order(&new_request()));
    room.until(ANN, |s| s.len() >= 3).await;
    let outbox = server.json(&["outbox", "--json"]);
    assert_eq!(outbox[0]["state"], "refused", "{outbox}");
    assert_eq!(outbox[0]["code"], 550);
    let id = outbox[0]["id"].as_str().unwrap();
    assert!(stdout(&server.say(&["outbox"], "")).contains("refused"));
    server.say(&["outbox", "retry", id], "");
    room.until(ANN, |s| s.len() >= 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_account_costs_no_letter_and_the_doctor_says_what_they_wait_for() {
    let room = room().await;
    let server = room.server(SHOP, ALL_ROLES);
    let doctor = || stdout(&server.say(&["doctor"], ""));
    assert!(doctor().contains("no letter waits because it was not taken"));
    // At MAIL the server knows nothing of the recipient: it is the account that it refuses.
    room.room
        .faults()
        .always(tradepost_mailroom::Fault::SmtpReply(
            tradepost_mailroom::SmtpStage::Mail,
            550,
        ));
    let running = server.run();
    room.deliver(&order(&new_request()));
    let all_wait = || {
        let outbox = server.json(&["outbox", "--json"]);
        let waits = |item: &Value| item["state"] == "queued" && item["last_error"].is_string();
        let all = outbox.as_array().unwrap();
        all.len() >= 2 && all.iter().all(waits)
    };
    let deadline = std::time::Instant::now() + support::PATIENCE;
    while !all_wait() {
        assert!(std::time::Instant::now() < deadline, "{}", running.log());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let outbox = stdout(&server.say(&["outbox"], ""));
    assert!(outbox.contains("waits until"), "{outbox}");
    let found = doctor();
    assert!(found.contains("waiting, the next try at"), "{found}");
    assert!(found.contains("ask the provider"), "{found}");
    room.room.faults().clear();
    // Somebody need not wait for the next try.
    let retried = server.say(&["outbox", "retry", "--all"], "");
    assert!(retried.status.success(), "{}", stderr(&retried));
    room.until(ANN, |s| s.len() >= 2).await;
    assert!(!running.log().contains("was refused"), "{}", running.log());
}

/// A configuration that is refused: what is changed, and what is said about it.
// Requirements: E2
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_is_refused_with_its_place_and_the_remedy() {
    let room = room().await;
    let good = room.server(SHOP, SHOP_TOML);
    let text = std::fs::read_to_string(&good.config).unwrap();
    assert!(good.say(&["trades"], "").status.success());
    let rows: [(&str, &str, &str); 17] = [
        ("roles = [\"shop\"]", "roles = [\"shpo\"]", "server.toml:3"),
        ("roles = [\"shop\"]", "roles = []", "name at least one"),
        ("name =", "nmae =", "did you mean \"name\"?"),
        ("processor =", "procesor =", "did you mean \"processor\"?"),
        ("billing@pay.example", "billing", "name@domain"),
        ("billing@pay.example", SHOP, "add \"payment\" to roles"),
        (
            "carrier = \"track@carrier.example\"",
            "",
            "say who delivers",
        ),
        (
            "[shop.delivery.courier]",
            "charge = \"on-delivery\"\n[shop.delivery.courier]",
            "on-shipping",
        ),
        (
            "[shop.delivery.courier]",
            "charge = \"on-shipping\"\ndue_within = \"14 days\"\n[shop.delivery.courier]",
            "due_within: only charge = \"on-invoice\" has one",
        ),
        (
            "carrier = \"track@carrier.example\"",
            "goods_command = [\"make-licence\"]",
            "only electronic goods",
        ),
        (
            "[shop.delivery.courier]",
            "[shop.delivery.electronic]\ngoods_command = []\n[shop.delivery.courier]",
            "name a program",
        ),
        (
            "[shop.delivery.courier]",
            "[shop.delivery.electronic]\ngoods_command = [\"make-licence\"]\n\
             carrier = \"track@carrier.example\"\n[shop.delivery.courier]",
            "leave out carrier",
        ),
        (
            "[shop.payment.credit-card]",
            "[shop.payment.cash]",
            "credit-card",
        ),
        (
            "host = \"localhost\"",
            "host = \"mail.example\"\npasswrd = 1",
            "unknown key \"passwrd\"",
        ),
        ("tls = \"implicit\"", "tls = \"none\"", "no such text"),
        (
            "authserv_ids",
            "authserv_id",
            "did you mean \"authserv_ids\"?",
        ),
        (
            "password_file = \"secret\"",
            "password = \"room\"",
            "password_file",
        ),
    ];
    for (from, to, says) in rows {
        let config = room.folder.path().join("server.toml");
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        std::fs::write(&config, changed).unwrap();
        let server = Server {
            config,
            data: good.data.clone(),
        };
        let out = server.say(&["trades"], "");
        if says == "no such text" {
            // Plain text to this computer itself is allowed.
            assert!(out.status.success(), "{}", stderr(&out));
            continue;
        }
        assert_eq!(out.status.code(), Some(1), "{to}");
        assert!(stderr(&out).contains(says), "{to}: {}", stderr(&out));
        assert!(stderr(&out).contains("server.toml:"), "{}", stderr(&out));
        assert!(out.stdout.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_needs_its_shops() {
    let room = room().await;
    let carrier = room.server(CARRIER, "roles = [\"carrier\"]\n");
    let out = carrier.say(&["trades"], "");
    assert!(stderr(&out).contains("[carrier]"), "{}", stderr(&out));
    let carrier = room.server(
        CARRIER,
        &format!("roles = [\"carrier\"]\n[carrier]\nshops = [\"{SHOP}\"]\n"),
    );
    assert!(carrier.say(&["trades"], "").status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_decides_what_is_sold() {
    let room = room().await;
    let catalogue = room.folder.path().join("catalogue.toml");
    let toml = format!("catalogue = \"catalogue.toml\"\n{SHOP_TOML}");
    let shop = room.server(SHOP, &toml);
    let missing = shop.say(&["trades"], "");
    assert!(
        stderr(&missing).contains("there is no file"),
        "{}",
        stderr(&missing)
    );
    for (text, says) in [
        (
            "[[item]]\nname = \"Kettle\"\nprice = \"49 EUR\"\n",
            "catalogue.toml:3",
        ),
        ("[[item]]\nname = \"Kettle\"\n", "no price"),
        ("[[item]]\nnmae = \"Kettle\"\n", "unknown key \"nmae\""),
        ("", "the catalogue is empty"),
    ] {
        std::fs::write(&catalogue, text).unwrap();
        let out = shop.say(&["trades"], "");
        assert!(stderr(&out).contains(says), "{text}: {}", stderr(&out));
    }
    std::fs::write(
        &catalogue,
        "[[item]]\nname = \"Kettle\"\nprice = \"50.00 EUR\"\n",
    )
    .unwrap();
    let _running = shop.run();
    room.deliver(&order(&new_request()));
    let there = room.until(ANN, |s| !s.is_empty()).await;
    assert_eq!(there[0].body.kind().word(), "order-rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_data_folder_is_refused_with_the_command_that_helps() {
    let room = room().await;
    let shop = shop_with_a_trade(&room);
    let open = |mode| {
        std::fs::set_permissions(&shop.data, PermissionsExt::from_mode(mode)).unwrap();
        shop.say(&["trades"], "")
    };
    let out = open(0o755);
    assert_eq!(out.status.code(), Some(1));
    assert!(stderr(&out).contains("chmod 700"), "{}", stderr(&out));
    assert!(open(0o700).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_book_of_another_party_is_not_written_into() {
    let room = room().await;
    let shop = shop_with_a_trade(&room);
    let carrier_toml =
        format!("roles = [\"carrier\"]\nname = \"C\"\n[carrier]\nshops = [\"{SHOP}\"]");
    let carrier = room.server(CARRIER, &carrier_toml);
    assert!(carrier.say(&["trades"], "").status.success());
    let in_the_wrong_folder = Server {
        data: shop.data.clone(),
        ..carrier
    };
    let out = in_the_wrong_folder.say(&["trades"], "");
    assert_eq!(out.status.code(), Some(1));
    for named in [SHOP, CARRIER, "--data"] {
        assert!(stderr(&out).contains(named), "{}", stderr(&out));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_wrong_is_answered_with_what_would_be_right() {
    let room = room().await;
    let shop = shop_with_a_trade(&room);
    let said = |line: &str| {
        let out = shop.say(&["emit", "-"], &format!("{line}\n"));
        let answer: Value = serde_json::from_slice(&out.stdout).unwrap();
        (answer["accepted"] == true, answer["error"].to_string())
    };
    for (line, named) in [
        (
            r#"{"key":"1","trade":"W-1","track":"order","state":"shiped"}"#,
            "partly-shipped, shipped",
        ),
        (
            r#"{"key":"1","trade":"W-1","trak":"order","state":"shipped"}"#,
            "trak",
        ),
        (r#"{"key":"1","trade":"W-1""#, "the line is not JSON"),
        (
            r#"{"key":"1","trade":"W-9","track":"order","state":"shipped"}"#,
            "W-9",
        ),
    ] {
        let (accepted, error) = said(line);
        assert!(!accepted && error.contains(named), "{line}: {error}");
    }
    let mut wrong = record("W-2");
    wrong["lines"][0]["price"] = json!("49.00 EUR");
    let (accepted, error) = said(&json!({ "key": "2", "record": wrong }).to_string());
    assert!(!accepted && error.contains("currency"), "{error}");
    assert!(said(r#"{"key":"1","trade":"W-1","track":"order","state":"shipped"}"#).0);
    assert!(said(&json!({ "key": "2", "record": record("W-2") }).to_string()).0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_is_refused_and_the_first_goes_on() {
    let room = room().await;
    let shop = room.server(SHOP, ALL_ROLES);
    let running = shop.run();
    let second = shop.say(&["run"], "");
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("in use"), "{}", stderr(&second));
    room.deliver(&order(&new_request()));
    room.until(ANN, |s| s.len() >= 4).await;
    assert_eq!(running.terminate(), Some(0));
    assert!(!shop.data.join("socket").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_with_a_long_path_has_its_socket_elsewhere() {
    let room = room().await;
    let mut shop = shop_with_a_trade(&room);
    shop.data = room.folder.path().join("d".repeat(120));
    let _running = shop.run();
    let answer = shop.emit(&json!({ "key": "r", "record": record("W-2") }));
    assert_eq!(answer["accepted"], true, "{answer}");
    room.until(ANN, |s| !s.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_what_is_set_up_and_what_is_not() {
    let room = room().await;
    let shop = room.server(SHOP, &format!("dkim = \"provider\"\n{ALL_ROLES}"));
    let out = shop.say(&["doctor"], "");
    assert!(out.status.success(), "{}{}", stdout(&out), stderr(&out));
    let checks = shop.json(&["doctor", "--json"]);
    assert!(
        checks.as_array().unwrap().iter().all(|c| c["ok"] == true),
        "{checks}"
    );
    let secret = room.folder.path().join("secret");
    std::fs::write(&secret, "wrong\n").unwrap();
    let out = shop.say(&["doctor"], "");
    assert_eq!(out.status.code(), Some(1));
    assert!(
        stdout(&out).contains("PROBLEM  mailbox"),
        "{}",
        stdout(&out)
    );
}

#[test]
fn help_has_examples_and_wrong_use_is_status_two() {
    let type_it = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_tradepost-server"))
            .args(arguments)
            .output()
            .unwrap()
    };
    for command in [
        "run",
        "emit",
        "trades",
        "unanswered",
        "returns",
        "decide",
        "outbox",
        "doctor",
        "dkim-key",
        "repair",
        "completions",
        "man",
    ] {
        let out = type_it(&[command, "-h"]);
        assert!(stdout(&out).contains("Examples:"), "{command}");
    }
    assert_eq!(type_it(&["emti"]).status.code(), Some(2));
    assert_eq!(type_it(&[]).status.code(), Some(2));
    let nothing = type_it(&["--config", "/nowhere/server.toml", "trades"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr(&nothing).contains("/nowhere/server.toml"));
    assert!(stdout(&type_it(&["completions", "bash"])).contains("tradepost-server"));
    let folder = tempfile::tempdir().unwrap();
    assert!(
        type_it(&["man", folder.path().to_str().unwrap()])
            .status
            .success()
    );
    assert!(folder.path().join("tradepost-server-emit.1").exists());
}
