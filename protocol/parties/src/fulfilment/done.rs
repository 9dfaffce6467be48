//! What came of a job: its events, which are lines of the merchant's own system, or a try later.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tradepost_statements::wire;

use super::input::VERSION;
use super::{Job, JobKind, Stage, finish, goods, look_at, put, queue_round, take_out};
use crate::kernel::{PartyCase, PartyOutcome, book};

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    /// It ended well, and this was its standard output.
    Answered(Vec<u8>),
    /// It did not, and why, in words for people.
    Failed(String),
}

/// Reasons are kept to that many characters: enough to know what is wrong.
const LONGEST_REASON: usize = 500;

/// Events that one answer may hold: a trade takes few steps at once.
const MOST_EVENTS: usize = 100;

/// The events that a job's answer holds, and its place among the jobs is empty: they may end the trade.
/// Goods are no events; they are sent.
pub(crate) fn events(
    case: &mut PartyCase<'_>,
    job: &Job,
    output: &[u8],
) -> Result<Vec<Value>, String> {
    let mut answer = read(output)?;
    match job.kind {
        JobKind::Goods => {
            goods::send(case, job, &answer)?;
            return Ok(Vec::new());
        }
        JobKind::HandOver | JobKind::Progress | JobKind::Changed | JobKind::CalledOff => {}
    }
    only(&answer, &["version", "events"])?;
    let events = match answer.remove("events") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(events)) if events.len() <= MOST_EVENTS => events,
        Some(Value::Array(_)) => return Err(format!("events: more than {MOST_EVENTS} at once")),
        Some(_) => return Err("events: must be a list of objects".to_owned()),
    };
    match job.kind {
        JobKind::Progress | JobKind::Changed => take_out(case, job),
        JobKind::HandOver | JobKind::CalledOff | JobKind::Goods => finish(case, job),
    }
    Ok(events)
}

/// After its events were taken: whoever is asked for progress is asked again.
pub(crate) fn next_round(case: &mut PartyCase<'_>, job: &Job) {
    if let (JobKind::HandOver | JobKind::Progress, Some(trade)) = (job.kind, case.trade(&job.trade))
    {
        queue_round(case, &trade, job);
        // What changed while it ran was not in what it read.
        look_at(case, &trade);
    }
}

/// An answer; none at all is one without members.
fn read(output: &[u8]) -> Result<Map<String, Value>, String> {
    if output.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    let value = wire::parse_json(output.trim_ascii()).map_err(|e| {
        let text = e.to_string();
        text.replacen("the statement", "the command's output", 1)
    })?;
    let Value::Object(answer) = value else {
        return Err("the command's output is no JSON object".to_owned());
    };
    match answer.get("version") {
        None => Ok(answer),
        Some(version) if *version == json!(VERSION) => Ok(answer),
        Some(_) => Err(format!("version: this server knows version {VERSION}")),
    }
}

/// A mistyped member would lose a fact.
pub(super) fn only(answer: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match answer.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let name: String = name.chars().take(64).collect();
            Err(format!(
                "unknown member {name:?}: the members are {}",
                known.join(", ")
            ))
        }
    }
}

/// An event as a line of the merchant's own system: about this job's trade, under a key that is the
/// same whenever the job gives the same answer.
pub(crate) fn line_of(job: &Job, n: usize, event: &Value) -> Result<Value, String> {
    let Value::Object(event) = event else {
        return Err(format!("events[{n}]: must be an object"));
    };
    let mut line = event.clone();
    for (name, own) in [
        ("key", json!(format!("job:{}:{n}", job.name()))),
        ("shop", json!(job.trade.shop)),
        ("trade", json!(job.trade.id)),
    ] {
        if line.insert(name.to_owned(), own).is_some() {
            return Err(format!(
                "events[{n}]: leave {name} out: it is the job's own"
            ));
        }
    }
    Ok(Value::Object(line))
}

/// It is run again later; the operator is told once when that goes on for long.
pub(crate) fn later(
    case: &mut PartyCase<'_>,
    mut job: Job,
    why: &str,
    jitter: f64,
) -> PartyOutcome {
    take_out(case, &job);
    let waits = case.settings.jobs.clone();
    let doubled = 1_u32 << job.attempts.min(16);
    job.attempts = job.attempts.saturating_add(1);
    let wait = waits
        .retry_first
        .saturating_mul(doubled)
        .min(waits.retry_longest)
        // A wait of nothing would never end.
        .max(Duration::from_millis(1));
    let due = case
        .now
        .plus(wait.mul_f64(1.0 + 0.1 * jitter.clamp(0.0, 1.0)));
    let why: String = why.chars().take(LONGEST_REASON).collect();
    job.stage = Stage::Waits { due };
    job.last_error = Some(why.clone());
    let waited = case.now.since(*job.failing_since.get_or_insert(case.now));
    let tell = waited >= case.settings.timers.tell_operator && !job.operator_told;
    job.operator_told |= tell;
    put(case, &job);
    if tell {
        return PartyOutcome::JobFailsForLong {
            job: job.name(),
            hours: waited.as_secs() / 3600,
            why,
        };
    }
    PartyOutcome::JobFailed {
        job: job.name(),
        why,
        next: due,
    }
}

/// What is read from a row that a job left.
pub(super) fn by_id(case: &PartyCase<'_>, id: &str) -> Option<Job> {
    case.read(&book::job_key(id))
}
