//! The stream of a server's responses, on its way to the parser: each is framed with its literals,
//! bounded, and said again by [`mend`] as far as it is of use.
//!
//! What is longer than wanted is cut, and its rest read and thrown away: so one letter that is over
//! a limit costs its own octets and not the connection. How much may be thrown away is limited too.

mod restate;
mod tokens;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::wire::Wire;
use restate::{may_have_literals, mend};
use tokens::{HERE, Literal};

/// Longest response without its literals that is read whole; a search of one window has 20 KiB.
const LONGEST_LINE: usize = 1024 * 1024;

/// Octets of lines that one command may bring; what is more counts as thrown away, so that no answer
/// is endless.
const MOST_OF_LINES: u64 = 4 * LONGEST_LINE as u64;

/// Octets of one command's answer that are read only to be thrown away; then the connection is
/// worth less than a new one.
const MOST_PASSED_OVER: u64 = 16 * 1024 * 1024;

/// `{4294967296+}` and then some: the end of a line in which a literal is announced.
const ANNOUNCEMENT: usize = 24;

/// The error of a server that sends far more than was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the server sends far more than was asked for")]
pub(super) struct TooMuch;

/// See the module.
#[derive(Debug)]
pub(super) struct Answers {
    wire: Wire,
    framer: Framer,
    chunk: Box<[u8]>,
    /// For the parser.
    ready: Vec<u8>,
    ready_at: usize,
}

/// What of an answer is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// Octets in all.
    pub(super) octets: u64,
    /// Octets of one literal.
    pub(super) literal: u64,
}

impl Answers {
    pub(super) fn new(wire: Wire) -> Answers {
        Answers {
            wire,
            framer: Framer::default(),
            chunk: vec![0; 16 * 1024].into_boxed_slice(),
            ready: Vec::new(),
            ready_at: 0,
        }
    }

    /// From here on so much is kept, and some more read.
    pub(super) fn allow(&mut self, allowance: Allowance) {
        self.framer.allowance = allowance;
        self.framer.passed_over = 0;
        self.framer.of_lines = 0;
    }

    /// Octets that were thrown away since.
    pub(super) fn passed_over(&self) -> u64 {
        self.framer.passed_over
    }

    /// The TLS version in use.
    pub(super) fn tls_version(&self) -> Option<String> {
        self.wire.tls_version()
    }
}

impl AsyncRead for Answers {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let rest = this.ready.get(this.ready_at..).unwrap_or_default();
            if !rest.is_empty() {
                let (now, _) = rest.split_at(rest.len().min(buf.remaining()));
                buf.put_slice(now);
                this.ready_at += now.len();
                return Poll::Ready(Ok(()));
            }
            this.ready.clear();
            this.ready_at = 0;
            let mut chunk = ReadBuf::new(&mut this.chunk);
            ready!(Pin::new(&mut this.wire).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.framer.take(chunk.filled(), &mut this.ready);
            if this.framer.passed_over > MOST_PASSED_OVER {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::FileTooLarge, TooMuch)));
            }
        }
    }
}

impl AsyncWrite for Answers {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

/// Puts responses together from the octets as they come.
#[derive(Debug)]
struct Framer {
    allowance: Allowance,
    passed_over: u64,
    /// Octets of lines that came.
    of_lines: u64,
    /// Of the response that has begun.
    text: Vec<u8>,
    literals: Vec<Literal>,
    /// The end of a line that is too long to be kept.
    beyond: Vec<u8>,
    /// Octets of the last literal that are still to come.
    to_come: u64,
}

impl Default for Framer {
    fn default() -> Framer {
        Framer {
            allowance: Allowance {
                octets: LONGEST_LINE as u64,
                literal: LONGEST_LINE as u64,
            },
            passed_over: 0,
            of_lines: 0,
            text: Vec::new(),
            literals: Vec::new(),
            beyond: Vec::new(),
            to_come: 0,
        }
    }
}

impl Framer {
    fn take(&mut self, mut octets: &[u8], out: &mut Vec<u8>) {
        while !octets.is_empty() {
            if self.to_come > 0 {
                let now = usize::try_from(self.to_come).unwrap_or(usize::MAX);
                let (now, rest) = octets.split_at(now.min(octets.len()));
                self.to_come -= now.len() as u64;
                self.of_literal(now);
                octets = rest;
                continue;
            }
            match octets.iter().position(|b| *b == b'\n') {
                None => {
                    self.of_line(octets);
                    return;
                }
                Some(end) => {
                    let (line, rest) = octets.split_at(end);
                    self.of_line(line);
                    self.end_line(out);
                    octets = rest.get(1..).unwrap_or_default();
                }
            }
        }
    }

