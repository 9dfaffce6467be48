//! The parts that the programs play: one process each, with its own configuration, data and home.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::mail::Mail;

/// Which of the two programs plays a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `tradepost`, for a buyer.
    Tradepost,
    /// `tradepost-server`, for a shop, a carrier or a payment processor.
    Server,
}

impl Program {
    /// What is typed to start it.
    pub fn name(self) -> &'static str {
        match self {
            Program::Tradepost => "tradepost",
            Program::Server => "tradepost-server",
        }
    }

    /// The command that runs until it is ended.
    pub fn runs_by(self) -> &'static str {
        match self {
            Program::Tradepost => "daemon",
            Program::Server => "run",
        }
    }

    /// What is typed to see its trades.
    pub fn lists_by(self) -> &'static str {
        match self {
            Program::Tradepost => "tradepost list",
            Program::Server => "tradepost-server trades",
        }
    }

    /// Where a part has its configuration, from its home.
    fn config(self, file: &str) -> PathBuf {
        match self {
            Program::Tradepost => PathBuf::from(".config/tradepost").join(file),
            Program::Server => file.into(),
        }
    }
}

/// Somebody in a story.
#[derive(Debug, Clone)]
pub struct Part {
    /// How it is called in the terminal and in the folder.
    pub name: &'static str,
    /// What it runs.
    pub program: Program,
    /// Its configuration file, from its home.
    pub config: PathBuf,
    /// What stands in there.
    pub toml: String,
    /// A folder whose files lie in its home too.
    pub files: Option<PathBuf>,
}

impl Part {
    /// A part with a configuration made for it.
    pub fn new(name: &'static str, program: Program, toml: String) -> Part {
        Part {
            name,
            program,
            config: program.config("config.toml"),
            toml,
            files: None,
        }
    }

    /// A server with a configuration file from one of the folders of `examples/`, attached to a mail server.
    ///
    /// # Errors
    /// The file can't be read, or is no TOML.
    pub fn server(name: &'static str, folder: &str, file: &str, mail: &Mail) -> Result<Part> {
        Part::from_examples(name, Program::Server, folder, file, mail)
    }

    /// Ann, who buys, with the files of `examples/mailbox`.
    ///
    /// # Errors
    /// As [`Part::server`].
    pub fn ann(mail: &Mail) -> Result<Part> {
        Part::from_examples("ann", Program::Tradepost, "mailbox", "config.toml", mail)
    }

    /// The same with another value of one key of its configuration.
    ///
    /// # Errors
    /// There is no such section.
    pub fn with(mut self, name: &str, key: &str, value: &str) -> Result<Part> {
        let mut config: Table = self.toml.parse()?;
        section(&mut config, name)?.insert(key.to_owned(), Value::from(value));
        self.toml = toml::to_string(&config)?;
        Ok(self)
    }

    fn from_examples(
        name: &'static str,
        program: Program,
        folder: &str,
        file: &str,
        mail: &Mail,
    ) -> Result<Part> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let path = folder.join(file);
        let written =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let toml = attached(&written, mail.place())
            .with_context(|| format!("cannot use {}", path.display()))?;
        Ok(Part {
            name,
            program,
            config: program.config(file),
            toml,
            files: Some(folder),
        })
    }
}

/// Where mailboxes are, on this machine: what differs between a configuration of `examples/` and the one that
/// is run.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// IMAP within TLS.
    pub imaps_port: u16,
    /// SMTP submission within TLS.
    pub smtps_port: u16,
    /// How the mail server calls itself in Authentication-Results.
    pub authserv_id: &'a str,
}

/// Beside each configuration: the certificate that the mail server's own is signed with.
pub const CA_FILE: &str = "ca.pem";
/// Beside each configuration: the password of its mailbox.
pub const PASSWORD_FILE: &str = "mail-password";

/// The same configuration with its mailbox in another place, where [`CA_FILE`] and [`PASSWORD_FILE`] lie beside
/// it. All else stays as it was written.
///
/// # Errors
/// It is no TOML, or has something else where its sections should be.
pub fn attached(written: &str, place: Place<'_>) -> Result<String> {
    let mut config: Table = written.parse()?;
    for (name, port) in [("imap", place.imaps_port), ("smtp", place.smtps_port)] {
        let section = section(&mut config, name)?;
        section.retain(|key, _| !key.starts_with("password") && key != "tls");
        for (key, value) in [
            ("host", Value::from("localhost")),
            ("port", Value::from(i64::from(port))),
            ("ca_file", Value::from(CA_FILE)),
            ("password_file", Value::from(PASSWORD_FILE)),
        ] {
            section.insert(key.to_owned(), value);
        }
    }
    let ids = vec![Value::from(place.authserv_id)];
    section(&mut config, "trust")?.insert("authserv_ids".to_owned(), Value::Array(ids));
    Ok(toml::to_string(&config)?)
}

fn section<'a>(config: &'a mut Table, name: &str) -> Result<&'a mut Table> {
    config
        .entry(name)
        .or_insert_with(|| Value::Table(Table::new()))
        .as_table_mut()
        .with_context(|| format!("{name} is no section"))
}
