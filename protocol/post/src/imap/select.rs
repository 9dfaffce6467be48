//! Which letters of a folder may hold a statement, found out without fetching them.
//!
//! A backlog is searched for the `Tradepost` header field, by the server. What is new is looked at
//! more closely, because the field is only a hint that providers may strip: a letter whose type
//! could hold a statement, or a bounce, is fetched as well when it is small.

use std::collections::{BTreeMap, BTreeSet};

use async_imap::imap_proto::{MailboxDatum, Response};
use tradepost_statements::Time;

use super::facts::Facts;
use super::failure::{Failure, unless_denied};
use super::session::{Limits, SMALL, Session};

/// Protocol 6: a letter of at most 10 MiB is read.
pub(super) const LARGEST: u64 = 10 * 1024 * 1024;

/// Largest letter without the field that is fetched on suspicion; statements are far smaller.
const LARGEST_SUSPECT: u64 = 1024 * 1024;

/// What the header fields of one letter may take in an answer; those by which letters are chosen have a
/// few hundred bytes together.
pub(super) const FIELDS_EACH: u64 = 16 * 1024;

/// What is read of one field, where the fields of a letter together are longer than that.
const BEGINNING: u64 = 1024;

/// Newest letters by which the server's search is tried.
const SAMPLE: u32 = 50;

/// What of their headers is read.
const SAMPLE_EACH: u64 = 8 * 1024;

/// A letter as its header shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) uid: u32,
    /// None where the server does not tell.
    pub(super) size: Option<u64>,
    pub(super) received: Option<Time>,
    header: Vec<u8>,
    /// There is more of it than was read.
    is_cut: bool,
    /// One of its fields is longer than any that a letter of ours has.
    pub(super) is_over_a_limit: bool,
}

impl Seen {
    pub(super) fn is_marked(&self) -> bool {
        field(&self.header, "tradepost").is_some()
    }

    /// Whether a fetched header field holds a text of ASCII without blanks.
    pub(super) fn holds(&self, text: &str) -> bool {
        // Fields may be folded amid a long word by servers that count octets.
        let octets = self.header.iter().filter(|b| !b.is_ascii_whitespace());
        let header: Vec<u8> = octets.copied().collect();
        !text.is_empty() && header.windows(text.len()).any(|w| w == text.as_bytes())
    }

    /// Reports about letters that come back are not all marked as such.
    fn is_from_a_mail_system(&self) -> bool {
        let from = field(&self.header, "from").unwrap_or_default();
        let from = from.to_ascii_lowercase();
        let names = ["mailer-daemon", "postmaster", "mail-daemon"];
        names.iter().any(|name| from.contains(name))
            || field(&self.header, "x-failed-recipients").is_some()
    }

    /// Whether it may hold a statement, or is a bounce.
    pub(super) fn may_matter(&self) -> bool {
        if self.is_marked() {
            return true;
        }
        let size = self.size.unwrap_or(0);
        if self.is_from_a_mail_system() && size <= LARGEST_SUSPECT {
            return true;
        }
        let Some(content_type) = field(&self.header, "content-type") else {
            return false;
        };
        let content_type = content_type.trim_start().to_ascii_lowercase();
        if content_type.starts_with("multipart/report") {
            return size <= LARGEST;
        }
        // Protocol 6: the part may stand anywhere in the tree.
        let holds_parts = ["multipart/", "message/", "application/vnd.tradepost+json"];
        holds_parts.iter().any(|t| content_type.starts_with(t)) && size <= LARGEST_SUSPECT
    }
}

/// The first field of that name (in lower case), unfolded as far as its first line.
pub(super) fn field(header: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(header);
    let unfolded = text.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded.lines().find_map(|line| {
        let (n, value) = line.split_once(':')?;
        (n.trim_end().to_ascii_lowercase() == name).then(|| value.to_owned())
    })
}

/// UIDs from one to another, both included; up to the newest when the second is [`NEWEST`].
pub(super) type Window = (u32, u32);

/// In place of the last UID of a [`Window`]: the largest that any letter can have.
pub(super) const NEWEST: u32 = u32::MAX;

