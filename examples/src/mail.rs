//! The mail server of a story: the one that is built in, as a process of its own, or Dovecot and Postfix.

use std::io::Read;
use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tradepost_mailbed::Mailbed;
use tradepost_mailroom::{Mailroom, Options};

use crate::part::Place;

/// With this argument, a program that tells stories is the mail server: it starts itself once more.
pub const ARGUMENT: &str = "--serve-mail";

/// A running mail server, in which every address is a mailbox; and how to get at it, on this machine.
pub struct Mail {
    /// IMAP within TLS.
    pub imaps_port: u16,
    /// SMTP submission within TLS.
    pub smtps_port: u16,
    /// What its certificate is signed with.
    pub ca_pem: String,
    /// Of every account.
    pub password: String,
    /// How it calls itself in Authentication-Results.
    pub authserv_id: String,
    _server: Server,
}

/// Kept, since it ends when this is dropped.
enum Server {
    /// It ends when its standard input does.
    BuiltIn {
        _process: Child,
    },
    DovecotAndPostfix {
        _bed: Box<Mailbed>,
    },
}

/// Serves mail until standard input ends, which it does when the story ends, however it ends.
///
/// # Errors
/// The server does not start.
pub async fn serve() -> Result<()> {
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

impl Mail {
    /// Starts this very program as the mail server.
    ///
    /// # Errors
    /// It does not start, or does not say where it listens.
    pub async fn start_built_in() -> Result<Mail> {
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
        Ok(Mail {
            imaps_port: port("imaps").context("no IMAP port")?,
            smtps_port: port("smtps").context("no SMTP port")?,
            ca_pem: text("ca"),
            password: text("password"),
            authserv_id: text("authserv_id"),
            _server: Server::BuiltIn { _process: process },
        })
    }
    /// Starts Dovecot and Postfix in a folder of their own.
    ///
    /// # Errors
    /// They are not installed, or we are not root.
    pub fn start_dovecot_and_postfix() -> Result<Mail> {
        let bed = Mailbed::start()?;
        Ok(Mail {
            imaps_port: bed.imaps_port,
            smtps_port: bed.submissions_port,
            ca_pem: bed.ca_pem().to_owned(),
            password: bed.password.to_owned(),
            authserv_id: bed.authserv_id.clone(),
            _server: Server::DovecotAndPostfix {
                _bed: Box::new(bed),
            },
        })
    }

    /// Where it is, for configurations.
    pub fn place(&self) -> Place<'_> {
        Place {
            imaps_port: self.imaps_port,
            smtps_port: self.smtps_port,
            authserv_id: &self.authserv_id,
        }
    }
}
