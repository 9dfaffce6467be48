//! The wishes to give goods back that wait for a decision, as an operator is shown them (E23).

use serde::Serialize;
use tradepost_statements::order::LineQuantity;
use tradepost_statements::{Address, Amount, OrderState, Time, TradeId, TradeRef};
use tradepost_trades::rows::Rows;

use super::goods;
use crate::kernel::book::{self, PartyTrade};

/// Pieces of one line of the record, which the buyer wants to give back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReturnLine {
    /// Its index in the record.
    pub line: u32,
    /// Pieces of it that the buyer wants to give back.
    pub quantity: u32,
    /// The line's name in the record.
    pub name: String,
}

/// A wish that waits, as an operator is shown it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReturnView {
    /// The id of the trade, one of this shop's own.
    pub id: TradeId,
    /// Where the decision goes: the trade's stored address.
    pub buyer: Address,
    /// When the first of the wishes that are joined here came; none: that was not noted.
    pub since: Option<Time>,
    /// What the buyer wants to give back.
    pub lines: Vec<ReturnLine>,
    /// Whether that is all that is left.
    pub everything: bool,
    /// Why, in the buyer's words.
    pub text: Option<String>,
    /// How far the order is.
    pub order: Option<OrderState>,
    /// The trade's total, by its newest record.
    pub total: Amount,
    /// What was paid back before.
    pub refunded: Option<Amount>,
    /// What is paid back where the decision does not say it; none: it has to say it.
    pub refund: Option<Amount>,
}

/// The wishes that wait for a decision, at most `limit`, by trade id.
#[must_use]
pub fn returns(rows: &dyn Rows, own: &Address, limit: usize) -> Vec<ReturnView> {
    let prefix = book::RETURNS.as_bytes();
    rows.scan_from(prefix, prefix, limit)
        .iter()
        .filter_map(|(key, _)| {
            let id = std::str::from_utf8(key).ok()?.strip_prefix(book::RETURNS)?;
            let name = TradeRef {
                shop: own.clone(),
                id: id.parse().ok()?,
            };
            view(&book::load(rows, &name)?)
        })
        .collect()
}

fn view(trade: &PartyTrade) -> Option<ReturnView> {
    let shop = trade.shop.as_ref()?;
    let wish = shop.wants_back.as_ref()?;
    let left = goods::left(shop);
    let wanted = wish.lines.as_deref().map(goods::pieces);
    let wanted = wanted.unwrap_or_else(|| left.clone());
    let name = |l: &LineQuantity| {
        let of_line = usize::try_from(l.line).ok();
        let of_line = of_line.and_then(|i| shop.record.lines.get(i));
        of_line.map(|l| l.name.clone()).unwrap_or_default()
    };
    Some(ReturnView {
        id: trade.trade.id.clone(),
        buyer: trade.buyer_mail.clone(),
        since: wish.since,
        lines: goods::lines(&wanted)
            .iter()
            .map(|l| ReturnLine {
                line: l.line,
                quantity: l.quantity.get(),
                name: name(l),
            })
            .collect(),
        everything: wanted == left,
        text: wish.text.clone(),
        order: shop.order.as_ref().map(|t| t.last.state),
        total: shop.record.total,
        refunded: shop.refunded,
        refund: goods::price(shop, &wanted),
    })
}
