//! The daemon: attached to the mailbox, it keeps the ledger up to date and sends what waits. The loop is the
//! kernel's ([`tradepost_agent::run`]); here is what the buyer's is made of.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::net::UnixStream;
use tradepost_agent::clock::SystemClock;
use tradepost_agent::door::Door;
use tradepost_agent::mailbox::watch_of;
use tradepost_agent::outgoing::Outbox;
use tradepost_agent::process::EndRequests;
use tradepost_agent::rpc::{Caller, Conversation};
use tradepost_agent::run::{AgentParts, Answers as _, Questions, questions};
use tradepost_agent::terminal::{output, progress};
use tradepost_post::stop::{self, Stop};

use crate::api::waiting::Answering;
use crate::api::{Effect, Question};
use crate::config::{Config, Places, config_file, private_data_folder};
use crate::duties::Duties;
use crate::ledger::{self, Ledger, LedgerHost};
use crate::way_out::{mailer, pace, sent_copies};

/// Runs until it is asked to end, or, `once`, until everything there is has been processed.
pub(crate) async fn run(places: &Places, once: bool) -> anyhow::Result<ExitCode> {
    let config = Config::load(&config_file(places)?)?;
    let data = private_data_folder(places)?;
    let Some(imap) = config.imap.clone() else {
        bail!(
            "{}: there is no [imap] section, so there is no mailbox to attach to",
            config.source.path().display()
        );
    };
    if Caller::find(&data, config.patience).await?.is_some() {
        bail!(
            "a daemon has {} open already: there is one for a ledger",
            data.display()
        );
    }
    let end_requests = EndRequests::listen();
    let host = open(&data, &config).await?;
    let mut mailbox = imap.settings(&config.source, config.default_user())?;
    mailbox.timeout = mailbox.timeout.max(Duration::from_secs(1));
    if config.policy.authserv_ids.is_empty() {
        tracing::warn!(
            "no authserv_ids are configured, so letters are proven by DKIM alone; see: tradepost doctor"
        );
    }
    let (stopper, stop) = stop::channel();
    let door = Door::open(&data).context("no door for the commands")?;
    let (ask, asked) = questions();
    let answering = Answering {
        host: Arc::clone(&host),
        reader: config.reader()?,
        wait_to_send: config.wait_to_send,
        stop: stop.clone(),
    };
    let door = tokio::spawn(answer_the_door(door, answering, ask, stop.clone()));
    let outbox = if config.smtp.is_some() {
        mailer(&host, &config)
            .await?
            .start(pace(&config), stop.clone())
    } else {
        tracing::warn!("there is no [smtp] section: letters are read, nothing is sent");
        Outbox::none(Arc::clone(&host))
    };
    let mut watch = watch_of(&host, &imap);
    watch.once = once;
    let agent = AgentParts {
        reader: config.reader()?,
        mailbox,
        watch,
        mailbox_first: true,
        outbox,
        copies: sent_copies(&config).await?,
        questions: asked,
        background: Duties::new(&config, config.reader()?, once, host.now()),
        end_requests,
        host,
    };
    let ended = agent.run(&stopper, &stop).await;
    // The door closes before the ledger's lock goes: the next daemon's door is not this one's.
    let _ = door.await;
    let unread = ended?;
    if !unread.is_empty() {
        bail!("not everything could be read: {}", unread.join("; "));
    }
    Ok(ExitCode::SUCCESS)
}

/// Answers whoever comes, until asked to stop.
async fn answer_the_door(door: Door, answering: Answering, ask: Questions<Ledger>, stop: Stop) {
    let converse = |stream: UnixStream| {
        let conversation = Conversation::new(stream, stop.clone(), "daemon");
        converse(conversation, answering.clone(), ask.clone())
    };
    door.let_in(stop.clone(), converse).await;
}

/// As many questions as the caller has. What was begun is done to its end, whether the caller is there or
/// not.
async fn converse(mut conversation: Conversation, answering: Answering, ask: Questions<Ledger>) {
    while let Some(question) = conversation.question::<Question>().await {
        let host = &answering.host;
        let probe = || host.work(LedgerHost::wait_for_turn);
        let only_asks = question.effect() == Effect::None;
        let answer = answering.answer(question, |question| async {
            if only_asks {
                let answer = move |host: &LedgerHost| Ledger::answer(host, question);
                let answered = host.work(answer).await;
                return answered
                    .unwrap_or_else(|e| tradepost_agent::rpc::Reply::Failed(e.to_string()));
            }
            ask.ask(question).await
        });
        let reply = conversation.work(probe, answer).await;
        if !conversation.say(&reply).await {
            return;
        }
    }
}

/// A command that has the ledger lets go of it soon.
const FOR_COMMANDS: Duration = Duration::from_secs(10);

/// Opens the ledger, showing how far a replay of the journal is.
pub(crate) async fn open(data: &Path, config: &Config) -> anyhow::Result<Arc<LedgerHost>> {
    let start = Instant::now();
    let (host, opened) = loop {
        let mut bar = progress::replay();
        match ledger::open(data, config, Arc::new(SystemClock), &mut bar) {
            Err(e) if e.is_in_use() && start.elapsed() < FOR_COMMANDS => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            opened => break opened?,
        }
    };
    if opened.torn_bytes > 0 {
        output::note(&opened.to_string());
    }
    tracing::debug!("{opened}");
    Ok(Arc::new(host))
}
