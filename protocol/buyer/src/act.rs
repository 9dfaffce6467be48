//! What the person decides about the ledger: dismissing and accepting warnings, taking adopted
//! trades as their own.

use serde::{Deserialize, Serialize};
use tradepost_statements::link::ExpectedOrder;
use tradepost_statements::{Time, TradeRef};
use tradepost_trades::rows::Rows;

use super::case::BuyerCase;
use super::plan::Plan;
use super::refusal::{ActRefusal, known_trade};
use super::settings::BuyerSettings;
use super::warning::{Warning, WarningState};
use super::{BuyerChange, door, expecting, filed, keys, lookalikes, schedule, totals};

/// An act of the person on the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "act")]
pub enum Act {
    /// Wants to hear no more of a warning.
    Dismiss {
        /// Its number; one that is closed already is refused.
        warning: u64,
    },
    /// Wants the letter to count all the same: it is judged on from the line after the one that fired.
    Accept {
        /// The warning's number; there must be a letter that it refused.
        warning: u64,
    },
    /// Says that an adopted trade is theirs (protocol 9).
    ConfirmAdopted {
        /// The adopted trade: from now on it counts as the person's own.
        trade: TradeRef,
    },
    /// Wants something asked by itself (E22).
    Schedule {
        /// What, whom and when.
        plan: Plan,
        /// When it asks first; reckoned by the caller, who knows the time zones.
        next: Time,
    },
    /// Of a daily plan, the next time.
    ScheduleNext {
        /// Its number, as [`without_time`](super::without_time) gives it.
        plan: u64,
        /// When its clock shows that time of day next.
        next: Time,
    },
    /// Wants that asked no more.
    Unschedule {
        /// The plan's number; one that is gone already is refused.
        plan: u64,
    },
    /// Has ordered in a shop, and knows what to expect (protocol 9).
    Expect {
        /// What the shop said at its checkout.
        order: ExpectedOrder,
    },
    /// Does not expect a trade any more.
    Forget {
        /// One that was expected, and has not come.
        trade: TradeRef,
    },
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
            case.put_trade(&known);
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
    Ok(super::finish(case, judgement))
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
    if filed::decode(&letter.received.content).is_err() {
        return Err(ActRefusal::CannotBeRead(id));
    }
    letter.accepted_through = letter.accepted_through.max(rule);
    // What the person agrees to, they agree to now.
    letter.moved = Some(case.next_place());
    case.set_warning_state(warning, WarningState::Accepted);
    Ok(door::enter(case, &mut letter))
}
