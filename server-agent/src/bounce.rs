//! Letters of ours that came back: matched to the outbox, where the operator sees them. A statement
//! that came back counts as one without answer (protocol 7): its timer sends it again, unchanged.

use tradepost_agent::outbox::{Entry, Item, State};
use tradepost_letters::{LetterContent, untrusted};
use tradepost_proof::dkim::Proven;
use tradepost_statements::Time;

use crate::book::{BookError, Page, by_message_id, is_known_bounce};
use crate::desk::Desk;

/// A report that a letter came back.
pub(crate) struct Returned {
    digest: String,
    from: String,
    message_ids: Vec<String>,
    text: String,
    /// Why it is not to be believed that a mail system wrote it.
    doubt: Option<String>,
}

/// The report in a letter. What says something itself is a letter, however much it looks like a
/// report; and a delay is no failure.
pub(crate) fn read(proven: &Proven) -> Option<Returned> {
    let letter = &proven.opened.letter;
    let bounce = letter.bounce.as_ref().filter(|b| b.failed())?;
    matches!(proven.opened.content, LetterContent::NotOurs).then(|| Returned {
        digest: letter.digest_hex(),
        from: letter.from_text.clone().unwrap_or_default(),
        message_ids: bounce.message_ids.clone(),
        text: bounce.text(),
        doubt: proven.opened.bounce_doubt().map(str::to_owned),
    })
}

/// What became of a report.
enum Became {
    /// It is about this letter.
    CameBack(Box<Item>),
    /// It was read before.
    Known,
    /// Why it changes nothing.
    Doubted(String),
}

/// Records what a report says, once; or tells the operator why it is not believed. Once this
/// returns, it is durable.
pub(crate) fn take(desk: &Desk, returned: &Returned) -> Result<(), BookError> {
    let now = desk.now();
    let mut became = Became::Known;
    desk.book.decide(&mut |page| {
        became = decide(page, returned, now)?;
        Ok(())
    })?;
    let (from, text) = (
        untrusted::show(&returned.from),
        untrusted::show(&returned.text),
    );
    match became {
        Became::CameBack(item) => {
            let to = untrusted::show(item.to.as_written());
            let kind = item.kind;
            tracing::error!(
                "the {kind} to {to} came back: {text}; `tradepost-server outbox` shows it"
            );
        }
        Became::Known => tracing::debug!("the report of {from} was read before"),
        Became::Doubted(why) => {
            tracing::warn!(
                "{from} says that a letter came back, which changes nothing: {why}: {text}"
            );
        }
    }
    Ok(())
}

fn decide(page: &mut dyn Page, returned: &Returned, now: Time) -> Result<Became, BookError> {
    let doubted = |why: &str| Ok(Became::Doubted(why.to_owned()));
    if is_known_bounce(page.rows(), &returned.digest) {
        return Ok(Became::Known);
    }
    // Only the two ends of a letter and the mail systems between know its Message-ID.
    let mut named = returned.message_ids.iter();
    let Some(item) = named.find_map(|id| by_message_id(page.rows(), id)) else {
        return doubted("it names no letter of ours");
    };
    if let Some(why) = &returned.doubt {
        return doubted(why);
    }
    match item.state {
        State::Accepted { .. } if item.came_back.is_none() => {}
        State::Accepted { .. } => return doubted("that is known of this letter"),
        State::Queued { .. } | State::Refused { .. } | State::Expired { .. } => {
            return doubted("the letter that it names has not left");
        }
    }
    let entry = Entry::CameBack {
        id: item.id,
        at: now,
        text: returned.text.clone(),
    };
    page.record_bounce(&returned.digest, entry)?;
    Ok(Became::CameBack(Box::new(item)))
}
