//! Jobs for the merchant's own system: its fulfilment (E8), and the goods of electronic deliveries
//! (E2). What is to be told or asked is a row, written with the change that makes it due; whoever
//! runs commands takes jobs from [`due`], gives each [`input_of`] it, and brings what came of it to
//! [`done`]. A job that was under way when the process ended is still due: it runs again under the
//! same name.
//!
//! ```text
//!                       ┌── failed, later ──┐
//!                       ▼                   │
//! a trade is saved ─► queued ─► (command) ──┴─► its events ─► done
//!                                               its goods ──► a letter ─(accepted)─► delivered
//! ```
//!
//! It runs nothing itself, and knows nothing of commands, processes or e-mail.

mod done;
mod goods;
mod input;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::order::LineQuantity;
use tradepost_statements::progress::Progress as _;
use tradepost_statements::{OrderState, StatementId, Time, TradeRef};
use tradepost_trades::rows::Rows;

use crate::kernel::book::{self, Instructed, JOB_DUE, JOBS, PartyTrade, ShopPart};
use crate::kernel::{PartyCase, PartyOutcome};
use crate::shop::has_shipped;

pub use done::JobResult;
pub(crate) use done::{events, later, line_of, next_round};
pub use goods::LetterEnd;
pub(crate) use goods::letter_ended;
pub use input::input_of;

/// One thing that the merchant's own system is told or asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name, the same at every try: what was done under it before need not be done again.
    pub id: String,
    /// A trade of this server's own shop.
    pub trade: TradeRef,
    /// What is told or asked; it decides what an answer may hold.
    pub kind: JobKind,
    /// How often it was asked before, of what is asked again and again.
    #[serde(default)]
    pub round: u32,
    /// When it was queued; a try that fails leaves it as it is.
    pub queued: Time,
    /// Whether it is to be run, or its letter is out.
    #[serde(flatten)]
    pub stage: Stage,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u32,
    /// When a try failed first; none: none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Time>,
    /// Why it failed the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Whether the operator was told that it fails.
    #[serde(default)]
    pub operator_told: bool,
}

/// What a job tells the merchant's own system, or asks it for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobKind {
    /// Make, pick and ship this.
    HandOver,
    /// How far is it?
    Progress,
    /// Less is to be shipped: the buyer cancelled some of it.
    Changed,
    /// Stop: the trade was called off.
    CalledOff,
    /// The goods of an electronic delivery.
    Goods,
}

impl JobKind {
    /// Its word, as it stands in ids and in what commands read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            JobKind::HandOver => "hand-over",
            JobKind::Progress => "progress",
            JobKind::Changed => "changed",
            JobKind::CalledOff => "called-off",
            JobKind::Goods => "goods",
        }
    }
}

/// What a job waits for: its turn, or the end of its letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "kebab-case")]
pub enum Stage {
    /// It is to be run.
    Waits {
        /// Not before this; also the key of its row among those that are due.
        due: Time,
    },
    /// The goods are there; the letter that brings them was not accepted yet.
    LetterIsOut {
        /// The `delivery-status` with the goods, which that letter carries.
        statement: StatementId,
    },
}

impl Job {
    /// What the merchant's own system knows it by: rounds are told apart.
    #[must_use]
    pub fn name(&self) -> String {
        match self.kind {
            JobKind::Progress => format!("{}.{}", self.id, self.round),
            JobKind::HandOver | JobKind::Changed | JobKind::CalledOff | JobKind::Goods => {
                self.id.clone()
            }
        }
    }

    /// When it is to be run.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        match self.stage {
            Stage::Waits { due } => Some(due),
            Stage::LetterIsOut { .. } => None,
        }
    }
}

/// One of each kind for a trade: ids of trades are the shop's own.
fn id_of(trade: &TradeRef, kind: JobKind) -> String {
    format!("{}.{}", trade.id, kind.word())
}

/// Has a job done from a time on, unless it is queued or was done before.
pub(crate) fn queue(case: &mut PartyCase<'_>, trade: &PartyTrade, kind: JobKind, at: Time) {
    let id = id_of(&trade.trade, kind);
    if was_queued(case, &id) {
        return;
    }
    let job = new(case, trade, id, kind, at);
    put(case, &job);
}

