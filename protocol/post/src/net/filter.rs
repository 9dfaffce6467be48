//! The byte stream between a server and the library that reads it, with what that library gives up on
//! taken out or mended.
//!
//! Written once; what is to be mended is each protocol's own ([`Mender`]: `imap::mend`, `smtp::mend`).
//! What is sent is held back until it is flushed: a command that is written in pieces leaves as one,
//! though `TCP_NODELAY` is set.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wire::Wire;

/// Octets that are read at once.
const CHUNK: usize = 16 * 1024;

/// Octets to be sent that are held back at most.
const HELD_BACK: usize = 64 * 1024;

/// What is mended of one protocol.
pub(crate) trait Mender: Send + Sync + Unpin {
    /// Takes what came from the server, however it was cut on its way. `above` gets what the library
    /// is to read, `below` what the server is to be sent at once.
    ///
    /// # Errors
    /// What came is not to be borne any longer; the library gets this error.
    fn incoming(
        &mut self,
        octets: &[u8],
        above: &mut Vec<u8>,
        below: &mut Vec<u8>,
    ) -> io::Result<()>;

    /// Sees what the library sends, up to a flush, and may change it.
    fn outgoing(&mut self, octets: &mut Vec<u8>);

    /// Whether the library is to find the end of the connection behind what it was given.
    fn is_over(&self) -> bool {
        false
    }
}

/// A [`Wire`], and the [`Mender`] between it and the library that reads it.
pub(crate) struct FilteredStream<M> {
    wire: Wire,
    mender: M,
    chunk: Box<[u8]>,
    above: Octets,
    below: Octets,
    /// What the library wrote since its last flush.
    written: Vec<u8>,
}

/// Octets of which some are gone already.
#[derive(Default)]
struct Octets {
    all: Vec<u8>,
    gone: usize,
}

impl Octets {
    fn rest(&self) -> &[u8] {
        self.all.get(self.gone..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.gone += count;
        if self.gone >= self.all.len() {
            self.all.clear();
            self.gone = 0;
        }
    }
}

/// Nothing of what goes through: there are passwords in it.
impl<M> fmt::Debug for FilteredStream<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("FilteredStream");
        it.field("wire", &self.wire).finish_non_exhaustive()
    }
}

impl<M: Mender> FilteredStream<M> {
    pub(crate) fn new(wire: Wire, mender: M) -> FilteredStream<M> {
        FilteredStream {
            wire,
            mender,
            chunk: vec![0; CHUNK].into_boxed_slice(),
            above: Octets::default(),
            below: Octets::default(),
            written: Vec::new(),
        }
    }

    pub(crate) fn mender(&self) -> &M {
        &self.mender
    }

    pub(crate) fn mender_mut(&mut self) -> &mut M {
        &mut self.mender
    }

    /// The TLS version in use; `None` in plain text.
    pub(crate) fn tls_version(&self) -> Option<String> {
        self.wire.tls_version()
    }

    /// Sends what is held back.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.written.is_empty() {
            self.mender.outgoing(&mut self.written);
            self.below.all.append(&mut self.written);
        }
        while !self.below.rest().is_empty() {
            let sent = ready!(Pin::new(&mut self.wire).poll_write(cx, self.below.rest()))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.below.advance(sent);
        }
        Pin::new(&mut self.wire).poll_flush(cx)
    }
}

impl<M: Mender> AsyncRead for FilteredStream<M> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let rest = this.above.rest();
            if !rest.is_empty() {
                let (now, _) = rest.split_at(rest.len().min(buf.remaining()));
                buf.put_slice(now);
                let count = now.len();
                this.above.advance(count);
                return Poll::Ready(Ok(()));
            }
            if this.mender.is_over() {
                return Poll::Ready(Ok(()));
            }
            if !this.below.rest().is_empty() {
                ready!(this.poll_send(cx))?;
            }
            let mut chunk = ReadBuf::new(&mut this.chunk);
            ready!(Pin::new(&mut this.wire).poll_read(cx, &mut chunk))?;
            let came = chunk.filled();
            if came.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let (above, below) = (&mut this.above.all, &mut this.below.all);
            this.mender.incoming(came, above, below)?;
        }
    }
}

impl<M: Mender> AsyncWrite for FilteredStream<M> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.written.len() >= HELD_BACK {
            ready!(self.poll_send(cx))?;
        }
        let room = HELD_BACK.saturating_sub(self.written.len());
        let (now, _) = buf.split_at(buf.len().min(room));
        self.written.extend_from_slice(now);
        Poll::Ready(Ok(now.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

impl<M: Mender> AsyncTokioStream for FilteredStream<M> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.wire.peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Answers `?` with `!` itself, gives all else in upper case, and takes a dot for the end.
    #[derive(Default)]
    struct Loud {
        is_over: bool,
    }

    impl Mender for Loud {
        fn incoming(
            &mut self,
            octets: &[u8],
            above: &mut Vec<u8>,
            below: &mut Vec<u8>,
        ) -> io::Result<()> {
            for b in octets {
                match b {
                    b'?' => below.push(b'!'),
                    b'.' => self.is_over = true,
                    b'#' => return Err(io::ErrorKind::FileTooLarge.into()),
                    b => above.push(b.to_ascii_uppercase()),
                }
            }
            Ok(())
        }

        fn outgoing(&mut self, octets: &mut Vec<u8>) {
            octets.insert(0, b'>');
        }

        fn is_over(&self) -> bool {
            self.is_over
        }
    }

    async fn both_ends() -> io::Result<(FilteredStream<Loud>, TcpStream)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let near = TcpStream::connect(listener.local_addr()?).await?;
        let (far, _) = listener.accept().await?;
        Ok((FilteredStream::new(Wire::plain(near), Loud::default()), far))
    }

    #[tokio::test]
    async fn what_is_written_in_pieces_leaves_as_one_when_it_is_flushed() -> io::Result<()> {
        let (mut near, mut far) = both_ends().await?;
        near.write_all(b"a").await?;
        near.write_all(b"b").await?;
        near.flush().await?;
        near.flush().await?;
        let mut came = [0; 3];
        far.read_exact(&mut came).await?;
        assert_eq!(came, *b">ab");
        // More than is held back.
        let much = vec![b'c'; 3 * HELD_BACK];
        near.write_all(&much).await?;
        near.shutdown().await?;
        let mut came = Vec::new();
        far.read_to_end(&mut came).await?;
        assert_eq!(came.iter().filter(|b| **b == b'c').count(), much.len());
        Ok(())
    }

    #[tokio::test]
    async fn the_mender_answers_and_ends_in_the_libraries_place() -> io::Result<()> {
        let (mut near, mut far) = both_ends().await?;
        far.write_all(b"a?b").await?;
        let mut came = [0; 2];
        near.read_exact(&mut came).await?;
        assert_eq!(came, *b"AB");
        far.write_all(b"c.").await?;
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await?;
        assert_eq!(rest, b"C");
        let mut answer = [0; 1];
        far.read_exact(&mut answer).await?;
        assert_eq!(answer, *b"!");

        let (mut near, mut far) = both_ends().await?;
        far.write_all(b"#").await?;
        let e = near.read_u8().await.err().map(|e| e.kind());
        assert_eq!(e, Some(io::ErrorKind::FileTooLarge));
        Ok(())
    }
}
