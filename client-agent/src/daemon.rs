//! The daemon: attached to the mailbox, it keeps the ledger up to date and sends what waits.
//!
//! Tasks that share one [`Office`]: the watch on the mailbox (in `tradepost-post`), the outbox, the
//! copies for Sent, the door for commands, and the ledger's own alarm. The loop here takes what
//! the mailbox gives, batch by batch, each in one durable write together with its cursor.

mod gathered;
mod mailbox;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tradepost_agent::clock::SystemClock;
use tradepost_agent::door::Door;
use tradepost_agent::outbox::{self, Failure};
use tradepost_agent::terminal::{output, progress};
use tradepost_post::imap::{self, MailEvent};
use tradepost_post::stop::{self, Stop};
use tradepost_store::{Opened, StoreError};

use crate::carry::{Carrier, copy_what_left, due, keep_copies};
use crate::config::{Config, Places, config_file, private_data_folder};
use crate::ledger::{Ledger, LedgerError};
use crate::notify::{keep_telling, tell_what_waits};
use crate::office::{FOR_HELD_LETTERS, Office};
use crate::sending::{copies, mailbox as mailbox_settings, pace, submitter};
use crate::socket::Daemon;
use crate::{again, socket};

use mailbox::Mailbox;
pub(crate) use mailbox::Scan;

/// Batches that wait while one is recorded; each is bounded by the watch.
const BATCHES: usize = 4;

/// Runs until it is asked to end, or, `once`, until everything there is has been processed.
pub(crate) async fn run(places: &Places, once: bool) -> anyhow::Result<ExitCode> {
    let config = Config::load(&config_file(places)?)?;
    let data = private_data_folder(places)?;
    if config.imap.is_none() {
        bail!(
            "{}: there is no [imap] section, so there is no mailbox to attach to",
            config.source.path().display()
        );
    }
    if Daemon::find(&data, config.patience).await?.is_some() {
        bail!(
            "a daemon has {} open already: there is one for a ledger",
            data.display()
        );
    }
    let office = open(&data, config).await?;
    let (mut settings, sent) = mailbox_settings(&office)
        .await?
        .context("[imap] is missing")?;
    settings.timeout = settings.timeout.max(Duration::from_secs(1));

    if office.config.policy.authserv_ids.is_empty() {
        tracing::warn!(
            "no authserv_ids are configured, so letters are proven by DKIM alone; see: tradepost doctor"
        );
    }
    let (stopper, stop) = stop::channel();
    let door = Door::open(&data).context("no door for the commands")?;
    let door = tokio::spawn(socket::serve(door, Arc::clone(&office), stop.clone()));
    let mut out = Outgoing::start(&office, &stop).await?;
    let caught_up = Arc::new(Notify::new());
    let timekeeper = tokio::spawn(keep_time(Arc::clone(&office), Arc::clone(&caught_up)));
    // Who runs once tells at the end, when everything has come in.
    let telling = (!once).then(|| tokio::spawn(keep_telling(Arc::clone(&office), stop.clone())));
    let judging_again = tokio::spawn(judge_all_again(Arc::clone(&office)));
    if copies(&office) {
        let (office, settings, sent) = (Arc::clone(&office), settings.clone(), sent.clone());
        tokio::spawn(keep_copies(office, settings, sent, stop.clone()));
    }
    say(&[NotifyState::Ready, NotifyState::Status("connecting")]);

    let scan = Scan {
        once,
        afresh: None,
        caught_up: Some(caught_up),
    };
    let done = tokio::select! {
        done = watch(&office, settings.clone(), scan, stop.clone()) => done.map(|mailbox| mailbox.unread.into_values().collect()),
        () = asked_to_end() => {
            tracing::info!("ending, as asked");
            stopper.stop();
            Ok(Vec::<String>::new())
        }
        broken = timekeeper => Err(broken?.into()),
        broken = broken(telling) => Err(broken),
        broken = out.broken() => Err(broken),
    };
    say(&[NotifyState::Stopping]);
    if once && done.is_ok() && !stop.is_stopped() {
        judging_again.await??;
        office.do_what_is_due(FOR_HELD_LETTERS).await?;
        tokio::select! {
            () = send_what_waits(&office, &out, &settings, &sent) => {}
            () = asked_to_end() => tracing::info!("ending, as asked"),
        }
        tokio::select! {
            told = tell_what_waits(&office) => told?,
            () = asked_to_end() => tracing::info!("ending, as asked"),
        }
    }
    stopper.stop();
    office.end();
    out.finish().await;
    // The door closes before the ledger's lock goes: the next daemon's door is not this one's.
    let _ = door.await;
    let unread = done?;
    if !unread.is_empty() {
        bail!("not everything could be read: {}", unread.join("; "));
    }
    Ok(ExitCode::SUCCESS)
}

/// Comes back only when it cannot be recorded any more what was told.
async fn broken(telling: Option<JoinHandle<Result<(), LedgerError>>>) -> anyhow::Error {
    let Some(telling) = telling else {
        return std::future::pending().await;
    };
    match telling.await {
        Ok(Ok(())) => std::future::pending().await,
        Ok(Err(e)) => e.into(),
        Err(e) => e.into(),
    }
}

