//! Which goods of a trade are meant: what the buyer gives back, and what is left.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use tradepost_statements::Amount;
use tradepost_statements::order::LineQuantity;

use crate::kernel::book::ShopPart;

/// Pieces by line.
pub(super) type Pieces = BTreeMap<u32, u32>;

pub(super) fn pieces(lines: &[LineQuantity]) -> Pieces {
    let mut all = Pieces::new();
    for l in lines {
        let of_line = all.entry(l.line).or_default();
        *of_line = of_line.saturating_add(l.quantity.get());
    }
    all
}

pub(super) fn lines(pieces: &Pieces) -> Vec<LineQuantity> {
    pieces
        .iter()
        .filter_map(|(line, quantity)| {
            let quantity = NonZeroU32::new(*quantity)?;
            Some(LineQuantity {
                line: *line,
                quantity,
            })
        })
        .collect()
}

/// The lines that were neither cancelled nor taken back: of what has not shipped, that is to be.
#[must_use]
pub fn remaining_lines(shop: &ShopPart) -> Vec<LineQuantity> {
    lines(&left(shop))
}

/// What was neither cancelled nor taken back.
pub(super) fn left(shop: &ShopPart) -> Pieces {
    let mut all: Pieces = (0..)
        .zip(&shop.record.lines)
        .map(|(i, line)| (i, line.quantity.get()))
        .collect();
    for (line, given) in pieces(&shop.given_back) {
        if let Some(quantity) = all.get_mut(&line) {
            *quantity = quantity.saturating_sub(given);
        }
    }
    all.retain(|_, quantity| *quantity > 0);
    all
}

/// What a wish means, where the trade has so much left; else why not.
pub(super) fn meant(shop: &ShopPart, wished: Option<&[LineQuantity]>) -> Result<Pieces, String> {
    let left = left(shop);
    let Some(wished) = wished else {
        return Ok(left);
    };
    let wished = pieces(wished);
    for (line, quantity) in &wished {
        let index = usize::try_from(*line).ok();
        let Some(ordered) = index.and_then(|i| shop.record.lines.get(i)) else {
            return Err(format!("This order has no line {line}; they count from 0."));
        };
        let most = left.get(line).copied().unwrap_or(0);
        if *quantity > most {
            let name = super::shortened(&ordered.name);
            return Err(format!(
                "Of line {line} ({name}) {most} are left that can be given back, not {quantity}."
            ));
        }
    }
    Ok(wished)
}

/// What is left of the payment; none where more is paid back than it came to.
pub(super) fn not_given_back(shop: &ShopPart) -> Option<Amount> {
    let asked = shop.asked.unwrap_or(shop.record.total);
    let before = shop.refunded.unwrap_or(Amount::zero(asked.currency()));
    asked.minus(before).ok()
}

/// What the pieces cost; none: charges and discounts are in the total, so only the shop can say.
pub(super) fn price(shop: &ShopPart, pieces: &Pieces) -> Option<Amount> {
    let record = &shop.record;
    let total = record.total;
    let rest = not_given_back(shop)?;
    if *pieces == left(shop) {
        return Some(rest);
    }
    let is_plain = record.charges.as_ref().is_none_or(Vec::is_empty)
        && record.discounts.as_ref().is_none_or(Vec::is_empty);
    if !is_plain {
        return None;
    }
    let mut sum = Amount::zero(total.currency());
    for (line, quantity) in pieces {
        let of_line = record.lines.get(usize::try_from(*line).ok()?)?;
        sum = sum.plus(of_line.price.times(*quantity)).ok()?;
    }
    // What was paid back as a favour before is not paid twice.
    Some(if sum.is_more_than(rest) { rest } else { sum })
}
