//! Which letters of a folder may hold a statement, found out without fetching them.
//!
//! A backlog is searched for the `Tradepost` header field, by the server. What is new is looked at
//! more closely, because the field is only a hint that providers may strip: a letter whose type
//! could hold a statement, or a bounce, is fetched as well when it is small.

use std::collections::{BTreeMap, BTreeSet};

use async_imap::imap_proto::{MailboxDatum, Response};
use tradepost_statements::Time;

use super::facts::facts;
use super::failure::{Failure, unless_denied};
use super::session::{Limits, SMALL, Session};

/// Protocol 6: a letter of at most 10 MiB is read.
pub(super) const LARGEST: u64 = 10 * 1024 * 1024;

/// Largest letter without the field that is fetched on suspicion; statements are far smaller.
const LARGEST_SUSPECT: u64 = 1024 * 1024;

/// What the header fields of one letter may take in an answer.
const FIELDS_EACH: u64 = 16 * 1024;

/// Newest letters by which the server's search is tried.
const SAMPLE: u32 = 50;

/// A letter as its header shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) uid: u32,
    pub(super) size: u64,
    pub(super) received: Option<Time>,
    header: Vec<u8>,
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
        if self.is_from_a_mail_system() && self.size <= LARGEST_SUSPECT {
            return true;
        }
        let Some(content_type) = field(&self.header, "content-type") else {
            return false;
        };
        let content_type = content_type.trim_start().to_ascii_lowercase();
        if content_type.starts_with("multipart/report") {
            return self.size <= LARGEST;
        }
        // Protocol 6: the part may stand anywhere in the tree.
        let holds_parts = ["multipart/", "message/", "application/vnd.tradepost+json"];
        holds_parts.iter().any(|t| content_type.starts_with(t)) && self.size <= LARGEST_SUSPECT
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

/// The header fields, sizes and dates of all letters in the window.
pub(super) async fn look(session: &mut Session, window: Window) -> Result<Vec<Seen>, Failure> {
    // What is to come, to be compared with what came; a server that refuses to tell is believed.
    let there = unless_denied(search(session, window, "").await)?.unwrap_or_default();
    let letters = u64::try_from(there.len())
        .unwrap_or(u64::MAX)
        .min(LOOK_LIMIT);
    let mut seen = look_in(session, &range(window), letters).await?;
    // RFC 3501 section 6.4.8: with nothing new, `*` names the last letter, an old one.
    seen.retain(|s| (window.0..=window.1).contains(&s.uid));
    for uid in there {
        if seen.binary_search_by_key(&uid, |s| s.uid).is_err() {
            // Left out, or deleted meanwhile: then it does not come this time either.
            seen.extend(look_at(session, uid).await?);
            seen.sort_by_key(|s| s.uid);
        }
    }
    Ok(seen)
}

/// The same of one letter; none when there is no such letter.
pub(super) async fn look_at(session: &mut Session, uid: u32) -> Result<Option<Seen>, Failure> {
    let seen = look_in(session, &uid.to_string(), 1).await?;
    Ok(seen.into_iter().find(|s| s.uid == uid))
}

/// Bounds what the headers of many letters may take.
const LOOK_LIMIT: u64 = 10_000;

async fn look_in(session: &mut Session, set: &str, letters: u64) -> Result<Vec<Seen>, Failure> {
    let items = "(UID RFC822.SIZE INTERNALDATE BODY.PEEK[HEADER.FIELDS (TRADEPOST CONTENT-TYPE FROM X-FAILED-RECIPIENTS)])";
    fetch_headers(session, &format!("UID FETCH {set} {items}"), letters).await
}

async fn fetch_headers(
    session: &mut Session,
    command: &str,
    letters: u64,
) -> Result<Vec<Seen>, Failure> {
    let mut all = Vec::new();
    let limits = Limits {
        bytes: SMALL.bytes + letters.saturating_mul(FIELDS_EACH),
        one: FIELDS_EACH,
    };
    session
        .run(command, limits, |response| all.extend(seen(response)))
        .await?;
    all.sort_by_key(|s| s.uid);
    Ok(all)
}

