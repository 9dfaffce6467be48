//! The public keys of signers: from the configuration, or by DNS.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Where keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySource {
    /// The TXT records of names that are never looked up, such as `s1._domainkey.shop.example`.
    pub fixed: BTreeMap<String, String>,
    /// The resolver to ask; none: the system's.
    pub resolver: Option<SocketAddr>,
    /// How long the keys of one letter may take.
    pub budget: Duration,
    /// For so long nobody is asked again for what was not answered.
    pub failures_kept: Duration,
}

/// How long DNS may take for a letter, where nothing else is configured.
const BUDGET: Duration = Duration::from_secs(5);

/// A name server that is silent is silent for all the letters of a batch.
const FAILURES_KEPT: Duration = Duration::from_secs(60);

impl Default for KeySource {
    fn default() -> KeySource {
        KeySource {
            fixed: BTreeMap::new(),
            resolver: None,
            budget: BUDGET,
            failures_kept: FAILURES_KEPT,
        }
    }
}

/// The TXT records at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxtAnswer {
    /// From `[trust.keys]`: DNS was not asked.
    Fixed(String),
    /// What DNS has: one text a record, its strings put together.
    Found(Vec<String>),
    /// DNS says that there are none.
    Missing,
    /// DNS did not answer; for people.
    Unanswered(String),
}
