//! Whether the provider can be started on this machine, and what a test does when not.

use std::fmt;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::configuration::POSTFIX_DAEMONS;
use crate::dkim::OPENSSL;

/// Why no provider can be started here.
#[derive(Clone, Debug)]
pub enum Missing {
    /// Postfix runs its parts as different users, which only root can do.
    Root,
    /// These programs are not installed.
    Programs(Vec<String>),
    /// libfaketime moves the clock of this process; servers that clear their environment would not follow.
    MovedClock,
    /// The configuration is written for Dovecot 2.3; later versions read another language.
    DovecotVersion(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::MovedClock => write!(f, "real mail servers know the right time only"),
            Missing::Root => write!(f, "real mail servers need root"),
            Missing::Programs(names) => write!(
                f,
                "{} missing; `cargo xtask test` as root installs the packages of mail servers",
                names.join(", ")
            ),
            Missing::DovecotVersion(found) => write!(f, "Dovecot 2.3 is needed, this is {found}"),
        }
    }
}

impl std::error::Error for Missing {}

/// Whether a [`crate::Mailbed`] can be started here.
///
/// # Errors
/// What is missing.
pub fn available() -> Result<(), Missing> {
    static FOUND: OnceLock<Result<(), Missing>> = OnceLock::new();
    FOUND.get_or_init(look).clone()
}

fn look() -> Result<(), Missing> {
    if std::env::var_os("FAKETIME").is_some() {
        return Err(Missing::MovedClock);
    }
    let imap = "/usr/lib/dovecot/imap".to_owned();
    let lmtp = "/usr/lib/dovecot/lmtp".to_owned();
    let needed = [
        "/usr/sbin/dovecot".to_owned(),
        imap,
        lmtp,
        format!("{POSTFIX_DAEMONS}/master"),
        "/usr/sbin/opendkim".to_owned(),
        "/usr/sbin/dnsmasq".to_owned(),
        OPENSSL.to_owned(),
        "/usr/bin/setpriv".to_owned(),
    ];
    let absent: Vec<String> = needed
        .into_iter()
        .filter(|program| !Path::new(program).exists())
        .collect();
    if !absent.is_empty() {
        return Err(Missing::Programs(absent));
    }
    let version = Command::new("/usr/sbin/dovecot").arg("--version").output();
    let version = version
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    if !version.starts_with("2.3.") {
        return Err(Missing::DovecotVersion(version));
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut ids = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .unwrap_or_default()
        .split_whitespace();
    if ids.nth(1) != Some("0") {
        return Err(Missing::Root);
    }
    Ok(())
}

/// What a test against real servers begins with: `if require().is_none() { return; }`. Where they are not
/// to be had it says so on stderr, and for the summary of `cargo xtask test`, and gives `None`.
///
/// # Panics
/// With `TRADEPOST_REQUIRE_SERVERS=1`, where a skipped test would hide something.
pub fn require() -> Option<()> {
    let Err(missing) = available() else {
        return Some(());
    };
    let forbidden = std::env::var_os("TRADEPOST_REQUIRE_SERVERS").is_some_and(|value| value == "1");
    assert!(
        !forbidden,
        "TRADEPOST_REQUIRE_SERVERS=1, but this test cannot run: {missing}"
    );
    skipped(&missing);
    None
}

/// Says that this test is skipped, and why: on stderr, and for the summary of `cargo xtask test`.
pub fn skipped(missing: &dyn fmt::Display) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `eprintln!`, whose output the test runner keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {missing}");
    if let Some(file) = std::env::var_os("TRADEPOST_SKIPPED_FILE") {
        let line = format!("{test}: {missing}\n");
        let opened = fs::OpenOptions::new().append(true).create(true).open(file);
        let _ = opened.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}
