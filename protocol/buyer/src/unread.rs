//! Letters in the mailbox that could not be read: `unread-letter`. What they say is not known; that
//! they are there is told, until they could be read after all.

use serde::{Deserialize, Serialize};
use tradepost_statements::Time;
use tradepost_trades::rows::Rows;

use super::BuyerChange;
use super::case::{BuyerCase, own_warning};
use super::settings::BuyerSettings;
use super::warning::{Warning, WarningKind};

/// A letter that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadLetter {
    /// Names the letter for good: there is one warning about a place.
    pub place: String,
    /// Where it lies and why it could not be read, in words for people.
    pub text: String,
}

/// Takes down which letters could not be read, and which (by their places) need no reading any more.
/// There is at most one warning about a place.
pub fn unread(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    letters: &[UnreadLetter],
    settled: &[String],
    now: Time,
) -> BuyerChange {
    let mut case = BuyerCase::new(settings, rows, now);
    for place in settled {
        case.resolve_own(WarningKind::UnreadLetter.word(), place);
    }
    for letter in letters {
        let base = own_warning(WarningKind::UnreadLetter, &case);
        case.warn_of_own(
            &letter.place,
            Warning {
                received: letter.text.clone(),
                expected: "a letter that can be read".to_owned(),
                ..base
            },
        );
    }
    super::finish(case, None)
}