fn range((first, last): Window) -> String {
    match last {
        NEWEST => format!("{first}:*"),
        last => format!("{first}:{last}"),
    }
}

/// Letters of a window.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// By UID.
    pub(super) seen: Vec<Seen>,
    /// The server has these and does not show their headers, asked for each alone.
    pub(super) unseen: Vec<u32>,
}

/// Letters of which the server shows nothing, one after the other without one that it does show: then
/// it is not their fault.
const UNSEEN_IN_A_ROW: usize = 10;

/// Letters named in one command.
const NAMED_AT_ONCE: usize = 500;

/// The header fields, sizes and dates of all letters in the window.
pub(super) async fn look(session: &mut Session, window: Window) -> Result<Looked, Failure> {
    // What is to come, to be compared with what came; a server that does not tell is believed.
    let there = search(session, window, "").await;
    let there = unless_denied(there)?.flatten();
    let letters = there.as_ref().map_or(LOOK_LIMIT, |t| t.len() as u64);
    if letters == 0 {
        return Ok(Looked::default());
    }
    let (seen, outcome) = look_in(session, &range(window), letters.min(LOOK_LIMIT)).await;
    let mut looked = Looked {
        seen,
        unseen: Vec::new(),
    };
    match (outcome, there) {
        (Err(Failure::Denied(_)) | Ok(()), Some(there)) => {
            look_again(session, &there, &mut looked).await?;
        }
        (outcome, _) => outcome?,
    }
    // RFC 9051 section 6.4.8: with nothing new, `*` names the last letter, an old one.
    looked
        .seen
        .retain(|s| (window.0..=window.1).contains(&s.uid));
    look_closer(session, looked).await
}

/// Asks for what did not come: in halves where none of it comes, until each was asked for alone.
async fn look_again(
    session: &mut Session,
    there: &[u32],
    looked: &mut Looked,
) -> Result<(), Failure> {
    let missing = |of: &[u32], seen: &[Seen]| -> Vec<u32> {
        let came: BTreeSet<u32> = seen.iter().map(|s| s.uid).collect();
        of.iter()
            .copied()
            .filter(|uid| !came.contains(uid))
            .collect()
    };
    let all = missing(there, &looked.seen);
    let mut sets: Vec<Vec<u32>> = all
        .chunks(NAMED_AT_ONCE)
        .map(<[u32]>::to_vec)
        .rev()
        .collect();
    let mut in_a_row = 0;
    while let Some(uids) = sets.pop() {
        let (seen, outcome) = look_in(session, &set(&uids), uids.len() as u64).await;
        let said = match outcome {
            Ok(()) => "it answers without them".to_owned(),
            Err(Failure::Denied(said)) => said,
            Err(e @ (Failure::Broken(_) | Failure::NobodyListens)) => return Err(e),
        };
        let rest = missing(&uids, &seen);
        if rest.len() < uids.len() {
            in_a_row = 0;
        }
        looked
            .seen
            .extend(seen.into_iter().filter(|s| uids.contains(&s.uid)));
        match rest.as_slice() {
            [] => {}
            [uid] if uids.len() == 1 => {
                if is_there(session, *uid).await? {
                    looked.unseen.push(*uid);
                    in_a_row += 1;
                }
                if in_a_row > UNSEEN_IN_A_ROW {
                    return Err(Failure::Denied(said));
                }
            }
            rest if rest.len() < uids.len() => sets.push(rest.to_vec()),
            rest => {
                let (first, second) = rest.split_at(rest.len() / 2);
                sets.push(second.to_vec());
                sets.push(first.to_vec());
            }
        }
    }
    looked.unseen.sort_unstable();
    Ok(())
}

/// The same of these letters.
pub(super) async fn look_at(session: &mut Session, uids: &[u32]) -> Result<Looked, Failure> {
    let mut looked = Looked::default();
    look_again(session, uids, &mut looked).await?;
    look_closer(session, looked).await
}

