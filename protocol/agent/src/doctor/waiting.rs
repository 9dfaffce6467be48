//! What waits: letters that could not be read, and letters that were not taken.

use crate::aside::{AsideRecord, in_words};
use tradepost_letters::untrusted::show;

use super::Check;
use crate::outbox::{Item, Waiting};
use crate::terminal::time::local;

/// What lies in the mailbox and could not be read; `remedy` says what a person can do about one that
/// matters.
#[must_use]
pub fn letters(kept: &[AsideRecord], remedy: &str) -> Check {
    const NAME: &str = "letters";
    match in_words(kept) {
        None => Check::ok(NAME, "all that came could be read"),
        Some(found) => Check::doubtful(NAME, found, remedy),
    }
}

/// Letters that were not taken, and why; `remedy` says what makes them leave.
#[must_use]
pub fn outbox(queued: &[Item], remedy: &str) -> Check {
    const NAME: &str = "outbox";
    match Waiting::of(queued) {
        None => Check::ok(NAME, "no letter waits because it was not taken"),
        Some(Waiting {
            count,
            next_try,
            why,
        }) => Check::doubtful(
            NAME,
            format!(
                "{count} waiting, the next try at {}: {}",
                local(next_try),
                show(&why)
            ),
            remedy,
        ),
    }
}
