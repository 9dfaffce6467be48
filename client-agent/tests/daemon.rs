//! The daemon on a mailbox, and the commands beside it.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::Home;
use support::letters::{ANN, ORDER, PAY, at, delivered, in_transit, record, settled, shipped};
use support::world::{World, wait_json};

fn count(value: &Value) -> usize {
    value.as_array().unwrap().len()
}

#[test]
fn once_processes_what_is_there_and_ends() {
    let world = World::new();
    world.deliver(&record());
    world.deliver(&in_transit(1, &at(86_400)));
    world.home.run(&["daemon", "--once"]).ok();
    assert_eq!(count(&world.home.json(&["pending"])), 1);
    world.deliver(&delivered(2));
    world.home.run(&["daemon", "--once"]).ok();
    assert_eq!(world.home.json(&["pending"]), json!([]));
    // Nothing was fetched twice, nothing marked as seen.
    assert_eq!(count(&world.home.json(&["show", "T-1001"])["history"]), 2);
    assert!(
        world
            .room
            .mailbox(ANN)
            .iter()
            .all(|l| !format!("{l:?}").contains("\\\\Seen"))
    );
}

#[test]
fn letters_come_in_while_the_daemon_runs_and_commands_are_answered_by_it() {
    let world = World::new();
    let daemon = world.daemon();
    world.deliver(&record());
    world.deliver(&in_transit(1, &at(86_400)));
    let home = &world.home;
    wait_json(home, &["list"], |l| {
        l[0]["delivery"][0]["state"] == "in-transit"
    });
    for said in [shipped(1), delivered(2), settled(1)] {
        world.deliver(&said);
    }
    wait_json(home, &["list"], |l| l[0]["ended"] == true);
    let forged = delivered(3).with("/from", json!("track@evil.example"));
    world.deliver(&forged);
    wait_json(home, &["warnings"], |w| w[0]["kind"] == "wrong-sender");
    daemon.wait_for("warning 1, wrong-sender");
    // By import, through the daemon: another first version of the record.
    let other = record().with("/body/shop_name", json!("Another Shop"));
    assert_eq!(
        home.import(&[other.letter()])[0]["warning"],
        "conflicting-status"
    );
    let with_daemon: Vec<String> = READS.iter().map(|args| home.run(args).ok()).collect();
    daemon.end();
    let without: Vec<String> = READS.iter().map(|args| home.run(args).ok()).collect();
    assert_eq!(with_daemon, without);
}

const READS: [&[&str]; 9] = [
    &["list"],
    &["list", "--json"],
    &["list", "--group-by", "payment"],
    &["show", "T-1001"],
    &["show", "orders@shop.example/T-1001", "--json"],
    &["warnings", "--all"],
    &["warnings", "show", "1"],
    &["stats", "--json"],
    &["requests", "--json"],
];

// Requirements: E1
#[test]
fn an_order_leaves_at_once_with_and_without_the_daemon() {
    let world = World::new();
    let home = &world.home;
    home.write("order.toml", ORDER.as_bytes());
    let before = home.json(&["order", "order.toml"]);
    assert_eq!(before["state"], "left");
    assert!(
        before["request"]
            .as_str()
            .unwrap()
            .ends_with(":ann@home.example")
    );
    let daemon = world.daemon();
    let words = home.run(&["order", "order.toml"]).ok();
    assert!(
        words.contains("has left for orders@shop.example"),
        "{words}"
    );
    let at_shop = world.room.letters("orders@shop.example", "INBOX");
    assert_eq!(at_shop.len(), 2);
    // A copy of each lies in Sent, once.
    let sent = || {
        world
            .room
            .mailbox(ANN)
            .iter()
            .filter(|l| l.folder == "Sent")
            .count()
    };
    support::world::wait(|| sent() == 2, || format!("{} copies", sent()));
    daemon.end();
    assert_eq!(sent(), 2);
    let requests = home.json(&["requests"]);
    assert_eq!(count(&requests), 2);
    assert_eq!(requests[0]["state"], "sent");
    assert_eq!(requests[0]["request"], before["request"]);
}

