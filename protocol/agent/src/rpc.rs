//! What is said at the door of an agent that runs: a command says a [`Call`] as a line of JSON, and gets a
//! [`Reply`]. An end without that word is no answer (see [`crate::door`]).

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tradepost_post::stop::Stop;

use crate::door::{self, Hearing, NoAnswer, PATIENCE, line_of, work_aloud, write_line};

/// No call and no reply is longer: a mail of 10 MiB in base64, or a book of some hundred thousand trades.
const LONGEST_SAID: usize = 256 * 1024 * 1024;

/// Program versions that do not know each other's questions do not talk.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Debug, Serialize, Deserialize)]
struct Call<Q> {
    version: String,
    /// It gives up when it hears nothing for so long.
    patience: Duration,
    question: Q,
}

/// What a command is told: an answer, or why there is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply<A> {
    /// What was asked for, in the party's own type.
    Answer(A),
    /// In words for the person; nothing was done.
    Refused(String),
    /// The store could not be read or written: why. Whether what was asked is recorded is not known.
    Failed(String),
    /// Nothing was done: the agent is stopping, so whoever has the store next is to be asked.
    Stopping,
}

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// In words for the person; nothing was done.
    #[error("{0}")]
    Refused(String),
    /// In words: the store could not be read or written.
    #[error("{0}")]
    Failed(String),
    /// The agent is stopping, and has done nothing.
    #[error("it is stopping")]
    Stopping,
    /// Whether it did what was asked is not known.
    #[error("{0}")]
    NoAnswer(#[from] NoAnswer),
    /// The question has no JSON form.
    #[error("this cannot be asked: {0}")]
    Unsayable(#[from] serde_json::Error),
}

impl<A> Reply<A> {
    /// The answer, or why there is none.
    ///
    /// # Errors
    /// All but [`Reply::Answer`].
    pub fn into_answer(self) -> Result<A, Unanswered> {
        match self {
            Reply::Answer(answer) => Ok(answer),
            Reply::Refused(why) => Err(Unanswered::Refused(why)),
            Reply::Failed(why) => Err(Unanswered::Failed(why)),
            Reply::Stopping => Err(Unanswered::Stopping),
        }
    }
}

/// The side of a command: an agent that runs was found.
#[derive(Debug)]
pub struct Caller {
    hearing: Hearing<OwnedReadHalf>,
    write: OwnedWriteHalf,
    patience: Duration,
}

impl Caller {
    /// The agent that has a data folder open; none when none runs. One that says nothing for as long as
    /// `patience` hangs.
    ///
    /// # Errors
    /// It cannot be asked.
    pub async fn find(data: &Path, patience: Duration) -> io::Result<Option<Caller>> {
        Ok(door::connect(data, patience).await?.map(|stream| {
            let (read, write) = stream.into_split();
            Caller {
                hearing: Hearing::new(read, LONGEST_SAID),
                write,
                patience,
            }
        }))
    }

    /// Asks.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn ask<Q: Serialize, A: DeserializeOwned>(
        &mut self,
        question: &Q,
    ) -> Result<A, Unanswered> {
        let call = line_of(&Call {
            version: VERSION.to_owned(),
            patience: self.patience,
            question,
        })?;
        let patience = self.patience;
        let reply: Reply<A> =
            door::ask(&mut self.write, &mut self.hearing, &call, patience).await?;
        reply.into_answer()
    }

    /// For what is said otherwise from here on.
    #[must_use]
    pub fn into_parts(self) -> (Hearing<OwnedReadHalf>, OwnedWriteHalf) {
        (self.hearing, self.write)
    }
}

/// The side of an agent that runs: a conversation with one caller.
#[derive(Debug)]
pub struct Conversation {
    hearing: Hearing<OwnedReadHalf>,
    write: OwnedWriteHalf,
    stop: Stop,
    /// Until the caller says how patient it is.
    patience: Duration,
    /// What the agent is called, in words for a caller of another version.
    name: &'static str,
}

impl Conversation {
    /// With whoever was let in.
    #[must_use]
    pub fn new(stream: UnixStream, stop: Stop, name: &'static str) -> Conversation {
        let (read, write) = stream.into_split();
        Conversation {
            hearing: Hearing::new(read, LONGEST_SAID),
            write,
            stop,
            patience: PATIENCE,
            name,
        }
    }

    /// The next question; none when the conversation is over. A caller who cannot be understood, or comes
    /// when the agent stops, is told so.
    pub async fn question<Q: DeserializeOwned>(&mut self) -> Option<Q> {
        let line = tokio::select! {
            biased;
            line = self.hearing.line(None) => line,
            () = self.stop.stopped() => {
                // For whoever is just about to ask.
                self.say(&Reply::<()>::Stopping).await;
                return None;
            }
        };
        let call = match line {
            Ok(Some(line)) => serde_json::from_slice::<Call<Q>>(&line).ok(),
            // The caller's end is no fault: it may be gone before its answer is ready.
            Ok(None) | Err(NoAnswer::Ended | NoAnswer::Cut | NoAnswer::Silent(_)) => return None,
            Err(NoAnswer::NotUnderstood) => None,
        };
        let Some(call) = call.filter(|call| call.version == VERSION) else {
            let text = format!(
                "the {} that runs is version {VERSION}; restart it, so that it is the version of this command",
                self.name
            );
            self.say(&Reply::<()>::Refused(text)).await;
            return None;
        };
        if self.stop.is_stopped() {
            self.say(&Reply::<()>::Stopping).await;
            return None;
        }
        self.patience = call.patience;
        Some(call.question)
    }

    /// Does something, and lets the caller hear that it is still to come. `probe` shows that the store is not
    /// stuck: whoever waits for it waits for whoever writes into it.
    pub async fn work<T, F: Future>(
        &mut self,
        probe: impl Fn() -> F,
        work: impl Future<Output = T>,
    ) -> T {
        work_aloud(&mut self.write, self.patience, probe, work).await
    }

    /// Says something; whether somebody is still there to hear it.
    pub async fn say<T: Serialize>(&mut self, what: &T) -> bool {
        write_line(&mut self.write, what).await.is_ok()
    }

    /// For what is said otherwise from here on: what comes, and where answers go.
    #[must_use]
    pub fn into_parts(self) -> (BufReader<OwnedReadHalf>, Speaking) {
        let speaking = Speaking {
            write: self.write,
            patience: self.patience,
        };
        (self.hearing.into_rest(), speaking)
    }
}

/// The answering half of a conversation in which a caller says many things.
#[derive(Debug)]
pub struct Speaking {
    write: OwnedWriteHalf,
    patience: Duration,
}

impl Speaking {
    /// As [`Conversation::work`].
    pub async fn work<T, F: Future>(
        &mut self,
        probe: impl Fn() -> F,
        work: impl Future<Output = T>,
    ) -> T {
        work_aloud(&mut self.write, self.patience, probe, work).await
    }

    /// Says several lines at once.
    ///
    /// # Errors
    /// The caller is gone.
    pub async fn say<T: Serialize>(&mut self, lines: &[T]) -> io::Result<()> {
        let mut said = Vec::new();
        for line in lines {
            said.extend(line_of(line)?);
        }
        tokio::io::AsyncWriteExt::write_all(&mut self.write, &said).await
    }
}
