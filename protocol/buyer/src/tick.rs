//! What time alone brings about: held letters that are due, answers that do not come, promises
//! that were not kept.

use serde::{Deserialize, Serialize};
use tradepost_statements::{Body, StatementId, Time};
use tradepost_trades::rows::Rows;

use super::case::{BuyerCase, own_warning};
use super::held::{DUE_AT_ONCE, due, first_due, time_is_up};
use super::overdue::warn_of_trade;
use super::own::{longest_wait, wait_for_answer};
use super::pages::pages_from;
use super::settings::BuyerSettings;
use super::state::{Own, OwnProgress, is_default, read};
use super::warning::{Warning, WarningKind};
use super::{BuyerChange, backlog, door, keys, look_again, schedule, totals};

/// When [`tick`] has something to do: at once where something is left to be looked at again, else at the
/// first time of a queue, or when the next promise has passed.
#[must_use]
pub fn next_wake(rows: &dyn Rows, now: Time) -> Option<Time> {
    if backlog::is_left(rows) {
        return Some(now);
    }
    let queues = [keys::HELD, keys::SAY_AGAIN, keys::PLANS_DUE].into_iter();
    let queued = queues.filter_map(|queue| first_due(rows, queue));
    let is_left = |(queue, _): &(&str, WarningKind)| {
        let looked_at: Option<LookedAt> = read(rows, &keys::looked_at(queue));
        looked_at.is_some_and(|l| l.more)
    };
    if PROMISES.iter().any(is_left) {
        return Some(now);
    }
    let promised = PROMISES.iter().filter_map(|(queue, _)| {
        let from = keys::due_through(queue, now);
        let first = rows.scan_from(queue.as_bytes(), from.as_bytes(), 1);
        first.first().and_then(|(key, _)| keys::time_in(queue, key))
    });
    queued.chain(promised).min()
}

/// Does what is due at `now`; nothing is due twice.
pub fn tick(settings: &BuyerSettings, rows: &dyn Rows, now: Time) -> BuyerChange {
    let mut case = BuyerCase::new(settings, rows, now);
    for no in time_is_up(&case, DUE_AT_ONCE) {
        if let Some(mut letter) = case.letter(no) {
            let _ = door::enter(&mut case, &mut letter);
        }
    }
    for (_, last) in due(case.rows(), keys::SAY_AGAIN, now) {
        if let Ok(id) = last.parse() {
            nobody_answered(&mut case, id);
        }
    }
    follow_the_timers(&mut case);
    totals::look_at_limits(&mut case);
    for (queue, kind) in PROMISES {
        look_at_promises(&mut case, queue, kind);
    }
    schedule::tick(&mut case);
    look_again::tick(&mut case);
    super::finish(case, None)
}

fn nobody_answered(case: &mut BuyerCase<'_>, id: StatementId) {
    let Some(mut own) = case.own(id) else { return };
    if !matches!(own.progress, OwnProgress::Waiting { .. }) {
        return;
    }
    let waited_in_vain = case.now.since(own.first_sent) >= case.settings.timers.answer_patience;
    if waited_in_vain && !asks_about_what_has_ended(case, &own) {
        let kind = own.statement.body.kind();
        let received = format!(
            "no answer to the {kind} of {}, sent {} times",
            own.first_sent, own.tries
        );
        let expected = format!("an answer from {}", own.statement.to.as_str());
        let base = own_warning(WarningKind::NoAnswer, case);
        let trade = own.statement.trade.clone();
        case.warn_of_own(
            &id.to_string(),
            Warning {
                trade,
                received,
                expected,
                ..base
            },
        );
    }
    if is_given_up(case, &own) {
        give_up(case, own);
        return;
    }
    wait_for_answer(case, &mut own);
    case.put(&keys::own(id), &own);
    case.say_again.push(id);
}

/// Whether it makes no sense to send a statement again: it is too old, or asks how a trade goes on
/// that has ended.
fn is_given_up(case: &BuyerCase<'_>, own: &Own) -> bool {
    case.now.since(own.first_sent) >= case.settings.timers.answer_give_up
        || asks_about_what_has_ended(case, own)
}

