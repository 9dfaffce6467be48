//! Our own statements: what we ask, whether it was answered, and when it is sent again
//! (protocol 7; Q1, Q8).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::{Body, Kind, Statement, Time, wire};
use tradepost_trades::rows::Rows;

use super::case::BuyerCase;
use super::settings::BuyerSettings;
use super::state::{Own, OwnProgress, OwnRequest};
use super::{BuyerChange, Judgement, Verdict, asking, backlog, door, keys};

/// How an own statement became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnHow {
    /// It leaves from here: it is sent again from here when nobody answers.
    Sending,
    /// A letter of ours was found in the Sent folder (protocol 5, last paragraph).
    FoundInSent,
}

/// Takes down a statement of ours, `json` being its octets. The judgement is `sent`; there is
/// none when it is no statement that a buyer at one of our addresses makes.
pub fn own(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    json: &str,
    message_id: Option<&str>,
    how: OwnHow,
    now: Time,
) -> BuyerChange {
    let mut case = BuyerCase::new(settings, rows, now);
    let judgement = take(&mut case, json, message_id, how);
    super::finish(case, judgement)
}

fn take(
    case: &mut BuyerCase<'_>,
    json: &str,
    message_id: Option<&str>,
    how: OwnHow,
) -> Option<Judgement> {
    let statement = wire::decode(json.as_bytes()).ok()?.statement;
    if !case.settings.ours.contains(&statement.from) || !is_a_buyers(&statement) {
        return None;
    }
    let id = statement.id;
    let said = Judgement {
        verdict: Verdict::Sent,
        kind: Some(statement.body.kind()),
        rule: None,
        warning: None,
        warning_id: None,
        trade: statement.trade.clone(),
        letter: None,
    };
    let known = case.own(id);
    let is_new = known.is_none();
    let mut own = known.unwrap_or_else(|| Own {
        json: json.to_owned(),
        message_ids: BTreeSet::new(),
        from_here: false,
        first_sent: case.now,
        tries: 0,
        progress: OwnProgress::Elsewhere,
        last_sent: None,
        bounce: None,
        bounced_try: 0,
        statement: statement.clone(),
    });
    if let Some(message_id) = message_id {
        own.message_ids.insert(message_id.to_owned());
        case.put(&keys::own_by_message_id(message_id), &id);
    }
    if how == OwnHow::Sending {
        own.from_here = true;
        own.tries += 1;
        own.last_sent = Some(case.now);
        if !matches!(own.progress, OwnProgress::Answered { .. }) {
            wait_for_answer(case, &mut own);
        }
    }
    case.put(&keys::own(id), &own);
    if statement.body == Body::StatusRequest {
        let asked = match how {
            OwnHow::Sending => case.now,
            OwnHow::FoundInSent => statement.sent.min(case.now),
        };
        asking::note(case, &statement, asked);
    }
    if is_new {
        if let Some(trade) = &statement.trade
            && matches!(statement.body.kind(), Kind::Cancel | Kind::Return)
        {
            case.mark(&keys::undoing_of_trade(trade, id));
        }
        note_request(case, &statement);
        door::recognise_copies(case, id);
        backlog::look_at_waiting(case, &format!("a/{id}"));
        if let Some(request) = &statement.request {
            backlog::look_at_waiting(case, &format!("r/{}", request.key()));
        }
    }
    Some(said)
}

fn is_a_buyers(statement: &Statement) -> bool {
    matches!(
        statement.body.kind(),
        Kind::Order
            | Kind::Confirm
            | Kind::Cancel
            | Kind::Return
            | Kind::StatusRequest
            | Kind::Notify
    )
}

fn note_request(case: &mut BuyerCase<'_>, statement: &Statement) {
    let Some(id) = &statement.request else { return };
    let mut request = case.request(id).unwrap_or_else(|| OwnRequest {
        id: id.clone(),
        to: statement.to.clone(),
        order: None,
        statements: Vec::new(),
        answer: None,
    });
    if statement.body.kind() == Kind::Order && request.order.is_none() {
        request.order = Some(statement.id);
        request.to = statement.to.clone();
    }
    if !request.statements.contains(&statement.id) {
        request.statements.push(statement.id);
    }
    case.put(&keys::request(id), &request);
}

/// Waits are between nine and eleven tenths of what the timers say.
const JITTER: f64 = 0.2;

/// No statement waits longer than this, whatever the jitter.
pub(super) fn longest_wait(settings: &BuyerSettings) -> Duration {
    settings.timers.answer_longest.saturating_mul(2)
}

/// Puts a statement down to be sent again. The jitter comes from its id, so that this needs
/// no randomness.
pub(super) fn wait_for_answer(case: &mut BuyerCase<'_>, own: &mut Own) {
    if let OwnProgress::Waiting { again } = own.progress {
        case.delete(&keys::say_again(again, own.statement.id));
    }
    let doublings = own.tries.saturating_sub(1).min(16);
    let timers = case.settings.timers;
    let wait = timers
        .answer_first
        .saturating_mul(1 << doublings)
        .min(timers.answer_longest);
    let [.., last] = own.statement.id.uuid().into_bytes();
    let mut again = case
        .now
        .plus(wait.mul_f64(0.9 + JITTER * f64::from(last) / 255.0));
    let patience_ends = own.first_sent.plus(timers.answer_patience);
    if case.now < patience_ends {
        // Protocol 7: the warning comes after 3 days, not with the first try after them.
        again = again.min(patience_ends);
    }
    own.progress = OwnProgress::Waiting { again };
    case.mark(&keys::say_again(again, own.statement.id));
}
