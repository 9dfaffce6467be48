//! The byte stream of one connection: TCP or TLS. Bytes that were already read can be put back in front.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::ServerAddress;
use super::tls::{self, TlsClient};
use crate::trouble::Error;

#[derive(Debug)]
enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A TCP connection, in plain text or within TLS.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: Socket,
    /// Read before the socket.
    ahead: Vec<u8>,
    ahead_at: usize,
}

impl Wire {
    /// On a plain TCP connection.
    pub(crate) fn plain(tcp: TcpStream) -> Wire {
        Wire::new(Socket::Plain(tcp))
    }

    fn new(socket: Socket) -> Wire {
        Wire {
            socket,
            ahead: Vec::new(),
            ahead_at: 0,
        }
    }

    /// Begins TLS. Nothing that came in plain text survives (RFC 3501 section 6.2.1, RFC 3207
    /// section 4.2): it may be somebody else's.
    pub(crate) async fn protect(
        self,
        server: &ServerAddress,
        tls: &TlsClient,
    ) -> Result<Wire, Error> {
        match self.socket {
            Socket::Plain(tcp) => {
                let stream = tls.begin(server, tcp).await?;
                Ok(Wire::new(Socket::Tls(Box::new(stream))))
            }
            Socket::Tls(_) => Ok(self),
        }
    }

    /// These bytes are read before anything else from the server.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        let rest = self.ahead.get(self.ahead_at..).unwrap_or_default();
        self.ahead = [bytes, rest].concat();
        self.ahead_at = 0;
    }

    /// The TLS version in use; `None` in plain text.
    pub(crate) fn tls_version(&self) -> Option<String> {
        match &self.socket {
            Socket::Plain(_) => None,
            Socket::Tls(stream) => Some(tls::version(stream.get_ref().1.protocol_version())),
        }
    }

    /// This computer's end of the connection.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().local_addr()
    }

    /// The server's end of the connection.
    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().peer_addr()
    }

    fn tcp(&self) -> &TcpStream {
        match &self.socket {
            Socket::Plain(tcp) => tcp,
            Socket::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = &mut *self;
        let ahead = wire.ahead.get(wire.ahead_at..).unwrap_or_default();
        if !ahead.is_empty() {
            let (now, _) = ahead.split_at(ahead.len().min(buf.remaining()));
            buf.put_slice(now);
            wire.ahead_at += now.len();
            return Poll::Ready(Ok(()));
        }
        match &mut wire.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
