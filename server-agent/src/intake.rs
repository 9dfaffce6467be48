//! The path of lines of the merchant's own system in: decided and recorded in batches with one
//! fence each, answered once they are durable.

use serde::{Deserialize, Serialize};
use tradepost_agent::host::{ENOUGH, HostError, Page, fresh_ids};
use tradepost_parties::emit::LineRefusal;
use tradepost_parties::roles::lines::emit;
use tradepost_statements::{StatementId, Time};

use crate::book::{Book, BookHost, BookNotice, DecidedAbout};

/// Lines that are recorded with one fence: enough to make the fence cheap, few enough to answer
/// soon.
pub(crate) const MOST_LINES: usize = 256;

/// A line longer than a statement may be is refused; it is read no further than this.
pub(crate) const LONGEST_LINE: usize = 1024 * 1024;

/// A line and its number in the input, from 1.
#[derive(Debug, Clone)]
pub(crate) struct EmitLine {
    pub(crate) number: u64,
    pub(crate) text: LineText,
}

#[derive(Debug, Clone)]
pub(crate) enum LineText {
    Octets(Vec<u8>),
    TooLong,
}

/// The answer to a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LineAnswer {
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

impl LineAnswer {
    fn accepted(line: u64, statement: StatementId) -> LineAnswer {
        LineAnswer {
            line,
            accepted: true,
            statement: Some(statement),
            error: None,
            refusal: None,
        }
    }

    /// To a line that is longer than [`LONGEST_LINE`].
    pub(crate) fn too_long(line: u64) -> LineAnswer {
        let text = format!("the line is longer than {LONGEST_LINE} octets");
        LineAnswer::refused(line, text)
    }

    pub(crate) fn refused(line: u64, error: String) -> LineAnswer {
        LineAnswer {
            line,
            accepted: false,
            statement: None,
            error: Some(error),
            refusal: None,
        }
    }
}

/// Takes a batch of lines. Once this returns, what was accepted is durable.
pub(crate) fn take(host: &BookHost, lines: &[EmitLine]) -> Result<Vec<LineAnswer>, HostError> {
    let mut rest = lines;
    let mut answers = Vec::new();
    while !rest.is_empty() {
        let now = host.now();
        let answered = host.write(|page| {
            let mut answered = Vec::new();
            for line in rest {
                answered.push(take_one(host.party(), page, line, now)?);
                if page.written() > ENOUGH {
                    break;
                }
            }
            Ok::<_, HostError>(answered)
        })?;
        rest = rest.get(answered.len()..).unwrap_or_default();
        answers.extend(answered);
    }
    Ok(answers)
}

fn take_one(
    book: &Book,
    page: &mut Page<'_, '_, Book>,
    line: &EmitLine,
    now: Time,
) -> Result<LineAnswer, HostError> {
    let octets = match &line.text {
        LineText::Octets(octets) => octets,
        LineText::TooLong => return Ok(LineAnswer::too_long(line.number)),
    };
    let mut ids = fresh_ids()?;
    let emitted = emit(&book.config.settings, page.rows(), octets, now, &mut ids);
    let text = String::from_utf8_lossy(octets);
    let decision = book.decision(
        DecidedAbout::Line(&text),
        emitted.change,
        now,
        BookNotice::None,
    );
    match page.record(decision, &[], now, &mut ids) {
        Ok(_recorded) => {}
        Err(e) if e.is_of_the_decision() => {
            return Ok(LineAnswer::refused(line.number, e.to_string()));
        }
        Err(e) => return Err(e),
    }
    Ok(match emitted.answer {
        Ok(statement) => LineAnswer::accepted(line.number, statement),
        Err(why) => LineAnswer {
            refusal: Some(why.clone()),
            ..LineAnswer::refused(line.number, why.to_string())
        },
    })
}
