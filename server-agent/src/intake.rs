//! The path of lines of the merchant's own system in: decided and recorded in batches with one
//! fence each, answered once they are durable.

use serde::{Deserialize, Serialize};
use tradepost_parties::emit::LineRefusal;
use tradepost_parties::kernel::FreshIds;
use tradepost_parties::roles::lines::emit;
use tradepost_statements::{StatementId, Time};

use crate::book::{BookError, ENOUGH, Input, Page};
use crate::desk::{Desk, fresh_ids};

/// Lines that are recorded with one fence: enough to make the fence cheap, few enough to answer
/// soon.
pub(crate) const MOST_LINES: usize = 256;

/// A line longer than a statement may be is refused; it is read no further than this.
pub(crate) const LONGEST_LINE: usize = 1024 * 1024;

/// A line and its number in the input, from 1.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) text: Text,
}

/// What a line holds.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    Octets(Vec<u8>),
    TooLong,
}

/// The answer to a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) line: u64,
    pub(crate) accepted: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) statement: Option<StatementId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// For callers of this process, who tell refusals apart.
    #[serde(skip)]
    pub(crate) refusal: Option<LineRefusal>,
}

impl Answer {
    fn accepted(line: u64, statement: StatementId) -> Answer {
        Answer {
            line,
            accepted: true,
            statement: Some(statement),
            error: None,
            refusal: None,
        }
    }

    /// To a line that is longer than [`LONGEST_LINE`].
    pub(crate) fn too_long(line: u64) -> Answer {
        let text = format!("the line is longer than {LONGEST_LINE} octets");
        Answer::refused(line, text)
    }

    pub(crate) fn refused(line: u64, error: String) -> Answer {
        Answer {
            line,
            accepted: false,
            statement: None,
            error: Some(error),
            refusal: None,
        }
    }
}

/// Takes a batch of lines. Once this returns, what was accepted is durable.
pub(crate) fn take(desk: &Desk, lines: &[Line]) -> Result<Vec<Answer>, BookError> {
    let ids: Vec<_> = lines.iter().map(|_| fresh_ids()).collect();
    let mut rest: Vec<(&Line, &FreshIds)> = lines.iter().zip(&ids).collect();
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let now = desk.now();
        let mut answered = Vec::new();
        desk.book.decide(&mut |page| {
            answered.clear();
            for (line, ids) in &rest {
                answered.push(take_one(desk, page, line, ids, now)?);
                if page.written() > ENOUGH {
                    break;
                }
            }
            Ok(())
        })?;
        rest.drain(..answered.len());
        answers.append(&mut answered);
    }
    desk.bell.ring();
    Ok(answers)
}

fn take_one(
    desk: &Desk,
    page: &mut dyn Page,
    line: &Line,
    ids: &FreshIds,
    now: Time,
) -> Result<Answer, BookError> {
    let octets = match &line.text {
        Text::Octets(octets) => octets,
        Text::TooLong => return Ok(Answer::too_long(line.number)),
    };
    let settings = &desk.config.settings;
    let emitted = emit(settings, page.rows(), octets, now, &mut ids.clone());
    let text = String::from_utf8_lossy(octets).into_owned();
    match page.record(&Input::Line(text), emitted.change, now) {
        Ok(()) => {}
        Err(
            e @ (BookError::DecisionTooLarge(_)
            | BookError::Unsignable(_)
            | BookError::Unattachable(_)),
        ) => {
            return Ok(Answer::refused(line.number, e.to_string()));
        }
        Err(e @ (BookError::Store(_) | BookError::OfAnother { .. } | BookError::KeyFails(_))) => {
            return Err(e);
        }
    }
    Ok(match emitted.answer {
        Ok(statement) => Answer::accepted(line.number, statement),
        Err(why) => Answer {
            refusal: Some(why.clone()),
            ..Answer::refused(line.number, why.to_string())
        },
    })
}
