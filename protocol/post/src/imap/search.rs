//! What the server finds: which letters there are, and which are marked as ours.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_imap::imap_proto::{MailboxDatum, Response};
use tradepost_statements::Time;

use super::dates::imap_date;
use super::failure::{CommandFailure, unless_denied};
use super::select::field;
use super::session::{ResponseLimits, SMALL, Session};

/// Newest letters by which the search for a header field is tried.
const SAMPLE: u32 = 50;

/// What of their headers is read.
const SAMPLE_EACH: u64 = 8 * 1024;

/// UIDs from one to another, both included; up to the newest when the second is [`NEWEST`].
pub(super) type UidWindow = (u32, u32);

/// In place of the last UID of a [`UidWindow`]: the largest that any letter can have.
pub(super) const NEWEST: u32 = u32::MAX;

pub(super) fn range((first, last): UidWindow) -> String {
    match last {
        NEWEST => format!("{first}:*"),
        last => format!("{first}:{last}"),
    }
}

/// UIDs in the window that the server finds, ascending; `rest` is the rest of the search. None where
/// it says OK and does not say what it found.
pub(super) async fn search(
    session: &mut Session,
    window: UidWindow,
    rest: &str,
) -> Result<Option<Vec<u32>>, CommandFailure> {
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
pub(super) async fn uids_in(
    session: &mut Session,
    window: UidWindow,
) -> Result<Vec<u32>, CommandFailure> {
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
    let day = Duration::from_secs(24 * 3600);
    let date = since.and_then(|t| imap_date(t.minus(day)));
    let since = date.map(|d| format!(" SINCE {d}")).unwrap_or_default();
    format!(" HEADER Tradepost \"\"{since}")
}

/// Whether the server has the letter, by all that it tells.
pub(super) async fn is_there(session: &mut Session, uid: u32) -> Result<bool, CommandFailure> {
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
pub(super) async fn try_search(session: &mut Session) -> Result<HeaderSearch, CommandFailure> {
    let last = session.exists;
    if last == 0 {
        return Ok(HeaderSearch::Untried);
    }
    let first = last.saturating_sub(SAMPLE - 1).max(1);
    let part = session.part(SAMPLE_EACH);
    let command = format!("FETCH {first}:{last} (UID BODY.PEEK[HEADER]{part})");
    let limits = ResponseLimits {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_may_begin_at_a_date() {
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
