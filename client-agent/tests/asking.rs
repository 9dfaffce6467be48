//! The person asks for the present status (E15, E21, Q4), has it asked by itself (E22), and sees what
//! became of every request.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::Home;
use support::letters::{
    ANN, CARRIER, ORDER, PAY, SHOP, Said, at, delivered, in_transit, record, settled, shipped,
};
use support::world::{self, World, wait, wait_json};
use uuid::Uuid;

/// The statements of a kind that lie in somebody's inbox, oldest first.
fn statements(world: &World, whose: &str, kind: &str) -> Vec<Value> {
    let mut said = world::statements(world, whose);
    said.retain(|s| s["body"]["kind"] == kind);
    said
}

fn questions(world: &World, whose: &str) -> Vec<Value> {
    statements(world, whose, "status-request")
}

/// With timers so short that a test can wait for them.
fn with_timers(timers: &str) -> World {
    World::with(|config| format!("{config}[timers]\n{timers}\n"))
}

fn state(answers: &Value, to: &str) -> String {
    let all = answers.as_array().unwrap();
    let one = all
        .iter()
        .find(|r| r["to"] == to && r["kind"] == "status-request");
    one.unwrap_or_else(|| panic!("{answers}"))["state"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn unknown(question: &Value, from: &str) -> Said {
    Said(json!({
        "tradepost": 1, "id": Uuid::now_v7().to_string(), "from": from, "to": ANN, "sent": at(-5),
        "answers": question["id"], "body": { "kind": "unknown-trade" },
    }))
}

/// E21, E15: all three by default, or one; what each was answered with is visible.
// Requirements: E21
#[test]
fn ask_goes_to_all_three_and_shows_what_each_answered() {
    let world = World::new().bought();
    let home = &world.home;
    home.run(&["ask", "T-9"]).fails(1, "no trade");
    home.run(&["ask"]).fails(2, "WHAT");
    let sent = home.json(&["ask", "T-1001", "--carrier"]);
    assert_eq!(
        (&sent[0]["to"], &sent[0]["state"]),
        (&json!(CARRIER), &json!("left"))
    );
    assert_eq!(sent[0]["trade"], json!({ "shop": SHOP, "id": "T-1001" }));
    assert_eq!(questions(&world, CARRIER).len(), 1);
    assert_eq!(
        questions(&world, SHOP).len() + questions(&world, PAY).len(),
        0
    );

    // The carrier has its time before it is asked again.
    let words = home.run(&["ask", "T-1001"]).ok();
    assert!(
        words.contains("has left for orders@shop.example"),
        "{words}"
    );
    assert!(
        words.contains("track@carrier.example was asked at"),
        "{words}"
    );
    let asked = [SHOP, CARRIER, PAY].map(|who| questions(&world, who).len());
    assert_eq!(asked, [1, 1, 1]);
    let requests = home.json(&["requests"]);
    assert_eq!(
        [SHOP, CARRIER, PAY].map(|w| state(&requests, w)),
        ["sent"; 3]
    );

    let question = |who| questions(&world, who).remove(0)["id"].clone();
    world.deliver(&shipped(1).with("/answers", question(SHOP)));
    world.deliver(&unknown(&questions(&world, CARRIER)[0], CARRIER));
    home.run(&["daemon", "--once"]).ok();
    let requests = home.json(&["requests"]);
    assert_eq!(
        [SHOP, CARRIER, PAY].map(|w| state(&requests, w)),
        ["answered", "answered", "sent"]
    );
    let words = home.run(&["requests"]).ok();
    for word in [
        "status-request to orders@shop.example: answered by order-status shipped",
        "status-request to track@carrier.example: answered by unknown-trade",
        "status-request to billing@pay.example: sent,",
    ] {
        assert!(words.contains(word), "{word}: {words}");
    }
}

/// Q4: a client that never got the answer can still ask; a shop that never saw the order gets it again.
// Requirements: Q4
#[test]
fn an_order_that_the_shop_never_saw_is_asked_about_and_sent_again() {
    let world = World::new();
    let order = world.ordered();
    let home = &world.home;
    let id = order["request"].as_str().unwrap();
    home.run(&["ask", id, "--payment"])
        .fails(1, "no payment processor is known");
    home.run(&["ask", id]).ok();
    let question = questions(&world, SHOP).remove(0);
    assert_eq!(question["request"], order["request"]);
    assert_eq!(question.get("trade"), None);

    world.deliver(&unknown(&question, SHOP));
    home.run(&["daemon", "--once"]).ok();
    let orders = statements(&world, SHOP, "order");
    assert_eq!(orders, [order.clone(), order.clone()], "the same statement");
    world.deliver(
        &record()
            .with("/request", order["request"].clone())
            .with("/answers", order["id"].clone()),
    );
    home.run(&["daemon", "--once"]).ok();
    let requests = home.json(&["requests"]);
    assert_eq!(requests[0]["state"], "answered");
    assert_eq!(requests[0]["tries"], 2);
    assert_eq!(count(&home.json(&["list"])), 1);
}

fn count(value: &Value) -> usize {
    value.as_array().unwrap().len()
}

/// E21: waits for the answers that the daemon fetches.
// Requirements: E21
#[test]
fn ask_can_wait_for_the_answers() {
    let world = World::new().bought();
    let home = &world.home;
    home.run(&["ask", "T-1001", "--wait"])
        .fails(1, "no daemon runs");
    assert_eq!(questions(&world, SHOP).len(), 0, "nothing was asked");
    let daemon = world.daemon();
    let asking = home
        .command(&["ask", "T-1001", "--shop", "--wait", "60 s", "--json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    wait(
        || !questions(&world, SHOP).is_empty(),
        || "not asked".to_owned(),
    );
    let question = questions(&world, SHOP).remove(0);
    world.deliver(&shipped(1).with("/answers", question["id"].clone()));
    let done = asking.wait_with_output().unwrap();
    let answers: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(done.status.success(), "{answers}");
    assert_eq!(answers[0]["answers"], json!(["order-status shipped"]));

    home.run(&["ask", "T-1001", "--payment", "--wait", "1 ms"])
        .fails(1, "1 of 1 not answered");
    daemon.end();
}

/// E22: kept by the ledger, over restarts and rebuilds, until removed.
// Requirements: E22
#[test]
fn a_plan_is_kept_listed_and_removed() {
    let world = World::new().bought();
    let home = &world.home;
    assert_eq!(home.json(&["schedule", "list"]), json!([]));
    home.run(&["schedule", "add", "T-1001"]).fails(2, "--every");
    home.run(&["schedule", "add", "T-1001", "--every", "9 min"])
        .fails(1, "every 600 s");
    home.run(&["schedule", "add", "T-1001", "--at", "24:00"])
        .fails(2, "08:00");
    home.run(&["schedule", "add", "T-9", "--every", "12h"])
        .fails(1, "no trade");
    home.run(&[
        "schedule",
        "add",
        "all-pending",
        "--at",
        "08:00",
        "--until",
        "paid",
    ])
    .fails(1, "single trade");
    let words = home
        .run(&[
            "schedule",
            "add",
            "T-1001",
            "--every",
            "12h",
            "--until",
            "delivered",
            "--carrier",
        ])
        .ok();
    assert!(
        words.contains("asks the carrier about the trade orders@shop.example/T-1001, every 12 h, until it is delivered"),
        "{words}"
    );
    let daily = home.json(&["schedule", "add", "all-pending", "--at", "08:00"]);
    assert_eq!(
        (&daily["at"], &daily["zone"]),
        (&json!("08:00"), &json!("UTC"))
    );
    assert!(
        daily["next"].as_str().unwrap().ends_with("T08:00:00Z"),
        "{daily}"
    );

    let plans = home.json(&["schedule", "list"]);
    assert_eq!(
        (count(&plans), &plans[0]["every_ms"]),
        (2, &json!(43_200_000))
    );
    home.run(&["rebuild"]).ok();
    assert_eq!(home.json(&["schedule", "list"]), plans);

    home.run(&["schedule", "remove", "2"]).ok();
    home.run(&["schedule", "remove", "2"]).fails(1, "no plan 2");
    assert_eq!(home.json(&["schedule", "list"]), json!([plans[0]]));

    // It ends by itself.
    world.deliver(&shipped(1));
    world.deliver(&delivered(1));
    home.run(&["daemon", "--once"]).ok();
    assert_eq!(home.json(&["schedule", "list"]), json!([]));
    home.run(&[
        "schedule",
        "add",
        "T-1001",
        "--every",
        "12h",
        "--until",
        "delivered",
    ])
    .fails(1, "is delivered already");

    // Of each that is pending it is asked until that is delivered, whether or not that is said.
    let pending = home.json(&[
        "schedule",
        "add",
        "all-pending",
        "--every",
        "12h",
        "--until",
        "delivered",
    ]);
    assert_eq!(
        (&pending["trade"], &pending["every_ms"]),
        (&json!(null), &json!(43_200_000))
    );
}

/// E22: the client asks by itself; an open question is not asked again, but sent again.
// Requirements: E22
#[test]
fn the_daemon_asks_by_itself_and_one_question_at_a_time() {
    let timers = "ask_apart = \"100 ms\"\nanswer_first = \"300 ms\"\nanswer_longest = \"300 ms\"";
    let world = with_timers(timers).bought();
    let home = &world.home;
    home.run(&["schedule", "add", "T-1001", "--every", "200 ms", "--shop"])
        .ok();
    let daemon = world.daemon();
    let ids = |world: &World| {
        let mut ids: Vec<String> = questions(world, SHOP)
            .iter()
            .map(|q| q["id"].to_string())
            .collect();
        let letters = ids.len();
        ids.dedup();
        (ids.len(), letters)
    };
    wait(|| ids(&world).1 >= 3, || format!("{:?}", ids(&world)));
    assert_eq!(ids(&world).0, 1, "one question, sent again");
    let question = questions(&world, SHOP).remove(0);
    world.deliver(&shipped(1).with("/answers", question["id"].clone()));
    wait(|| ids(&world).0 >= 2, || format!("{:?}", ids(&world)));
    drop(daemon);

    // A daemon that was killed goes on where it was.
    let before = ids(&world).1;
    let daemon = world.daemon();
    wait(|| ids(&world).1 > before, || format!("{:?}", ids(&world)));
    world.deliver(&delivered(1));
    world.deliver(&settled(1));
    wait_json(home, &["schedule", "list"], |plans| *plans == json!([]));
    daemon.end();
}

/// E22: without a daemon that stays, such as from cron.
// Requirements: E22
#[test]
fn a_daemon_that_runs_once_asks_what_is_due() {
    let world = with_timers("ask_apart = \"1 ms\"").bought();
    let home = &world.home;
    home.run(&["schedule", "add", "all-pending", "--every", "1 ms"])
        .ok();
    world.deliver(&in_transit(1, &at(86_400)));
    home.run(&["daemon", "--once"]).ok();
    let asked = [SHOP, CARRIER, PAY].map(|who| questions(&world, who).len());
    assert_eq!(asked, [1, 1, 1]);
}

/// Every pending request is visible: queued while nothing can leave, and then sent.
#[test]
fn a_request_is_queued_until_the_mail_server_takes_it() {
    let world = World::new();
    let home = &world.home;
    home.write("order.toml", ORDER.as_bytes());
    let config = std::fs::read_to_string(home.path().join("config.toml")).unwrap();
    let port = world.room.smtp_port();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = closed.local_addr().unwrap().port();
    drop(closed);
    let broken = config.replace(&format!("port = {port}"), &format!("port = {nobody}"));
    let broken = format!(
        "{broken}[timers]\nwait_to_send = \"100 ms\"\nsubmit_first = \"50 ms\"\nsubmit_longest = \"50 ms\"\n"
    );
    home.write("config.toml", broken.as_bytes());
    assert_eq!(home.json(&["order", "order.toml"])["state"], "queued");
    assert_eq!(home.json(&["requests"])[0]["state"], "queued");
    assert!(
        home.run(&["requests"])
            .ok()
            .contains("order to orders@shop.example: queued")
    );

    home.write("config.toml", config.as_bytes());
    home_sends(home);
    assert_eq!(home.json(&["requests"])[0]["state"], "sent");
}

fn home_sends(home: &Home) {
    let sent = || {
        home.run(&["daemon", "--once"]).ok();
        home.json(&["requests"])[0]["state"] == "sent"
    };
    wait(sent, || "still queued".to_owned());
}
