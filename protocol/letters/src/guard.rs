//! The first look at raw octets: lines, header fields, where the header ends.
//!
//! This is all that stands between a hostile letter and the rest, so it is one pass without
//! recursion, it keeps only the fields that are read, and it mends nothing: a line that is no field
//! is noted as such. Line ends are CRLF or a bare LF, as Maildir and mbox files have it; a header that
//! mixes them is noted as well, since two readers may see two headers in it.

use crate::header::Field;

/// One line without its line end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawLine {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Where the next one starts.
    pub(crate) next: usize,
}

/// The lines of `raw` from an offset on.
pub(crate) fn lines(raw: &[u8], from: usize) -> impl Iterator<Item = RawLine> + '_ {
    let mut start = from;
    std::iter::from_fn(move || {
        let rest = raw.get(start..).filter(|r| !r.is_empty())?;
        let (length, next) = match rest.iter().position(|b| *b == b'\n') {
            Some(lf) => (lf, start + lf + 1),
            None => (rest.len(), raw.len()),
        };
        let line = RawLine {
            start,
            end: start + without_cr(rest, length, next - start),
            next,
        };
        start = next;
        Some(line)
    })
}

/// A CR belongs to the line end only when an LF follows it.
fn without_cr(rest: &[u8], length: usize, with_end: usize) -> usize {
    let before = length.checked_sub(1).and_then(|i| rest.get(i));
    if with_end > length && before == Some(&b'\r') {
        length - 1
    } else {
        length
    }
}

/// A field that is read here, with its unparsed and still folded body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawField {
    pub(crate) field: Field,
    /// Where its line starts.
    pub(crate) at: usize,
    body: (usize, usize),
    /// A continuation line of nothing but blanks (RFC 5322 section 4.2, obsolete).
    pub(crate) has_blank_continuation: bool,
}

impl RawField {
    pub(crate) fn body<'a>(&self, raw: &'a [u8]) -> &'a [u8] {
        raw.get(self.body.0..self.body.1).unwrap_or_default()
    }

    /// The body on one line (RFC 5322 section 2.2.3).
    pub(crate) fn unfolded(&self, raw: &[u8]) -> Vec<u8> {
        unfold(self.body(raw))
    }
}

/// Takes out the line ends that blanks follow; others cannot be inside a field.
pub(crate) fn unfold(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for line in lines(body, 0) {
        out.extend_from_slice(body.get(line.start..line.end).unwrap_or_default());
    }
    out
}

/// Reads a header line by line.
#[derive(Debug, Default)]
pub(crate) struct HeaderReader {
    fields: Vec<RawField>,
    /// The number of the first line that is no header field, from 1.
    malformed_line: Option<usize>,
    lines: usize,
    open: OpenField,
    line_ends: LineEnds,
}

/// What the line ends of a header are (protocol 5).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnds {
    /// No line has ended yet.
    #[default]
    NoneSeen,
    /// CRLF throughout.
    CrLf,
    /// LF throughout, as files have it.
    Lf,
    /// Both, or a CR that no LF follows.
    Mixed,
}

impl LineEnds {
    fn with(self, raw: &[u8], line: RawLine) -> LineEnds {
        let text = raw.get(line.start..line.end).unwrap_or_default();
        let this = match line.next - line.end {
            _ if text.contains(&b'\r') => LineEnds::Mixed,
            0 => return self,
            1 => LineEnds::Lf,
            _ => LineEnds::CrLf,
        };
        if self == LineEnds::NoneSeen || self == this {
            this
        } else {
            LineEnds::Mixed
        }
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum OpenField {
    #[default]
    Nothing,
    /// One that is not read here.
    Other,
    /// The last one of `fields`.
    Last,
}

impl HeaderReader {
    /// Takes the next line, which is not the empty line that ends the header.
    pub(crate) fn take(&mut self, raw: &[u8], line: RawLine) {
        self.lines += 1;
        self.line_ends = self.line_ends.with(raw, line);
        let text = raw.get(line.start..line.end).unwrap_or_default();
        if text.first().is_some_and(|b| is_blank(*b)) {
            return self.continue_field(text, line);
        }
        // RFC 5322 section 2.2: printable US-ASCII, then at once the colon. `From :` is the
        // obsolete syntax that some readers take for From and some do not.
        let name = text.split(|b| *b == b':').next().unwrap_or_default();
        let is_name = !name.is_empty()
            && name.len() < text.len()
            && name.iter().all(|b| (33..=126).contains(b));
        if !is_name {
            self.open = OpenField::Nothing;
            self.is_malformed();
            return;
        }
        self.open = OpenField::Other;
        if let Some(field) = Field::from_name(name) {
            self.open = OpenField::Last;
            self.fields.push(RawField {
                field,
                at: line.start,
                body: (line.start + name.len() + 1, line.end),
                has_blank_continuation: false,
            });
        }
    }

    fn continue_field(&mut self, text: &[u8], line: RawLine) {
        match (self.open, self.fields.last_mut()) {
            (OpenField::Last, Some(field)) => {
                field.body.1 = line.end;
                field.has_blank_continuation |= text.iter().all(|b| is_blank(*b));
            }
            (OpenField::Nothing, _) => self.is_malformed(),
            (OpenField::Other | OpenField::Last, _) => {}
        }
    }

    fn is_malformed(&mut self) {
        self.malformed_line.get_or_insert(self.lines);
    }

    /// Takes the empty line that ends the header.
    fn end_at(mut self, raw: &[u8], empty: RawLine) -> RawHeader {
        self.line_ends = self.line_ends.with(raw, empty);
        self.finish(empty.next)
    }

    pub(crate) fn finish(self, body_at: usize) -> RawHeader {
        RawHeader {
            fields: self.fields,
            malformed_line: self.malformed_line,
            line_ends: self.line_ends,
            body_at,
        }
    }
}

pub(crate) fn is_blank(b: u8) -> bool {
    b == b' ' || b == b'\t'
}

/// The fields of a header that are read here, in their order.
#[derive(Debug)]
pub(crate) struct RawHeader {
    pub(crate) fields: Vec<RawField>,
    pub(crate) malformed_line: Option<usize>,
    pub(crate) line_ends: LineEnds,
    /// Where the body starts: after the empty line.
    pub(crate) body_at: usize,
}

impl RawHeader {
    /// Reads the header of a letter.
    pub(crate) fn of_letter(raw: &[u8]) -> RawHeader {
        let mut reader = HeaderReader::default();
        for (i, line) in lines(raw, 0).enumerate() {
            if line.start == line.end {
                return reader.end_at(raw, line);
            }
            // The envelope line of an mbox file, which a store may have left in front.
            let is_envelope = i == 0 && raw.starts_with(b"From ");
            if !is_envelope {
                reader.take(raw, line);
            }
        }
        reader.finish(raw.len())
    }

    pub(crate) fn all(&self, field: Field) -> impl Iterator<Item = &RawField> {
        self.fields.iter().filter(move |f| f.field == field)
    }

    pub(crate) fn first(&self, field: Field) -> Option<&RawField> {
        self.all(field).next()
    }

    /// Where the author's own octets start.
    pub(crate) fn author_at(&self) -> Option<usize> {
        self.fields
            .iter()
            .find(|f| f.field.starts_what_the_author_wrote())
            .map(|f| f.at)
    }
}
