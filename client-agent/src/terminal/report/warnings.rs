//! Warnings: what was received, what was expected, what the person can do (E26).

use tradepost_agent::terminal::table::Column::{Free, Whole};
use tradepost_agent::terminal::table::Table;
use tradepost_agent::terminal::time::local;
use tradepost_agent::terminal::wrap::clipped;
use tradepost_buyer::plain;
use tradepost_buyer::view::WarningView;
use tradepost_buyer::warning::{OtherPayee, WarningState};

use super::words::{count, named, safe, sender};

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
                format!("{} {}", w.state, more(w.more))
            } else {
                more(w.more)
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

/// `+9,980 more`: letters of the same group that were only counted.
fn more(letters: u64) -> String {
    if letters == 0 {
        return String::new();
    }
    let digits = letters.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("+{grouped} more")
}

/// Whom the letter would have paid in place of whom: on one line, or two where they are long.
fn payee(other: &OtherPayee) -> Vec<String> {
    const LINE: usize = 80;
    const SAID: &str = "who is to be paid: ";
    const THEN: &str = " -> ";
    let from = end_of(other.from.as_str(), LINE - SAID.len());
    let to = end_of(other.to.as_str(), LINE - SAID.len());
    if SAID.len() + from.chars().count() + THEN.len() + to.chars().count() <= LINE {
        return vec![format!("{SAID}{from}{THEN}{to}")];
    }
    vec![
        format!("{SAID}{from}"),
        format!("{THEN:>width$}{to}", width = SAID.len()),
    ]
}

/// The address in a From field, on a line: the name before it is anybody's word.
fn address(from: &str) -> String {
    const LONGEST: usize = 30;
    let bracketed = from
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    end_of(
        bracketed.map_or(from, |(address, _)| address).trim(),
        LONGEST,
    )
}

/// Of a long address the end stays, which tells whose domain it is; the start may be made to look like a
/// shop.
fn end_of(address: &str, longest: usize) -> String {
    let address = safe(&plain::in_punycode(address));
    let length = address.chars().count();
    if length <= longest {
        return address;
    }
    let end: String = address.chars().skip(length - (longest - 3)).collect();
    format!("...{end}")
}

/// `warnings show`: what came, what was expected, how the sender was proven or not, what to do. One
/// screen of 24 lines at 80 columns, whatever the letter says of itself.
pub(crate) fn warning(w: &WarningView) -> String {
    let mut out = w.payee.as_ref().map_or_else(Vec::new, payee);
    // What a changed payee takes of the screen.
    let most = if out.is_empty() { 2 } else { 1 };
    out.push(format!("Warning {}: {} ({})", w.id, w.kind, w.state));
    out.push(String::new());
    let mut fact = |name: &str, value: Option<String>, most: usize| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            // Below one another, beside their names.
            let lines = clipped(&value, "          ", most);
            out.push(format!("{name:<10}{}", lines.trim_start()));
        }
    };
    fact("when", Some(when(w)), 1);
    fact("trade", w.trade.as_ref().map(|t| named(&t.to_string())), 2);
    fact("from", w.letter.from.as_deref().map(sender), 2);
    fact("subject", w.letter.subject.as_deref().map(safe), 1);
    fact("letter", w.letter.message_id.as_deref().map(safe), 1);
    fact("received", Some(safe(&w.received)), most);
    fact("expected", Some(safe(&w.expected)), most);
    let is_of_a_letter = w.rule.is_some() || !w.proof.is_empty();
    fact("evidence", is_of_a_letter.then(|| with_proof(w)), 3);
    fact(
        "rule",
        w.rule
            .map(|line| format!("line {line} of section 5 of the protocol")),
        1,
    );
    fact(
        "more",
        Some(more(w.more))
            .filter(|m| !m.is_empty())
            .map(|m| format!("{m} like it on that day, counted and not kept")),
        1,
    );
    out.push(String::new());
    out.push(clipped(&w.text, "", 4));
    if w.state == WarningState::Open {
        let dismiss = format!("  tradepost warnings dismiss {}", w.id);
        out.push(match w.rule {
            Some(_) => format!("{dismiss}   or   tradepost warnings accept {}", w.id),
            None => dismiss,
        });
    }
    out.join("\n")
}

