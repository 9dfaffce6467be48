//! A line about a payment: its amounts add up, or it is refused (E13, E17).

use tradepost_statements::instruction::PaymentInstruction;
use tradepost_statements::progress::{Progress, Track as TrackKind};
use tradepost_statements::status::PaymentStatus;
use tradepost_statements::{Address, Amount, PaymentState, TradeRef};

use super::refusal::Refusal;
use crate::server::Desk;
use crate::server::book::{self, PaymentPart, Track, Trade};
use crate::server::track::{Standing, next_place};

/// Moves the payment's track on as the line says.
pub(super) fn payment(
    desk: &Desk<'_>,
    trade: &mut Trade,
    mut status: PaymentStatus,
) -> Result<PaymentStatus, Refusal> {
    let part = match &mut trade.payment {
        Some(part) => part,
        none => none.insert(own_part(
            desk,
            trade.shop.as_ref(),
            &trade.trade,
            &trade.buyer_mail,
        )?),
    };
    let total = part.instruction.amount;
    if status.amount != total {
        return Err(Refusal::AmountIsNotTheTotal {
            stated: status.amount,
            total,
        });
    }
    let last = part.track.as_ref();
    let standing = last.map_or(Standing::start(), |t| t.standing);
    let standing = standing.step(status.state)?;
    let place = next_place(last.map(|t| (t.last.sequence, t.last.at)), status.at);
    (status.sequence, status.at) = place?;
    if let Some(track) = last {
        status.settle.planned = status.settle.planned.or(track.last.settle.planned);
        if status.state != PaymentState::Settled {
            status.paid = status.paid.or(track.last.paid);
        }
        status.refunded = status.refunded.or(track.last.refunded);
    }
    check_money(&status, total)?;
    part.track = Some(Track {
        last: status.clone(),
        standing,
    });
    Ok(status)
}

/// A trade that was placed elsewhere has no instruction; its record names us (E27).
pub(super) fn own_part(
    desk: &Desk<'_>,
    shop: Option<&book::ShopPart>,
    trade: &TradeRef,
    buyer_mail: &Address,
) -> Result<PaymentPart, Refusal> {
    let names_us = shop.filter(|s| s.record.payment.processor == desk.settings.address);
    let Some(shop) = names_us else {
        return Err(Refusal::TrackIsNotOurs {
            track: TrackKind::Payment.word(),
            trade: trade.to_string(),
            why: "no payment-instruction of its shop has arrived",
        });
    };
    Ok(PaymentPart {
        instruction: PaymentInstruction {
            amount: shop.record.total,
            method: shop.record.payment.method,
            reference: None,
            buyer_mail: buyer_mail.clone(),
            notify: None,
            due: None,
        },
        track: None,
    })
}

/// Protocol 5, line 14: what a reader would warn about is not said.
fn check_money(status: &PaymentStatus, total: Amount) -> Result<(), Refusal> {
    for (member, amount) in [("paid", status.paid), ("refunded", status.refunded)] {
        if let Some(stated) = amount.filter(|a| a.currency() != total.currency()) {
            return Err(Refusal::OtherCurrency {
                member,
                stated,
                total,
            });
        }
    }
    if let Some(paid) = status.paid {
        if paid.is_more_than(total) {
            return Err(Refusal::MoreThanCanBe {
                member: "paid",
                stated: paid,
                most: total,
            });
        }
        if status.state == PaymentState::Settled && paid != total {
            return Err(Refusal::SettledIsAllOfIt { paid, total });
        }
    }
    let paid_so_far = match (status.state, status.paid) {
        (PaymentState::Settled, _) => total,
        (_, Some(paid)) => paid,
        (PaymentState::Refunded | PaymentState::Voided, None) => total,
        (state, None) if state.rank() == Some(2) => total,
        (_, None) => Amount::zero(total.currency()),
    };
    match status.refunded {
        Some(stated) if stated.is_more_than(paid_so_far) => Err(Refusal::MoreThanCanBe {
            member: "refunded",
            stated,
            most: paid_so_far,
        }),
        Some(_) | None => Ok(()),
    }
}