/// Where the fields are longer than what was read of them.
async fn look_closer(session: &mut Session, mut looked: Looked) -> Result<Looked, Failure> {
    looked.seen.sort_by_key(|s| s.uid);
    for seen in &mut looked.seen {
        if seen.is_cut {
            look_at_beginnings(session, seen).await?;
        }
    }
    Ok(looked)
}

/// Whether the server has the letter, by all that it tells.
pub(super) async fn is_there(session: &mut Session, uid: u32) -> Result<bool, Failure> {
    let found = search(session, (uid, uid), "").await;
    match unless_denied(found)?.flatten() {
        Some(found) => Ok(found.contains(&uid)),
        None => {
            let command = format!("UID FETCH {uid} (UID FLAGS)");
            let told = unless_denied(session.gather(&command, SMALL).await)?;
            Ok(told.is_some_and(|all| all.iter().any(|f| f.uid == Some(uid))))
        }
    }
}

/// Bounds what the headers of many letters may take.
const LOOK_LIMIT: u64 = 10_000;

/// The fields by which letters are chosen.
const FIELDS: [&str; 4] = ["TRADEPOST", "CONTENT-TYPE", "FROM", "X-FAILED-RECIPIENTS"];

/// What came, and how it ended. Only the beginning of the fields is asked for: no letter costs more,
/// whatever somebody wrote into its header.
async fn look_in(session: &mut Session, set: &str, letters: u64) -> Headers {
    let fields = FIELDS.join(" ");
    let command = |part: &str| {
        format!(
            "UID FETCH {set} (UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS ({fields})]{part})"
        )
    };
    fetch_headers(session, command, letters).await
}

/// Of a letter with a field of any length: each of its fields by its beginning.
async fn look_at_beginnings(session: &mut Session, seen: &mut Seen) -> Result<(), Failure> {
    for field in FIELDS {
        let uid = seen.uid;
        let part = session.part(BEGINNING);
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[HEADER.FIELDS ({field})]{part})");
        let limits = Limits {
            text: BEGINNING,
            ..SMALL
        };
        let told = unless_denied(session.gather(&command, limits).await)?.unwrap_or_default();
        for facts in told.into_iter().filter(|f| f.uid == Some(uid)) {
            let beginning = facts.header.unwrap_or_default();
            let text = beginning.trim_ascii();
            // What the server gave of another field is no use here.
            let is_it = text
                .get(..field.len())
                .is_some_and(|name| name.eq_ignore_ascii_case(field.as_bytes()));
            if is_it {
                seen.is_over_a_limit |= beginning.len() as u64 >= BEGINNING;
                seen.header.splice(..0, [text, b"\r\n"].concat());
            }
        }
    }
    Ok(())
}

/// Letters that came, and how it ended.
type Headers = (Vec<Seen>, Result<(), Failure>);

/// Where the server has no partial fetch, what is too long is cut here.
async fn fetch_headers(
    session: &mut Session,
    command: impl Fn(&str) -> String,
    letters: u64,
) -> Headers {
    let whole = command("");
    if session.partial_works == Some(false) {
        return headers(session, &whole, letters).await;
    }
    // Nearly every letter has one of the fields that are asked for.
    let empty = |all: &[Seen]| {
        all.iter()
            .filter(|s| s.header.trim_ascii().is_empty())
            .count()
    };
    let part = command(&format!("<0.{FIELDS_EACH}>"));
    let (seen, outcome) = headers(session, &part, letters).await;
    let is_doubtful = match &outcome {
        Ok(()) => empty(&seen) > 0,
        Err(Failure::Denied(_)) => true,
        Err(Failure::Broken(_) | Failure::NobodyListens) => false,
    };
    if !is_doubtful || session.partial_works == Some(true) {
        if !is_doubtful && !seen.is_empty() {
            session.partial_works = Some(true);
        }
        return (seen, outcome);
    }
    let (again, of_again) = headers(session, &whole, letters).await;
    let is_better = again.len() > seen.len() || empty(&again) < empty(&seen);
    session.partial_works = Some(!is_better);
    match of_again {
        Ok(()) | Err(Failure::Denied(_)) if !is_better => (seen, outcome),
        of_again => (again, of_again),
    }
}

