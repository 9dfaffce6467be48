//! What the person asked to be undone, and what the shop says about it, in words.

use tradepost_agent::terminal::time::local;
use tradepost_agent::terminal::wrap::clipped;
use tradepost_buyer::view::{DecisionView, LineView, ShowView, UndoingView};
use tradepost_statements::Kind;
use tradepost_statements::postal::Recipient;

use super::words::{name, safe};

const INDENT: &str = "                  ";

/// A block for each cancellation and return.
pub(super) fn undoings(show: &ShowView) -> String {
    let blocks: Vec<String> = show.undoing.iter().map(|u| undoing(show, u)).collect();
    format!("Cancelled and returned\n{}", blocks.join("\n"))
}

fn undoing(show: &ShowView, u: &UndoingView) -> String {
    let asked = match (&u.lines, u.kind) {
        (Some(lines), _) => format!("you asked to return {}", listed(show, lines)),
        (None, Kind::Return) => "you asked to return everything".to_owned(),
        (None, _) => "you asked to cancel".to_owned(),
    };
    let why = u.text.as_deref().map(|t| format!(": {}", safe(t)));
    let asked = asked + &why.unwrap_or_default();
    let answer = match &u.decision {
        Some(decision) => decided(decision),
        None if u.answered => "the shop has seen it".to_owned(),
        None => "no answer yet".to_owned(),
    };
    format!(
        "{}  {}\n{}",
        local(u.sent),
        clipped(&asked, INDENT, 6).trim_start(),
        clipped(&answer, INDENT, 8)
    )
}

fn listed(show: &ShowView, lines: &[LineView]) -> String {
    let names = lines.iter().map(|back| {
        let line = usize::try_from(back.line)
            .ok()
            .and_then(|i| show.trade.lines.get(i));
        match line {
            Some(line) => format!("{} x {}", back.quantity, name(&line.name)),
            None => format!("{} of line {}", back.quantity, u64::from(back.line) + 1),
        }
    });
    names.collect::<Vec<String>>().join(", ")
}

fn decided(d: &DecisionView) -> String {
    let mut said = vec![if d.accepted {
        format!("{}: the shop takes it back", local(d.at))
    } else {
        format!("{}: the shop does not take it back", local(d.at))
    }];
    if let Some(text) = &d.text {
        said.push(safe(text));
    }
    if let Some(refund) = d.refund {
        said.push(format!("it refunds {refund}"));
    }
    if let Some(to) = &d.send_to {
        said.push(format!("send it to {}", whereto(to)));
    }
    said.join("; ")
}

fn whereto(to: &Recipient) -> String {
    let a = &to.address;
    let parts = [
        Some(a.street.as_str()),
        a.postal_code.as_deref(),
        Some(a.city.as_str()),
        a.region.as_deref(),
        Some(a.country.code()),
    ];
    let mut lines = vec![name(&to.name)];
    lines.extend(parts.into_iter().flatten().map(safe));
    lines.join(", ")
}
