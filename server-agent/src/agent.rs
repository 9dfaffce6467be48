//! `run`: one loop, and one closed [`Event`] that lists all that can wake it.
//!
//! ```text
//! imap::watch ─► Mail ──┐                       ┌─► outbox::send ─► SMTP
//! the socket ──► Asked ─┼─► the loop ─► the book ┼─► commands of the merchant's ─► JobEnded
//! the clock ───► Due ───┘                       └─► answers to commands
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tradepost_agent::clock::SystemClock;
use tradepost_agent::door::{self, Door};
use tradepost_agent::outbox::{self, Failure, Pace};
use tradepost_letters::untrusted;
use tradepost_parties::kernel::held::next_proof;
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_parties::roles::due;
use tradepost_post::imap::{self, MailEvent, SentFolder};
use tradepost_post::smtp::Submitter;
use tradepost_post::stop::{self, Stop, Stopper};
use tradepost_post::trouble::is_told;
use tradepost_proof::dkim::{Prover, Signing};
use tradepost_proof::joined;
use tradepost_statements::Time;

use crate::book::{BookError, Cursor, Input, cursors, set_aside, view};
use crate::carry::Carrier;
use crate::config::Config;
use crate::desk::{Desk, fresh_ids};
use crate::held;
use crate::host;
use crate::http;
use crate::intake::{self, Answer, Line};
use crate::jobs;
use crate::receive::{self, Letter, Mail};
use crate::report;
use crate::socket::{Ask, Reply};

/// All that can wake the loop.
enum Event {
    /// The mailbox has something.
    Mail(Mail),
    /// Letters that waited for DNS were proven again.
    ProvenAgain(Result<Vec<Letter>, BookError>),
    /// The mailbox can be watched no longer.
    MailboxEnded(Result<(), imap::Error>),
    /// A command asks.
    Asked(Asked),
    /// A command of the merchant's own system has ended.
    JobEnded(jobs::Ended),
    /// Something may be due.
    Due,
    /// The outbox cannot go on.
    OutboxEnded(Result<(), Failure>),
    /// SIGTERM or Ctrl-C.
    Stopped,
}

/// What a command asks, and where its answer goes; an error says why the book could not take it. A
/// command that is gone hears nothing. Where the loop ends before it comes to somebody, it drops
/// this: nothing was done.
pub(crate) enum Asked {
    Lines(Vec<Line>, oneshot::Sender<Result<Vec<Answer>, String>>),
    Other(Ask, oneshot::Sender<Result<Reply, String>>),
}

/// Batches of letters that may wait while one is recorded.
const MAIL_AHEAD: usize = 4;
/// Commands that may wait.
const ASKED_AHEAD: usize = 64;

/// Runs until it is stopped.
pub(crate) async fn run(data: &Path, config: Config) -> anyhow::Result<()> {
    let signals = signals()?;
    if door::connect(data, config.patience).await?.is_some() {
        bail!(
            "the data folder {} is in use by another `tradepost-server run`; stop that one first",
            data.display()
        );
    }
    let folder = data.to_owned();
    let address = config.settings.address.clone();
    let imap = settings(&config, |c| c.imap()?.settings(&c.source, &user(c)))?;
    let smtp = settings(&config, |c| c.smtp()?.settings(&c.source, &user(c)))?;
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
    let desk = tokio::task::spawn_blocking(move || Desk::open(&folder, config)).await??;
    let door = Door::open(data).context("the socket for the commands")?;
    let (stopper, stop) = stop::channel();
    let (asked, calls) = mpsc::channel(ASKED_AHEAD);
    let intake = http::open(&desk, asked.clone(), stop.clone()).await?;
    let intake = intake.map(|intake| tokio::spawn(intake.serve()));
    let door = tokio::spawn(host::answer_the_door(
        door,
        Arc::clone(&desk),
        asked,
        stop.clone(),
    ));
    let pace = Pace {
        in_flight: connections,
        policy: desk.config.outbox,
        ..Pace::default()
    };
    let carrier = Carrier {
        desk: Arc::clone(&desk),
        submitter,
    };
    let outbox = outbox::send(Arc::new(carrier), pace, desk.bell.clone(), stop.clone());
    let outbox = tokio::spawn(outbox);
    let prover = Prover::new(desk.config.keys.clone())?;
    let (fetched, watcher) = watch(&desk, imap, stop.clone())?;
    let (proven, mail) = mpsc::channel(MAIL_AHEAD);
    let policy = desk.config.policy.clone();
    tokio::spawn(receive::prove(
        prover.clone(),
        policy,
        SystemClock,
        fetched,
        proven,
    ));
    tracing::info!("{address} is at work; the book is in {}", data.display());
    sd_notify(&[sd_notify::NotifyState::Ready]);
    let mut events = Events {
        mail,
        calls,
        prover,
        proving: None,
        jobs: jobs::Running::default(),
        watcher: Some(watcher),
        outbox: Some(outbox),
        signals,
    };
    let ended = work(&desk, &mut events).await;
    sd_notify(&[sd_notify::NotifyState::Stopping]);
    close(&stopper, events, door, intake).await;
    tracing::info!("stopped");
    ended
}

