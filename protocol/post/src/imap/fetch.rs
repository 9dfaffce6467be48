//! Fetching whole letters: several at a time, so that a long line costs nothing, and not too many
//! bytes at a time. What did not come is asked for again, one letter at a time; one that can't be
//! had is set aside.

use std::collections::BTreeMap;

use tradepost_statements::Time;

use super::facts::{Body, Facts, facts};
use super::failure::Failure;
use super::memory::{Asked, Memory, Place};
use super::select::{LARGEST, set};
use super::session::{Limits, SMALL, Session};
use super::{RawMail, SetAside, TroubleKind};
use crate::trouble::Error;

/// Most letters in one command, and most of their bytes.
const LETTERS: usize = 50;
const BYTES: u64 = 4 * 1024 * 1024;

/// A letter to be had, or to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) uid: u32,
    pub(super) size: u64,
    /// Not to be asked for, and why.
    pub(super) hopeless: Option<String>,
}

impl Choice {
    /// To be fetched, unless it is too large (asked before, because async-imap would take up to
    /// 512 MiB into memory).
    pub(super) fn of(uid: u32, size: u64) -> Choice {
        let hopeless = (size > LARGEST).then(|| {
            format!("it has {size} bytes; letters of more than {LARGEST} are not read (protocol 6)")
        });
        Choice {
            uid,
            size,
            hopeless,
        }
    }

    /// Not to be asked for.
    pub(super) fn hopeless(uid: u32, why: &str) -> Choice {
        Choice {
            uid,
            size: 0,
            hopeless: Some(why.to_owned()),
        }
    }
}

/// As many from the front as go into one command.
pub(super) fn next_group(choices: &[Choice]) -> (&[Choice], &[Choice]) {
    let mut bytes = 0;
    let fits = choices
        .iter()
        .take(LETTERS)
        .take_while(|c| {
            bytes += if c.hopeless.is_some() { 0 } else { c.size };
            bytes <= BYTES
        })
        .count();
    choices.split_at(fits.max(1).min(choices.len()))
}

/// What became of a group.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub(super) mails: Vec<RawMail>,
    pub(super) set_aside: Vec<SetAside>,
    /// The first letter that must be asked for again, on another connection, and why.
    pub(super) failed: Option<(u32, Failure)>,
}

/// The reason of a letter that made several connections fail.
pub(super) const NOT_TO_BE_HAD: &str =
    "the server could not hand it out, in several tries: look at it with another mail program";

/// Fetches a group of letters from the open folder.
pub(super) async fn fetch(
    session: &mut Session,
    memory: &mut Memory,
    folder: &str,
    uid_validity: u32,
    group: &[Choice],
) -> Fetched {
    let mut fetched = Fetched::default();
    let place = |uid: u32| (folder.to_owned(), uid_validity, uid);
    let mut came = BTreeMap::new();
    let together: Vec<&Choice> = group
        .iter()
        .filter(|c| c.hopeless.is_none() && !memory.is_suspect(&place(c.uid)))
        .collect();
    let mut broken = None;
    if let (true, Some(last)) = (together.len() > 1, together.last()) {
        memory.asked = Some(Asked::Group(place(last.uid)));
        match ask(session, &together, &mut came).await {
            Ok(()) => memory.asked = None,
            // What came, came; the rest is asked for one by one below.
            Err(Failure::Denied(_)) => memory.asked = None,
            Err(e @ (Failure::Broken(_) | Failure::NobodyListens)) => broken = Some(e),
        }
    }
    for choice in group {
        let uid = choice.uid;
        if let Some(reason) = &choice.hopeless {
            fetched.set_aside.push(SetAside {
                uid,
                reason: reason.clone(),
            });
            continue;
        }
        let letter = match came.remove(&uid) {
            Some(letter) => Some(letter),
            None if broken.is_some() => {
                fetched.failed = broken.map(|e| (uid, e));
                return fetched;
            }
            None => match alone(session, memory, choice, place(uid)).await {
                Ok(letter) => letter,
                Err(e) => {
                    fetched.failed = Some((uid, e));
                    return fetched;
                }
            },
        };
        match letter.map(Came::judge) {
            // Deleted meanwhile.
            None => {}
            Some(Err(reason)) => fetched.set_aside.push(SetAside { uid, reason }),
            Some(Ok((bytes, internal_date))) => fetched.mails.push(RawMail {
                folder: folder.to_owned(),
                uid_validity,
                uid,
                internal_date,
                bytes,
            }),
        }
    }
    if let Some(e) = broken {
        // All of the group came before the connection broke: nothing is to be blamed.
        memory.asked = None;
        let behind = group.last().map_or(u32::MAX, |c| c.uid.saturating_add(1));
        fetched.failed = Some((behind, e));
    }
    fetched
}

