//! The keys of signers: from the configuration, from what was looked up before, or by DNS.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use mail_auth::hickory_resolver::net::NetError;
use tradepost_letters::dkim::{BadRecord, KeyRecord};
use tradepost_letters::organizational_domain;

use super::crypto::VerifyingKey;
use super::dns::{Dns, MailAnswer, TxtAnswer};

/// Where the public keys of signers come from: the configuration, or DNS.
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

/// What is known of the key of a name.
#[derive(Debug, Clone)]
pub(super) enum KeyAnswer {
    Key(Arc<VerifyingKey>),
    /// There is none, or none to verify with; for people.
    Unusable(String),
    /// DNS did not answer; for people.
    Unanswered(String),
}

pub(super) struct Keys {
    fixed: BTreeMap<String, TheRecord>,
    dns: Dns,
    budget: Duration,
    failures_kept: Duration,
    cache: Mutex<HashMap<String, Cached>>,
}

struct TheRecord {
    text: String,
    answer: KeyAnswer,
}

struct Cached {
    answer: KeyAnswer,
    until: Instant,
}

/// A signer who takes back a key wants that known within a day, whatever the TTL.
const LONGEST_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// A missing key may be published any moment.
const LONGEST_MISSING: Duration = Duration::from_secs(60);
/// Some kilobytes each.
const MOST_CACHED: usize = 4096;
/// Look-ups at the same time.
const MOST_AT_ONCE: usize = 32;
/// All look-ups for the letters of one call together take at most so many budgets: names that
/// nobody answers for hold up the others only so long, and are asked for again later.
const CALL_BUDGETS: u32 = 6;

impl Keys {
    pub(super) fn new(source: KeySource) -> Result<Keys, NetError> {
        let fixed = source.fixed.into_iter().map(|(name, text)| {
            let answer = usable(VerifyingKey::read(&text));
            (canonical(&name), TheRecord { text, answer })
        });
        Ok(Keys {
            fixed: fixed.collect(),
            dns: Dns::new(source.resolver, source.budget)?,
            budget: source.budget,
            failures_kept: source.failures_kept,
            cache: Mutex::default(),
        })
    }

    /// What is known of each of the names, after asking DNS for those of which nothing is.
    pub(super) async fn of(&self, names: BTreeSet<String>) -> HashMap<String, KeyAnswer> {
        let mut known = HashMap::new();
        let mut unknown = Vec::new();
        for name in names {
            match self.known(&name) {
                Some(answer) => {
                    known.insert(name, answer);
                }
                None => unknown.push(name),
            }
        }
        let look_up = async |name: String| {
            let answer = self.ask(&name).await;
            (name, answer)
        };
        let look_ups: Vec<_> = in_turns(unknown).into_iter().map(look_up).collect();
        let mut asked = stream::iter(look_ups).buffer_unordered(MOST_AT_ONCE);
        let all = async {
            while let Some((name, answer)) = asked.next().await {
                known.insert(name, answer);
            }
        };
        // What is missing afterwards was not asked for in time.
        let _ = tokio::time::timeout(self.budget.saturating_mul(CALL_BUDGETS), all).await;
        known
    }

    fn known(&self, name: &str) -> Option<KeyAnswer> {
        if let Some(record) = self.fixed.get(name) {
            return Some(record.answer.clone());
        }
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = cache.get(name)?;
        (cached.until > Instant::now()).then(|| cached.answer.clone())
    }

    async fn ask(&self, name: &str) -> KeyAnswer {
        let (found, ttl) = self.dns.txt(name).await;
        let (answer, kept) = match found {
            TxtAnswer::Found(texts) => (the_key(&texts), ttl.unwrap_or_default()),
            TxtAnswer::Fixed(text) => (usable(VerifyingKey::read(&text)), Duration::ZERO),
            TxtAnswer::Missing => (
                KeyAnswer::Unusable(format!("there is no key at {name}")),
                ttl.unwrap_or(LONGEST_MISSING).min(LONGEST_MISSING),
            ),
            TxtAnswer::Unanswered(why) => (KeyAnswer::Unanswered(why), self.failures_kept),
        };
        self.keep(name, &answer, kept.min(LONGEST_KEPT));
        answer
    }

    fn keep(&self, name: &str, answer: &KeyAnswer, kept: Duration) {
        let now = Instant::now();
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MOST_CACHED {
            cache.retain(|_, cached| cached.until > now);
        }
        if cache.len() >= MOST_CACHED
            && let Some(first) = cache
                .iter()
                .min_by_key(|(_, cached)| cached.until)
                .map(|(name, _)| name.clone())
        {
            cache.remove(&first);
        }
        let answer = answer.clone();
        let until = now + kept;
        cache.insert(name.to_owned(), Cached { answer, until });
    }

    /// The TXT records at a name, as they are now.
    pub(super) async fn txt(&self, name: &str) -> TxtAnswer {
        let name = canonical(name);
        match self.fixed.get(&name) {
            Some(record) => TxtAnswer::Fixed(record.text.clone()),
            None => self.dns.txt(&name).await.0,
        }
    }

    pub(super) async fn mail(&self, domain: &str) -> MailAnswer {
        self.dns.mail(&canonical(domain)).await
    }
}

/// The names in the order in which they are asked for: of each organization one, then of each a
/// second one, and so on. However many names somebody has whom DNS does not know, others get their turn.
fn in_turns(mut names: Vec<String>) -> Vec<String> {
    let mut asked: HashMap<String, usize> = HashMap::new();
    let turn = |name: &String| {
        let domain = name.split_once("._domainkey.").map_or("", |(_, d)| d);
        let whose = organizational_domain(domain).unwrap_or_else(|| domain.to_owned());
        let turn = asked.entry(whose).or_default();
        *turn += 1;
        *turn
    };
    names.sort_by_cached_key(turn);
    names
}

/// RFC 6376 section 3.6.2.2: a name has one key. Records that are no keys at all do not count; of
/// several keys none is chosen.
fn the_key(texts: &[String]) -> KeyAnswer {
    let is_a_key = |text: &&String| {
        !matches!(
            KeyRecord::read(text),
            Err(BadRecord::Tags(_) | BadRecord::NoKey | BadRecord::UnknownVersion)
        )
    };
    let mut keys = texts.iter().filter(is_a_key);
    match (keys.next(), keys.next()) {
        (Some(_), Some(_)) => KeyAnswer::Unusable("there are several keys at its name".to_owned()),
        (Some(only), None) => usable(VerifyingKey::read(only)),
        (None, _) => match texts.first() {
            Some(text) => usable(VerifyingKey::read(text)),
            None => KeyAnswer::Unusable("there is no key at its name".to_owned()),
        },
    }
}

fn usable(read: Result<VerifyingKey, String>) -> KeyAnswer {
    match read {
        Ok(key) => KeyAnswer::Key(Arc::new(key)),
        Err(why) => KeyAnswer::Unusable(why),
    }
}

/// Names of DNS have no case; the dot at their end is left out.
fn canonical(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}
