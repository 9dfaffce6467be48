//! Questions that are asked by themselves (E22): which trades, whom, and when.
//!
//! A plan stands in a queue by its next time. When that has come, [`fire`] gives the questions and
//! the time after it: however long nobody looked, each plan asks once. When a clock on the wall shows
//! a time of day is a matter of time zones, which are files: of a daily plan the next time comes
//! from outside ([`Act::ScheduleNext`](super::Act)), and [`without_time`] says for which.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::Time;
use tradepost_trades::rows::Rows;

use super::asking::{key, what_is_not_asked_already};
use super::case::BuyerCase;
use super::keys;
use super::pages::pages;
use super::plan::{Plan, Planned, PlannedWhen, Until};
use super::refusal::{ActRefusal, known_trade};
use super::saying::Saying;
use super::state::read;
use super::trade::BuyerTrade;

/// A plan as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeptPlan {
    pub(super) id: u64,
    pub(super) plan: Plan,
    pub(super) added: Time,
    /// None while it waits to be told.
    pub(super) next: Option<Time>,
    /// When it asked last.
    pub(super) last: Option<Time>,
    /// How many questions it asked.
    pub(super) asked: u64,
}

/// More would not be kept by a person.
const MOST_PLANS: usize = 1000;
/// More trades are never pending with a person; those that are promised first are asked about.
const MOST_TRADES: usize = 1000;
/// A daily plan waits no longer than from one day's time to the next, through a change of clocks.
const LONGEST_DAY: Duration = Duration::from_secs(26 * 60 * 60);

/// Keeps a plan whose first time is `next`.
pub(super) fn add(case: &mut BuyerCase<'_>, plan: &Plan, next: Time) -> Result<(), ActRefusal> {
    if let PlannedWhen::Every { span } = plan.when
        && span < case.settings.timers.ask_apart.max(SHORTEST)
    {
        let least = case.settings.timers.ask_apart.max(SHORTEST);
        return Err(ActRefusal::AsksTooOften { least });
    }
    if all(case.rows()).len() >= MOST_PLANS {
        return Err(ActRefusal::TooManyPlans(MOST_PLANS));
    }
    let id = case.next_number(keys::PLAN_COUNTER);
    if let Planned::Trade { trade } = &plan.about {
        let known = known_trade(case.rows(), trade)?;
        if let Some(state) = known.state.filter(|s| plan.until.is_reached_by(s)) {
            let until = if state.ended {
                Until::Ended
            } else {
                plan.until
            };
            return Err(ActRefusal::NothingToWaitFor(trade.clone(), until));
        }
        case.mark(&keys::plan_of_trade(trade, id));
    }
    let mut kept = KeptPlan {
        id,
        plan: plan.clone(),
        added: case.now,
        next: None,
        last: None,
        asked: 0,
    };
    set_next(case, &mut kept, Some(next));
    Ok(())
}

/// Nothing is asked more often than computers tell times apart.
const SHORTEST: Duration = Duration::from_millis(1);

/// Says when a daily plan asks next.
pub(super) fn set_time(case: &mut BuyerCase<'_>, id: u64, next: Time) -> Result<(), ActRefusal> {
    let mut kept: KeptPlan = case
        .get(&keys::plan(id))
        .ok_or(ActRefusal::NoSuchPlan(id))?;
    set_next(case, &mut kept, Some(next));
    Ok(())
}

pub(super) fn remove(case: &mut BuyerCase<'_>, id: u64) -> Result<(), ActRefusal> {
    let kept: KeptPlan = case
        .get(&keys::plan(id))
        .ok_or(ActRefusal::NoSuchPlan(id))?;
    drop_plan(case, &kept);
    Ok(())
}

/// The daily plans that wait to be told their next time, with what they need for that.
#[must_use]
pub fn without_time(rows: &dyn Rows) -> Vec<(u64, PlannedWhen)> {
    pages(rows, keys::PLANS_WITHOUT_TIME)
        .filter_map(|(key, _)| {
            let hex = std::str::from_utf8(key.get(keys::PLANS_WITHOUT_TIME.len()..)?).ok()?;
            let id = u64::from_str_radix(hex, 16).ok()?;
            let kept: KeptPlan = read(rows, &keys::plan(id))?;
            Some((id, kept.plan.when))
        })
        .collect()
}

pub(super) fn all(rows: &dyn Rows) -> Vec<KeptPlan> {
    pages(rows, keys::PLANS)
        .filter_map(|(_, json)| serde_json::from_slice(&json).ok())
        .collect()
}

