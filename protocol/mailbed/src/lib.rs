//! A real mail provider for tests: Dovecot 2.3 (IMAP, LMTP) and Postfix 3.7 (submission, MX) on loopback,
//! with all that is theirs in one temporary folder. The system's own instances and their configuration are
//! not touched.
//!
//! ```text
//! submission (STARTTLS), submissions (TLS) ── stamp, strip ─┐
//! MX (from anybody, no login) ─────────────── strip ────────┼─► LMTP ─► Maildir ─► IMAP, IMAPS
//! LMTP (a test that wants a forged stamp to arrive) ────────┘
//! ```
//!
//! Every address of [`DOMAINS`] is a mailbox, all with one password. What an account submits gets the stamp
//! `Authentication-Results: <id>; auth=pass smtp.auth=<account>`; its From is free, as it is at many
//! providers, so only the stamp tells who it was. Incoming fields that claim the provider's id are removed
//! (RFC 8601 section 5). There is no DKIM and no DNS here.
//!
//! It needs root (for Postfix) and Debian's packages; `cargo xtask test` installs them. See [`require`].

mod available;
mod certificates;
pub mod client;
mod configuration;
mod guard;
mod ports;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub use available::{Missing, available, require};
use client::Door;
use configuration::Provider;
use guard::Guard;
use ports::PortBlock;

/// The domains of the provider; every address in them is a mailbox.
pub const DOMAINS: [&str; 5] = [
    "home.example",
    "shop.example",
    "carrier.example",
    "pay.example",
    "evil.example",
];

/// The id in the provider's stamps (RFC 8601 section 2.5), also the name of its host.
pub const AUTHSERV_ID: &str = "mx.home.example";

/// The password of every account.
pub const PASSWORD: &str = "bed";

/// A running provider. It ends when this is dropped, and also when the process that started it dies
/// otherwise, so that it may well be kept in a `static`.
#[derive(Debug)]
pub struct Mailbed {
    /// IMAP with STARTTLS.
    pub imap_port: u16,
    /// IMAP within TLS.
    pub imaps_port: u16,
    /// LMTP straight into the mailboxes, without stamping or stripping.
    pub lmtp_port: u16,
    /// SMTP submission with STARTTLS, for accounts.
    pub submission_port: u16,
    /// SMTP submission within TLS, for accounts.
    pub submissions_port: u16,
    /// SMTP as other providers use it: no login, only for our domains.
    pub mx_port: u16,
    /// The certificate that the servers' own (for `localhost` and 127.0.0.1) is signed with.
    pub ca_file: PathBuf,
    /// The password of every account.
    pub password: &'static str,
    /// The id in the provider's stamps.
    pub authserv_id: String,
    dir: PathBuf,
    ca_pem: String,
    /// Dropped first: it ends the daemons and removes the folder.
    guard: Guard,
    _ports: PortBlock,
}

impl Mailbed {
    /// Starts a provider of one's own; takes about a second.
    ///
    /// # Errors
    /// Something is missing (see [`available`]), or a server did not come up; the error then ends with
    /// what the servers logged.
    pub fn start() -> Result<Mailbed> {
        available()?;
        let ports = PortBlock::reserve()?;
        let [
            imap_port,
            imaps_port,
            lmtp_port,
            submission_port,
            submissions_port,
            mx_port,
        ] = ports.ports();
        let provider = Provider {
            imap_port,
            imaps_port,
            lmtp_port,
            submission_port,
            submissions_port,
            mx_port,
        };

        // The path is short (Unix sockets in it have at most 107 bytes) and everybody may search it.
        let folder = tempfile::Builder::new()
            .prefix("tp-bed-")
            .tempdir_in("/tmp")
            .context("cannot make a folder")?;
        let dir = folder.path().to_path_buf();
        configuration::make_folders(&dir).context("cannot make the folders of the mail servers")?;
        let ca_pem = certificates::write(&dir).context("cannot make certificates")?;
        configuration::write(&dir, &provider)
            .context("cannot write the configuration of the mail servers")?;
        let guard = Guard::start(folder)?;
        guard.wait_for_greetings(&[
            (imap_port, "* OK"),
            (lmtp_port, "220"),
            (submission_port, "220"),
            (mx_port, "220"),
        ])?;
        Ok(Mailbed {
            imap_port,
            imaps_port,
            lmtp_port,
            submission_port,
            submissions_port,
            mx_port,
            ca_file: dir.join("ca.pem"),
            password: PASSWORD,
            authserv_id: AUTHSERV_ID.to_owned(),
            dir,
            ca_pem,
            guard,
            _ports: ports,
        })
    }

    /// The certificate in [`Mailbed::ca_file`], in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Submits a letter as `account`, also named in the envelope. The letter's From may name anybody.
    ///
    /// # Errors
    /// The provider cannot be reached or refused the letter.
    pub fn submit(&self, account: &str, to: &str, letter: &[u8]) -> Result<()> {
        let door = Door {
            port: self.submissions_port,
            ca_pem: &self.ca_pem,
            account,
            password: self.password,
        };
        door.submit(to, letter)
    }

    /// Puts a letter into the inbox of `to` as it is, under Dovecot's own trace fields: the way for letters
    /// with forged stamps, which every other entrance removes.
    ///
    /// # Errors
    /// The provider cannot be reached or refused the letter.
    pub fn deliver_by_lmtp(&self, to: &str, letter: &[u8]) -> Result<()> {
        client::deliver_by_lmtp(self.lmtp_port, to, letter)
    }

    /// Hands a letter in from another provider: forged stamps are removed, none is added.
    ///
    /// # Errors
    /// The provider cannot be reached or refused the letter.
    pub fn deliver_by_mx(&self, from: &str, to: &str, letter: &[u8]) -> Result<()> {
        client::deliver_by_mx(self.mx_port, from, to, letter)
    }

    /// The letters in the inbox of `account`, oldest first, read from the disk, with lines ending in CRLF as
    /// IMAP would give them.
    ///
    /// # Errors
    /// The Maildir cannot be read.
    pub fn inbox(&self, account: &str) -> Result<Vec<Vec<u8>>> {
        let (local, domain) = account
            .rsplit_once('@')
            .context("an account is an address")?;
        let maildir = self
            .dir
            .join("home")
            .join(domain)
            .join(local)
            .join("Maildir");
        let mut files = Vec::new();
        for folder in ["new", "cur"] {
            match fs::read_dir(maildir.join(folder)) {
                Ok(entries) => files.extend(entries.flatten().map(|entry| entry.path())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).context("cannot read the Maildir"),
            }
        }
        files.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
        let mut letters = Vec::new();
        for file in files {
            match fs::read(&file) {
                Ok(bytes) => letters.push(client::with_crlf(&bytes)),
                // Dovecot moves files from new/ to cur/ while we read.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return self.inbox(account);
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot read {}", file.display()));
                }
            }
        }
        Ok(letters)
    }

    /// The folder that holds everything of this provider; its logs are in `log/`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The process that holds the daemons; they end when it does.
    pub fn guard_pid(&self) -> u32 {
        self.guard.pid()
    }
}
