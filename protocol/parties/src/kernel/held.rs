//! Letters whose sender DNS has not yet proven or not (protocol 5, line 2): they wait, block
//! nothing, and are tried again. The letters themselves are kept by whoever owns the book, and
//! proven again there; what is kept here is when, and how much may be kept at all.
//!
//! ```text
//! receive ─► wait ─► Outcome::HeldForProof
//! time    ─► awaiting_proof ─► (the shell asks DNS) ─► proven_again ─► judged, or waits on
//! ```

use serde::{Deserialize, Serialize};
use tradepost_statements::{Address, Evidence, Time};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Rows;

use super::book;
use super::case::PartyCase;
use super::change::{Ignored, PartyOutcome};
use super::judge::{JudgedLetter, judge_unheld};
use super::settings::PartySettings;

/// A letter that waits for its proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldLetter {
    /// Who it says it is from.
    pub author: Address,
    /// Its first receipt, by which it is judged at last.
    pub received_at: Time,
    /// When it came here first: its time of waiting counts from then.
    pub since: Time,
    /// When it is tried again.
    pub next: Time,
    /// How often it was tried again.
    pub tries: u32,
    /// What it could be proven by.
    pub could_be: Evidence,
    /// Why it is not proven yet, as the last try found, for people.
    pub proof: String,
}

/// What is kept now, so that nobody can fill the disk with letters that DNS never decides.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct HeldCounts {
    /// Letters that wait.
    letters: u64,
    /// The day of the counted octets, as days since 1970.
    #[serde(default)]
    day: i64,
    /// Octets taken on that day; what the journal has taken it does not give back.
    #[serde(default)]
    octets: u64,
}

/// Letters that may wait at once: a day's requests of a large shop.
const MOST_LETTERS: u64 = 5_000;
/// Of one claimed domain: what one stranger's silent DNS can take away from others.
const MOST_OF_A_DOMAIN: u64 = 200;
/// Octets that may be kept of such letters in a day. Statements have some kilobytes.
const MOST_OCTETS_A_DAY: u64 = 256 * 1024 * 1024;

/// Line 2: holds a letter whose evidence DNS could still lift to the minimum, as far as there is room.
pub(super) fn wait(case: &mut PartyCase<'_>, letter: &Received) -> PartyOutcome {
    let key = book::waits_key(&letter.digest);
    let is_known = case.read::<HeldLetter>(&key).is_some();
    let Some((author, could_be)) = could_be_lifted(case.settings, letter).filter(|_| !is_known)
    else {
        return Ignored::SameLetter.into();
    };
    if let Err(full) = make_room(case, &author, letter.letter.size) {
        return full.into();
    }
    let waits = HeldLetter {
        author,
        received_at: letter.received_at,
        since: case.now,
        next: case.now.plus(case.settings.timers.held_first),
        tries: 0,
        could_be,
        proof: letter.proof.clone(),
    };
    case.put(key, &waits);
    case.mark(&book::proof_due_key(waits.next, &letter.digest));
    PartyOutcome::HeldForProof { until: waits.next }
}

/// A letter that waited has come again, better proven: it waits no longer.
pub(super) fn release_what_waits(case: &mut PartyCase<'_>, letter: &Received) {
    if let Some(known) = case.read::<HeldLetter>(&book::waits_key(&letter.digest)) {
        release(case, &letter.digest, &known);
    }
}

/// Who the sender would be, and what could prove it.
pub(super) fn could_be_lifted(
    settings: &PartySettings,
    letter: &Received,
) -> Option<(Address, Evidence)> {
    let author = letter.author.clone()?;
    let minimum = settings.minimum_for(Some(&author));
    let could_be = letter.undecided?;
    (letter.evidence < minimum && could_be >= minimum).then_some((author, could_be))
}

