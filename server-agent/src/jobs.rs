//! The merchant's own system: what the book wants it to be told or asked (`tradepost_parties::fulfilment`) is
//! given to configured commands, beside all else. Their answers come back to the loop, which records
//! them. A command may run twice for one job, when this program ended between its end and the record;
//! its answer counts once.

pub(crate) mod report;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;
use tradepost_agent::command::{self, Limits, Program};
use tradepost_letters::untrusted;
use tradepost_parties::fulfilment;
use tradepost_parties::fulfilment::{Job, JobKind, JobResult};
use tradepost_parties::kernel::{FreshIds, Ignored, PartyOutcome, book};
use tradepost_parties::roles::jobs;
use tradepost_statements::{Time, TradeRef};
use tradepost_trades::rows::Rows;

use crate::book::{BookError, Input, view};
use crate::config::{Commands, Config};
use crate::desk::{Desk, fresh_ids};

/// A job whose command has ended.
pub(crate) struct Ended {
    job: Job,
    result: JobResult,
}

/// The commands that run.
#[derive(Default)]
pub(crate) struct Running {
    tasks: JoinSet<Ended>,
    /// What is told about one trade is told one after the other.
    trades: BTreeSet<TradeRef>,
}

/// Jobs that are looked at to find some that may run: more than can wait behind others of their
/// trades.
const LOOK_AHEAD: usize = 256;

impl Running {
    /// Starts what is due, as far as there is room; says when to look again. What waits for room or
    /// for another of its trade is looked at when a command ends.
    pub(crate) fn start_what_is_due(&mut self, desk: &Arc<Desk>) -> Option<Time> {
        let now = desk.now();
        let at_once = desk.config.commands.at_once;
        let is_full = self.tasks.len() >= at_once;
        let look_ahead = if is_full { 0 } else { LOOK_AHEAD };
        let (due, next) = view(&*desk.book, |rows| {
            let due = fulfilment::due(rows, now, look_ahead);
            (due, fulfilment::next_due_after(rows, now))
        });
        for job in due {
            if self.tasks.len() >= at_once {
                break;
            }
            if self.trades.insert(job.trade.clone()) {
                let desk = Arc::clone(desk);
                self.tasks.spawn(async move {
                    let result = run(&desk, &job).await;
                    Ended { job, result }
                });
            }
        }
        next
    }

    /// Waits for a command to end; for ever while none runs.
    pub(crate) async fn next(&mut self) -> Ended {
        match self.tasks.join_next().await {
            Some(Ok(ended)) => {
                self.trades.remove(&ended.job.trade);
                ended
            }
            Some(Err(broken)) => std::panic::resume_unwind(broken.into_panic()),
            None => std::future::pending().await,
        }
    }

    /// Ends them all. Nothing of them was recorded: they run again at the next start.
    pub(crate) async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn run(desk: &Arc<Desk>, job: &Job) -> JobResult {
    let told = {
        let job = job.clone();
        desk.work(move |desk| view(&*desk.book, |rows| what_to_run(rows, &desk.config, &job)))
            .await
    };
    let (program, input) = match told {
        Ok(told) => told,
        Err(why) => return JobResult::Failed(why),
    };
    let Commands { timeout, .. } = desk.config.commands;
    let limits = Limits {
        time: timeout,
        output: MOST_OUTPUT,
    };
    let mut text = input.to_string();
    text.push('\n');
    let ran = command::run(&program, text.as_bytes(), limits).await;
    let mut complaints = ran.errors.lines().filter(|l| !l.trim().is_empty());
    for line in complaints.clone().take(MOST_COMPLAINTS) {
        tracing::warn!("{}: {}", job.name(), untrusted::show(&short(line)));
    }
    match ran.output {
        Ok(output) => JobResult::Answered(output),
        Err(failed) => JobResult::Failed(match complaints.next_back() {
            Some(line) => format!("{failed}: {}", untrusted::show(&short(line))),
            None => failed.to_string(),
        }),
    }
}

/// A command's answer: some hundred events at most.
const MOST_OUTPUT: usize = 256 * 1024;

/// Lines of standard error that are logged of each run.
const MOST_COMPLAINTS: usize = 20;

fn short(line: &str) -> String {
    const LONGEST: usize = 300;
    line.chars().take(LONGEST).collect()
}

/// The command of a job, and what it reads.
fn what_to_run(rows: &dyn Rows, config: &Config, job: &Job) -> Result<(Program, Value), String> {
    let commands = &config.commands;
    let program = match job.kind {
        JobKind::HandOver | JobKind::Progress | JobKind::Changed | JobKind::CalledOff => {
            let none = "there is no [fulfilment] command in the configuration any more";
            commands.fulfilment.clone().ok_or(none)?
        }
        JobKind::Goods => {
            let trade = book::load(rows, &job.trade);
            let shop = trade.as_ref().and_then(|t| t.shop.as_ref());
            let method = shop.map(|s| s.record.delivery.method);
            let command = method.and_then(|m| commands.goods.get(&m));
            let none = "there is no goods_command in the configuration any more";
            command.cloned().ok_or(none)?
        }
    };
    let input = fulfilment::input_of(rows, job).ok_or("its trade is not in the book")?;
    Ok((program, input))
}

/// Records what came of a job.
pub(crate) fn take(desk: &Desk, ended: &Ended) -> Result<(), BookError> {
    let ids = fresh_ids();
    let outcome = match record(desk, &ended.job, &ended.result, &ids) {
        Err(e @ (BookError::DecisionTooLarge(_) | BookError::Unsignable(_))) => {
            let failed = JobResult::Failed(e.to_string());
            record(desk, &ended.job, &failed, &ids)?
        }
        other => other?,
    };
    tell(&outcome);
    desk.bell.ring();
    Ok(())
}

fn record(
    desk: &Desk,
    job: &Job,
    result: &JobResult,
    ids: &FreshIds,
) -> Result<PartyOutcome, BookError> {
    let now = desk.now();
    let jitter: f64 = rand::random();
    let settings = &desk.config.settings;
    let mut outcome = PartyOutcome::Ignored(Ignored::NothingDue);
    desk.book.decide(&mut |page| {
        let mut ids = ids.clone();
        let change = jobs::done(
            settings,
            page.rows(),
            &job.id,
            result,
            now,
            jitter,
            &mut ids,
        );
        outcome = change.outcome.clone();
        page.record(&Input::Time, change, now)
    })?;
    Ok(outcome)
}

/// One line for the operator.
pub(crate) fn tell(outcome: &PartyOutcome) {
    let text = untrusted::show(&outcome.to_string());
    let is_serious = matches!(
        outcome,
        PartyOutcome::JobFailsForLong { .. } | PartyOutcome::GoodsNotDelivered { .. }
    );
    if is_serious {
        tracing::error!("{text}; `tradepost-server jobs` shows all that wait");
    } else if matches!(outcome, PartyOutcome::JobFailed { .. }) {
        tracing::warn!("{text}");
    } else {
        tracing::info!("{text}");
    }
}
