//! The mail server as a process of its own: this program, started with another argument.

use std::io::Read;
use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tradepost_mailroom::{Mailroom, Options};

pub(crate) const ARGUMENT: &str = "--serve-mail";

/// Where the mail server is, as its process says on its first line.
pub(crate) struct Room {
    pub(crate) imaps_port: u16,
    pub(crate) smtps_port: u16,
    pub(crate) ca_pem: String,
    pub(crate) password: String,
    pub(crate) authserv_id: String,
    /// Kept, since the process ends when its standard input does.
    _process: Child,
}

/// Serves mail until standard input ends, which it does when the demo ends, however it ends.
pub(crate) async fn serve() -> Result<()> {
    let room = Mailroom::start(Options::default())
        .await
        .context("the mail server does not start")?;
    let options = room.options();
    println!(
        "{}",
        json!({
            "imaps": room.imaps_port(), "smtps": room.smtps_port(), "ca": room.ca_pem(),
            "password": options.password, "authserv_id": options.authserv_id,
        })
    );
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    room.stop().await;
    Ok(())
}

pub(crate) async fn start() -> Result<Room> {
    let mut process = Command::new(std::env::current_exe()?)
        .arg(ARGUMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the mail server")?;
    let stdout = process
        .stdout
        .take()
        .context("the mail server has no output")?;
    let first = BufReader::new(stdout)
        .lines()
        .next_line()
        .await?
        .context("the mail server ended at once")?;
    let said: Value = serde_json::from_str(&first)
        .context("the mail server said something else than its ports")?;
    let text = |name: &str| {
        said.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let port = |name: &str| {
        said.get(name)
            .and_then(Value::as_u64)
            .and_then(|p| u16::try_from(p).ok())
    };
    Ok(Room {
        imaps_port: port("imaps").context("no IMAP port")?,
        smtps_port: port("smtps").context("no SMTP port")?,
        ca_pem: text("ca"),
        password: text("password"),
        authserv_id: text("authserv_id"),
        _process: process,
    })
}
