//! Reading lines and letters, within limits.

use std::io;

use smtp_proto::request::receiver::{DataReceiver, DummyDataReceiver};

use super::session::Session;

/// Longest command line; RFC 4954 section 4 asks for 12,288 octets in AUTH.
const LINE_LIMIT: usize = 12_288 + 64;
impl Session {
    /// The next line with its end. What is queued is sent only when more must be waited for, so
    /// that answers to pipelined commands go together (RFC 2920).
    pub(super) async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            let unsearched = self.wire.inbox.iter().skip(searched);
            if let Some(at) = unsearched.clone().position(|octet| *octet == b'\n') {
                let rest = self.wire.inbox.split_off(searched + at + 1);
                return Ok(std::mem::replace(&mut self.wire.inbox, rest));
            }
            searched = self.wire.inbox.len();
            if searched > LINE_LIMIT {
                self.reply(500, "5.5.6 line too long");
                return Err(self.wire.close().await);
            }
            self.wire.flush().await?;
            self.wire.receive().await?;
        }
    }

    /// Reads up to the dot. None where the letter is larger than allowed.
    pub(super) async fn letter(&mut self) -> io::Result<Option<Vec<u8>>> {
        let limit = self.office.options.letter_limit;
        let mut receiver = DataReceiver::new();
        let mut letter = Vec::new();
        // The command's own line end counts: an empty letter is a dot straight away.
        receiver.ingest(&mut b"\r\n".iter(), &mut Vec::new());
        loop {
            let mut octets = self.wire.inbox.iter();
            let complete = receiver.ingest(&mut octets, &mut letter);
            let left = octets.len();
            self.drop_received_but(left);
            if complete {
                return Ok((letter.len() <= limit).then_some(letter));
            }
            if letter.len() > limit {
                break;
            }
            self.wire.flush().await?;
            self.wire.receive().await?;
        }
        let mut rest = DummyDataReceiver::new_data(&receiver);
        loop {
            self.wire.flush().await?;
            self.wire.receive().await?;
            let mut octets = self.wire.inbox.iter();
            let complete = rest.ingest(&mut octets);
            let left = octets.len();
            self.drop_received_but(left);
            if complete {
                return Ok(None);
            }
        }
    }

    fn drop_received_but(&mut self, left: usize) {
        let taken = self.wire.inbox.len().saturating_sub(left);
        self.wire.inbox.drain(..taken);
    }
}
