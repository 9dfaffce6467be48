//! Asking for the present status, and plans that ask by themselves (E21, E22, Q4).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_buyer::view::{self, RequestState, RequestView};
use tradepost_buyer::{
    self as buyer, Act, AskedParty, AskedQuestion, Plan, Planned, PlannedWhen, Subject, Until,
};
use tradepost_statements::{Kind, RequestId, StatementId, Time};
use tradepost_trades::rows::Rows;

use super::saying::{found, queue};
use super::{Answer, AskError, SendState, Sending, Sendings};
use crate::ledger::{LedgerEntry, LedgerHost, Say, daily, enter, waits_to_leave, what};

/// Asks: in new questions, or by sending those again that wait for an answer.
pub(super) fn ask(
    host: &LedgerHost,
    name: &str,
    parties: &BTreeSet<AskedParty>,
) -> Result<Answer, AskError> {
    host.party().needs_way_out()?;
    let subject = match name.parse::<RequestId>() {
        Ok(request) => Subject::Request(request),
        Err(_) => Subject::Trade(found(host, name)?),
    };
    let settings = host.party().settings();
    let sendings = host.write(|page| {
        let asking = buyer::ask(settings, page.rows(), &subject, parties, host.now())?;
        let mut say: Vec<Say> = asking
            .say
            .into_iter()
            .map(|said| Say::New(Box::new(said)))
            .collect();
        let mut noteworthy = Vec::new();
        for question in asking.again {
            if waits_to_leave(page.rows(), question.statement) {
                noteworthy.push(noted(&subject, &question, "waits in the outbox"));
            } else {
                say.push(Say::Again(question.statement));
            }
        }
        for question in asking.too_soon {
            let text = format!(
                "was asked at {} and may need until {} to answer",
                question.asked,
                question.asked.plus(settings.timers.ask_apart)
            );
            noteworthy.push(noted(&subject, &question, &text));
        }
        let mut sendings = queue(host, page, say)?;
        sendings.append(&mut noteworthy);
        Ok::<_, crate::ledger::LedgerError>(sendings)
    })?;
    Ok(Answer::Sendings(Sendings::Each(sendings)))
}

fn noted(subject: &Subject, question: &AskedQuestion, text: &str) -> Sending {
    let to = question.to.as_written();
    let (trade, request) = match subject {
        Subject::Trade(trade) => (Some(trade.clone()), None),
        Subject::Request(request) => (None, Some(request.to_string())),
    };
    Sending {
        kind: what(Kind::StatusRequest).to_owned(),
        request,
        statement: Some(question.statement),
        trade,
        to: to.to_owned(),
        message_id: None,
        state: SendState::Noted,
        text: Some(format!("{to} {text}")),
        item: None,
    }
}

/// What has become of these of our statements, in their order.
pub(crate) fn progress(rows: &dyn Rows, statements: &[StatementId]) -> Vec<RequestView> {
    let known = statements.iter().filter_map(|id| view::request(rows, *id));
    known.map(|r| with_the_outbox(rows, r)).collect()
}

/// What was settled stays in sight for so long.
const IN_SIGHT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What was asked, and what became of it: all that is pending, and the rest for a while, or for ever.
pub(super) fn requests(rows: &dyn Rows, now: Time, all: bool) -> Vec<RequestView> {
    let since = now.minus(IN_SIGHT);
    let is_in_sight =
        |r: &RequestView| all || r.state.is_pending() || r.answered.unwrap_or(r.last_sent) >= since;
    let seen = view::requests(rows).into_iter().filter(is_in_sight);
    seen.map(|r| with_the_outbox(rows, r)).collect()
}

/// Where its last letter still waits to leave, a request is not sent yet.
fn with_the_outbox(rows: &dyn Rows, request: RequestView) -> RequestView {
    if request.state == RequestState::Sent && waits_to_leave(rows, request.statement) {
        return RequestView {
            state: RequestState::Queued,
            ..request
        };
    }
    request
}

/// A plan, as the person asks for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NewPlan {
    /// A trade, or `all-pending`.
    pub(crate) what: String,
    /// Whom to ask; everybody where it is empty.
    pub(crate) parties: BTreeSet<AskedParty>,
    pub(crate) when: PlannedWhen,
    /// What ends it before the trade's end; none: nothing does.
    pub(crate) until: Option<Until>,
}

/// What stands for every trade that is pending at the time.
pub(crate) const ALL_PENDING: &str = "all-pending";

/// Records a plan, and gives it back with its number and the time when it asks first.
pub(super) fn schedule(host: &LedgerHost, new: NewPlan) -> Result<Answer, AskError> {
    host.party().needs_way_out()?;
    let about = if new.what == ALL_PENDING {
        Planned::AllPending
    } else {
        let trade = found(host, &new.what)?;
        Planned::Trade { trade }
    };
    let now = host.now();
    let next = daily::next(&new.when, now);
    let plan = Plan {
        about,
        parties: new.parties,
        when: new.when,
        until: new.until.unwrap_or(Until::Ended),
    };
    let act = Act::Schedule { plan, next };
    enter(host, vec![LedgerEntry::Act { act, now }])?;
    Ok(Answer::Plan(host.view(view::plans).pop()))
}

pub(super) fn unschedule(host: &LedgerHost, id: u64) -> Result<Answer, AskError> {
    let gone = host.view(view::plans).into_iter().find(|p| p.id == id);
    let act = Act::Unschedule { plan: id };
    let now = host.now();
    enter(host, vec![LedgerEntry::Act { act, now }])?;
    Ok(Answer::Plan(gone))
}
