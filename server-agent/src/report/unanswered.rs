//! `unanswered`: what other servers were told or asked, and have not answered (protocol 7).

use std::io;

use serde_json::Value;
use tradepost_parties::view;

use super::{cell, note, print, table, to_reply};
use crate::book::view as read;
use crate::desk::Desk;
use crate::socket::Reply;

/// Shown at once: more means that a server has been away for long.
const MOST: usize = 10_000;

/// What waits.
pub(super) fn answer(desk: &Desk) -> Reply {
    to_reply(&read(&*desk.book, |rows| view::unanswered(rows, MOST)))
}

/// Shows it.
pub(crate) fn show(all: &Value) -> io::Result<()> {
    let list = all.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        note("every server has answered");
        return Ok(());
    }
    let head = ["KIND", "TO", "TRADE", "SINCE", "SENT AGAIN", "NEXT", ""];
    let mut table = table(&head);
    for one in list {
        let remark = if one["order_waits"] == true {
            "the order waits for it"
        } else if one["operator_told"] == true {
            "for too long: see whether that server works"
        } else {
            ""
        };
        table.add_row([
            cell(&one["kind"]),
            cell(&one["to"]),
            cell(&one["trade"]),
            cell(&one["since"]),
            cell(&one["again"]),
            cell(&one["due"]),
            remark.to_owned(),
        ]);
    }
    print(&table.to_string())
}
