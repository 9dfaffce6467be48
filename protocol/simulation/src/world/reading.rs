//! The ledger as the commands print it.

use serde_json::json;
use tradepost_buyer::view;
use tradepost_statements::{Time, TradeRef};
use tradepost_trades::rows::Rows;

use crate::facts::Look;

pub(super) fn look(rows: &dyn Rows, now: Time) -> Look {
    let trades = view::trades(rows, now);
    let names = trades.into_iter().map(|trade| TradeRef {
        shop: trade.shop,
        id: trade.id,
    });
    Look {
        trades: names
            .filter_map(|name| view::show(rows, &name, now))
            .map(|show| json!(show))
            .collect(),
        requests: view::requests(rows).iter().map(|r| json!(r)).collect(),
        warnings: view::warnings(rows, false)
            .iter()
            .map(|w| json!(w))
            .collect(),
        stats: json!(view::stats(rows)),
    }
}
