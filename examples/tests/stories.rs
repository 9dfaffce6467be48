//! Each folder of `examples/` tells a story, started by the one command in its README: it must run, what it prints
//! must be what the README shows, and at the end the buyer's ledger and the merchants' books must say what the
//! story says.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/transcript.rs"]
mod transcript;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// Folders of the examples that tell no story of their own.
const NO_STORIES: [&str; 3] = ["src", "tests", "webhooks"];
const STORY: &str = env!("CARGO_BIN_EXE_story");

/// E27: one server plays all parts, from one address.
// Requirements: E27
#[test]
fn one_server_at_one_address_is_shop_carrier_and_payment_processor() {
    let told = Told::by("one-shop");
    let trade = the_only_one(told.json("ann", "tradepost list --json"));
    let parties = told.show(&trade)["parties"].clone();
    let shop = "orders@shop.example";
    assert_eq!(
        parties,
        json!({"shop": shop, "carriers": [shop], "processor": shop})
    );
    told.all_is_over_for(&trade);
    let booked = told.booked("shop");
    assert_eq!(booked["id"], trade["id"]);
    assert_eq!(
        (&booked["order"]["state"], &booked["delivery"][0]["state"]),
        (&json!("shipped"), &json!("delivered")),
        "{booked}"
    );
    assert_eq!(booked["payment"]["state"], "settled", "{booked}");
    told.ends();
}

/// E9, E10, E14, E23, E24, E27: three servers, each with its own mailbox, book and part of the trade.
// Requirements: E27
#[test]
fn three_servers_on_mailboxes_of_their_own_tell_the_buyer_their_parts_of_a_trade() {
    three_servers(Told::by("three-servers"));
}

/// E9, E10, E14, E23, E24, E27.
// Requirements: E23, E24, E27
#[test]
fn three_servers_tell_the_buyer_their_parts_on_dovecot_and_postfix() {
    if let Some(told) = Told::on_real_servers("three-servers") {
        three_servers(told);
    }
}

