//! Letters whose statement an earlier version could not understand, judged again because this one
//! may (protocol 2, `unsupported-statement`).
//!
//! Whoever keeps the letters goes through [`unsupported`], reads each anew, and enters what it holds
//! by [`read_again`]. Their evidence stays what it was.

use tradepost_statements::Time;
use tradepost_trades::letter::{Content, Unreadable};
use tradepost_trades::rows::Rows;

use super::again::{self, letters_where};
use super::case::BuyerCase;
use super::settings::BuyerSettings;
use super::{BuyerChange, state};

/// The first `limit` letters, by number, from `from` on, whose statement was not understood.
#[must_use]
pub fn unsupported(rows: &dyn Rows, from: u64, limit: usize) -> Vec<u64> {
    letters_where(rows, from, limit, |letter| {
        !letter.fate.counts()
            && state::content(rows, letter.no)
                .as_ref()
                .is_some_and(is_unsupported)
    })
}

fn is_unsupported(content: &Content) -> bool {
    match content {
        Content::Statement(_) => false,
        Content::Unreadable { why, .. } => match why {
            Unreadable::Unsupported => true,
            Unreadable::Unreadable | Unreadable::Undecryptable => false,
        },
    }
}

/// Judges a letter again by what it holds as read now. Changes nothing where the letter is not, or
/// no longer, one of [`unsupported`].
pub fn read_again(
    settings: &BuyerSettings,
    rows: &dyn Rows,
    no: u64,
    content: &Content,
    now: Time,
) -> BuyerChange {
    let letter = state::letter(rows, no).filter(|l| is_unsupported(&l.received.content));
    // No letter is judged before it was received, whatever this computer's clock says.
    let received_at = letter.as_ref().map(|l| l.received.received_at);
    let mut case = BuyerCase::new(settings, rows, received_at.map_or(now, |at| at.max(now)));
    let judgement = letter.map(|mut letter| {
        letter.received.content = content.clone();
        case.keep_content(no, content);
        again::enter(&mut case, letter)
    });
    super::finish(case, judgement)
}
