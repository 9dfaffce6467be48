//! What of a server's responses async-imap's parser gives up on, and how it is mended: each response is framed
//! with its literals, bounded, and goes through as it came when the parser surely understands it
//! ([`plain`]); what it does not is said again as far as it is of use ([`restate`]).
//!
//! What is longer than wanted is cut, and its rest read and thrown away: so one letter that is over
//! a limit costs its own octets and not the connection. How much may be thrown away is limited too.
//!
//! For commands that async-imap follows on its own there is more to mend, because it loses what they say:
//! see [`ImapMender::overhear`].

mod plain;
mod restate;
mod tokens;

use std::collections::VecDeque;
use std::io;

use async_imap::imap_proto::Response;

use super::overheard::{CommandEnd, CommandStatus, Overheard};
use crate::net::filter::Mender;
pub(super) use restate::for_people;

use plain::{as_it_came, is_plain};
use restate::{is_our_tag, may_have_literals, restate};
use tokens::{HERE, ImapToken, ImapTokens, Literal, ResponseWords};

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

/// Where a text begins that was cut: no server has this, a text may have 4 GiB at most.
pub(super) const CUT: u32 = u32::MAX;

/// The error of a server that sends far more than was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the server sends far more than was asked for")]
pub(super) struct TooMuch;

/// What of an answer is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    /// Octets in all.
    pub(super) octets: u64,
    /// Octets of one literal.
    pub(super) literal: u64,
}

/// Frames, bounds and mends the responses of a server for async-imap.
pub(super) struct ImapMender {
    allowance: Allowance,
    passed_over: u64,
    /// Octets of lines that came.
    of_lines: u64,
    /// Of the response that has begun.
    text: Vec<u8>,
    literals: Vec<Literal>,
    /// It is not spelled as the standard has it, or something of it was cut.
    is_odd: bool,
    /// The end of a line that is too long to be kept.
    beyond: Vec<u8>,
    /// Octets of the last literal that are still to come.
    to_come: u64,
    overheard: Option<Overheard>,
    /// The command that is overheard is LOGIN.
    is_login: bool,
    /// What follows of it, each upon a `+` of the server's.
    pieces: VecDeque<Vec<u8>>,
}

impl Default for ImapMender {
    fn default() -> ImapMender {
        ImapMender {
            allowance: Allowance {
                octets: LONGEST_LINE as u64,
                literal: LONGEST_LINE as u64,
            },
            passed_over: 0,
            of_lines: 0,
            text: Vec::new(),
            literals: Vec::new(),
            is_odd: false,
            beyond: Vec::new(),
            to_come: 0,
            overheard: None,
            is_login: false,
            pieces: VecDeque::new(),
        }
    }
}

impl ImapMender {
    /// From here on so much is kept, and some more read.
    pub(super) fn allow(&mut self, allowance: Allowance) {
        self.allowance = allowance;
        self.passed_over = 0;
        self.of_lines = 0;
    }

    /// Octets that were thrown away since.
    pub(super) fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Takes down the answer to the next command. async-imap's `authenticate`, `login` and `append` lose the
    /// words of a refusal and what is said beside it; after an untagged response `authenticate` answers no
    /// challenge any more, and `append` takes it for a refusal; after BYE all of them wait for more. So until
    /// the command's end untagged responses are kept here, and BYE is the end of the stream.
    pub(super) fn overhear(&mut self) {
        self.overheard = Some(Overheard::default());
    }

    /// The same of LOGIN. async-imap puts user and password into quoted strings, whatever is in them; what
    /// these can't hold (RFC 9051 section 9: `quoted`) goes as literals instead.
    pub(super) fn overhear_login(&mut self) {
        self.overhear();
        self.is_login = true;
    }

    /// What was said since [`Self::overhear`].
    pub(super) fn overheard(&mut self) -> Overheard {
        self.is_login = false;
        self.pieces.clear();
        self.overheard.take().unwrap_or_default()
    }

    fn take(&mut self, mut octets: &[u8], above: &mut Vec<u8>, below: &mut Vec<u8>) {
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
                    self.end_line(above, below);
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
        self.is_odd |= !rest.is_empty();
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
        self.is_odd |= kept.contains(&HERE) || !rest.is_empty();
        let marked = kept.iter().map(|b| if *b == HERE { b'?' } else { *b });
        self.text.extend(marked);
        if !rest.is_empty() {
            self.passed_over += rest.len() as u64;
            self.beyond.extend_from_slice(rest);
            let done = self.beyond.len().saturating_sub(ANNOUNCEMENT);
            self.beyond.drain(..done);
        }
    }

