//! Content-Type fields (RFC 2045 section 5.1), with the parameters that are read here.

use std::collections::BTreeMap;

use crate::lexer::{Lexer, is_token};

/// A media type with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MediaType {
    /// `type/subtype` in lower case.
    pub(crate) name: String,
    parameters: BTreeMap<String, Vec<u8>>,
}

/// A parameter beyond these many is not read: honest letters have three.
const MOST_PARAMETERS: usize = 100;

impl MediaType {
    /// Reads the unfolded body of a Content-Type field; of its parameters, those before a fault. What follows the
    /// subtype without a semicolon makes it another type or none, depending on who reads: here none.
    pub(crate) fn read(body: &[u8]) -> Option<MediaType> {
        let mut lexer = Lexer::new(body);
        let mut word = |before: Option<u8>| -> Option<String> {
            lexer.skip_cfws().ok()?;
            if before.is_some_and(|b| !lexer.eat(b)) {
                return None;
            }
            lexer.skip_cfws().ok()?;
            let word = lexer.run(is_token);
            (!word.is_empty()).then(|| String::from_utf8_lossy(word).to_ascii_lowercase())
        };
        let name = format!("{}/{}", word(None)?, word(Some(b'/'))?);
        lexer.skip_cfws().ok()?;
        if !lexer.at_end() && lexer.peek() != Some(b';') {
            return None;
        }
        let mut parameters = BTreeMap::new();
        while parameters.len() < MOST_PARAMETERS {
            let Some((attribute, value)) = parameter(&mut lexer) else {
                break;
            };
            parameters.entry(attribute).or_insert(value);
        }
        Some(MediaType { name, parameters })
    }

    /// A parameter's value, put together where RFC 2231 section 3 split it.
    pub(crate) fn parameter(&self, name: &str) -> Option<Vec<u8>> {
        if let Some(value) = self.parameters.get(name) {
            return Some(value.clone());
        }
        if let Some(value) = self.parameters.get(&format!("{name}*")) {
            return Some(without_charset(value));
        }
        let mut whole = None::<Vec<u8>>;
        for i in 0..MOST_PARAMETERS {
            let plain = self.parameters.get(&format!("{name}*{i}")).cloned();
            let piece = plain.or_else(|| {
                let encoded = self.parameters.get(&format!("{name}*{i}*"))?;
                Some(if i == 0 {
                    without_charset(encoded)
                } else {
                    percent_decoded(encoded)
                })
            });
            match piece {
                Some(piece) => whole.get_or_insert_default().extend(piece),
                None => break,
            }
        }
        whole
    }

    /// The delimiter of a multipart's parts; None where it is no multipart, or one without
    /// delimiter, whose body is opaque.
    pub(crate) fn boundary(&self) -> Option<Vec<u8>> {
        if !self.name.starts_with("multipart/") {
            return None;
        }
        let boundary = self.parameter("boundary")?;
        // RFC 2046 section 5.1.1: it does not end in a blank; a delimiter line may.
        let end = boundary.iter().rposition(|b| *b != b' ' && *b != b'\t')?;
        boundary.get(..=end).map(<[u8]>::to_vec)
    }
}

fn parameter(lexer: &mut Lexer<'_>) -> Option<(String, Vec<u8>)> {
    loop {
        lexer.skip_cfws().ok()?;
        if !lexer.eat(b';') {
            return None;
        }
        lexer.skip_cfws().ok()?;
        // An empty parameter between semicolons is common and harmless.
        if lexer.peek() != Some(b';') {
            break;
        }
    }
    let attribute = lexer.run(is_token);
    lexer.skip_cfws().ok()?;
    if attribute.is_empty() || !lexer.eat(b'=') {
        return None;
    }
    lexer.skip_cfws().ok()?;
    let value = if lexer.peek() == Some(b'"') {
        lexer.quoted().ok()?
    } else {
        // Boundaries with `=` or `/` that nobody quoted are seen in the wild.
        lexer
            .run(|b| is_token(b) || b"/=?:@[]<>,".contains(&b))
            .to_vec()
    };
    let attribute = String::from_utf8_lossy(attribute).to_ascii_lowercase();
    Some((attribute, value))
}

/// RFC 2231 section 4: `charset'language'text`.
fn without_charset(value: &[u8]) -> Vec<u8> {
    let text = value.splitn(3, |b| *b == b'\'').nth(2).unwrap_or(value);
    percent_decoded(text)
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let hex = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
        match (*first, hex(after.first()), hex(after.get(1))) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = after.get(2..).unwrap_or_default();
            }
            (other, _, _) => {
                out.push(other);
                rest = after;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn comments_case_quotes_and_split_parameters_are_read() {
        let boundary = |text: &str| {
            let media_type = MediaType::read(text.as_bytes()).unwrap();
            media_type.boundary().map(|b| String::from_utf8(b).unwrap())
        };
        for (text, expected) in [
            ("multipart/mixed; boundary=abc", Some("abc")),
            (
                " (x) MultiPart (y) / (z) Mixed ; Boundary = \"a b \"",
                Some("a b"),
            ),
            (
                "multipart/mixed;;charset=x; boundary=\"a;b\\\"c\"",
                Some("a;b\"c"),
            ),
            (
                "multipart/mixed; boundary*0=\"ab\"; boundary*1=cd",
                Some("abcd"),
            ),
            ("multipart/mixed; boundary*=us-ascii'en'a%3db", Some("a=b")),
            (
                "multipart/mixed; boundary=----=_Part_1/2",
                Some("----=_Part_1/2"),
            ),
            ("multipart/mixed", None),
            ("multipart/mixed; boundary=\"never ends", None),
            ("multipart/mixed; boundary=\"\"", None),
            ("text/plain; boundary=abc", None),
        ] {
            assert_eq!(boundary(text).as_deref(), expected, "{text}");
        }
        for bad in [
            "",
            "text",
            "/plain",
            "text/",
            "(text/plain",
            "text plain/x",
            "text/plain x",
            "text/plain/x",
            "multipart/mixed boundary=abc",
            "text/plain (x",
        ] {
            assert_eq!(MediaType::read(bad.as_bytes()), None, "{bad}");
        }
    }
}