/// Asks what is due.
pub(super) fn tick(case: &mut BuyerCase<'_>) {
    let mut said = BTreeSet::new();
    for mut kept in all(case.rows()) {
        let Some(next) = kept.next else { continue };
        if next <= case.now {
            fire(case, kept, next, &mut said);
        } else if next.since(case.now) > kept.plan.when.longest_wait() {
            // Nothing but a clock that ran ahead can have put it off so far.
            let next = kept.plan.when.after(case.now, case.now);
            set_next(case, &mut kept, next);
        }
    }
}

fn fire(case: &mut BuyerCase<'_>, mut kept: KeptPlan, due: Time, said: &mut BTreeSet<String>) {
    let trades = match &kept.plan.about {
        Planned::Trade { trade } => {
            let known = case.trade(trade);
            let state = known.as_ref().and_then(|t| t.state.as_ref());
            if state.is_some_and(|s| kept.plan.until.is_reached_by(s)) {
                drop_plan(case, &kept);
                return;
            }
            known.into_iter().collect()
        }
        Planned::AllPending => pending(case),
    };
    let apart = case.settings.timers.ask_apart;
    for trade in trades {
        let (rows, parties, now) = (case.rows(), &kept.plan.parties, case.now);
        for saying in what_is_not_asked_already(rows, &trade, parties, apart, now) {
            if is_new(&saying, said) {
                kept.asked += 1;
                case.say.push(saying);
            }
        }
    }
    kept.last = Some(case.now);
    let next = kept.plan.when.after(due, case.now);
    set_next(case, &mut kept, next);
}

/// Two plans that are due together ask a server once.
fn is_new(saying: &Saying, said: &mut BTreeSet<String>) -> bool {
    key(&saying.to, saying.trade.as_ref(), saying.request.as_ref()).is_some_and(|k| said.insert(k))
}

/// Adopted trades that the person did not confirm are not asked about: nobody knows who would answer.
fn pending(case: &BuyerCase<'_>) -> Vec<BuyerTrade> {
    let prefix = keys::UNDELIVERED;
    let listed = case
        .rows()
        .scan_from(prefix.as_bytes(), prefix.as_bytes(), MOST_TRADES);
    listed
        .iter()
        .filter_map(|(key, _)| {
            let (_, trade) = std::str::from_utf8(key)
                .ok()?
                .strip_prefix(prefix)?
                .split_once('/')?;
            case.trade(&keys::trade_in_key(trade)?)
        })
        .filter(|t| t.counted.as_ref().is_some_and(|c| !c.apart))
        .collect()
}

impl PlannedWhen {
    /// The time after one that was due, in the same rhythm, and to come; none for a daily plan.
    fn after(&self, due: Time, now: Time) -> Option<Time> {
        match self {
            PlannedWhen::Every { span } => {
                let span = (*span).max(SHORTEST);
                let passed = now.since(due).as_nanos() / span.as_nanos();
                let rounds = u32::try_from(passed + 1).unwrap_or(u32::MAX);
                let next = due.plus(span.saturating_mul(rounds));
                Some(if next > now { next } else { now.plus(span) })
            }
            PlannedWhen::Daily { .. } => None,
        }
    }

    fn longest_wait(&self) -> Duration {
        match self {
            PlannedWhen::Every { span } => *span,
            PlannedWhen::Daily { .. } => LONGEST_DAY,
        }
    }
}

/// Ends the plans of a trade that are through (E22: until).
pub(super) fn end_what_is_through(case: &mut BuyerCase<'_>, trade: &BuyerTrade) {
    let prefix = keys::plans_of_trade(&trade.trade);
    let Some(state) = &trade.state else { return };
    for id in super::case::numbers_after(case.rows(), &prefix, &prefix, MOST_PLANS) {
        let kept: Option<KeptPlan> = case.get(&keys::plan(id));
        if let Some(kept) = kept.filter(|k| k.plan.until.is_reached_by(state)) {
            drop_plan(case, &kept);
        }
    }
}

fn set_next(case: &mut BuyerCase<'_>, kept: &mut KeptPlan, next: Option<Time>) {
    take_out(case, kept);
    kept.next = next;
    match next {
        Some(next) => case.mark(&keys::plan_due(next, kept.id)),
        None => case.mark(&keys::plan_without_time(kept.id)),
    }
    case.put(&keys::plan(kept.id), kept);
}

fn drop_plan(case: &mut BuyerCase<'_>, kept: &KeptPlan) {
    take_out(case, kept);
    if let Planned::Trade { trade } = &kept.plan.about {
        case.delete(&keys::plan_of_trade(trade, kept.id));
    }
    case.delete(&keys::plan(kept.id));
}

fn take_out(case: &mut BuyerCase<'_>, kept: &KeptPlan) {
    match kept.next {
        Some(next) => case.delete(&keys::plan_due(next, kept.id)),
        None => case.delete(&keys::plan_without_time(kept.id)),
    }
}