async fn headers(session: &mut Session, command: &str, letters: u64) -> Headers {
    let limits = Limits {
        bytes: SMALL.bytes + letters.saturating_mul(FIELDS_EACH),
        text: FIELDS_EACH,
        one: FIELDS_EACH,
    };
    let (all, outcome) = session.gather_some(command, limits).await;
    let mut seen: Vec<Seen> = all.into_iter().filter_map(seen).collect();
    seen.sort_by_key(|s| s.uid);
    (seen, outcome)
}

/// None for what the server says of flags on the side.
fn seen(facts: Facts) -> Option<Seen> {
    let header = facts.header?;
    Some(Seen {
        uid: facts.uid?,
        size: facts.size,
        received: facts.internal_date,
        is_cut: facts.header_is_cut || header.len() as u64 >= FIELDS_EACH,
        is_over_a_limit: false,
        header,
    })
}

/// UIDs in the window that the server finds, ascending; `rest` is the rest of the search. None where
/// it says OK and does not say what it found.
pub(super) async fn search(
    session: &mut Session,
    window: Window,
    rest: &str,
) -> Result<Option<Vec<u32>>, Failure> {
    let mut found: Option<BTreeSet<u32>> = None;
    let command = format!("UID SEARCH UID {}{rest}", range(window));
    session
        .run(&command, SMALL, |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.get_or_insert_default().extend(uids.iter().copied());
            }
        })
        .await?;
    Ok(found.map(|mut found| {
        found.retain(|uid| (window.0..=window.1).contains(uid));
        found.into_iter().collect()
    }))
}

/// All UIDs in the window, however the server can be made to tell them.
pub(super) async fn uids_in(session: &mut Session, window: Window) -> Result<Vec<u32>, Failure> {
    let found = search(session, window, "").await;
    if let Some(found) = unless_denied(found)?.flatten() {
        return Ok(found);
    }
    let command = format!("UID FETCH {} (UID)", range(window));
    let told = session.gather(&command, SMALL).await?;
    let uids: BTreeSet<u32> = told.iter().filter_map(|f| f.uid).collect();
    Ok(uids
        .into_iter()
        .filter(|uid| (window.0..=window.1).contains(uid))
        .collect())
}

/// The search for marked letters; the date is by the server's calendar, so a day is added.
pub(super) fn marked_since(since: Option<Time>) -> String {
    let day = std::time::Duration::from_secs(24 * 3600);
    let date = since.and_then(|t| imap_date(t.minus(day)));
    let since = date.map(|d| format!(" SINCE {d}")).unwrap_or_default();
    format!(" HEADER Tradepost \"\"{since}")
}

/// That header field of the newest letters of the open folder, each as a header of its own.
pub(super) async fn headers_of_newest(
    session: &mut Session,
    name: &str,
    letters: u32,
) -> Result<Vec<Vec<u8>>, Failure> {
    let seen = seen_of_newest(session, name, letters).await?;
    Ok(seen.into_iter().map(|s| s.header).collect())
}

/// The newest letters of the open folder, each with these header fields.
pub(super) async fn seen_of_newest(
    session: &mut Session,
    names: &str,
    letters: u32,
) -> Result<Vec<Seen>, Failure> {
    let last = session.exists;
    if last == 0 {
        return Ok(Vec::new());
    }
    let first = last.saturating_sub(letters.saturating_sub(1)).max(1);
    let command =
        |part: &str| format!("FETCH {first}:{last} (UID BODY.PEEK[HEADER.FIELDS ({names})]{part})");
    let (seen, outcome) = fetch_headers(session, command, u64::from(letters)).await;
    outcome.map(|()| seen)
}

/// When the newest letter of the open folder came; none where the server does not tell.
pub(super) async fn newest_received(session: &mut Session) -> Result<Option<Time>, Failure> {
    if session.exists == 0 {
        return Ok(None);
    }
    // By its number: some servers do not know `*` there.
    let command = format!("FETCH {} (UID INTERNALDATE)", session.exists);
    let told = unless_denied(session.gather(&command, SMALL).await)?;
    Ok(told.into_iter().flatten().find_map(|f| f.internal_date))
}

