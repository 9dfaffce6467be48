//! Held letters: those whose sender DNS may yet prove (protocol 5, line 2), and those that say
//! they were sent later than now (line 4). Held letters block nothing.
//!
//! Each stands in a queue by when it is looked at again. For line 4 that is the time it bears, and
//! the clock alone decides. For line 2 somebody has to ask DNS: whoever keeps the letters does
//! that for [`awaiting_proof`], enters what came of it, and then lets time pass ([`super::tick`]),
//! which moves the next try of those that are still undecided.

use tradepost_statements::Time;

use crate::rows::Rows;

use super::desk::{Desk, read};
use super::keys;
use super::state::{Fate, Letter};

/// The lines of protocol 5 that hold letters.
pub(super) const FOR_DNS: u8 = 2;
pub(super) const FOR_ITS_TIME: u8 = 4;

/// The numbers of the letters that DNS may yet prove and whose next try is due, the most overdue first.
#[must_use]
pub fn awaiting_proof(rows: &dyn Rows, now: Time) -> Vec<u64> {
    due(rows, keys::HELD, now)
        .iter()
        .filter_map(|(_, no)| u64::from_str_radix(no, 16).ok())
        .filter(|no| {
            let letter: Option<Letter> = read(rows, &keys::letter(*no));
            letter.is_some_and(|l| matches!(l.fate, Fate::Held { rule: FOR_DNS, .. }))
        })
        .collect()
}

/// When DNS is asked again for a letter; none once it was held for long enough: then it is judged
/// by the evidence that there is.
pub(super) fn next_try(desk: &Desk<'_>, letter: &Letter) -> Option<Time> {
    let timers = desk.settings.timers;
    let since = letter.held_since.unwrap_or(desk.now);
    let last = since.plus(timers.held_patience);
    if desk.now >= last {
        return None;
    }
    let wait = timers
        .held_first
        .saturating_mul(1 << letter.tries.min(16))
        .min(timers.held_longest);
    Some(desk.now.plus(wait).min(last))
}

/// Counts a try of DNS that came to nothing: the next one is farther away.
pub(super) fn note_try(desk: &Desk<'_>, letter: &mut Letter) {
    if let Fate::Held {
        until,
        rule: FOR_DNS,
    } = letter.fate
        && until <= desk.now
    {
        letter.tries = letter.tries.saturating_add(1);
    }
}

/// The keys of a queue that are due, each with what stands after its last slash. Read page by
/// page: what is not due yet costs nothing.
pub(super) fn due(rows: &dyn Rows, queue: &str, now: Time) -> Vec<(String, String)> {
    const PAGE: usize = 64;
    let until = keys::due_through(queue, now);
    let mut due = Vec::new();
    let mut from = queue.as_bytes().to_vec();
    loop {
        let page = rows.scan_from(queue.as_bytes(), &from, PAGE);
        let is_last = page.len() < PAGE;
        for (key, _) in page {
            from.clone_from(&key);
            from.push(0);
            match String::from_utf8(key).ok().filter(|k| *k <= until) {
                Some(key) => {
                    let last = key.rsplit('/').next().unwrap_or_default().to_owned();
                    due.push((key, last));
                }
                None => return due,
            }
        }
        if is_last {
            return due;
        }
    }
}