    fn end_line(&mut self, above: &mut Vec<u8>, below: &mut Vec<u8>) {
        let was_cut = !self.beyond.is_empty();
        let line = if was_cut {
            &mut self.beyond
        } else {
            &mut self.text
        };
        if line.last() == Some(&b'\r') {
            line.pop();
        } else {
            self.is_odd = true;
        }
        let announced = announced(line).filter(|_| may_have_literals(&self.text));
        if let Some((octets, length)) = announced {
            self.is_odd |= length != format!("{{{octets}}}").len();
            if !was_cut {
                self.text.truncate(self.text.len() - length);
            }
            self.beyond.clear();
            self.text.push(HERE);
            self.literals.push(Literal::default());
            self.to_come = octets;
            return;
        }
        self.end_response(above, below);
        self.text.clear();
        self.literals.clear();
        self.beyond.clear();
        self.is_odd = false;
    }

    fn end_response(&mut self, above: &mut Vec<u8>, below: &mut Vec<u8>) {
        if self.text.starts_with(b"+")
            && let Some(piece) = self.pieces.pop_front()
        {
            below.extend(piece);
            return;
        }
        if !self.is_kept_here() {
            above.extend(mend(&self.text, &mut self.literals, self.is_odd));
        }
    }

    /// Takes a response down; true of one that async-imap does not get.
    fn is_kept_here(&mut self) -> bool {
        let Some(overheard) = self.overheard.as_mut().filter(|o| o.end.is_none()) else {
            return false;
        };
        let mut words = ResponseWords::of(&self.text);
        let first = words.next().unwrap_or_default();
        if first == b"*" {
            let line = String::from_utf8_lossy(&self.text).into_owned();
            let status = words.next().unwrap_or_default();
            if status.eq_ignore_ascii_case(b"BYE") {
                overheard.end = Some(CommandEnd::bye(line));
            } else {
                overheard.untagged.push(line);
            }
            return true;
        }
        if is_our_tag(first) {
            let rest = String::from_utf8_lossy(words.rest);
            let rest = rest.strip_prefix(' ').unwrap_or(&rest);
            overheard.end = Some(CommandEnd::tagged(rest));
        }
        false
    }
}

impl Mender for ImapMender {
    fn incoming(
        &mut self,
        octets: &[u8],
        above: &mut Vec<u8>,
        below: &mut Vec<u8>,
    ) -> io::Result<()> {
        self.take(octets, above, below);
        let overheard = self.overheard.as_ref();
        if self.passed_over > MOST_PASSED_OVER
            || overheard.is_some_and(|o| o.untagged.len() > Overheard::MOST)
        {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, TooMuch));
        }
        Ok(())
    }

    fn outgoing(&mut self, octets: &mut Vec<u8>) {
        if self.is_login
            && let Some((line, pieces)) = login_in_literals(octets)
        {
            *octets = line;
            self.pieces = pieces;
        }
    }

    fn is_over(&self) -> bool {
        let end = self.overheard.as_ref().and_then(|o| o.end.as_ref());
        end.is_some_and(|end| end.status == CommandStatus::Bye)
    }
}

/// A response without its line end, as it came where the parser understands that, else as far as it is of
/// use; empty when it is of none.
fn mend(text: &[u8], literals: &mut [Literal], is_odd: bool) -> Vec<u8> {
    if !is_odd && is_plain(text) {
        let whole = as_it_came(text, literals);
        if matches!(Response::parse(&whole), Ok(([], _))) {
            return whole;
        }
    }
    restate(text, literals)
}

/// `A0001 LOGIN "ann" "geheim-ü"`, as the line up to its first literal and what follows it.
fn login_in_literals(line: &[u8]) -> Option<(Vec<u8>, VecDeque<Vec<u8>>)> {
    let line = line.strip_suffix(b"\r\n")?;
    let fits = |b: &u8| b.is_ascii() && !b.is_ascii_control();
    let mut words = ResponseWords::of(line);
    let tag = words.next()?;
    if words.next()? != b"LOGIN" || line.iter().all(fits) {
        return None;
    }
    let mut tokens = ImapTokens::of(words.rest, 0);
    let (ImapToken::Quoted(user), ImapToken::Quoted(password)) = (tokens.next()?, tokens.next()?)
    else {
        return None;
    };
    let announcement = |text: &[u8]| format!("{{{}}}\r\n", text.len()).into_bytes();
    let first = [tag, b" LOGIN ", &announcement(&user)].concat();
    let second = [user, b" ".to_vec(), announcement(&password)].concat();
    let third = [&password, &b"\r\n"[..]].concat();
    Some((first, VecDeque::from([second, third])))
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
mod tests;
