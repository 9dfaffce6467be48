//! Letters that are held: what waits, for what, and until when.

use tradepost_agent::terminal::time::local;
use tradepost_agent::terminal::wrap::clipped;
use tradepost_buyer::view::HeldView;

use super::words::{count, named, safe, sender};

pub(crate) fn held(letters: &[HeldView]) -> String {
    if letters.is_empty() {
        return "No letters are held: of all that came it is known who sent them.".to_owned();
    }
    let blocks: Vec<String> = letters.iter().map(one).collect();
    format!(
        "{}\n\n{}. They block nothing, and are judged by themselves.",
        blocks.join("\n"),
        count(letters.len(), "letter")
    )
}

fn one(h: &HeldView) -> String {
    const INDENT: &str = "                  ";
    let mut what = h.from.as_deref().map(sender).unwrap_or_default();
    if let Some(trade) = &h.trade {
        what.push_str(&format!(", trade {}", trade.id));
    }
    if let Some(subject) = &h.subject {
        what.push_str(&format!(": {}", safe(subject)));
    }
    let again = format!("looked at again {}", local(h.next_try));
    let tries = match h.tries {
        0 => String::new(),
        n => format!(", tried {} since {}", times(n), local(h.since)),
    };
    let why = format!("{again}{tries}; {}", named(&h.why));
    format!(
        "{}  {}\n{}",
        local(h.received_at),
        clipped(&what, INDENT, 2).trim_start(),
        clipped(&why, INDENT, 6)
    )
}

fn times(n: u32) -> String {
    if n == 1 {
        "once".to_owned()
    } else {
        format!("{n} times")
    }
}