fn user(config: &Config) -> String {
    config.settings.address.to_string()
}

/// Reads a file or two; nothing else goes on yet, so it may block.
fn settings<T>(
    config: &Config,
    read: impl FnOnce(&Config) -> Result<T, tradepost_agent::config::ConfigError>,
) -> anyhow::Result<T> {
    Ok(tokio::task::block_in_place(|| read(config))?)
}

fn sd_notify(states: &[sd_notify::NotifyState<'_>]) {
    // Without systemd there is nobody to be told.
    let _ = sd_notify::notify(states);
}

fn signals() -> anyhow::Result<mpsc::Receiver<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (tx, rx) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let _ = tx.send(()).await;
    });
    Ok(rx)
}

type Watcher = JoinHandle<Result<(), imap::Error>>;

fn watch(
    desk: &Arc<Desk>,
    settings: imap::ImapSettings,
    stop: Stop,
) -> anyhow::Result<(mpsc::Receiver<MailEvent>, Watcher)> {
    let toml = desk.config.imap()?;
    let mut watch = toml.watch();
    // A server's own letters are in its book.
    watch.sent = SentFolder::Off;
    watch.since = Some(desk.now().minus(toml.since()));
    watch.cursors = view(&*desk.book, cursors)
        .into_iter()
        .map(|(folder, cursor)| {
            let Cursor {
                uid_validity,
                last_uid,
            } = cursor;
            (
                folder,
                imap::Cursor {
                    uid_validity,
                    last_uid,
                },
            )
        })
        .collect();
    let kept = view(&*desk.book, set_aside).into_iter();
    watch.aside = kept.map(imap::Aside::from).collect();
    let (tx, rx) = mpsc::channel(MAIL_AHEAD);
    Ok((rx, tokio::spawn(imap::watch(settings, watch, tx, stop))))
}

struct Events {
    mail: mpsc::Receiver<Mail>,
    calls: mpsc::Receiver<Asked>,
    prover: Prover,
    /// Letters that waited are being proven again.
    proving: Option<JoinHandle<Result<Vec<Letter>, BookError>>>,
    jobs: jobs::Running,
    watcher: Option<Watcher>,
    outbox: Option<JoinHandle<Result<(), Failure>>>,
    signals: mpsc::Receiver<()>,
}

impl Events {
    async fn next(&mut self, wait: Duration) -> Event {
        tokio::select! {
            biased;
            _ = self.signals.recv() => Event::Stopped,
            ended = ended(&mut self.outbox) => Event::OutboxEnded(ended),
            Some(asked) = self.calls.recv() => Event::Asked(asked),
            proven = ended(&mut self.proving) => Event::ProvenAgain(proven),
            job = self.jobs.next() => Event::JobEnded(job),
            Some(mail) = self.mail.recv() => Event::Mail(mail),
            ended = ended(&mut self.watcher) => Event::MailboxEnded(ended),
            () = tokio::time::sleep(wait) => Event::Due,
        }
    }
}

/// Waits for a task's end, once.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> T {
    match task {
        Some(running) => {
            let done = joined(running).await;
            *task = None;
            done
        }
        None => std::future::pending().await,
    }
}

async fn work(desk: &Arc<Desk>, events: &mut Events) -> anyhow::Result<()> {
    /// Clocks jump and computers sleep: never longer, whatever is due next.
    const LONGEST: Duration = Duration::from_secs(60);
    /// Nothing spins, even when what is due cannot be done.
    const LEAST: Duration = Duration::from_millis(5);
    do_what_is_due(desk).await?;
    loop {
        let proof = prove_what_is_due(desk, events);
        let job = events.jobs.start_what_is_due(desk);
        let next = proof.into_iter().chain(job).min();
        let wait = next.map_or(LONGEST, |at| at.since(desk.now()));
        match events.next(wait.clamp(LEAST, LONGEST)).await {
            Event::Mail(mail) => take_mail(desk, mail).await?,
            Event::ProvenAgain(letters) => {
                let letters = letters?;
                desk.work(move |desk| held::take_again(desk, &letters))
                    .await?;
            }
            Event::MailboxEnded(Ok(())) => bail!("the mailbox is watched no longer"),
            Event::MailboxEnded(Err(e)) => bail!("the mailbox cannot be read: {e}"),
            Event::Asked(asked) => answer(desk, asked).await?,
            Event::JobEnded(ended) => desk.work(move |desk| jobs::take(desk, &ended)).await?,
            Event::Due => {}
            Event::OutboxEnded(Ok(())) => bail!("the outbox has stopped"),
            Event::OutboxEnded(Err(e)) => bail!("the outbox cannot go on: {e}"),
            Event::Stopped => return Ok(()),
        }
        do_what_is_due(desk).await?;
    }
}

