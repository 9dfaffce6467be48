//! Proves the senders of letters.

use std::sync::Arc;

use tradepost_letters::dkim::{proof, signatures};
use tradepost_letters::{Opened, RelayPolicy, open, time_of_receipt};
use tradepost_statements::{Evidence, Time};

use super::keys::{KeySource, TxtAnswer};

/// Proves the senders of letters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Prover {
    keys: Arc<KeySource>,
}

/// Why there can be no [`Prover`].
#[derive(Debug, thiserror::Error)]
#[error("cannot ask DNS: {0}")]
pub struct NoProver(String);

/// A letter as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    /// The letter.
    pub octets: Vec<u8>,
    /// When the provider says that it received it (INTERNALDATE).
    pub received_at: Option<Time>,
}

/// A letter whose sender is as well proven as it can be now.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The letter.
    pub octets: Vec<u8>,
    /// When it was received: as the provider says, or the topmost Received field of an own host
    /// says; else now.
    pub received_at: Time,
    /// What it says and proves: the provider's word and DKIM together.
    pub opened: Opened,
    /// What its evidence could become once DNS answers (protocol 5, line 2).
    pub undecided: Option<Evidence>,
}

impl Prover {
    /// # Errors
    /// [`NoProver`] when there is no way to ask DNS.
    pub fn new(keys: KeySource) -> Result<Prover, NoProver> {
        Ok(Prover {
            keys: Arc::new(keys),
        })
    }

    /// Opens letters and proves their senders; in the order given.
    pub async fn prove(
        &self,
        letters: Vec<Unproven>,
        policy: &RelayPolicy,
        now: Time,
    ) -> Vec<Proven> {
        let prove = |letter: Unproven| {
            let mut opened = open(&letter.octets, policy);
            let received_at = letter
                .received_at
                .or_else(|| time_of_receipt(&opened.letter, policy))
                .unwrap_or(now);
            let found = signatures(&letter.octets, &opened.letter, received_at);
            let proof = proof(&opened, &found, &[]);
            opened.evidence = proof.evidence;
            opened.proof = proof.text;
            Proven {
                octets: letter.octets,
                received_at,
                opened,
                undecided: proof.undecided,
            }
        };
        letters.into_iter().map(prove).collect()
    }

    /// The TXT records at a name.
    pub async fn txt(&self, name: &str) -> TxtAnswer {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        match self.keys.fixed.get(&name) {
            Some(text) => TxtAnswer::Fixed(text.clone()),
            None => TxtAnswer::Unanswered("DNS is not asked yet".to_owned()),
        }
    }
}
