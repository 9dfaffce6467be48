//! The side of `run` at its door: it lets commands in, has the loop answer them, and lets them hear that it
//! works. Whoever is let in gets an answer, or the word that `run` is stopping, or it is cut off.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tradepost_agent::door::{self, Door, Hearing, NoAnswer, line_of, work_aloud};
use tradepost_post::stop::Stop;

use crate::agent::Asked;
use crate::desk::Desk;
use crate::socket::{Ask, Call, LONGEST_SAID, Lines, Reply, Told, VERSION};

/// Lets commands in until asked to stop.
pub(crate) async fn answer_the_door(
    door: Door,
    desk: Arc<Desk>,
    asked: mpsc::Sender<Asked>,
    stop: Stop,
) {
    let converse = |stream: UnixStream| {
        let (read, write) = stream.into_split();
        let talk = Talk {
            write,
            desk: Arc::clone(&desk),
            asked: asked.clone(),
            stop: stop.clone(),
            // Until it says how patient it is.
            patience: door::PATIENCE,
        };
        async move {
            // A command that is gone before its answer is no fault.
            if let Err(e) = talk.converse(read).await {
                tracing::debug!("a command ended early: {e}");
            }
        }
    };
    door.let_in(stop.clone(), converse).await;
}

/// A conversation with one caller.
struct Talk {
    write: OwnedWriteHalf,
    desk: Arc<Desk>,
    asked: mpsc::Sender<Asked>,
    stop: Stop,
    patience: Duration,
}

/// What came of what the loop was asked.
enum Came<T> {
    Answer(T),
    /// The book could not take it: why.
    Failed(String),
    /// The loop has ended, and did nothing.
    Stopping,
}

impl Talk {
    async fn converse(mut self, read: OwnedReadHalf) -> anyhow::Result<()> {
        let mut hearing = Hearing::new(read, LONGEST_SAID);
        let first = tokio::select! {
            biased;
            first = hearing.line(None) => match first {
                Ok(Some(first)) => first,
                // It has changed its mind.
                Ok(None) => return Ok(()),
                // It is told below that this is no call.
                Err(NoAnswer::NotUnderstood) => Vec::new(),
                Err(gone) => return Err(gone.into()),
            },
            () = self.stop.stopped() => return self.say(&Reply::Stopping).await,
        };
        let call = serde_json::from_slice::<Call>(&first)
            .ok()
            .filter(|call| call.version == VERSION);
        let Some(call) = call else {
            let text =
                format!("the server that runs is version {VERSION}; restart it after an upgrade");
            return self.say(&Reply::Refused(text)).await;
        };
        self.patience = call.patience;
        if let Ask::Emit = call.ask {
            // Tells the caller that its lines are welcome.
            self.say(&Reply::Answer(serde_json::Value::Null)).await?;
            return self.take_lines(Lines::new(hearing.into_rest())).await;
        }
        let reply = match self.have_answered(|to| Asked::Other(call.ask, to)).await {
            Came::Answer(reply) => reply,
            Came::Failed(why) => Reply::Failed(why),
            Came::Stopping => Reply::Stopping,
        };
        self.say(&reply).await
    }

    async fn take_lines(
        mut self,
        mut lines: Lines<tokio::io::BufReader<OwnedReadHalf>>,
    ) -> anyhow::Result<()> {
        let mut answered = 0;
        loop {
            let batch = tokio::select! {
                biased;
                batch = lines.batch() => batch?,
                () = self.stop.stopped() => return self.say(&Told::Stopping).await,
            };
            if batch.is_empty() {
                return self.say(&Told::Done { answered }).await;
            }
            let came = self.have_answered(|to| Asked::Lines(batch, to)).await;
            let answers = match came {
                Came::Answer(answers) => answers,
                Came::Failed(why) => return self.say(&Told::Failed(why)).await,
                Came::Stopping => return self.say(&Told::Stopping).await,
            };
            let mut said = Vec::new();
            for answer in answers {
                said.extend(line_of(&Told::Answer(answer))?);
                answered += 1;
            }
            tokio::io::AsyncWriteExt::write_all(&mut self.write, &said).await?;
        }
    }

    /// Has the loop do something, and lets the caller hear that it is still to come.
    async fn have_answered<T>(
        &mut self,
        asked: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Asked,
    ) -> Came<T> {
        let (to, answer) = oneshot::channel();
        let (desk, loop_) = (&self.desk, &self.asked);
        let asked = asked(to);
        let work = async {
            match loop_.send(asked).await {
                Ok(()) => answer.await.ok(),
                Err(_ended) => None,
            }
        };
        // Whoever waits for the book waits for whoever writes into it: a disk that hangs is not passed.
        let probe = || desk.work(|desk| desk.book.decide(&mut |_| Ok(())));
        match work_aloud(&mut self.write, self.patience, probe, work).await {
            Some(Ok(answer)) => Came::Answer(answer),
            Some(Err(why)) => Came::Failed(why),
            None => Came::Stopping,
        }
    }

    async fn say<T: serde::Serialize>(&mut self, what: &T) -> anyhow::Result<()> {
        Ok(door::write_line(&mut self.write, what).await?)
    }
}