#[test]
fn an_answer_makes_the_order_a_trade_that_can_be_confirmed_and_cancelled() {
    let world = World::new();
    let home = &world.home;
    home.write("order.toml", ORDER.as_bytes());
    home.run(&["order", "order.toml"]).ok();
    let letter = world.room.letters("orders@shop.example", "INBOX").remove(0);
    let policy = tradepost_letters::RelayPolicy::new(Vec::new(), None);
    let opened = tradepost_letters::open(&letter.bytes, &policy);
    let tradepost_letters::LetterContent::Statement(said) = opened.content else {
        panic!("no statement")
    };
    let answer = record()
        .with("/request", said.value["request"].clone())
        .with("/answers", said.value["id"].clone())
        .with("/body/lines", said.value["body"]["lines"].clone())
        .with("/body/buyer", said.value["body"]["buyer"].clone())
        .with("/body/confirm_by", json!(at(86_400)));
    world.deliver(&answer);
    home.run(&["daemon", "--once"]).ok();
    assert_eq!(
        home.json(&["list"])[0]["origin"],
        "placed",
        "{}",
        home.json(&["warnings"])
    );
    assert_eq!(home.json(&["warnings"]), json!([]));
    let confirmed = home.json(&["confirm", "T-1001"]);
    assert_eq!(
        (&confirmed["state"], &confirmed["kind"]),
        (&json!("left"), &json!("confirmation"))
    );
    let cancelled = home.json(&["cancel", "T-1001", "--text", "by mistake"]);
    assert_eq!(cancelled["state"], "left");
    assert_eq!(world.room.letters("orders@shop.example", "INBOX").len(), 3);
    let request = said.value["request"].as_str().unwrap();
    home.run(&["cancel", request]).fails(1, "made the trade");
    home.run(&["cancel", "T-9999"]).fails(1, "no trade");
}

// Requirements: Q1
#[test]
fn what_cannot_leave_is_queued_and_leaves_later() {
    let world = World::with(|config| {
        config.replace("[trust]", "[timers]\nwait_to_send = \"300 ms\"\n[trust]")
    });
    let home = &world.home;
    home.write("order.toml", ORDER.as_bytes());
    let good = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    let smtp = format!("port = {}", world.room.smtp_port());
    home.write("config.toml", good.replace(&smtp, "port = 1").as_bytes());
    let queued = home.json(&["order", "order.toml"]);
    assert_eq!(queued["state"], "queued");
    home.write("config.toml", good.as_bytes());
    assert!(
        world
            .room
            .letters("orders@shop.example", "INBOX")
            .is_empty()
    );
    let daemon = world.daemon();
    daemon.wait_for("sent the order to orders@shop.example");
    assert_eq!(world.room.letters("orders@shop.example", "INBOX").len(), 1);
    daemon.end();
}

#[test]
fn an_order_sent_by_another_program_counts_as_our_own() {
    let world = World::new();
    let other = World::new();
    other.home.write("order.toml", ORDER.as_bytes());
    let letter = other.home.run(&["order", "--dry-run", "order.toml"]).ok();
    let letter = letter.replace('\n', "\r\n");
    // As its Date field says: the daemon reads no Sent folder back to its beginning.
    world
        .room
        .file(ANN, "Sent", letter.as_bytes(), jiff::Timestamp::now(), &[])
        .unwrap()
        .unwrap();
    world.home.run(&["daemon", "--once"]).ok();
    let requests = world.home.json(&["requests"]);
    assert_eq!(
        (count(&requests), &requests[0]["state"]),
        (1, &json!("elsewhere"))
    );
}

