//! Writing header fields (RFC 5322, RFC 2047): whatever comes in, each comes out as one field.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tradepost_statements::{Address, Time};

use crate::header::Field;
use crate::untrusted::{self, show};

/// A header that is being written.
#[derive(Debug, Default)]
pub(crate) struct HeaderText {
    octets: Vec<u8>,
}

/// RFC 5322 section 2.1.1: what a line should have at most.
const LINE: usize = 76;
/// Of a text for people.
const MOST_TEXT_CHARS: usize = 300;
/// RFC 2047 section 2: an encoded word has at most 75 characters; these many octets make 64.
const OCTETS_OF_A_WORD: usize = 39;

impl HeaderText {
    pub(crate) fn from(&mut self, address: &Address, name: Option<&str>) {
        let address = in_header(address);
        let Some(name) = name.map(untrusted::name).filter(|n| !n.is_empty()) else {
            return self.write(Field::From, &[address]);
        };
        let is_plain = name.is_ascii() && name.len() < 60 && !name.contains("=?");
        let mut words = if is_plain {
            let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
            vec![format!("\"{escaped}\"")]
        } else {
            encoded_words(&name)
        };
        words.push(format!("<{address}>"));
        self.write(Field::From, &words);
    }

    pub(crate) fn to(&mut self, address: &Address) {
        self.write(Field::To, &[in_header(address)]);
    }

    /// A text for people.
    pub(crate) fn text(&mut self, field: Field, text: &str) {
        let text = one_line(text);
        let is_plain =
            text.is_ascii() && !text.contains("=?") && text.split(' ').all(|word| word.len() <= 60);
        if is_plain {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            self.write(field, &words);
        } else {
            self.write(field, &encoded_words(&text));
        }
    }

    pub(crate) fn date(&mut self, date: Time) {
        let text = date.timestamp().strftime("%a, %d %b %Y %H:%M:%S +0000");
        self.write(Field::Date, &[text.to_string()]);
    }

    /// Message-IDs; none: no field.
    pub(crate) fn ids(&mut self, field: Field, ids: &[String]) {
        let ids: Vec<String> = ids.iter().map(|id| message_id(id)).collect();
        if !ids.is_empty() {
            self.write(field, &ids);
        }
    }

    /// A value of our own making.
    pub(crate) fn token(&mut self, field: Field, value: &str) {
        self.write(field, &[value.to_owned()]);
    }

    pub(crate) fn multipart(&mut self, subtype: &str, boundary: &str) {
        let words = [
            format!("multipart/{subtype};"),
            format!("boundary=\"{boundary}\""),
        ];
        self.write(Field::ContentType, &words);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.octets.extend_from_slice(b"\r\n");
        self.octets
    }

    /// Writes words with blanks between them, folded before those that would make a line too long.
    /// The first word stays beside the name: a line of nothing but blanks is obsolete.
    fn write(&mut self, field: Field, words: &[String]) {
        let mut line = format!("{}:", field.name());
        for (i, word) in words.iter().enumerate() {
            if i > 0 && line.len() + 1 + word.len() > LINE {
                self.octets.extend_from_slice(line.as_bytes());
                self.octets.extend_from_slice(b"\r\n");
                line.clear();
            }
            line.push(' ');
            line.push_str(word);
        }
        self.octets.extend_from_slice(line.as_bytes());
        self.octets.extend_from_slice(b"\r\n");
    }
}

/// The domain in ASCII; a local part that is not needs SMTPUTF8 (RFC 6531).
fn in_header(address: &Address) -> String {
    let written = address.as_written();
    let local = written.rsplit_once('@').map_or(written, |(local, _)| local);
    format!("{local}@{}", address.domain())
}

fn message_id(id: &str) -> String {
    let fits = |c: &char| c.is_ascii_graphic() && *c != '<' && *c != '>';
    let bare: String = id.chars().filter(fits).take(500).collect();
    format!("<{bare}>")
}

/// Without control characters and double blanks: nothing in it can end a field.
fn one_line(text: &str) -> String {
    let blanks: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .collect();
    let text = show(&blanks);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= MOST_TEXT_CHARS {
        return line;
    }
    let cut: String = line.chars().take(MOST_TEXT_CHARS).collect();
    format!("{cut}...")
}

/// RFC 2047; the blanks between encoded words are no part of the text.
fn encoded_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut piece = String::new();
    for c in text.chars() {
        if piece.len() + c.len_utf8() > OCTETS_OF_A_WORD {
            words.push(std::mem::take(&mut piece));
        }
        piece.push(c);
    }
    words.push(piece);
    words
        .iter()
        .map(|piece| format!("=?utf-8?B?{}?=", STANDARD.encode(piece)))
        .collect()
}
