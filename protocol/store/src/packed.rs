//! Rows as they stand in a record of the journal.
//!
//! ```text
//! form | row | row | ..       row: key, 0                                   (deletes it)
//!                                  key, length + 1 of the value, its parts
//!                             key: octets that it has in common with the key before it in the record,
//!                                  length of the rest, its parts
//!                             part: length * 2, octets
//!                                   length * 2 + 1, place in the batch
//! ```
//!
//! Numbers are of as many octets as they need, seven bits in each, the lowest first (LEB128). A row often
//! repeats what the head of its record says, such as a statement or an id, or what a record before it in the
//! same batch wrote: that part is not written twice. A batch is there as a whole or not at all.

use std::collections::HashMap;

use tradepost_trades::rows::Row;

use super::Record;

/// The form of the octets that is written above, not of what the caller's rows hold.
pub(super) const FORM: u8 = 2;

/// Why octets are no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RowsFault {
    /// Another program wrote them.
    #[error("rows of the form {0}, and this program reads form {FORM}")]
    Form(u8),
    /// They end early, or name what is not there.
    #[error("rows that do not end where their lengths say")]
    Broken,
}

/// Octets that are alike in a row and the batch before it, to be worth a place and a length.
const WORTH_IT: usize = 32;
/// The batch is looked up by runs of so many octets: half of the above, so that none is missed.
const RUN: usize = WORTH_IT / 2;

/// Where runs of octets stand in a batch.
#[derive(Debug, Default)]
pub(super) struct Runs(HashMap<[u8; RUN], usize>);

impl Runs {
    /// Notes what stands in a batch from a place on.
    pub(super) fn note(&mut self, batch: &[u8], from: usize) {
        let new = batch.get(from..).unwrap_or_default();
        for (n, run) in new.as_chunks::<RUN>().0.iter().enumerate() {
            self.0.insert(*run, from + n * RUN);
        }
    }
}

/// Octets of rows in memory, and no fewer than they take when packed.
pub(super) fn length(rows: &[Row]) -> usize {
    /// Five numbers of 32 bits, at the longest: two lengths, what is in common, and the length of two parts.
    const BESIDE: usize = 25;
    let of = |row: &Row| row.key.len() + row.value.as_ref().map_or(0, Vec::len) + BESIDE;
    rows.iter().map(of).sum()
}

/// Packs rows behind what their batch has so far.
pub(super) fn pack(rows: &[Row], batch: &[u8], runs: &Runs) -> Vec<u8> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut out = vec![FORM];
    let mut previous: &[u8] = &[];
    for row in rows {
        let common = alike(row.key.iter(), previous.iter());
        let rest = row.key.get(common..).unwrap_or_default();
        number(&mut out, common);
        number(&mut out, rest.len());
        parts(&mut out, rest, batch, runs);
        previous = &row.key;
        match &row.value {
            None => out.push(0),
            Some(value) => {
                number(&mut out, value.len() + 1);
                parts(&mut out, value, batch, runs);
            }
        }
    }
    out
}

/// Reads rows behind what their batch has before them.
pub(super) fn unpack(packed: &[u8], batch: &[u8]) -> Result<Vec<Row>, RowsFault> {
    let mut rest = match packed.split_first() {
        None => return Ok(Vec::new()),
        Some((&FORM, rest)) => Rest(rest),
        Some((&other, _)) => return Err(RowsFault::Form(other)),
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut total = 0;
    while !rest.0.is_empty() {
        let common = rest.number()?;
        let previous = rows.last().map_or(&[] as &[u8], |row| &row.key);
        let mut key = previous.get(..common).ok_or(RowsFault::Broken)?.to_vec();
        let length = rest.number()?;
        total += common + length;
        if total > Record::ROWS_LIMIT {
            return Err(RowsFault::Broken);
        }
        key.extend(rest.value(length, batch)?);
        let value = match rest.number()?.checked_sub(1) {
            None => None,
            Some(length) => {
                total += length;
                if total > Record::ROWS_LIMIT {
                    return Err(RowsFault::Broken);
                }
                Some(rest.value(length, batch)?)
            }
        };
        rows.push(Row { key, value });
    }
    Ok(rows)
}

fn parts(out: &mut Vec<u8>, value: &[u8], batch: &[u8], runs: &Runs) {
    // What is not written yet starts here; what is looked at, there.
    let (mut start, mut at) = (0, 0);
    while !runs.0.is_empty()
        && let Some(run) = value.get(at..).and_then(|rest| rest.first_chunk::<RUN>())
    {
        let Some(&found) = runs.0.get(run) else {
            at += 1;
            continue;
        };
        let before = alike(
            value.get(start..at).unwrap_or_default().iter().rev(),
            batch.get(..found).unwrap_or_default().iter().rev(),
        );
        let behind = alike(
            value.get(at..).unwrap_or_default().iter(),
            batch.get(found..).unwrap_or_default().iter(),
        );
        if before + behind < WORTH_IT {
            at += 1;
            continue;
        }
        literal(out, value.get(start..at - before).unwrap_or_default());
        number(out, (before + behind) * 2 + 1);
        number(out, found - before);
        at += behind;
        start = at;
    }
    literal(out, value.get(start..).unwrap_or_default());
}

fn alike<'a>(one: impl Iterator<Item = &'a u8>, other: impl Iterator<Item = &'a u8>) -> usize {
    one.zip(other).take_while(|(a, b)| a == b).count()
}

