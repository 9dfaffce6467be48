//! The jobs that the merchant's own system has to do.

use serde_json::Value;
use tradepost_agent::terminal::table::Column::{Free, Whole, Words};
use tradepost_agent::terminal::table::Table;

use super::{Shown, cell, list, when};

pub(crate) fn jobs(all: &Value) -> Shown {
    let all = list(all);
    if all.is_empty() {
        return Shown::nothing("nothing waits for your own system");
    }
    let mut table = Table::new(&[
        Whole("JOB"),
        Whole("TRADE"),
        Whole("TRIES"),
        Words("STATE"),
        Free("WHY"),
    ]);
    for job in all {
        let due = &job["due"];
        let state = if due.is_string() {
            format!("waits until {}", when(due))
        } else {
            "its letter has not left".to_owned()
        };
        table.row([
            cell(&job["name"]),
            cell(&job["trade"]["id"]),
            cell(&job["attempts"]),
            state,
            cell(&job["last_error"]),
        ]);
    }
    Shown::table(table)
}
