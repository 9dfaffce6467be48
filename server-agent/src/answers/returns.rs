//! `decide`: what becomes of what buyers want to give back (E23).

use serde_json::{Value, json};
use tradepost_agent::host::HostError;
use tradepost_agent::rpc::Reply;

use crate::book::BookHost;
use crate::intake::{self, EmitLine, LineText};

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