pub(super) fn asks_about_what_has_ended(case: &BuyerCase<'_>, own: &Own) -> bool {
    let trade = own.statement.trade.as_ref().and_then(|t| case.trade(t));
    own.statement.body == Body::StatusRequest
        && trade.is_some_and(|t| t.state.is_some_and(|s| s.ended))
}

fn give_up(case: &mut BuyerCase<'_>, mut own: Own) {
    let id = own.statement.id;
    if let OwnProgress::Waiting { again } = own.progress {
        case.delete(&keys::say_again(again, id));
    }
    if asks_about_what_has_ended(case, &own) {
        for kind in [WarningKind::NoAnswer, WarningKind::Undeliverable] {
            case.resolve_own(kind.word(), &id.to_string());
        }
    }
    own.progress = OwnProgress::GivenUp;
    case.put(&keys::own(id), &own);
}

/// Statements that are put off farther than the timers ever do: these were longer once, or a clock
/// ran ahead.
fn follow_the_timers(case: &mut BuyerCase<'_>) {
    let farthest = case.now.plus(longest_wait(case.settings));
    for id in put_off_beyond(case.rows(), keys::SAY_AGAIN, farthest) {
        let own = id.parse().ok().and_then(|id| case.own(id));
        if let Some(mut own) = own.filter(|o| matches!(o.progress, OwnProgress::Waiting { .. })) {
            wait_for_answer(case, &mut own);
            case.put(&keys::own(own.statement.id), &own);
        }
    }
}

/// What stands after the last slash of a queue's keys that are due later than that.
fn put_off_beyond(rows: &dyn Rows, queue: &str, farthest: Time) -> Vec<String> {
    let from = keys::due_through(queue, farthest);
    let found = rows.scan_from(queue.as_bytes(), from.as_bytes(), DUE_AT_ONCE);
    let keys = found
        .into_iter()
        .filter_map(|(key, _)| String::from_utf8(key).ok());
    keys.filter_map(|key| Some(key.rsplit_once('/')?.1.to_owned()))
        .collect()
}

/// What is promised, by when, and what is warned of when that has passed.
const PROMISES: [(&str, WarningKind); 2] = [
    (keys::UNDELIVERED, WarningKind::OverdueDelivery),
    (keys::UNPAID, WarningKind::OverduePayment),
];

/// How far a queue of promises was looked at: what has passed stays in it until it is kept.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LookedAt {
    /// The first key that was not.
    #[serde(rename = "k")]
    from: String,
    /// There are more that have passed.
    #[serde(rename = "m", default, skip_serializing_if = "is_default")]
    more: bool,
}

/// Warns of the promises that have passed since the last time; of one that had passed when it came,
/// whatever made it warns (`overdue`).
fn look_at_promises(case: &mut BuyerCase<'_>, queue: &str, kind: WarningKind) {
    let row = keys::looked_at(queue);
    let (start, until) = (
        keys::due_from(queue, case.now),
        keys::due_through(queue, case.now),
    );
    let looked_at: LookedAt = case.get(&row).unwrap_or_default();
    let from = if looked_at.from > until {
        // The clock ran ahead.
        &start
    } else {
        &looked_at.from
    };
    let due: Vec<String> = pages_from(case.rows(), queue, from)
        .filter_map(|(key, _)| String::from_utf8(key).ok())
        .take_while(|key| *key <= until)
        .take(DUE_AT_ONCE)
        .collect();
    let last = due.last().filter(|_| due.len() == DUE_AT_ONCE);
    let looked_at = LookedAt {
        from: last.map_or(start, |key| format!("{key}\0")),
        more: last.is_some(),
    };
    for key in &due {
        warn_overdue(case, key, queue, kind);
    }
    if !due.is_empty() || case.has(&row) {
        case.put_if_changed(&row, &looked_at);
    }
}

fn warn_overdue(case: &mut BuyerCase<'_>, key: &str, queue: &str, kind: WarningKind) {
    // queue, 16 digits, a slash, the trade
    let Some(trade) = key.get(queue.len() + 17..).and_then(keys::trade_in_key) else {
        return;
    };
    let Some(known) = case.trade(&trade) else {
        return;
    };
    if known.counted.as_ref().is_none_or(|c| c.apart) {
        return;
    }
    warn_of_trade(case, &known, kind);
}
