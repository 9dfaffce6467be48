//! What is expected of a trade before its record comes (protocol 9).

use serde::{Deserialize, Serialize};
use tradepost_statements::link::ExpectedOrder;
use tradepost_statements::{Time, TradeRef};
use tradepost_trades::rows::Rows;

use super::keys;
use super::state::read;

/// What is expected, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Expected {
    pub(super) order: ExpectedOrder,
    pub(super) since: Time,
}

pub(super) fn of_trade(rows: &dyn Rows, trade: &TradeRef) -> Option<Expected> {
    read(rows, &keys::expected(trade))
}
