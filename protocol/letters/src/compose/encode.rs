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
pub(super) fn quoted_printable(text: &str) -> Vec<u8> {
    let lines: Vec<Vec<u8>> = text.trim_end_matches('\n').split('\n').map(line).collect();
    lines.join(b"\r\n".as_slice())
}

fn line(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut width = 0;
    let last = text.len().saturating_sub(1);
    for (i, b) in text.bytes().enumerate() {
        // A blank at the end would be lost, a dot or "From " at the start changed on the way.
        let is_fragile = (b == b' ' && i == last) || (i == 0 && (b == b'.' || b == b'F'));
        let is_plain = (b.is_ascii_graphic() || b == b' ') && b != b'=' && !is_fragile;
        let needed = if is_plain { 1 } else { 3 };
        if width + needed > LINE - 1 {
            out.extend_from_slice(b"=\r\n");
            width = 0;
        }
        // The next piece may start with a dot too.
        if is_plain && !(width == 0 && b == b'.') {
            out.push(b);
            width += 1;
        } else {
            out.extend_from_slice(format!("={b:02X}").as_bytes());
            width += 3;
        }
    }
    out
}
