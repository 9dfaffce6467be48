//! What time alone brings about: held letters that are due, answers that do not come, promises
//! that were not kept.

use tradepost_statements::{Body, StatementId, Time, TradeRef};

use tradepost_trades::rows::Rows;

use super::desk::Desk;
use super::held::{due, due_by_now};
use super::own::{longest_wait, wait_for_answer};
use super::settings::{Rules, Settings};
use super::state::{Own, OwnProgress, Trade};
use super::totals::{self, own_warning};
use super::warning::{Warning, WarningKind};
use super::{Change, door, keys, schedule};

/// Does what is due at `now`; nothing is due twice.
pub fn tick(settings: &Settings, rows: &dyn Rows, now: Time) -> Change {
    let mut desk = Desk::new(settings, rows, now);
    for (_, last) in due_by_now(desk.rows(), now) {
        let letter = u64::from_str_radix(&last, 16)
            .ok()
            .and_then(|no| desk.letter(no));
        if let Some(mut letter) = letter {
            let _ = door::enter(&mut desk, &mut letter);
        }
    }
    for (_, last) in due(desk.rows(), keys::SAY_AGAIN, now) {
        if let Ok(id) = last.parse() {
            nobody_answered(&mut desk, id);
        }
    }
    if settings.rules == Rules::Second {
        follow_the_timers(&mut desk);
        totals::look_at_limits(&mut desk);
    }
    for (key, _) in due(desk.rows(), keys::UNDELIVERED, now) {
        warn_overdue(
            &mut desk,
            &key,
            keys::UNDELIVERED,
            WarningKind::OverdueDelivery,
        );
    }
    for (key, _) in due(desk.rows(), keys::UNPAID, now) {
        warn_overdue(&mut desk, &key, keys::UNPAID, WarningKind::OverduePayment);
    }
    schedule::tick(&mut desk);
    desk.finish(None)
}

fn nobody_answered(desk: &mut Desk<'_>, id: StatementId) {
    let Some(mut own) = desk.own(id) else { return };
    if !matches!(own.progress, OwnProgress::Waiting { .. }) {
        return;
    }
    let waited_in_vain = desk.now.since(own.first_sent) >= desk.settings.timers.answer_patience;
    let asks_in_vain =
        desk.settings.rules == Rules::Second && asks_about_what_has_ended(desk, &own);
    if waited_in_vain && !asks_in_vain {
        let kind = own.statement.body.kind();
        let received = format!(
            "no answer to the {kind} of {}, sent {} times",
            own.first_sent, own.tries
        );
        let expected = format!("an answer from {}", own.statement.to.as_str());
        let base = own_warning(WarningKind::NoAnswer, desk);
        let trade = own.statement.trade.clone();
        desk.warn_of_own(
            &id.to_string(),
            Warning {
                trade,
                received,
                expected,
                ..base
            },
        );
    }
    if is_given_up(desk, &own) {
        give_up(desk, own);
        return;
    }
    wait_for_answer(desk, &mut own);
    desk.put(&keys::own(id), &own);
    desk.say_again.push(id);
}

/// Whether it makes no sense to send a statement again: it is too old, or asks how a trade goes on
/// that has ended.
fn is_given_up(desk: &Desk<'_>, own: &Own) -> bool {
    if desk.settings.rules == Rules::First {
        return false;
    }
    desk.now.since(own.first_sent) >= desk.settings.timers.answer_give_up
        || asks_about_what_has_ended(desk, own)
}

pub(super) fn asks_about_what_has_ended(desk: &Desk<'_>, own: &Own) -> bool {
    let trade = own.statement.trade.as_ref().and_then(|t| desk.trade(t));
    own.statement.body == Body::StatusRequest
        && trade.is_some_and(|t| t.state.is_some_and(|s| s.ended))
}

