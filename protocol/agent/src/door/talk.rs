//! How the two sides of a door talk: in lines, and so that no answer is never taken for one.
//!
//! ```text
//! caller ── a line ──────────────────────────────────────────────► host
//! caller ◄── empty lines, again and again while it works ── a line ── host
//! ```
//!
//! An empty line says nothing but "I am still at it". A caller who hears neither an answer nor that for
//! as long as it is patient gives up: the other side hangs, or was stopped (SIGSTOP). An end without
//! an answer, and a line that was cut off, are told as what they are.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long a caller is patient unless the configuration says otherwise (`[timers] command_patience`):
/// long for a host that is alive, which says so four times meanwhile, and short for whoever waits for
/// the command.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Why a caller has no answer. Whether what was asked was done is not known then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The other side is gone.
    #[error("it ended before it answered")]
    Ended,
    /// It went in the middle of an answer.
    #[error("it ended in the middle of its answer")]
    Cut,
    /// What it said is none of the answers that there are.
    #[error("what it said is no answer; restart it, so that it is the version of this command")]
    NotUnderstood,
    /// It is there, and says nothing.
    #[error(
        "nothing was heard of it for {0:?} ([timers] command_patience): it hangs, or is stopped"
    )]
    Silent(Duration),
}

impl NoAnswer {
    /// Whether another process may have taken its place, or will: so that asking it can help.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            NoAnswer::Ended | NoAnswer::Cut => true,
            NoAnswer::NotUnderstood | NoAnswer::Silent(_) => false,
        }
    }
}

/// Hears lines, and how long nothing came.
#[derive(Debug)]
pub struct Hearing<R> {
    from: BufReader<R>,
    /// What came of the next line.
    begun: Vec<u8>,
    longest: usize,
    since: Instant,
}

impl<R: AsyncRead + Unpin> Hearing<R> {
    /// Hears lines of so many octets at most.
    pub fn new(from: R, longest: usize) -> Hearing<R> {
        Hearing {
            from: BufReader::with_capacity(64 * 1024, from),
            begun: Vec::new(),
            longest,
            since: Instant::now(),
        }
    }

    /// From now on something is awaited: the silence before does not count.
    pub fn await_from_now(&mut self) {
        self.since = Instant::now();
    }

    /// What comes after the lines that were heard.
    #[must_use]
    pub fn into_rest(self) -> BufReader<R> {
        self.from
    }

    /// The next line, without its end; none where the other side has said all. Without `patience` it is
    /// waited for however long it takes. What was heard of a line stays when this is dropped.
    ///
    /// # Errors
    /// The other side is gone, or says nothing.
    pub async fn line(&mut self, patience: Option<Duration>) -> Result<Option<Vec<u8>>, NoAnswer> {
        loop {
            let limit = patience.and_then(|p| Some((p, self.since.checked_add(p)?)));
            let there = match limit {
                Some((patience, until)) => timeout_at(until, self.from.fill_buf())
                    .await
                    .map_err(|_| NoAnswer::Silent(patience))?,
                None => self.from.fill_buf().await,
            };
            let Ok(there) = there else {
                return Err(self.end());
            };
            if there.is_empty() {
                return if self.begun.is_empty() {
                    Ok(None)
                } else {
                    Err(self.end())
                };
            }
            self.since = Instant::now();
            let end = there.iter().position(|b| *b == b'\n');
            let part = there.get(..end.unwrap_or(there.len())).unwrap_or_default();
            if self.begun.len() + part.len() > self.longest {
                return Err(NoAnswer::NotUnderstood);
            }
            self.begun.extend_from_slice(part);
            let used = part.len() + usize::from(end.is_some());
            self.from.consume(used);
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.begun)));
            }
        }
    }

    /// The next answer. Dropping this loses nothing.
    ///
    /// # Errors
    /// There is none.
    pub async fn answer<T: DeserializeOwned>(
        &mut self,
        patience: Option<Duration>,
    ) -> Result<T, NoAnswer> {
        loop {
            let line = self.line(patience).await?.ok_or(NoAnswer::Ended)?;
            if !line.is_empty() {
                return serde_json::from_slice(&line).map_err(|_| NoAnswer::NotUnderstood);
            }
        }
    }

    fn end(&self) -> NoAnswer {
        if self.begun.is_empty() {
            NoAnswer::Ended
        } else {
            NoAnswer::Cut
        }
    }
}

/// A value as a line.
///
/// # Errors
/// It has no JSON form.
pub fn line_of<T: Serialize>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Asks, and gives the answer.
///
/// # Errors
/// There is none.
pub async fn ask<T: DeserializeOwned, R: AsyncRead + Unpin>(
    to: &mut (impl AsyncWrite + Unpin),
    hearing: &mut Hearing<R>,
    question: &[u8],
    patience: Duration,
) -> Result<T, NoAnswer> {
    match say(to, question, patience).await {
        // Who goes may have said why before.
        Ok(()) | Err(NoAnswer::Ended) => {}
        Err(other) => return Err(other),
    }
    hearing.await_from_now();
    hearing.answer(Some(patience)).await
}