/// Whether letters of ours are found by the server's search for their header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderSearch {
    /// It finds exactly what the headers of the newest letters show.
    Works,
    /// It finds something else, or is refused.
    Fails,
    /// None of the newest letters has a field that shows whether it works: no server is trusted without.
    Untried,
}

/// Tries the server's search for a header field on the newest letters. Servers with an index of the
/// standard fields find nothing by any other field, and say so with OK: so it is tried with fields of
/// the newest letters that no index knows.
pub(super) async fn try_search(session: &mut Session) -> Result<HeaderSearch, Failure> {
    let last = session.exists;
    if last == 0 {
        return Ok(HeaderSearch::Untried);
    }
    let first = last.saturating_sub(SAMPLE - 1).max(1);
    let part = session.part(SAMPLE_EACH);
    let command = format!("FETCH {first}:{last} (UID BODY.PEEK[HEADER]{part})");
    let limits = Limits {
        bytes: SMALL.bytes + u64::from(SAMPLE) * SAMPLE_EACH,
        text: SAMPLE_EACH,
        one: SAMPLE_EACH,
    };
    let Some(told) = unless_denied(session.gather(&command, limits).await)? else {
        return Ok(HeaderSearch::Fails);
    };
    let sample: BTreeMap<u32, Sampled> = told
        .into_iter()
        .filter_map(|f| {
            let header = f.header?;
            let is_whole = !f.header_is_cut && (header.len() as u64) < SAMPLE_EACH;
            Some((f.uid?, Sampled { header, is_whole }))
        })
        .collect();
    let (Some((low, _)), Some((high, _))) = (sample.first_key_value(), sample.last_key_value())
    else {
        return Ok(HeaderSearch::Untried);
    };
    let window = (*low, *high);
    let telling = telling_fields(sample.values().map(|s| s.header.as_slice()));
    // The last one is there to see that what no letter has is not found either.
    for name in telling.iter().map(String::as_str).chain(["tradepost"]) {
        let asked = search(session, window, &format!(" HEADER {name} \"\"")).await;
        let Some(found) = unless_denied(asked)?.flatten() else {
            return Ok(HeaderSearch::Fails);
        };
        for (uid, sampled) in &sample {
            let has_it = field(&sampled.header, name).is_some();
            // Where the header was not read to its end, the field may stand further down.
            if found.contains(uid) != has_it && (has_it || sampled.is_whole) {
                return Ok(HeaderSearch::Fails);
            }
        }
    }
    Ok(if telling.is_empty() {
        HeaderSearch::Untried
    } else {
        HeaderSearch::Works
    })
}

/// A header by which the search is tried.
struct Sampled {
    header: Vec<u8>,
    is_whole: bool,
}

/// Fields that the search is tried with.
const TELLING: usize = 2;

/// The most frequent fields that servers with an index of fields do not have in it: those that no
/// standard names. Ours is the best of all.
fn telling_fields<'h>(headers: impl Iterator<Item = &'h [u8]>) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for header in headers {
        let text = String::from_utf8_lossy(header);
        let names: BTreeSet<String> = text
            .lines()
            .filter_map(|line| Some(line.split_once(':')?.0.trim_end().to_ascii_lowercase()))
            .filter(|name| is_unknown_to_standards(name))
            .collect();
        for name in names {
            *counts.entry(name).or_default() += 1;
        }
    }
    if counts.contains_key("tradepost") {
        return vec!["tradepost".to_owned()];
    }
    let mut names: Vec<(String, usize)> = counts.into_iter().collect();
    names.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    names
        .into_iter()
        .map(|(name, _)| name)
        .take(TELLING)
        .collect()
}

