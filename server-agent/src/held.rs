//! Letters that DNS has not decided (protocol 5, line 2): proven again from the book when their
//! next try is due, with the time at which they were received then, and decided about.

use std::sync::Arc;

use tradepost_parties::kernel::held::{HeldLetter, awaiting_proof};
use tradepost_parties::roles::proven_again;
use tradepost_proof::dkim::{Proven, Prover, Unproven};
use tradepost_statements::Evidence;
use tradepost_trades::letter::{Content, LetterFacts, Received, Unreadable};

use crate::book::{BookError, kept_letter, view};
use crate::desk::Desk;
use crate::receive::{Letter, decide, read};

/// So many letters are proven, and recorded, together.
const LETTERS: usize = 64;
/// And so many octets of letters, so that many large ones do not fill the memory.
const OCTETS: usize = 16 * 1024 * 1024;

/// Proves again the first of the letters that are due. Only asks: [`take_again`] decides.
pub(crate) async fn prove_again(desk: Arc<Desk>, prover: Prover) -> Result<Vec<Letter>, BookError> {
    let (due, letters): (Vec<_>, Vec<_>) = desk.work(read_due).await?.into_iter().unzip();
    let policy = &desk.config.policy;
    let proven = prover.prove(letters, policy, desk.now()).await;
    let read_one = |((digest, waits), proven): (Waiting, Proven)| match read(proven) {
        // Whatever a newer program makes of its octets, it is the letter that waits.
        Some(letter) => letter.kept_as(digest),
        None => without_its_letter(digest, &waits),
    };
    Ok(due.into_iter().zip(proven).map(read_one).collect())
}

/// Decides about letters that waited.
pub(crate) fn take_again(desk: &Desk, letters: &[Letter]) -> Result<(), BookError> {
    decide(desk, letters, None, &proven_again)
}

/// A letter that waits: its digest, and what is known of it.
type Waiting = (String, HeldLetter);

/// Letters that are due, as they were kept.
fn read_due(desk: &Desk) -> Result<Vec<(Waiting, Unproven)>, BookError> {
    let due = view(&*desk.book, |rows| {
        let due = awaiting_proof(rows, desk.now(), LETTERS).into_iter();
        due.map(|(digest, waits)| (kept_letter(rows, &digest), digest, waits))
            .collect::<Vec<_>>()
    });
    let (mut letters, mut total) = (Vec::new(), 0);
    for (at, digest, waits) in due {
        if total >= OCTETS {
            break;
        }
        // Letter and row were written together.
        let octets = at.map(|at| desk.book.letter(at)).transpose()?;
        let octets = octets.unwrap_or_default();
        total += octets.len();
        let received_at = Some(waits.received_at);
        letters.push((
            (digest, waits),
            Unproven {
                octets,
                received_at,
            },
        ));
    }
    Ok(letters)
}

/// What cannot be proven again is judged as it is.
fn without_its_letter(digest: String, waits: &HeldLetter) -> Letter {
    let received = Received {
        letter: LetterFacts::default(),
        author: Some(waits.author.clone()),
        evidence: Evidence::None,
        undecided: None,
        proof: format!("{}; the letter can be read no more", waits.proof),
        digest,
        received_at: waits.received_at,
        content: Content::Unreadable {
            why: Unreadable::Unreadable,
            text: "the letter can be read no more".to_owned(),
        },
    };
    Letter::new(received, None, waits.author.to_string(), Vec::new())
}