#[test]
fn a_wrong_password_ends_a_daemon_that_runs_once() {
    let world = World::new();
    world.home.write("password", b"wrong\n");
    let done = world.home.run(&["daemon", "--once"]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(done.stderr.contains("password"), "{}", done.stderr);
    assert!(!done.stderr.contains("wrong\n"), "{}", done.stderr);
}

#[test]
fn a_lost_ledger_is_rebuilt_from_the_mailbox() {
    let world = World::new();
    let home = &world.home;
    for said in [record(), in_transit(1, &at(86_400)), shipped(1)] {
        world.deliver(&said);
    }
    home.run(&["daemon", "--once"]).ok();
    let list = home.json(&["list"]);
    std::fs::remove_dir_all(home.path().join("data")).unwrap();
    let told = home.run(&["rebuild", "--from-mailbox"]).ok();
    assert!(
        told.contains("Every letter could be proven again"),
        "{told}"
    );
    assert_eq!(home.json(&["list"]), list);
    // Again: nothing is new.
    home.run(&["rebuild", "--from-mailbox"]).ok();
    assert_eq!(home.json(&["list"]), list);
    home.run(&["rebuild"]).ok();
    assert_eq!(home.json(&["list"]), list);
    let daemon = world.daemon();
    home.run(&["rebuild"]).fails(1, "stop it first");
    home.run(&["daemon", "--once"]).fails(1, "daemon");
    daemon.end();
}

// Requirements: E16
#[test]
fn a_ledger_is_rebuilt_in_the_order_in_which_the_letters_were_received() {
    let folders = "[imap]\nfolders = [\"INBOX\", \"Drafts\"]";
    let world = World::with(|config| config.replace("[imap]", folders));
    let home = &world.home;
    let file = |folder: &str, letter: &[u8], at: i64| {
        let received = jiff::Timestamp::from_second(1_795_000_000 + at).unwrap();
        let filed = world.room.file(ANN, folder, letter, received, &[]);
        assert!(filed.unwrap().is_some());
    };
    let another = record().with("/body/payment/processor", json!("other@evil.example"));
    // What came last lies first in the folder that is read first, as where letters were moved.
    file("INBOX", &another.letter(), 300);
    file("INBOX", &settled(1).letter(), 200);
    file("Drafts", &record().letter(), 100);
    home.run(&["rebuild", "--from-mailbox"]).ok();
    let shown = home.json(&["show", "T-1001"]);
    assert_eq!(shown["parties"]["processor"], PAY);
    assert_eq!(shown["payment"]["state"], "settled");
    let warnings = home.json(&["warnings"]);
    assert_eq!(count(&warnings), 1);
    assert_eq!(warnings[0]["kind"], "conflicting-status");
    let shown = home.run(&["warnings", "show", "1"]).ok();
    let first = "who is to be paid: billing@pay.example -> other@evil.example\n";
    assert!(shown.starts_with(first), "{shown}");
    // Nothing is read again, and no letter lies about.
    home.run(&["daemon", "--once"]).ok();
    assert_eq!(home.json(&["warnings"]), warnings);
    assert!(!home.path().join("data/rebuild.letters").exists());
}

#[test]
fn the_doctor_finds_nothing_wrong_and_then_what_is_wrong() {
    let world = World::new();
    world.deliver(&record());
    let checks = world.home.json(&["doctor"]);
    assert!(
        checks.as_array().unwrap().iter().all(|c| c["ok"] == true),
        "{checks}"
    );
    let config = std::fs::read_to_string(world.home.path().join("config.toml")).unwrap();
    let other = config.replace("mx.mailroom.example", "mx.elsewhere.example");
    world.home.write("config.toml", other.as_bytes());
    let done = world.home.run(&["doctor"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stdout.contains("PROBLEM  authserv-ids: "),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.contains("mx.mailroom.example"),
        "{}",
        done.stdout
    );
    world.home.write("config.toml", config.as_bytes());
    world.home.write("password", b"wrong\n");
    let done = world.home.run(&["doctor"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stdout.contains("correct user and password"),
        "{}",
        done.stdout
    );
    let empty = Home::with("");
    let done = empty.run(&["doctor"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stdout.contains("PROBLEM  configuration: "),
        "{}",
        done.stdout
    );
}

#[test]
fn the_doctor_knows_results_that_name_nobody() {
    let world = World::new();
    let mut letter = b"Authentication-Results: dkim=pass header.d=shop.example\r\n".to_vec();
    letter.extend(record().raw());
    world.room.deliver("ann@home.example", &letter).unwrap();
    let done = world.home.run(&["doctor"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stdout
            .contains("PROBLEM  authserv-ids: the results in 1 recent letters name no id"),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.contains("minimum = \"dkim\""),
        "{}",
        done.stdout
    );
    // One that names the configured id makes all well.
    world.deliver(&record());
    let done = world.home.run(&["doctor"]);
    assert_eq!(done.code, 0, "{}", done.stdout);
}

#[test]
fn an_order_that_nobody_answers_is_sent_again_as_the_same_statement() {
    let world = World::with(|config| {
        let timers = "[timers]\nanswer_first = \"300 ms\"\nanswer_longest = \"1 h\"\n[trust]";
        config.replace("[trust]", timers)
    });
    let home = &world.home;
    home.write("order.toml", ORDER.as_bytes());
    home.run(&["order", "order.toml"]).ok();
    let daemon = world.daemon();
    let at_shop = || world.room.letters("orders@shop.example", "INBOX");
    support::world::wait(
        || at_shop().len() >= 3,
        || format!("{} letters", at_shop().len()),
    );
    daemon.end();
    let policy = tradepost_letters::RelayPolicy::new(Vec::new(), None);
    let opened: Vec<_> = at_shop()
        .iter()
        .map(|l| tradepost_letters::open(&l.bytes, &policy).letter)
        .collect();
    assert_eq!(opened[0].statement, opened[1].statement);
    assert_ne!(opened[0].message_id, opened[1].message_id);
    assert!(home.json(&["requests"])[0]["tries"].as_u64().unwrap() >= 3);
    assert_eq!(count(&home.json(&["requests"])), 1);
}

#[test]
fn a_letter_that_comes_back_is_warned_of() {
    let world = World::new();
    let home = &world.home;
    home.write("order.toml", ORDER.as_bytes());
    let order = home.json(&["order", "order.toml"]);
    home.run(&["daemon", "--once"]).ok();
    let bounce = format!(
        "From: <mailer-daemon@shop.example>\r\nTo: ann@home.example\r\nSubject: failed\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <b1@shop.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.shop.example\r\n\r\n\
         Final-Recipient: rfc822; orders@shop.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\
         Diagnostic-Code: smtp; 550 no such user\r\n\r\n\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{}>\r\nSubject: x\r\n\r\n--b--\r\n",
        order["message_id"].as_str().unwrap()
    );
    world.room.deliver(ANN, bounce.as_bytes()).unwrap();
    home.run(&["daemon", "--once"]).ok();
    let warnings = home.json(&["warnings"]);
    assert_eq!(warnings[0]["kind"], "undeliverable", "{warnings}");
    assert!(
        warnings[0]["received"]
            .as_str()
            .unwrap()
            .contains("no such user"),
        "{warnings}"
    );
}

// Requirements: Q1
#[test]
fn a_daemon_that_is_killed_leaves_a_ledger_that_goes_on() {
    let world = World::new();
    let home = &world.home;
    world.deliver(&record());
    let daemon = world.daemon();
    wait_json(home, &["list"], |l| count(l) == 1);
    drop(daemon);
    // The dead socket is no daemon.
    assert_eq!(count(&home.json(&["list"])), 1);
    world.deliver(&in_transit(1, &at(86_400)));
    let daemon = world.daemon();
    wait_json(home, &["list"], |l| {
        l[0]["delivery"][0]["state"] == "in-transit"
    });
    assert_eq!(count(&home.json(&["show", "T-1001"])["history"]), 1);
    daemon.end();
}

#[test]
fn a_data_folder_with_a_long_path_has_its_socket_elsewhere() {
    let world = World::new();
    let home = &world.home;
    let long = home.path().join("d".repeat(120));
    let runtime = home.path().join("run");
    let with = |args: &[&str]| {
        let mut command = home.command(args);
        command
            .env("TRADEPOST_DATA", &long)
            .env("XDG_RUNTIME_DIR", &runtime);
        command
    };
    assert!(with(&["list"]).status().unwrap().success());
    let mut daemon = with(&["daemon"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let is_there = || {
        runtime
            .join("tradepost")
            .read_dir()
            .is_ok_and(|mut d| d.next().is_some())
    };
    support::world::wait(is_there, || "no socket".to_owned());
    world.deliver(&record());
    // A command from cron or another session has no such variable.
    let elsewhere = |args: &[&str]| {
        let mut command = with(args);
        command.env_remove("XDG_RUNTIME_DIR");
        command
    };
    let listed = || String::from_utf8(elsewhere(&["list"]).output().unwrap().stdout).unwrap();
    support::world::wait(|| listed().contains("T-1001"), listed);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn systemd_is_told_when_the_daemon_is_ready_and_when_it_stops() {
    let world = World::new();
    let path = world.home.path().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(support::world::PATIENCE))
        .unwrap();
    let mut daemon = world.home.command(&["daemon", "--once"]);
    let mut daemon = daemon.env("NOTIFY_SOCKET", &path).spawn().unwrap();
    let mut told = String::new();
    while !told.contains("STOPPING=1") {
        let mut buffer = [0; 4096];
        let n = socket.recv(&mut buffer).unwrap();
        told.push_str(&String::from_utf8_lossy(&buffer[..n]));
        told.push('\n');
    }
    assert!(told.starts_with("READY=1"), "{told}");
    assert!(told.contains("STATUS=attached to localhost"), "{told}");
    assert!(daemon.wait().unwrap().success());
}
