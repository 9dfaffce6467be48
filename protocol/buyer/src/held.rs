//! Held letters: those whose sender DNS may yet prove (protocol 5, line 2), and those that say
//! they were sent later than now (line 4). Held letters block nothing.
//!
//! Each stands in a queue by when it is looked at again. For line 4 that is the time it bears, and
//! the clock alone decides. For line 2 somebody has to ask DNS: whoever keeps the letters does
//! that for [`awaiting_proof`], enters what came of it, and then lets time pass ([`super::tick`]),
//! which moves the next try of those that are still undecided.
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
use super::pages::pages;
use super::state::{Fate, FiledLetter, LetterRow, read};

/// The line of protocol 5 that holds letters for want of DNS.
pub(super) const FOR_DNS: u8 = 2;

/// The numbers of the letters that DNS may yet prove and whose next try is due, the most overdue first.
#[must_use]
pub fn awaiting_proof(rows: &dyn Rows, now: Time) -> Vec<u64> {
    due_by_now(rows, now)
        .iter()
        .filter_map(|(_, no)| u64::from_str_radix(no, 16).ok())
        .filter(|no| {
            let letter: Option<LetterRow> = read(rows, &keys::letter(*no));
            letter.is_some_and(|l| is_for_dns(&l.fate))
        })
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
    let since = since(case, letter);
    let last = since.plus(timers.held_patience);
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
pub(super) fn since(case: &BuyerCase<'_>, letter: &FiledLetter) -> Time {
    letter.held_since.map_or(case.now, |t| t.min(case.now))
}

/// Protocol 2 and 5: what is held is looked at again within a day.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// So much of a queue is looked at each time; what is left is due at once.
pub(super) const DUE_AT_ONCE: usize = 256;

/// The keys of the letters that are looked at by now, no more than [`DUE_AT_ONCE`]: those that are due,
/// and those that nothing but a clock that ran ahead can have put off so far.
pub(super) fn due_by_now(rows: &dyn Rows, now: Time) -> Vec<(String, String)> {
    const CLOCKS_DIFFER: Duration = Duration::from_secs(60 * 60);
    let mut found = due(rows, keys::HELD, now);
    let too_far = keys::due_through(keys::HELD, now.plus(LONGEST_WAIT + CLOCKS_DIFFER));
    let room = DUE_AT_ONCE.saturating_sub(found.len());
    let put_off = rows.scan_from(keys::HELD.as_bytes(), too_far.as_bytes(), room);
    let with_number = |key: String| {
        let no = key.rsplit('/').next().unwrap_or_default().to_owned();
        (key, no)
    };
    let keys = put_off
        .into_iter()
        .filter_map(|(key, _)| String::from_utf8(key).ok());
    found.extend(keys.map(with_number));
    found
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
