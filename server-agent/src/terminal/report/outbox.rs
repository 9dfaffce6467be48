//! The outbox, and one letter of it.

use serde_json::Value;
use tradepost_agent::outbox::{Item, State};
use tradepost_agent::terminal::table::Column::{Free, Whole, Words};
use tradepost_agent::terminal::table::Table;
use tradepost_agent::terminal::time::local;
use tradepost_letters::untrusted;

use super::Shown;

pub(crate) fn outbox(items: &Value) -> anyhow::Result<Shown> {
    let items: Vec<Item> = serde_json::from_value(items.clone())?;
    if items.is_empty() {
        return Ok(Shown::nothing("nothing waits in the outbox"));
    }
    let mut table = Table::new(&[
        Whole("ID"),
        Free("TO"),
        Whole("WHAT"),
        Whole("TRADE"),
        Whole("TRIES"),
        Words("STATE"),
        Free("WHY"),
    ]);
    for item in &items {
        let (state, why) = state(item);
        table.row([
            item.id.to_string(),
            untrusted::show(item.to.as_written()),
            item.kind.to_string(),
            item.trade
                .as_ref()
                .map(|t| t.id.to_string())
                .unwrap_or_default(),
            item.attempts.to_string(),
            state,
            untrusted::show(&why),
        ]);
    }
    Ok(Shown::table(table))
}

/// A letter's state in words, and why.
fn state(item: &Item) -> (String, String) {
    if let Some(back) = &item.came_back {
        return (format!("came back {}", local(back.at)), back.text.clone());
    }
    match &item.state {
        State::Queued {
            next_try,
            last_error,
        } => (
            format!("waits until {}", local(*next_try)),
            last_error.clone().unwrap_or_default(),
        ),
        State::Accepted { at, reply } => (format!("accepted {}", local(*at)), reply.clone()),
        State::Refused { at, text, .. } => (format!("refused {}", local(*at)), text.clone()),
        State::Expired { at, last_error } => {
            (format!("expired {}", local(*at)), last_error.clone())
        }
    }
}

/// `outbox show`: what is known of a letter, and the letter, with everything escaped that a terminal would obey.
pub(crate) fn letter(value: &Value) -> Shown {
    let letter = untrusted::letter(value["letter"].as_str().unwrap_or_default());
    let page = match serde_json::from_value::<Item>(value.clone()) {
        Ok(item) => format!("{}\n\n{letter}", in_words(&item)),
        Err(_) => letter,
    };
    Shown { page, remark: None }
}

fn in_words(item: &Item) -> String {
    let (state, why) = state(item);
    let mut text = format!(
        "{} to {}\n{} after {} tries",
        item.kind,
        untrusted::show(item.to.as_written()),
        state,
        item.attempts
    );
    if !why.is_empty() {
        text.push_str(&format!(": {}", untrusted::show(&why)));
    }
    if let Some(trade) = &item.trade {
        text.push_str(&format!("\nabout {trade}"));
    }
    text
}
