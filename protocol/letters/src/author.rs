//! The author: the one mailbox in From, read strictly (protocol 5).
//!
//! Libraries mend what they read here; this refuses. Display names and comments count for nothing,
//! so they may hold anything that the grammar of RFC 5322 section 3.4 lets them hold, and the dots
//! of its obsolete phrases, which real shops write (`Example Inc. <..>`).

use tradepost_statements::Address;

use crate::guard::{LineEnds, RawHeader};
use crate::header::Field;
use crate::lexer::{BrokenToken, Lexer, is_atext, is_control};

/// Why a letter has no author: it proves nothing, whatever stands in it (protocol 5).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAuthor {
    /// A line of the header is no header field (RFC 5322 section 2.2).
    #[error("line {0} of the header is no header field")]
    MalformedHeader(usize),
    /// Its header has line ends of both sorts, or a CR that no LF follows (RFC 5322 section 2.2): two
    /// readers may see two headers in it.
    #[error("the header mixes CRLF with other line ends")]
    MixedLineEnds,
    /// A field that a letter has exactly once is not there.
    #[error("the letter has no {0} field")]
    Missing(Field),
    /// A field that a letter has exactly once is there several times.
    #[error("the letter has more than one {0} field")]
    Repeated(Field),
    /// From is not one plain mailbox.
    #[error("the From field {0}")]
    From(#[from] FromFault),
}

/// Why a From field is not one plain mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FromFault {
    /// RFC 5322 section 2.2: not even within quotes.
    #[error("holds a control character")]
    ControlCharacter,
    /// RFC 6532: what is not ASCII is UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// RFC 5322 section 4.2.
    #[error("is folded over a blank line")]
    ObsoleteFolding,
    /// A quoted string or comment that does not end.
    #[error("holds a quote or comment that does not end")]
    Unterminated,
    /// There is no address in it.
    #[error("holds no address")]
    NoAddress,
    /// RFC 5322 section 3.4: `name: a@b.example;`.
    #[error("holds a group")]
    Group,
    /// More than one address, or something that looks like another one.
    #[error("holds more than one address")]
    SecondAddress,
    /// `<@relay.example:a@b.example>`.
    #[error("holds a source route")]
    SourceRoute,
    /// RFC 2047 section 5: an encoded word has no place in an address.
    #[error("holds an encoded word within the address")]
    EncodedWord,
    /// Not an address of protocol 1.
    #[error("holds an address that is not of the form name@domain")]
    NotAnAddress,
    /// Something stands where the grammar has nothing.
    #[error("holds something beside the address that does not belong there")]
    Trailing,
}

impl From<BrokenToken> for FromFault {
    fn from(_: BrokenToken) -> Self {
        FromFault::Unterminated
    }
}

/// Who wrote the letter, when it obeys the rules of protocol 5 for being believed at all.
pub(crate) fn author(raw: &[u8], header: &RawHeader) -> Result<Address, BadAuthor> {
    if let Some(line) = header.malformed_line {
        return Err(BadAuthor::MalformedHeader(line));
    }
    for field in Field::SINGLE {
        match header.all(field).take(2).count() {
            1 => {}
            0 => return Err(BadAuthor::Missing(field)),
            _ => return Err(BadAuthor::Repeated(field)),
        }
    }
    let from = header
        .first(Field::From)
        .ok_or(BadAuthor::Missing(Field::From))?;
    if from.has_blank_continuation {
        return Err(FromFault::ObsoleteFolding.into());
    }
    let author = mailbox(&from.unfolded(raw))?;
    if header.line_ends == LineEnds::Mixed {
        return Err(BadAuthor::MixedLineEnds);
    }
    Ok(author)
}

