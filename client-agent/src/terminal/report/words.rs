//! Facts in words: names, amounts, states.

use tradepost_buyer::plain;
use tradepost_buyer::view::{BuyerTradeView, ParcelView};
use tradepost_letters::untrusted;
use tradepost_statements::order::Line;

/// Text that somebody else wrote, on one line, with what a terminal would obey made visible, and
/// without links that it would make clickable.
pub(super) fn safe(text: &str) -> String {
    untrusted::show(&plain::without_links(text))
}

/// A name of a shop, a carrier, an article, a parcel or a person (protocol 1), without links.
pub(super) fn name(text: &str) -> String {
    plain::without_links(&untrusted::name(text))
}

/// The same for what names senders: domains that are not ASCII stand in both forms.
pub(super) fn named(text: &str) -> String {
    safe(&plain::with_both_forms(text))
}

/// Who sent a letter by its own word: a name, and an address in both forms.
pub(super) fn sender(from: &str) -> String {
    plain::without_links(&untrusted::sender(&plain::with_both_forms(from)))
}

/// `1 letter`, `2 letters`.
pub(super) fn count(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}

/// `2 x Kettle, and 1 more`.
pub(super) fn what_was_bought(lines: &[Line]) -> String {
    let Some(first) = lines.first() else {
        return String::new();
    };
    let quantity = first.quantity.get();
    let name = name(&first.name);
    let first = if quantity == 1 {
        name
    } else {
        format!("{quantity} x {name}")
    };
    match lines.len() {
        0 | 1 => first,
        n => format!("{first}, and {} more", n - 1),
    }
}

/// How far a delivery is: the parcel that is least far tells.
pub(super) fn delivery(trade: &BuyerTradeView) -> String {
    let mut states: Vec<String> = trade
        .delivery
        .iter()
        .map(|p| {
            p.state
                .map_or_else(|| "expected".to_owned(), |s| s.to_string())
        })
        .collect();
    states.dedup();
    match states.as_slice() {
        [] => "-".to_owned(),
        [one] if trade.delivery.len() == 1 => one.clone(),
        [one] => format!("{} x {one}", trade.delivery.len()),
        several => several.join(", "),
    }
}

/// The state of the order track, or a dash.
pub(super) fn order(trade: &BuyerTradeView) -> String {
    trade
        .order
        .state
        .map_or_else(|| "-".to_owned(), |s| s.to_string())
}

/// The state of the payment track, or a dash.
pub(super) fn payment(trade: &BuyerTradeView) -> String {
    trade
        .payment
        .state
        .map_or_else(|| "-".to_owned(), |s| s.to_string())
}

/// A parcel's name for people.
pub(super) fn parcel(p: &ParcelView) -> String {
    if p.parcel.is_empty() {
        "delivery".to_owned()
    } else {
        format!("parcel {}", name(&p.parcel))
    }
}
