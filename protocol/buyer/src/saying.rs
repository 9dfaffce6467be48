//! A statement in the making: to whom it goes, and whose word it is.

use tradepost_statements::{Address, Body, RequestId, TradeRef};
use tradepost_trades::rows::Rows;

use super::filed::Filed;
use super::state::OwnRequest;
use super::trade::BuyerTrade;

/// A statement that the person wants said; nothing has been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// The server that is to hear it.
    pub to: Address,
    /// The trade that it is about.
    pub trade: Option<TradeRef>,
    /// The request that it is about.
    pub request: Option<RequestId>,
    /// The statement's kind and members (protocol 3).
    pub body: Body,
}

impl Saying {
    pub(super) fn of_trade(trade: &TradeRef, to: &Address, body: Body) -> Saying {
        Saying {
            to: to.clone(),
            trade: Some(trade.clone()),
            request: None,
            body,
        }
    }

    /// About an order that became no trade so far.
    pub(super) fn of_request(request: OwnRequest, body: Body) -> Saying {
        Saying {
            to: request.to,
            trade: None,
            request: Some(request.id),
            body,
        }
    }

    /// Who says it: the address that ordered, or else the one that the shop wrote the trade record
    /// to. A server listens to no other (protocol 5). None where neither is known.
    #[must_use]
    pub fn speaker(&self, rows: &dyn Rows) -> Option<Address> {
        if let Some(request) = &self.request {
            return Some(request.buyer().clone());
        }
        let known = BuyerTrade::load(rows, self.trade.as_ref()?)?;
        if let Some(request) = known.state.as_ref().and_then(|s| s.request.as_ref()) {
            return Some(request.buyer().clone());
        }
        let record = Filed::load(rows, known.state.as_ref()?.record)?;
        Some(record.decoded.statement.to.clone())
    }
}
