//! Asking for the present status, and plans that ask by themselves (E21, E22, Q4).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_buyer::view::{self, PlanView, RequestState, RequestView};
use tradepost_buyer::{
    self as buyer, Act, AskedParty, Plan, Planned, PlannedWhen, Question, Subject, Until,
};
use tradepost_statements::{Kind, RequestId, StatementId};
use tradepost_trades::rows::Rows;

use super::saying::{about_to_send, found, queued_each};
use super::{Answer, AskError, SendState, Sending, told, told_after};
use crate::ledger::send::what;
use crate::ledger::{Entry, Input, Ledger, daily, waits_to_leave};

/// Asks: in new questions, or by sending those again that wait for an answer.
pub(super) fn ask(
    ledger: &Ledger,
    name: &str,
    parties: &BTreeSet<AskedParty>,
) -> Result<Answer, AskError> {
    ledger.has_way_out()?;
    let subject = match name.parse::<RequestId>() {
        Ok(request) => Subject::Request(request),
        Err(_) => Subject::Trade(found(ledger, name)?),
    };
    let (entered, sendings) = ledger.decide_and_enter(|rows| {
        let asking = buyer::ask(ledger.settings(), rows, &subject, parties, ledger.now())?;
        let (mut inputs, mut sendings) = (Vec::new(), Vec::new());
        let mut letters = Vec::new();
        for saying in asking.say {
            letters.push(ledger.letter_of(rows, saying)?);
        }
        for question in asking.again {
            if waits_to_leave(rows, question.statement) {
                sendings.push(noted(&subject, &question, "waits in the outbox"));
            } else {
                letters.extend(ledger.pen(rows).again(question.statement)?);
            }
        }
        for outgoing in letters {
            sendings.insert(inputs.len(), about_to_send(&outgoing));
            inputs.push(outgoing.into_input());
        }
        for question in asking.too_soon {
            let text = format!(
                "was asked at {} and may need until {} to answer",
                question.asked,
                question.asked.plus(ledger.settings().timers.ask_apart)
            );
            sendings.push(noted(&subject, &question, &text));
        }
        Ok((inputs, sendings))
    })?;
    queued_each(entered, sendings)
}

fn noted(subject: &Subject, question: &Question, text: &str) -> Sending {
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
pub(super) fn requests(ledger: &Ledger, all: bool) -> Result<Answer, AskError> {
    let since = ledger.now().minus(IN_SIGHT);
    let is_in_sight =
        |r: &RequestView| all || r.state.is_pending() || r.answered.unwrap_or(r.last_sent) >= since;
    told(&ledger.view(|rows| {
        let seen = view::requests(rows).into_iter().filter(is_in_sight);
        seen.map(|r| with_the_outbox(rows, r)).collect::<Vec<_>>()
    }))
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
    /// When.
    pub(crate) when: PlannedWhen,
    /// What ends it.
    pub(crate) until: Option<Until>,
}

/// What stands for every trade that is pending at the time.
pub(crate) const ALL_PENDING: &str = "all-pending";

/// Keeps a plan.
pub(super) fn schedule(ledger: &Ledger, new: NewPlan) -> Result<Answer, AskError> {
    ledger.has_way_out()?;
    let about = if new.what == ALL_PENDING {
        Planned::AllPending
    } else {
        let trade = found(ledger, &new.what)?;
        Planned::Trade { trade }
    };
    let now = ledger.now();
    let next = daily::next(&new.when, now);
    let plan = Plan {
        about,
        parties: new.parties,
        when: new.when,
        until: new.until.unwrap_or(Until::Ended),
    };
    let act = Act::Schedule { plan, next };
    let entered = ledger.enter(vec![Input::of(Entry::Act { act, now })])?;
    let added: Option<PlanView> = ledger.view(view::plans).pop();
    told_after(&added, entered)
}

/// Forgets a plan.
pub(super) fn unschedule(ledger: &Ledger, id: u64) -> Result<Answer, AskError> {
    let gone = ledger.view(view::plans).into_iter().find(|p| p.id == id);
    let act = Act::Unschedule { plan: id };
    let now = ledger.now();
    let entered = ledger.enter(vec![Input::of(Entry::Act { act, now })])?;
    told_after(&gone, entered)
}

/// The plans.
pub(super) fn plans(ledger: &Ledger) -> Result<Answer, AskError> {
    told(&ledger.view(view::plans))
}
