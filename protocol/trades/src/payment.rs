//! What a payment processor does: it takes payment instructions from its shops (E9), keeps the
//! payment's track (E13), and gives money back on the shop's word (E23).
//!
//! ```text
//! payment-instruction ─► pending | due ─► authorized .. ─► settled ─► refunded      (`emit`)
//!             refund ─► voided ◄┘                             └─► refund-pending
//! ```

use std::collections::BTreeSet;
use std::time::Duration;

use tradepost_statements::instruction::{Authorization, Authorize, PaymentInstruction, Refund};
use tradepost_statements::order::PaymentMethod;
use tradepost_statements::progress::Progress;
use tradepost_statements::status::{PaymentStatus, When};
use tradepost_statements::{Address, Amount, Body, Kind, PaymentState, Statement, Time, TradeRef};

use crate::carrier::{entry_for, instructed_trade};
use crate::server::ask::not_for_us;
use crate::server::book::{self, Mark, MarkOf, PaymentPart, Track, Trade};
use crate::server::desk::{AskedBy, Naming, Told};
use crate::server::track::{Standing, next_place};
use crate::server::{Desk, Ignored, Outcome};

/// How a payment processor takes instructions.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The shops that may instruct it.
    pub shops: BTreeSet<Address>,
    /// What it answers to `authorize` (E3).
    pub authorize: AuthorizeAnswer,
}

/// What is answered to every `authorize`: the decision itself is the operator's system's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AuthorizeAnswer {
    /// Not approved.
    #[default]
    Decline,
    /// Approved.
    Approve,
}

/// Protocol 3, "Overtaking".
const MARK_COUNTS_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// `payment-instruction` of another server.
pub(crate) fn instructed(
    desk: &mut Desk<'_>,
    statement: &Statement,
    instruction: &PaymentInstruction,
) -> Outcome {
    let Some(settings) = &desk.settings.payment else {
        return not_for_us(statement);
    };
    let name = match instructed_trade(statement, &settings.shops) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let (mail, notify) = (&instruction.buyer_mail, instruction.notify.as_ref());
    let mut trade = entry_for(desk, name, mail, notify, statement);
    if let Some(known) = &trade.payment
        && known.instruction.amount != instruction.amount
    {
        return not_the_total(instruction.amount, known.instruction.amount);
    }
    begin(desk, &mut trade, instruction, Some(statement));
    desk.save(&mut trade);
    Outcome::Done {
        kind: Kind::PaymentInstruction,
        trade: trade.trade,
    }
}

/// Protocol 5, line 14 (E17).
fn not_the_total(stated: Amount, total: Amount) -> Outcome {
    Ignored::AmountIsNotTheTotal {
        stated: stated.to_string(),
        total: total.to_string(),
    }
    .into()
}

/// Makes the book entry and tells of it; one that is there is told as it is. The caller saves.
pub(crate) fn begin(
    desk: &mut Desk<'_>,
    trade: &mut Trade,
    instruction: &PaymentInstruction,
    asked: Option<&Statement>,
) {
    let is_new = trade.payment.is_none();
    if is_new {
        let mark = desk.read::<Mark>(&book::mark_key(&trade.trade, MarkOf::Refund));
        let overtaken = mark.is_some_and(|m| desk.now <= m.until);
        let mut part = PaymentPart {
            instruction: instruction.clone(),
            track: None,
        };
        let state = match instruction.method {
            _ if overtaken => PaymentState::Voided,
            // The buyer is to act.
            PaymentMethod::BankTransfer => PaymentState::Due,
            PaymentMethod::CreditCard | PaymentMethod::EMoney => PaymentState::Pending,
        };
        advance(&mut part, state, desk.now);
        if let (Some(track), Some(due)) = (&mut part.track, instruction.due) {
            track.last.settle.planned = end_of(due);
        }
        trade.payment = Some(part);
    }
    match asked {
        Some(statement) if !is_new => answer_unchanged(desk, trade, statement),
        Some(_) | None => tell_present(desk, trade, asked),
    }
}

fn answer_unchanged(desk: &mut Desk<'_>, trade: &Trade, asking: &Statement) {
    let track = trade.payment.as_ref().and_then(|p| p.track.as_ref());
    if let Some(status) = track.map(|t| t.last.clone()) {
        desk.answer_shop(trade, &Told::Payment(status), asking);
    }
}

/// A due date lasts until the day ends, in UTC.
fn end_of(date: tradepost_statements::Date) -> Option<Time> {
    format!("{date}T23:59:59Z").parse().ok()
}

fn tell_present(desk: &mut Desk<'_>, trade: &Trade, asked: Option<&Statement>) {
    let track = trade.payment.as_ref().and_then(|p| p.track.as_ref());
    if let Some(track) = track {
        let asked = match asked {
            Some(statement) => AskedBy::Shop(statement),
            None => AskedBy::Nobody,
        };
        desk.tell(trade, &Told::Payment(track.last.clone()), asked);
    }
}

