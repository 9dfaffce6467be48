//! The files of `merchant/`, `fulfilment/` and `mailbox/` are what a person starts from: they must work as they are.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn folder_of_the_programs() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_demo")).parent().unwrap()
}

fn example(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Both programs on the PATH, as where they are installed, and a home of their own.
fn run(program: &Path, home: &Path, arguments: &[&str]) -> Output {
    let path = std::env::var("PATH").unwrap();
    let programs = folder_of_the_programs().display();
    Command::new(program)
        .args(arguments)
        .env("PATH", format!("{programs}:{path}"))
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("share"))
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A copy of a merchant's folder, with the password file that its configuration names.
fn shop(folder: &str) -> tempfile::TempDir {
    let shop = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(example(folder)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), shop.path().join(entry.file_name())).unwrap();
    }
    let password = shop.path().join("mail-password");
    fs::write(&password, "secret\n").unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    shop
}

#[test]
fn the_merchants_script_tells_each_event_once() {
    let shop = shop("merchant");
    let at = |name: &str| shop.path().join(name).display().to_string();
    let server = folder_of_the_programs().join("tradepost-server");
    let (config, data, web_order) = (at("shop.toml"), at("data"), at("web-order.jsonl"));
    let places = ["--config", &config, "--data", &data];
    let emit = [&places[..], &["emit", &web_order]].concat();
    assert!(stdout(&run(&server, shop.path(), &emit)).contains("\"accepted\":true"));

    let tell = shop.path().join("tell.sh");
    let tell = |arguments: &[&str]| run(&tell, shop.path(), arguments);
    let first = stdout(&tell(&["W-1001", "shipped"]));
    assert!(first.contains("\"accepted\":true"), "{first}");
    assert_eq!(stdout(&tell(&["W-1001", "shipped"])), first);

    let trades = [&places[..], &["trades", "--json"]].concat();
    let trades = stdout(&run(&server, shop.path(), &trades));
    let trades: Value = serde_json::from_str(&trades).unwrap();
    assert_eq!(trades.as_array().unwrap().len(), 1, "{trades}");

    assert_eq!(tell(&["W-1001", "nonsense"]).status.code(), Some(1));
    for wrong in [&["W-1001"][..], &["W\"1", "shipped"], &["", "shipped"]] {
        assert_eq!(tell(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

/// What `webhooks/README.md` promises of its configuration; what becomes of the sample orders is tested with
/// the server.
#[test]
fn the_configuration_of_the_webhooks_is_understood_once_its_secrets_are_there() {
    let shop = shop("webhooks");
    let server = folder_of_the_programs().join("tradepost-server");
    let at = |name: &str| shop.path().join(name).display().to_string();
    let (config, data) = (at("shop.toml"), at("data"));
    let trades = ["--config", &config, "--data", &data, "trades", "--json"];
    for secret in ["http-token", "woo-secret", "shopify-secret"] {
        let without = run(&server, shop.path(), &trades);
        let said = String::from_utf8_lossy(&without.stderr).into_owned();
        assert!(!without.status.success() && said.contains(secret), "{said}");
        let file = shop.path().join(secret);
        fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let listed = stdout(&run(&server, shop.path(), &trades));
    assert_eq!(listed.trim(), "[]");
}

#[test]
fn the_buyers_configuration_and_order_are_understood() {
    let home = tempfile::tempdir().unwrap();
    let tradepost = folder_of_the_programs().join("tradepost");
    let at = |name: &str| example("mailbox").join(name).display().to_string();
    let config = at("config.toml");
    let ask = |rest: &[&str]| {
        let arguments = [&["--config", &config][..], rest].concat();
        stdout(&run(&tradepost, home.path(), &arguments))
    };
    assert_eq!(ask(&["pending", "--json"]).trim(), "[]");
    let letter = ask(&["order", "--dry-run", &at("order.toml")]);
    assert!(letter.contains("To: orders@shop.example"), "{letter}");
    assert!(letter.contains("2 x Red kettle (K-1)"), "{letter}");
}

/// E8: what `examples/fulfilment/README.md` promises of the commands that the server runs.
#[test]
fn the_fulfilment_command_answers_every_kind_of_job_the_same_when_it_is_asked_twice() {
    let shop = shop("fulfilment");
    let ask = |kind: &str, state: &str| {
        let job = serde_json::json!({ "version": 1, "job": format!("T-1.{kind}"), "kind": kind,
            "attempt": 1, "trade": "T-1", "record": { "lines": [] }, "remaining": [], "order": { "state": state } });
        let mut child = Command::new(shop.path().join("fulfil.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(job.to_string().as_bytes()).unwrap();
        drop(stdin);
        let answer = stdout(&child.wait_with_output().unwrap());
        serde_json::from_str::<Value>(&answer).unwrap()["events"].clone()
    };
    let says = |state: &str| serde_json::json!([{ "track": "order", "state": state }]);
    let nothing = serde_json::json!([]);
    let order = shop.path().join("orders/T-1.json");
    for _ in 0..2 {
        assert_eq!(ask("hand-over", "received"), says("preparing"));
        assert!(order.is_file());
        assert_eq!(ask("progress", "preparing"), nothing);
    }
    fs::write(shop.path().join("orders/T-1.state"), "shipped\n").unwrap();
    assert_eq!(ask("progress", "preparing"), says("shipped"));
    assert_eq!(ask("progress", "shipped"), nothing);
    for _ in 0..2 {
        assert_eq!(ask("called-off", "cancelled"), nothing);
        assert!(!order.exists());
    }
}
