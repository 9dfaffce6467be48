//! What came of a job for the merchant's own system, and of a letter that brings goods.

use tradepost_statements::{StatementId, Time};
use tradepost_trades::rows::Rows;

use super::{finish, settle};
use crate::emit::{self, LineRefusal};
use crate::fulfilment::{self, Job, JobResult, LetterEnd};
use crate::kernel::{Ignored, PartyCase, PartyChange, PartyOutcome, PartySettings};
use tradepost_trades::ids::FreshIds;

/// Decides what a job's result means. `jitter`, from 0 to 1, spreads the tries. An answer counts
/// as a whole: if one of its events is refused, none is recorded, and the job is run again. The
/// result of a job that is not waited for any more changes nothing.
pub fn done(
    settings: &PartySettings,
    rows: &dyn Rows,
    id: &str,
    result: &JobResult,
    now: Time,
    jitter: f64,
    ids: &mut FreshIds,
) -> PartyChange {
    let Some(job) = fulfilment::waiting(rows, id).filter(|job| job.due().is_some()) else {
        let case = PartyCase::new(settings, rows, now, ids);
        return finish(case, Ignored::JobIsOver(id.to_owned()).into());
    };
    let why = match result {
        JobResult::Answered(output) => {
            let mut case = PartyCase::new(settings, rows, now, ids);
            match apply(&mut case, &job, output) {
                Ok(()) => return finish(case, PartyOutcome::JobDone(job.name())),
                Err(why) => why,
            }
        }
        JobResult::Failed(why) => why.clone(),
    };
    // A new case: what was prepared before the fault was found is forgotten.
    let mut case = PartyCase::new(settings, rows, now, ids);
    let outcome = fulfilment::later(&mut case, job, &why, jitter);
    finish(case, outcome)
}

fn apply(case: &mut PartyCase<'_>, job: &Job, output: &[u8]) -> Result<(), String> {
    for (n, event) in fulfilment::events(case, job, output)?.iter().enumerate() {
        let line = fulfilment::line_of(job, n, event)?;
        emit::take(case, &line).map_err(|why: LineRefusal| format!("events[{n}]: {why}"))?;
        // The next event may build on what follows of this one.
        let _ = settle(case, PartyOutcome::JobDone(job.name()));
    }
    fulfilment::next_round(case, job);
    Ok(())
}

/// Decides what the end of a letter means: the goods in it are delivered, or they are not and the
/// operator is told. None: the letter brings no goods.
#[must_use]
pub fn letter_ended(
    settings: &PartySettings,
    rows: &dyn Rows,
    statement: StatementId,
    end: &LetterEnd,
    now: Time,
    ids: &mut FreshIds,
) -> Option<PartyChange> {
    let mut case = PartyCase::new(settings, rows, now, ids);
    let outcome = fulfilment::letter_ended(&mut case, statement, end)?;
    Some(finish(case, outcome))
}

/// Has a job run at once that waits for another try. None: there is no such job.
#[must_use]
pub fn retry_now(
    settings: &PartySettings,
    rows: &dyn Rows,
    id: &str,
    now: Time,
    ids: &mut FreshIds,
) -> Option<PartyChange> {
    let mut case = PartyCase::new(settings, rows, now, ids);
    let outcome = fulfilment::retry_now(&mut case, id)?;
    Some(finish(case, outcome))
}
