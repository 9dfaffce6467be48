//! `returns` and `decide`: what buyers want to give back (E23).

use std::io;

use serde_json::{Value, json};
use tradepost_letters::untrusted;
use tradepost_parties::shop;

use super::{cell, note, print, table, to_reply};
use crate::book::{BookError, view as read};
use crate::cli::DecideArgs;
use crate::desk::{Desk, fresh_ids};
use crate::intake::{self, Line, Text};
use crate::socket::Reply;

/// Shown at once; there are more where nobody decides for years.
const MOST_WISHES: usize = 10_000;

/// The wishes that wait.
pub(super) fn answer(desk: &Desk) -> Reply {
    let own = &desk.config.settings.address;
    to_reply(&read(&*desk.book, |rows| {
        shop::returns(rows, own, MOST_WISHES)
    }))
}

/// The line of `emit` that says what was decided. Its key is new: the same decision again is known
/// by what it says.
pub(crate) fn line(args: &DecideArgs) -> String {
    let mut line = json!({
        "key": format!("decide {}", fresh_ids().statement()),
        "trade": args.trade,
        "return": if args.accept { "accept" } else { "refuse" },
    });
    if let Some(refund) = args.refund {
        line["refund"] = json!(refund);
    }
    if let Some(text) = &args.text {
        line["text"] = json!(text);
    }
    line.to_string()
}

/// Takes the line as `emit` does: what is answered is durable.
pub(super) fn decide(desk: &Desk, line: &str) -> Result<Reply, BookError> {
    let line = Line {
        number: 1,
        text: Text::Octets(line.as_bytes().to_vec()),
    };
    let answer = intake::take(desk, &[line])?.into_iter().next();
    Ok(match answer {
        Some(answer) if answer.accepted => {
            Reply::Answer(json!({ "accepted": true, "statement": answer.statement }))
        }
        Some(answer) => Reply::Refused(answer.error.unwrap_or_default()),
        None => Reply::Refused("the decision was not taken; try again".to_owned()),
    })
}

/// Shows what waits.
pub(crate) fn show(wishes: &Value) -> io::Result<()> {
    let list = wishes.as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        note("nobody wants to give anything back");
        return Ok(());
    }
    let head = [
        "TRADE",
        "BUYER",
        "SINCE",
        "WANTS TO GIVE BACK",
        "WORTH",
        "ORDER",
        "REASON",
    ];
    let mut table = table(&head);
    for wish in list {
        let goods = if wish["everything"] == true {
            "everything".to_owned()
        } else {
            goods(&wish["lines"])
        };
        let refund = &wish["refund"];
        let worth = if refund.is_null() {
            "say it".to_owned()
        } else {
            amount(refund)
        };
        table.add_row([
            cell(&wish["id"]),
            cell(&wish["buyer"]),
            cell(&wish["since"]),
            goods,
            worth,
            cell(&wish["order"]),
            cell(&wish["text"]),
        ]);
    }
    print(&table.to_string())?;
    note("`tradepost-server decide TRADE --accept` or `--refuse` answers");
    Ok(())
}

fn goods(lines: &Value) -> String {
    let lines = lines.as_array().map(Vec::as_slice).unwrap_or_default();
    let of_line = |l: &Value| {
        let name = untrusted::name(l["name"].as_str().unwrap_or_default());
        format!("{} x {name}", l["quantity"])
    };
    lines.iter().map(of_line).collect::<Vec<_>>().join(", ")
}

fn amount(amount: &Value) -> String {
    let part = |name: &str| amount[name].as_str().unwrap_or_default().to_owned();
    untrusted::show(&format!("{} {}", part("amount"), part("currency")))
}

/// Says that it was taken.
pub(crate) fn taken(args: &DecideArgs) {
    let what = if args.accept { "accepted" } else { "refused" };
    note(&format!(
        "{what} for {}; the buyer is told by mail",
        args.trade
    ));
}
