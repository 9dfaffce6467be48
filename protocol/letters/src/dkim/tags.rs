//! Tag lists (RFC 6376 section 3.2), of signatures and of key records: read strictly, since what
//! two readers read differently is how one of them is fooled.

use std::collections::HashSet;
use std::ops::Range;

/// The tags of a list, in their order. Names are compared with their case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tags<'a> {
    tags: Vec<Tag<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Tag<'a> {
    name: &'a str,
    /// Without the blanks around it.
    value: &'a str,
    /// Where the value is in the list, with the blanks around it.
    span: Range<usize>,
}

/// Why a text is no tag list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTags {
    /// It breaks the grammar, or is no UTF-8 (RFC 8616 section 5).
    #[error("it is no list of tags (RFC 6376 section 3.2)")]
    Malformed,
    /// RFC 6376 section 3.2: the whole list is invalid.
    #[error("it has the tag {0} twice")]
    Repeated(String),
}

impl<'a> Tags<'a> {
    /// Reads a list; a field's value may be folded.
    pub(super) fn read(list: &'a [u8]) -> Result<Tags<'a>, BadTags> {
        // RFC 8616 section 5: what is not ASCII is UTF-8.
        let text = std::str::from_utf8(list).map_err(|_| BadTags::Malformed)?;
        if !has_only_good_characters(text) {
            return Err(BadTags::Malformed);
        }
        let mut tags = Vec::new();
        let mut names = HashSet::new();
        let mut at = 0;
        let mut specs = text.split(';').peekable();
        while let Some(spec) = specs.next() {
            // One semicolon may end the list.
            if specs.peek().is_none() && at > 0 && trim(spec).is_empty() {
                break;
            }
            let (name, value) = spec.split_once('=').ok_or(BadTags::Malformed)?;
            let span = at + name.len() + 1..at + spec.len();
            let name = trim(name);
            if !is_name(name) {
                return Err(BadTags::Malformed);
            }
            if !names.insert(name) {
                return Err(BadTags::Repeated(name.chars().take(20).collect()));
            }
            let value = trim(value);
            tags.push(Tag { name, value, span });
            at += spec.len() + 1;
        }
        Ok(Tags { tags })
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.tags.iter().find(|t| t.name == name).map(|t| t.value)
    }

    /// Where the value is in the list, with the blanks around it.
    pub(super) fn span(&self, name: &str) -> Option<Range<usize>> {
        let tag = self.tags.iter().find(|t| t.name == name)?;
        Some(tag.span.clone())
    }

    /// Where the tag stands, from 0.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.tags.iter().position(|t| t.name == name)
    }
}

/// The entries of a value that colons divide, without the blanks around them.
pub(super) fn entries(value: &str) -> impl Iterator<Item = &str> {
    value.split(':').map(trim)
}

/// The octets of a base64 value, in which blanks may stand anywhere (RFC 6376 section 2.10).
pub(super) fn base64(value: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let packed: Vec<u8> = value.bytes().filter(|b| !is_fws(*b)).collect();
    engine.decode(packed).ok()
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii() && u8::try_from(c).is_ok_and(is_fws))
}

fn is_fws(b: u8) -> bool {
    b" \t\r\n".contains(&b)
}

/// VALCHAR, blanks, and line ends; a CR only before an LF. What a line end is followed by was seen
/// when the field was read.
fn has_only_good_characters(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let good = match first {
            b'\r' => after.first() == Some(&b'\n'),
            b' ' | b'\t' | b'\n' => true,
            b => b.is_ascii_graphic() || !b.is_ascii(),
        };
        if !good {
            return false;
        }
        rest = after;
    }
    // Controls that are two octets in UTF-8.
    !text.chars().any(|c| !c.is_ascii() && c.is_control())
}

/// ALPHA followed by letters, digits and underscores.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
