//! The merchant's own system as commands: fulfilment (E8) and electronic goods (E2), with real
//! processes on a mailroom.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};
use tradepost_mailroom::{Fault, SmtpStage};
use tradepost_statements::{Body, Statement};

use support::{ALL_ROLES, ANN, PATIENCE, Room, SHOP, Server, new_request, order, room, statement};

/// Writes a program beside the configurations.
fn script(room: &Room, name: &str, text: &str) -> PathBuf {
    let path = room.folder.path().join(name);
    // Renamed into place: one that runs is not written to.
    let new = room.folder.path().join(format!("{name}.new"));
    std::fs::write(&new, text).unwrap();
    std::fs::set_permissions(&new, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::rename(&new, &path).unwrap();
    path
}

fn shop_with(room: &Room, fulfilment: &str) -> Server {
    room.server(
        SHOP,
        &format!("{ALL_ROLES}[fulfilment]\nretry_first = \"30 ms\"\nretry_longest = \"200 ms\"\n{fulfilment}\n"),
    )
}

fn order_states(statements: &[Statement]) -> Vec<String> {
    let mut states = Vec::new();
    for s in statements {
        if let Body::OrderStatus(status) = &s.body {
            states.push(status.state.to_string());
        }
    }
    states
}

async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

// Requirements: E8
#[tokio::test(flavor = "multi_thread")]
async fn a_fulfilment_system_takes_trades_over_and_is_asked_for_progress_until_they_have_shipped() {
    let room = room().await;
    // It keeps what it was told, and is further each time that it is asked.
    script(
        &room,
        "fulfil.py",
        r#"#!/usr/bin/env python3
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
job = json.load(sys.stdin)
with open(os.path.join(here, "told.jsonl"), "a") as told:
    told.write(json.dumps(job) + "\n")
with open(os.path.join(here, "told.jsonl")) as told:
    times = len(told.readlines())
steps = {1: "preparing", 3: "shipped"}
events = [{"track": "order", "state": steps[times]}] if times in steps else []
if times == 3:
    events.append({"track": "delivery", "state": "delivered"})
print(json.dumps({"version": 1, "events": events}))
"#,
    );
    let shop = shop_with(
        &room,
        "command = [\"./fulfil.py\"]\nprogress_every = \"50 ms\"",
    );
    let running = shop.run();
    room.deliver(&order(&new_request()));
    let there = room
        .until(ANN, |s| order_states(s).contains(&"shipped".to_owned()))
        .await;
    assert_eq!(order_states(&there), ["received", "preparing", "shipped"]);
    until("no job is left", || {
        (shop.json(&["jobs", "--json"]) == json!([])).then_some(())
    })
    .await;
    let told = std::fs::read_to_string(room.folder.path().join("told.jsonl")).unwrap();
    let told: Vec<Value> = told
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let id = there[0].trade.as_ref().unwrap().id.to_string();
    let names: Vec<&str> = told.iter().map(|t| t["job"].as_str().unwrap()).collect();
    let expected = [
        format!("{id}.hand-over"),
        format!("{id}.progress.1"),
        format!("{id}.progress.2"),
    ];
    assert_eq!(names, expected);
    assert_eq!(told[0]["version"], 1);
    assert_eq!(told[0]["record"]["buyer"]["name"], "Ann Example");
    assert_eq!(told[1]["order"]["state"], "preparing");
    assert!(!told[0].to_string().contains("tok_1"));
    assert_eq!(running.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_in_any_way_is_run_again_until_it_does_not() {
    let room = room().await;
    let pid = room.folder.path().join("child.pid");
    let ways = [
        ("exit 3", "status: 3"),
        ("echo 'no such article' >&2; exit 1", "no such article"),
        ("echo '{\"events\": ['", "not"),
        ("echo '[]'", "no JSON object"),
        (
            "echo '{\"events\":[{\"track\":\"order\",\"state\":\"lost\"}]}'",
            "events[0]",
        ),
        ("kill -TERM $$", "signal: 15"),
        ("yes", "wrote more than"),
        // It starts another one, and both hang: both are ended.
        ("sleep 1000 & echo $! > child.pid; sleep 1000", "timeout"),
    ];
    script(&room, "fulfil.sh", "#!/bin/sh\nexit 9\n");
    let shop = shop_with(
        &room,
        "command = [\"./fulfil.sh\"]\ntimeout = \"3 s\"\nprogress = false",
    );
    let _running = shop.run();
    room.deliver(&order(&new_request()));
    let mut attempts = 0;
    for (way, why) in ways {
        let folder = room.folder.path().display();
        script(
            &room,
            "fulfil.sh",
            &format!("#!/bin/sh\ncd {folder}\ncat > /dev/null\n{way}\n"),
        );
        attempts = until(way, || {
            let jobs = shop.json(&["jobs", "--json"]);
            let failed = jobs[0]["last_error"].as_str()?.contains(why);
            failed.then(|| jobs[0]["attempts"].as_u64().unwrap())
        })
        .await
        .max(attempts);
    }
    assert!(attempts >= 8, "{attempts}");
    let hung = std::fs::read_to_string(&pid).unwrap();
    until("what the command started is ended with it", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", hung.trim()));
        // Gone, or only waiting for somebody to read that it is.
        let gone = stat.map_or(true, |s| s.contains(") Z "));
        gone.then_some(())
    })
    .await;
    let table = support::stdout(&shop.say(&["jobs"], ""));
    assert!(
        table.contains(".hand-over") && table.contains("timeout"),
        "{table}"
    );
    // The fault is gone.
    script(
        &room,
        "fulfil.sh",
        "#!/bin/sh\necho '{\"events\":[{\"track\":\"order\",\"state\":\"preparing\"}]}'\n",
    );
    let there = room.until(ANN, |s| order_states(s).len() == 2).await;
    assert_eq!(order_states(&there), ["received", "preparing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_named_and_a_job_can_be_run_at_once() {
    let room = room().await;
    let shop = room.server(
        SHOP,
        &format!("{ALL_ROLES}[fulfilment]\ncommand = [\"./missing\"]\nretry_first = \"1 h\"\n"),
    );
    let _running = shop.run();
    room.deliver(&order(&new_request()));
    let jobs = until("the job fails", || {
        let jobs = shop.json(&["jobs", "--json"]);
        (jobs[0]["attempts"] == 1).then_some(jobs)
    })
    .await;
    let why = jobs[0]["last_error"].as_str().unwrap();
    assert!(why.contains("missing could not be started"), "{why}");
    let checked = || {
        let out = shop.say(&["doctor", "--json"], "");
        let checks: Vec<Value> = serde_json::from_slice(&out.stdout).unwrap();
        let check = checks.iter().find(|c| c["name"] == "fulfilment");
        check.unwrap()["ok"].as_bool().unwrap()
    };
    assert!(!checked());
    script(&room, "missing", "#!/bin/sh\nexit 0\n");
    assert!(checked());
    let name = jobs[0]["name"].as_str().unwrap();
    let other = shop.say(&["jobs", "retry", "T-0.hand-over"], "");
    assert_eq!(other.status.code(), Some(1));
    assert!(shop.say(&["jobs", "retry", name], "").status.success());
    until("the job is done", || {
        let jobs = shop.json(&["jobs", "--json"]);
        jobs.as_array()
            .unwrap()
            .iter()
            .all(|j| j["kind"] == "progress")
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_hangs_keeps_neither_mail_nor_other_trades_waiting() {
    let room = room().await;
    // It waits for the first trade until somebody writes into the pipe.
    script(
        &room,
        "fulfil.sh",
        &format!(
            "#!/bin/sh\ncd {}\ncat > /dev/null\nif mkdir first 2> /dev/null; then mkfifo pipe; read word < pipe; fi\n\
             echo '{{\"events\":[{{\"track\":\"order\",\"state\":\"preparing\"}}]}}'\n",
            room.folder.path().display()
        ),
    );
    let shop = shop_with(
        &room,
        "command = [\"./fulfil.sh\"]\ntimeout = \"10 min\"\nprogress = false",
    );
    let running = shop.run();
    room.deliver(&order(&new_request()));
    until("the first command runs", || {
        room.folder.path().join("first").is_dir().then_some(())
    })
    .await;
    let first = room.until(ANN, |s| s.len() >= 4).await;
    room.deliver(&order(&new_request()));
    let there = room
        .until(ANN, |s| order_states(s).contains(&"preparing".to_owned()))
        .await;
    let preparing = there
        .iter()
        .find(|s| order_states(&[(*s).clone()]) == ["preparing"]);
    assert_ne!(preparing.unwrap().trade, first[0].trade);
    let about = json!({ "trade": first[0].trade });
    let before = there.len();
    room.deliver(&statement(
        ANN,
        SHOP,
        about,
        json!({ "kind": "status-request" }),
    ));
    room.until(ANN, |s| s.len() >= before + 4).await;
    // It is ended with the server, in good time.
    assert_eq!(running.terminate(), Some(0));
}

// Requirements: E8
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_a_commands_end_and_its_record_loses_nothing_and_applies_nothing_twice() {
    let room = room().await;
    // It does its work, and the server that asked is gone before it hears of it.
    script(
        &room,
        "fulfil.sh",
        &format!(
            "#!/bin/sh\ncd {}\nsed 's/.*\"job\":\"\\([^\"]*\\)\".*/\\1/' >> jobs\n\
             echo '{{\"events\":[{{\"track\":\"order\",\"state\":\"preparing\"}}]}}'\n\
             if mkdir first 2> /dev/null; then kill -9 $PPID; fi\n",
            room.folder.path().display()
        ),
    );
    let shop = shop_with(&room, "command = [\"./fulfil.sh\"]\nprogress = false");
    let mut running = shop.run();
    room.deliver(&order(&new_request()));
    let ended = until("the server is killed", || running.child.try_wait().unwrap()).await;
    assert_eq!(
        ended.code(),
        None,
        "it was killed, and did not end by itself"
    );
    let _running = shop.run();
    let there = room
        .until(ANN, |s| order_states(s).contains(&"preparing".to_owned()))
        .await;
    assert_eq!(order_states(&there), ["received", "preparing"]);
    until("no job is left", || {
        (shop.json(&["jobs", "--json"]) == json!([])).then_some(())
    })
    .await;
    // The merchant's system was asked twice, under one name, so that it can tell.
    let jobs = std::fs::read_to_string(room.folder.path().join("jobs")).unwrap();
    let jobs: Vec<&str> = jobs.lines().collect();
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    assert_eq!(jobs[0], jobs[1]);
    assert_eq!(order_states(&room.statements(ANN)).len(), 2);
}

const LICENCE: &str = "KJ7-22-XY-SECRET";

/// A shop that sells licences, and the script that makes them when somebody writes into its pipe.
fn licences(room: &Room) -> Server {
    let folder = room.folder.path().display().to_string();
    script(
        room,
        "licence.sh",
        &format!(
            "#!/bin/sh\ncd {folder}\ncat > /dev/null\nread word < pipe\n\
             echo '{{\"version\":1,\"access\":\"https://shop.example/get/1\",\"text\":\"{LICENCE}\"}}'\n"
        ),
    );
    let made = std::process::Command::new("mkfifo")
        .arg(room.folder.path().join("pipe"))
        .status();
    assert!(made.unwrap().success());
    room.server(
        SHOP,
        "roles = [\"shop\", \"payment\"]\n[shop.payment.credit-card]\n\
         [shop.delivery.electronic]\ngoods_command = [\"./licence.sh\"]\n",
    )
}

/// Orders a licence, pays it, and lets it be made; what the mail server says to its letter.
async fn order_a_licence(room: &Room, shop: &Server, fault: Option<Fault>) {
    let mut order = order(&new_request());
    order["body"]["delivery"]["method"] = json!("electronic");
    room.deliver(&order);
    let there = room.until(ANN, |s| s.len() >= 4).await;
    let id = there[0].trade.as_ref().unwrap().id.to_string();
    assert_eq!(shop.json(&["jobs", "--json"]), json!([]), "it is not paid");
    let line = json!({ "key": "1", "trade": id, "track": "payment", "state": "settled" });
    assert_eq!(shop.emit(&line)["accepted"], true);
    room.until(ANN, |s| s.len() >= 5).await;
    if let Some(fault) = fault {
        room.room.faults().once(fault);
    }
    std::fs::write(room.folder.path().join("pipe"), "go\n").unwrap();
}

fn delivery_states(statements: &[Statement]) -> Vec<String> {
    let mut states = Vec::new();
    for s in statements {
        if let Body::DeliveryStatus(status) = &s.body
            && status.text.as_deref() == Some(LICENCE)
        {
            states.push(status.state.to_string());
        }
    }
    states
}

// Requirements: E2
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_goes_to_the_buyer_and_counts_as_delivered_once_its_letter_was_accepted() {
    let room = room().await;
    let shop = licences(&room);
    let running = shop.run();
    order_a_licence(&room, &shop, None).await;
    let there = room.until(ANN, |s| delivery_states(s).len() >= 2).await;
    assert_eq!(delivery_states(&there), ["ready-for-pickup", "delivered"]);
    assert_eq!(order_states(&there).last().unwrap(), "shipped");
    assert_eq!(shop.json(&["jobs", "--json"]), json!([]));
    assert!(!running.log().contains(LICENCE), "{}", running.log());
}

// Requirements: E2
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_whose_letter_is_refused_is_not_delivered_and_the_operator_sees_it() {
    let room = room().await;
    let shop = licences(&room);
    let running = shop.run();
    let refused = Fault::SmtpReply(SmtpStage::Letter, 550);
    order_a_licence(&room, &shop, Some(refused)).await;
    let jobs = until("the operator sees it", || {
        let jobs = shop.json(&["jobs", "--json"]);
        jobs[0]["last_error"].is_string().then_some(jobs)
    })
    .await;
    assert_eq!(jobs[0]["stage"], "letter-is-out");
    let trades = shop.json(&["trades", "--json"]);
    assert_eq!(trades[0]["delivery"][0]["state"], "ready-for-pickup");
    assert!(
        running.log().contains("are not delivered"),
        "{}",
        running.log()
    );
    let outbox = shop.json(&["outbox", "--json"]);
    let id = outbox[0]["id"].as_str().unwrap();
    assert!(shop.say(&["outbox", "retry", id], "").status.success());
    let there = room.until(ANN, |s| delivery_states(s).len() >= 2).await;
    assert_eq!(delivery_states(&there), ["ready-for-pickup", "delivered"]);
}

#[test]
fn a_wrong_fulfilment_section_is_named_with_its_line_and_a_right_one_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("shop.toml");
    let start = "roles = [\"shop\"]\naddress = \"orders@shop.example\"\n[shop.payment.credit-card]\n\
                 processor = \"b@pay.example\"\n[fulfilment]\n";
    let rows = [
        (
            "command = [\"./fulfil\"]\ntimeout = \"1 min\"\nprogress_every = \"30 min\"\nat_once = 2",
            None,
        ),
        ("command = []", Some("name a program")),
        (
            "command = [\"./fulfil\"]\ntimeout = \"0 s\"",
            Some("no command ends in no time"),
        ),
        (
            "command = [\"./fulfil\"]\nat_once = 0",
            Some("from 1 to 64"),
        ),
        (
            "command = [\"./fulfil\"]\nprogress_every = \"0 s\"",
            Some("progress = false"),
        ),
        ("comand = [\"./fulfil\"]", Some("comand")),
    ];
    for (lines, wrong) in rows {
        std::fs::write(&config, format!("{start}{lines}\n")).unwrap();
        let server = Server {
            config: config.clone(),
            data: folder.path().join("data"),
        };
        let out = server.say(&["jobs", "--json"], "");
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        match wrong {
            None => assert!(out.status.success(), "{text}"),
            Some(why) => {
                assert_eq!(out.status.code(), Some(1), "{lines}");
                assert!(text.contains(why) && text.contains("shop.toml"), "{text}");
            }
        }
    }
}
