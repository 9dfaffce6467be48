//! Why something that the person wants cannot be done.

use std::time::Duration;

use tradepost_statements::{RequestId, TradeRef};
use tradepost_trades::rows::Rows;

use super::plan::Until;
use super::trade::BuyerTrade;
use super::warning::WarningState;

/// Why an act cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActRefusal {
    /// There is no such warning.
    #[error("there is no warning {0}; `tradepost warnings --all` lists them")]
    NoSuchWarning(u64),
    /// It was accepted or resolved before: its number, and which of the two.
    #[error("warning {0} is {1} already")]
    WarningIsClosed(u64, WarningState),
    /// The warning is the ledger's own: there is no letter to accept.
    #[error(
        "warning {0} is not about a letter, so there is nothing to accept; dismiss it with `tradepost warnings dismiss {0}`"
    )]
    NothingToAccept(u64),
    /// The warning stands beside the verdict: there is nothing that it refused.
    #[error(
        "warning {0} refused nothing, so there is nothing to accept; dismiss it with `tradepost warnings dismiss {0}`"
    )]
    NothingRefused(u64),
    /// What cannot be read cannot count.
    #[error("the letter of warning {0} cannot be read, so it cannot be accepted")]
    CannotBeRead(u64),
    /// There is no such trade.
    #[error("there is no trade {0}; `tradepost list` shows all")]
    NoSuchTrade(TradeRef),
    /// There is no such request.
    #[error("there is no request {0}; `tradepost requests` shows all")]
    NoSuchRequest(RequestId),
    /// The order was answered, so its trade is cancelled by its id.
    #[error("the shop made the trade {0} of this order; cancel that")]
    OrderBecameATrade(TradeRef),
    /// The trade has no such line.
    #[error(
        "there is no line {number}: `tradepost show` numbers them from 1, and the last is {lines}"
    )]
    NoSuchLine {
        /// As the person counts, from 1.
        number: u64,
        /// How many lines the trade has.
        lines: usize,
    },
    /// More is to be returned than there is, or than is not on its way back already.
    #[error("{wanted} of line {number} cannot be returned: {left} are left to return")]
    MoreThanIsLeft {
        /// The line, as the person counts, from 1.
        number: u64,
        /// What the person wants to return.
        wanted: u32,
        /// Pieces that the person has not asked to return yet; what the shop declined is among them.
        left: u32,
    },
    /// The person has asked to return everything already.
    #[error("you asked to return all of {0} already; `tradepost show` tells what the shop said")]
    NothingIsLeft(TradeRef),
    /// What was ordered here need not be expected.
    #[error("you ordered {0} with this program: it is judged by your order already")]
    WasOrderedHere(TradeRef),
    /// The person does not expect it, or has forgotten it before.
    #[error("{0} is not expected; `tradepost expect --list` shows what is")]
    NotExpected(TradeRef),
    /// What was expected has come.
    #[error("the shop has made the trade {0}, so it cannot be forgotten; cancel it")]
    HasCome(TradeRef),
    /// The shop made no trade of the order.
    #[error("the shop rejected this order already ({0})")]
    OrderWasRejected(String),
    /// The order was not answered, or not by a trade record that counts.
    #[error(
        "no trade came of the request {0} so far, so no carrier and no payment processor is known; ask the shop: `tradepost ask {0} --shop`"
    )]
    OnlyTheShopIsKnown(RequestId),
    /// None of the parties that were named has to do with the trade.
    #[error("the trade {0} has no such party to ask; `tradepost show` names its parties")]
    NobodyToAsk(TradeRef),
    /// A server needs some time to answer.
    #[error(
        "a server is not asked more often than every {} s (`ask_apart` in [timers])",
        .least.as_secs_f64()
    )]
    AsksTooOften {
        /// The shortest time between two questions.
        least: Duration,
    },
    /// Nobody needs so many plans.
    #[error("there are {0} plans already; `tradepost schedule list` shows them")]
    TooManyPlans(usize),
    /// What is waited for has come.
    #[error("the trade {0} is {1} already, so there is nothing to ask for")]
    NothingToWaitFor(TradeRef, Until),
    /// There is no such plan.
    #[error("there is no plan {0}; `tradepost schedule list` shows all")]
    NoSuchPlan(u64),
}

/// A trade that was made.
pub(super) fn known_trade(rows: &dyn Rows, trade: &TradeRef) -> Result<BuyerTrade, ActRefusal> {
    BuyerTrade::load(rows, trade)
        .filter(|t| t.state.is_some())
        .ok_or_else(|| ActRefusal::NoSuchTrade(trade.clone()))
}
