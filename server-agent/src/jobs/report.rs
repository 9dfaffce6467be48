//! The jobs as the operator sees them, and what the operator can do.

use serde_json::{Value, json};
use tradepost_agent::host::{HostError, fresh_ids};
use tradepost_agent::rpc::Reply;
use tradepost_parties::fulfilment::{self, Job, Stage};
use tradepost_parties::roles::jobs;
use tradepost_trades::rows::Rows;

use crate::book::{BookHost, BookNotice, DecidedAbout};

/// Shown at once.
const MOST: usize = 100_000;

/// All jobs that are not done yet.
pub(crate) fn list(rows: &dyn Rows) -> Vec<Value> {
    fulfilment::all(rows, MOST).iter().map(shown).collect()
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
pub(crate) fn retry(host: &BookHost, name: &str) -> Result<Reply<Value>, HostError> {
    let all = host.view(|rows| fulfilment::all(rows, MOST));
    // Rounds of progress have names of their own, and one id.
    let named = all.iter().find(|j| j.name() == name || j.id == name);
    let Some(meant) = named else {
        let text = format!("there is no job {name:?}; `tradepost-server jobs` lists them");
        return Ok(Reply::Refused(text));
    };
    let now = host.now();
    let book = host.party();
    let waited = host.write(|page| {
        let mut ids = fresh_ids()?;
        let settings = &book.config.settings;
        let change = jobs::retry_now(settings, page.rows(), &meant.id, now, &mut ids);
        let Some(change) = change else {
            return Ok(false);
        };
        let decision = book.decision(DecidedAbout::Time, change, now, BookNotice::None);
        page.record(decision, &[], now, &mut ids)?;
        Ok::<_, HostError>(true)
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
