//! Held letters: those whose sender DNS may yet prove (protocol 5, line 2), and those that say
//! they were sent later than now (line 4). Held letters block nothing.
//!
//! Each stands in a queue by when it is looked at again. For line 4 that is the time it bears, and
//! the clock alone decides ([`super::tick`]). For line 2 somebody has to ask DNS: whoever keeps the letters does
//! that for [`awaiting_proof`], and enters what came of it ([`super::proven_again`]), which moves the next try
//! of those that are still undecided. Those that nobody has asked about yet stay due, before those that were
//! asked in vain; once a letter has waited for long enough, time decides here too.
//!
//! They are kept whole until then, so there are only so many of a day: of each claimed sender and
//! trade, and in all. Letters of parties about what was bought have room of their own, which no
//! stranger takes. What finds no room is judged at once by the evidence that there is; nothing is
//! lost for good, since the mailbox has it, and it counts once it comes again with a proof.

use std::time::Duration;

use tradepost_statements::{Address, Evidence, Statement, Time};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Rows;

use super::case::BuyerCase;
use super::keys;
use super::pages::{pages, pages_from};
use super::state::{Fate, FiledLetter, LetterRow, read};

/// The line of protocol 5 that holds letters for want of DNS.
pub(super) const FOR_DNS: u8 = 2;

/// The numbers of the letters that DNS may yet prove and whose next try is due, the most overdue first; at
/// most so many.
#[must_use]
pub fn awaiting_proof(rows: &dyn Rows, now: Time, most: usize) -> Vec<u64> {
    looked_at_by_now(rows, now)
        .filter(|letter| is_for_dns(&letter.fate))
        .map(|letter| letter.no)
        .take(most)
        .collect()
}

/// Those about which time decides by now, whatever DNS says; at most so many.
pub(super) fn time_is_up(case: &BuyerCase<'_>, most: usize) -> Vec<u64> {
    looked_at_by_now(case.rows(), case.now)
        .filter(|letter| {
            !is_for_dns(&letter.fate) || patience_ends(case, letter.held_since) <= case.now
        })
        .map(|letter| letter.no)
        .take(most)
        .collect()
}

/// When the next letter that is held is looked at again.
#[must_use]
pub fn next_proof(rows: &dyn Rows) -> Option<Time> {
    first_due(rows, keys::HELD)
}

/// When the first of a queue is due.
pub(super) fn first_due(rows: &dyn Rows, queue: &str) -> Option<Time> {
    let first = rows.scan_from(queue.as_bytes(), queue.as_bytes(), 1);
    let (key, _) = first.first()?;
    keys::time_in(queue, key)
}

/// When a letter was received, by its number.
#[must_use]
pub fn received_at(rows: &dyn Rows, letter: u64) -> Option<Time> {
    let letter: Option<LetterRow> = read(rows, &keys::letter(letter));
    letter.map(|l| l.received_at)
}

/// Whether a letter waits for DNS.
pub(super) fn is_for_dns(fate: &Fate) -> bool {
    matches!(fate, Fate::Held { rule: FOR_DNS, .. })
}

/// So many letters, and octets of letters, are held of those that were received on one day.
struct Room {
    /// Of one claimed sender about one trade.
    of_a_group: u64,
    letters: u64,
    octets: u64,
}

/// For anybody: as many of a group as are kept below the minimum (protocol 5); in all, what an
/// archive of years brings when it is imported while DNS is away.
const FOR_STRANGERS: Room = Room {
    of_a_group: 20,
    letters: 2_000,
    octets: 64 << 20,
};
/// For parties of a known trade, and those who were asked something: a stranger would have to know
/// the trade's id to get in here, so there may be more of them.
const FOR_PARTIES: Room = Room {
    of_a_group: 200,
    letters: 10_000,
    octets: 256 << 20,
};

/// The day, counted from 1970, when a letter was received.
pub(super) fn day(received: &Received) -> i64 {
    received
        .received_at
        .unix_millis()
        .div_euclid(24 * 60 * 60 * 1000)
}

/// Whether one more letter can be held; takes the room. What the provider vouches for stands in a
/// group of its own: whoever writes in a party's name does not take the party's room.
pub(super) fn has_room(
    case: &mut BuyerCase<'_>,
    received: &Received,
    statement: Option<&Statement>,
) -> bool {
    let author = received.author.as_ref();
    let is_party = author
        .zip(statement)
        .is_some_and(|(author, s)| speaks_of_what_is_known(case, author, s));
    let room = if is_party { FOR_PARTIES } else { FOR_STRANGERS };
    let (day, vouched) = (day(received), received.evidence > Evidence::None);
    let trade = statement.and_then(|s| s.trade.as_ref());
    let group = keys::held_of_group(day, vouched, trade, author.map_or("", Address::as_str));
    let all = keys::held_of_day(day, is_party);
    let of_group: u64 = case.get(&group).unwrap_or(0);
    let (letters, octets): (u64, u64) = case.get(&all).unwrap_or((0, 0));
    let octets = octets.saturating_add(received.letter.size);
    if of_group >= room.of_a_group || letters >= room.letters || octets > room.octets {
        return false;
    }
    case.put(&group, &(of_group + 1));
    case.put(&all, &(letters + 1, octets));
    true
}

