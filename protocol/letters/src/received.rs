//! Received fields (RFC 5321 section 4.4): which host wrote one, and when.

use tradepost_statements::Time;

use crate::lexer::{BrokenToken, Lexer, is_control};

/// What is read of a Received field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ReceivedField {
    /// The host after `by`; None where there is none to be read.
    pub(crate) by: Option<String>,
    pub(crate) at: Option<Time>,
}

/// How many words are looked at: `by` is the third one or so.
const MOST_WORDS: usize = 50;

impl ReceivedField {
    /// Reads the unfolded body of a field.
    pub(crate) fn read(body: &[u8]) -> ReceivedField {
        let Ok((words, date_at)) = words(body) else {
            return ReceivedField::default();
        };
        // The word after `from` is what the client called itself: it may be "by".
        let is_by = |(i, word): &(usize, &Vec<u8>)| {
            word.eq_ignore_ascii_case(b"by")
                && !(*i == 1
                    && words
                        .first()
                        .is_some_and(|w| w.eq_ignore_ascii_case(b"from")))
        };
        let by = words
            .iter()
            .enumerate()
            .find(is_by)
            .and_then(|(i, _)| words.get(i + 1))
            .and_then(|word| String::from_utf8(word.clone()).ok());
        let date = body.get(date_at..).unwrap_or_default();
        ReceivedField {
            by: by.map(|host| host.to_ascii_lowercase()),
            at: read_date(date),
        }
    }
}

/// The words before the date, comments left out; and where the date starts.
fn words(body: &[u8]) -> Result<(Vec<Vec<u8>>, usize), BrokenToken> {
    let mut lexer = Lexer::new(body);
    let mut words = Vec::new();
    loop {
        lexer.skip_cfws()?;
        match lexer.peek() {
            None => return Ok((words, body.len())),
            Some(b';') => {
                lexer.skip_one();
                return Ok((words, lexer.position()));
            }
            Some(b'"') => {
                lexer.quoted_raw()?;
            }
            Some(b')') => return Err(BrokenToken),
            Some(b) if is_control(b) => return Err(BrokenToken),
            Some(_) => {
                let word = lexer.run(|b| !is_control(b) && !b" \t();\"".contains(&b));
                if words.len() < MOST_WORDS {
                    words.push(word.to_vec());
                }
            }
        }
    }
}

/// A date-time of RFC 5322 section 3.3, as in Date and Received; a wrong name of the weekday does
/// not matter.
pub(crate) fn read_date(text: &[u8]) -> Option<Time> {
    const MOST_OCTETS: usize = 200;
    let text = text.get(..MOST_OCTETS).unwrap_or(text);
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    parser
        .parse_timestamp(text.trim_ascii())
        .ok()
        .map(Time::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_host_after_by_is_found_past_comments_and_tricks() {
        for (body, by) in [
            (
                " from mail.shop.example (unknown [192.0.2.1]) by MX.home.example (Postfix) with ESMTPS id 4; Fri, 20 Nov 2026 10:15:00 +0000 (UTC)",
                Some("mx.home.example"),
            ),
            (
                "by mx.home.example (Postfix, from userid 0) id 1; Fri, 20 Nov 2026 10:15:00 +0000",
                Some("mx.home.example"),
            ),
            (
                "from by (by evil.example) by mx.home.example; x",
                Some("mx.home.example"),
            ),
            ("from by by mx.home.example; x", Some("mx.home.example")),
            (
                "from a (by evil.example (by b)) by mx.home.example",
                Some("mx.home.example"),
            ),
            (
                "from a \"by evil.example\" by mx.home.example",
                Some("mx.home.example"),
            ),
            (
                "by 2002:a05:6a10:1 with SMTP id x; y",
                Some("2002:a05:6a10:1"),
            ),
            (
                "(qmail 1 invoked by uid 0); 20 Nov 2026 10:15:00 -0000",
                None,
            ),
            ("from a; by mx.home.example", None),
            ("from a (by mx.home.example", None),
            ("from a by", None),
            ("", None),
        ] {
            assert_eq!(
                ReceivedField::read(body.as_bytes()).by.as_deref(),
                by,
                "{body}"
            );
        }
    }

    #[test]
    fn the_date_is_read_with_zone_and_comment() {
        let expected: Time = "2026-11-20T10:15:00Z".parse().unwrap();
        for date in [
            " Fri, 20 Nov 2026 11:15:00 +0100 (CET)",
            "20 Nov 2026 10:15:00 GMT",
            "Mon, 20 Nov 2026 10:15:00 +0000",
        ] {
            assert_eq!(read_date(date.as_bytes()), Some(expected), "{date}");
        }
        assert_eq!(read_date(b"yesterday"), None);
    }
}
