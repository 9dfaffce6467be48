//! Lines 14 and 15: amounts and items that fit the trade.

use tradepost_statements::order::{Line, LineQuantity};
use tradepost_statements::status::PaymentStatus;
use tradepost_statements::{Amount, Body, Statement};
use tradepost_trades::paid::paid_for_refund;

use super::TradeQuestion;
use crate::known::Agreed;
use crate::warning::Mismatch;

pub(super) fn another_currency(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let (p, total) = (payment(q.statement)?, present_total(q.known.agreed?)?);
    let others = [p.paid, p.refunded].into_iter().flatten();
    let stray = std::iter::once(p.amount)
        .chain(others)
        .find(|a| a.currency() != total.currency())?;
    Some(Mismatch::new(
        format!("an amount in {}", stray.currency()),
        format!("an amount in {}", total.currency()),
    ))
}

/// A status made before a newer version of the record speaks of that version's total.
pub(super) fn not_the_total(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let (p, agreed) = (payment(q.statement)?, q.known.agreed?);
    let total = present_total(agreed)?;
    (!agreed.totals.contains(&p.amount)).then(|| {
        Mismatch::new(
            format!("the amount {}", p.amount),
            format!("the total {total}"),
        )
    })
}

pub(super) fn paid_too_much(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let p = payment_of_known(q)?;
    let paid = p.paid.filter(|paid| paid.is_more_than(p.amount))?;
    Some(Mismatch::new(
        format!("{paid} paid"),
        format!("at most {}", p.amount),
    ))
}

pub(super) fn refunded_too_much(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let p = payment_of_known(q)?;
    let paid = paid_for_refund(p.state, p.paid, p.amount);
    let refunded = p.refunded.filter(|r| r.is_more_than(paid))?;
    Some(Mismatch::new(
        format!("{refunded} refunded"),
        format!("at most {paid}, what was paid"),
    ))
}

pub(super) fn returned_too_much(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    let Body::ReturnDecision(decision) = &q.statement.body else {
        return None;
    };
    let (refund, agreed) = (decision.refund?, q.known.agreed?);
    let total = present_total(agreed)?;
    let fits = refund.currency() == total.currency()
        && agreed.totals.iter().any(|t| !refund.is_more_than(*t));
    (!fits).then(|| Mismatch::new(format!("a refund of {refund}"), format!("at most {total}")))
}

fn payment(s: &Statement) -> Option<&PaymentStatus> {
    match &s.body {
        Body::PaymentStatus(p) => Some(p),
        Body::Order(_)
        | Body::TradeRecord(_)
        | Body::OrderRejected(_)
        | Body::Confirm(_)
        | Body::Cancel(_)
        | Body::Return(_)
        | Body::ReturnDecision(_)
        | Body::StatusRequest
        | Body::Notify(_)
        | Body::UnknownTrade
        | Body::OrderStatus(_)
        | Body::DeliveryStatus(_)
        | Body::Authorize(_)
        | Body::Authorization(_)
        | Body::PaymentInstruction(_)
        | Body::DeliveryInstruction(_)
        | Body::Refund(_)
        | Body::Recall(_) => None,
    }
}

fn payment_of_known<'q>(q: &TradeQuestion<'q>) -> Option<&'q PaymentStatus> {
    q.known.agreed?;
    payment(q.statement)
}

fn present_total(agreed: &Agreed) -> Option<Amount> {
    agreed.totals.last().copied()
}

pub(super) fn no_such_line(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    match q.stray_part()? {
        Stray::NoSuchLine { part, lines } => Some(Mismatch::new(
            format!("line {} of the trade", part.line),
            format!("lines 0 to {}", lines.saturating_sub(1)),
        )),
        Stray::TooMany { .. } => None,
    }
}

pub(super) fn more_than_there_is(q: &TradeQuestion<'_>) -> Option<Mismatch> {
    match q.stray_part()? {
        Stray::TooMany { part, most } => Some(Mismatch::new(
            format!("{} of line {}", part.quantity, part.line),
            format!("at most {most}"),
        )),
        Stray::NoSuchLine { .. } => None,
    }
}

/// Something in a parcel that is not in the trade.
enum Stray<'q> {
    NoSuchLine {
        part: &'q LineQuantity,
        lines: usize,
    },
    TooMany {
        part: &'q LineQuantity,
        most: u32,
    },
}

impl<'q> TradeQuestion<'q> {
    /// The first that the present lines do not have. A status made before a newer version of the record
    /// speaks of that version's lines.
    fn stray_part(&self) -> Option<Stray<'q>> {
        let Body::DeliveryStatus(status) = &self.statement.body else {
            return None;
        };
        let versions = &self.known.agreed?.lines;
        let stray = |lines: &Vec<Line>| {
            let mut parts = status.lines.iter().flatten();
            parts.find_map(|part| stray_from(part, lines))
        };
        if versions.iter().any(|lines| stray(lines).is_none()) {
            return None;
        }
        stray(versions.last()?)
    }
}

fn stray_from<'p>(part: &'p LineQuantity, lines: &[Line]) -> Option<Stray<'p>> {
    let line = usize::try_from(part.line).ok().and_then(|i| lines.get(i));
    match line {
        None => Some(Stray::NoSuchLine {
            part,
            lines: lines.len(),
        }),
        Some(line) if part.quantity > line.quantity => Some(Stray::TooMany {
            part,
            most: line.quantity.get(),
        }),
        Some(_) => None,
    }
}
