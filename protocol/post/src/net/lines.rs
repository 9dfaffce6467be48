//! A dialogue of lines, for what comes before the parsers take over: greeting, capabilities,
//! `STARTTLS`, login. It reads lines as they are, so a line that a strict parser would refuse
//! (some servers' CAPABILITY) does no harm.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::tls::TlsClient;
use super::wire::Wire;
use super::{ServerAddress, lost, silent};
use crate::trouble::{Error, TroubleKind};

/// Longest line that a server may send before login; capability lists are a few hundred bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// One side of the dialogue.
#[derive(Debug)]
pub(crate) struct LineDialogue {
    wire: Wire,
    buffer: Vec<u8>,
    pub(crate) server: ServerAddress,
    /// Longest silence of the server.
    timeout: Duration,
}

impl LineDialogue {
    /// Connects, with TLS from the start where so configured.
    pub(crate) async fn connect(
        server: ServerAddress,
        tls: &TlsClient,
        timeout: Duration,
    ) -> Result<LineDialogue, Error> {
        let tcp = super::connect(&server, timeout).await?;
        let lines = LineDialogue {
            wire: Wire::plain(tcp),
            buffer: Vec::new(),
            server,
            timeout,
        };
        match lines.server.tls {
            super::Tls::Implicit => lines.protect(tls).await,
            super::Tls::StartTls | super::Tls::None => Ok(lines),
        }
    }

    /// Goes on with TLS. What was sent ahead of it is refused, not read: it came from anyone.
    pub(crate) async fn protect(self, tls: &TlsClient) -> Result<LineDialogue, Error> {
        if !self.buffer.is_empty() {
            return Err(Error::new(
                TroubleKind::Tls,
                format!(
                    "{} sent plain text after STARTTLS: somebody may be interfering; not connecting",
                    self.server
                ),
            ));
        }
        let begun = self.wire.protect(&self.server, tls);
        let wire = tokio::time::timeout(self.timeout, begun)
            .await
            .map_err(|_| silent(&self.server, "beginning TLS - check `port` and `tls`"))??;
        Ok(LineDialogue { wire, ..self })
    }

    /// The next line, without its end. Bytes that are no UTF-8 are replaced.
    pub(crate) async fn line(&mut self, doing: &str) -> Result<String, Error> {
        let read = read_line(&mut self.wire, &mut self.buffer, &self.server);
        tokio::time::timeout(self.timeout, read)
            .await
            .map_err(|_| silent(&self.server, doing))?
    }

    /// Sends bytes, ends of lines included.
    pub(crate) async fn send(&mut self, bytes: &[u8], doing: &str) -> Result<(), Error> {
        let sent = async {
            self.wire.write_all(bytes).await?;
            self.wire.flush().await
        };
        match tokio::time::timeout(self.timeout, sent).await {
            Ok(done) => done.map_err(|e| lost(&self.server, Some(&e))),
            Err(_) => Err(silent(&self.server, doing)),
        }
    }

    /// Hands the connection to a parser; `first` is what it reads before what the server sent.
    pub(crate) fn hand_over(self, first: &[u8]) -> Wire {
        let mut wire = self.wire;
        wire.put_back(&self.buffer);
        wire.put_back(first);
        wire
    }
}

async fn read_line(
    wire: &mut Wire,
    buffer: &mut Vec<u8>,
    server: &ServerAddress,
) -> Result<String, Error> {
    loop {
        if let Some(end) = buffer.iter().position(|b| *b == b'\n') {
            let rest = buffer.split_off(end + 1);
            let line = std::mem::replace(buffer, rest);
            let line = String::from_utf8_lossy(&line);
            return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
        }
        if buffer.len() > LONGEST_LINE {
            return Err(Error::new(
                TroubleKind::NotUnderstood,
                format!(
                    "{server} does not speak the expected protocol (an endless line) - check `host` and `port` in {}",
                    server.section
                ),
            ));
        }
        match wire.read_buf(buffer).await {
            Ok(0) => return Err(lost(server, None)),
            Ok(_) => {}
            Err(e) => return Err(lost(server, Some(&e))),
        }
    }
}
