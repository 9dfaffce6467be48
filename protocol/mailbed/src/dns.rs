//! The provider's name server, dnsmasq, and the question that a test asks it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::guard::Keeper;
use crate::{AUTHSERV_ID, DOMAINS};

/// A TXT record consists of strings of at most 255 octets (RFC 1035 section 3.3).
const STRING: usize = 250;
/// Far more than a start takes, also on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);
/// An answer from loopback comes sooner; without one the question is asked again.
const ANSWER: Duration = Duration::from_millis(250);

/// The name server: running, or stopped with its records kept.
#[derive(Debug)]
pub(crate) struct NameServer {
    port: u16,
    dir: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    records: BTreeMap<String, String>,
    running: Option<Keeper>,
}

impl NameServer {
    /// With what a domain of a provider has in DNS: MX, SPF and DMARC; and with the keys that it signs with.
    pub(crate) fn start(dir: &Path, port: u16, keys: Vec<(String, String)>) -> Result<NameServer> {
        let mut records: BTreeMap<String, String> = keys.into_iter().collect();
        for domain in DOMAINS {
            records.insert(domain.to_owned(), "v=spf1 ip4:127.0.0.1 -all".to_owned());
            records.insert(format!("_dmarc.{domain}"), "v=DMARC1; p=reject".to_owned());
        }
        let server = NameServer {
            port,
            dir: dir.to_path_buf(),
            state: Mutex::new(State {
                records,
                running: None,
            }),
        };
        server.run()?;
        Ok(server)
    }

    /// Answers from now on; nothing changes where it does already.
    pub(crate) fn run(&self) -> Result<()> {
        let mut state = self.state();
        if state.running.is_none() {
            self.launch(&mut state)?;
        }
        Ok(())
    }

    /// Answers nothing any more: the port is closed.
    pub(crate) fn stop(&self) {
        self.state().running = None;
    }

    /// Sets the TXT record of a name, or takes it away.
    pub(crate) fn set(&self, name: &str, text: Option<&str>) -> Result<()> {
        let unfit = |text: &str| text.contains(['"', '\n', '\\', ',']) || !text.is_ascii();
        ensure!(
            !unfit(name) && !text.is_some_and(unfit),
            "dnsmasq's configuration can't hold this record of {name}: {text:?}"
        );
        let mut state = self.state();
        match text {
            Some(text) => state.records.insert(name.to_owned(), text.to_owned()),
            None => state.records.remove(name),
        };
        // It reads records at its start only.
        if state.running.take().is_some() {
            self.launch(&mut state)?;
        }
        Ok(())
    }

    fn launch(&self, state: &mut State) -> Result<()> {
        let mut text = fs::read_to_string(self.dir.join("dnsmasq.template"))?;
        for domain in DOMAINS {
            writeln!(text, "mx-host={domain},{AUTHSERV_ID},10")?;
        }
        for (name, record) in &state.records {
            // `set` takes ASCII only, so no string is cut within a character.
            let strings: Vec<String> = record
                .as_bytes()
                .chunks(STRING)
                .map(|string| format!("\"{}\"", String::from_utf8_lossy(string)))
                .collect();
            writeln!(text, "txt-record={name},{}", strings.join(","))?;
        }
        fs::write(self.dir.join("dnsmasq.conf"), text)?;
        let keeper = Keeper::start(&self.dir, "dns.sh")?;
        let deadline = Instant::now() + PATIENCE;
        while txt(self.port, DOMAINS[0]).is_err() {
            if Instant::now() > deadline {
                bail!("the name server does not answer on port {}", self.port);
            }
            thread::sleep(Duration::from_millis(5));
        }
        state.running = Some(keeper);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the name server on this port for the TXT records of a name (RFC 1035): the text of each, or none
/// where the name does not exist.
///
/// # Errors
/// Nobody answers, or what came is no answer to this.
pub fn txt(port: u16, name: &str) -> Result<Vec<String>> {
    const QUESTION: u16 = 0x7470;
    const TXT: u16 = 16;
    const NO_SUCH_NAME: u8 = 3;
    let mut question = Vec::new();
    // One question, recursion desired.
    for word in [QUESTION, 0x0100, 1, 0, 0, 0] {
        question.extend_from_slice(&word.to_be_bytes());
    }
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).context("a label is too long")?);
        question.extend_from_slice(label.as_bytes());
    }
    question.push(0);
    for word in [TXT, 1] {
        question.extend_from_slice(&word.to_be_bytes());
    }
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(ANSWER))?;
    socket.send(&question)?;
    let mut answer = [0; 4096];
    let length = socket.recv(&mut answer)?;
    let mut reader = Reader(answer.get(..length).unwrap_or_default());
    ensure!(reader.word()? == QUESTION, "an answer to something else");
    let flags = reader.word()?.to_be_bytes();
    match flags[1] & 0x0f {
        0 => {}
        NO_SUCH_NAME => return Ok(Vec::new()),
        code => bail!("the name server answers with code {code}"),
    }
    ensure!(
        flags[0] & 0x02 == 0,
        "the answer did not fit into a datagram"
    );
    let (_, answers) = (reader.word()?, reader.word()?);
    // The counts of the other sections, and the question again.
    reader.take(4 + question.len() - 12)?;
    let mut texts = Vec::new();
    for _ in 0..answers {
        reader.name()?;
        let kind = reader.word()?;
        reader.take(6)?;
        let length = usize::from(reader.word()?);
        let mut data = Reader(reader.take(length)?);
        if kind == TXT {
            let mut text = Vec::new();
            while let [length, ..] = data.0 {
                let length = usize::from(*length);
                text.extend_from_slice(data.take(1 + length)?.get(1..).unwrap_or_default());
            }
            texts.push(String::from_utf8(text)?);
        }
    }
    Ok(texts)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .context("the answer is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn word(&mut self) -> Result<u16> {
        let taken = self.take(2)?;
        Ok(u16::from_be_bytes(taken.try_into()?))
    }

    /// Skips a name, which may end in a pointer (RFC 1035 section 4.1.4).
    fn name(&mut self) -> Result<()> {
        loop {
            let length = self.take(1)?[0];
            if length & 0xc0 == 0xc0 {
                self.take(1)?;
                return Ok(());
            }
            if length == 0 {
                return Ok(());
            }
            self.take(usize::from(length))?;
        }
    }
}
