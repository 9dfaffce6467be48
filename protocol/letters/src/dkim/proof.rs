//! What the provider's word and the verified signatures prove together (protocol 5).

use std::fmt;

use tradepost_statements::Evidence;

use super::{Algorithm, Candidate, MOST_SIGNATURES, Signatures};
use crate::evidence::MOST_PROOF_CHARACTERS;
use crate::open::OpenedLetter;
use crate::untrusted::show_some;

/// What became of a signature once its key was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// The key that DNS has verifies it.
    Pass,
    /// It is not, or its key is missing, revoked or unusable; for people.
    Fail(String),
    /// DNS did not answer; for people.
    Undecided(String),
}

/// How well the sender of a letter is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// What is established by now: `dkim`, or what the provider's word gives.
    pub evidence: Evidence,
    /// What it could become once DNS answers (protocol 5, line 2).
    pub undecided: Option<Evidence>,
    /// How the sender was proven, or what was missing: one sentence for people.
    pub text: String,
}

/// Protocol 5, the rows `dkim` and `relay` together. `verified` says what became of each of
/// [`Signatures::to_try`], in the same order; one that is not told of is undecided.
#[must_use]
pub fn proof(opened: &OpenedLetter, signatures: &Signatures, verified: &[Verification]) -> Proof {
    let mut told = verified.iter();
    let mut pass = None;
    let mut faults: Vec<String> = signatures.refused.iter().map(ToString::to_string).collect();
    let mut is_undecided = false;
    for candidate in &signatures.to_try {
        match told.next() {
            Some(Verification::Pass) => pass = pass.or(Some(candidate)),
            Some(Verification::Fail(why)) => {
                faults.push(format!("the signature of {}: {why}", candidate.domain));
            }
            Some(Verification::Undecided(why)) => {
                is_undecided = true;
                faults.push(format!("the signature of {}: {why}", candidate.domain));
            }
            None => is_undecided = true,
        }
    }
    if let Some(candidate) = pass {
        return Proof {
            evidence: Evidence::Dkim,
            undecided: None,
            text: format!("DKIM, verified here: {}", ShownSigner(candidate)),
        };
    }
    faults.extend(signatures.is_cut_off.then(|| {
        format!("only the first {MOST_SIGNATURES} signatures of the sender's domain were looked at")
    }));
    if faults.is_empty() {
        faults.extend(signatures.unreadable.iter().map(ToString::to_string));
        let foreign = signatures.foreign.iter();
        faults
            .extend(foreign.map(|domain| format!("signed by {domain}, which is not the sender's")));
    }
    let mut text = opened.proof.clone();
    if !faults.is_empty() {
        text += &format!("; DKIM: {}", faults.join(", "));
    }
    Proof {
        evidence: opened.evidence,
        undecided: is_undecided.then_some(Evidence::Dkim),
        text: show_some(&text, MOST_PROOF_CHARACTERS),
    }
}

struct ShownSigner<'a>(&'a Candidate);

impl fmt::Display for ShownSigner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let candidate = self.0;
        write!(
            f,
            "signed by {} with the key {} ({})",
            candidate.domain, candidate.selector, candidate.algorithm
        )
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Algorithm::RsaSha256 => "rsa-sha256",
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
        })
    }
}
