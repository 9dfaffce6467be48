//! Lines 9, 12 and 13: who may say this, and about which trade.

use std::collections::BTreeSet;

use tradepost_statements::{Address, Kind, Statement, TradeRef};

use super::TradeQuestion;
use crate::settings::Adopt;
use crate::trade::BuyerTrade;
use crate::warning::Mismatch;
use crate::{expected, namesakes};

pub(super) fn another_makes_the_record(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    another_speaks_for_the_shop(q.statement, Kind::TradeRecord)
}

pub(super) fn another_tells_the_order(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    another_speaks_for_the_shop(q.statement, Kind::OrderStatus)
}

pub(super) fn another_decides(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    another_speaks_for_the_shop(q.statement, Kind::ReturnDecision)
}

fn another_speaks_for_the_shop(s: &Statement, kind: Kind) -> Option<Mismatch> {
    let shop = &s.trade.as_ref()?.shop;
    (s.body.kind() == kind && s.from != *shop).then(|| {
        Mismatch::new(
            format!("{} from {}", one(kind), s.from.as_str()),
            format!("{} from the shop, {}", one(kind), shop.as_str()),
        )
    })
}

pub(super) fn a_stranger(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let (from, trade) = (&q.statement.from, q.trade_that_is_not_there()?);
    let namesakes: Vec<BuyerTrade> = namesakes::made(q.rows, trade)
        .iter()
        .filter_map(|t| BuyerTrade::load(q.rows, t))
        .collect();
    let is_party = |other: &BuyerTrade| {
        other.state.as_ref().is_some_and(|state| {
            other.trade.shop == *from || state.processor == *from || state.carriers.contains(from)
        })
    };
    if namesakes.iter().any(is_party) {
        return None;
    }
    let other = namesakes.iter().find(|t| t.state.is_some())?;
    Some(Mismatch::new(
        format!("{} about the trade {trade}", from.as_str()),
        format!(
            "a party of the trade {}, which has the same id",
            other.trade
        ),
    ))
}

/// Protocol 9: as if it had been placed, so the trade is there before its record comes.
pub(super) fn a_stranger_to_the_expected(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let (from, trade) = (&q.statement.from, q.trade_that_is_not_there()?);
    let mut expected = namesakes::expected(q.rows, trade).into_iter();
    let other = expected.find(|t| t.shop != *from)?;
    Some(Mismatch::new(
        format!("{} about the trade {trade}", from.as_str()),
        format!("a party of the trade {other}, which you expect"),
    ))
}

pub(super) fn no_such_trade(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let trade = q.trade_that_is_not_there()?;
    let expected = match q.settings.adopt {
        Adopt::List => "a trade that is in the ledger",
        Adopt::Ask => "a trade that is in the ledger; accept this warning to adopt the trade",
        Adopt::Off => "a trade that was ordered from here",
    };
    Some(Mismatch::new(
        format!("{} about {trade}", one(q.statement.body.kind())),
        expected,
    ))
}

impl<'q> TradeQuestion<'q> {
    /// The trade that it names, where no record of it counts and it starts none itself. What names no
    /// trade answers a request (lines 8 and 10).
    fn trade_that_is_not_there(&self) -> Option<&'q TradeRef> {
        let trade = self.known.trade?;
        let is_there = self.known.agreed.is_some();
        (!is_there && !self.starts(trade)).then_some(trade)
    }

    /// Protocol 3: what belongs to an order bears its request. Protocol 9: others are adopted, or not.
    fn starts(&self, trade: &TradeRef) -> bool {
        self.statement.body.kind() == Kind::TradeRecord
            && (self.statement.request.is_some()
                || self.known.adopted
                || self.settings.adopt == Adopt::List
                || expected::of_trade(self.rows, trade).is_some())
    }
}

pub(super) fn no_carrier(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let carriers = &q.known.agreed?.carriers;
    let is_stray = says(q.statement, Kind::DeliveryStatus) && !carriers.contains(&q.statement.from);
    is_stray.then(|| {
        let expected = format!("a carrier of this trade: {}", names(carriers));
        from_another(q.statement, expected)
    })
}

pub(super) fn no_processor(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let processors = &q.known.agreed?.processors;
    let is_stray =
        says(q.statement, Kind::PaymentStatus) && !processors.contains(&q.statement.from);
    is_stray.then(|| {
        let expected = format!("the payment processor of this trade: {}", names(processors));
        from_another(q.statement, expected)
    })
}

pub(super) fn not_said_to_a_buyer(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    match q.statement.body.kind() {
        Kind::TradeRecord
        | Kind::OrderRejected
        | Kind::ReturnDecision
        | Kind::UnknownTrade
        | Kind::OrderStatus
        | Kind::DeliveryStatus
        | Kind::PaymentStatus => None,
        // Protocol 3: these are never said to a buyer.
        Kind::Order
        | Kind::Confirm
        | Kind::Cancel
        | Kind::Return
        | Kind::StatusRequest
        | Kind::Notify
        | Kind::Authorize
        | Kind::Authorization
        | Kind::PaymentInstruction
        | Kind::DeliveryInstruction
        | Kind::Refund
        | Kind::Recall => {
            let expected = "a statement that is meant for a buyer";
            Some(from_another(q.statement, expected))
        }
    }
}

fn says(s: &Statement, kind: Kind) -> bool {
    s.body.kind() == kind
}

fn from_another(s: &Statement, expected: impl Into<String>) -> Mismatch {
    let received = format!("{} from {}", one(s.body.kind()), s.from.as_str());
    Mismatch::new(received, expected)
}

fn names(parties: &BTreeSet<Address>) -> String {
    let names: Vec<&str> = parties.iter().map(Address::as_str).collect();
    names.join(" or ")
}

/// A kind with its article, for people.
fn one(kind: Kind) -> String {
    let article = if kind.word().starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}
