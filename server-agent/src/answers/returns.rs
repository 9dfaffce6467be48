//! `returns` and `decide`: what buyers want to give back (E23).

use serde_json::{Value, json};
use tradepost_agent::host::HostError;
use tradepost_agent::rpc::Reply;
use tradepost_parties::shop;

use super::to_reply;
use crate::book::BookHost;
use crate::intake::{self, EmitLine, LineText};

/// Shown at once; there are more where nobody decides for years.
const MOST_WISHES: usize = 10_000;

pub(super) fn answer(host: &BookHost) -> Reply<Value> {
    let own = &host.party().config.settings.address;
    to_reply(&host.view(|rows| shop::returns(rows, own, MOST_WISHES)))
}

/// Takes the line as `emit` does: what is answered is durable.
pub(super) fn decide(host: &BookHost, line: &str) -> Result<Reply<Value>, HostError> {
    let line = EmitLine {
        number: 1,
        text: LineText::Octets(line.as_bytes().to_vec()),
    };
    let answer = intake::take(host, &[line])?.into_iter().next();
    Ok(match answer {
        Some(answer) if answer.accepted => {
            Reply::Answer(json!({ "accepted": true, "statement": answer.statement }))
        }
        Some(answer) => Reply::Refused(answer.error.unwrap_or_default()),
        None => Reply::Refused("the decision was not taken; try again".to_owned()),
    })
}
