//! What the person asked a shop to undo, cancelling and returning, and what the shop decided about
//! it (E7, E23).

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use tradepost_statements::order::{Cancel, LineQuantity, Return, ReturnDecision};
use tradepost_statements::{Body, Statement, StatementId, Time, TradeRef};
use tradepost_trades::rows::Rows;

use super::case::BuyerCase;
use super::filed::Filed;
use super::keys;
use super::pages::pages;
use super::refusal::{ActRefusal, known_trade};
use super::saying::Saying;
use super::state::{Own, OwnRequest, read};
use super::trade::BuyerTrade;

/// A cancellation or return of ours, with what the shop decided about it.
pub(super) struct Undoing {
    pub(super) own: Own,
    pub(super) wish: Undo,
    pub(super) decision: Option<UndoingDecision>,
}

pub(super) enum Undo {
    Cancel(Cancel),
    Return(Return),
}

impl Undoing {
    fn of(own: Own) -> Option<Undoing> {
        let wish = if let Body::Cancel(cancel) = &own.statement.body {
            Undo::Cancel(cancel.clone())
        } else if let Body::Return(back) = &own.statement.body {
            Undo::Return(back.clone())
        } else {
            return None;
        };
        Some(Undoing {
            own,
            wish,
            decision: None,
        })
    }
}

pub(super) struct UndoingDecision {
    pub(super) said: ReturnDecision,
    pub(super) at: Time,
}

/// Of a line, how much the person wants to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// Which, counted from 0 as the protocol does.
    pub line: u32,
    /// How many; none: all that is left.
    pub quantity: Option<NonZeroU32>,
}

/// What to say to return goods of a trade (E23): all that is left, or some lines of it.
///
/// # Errors
/// [`ActRefusal`] when there is no such trade, or not so much of it that is not on its way back.
pub fn return_goods(
    rows: &dyn Rows,
    trade: &TradeRef,
    wanted: &[Back],
    reason: Option<String>,
) -> Result<Saying, ActRefusal> {
    let known = known_trade(rows, trade)?;
    let bought = bought(&known);
    let mut left = left(&bought, &of_trade(rows, &known));
    if left.iter().all(|n| *n == 0) {
        return Err(ActRefusal::NothingIsLeft(trade.clone()));
    }
    let lines = if wanted.is_empty() {
        // Protocol 3, `return`: without lines, all. Where some went back already, what is left.
        (left != bought).then(|| listed(&left))
    } else {
        let before = left.clone();
        for back in wanted {
            take(&mut left, *back)?;
        }
        let back = before.iter().zip(&left).map(|(b, l)| b.saturating_sub(*l));
        Some(listed(&back.collect::<Vec<u32>>()))
    };
    let body = Body::Return(Return { lines, reason });
    Ok(Saying::of_trade(trade, &trade.shop, body))
}

fn take(left: &mut [u32], back: Back) -> Result<(), ActRefusal> {
    let lines = left.len();
    let number = u64::from(back.line) + 1;
    let line = usize::try_from(back.line)
        .ok()
        .and_then(|i| left.get_mut(i))
        .ok_or(ActRefusal::NoSuchLine { number, lines })?;
    let wanted = back.quantity.map_or(*line, NonZeroU32::get);
    if wanted > *line || wanted == 0 {
        let left = *line;
        return Err(ActRefusal::MoreThanIsLeft {
            number,
            wanted,
            left,
        });
    }
    *line -= wanted;
    Ok(())
}

fn listed(quantities: &[u32]) -> Vec<LineQuantity> {
    (0..)
        .zip(quantities)
        .filter_map(|(line, n)| {
            let quantity = NonZeroU32::new(*n)?;
            Some(LineQuantity { line, quantity })
        })
        .collect()
}

fn bought(trade: &BuyerTrade) -> Vec<u32> {
    let lines = trade.state.iter().flat_map(|s| &s.lines);
    lines.map(|l| l.quantity.get()).collect()
}

