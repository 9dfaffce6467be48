//! Protocol 5 as servers apply it: whoever is not proven gets silence and a log line.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tradepost_statements::wire::{self, Decoded};
use tradepost_statements::{Address, Evidence, Kind, Statement, Time};
use tradepost_trades::letter::{Content, Received};

use super::book::{self, SeenStatement};
use super::case::{PartyCase, may_repeat};
use super::change::{Ignored, Occasion, PartyOutcome};
use super::held;

/// Protocol 2: a statement may be this far ahead of the reader's clock.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10 * 60);
/// Protocol 2: what is ahead further than that is unreadable.
const FAR_AHEAD: Duration = Duration::from_secs(24 * 3600);

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

pub(crate) fn judge(case: &mut PartyCase<'_>, letter: &Received) -> JudgedLetter {
    // "A letter whose octets were judged before, with evidence at least as good, has no other effect".
    let key = book::digest_key(&letter.digest);
    if let Some(before) = case.read::<Evidence>(&key)
        && before >= letter.evidence
    {
        return Ignored::SameLetter.into();
    }
    // Protocol 5, line 2.
    match held::wait(case, letter) {
        Some(outcome) => JudgedLetter::Over(outcome),
        None => judge_anew(case, letter),
    }
}

/// Protocol 5, line 3 on, for what was not judged with such evidence before.
pub(super) fn judge_anew(case: &mut PartyCase<'_>, letter: &Received) -> JudgedLetter {
    let key = book::digest_key(&letter.digest);
    let proof = prove(case, letter);
    // Nothing is kept of letters of unproven senders: anybody can send any number of them.
    if !matches!(
        proof,
        Err(Unjudged::Ignored(Ignored::SenderIsNotProven { .. }))
    ) {
        case.put(key, &letter.evidence);
    }
    match proof {
        Ok((author, decoded)) => judge_statement(case, &author, decoded),
        Err(Unjudged::Ignored(why)) => why.into(),
        Err(Unjudged::Held { until }) => {
            case.put(book::held_key(&letter.digest), letter);
            case.due_at(until, &format!("held/{}", letter.digest));
            JudgedLetter::Over(PartyOutcome::Held(until))
        }
    }
}

/// A held letter is judged again without regard to what was judged before.
pub(crate) fn judge_held(case: &mut PartyCase<'_>, letter: &Received) -> JudgedLetter {
    match prove(case, letter) {
        Ok((author, decoded)) => judge_statement(case, &author, decoded),
        Err(Unjudged::Ignored(why)) => why.into(),
        Err(Unjudged::Held { until }) => JudgedLetter::Over(PartyOutcome::Held(until)),
    }
}

enum Unjudged {
    Ignored(Ignored),
    Held { until: Time },
}

impl From<Ignored> for Unjudged {
    fn from(why: Ignored) -> Self {
        Unjudged::Ignored(why)
    }
}

/// Protocol 5, lines 3 to 6.
fn prove(case: &PartyCase<'_>, letter: &Received) -> Result<(Address, Decoded), Unjudged> {
    let proven = letter.evidence >= case.settings.minimum_for(letter.author.as_ref())
        && letter.evidence > Evidence::None;
    let author = match &letter.author {
        Some(author) if proven => author.clone(),
        Some(_) | None => {
            return Err(Ignored::SenderIsNotProven {
                evidence: letter.evidence,
                proof: letter.proof.clone(),
            }
            .into());
        }
    };
    let decoded = match &letter.content {
        Content::Statement(text) => wire::decode(text.as_bytes())
            .map_err(|e| Ignored::StatementIsUnreadable(e.to_string()))?,
        Content::Unreadable { why, text } => {
            return Err(Ignored::StatementIsUnreadable(format!("{why}: {text}")).into());
        }
    };
    let sent = decoded.statement.sent;
    if sent > case.now.plus(FAR_AHEAD) {
        return Err(Ignored::SentIsFarAhead(sent).into());
    }
    if sent > case.now.plus(CLOCKS_DIFFER) {
        return Err(Unjudged::Held { until: sent });
    }
    let statement = &decoded.statement;
    if statement.from != author {
        return Err(Ignored::StatementIsFromAnother {
            stated: statement.from.to_string(),
            author: author.to_string(),
        }
        .into());
    }
    if statement.to != case.settings.address {
        return Err(Ignored::StatementIsForAnother(statement.to.to_string()).into());
    }
    Ok((author, decoded))
}

/// Protocol 5, line 7.
fn judge_statement(case: &mut PartyCase<'_>, author: &Address, decoded: Decoded) -> JudgedLetter {
    let statement = decoded.statement;
    let key = book::seen_key(author, statement.id);
    let content = content_hash(&decoded.value);
    let before = case.read::<SeenStatement>(&key);
    match before {
        Some(seen) if seen.content != content => {
            return Ignored::StatementIdWithOtherContent.into();
        }
        // An order's answer is stored with its request (Q8), and its repetitions counted there.
        Some(seen) if !seen.answers.is_empty() && statement.body.kind() != Kind::Order => {
            return JudgedLetter::Over(repeat(case, key, seen));
        }
        // What had no answer may have one now: its trade has come, or its sender was configured.
        Some(_) | None => {}
    }
    JudgedLetter::New(Box::new(NewStatement {
        key,
        content,
        statement,
    }))
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

/// Whether a statement answers one of ours that went to its sender; only those may have `answers`.
pub(crate) fn answers_ours(statement: &Statement, told: &[book::SentToParty]) -> bool {
    statement
        .answers
        .is_none_or(|id| told.iter().any(|t| t.id == id && t.to == statement.from))
}