/// One plain mailbox (RFC 5322 section 3.4), unfolded.
pub(crate) fn mailbox(text: &[u8]) -> Result<Address, FromFault> {
    let utf8 = std::str::from_utf8(text).map_err(|_| FromFault::NotUtf8)?;
    // C1 controls too, which are two octets in UTF-8.
    let has_control =
        text.iter().any(|b| is_control(*b)) || utf8.chars().any(|c| c.is_control() && c != '\t');
    if has_control {
        return Err(FromFault::ControlCharacter);
    }
    let mut lexer = Lexer::new(text);
    let mut words = Vec::new();
    loop {
        lexer.skip_cfws()?;
        match lexer.peek() {
            Some(b'"') => words.push(lexer.quoted_raw()?),
            Some(b) if is_atext(b) || b == b'.' => {
                words.push(lexer.run(|b| is_atext(b) || b == b'.'));
            }
            Some(b'<') => {
                lexer.skip_one();
                return in_angle_brackets(&mut lexer);
            }
            Some(b'@') => {
                // Without angle brackets, the one word before the @ is the local part.
                let local = match words.as_slice() {
                    [local] => local,
                    [] => return Err(FromFault::SourceRoute),
                    _ => return Err(FromFault::NotAnAddress),
                };
                let address = domain_after(&mut lexer, local)?;
                return nothing_follows(&mut lexer).map(|()| address);
            }
            Some(b':') => return Err(FromFault::Group),
            Some(b',') => return Err(FromFault::SecondAddress),
            Some(_) => return Err(FromFault::Trailing),
            None => return Err(FromFault::NoAddress),
        }
    }
}

fn in_angle_brackets(lexer: &mut Lexer<'_>) -> Result<Address, FromFault> {
    lexer.skip_cfws()?;
    let local = match lexer.peek() {
        Some(b'"') => lexer.quoted_raw()?,
        Some(b'@' | b',') => return Err(FromFault::SourceRoute),
        Some(b'>') | None => return Err(FromFault::NoAddress),
        Some(_) => lexer.run(|b| is_atext(b) || b == b'.'),
    };
    lexer.skip_cfws()?;
    let address = domain_after(lexer, local)?;
    if !lexer.eat(b'>') {
        return Err(match lexer.peek() {
            Some(b',' | b'@') => FromFault::SecondAddress,
            _ => FromFault::NotAnAddress,
        });
    }
    nothing_follows(lexer)?;
    Ok(address)
}

/// Reads `@domain`, and the comments behind it.
fn domain_after(lexer: &mut Lexer<'_>, local: &[u8]) -> Result<Address, FromFault> {
    if !lexer.eat(b'@') {
        return Err(FromFault::NotAnAddress);
    }
    lexer.skip_cfws()?;
    let domain = lexer.run(|b| is_atext(b) || b == b'.');
    lexer.skip_cfws()?;
    let text = |octets| std::str::from_utf8(octets).map_err(|_| FromFault::NotUtf8);
    let (local, domain) = (text(local)?, text(domain)?);
    let has_word = starts_encoded_word(local) || starts_encoded_word(domain);
    if has_word {
        return Err(FromFault::EncodedWord);
    }
    format!("{local}@{domain}")
        .parse()
        .map_err(|_| FromFault::NotAnAddress)
}

/// RFC 2047 section 2: `=?charset?b?` or `=?charset?q?`, whether or not it ends as it should.
fn starts_encoded_word(text: &str) -> bool {
    text.split("=?").skip(1).any(|rest| {
        let mut pieces = rest.split('?');
        let charset = pieces.next().unwrap_or_default();
        let encoding = pieces.next().unwrap_or_default();
        let ends = pieces.next().is_some();
        ends && !charset.is_empty() && ["b", "q"].iter().any(|e| encoding.eq_ignore_ascii_case(e))
    })
}

