//! Questions that are asked by themselves (E22): which trades, whom, and when.
//!
//! A plan stands in a queue by its next time. When that has come, [`fire`] gives the questions and
//! the time after it: however long nobody looked, each plan asks once. When a clock on the wall shows
//! a time of day is a matter of time zones, which are files: of a daily plan the next time comes
//! from outside ([`Act::ScheduleNext`](super::Act)), and [`without_time`] says for which.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::{Time, TradeRef, words};

use tradepost_trades::rows::Rows;

use super::act::{Refusal, known_trade};
use super::asking::{Party, key, what_is_not_asked_already};
use super::desk::{Desk, read};
use super::keys;
use super::say::Saying;
use super::state::{Trade, TradeState};

/// What is to be asked, whom, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// About what.
    pub about: Planned,
    /// Whom; everybody where it is empty.
    #[serde(default)]
    pub parties: BTreeSet<Party>,
    /// When.
    pub when: When,
    /// How long, of a single trade.
    pub until: Until,
}

/// What a plan asks about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Planned {
    /// One trade.
    Trade {
        /// Which.
        trade: TradeRef,
    },
    /// Each trade that is not delivered at the time.
    AllPending,
}

/// When a plan asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum When {
    /// Again and again.
    Every {
        /// After so long.
        span: Duration,
    },
    /// Every day when the clocks of a place show this.
    Daily {
        /// Hours, 0 to 23.
        hour: u8,
        /// Minutes.
        minute: u8,
        /// The place, as the time zone database names it.
        zone: String,
    },
}

words! {
    /// What ends a plan for a trade; that the trade has ended, always does.
    pub enum Until as "an end of asking" {
        /// The trade has ended.
        Ended = "ended",
        /// Nothing is to be delivered any more.
        Delivered = "delivered",
        /// Nothing is to be paid any more.
        Paid = "paid",
    }
}

impl Until {
    fn is_reached_by(self, state: &TradeState) -> bool {
        state.ended
            || match self {
                Until::Ended => false,
                Until::Delivered => !state.undelivered,
                Until::Paid => state.unpaid.is_zero(),
            }
    }
}

/// A plan as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
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
pub(super) fn add(desk: &mut Desk<'_>, plan: &Plan, next: Time) -> Result<(), Refusal> {
    if let When::Every { span } = plan.when
        && span < desk.settings.timers.ask_apart.max(SHORTEST)
    {
        let least = desk.settings.timers.ask_apart.max(SHORTEST);
        return Err(Refusal::AsksTooOften { least });
    }
    if all(desk.rows()).len() >= MOST_PLANS {
        return Err(Refusal::TooManyPlans(MOST_PLANS));
    }
    let id = desk.next_number(keys::PLAN_COUNTER);
    if let Planned::Trade { trade } = &plan.about {
        let known = known_trade(desk.rows(), trade)?;
        if let Some(state) = known.state.filter(|s| plan.until.is_reached_by(s)) {
            let until = if state.ended {
                Until::Ended
            } else {
                plan.until
            };
            return Err(Refusal::NothingToWaitFor(trade.clone(), until));
        }
        desk.mark(&keys::plan_of_trade(trade, id));
    }
    let mut kept = Kept {
        id,
        plan: plan.clone(),
        added: desk.now,
        next: None,
        last: None,
        asked: 0,
    };
    set_next(desk, &mut kept, Some(next));
    Ok(())
}

/// Nothing is asked more often than computers tell times apart.
const SHORTEST: Duration = Duration::from_millis(1);

/// Says when a daily plan asks next.
pub(super) fn set_time(desk: &mut Desk<'_>, id: u64, next: Time) -> Result<(), Refusal> {
    let mut kept: Kept = desk.get(&keys::plan(id)).ok_or(Refusal::NoSuchPlan(id))?;
    set_next(desk, &mut kept, Some(next));
    Ok(())
}

/// Asks no more.
pub(super) fn remove(desk: &mut Desk<'_>, id: u64) -> Result<(), Refusal> {
    let kept: Kept = desk.get(&keys::plan(id)).ok_or(Refusal::NoSuchPlan(id))?;
    drop_plan(desk, &kept);
    Ok(())
}

/// The daily plans that wait to be told their next time, with what they need for that.
#[must_use]
pub fn without_time(rows: &dyn Rows) -> Vec<(u64, When)> {
    let waiting = rows.scan(keys::PLANS_WITHOUT_TIME.as_bytes());
    waiting
        .into_iter()
        .filter_map(|(key, _)| {
            let hex = std::str::from_utf8(key.get(keys::PLANS_WITHOUT_TIME.len()..)?).ok()?;
            let id = u64::from_str_radix(hex, 16).ok()?;
            let kept: Kept = read(rows, &keys::plan(id))?;
            Some((id, kept.plan.when))
        })
        .collect()
}

pub(super) fn all(rows: &dyn Rows) -> Vec<Kept> {
    let plans = rows.scan(keys::PLANS.as_bytes());
    plans
        .iter()
        .filter_map(|(_, json)| serde_json::from_slice(json).ok())
        .collect()
}

