//! What time brings: statements without answer are sent again (protocol 7), trades that nobody
//! confirmed are cancelled, held letters are judged.

use tradepost_statements::{Kind, StatementId, Time, TradeId, TradeRef, wire};

use super::book::{self, DUE, Waiting};
use super::change::{Change, Ignored, Occasion, Outcome};
use super::desk::Desk;
use super::ids::FreshIds;
use super::judge::judge_held;
use super::settings::Settings;
use crate::emit::attach;
use crate::{payment, shop};
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Rows;

/// When something is due next.
#[must_use]
pub fn next_wake(rows: &dyn Rows) -> Option<Time> {
    let first = rows.scan_from(DUE.as_bytes(), DUE.as_bytes(), 1);
    let (key, _) = first.first()?;
    // A key that cannot be read is due at once: `tick` drops it.
    Some(book::read_due_key(key).map_or(Time::from_unix_millis(0), |(at, _)| at))
}

/// Does the one thing that has been due longest. Call it until nothing is due: each is recorded
/// for itself. `jitter`, from 0 to 1, keeps servers from speaking all at once.
pub fn tick(
    settings: &Settings,
    rows: &dyn Rows,
    now: Time,
    jitter: f64,
    ids: &mut FreshIds,
) -> Change {
    let first = rows.scan_from(DUE.as_bytes(), DUE.as_bytes(), 1);
    let mut desk = Desk::new(settings, rows, now, ids);
    let Some((key, _)) = first.into_iter().next() else {
        return desk.finish(Ignored::NothingDue.into());
    };
    let outcome = match book::read_due_key(&key) {
        Some((at, _)) if at > now => Ignored::NothingDue.into(),
        due => {
            desk.delete(key);
            let what = due.map(|(_, what)| what).unwrap_or_default();
            do_what_is_due(&mut desk, &what, jitter)
        }
    };
    desk.finish(outcome)
}

fn do_what_is_due(desk: &mut Desk<'_>, what: &str, jitter: f64) -> Outcome {
    let nothing = || Outcome::WasDue("nothing, it was settled before".to_owned());
    match what.split_once('/') {
        Some(("wait", id)) => match id.parse() {
            Ok(id) => send_again(desk, id, jitter).unwrap_or_else(nothing),
            Err(_) => nothing(),
        },
        Some(("confirm", id)) => match id.parse() {
            Ok(id) => cancel_unconfirmed(desk, id).unwrap_or_else(nothing),
            Err(_) => nothing(),
        },
        Some(("auth", id)) => match id.parse() {
            Ok(id) => shop::not_authorized(desk, &id).unwrap_or_else(nothing),
            Err(_) => nothing(),
        },
        Some(("authorized", id)) => match id.parse() {
            Ok(id) => shop::authorize_again(desk, id).unwrap_or_else(nothing),
            Err(_) => nothing(),
        },
        Some(("past-due", trade)) => match payment::due_date_of(trade) {
            Some(name) => payment::due_date_passed(desk, &name).unwrap_or_else(nothing),
            None => nothing(),
        },
        Some(("unmailed", rest)) => attach::mail_after_all(desk, rest).unwrap_or_else(nothing),
        Some(("held", digest)) => {
            let key = book::held_key(digest);
            match desk.read::<Received>(&key) {
                Some(letter) => {
                    desk.delete(key);
                    judge_held(desk, &letter)
                }
                None => nothing(),
            }
        }
        Some(_) | None => nothing(),
    }
}

/// "S waits for an answer of C, P: 5 min, doubling to 6 h; after 1 day: tells its operator".
fn send_again(desk: &mut Desk<'_>, id: StatementId, jitter: f64) -> Option<Outcome> {
    let key = book::waiting_key(id);
    let mut waiting = desk.read::<Waiting>(&key)?;
    if waiting.due > desk.now {
        return None;
    }
    let timers = desk.settings.timers.clone();
    let statement = wire::decode(waiting.octets.as_bytes()).ok()?.statement;
    let waited = desk.now.since(waiting.since);
    if waited >= timers.give_up {
        desk.delete(key);
        let text = format!(
            "{} never answered a {}; it is sent no more",
            statement.to,
            statement.body.kind()
        );
        return Some(Outcome::WasDue(text));
    }
    desk.say_again(&waiting.octets, Occasion::News);
    waiting.again = waiting.again.saturating_add(1);
    let doubled = 1_u32 << waiting.again.min(16);
    let wait = timers
        .answer_first
        .saturating_mul(doubled)
        .min(timers.answer_longest);
    waiting.due = desk
        .now
        .plus(wait.mul_f64(1.0 + 0.1 * jitter.clamp(0.0, 1.0)));
    desk.due_at(waiting.due, &format!("wait/{id}"));
    // Of a missing authorization the operator is told when the order is rejected.
    let is_rejected = statement.body.kind() == Kind::Authorize
        && statement
            .trade
            .as_ref()
            .and_then(|t| desk.trade(t))
            .is_none();
    let tell = waited >= timers.tell_operator && !waiting.operator_told && !is_rejected;
    waiting.operator_told |= tell;
    desk.put(key, &waiting);
    let trade = statement.trade.as_ref().map(ToString::to_string);
    let kind = statement.body.kind();
    if tell {
        return Some(Outcome::OperatorTold {
            to: statement.to,
            kind,
            trade: trade.unwrap_or_default(),
            hours: waited.as_secs() / 3600,
        });
    }
    Some(Outcome::WasDue(format!(
        "sent the {kind} about {} to {} again, for want of an answer",
        trade.unwrap_or_default(),
        statement.to
    )))
}

fn cancel_unconfirmed(desk: &mut Desk<'_>, id: TradeId) -> Option<Outcome> {
    let shop = desk.settings.address.clone();
    let mut trade = desk.trade(&TradeRef { shop, id })?;
    let name = trade.trade.to_string();
    shop::cancel_unconfirmed(desk, &mut trade)
        .then(|| Outcome::WasDue(format!("cancelled {name}: nobody confirmed it in time")))
}