/// After a pause, what is due by now may have been answered by letters that lie in the mailbox: these
/// are read first, as far as the mailbox can be reached soon.
async fn keep_time(office: Arc<Office>, caught_up: Arc<Notify>) -> LedgerError {
    const SOON: Duration = Duration::from_secs(60);
    let _ = tokio::time::timeout(SOON, caught_up.notified()).await;
    office.keep_time().await
}

/// Nobody waits for this, so it has all the time that it takes.
async fn judge_all_again(office: Arc<Office>) -> Result<(), LedgerError> {
    let done = again::judge_again(&office, Duration::MAX).await;
    match &done {
        Ok(Some(judged)) => tracing::info!("{judged}"),
        Ok(None) => {}
        Err(e) => tracing::error!("letters cannot be judged again: {e}"),
    }
    done.map(drop)
}

/// What is due in the outbox, and the copies for Sent.
async fn send_what_waits(
    office: &Arc<Office>,
    out: &Outgoing,
    settings: &imap::ImapSettings,
    sent: &imap::SentFolder,
) {
    out.until_nothing_is_due(office).await;
    if copies(office)
        && let Err(e) = copy_what_left(office, settings, sent).await
    {
        tracing::warn!("no copy could be put into the Sent folder yet: {e}");
    }
}

/// A command that has the ledger lets go of it soon.
const FOR_COMMANDS: Duration = Duration::from_secs(10);

/// Opens the ledger, showing how far a replay of the journal is.
pub(crate) async fn open(data: &Path, config: Config) -> anyhow::Result<Arc<Office>> {
    let start = Instant::now();
    let (ledger, opened) = loop {
        match open_with_progress(data, &config) {
            Err(LedgerError::Store(StoreError::InUse { .. })) if start.elapsed() < FOR_COMMANDS => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            opened => break opened?,
        }
    };
    if opened.torn_bytes > 0 {
        output::note(&opened.to_string());
    }
    tracing::debug!("{opened}");
    Ok(Office::new(ledger, config)?)
}

fn open_with_progress(data: &Path, config: &Config) -> Result<(Ledger, Opened), LedgerError> {
    let mut bar = None;
    let opened = Ledger::open(data, config, Arc::new(SystemClock), &mut |p| {
        let bar = bar.get_or_insert_with(|| progress::bar("reading the journal"));
        bar.set_length(p.total);
        bar.set_position(p.done);
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    opened
}

/// Takes what the mailbox gives, until it ends.
pub(crate) async fn watch(
    office: &Arc<Office>,
    settings: imap::ImapSettings,
    scan: Scan,
    stop: Stop,
) -> anyhow::Result<Mailbox> {
    let mut mailbox = Mailbox::new(Arc::clone(office), scan);
    let watch = mailbox.watch().await;
    let (events, mut batches) = mpsc::channel::<MailEvent>(BATCHES);
    let watching = tokio::spawn(imap::watch(settings, watch, events, stop));
    while let Some(event) = batches.recv().await {
        mailbox.take(event).await?;
    }
    mailbox.finish();
    // What was read counts, even where the rest could not be.
    mailbox.record_gathered().await?;
    watching.await??;
    Ok(mailbox)
}

/// SIGTERM, or Ctrl-C.
async fn asked_to_end() {
    let (terminate, interrupt) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    match (terminate, interrupt) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        // Without signal handlers the system ends the process itself; the journal stands that.
        _ => std::future::pending().await,
    }
}

/// Tells systemd, where it has started us.
pub(crate) fn say(states: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {e}");
    }
}

/// The outbox at work; nothing where nothing can be sent.
struct Outgoing(Option<JoinHandle<Result<(), Failure>>>);

impl Outgoing {
    async fn start(office: &Arc<Office>, stop: &Stop) -> anyhow::Result<Outgoing> {
        if office.config.smtp.is_none() {
            tracing::warn!("there is no [smtp] section: letters are read, nothing is sent");
            return Ok(Outgoing(None));
        }
        let submitter = submitter(office).await?;
        let carrier = Carrier {
            office: Arc::clone(office),
            submitter,
            copy: copies(office),
        };
        let bell = office.bell.clone();
        let task = tokio::spawn(outbox::send(
            Arc::new(carrier),
            pace(office),
            bell,
            stop.clone(),
        ));
        Ok(Outgoing(Some(task)))
    }

    /// Comes back only when nothing can be recorded any more.
    async fn broken(&mut self) -> anyhow::Error {
        match &mut self.0 {
            Some(task) => match task.await {
                Ok(Ok(())) => std::future::pending().await,
                Ok(Err(e)) => e.into(),
                Err(e) => e.into(),
            },
            None => std::future::pending().await,
        }
    }

    async fn until_nothing_is_due(&self, office: &Arc<Office>) {
        if self.0.is_none() {
            return;
        }
        let mut outcomes = office.outcomes();
        office.bell.ring();
        loop {
            let due = office
                .work(|o| {
                    let now = o.ledger.now();
                    let due = o.ledger.view(|rows| due(rows, now, 1));
                    !due.is_paused(now) && !due.items.is_empty()
                })
                .await;
            if !due || outcomes.changed().await.is_err() {
                return;
            }
        }
    }

    async fn finish(self) {
        if let Some(task) = self.0.filter(|task| !task.is_finished()) {
            // What failed stands in the outbox.
            let _ = task.await;
        }
    }
}