fn literal(out: &mut Vec<u8>, octets: &[u8]) {
    if !octets.is_empty() {
        number(out, octets.len() * 2);
        out.extend_from_slice(octets);
    }
}

/// Writes a number.
pub(super) fn number(out: &mut Vec<u8>, mut n: usize) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// What is not read yet.
pub(super) struct Rest<'r>(pub(super) &'r [u8]);

impl<'r> Rest<'r> {
    pub(super) fn number(&mut self) -> Result<usize, RowsFault> {
        let mut n = 0;
        // Five times seven bits are more than any length here.
        for shift in (0..35).step_by(7) {
            let (&octet, rest) = self.0.split_first().ok_or(RowsFault::Broken)?;
            self.0 = rest;
            n |= usize::from(octet & 0x7f) << shift;
            if octet < 0x80 {
                return Ok(n);
            }
        }
        Err(RowsFault::Broken)
    }

    pub(super) fn octets(&mut self, length: usize) -> Result<&'r [u8], RowsFault> {
        let (octets, rest) = self.0.split_at_checked(length).ok_or(RowsFault::Broken)?;
        self.0 = rest;
        Ok(octets)
    }

    fn value(&mut self, length: usize, batch: &[u8]) -> Result<Vec<u8>, RowsFault> {
        let mut value = Vec::with_capacity(length);
        while value.len() < length {
            let tagged = self.number()?;
            let part = tagged / 2;
            if tagged % 2 == 0 {
                value.extend_from_slice(self.octets(part)?);
            } else {
                let from = self.number()?;
                let end = from.checked_add(part).ok_or(RowsFault::Broken)?;
                value.extend_from_slice(batch.get(from..end).ok_or(RowsFault::Broken)?);
            }
            if part == 0 || value.len() > length {
                return Err(RowsFault::Broken);
            }
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Rows of the first record of a batch, of which the head is there so far.
    fn behind(head: &[u8], rows: &[Row]) -> Vec<u8> {
        let mut runs = Runs::default();
        runs.note(head, 0);
        pack(rows, head, &runs)
    }

    fn a_value(head: Vec<u8>) -> impl Strategy<Value = Option<Vec<u8>>> {
        let within = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
        let part = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..50),
            within.prop_map(move |(from, to)| {
                let (from, to) = (from.index(head.len() + 1), to.index(head.len() + 1));
                head.get(from..to).unwrap_or_default().to_vec()
            }),
        ];
        prop::option::of(prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat()))
    }

    fn rows_and_head() -> impl Strategy<Value = (Vec<Row>, Vec<u8>)> {
        prop::collection::vec(0_u8..4, 0..300).prop_flat_map(|head| {
            let row = (
                prop::collection::vec(any::<u8>(), 0..200),
                a_value(head.clone()),
            )
                .prop_map(|(key, value)| Row { key, value });
            (prop::collection::vec(row, 0..6), Just(head))
        })
    }

    proptest! {
        #[test]
        fn rows_are_read_as_they_were_written((rows, head) in rows_and_head()) {
            let packed = behind(&head, &rows);
            prop_assert!(packed.len() <= length(&rows) + 1);
            prop_assert_eq!(unpack(&packed, &head).unwrap(), rows);
        }

        #[test]
        fn no_octets_make_the_reader_panic(mut packed: Vec<u8>, head: Vec<u8>) {
            let _ = unpack(&packed, &head);
            packed.insert(0, FORM);
            let _ = unpack(&packed, &head);
        }
    }

    #[test]
    fn what_the_batch_says_already_is_not_written_twice() {
        let head = "{\"statement\":\"abcdefgh-01234567 \"}".repeat(3);
        let rows = [Row::put("letter/1", format!("before {head} behind"))];
        let packed = behind(head.as_bytes(), &rows);
        assert!(packed.len() < 40, "{} octets", packed.len());
        assert_eq!(unpack(&packed, head.as_bytes()).unwrap(), rows);
        assert_eq!(unpack(&packed, b"another head"), Err(RowsFault::Broken));
    }

    #[test]
    fn rows_of_another_form_are_named() {
        let mut packed = behind(b"", &[Row::put("a", "1")]);
        assert!(unpack(&packed, b"").is_ok());
        packed[0] = 7;
        let fault = unpack(&packed, b"").unwrap_err();
        assert_eq!(fault, RowsFault::Form(7));
        assert!(fault.to_string().contains("form 7"), "{fault}");
    }
}
