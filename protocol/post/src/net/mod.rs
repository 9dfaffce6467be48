//! The connection to a mail server: address, TCP, TLS. What is spoken on it is `imap`'s and
//! `smtp`'s business.
//!
//! Never plain text to another computer: not by configuration, and not by falling back.

pub(crate) mod echo;
pub(crate) mod filter;
pub(crate) mod lines;
pub(crate) mod tls;
pub(crate) mod wire;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use crate::trouble::{Error, TroubleKind};

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// TLS from the first byte (RFC 8314): ports 993 and 465.
    Implicit,
    /// Plain text up to the `STARTTLS` command, which must succeed.
    StartTls,
    /// No protection: to this computer itself only.
    None,
}

impl fmt::Display for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Tls::Implicit => "implicit",
            Tls::StartTls => "starttls",
            Tls::None => "none",
        })
    }
}

impl FromStr for Tls {
    type Err = String;
    fn from_str(text: &str) -> Result<Tls, String> {
        match text {
            "implicit" => Ok(Tls::Implicit),
            "starttls" => Ok(Tls::StartTls),
            "none" => Ok(Tls::None),
            other => Err(format!(
                "tls is \"implicit\", \"starttls\" or \"none\", not {other:?}"
            )),
        }
    }
}

/// Whether the configured host is this computer itself, the only one that may be spoken to in
/// plain text.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback(),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}

/// Where a connection goes, and what it is called in messages.
#[derive(Debug, Clone)]
pub(crate) struct ServerAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    /// The section of the configuration that names it: `[imap]` or `[smtp]`.
    pub(crate) section: &'static str,
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl ServerAddress {
    /// Refuses what may never be tried: plain text to another computer.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.tls == Tls::None && !is_loopback(&self.host) {
            return Err(Error::new(
                TroubleKind::Configuration,
                format!(
                    "refusing to send a password in plain text to {self} - set `tls` in {} to \"implicit\" or \
                     \"starttls\" (\"none\" is for this computer itself only)",
                    self.section
                ),
            ));
        }
        Ok(())
    }
}

/// Longest try of one of several addresses of a host; the whole is bounded by the caller's limit.
const ONE_ADDRESS: Duration = Duration::from_secs(10);

/// Connects to the first address of the host that answers. `TCP_NODELAY`, because both
/// protocols are dialogues of short lines.
pub(crate) async fn connect(server: &ServerAddress, limit: Duration) -> Result<TcpStream, Error> {
    server.check()?;
    match tokio::time::timeout(limit, connect_any(server)).await {
        Ok(done) => done,
        Err(_) => Err(Error::new(
            TroubleKind::TimedOut,
            format!(
                "{server} does not answer - check `host` and `port` in {}, and whether a firewall is in the way",
                server.section
            ),
        )),
    }
}

async fn connect_any(server: &ServerAddress) -> Result<TcpStream, Error> {
    let host = server.host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, server.port))
        .await
        .map_err(|e| {
            Error::new(
                TroubleKind::NameNotFound,
                format!(
                    "no address found for {} ({e}) - check `host` in {}, and whether this computer is online",
                    server.host, server.section
                ),
            )
        })?
        // "localhost" is believed to be this computer only where it leads there.
        .filter(|a| server.tls != Tls::None || a.ip().is_loopback())
        .collect();
    let several = addresses.len() > 1;
    let mut last: Option<io::Error> = None;
    for address in addresses {
        let attempt = TcpStream::connect(address);
        let outcome = if several {
            tokio::time::timeout(ONE_ADDRESS, attempt)
                .await
                .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
        } else {
            attempt.await
        };
        match outcome.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = Some(e),
        }
    }
    Err(cannot_connect(server, last.as_ref()))
}

fn cannot_connect(server: &ServerAddress, why: Option<&io::Error>) -> Error {
    let section = server.section;
    let text = match why {
        None => format!(
            "no usable address found for {} - check `host` in {section}",
            server.host
        ),
        Some(e) if e.kind() == io::ErrorKind::ConnectionRefused => format!(
            "nothing listens at {server} (connection refused) - check `host` and `port` in {section}, and whether \
             the server runs"
        ),
        Some(e) => format!(
            "cannot connect to {server}: {e} - check `host` and `port` in {section}, and whether this computer is \
             online"
        ),
    };
    Error::new(TroubleKind::CannotConnect, text)
}

/// The connection broke: the words for it.
pub(crate) fn lost(server: &ServerAddress, why: Option<&io::Error>) -> Error {
    let why = why.map(|e| format!(" ({e})")).unwrap_or_default();
    Error::new(
        TroubleKind::Lost,
        format!("the connection to {server} broke{why}"),
    )
}

/// The server was silent: the words for it.
pub(crate) fn silent(server: &ServerAddress, doing: &str) -> Error {
    Error::new(
        TroubleKind::TimedOut,
        format!("{server} did not answer in time ({doing})"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_for_this_computer_only() {
        for here in [
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "[::1]",
            "localhost",
            "LOCALHOST",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "192.0.2.1",
            "localhost.example",
            "imap.home.example",
            "",
            "0.0.0.0",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
        let server = |host: &str, tls| ServerAddress {
            host: host.to_owned(),
            port: 143,
            tls,
            section: "[imap]",
        };
        let refused = server("imap.home.example", Tls::None).check().err();
        let refused = refused.map(|e| (e.kind, e.text.contains("[imap]")));
        assert_eq!(refused, Some((TroubleKind::Configuration, true)));
        assert!(server("imap.home.example", Tls::StartTls).check().is_ok());
        assert!(server("localhost", Tls::None).check().is_ok());
    }
}
