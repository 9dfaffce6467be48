//! Lines of the merchant's own system, and the statements for its own mails.

use tradepost_statements::{StatementId, Time};
use tradepost_trades::rows::Rows;

use super::finish;
use crate::emit::attach::Wanted;
use crate::emit::{self, LineRefusal, TakenLine};
use crate::kernel::{
    Ignored, PartyCase, PartyChange, PartyOutcome, PartySettings, StatementToSend,
};
use tradepost_trades::ids::FreshIds;

/// What comes of a line: the answer is true once the change is recorded.
#[derive(Debug)]
pub struct Emitted {
    /// What to record and send; nothing of a line that was refused.
    pub change: PartyChange,
    /// The statement that the line made, or why it made none.
    pub answer: Result<StatementId, LineRefusal>,
}

/// Decides about one line: a JSON object.
pub fn emit(
    settings: &PartySettings,
    rows: &dyn Rows,
    line: &[u8],
    now: Time,
    ids: &mut FreshIds,
) -> Emitted {
    let mut case = PartyCase::new(settings, rows, now, ids);
    match emit::decide(&mut case, line) {
        Ok(TakenLine::New(id)) => Emitted {
            change: finish(case, PartyOutcome::Emitted(id)),
            answer: Ok(id),
        },
        Ok(TakenLine::Before(id)) => Emitted {
            change: finish(case, PartyOutcome::EmittedBefore(id)),
            answer: Ok(id),
        },
        Err(refusal) => Emitted {
            change: of_a_refusal(settings, rows, now, ids),
            answer: Err(refusal),
        },
    }
}

/// What comes of it: the answer is true once the change is recorded.
#[derive(Debug)]
pub struct AttachedStatement {
    /// What to record; the statement is not in `send`, it goes with the mail.
    pub change: PartyChange,
    /// The statement that the mail carries, or why there is none.
    pub answer: Result<Box<StatementToSend>, LineRefusal>,
}

/// The statement for a mail to the buyer: the one that waits for it, else the present status again.
pub fn attach(
    settings: &PartySettings,
    rows: &dyn Rows,
    wanted: &Wanted,
    now: Time,
    ids: &mut FreshIds,
) -> AttachedStatement {
    let mut case = PartyCase::new(settings, rows, now, ids);
    match emit::attach::take(&mut case, wanted) {
        Ok(sending) => AttachedStatement {
            change: finish(case, PartyOutcome::Emitted(sending.statement.id)),
            answer: Ok(Box::new(sending)),
        },
        Err(refusal) => AttachedStatement {
            change: of_a_refusal(settings, rows, now, ids),
            answer: Err(refusal),
        },
    }
}

/// A new case: what was prepared before the fault was found is forgotten.
fn of_a_refusal(
    settings: &PartySettings,
    rows: &dyn Rows,
    now: Time,
    ids: &mut FreshIds,
) -> PartyChange {
    let case = PartyCase::new(settings, rows, now, ids);
    finish(case, Ignored::NothingDue.into())
}
