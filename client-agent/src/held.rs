//! Letters that DNS has not decided (protocol 5, line 2) are proven again when their next try is
//! due: from the journal, with the time at which they were received then. Which ones, and when,
//! the trades decide; what is still undecided, the tick lets wait on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tradepost_post::dkim::{Proven, Unproven};
use tradepost_statements::Evidence;
use tradepost_trades::buyer::awaiting_proof;

use crate::ledger::{Entry, LedgerError, kept_letter};
use crate::office::Office;
use crate::receive::to_enter;

/// So many letters are proven, and recorded, together.
const LETTERS: usize = 64;
/// And so many octets of letters, so that many large ones do not fill the memory.
const OCTETS: usize = 16 * 1024 * 1024;

/// Proves again what is due; whatever does not get its turn in time is tried with its next one.
pub(crate) async fn prove_again(office: &Arc<Office>, within: Duration) -> Result<(), LedgerError> {
    // Two rounds at once would only ask the same.
    let Ok(_alone) = office.proving.try_lock() else {
        return Ok(());
    };
    let started = Instant::now();
    let mut due = office
        .work(|o| o.ledger.view(|rows| awaiting_proof(rows, o.ledger.now())))
        .await;
    while !due.is_empty() {
        let (rest, some) = office.work(move |o| read_some(o, due)).await?;
        due = rest;
        let (letters, before): (Vec<_>, Vec<_>) = some.into_iter().unzip();
        let now = office.ledger.now();
        let proving = office.reader.prove(letters, now);
        let left = within.saturating_sub(started.elapsed());
        let Ok(proven) = tokio::time::timeout(left, proving).await else {
            return Ok(());
        };
        // What proves no more than before waits on.
        let tells_more = |(proven, before): &(Proven, Evidence)| {
            proven.undecided.is_none() || proven.opened.evidence > *before
        };
        let decided = proven.into_iter().zip(before).filter(tells_more);
        let inputs: Vec<_> = decided
            .filter_map(|(p, _)| {
                to_enter(p, now, |received, now| Entry::ProvenAgain { received, now })
            })
            .collect();
        if !inputs.is_empty() {
            office.enter(inputs).await?;
        }
    }
    Ok(())
}

/// A letter that waits, and the evidence that it had.
type Waiting = (Unproven, Evidence);

/// Reads the first of the letters from the journal; gives the numbers of the others back.
fn read_some(
    office: &Office,
    mut numbers: Vec<u64>,
) -> Result<(Vec<u64>, Vec<Waiting>), LedgerError> {
    let mut letters = Vec::new();
    let mut octets = 0;
    let mut read = 0;
    for no in numbers.iter().take(LETTERS) {
        if octets >= OCTETS {
            break;
        }
        read += 1;
        let Some(at) = office.ledger.view(|rows| kept_letter(rows, *no)) else {
            continue;
        };
        let record = office.ledger.store().read(at)?;
        let entry = Entry::from_head(&record.head).map_err(|what| LedgerError::Entry {
            at: at.to_string(),
            what,
        })?;
        // Nothing else is kept under the number of a letter.
        let (Entry::Received { received, .. } | Entry::ProvenAgain { received, .. }) = entry else {
            continue;
        };
        octets += record.blob.len();
        let letter = Unproven {
            octets: record.blob,
            received_at: Some(received.received_at),
        };
        letters.push((letter, received.evidence));
    }
    let rest = numbers.split_off(read);
    Ok((rest, letters))
}
