//! The trades of the book, and the payments that wait for the operator's word.

use serde_json::Value;
use tradepost_agent::terminal::table::Column::{Free, Whole, Words};
use tradepost_agent::terminal::table::Table;
use tradepost_letters::untrusted;

use super::{Shown, amount, cell, list, when};

pub(crate) fn trades(all: &Value) -> Shown {
    let all = list(all);
    if all.is_empty() {
        return Shown::nothing("there are no trades in the book");
    }
    let mut table = Table::new(&[
        Whole("TRADE"),
        Free("SHOP"),
        Free("BUYER"),
        Whole("TOTAL"),
        Words("ORDER"),
        Free("DELIVERY"),
        Words("PAYMENT"),
    ]);
    for trade in all {
        let mut order = cell(&trade["order"]["state"]);
        if trade["wants_back"] == true {
            order.push_str(" (buyer wants to return)");
        }
        table.row([
            cell(&trade["id"]),
            cell(&trade["shop"]),
            cell(&trade["buyer"]),
            amount(&trade["total"]),
            order,
            delivery(&trade["delivery"]),
            cell(&trade["payment"]["state"]),
        ]);
    }
    Shown::table(table)
}

fn delivery(parcels: &Value) -> String {
    let of_one = |parcel: &Value| match parcel["parcel"].as_str() {
        Some(name) if !name.is_empty() => {
            format!("{} {}", untrusted::name(name), cell(&parcel["state"]))
        }
        Some(_) | None => cell(&parcel["state"]),
    };
    list(parcels)
        .iter()
        .map(of_one)
        .collect::<Vec<_>>()
        .join(", ")
}

pub(crate) fn authorizations(waiting: &Value) -> Shown {
    let waiting = list(waiting);
    if waiting.is_empty() {
        return Shown::nothing("no shop waits for an authorization");
    }
    let mut table = Table::new(&[
        Whole("TRADE"),
        Free("SHOP"),
        Words("SINCE"),
        Whole("AMOUNT"),
        Words("METHOD"),
        Free("BUYER"),
    ]);
    for one in waiting {
        table.row([
            cell(&one["id"]),
            cell(&one["shop"]),
            when(&one["since"]),
            amount(&one["wanted"]["amount"]),
            cell(&one["wanted"]["method"]),
            cell(&one["wanted"]["buyer_mail"]),
        ]);
    }
    Shown {
        remark: Some(
            "answer each with a line for `tradepost-server emit`, such as \
             {\"key\":\"1\",\"trade\":\"T-1001\",\"authorize\":\"approve\"}",
        ),
        ..Shown::table(table)
    }
}