fn give_up(desk: &mut Desk<'_>, mut own: Own) {
    let id = own.statement.id;
    if let OwnProgress::Waiting { again } = own.progress {
        desk.delete(&keys::say_again(again, id));
    }
    if asks_about_what_has_ended(desk, &own) {
        for kind in [WarningKind::NoAnswer, WarningKind::Undeliverable] {
            desk.resolve_own(kind.word(), &id.to_string());
        }
    }
    own.progress = OwnProgress::GivenUp;
    desk.put(&keys::own(id), &own);
}

/// Statements that are put off farther than the timers ever do: these were longer once, or a clock
/// ran ahead.
fn follow_the_timers(desk: &mut Desk<'_>) {
    let farthest = desk.now.plus(longest_wait(desk.settings));
    for id in put_off_beyond(desk.rows(), keys::SAY_AGAIN, farthest) {
        let own = id.parse().ok().and_then(|id| desk.own(id));
        if let Some(mut own) = own.filter(|o| matches!(o.progress, OwnProgress::Waiting { .. })) {
            wait_for_answer(desk, &mut own);
            desk.put(&keys::own(own.statement.id), &own);
        }
    }
}

/// What stands after the last slash of a queue's keys that are due later than that.
fn put_off_beyond(rows: &dyn Rows, queue: &str, farthest: Time) -> Vec<String> {
    let from = keys::due_through(queue, farthest);
    let found = rows.scan_from(queue.as_bytes(), from.as_bytes(), usize::MAX);
    let keys = found
        .into_iter()
        .filter_map(|(key, _)| String::from_utf8(key).ok());
    keys.filter_map(|key| Some(key.rsplit_once('/')?.1.to_owned()))
        .collect()
}

/// A promise can have passed before it came: no time will bring it up again.
pub(super) fn warn_if_overdue(desk: &mut Desk<'_>, trade: &Trade) {
    let Some(counted) = trade.counted.as_ref().filter(|c| !c.apart) else {
        return;
    };
    let passed = |t: Option<Time>| t.is_some_and(|t| t < desk.now);
    let parcel = counted.undelivered && passed(counted.promised);
    let payment = !counted.unpaid.is_zero() && passed(counted.due);
    if parcel {
        warn_of_trade(desk, trade, WarningKind::OverdueDelivery);
    }
    if payment {
        warn_of_trade(desk, trade, WarningKind::OverduePayment);
    }
}

fn warn_overdue(desk: &mut Desk<'_>, key: &str, queue: &str, kind: WarningKind) {
    // queue, 16 digits, a slash, the trade
    let Some(trade) = key.get(queue.len() + 17..).and_then(trade_in_key) else {
        return;
    };
    let Some(known) = desk.trade(&trade) else {
        return;
    };
    if known.counted.as_ref().is_none_or(|c| c.apart) {
        return;
    }
    warn_of_trade(desk, &known, kind);
}

fn warn_of_trade(desk: &mut Desk<'_>, known: &Trade, kind: WarningKind) {
    let (received, expected) = if kind == WarningKind::OverduePayment {
        unpaid_words(known)
    } else {
        undelivered_words(known)
    };
    let base = own_warning(kind, desk);
    desk.warn_of_own(
        &keys::trade_key(&known.trade),
        Warning {
            trade: Some(known.trade.clone()),
            received,
            expected,
            ..base
        },
    );
}

fn undelivered_words(trade: &Trade) -> (String, String) {
    let promised = trade
        .counted
        .as_ref()
        .and_then(|c| c.promised)
        .map(|t| t.to_string())
        .unwrap_or_default();
    (
        "not delivered".to_owned(),
        format!("delivered by {promised}"),
    )
}

fn unpaid_words(trade: &Trade) -> (String, String) {
    let counted = trade.counted.as_ref();
    let unpaid = counted.map(|c| c.unpaid.to_string()).unwrap_or_default();
    let due = counted
        .and_then(|c| c.due)
        .map(|t| t.to_string())
        .unwrap_or_default();
    (format!("{unpaid} unpaid"), format!("paid by {due}"))
}

fn trade_in_key(text: &str) -> Option<TradeRef> {
    let (shop, id) = text.rsplit_once('/')?;
    Some(TradeRef {
        shop: shop.parse().ok()?,
        id: id.parse().ok()?,
    })
}
