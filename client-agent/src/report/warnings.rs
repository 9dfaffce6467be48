//! Warnings: what was received, what was expected, what the person can do (E26).

use tradepost_trades::buyer::view::WarningView;
use tradepost_trades::buyer::warning::WarningState;

use super::table::Column::{Free, Whole};
use super::table::Table;
use super::words::{count, local, safe, wrapped};

/// `warnings`.
pub(crate) fn warnings(warnings: &[WarningView], all: bool) -> String {
    if warnings.is_empty() {
        return if all {
            "There have been no warnings.".to_owned()
        } else {
            "There are no open warnings: everything that came fits. `--all` shows earlier ones."
                .to_owned()
        };
    }
    let mut table = Table::new(&[
        Whole("NO"),
        Whole("WHEN"),
        Whole("WARNING"),
        Whole("TRADE"),
        Free("FROM"),
        Whole(if all { "STATE" } else { "" }),
    ]);
    for w in warnings {
        table.row([
            w.id.to_string(),
            local(w.at),
            w.kind.to_string(),
            w.trade
                .as_ref()
                .map(|t| t.id.to_string())
                .unwrap_or_default(),
            w.letter.from.as_deref().map(address).unwrap_or_default(),
            if all {
                w.state.to_string()
            } else {
                String::new()
            },
        ]);
    }
    let open = warnings
        .iter()
        .filter(|w| w.state == WarningState::Open)
        .count();
    format!(
        "{}\n\n{}. `tradepost warnings show NO` says more; then dismiss or accept it.",
        table.print(),
        count(open, "open warning")
    )
}

/// The address in a From field, on a line: the name before it is anybody's word.
fn address(from: &str) -> String {
    const LONGEST: usize = 30;
    let bracketed = from
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    let address = safe(bracketed.map_or(from, |(address, _)| address).trim());
    if address.chars().count() <= LONGEST {
        return address;
    }
    let start: String = address.chars().take(LONGEST - 3).collect();
    format!("{start}...")
}

/// `warnings show`.
pub(crate) fn warning(w: &WarningView) -> String {
    let mut out = vec![
        format!("Warning {}: {} ({})", w.id, w.kind, w.state),
        String::new(),
    ];
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            // Below one another, beside their names.
            let lines = wrapped(&value, "          ");
            out.push(format!("{name:<10}{}", lines.trim_start()));
        }
    };
    fact("when", Some(local(w.at)));
    fact("trade", w.trade.as_ref().map(|t| safe(&t.to_string())));
    fact("from", w.letter.from.as_deref().map(safe));
    fact("subject", w.letter.subject.as_deref().map(safe));
    fact("dated", w.letter.date.map(local));
    fact("letter", w.letter.message_id.as_deref().map(safe));
    fact("evidence", w.rule.map(|_| with_proof(w)));
    fact(
        "rule",
        w.rule
            .map(|line| format!("line {line} of section 5 of the protocol")),
    );
    fact("received", Some(safe(&w.received)));
    fact("expected", Some(safe(&w.expected)));
    if let Ok(n @ 1..) = usize::try_from(w.more) {
        fact("more", Some(format!("{} like it", count(n, "letter"))));
    }
    out.push(String::new());
    out.push(wrapped(&w.text, ""));
    if w.state == WarningState::Open {
        out.push(String::new());
        out.push(format!("  tradepost warnings dismiss {}", w.id));
        if w.rule.is_some() {
            out.push(format!("  tradepost warnings accept {}", w.id));
        }
    }
    out.join("\n")
}

fn with_proof(w: &WarningView) -> String {
    if w.proof.is_empty() {
        w.evidence.to_string()
    } else {
        format!("{}: {}", w.evidence, safe(&w.proof))
    }
}
