//! Fetching whole letters: several at a time, so that a long line costs nothing, and not too many
//! bytes at a time. What did not come is asked for again, one letter at a time; one that can't be
//! had is set aside.

use std::collections::BTreeMap;
use std::time::Duration;

use tradepost_letters::StatementPart;
use tradepost_statements::Time;

use super::facts::FetchedBody;
use super::failure::CommandFailure;
use super::look::FIELDS_EACH;
use super::memory::{FetchTarget, LetterUid, WatchState};
use super::search::{is_there, set};
use super::select::LARGEST;
use super::session::{ResponseLimits, SMALL, Session};
use super::{RawMail, SetAside};

/// Most letters in one command, and most of their bytes.
const LETTERS: usize = 50;
const BYTES: u64 = 4 * 1024 * 1024;

/// Tries for one letter on a connection that is sound: some servers say OK without it for a moment.
const TRIES: u32 = 3;

/// A letter that came shorter than its RFC822.SIZE by more than this part of it was cut: where line ends
/// are counted as one octet, or a letter is made anew for each reader, sizes are estimates.
const SLACK: u64 = 8;

/// And by this many octets at least.
const LEAST_SLACK: u64 = 512;

/// A letter to be had, or to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) uid: u32,
    /// None where the server does not tell.
    pub(super) size: Option<u64>,
    /// Its header has the field that our letters have.
    pub(super) is_marked: bool,
    /// Not to be asked for, and why.
    pub(super) hopeless: Option<Hopeless>,
}

/// Why a letter is not asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hopeless {
    why: String,
    again: bool,
}

impl Choice {
    /// To be fetched, unless it is too large.
    pub(super) fn of(uid: u32, size: Option<u64>, is_marked: bool) -> Choice {
        let hopeless = size.filter(|s| *s > LARGEST).map(|size| Hopeless {
            why: format!(
                "it has {size} bytes; letters of more than {LARGEST} are not read (protocol 6)"
            ),
            again: false,
        });
        Choice {
            uid,
            size,
            is_marked,
            hopeless,
        }
    }

    /// Not to be asked for, because of its header.
    pub(super) fn over_a_limit(uid: u32) -> Choice {
        let why = format!(
            "a field of its header has more than {FIELDS_EACH} bytes; such letters are not read"
        );
        Choice {
            uid,
            size: None,
            is_marked: false,
            hopeless: Some(Hopeless { why, again: false }),
        }
    }

    /// Not to be asked for now.
    pub(super) fn hopeless(uid: u32, why: &str) -> Choice {
        Choice {
            uid,
            size: None,
            is_marked: false,
            hopeless: Some(Hopeless {
                why: why.to_owned(),
                again: true,
            }),
        }
    }

    /// Octets that it is expected to have.
    fn expected(&self) -> u64 {
        self.size.unwrap_or(0)
    }

    /// Whether so many octets can't be all of it.
    fn is_short(&self, octets: u64) -> bool {
        let expected = self.expected();
        // Of other people's letters nobody wants to hear because of a bad estimate.
        let slack = expected / if self.is_marked { SLACK } else { 2 };
        expected.saturating_sub(octets) > slack.max(LEAST_SLACK)
    }
}

/// As many from the front as go into one command.
pub(super) fn next_group(choices: &[Choice]) -> (&[Choice], &[Choice]) {
    let mut bytes = 0;
    let fits = choices
        .iter()
        .take(LETTERS)
        .take_while(|c| {
            bytes += if c.hopeless.is_some() {
                0
            } else {
                c.expected()
            };
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
    /// The server has these no more.
    pub(super) gone: Vec<u32>,
    /// The first letter that must be asked for again, on another connection, and why.
    pub(super) failed: Option<(u32, CommandFailure)>,
}

/// The reason of a letter that made several connections fail.
pub(super) const NOT_TO_BE_HAD: &str =
    "the server could not hand it out, in several tries: look at it with another mail program";

/// The reason of a letter whose header the server does not show.
pub(super) const NOT_SHOWN: &str =
    "the server has it and does not show its header: look at it with another mail program";

/// Where letters are fetched from, and how long to wait between two tries.
#[derive(Debug, Clone, Copy)]
pub(super) struct FetchSource<'f> {
    pub(super) folder: &'f str,
    pub(super) uid_validity: u32,
    pub(super) pause: Duration,
}

impl FetchSource<'_> {
    fn letter(&self, uid: u32) -> LetterUid {
        (self.folder.to_owned(), self.uid_validity, uid)
    }
}

impl Fetched {
    /// Nothing is known of any letter.
    pub(super) fn is_empty(&self) -> bool {
        self.mails.is_empty() && self.set_aside.is_empty() && self.gone.is_empty()
    }
}

