//! JSON for standard output: like serde_json's, but nothing in it can act on a terminal.
//!
//! Strings in the ledger come from letters. serde_json escapes what is below U+0020 only; a
//! terminal also obeys U+0080 to U+009F, and bidi and zero-width characters deceive a reader.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

/// On one line.
pub(crate) fn line<T: Serialize>(value: &T) -> serde_json::Result<String> {
    write(value, CompactFormatter)
}

/// Over several lines, indented.
pub(crate) fn pretty<T: Serialize>(value: &T) -> serde_json::Result<String> {
    write(value, PrettyFormatter::new())
}

fn write<T: Serialize, F: Formatter>(value: &T, layout: F) -> serde_json::Result<String> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, Escaping(layout)))?;
    String::from_utf8(out).map_err(serde::ser::Error::custom)
}

/// Lays out as `F` does, and escapes what [`is_deceptive`].
struct Escaping<F>(F);

impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        w: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_deceptive(*c)) {
            let (plain, after) = rest.split_at(at);
            w.write_all(plain.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(w, "\\u{unit:04x}")?;
            }
            rest = after.strip_prefix(c).unwrap_or_default();
        }
        w.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_array(w)
    }
    fn end_array<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_array(w)
    }
    fn begin_array_value<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(w, first)
    }
    fn end_array_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_array_value(w)
    }
    fn begin_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_object(w)
    }
    fn end_object<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_object(w)
    }
    fn begin_object_key<W: ?Sized + Write>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(w, first)
    }
    fn begin_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.begin_object_value(w)
    }
    fn end_object_value<W: ?Sized + Write>(&mut self, w: &mut W) -> io::Result<()> {
        self.0.end_object_value(w)
    }
}

/// Characters that a terminal obeys, or that change how the text around them looks without being
/// seen: controls, bidi controls (UAX #9), zero-width and other invisible format characters.
pub(crate) fn is_deceptive(c: char) -> bool {
    matches!(u32::from(c),
        0x00..=0x1F | 0x7F..=0x9F | 0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5
        | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164
        | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x1D173..=0x1D17A
        | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_reads_back_the_same() {
        let text = "Kettle \u{202e}\u{200b}\u{1b}[31m\u{9b}2J\u{7f} \u{e0041} ü 壺 \"q\"";
        for written in [line(&[text]).unwrap(), pretty(&[text]).unwrap()] {
            assert!(
                !written.chars().any(|c| c != '\n' && is_deceptive(c)),
                "{written}"
            );
            assert!(
                written.contains("ü 壺"),
                "what is harmless stays: {written}"
            );
            let back: Vec<String> = serde_json::from_str(&written).unwrap();
            assert_eq!(back, [text]);
        }
    }
}