/// One letter as the server gave it, or why it is not asked for any more.
#[derive(Debug)]
enum Came {
    Letter(Body, Option<Time>),
    Hopeless,
}

impl Came {
    fn judge(self) -> Result<(Vec<u8>, Option<Time>), String> {
        match self {
            Came::Hopeless => Err(NOT_TO_BE_HAD.to_owned()),
            Came::Letter(Body::Missing, _) => {
                Err("the server has the letter, but not its text".to_owned())
            }
            Came::Letter(Body::Bytes(bytes), _) if bytes.len() as u64 > LARGEST => Err(format!(
                "it has {} bytes, although the server said less; letters of more than {LARGEST} are not read",
                bytes.len()
            )),
            Came::Letter(Body::Bytes(bytes), date) => Ok((bytes, date)),
        }
    }
}

/// Asks for one letter that did not come with the others. None: it is gone.
async fn alone(
    session: &mut Session,
    memory: &mut Memory,
    choice: &Choice,
    place: Place,
) -> Result<Option<Came>, Failure> {
    if memory.is_hopeless(&place) {
        return Ok(Some(Came::Hopeless));
    }
    let name = format!("letter {} in {}", place.2, place.0);
    memory.asked = Some(Asked::One(place));
    let mut came = BTreeMap::new();
    match ask(session, &[choice], &mut came).await {
        Ok(()) => {
            memory.asked = None;
            Ok(came.remove(&choice.uid))
        }
        // It may be a passing trouble of the server: not set aside before several tries.
        Err(Failure::Denied(said)) => Err(Failure::Broken(Error::new(
            TroubleKind::Refused,
            format!("{} does not hand out {name}: {said}", session.place),
        ))),
        Err(e @ (Failure::Broken(_) | Failure::NobodyListens)) => Err(e),
    }
}

async fn ask(
    session: &mut Session,
    choices: &[&Choice],
    came: &mut BTreeMap<u32, Came>,
) -> Result<(), Failure> {
    let uids: Vec<u32> = choices.iter().map(|c| c.uid).collect();
    let bytes: u64 = choices.iter().map(|c| c.size).sum();
    let largest = choices.iter().map(|c| c.size).max().unwrap_or_default();
    let limits = Limits {
        // Twice, because some servers count line ends as one byte, or guess.
        bytes: SMALL.bytes + 2 * bytes,
        one: largest,
    };
    let items = "(UID INTERNALDATE BODY.PEEK[])";
    let command = format!("UID FETCH {} {items}", set(&uids));
    session
        .run(&command, limits, |response| {
            // What the server says of flags on the side has no body.
            if let Some(Facts {
                uid: Some(uid),
                internal_date,
                body: Some(body),
                ..
            }) = facts(response)
                && uids.contains(&uid)
            {
                came.insert(uid, Came::Letter(body, internal_date));
            }
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_bounded_by_letters_and_bytes() {
        let choices = |sizes: &[u64]| -> Vec<Choice> {
            (1..)
                .zip(sizes)
                .map(|(uid, size)| Choice::of(uid, *size))
                .collect()
        };
        let first = |sizes: &[u64]| next_group(&choices(sizes)).0.len();
        assert_eq!(first(&[]), 0);
        assert_eq!(first(&[1; 120]), LETTERS);
        assert_eq!(first(&[BYTES / 2; 5]), 2);
        assert_eq!(first(&[LARGEST, 1]), 1, "a large one travels alone");
        assert_eq!(
            first(&[LARGEST + 1, 1, LARGEST + 1]),
            3,
            "what is set aside costs nothing"
        );
    }
}
