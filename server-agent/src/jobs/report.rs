//! The jobs as the operator sees them, and what the operator can do.

use serde_json::{Value, json};
use tradepost_parties::server::job::{self, Job, Stage};

use crate::book::{BookError, Input, view};
use crate::desk::{Desk, fresh_ids};
use crate::socket::Reply;

/// Shown at once.
const MOST: usize = 100_000;

/// All jobs that are not done yet.
pub(crate) fn list(desk: &Desk) -> Vec<Value> {
    let jobs = view(&*desk.book, |rows| fulfilment::all(rows, MOST));
    jobs.iter().map(shown).collect()
}

fn shown(job: &Job) -> Value {
    let mut value = json!({
        "name": job.name(),
        "trade": job.trade,
        "kind": job.kind,
        "attempts": job.attempts,
        "queued": job.queued,
    });
    let (stage, more) = match job.stage {
        Stage::Waits { due } => ("waits", ("due", json!(due))),
        Stage::LetterIsOut { statement } => ("letter-is-out", ("statement", json!(statement))),
    };
    value["stage"] = json!(stage);
    value[more.0] = more.1;
    if let Some(why) = &job.last_error {
        value["last_error"] = json!(why);
        value["failing_since"] = json!(job.failing_since);
    }
    value
}

/// Has a job run at once.
pub(crate) fn retry(desk: &Desk, name: &str) -> Result<Reply, BookError> {
    let all = view(&*desk.book, |rows| fulfilment::all(rows, MOST));
    // Rounds of progress have names of their own, and one id.
    let named = all.iter().find(|j| j.name() == name || j.id == name);
    let Some(meant) = named else {
        let text = format!("there is no job {name:?}; `tradepost-server jobs` lists them");
        return Ok(Reply::Refused(text));
    };
    let now = desk.now();
    let ids = fresh_ids();
    let mut waited = false;
    desk.book.decide(&mut |page| {
        let settings = &desk.config.settings;
        let change = jobs::retry_now(settings, page.rows(), &meant.id, now, &mut ids.clone());
        waited = change.is_some();
        match change {
            Some(change) => page.record(&Input::Time, change, now),
            None => Ok(()),
        }
    })?;
    Ok(if waited {
        Reply::Answer(json!(format!("{} is run at once", meant.name())))
    } else {
        let text = format!(
            "the command of {name} has ended; its letter waits: `tradepost-server outbox retry`"
        );
        Reply::Refused(text)
    })
}
