//! What is said at the daemon's door (`tradepost_agent::door`): lines of JSON, a [`Call`] for a
//! request, a [`Reply`] for its answer, as many as the caller wants.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tradepost_agent::door::{self, Door, Hearing, NoAnswer, line_of, work_aloud, write_line};
use tradepost_post::stop::Stop;

use crate::ledger::LedgerError;
use crate::office::Office;
use crate::request::{AskError, Effect, Request};

/// No line is longer: an import sends letters of 10 MiB and more in base64.
const LONGEST_LINE: usize = 256 * 1024 * 1024;

/// Program versions that do not know each other's requests do not talk.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A line to the daemon.
#[derive(Serialize, Deserialize)]
struct Call<R> {
    version: String,
    /// The caller gives up when it hears nothing for so long.
    patience: Duration,
    request: R,
}

/// A line from the daemon.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reply {
    /// JSON, ready to be printed.
    Answer(String),
    /// In words.
    Refused(String),
    /// The ledger could not be read or written: why. Whether what was asked is recorded is not known.
    Failed(String),
    /// Nothing was done: the daemon is stopping, so whoever has the ledger next is to be asked.
    Stopping,
}

/// Answers whoever comes, until asked to stop.
pub(crate) async fn serve(door: Door, office: Arc<Office>, stop: Stop) {
    door.let_in(stop.clone(), |stream| {
        converse(stream, Arc::clone(&office), stop.clone())
    })
    .await;
}

async fn converse(stream: UnixStream, office: Arc<Office>, mut stop: Stop) {
    let (read, mut write) = stream.into_split();
    let mut hearing = Hearing::new(read, LONGEST_LINE);
    loop {
        let line = tokio::select! {
            biased;
            line = hearing.line(None) => line,
            () = stop.stopped() => {
                // For whoever is just about to ask.
                let _ = write_line(&mut write, &Reply::Stopping).await;
                return;
            }
        };
        let call = match line {
            Ok(Some(line)) => serde_json::from_slice::<Call<Request>>(&line).ok(),
            // The caller's end is no fault: it may be gone before its answer is ready.
            Ok(None) | Err(NoAnswer::Ended | NoAnswer::Cut | NoAnswer::Silent(_)) => return,
            Err(NoAnswer::NotUnderstood) => None,
        };
        let is_understood = call.is_some();
        let reply = match call.filter(|call| call.version == VERSION) {
            Some(call) => answer(&mut write, &office, call, &mut stop).await,
            None => Reply::Refused(format!(
                "the daemon that runs is version {VERSION}; restart it, so that it is the version of this command"
            )),
        };
        if write_line(&mut write, &reply).await.is_err() || !is_understood {
            return;
        }
    }
}

/// Answers, and lets the caller hear that it works. What was begun is done to its end, whether the caller
/// is there or not.
async fn answer(
    write: &mut OwnedWriteHalf,
    office: &Arc<Office>,
    call: Call<Request>,
    stop: &mut Stop,
) -> Reply {
    if stop.is_stopped() {
        return Reply::Stopping;
    }
    let only_asks = call.request.effect() == Effect::None;
    let work = async {
        let asked = office.ask(call.request);
        if !only_asks {
            return asked.await;
        }
        tokio::select! {
            biased;
            answer = asked => answer,
            () = stop.stopped() => Err(AskError::Stopping),
        }
    };
    // Whoever waits for the ledger waits for whoever writes into it: a disk that hangs is not passed.
    let probe = || office.work(|office| office.ledger.wait_for_turn());
    match work_aloud(write, call.patience, probe, work).await {
        Ok(answer) => Reply::Answer(answer),
        Err(AskError::Stopping) => Reply::Stopping,
        Err(AskError::Ledger(LedgerError::Store(e))) => Reply::Failed(e.to_string()),
        Err(e) => Reply::Refused(e.to_string()),
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// In words for the person; nothing was done.
    #[error("{0}")]
    Refused(String),
    /// In words: the ledger could not be read or written.
    #[error("{0}")]
    Failed(String),
    /// The daemon is stopping, and has done nothing.
    #[error("the daemon is stopping")]
    Stopping,
    /// Whether it did what was asked is not known.
    #[error("the daemon did not answer: {0}")]
    NoAnswer(#[from] NoAnswer),
    /// The request has no JSON form.
    #[error("the daemon cannot be asked this: {0}")]
    Unsayable(#[from] serde_json::Error),
}

/// A daemon that was found.
pub(crate) struct Daemon {
    hearing: Hearing<OwnedReadHalf>,
    write: OwnedWriteHalf,
    patience: Duration,
}

impl Daemon {
    /// The daemon of a data folder; none when none runs.
    pub(crate) async fn find(data: &Path, patience: Duration) -> io::Result<Option<Daemon>> {
        Ok(door::connect(data, patience).await?.map(|stream| {
            let (read, write) = stream.into_split();
            Daemon {
                hearing: Hearing::new(read, LONGEST_LINE),
                write,
                patience,
            }
        }))
    }

    /// Asks.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<String, Unanswered> {
        let call = line_of(&Call {
            version: VERSION.to_owned(),
            patience: self.patience,
            request,
        })?;
        let reply = door::ask(&mut self.write, &mut self.hearing, &call, self.patience).await?;
        match reply {
            Reply::Answer(answer) => Ok(answer),
            Reply::Refused(text) => Err(Unanswered::Refused(text)),
            Reply::Failed(why) => Err(Unanswered::Failed(why)),
            Reply::Stopping => Err(Unanswered::Stopping),
        }
    }
}
