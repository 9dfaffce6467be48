//! The merchant's own system: what the book wants it to be told or asked (`tradepost_parties::fulfilment`) is
//! given to configured commands, beside all else. Their answers come back to the loop, which records
//! them. A command may run twice for one job, when this program ended between its end and the record;
//! its answer counts once.

pub(crate) mod report;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;
use tradepost_agent::command::{self, CommandLimits, Program};
use tradepost_agent::host::{HostError, fresh_ids};
use tradepost_agent::run::Background;
use tradepost_letters::untrusted;
use tradepost_parties::fulfilment::{self, Job, JobKind, JobResult};
use tradepost_parties::kernel::book;
use tradepost_parties::roles::jobs::done;
use tradepost_proof::joined;
use tradepost_statements::{Time, TradeRef};
use tradepost_trades::rows::Rows;

use crate::book::{Book, BookHost, BookNotice, DecidedAbout};
use crate::config::{Commands, Config};

/// A job whose command has ended.
pub(crate) struct EndedJob {
    job: Job,
    result: JobResult,
}

/// The commands that run.
#[derive(Default)]
pub(crate) struct Jobs {
    tasks: JoinSet<EndedJob>,
    /// What is told about one trade is told one after the other.
    trades: BTreeSet<TradeRef>,
}

/// Jobs that are looked at to find some that may run: more than can wait behind others of their
/// trades.
const LOOK_AHEAD: usize = 256;

impl Background<Book> for Jobs {
    type Ended = EndedJob;

    /// What waits for room or for another of its trade is looked at when a command ends.
    fn start_what_is_due(&mut self, host: &Arc<BookHost>) -> Option<Time> {
        let now = host.now();
        let at_once = host.party().config.commands.at_once;
        let is_full = self.tasks.len() >= at_once;
        let look_ahead = if is_full { 0 } else { LOOK_AHEAD };
        let (due, next) = host.view(|rows| {
            let due = fulfilment::due(rows, now, look_ahead);
            (due, fulfilment::next_due_after(rows, now))
        });
        for job in due {
            if self.tasks.len() >= at_once {
                break;
            }
            if self.trades.insert(job.trade.clone()) {
                let host = Arc::clone(host);
                self.tasks.spawn(async move {
                    let result = run(&host, &job).await;
                    EndedJob { job, result }
                });
            }
        }
        next
    }

    async fn next(&mut self) -> EndedJob {
        match self.tasks.join_next().await {
            Some(ended) => {
                let ended = joined(std::future::ready(ended)).await;
                self.trades.remove(&ended.job.trade);
                ended
            }
            None => std::future::pending().await,
        }
    }

    async fn take(&mut self, host: &Arc<BookHost>, ended: EndedJob) -> Result<(), HostError> {
        host.work(move |host| take(host, &ended)).await
    }

    fn is_at_work(&self) -> bool {
        !self.tasks.is_empty()
    }

    async fn end(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn run(host: &Arc<BookHost>, job: &Job) -> JobResult {
    let told = {
        let job = job.clone();
        let what =
            move |host: &BookHost| host.view(|rows| what_to_run(rows, &host.party().config, &job));
        host.work(what).await
    };
    let (program, input) = match told {
        Ok(told) => told,
        Err(why) => return JobResult::Failed(why),
    };
    let Commands { timeout, .. } = host.party().config.commands;
    let limits = CommandLimits {
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
fn take(host: &BookHost, ended: &EndedJob) -> Result<(), HostError> {
    match record(host, &ended.job, &ended.result) {
        Err(e) if e.is_of_the_decision() => {
            let failed = JobResult::Failed(e.to_string());
            record(host, &ended.job, &failed)
        }
        other => other,
    }
}

fn record(host: &BookHost, job: &Job, result: &JobResult) -> Result<(), HostError> {
    let now = host.now();
    let jitter: f64 = rand::random();
    let book = host.party();
    host.write(|page| {
        let mut ids = fresh_ids()?;
        let settings = &book.config.settings;
        let change = done(
            settings,
            page.rows(),
            &job.id,
            result,
            now,
            jitter,
            &mut ids,
        );
        let notice = BookNotice::Job(change.outcome.clone());
        let decision = book.decision(DecidedAbout::Time, change, now, notice);
        page.record(decision, &[], now, &mut ids)?;
        Ok(())
    })
}
