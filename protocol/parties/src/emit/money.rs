//! A line about a payment: its amounts add up, or it is refused (E13, E17).

use tradepost_statements::instruction::PaymentInstruction;
use tradepost_statements::progress::{Progress, Track as TrackKind};
use tradepost_statements::status::PaymentStatus;
use tradepost_statements::{Address, Amount, PaymentState, TradeRef};
use tradepost_trades::paid::paid_for_refund;

use super::refusal::LineRefusal;
use super::status::step;
use crate::kernel::PartyCase;
use crate::kernel::book::{self, PartyTrack, PartyTrade, PaymentPart};
use crate::kernel::track::{Standing, next_place};
use crate::payment;

/// Moves the payment's track on as the line says; none: it has ended, and the line says nothing new.
pub(super) fn payment(
    case: &PartyCase<'_>,
    trade: &mut PartyTrade,
    mut status: PaymentStatus,
    says_when: bool,
) -> Result<Option<PaymentStatus>, LineRefusal> {
    let recorded = trade.shop.as_ref().map(|s| s.record.total);
    let part = match &mut trade.payment {
        Some(part) => part,
        none => none.insert(own_part(
            case,
            trade.shop.as_ref(),
            &trade.trade,
            &trade.buyer_mail,
        )?),
    };
    let total = part.instruction.amount;
    if recorded == Some(status.amount) {
        // What was settled before the total changed is told of the total that it was settled by.
        status.amount = total;
    }
    if status.amount != total {
        return Err(LineRefusal::AmountIsNotTheTotal {
            stated: status.amount,
            total,
        });
    }
    let last = part.track.as_ref();
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let standing = step(standing, status.state, PaymentState::ALL)?;
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), status.at);
    (status.sequence, status.at) = place?;
    check_currencies(&status, total)?;
    if let Some(track) = last {
        check_sums_grow(&status, &track.last)?;
        keep_what_holds(&mut status, &track.last);
        if says_nothing_new(&mut status, &track.last, says_when) {
            return Ok(None);
        }
    }
    if status.state == PaymentState::PartlyRefunded {
        // Without a word, it is what the shop asked for.
        status.refunded = status.refunded.or_else(|| payment::owed(part));
    }
    check_money(&mut status, last.map(|t| &t.last), total)?;
    part.track = Some(PartyTrack {
        last: status.clone(),
        standing,
    });
    Ok(Some(status))
}

/// A status is a snapshot (protocol 4): what was known before and is not told anew still holds.
fn keep_what_holds(status: &mut PaymentStatus, before: &PaymentStatus) {
    status.settle.planned = status.settle.planned.or(before.settle.planned);
    if status.state.rank() > PaymentState::Pending.rank() && status.state != PaymentState::Voided {
        status.settle.actual = status.settle.actual.or(before.settle.actual);
    }
    if status.state != PaymentState::Settled {
        let of_another_total = payment::paid_of_another_total(before, status.amount);
        status.paid = status.paid.or(before.paid).or(of_another_total);
    }
    match status.state {
        // They are about a new sum.
        PaymentState::Refunded | PaymentState::PartlyRefunded => {}
        PaymentState::Pending
        | PaymentState::Due
        | PaymentState::Declined
        | PaymentState::PartlyPaid
        | PaymentState::PastDue
        | PaymentState::Authorized
        | PaymentState::Scheduled
        | PaymentState::Settled
        | PaymentState::Disputed
        | PaymentState::RefundPending
        | PaymentState::Voided => status.refunded = status.refunded.or(before.refunded),
    }
}

/// Whether the payment had ended, and the line says what was said before. `actual` is the time of
/// the line where it says none.
fn says_nothing_new(status: &mut PaymentStatus, before: &PaymentStatus, says_when: bool) -> bool {
    if status.state != before.state || !status.state.is_end() || status.amount != before.amount {
        return false;
    }
    let actual = status.settle.actual.filter(|_| says_when);
    status.settle.actual = actual.or(before.settle.actual);
    let again = PaymentStatus {
        sequence: before.sequence,
        at: before.at,
        paid: status.paid.or(before.paid),
        refunded: status.refunded.or(before.refunded),
        reason: status.reason.clone().or_else(|| before.reason.clone()),
        text: status.text.clone().or_else(|| before.text.clone()),
        ..status.clone()
    };
    again == *before
}

