//! Transfer encodings of the parts (RFC 2045 section 6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// RFC 2045 section 6.7, rule 5, and 6.8.
const LINE: usize = 76;

/// Lines of at most 76 characters, the last one without its line end.
pub(super) fn base64_lines(octets: &[u8]) -> Vec<u8> {
    let encoded = STANDARD.encode(octets);
    let lines: Vec<&[u8]> = encoded.as_bytes().chunks(LINE).collect();
    lines.join(b"\r\n".as_slice())
}

/// A text with LF line ends as quoted-printable, the last line without its line end.
pub(crate) fn quoted_printable(text: &str) -> Vec<u8> {
    quoted_printable_octets(text.as_bytes())
}

/// The same for a text in whatever charset whose lines end in LF or CRLF.
pub(super) fn quoted_printable_octets(text: &[u8]) -> Vec<u8> {
    let end = text.iter().rposition(|b| *b != b'\n' && *b != b'\r');
    let text = text.get(..end.map_or(0, |i| i + 1)).unwrap_or_default();
    let without_cr = |line: &[u8]| {
        line.strip_suffix(b"\r")
            .map_or(line.to_vec(), <[u8]>::to_vec)
    };
    let lines = text.split(|b| *b == b'\n').map(without_cr);
    let lines: Vec<Vec<u8>> = lines.map(|l| line(&l)).collect();
    lines.join(b"\r\n".as_slice())
}

fn line(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut width = 0;
    for (i, b) in octets.iter().copied().enumerate() {
        let rest = octets.get(i..).unwrap_or_default();
        let is_plain = (b.is_ascii_graphic() || b == b' ') && b != b'=';
        // A blank at the end would be lost on the way.
        let is_last_blank = b == b' ' && rest.len() == 1;
        let needed = if is_plain && !is_last_blank { 1 } else { 3 };
        if width + needed > LINE - 1 {
            out.extend_from_slice(b"=\r\n");
            width = 0;
        }
        // A dot alone or "From " at the start would be changed on the way.
        let is_fragile = width == 0 && (b == b'.' || rest.starts_with(b"From "));
        if needed == 1 && !is_fragile {
            out.push(b);
            width += 1;
        } else {
            out.extend_from_slice(format!("={b:02X}").as_bytes());
            width += 3;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_changed_on_the_way_is_encoded() {
        for (text, encoded) in [
            ("Follow it", "Follow it"),
            ("From here", "=46rom here"),
            (".", "=2E"),
            ("a = b", "a =3D b"),
            ("-- \nx\n\n", "--=20\r\nx"),
            ("ä", "=C3=A4"),
        ] {
            assert_eq!(quoted_printable(text), encoded.as_bytes(), "{text}");
        }
        let long = quoted_printable(&"From .".repeat(100));
        for line in long.split(|b| *b == b'\n') {
            assert!(line.len() <= LINE + 1, "{}", line.len());
            assert!(!line.starts_with(b"From ") && !line.starts_with(b"."));
        }
    }
}