/// None for what the server says of flags on the side.
fn seen(response: &Response<'_>) -> Option<Seen> {
    let facts = facts(response)?;
    Some(Seen {
        uid: facts.uid?,
        size: facts.size.unwrap_or(0),
        received: facts.internal_date,
        header: facts.header?,
    })
}

/// The sizes of these letters, as far as they are still there.
pub(super) async fn sizes(session: &mut Session, uids: &[u32]) -> Result<Vec<(u32, u64)>, Failure> {
    let mut all = BTreeMap::new();
    for some in uids.chunks(500) {
        all.extend(sizes_of(session, some).await?);
        for uid in some {
            if !all.contains_key(uid) {
                // Left out, or deleted meanwhile: then it does not come this time either.
                all.extend(sizes_of(session, &[*uid]).await?);
            }
        }
    }
    all.retain(|uid, _| uids.binary_search(uid).is_ok());
    Ok(all.into_iter().collect())
}

async fn sizes_of(session: &mut Session, uids: &[u32]) -> Result<Vec<(u32, u64)>, Failure> {
    let mut all = Vec::new();
    let command = format!("UID FETCH {} (UID RFC822.SIZE)", set(uids));
    session
        .run(&command, SMALL, |response| {
            all.extend(facts(response).and_then(|f| f.uid.zip(f.size)));
        })
        .await?;
    Ok(all)
}

/// UIDs in the window that the server finds, ascending; `rest` is the rest of the search.
pub(super) async fn search(
    session: &mut Session,
    window: Window,
    rest: &str,
) -> Result<Vec<u32>, Failure> {
    let mut found = BTreeSet::new();
    let command = format!("UID SEARCH UID {}{rest}", range(window));
    session
        .run(&command, SMALL, |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.extend(uids.iter().copied());
            }
        })
        .await?;
    found.retain(|uid| (window.0..=window.1).contains(uid));
    Ok(found.into_iter().collect())
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
    let command = format!("FETCH {first}:{last} (UID BODY.PEEK[HEADER.FIELDS ({names})])");
    fetch_headers(session, &command, u64::from(letters)).await
}

/// When the newest letter of the open folder came.
pub(super) async fn newest_received(session: &mut Session) -> Result<Option<Time>, Failure> {
    if session.exists == 0 {
        return Ok(None);
    }
    let mut newest = None;
    session
        .run("FETCH * (INTERNALDATE)", SMALL, |response| {
            newest = facts(response).and_then(|f| f.internal_date).or(newest);
        })
        .await?;
    Ok(newest)
}

/// Whether the server's search for a header field finds exactly what the headers of the newest
/// letters show. Tried with Message-ID too, which nearly every letter has: some servers find
/// nothing at all when asked for any value.
pub(super) async fn search_works(session: &mut Session) -> Result<bool, Failure> {
    let last = session.exists;
    if last == 0 {
        return Ok(true);
    }
    let first = last.saturating_sub(SAMPLE - 1).max(1);
    let items = "(UID BODY.PEEK[HEADER.FIELDS (TRADEPOST MESSAGE-ID)])";
    let command = format!("FETCH {first}:{last} {items}");
    let asked = fetch_headers(session, &command, u64::from(SAMPLE)).await;
    let Some(sample) = unless_denied(asked)? else {
        return Ok(false);
    };
    let (Some(low), Some(high)) = (sample.first(), sample.last()) else {
        return Ok(true);
    };
    let window = (low.uid, high.uid);
    for name in ["tradepost", "message-id"] {
        let asked = search(session, window, &format!(" HEADER {name} \"\"")).await;
        let Some(found) = unless_denied(asked)? else {
            return Ok(false);
        };
        for seen in &sample {
            if found.contains(&seen.uid) != field(&seen.header, name).is_some() {
                return Ok(false);
            }
        }
    }
    Ok(true)
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
            size,
            received: None,
            header,
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
