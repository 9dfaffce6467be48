//! Looking at the headers of letters, by which they are chosen. What did not come is asked for again, and
//! told of where it is there and does not show.

use std::collections::BTreeSet;

use tradepost_statements::Time;

use super::facts::FetchedItems;
use super::failure::{CommandFailure, unless_denied};
use super::search::{UidWindow, is_there, range, search, set};
use super::select::LetterHeader;
use super::session::{ResponseLimits, SMALL, Session};

/// What the header fields of one letter may take in an answer; those by which letters are chosen have a
/// few hundred bytes together.
pub(super) const FIELDS_EACH: u64 = 16 * 1024;

/// What is read of one field, where the fields of a letter together are longer than that.
const BEGINNING: u64 = 1024;

/// What a look at the letters of a window brought.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) seen: Vec<LetterHeader>,
    /// The server has these and does not show their headers, asked for each alone.
    pub(super) unseen: Vec<u32>,
}

/// Letters of which the server shows nothing, one after the other without one that it does show: then
/// it is not their fault.
const UNSEEN_IN_A_ROW: usize = 10;

/// Letters named in one command.
const NAMED_AT_ONCE: usize = 500;

/// The header fields, sizes and dates of all letters in the window.
pub(super) async fn look(
    session: &mut Session,
    window: UidWindow,
) -> Result<Looked, CommandFailure> {
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
        (Err(CommandFailure::Denied(_)) | Ok(()), Some(there)) => {
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
) -> Result<(), CommandFailure> {
    let missing = |of: &[u32], seen: &[LetterHeader]| -> Vec<u32> {
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
            Err(CommandFailure::Denied(said)) => said,
            Err(e @ (CommandFailure::Broken(_) | CommandFailure::NobodyListens)) => return Err(e),
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
                    return Err(CommandFailure::Denied(said));
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
pub(super) async fn look_at(session: &mut Session, uids: &[u32]) -> Result<Looked, CommandFailure> {
    let mut looked = Looked::default();
    look_again(session, uids, &mut looked).await?;
    look_closer(session, looked).await
}

/// Where the fields are longer than what was read of them.
async fn look_closer(session: &mut Session, mut looked: Looked) -> Result<Looked, CommandFailure> {
    looked.seen.sort_by_key(|s| s.uid);
    for seen in &mut looked.seen {
        if seen.is_cut {
            look_at_beginnings(session, seen).await?;
        }
    }
    Ok(looked)
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
async fn look_at_beginnings(
    session: &mut Session,
    seen: &mut LetterHeader,
) -> Result<(), CommandFailure> {
    for field in FIELDS {
        let uid = seen.uid;
        let part = session.part(BEGINNING);
        let command = format!("UID FETCH {uid} (UID BODY.PEEK[HEADER.FIELDS ({field})]{part})");
        let limits = ResponseLimits {
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
type Headers = (Vec<LetterHeader>, Result<(), CommandFailure>);

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
    let empty = |all: &[LetterHeader]| {
        all.iter()
            .filter(|s| s.header.trim_ascii().is_empty())
            .count()
    };
    let part = command(&format!("<0.{FIELDS_EACH}>"));
    let (seen, outcome) = headers(session, &part, letters).await;
    let is_doubtful = match &outcome {
        Ok(()) => empty(&seen) > 0,
        Err(CommandFailure::Denied(_)) => true,
        Err(CommandFailure::Broken(_) | CommandFailure::NobodyListens) => false,
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
        Ok(()) | Err(CommandFailure::Denied(_)) if !is_better => (seen, outcome),
        of_again => (again, of_again),
    }
}

async fn headers(session: &mut Session, command: &str, letters: u64) -> Headers {
    let limits = ResponseLimits {
        bytes: SMALL.bytes + letters.saturating_mul(FIELDS_EACH),
        text: FIELDS_EACH,
        one: FIELDS_EACH,
    };
    let (all, outcome) = session.gather_some(command, limits).await;
    let mut seen: Vec<LetterHeader> = all.into_iter().filter_map(seen).collect();
    seen.sort_by_key(|s| s.uid);
    (seen, outcome)
}

/// None for what the server says of flags on the side.
fn seen(facts: FetchedItems) -> Option<LetterHeader> {
    let header = facts.header?;
    Some(LetterHeader {
        uid: facts.uid?,
        size: facts.size,
        received: facts.internal_date,
        is_cut: facts.header_is_cut || header.len() as u64 >= FIELDS_EACH,
        is_over_a_limit: false,
        header,
    })
}

/// That header field of the newest letters of the open folder, each as a header of its own.
pub(super) async fn headers_of_newest(
    session: &mut Session,
    name: &str,
    letters: u32,
) -> Result<Vec<Vec<u8>>, CommandFailure> {
    let seen = seen_of_newest(session, name, letters).await?;
    Ok(seen.into_iter().map(|s| s.header).collect())
}

/// The newest letters of the open folder, each with these header fields.
pub(super) async fn seen_of_newest(
    session: &mut Session,
    names: &str,
    letters: u32,
) -> Result<Vec<LetterHeader>, CommandFailure> {
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
pub(super) async fn newest_received(session: &mut Session) -> Result<Option<Time>, CommandFailure> {
    if session.exists == 0 {
        return Ok(None);
    }
    // By its number: some servers do not know `*` there.
    let command = format!("FETCH {} (UID INTERNALDATE)", session.exists);
    let told = unless_denied(session.gather(&command, SMALL).await)?;
    Ok(told.into_iter().flatten().find_map(|f| f.internal_date))
}