/// Moves the payment's track on by the processor's own decision.
fn advance(part: &mut PaymentPart, state: PaymentState, now: Time) -> bool {
    let last = part.track.as_ref();
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), now);
    let (Ok(standing), Ok((sequence, at))) = (standing.step(state), place) else {
        return false;
    };
    let status = PaymentStatus {
        sequence,
        state,
        at,
        amount: part.instruction.amount,
        paid: last.and_then(|t| t.last.paid),
        refunded: last.and_then(|t| t.last.refunded),
        settle: When::default(),
        reason: None,
        text: None,
    };
    part.track = Some(Track {
        last: status,
        standing,
    });
    true
}

/// `refund` of another server.
pub(crate) fn refund(desk: &mut Desk<'_>, statement: &Statement, refund: &Refund) -> Outcome {
    let Some(settings) = &desk.settings.payment else {
        return not_for_us(statement);
    };
    let name = match instructed_trade(statement, &settings.shops) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let known = desk.trade(&name).filter(|t| t.payment.is_some());
    let Some(mut trade) = known else {
        if refund.refunded != refund.amount {
            // A part says nothing against the payment as a whole; the shop asks again.
            return Ignored::NoSuchTrade(name.to_string()).into();
        }
        let mark = Mark {
            until: desk.now.plus(MARK_COUNTS_FOR),
            sent_before: None,
            statement: statement.id,
        };
        desk.put(book::mark_key(&name, MarkOf::Refund), &mark);
        return Outcome::Marked(Kind::Refund);
    };
    let total = trade.payment.as_ref().map(|p| p.instruction.amount);
    let total = total.unwrap_or(refund.amount);
    if refund.amount != total || refund.refunded.currency() != total.currency() {
        return not_the_total(refund.amount, total);
    }
    if refund.refunded.is_more_than(total) {
        return not_the_total(refund.refunded, total);
    }
    let changed = give_back(desk, &mut trade, Some(statement), refund.refunded);
    desk.save(&mut trade);
    Outcome::of(Kind::Refund, trade.trade, changed)
}

/// Voids what was not settled; what was is on its way back, until `emit` tells that it is there.
/// The caller saves the trade.
pub(crate) fn give_back(
    desk: &mut Desk<'_>,
    trade: &mut Trade,
    asked: Option<&Statement>,
    refunded: Amount,
) -> bool {
    let Some(part) = &mut trade.payment else {
        return false;
    };
    let everything = refunded == part.instruction.amount;
    let track = part.track.as_ref();
    let reached = track
        .and_then(|t| t.standing.highest)
        .and_then(Progress::rank);
    let is_pending = track.is_some_and(|t| t.last.state == PaymentState::RefundPending);
    let was_part_paid = track.is_some_and(|t| t.last.paid.is_some_and(|p| !p.is_zero()));
    let next = match reached {
        None | Some(1) if everything && !was_part_paid => Some(PaymentState::Voided),
        // What was not settled is voided in part: nothing is on its way back, and a rank that
        // says so would tell the buyer that all was paid.
        None | Some(1) if !was_part_paid => None,
        None | Some(1 | 2) if !is_pending => Some(PaymentState::RefundPending),
        // Refunded or voided, or on its way.
        None | Some(_) => None,
    };
    let changed = next.is_some_and(|state| advance(part, state, desk.now));
    match asked {
        Some(statement) if !changed => answer_unchanged(desk, trade, statement),
        Some(_) => tell_present(desk, trade, asked),
        None if changed => tell_present(desk, trade, None),
        None => {}
    }
    changed
}

/// `authorize` (E3): answered as configured; no trade begins with it.
pub(crate) fn authorize(
    desk: &mut Desk<'_>,
    statement: &Statement,
    _wanted: &Authorize,
) -> Outcome {
    let Some(settings) = &desk.settings.payment else {
        return not_for_us(statement);
    };
    let name = match instructed_trade(statement, &settings.shops) {
        Ok(name) => name,
        Err(why) => return why.into(),
    };
    let answer = answer_of(settings);
    let naming = Naming {
        trade: Some(name.clone()),
        request: None,
        answers: Some(statement.id),
    };
    let body = Body::Authorization(answer);
    desk.say(&statement.from, naming, body, None);
    Outcome::Done {
        kind: Kind::Authorize,
        trade: name,
    }
}

fn answer_of(settings: &Settings) -> Authorization {
    let (approved, text) = match settings.authorize {
        AuthorizeAnswer::Approve => (true, None),
        AuthorizeAnswer::Decline => (
            false,
            Some("This payment processor authorizes nothing by itself.".to_owned()),
        ),
    };
    Authorization {
        approved,
        code: None,
        text,
        until: None,
    }
}

/// The question of this server's own shop (E27); none: it is answered later.
pub(crate) fn authorize_here(
    desk: &Desk<'_>,
    _name: &TradeRef,
    _wanted: &Authorize,
) -> Option<Authorization> {
    desk.settings.payment.as_ref().map(answer_of)
}

/// What is authorized here is answered at once and kept nowhere: there is nothing to take back.
pub(crate) fn call_off_authorization(_desk: &Desk<'_>, _name: &TradeRef) {}