/// Whether the sender, if he is who he says, is somebody whose word about this is awaited.
fn speaks_of_what_is_known(case: &BuyerCase<'_>, author: &Address, s: &Statement) -> bool {
    let is_party = s
        .trade
        .as_ref()
        .and_then(|t| case.trade(t))
        .is_some_and(|t| {
            t.state.as_ref().is_some_and(|state| {
                t.trade.shop == *author
                    || state.processor == *author
                    || state.carriers.contains(author)
            })
        });
    let was_asked = || {
        let request = s.request.as_ref().and_then(|id| case.request(id));
        let own = s.answers.and_then(|id| case.own(id));
        request.is_some_and(|r| r.to == *author)
            || own.is_some_and(|own| own.statement.to == *author)
    };
    is_party || was_asked()
}

/// A letter that there is no room to hold.
pub(super) fn as_if_dns_had_said_no(received: &Received) -> Received {
    Received {
        undecided: None,
        proof: format!(
            "{}; too many such letters wait for DNS to keep this one waiting",
            received.proof
        ),
        ..received.clone()
    }
}

/// When DNS is asked again for a letter; none once it was held for long enough: then it is judged
/// by the evidence that there is.
pub(super) fn next_try(case: &BuyerCase<'_>, letter: &FiledLetter) -> Option<Time> {
    let timers = case.settings.timers;
    let last = patience_ends(case, letter.held_since);
    if case.now >= last {
        return None;
    }
    let wait = timers
        .held_first
        .saturating_mul(1 << letter.tries.min(16))
        .min(timers.held_longest)
        .min(LONGEST_WAIT);
    Some(case.now.plus(wait).min(last))
}

/// Since when a letter is held; where a clock that ran ahead noted that, since now.
pub(super) fn since(case: &BuyerCase<'_>, noted: Option<Time>) -> Time {
    noted.map_or(case.now, |t| t.min(case.now))
}

/// When a letter is judged by the evidence that there is.
fn patience_ends(case: &BuyerCase<'_>, held_since: Option<Time>) -> Time {
    since(case, held_since).plus(case.settings.timers.held_patience)
}

/// Protocol 2 and 5: what is held is looked at again within a day.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// So much of a queue is looked at each time; what is left is due at once.
pub(super) const DUE_AT_ONCE: usize = 256;

/// The letters that are looked at by now, the longest due first: those that are due, and those that nothing but
/// a clock that ran ahead can have put off so far. Read page by page.
fn looked_at_by_now(rows: &dyn Rows, now: Time) -> impl Iterator<Item = LetterRow> {
    let until = keys::due_through(keys::HELD, now);
    let due = pages(rows, keys::HELD)
        .map(|(key, _)| key)
        .take_while(move |key| key.as_slice() <= until.as_bytes());
    let too_far = keys::due_through(keys::HELD, far_from(now));
    let put_off = pages_from(rows, keys::HELD, &too_far).map(|(key, _)| key);
    due.chain(put_off).filter_map(|key| {
        let (_, no) = std::str::from_utf8(&key).ok()?.rsplit_once('/')?;
        let letter: LetterRow = read(rows, &keys::letter(u64::from_str_radix(no, 16).ok()?))?;
        Some(letter)
    })
}

/// No clock that is right has put a letter off to later than this.
fn far_from(now: Time) -> Time {
    const CLOCKS_DIFFER: Duration = Duration::from_secs(60 * 60);
    now.plus(LONGEST_WAIT + CLOCKS_DIFFER)
}

/// Whether a letter that is held is to be looked at by now.
pub(super) fn is_looked_at(case: &BuyerCase<'_>, fate: &Fate) -> bool {
    match fate {
        Fate::Held { until, .. } => *until <= case.now || *until > far_from(case.now),
        Fate::New
        | Fate::Applied
        | Fate::Adopted
        | Fate::Late
        | Fate::Duplicate
        | Fate::Warned { .. } => false,
    }
}

/// Counts a try of DNS that came to nothing: the next one is farther away.
pub(super) fn note_try(case: &BuyerCase<'_>, letter: &mut FiledLetter) {
    if let Fate::Held {
        until,
        rule: FOR_DNS,
    } = letter.fate
        && until <= case.now
    {
        letter.tries = letter.tries.saturating_add(1);
    }
}

/// The keys of a queue that are due, no more than [`DUE_AT_ONCE`], each with what stands after its last
/// slash. Read page by page: what is not due yet costs nothing.
pub(super) fn due(rows: &dyn Rows, queue: &str, now: Time) -> Vec<(String, String)> {
    let until = keys::due_through(queue, now);
    let with_last = |key: String| {
        let last = key.rsplit('/').next().unwrap_or_default().to_owned();
        (key, last)
    };
    pages(rows, queue)
        .filter_map(|(key, _)| String::from_utf8(key).ok())
        .take_while(|key| *key <= until)
        .take(DUE_AT_ONCE)
        .map(with_last)
        .collect()
}
