//! Protocol 5 as servers apply it: whoever is not proven gets silence and a log line. The rows of the table
//! ([`super::rules`]) are asked about a letter in their order; what the first that applies says is done
//! here, and where none does, the role decides.

use sha2::{Digest, Sha256};
use tradepost_statements::{Evidence, Statement};
use tradepost_trades::letter::{Content, ReadStatement, Received};

use super::book::{self, SeenStatement};
use super::case::{PartyCase, may_repeat};
use super::change::{Ignored, Occasion, PartyOutcome};
use super::held;
use super::rules::{self, PartyQuestion, PartyStop};

/// What the judgement makes of a letter.
pub(crate) enum JudgedLetter {
    /// There is nothing more to decide.
    Over(PartyOutcome),
    /// Its statement is proven, new, and for this server: whoever plays the role decides about it.
    New(Box<NewStatement>),
}

impl From<Ignored> for JudgedLetter {
    fn from(why: Ignored) -> JudgedLetter {
        JudgedLetter::Over(why.into())
    }
}

/// A statement that nothing was decided about before.
pub(crate) struct NewStatement {
    key: String,
    content: String,
    statement: Statement,
}

impl NewStatement {
    fn of(read: &ReadStatement) -> NewStatement {
        let statement = read.statement.clone();
        NewStatement {
            key: book::seen_key(&statement.from, statement.id),
            content: content_hash(&read.value),
            statement,
        }
    }

    pub(crate) fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Protocol 5, line 7: keeps what was answered, for when it comes again. Call it once all
    /// answers are said.
    pub(crate) fn remember(self, case: &mut PartyCase<'_>) {
        let seen = SeenStatement {
            content: self.content,
            answers: case.answers_to(&self.statement),
            repeated: Vec::new(),
        };
        case.put(self.key, &seen);
    }
}

/// Judges a letter that has come.
pub(crate) fn judge(case: &mut PartyCase<'_>, letter: &Received) -> JudgedLetter {
    // "A letter whose octets were judged before, with evidence at least as good, has no other effect".
    let key = book::digest_key(&letter.digest);
    if let Some(before) = case.read::<Evidence>(&key)
        && before >= letter.evidence
    {
        return Ignored::SameLetter.into();
    }
    judge_behind(case, letter, 0)
}

/// Protocol 5, line 3 on, for what waited for its proof long enough.
pub(super) fn judge_unheld(case: &mut PartyCase<'_>, letter: &Received) -> JudgedLetter {
    judge_behind(case, letter, LINE_OF_DNS)
}

/// A letter that was held until it was sent is judged again without regard to what was judged before.
pub(crate) fn judge_held(case: &mut PartyCase<'_>, letter: &Received) -> JudgedLetter {
    match ask(case, letter, LINE_OF_DNS) {
        Some((_, PartyStop::Held { until })) => JudgedLetter::Over(PartyOutcome::Held(until)),
        stop => conclude(case, letter, stop),
    }
}

/// The line that holds letters whose sender DNS may yet prove.
const LINE_OF_DNS: u8 = 2;
/// The line that asks for the proof of the sender.
const LINE_OF_PROOF: u8 = 3;
/// The last line that goes by the statement's id.
const LINE_OF_ID: u8 = 7;

fn judge_behind(case: &mut PartyCase<'_>, letter: &Received, line: u8) -> JudgedLetter {
    let stop = ask(case, letter, line);
    let decided_by = stop.as_ref().map_or(u8::MAX, |(line, _)| *line);
    if decided_by > LINE_OF_DNS {
        held::release_what_waits(case, letter);
    }
    // Nothing is kept of letters of unproven senders: anybody can send any number of them.
    if decided_by > LINE_OF_PROOF {
        case.put(book::digest_key(&letter.digest), &letter.evidence);
    }
    conclude(case, letter, stop)
}

/// Asks the rows behind a line: the one that applies, with its line.
fn ask(case: &PartyCase<'_>, letter: &Received, line: u8) -> Option<(u8, PartyStop)> {
    let question = PartyQuestion::new(case.settings, case.rows(), case.now, letter);
    rules::stops(case.rules, line, &question)
}

/// Does what a row says, or leaves it to the role to decide.
fn conclude(
    case: &mut PartyCase<'_>,
    letter: &Received,
    stop: Option<(u8, PartyStop)>,
) -> JudgedLetter {
    let new = match &letter.content {
        Content::Statement(read) => Some(|| NewStatement::of(read)),
        Content::Unreadable { .. } => None,
    };
    match stop {
        Some((_, PartyStop::WaitsForProof)) => JudgedLetter::Over(held::wait(case, letter)),
        Some((_, PartyStop::Held { until })) => {
            case.put(book::held_key(&letter.digest), letter);
            case.due_at(until, &format!("held/{}", letter.digest));
            JudgedLetter::Over(PartyOutcome::Held(until))
        }
        Some((_, PartyStop::Answered { key, seen })) => {
            JudgedLetter::Over(repeat(case, key, *seen))
        }
        Some((line, PartyStop::Ignored(why))) => {
            if let Some(new) = new.filter(|_| line > LINE_OF_ID) {
                new().remember(case);
            }
            why.into()
        }
        None => match new {
            Some(new) => JudgedLetter::New(Box::new(new())),
            None => Ignored::StatementIsUnreadable("it was not read".to_owned()).into(),
        },
    }
}

/// "A server repeats its stored answer", at most 5 times an hour.
fn repeat(case: &mut PartyCase<'_>, key: String, mut seen: SeenStatement) -> PartyOutcome {
    if !may_repeat(&mut seen.repeated, case.now) {
        return Ignored::RepeatedOftenEnough(seen.repeated.len()).into();
    }
    for octets in &seen.answers {
        case.say_again(octets, Occasion::Answer);
    }
    case.put(key, &seen);
    PartyOutcome::AnswerRepeated
}

/// "Same content": equal as JSON values. `serde_json` keeps members in order of their names, so
/// equal values have one text.
pub(crate) fn content_hash(value: &serde_json::Value) -> String {
    let digest = Sha256::digest(value.to_string().as_bytes());
    digest.iter().map(|b| format!("{b:02x}")).collect()
}
