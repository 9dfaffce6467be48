//! A name server for tests: it answers questions for TXT, MX and A records, or does not.
//!
//! It knows as much of DNS (RFC 1035) as that needs: one question over UDP, answers that fit.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// A running name server. It ends when it is dropped.
pub struct NameServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

/// What a name server does with questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It answers what it knows, and that there is no other name (NXDOMAIN).
    #[default]
    Answers,
    /// It does not answer: whoever asks waits in vain.
    Silent,
    /// It says that it failed (SERVFAIL).
    Fails,
}

#[derive(Default)]
struct State {
    mood: Mood,
    /// By name and type, what the one record holds.
    records: BTreeMap<String, BTreeMap<u16, Vec<u8>>>,
    asked: u64,
}

/// Types of records (RFC 1035 section 3.2.2).
const A: u16 = 1;
const MX: u16 = 15;
const TXT: u16 = 16;

/// Of every answer: a key's record may change from one test step to the next.
const TTL_SECONDS: u32 = 60;
const HEADER: usize = 12;
/// RFC 1035 section 2.3.4.
const LONGEST_STRING: usize = 255;

impl NameServer {
    /// Listens on 127.0.0.1, on a port that the system chooses. Knows no name yet.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start() -> io::Result<NameServer> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut question = [0; 1500];
            // A question that cannot be read is not answered; a socket that fails ends it.
            while let Ok((n, from)) = socket.recv_from(&mut question).await {
                let answer = question.get(..n).and_then(|q| lock(&shared).answer(q));
                if let Some(answer) = answer {
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Ok(NameServer {
            address,
            state,
            task,
        })
    }

    /// Where it listens, by UDP: a port of 127.0.0.1.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the name has this TXT record.
    pub fn set_txt(&self, name: &str, text: &str) {
        let strings = text
            .as_bytes()
            .chunks(LONGEST_STRING)
            .flat_map(|s| std::iter::once(s.len().to_le_bytes()[0]).chain(s.iter().copied()));
        self.set(name, TXT, strings.collect());
    }

    /// From now on mail for the domain goes to this host; to none where that is empty (RFC 7505).
    pub fn set_mx(&self, domain: &str, host: &str) {
        let labels = host.split('.').filter(|label| !label.is_empty());
        let host = labels
            .flat_map(|label| std::iter::once(label.len().to_le_bytes()[0]).chain(label.bytes()));
        let record = [0, 10].into_iter().chain(host).chain([0]);
        self.set(domain, MX, record.collect());
    }

    /// From now on the name is a host with this address.
    pub fn set_address(&self, name: &str, address: Ipv4Addr) {
        self.set(name, A, address.octets().to_vec());
    }

    fn set(&self, name: &str, kind: u16, record: Vec<u8>) {
        let mut state = lock(&self.state);
        let of_name = state.records.entry(name.to_ascii_lowercase()).or_default();
        of_name.insert(kind, record);
    }

    /// From now on it answers, or not.
    pub fn set_mood(&self, mood: Mood) {
        lock(&self.state).mood = mood;
    }

    /// How many questions came, whether they were answered or not.
    #[must_use]
    pub fn asked(&self) -> u64 {
        lock(&self.state).asked
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn answer(&mut self, question: &[u8]) -> Option<Vec<u8>> {
        self.asked += 1;
        let (name, end) = name(question)?;
        // Behind the name: type and class.
        let asked = question.get(HEADER..end.checked_add(4)?)?;
        let kind = question.get(end..end.checked_add(2)?)?;
        let kind = u16::from_be_bytes(kind.try_into().ok()?);
        let found = self.records.get(&name).and_then(|r| r.get(&kind));
        let (code, answers) = match self.mood {
            Mood::Silent => return None,
            Mood::Fails => (2, 0),
            // NXDOMAIN, or a name that has no such record.
            Mood::Answers if !self.records.contains_key(&name) => (3, 0),
            Mood::Answers => (0, u8::from(found.is_some())),
        };
        let mut answer = question.get(..2)?.to_vec();
        // A response, recursion desired and available; one question, so many answers.
        answer.extend([0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]);
        answer.extend(asked);
        if let Some(record) = found.filter(|_| answers > 0) {
            // The name that was asked for, its type, IN.
            answer.extend([0xC0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1]);
            answer.extend(TTL_SECONDS.to_be_bytes());
            answer.extend(u16::try_from(record.len()).ok()?.to_be_bytes());
            answer.extend(record);
        }
        Some(answer)
    }
}

/// The name of the one question, and where it ends.
fn name(question: &[u8]) -> Option<(String, usize)> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = question.get(at..at.checked_add(length)?)?;
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
}