fn new(case: &PartyCase<'_>, trade: &PartyTrade, id: String, kind: JobKind, due: Time) -> Job {
    Job {
        id,
        trade: trade.trade.clone(),
        kind,
        round: 0,
        queued: case.now,
        stage: Stage::Waits { due },
        attempts: 0,
        failing_since: None,
        last_error: None,
        operator_told: false,
    }
}

/// Asks for progress after a while, and again, until there can be none.
fn queue_round(case: &mut PartyCase<'_>, trade: &PartyTrade, after: &Job) {
    let every = case.settings.jobs.fulfilment.as_ref();
    let Some(every) = every.and_then(|f| f.progress_every) else {
        return;
    };
    if !still_moves(trade, case.now) {
        return;
    }
    let due = case.now.plus(every);
    let id = id_of(&trade.trade, JobKind::Progress);
    let job = Job {
        round: after.round.saturating_add(1),
        ..new(case, trade, id, JobKind::Progress, due)
    };
    put(case, &job);
}

fn was_queued(case: &PartyCase<'_>, id: &str) -> bool {
    let rows = case.rows();
    let known = |key: String| rows.get(key.as_bytes()).is_some();
    known(book::job_key(id)) || known(book::job_done_key(id))
}

/// Writes a job with its place in time.
fn put(case: &mut PartyCase<'_>, job: &Job) {
    if let Some(due) = job.due() {
        case.mark(&book::job_due_key(due, &job.id));
    }
    case.put(book::job_key(&job.id), job);
}

/// Takes a job out of the rows; it is not queued again.
fn finish(case: &mut PartyCase<'_>, job: &Job) {
    take_out(case, job);
    case.mark(&book::job_done_key(&job.id));
}

fn take_out(case: &mut PartyCase<'_>, job: &Job) {
    if let Some(due) = job.due() {
        case.delete(book::job_due_key(due, &job.id));
    }
    case.delete(book::job_key(&job.id));
}

/// A job that is wanted no longer.
fn drop_waiting(case: &mut PartyCase<'_>, trade: &TradeRef, kind: JobKind) {
    let found = case.read::<Job>(&book::job_key(&id_of(trade, kind)));
    // What has left as a letter cannot be taken back.
    if let Some(job) = found.filter(|job| job.due().is_some()) {
        finish(case, &job);
    }
}

/// What the merchant's own system has to be told of a trade as it stands now. Called whenever a
/// trade is saved, so that no way of changing it can forget.
pub(crate) fn look_at(case: &mut PartyCase<'_>, trade: &PartyTrade) {
    let Some(shop) = trade.shop.as_ref().filter(|_| case.is_own_shop(trade)) else {
        return;
    };
    let now = case.now;
    let state = shop.order.as_ref().and_then(|t| t.standing.highest);
    let has_ended = state.is_some_and(|s| s.is_end());
    let may_be_made = !has_ended && shop.instructed == Instructed::Yes;
    if goods::come_by_command(case, shop) {
        // Their command is all the fulfilment that they need.
        if has_ended || !goods::wait_to_leave(trade) {
            drop_waiting(case, &trade.trade, JobKind::Goods);
        } else if may_be_made && goods::may_leave(case, trade, shop) {
            queue(case, trade, JobKind::Goods, now);
        }
        return;
    }
    if case.settings.jobs.fulfilment.is_none() {
        return;
    }
    if may_be_made {
        queue(case, trade, JobKind::HandOver, now);
        tell_of_changes(case, trade, shop);
    }
    if !has_ended {
        return;
    }
    drop_changes(case, trade);
    let was_handed_over = was_queued(case, &id_of(&trade.trade, JobKind::HandOver));
    drop_waiting(case, &trade.trade, JobKind::HandOver);
    if !still_moves(trade, now) {
        drop_waiting(case, &trade.trade, JobKind::Progress);
    }
    if was_handed_over && state == Some(OrderState::Cancelled) {
        queue(case, trade, JobKind::CalledOff, now);
    }
}

/// What was told of the lines that the buyer cancelled.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Changes {
    round: u32,
    given_back: Vec<LineQuantity>,
}

