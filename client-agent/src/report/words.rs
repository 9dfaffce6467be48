//! Facts in words: times, amounts, states.

use jiff::tz::TimeZone;
use tradepost_buyer::plain;
use tradepost_buyer::view::{BuyerTradeView, ParcelView};
use tradepost_letters::untrusted;
use tradepost_statements::Time;
use tradepost_statements::order::Line;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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

/// Paragraphs no wider than the terminal, each line indented.
pub(super) fn wrapped(text: &str, indent: &str) -> String {
    let width = crate::output::width().saturating_sub(indent.len()).min(76);
    lines_of(text, width, indent).join("\n")
}

/// The same, but at most so many lines, and none longer than they may be: what does not fit is cut.
pub(super) fn clipped(text: &str, indent: &str, most: usize) -> String {
    const CUT: &str = " [...]";
    let width = crate::output::width().min(78).saturating_sub(indent.len());
    let mut pieces = Vec::new();
    // Far more than fits need not be laid out.
    for word in text.split_whitespace().take(most * width) {
        pieces.extend(broken(word, width, most));
    }
    let mut lines = lines_of(&pieces.join(" "), width, indent);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            let room = (indent.len() + width).saturating_sub(CUT.len());
            while UnicodeWidthStr::width(last.as_str()) > room {
                last.pop();
            }
            last.push_str(CUT);
        }
    }
    lines.join("\n")
}

/// A word in pieces that fit on a line; beyond the lines that there may be, no more of it.
fn broken(word: &str, width: usize, most: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for c in word.chars() {
        let wide = UnicodeWidthChar::width(c).unwrap_or(0);
        if used + wide > width {
            if pieces.len() > most {
                break;
            }
            pieces.push(String::new());
            used = 0;
        }
        used += wide;
        if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces
}

/// A line that may go on in others, indented: each line of ours begins at the first column, and none of
/// what others wrote does.
pub(super) fn hanging(text: &str) -> String {
    clipped(text, "  ", 3).trim_start().to_owned()
}

fn lines_of(text: &str, width: usize, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let wide = UnicodeWidthStr::width(line.as_str()) + UnicodeWidthStr::width(word);
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
    lines
}
