//! A letter as DKIM sees it: every header field with its octets, and the body.

use std::collections::HashMap;

use crate::guard::{is_blank, lines};

/// All header fields, whatever their names, top first, and the body.
///
/// It is read line by line as [`parse`](crate::parse) reads the letter; what is no field there is none
/// here, and a letter that has such lines proves nothing anyway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawLetter<'a> {
    /// Name and value; the value begins after the colon, is still folded, and has no line end at
    /// its end.
    pub fields: Vec<(&'a [u8], &'a [u8])>,
    /// What follows the empty line.
    pub body: &'a [u8],
}

impl<'a> RawLetter<'a> {
    /// Reads any octets.
    #[must_use]
    pub fn read(raw: &'a [u8]) -> RawLetter<'a> {
        let mut fields = Vec::new();
        // Where the open field starts, its colon, and its end.
        let mut open: Option<(usize, usize, usize)> = None;
        let mut body_at = raw.len();
        let mut close = |field: Option<(usize, usize, usize)>| {
            if let Some((start, colon, end)) = field {
                let name = raw.get(start..colon).unwrap_or_default();
                fields.push((name, raw.get(colon + 1..end).unwrap_or_default()));
            }
        };
        for (i, line) in lines(raw, 0).enumerate() {
            if line.start == line.end {
                body_at = line.next;
                break;
            }
            let text = raw.get(line.start..line.end).unwrap_or_default();
            // The envelope line of an mbox file.
            if i == 0 && raw.starts_with(b"From ") {
                continue;
            }
            if text.first().is_some_and(|b| is_blank(*b)) {
                if let Some((_, _, end)) = &mut open {
                    *end = line.end;
                }
                continue;
            }
            close(open.take());
            let colon = text.iter().position(|b| *b == b':');
            open = colon.map(|colon| (line.start, line.start + colon, line.end));
        }
        close(open);
        RawLetter {
            fields,
            body: raw.get(body_at..).unwrap_or_default(),
        }
    }

    /// Where the fields of each of these names, which are in lower case, stand, top first; all but one field.
    pub(super) fn places<'n>(
        &self,
        names: &'n [String],
        but: usize,
    ) -> HashMap<&'n [u8], Vec<usize>> {
        let mut places: HashMap<&[u8], Vec<usize>> = HashMap::new();
        places.extend(names.iter().map(|name| (name.as_bytes(), Vec::new())));
        let mut lower = Vec::new();
        for (i, (name, _)) in self.fields.iter().enumerate() {
            lower.clear();
            lower.extend(name.iter().map(u8::to_ascii_lowercase));
            if i != but
                && let Some(places) = places.get_mut(lower.as_slice())
            {
                places.push(i);
            }
        }
        places
    }
}