    fn of_literal(&mut self, octets: &[u8]) {
        let Some(literal) = self.literals.last_mut() else {
            return;
        };
        let room = self
            .allowance
            .literal
            .saturating_sub(literal.octets.len() as u64);
        let room = usize::try_from(room.min(self.allowance.octets)).unwrap_or(usize::MAX);
        let (kept, rest) = octets.split_at(room.min(octets.len()));
        literal.octets.extend_from_slice(kept);
        literal.is_cut |= !rest.is_empty();
        self.allowance.octets -= kept.len() as u64;
        self.passed_over += rest.len() as u64;
    }

    fn of_line(&mut self, octets: &[u8]) {
        self.of_lines += octets.len() as u64;
        if self.of_lines > MOST_OF_LINES {
            self.passed_over += octets.len() as u64;
        }
        let room = LONGEST_LINE.saturating_sub(self.text.len());
        let (kept, rest) = octets.split_at(room.min(octets.len()));
        let marked = kept.iter().map(|b| if *b == HERE { b'?' } else { *b });
        self.text.extend(marked);
        if !rest.is_empty() {
            self.passed_over += rest.len() as u64;
            self.beyond.extend_from_slice(rest);
            let done = self.beyond.len().saturating_sub(ANNOUNCEMENT);
            self.beyond.drain(..done);
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        let was_cut = !self.beyond.is_empty();
        let line = if was_cut {
            &mut self.beyond
        } else {
            &mut self.text
        };
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let announced = announced(line).filter(|_| may_have_literals(&self.text));
        if let Some((octets, length)) = announced {
            if !was_cut {
                self.text.truncate(self.text.len() - length);
            }
            self.beyond.clear();
            self.text.push(HERE);
            self.literals.push(Literal::default());
            self.to_come = octets;
            return;
        }
        out.extend(mend(&self.text, &mut self.literals));
        self.text.clear();
        self.literals.clear();
        self.beyond.clear();
    }
}

/// Octets of the literal that a line announces at its end, and the length of the announcement
/// (RFC 9051 section 9: `literal`; RFC 7888; RFC 3516: `~{n}`).
fn announced(line: &[u8]) -> Option<(u64, usize)> {
    let inner = line.strip_suffix(b"}")?;
    let inner = inner.strip_suffix(b"+").unwrap_or(inner);
    let open = inner.iter().rposition(|b| *b == b'{')?;
    let digits = inner.get(open + 1..)?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let octets = std::str::from_utf8(digits)
        .ok()?
        .parse()
        .unwrap_or(u64::MAX);
    let is_8_bit = open > 0 && line.get(open - 1) == Some(&b'~');
    let start = if is_8_bit { open - 1 } else { open };
    Some((octets, line.len() - start))
}

#[cfg(test)]
mod tests {
    use async_imap::imap_proto::Response;

    use super::*;

    /// What is said to the parser, however the octets are cut on their way.
    fn said(from_server: &[u8], allowance: Allowance) -> String {
        let mut whole = Vec::new();
        for step in [1, 2, 7, from_server.len()] {
            let mut framer = Framer {
                allowance,
                ..Framer::default()
            };
            let mut out = Vec::new();
            for part in from_server.chunks(step) {
                framer.take(part, &mut out);
            }
            assert!(whole.is_empty() || whole == out, "in steps of {step}");
            whole = out;
        }
        let mut rest: &[u8] = &whole;
        while !rest.is_empty() {
            let (after, _) = Response::parse(rest).expect("what is said again is understood");
            rest = after;
        }
        String::from_utf8_lossy(&whole).into_owned()
    }

    const ALL: Allowance = Allowance {
        octets: 1_000_000,
        literal: 1_000_000,
    };

