//! `unanswered`: what other servers were told or asked, and have not answered (protocol 7).

use serde_json::Value;
use tradepost_agent::rpc::Reply;
use tradepost_parties::view;

use super::to_reply;
use crate::book::BookHost;

/// Shown at once: more means that a server has been away for long.
const MOST: usize = 10_000;

pub(super) fn answer(host: &BookHost) -> Reply<Value> {
    to_reply(&host.view(|rows| view::unanswered(rows, MOST)))
}
