//! A real mail provider for tests: Dovecot 2.3 (IMAP, LMTP) and Postfix 3.7 (submission, MX) on loopback,
//! with OpenDKIM and dnsmasq where a test wants DKIM, and with all that is theirs in one temporary folder.
//! The system's own instances and their configuration are not touched.
//!
//! ```text
//! submission (STARTTLS), submissions (TLS) ── sign, stamp, strip ─┐
//! MX (from anybody, no login) ────────────── strip, verify, stamp ┼─► LMTP ─► Maildir ─► IMAP, IMAPS
//!   ▲                                                             │
//!   └─ outside (TLS) ── sign, stamp, strip                        │
//! LMTP (a test that wants a forged stamp to arrive) ──────────────┘
//! ```
//!
//! Every address of [`DOMAINS`] is a mailbox, all with one password. What an account submits gets the stamp
//! `Authentication-Results: <id>; auth=pass smtp.auth=<account>`; its From is free, as it is at many
//! providers, so only the stamp tells who it was. What is submitted to the outside port goes on through the
//! MX, as it does from one provider to another, and loses that stamp there. Incoming fields that claim the
//! provider's id are removed (RFC 8601 section 5). With DKIM (see [`Options`]) what comes by the MX gets a
//! stamp that tells the result.
//!
//! It needs root (for Postfix) and Debian's packages; `cargo xtask test` installs them. See [`require`].

mod available;
mod certificates;
pub mod client;
mod configuration;
mod dkim;
pub mod dns;
mod guard;
mod options;
mod ports;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

pub use available::{Missing, available, require, skipped};
use client::Door;
use configuration::Provider;
use dns::NameServer;
use guard::Guard;
pub use options::{Dkim, Options};
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

/// The selector of the key that the provider signs with, the same for all its domains.
pub const SELECTOR: &str = "bed";

/// A running provider. It ends when this is dropped, and also when the process that started it dies
/// otherwise, so that it may well be kept in a `static`.
#[derive(Debug)]
pub struct Mailbed {
    /// IMAP with STARTTLS, on 127.0.0.1.
    pub imap_port: u16,
    /// IMAP within TLS from the first octet, on 127.0.0.1.
    pub imaps_port: u16,
    /// LMTP straight into the mailboxes, without stamping or stripping.
    pub lmtp_port: u16,
    /// SMTP submission with STARTTLS, for accounts.
    pub submission_port: u16,
    /// SMTP submission within TLS, for accounts.
    pub submissions_port: u16,
    /// SMTP as other providers use it: no login, only for our domains.
    pub mx_port: u16,
    /// The way from another provider: like `submissions_port`, but the letter goes on through the MX.
    pub outside_port: u16,
    /// The name server (UDP and TCP), with DKIM; nobody listens there otherwise.
    pub dns_port: u16,
    /// The certificate that the servers' own (for `localhost` and 127.0.0.1) is signed with.
    pub ca_file: PathBuf,
    /// The password of every account.
    pub password: &'static str,
    /// The id in the provider's stamps.
    pub authserv_id: String,
    dir: PathBuf,
    ca_pem: String,
    /// Dropped first: its files lie in the folder that goes with the guard.
    name_server: Option<NameServer>,
    /// It ends the daemons and removes the folder.
    guard: Guard,
    _ports: PortBlock,
}

impl Mailbed {
    /// Starts a provider of one's own, without DKIM; takes about a second.
    ///
    /// # Errors
    /// Something is missing (see [`available`]), or a server did not come up; the error then ends with
    /// what the servers logged.
    pub fn start() -> Result<Mailbed> {
        Mailbed::start_with(Options::default())
    }

    /// Starts a provider that does what the options say.
    ///
    /// # Errors
    /// As [`Mailbed::start`].
    pub fn start_with(options: Options) -> Result<Mailbed> {
        available()?;
        let with_dkim = options.dkim != Dkim::Off;
        ensure!(
            with_dkim || !options.from_check,
            "it is OpenDKIM that compares From with the account"
        );
        let ports = PortBlock::reserve()?;
        let [
            imap_port,
            imaps_port,
            lmtp_port,
            submission_port,
            submissions_port,
            mx_port,
            outside_port,
            dns_port,
        ] = ports.ports();
        let provider = Provider {
            imap_port,
            imaps_port,
            lmtp_port,
            submission_port,
            submissions_port,
            mx_port,
            outside_port,
            dns_port,
            options,
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
        let name_server = if with_dkim {
            let keys = dkim::write(&dir, provider.options.dkim).context("cannot make keys")?;
            configuration::hand_over_to_opendkim(&dir)?;
            Some(NameServer::start(&dir, dns_port, keys)?)
        } else {
            None
        };
        let guard = Guard::start(folder)?;
        guard.wait_for_greetings(&[
            (imap_port, "* OK"),
            (lmtp_port, "220"),
            (submission_port, "220"),
            (mx_port, "220"),
        ])?;
        if with_dkim {
            guard.wait_for_socket("opendkim/milter")?;
        }
        Ok(Mailbed {
            imap_port,
            imaps_port,
            lmtp_port,
            submission_port,
            submissions_port,
            mx_port,
            outside_port,
            dns_port,
            ca_file: dir.join("ca.pem"),
            password: PASSWORD,
            authserv_id: AUTHSERV_ID.to_owned(),
            dir,
            ca_pem,
            name_server,
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
        self.door(self.submissions_port, account).submit(to, letter)
    }

    /// The same, but by way of the MX, as if `account` had another provider.
    ///
    /// # Errors
    /// The provider cannot be reached or refused the letter.
    pub fn submit_outside(&self, account: &str, to: &str, letter: &[u8]) -> Result<()> {
        self.door(self.outside_port, account).submit(to, letter)
    }

    fn door<'a>(&'a self, port: u16, account: &'a str) -> Door<'a> {
        Door {
            port,
            ca_pem: &self.ca_pem,
            account,
            password: self.password,
        }
    }

    /// Sets the TXT record of a name, e.g. the key of a signer. The name server starts anew for that, if it
    /// runs, and OpenDKIM may remember for a while that there was no such name.
    ///
    /// # Errors
    /// The provider has no DNS, or the name server does not come up again.
    pub fn set_txt(&self, name: &str, text: &str) -> Result<()> {
        self.name_server()?.set(name, Some(text))
    }

    /// Takes the TXT record of a name away.
    ///
    /// # Errors
    /// As [`Mailbed::set_txt`].
    pub fn remove_txt(&self, name: &str) -> Result<()> {
        self.name_server()?.set(name, None)
    }

    /// Ends the name server: nobody answers on [`Mailbed::dns_port`].
    ///
    /// # Errors
    /// The provider has no DNS.
    pub fn stop_dns(&self) -> Result<()> {
        self.name_server()?.stop();
        Ok(())
    }

    /// Starts the name server again, on the same port with the same records.
    ///
    /// # Errors
    /// The provider has no DNS, or the name server does not come up.
    pub fn start_dns(&self) -> Result<()> {
        self.name_server()?.run()
    }

    fn name_server(&self) -> Result<&NameServer> {
        self.name_server
            .as_ref()
            .context("this provider was started without DKIM, and so without DNS")
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
