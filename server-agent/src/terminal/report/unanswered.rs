//! What other servers were told or asked, and have not answered (protocol 7).

use serde_json::Value;
use tradepost_agent::terminal::table::Column::{Free, Whole, Words};
use tradepost_agent::terminal::table::Table;

use super::{Shown, cell, list, when};

pub(crate) fn unanswered(all: &Value) -> Shown {
    let all = list(all);
    if all.is_empty() {
        return Shown::nothing("every server has answered");
    }
    let mut table = Table::new(&[
        Whole("KIND"),
        Free("TO"),
        Whole("TRADE"),
        Words("SINCE"),
        Words("SENT AGAIN"),
        Words("NEXT"),
        Words(""),
    ]);
    for one in all {
        let remark = if one["order_waits"] == true {
            "the order waits for it"
        } else if one["operator_told"] == true {
            "for too long: see whether that server works"
        } else {
            ""
        };
        table.row([
            cell(&one["kind"]),
            cell(&one["to"]),
            cell(&one["trade"]),
            when(&one["since"]),
            cell(&one["again"]),
            when(&one["due"]),
            remark.to_owned(),
        ]);
    }
    Shown::table(table)
}