/// A letter that waited was proven again: it is judged, or waits on while DNS still does not answer and
/// protocol 5's time is not over.
pub(crate) fn proven_again(case: &mut PartyCase<'_>, letter: &Received) -> JudgedLetter {
    let key = book::waits_key(&letter.digest);
    let Some(known) = case.read::<HeldLetter>(&key) else {
        // It came again meanwhile, better proven.
        return Ignored::SameLetter.into();
    };
    let patience = case.settings.timers.held_patience;
    let goes_on =
        could_be_lifted(case.settings, letter).is_some() && case.now.since(known.since) < patience;
    if !goes_on {
        return judge_unheld(case, letter);
    }
    case.delete(book::proof_due_key(known.next, &letter.digest));
    let tries = known.tries.saturating_add(1);
    let timers = &case.settings.timers;
    let wait = timers
        .held_first
        .saturating_mul(1_u32 << tries.min(16))
        .min(timers.held_longest);
    let waits = HeldLetter {
        next: case.now.plus(wait),
        tries,
        proof: letter.proof.clone(),
        ..known
    };
    case.put(key, &waits);
    case.mark(&book::proof_due_key(waits.next, &letter.digest));
    JudgedLetter::Over(PartyOutcome::HeldForProof { until: waits.next })
}

/// The letter waits no longer.
fn release(case: &mut PartyCase<'_>, digest: &str, waits: &HeldLetter) {
    case.delete(book::proof_due_key(waits.next, digest));
    case.delete(book::waits_key(digest));
    let of_domain = book::waiting_of_key(waits.author.domain());
    let less = |n: u64| n.saturating_sub(1);
    match case.read::<u64>(&of_domain).map(less) {
        Some(n) if n > 0 => case.put(of_domain, &n),
        _ => case.delete(of_domain),
    }
    let mut kept: HeldCounts = case.read(book::WAITING).unwrap_or_default();
    kept.letters = less(kept.letters);
    case.put(book::WAITING.to_owned(), &kept);
}

fn make_room(case: &mut PartyCase<'_>, author: &Address, octets: u64) -> Result<(), Ignored> {
    const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
    let of_domain = book::waiting_of_key(author.domain());
    let theirs: u64 = case.read(&of_domain).unwrap_or(0);
    let mut kept: HeldCounts = case.read(book::WAITING).unwrap_or_default();
    let day = case.now.unix_millis().div_euclid(DAY_MILLIS);
    if kept.day != day {
        kept = HeldCounts {
            day,
            octets: 0,
            ..kept
        };
    }
    kept.octets = kept.octets.saturating_add(octets);
    if theirs >= MOST_OF_A_DOMAIN {
        return Err(Ignored::TooManyWait(author.domain().to_owned()));
    }
    if kept.letters >= MOST_LETTERS || kept.octets > MOST_OCTETS_A_DAY {
        return Err(Ignored::TooManyWait("all domains together".to_owned()));
    }
    kept.letters += 1;
    case.put(book::WAITING.to_owned(), &kept);
    case.put(of_domain, &(theirs + 1));
    Ok(())
}

/// When the next letter is to be proven again.
#[must_use]
pub fn next_proof(rows: &dyn Rows) -> Option<Time> {
    let first = rows.scan_from(book::PROOF.as_bytes(), book::PROOF.as_bytes(), 1);
    let (key, _) = first.first()?;
    book::read_proof_due_key(key).map(|(at, _)| at)
}

/// The letters that are to be proven again by now, the longest due first: their digests, and what
/// is known of them.
#[must_use]
pub fn awaiting_proof(rows: &dyn Rows, now: Time, limit: usize) -> Vec<(String, HeldLetter)> {
    rows.scan_from(book::PROOF.as_bytes(), book::PROOF.as_bytes(), limit)
        .iter()
        .filter_map(|(key, _)| book::read_proof_due_key(key))
        .take_while(|(at, _)| *at <= now)
        .filter_map(|(_, digest)| Some((book::read(rows, &book::waits_key(&digest))?, digest)))
        .map(|(waits, digest)| (digest, waits))
        .collect()
}

/// The letter of this digest, while it waits for its proof.
#[must_use]
pub fn held_letter(rows: &dyn Rows, digest: &str) -> Option<HeldLetter> {
    book::read(rows, &book::waits_key(digest))
}