fn nothing_follows(lexer: &mut Lexer<'_>) -> Result<(), FromFault> {
    lexer.skip_cfws()?;
    match lexer.peek() {
        None => Ok(()),
        Some(b',' | b'<' | b'@') => Err(FromFault::SecondAddress),
        Some(_) => Err(FromFault::Trailing),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_plain_mailbox_is_read_however_it_is_dressed() {
        for text in [
            "orders@shop.example",
            " <orders@shop.example> ",
            "Example Shop <orders@shop.example>",
            "Example Inc. <orders@shop.example>",
            "\"Shop, \\\"the\\\" best; a@b.example\" <orders@shop.example>",
            "=?utf-8?q?orders=40evil=2Eexample?= <orders@shop.example>",
            "Bücher <orders@shop.example>",
            "(a@b.example) orders@shop.example (c (d) \\) e@f.example)",
            "Shop (x) < (y) orders (z) @ (w) shop.example (v) > (u)",
            "\"orders\"@Shop.Example",
            "<\"orders\"@shop.example>",
            "\torders@shop.example",
        ] {
            let read = mailbox(text.as_bytes()).map_err(|e| format!("{text}: {e}"));
            assert_eq!(read.unwrap().as_str(), "orders@shop.example");
        }
    }

    #[test]
    fn what_is_not_one_plain_mailbox_is_refused_by_its_own_name() {
        use FromFault::*;
        for (text, fault) in [
            ("", NoAddress),
            ("Example Shop", NoAddress),
            ("<>", NoAddress),
            ("Shop <>", NoAddress),
            ("orders@shop.example, mallory@evil.example", SecondAddress),
            ("orders@shop.example,", SecondAddress),
            (",orders@shop.example", SecondAddress),
            (
                "<orders@shop.example>, <mallory@evil.example>",
                SecondAddress,
            ),
            (
                "<orders@shop.example> <mallory@evil.example>",
                SecondAddress,
            ),
            ("orders@shop.example <mallory@evil.example>", SecondAddress),
            ("orders@shop.example (x) mallory@evil.example", Trailing),
            ("orders@shop.example mallory", Trailing),
            ("<orders@shop.example> mallory", Trailing),
            ("<orders@shop.example,mallory@evil.example>", SecondAddress),
            ("<orders@shop.example@evil.example>", SecondAddress),
            ("shop: orders@shop.example;", Group),
            ("shop:;", Group),
            ("<@evil.example:orders@shop.example>", SourceRoute),
            (
                "<@evil.example,@b.example:orders@shop.example>",
                SourceRoute,
            ),
            ("@evil.example:orders@shop.example", SourceRoute),
            ("=?utf-8?q?orders?=@shop.example", EncodedWord),
            ("<=?utf-8?q?orders?=@shop.example>", EncodedWord),
            ("<orders@=?utf-8?q?shop?=.example>", EncodedWord),
            ("\"=?utf-8?B?b3JkZXJz?=\"@shop.example", EncodedWord),
            ("=?utf-8?q?orders@shop.example?=", EncodedWord),
            ("=?utf-8?q?orders=40shop.example?=", NoAddress),
            ("orders\u{0}@shop.example", ControlCharacter),
            ("Shop\u{7f} <orders@shop.example>", ControlCharacter),
            ("Shop\u{85} <orders@shop.example>", ControlCharacter),
            ("Shop\r<orders@shop.example>", ControlCharacter),
            ("\"Shop <orders@shop.example>", Unterminated),
            ("(Shop orders@shop.example", Unterminated),
            ("orders@[192.0.2.1]", NotAnAddress),
            ("or ders@shop.example", NotAnAddress),
            ("<or ders@shop.example>", NotAnAddress),
            ("<orders.@shop.example>", NotAnAddress),
            ("<orders@shop .example>", NotAnAddress),
            ("<orders @ shop . example>", NotAnAddress),
            ("<orders>", NotAnAddress),
            ("<orders@shop.example", NotAnAddress),
            ("orders@shop.example>", Trailing),
            ("orders@@shop.example", NotAnAddress),
        ] {
            assert_eq!(mailbox(text.as_bytes()), Err(fault), "{text:?}");
        }
        assert_eq!(mailbox(b"Sh\xfcp <orders@shop.example>"), Err(NotUtf8));
    }

    #[test]
    fn deep_comments_cost_no_stack() {
        let deep = format!(
            "{}{} orders@shop.example",
            "(".repeat(1_000_000),
            ")".repeat(1_000_000)
        );
        assert!(mailbox(deep.as_bytes()).is_ok());
    }
}
