//! What a buyer's statement is about: a trade, or an order that is none yet, or never will be.

use tradepost_statements::{RequestId, Statement, TradeId, TradeRef};

use super::authorize::{Authorizing, authorizing};
use crate::kernel::PartyCase;
use crate::kernel::book::{self, OrderRequest, PartyTrade};

/// What a statement that names a trade or a request is about.
pub(crate) enum AskedAbout {
    /// A trade of this buyer.
    Trade(Box<PartyTrade>),
    /// An order of this buyer that became no trade.
    Rejected(OrderRequest),
    /// An order of this buyer whose payment is being authorized (E3): there is nothing to tell yet.
    Authorizing(Box<Authorizing>),
    /// Nothing that this sender may know of: the same, whether it exists or not.
    Unknown,
}

/// Finds what a buyer asks about.
pub(crate) fn find(case: &PartyCase<'_>, statement: &Statement) -> AskedAbout {
    if let Some(trade) = &statement.trade {
        return match case.trade(trade) {
            Some(trade) if trade.buyer_mail == statement.from => AskedAbout::Trade(Box::new(trade)),
            Some(_) | None => AskedAbout::Unknown,
        };
    }
    let Some(request) = &statement.request else {
        return AskedAbout::Unknown;
    };
    if *request.buyer() != statement.from {
        return AskedAbout::Unknown;
    }
    find_request(case, request)
}

fn find_request(case: &PartyCase<'_>, request: &RequestId) -> AskedAbout {
    let Some(entry) = book::by_request(case.rows(), request) else {
        return AskedAbout::Unknown;
    };
    match own_trade(case, &entry) {
        Some(trade) => AskedAbout::Trade(Box::new(trade)),
        None if entry.answer.is_some() => AskedAbout::Rejected(entry),
        None => match authorizing(case, &entry) {
            Some(waits) => AskedAbout::Authorizing(Box::new(waits)),
            None => AskedAbout::Unknown,
        },
    }
}

pub(crate) fn own_trade(case: &PartyCase<'_>, entry: &OrderRequest) -> Option<PartyTrade> {
    let id: TradeId = entry.trade.clone()?;
    let shop = case.settings.address.clone();
    case.trade(&TradeRef { shop, id })
}
