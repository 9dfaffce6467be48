//! Letters in the mailbox that could not be read: `unread-letter`. What they say is not known; that
//! they are there is told, until they could be read after all.

use tradepost_statements::Time;

use tradepost_trades::rows::Rows;

use super::Change;
use super::desk::Desk;
use super::settings::Settings;
use super::totals::own_warning;
use super::warning::{Warning, WarningKind};

/// A letter that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Names it for good.
    pub place: String,
    /// Where it lies and why it could not be read, in words for people.
    pub text: String,
}

/// Takes down which letters could not be read, and which (by their places) need no reading any more.
/// There is at most one warning about a place.
pub fn unread(
    settings: &Settings,
    rows: &dyn Rows,
    letters: &[Unread],
    settled: &[String],
    now: Time,
) -> Change {
    let mut desk = Desk::new(settings, rows, now);
    for place in settled {
        desk.resolve_own(WarningKind::UnreadLetter.word(), place);
    }
    for letter in letters {
        let base = own_warning(WarningKind::UnreadLetter, &desk);
        desk.warn_of_own(
            &letter.place,
            Warning {
                received: letter.text.clone(),
                expected: "a letter that can be read".to_owned(),
                ..base
            },
        );
    }
    desk.finish(None)
}
