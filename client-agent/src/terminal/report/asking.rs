//! What was asked and what is asked by itself, in words.

use std::time::Duration;
use tradepost_agent::terminal::time::local;

use tradepost_buyer::AskedParty;
use tradepost_buyer::view::{PlanView, RequestState, RequestView};

use super::words::{count, name, safe};

pub(crate) fn requests(requests: &[RequestView]) -> String {
    if requests.is_empty() {
        return "No orders were sent yet, and nothing was asked. `tradepost order --help` shows how to order."
            .to_owned();
    }
    let blocks: Vec<String> = requests.iter().map(one_request).collect();
    blocks.join("\n")
}

/// On lines of their own, since a request id is to be copied whole.
fn one_request(r: &RequestView) -> String {
    const INDENT: &str = "                  ";
    let mut text = format!(
        "{}  {} to {}: {}",
        local(r.sent),
        r.kind,
        safe(r.to.as_written()),
        progress(r)
    );
    if let Some(trade) = &r.trade {
        text.push_str(&format!(", trade {}", trade.id));
    }
    if let Some(bounce) = &r.bounce {
        text.push_str(&format!("\n{INDENT}came back: {}", safe(bounce)));
    }
    if r.state.is_pending()
        && let Some(again) = r.again
    {
        text.push_str(&format!("\n{INDENT}sent again {}", local(again)));
    }
    if let Some(request) = &r.request {
        text.push_str(&format!("\n{INDENT}{}", safe(&request.to_string())));
    }
    text
}

fn progress(r: &RequestView) -> String {
    let times = match r.tries {
        0 | 1 => "sent".to_owned(),
        2 => "sent again".to_owned(),
        n => format!("sent again {} times", n - 1),
    };
    match r.state {
        RequestState::Queued if r.tries > 1 => format!("{times}, queued now"),
        RequestState::Queued => "queued".to_owned(),
        RequestState::Sent => times,
        RequestState::Bounced => format!("{times}, bounced"),
        RequestState::Answered => format!("answered{}", by(r)),
        RequestState::Refused => {
            let why = r.reason.as_deref().map(safe).unwrap_or_default();
            format!("refused ({why})")
        }
        RequestState::Elsewhere => "sent by another program of yours".to_owned(),
        RequestState::GivenUp => format!("{times}, given up: nobody answered"),
    }
}

/// The answers say more than the kind of the first one.
fn by(r: &RequestView) -> String {
    let answers: Vec<String> = r.answers.iter().map(|a| name(a)).collect();
    match (answers.as_slice(), r.answer) {
        ([], Some(kind)) => format!(" by {kind}"),
        ([], None) => String::new(),
        (several, _) => format!(" by {}", several.join(", ")),
    }
}

/// `schedule list`.
pub(crate) fn plans(plans: &[PlanView]) -> String {
    if plans.is_empty() {
        return "Nothing is asked by itself. `tradepost schedule add --help` shows how.".to_owned();
    }
    let lines = plans.iter().map(|p| format!("{:<4}{}", p.id, plan(p)));
    lines.collect::<Vec<_>>().join("\n")
}

/// A plan in one sentence.
pub(crate) fn plan(p: &PlanView) -> String {
    let about = match &p.trade {
        Some(trade) => format!("the trade {}", safe(&trade.to_string())),
        None => "all that is pending".to_owned(),
    };
    let when = match (p.every_ms, &p.at) {
        (Some(ms), _) => format!("every {}", span(Duration::from_millis(ms))),
        (None, Some(at)) => {
            let zone = p.zone.as_deref().unwrap_or_default();
            format!("every day at {at} ({})", safe(zone))
        }
        (None, None) => String::new(),
    };
    let mut text = format!("asks {} about {about}, {when}", whom(&p.parties));
    if let Some(until) = p.until {
        text.push_str(&format!(", until it is {until}"));
    }
    if let Some(next) = p.next {
        text.push_str(&format!("; next {}", local(next)));
    }
    if let Some(last) = p.last {
        let asked = usize::try_from(p.asked).unwrap_or(usize::MAX);
        text.push_str(&format!(
            "; last {}, {} so far",
            local(last),
            count(asked, "question")
        ));
    }
    text
}

fn whom(parties: &[AskedParty]) -> String {
    if parties.len() == AskedParty::ALL.len() {
        return "everybody".to_owned();
    }
    let names = parties.iter().map(|p| match p {
        AskedParty::Shop => "the shop",
        AskedParty::Carrier => "the carrier",
        AskedParty::Payment => "the payment processor",
    });
    names.collect::<Vec<_>>().join(" and ")
}

/// As the configuration writes it, in the largest unit that leaves no rest.
fn span(duration: Duration) -> String {
    const UNITS: [(u128, &str); 5] = [
        (86_400_000, "days"),
        (3_600_000, "h"),
        (60_000, "min"),
        (1000, "s"),
        (1, "ms"),
    ];
    let ms = duration.as_millis();
    let fits = |(unit, _): &&(u128, &str)| ms >= *unit && ms.is_multiple_of(*unit);
    match UNITS.iter().find(fits) {
        Some((86_400_000, _)) if ms == 86_400_000 => "day".to_owned(),
        Some((unit, name)) => format!("{} {name}", ms / unit),
        None => "0 ms".to_owned(),
    }
}