/// Says something, as long as the other side listens.
///
/// # Errors
/// It does not, or is gone.
async fn say(
    to: &mut (impl AsyncWrite + Unpin),
    octets: &[u8],
    patience: Duration,
) -> Result<(), NoAnswer> {
    let mut rest = octets;
    while !rest.is_empty() {
        let written = timeout(patience, to.write(rest))
            .await
            .map_err(|_| NoAnswer::Silent(patience))?;
        match written {
            Ok(0) | Err(_) => return Err(NoAnswer::Ended),
            Ok(n) => rest = rest.get(n..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// Works, and lets a caller who is so patient hear that it does. `probe` comes back only while the
/// work can go on at all: a caller of a host whose disk hangs hears nothing. The work is done to its end
/// also where the caller is gone.
pub async fn work_aloud<T, P: Future>(
    to: &mut (impl AsyncWrite + Unpin),
    patience: Duration,
    mut probe: impl FnMut() -> P,
    work: impl Future<Output = T>,
) -> T {
    /// Nobody is told more often, whatever a caller says.
    const LEAST: Duration = Duration::from_millis(5);
    let every = (patience / 4).max(LEAST);
    let aloud = async {
        loop {
            sleep(every).await;
            probe().await;
            // One octet: it is written, or it is not.
            if to.write_all(b"\n").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = aloud => unreachable!("it goes on until the work is done"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::future::ready;

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(60);

    /// What a caller makes of what a host says before it goes.
    async fn heard(said: &str) -> Result<u64, NoAnswer> {
        let (mut near, far) = tokio::io::duplex(1024);
        near.write_all(said.as_bytes()).await.unwrap();
        drop(near);
        let (read, mut write) = tokio::io::split(far);
        ask(&mut write, &mut Hearing::new(read, 16), b"?\n", LONG).await
    }

    #[tokio::test]
    async fn only_a_whole_answer_is_one() {
        let rows: [(&str, Result<u64, NoAnswer>); 8] = [
            ("17\n", Ok(17)),
            ("\n\n17\n", Ok(17)),
            ("", Err(NoAnswer::Ended)),
            ("\n\n", Err(NoAnswer::Ended)),
            ("17", Err(NoAnswer::Cut)),
            ("\n1", Err(NoAnswer::Cut)),
            ("seventeen\n", Err(NoAnswer::NotUnderstood)),
            ("12345678901234567\n", Err(NoAnswer::NotUnderstood)),
        ];
        for (said, answer) in rows {
            assert_eq!(heard(said).await, answer, "{said:?}");
        }
    }

    #[tokio::test]
    async fn who_says_nothing_or_does_not_listen_is_given_up() {
        const AT_ONCE: Duration = Duration::from_millis(10);
        // What is asked fits into the pipe between the two, or does not.
        for room in [8, 1024] {
            let (_host, caller) = tokio::io::duplex(room);
            let (read, mut write) = tokio::io::split(caller);
            let mut hearing = Hearing::new(read, 16);
            let answer: Result<u64, _> = ask(&mut write, &mut hearing, &[b'?'; 64], AT_ONCE).await;
            assert_eq!(answer, Err(NoAnswer::Silent(AT_ONCE)));
        }
    }

    #[tokio::test]
    async fn who_works_is_heard_to_work_and_every_sign_counts() {
        let (mut host, caller) = tokio::io::duplex(1024);
        let mut hearing = Hearing::new(caller, 16);
        let enough = tokio::sync::Notify::new();
        let listens = async {
            for _ in 0..3 {
                let before = hearing.since;
                assert_eq!(hearing.line(Some(LONG)).await, Ok(Some(Vec::new())));
                assert!(hearing.since > before, "the patience begins anew");
            }
            enough.notify_one();
        };
        let often = Duration::from_millis(1);
        let works = work_aloud(&mut host, often, || ready(()), enough.notified());
        tokio::join!(works, listens);
    }

    #[tokio::test]
    async fn a_host_whose_work_cannot_go_on_says_nothing() {
        let (mut host, caller) = tokio::io::duplex(1024);
        let (begun, probed) = tokio::sync::oneshot::channel();
        let mut begun = Some(begun);
        let hangs = || {
            begun.take().map(|begun| begun.send(()));
            std::future::pending::<()>()
        };
        let often = Duration::from_millis(1);
        work_aloud(&mut host, often, hangs, probed).await.unwrap();
        drop(host);
        let heard = Hearing::new(caller, 16).line(Some(LONG)).await;
        assert_eq!(heard, Ok(None));
    }
}
