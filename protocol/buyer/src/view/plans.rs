//! What is asked by itself, as it is shown.

use serde::{Deserialize, Serialize};
use tradepost_statements::{Time, TradeRef};
use tradepost_trades::rows::Rows;

use crate::plan::{AskedParty, Planned, PlannedWhen, Until};
use crate::schedule::{self, KeptPlan};

/// A plan to ask, as `schedule list` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// Its number, by which it is removed.
    pub id: u64,
    /// The trade that it is about; null for each that is pending.
    pub trade: Option<TradeRef>,
    /// Whom it asks: all three where the plan names none.
    pub parties: Vec<AskedParty>,
    /// Milliseconds between two times, of a plan that asks again and again.
    pub every_ms: Option<u64>,
    /// The time of day, of a daily plan.
    pub at: Option<String>,
    /// Whose clocks show that time.
    pub zone: Option<String>,
    /// What ends it; null for one that stands until it is removed.
    pub until: Option<Until>,
    /// When the person added it.
    pub added: Time,
    /// When it asks next; null while a daily plan waits for that to be reckoned.
    pub next: Option<Time>,
    /// When it asked last; null before the first time.
    pub last: Option<Time>,
    /// How many questions it asked so far.
    pub asked: u64,
}

/// The plans, oldest first.
#[must_use]
pub fn plans(rows: &dyn Rows) -> Vec<PlanView> {
    schedule::all(rows).into_iter().map(view).collect()
}

fn view(kept: KeptPlan) -> PlanView {
    let plan = kept.plan;
    let (every_ms, at, zone) = match plan.when {
        PlannedWhen::Every { span } => {
            let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            (Some(ms), None, None)
        }
        PlannedWhen::Daily { hour, minute, zone } => {
            (None, Some(format!("{hour:02}:{minute:02}")), Some(zone))
        }
    };
    let (trade, until) = match plan.about {
        Planned::Trade { trade } => (Some(trade), Some(plan.until)),
        Planned::AllPending => (None, None),
    };
    let everybody = plan.parties.is_empty();
    let is_asked = |p: &&AskedParty| everybody || plan.parties.contains(p);
    PlanView {
        id: kept.id,
        trade,
        parties: AskedParty::ALL.iter().filter(is_asked).copied().collect(),
        every_ms,
        at,
        zone,
        until,
        added: kept.added,
        next: kept.next,
        last: kept.last,
        asked: kept.asked,
    }
}
