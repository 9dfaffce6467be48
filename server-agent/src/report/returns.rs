//! `returns` and `decide`: what buyers want to give back (E23).

use serde_json::json;
use tradepost_parties::shop;

use super::to_reply;
use crate::book::{BookError, view as read};
use crate::desk::Desk;
use crate::intake::{self, Line, Text};
use crate::socket::Reply;

/// Shown at once; there are more where nobody decides for years.
const MOST_WISHES: usize = 10_000;

/// The wishes that wait.
pub(super) fn answer(desk: &Desk) -> Reply {
    let own = &desk.config.settings.address;
    to_reply(&read(&*desk.book, |rows| {
        shop::returns(rows, own, MOST_WISHES)
    }))
}

/// Takes the line as `emit` does: what is answered is durable.
pub(super) fn decide(desk: &Desk, line: &str) -> Result<Reply, BookError> {
    let line = Line {
        number: 1,
        text: Text::Octets(line.as_bytes().to_vec()),
    };
    let answer = intake::take(desk, &[line])?.into_iter().next();
    Ok(match answer {
        Some(answer) if answer.accepted => {
            Reply::Answer(json!({ "accepted": true, "statement": answer.statement }))
        }
        Some(answer) => Reply::Refused(answer.error.unwrap_or_default()),
        None => Reply::Refused("the decision was not taken; try again".to_owned()),
    })
}