fn when(w: &WarningView) -> String {
    match w.letter.date {
        Some(date) => format!("{}, dated {}", local(w.at), local(date)),
        None => local(w.at),
    }
}

fn with_proof(w: &WarningView) -> String {
    if w.proof.is_empty() {
        w.evidence.to_string()
    } else {
        format!("{}: {}", w.evidence, safe(&w.proof))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tradepost_buyer::WarningKind;
    use tradepost_buyer::view::LetterView;
    use tradepost_statements::{Evidence, Time};

    /// A warning that fills its screen.
    fn long(kind: WarningKind) -> WarningView {
        let filled = |n: usize| "word ".repeat(n);
        WarningView {
            id: 4711,
            kind,
            rule: Some(13),
            at: Time::from_unix_millis(0),
            state: WarningState::Open,
            trade: "orders@shop.example/T-1"
                .rsplit_once('/')
                .map(|(shop, id)| tradepost_statements::TradeRef {
                    shop: shop.parse().unwrap(),
                    id: id.parse().unwrap(),
                }),
            letter: LetterView {
                message_id: Some(filled(100)),
                from: Some(filled(100)),
                subject: Some(filled(100)),
                date: Some(Time::from_unix_millis(0)),
            },
            evidence: Evidence::None,
            payee: None,
            received: filled(100),
            expected: filled(100),
            text: kind.advice().to_owned(),
            letter_no: Some(1),
            proof: filled(100),
            more: 9980,
        }
    }

    // Requirements: E26
    #[test]
    fn who_is_to_be_paid_instead_is_said_before_all_else() {
        let payee = |from: &str, to: &str| {
            Some(OtherPayee {
                from: from.parse().unwrap(),
                to: to.parse().unwrap(),
            })
        };
        for kind in [WarningKind::ChangedContents, WarningKind::ConflictingStatus] {
            let mut view = long(kind);
            view.payee = payee("billing@pay.example", "other@evil.example");
            let shown = warning(&view);
            let first = "who is to be paid: billing@pay.example -> other@evil.example\n";
            assert!(shown.starts_with(first), "{shown}");
            assert!(shown.lines().count() <= 24, "{shown}");

            let local = "a".repeat(64);
            let domain = format!("{}example", "b23456789.".repeat(15));
            view.payee = payee(
                &format!("{local}@one.{domain}"),
                &format!("{local}@two.{domain}"),
            );
            let shown = warning(&view);
            assert!(shown.lines().count() <= 24, "{shown}");
            assert!(shown.lines().all(|l| l.chars().count() <= 80), "{shown}");
            assert!(shown.lines().nth(1).unwrap().contains(" -> "), "{shown}");
        }
    }

    // Requirements: E26
    #[test]
    fn every_kind_of_warning_says_what_to_do_on_one_screen() {
        for kind in WarningKind::ALL {
            let view = long(*kind);
            let shown = warning(&view);
            assert!(shown.lines().count() <= 24, "{shown}");
            assert!(shown.contains("+9,980 more"), "{shown}");
            let advice: Vec<&str> = kind.advice().split_whitespace().collect();
            let flat: Vec<&str> = shown.split_whitespace().collect();
            assert!(
                flat.windows(advice.len()).any(|words| words == advice),
                "the advice is whole: {shown}"
            );
        }
        assert_eq!(address("<orders@shop.example>"), "orders@shop.example");
        assert_eq!(
            address("\"Shop\" <orders@shop.example.evil.example>"),
            "...s@shop.example.evil.example"
        );
        assert_eq!(more(1), "+1 more");
        assert_eq!(more(1_234_567), "+1,234,567 more");
        assert_eq!(more(0), "");
    }
}
