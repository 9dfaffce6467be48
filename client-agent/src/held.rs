//! Letters whose sender is not believed are proven again from the journal, with the time at which
//! they were received then: those that DNS has not decided (protocol 5, line 2) when their next try
//! is due, here; all of them when the person's trust changes ([`crate::again`]). Which ones, and
//! when, the trades decide; what is still undecided when it is due, the tick lets wait on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tradepost_buyer::{NewProof, awaiting_proof};
use tradepost_proof::dkim::Unproven;

use crate::ledger::{Entry, Input, LedgerError, kept_letter};
use crate::office::Office;

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
        let left = within.saturating_sub(started.elapsed());
        let Ok(done) = tokio::time::timeout(left, prove_from_journal(office, due)).await else {
            return Ok(());
        };
        let (rest, proven) = done?;
        due = rest;
        // Where DNS was asked in vain, nothing is recorded.
        let inputs = proven.into_iter().map(|p| p.into_input(office)).collect();
        office.enter(inputs).await?;
    }
    Ok(())
}

/// A letter of the journal, by its number, and how its sender is proven now; none where the letter
/// was not kept.
pub(crate) struct ProvenAgain {
    letter: u64,
    proof: Option<NewProof>,
}

impl ProvenAgain {
    pub(crate) fn into_input(self, office: &Office) -> Input {
        Input::of(Entry::ProvenAgain {
            letter: self.letter,
            proof: self.proof,
            now: office.ledger.now(),
        })
    }
}

/// Proves the first of the letters; gives the numbers of the others back.
pub(crate) async fn prove_from_journal(
    office: &Arc<Office>,
    numbers: Vec<u64>,
) -> Result<(Vec<u64>, Vec<ProvenAgain>), LedgerError> {
    let read = office.work(move |o| read_some(o, numbers)).await?;
    let proven = office.reader.prove(read.letters, office.ledger.now()).await;
    let proofs = proven.into_iter().map(|p| NewProof {
        evidence: p.opened.evidence,
        undecided: p.undecided,
        proof: p.opened.proof,
    });
    let kept = read.kept.into_iter().zip(proofs.map(Some));
    let not_kept = read.not_kept.into_iter().map(|no| (no, None));
    let mut again: Vec<_> = kept
        .chain(not_kept)
        .map(|(letter, proof)| ProvenAgain { letter, proof })
        .collect();
    // In the order of their arrival.
    again.sort_by_key(|p| p.letter);
    Ok((read.rest, again))
}

/// What was read of the journal: numbers, and as many letters as `kept` has numbers.
#[derive(Default)]
struct Read {
    kept: Vec<u64>,
    letters: Vec<Unproven>,
    not_kept: Vec<u64>,
    rest: Vec<u64>,
}

fn read_some(office: &Office, mut numbers: Vec<u64>) -> Result<Read, LedgerError> {
    let mut read = Read::default();
    let (mut octets, mut looked_at) = (0, 0);
    for no in numbers.iter().copied().take(LETTERS) {
        if octets >= OCTETS {
            break;
        }
        looked_at += 1;
        let Some(at) = office.ledger.view(|rows| kept_letter(rows, no)) else {
            read.not_kept.push(no);
            continue;
        };
        let record = office.ledger.store().read(at)?;
        let entry = Entry::from_head(&record.head).map_err(|what| LedgerError::Entry {
            at: at.to_string(),
            what,
        })?;
        // Nothing else is kept under the number of a letter.
        let Entry::Received { received, .. } = entry else {
            read.not_kept.push(no);
            continue;
        };
        octets += record.blob.len();
        read.kept.push(no);
        read.letters.push(Unproven {
            octets: record.blob,
            received_at: Some(received.received_at),
        });
    }
    read.rest = numbers.split_off(looked_at);
    Ok(read)
}