fn three_servers(told: Told) {
    let trades = told.json("ann", "tradepost list --json");
    let trades = trades.as_array().unwrap();
    assert_eq!(trades.len(), 2, "{trades:?}");
    let (again, first): (Vec<&Value>, Vec<&Value>) =
        trades.iter().partition(|trade| trade["ended"] == false);
    let (again, first) = (again[0], first[0]);

    // What was ordered first was delivered and paid; then one of the two went back.
    let shown = told.show(first);
    assert_eq!(
        (&shown["delivered"], &shown["paid"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(shown["payment"]["state"], "partly-refunded", "{shown}");
    let half = json!({"amount": "49.00", "currency": "EUR"});
    assert_eq!(shown["payment"]["refunded"], half, "{shown}");
    // What was ordered again is the same, from the same shop, and is to come.
    for same in ["lines", "total", "shop"] {
        assert_eq!(again[same], first[same], "{same}");
    }
    assert_eq!(told.json("ann", "tradepost pending --json"), json!([again]));
    assert_eq!(told.json("ann", "tradepost warnings --json"), json!([]));

    // Each server knows of its own part, and of the rest only what it needs.
    let booked = |name| {
        let all = told.json(name, "tradepost-server trades --json");
        let all = all.as_array().unwrap();
        assert_eq!(all.len(), 2, "{name}: {all:?}");
        all.iter()
            .find(|booked| booked["id"] == first["id"])
            .unwrap()
            .clone()
    };
    let (shop, carrier, payment) = (booked("shop"), booked("carrier"), booked("payment"));
    assert_eq!(shop["order"]["state"], "shipped", "{shop}");
    assert_eq!(carrier["delivery"][0]["state"], "delivered", "{carrier}");
    assert_eq!(carrier["payment"], Value::Null, "{carrier}");
    assert_eq!(payment["payment"]["state"], "partly-refunded", "{payment}");
    assert_eq!(payment["delivery"], json!([]), "{payment}");
    assert_eq!(
        told.json("shop", "tradepost-server returns --json"),
        json!([])
    );
    told.ends();
}

/// E8: by `emit`, which the shop's own system calls.
// Requirements: E8
#[test]
fn a_shops_own_system_tells_of_its_orders_by_a_script() {
    let told = Told::by("merchant");
    let trade = the_only_one(told.json("ann", "tradepost list --json"));
    assert_eq!(trade["id"], "W-1001");
    let shown = told.show(&trade);
    assert_eq!(shown["order"]["state"], "shipped");
    // The script was called for it twice, and Ann was told once.
    let told_of = |state: &str| {
        let history = shown["history"].as_array().unwrap();
        history.iter().filter(|told| told["state"] == state).count()
    };
    assert_eq!((told_of("preparing"), told_of("shipped")), (1, 1));
    assert_eq!(told.booked("shop")["order"]["sequence"], 2);
    told.ends();
}

/// E8: by HTTP, which the shop's own system calls.
// Requirements: E8
#[test]
fn a_shops_own_system_tells_of_its_orders_by_http() {
    if !is_there("curl") || !is_there("openssl") {
        return;
    }
    let told = Told::by("http-intake");
    let trade = the_only_one(told.json("ann", "tradepost list --json"));
    assert_eq!(trade["id"], "W-2001");
    told.all_is_over_for(&trade);
    let booked = told.booked("shop");
    // The call with a key that was used already has changed nothing.
    assert_eq!(booked["delivery"][0]["state"], "delivered", "{booked}");
    assert!(told.printed.contains("\"status\":409"), "{}", told.printed);
    told.ends();
}

/// E8: the shop's fulfilment system is handed the order, and asked for progress.
// Requirements: E8
#[test]
fn a_program_of_thirty_lines_is_handed_the_order_and_asked_how_far_it_is() {
    let told = Told::by("fulfilment");
    let trade = the_only_one(told.json("ann", "tradepost list --json"));
    told.all_is_over_for(&trade);
    let shown = told.show(&trade);
    let history = shown["history"].as_array().unwrap();
    let order = history.iter().filter(|told| told["track"] == "order");
    let states: Vec<&Value> = order.map(|told| &told["state"]).collect();
    assert_eq!(states, ["received", "preparing", "shipped"]);
    assert_eq!(told.json("shop", "tradepost-server jobs --json"), json!([]));
    let program = fs::read_to_string(examples().join("fulfilment/fulfil.py")).unwrap();
    assert!(program.lines().count() <= 30);
    told.ends();
}

/// E16, E18, E19, E21, E22: the daemon keeps the ledger of a mailbox.
// Requirements: E21
#[test]
fn a_daemon_on_a_mailbox_keeps_the_ledger() {
    mailbox(Told::by("mailbox"));
}

/// E16, E18, E19, E21, E22.
#[test]
fn a_daemon_on_a_mailbox_of_dovecot_and_postfix_keeps_the_ledger() {
    if let Some(told) = Told::on_real_servers("mailbox") {
        mailbox(told);
    }
}

fn mailbox(told: Told) {
    let trade = the_only_one(told.json("ann", "tradepost pending --json"));
    assert_eq!(
        (&trade["origin"], &trade["warnings"]),
        (&json!("placed"), &json!(0))
    );
    let stats = told.json("ann", "tradepost stats --json");
    assert_eq!(
        (&stats["undelivered"], &stats["unpaid_total"]),
        (&json!(1), &json!([{"amount": "98.00", "currency": "EUR"}]))
    );
    // The shop, which does all itself, has answered; tomorrow it is asked again.
    let requests = told.json("ann", "tradepost requests --all --json");
    let asked = requests.as_array().unwrap();
    let asked = asked
        .iter()
        .find(|r| r["kind"] == "status-request")
        .unwrap();
    assert_eq!(
        (&asked["state"], &asked["to"]),
        (&json!("answered"), &trade["shop"])
    );
    let plan = the_only_one(told.json("ann", "tradepost schedule list --json"));
    assert_eq!(
        (&plan["at"], &plan["trade"]),
        (&json!("08:00"), &Value::Null)
    );
    told.ends();
}

/// The daemon as a service: systemd finds nothing wrong with the unit, and something with a broken one.
#[test]
fn systemd_takes_the_unit_of_the_daemon() {
    if Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_err()
    {
        tradepost_mailbed::skipped(&"there is no systemd-analyze");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let programs = home.path().join(".cargo/bin");
    fs::create_dir_all(&programs).unwrap();
    let program = Path::new(STORY).with_file_name("tradepost");
    std::os::unix::fs::symlink(program, programs.join("tradepost")).unwrap();
    let unit = fs::read_to_string(examples().join("mailbox/tradepost.service")).unwrap();
    let verify = |unit: String| {
        let file = home.path().join("tradepost.service");
        fs::write(&file, unit).unwrap();
        let output = Command::new("systemd-analyze")
            .args(["--user", "--man=no", "--recursive-errors=no", "verify"])
            .arg(file)
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    };
    assert_eq!(verify(unit.clone()), (true, String::new()));
    let elsewhere = unit.replace("/.cargo/bin/", "/nowhere/");
    assert!(!verify(elsewhere).0);
    let misspelt = unit.replace("RestartSec", "RestartSecs");
    assert!(verify(misspelt).1.contains("RestartSecs"));
}

/// With `--by-hand` a person types what the story would: here, that the shop looks whether all is well.
#[test]
fn a_story_can_be_told_by_hand() {
    let mut told = Told::begun(&["three-servers", "--by-hand"]);
    told.read_until("Without a command behind it");
    for (name, runs_by) in [
        ("shop", "tradepost-server run"),
        ("ann", "tradepost daemon"),
    ] {
        let typed = format!("{} {runs_by}\n", told.script(name));
        assert!(told.printed.contains(&typed), "{}", told.printed);
    }
    let looked = Command::new(told.script("carrier"))
        .args(["tradepost-server", "doctor"])
        .output()
        .unwrap();
    assert!(looked.status.success(), "{looked:?}");
    // Nobody but the person starts anything.
    assert_eq!(told.json("ann", "tradepost list --json"), json!([]));
    told.ends();
}

/// The README of the examples names all of them, and the program knows no others.
#[test]
fn every_folder_of_the_examples_is_a_story_with_its_command() {
    let output = Command::new(STORY).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let (_, names) = help.split_once("Names:\n").unwrap();
    let mut known: Vec<&str> = names
        .lines()
        .map(|l| l.trim().split(' ').next().unwrap())
        .collect();
    let entries = fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
    let folders = folders.map(|entry| entry.file_name().into_string().unwrap());
    let mut folders: Vec<String> = folders
        .filter(|name| !NO_STORIES.contains(&name.as_str()))
        .collect();
    known.sort_unstable();
    folders.sort_unstable();
    assert_eq!(known, folders);
    let all = fs::read_to_string(examples().join("README.md")).unwrap();
    for name in folders {
        assert!(all.contains(&format!("({name}/)")), "{name}");
        let readme = readme(&name);
        assert!(
            readme.contains(&format!("\n$ cargo xtask story {name}\n")),
            "{name}"
        );
    }
}

#[test]
fn a_story_that_there_is_not_is_wrong_usage_and_the_others_are_named() {
    for wrong in [&["no-shop"][..], &[], &["one-shop", "--kepe"]] {
        let output = Command::new(STORY).args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("three-servers"), "{said}");
    }
}

/// A story that was told, with everybody still running.
struct Told {
    process: Child,
    stdout: BufReader<ChildStdout>,
    printed: String,
}

impl Told {
    fn by(name: &str) -> Told {
        Told::with(name, &[])
    }

    /// With Dovecot and Postfix, where these are to be had.
    fn on_real_servers(name: &str) -> Option<Told> {
        tradepost_mailbed::require()?;
        Some(Told::with(name, &["--dovecot"]))
    }

    fn with(name: &str, options: &[&str]) -> Told {
        let mut told = Told::begun(&[&[name, "--keep"], options].concat());
        told.read_until("Without a command behind it");
        transcript::is_shown_by(&readme(name), &told.printed);
        told
    }

    fn begun(arguments: &[&str]) -> Told {
        let mut process = Command::new(STORY)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Told {
            process,
            stdout,
            printed: String::new(),
        }
    }

    fn read_until(&mut self, words: &str) {
        while !self.printed.contains(words) {
            let read = self.stdout.read_line(&mut self.printed).unwrap();
            assert!(read > 0, "it ended: {}", self.printed);
        }
    }

    /// What a command prints that is typed in somebody's name, by the script that the story has named.
    fn json(&self, name: &str, line: &str) -> Value {
        let mut words = line.split(' ');
        let output = Command::new(self.script(name))
            .args(&mut words)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}$ {line}: {stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn script(&self, name: &str) -> &str {
        let end = format!("/as-{name}");
        let mut words = self.printed.split_whitespace();
        words.find(|word| word.ends_with(&end)).unwrap()
    }

    fn show(&self, trade: &Value) -> Value {
        let id = trade["id"].as_str().unwrap();
        self.json("ann", &format!("tradepost show {id} --json"))
    }

    /// The only trade in a server's book.
    fn booked(&self, name: &str) -> Value {
        the_only_one(self.json(name, "tradepost-server trades --json"))
    }

    /// It was delivered and paid, and nothing in it was doubted.
    fn all_is_over_for(&self, trade: &Value) {
        let shown = self.show(trade);
        for fact in ["delivered", "paid", "ended"] {
            assert_eq!(shown[fact], true, "{fact}: {shown}");
        }
        assert_eq!(self.json("ann", "tradepost warnings --json"), json!([]));
        assert_eq!(self.json("ann", "tradepost pending --json"), json!([]));
    }

    /// Ends it as Ctrl-C does; nothing stays.
    fn ends(mut self) {
        let folder = Path::new(self.script("ann"))
            .parent()
            .unwrap()
            .to_path_buf();
        assert!(folder.exists());
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.process.wait().unwrap().success());
        assert!(!folder.exists());
    }
}

impl Drop for Told {
    /// Where a test fails: the story ends with its input and its processes, once it is asked to.
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            let pid = self.process.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &pid]).status();
            let _ = self.process.wait();
        }
    }
}

/// Says that the test is skipped where a program of the system is missing.
fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        tradepost_mailbed::skipped(&format!("{program} is missing"));
    }
    there
}

fn the_only_one(list: Value) -> Value {
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 1, "{list:?}");
    list[0].clone()
}

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn readme(name: &str) -> String {
    fs::read_to_string(examples().join(name).join("README.md")).unwrap()
}
