//! The side of a command that asks something: it asks `run` where that runs; else what only asks is answered from
//! the files of the book, which stay as they are, and for all else the command opens the book itself. No answer is never success: where `run` went away, and asking again does the same, whoever has
//! the book now is asked; else the person is told what is known, and what to do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use tradepost_agent::rpc::{Caller, Reply, Unanswered};

use crate::answers;
use crate::book::{self, BookHost};
use crate::config::Config;
use crate::question::Ask;

/// Who has the book: `run`, or now this command.
pub(crate) enum Holder {
    Run(Caller),
    Own(Arc<BookHost>),
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

    /// `run`, where it runs.
    async fn run(&self) -> anyhow::Result<Option<Caller>> {
        let found = Caller::find(&self.data, self.patience()).await;
        found.with_context(|| {
            let data = self.data.display();
            format!("`tradepost-server run`, which has {data}, cannot be asked")
        })
    }

    /// Finds who has the book.
    pub(crate) async fn holder(&self) -> anyhow::Result<Holder> {
        let patience = self.patience();
        let start = Instant::now();
        loop {
            if let Some(run) = self.run().await? {
                return Ok(Holder::Run(run));
            }
            let opened = tokio::task::block_in_place(|| book::open_now(&self.data, &self.config))?;
            if let Some(host) = opened {
                return Ok(Holder::Own(Arc::new(host)));
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

    /// The answer of the book's files, to what only asks.
    fn read_files(&self, ask: &Ask) -> anyhow::Result<Option<Reply<Value>>> {
        let files = book::files(&self.data, &self.config)?;
        let read = files.reading(|of| answers::read(of, &self.config, ask))?;
        Ok(read.transpose()?)
    }

    /// Before somebody is asked who may have taken the place of another.
    pub(crate) async fn pause(&self) {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Asks for something that one line answers.
pub(crate) async fn ask(data: &Path, config: Config, ask: Ask) -> anyhow::Result<Value> {
    let finder = Finder::new(data, config);
    let start = Instant::now();
    loop {
        let holder = match finder.run().await? {
            Some(run) => Holder::Run(run),
            None => {
                let read = ask
                    .only_asks()
                    .then(|| finder.read_files(&ask))
                    .transpose()?;
                if let Some(reply) = read.flatten() {
                    return Ok(reply.into_answer()?);
                }
                finder.holder().await?
            }
        };
        let came = match holder {
            Holder::Own(host) => {
                let ask = ask.clone();
                let done = host.work(move |host| answers::to_command(host, &ask)).await;
                let reply = done.unwrap_or_else(|e| Reply::Failed(e.to_string()));
                reply.into_answer()
            }
            Holder::Run(mut run) => run.ask(&ask).await,
        };
        let may_go_on = start.elapsed() < finder.patience();
        match came {
            Ok(value) => return Ok(value),
            Err(Unanswered::Refused(text)) => bail!(text),
            Err(Unanswered::Unsayable(why)) => bail!(why),
            Err(Unanswered::Failed(why)) => bail!("{why}; {}", ask.without_answer()),
            Err(Unanswered::Stopping) if may_go_on => {}
            Err(Unanswered::Stopping) => {
                bail!("`tradepost-server run` is stopping: nothing was done; try again")
            }
            Err(Unanswered::NoAnswer(why))
                if may_go_on && why.is_gone() && ask.may_be_repeated() => {}
            Err(Unanswered::NoAnswer(why)) => bail!(
                "`tradepost-server run` did not answer: {why}; {}",
                ask.without_answer()
            ),
        }
        finder.pause().await;
    }
}

/// Asks `run`, once.
pub(crate) async fn of_run(run: &mut Caller, ask: Ask) -> anyhow::Result<Value> {
    match run.ask(&ask).await {
        Ok(value) => Ok(value),
        Err(Unanswered::Refused(why) | Unanswered::Failed(why)) => bail!(why),
        Err(Unanswered::Stopping) => bail!("`tradepost-server run` is stopping"),
        Err(Unanswered::Unsayable(why)) => bail!(why),
        Err(Unanswered::NoAnswer(why)) => bail!("`tradepost-server run` did not answer: {why}"),
    }
}
