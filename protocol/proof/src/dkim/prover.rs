//! Proves the senders of letters.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use mail_auth::hickory_resolver::net::NetError;
use tradepost_letters::dkim::{Candidate, Signatures, Verification, proof, signatures};
use tradepost_letters::{LetterContent, OpenedLetter, RelayPolicy, open, time_of_receipt};
use tradepost_statements::{Evidence, Time};

use super::dns::{MailAnswer, TxtAnswer};
use super::keys::{KeyAnswer, KeySource, Keys};
use super::workers::on_all_cores;

/// Proves the senders of letters. Cheap to clone: clones share their keys.
#[derive(Clone)]
pub struct Prover {
    keys: Arc<Keys>,
}

/// Why there can be no [`Prover`].
#[derive(Debug, thiserror::Error)]
#[error("cannot ask DNS: {0}")]
pub struct NoProver(#[from] NetError);

/// A letter as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    /// The whole letter, octet for octet.
    pub octets: Vec<u8>,
    /// When the provider says that it received it (INTERNALDATE).
    pub received_at: Option<Time>,
}

/// A letter whose sender is as well proven as it can be now.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The whole letter, as it was given.
    pub octets: Vec<u8>,
    /// When it was received: as the provider says, or the topmost Received field of an own host
    /// says; else now.
    pub received_at: Time,
    /// What it says and proves: the provider's word and DKIM together.
    pub opened: OpenedLetter,
    /// What its evidence could become once DNS answers (protocol 5, line 2).
    pub undecided: Option<Evidence>,
}

impl Prover {
    /// # Errors
    /// [`NoProver`] when there is no way to ask DNS.
    pub fn new(keys: KeySource) -> Result<Prover, NoProver> {
        Ok(Prover {
            keys: Arc::new(Keys::new(keys)?),
        })
    }

    /// Opens letters and proves their senders; in the order given.
    ///
    /// For letters that are not ours (protocol 5, line 1) no key is looked up: nobody asks who
    /// sent them.
    pub async fn prove(
        &self,
        letters: Vec<Unproven>,
        policy: &RelayPolicy,
        now: Time,
    ) -> Vec<Proven> {
        let policy = policy.clone();
        let read = on_all_cores(letters, move |letter| read(letter, &policy, now)).await;
        let names = read.iter().flat_map(|(_, found)| names(found)).collect();
        let keys = self.keys.of(names).await;
        on_all_cores(read, move |(mut proven, found)| {
            let verified = verify(&found.to_try, &keys);
            let proof = proof(&proven.opened, &found, &verified);
            proven.opened.evidence = proof.evidence;
            proven.opened.proof = proof.text;
            proven.undecided = proof.undecided;
            proven
        })
        .await
    }

    /// What becomes of each signature that is to be tried, in their order.
    pub async fn verify(&self, found: &Signatures) -> Vec<Verification> {
        let keys = self.keys.of(names(found).collect()).await;
        let done = on_all_cores(vec![found.to_try.clone()], move |to_try| {
            verify(&to_try, &keys)
        });
        done.await.into_iter().flatten().collect()
    }

    /// The TXT records at a name, as they are now.
    pub async fn txt(&self, name: &str) -> TxtAnswer {
        self.keys.txt(name).await
    }

    /// Whether mail for a domain can arrive anywhere, as DNS says now.
    pub async fn mail(&self, domain: &str) -> MailAnswer {
        self.keys.mail(domain).await
    }
}

fn read(letter: Unproven, policy: &RelayPolicy, now: Time) -> (Proven, Signatures) {
    let opened = open(&letter.octets, policy);
    let received_at = letter
        .received_at
        .or_else(|| time_of_receipt(&opened.letter, policy))
        .unwrap_or(now);
    let found = match opened.content {
        LetterContent::NotOurs => Signatures::default(),
        LetterContent::Statement(_) | LetterContent::Unreadable { .. } => {
            signatures(&letter.octets, &opened.letter, received_at)
        }
    };
    let proven = Proven {
        octets: letter.octets,
        received_at,
        opened,
        undecided: None,
    };
    (proven, found)
}

fn names(found: &Signatures) -> impl Iterator<Item = String> {
    let names: BTreeSet<String> = found.to_try.iter().map(Candidate::key_name).collect();
    names.into_iter()
}

fn verify(to_try: &[Candidate], keys: &HashMap<String, KeyAnswer>) -> Vec<Verification> {
    let one = |candidate: &Candidate| match keys.get(&candidate.key_name()) {
        Some(KeyAnswer::Key(key)) => key.verify(candidate),
        Some(KeyAnswer::Unusable(why)) => Verification::Fail(why.clone()),
        Some(KeyAnswer::Unanswered(why)) => Verification::Undecided(why.clone()),
        None => Verification::Undecided("DNS was too slow to be asked for its key".to_owned()),
    };
    to_try.iter().map(one).collect()
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prover").finish_non_exhaustive()
    }
}
