//! What commands are answered, and how it is shown. stdout is data, stderr is for people.

pub(crate) mod returns;
pub(crate) mod unanswered;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::{Value, json};
use tradepost_agent::outbox::{self, Entry, Filter, Item, State};
use tradepost_letters::untrusted;
use tradepost_parties::payment::authorizations;
use tradepost_parties::view;
use tradepost_parties::view::PartyTradeView;
use tradepost_store::{Position, Progress};

use crate::arrivals::Arrivals;
use crate::attach;
use crate::book::{BookError, arrivals, item, set_aside, view as read};
use crate::desk::Desk;
use crate::jobs;
use crate::socket::{Ask, Reply};

/// Shown at once; a book of more is for programs that read it in parts.
const MOST_TRADES: usize = 100_000;

/// Answers a command, whether `run` or the command itself has the book.
pub(crate) fn answer(desk: &Desk, ask: &Ask) -> Result<Reply, BookError> {
    Ok(match ask {
        Ask::Emit => Reply::Refused("lines are taken one by one".to_owned()),
        Ask::Trades(id) => {
            let own = &desk.config.settings.address;
            let all = read(&*desk.book, |rows| view::trades(rows, own, MOST_TRADES));
            let wanted = |t: &&PartyTradeView| id.as_deref().is_none_or(|id| t.id.as_str() == id);
            to_reply(&all.iter().filter(wanted).collect::<Vec<_>>())
        }
        Ask::Authorizations => {
            let waiting =
                |rows: &dyn tradepost_trades::rows::Rows| authorizations(rows, MOST_TRADES);
            to_reply(&read(&*desk.book, waiting))
        }
        Ask::Unanswered => unanswered::answer(desk),
        Ask::Returns => returns::answer(desk),
        Ask::Decide(line) => returns::decide(desk, line)?,
        Ask::Outbox { all } => {
            let filter = if *all { Filter::All } else { Filter::Queued };
            let mut items = read(&*desk.book, |r| outbox::list(r, filter, outbox::RECENT));
            if !all {
                let failed = |r: &dyn tradepost_trades::rows::Rows| {
                    outbox::list(r, Filter::Failed, outbox::RECENT)
                };
                items.extend(read(&*desk.book, failed));
            }
            to_reply(&items)
        }
        Ask::Letter(id) => match find(desk, id) {
            Ok(item) => {
                let letter = desk.book.letter(item.id)?;
                let mut value = serde_json::to_value(&item).unwrap_or_default();
                if let Value::Object(object) = &mut value {
                    let text = String::from_utf8_lossy(&letter).into_owned();
                    object.insert("letter".to_owned(), Value::String(text));
                }
                Reply::Answer(value)
            }
            Err(text) => Reply::Refused(text),
        },
        Ask::Attach(ask) => attach::answer(desk, ask)?,
        Ask::Retry(id) => retry(desk, id.as_deref())?,
        Ask::SetAside => to_reply(&read(&*desk.book, set_aside)),
        Ask::Jobs => to_reply(&jobs::report::list(desk)),
        Ask::Arrivals => {
            let hooks = desk.config.http.iter().flat_map(|http| http.hooks());
            let known: BTreeMap<&str, Arrivals> = read(&*desk.book, |rows| {
                hooks
                    .filter_map(|hook| Some((hook.name(), arrivals(rows, hook.name())?)))
                    .collect()
            });
            to_reply(&known)
        }
        Ask::RetryJob(name) => jobs::report::retry(desk, name)?,
    })
}

fn to_reply<T: Serialize>(value: &T) -> Reply {
    match serde_json::to_value(value) {
        Ok(value) => Reply::Answer(value),
        Err(e) => Reply::Refused(e.to_string()),
    }
}

fn find(desk: &Desk, id: &str) -> Result<Item, String> {
    let none = || {
        format!(
            "there is no letter {id:?} in the outbox; `tradepost-server outbox --all` lists them"
        )
    };
    let id: Position = id.parse().map_err(|_| none())?;
    read(&*desk.book, |rows| item(rows, id)).ok_or_else(none)
}

fn retry(desk: &Desk, id: Option<&str>) -> Result<Reply, BookError> {
    let now = desk.now();
    let entries: Vec<Entry> = match id {
        None => read(&*desk.book, |rows| outbox::retry_all_now(rows, now)),
        Some(id) => {
            let item = match find(desk, id) {
                Ok(item) => item,
                Err(text) => return Ok(Reply::Refused(text)),
            };
            match read(&*desk.book, |rows| outbox::retry_now(rows, item.id, now)) {
                Ok(entry) => vec![entry],
                Err(e) => return Ok(Reply::Refused(e.to_string())),
            }
        }
    };
    let count = entries.len();
    desk.book.retire(entries)?;
    desk.bell.ring();
    Ok(Reply::Answer(json!({ "retried": count })))
}

/// Prints JSON.
pub(crate) fn print_json(value: &Value) -> io::Result<()> {
    print_data(&serde_json::to_string_pretty(value)?)
}

/// Prints a text of JSON, or another one for programs: the same, but that nothing in it drives a
/// terminal.
pub(crate) fn print_data(text: &str) -> io::Result<()> {
    write(&untrusted::json(text))
}

/// Prints a page for people.
pub(crate) fn print(text: &str) -> io::Result<()> {
    write(&untrusted::page(text, width()))
}

/// A reader that has gone away is no fault of ours.
fn write(text: &str) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => {
            let text = format!(
                "standard output cannot be written: {e}; what the command was to do is done all the same"
            );
            Err(io::Error::new(e.kind(), text))
        }
        Ok(()) => Ok(()),
    }
}

