//! A MIME entity (RFC 2045 section 2.4) as octets that are kept: fields in their order, and a body.

use super::AttachError;
use crate::guard::{HeaderReader, RawHeader, lines, unfold};
use crate::header::Field;
use crate::media_type::MediaType;
use crate::transfer::TransferEncoding;
use crate::untrusted::show;

/// A header field as it stands, with its line end.
#[derive(Debug, Clone)]
pub(super) struct EntityField {
    pub(super) octets: Vec<u8>,
}

impl EntityField {
    pub(super) fn new(text: &str) -> EntityField {
        EntityField {
            octets: format!("{text}\r\n").into_bytes(),
        }
    }

    fn split(&self) -> (&[u8], &[u8]) {
        let colon = self.octets.iter().position(|b| *b == b':');
        let (name, value) = self.octets.split_at(colon.unwrap_or(0));
        (name, value.get(1..).unwrap_or_default())
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.split().0.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Whether it tells of the body: it goes where the body goes.
    pub(super) fn is_content(&self) -> bool {
        let prefix = self.split().0.get(..8);
        prefix.is_some_and(|p| p.eq_ignore_ascii_case(b"content-"))
    }

    pub(super) fn value(&self) -> Vec<u8> {
        unfold(self.split().1)
    }

    pub(super) fn value_for_people(&self) -> String {
        show(String::from_utf8_lossy(&self.value()).trim())
    }
}

/// Fields and a body, which ends without a line end unless it is a whole mail's.
#[derive(Debug, Clone)]
pub(super) struct Entity {
    pub(super) fields: Vec<EntityField>,
    pub(super) body: Vec<u8>,
}

impl Entity {
    /// Lines end in CRLF.
    pub(super) fn read(raw: &[u8]) -> Result<Entity, AttachError> {
        let mut fields: Vec<EntityField> = Vec::new();
        let mut reader = HeaderReader::default();
        let mut body_at = raw.len();
        for line in lines(raw, 0) {
            if line.start == line.end {
                body_at = line.next;
                break;
            }
            reader.take(raw, line);
            let octets = raw.get(line.start..line.next).unwrap_or_default();
            match fields.last_mut() {
                Some(last) if octets.starts_with(b" ") || octets.starts_with(b"\t") => {
                    last.octets.extend_from_slice(octets);
                }
                Some(_) | None => fields.push(EntityField {
                    octets: octets.to_vec(),
                }),
            }
        }
        let header: RawHeader = reader.finish(body_at);
        if let Some(line) = header.malformed_line {
            return Err(AttachError::MalformedHeader(line));
        }
        for field in [Field::ContentType, Field::ContentTransferEncoding] {
            if header.all(field).nth(1).is_some() {
                let why = format!("it has the field {field} twice");
                return Err(AttachError::NotBelievable(why));
            }
        }
        Ok(Entity {
            fields,
            body: raw.get(body_at..).unwrap_or_default().to_vec(),
        })
    }

    fn field(&self, name: &str) -> Option<Vec<u8>> {
        self.fields
            .iter()
            .find(|f| f.is(name))
            .map(EntityField::value)
    }

    /// RFC 2045 section 5.2: a text where nothing is said.
    pub(super) fn media_type(&self) -> Option<MediaType> {
        match self.field("Content-Type") {
            Some(value) => MediaType::read(&value),
            None => MediaType::read(b"text/plain"),
        }
    }

    /// Says what it is, where it does not yet: in a new place nobody guesses.
    pub(super) fn with_media_type(mut self, field: &str) -> Entity {
        if !self.fields.iter().any(|f| f.is("Content-Type")) {
            self.fields.insert(0, EntityField::new(field));
        }
        self
    }

    pub(super) fn is_attachment(&self) -> bool {
        let disposition = self.field("Content-Disposition").unwrap_or_default();
        let word = disposition.trim_ascii();
        word.get(..10)
            .is_some_and(|w| w.eq_ignore_ascii_case(b"attachment"))
    }

    /// The body without its transfer encoding.
    pub(super) fn decoded(&self) -> Result<Vec<u8>, AttachError> {
        let encoding = match self.field("Content-Transfer-Encoding") {
            Some(value) => TransferEncoding::read(&value),
            None => Some(TransferEncoding::Identity),
        };
        let decoded = encoding.and_then(|e| e.decode(&self.body));
        decoded.ok_or(AttachError::BrokenEncoding)
    }

    /// With another body in quoted-printable.
    pub(super) fn with_quoted_printable(mut self, body: Vec<u8>) -> Entity {
        self.fields.retain(|f| !f.is("Content-Transfer-Encoding"));
        self.fields.push(EntityField::new(
            "Content-Transfer-Encoding: quoted-printable",
        ));
        self.body = body;
        self
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for field in &self.fields {
            out.extend_from_slice(&field.octets);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out
    }
}

/// The parts of a multipart, and what stands around them (RFC 2046 section 5.1.1).
#[derive(Debug)]
pub(super) struct MultipartParts {
    boundary: Vec<u8>,
    before: Vec<u8>,
    pub(super) parts: Vec<Entity>,
    after: Vec<u8>,
}

impl MultipartParts {
    /// None where there is no delimiter, or no last one: readers disagree about such mails.
    pub(super) fn read(
        boundary: Vec<u8>,
        body: &[u8],
    ) -> Result<Option<MultipartParts>, AttachError> {
        let delimiter = [b"--".as_slice(), &boundary].concat();
        let last = [delimiter.as_slice(), b"--"].concat();
        let mut pieces: Vec<&[u8]> = Vec::new();
        let mut from = 0;
        let mut end = None;
        for line in lines(body, 0) {
            let text = body
                .get(line.start..line.end)
                .unwrap_or_default()
                .trim_ascii_end();
            if text == delimiter || text == last {
                // The line end before a delimiter belongs to it.
                let until = if line.start > from {
                    line.start.saturating_sub(2)
                } else {
                    line.start
                };
                pieces.push(body.get(from..until.max(from)).unwrap_or_default());
                from = line.next;
            }
            if text == last {
                end = Some(line.end);
                break;
            }
        }
        let (Some(end), Some((before, parts))) = (end, pieces.split_first()) else {
            return Ok(None);
        };
        let parts: Result<Vec<Entity>, _> = parts.iter().map(|p| Entity::read(p)).collect();
        Ok(Some(MultipartParts {
            boundary,
            before: before.to_vec(),
            parts: parts?,
            after: body.get(end..).unwrap_or_default().to_vec(),
        }))
    }

    pub(super) fn new(boundary: String, parts: Vec<Entity>) -> MultipartParts {
        MultipartParts {
            boundary: boundary.into_bytes(),
            before: Vec::new(),
            parts,
            after: b"\r\n".to_vec(),
        }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = self.before.clone();
        let mut is_first = out.is_empty();
        for part in &self.parts {
            if !is_first {
                out.extend_from_slice(b"\r\n");
            }
            is_first = false;
            out.extend_from_slice(b"--");
            out.extend_from_slice(&self.boundary);
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(&part.write());
        }
        out.extend_from_slice(b"\r\n--");
        out.extend_from_slice(&self.boundary);
        out.extend_from_slice(b"--");
        out.extend_from_slice(&self.after);
        out
    }
}
