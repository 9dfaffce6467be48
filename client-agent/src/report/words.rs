//! Facts in words: times, amounts, states.

use jiff::tz::TimeZone;
use tradepost_letters::untrusted;
use tradepost_statements::Time;
use tradepost_statements::order::Line;
use tradepost_trades::buyer::view::{ParcelView, TradeView};

/// Text that somebody else wrote, on one line, with what a terminal would obey made visible.
pub(super) fn safe(text: &str) -> String {
    untrusted::show(text)
}

/// A time where the person is.
pub(crate) fn local(t: Time) -> String {
    t.timestamp()
        .to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}

/// The same without the time of day.
pub(super) fn day(t: Time) -> String {
    t.timestamp()
        .to_zoned(TimeZone::system())
        .strftime("%Y-%m-%d")
        .to_string()
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
    let name = safe(&first.name);
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
pub(super) fn delivery(trade: &TradeView) -> String {
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
pub(super) fn order(trade: &TradeView) -> String {
    trade
        .order
        .state
        .map_or_else(|| "-".to_owned(), |s| s.to_string())
}

/// The state of the payment track, or a dash.
pub(super) fn payment(trade: &TradeView) -> String {
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
        format!("parcel {}", safe(&p.parcel))
    }
}

/// Paragraphs no wider than the terminal, each line indented.
pub(super) fn wrapped(text: &str, indent: &str) -> String {
    let width = crate::output::width().saturating_sub(indent.len()).min(76);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let wide = unicode_width::UnicodeWidthStr::width(line.as_str())
            + unicode_width::UnicodeWidthStr::width(word);
        if !line.is_empty() && wide + 1 > width {
            lines.push(format!("{indent}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(format!("{indent}{line}"));
    }
    lines.join("\n")
}