/// Says something to the person.
pub(crate) fn note(text: &str) {
    let columns = width().filter(|_| io::stderr().is_terminal());
    let _ = writeln!(io::stderr().lock(), "{}", untrusted::page(text, columns));
}

/// The columns of the terminal that standard output is; none where it is none, and `COLUMNS` does not
/// say it either.
fn width() -> Option<usize> {
    let asked = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let found = || match io::stdout().is_terminal() {
        true => Table::new().width().map(usize::from),
        false => None,
    };
    let known = asked.or_else(found).filter(|columns: &usize| *columns > 0);
    known.map(|columns| columns.clamp(40, 200))
}

/// A table whose first column is never broken: there stands what names a row, and no other line is to
/// begin as one.
pub(crate) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .force_no_tty()
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head);
    if let Some(columns) = width() {
        table.set_width(u16::try_from(columns).unwrap_or(u16::MAX));
    }
    if let Some(first) = table.column_mut(0) {
        first.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// A member as text, escaped: much of it comes from letters.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => untrusted::show(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            untrusted::show(&value.to_string())
        }
    }
}

/// Shows the trades.
pub(crate) fn show_trades(trades: &Value) -> io::Result<()> {
    let list = trades.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        note("there are no trades in the book");
        return Ok(());
    }
    let mut table = table(&[
        "TRADE", "SHOP", "BUYER", "TOTAL", "ORDER", "DELIVERY", "PAYMENT",
    ]);
    for t in list {
        let total = amount(&t["total"]);
        let delivery: Vec<String> = t["delivery"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|d| match d["parcel"].as_str() {
                Some(parcel) if !parcel.is_empty() => {
                    format!("{} {}", untrusted::name(parcel), cell(&d["state"]))
                }
                _ => cell(&d["state"]),
            })
            .collect();
        let mut order = cell(&t["order"]["state"]);
        if t["wants_back"] == true {
            order.push_str(" (buyer wants to return)");
        }
        table.add_row([
            cell(&t["id"]),
            cell(&t["shop"]),
            cell(&t["buyer"]),
            total,
            order,
            delivery.join(", "),
            cell(&t["payment"]["state"]),
        ]);
    }
    print(&table.to_string())
}

/// Shows the payments that wait for the operator's word.
pub(crate) fn show_authorizations(waiting: &Value) -> io::Result<()> {
    let list = waiting.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        note("no shop waits for an authorization");
        return Ok(());
    }
    let mut table = table(&["TRADE", "SHOP", "SINCE", "AMOUNT", "METHOD", "BUYER"]);
    for w in list {
        table.add_row([
            cell(&w["id"]),
            cell(&w["shop"]),
            cell(&w["since"]),
            amount(&w["wanted"]["amount"]),
            cell(&w["wanted"]["method"]),
            cell(&w["wanted"]["buyer_mail"]),
        ]);
    }
    print(&table.to_string())?;
    note(
        "answer each with a line for `tradepost-server emit`, such as \
         {\"key\":\"1\",\"trade\":\"T-1001\",\"authorize\":\"approve\"}",
    );
    Ok(())
}

fn amount(value: &Value) -> String {
    match (&value["amount"], &value["currency"]) {
        (Value::String(amount), Value::String(currency)) => format!("{amount} {currency}"),
        _ => String::new(),
    }
}

/// Shows the outbox.
pub(crate) fn show_outbox(items: &Value) -> io::Result<()> {
    let items: Vec<Item> = serde_json::from_value(items.clone())?;
    if items.is_empty() {
        note("nothing waits in the outbox");
        return Ok(());
    }
    let mut table = table(&["ID", "TO", "WHAT", "TRADE", "TRIES", "STATE", "WHY"]);
    for item in &items {
        let (state, why) = state(item);
        table.add_row([
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
    print(&table.to_string())
}

/// A letter's state in words, and why.
fn state(item: &Item) -> (String, String) {
    if let Some(back) = &item.came_back {
        return (format!("came back {}", back.at), back.text.clone());
    }
    match &item.state {
        State::Queued {
            next_try,
            last_error,
        } => (
            format!("waits until {next_try}"),
            last_error.clone().unwrap_or_default(),
        ),
        State::Accepted { at, reply } => (format!("accepted {at}"), reply.clone()),
        State::Refused { at, text, .. } => (format!("refused {at}"), text.clone()),
        State::Expired { at, last_error } => (format!("expired {at}"), last_error.clone()),
    }
}

/// Shows one letter of the outbox, with everything escaped that a terminal would obey.
pub(crate) fn show_letter(value: &Value) -> io::Result<()> {
    let letter = value["letter"].as_str().unwrap_or_default();
    if let Ok(item) = serde_json::from_value::<Item>(value.clone()) {
        let (state, why) = state(&item);
        let trade = item.trade.as_ref().map(ToString::to_string);
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
        if let Some(trade) = trade {
            text.push_str(&format!("\nabout {trade}"));
        }
        print(&format!("{text}\n"))?;
    }
    print(&untrusted::letter(letter))
}

/// A bar while the index is made anew, on a terminal.
pub(crate) fn replay_progress() -> impl FnMut(Progress) {
    let mut bar: Option<indicatif::ProgressBar> = None;
    move |progress: Progress| {
        if !io::stderr().is_terminal() {
            return;
        }
        let bar = bar.get_or_insert_with(|| {
            let style = "reading the journal {bar:40} {bytes}/{total_bytes}";
            let bar = indicatif::ProgressBar::new(progress.total);
            if let Ok(style) = indicatif::ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar
        });
        bar.set_position(progress.done);
        if progress.done >= progress.total {
            bar.finish_and_clear();
        }
    }
}
