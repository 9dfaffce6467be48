//! A name server on loopback that answers as it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

#[derive(Clone)]
pub(crate) enum Answer {
    /// TXT records, each of some strings; and their TTL.
    Txt(Vec<Vec<String>>, u32),
    /// The TXT records of another name.
    Alias(&'static str, Vec<Vec<String>>),
    /// No records, with this RCODE: 0 no data, 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED.
    Code(u8),
    Silence,
}

pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

/// One record of one string.
pub(crate) fn txt(text: &str) -> Answer {
    Answer::Txt(vec![vec![text.to_owned()]], 300)
}

impl NameServer {
    pub(crate) async fn start() -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let answers: Arc<Mutex<HashMap<String, Answer>>> = Arc::default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (known, log) = (Arc::clone(&answers), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            let mut packet = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut packet).await {
                let query = &packet[..length];
                let (name, question) = question(query);
                log.lock().unwrap().push(name.clone());
                let answer = known.lock().unwrap().get(&name).cloned();
                let answer = answer.unwrap_or(Answer::Code(3));
                if let Some(reply) = reply(&query[..2], question, &answer) {
                    socket.send_to(&reply, from).await.unwrap();
                }
            }
        });
        NameServer {
            address,
            answers,
            asked,
            task,
        }
    }

    pub(crate) fn says(&self, name: &str, answer: Answer) {
        let name = name.to_owned();
        self.answers.lock().unwrap().insert(name, answer);
    }

    /// How often it was asked for the name.
    pub(crate) fn was_asked(&self, name: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| *asked == name).count()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The name that is asked for, and the octets of the question.
fn question(query: &[u8]) -> (String, &[u8]) {
    let mut labels = Vec::new();
    let mut at = 12;
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).into_owned());
        at += length + 1;
    }
    (labels.join(".").to_ascii_lowercase(), &query[12..at + 5])
}

fn reply(id: &[u8], question: &[u8], answer: &Answer) -> Option<Vec<u8>> {
    // A pointer to the name in the question (RFC 1035 section 4.1.4).
    let asked = vec![0xc0, 12];
    let (code, records) = match answer {
        Answer::Silence => return None,
        Answer::Code(code) => (*code, Vec::new()),
        Answer::Txt(texts, ttl) => {
            let records = texts.iter();
            (
                0,
                records
                    .map(|r| record(&asked, 16, *ttl, &strings(r)))
                    .collect(),
            )
        }
        Answer::Alias(target, texts) => {
            let target = encoded(target);
            let alias = record(&asked, 5, 300, &target);
            let records = texts.iter().map(|r| record(&target, 16, 300, &strings(r)));
            (0, std::iter::once(alias).chain(records).collect())
        }
    };
    let mut packet = id.to_vec();
    let count = u8::try_from(records.len()).unwrap();
    packet.extend_from_slice(&[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    packet.extend_from_slice(question);
    packet.extend(records.concat());
    Some(packet)
}

fn record(name: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut record = name.to_vec();
    record.extend(kind.to_be_bytes());
    record.extend([0, 1]);
    record.extend(ttl.to_be_bytes());
    record.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    record.extend_from_slice(data);
    record
}

fn strings(texts: &[String]) -> Vec<u8> {
    let one = |text: &String| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    texts.iter().flat_map(one).collect()
}

fn encoded(name: &str) -> Vec<u8> {
    let label = |label: &str| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
    let mut octets: Vec<u8> = name.split('.').flat_map(label).collect();
    octets.push(0);
    octets
}