    #[test]
    fn what_is_of_use_is_said_again_in_one_form() {
        let rows: &[(&str, &str)] = &[
            // Of no use here.
            ("* FLAGS NIL\r\n", ""),
            ("* FLAGS (\\Answered \\*)\r\n", ""),
            ("* 1 RECENT\r\n", ""),
            ("* CAPABILITY IMAP4rev1 (what\"\r\n", ""),
            ("* ID NIL NIL\r\n", ""),
            ("* NAMESPACE (((\r\n", ""),
            ("* XYZZY 5 (\"\r\n", ""),
            ("* 17 XYZZY\r\n", ""),
            ("* VANISHED (EARLIER) 1:4294967295\r\n", ""),
            (
                "* 4 FETCH (FLAGS (\\Seen \\*) MODSEQ (1234567890123))\r\n",
                "",
            ),
            ("\r\n", ""),
            ("rubbish\r\n", ""),
            ("*\r\n", ""),
            // Conditions.
            (
                "* OK [PERMANENTFLAGS (\\*)] ok\r\n",
                "* OK (PERMANENTFLAGS (\\*)) ok\r\n",
            ),
            ("* OK [UIDVALIDITY 17] x\r\n", "* OK [UIDVALIDITY 17] -\r\n"),
            (
                "* OK [UIDNEXT 1234567890123]\r\n",
                "* OK (UIDNEXT 1234567890123)\r\n",
            ),
            ("* ok [uidnext 5]\r\n", "* OK [UIDNEXT 5] -\r\n"),
            ("* NO [ALERT] a {5}\r\n", "* NO (ALERT) a {5}\r\n"),
            ("* BYE\r\n", "* BYE -\r\n"),
            ("t1 OK\r\n", "t1 OK -\r\n"),
            ("t1 no [NONEXISTENT] x\n", "t1 NO (NONEXISTENT) x\r\n"),
            ("t1 HMM\r\n", "t1 BAD -\r\n"),
            ("t1 OK {7}\r\n", "t1 OK {7}\r\n"),
            ("+\r\n", "+ go on\r\n"),
            ("+idling\r\n", "+ go on\r\n"),
            // Numbers.
            (
                "* 3 EXISTS\r\n* 2 expunge\r\n",
                "* 3 EXISTS\r\n* 2 EXPUNGE\r\n",
            ),
            ("* 1234567890123 EXISTS\r\n", ""),
            ("* SEARCH\r\n", "* SEARCH\r\n"),
            ("* SEARCH 2  84 882 \r\n", "* SEARCH 2 84 882\r\n"),
            ("* SEARCH 5 (MODSEQ 917162500)\r\n", "* SEARCH 5\r\n"),
            ("* SEARCH 5 1234567890123 7\r\n", "* SEARCH 5 7\r\n"),
            (
                "* ESEARCH (TAG \"t1\") UID ALL 2,4:6 COUNT 4\r\n",
                "* SEARCH 2 4 5 6\r\n",
            ),
            ("* ESEARCH (TAG \"t1\") UID\r\n", "* SEARCH\r\n"),
            ("* ESEARCH (TAG \"t1\") UID ALL 1:4294967295\r\n", ""),
            // Folders.
            (
                "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n",
                "* LIST (\\Sent) \"/\" {4}\r\nSent\r\n",
            ),
            ("* LIST NIL NIL INBOX\r\n", "* LIST () NIL {5}\r\nINBOX\r\n"),
            (
                "* LIST (\\*) \"\\\\\" Sent Items\r\n",
                "* LIST () \"\\\\\" {10}\r\nSent Items\r\n",
            ),
            (
                "* LIST (\\NonExistent) \".\" \"Entw\u{fc}rfe\"\r\n",
                "* LIST (\\Noselect) \".\" {9}\r\nEntw\u{fc}rfe\r\n",
            ),
            (
                "* LIST () \"/\" {3}\r\na\"b\r\n",
                "* LIST () \"/\" {3}\r\na\"b\r\n",
            ),
            (
                "* STATUS Sent Items (MESSAGES NIL UIDNEXT 9)\r\n",
                "* STATUS x (UIDNEXT 9)\r\n",
            ),
            (
                "* STATUS {2}\r\n\u{fc} (UIDVALIDITY 7 UIDNEXT 1234567890123)\r\n",
                "* STATUS x (UIDVALIDITY 7)\r\n",
            ),
            // Letters.
            (
                "* 2 FETCH (FLAGS (\\*) UID 7 RFC822.SIZE 1234567890123 INTERNALDATE NIL)\r\n",
                "* 2 FETCH (UID 7 RFC822.SIZE 4294967295)\r\n",
            ),
            (
                "* 2 FETCH (ENVELOPE (\"x\" {3}\r\n)\"( NIL) BODY[HEADER.FIELDS (\"A\" B)]<0> {4}\r\nA: b UID 7)\r\n",
                "* 2 FETCH (BODY[HEADER] {4}\r\nA: b UID 7)\r\n",
            ),
            (
                "* 2 FETCH (INTERNALDATE \" 7-Jul-1996 02:44:25 +0000\" BODY[] \"a\\\"b\" uid 7)\r\n",
                "* 2 FETCH (INTERNALDATE \" 7-Jul-1996 02:44:25 +0000\" BODY[] {3}\r\na\"b UID 7)\r\n",
            ),
            (
                "* 2 FETCH (UID 7 BODY[] NIL)\r\n",
                "* 2 FETCH (UID 7 BODY[] NIL)\r\n",
            ),
            (
                "* 2 FETCH (UID 7 BODY[] {0}\r\n)\r\n",
                "* 2 FETCH (UID 7 BODY[] {0}\r\n)\r\n",
            ),
            (
                "* 2 FETCH (UID 7 BODY[] ~{1+}\r\nx)\r\n",
                "* 2 FETCH (UID 7 BODY[] {1}\r\nx)\r\n",
            ),
        ];
        for (from_server, expected) in rows {
            assert_eq!(
                said(from_server.as_bytes(), ALL),
                *expected,
                "{from_server}"
            );
        }
    }

