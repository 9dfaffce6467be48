//! Trades of other shops that have the same id: a trade id is unique for its shop only (protocol 1).

use tradepost_statements::{Address, TradeRef};
use tradepost_trades::rows::Rows;

use super::keys;

/// Of the shops that have a trade of one id, so many are looked at: anybody can be a shop.
const MOST_NAMESAKES: usize = 64;

/// Trades of other shops that have this id too.
pub(super) fn made(rows: &dyn Rows, trade: &TradeRef) -> Vec<TradeRef> {
    other_shops(rows, &keys::trades_by_id(trade.id.as_str()), trade)
}

/// What letters name as a trade of another shop with this id, but is none so far.
pub(super) fn waiting(rows: &dyn Rows, trade: &TradeRef) -> Vec<TradeRef> {
    let prefix = keys::no_trades_by_id(trade.id.as_str());
    other_shops(rows, &prefix, trade)
}

/// Trades of other shops with this id that are expected (protocol 9).
pub(super) fn expected(rows: &dyn Rows, trade: &TradeRef) -> Vec<TradeRef> {
    let prefix = keys::all_expected_by_id(trade.id.as_str());
    other_shops(rows, &prefix, trade)
}

fn other_shops(rows: &dyn Rows, prefix: &str, trade: &TradeRef) -> Vec<TradeRef> {
    rows.scan_from(prefix.as_bytes(), prefix.as_bytes(), MOST_NAMESAKES)
        .into_iter()
        .filter_map(|(key, _)| {
            let shop = std::str::from_utf8(key.get(prefix.len()..)?).ok()?;
            let shop: Address = shop.parse().ok()?;
            (shop != trade.shop).then(|| TradeRef {
                shop,
                id: trade.id.clone(),
            })
        })
        .collect()
}