/// How much of each line the person has not asked to return yet; what the shop declined is theirs
/// still.
fn left(bought: &[u32], undoings: &[Undoing]) -> Vec<u32> {
    let mut left = bought.to_vec();
    for undoing in undoings {
        let accepted = undoing.decision.as_ref().map(|d| d.said.accepted);
        match (&undoing.wish, accepted) {
            (Undo::Return(_) | Undo::Cancel(_), Some(false)) | (Undo::Cancel(_), None) => {}
            // Protocol 3, `cancel`: once something shipped, the wish to return everything.
            (Undo::Cancel(_), Some(true)) => left.fill(0),
            (Undo::Return(back), Some(true) | None) => match &back.lines {
                None => left.fill(0),
                Some(lines) => subtract(&mut left, lines),
            },
        }
    }
    left
}

fn subtract(left: &mut [u32], lines: &[LineQuantity]) {
    for back in lines {
        let line = usize::try_from(back.line).ok();
        if let Some(left) = line.and_then(|i| left.get_mut(i)) {
            *left = left.saturating_sub(back.quantity.get());
        }
    }
}

/// All of a trade, in the order in which they were asked.
pub(super) fn of_trade(rows: &dyn Rows, known: &BuyerTrade) -> Vec<Undoing> {
    let prefix = keys::undoings_of_trade(&known.trade);
    let by_trade = pages(rows, &prefix).filter_map(|(key, _)| {
        std::str::from_utf8(key.get(prefix.len()..)?)
            .ok()?
            .parse()
            .ok()
    });
    let request = known.state.as_ref().and_then(|s| s.request.as_ref());
    let by_request = request.and_then(|id| read::<OwnRequest>(rows, &keys::request(id)));
    let by_request = by_request.into_iter().flat_map(|r| r.statements);
    let mut ids: Vec<StatementId> = by_trade.chain(by_request).collect();
    ids.sort_unstable();
    ids.dedup();
    let owns = ids.iter().filter_map(|id| read(rows, &keys::own(*id)));
    let mut undoings: Vec<Undoing> = owns.filter_map(Undoing::of).collect();
    for undoing in &mut undoings {
        undoing.decision = decision(rows, undoing.own.statement.id);
    }
    undoings.sort_by_key(|u| (u.own.statement.sent, u.own.statement.id));
    undoings
}

/// The letter with the last decision about something that was asked.
#[derive(Debug, Serialize, Deserialize)]
struct LastDecision {
    #[serde(rename = "n")]
    letter: u64,
    #[serde(rename = "s")]
    sent: Time,
    #[serde(rename = "i")]
    statement: StatementId,
}

/// A shop may think better of it: of several decisions about one wish the last said counts, whatever
/// the order of their arrival.
pub(super) fn note_decision(case: &mut BuyerCase<'_>, letter: u64, statement: &Statement) {
    let Some(asked) = statement.answers else {
        return;
    };
    let last: Option<LastDecision> = case.get(&keys::decision(asked));
    let is_last = |last: &LastDecision| {
        (last.sent, last.statement) <= (statement.sent, statement.id)
            || !case.filed(last.letter).is_some_and(|f| f.counts())
    };
    if last.as_ref().is_none_or(is_last) {
        let (sent, statement) = (statement.sent, statement.id);
        let last = LastDecision {
            letter,
            sent,
            statement,
        };
        case.put(&keys::decision(asked), &last);
    }
}

fn decision(rows: &dyn Rows, asked: StatementId) -> Option<UndoingDecision> {
    let last: LastDecision = read(rows, &keys::decision(asked))?;
    let filed = Filed::load(rows, last.letter).filter(Filed::counts)?;
    if let Body::ReturnDecision(said) = &filed.decoded.statement.body {
        let said = said.clone();
        let at = filed.decoded.statement.sent;
        Some(UndoingDecision { said, at })
    } else {
        None
    }
}