    #[test]
    fn the_octets_of_letters_are_never_touched() {
        let mut letter =
            b"* FLAGS NIL\r\n* SEARCH 1\r\nt1 OK\n\0\0\x80)\r\n* 5 FETCH (UID 9 {3}\r\n".to_vec();
        letter.extend(0..=255);
        let mut answer = format!("* 1 FETCH (UID 1 BODY[] {{{}}}\r\n", letter.len()).into_bytes();
        answer.extend(&letter);
        answer.extend(b")\r\nt1 OK done\r\n");
        let mut framer = Framer {
            allowance: ALL,
            ..Framer::default()
        };
        let mut out = Vec::new();
        framer.take(&answer, &mut out);
        assert_eq!(out, answer);
    }

    #[test]
    fn what_is_over_a_limit_is_cut_and_marked_and_the_rest_is_read() {
        let allowance = Allowance {
            octets: 25,
            literal: 10,
        };
        let answer = "* 1 FETCH (UID 1 BODY[] {12}\r\n0123456789ab)\r\n\
                      * 2 FETCH (UID 2 BODY[] {10}\r\n0123456789)\r\n\
                      * 3 FETCH (UID 3 BODY[] {10}\r\n0123456789)\r\n";
        assert_eq!(
            said(answer.as_bytes(), allowance),
            "* 1 FETCH (UID 1 BODY[]<0> {10}\r\n0123456789)\r\n\
             * 2 FETCH (UID 2 BODY[] {10}\r\n0123456789)\r\n\
             * 3 FETCH (UID 3 BODY[]<0> {5}\r\n01234)\r\n"
        );
        // Of a line that never ends, what stands in its beginning is read.
        let monster = format!(
            "* 1 FETCH (UID 1 X ({}) BODY[] {{3}}\r\nabc)\r\nt1 OK done\r\n",
            "(a)".repeat(LONGEST_LINE)
        );
        let mut framer = Framer {
            allowance: ALL,
            ..Framer::default()
        };
        let mut out = Vec::new();
        framer.take(monster.as_bytes(), &mut out);
        assert_eq!(
            String::from_utf8_lossy(&out),
            "* 1 FETCH (UID 1)\r\nt1 OK -\r\n".replace('-', "done")
        );
    }
}
