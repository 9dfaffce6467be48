//! What commands that the server runs get of its environment: all but secrets and its own variables,
//! or what the configuration lists.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::time::Instant;

use serde_json::json;

use support::{ALL_ROLES, PATIENCE, Room, SHOP, Server, new_request, order, room};

/// Each command notes what it sees under its own name.
const NOTE: &str = r#"#!/bin/sh
seen="$(dirname "$0")/seen-$1"
tr '\0' '\n' < /proc/$$/environ > "$seen.new"
ls -l /proc/$$/fd > "$seen.fds"
mv "$seen.new" "$seen"
case "$1" in
goods) echo '{"version": 1, "text": "Your licence"}' ;;
password) echo room ;;
esac
"#;

/// The way out's password is a variable, the mailbox's a command's; `more` stands in each section
/// that names a command.
fn shop(room: &Room, more: &str) -> Server {
    let path = room.folder.path().join("note");
    std::fs::write(&path, NOTE).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let shop = room.server(
        SHOP,
        &format!(
            "{ALL_ROLES}[fulfilment]\ncommand = [\"./note\", \"fulfilment\"]\n{more}\n\
             [shop.delivery.electronic]\ngoods_command = [\"./note\", \"goods\"]\n{more}\n[shop.delivery.courier]\n\
             [shop.payment.credit-card]\ncharge = \"on-shipping\"\n"
        ),
    );
    let config = std::fs::read_to_string(&shop.config).unwrap();
    let (imap, smtp) = config.split_once("[smtp]").unwrap();
    let command = format!(
        "password_command = '\"{}\" password'\n{more}",
        path.display()
    );
    let file = "password_file = \"secret\"";
    let (imap, smtp) = (
        imap.replace(file, &command),
        smtp.replace(file, "password_env = \"MAIL_SECRET\""),
    );
    std::fs::write(&shop.config, format!("{imap}[smtp]{smtp}")).unwrap();
    shop
}

/// A server with others' variables in its environment, that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(room: &Room, shop: &Server) -> Ended {
    let child = shop
        .command(&["run"])
        .env("MAIL_SECRET", &room.room.options().password)
        .env("TRADEPOST_SERVER_DATA", "/nowhere")
        .env("TRADEPOST_LOG", "info")
        .env("SSH_AUTH_SOCK", "/nowhere/agent")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Ended(child.unwrap())
}

/// An order for goods that are sent, and one for goods that the other command makes.
fn deliver_orders(room: &Room) {
    room.deliver(&order(&new_request()));
    let mut electronic = order(&new_request());
    electronic["body"]["delivery"] = json!({ "method": "electronic" });
    room.deliver(&electronic);
}

async fn seen(room: &Room, by: &str) -> Vec<String> {
    let file = room.folder.path().join(format!("seen-{by}"));
    let deadline = Instant::now() + PATIENCE;
    while !file.exists() {
        assert!(Instant::now() < deadline, "{by} was not run");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(str::to_owned).collect()
}

const COMMANDS: [&str; 3] = ["password", "fulfilment", "goods"];

#[tokio::test(flavor = "multi_thread")]
async fn no_command_gets_a_password_a_variable_of_the_servers_own_or_what_it_has_open() {
    let room = room().await;
    let shop = shop(&room, "");
    let _running = run(&room, &shop);
    deliver_orders(&room);
    for by in COMMANDS {
        let seen = seen(&room, by).await;
        let has = |start: &str| seen.iter().any(|line| line.starts_with(start));
        assert!(!has("MAIL_SECRET"), "{by}: {seen:?}");
        assert!(!has("TRADEPOST_"), "{by}: {seen:?}");
        assert!(has("SSH_AUTH_SOCK=/nowhere/agent"), "{by}: {seen:?}");
        assert!(has("PATH="), "{by}: {seen:?}");
        let open = room.folder.path().join(format!("seen-{by}.fds"));
        let open = std::fs::read_to_string(open).unwrap();
        assert!(open.contains(" 0 -> "), "its own are listed: {open}");
        assert!(
            !open.contains("socket:") && !open.contains(shop.data.to_str().unwrap()),
            "{by}: {open}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cleared_environment_has_what_is_listed_and_nothing_else() {
    let room = room().await;
    let shop = shop(&room, "env_clear = true\nenv = [\"PATH\", \"NOT_SET\"]");
    let _running = run(&room, &shop);
    deliver_orders(&room);
    for by in COMMANDS {
        let seen = seen(&room, by).await;
        let name = |line: &String| line.split('=').next().unwrap().to_owned();
        let mut names: Vec<String> = seen.iter().map(name).collect();
        // Those that a shell sets for itself.
        names.retain(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(&name.as_str()));
        assert_eq!(names, ["PATH"], "{by}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_had_is_refused_with_its_line() {
    let room = room().await;
    let taken = shop(&room, "env_clear = true\nenv = [\"HOME\"]");
    assert_eq!(taken.json(&["trades", "--json"]), json!([]));
    let config = std::fs::read_to_string(&taken.config).unwrap();
    for (more, says) in [
        (
            "env_clear = true\nenv = [\"MAIL_SECRET\"]",
            "holds a secret",
        ),
        (
            "env_clear = true\nenv = [\"TRADEPOST_LOG\"]",
            "Tradepost's own",
        ),
        (
            "env_clear = false\nenv = [\"HOME\"]",
            "env_clear = true beside it",
        ),
    ] {
        let out = shop(&room, more).say(&["trades"], "");
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success() && stderr.contains(says), "{stderr}");
    }
    for command in [
        "command = [\"./note\", \"fulfilment\"]",
        "goods_command = [\"./note\", \"goods\"]",
    ] {
        std::fs::write(&taken.config, config.replace(command, "")).unwrap();
        let out = taken.say(&["trades"], "");
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert!(
            !out.status.success() && stderr.contains("env_clear: nothing is run here without"),
            "{stderr}"
        );
    }
}
