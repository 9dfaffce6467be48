//! Answers for people: tables and sentences that read well at 80 columns and without colour.
//! Text that comes from letters passes [`untrusted::show`] on its way here.
//!
//! [`untrusted::show`]: tradepost_letters::untrusted::show

mod asking;
mod expected;
mod held;
mod trades;
mod undone;
mod warnings;

mod words;

use tradepost_buyer::plain;
use tradepost_buyer::view::StatsView;
use tradepost_letters::untrusted;
use tradepost_statements::Amount;

pub(crate) use asking::{plan, plans, requests};
pub(crate) use expected::{awaited, expected, now_expected, to_expect};
pub(crate) use held::held;
pub(crate) use trades::{list, pending, show, sort};
pub(crate) use warnings::{warning, warnings};

use crate::api::{Preview, SendState, Sending, VerdictLine};
use words::{count, named, safe};

pub(crate) fn stats(s: &StatsView) -> String {
    let mut lines = vec![
        format!("{:<14}{}", "trades", s.trades),
        format!("{:<14}{}", "undelivered", s.undelivered),
        format!(
            "{:<14}{}",
            "unpaid",
            with_amounts(s.unpaid, &s.unpaid_total)
        ),
        format!("{:<14}{}", "warnings", s.warnings),
    ];
    if s.held > 0 {
        lines.push(format!(
            "{:<14}{} (letters that wait: see `tradepost held`)",
            "held", s.held
        ));
    }
    if s.adopted > 0 {
        lines.push(format!(
            "{:<14}{} (ordered elsewhere, not confirmed by you; not counted above)",
            "adopted", s.adopted
        ));
    }
    lines.join("\n")
}

/// `2: 147.00 EUR, 20.00 USD`.
pub(super) fn with_amounts(n: u64, amounts: &[Amount]) -> String {
    let amounts: Vec<String> = amounts.iter().map(ToString::to_string).collect();
    if amounts.is_empty() {
        n.to_string()
    } else {
        format!("{n}: {}", amounts.join(", "))
    }
}

/// What became of a letter that a command sent.
pub(crate) fn sending(s: &Sending) -> String {
    let to = safe(&s.to);
    let mut lines = Vec::new();
    if let Some(request) = &s.request {
        lines.push(format!("request {}", safe(request)));
    }
    let why = s
        .text
        .as_deref()
        .map(|t| format!(" ({})", safe(t)))
        .unwrap_or_default();
    lines.push(match s.state {
        SendState::Left => format!("The {} has left for {to}.", s.kind),
        SendState::Queued => format!(
            "The {} to {to} is queued{why}. It leaves as soon as the mail server takes it: \
             keep `tradepost daemon` running, or run `tradepost daemon --once` later.",
            s.kind
        ),
        SendState::Refused => format!("The mail server refused the {} to {to}{why}.", s.kind),
        SendState::Noted => safe(s.text.as_deref().unwrap_or("noted")),
    });
    lines.join("\n")
}

/// An order before it leaves.
pub(crate) fn preview(p: &Preview) -> String {
    let text = untrusted::show_lines(&plain::without_links(&p.text));
    format!(
        "From     {}\nTo       {}\nSubject  {}\n\n{}",
        named(&p.from),
        named(&p.to),
        safe(&p.subject),
        text.trim_end()
    )
}

/// A letter as it came.
pub(crate) fn letter(raw: &str) -> String {
    let marked = untrusted::letter(&plain::without_links(raw));
    format!("\nThe letter\n\n{marked}")
}

/// A line for each imported letter.
pub(crate) fn verdict(line: &VerdictLine) -> String {
    let mut words = vec![safe(&line.file), line.verdict.word().to_owned()];
    if let Some(warning) = line.warning {
        words.push(warning.to_string());
    }
    if let Some(kind) = line.kind {
        words.push(kind.to_string());
    }
    if let Some(trade) = &line.trade {
        words.push(safe(&trade.to_string()));
    }
    words.join("  ")
}

/// How many letters were imported, by verdict.
pub(crate) fn verdicts(counts: &std::collections::BTreeMap<&'static str, usize>) -> String {
    let total: usize = counts.values().sum();
    let each: Vec<String> = counts
        .iter()
        .map(|(verdict, n)| format!("{n} {verdict}"))
        .collect();
    if each.is_empty() {
        return "No letters were found.".to_owned();
    }
    format!("{}: {}", count(total, "letter"), each.join(", "))
}
