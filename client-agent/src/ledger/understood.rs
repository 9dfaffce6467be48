//! Letters whose statement an earlier version of this program could not understand are read again by
//! this one, from the journal (protocol 2: "the letter is kept and judged again after an upgrade").
//!
//! The ledger notes what reads when it is opened, and with it how far this has come: each slice is
//! recorded together with the place behind it, so it goes on where it was broken off.

use tradepost_agent::arrival::content;
use tradepost_agent::host::HostError;
use tradepost_buyer::{self as buyer, Verdict};
use tradepost_letters::RelayPolicy;
use tradepost_statements::Kind;
use tradepost_trades::letter::{Content, Unreadable};
use tradepost_trades::rows::Rows;

use super::entry::{self, LedgerEntry, kept_letter};
use super::trust::JudgedAgain;
use super::{LedgerError, LedgerHost, enter_one};

/// So many letters are looked at, and recorded, together. At 256 KiB each that is far below what a
/// batch may hold.
const LETTERS: usize = 16;

/// What reads letters now: another text than was noted, and what was not understood is read again.
pub(super) fn what_reads() -> String {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
    format!("{} {}", env!("CARGO_PKG_VERSION"), kinds.join(" "))
}

/// Whether letters are still to be read again.
pub(crate) fn is_left_to_read(rows: &dyn Rows) -> bool {
    entry::left_to_read(rows).is_some()
}

/// Reads some of what is left, and has it judged again; none when nothing is left.
pub(crate) fn read_slice(host: &LedgerHost) -> Result<Option<JudgedAgain>, LedgerError> {
    let Some(left) = host.view(entry::left_to_read) else {
        return Ok(None);
    };
    let mut letters = host.view(|rows| buyer::unsupported(rows, left.from, LETTERS));
    let is_last = letters.len() < LETTERS;
    letters.retain(|no| *no <= left.through);
    let through = match letters.last() {
        Some(last) if !is_last => *last,
        Some(_) | None => left.through,
    };
    let mut understood = Vec::new();
    for no in letters {
        if let Some(content) = read_anew(host, no)? {
            understood.push((no, content));
        }
    }
    let judgements = host.write(|page| {
        let mut judgements = Vec::new();
        for (letter, content) in understood {
            let now = host.now();
            let entry = LedgerEntry::ReadAgain {
                letter,
                content,
                now,
            };
            judgements.extend(enter_one(host, page, entry)?.verdict);
        }
        enter_one(host, page, LedgerEntry::ReadThrough { letter: through })?;
        Ok::<_, LedgerError>(judgements)
    })?;
    let done = JudgedAgain::read(judgements.iter().map(|judged| {
        // Line 4 may still refuse it, as a statement that breaks the protocol.
        judged.verdict != Verdict::Warned
    }));
    Ok(Some(done))
}

/// What a letter holds as it is read now; none where it was not kept, or is understood no better.
fn read_anew(host: &LedgerHost, no: u64) -> Result<Option<Content>, HostError> {
    let Some(at) = host.view(|rows| kept_letter(rows, no)) else {
        return Ok(None);
    };
    let letter = host.letter(at)?;
    // Its evidence stays what it was, so nobody is asked for keys.
    let opened = tradepost_letters::open(&letter, &RelayPolicy::default());
    let is_understood = |content: &Content| match content {
        Content::Statement(_) => true,
        Content::Unreadable { why, .. } => *why != Unreadable::Unsupported,
    };
    Ok(content(&opened).filter(is_understood))
}
