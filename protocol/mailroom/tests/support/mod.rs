//! Clients that only write lines and read lines, so that no library of ours is in between.

#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tradepost_mailroom::{Mailroom, Options};

pub const ANN: &str = "ann@home.example";
pub const SHOP: &str = "orders@shop.example";
/// Far above what anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

/// A connection that is read line by line.
pub struct Client {
    socket: Box<dyn Socket>,
    received: Vec<u8>,
    tags: u32,
}

pub async fn room() -> Mailroom {
    Mailroom::start(Options::default()).await.unwrap()
}

impl Client {
    pub async fn connect(port: u16) -> Client {
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Client::on(tcp)
    }

    pub async fn connect_tls(port: u16, ca_pem: &str) -> Client {
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        Client::on(tls(tcp, ca_pem).await)
    }

    fn on(socket: impl Socket + 'static) -> Client {
        Client {
            socket: Box::new(socket),
            received: Vec::new(),
            tags: 0,
        }
    }

    /// Goes on under TLS.
    pub async fn upgrade(self, ca_pem: &str) -> Client {
        assert!(self.received.is_empty(), "octets before the handshake");
        Client::on(tls(self.socket, ca_pem).await)
    }

    pub async fn write(&mut self, octets: &[u8]) {
        self.socket.write_all(octets).await.unwrap();
        self.socket.flush().await.unwrap();
    }

    pub async fn write_line(&mut self, line: &str) {
        self.write(format!("{line}\r\n").as_bytes()).await;
    }

    /// The next line without its end; None at the end of the connection.
    pub async fn try_line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.received.iter().position(|octet| *octet == b'\n') {
                let line: Vec<u8> = self.received.drain(..=at).collect();
                return Some(String::from_utf8(line).unwrap().trim_end().to_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    pub async fn line(&mut self) -> String {
        self.try_line().await.expect("the connection has ended")
    }

    pub async fn octets(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            assert!(self.more().await, "the connection has ended");
        }
        self.received.drain(..count).collect()
    }

    /// All that comes until the other side closes.
    pub async fn until_end(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.received)
    }

    /// Asserts that nothing comes for a short while. Can only err towards passing.
    pub async fn expect_silence(&mut self) {
        let read = timeout(Duration::from_millis(100), self.try_line()).await;
        assert!(read.is_err(), "{read:?}");
    }

    async fn more(&mut self) -> bool {
        let read = self.socket.read_buf(&mut self.received);
        matches!(timeout(PATIENCE, read).await.unwrap(), Ok(1..))
    }

    // --- SMTP ---

    /// All lines of the next reply.
    pub async fn reply(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// Says something and returns the last line of the reply.
    pub async fn say(&mut self, line: &str) -> String {
        self.write_line(line).await;
        self.reply().await.pop().unwrap()
    }

    pub async fn smtp(room: &Mailroom) -> Client {
        let mut client = Client::connect(room.smtp_port()).await;
        assert!(client.line().await.starts_with("220 "));
        assert!(client.say("EHLO client.example").await.starts_with("250 "));
        client
    }

    pub async fn smtp_as(room: &Mailroom, user: &str) -> Client {
        let mut client = Client::smtp(room).await;
        let response = plain(user, "room");
        let reply = client.say(&format!("AUTH PLAIN {response}")).await;
        assert!(reply.starts_with("235 "), "{reply}");
        client
    }

    /// Submits a letter up to the dot, and returns the answer to it.
    pub async fn submit(&mut self, from: &str, to: &str, letter: &str) -> String {
        let reply = self.say(&format!("MAIL FROM:<{from}>")).await;
        assert!(reply.starts_with("250 "), "{reply}");
        let reply = self.say(&format!("RCPT TO:<{to}>")).await;
        assert!(reply.starts_with("250 "), "{reply}");
        let reply = self.say("DATA").await;
        assert!(reply.starts_with("354 "), "{reply}");
        self.write(letter.as_bytes()).await;
        self.say(".").await
    }

    // --- IMAP ---

    pub async fn imap(room: &Mailroom) -> Client {
        let mut client = Client::connect(room.imap_port()).await;
        assert!(client.line().await.starts_with("* OK "));
        client
    }

    pub async fn imap_as(room: &Mailroom, user: &str) -> Client {
        let mut client = Client::imap(room).await;
        client.ok(&format!("LOGIN {user} room")).await;
        client
    }

    /// Logged in, with INBOX selected.
    pub async fn inbox_of(room: &Mailroom, user: &str) -> Client {
        let mut client = Client::imap_as(room, user).await;
        client.ok("SELECT INBOX").await;
        client
    }

    /// Sends a command and returns all of its answer as one text, the tagged line last and
    /// without its tag.
    pub async fn command(&mut self, command: &str) -> String {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        self.write_line(&format!("{tag} {command}")).await;
        self.answer(&tag).await
    }

    pub async fn answer(&mut self, tag: &str) -> String {
        let mut answer = String::new();
        loop {
            let line = self.line().await;
            if let Some(end) = line.strip_prefix(&format!("{tag} ")) {
                answer.push_str(end);
                return answer;
            }
            answer.push_str(&line);
            answer.push_str("\r\n");
            if let Some(length) = literal_length(&line) {
                let octets = self.octets(length).await;
                answer.push_str(&String::from_utf8(octets).unwrap());
            }
        }
    }

    /// As [`Client::command`], for one that must succeed.
    pub async fn ok(&mut self, command: &str) -> String {
        let answer = self.command(command).await;
        assert!(last_line(&answer).starts_with("OK "), "{command}: {answer}");
        answer
    }

    pub async fn no(&mut self, command: &str) -> String {
        let answer = self.command(command).await;
        assert!(last_line(&answer).starts_with("NO "), "{command}: {answer}");
        answer
    }
}

pub fn last_line(answer: &str) -> &str {
    answer.lines().last().unwrap_or_default()
}

pub fn plain(user: &str, password: &str) -> String {
    STANDARD.encode(format!("\0{user}\0{password}"))
}

pub fn letter(from: &str, to: &str, subject: &str) -> String {
    format!("From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHello, {subject}.\r\n")
}

fn literal_length(line: &str) -> Option<usize> {
    let (_, length) = line.strip_suffix('}')?.rsplit_once('{')?;
    length.parse().ok()
}

async fn tls<S: Socket + 'static>(socket: S, ca_pem: &str) -> impl Socket + 'static {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
        .unwrap()
}
