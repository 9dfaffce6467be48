//! What of a submission server's replies lettre gives up on, and how it is mended.
//!
//! lettre knows the keywords of EHLO in upper case only (RFC 5321 section 4.1.1.1: any case), and `AUTH`
//! only with a blank behind it, not with the `=` of drafts that some servers still write. A reply of
//! nothing but its code, and one that is no UTF-8, are no answer at all to it. All else goes through
//! as it came.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::net::filter::Mender;

/// Longest line that is looked at; lettre gives up on far shorter ones (RFC 5321 section 4.5.3.1.5).
const LONGEST_LINE: usize = 64 * 1024;

/// The keywords of EHLO that lettre looks for.
const KEYWORDS: [&str; 4] = ["8BITMIME", "SMTPUTF8", "STARTTLS", "AUTH"];

/// Whether the server takes envelope ids (RFC 3461): lettre forgets extensions that it has no use for.
#[derive(Debug, Clone, Default)]
pub(super) struct DsnOffer(Arc<AtomicBool>);

impl DsnOffer {
    pub(super) fn is_made(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Mends the replies of a server for lettre, line by line.
#[derive(Debug, Default)]
pub(super) struct SmtpMender {
    /// The line that has begun.
    line: Vec<u8>,
    ehlo: Ehlo,
    dsn: DsnOffer,
}

/// Which line of the answer to EHLO comes next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Ehlo {
    /// None: another command was sent.
    #[default]
    No,
    /// The server's name.
    Name,
    Keyword,
}

impl SmtpMender {
    pub(super) fn dsn_offer(&self) -> DsnOffer {
        self.dsn.clone()
    }

    /// A line with its end.
    fn mend(&mut self, line: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = match text.strip_suffix("\r\n") {
            Some(text) => (text, "\r\n"),
            None => (text.as_ref(), ""),
        };
        let is_code_alone = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        let (head, said) = text.split_at_checked(4).unwrap_or((text, ""));
        let is_last = is_code_alone || head.ends_with(' ');
        let said = match self.ehlo {
            Ehlo::Keyword if head.starts_with("250") => self.keyword(said),
            Ehlo::No | Ehlo::Name | Ehlo::Keyword => said.to_owned(),
        };
        self.ehlo = match self.ehlo {
            Ehlo::Name | Ehlo::Keyword if !is_last => Ehlo::Keyword,
            Ehlo::No | Ehlo::Name | Ehlo::Keyword => Ehlo::No,
        };
        let blank = if is_code_alone { " " } else { "" };
        format!("{head}{blank}{said}{end}").into_bytes()
    }

    fn keyword(&self, said: &str) -> String {
        let (keyword, rest) = match said.find([' ', '=']) {
            Some(at) => said.split_at(at),
            None => (said, ""),
        };
        if keyword.eq_ignore_ascii_case("DSN") {
            self.dsn.0.store(true, Ordering::Relaxed);
        }
        if keyword.eq_ignore_ascii_case("AUTH") {
            // Its parameters are names as well.
            let mechanisms = rest.strip_prefix(['=', ' ']).unwrap_or_default();
            return format!("AUTH {}", mechanisms.to_ascii_uppercase());
        }
        if rest.starts_with('=') {
            return said.to_owned();
        }
        let known = KEYWORDS.iter().find(|k| k.eq_ignore_ascii_case(keyword));
        format!("{}{rest}", known.copied().unwrap_or(keyword))
    }
}

impl Mender for SmtpMender {
    fn incoming(
        &mut self,
        octets: &[u8],
        above: &mut Vec<u8>,
        _below: &mut Vec<u8>,
    ) -> io::Result<()> {
        for part in octets.split_inclusive(|b| *b == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") || self.line.len() > LONGEST_LINE {
                let line = std::mem::take(&mut self.line);
                above.extend(self.mend(&line));
            }
        }
        Ok(())
    }

    fn outgoing(&mut self, octets: &mut Vec<u8>) {
        let is_ehlo = octets
            .get(..5)
            .is_some_and(|verb| verb.eq_ignore_ascii_case(b"EHLO "));
        self.ehlo = if is_ehlo { Ehlo::Name } else { Ehlo::No };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lettre gets of replies to EHLO and to another command, however they are cut on their way.
    fn given(to_ehlo: &[u8], to_other: &[u8]) -> (Vec<u8>, bool) {
        let mut whole: Option<Vec<u8>> = None;
        let mut offer = DsnOffer::default();
        for step in [1, 3, usize::MAX] {
            let mut mender = SmtpMender::default();
            offer = mender.dsn_offer();
            let mut above = Vec::new();
            for (command, reply) in [("EHLO [192.0.2.1]\r\n", to_ehlo), ("NOOP\r\n", to_other)] {
                let mut line = command.as_bytes().to_vec();
                mender.outgoing(&mut line);
                assert_eq!(line, command.as_bytes());
                for part in reply.chunks(step.min(reply.len()).max(1)) {
                    let taken = mender.incoming(part, &mut above, &mut Vec::new());
                    assert!(taken.is_ok());
                }
            }
            assert!(whole.as_ref().is_none_or(|w| *w == above));
            whole = Some(above);
        }
        (whole.unwrap_or_default(), offer.is_made())
    }

    #[test]
    fn keywords_in_any_case_become_those_that_lettre_knows() {
        let odd = "250-auth me\r\n250-Auth plain Login\r\n250-AUTH=PLAIN LOGIN\r\n250-8bitmime\r\n\
                   250-smtputf8\r\n250-X-Auth=y\r\n250-size 5\r\n250-dsn\r\n250 starttls\r\n";
        let plain = "250-auth me\r\n250-AUTH PLAIN LOGIN\r\n250-AUTH PLAIN LOGIN\r\n250-8BITMIME\r\n\
                     250-SMTPUTF8\r\n250-X-Auth=y\r\n250-size 5\r\n250-dsn\r\n250 STARTTLS\r\n";
        let other = "250-auth plain\r\n250 8bitmime\r\n";
        for from_server in [odd, plain] {
            let (above, offers_dsn) = given(from_server.as_bytes(), other.as_bytes());
            assert_eq!(
                String::from_utf8_lossy(&above),
                format!("{plain}{other}"),
                "only of EHLO"
            );
            assert!(offers_dsn);
        }
        let (above, offers_dsn) =
            given(b"500-what\r\n500 auth=plain\r\n", b"250-dsn\r\n250 dsn\r\n");
        assert_eq!(
            above,
            b"500-what\r\n500 auth=plain\r\n250-dsn\r\n250 dsn\r\n"
        );
        assert!(!offers_dsn);
    }

    #[test]
    fn replies_that_lettre_takes_for_none_are_completed() {
        for (odd, expected) in [
            (&b"250\r\n"[..], &b"250 \r\n"[..]),
            (
                b"550 gesch\xfctzt\r\n",
                "550 gesch\u{fffd}tzt\r\n".as_bytes(),
            ),
            (b"250-a\r\n250\r\n", b"250-a\r\n250 \r\n"),
        ] {
            assert_eq!(
                given(b"250 hello\r\n", odd).0,
                [b"250 hello\r\n", expected].concat()
            );
        }
        let plain = "250-a\r\n250 b\u{fc}cher\r\n550\n\r\nrubbish\r\n\u{fc}\u{fc}\u{fc}\r\n";
        let (above, _) = given(b"250 hello\r\n", plain.as_bytes());
        assert_eq!(above, [b"250 hello\r\n", plain.as_bytes()].concat());
    }
}
