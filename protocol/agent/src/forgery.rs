//! Does the own provider remove forged results (RFC 8601 section 5)? A letter that bears some goes
//! from the mailbox to itself, and what comes back tells. Nothing else in the mailbox is touched.

use std::time::Duration;

use tradepost_letters::dkim::{proof, signatures};
use tradepost_letters::forgery::{Forged, Forgery};
use tradepost_letters::open;
use tradepost_statements::Evidence;

use tradepost_post::imap::{self, RawMail};
use tradepost_post::smtp::{Submission, Submitter};
use tradepost_post::trouble::Error;
use tradepost_proof::dkim::Prover;

/// What became of the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForgeryFound {
    /// It came into one of the folders in time.
    Back {
        /// With or without the forged results.
        forged: Forged,
        /// The folder that it came into.
        folder: String,
        /// How well its sender, the own address, is proven.
        evidence: Evidence,
        /// How it is proven, or why it is not, in words.
        proof: String,
    },
    /// The provider did not take it; its words.
    NotTaken(String),
    /// It did not come in time.
    NeverCame,
}

/// Sends the letter of the forgery, signed as this agent signs its letters, waits for it, and looks what it proves. It may
/// be dropped at any time: then the letter stays where it is.
///
/// # Errors
/// What is wrong with the way to the mailbox.
pub async fn send_and_wait(
    forgery: &Forgery<'_>,
    letter: &[u8],
    submitter: &Submitter,
    prover: &Prover,
    mailbox: &imap::ImapSettings,
    folders: &[String],
    within: Duration,
) -> Result<ForgeryFound, Error> {
    let own = forgery.address.as_written();
    match submitter.submit(own, own, letter).await {
        Submission::Accepted { .. } => {}
        Submission::Refused { text, .. } | Submission::TryAgain { text, .. } => {
            return Ok(ForgeryFound::NotTaken(text));
        }
    }
    let sought = imap::seek(mailbox, folders, forgery.token);
    let Ok(found) = tokio::time::timeout(within, sought).await else {
        return Ok(ForgeryFound::NeverCame);
    };
    let RawMail {
        folder,
        bytes,
        internal_date,
        ..
    } = found?;
    let opened = open(&bytes, forgery.policy);
    let received_at = internal_date.unwrap_or(forgery.date);
    let signed = signatures(&bytes, &opened.letter, received_at);
    let verified = prover.verify(&signed).await;
    let proof = proof(&opened, &signed, &verified);
    Ok(ForgeryFound::Back {
        forged: forgery.find(&bytes),
        folder,
        evidence: proof.evidence,
        proof: proof.text,
    })
}