/// Starts to prove again what has waited for DNS, beside all else; says when to look again.
fn prove_what_is_due(desk: &Arc<Desk>, events: &mut Events) -> Option<Time> {
    let (wake, proof) = view(&*desk.book, |rows| (due::next_wake(rows), next_proof(rows)));
    let Some(at) = proof.filter(|_| events.proving.is_none()) else {
        return wake;
    };
    if at > desk.now() {
        return Some(wake.map_or(at, |wake| wake.min(at)));
    }
    let round = held::prove_again(Arc::clone(desk), events.prover.clone());
    events.proving = Some(tokio::spawn(round));
    wake
}

async fn take_mail(desk: &Arc<Desk>, mail: Mail) -> Result<(), BookError> {
    let told = match mail {
        Mail::Letters(batch) => {
            return desk.work(move |desk| receive::take(desk, batch)).await;
        }
        Mail::Told(told) => told,
    };
    match told {
        MailEvent::Connected {
            server,
            idle,
            folders,
            again,
            ..
        } => {
            let how = if idle { "IDLE" } else { "looking now and then" };
            let text = format!("reading {} at {server} ({how})", folders.join(", "));
            if again == 0 || is_told(again) {
                tracing::info!("{text}");
            } else {
                tracing::debug!("{text}");
            }
            Ok(())
        }
        MailEvent::Progress {
            folder,
            done,
            total,
        } => {
            tracing::info!("{folder}: {done} of {total} letters looked at");
            Ok(())
        }
        MailEvent::CaughtUp { folder } => {
            tracing::debug!("{folder}: caught up");
            Ok(())
        }
        MailEvent::Trouble(trouble) => {
            let text = untrusted::show(&trouble.text);
            let again = trouble.retry_in.as_secs_f32();
            let often = match trouble.times {
                1 => String::new(),
                times => format!(", {times} times in a row"),
            };
            if is_told(trouble.times) {
                tracing::warn!("{text}; trying again in {again:.1} s{often}");
            } else {
                tracing::debug!("{text}; trying again in {again:.1} s{often}");
            }
            Ok(())
        }
        // `receive::prove` makes letters of it.
        MailEvent::Batch { .. } => Ok(()),
    }
}

async fn answer(desk: &Arc<Desk>, asked: Asked) -> Result<(), BookError> {
    match asked {
        Asked::Lines(lines, to) => {
            tell(to, desk.work(move |desk| intake::take(desk, &lines)).await)
        }
        Asked::Other(ask, to) => tell(to, desk.work(move |desk| report::answer(desk, &ask)).await),
    }
}

/// Whoever asked is told as well why the loop ends.
fn tell<T>(
    to: oneshot::Sender<Result<T, String>>,
    done: Result<T, BookError>,
) -> Result<(), BookError> {
    let (told, done) = match done {
        Ok(answer) => (Ok(answer), Ok(())),
        Err(e) => (Err(e.to_string()), Err(e)),
    };
    let _ = to.send(told);
    done
}

/// Does what is due, each thing recorded for itself.
async fn do_what_is_due(desk: &Arc<Desk>) -> Result<(), BookError> {
    let now = desk.now();
    let is_due = |next: Option<Time>| next.is_some_and(|at| at <= now);
    while is_due(view(&*desk.book, due::next_wake)) {
        let jitter: f64 = rand::random();
        let tick = move |desk: &Desk| {
            let ids = fresh_ids();
            let mut outcome = PartyOutcome::Ignored(Ignored::NothingDue);
            desk.book.decide(&mut |page| {
                let settings = &desk.config.settings;
                let mut ids = ids.clone();
                let change = due::tick(settings, page.rows(), now, jitter, &mut ids);
                outcome = change.outcome.clone();
                page.record(&Input::Time, change, now)
            })?;
            Ok::<PartyOutcome, BookError>(outcome)
        };
        let outcome = desk.work(tick).await?;
        let text = untrusted::show(&outcome.to_string());
        if matches!(
            outcome,
            PartyOutcome::OperatorTold { .. } | PartyOutcome::OperatorActs { .. }
        ) {
            tracing::warn!("{text}");
        } else if outcome != PartyOutcome::Ignored(Ignored::NothingDue) {
            tracing::info!("{text}");
        }
        desk.bell.ring();
    }
    Ok(())
}

async fn close(
    stopper: &Stopper,
    events: Events,
    door: JoinHandle<()>,
    intake: Option<JoinHandle<()>>,
) {
    /// What is under way may end; a mail server that hangs is not waited for.
    const GRACE: Duration = Duration::from_secs(15);
    stopper.stop();
    let Events {
        mail,
        calls,
        watcher,
        outbox,
        proving,
        jobs,
        ..
    } = events;
    drop(mail);
    // Whoever still waits for the loop is told that it has ended.
    drop(calls);
    jobs.end().await;
    // It has recorded nothing; the next start proves again.
    if let Some(proving) = proving {
        proving.abort();
    }
    let rest = async {
        if let Some(watcher) = watcher {
            let _ = watcher.await;
        }
        if let Some(outbox) = outbox {
            let _ = outbox.await;
        }
        let _ = door.await;
        if let Some(intake) = intake {
            let _ = intake.await;
        }
    };
    let _ = tokio::time::timeout(GRACE, rest).await;
}
