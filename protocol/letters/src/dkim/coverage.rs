//! Whether a signature covers all that decides how a letter is read (protocol 5, the row `dkim`).

use super::flaw::Flaw;
use super::raw::RawLetter;
use crate::TRADEPOST_TYPE;
use crate::guard::{lines, unfold};
use crate::header::Field;
use crate::parse::Letter;
use crate::transfer::TransferEncoding;

/// Protocol 5: From, To, Subject and Date signed; Content-Type and Content-Transfer-Encoding signed,
/// or such that nothing depends on them. `covered` has the names of `h=` in lower case.
pub(super) fn check(covered: &[String], raw: &RawLetter<'_>, letter: &Letter) -> Result<(), Flaw> {
    let is_covered = |field: Field| {
        let name = field.name();
        covered.iter().any(|c| c.eq_ignore_ascii_case(name))
    };
    for field in [Field::From, Field::To, Field::Subject, Field::Date] {
        if !is_covered(field) {
            return Err(Flaw::DoesNotCover(field));
        }
    }
    if !is_covered(Field::ContentType) && !has_one_reading(raw.body, letter) {
        return Err(Flaw::PartsCouldBeOthers);
    }
    if !encoding_is_fixed(covered, raw) {
        return Err(Flaw::EncodingCouldBeAnother);
    }
    Ok(())
}

/// Protocol 5: whatever boundary an unsigned Content-Type names, the one Tradepost part is the one
/// that was signed: the raw body has exactly one line that starts one, that line makes a leaf of
/// the declared tree, and no letter lies within this one.
fn has_one_reading(body: &[u8], letter: &Letter) -> bool {
    let starts = starts(body);
    let body_at = letter.size.saturating_sub(body.len());
    let is_one_leaf = match starts.tradepost.as_slice() {
        [only] => letter.statement_type_at == Some(body_at + only),
        [] | [_, _, ..] => false,
    };
    // The declared tree is what the sender of the unsigned field makes it, so the lines count too.
    is_one_leaf && !letter.has_letter_within && !starts.has_letter
}

#[derive(Default)]
struct Starts {
    /// Where the lines are that start with a Content-Type field of a Tradepost part, at most two.
    tradepost: Vec<usize>,
    has_letter: bool,
}

fn starts(body: &[u8]) -> Starts {
    const NAME: &[u8] = b"content-type:";
    let mut starts = Starts::default();
    let mut is_continued = false;
    for line in lines(body, 0) {
        let text = body.get(line.start..line.end).unwrap_or_default();
        let named = text
            .split_at_checked(NAME.len())
            .filter(|(name, _)| name.eq_ignore_ascii_case(NAME));
        let value = match named {
            Some((_, value)) => value,
            None if is_continued => text,
            None => continue,
        };
        let stated = value.trim_ascii_start();
        is_continued = stated.is_empty();
        let is = |media_type: &str| {
            stated
                .get(..media_type.len())
                .is_some_and(|s| s.eq_ignore_ascii_case(media_type.as_bytes()))
        };
        starts.has_letter |= is("message/");
        // As protocol 5 writes it: one space, in any case.
        let is_tradepost = named.is_some() && value.starts_with(b" ") && is(TRADEPOST_TYPE);
        if is_tradepost && value.len() - stated.len() == 1 && starts.tradepost.len() < 2 {
            starts.tradepost.push(line.start);
        }
    }
    starts
}

/// Every Content-Transfer-Encoding of the letter itself is signed, or 7bit, 8bit or binary.
fn encoding_is_fixed(covered: &[String], raw: &RawLetter<'_>) -> bool {
    let name = Field::ContentTransferEncoding.name();
    let signed = covered
        .iter()
        .filter(|c| c.eq_ignore_ascii_case(name))
        .count();
    let values: Vec<&[u8]> = raw
        .fields
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| *value)
        .collect();
    // Signatures cover the lowest ones (RFC 6376 section 5.4.2).
    let unsigned = values.len().saturating_sub(signed);
    values
        .iter()
        .take(unsigned)
        .all(|value| TransferEncoding::read(&unfold(value)) == Some(TransferEncoding::Identity))
}