/// By its beginning: providers and programs begin their own fields so.
fn is_unknown_to_standards(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let own = name.starts_with("x-") || name == "tradepost";
    // Known to some indexes all the same.
    let indexed = ["x-mailer", "x-priority", "x-spam-", "x-original-to"];
    own && name.bytes().all(plain) && !indexed.iter().any(|i| name.starts_with(i))
}

/// Ascending UIDs as a set, runs joined.
pub(super) fn set(uids: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for uid in uids {
        match parts.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(*uid) => *end = *uid,
            _ => parts.push((*uid, *uid)),
        }
    }
    let texts: Vec<String> = parts
        .iter()
        .map(|(a, b)| {
            if a == b {
                a.to_string()
            } else {
                format!("{a}:{b}")
            }
        })
        .collect();
    texts.join(",")
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `17-Jul-1996 02:44:25 -0700` (RFC 3501 section 9, `date-time`).
pub(super) fn internal_date(text: &str) -> Option<Time> {
    let mut words = text.split_ascii_whitespace();
    let (date, time, zone) = (words.next()?, words.next()?, words.next()?);
    let mut parts = date.splitn(3, '-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = 1 + MONTHS.iter().position(|m| m.eq_ignore_ascii_case(month))?;
    let (hours, minutes) = zone.split_at_checked(3)?;
    format!("{year}-{month:02}-{day:0>2}T{time}{hours}:{minutes}")
        .parse()
        .ok()
}

/// `17-Jul-1996`, in UTC.
fn imap_date(time: Time) -> Option<String> {
    let text = time.to_string();
    let mut parts = text.get(..10)?.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    Some(format!("{}-{month}-{year}", day.trim_start_matches('0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(header: &str, size: u64) -> bool {
        let header = header.as_bytes().to_vec();
        Seen {
            uid: 1,
            size: Some(size),
            received: None,
            header,
            is_cut: false,
            is_over_a_limit: false,
        }
        .may_matter()
    }

    #[test]
    fn what_may_hold_a_statement_is_fetched_and_other_mail_is_not() {
        const MIB: u64 = 1024 * 1024;
        let rows = [
            ("Tradepost: v=1\r\n", 1, true),
            (
                "TRADEPOST : v=1\r\nContent-Type: text/plain\r\n",
                20 * MIB,
                true,
            ),
            (
                "Content-Type: multipart/alternative;\r\n boundary=x\r\n",
                MIB,
                true,
            ),
            ("Content-Type: multipart/alternative\r\n", MIB + 1, false),
            ("Content-Type:\r\n Multipart/Report\r\n", 5 * MIB, true),
            ("Content-Type: multipart/report\r\n", 11 * MIB, false),
            ("Content-Type: message/rfc822\r\n", 1, true),
            ("Content-Type: application/vnd.tradepost+json\r\n", 1, true),
            ("Content-Type: text/html\r\n", 1, false),
            ("X-Tradepost: v=1\r\n", 1, false),
            ("", 1, false),
        ];
        for (header, size, expected) in rows {
            assert_eq!(letter(header, size), expected, "{header} of {size}");
        }
    }

    #[test]
    fn dates_are_translated_both_ways() {
        let time = internal_date("17-Jul-1996 02:44:25 -0700");
        assert_eq!(
            time.map(|t| t.to_string()).as_deref(),
            Some("1996-07-17T09:44:25Z")
        );
        assert_eq!(
            internal_date(" 7-Jul-1996 02:44:25 +0000"),
            "1996-07-07T02:44:25Z".parse().ok()
        );
        for bad in ["", "17-Jul-1996", "17-Foo-1996 02:44:25 -0700", "x y é"] {
            assert_eq!(internal_date(bad), None, "{bad}");
        }
        let since: Option<Time> = "2026-03-02T10:00:00Z".parse().ok();
        assert_eq!(
            marked_since(since),
            " HEADER Tradepost \"\" SINCE 1-Mar-2026"
        );
        assert_eq!(marked_since(None), " HEADER Tradepost \"\"");
    }

    #[test]
    fn runs_of_uids_are_joined() {
        assert_eq!(set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(set(&[u32::MAX]), u32::MAX.to_string());
        assert_eq!(set(&[]), "");
    }
}
