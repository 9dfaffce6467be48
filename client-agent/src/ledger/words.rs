//! What an entry is about, in a few words: kept as a row, so that a record of a part of the journal
//! that was lost can be named.

use tradepost_buyer::Act;
use tradepost_letters::untrusted::sender;

use super::entry::LedgerEntry;

/// Enough to know it again, for whoever has lost the record; none for what is only kept for
/// ourselves, or named by the outbox.
pub(super) fn of(entry: &LedgerEntry) -> Option<String> {
    match entry {
        LedgerEntry::Received { received, now } => {
            let author = received.author.as_ref().map(ToString::to_string);
            let author = author.or_else(|| received.letter.from.as_deref().map(sender));
            let author = author.unwrap_or_else(|| "nobody who can be named".to_owned());
            let subject = received.letter.subject.as_deref().unwrap_or_default();
            Some(format!("letter of {author} ({now}): {subject}"))
        }
        LedgerEntry::FoundInSent { now, .. } => {
            Some(format!("letter of ours, found in Sent ({now})"))
        }
        LedgerEntry::Bounced { returned, now } => {
            Some(format!("letter that came back ({now}): {}", returned.text))
        }
        LedgerEntry::Act { act, now } => Some(format!("{} ({now})", act_in_words(act))),
        LedgerEntry::Trust { .. }
        | LedgerEntry::JudgedThrough { .. }
        | LedgerEntry::Reads { .. }
        | LedgerEntry::ReadThrough { .. }
        | LedgerEntry::ReadAgain { .. }
        | LedgerEntry::ProvenAgain { .. }
        | LedgerEntry::Counted { .. }
        | LedgerEntry::Ticked { .. }
        | LedgerEntry::Unread { .. }
        | LedgerEntry::Notify { .. }
        | LedgerEntry::Told { .. } => None,
    }
}

fn act_in_words(act: &Act) -> String {
    match act {
        Act::Dismiss { warning } => format!("warning {warning} dismissed"),
        Act::Accept { warning } => format!("letter of warning {warning} accepted"),
        Act::ConfirmAdopted { trade } => format!("trade {} confirmed", trade.id),
        Act::Schedule { .. } => "plan made".to_owned(),
        Act::ScheduleNext { plan, .. } => format!("plan {plan} carried on"),
        Act::Unschedule { plan } => format!("plan {plan} given up"),
        Act::Expect { order } => format!("trade {} expected", order.trade.id),
        Act::Forget { trade } => format!("trade {} not expected any more", trade.id),
    }
}
