//! What the person decides about the ledger: dismissing and accepting warnings, taking adopted
//! trades as their own.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::link::ExpectedOrder;
use tradepost_statements::{RequestId, Time, TradeRef};

use tradepost_trades::rows::Rows;

use super::case::{BuyerCase, read};
use super::schedule::{self, Plan, Until};
use super::settings::BuyerSettings;
use super::state::BuyerTrade;
use super::warning::{Warning, WarningState};
use super::{BuyerChange, door, expecting, keys, lookalikes, totals};

/// An act of the person on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "act")]
pub enum Act {
    /// Wants to hear no more of a warning.
    Dismiss {
        /// Its number.
        warning: u64,
    },
    /// Wants the letter to count all the same: it is judged on from the line after the one that fired.
    Accept {
        /// The warning's number.
        warning: u64,
    },
    /// Says that an adopted trade is theirs (protocol 9).
    ConfirmAdopted {
        /// Which.
        trade: TradeRef,
    },
    /// Wants something asked by itself (E22).
    Schedule {
        /// What, whom and when.
        plan: Plan,
        /// The first time.
        next: Time,
    },
    /// Of a daily plan, the next time.
    ScheduleNext {
        /// The plan's number.
        plan: u64,
        /// When.
        next: Time,
    },
    /// Wants that asked no more.
    Unschedule {
        /// The plan's number.
        plan: u64,
    },
    /// Has ordered in a shop, and knows what to expect (protocol 9).
    Expect {
        /// What the shop said at its checkout.
        order: ExpectedOrder,
    },
    /// Does not expect a trade any more.
    Forget {
        /// Which.
        trade: TradeRef,
    },
}

/// Why an act cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActRefusal {
    /// There is no such warning.
    #[error("there is no warning {0}; `tradepost warnings --all` lists them")]
    NoSuchWarning(u64),
    /// The warning is closed.
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
        /// How many there are.
        lines: usize,
    },
    /// More is to be returned than there is, or than is not on its way back already.
    #[error("{wanted} of line {number} cannot be returned: {left} are left to return")]
    MoreThanIsLeft {
        /// The line, as the person counts, from 1.
        number: u64,
        /// What the person wants to return.
        wanted: u32,
        /// What there is.
        left: u32,
    },
    /// The person has asked to return everything already.
    #[error("you asked to return all of {0} already; `tradepost show` tells what the shop said")]
    NothingIsLeft(TradeRef),
    /// What was ordered here need not be expected.
    #[error("you ordered {0} with this program: it is judged by your order already")]
    WasOrderedHere(TradeRef),
    /// Nobody expects it.
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

/// Does an act.
///
/// # Errors
/// [`ActRefusal`]; then nothing changes.
pub fn act(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    act: &Act,
    now: Time,
) -> Result<BuyerChange, ActRefusal> {
    let mut case = BuyerCase::new(settings, rows, now);
    let judgement = match act {
        Act::Dismiss { warning } => {
            let warning = open_warning(&case, *warning)?;
            case.set_warning_state(warning, WarningState::Dismissed);
            None
        }
        Act::Accept { warning } => Some(accept(&mut case, *warning)?),
        Act::Schedule { plan, next } => {
            schedule::add(&mut case, plan, *next)?;
            None
        }
        Act::ScheduleNext { plan, next } => {
            schedule::set_time(&mut case, *plan, *next)?;
            None
        }
        Act::Unschedule { plan } => {
            schedule::remove(&mut case, *plan)?;
            None
        }
        Act::ConfirmAdopted { trade } => {
            let mut known = known_trade(rows, trade)?;
            known.confirmed = true;
            totals::count(&mut case, &mut known);
            lookalikes::list_parties(&mut case, &mut known);
            case.put(&keys::trade(trade), &known);
            None
        }
        Act::Expect { order } => {
            expecting::expect(&mut case, order)?;
            None
        }
        Act::Forget { trade } => {
            expecting::forget(&mut case, trade)?;
            None
        }
    };
    Ok(case.finish(judgement))
}

fn open_warning(case: &BuyerCase<'_>, id: u64) -> Result<Warning, ActRefusal> {
    let warning: Warning = case
        .get(&keys::warning(id))
        .ok_or(ActRefusal::NoSuchWarning(id))?;
    match warning.state {
        WarningState::Open | WarningState::Dismissed => Ok(warning),
        closed @ (WarningState::Accepted | WarningState::Resolved) => {
            Err(ActRefusal::WarningIsClosed(id, closed))
        }
    }
}

/// Protocol 5: the letter is judged on from the line after the one that fired, and that is
/// recorded as the person's own act.
fn accept(case: &mut BuyerCase<'_>, id: u64) -> Result<super::Judgement, ActRefusal> {
    let warning = open_warning(case, id)?;
    let (rule, no) = match (warning.rule, warning.letter) {
        (Some(rule), Some(no)) => (rule, no),
        (None, Some(_)) => return Err(ActRefusal::NothingRefused(id)),
        (_, None) => return Err(ActRefusal::NothingToAccept(id)),
    };
    let mut letter = case.letter(no).ok_or(ActRefusal::NothingToAccept(id))?;
    if door::read(&letter.received.content).is_err() {
        return Err(ActRefusal::CannotBeRead(id));
    }
    letter.accepted_through = letter.accepted_through.max(rule);
    // What the person agrees to, they agree to now.
    letter.moved = Some(case.next_place());
    case.set_warning_state(warning, WarningState::Accepted);
    Ok(door::enter(case, &mut letter))
}

pub(super) fn known_trade(rows: &dyn Rows, trade: &TradeRef) -> Result<BuyerTrade, ActRefusal> {
    read::<BuyerTrade>(rows, &keys::trade(trade))
        .filter(|t| t.state.is_some())
        .ok_or_else(|| ActRefusal::NoSuchTrade(trade.clone()))
}
