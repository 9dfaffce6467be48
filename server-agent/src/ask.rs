//! The side of a command that asks something: it asks `run` where that runs, else the book, which it then opens
//! itself. No answer is never success: where `run` went away, and asking again does the same, whoever has
//! the book now is asked; else the person is told what is known, and what to do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use tokio::net::UnixStream;
use tradepost_agent::door::{self, Hearing, NoAnswer, line_of};

use crate::config::Config;
use crate::desk::Desk;
use crate::report;
use crate::socket::{Ask, Call, LONGEST_SAID, Reply, VERSION};

/// Who has the book: `run`, or now this command.
pub(crate) enum Holder {
    Run(UnixStream),
    Own(Arc<Desk>),
}

/// What finds out who has the book.
pub(crate) struct Finder {
    data: PathBuf,
    config: Config,
}

/// While a process starts or ends, it has neither door nor book to give. So long it is tried again.
const LOOK_AGAIN: Duration = Duration::from_millis(30);

impl Finder {
    pub(crate) fn new(data: &Path, config: Config) -> Finder {
        let data = data.to_owned();
        Finder { data, config }
    }

    /// How long `run` may say nothing, and the book may be in use by somebody else.
    pub(crate) fn patience(&self) -> Duration {
        self.config.patience
    }

    /// Finds who has the book.
    pub(crate) async fn holder(&self) -> anyhow::Result<Holder> {
        let patience = self.patience();
        let start = Instant::now();
        loop {
            let found = door::connect(&self.data, patience).await;
            let found = found.with_context(|| {
                let data = self.data.display();
                format!("`tradepost-server run`, which has {data}, cannot be asked")
            })?;
            if let Some(stream) = found {
                return Ok(Holder::Run(stream));
            }
            let opened = tokio::task::block_in_place(|| Desk::open_now(&self.data, &self.config))?;
            if let Some(book) = opened {
                return Ok(Holder::Own(Desk::of(book, self.config.clone())));
            }
            if start.elapsed() >= patience {
                bail!(
                    "the data folder {} is in use by another process, which gave no answer for {patience:?} \
                     ([timers] command_patience); try again when that has ended",
                    self.data.display()
                );
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Before somebody is asked who may have taken the place of another.
    pub(crate) async fn pause(&self) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// A call, as it is said.
pub(crate) fn call(ask: Ask, patience: Duration) -> serde_json::Result<Vec<u8>> {
    line_of(&Call {
        version: VERSION.to_owned(),
        patience,
        ask,
    })
}

/// Asks for something that one line answers.
pub(crate) async fn ask(data: &Path, config: Config, ask: Ask) -> anyhow::Result<Value> {
    let finder = Finder::new(data, config);
    let patience = finder.patience();
    let call = call(ask.clone(), patience)?;
    let start = Instant::now();
    loop {
        let came = match finder.holder().await? {
            Holder::Own(desk) => {
                let ask = ask.clone();
                let done = desk.work(move |desk| report::answer(desk, &ask)).await;
                Ok(done.unwrap_or_else(|e| Reply::Failed(e.to_string())))
            }
            Holder::Run(stream) => ask_run(stream, &call, patience).await,
        };
        let may_go_on = start.elapsed() < patience;
        match came {
            Ok(Reply::Answer(value)) => return Ok(value),
            Ok(Reply::Refused(text)) => bail!(text),
            Ok(Reply::Failed(why)) => bail!("{why}; {}", ask.without_answer()),
            Ok(Reply::Stopping) if may_go_on => {}
            Ok(Reply::Stopping) => {
                bail!("`tradepost-server run` is stopping: nothing was done; try again")
            }
            Err(why) if may_go_on && why.is_gone() && ask.may_be_repeated() => {}
            Err(why) => bail!(
                "`tradepost-server run` did not answer: {why}; {}",
                ask.without_answer()
            ),
        }
        finder.pause().await;
    }
}

/// Asks `run`, once.
pub(crate) async fn of_run(
    stream: UnixStream,
    ask: Ask,
    patience: Duration,
) -> anyhow::Result<Value> {
    let reply = ask_run(stream, &call(ask, patience)?, patience).await;
    match reply.map_err(|why| anyhow!("`tradepost-server run` did not answer: {why}"))? {
        Reply::Answer(value) => Ok(value),
        Reply::Refused(why) | Reply::Failed(why) => bail!(why),
        Reply::Stopping => bail!("`tradepost-server run` is stopping"),
    }
}

async fn ask_run(stream: UnixStream, call: &[u8], patience: Duration) -> Result<Reply, NoAnswer> {
    let (read, mut write) = stream.into_split();
    let mut hearing = Hearing::new(read, LONGEST_SAID);
    door::ask(&mut write, &mut hearing, call, patience).await
}
