//! `unanswered`: what other servers were told or asked, and have not answered (protocol 7).

use tradepost_parties::server::view;

use super::to_reply;
use crate::book::view as read;
use crate::desk::Desk;
use crate::socket::Reply;

/// Shown at once: more means that a server has been away for long.
const MOST: usize = 10_000;

/// What waits.
pub(super) fn answer(desk: &Desk) -> Reply {
    to_reply(&read(&*desk.book, |rows| view::unanswered(rows, MOST)))
}
