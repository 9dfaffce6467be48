//! Answers in words: tables and sentences for operators. What others wrote passes the escaper on its
//! way here ([`untrusted::show`]).

mod jobs;
mod outbox;
mod returns;
mod trades;
mod unanswered;

use serde_json::Value;
use tradepost_agent::terminal::table::Table;
use tradepost_agent::terminal::time::local;
use tradepost_letters::untrusted;
use tradepost_statements::Time;

pub(crate) use jobs::jobs;
pub(crate) use outbox::{letter, outbox};
pub(crate) use returns::returns;
pub(crate) use trades::{authorizations, trades};
pub(crate) use unanswered::unanswered;

/// An answer in words: data that programs may go through, and a remark that is none.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// For standard output; empty where there is nothing to list.
    pub(crate) page: String,
    /// For standard error.
    pub(crate) remark: Option<&'static str>,
}

impl Shown {
    fn nothing(remark: &'static str) -> Shown {
        Shown {
            page: String::new(),
            remark: Some(remark),
        }
    }

    fn table(table: Table) -> Shown {
        Shown {
            page: table.print_unbroken(),
            remark: None,
        }
    }
}

fn list(all: &Value) -> &[Value] {
    all.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A member as text, escaped: much of it comes from letters.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => untrusted::show(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            untrusted::show(&value.to_string())
        }
    }
}

/// A member that is a time.
fn when(value: &Value) -> String {
    let time = value.as_str().and_then(|text| text.parse::<Time>().ok());
    time.map_or_else(|| cell(value), local)
}

/// A member that is an amount; empty where there is none.
fn amount(value: &Value) -> String {
    match (&value["amount"], &value["currency"]) {
        (Value::String(amount), Value::String(currency)) => {
            untrusted::show(&format!("{amount} {currency}"))
        }
        _ => String::new(),
    }
}