/// A trade that was placed elsewhere has no instruction; its record names us (E27).
pub(super) fn own_part(
    case: &PartyCase<'_>,
    shop: Option<&book::ShopPart>,
    trade: &TradeRef,
    buyer_mail: &Address,
) -> Result<PaymentPart, LineRefusal> {
    let names_us = shop.filter(|s| s.record.payment.processor == case.settings.address);
    let Some(shop) = names_us else {
        return Err(LineRefusal::TrackIsNotOurs {
            track: TrackKind::Payment.word(),
            trade: trade.to_string(),
            why: "no payment-instruction of its shop has arrived",
        });
    };
    Ok(PaymentPart::of(PaymentInstruction {
        amount: shop.record.total,
        method: shop.record.payment.method,
        reference: None,
        buyer_mail: buyer_mail.clone(),
        notify: None,
        due: None,
    }))
}

fn check_currencies(status: &PaymentStatus, total: Amount) -> Result<(), LineRefusal> {
    for (member, amount) in [("paid", status.paid), ("refunded", status.refunded)] {
        if let Some(stated) = amount.filter(|a| a.currency() != total.currency()) {
            return Err(LineRefusal::OtherCurrency {
                member,
                stated,
                total,
            });
        }
    }
    Ok(())
}

/// Both are sums so far. What was paid gets less only where the bank took it back.
fn check_sums_grow(status: &PaymentStatus, before: &PaymentStatus) -> Result<(), LineRefusal> {
    let took_back = matches!(
        status.state,
        PaymentState::Declined | PaymentState::Disputed
    );
    let paid = if took_back { None } else { status.paid };
    for (member, stated, before) in [
        ("paid", paid, before.paid),
        ("refunded", status.refunded, before.refunded),
    ] {
        if let (Some(stated), Some(before)) = (stated, before)
            && before.is_more_than(stated)
        {
            return Err(LineRefusal::SumShrinks {
                member,
                stated,
                before,
            });
        }
    }
    Ok(())
}

/// The amounts fit the state and one another. Protocol 5, line 14: what a reader would warn about is
/// not said.
fn check_money(
    status: &mut PaymentStatus,
    before: Option<&PaymentStatus>,
    total: Amount,
) -> Result<(), LineRefusal> {
    use PaymentState as P;
    let state = status.state;
    let paid_before = before
        .filter(|b| b.state != P::Voided)
        .map(|b| paid_for_refund(b.state, b.paid, b.amount));
    if let Some(paid) = status.paid {
        if paid.is_more_than(total) {
            return Err(LineRefusal::MoreThanCanBe {
                member: "paid",
                stated: paid,
                most: total,
            });
        }
        if state == P::Settled && paid != total {
            return Err(LineRefusal::SettledIsAllOfIt { paid, total });
        }
    }
    let fits = |because: String, instead: &'static str| LineRefusal::AnotherStateFits {
        state,
        because,
        instead,
    };
    match (state, status.paid) {
        (P::PartlyPaid, None) => {
            return Err(LineRefusal::HowMuch {
                member: "paid",
                state,
            });
        }
        (P::PartlyPaid, Some(paid)) if paid == total => {
            return Err(fits(format!("{paid} is all of it"), P::Settled.word()));
        }
        (P::PartlyPaid, Some(paid)) if paid.is_zero() => {
            return Err(fits("nothing is paid".to_owned(), P::Due.word()));
        }
        (P::Voided, _) if paid_before.is_some_and(|p| !p.is_zero()) => {
            let because = "something was paid, and is not voided but refunded".to_owned();
            return Err(fits(because, P::Refunded.word()));
        }
        (P::Refunded, _) => {
            // All of what was paid, which is the total unless a part was told.
            let all = paid_for_refund(state, status.paid, total);
            let refunded = *status.refunded.get_or_insert(all);
            if all.is_more_than(refunded) {
                let because = format!("{refunded} is not all of {all}");
                return Err(fits(because, P::PartlyRefunded.word()));
            }
        }
        (P::PartlyRefunded, _) => match status.refunded {
            None => {
                return Err(LineRefusal::HowMuch {
                    member: "refunded",
                    state,
                });
            }
            Some(refunded) if refunded == paid_for_refund(state, status.paid, total) => {
                let because = format!("{refunded} is all of it");
                return Err(fits(because, P::Refunded.word()));
            }
            Some(_) => {}
        },
        (
            P::Pending
            | P::Due
            | P::Declined
            | P::PartlyPaid
            | P::PastDue
            | P::Authorized
            | P::Scheduled
            | P::Settled
            | P::Disputed
            | P::RefundPending
            | P::Voided,
            _,
        ) => {}
    }
    let most = paid_for_refund(state, status.paid, total);
    match status.refunded {
        Some(stated) if stated.is_more_than(most) => Err(LineRefusal::MoreThanCanBe {
            member: "refunded",
            stated,
            most,
        }),
        Some(_) | None => Ok(()),
    }
}
