//! Ordering once more (E24): what is known of an order, for the next one.

use tradepost_statements::order::{Line, Order, OrderDelivery, OrderPayment};
use tradepost_statements::postal::Buyer;
use tradepost_statements::record::TradeRecord;
use tradepost_statements::{Address, Body, Statement, TradeRef};
use tradepost_trades::rows::Rows;

use super::filed::Filed;
use super::keys;
use super::pages::pages;
use super::refusal::{ActRefusal, known_trade};
use super::state::{Own, OwnRequest, read};
use super::trade::BuyerTrade;

/// An order as it was made, or as the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderOnce {
    /// The shop that it goes to, or went to.
    pub to: Address,
    /// The address of the person that orders, where it is known.
    pub from: Option<Address>,
    /// The order's body; where it repeats a trade, `reorder_of` names that.
    pub order: Order,
}

/// The order that repeats a trade: the same to the same shop, naming the old trade. Of one that was
/// ordered elsewhere, what its trade record tells; the buyer, where that names none, as in the last
/// order.
///
/// # Errors
/// [`ActRefusal::NoSuchTrade`].
pub fn reorder(rows: &dyn Rows, trade: &TradeRef) -> Result<OrderOnce, ActRefusal> {
    let known = known_trade(rows, trade)?;
    let no_such_trade = || ActRefusal::NoSuchTrade(trade.clone());
    let record = record_that_counts(rows, &known).ok_or_else(no_such_trade)?;
    let ordered = own_order(rows, &known);
    let from = ordered.as_ref().map(|(statement, _)| &statement.from);
    let from = from.unwrap_or(&record.0).clone();
    let record = record.1;
    let order = match ordered {
        // The person may have accepted a record that differs: then that is what was bought.
        Some((_, order)) if same_goods(&order.lines, &record.lines) => order,
        Some((_, order)) => of_record(record, order.buyer),
        None => of_record(record, last_order(rows).and_then(|last| last.order.buyer)),
    };
    Ok(OrderOnce {
        to: trade.shop.clone(),
        from: Some(from),
        order: Order {
            reorder_of: Some(trade.clone()),
            ..order
        },
    })
}

fn same_goods(a: &[Line], b: &[Line]) -> bool {
    let key = |l: &Line| (l.name.clone(), l.quantity, l.price);
    a.iter().map(key).eq(b.iter().map(key))
}

fn of_record(record: TradeRecord, buyer: Option<Buyer>) -> Order {
    Order {
        lines: record.lines,
        total: record.total,
        payment: OrderPayment {
            method: record.payment.method,
            reference: None,
        },
        delivery: OrderDelivery {
            method: record.delivery.method,
        },
        buyer: record.buyer.or(buyer),
        deliver_to: record.deliver_to,
        notify: None,
        reorder_of: None,
        hub: None,
        region: None,
        details_hash: None,
    }
}

/// And whom it was written to.
fn record_that_counts(rows: &dyn Rows, known: &BuyerTrade) -> Option<(Address, TradeRecord)> {
    let filed = Filed::load(rows, known.state.as_ref()?.record)?;
    let record = filed.record()?.clone();
    Some((filed.decoded.statement.to.clone(), record))
}

fn own_order(rows: &dyn Rows, known: &BuyerTrade) -> Option<(Statement, Order)> {
    let request = known.state.as_ref()?.request.as_ref()?;
    let request: OwnRequest = read(rows, &keys::request(request))?;
    order_in(read(rows, &keys::own(request.order?))?)
}

fn order_in(own: Own) -> Option<(Statement, Order)> {
    let order = if let Body::Order(order) = &own.statement.body {
        Some((**order).clone())
    } else {
        None
    };
    Some((own.statement, order?))
}

/// The order that was made last, whatever became of it.
#[must_use]
pub fn last_order(rows: &dyn Rows) -> Option<OrderOnce> {
    let orders = pages(rows, keys::OWN)
        .filter_map(|(_, json)| order_in(serde_json::from_slice(&json).ok()?));
    let last = orders.max_by_key(|(statement, _)| (statement.sent, statement.id));
    last.map(|(statement, order)| OrderOnce {
        to: statement.to,
        from: Some(statement.from),
        order,
    })
}
