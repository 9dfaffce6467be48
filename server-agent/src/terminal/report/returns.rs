//! What buyers want to give back (E23).

use serde_json::Value;
use tradepost_agent::terminal::table::Column::{Free, Whole, Words};
use tradepost_agent::terminal::table::Table;
use tradepost_letters::untrusted;

use super::{Shown, amount, cell, list, when};

pub(crate) fn returns(wishes: &Value) -> Shown {
    let wishes = list(wishes);
    if wishes.is_empty() {
        return Shown::nothing("nobody wants to give anything back");
    }
    let mut table = Table::new(&[
        Whole("TRADE"),
        Free("BUYER"),
        Words("SINCE"),
        Free("WANTS TO GIVE BACK"),
        Words("WORTH"),
        Words("ORDER"),
        Free("REASON"),
    ]);
    for wish in wishes {
        let goods = if wish["everything"] == true {
            "everything".to_owned()
        } else {
            goods(&wish["lines"])
        };
        let worth = if wish["refund"].is_null() {
            "say it".to_owned()
        } else {
            amount(&wish["refund"])
        };
        table.row([
            cell(&wish["id"]),
            cell(&wish["buyer"]),
            when(&wish["since"]),
            goods,
            worth,
            cell(&wish["order"]),
            cell(&wish["text"]),
        ]);
    }
    Shown {
        remark: Some("`tradepost-server decide TRADE --accept` or `--refuse` answers"),
        ..Shown::table(table)
    }
}

fn goods(lines: &Value) -> String {
    let of_line = |l: &Value| {
        let name = untrusted::name(l["name"].as_str().unwrap_or_default());
        format!("{} x {name}", l["quantity"])
    };
    list(lines)
        .iter()
        .map(of_line)
        .collect::<Vec<_>>()
        .join(", ")
}
