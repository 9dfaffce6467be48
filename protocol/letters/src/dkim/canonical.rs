//! Canonicalization (RFC 6376 section 3.4): which octets a signature is over.
//!
//! Nothing is left out that the RFC keeps. A CR without its LF is an octet like any other, so that
//! nobody can put some into a signed letter; libraries drop it. A line end is CRLF or, as Maildir and
//! mbox files have it, a bare LF, and counts as CRLF.

use sha2::{Digest, Sha256};

use crate::guard::lines;

/// How much a letter may be changed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Canonicalization {
    Simple,
    Relaxed,
}

impl Canonicalization {
    pub(super) fn read(name: &str) -> Option<Canonicalization> {
        match name {
            "simple" => Some(Canonicalization::Simple),
            "relaxed" => Some(Canonicalization::Relaxed),
            _ => None,
        }
    }

    /// A header field, without the line end at its end.
    pub(super) fn field(self, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        match self {
            // RFC 6376 section 3.4.1
            Canonicalization::Simple => {
                out.extend_from_slice(name);
                out.push(b':');
                for line in lines(value, 0) {
                    out.extend_from_slice(value.get(line.start..line.end).unwrap_or_default());
                    if line.next > line.end {
                        out.extend_from_slice(b"\r\n");
                    }
                }
            }
            // RFC 6376 section 3.4.2
            Canonicalization::Relaxed => {
                out.extend(name.iter().map(u8::to_ascii_lowercase));
                out.push(b':');
                let mut unfolded = Vec::with_capacity(value.len());
                for line in lines(value, 0) {
                    unfolded.extend_from_slice(value.get(line.start..line.end).unwrap_or_default());
                }
                let start = unfolded.iter().position(|b| !is_blank(*b));
                let text = start.and_then(|start| unfolded.get(start..));
                squeeze(text.unwrap_or_default(), &mut |octets| {
                    out.extend_from_slice(octets)
                });
            }
        }
    }

    /// The SHA-256 of a body.
    pub(super) fn body_hash(self, body: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut empty_lines = 0_usize;
        let mut is_empty = true;
        for line in lines(body, 0) {
            let text = body.get(line.start..line.end).unwrap_or_default();
            let text = match self {
                Canonicalization::Simple => text,
                Canonicalization::Relaxed => without_blanks_at_the_end(text),
            };
            // Empty lines count only when something follows them.
            if text.is_empty() {
                empty_lines += 1;
                continue;
            }
            for _ in 0..std::mem::take(&mut empty_lines) {
                hash.update(b"\r\n");
            }
            is_empty = false;
            match self {
                Canonicalization::Simple => hash.update(text),
                Canonicalization::Relaxed => squeeze(text, &mut |octets| hash.update(octets)),
            }
            hash.update(b"\r\n");
        }
        // RFC 6376 section 3.4.3: an empty body is one line end; section 3.4.4: it is empty.
        if is_empty && self == Canonicalization::Simple {
            hash.update(b"\r\n");
        }
        hash.finalize().into()
    }
}

/// Each run of blanks becomes one space, and none stays at the end.
fn squeeze(text: &[u8], take: &mut impl FnMut(&[u8])) {
    let mut rest = without_blanks_at_the_end(text);
    while !rest.is_empty() {
        let end = rest.iter().position(|b| is_blank(*b));
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        take(word);
        if after.is_empty() {
            return;
        }
        take(b" ");
        let next = after.iter().position(|b| !is_blank(*b));
        rest = after.get(next.unwrap_or(after.len())..).unwrap_or_default();
    }
}

fn without_blanks_at_the_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|b| !is_blank(*b));
    end.and_then(|end| text.get(..=end)).unwrap_or_default()
}

/// WSP of RFC 5234; no other octet is a blank.
fn is_blank(b: u8) -> bool {
    b == b' ' || b == b'\t'
}