/// Whoever has taken the trade over is to ship no more than is left of it. Each change is a job of
/// its own: one that runs meanwhile may have read what was so before.
fn tell_of_changes(case: &mut PartyCase<'_>, trade: &PartyTrade, shop: &ShopPart) {
    let hand_over = id_of(&trade.trade, JobKind::HandOver);
    let still_waits = waiting(case.rows(), &hand_over).is_some();
    let key = book::job_changes_key(&trade.trade.id);
    let told: Changes = case.read(&key).unwrap_or_default();
    if still_waits || told.given_back == shop.given_back || has_shipped(trade) {
        return;
    }
    let changes = Changes {
        round: told.round.saturating_add(1),
        given_back: shop.given_back.clone(),
    };
    let id = change_id(&trade.trade, changes.round);
    let job = new(case, trade, id, JobKind::Changed, case.now);
    put(case, &job);
    case.put(key, &changes);
}

fn change_id(trade: &TradeRef, round: u32) -> String {
    format!("{}.{round}", id_of(trade, JobKind::Changed))
}

fn drop_changes(case: &mut PartyCase<'_>, trade: &PartyTrade) {
    let key = book::job_changes_key(&trade.trade.id);
    let told: Changes = case.read(&key).unwrap_or_default();
    for round in 1..=told.round {
        if let Some(job) = waiting(case.rows(), &change_id(&trade.trade, round)) {
            take_out(case, &job);
        }
    }
}

/// Nobody asks for good about a parcel that left and was never heard of again.
const PARCELS_ARE_ASKED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// Whether the merchant's own system may have more to tell: until the order track has ended, and
/// the parcels that this server itself carries (E27).
fn still_moves(trade: &PartyTrade, now: Time) -> bool {
    let order = trade.shop.as_ref().and_then(|s| s.order.as_ref());
    let Some(end) = order.filter(|t| t.standing.highest.is_some_and(|s| s.is_end())) else {
        return true;
    };
    let mut parcels = trade.carrier.iter().flat_map(|c| c.parcels.values());
    let is_under_way = parcels.any(|t| !t.standing.highest.is_some_and(|s| s.is_end()));
    is_under_way
        && end.last.state != OrderState::Cancelled
        && now.since(end.last.at) < PARCELS_ARE_ASKED_FOR
}

/// The jobs that are due, at most `n`, the one that has waited longest first.
#[must_use]
pub fn due(rows: &dyn Rows, now: Time, n: usize) -> Vec<Job> {
    rows.scan_from(JOB_DUE.as_bytes(), JOB_DUE.as_bytes(), n)
        .iter()
        .filter_map(|(key, _)| book::read_job_due_key(key))
        .take_while(|(at, _)| *at <= now)
        .filter_map(|(_, id)| waiting(rows, &id))
        .collect()
}

/// When a job is due next.
#[must_use]
pub fn next_due(rows: &dyn Rows) -> Option<Time> {
    let first = rows.scan_from(JOB_DUE.as_bytes(), JOB_DUE.as_bytes(), 1);
    let (key, _) = first.first()?;
    book::read_job_due_key(key).map(|(at, _)| at)
}

/// When a job is due next after this time: of those that are due now, the caller knows.
#[must_use]
pub fn next_due_after(rows: &dyn Rows, now: Time) -> Option<Time> {
    let later = Time::from_unix_millis(now.unix_millis().saturating_add(1));
    let from = book::job_due_key(later, "");
    let first = rows.scan_from(JOB_DUE.as_bytes(), from.as_bytes(), 1);
    let (key, _) = first.first()?;
    book::read_job_due_key(key).map(|(at, _)| at)
}

/// A job that is not done yet.
#[must_use]
pub fn waiting(rows: &dyn Rows, id: &str) -> Option<Job> {
    book::read(rows, &book::job_key(id))
}

/// All jobs that are not done yet, at most `limit`.
#[must_use]
pub fn all(rows: &dyn Rows, limit: usize) -> Vec<Job> {
    rows.scan_from(JOBS.as_bytes(), JOBS.as_bytes(), limit)
        .iter()
        .map(|(_, value)| book::from_row(value))
        .collect()
}

/// Has a job run at once that waits for another try. None: there is no such job.
pub(crate) fn retry_now(case: &mut PartyCase<'_>, id: &str) -> Option<PartyOutcome> {
    let mut job = waiting(case.rows(), id).filter(|job| job.due().is_some())?;
    take_out(case, &job);
    job.stage = Stage::Waits { due: case.now };
    put(case, &job);
    Some(PartyOutcome::WasDue(format!("{} is tried at once", job.id)))
}
