//! Content-Transfer-Encodings (RFC 2045 section 6), read strictly: what does not decode is not
//! guessed at.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::guard::lines;
use crate::lexer::{Lexer, is_token};

/// How a part is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransferEncoding {
    /// `7bit`, `8bit`, `binary`, or no field.
    Identity,
    Base64,
    QuotedPrintable,
}

impl TransferEncoding {
    /// Reads the unfolded body of the field; None for an encoding that RFC 2045 does not have.
    pub(crate) fn read(body: &[u8]) -> Option<TransferEncoding> {
        let mut lexer = Lexer::new(body);
        lexer.skip_cfws().ok()?;
        let word = String::from_utf8_lossy(lexer.run(is_token)).to_ascii_lowercase();
        lexer.skip_cfws().ok()?;
        if !lexer.at_end() {
            return None;
        }
        match word.as_str() {
            "7bit" | "8bit" | "binary" => Some(TransferEncoding::Identity),
            "base64" => Some(TransferEncoding::Base64),
            "quoted-printable" => Some(TransferEncoding::QuotedPrintable),
            _ => None,
        }
    }

    /// The part's octets; None when they are not encoded as they claim to be.
    pub(crate) fn decode(self, encoded: &[u8]) -> Option<Vec<u8>> {
        match self {
            TransferEncoding::Identity => Some(encoded.to_vec()),
            TransferEncoding::Base64 => {
                let packed: Vec<u8> = encoded
                    .iter()
                    .copied()
                    .filter(|b| !b" \t\r\n".contains(b))
                    .collect();
                STANDARD.decode(packed).ok()
            }
            TransferEncoding::QuotedPrintable => decode_quoted_printable(encoded),
        }
    }
}

/// RFC 2045 section 6.7. Line ends come out as CRLF, whatever they were.
fn decode_quoted_printable(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(encoded.len());
    for line in lines(encoded, 0) {
        let text = encoded.get(line.start..line.end)?;
        // Rule 3: blanks at the end of a line were added on the way.
        let text = text.trim_ascii_end();
        let (text, is_soft_break) = match text.strip_suffix(b"=") {
            Some(before) => (before, true),
            None => (text, false),
        };
        let mut rest = text;
        while let Some((first, after)) = rest.split_first() {
            if *first != b'=' {
                out.push(*first);
                rest = after;
                continue;
            }
            let (hex, after) = after.split_at_checked(2)?;
            let hex = std::str::from_utf8(hex).ok()?;
            if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            out.push(u8::from_str_radix(hex, 16).ok()?);
            rest = after;
        }
        if !is_soft_break && line.next > line.end {
            out.extend_from_slice(b"\r\n");
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_encoded_rightly_is_decoded() {
        use TransferEncoding::{Base64, QuotedPrintable};
        for (encoding, encoded, expected) in [
            (Base64, "aGVs\r\nbG8=\r\n", Some("hello")),
            (Base64, "aGVs\n bG8=", Some("hello")),
            (Base64, "aGVsbG8", None),
            (Base64, "aGVs*bG8=", None),
            (Base64, "aGVsbG8=\r\nfooter", None),
            (Base64, "", Some("")),
            (QuotedPrintable, "{=22a=22}", Some("{\"a\"}")),
            (QuotedPrintable, "a=\r\nb= \t\nc", Some("abc")),
            (QuotedPrintable, "a  \r\nb\n", Some("a\r\nb\r\n")),
            (QuotedPrintable, "=c3=A4", Some("ä")),
            (QuotedPrintable, "a=b", None),
            (QuotedPrintable, "=ZZ", None),
            (QuotedPrintable, "=+1", None),
        ] {
            let decoded = encoding.decode(encoded.as_bytes());
            assert_eq!(
                decoded.as_deref(),
                expected.map(str::as_bytes),
                "{encoded:?}"
            );
        }
        assert_eq!(TransferEncoding::read(b" (x) BASE64 "), Some(Base64));
        assert_eq!(TransferEncoding::read(b"x-uuencode"), None);
    }
}
