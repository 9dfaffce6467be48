//! What time brings: statements without answer are sent again (protocol 7), trades that nobody
//! confirmed are cancelled, held letters are judged.

use tradepost_statements::{Kind, StatementId, Time, TradeId, TradeRef, wire};
use tradepost_trades::ids::FreshIds;
use tradepost_trades::letter::Received;
use tradepost_trades::rows::Rows;

use super::{finish, take};
use crate::emit::attach;
use crate::kernel::book::{self, AwaitedAnswer, DUE};
use crate::kernel::judge::judge_held;
use crate::kernel::{Ignored, Occasion, PartyCase, PartyChange, PartyOutcome, PartySettings};
use crate::{payment, shop};

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
    settings: &PartySettings,
    rows: &dyn Rows,
    now: Time,
    jitter: f64,
    ids: &mut FreshIds,
) -> PartyChange {
    let first = rows.scan_from(DUE.as_bytes(), DUE.as_bytes(), 1);
    let mut case = PartyCase::new(settings, rows, now, ids);
    let Some((key, _)) = first.into_iter().next() else {
        return finish(case, Ignored::NothingDue.into());
    };
    let outcome = match book::read_due_key(&key) {
        Some((at, _)) if at > now => Ignored::NothingDue.into(),
        due => {
            case.delete(key);
            let what = due.map(|(_, what)| what).unwrap_or_default();
            do_what_is_due(&mut case, &what, jitter)
        }
    };
    finish(case, outcome)
}

fn do_what_is_due(case: &mut PartyCase<'_>, what: &str, jitter: f64) -> PartyOutcome {
    let nothing = || PartyOutcome::WasDue("nothing, it was settled before".to_owned());
    match what.split_once('/') {
        Some(("wait", id)) => match id.parse() {
            Ok(id) => send_again(case, id, jitter).unwrap_or_else(nothing),
            Err(_) => nothing(),
        },
        Some(("confirm", id)) => match id.parse() {
            Ok(id) => cancel_unconfirmed(case, id).unwrap_or_else(nothing),
            Err(_) => nothing(),
        },
        Some(("auth", id)) => match id.parse() {
            Ok(id) => shop::not_authorized(case, &id).unwrap_or_else(nothing),
            Err(_) => nothing(),
        },
        Some(("authorized", id)) => match id.parse() {
            Ok(id) => shop::authorize_again(case, id).unwrap_or_else(nothing),
            Err(_) => nothing(),
        },
        Some(("past-due", trade)) => match payment::due_date_of(trade) {
            Some(name) => payment::due_date_passed(case, &name).unwrap_or_else(nothing),
            None => nothing(),
        },
        Some(("unmailed", rest)) => attach::mail_after_all(case, rest).unwrap_or_else(nothing),
        Some(("held", digest)) => {
            let key = book::held_key(digest);
            match case.read::<Received>(&key) {
                Some(letter) => {
                    case.delete(key);
                    {
                        let judged = judge_held(case, &letter);
                        take(case, judged)
                    }
                }
                None => nothing(),
            }
        }
        Some(_) | None => nothing(),
    }
}

/// "S waits for an answer of C, P: 5 min, doubling to 6 h; after 1 day: tells its operator".
fn send_again(case: &mut PartyCase<'_>, id: StatementId, jitter: f64) -> Option<PartyOutcome> {
    let key = book::waiting_key(id);
    let mut waiting = case.read::<AwaitedAnswer>(&key)?;
    if waiting.due > case.now {
        return None;
    }
    let timers = case.settings.timers.clone();
    let statement = wire::decode(waiting.octets.as_bytes()).ok()?.statement;
    let waited = case.now.since(waiting.since);
    if waited >= timers.give_up {
        case.delete(key);
        let text = format!(
            "{} never answered a {}; it is sent no more",
            statement.to,
            statement.body.kind()
        );
        return Some(PartyOutcome::WasDue(text));
    }
    case.say_again(&waiting.octets, Occasion::News);
    waiting.again = waiting.again.saturating_add(1);
    let doubled = 1_u32 << waiting.again.min(16);
    let wait = timers
        .answer_first
        .saturating_mul(doubled)
        .min(timers.answer_longest);
    waiting.due = case
        .now
        .plus(wait.mul_f64(1.0 + 0.1 * jitter.clamp(0.0, 1.0)));
    case.due_at(waiting.due, &format!("wait/{id}"));
    // Of a missing authorization the operator is told when the order is rejected.
    let is_rejected = statement.body.kind() == Kind::Authorize
        && statement
            .trade
            .as_ref()
            .and_then(|t| case.trade(t))
            .is_none();
    let tell = waited >= timers.tell_operator && !waiting.operator_told && !is_rejected;
    waiting.operator_told |= tell;
    case.put(key, &waiting);
    let trade = statement.trade.as_ref().map(ToString::to_string);
    let kind = statement.body.kind();
    if tell {
        return Some(PartyOutcome::OperatorTold {
            to: statement.to,
            kind,
            trade: trade.unwrap_or_default(),
            hours: waited.as_secs() / 3600,
        });
    }
    Some(PartyOutcome::WasDue(format!(
        "sent the {kind} about {} to {} again, for want of an answer",
        trade.unwrap_or_default(),
        statement.to
    )))
}

fn cancel_unconfirmed(case: &mut PartyCase<'_>, id: TradeId) -> Option<PartyOutcome> {
    let shop = case.settings.address.clone();
    let mut trade = case.trade(&TradeRef { shop, id })?;
    let name = trade.trade.to_string();
    shop::cancel_unconfirmed(case, &mut trade)
        .then(|| PartyOutcome::WasDue(format!("cancelled {name}: nobody confirmed it in time")))
}
