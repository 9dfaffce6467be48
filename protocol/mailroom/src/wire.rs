//! One connection's octets: buffers both ways, TLS, and the fault that cuts it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::faults::Fault;
use crate::post_office::PostOffice;

/// Room made for each read.
const READ_AT_ONCE: usize = 16 * 1024;
/// A client that says nothing for this long is gone (RFC 9051 section 5.4: at least 30 minutes).
const INACTIVE: Duration = Duration::from_secs(31 * 60);
/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How long a connection that was ended here waits for the other side to notice, so that what
/// was sent is not lost to a reset.
const LINGER: Duration = Duration::from_secs(2);

/// Which protocol is spoken, for faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Imap,
    Smtp,
}

pub(crate) struct Wire {
    stream: Stream,
    protocol: Protocol,
    office: Arc<PostOffice>,
    /// Whose connection it is, once known.
    pub(crate) user: Option<String>,
    /// What was received and not yet taken.
    pub(crate) inbox: Vec<u8>,
    outbox: Vec<u8>,
    /// Octets that may still be sent, once a fault has chosen this connection.
    left_to_send: Option<usize>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Only between taking the plain stream and having its TLS.
    Upgrading,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, protocol: Protocol, office: Arc<PostOffice>) -> Wire {
        Wire {
            stream: Stream::Plain(stream),
            protocol,
            office,
            user: None,
            inbox: Vec::new(),
            outbox: Vec::new(),
            left_to_send: None,
        }
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Makes the connection a TLS one. What was received in plain text is thrown away, or it
    /// could be taken for part of the protected dialogue (RFC 3207 section 6).
    pub(crate) async fn start_tls(&mut self) -> io::Result<()> {
        self.inbox.clear();
        let Stream::Plain(plain) = std::mem::replace(&mut self.stream, Stream::Upgrading) else {
            return Err(io::Error::other("the connection is encrypted already"));
        };
        let acceptor: TlsAcceptor = self.office.identity.acceptor.clone();
        let encrypted = timeout(HANDSHAKE, acceptor.accept(plain)).await??;
        self.stream = Stream::Tls(Box::new(encrypted));
        Ok(())
    }

    /// Queues octets for sending.
    pub(crate) fn put(&mut self, octets: impl AsRef<[u8]>) {
        self.outbox.extend_from_slice(octets.as_ref());
    }

    pub(crate) fn waiting_to_be_sent(&self) -> usize {
        self.outbox.len()
    }

    /// Sends what is queued.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        self.let_a_fault_choose_this_connection();
        let mut octets = std::mem::take(&mut self.outbox);
        let cut = match &mut self.left_to_send {
            Some(left) if octets.len() >= *left => {
                octets.truncate(*left);
                true
            }
            Some(left) => {
                *left -= octets.len();
                false
            }
            None => false,
        };
        match &mut self.stream {
            Stream::Plain(plain) => plain.write_all(&octets).await?,
            Stream::Tls(encrypted) => {
                encrypted.write_all(&octets).await?;
                encrypted.flush().await?;
            }
            Stream::Upgrading => return Err(gone()),
        }
        if cut {
            return Err(self.cut().await);
        }
        octets.clear();
        self.outbox = octets;
        Ok(())
    }

    /// Waits for octets and appends them to the inbox. Nothing is lost when the future is
    /// dropped; flush first.
    pub(crate) async fn receive(&mut self) -> io::Result<()> {
        self.inbox.reserve(READ_AT_ONCE);
        let inbox = &mut self.inbox;
        let count = match &mut self.stream {
            Stream::Plain(plain) => timeout(INACTIVE, plain.read_buf(inbox)).await??,
            Stream::Tls(encrypted) => timeout(INACTIVE, encrypted.read_buf(inbox)).await??,
            Stream::Upgrading => return Err(gone()),
        };
        if count == 0 { Err(gone()) } else { Ok(()) }
    }

    /// Never answers again: reads and drops until the other side gives up.
    pub(crate) async fn stay_silent(&mut self) -> io::Error {
        loop {
            self.inbox.clear();
            if let Err(error) = self.receive().await {
                return error;
            }
        }
    }

    /// Ends the connection without a word, not even TLS's closing one. What was sent before
    /// still arrives.
    pub(crate) async fn cut(&mut self) -> io::Error {
        let tcp = match &mut self.stream {
            Stream::Plain(plain) => plain,
            Stream::Tls(encrypted) => encrypted.get_mut().0,
            Stream::Upgrading => return gone(),
        };
        if tcp.shutdown().await.is_ok() {
            linger(tcp).await;
        }
        gone()
    }

    /// Sends what is queued and ends the connection properly.
    pub(crate) async fn close(&mut self) -> io::Error {
        if let Err(error) = self.flush().await {
            return error;
        }
        if let Stream::Tls(encrypted) = &mut self.stream
            && let Err(error) = encrypted.shutdown().await
        {
            return error;
        }
        self.cut().await
    }

    fn let_a_fault_choose_this_connection(&mut self) {
        if self.left_to_send.is_some() {
            return;
        }
        let protocol = self.protocol;
        self.left_to_send =
            self.office
                .faults
                .take(self.user.as_deref(), |fault| match (protocol, fault) {
                    (Protocol::Imap, Fault::ImapCutAfter(octets))
                    | (Protocol::Smtp, Fault::SmtpCutAfter(octets)) => Some(*octets),
                    _ => None,
                });
    }
}

async fn linger(tcp: &mut TcpStream) {
    let mut dropped = [0_u8; 1024];
    let until_gone = async { while matches!(tcp.read(&mut dropped).await, Ok(1..)) {} };
    let _ = timeout(LINGER, until_gone).await;
}

/// The end of a connection, seen from its session.
fn gone() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}
