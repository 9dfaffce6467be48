//! The smallest SMTP and LMTP clients that hand a letter in, byte for byte, with whatever forged fields a
//! test has written into it. Not for anything but tests: one letter a connection, no pipelining.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};

/// No answer of a server on this machine takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A port for submission within TLS, and the account to log in with. It serves other providers on loopback
/// just as well as [`crate::Mailbed`].
#[derive(Clone, Copy, Debug)]
pub struct Door<'a> {
    /// On 127.0.0.1, with a certificate for `localhost`.
    pub port: u16,
    /// The authority that signed it, in PEM.
    pub ca_pem: &'a str,
    /// The account's address, also the sender in the envelope.
    pub account: &'a str,
    /// The account's password, which AUTH PLAIN sends within TLS.
    pub password: &'a str,
}

impl Door<'_> {
    /// Logs in and submits a letter to `to`.
    ///
    /// # Errors
    /// The server cannot be reached, its certificate is wrong, or it refused something: its answer.
    pub fn submit(&self, to: &str, letter: &[u8]) -> Result<()> {
        let stream = tls(connect(self.port)?, self.ca_pem)?;
        let mut dialogue = Dialogue::begin(stream, "EHLO")?;
        let secret = BASE64.encode(format!("\0{}\0{}", self.account, self.password));
        dialogue
            .say(&format!("AUTH PLAIN {secret}"), 235)
            .context("login")?;
        dialogue.hand_in(self.account, to, letter)
    }
}

/// Hands a letter in by SMTP without logging in, as from another provider.
///
/// # Errors
/// The server cannot be reached, or it refused something: its answer.
pub fn deliver_by_mx(port: u16, from: &str, to: &str, letter: &[u8]) -> Result<()> {
    Dialogue::begin(connect(port)?, "EHLO")?.hand_in(from, to, letter)
}

/// Hands a letter in by LMTP (RFC 2033).
///
/// # Errors
/// The server cannot be reached, or it refused something: its answer.
pub fn deliver_by_lmtp(port: u16, to: &str, letter: &[u8]) -> Result<()> {
    Dialogue::begin(connect(port)?, "LHLO")?.hand_in("", to, letter)
}

/// A stream within TLS to a server on loopback, whose certificate is for `localhost`.
///
/// # Errors
/// The authority's certificate cannot be read. What the server's is worth shows with the first byte.
pub fn tls(stream: TcpStream, ca_pem: &str) -> Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.context("the authority's certificate")?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
    Ok(StreamOwned::new(connection, stream))
}

/// A connection to a port of this machine that never waits for ever.
///
/// # Errors
/// Nobody listens there.
pub fn connect(port: u16) -> Result<TcpStream> {
    let stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("port {port}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The same lines, each ending in CRLF.
pub(crate) fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut before = 0;
    for byte in bytes {
        if *byte == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        before = *byte;
    }
    out
}

struct Dialogue<S: Read + Write> {
    stream: BufReader<S>,
}

impl<S: Read + Write> Dialogue<S> {
    fn begin(stream: S, hello: &str) -> Result<Dialogue<S>> {
        let mut dialogue = Dialogue {
            stream: BufReader::new(stream),
        };
        dialogue.expect(220).context("greeting")?;
        dialogue.say(&format!("{hello} client.example"), 250)?;
        Ok(dialogue)
    }

    fn hand_in(&mut self, from: &str, to: &str, letter: &[u8]) -> Result<()> {
        self.say(&format!("MAIL FROM:<{from}> BODY=8BITMIME"), 250)?;
        self.say(&format!("RCPT TO:<{to}>"), 250)?;
        self.say("DATA", 354)?;
        self.stream.get_mut().write_all(&dot_stuffed(letter))?;
        self.stream.get_mut().flush()?;
        self.expect(250).context("the letter")?;
        self.say("QUIT", 221)
    }

    fn say(&mut self, line: &str, code: u16) -> Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(format!("{line}\r\n").as_bytes())?;
        stream.flush()?;
        self.expect(code)
            .with_context(|| line.split(' ').next().unwrap_or_default().to_owned())
    }

    /// Reads one answer, of several lines perhaps (RFC 5321 section 4.2.1).
    fn expect(&mut self, code: u16) -> Result<()> {
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                bail!("the server hung up after `{}`", answer.trim_end());
            }
            answer.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        if !answer.starts_with(&code.to_string()) {
            bail!("the server answered `{}`", answer.trim_end());
        }
        Ok(())
    }
}

/// RFC 5321 section 4.5.2, with the line of a single dot that ends the letter.
fn dot_stuffed(letter: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(letter.len() + 64);
    for line in letter.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}
