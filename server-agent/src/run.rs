//! `run`: the kernel's loop ([`tradepost_agent::run`]) with what a server's is made of.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tradepost_agent::arrival::Reader;
use tradepost_agent::config::ConfigError;
use tradepost_agent::door::{self, Door};
use tradepost_agent::mailbox::watch_of;
use tradepost_agent::outbox::Pace;
use tradepost_agent::outgoing::Mailer;
use tradepost_agent::process::EndRequests;
use tradepost_agent::run::{AgentParts, questions};
use tradepost_post::imap::SentFolder;
use tradepost_post::smtp::Submitter;
use tradepost_post::stop;
use tradepost_proof::dkim::Signing;

use crate::book;
use crate::config::Config;
use crate::door::answer_the_door;
use crate::http;
use crate::jobs::Jobs;

/// Runs until it is stopped.
pub(crate) async fn run(data: &Path, config: Config) -> anyhow::Result<()> {
    let end_requests = EndRequests::listen();
    if door::connect(data, config.patience).await?.is_some() {
        bail!(
            "the data folder {} is in use by another `tradepost-server run`; stop that one first",
            data.display()
        );
    }
    let folder = data.to_owned();
    let address = config.settings.address.clone();
    let mailbox = settings(&config, |c| c.imap()?.settings(&c.source, &user(c)))?;
    let smtp = settings(&config, |c| c.smtp()?.settings(&c.source, &user(c)))?;
    let imap = config.imap()?.clone();
    let connections = smtp.connections;
    let submitter = Submitter::new(smtp).map_err(anyhow::Error::msg)?;
    if config.policy.authserv_ids.is_empty() {
        tracing::warn!(
            "{}: [trust] authserv_ids is empty, so letters are proven by DKIM alone; `doctor` shows what your provider writes",
            config.path().display()
        );
    }
    if matches!(config.signing, Signing::Unsigned) {
        tracing::warn!(
            "{}: letters leave unsigned, unless your provider signs them; `doctor` says what to do",
            config.path().display()
        );
    }
    let reader = Reader::new(config.keys.clone(), config.policy.clone())?;
    let host = tokio::task::spawn_blocking(move || book::open(&folder, config)).await??;
    let door = Door::open(data).context("the socket for the commands")?;
    let (stopper, stop) = stop::channel();
    let (ask, asked) = questions();
    let intake = http::open(&host, ask.clone(), stop.clone()).await?;
    let intake = intake.map(|intake| tokio::spawn(intake.serve()));
    let door = tokio::spawn(answer_the_door(door, Arc::clone(&host), ask, stop.clone()));
    let pace = Pace {
        in_flight: connections,
        policy: host.party().config.outbox,
        ..Pace::default()
    };
    let mailer = Mailer {
        host: Arc::clone(&host),
        submitter,
        copy: false,
        waited_for: std::time::Duration::ZERO,
    };
    let mut watch = watch_of(&host, &imap);
    // A server's own letters are in its book.
    watch.sent = SentFolder::Off;
    tracing::info!("{address} is at work; the book is in {}", data.display());
    let agent = AgentParts {
        reader,
        mailbox,
        watch,
        mailbox_first: false,
        outbox: mailer.start(pace, stop.clone()),
        copies: None,
        questions: asked,
        background: Jobs::default(),
        end_requests,
        host,
    };
    let ended = agent.run(&stopper, &stop).await;
    let _ = door.await;
    if let Some(intake) = intake {
        let _ = intake.await;
    }
    tracing::info!("stopped");
    ended.map(|_unread| ())
}

fn user(config: &Config) -> String {
    config.settings.address.to_string()
}

/// Reads a file or two; nothing else goes on yet, so it may block.
fn settings<T>(
    config: &Config,
    read: impl FnOnce(&Config) -> Result<T, ConfigError>,
) -> anyhow::Result<T> {
    Ok(tokio::task::block_in_place(|| read(config))?)
}