/// Fetches a group of letters from the open folder.
pub(super) async fn fetch(
    session: &mut Session,
    memory: &mut WatchState,
    from: FetchSource<'_>,
    group: &[Choice],
) -> Fetched {
    let mut fetched = Fetched::default();
    let mut came = BTreeMap::new();
    let together: Vec<&Choice> = group
        .iter()
        .filter(|c| c.hopeless.is_none() && !memory.is_suspect(&from.letter(c.uid)))
        .collect();
    let mut broken = None;
    if let (true, Some(last)) = (together.len() > 1, together.last()) {
        memory.asked = Some(FetchTarget::Group(from.letter(last.uid)));
        match ask(session, &together, &mut came).await {
            Ok(()) => memory.asked = None,
            // What came, came; the rest is asked for one by one below.
            Err(CommandFailure::Denied(_)) => memory.asked = None,
            Err(e @ (CommandFailure::Broken(_) | CommandFailure::NobodyListens)) => {
                broken = Some(e)
            }
        }
    }
    for choice in group {
        let uid = choice.uid;
        let judged = came.remove(&uid).map(|came| came.judge(choice));
        let outcome = match (&choice.hopeless, judged) {
            (Some(why), _) => Ok(FetchOutcome::NotToBeHad(why.clone())),
            (None, Some(Ok(came))) => Ok(FetchOutcome::Had(came)),
            (None, Some(Err((why, AskAgain::Later)))) => Ok(FetchOutcome::NotToBeHad(why)),
            (None, _) if broken.is_some() => {
                fetched.failed = broken.map(|e| (uid, e));
                return fetched;
            }
            (None, _) => alone(session, memory, choice, from).await,
        };
        match outcome {
            Ok(FetchOutcome::Gone) => fetched.gone.push(uid),
            Ok(FetchOutcome::NotToBeHad(Hopeless { why, again })) => {
                fetched.set_aside.push(SetAside {
                    uid,
                    reason: why,
                    again,
                })
            }
            Ok(FetchOutcome::Had(came)) => {
                memory.came();
                fetched.mails.push(RawMail {
                    folder: from.folder.to_owned(),
                    uid_validity: from.uid_validity,
                    uid,
                    internal_date: came.internal_date,
                    bytes: came.bytes,
                });
            }
            Err(e) => {
                fetched.failed = Some((uid, e));
                return fetched;
            }
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

/// What became of one letter.
#[derive(Debug)]
enum FetchOutcome {
    Had(FetchedLetter),
    /// The server has it no more.
    Gone,
    NotToBeHad(Hopeless),
}

/// A letter as the server gave it.
#[derive(Debug)]
struct FetchedLetter {
    bytes: Vec<u8>,
    internal_date: Option<Time>,
    fault: Option<FetchFault>,
}

/// What is wrong with what came in a letter's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FetchFault {
    Missing,
    TooLarge,
}

impl FetchedLetter {
    fn of(body: FetchedBody, internal_date: Option<Time>) -> FetchedLetter {
        let (bytes, fault) = match body {
            FetchedBody::Missing => (Vec::new(), Some(FetchFault::Missing)),
            FetchedBody::Cut => (Vec::new(), Some(FetchFault::TooLarge)),
            FetchedBody::Bytes(bytes) if bytes.len() as u64 > LARGEST => {
                (Vec::new(), Some(FetchFault::TooLarge))
            }
            FetchedBody::Bytes(bytes) => (bytes, None),
        };
        FetchedLetter {
            bytes,
            internal_date,
            fault,
        }
    }

    /// Whether it is the letter that was asked for, as far as that shows; else what is wrong with it.
    fn judge(self, choice: &Choice) -> Result<FetchedLetter, (Hopeless, AskAgain)> {
        let octets = self.bytes.len() as u64;
        let (why, again, at) = match self.fault {
            Some(FetchFault::Missing) => {
                let why = "the server has the letter, but not its text";
                (why.to_owned(), true, AskAgain::Once)
            }
            // Among others it may have been cut for their sake.
            Some(FetchFault::TooLarge) => (
                format!(
                    "it has more bytes than the server said; letters of more than {LARGEST} are not read (protocol 6)"
                ),
                false,
                AskAgain::Once,
            ),
            None if choice.is_short(octets) && !holds_a_statement(&self.bytes) => {
                let all = choice.expected();
                let why = format!("the server hands out {octets} bytes of its {all}");
                (why, true, AskAgain::Once)
            }
            None if choice.is_marked && is_another(&self.bytes) => (
                "it is marked as a Tradepost letter, and the text that the server hands out in its place holds \
                 no statement"
                    .to_owned(),
                true,
                AskAgain::Later,
            ),
            None => return Ok(self),
        };
        Err((Hopeless { why, again }, at))
    }
}

/// When a letter with a fault may be asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AskAgain {
    /// It may have been for a moment, or for the others in the answer.
    Once,
    /// Servers that give another text in a letter's place do so for hours.
    Later,
}

/// Whether a statement can be read in it.
fn holds_a_statement(letter: &[u8]) -> bool {
    match tradepost_letters::parse(letter).statement {
        StatementPart::Part(_) | StatementPart::Encrypted => true,
        StatementPart::None | StatementPart::Unreadable(_) => false,
    }
}

/// Whether it has no Tradepost part at all, and is no report about a letter that has one.
fn is_another(letter: &[u8]) -> bool {
    let letter = tradepost_letters::parse(letter);
    letter.bounce.is_none() && matches!(letter.statement, StatementPart::None)
}

/// Asks for one letter that did not come with the others, several times where it is there and does
/// not come.
async fn alone(
    session: &mut Session,
    memory: &mut WatchState,
    choice: &Choice,
    from: FetchSource<'_>,
) -> Result<FetchOutcome, CommandFailure> {
    let again = |why: String| Hopeless { why, again: true };
    let letter = from.letter(choice.uid);
    if memory.is_hopeless(&letter) {
        return Ok(FetchOutcome::NotToBeHad(again(NOT_TO_BE_HAD.to_owned())));
    }
    let name = format!("letter {} in {}", choice.uid, from.folder);
    let mut fault = again(NOT_TO_BE_HAD.to_owned());
    for attempt in 1..=TRIES {
        memory.asked = Some(FetchTarget::One(letter.clone()));
        let mut came = BTreeMap::new();
        let outcome = ask(session, &[choice], &mut came).await;
        memory.asked = None;
        match outcome {
            Ok(()) => match came.remove(&choice.uid) {
                Some(came) => match came.judge(choice) {
                    Ok(came) => return Ok(FetchOutcome::Had(came)),
                    // It is what it is, now.
                    Err((why, at)) if at == AskAgain::Later || !why.again => {
                        return Ok(FetchOutcome::NotToBeHad(why));
                    }
                    Err((why, AskAgain::Once | AskAgain::Later)) => fault = why,
                },
                None if !is_there(session, choice.uid).await? => return Ok(FetchOutcome::Gone),
                None => fault = again(NOT_TO_BE_HAD.to_owned()),
            },
            Err(CommandFailure::Denied(said)) => {
                fault = again(format!("{NOT_TO_BE_HAD} (it says: {said})"));
            }
            Err(e @ (CommandFailure::Broken(_) | CommandFailure::NobodyListens)) => {
                memory.asked = Some(FetchTarget::One(letter));
                return Err(e);
            }
        }
        if attempt < TRIES && memory.may_pause() {
            tokio::time::sleep(from.pause).await;
        }
    }
    if memory.may_give_up(letter) {
        return Ok(FetchOutcome::NotToBeHad(fault));
    }
    // So many one after the other are rather no fault of the letters.
    Err(CommandFailure::Denied(format!("{name}: {}", fault.why)))
}

async fn ask(
    session: &mut Session,
    choices: &[&Choice],
    came: &mut BTreeMap<u32, FetchedLetter>,
) -> Result<(), CommandFailure> {
    let uids: Vec<u32> = choices.iter().map(|c| c.uid).collect();
    let bytes: u64 = choices.iter().map(|c| c.expected()).sum();
    let largest = choices
        .iter()
        .map(|c| c.expected())
        .max()
        .unwrap_or_default();
    // Twice, because some servers count line ends as one byte, or guess; one letter may be as large as
    // letters are, whatever its server says.
    let least = if choices.len() == 1 { LARGEST } else { 0 };
    let limits = ResponseLimits {
        bytes: SMALL.bytes + (2 * bytes).max(least),
        text: LARGEST + 1,
        one: largest,
    };
    let items = "(UID INTERNALDATE BODY.PEEK[])";
    let command = format!("UID FETCH {} {items}", set(&uids));
    let (all, outcome) = session.gather_some(&command, limits).await;
    // What the server says of flags on the side has no body, and of others it says it in vain.
    for facts in all {
        if let Some((uid, body)) = facts.uid.zip(facts.body)
            && uids.contains(&uid)
        {
            came.insert(uid, FetchedLetter::of(body, facts.internal_date));
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_bounded_by_letters_and_bytes() {
        let choices = |sizes: &[u64]| -> Vec<Choice> {
            (1..)
                .zip(sizes)
                .map(|(uid, size)| Choice::of(uid, Some(*size), true))
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