/// Asks what is due.
pub(super) fn tick(desk: &mut Desk<'_>) {
    let mut said = BTreeSet::new();
    for mut kept in all(desk.rows()) {
        let Some(next) = kept.next else { continue };
        if next <= desk.now {
            fire(desk, kept, next, &mut said);
        } else if next.since(desk.now) > kept.plan.when.longest_wait() {
            // Nothing but a clock that ran ahead can have put it off so far.
            let next = kept.plan.when.after(desk.now, desk.now);
            set_next(desk, &mut kept, next);
        }
    }
}

fn fire(desk: &mut Desk<'_>, mut kept: Kept, due: Time, said: &mut BTreeSet<String>) {
    let trades = match &kept.plan.about {
        Planned::Trade { trade } => {
            let known = desk.trade(trade);
            let state = known.as_ref().and_then(|t| t.state.as_ref());
            if state.is_some_and(|s| kept.plan.until.is_reached_by(s)) {
                drop_plan(desk, &kept);
                return;
            }
            known.into_iter().collect()
        }
        Planned::AllPending => pending(desk),
    };
    let apart = desk.settings.timers.ask_apart;
    for trade in trades {
        let (rows, parties, now) = (desk.rows(), &kept.plan.parties, desk.now);
        for saying in what_is_not_asked_already(rows, &trade, parties, apart, now) {
            if is_new(&saying, said) {
                kept.asked += 1;
                desk.say.push(saying);
            }
        }
    }
    kept.last = Some(desk.now);
    let next = kept.plan.when.after(due, desk.now);
    set_next(desk, &mut kept, next);
}

/// Two plans that are due together ask a server once.
fn is_new(saying: &Saying, said: &mut BTreeSet<String>) -> bool {
    key(&saying.to, saying.trade.as_ref(), saying.request.as_ref()).is_some_and(|k| said.insert(k))
}

/// Adopted trades that the person did not confirm are not asked about: nobody knows who would answer.
fn pending(desk: &Desk<'_>) -> Vec<Trade> {
    let prefix = keys::UNDELIVERED;
    let listed = desk
        .rows()
        .scan_from(prefix.as_bytes(), prefix.as_bytes(), MOST_TRADES);
    listed
        .iter()
        .filter_map(|(key, _)| {
            let (_, trade) = std::str::from_utf8(key)
                .ok()?
                .strip_prefix(prefix)?
                .split_once('/')?;
            desk.get::<Trade>(&format!("{}{trade}", keys::TRADES))
        })
        .filter(|t| t.counted.as_ref().is_some_and(|c| !c.apart))
        .collect()
}

impl When {
    /// The time after one that was due, in the same rhythm, and to come; none for a daily plan.
    fn after(&self, due: Time, now: Time) -> Option<Time> {
        match self {
            When::Every { span } => {
                let span = (*span).max(SHORTEST);
                let passed = now.since(due).as_nanos() / span.as_nanos();
                let rounds = u32::try_from(passed + 1).unwrap_or(u32::MAX);
                let next = due.plus(span.saturating_mul(rounds));
                Some(if next > now { next } else { now.plus(span) })
            }
            When::Daily { .. } => None,
        }
    }

    fn longest_wait(&self) -> Duration {
        match self {
            When::Every { span } => *span,
            When::Daily { .. } => LONGEST_DAY,
        }
    }
}

/// Ends the plans of a trade that are through (E22: until).
pub(super) fn end_what_is_through(desk: &mut Desk<'_>, trade: &Trade) {
    let prefix = keys::plans_of_trade(&trade.trade);
    let Some(state) = &trade.state else { return };
    for id in super::desk::numbers_after(desk.rows(), &prefix) {
        let kept: Option<Kept> = desk.get(&keys::plan(id));
        if let Some(kept) = kept.filter(|k| k.plan.until.is_reached_by(state)) {
            drop_plan(desk, &kept);
        }
    }
}

fn set_next(desk: &mut Desk<'_>, kept: &mut Kept, next: Option<Time>) {
    take_out(desk, kept);
    kept.next = next;
    match next {
        Some(next) => desk.mark(&keys::plan_due(next, kept.id)),
        None => desk.mark(&keys::plan_without_time(kept.id)),
    }
    desk.put(&keys::plan(kept.id), kept);
}

fn drop_plan(desk: &mut Desk<'_>, kept: &Kept) {
    take_out(desk, kept);
    if let Planned::Trade { trade } = &kept.plan.about {
        desk.delete(&keys::plan_of_trade(trade, kept.id));
    }
    desk.delete(&keys::plan(kept.id));
}

fn take_out(desk: &mut Desk<'_>, kept: &Kept) {
    match kept.next {
        Some(next) => desk.delete(&keys::plan_due(next, kept.id)),
        None => desk.delete(&keys::plan_without_time(kept.id)),
    }
}
