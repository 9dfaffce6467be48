//! The way out: what waits in the outbox is submitted, and a copy of what has left is put into the Sent
//! folder where the mailbox has one, so that the person and their other programs see it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;
use tradepost_letters::untrusted::show;
use tradepost_post::imap;
use tradepost_post::smtp::{Submission, Submitter};
use tradepost_post::stop::Stop;
use tradepost_proof::joined;
use tradepost_statements::Time;

use crate::host::{Host, HostError, fresh_ids};
use crate::journal::copies;
use crate::outbox::{self, Carriage, Due, Failure, Item, Outcome, Pace, Tried};
use crate::party::{Input, Party};
use crate::terminal::time::local;

/// What submits a party's letters: the [`Carriage`] of its outbox.
pub struct Mailer<P: Party> {
    /// Holds the outbox, and records the outcome of each try.
    pub host: Arc<Host<P>>,
    /// Hands letters to the submission server.
    pub submitter: Submitter,
    /// Whether copies belong into the Sent folder.
    pub copy: bool,
    /// A letter that was queued no longer ago than this is waited for by a person beside the screen, and
    /// tried again soon.
    pub waited_for: Duration,
}

/// While a person waits for a letter to leave, it is tried again so soon.
const WHILE_SOMEBODY_WAITS: Duration = Duration::from_secs(2);

impl<P: Party> Mailer<P> {
    /// Submits what waits, again and again, until it is asked to stop.
    pub fn start(self, pace: Pace, stop: Stop) -> Outbox<P> {
        let host = Arc::clone(&self.host);
        let signal = host.outbox().clone();
        let task = tokio::spawn(outbox::send(Arc::new(self), pace, signal, stop));
        Outbox {
            host,
            task: Some(task),
        }
    }
}

/// Protocol 7 lets a letter wait 5 minutes after a failure; the person who has just asked for it waits
/// beside the screen.
fn sooner(tried: &mut Tried, soon: Time) {
    if let Outcome::Later { next_try, .. } = &mut tried.outcome {
        *next_try = (*next_try).min(soon);
        if let Some(pause) = &mut tried.pause {
            pause.until = pause.until.min(soon);
            // The person's patience is not the server's: the next waits are no longer for it.
            pause.failures = 1;
        }
    }
}

/// What became of letters, and what follows from it, in one durable write.
fn record<P: Party>(
    host: &Host<P>,
    all: Vec<Tried>,
    copy: bool,
    waited_for: Duration,
) -> Result<(), HostError> {
    let told = host.write(|page| {
        let now = host.now();
        let mut told = Vec::new();
        for mut tried in all {
            let Some(item) = outbox::item(page.rows(), tried.id) else {
                continue;
            };
            if now.since(item.queued_at) < waited_for {
                sooner(&mut tried, now.plus(WHILE_SOMEBODY_WAITS));
            }
            page.tried(tried.clone(), copy)?;
            let mut ids = fresh_ids()?;
            let input = Input::Tried {
                item: &item,
                tried: &tried,
            };
            let follows = host.party().decide(page.rows(), input, now, &mut ids);
            page.record(follows, &[], now, &mut ids)?;
            told.push((item, tried));
        }
        Ok::<_, HostError>(told)
    })?;
    for (item, tried) in &told {
        tell(item, tried);
    }
    Ok(())
}

impl<P: Party> Carriage for Mailer<P> {
    fn now(&self) -> Time {
        self.host.now()
    }

    fn jitter(&self) -> f64 {
        rand::random()
    }

    async fn due(&self, now: Time, n: usize) -> Result<Due, Failure> {
        let due = move |host: &Host<P>| host.view(|rows| host.party().may_leave(rows, now, n));
        Ok(self.host.work(due).await)
    }

    async fn letter(&self, item: &Item) -> Result<Vec<u8>, Failure> {
        let id = item.id;
        Ok(self.host.work(move |host| host.letter(id)).await?)
    }

    async fn submit(&self, item: &Item, bytes: &[u8]) -> Submission {
        let asked = item.clone();
        let stays = move |host: &Host<P>| host.view(|rows| host.party().must_stay(rows, &asked));
        if let Some(why) = self.host.work(stays).await {
            return Submission::Refused {
                code: None,
                text: why.to_owned(),
            };
        }
        let (from, to) = (item.from.as_written(), item.to.as_written());
        self.submitter.submit(from, to, bytes).await
    }

    async fn record(&self, tried: Vec<Tried>) -> Result<(), Failure> {
        let (copy, waited_for) = (self.copy, self.waited_for);
        let record = move |host: &Host<P>| record(host, tried, copy, waited_for);
        Ok(self.host.work(record).await?)
    }
}

/// Writes a line of the log about a try.
fn tell(item: &Item, tried: &Tried) {
    let (kind, to) = (item.kind, show(item.to.as_written()));
    match &tried.outcome {
        Outcome::Accepted { .. } => tracing::info!("sent the {kind} to {to}"),
        Outcome::Later { next_try, text } => {
            let until = local(tried.next_try().unwrap_or(*next_try));
            tracing::warn!("the {kind} to {to} waits until {until}: {}", show(text));
        }
        Outcome::Refused { text, .. } => {
            tracing::error!("the {kind} to {to} was refused: {}", show(text));
        }
        Outcome::Expired { text } => {
            tracing::error!(
                "the {kind} to {to} could not be sent for days: {}",
                show(text)
            );
        }
    }
}

/// The task that empties the outbox, where there is a way out.
#[derive(Debug)]
pub struct Outbox<P: Party> {
    host: Arc<Host<P>>,
    task: Option<JoinHandle<Result<(), Failure>>>,
}

impl<P: Party> Outbox<P> {
    /// Where nothing can leave: no task runs, and what is queued waits.
    pub fn none(host: Arc<Host<P>>) -> Outbox<P> {
        Outbox { host, task: None }
    }

    /// Comes back once, when it cannot go on; never where nothing can leave.
    pub async fn ended(&mut self) -> Result<(), Failure> {
        match &mut self.task {
            Some(task) => {
                let done = joined(task).await;
                self.task = None;
                done
            }
            None => std::future::pending().await,
        }
    }

    /// Comes back once nothing may leave at present.
    pub async fn until_nothing_is_due(&self) {
        if self.task.is_none() {
            return;
        }
        let mut writes = self.host.writes();
        self.host.outbox().wake();
        loop {
            let due = self
                .host
                .work(|host| {
                    let now = host.now();
                    let due = host.view(|rows| host.party().may_leave(rows, now, 1));
                    !due.is_paused(now) && !due.items.is_empty()
                })
                .await;
            if !due || writes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits for what is under way, once it was asked to stop.
    pub async fn finish(self) {
        if let Some(task) = self.task.filter(|task| !task.is_finished()) {
            // What failed stands in the outbox.
            let _ = task.await;
        }
    }
}

/// The mailbox whose Sent folder gets copies.
#[derive(Debug, Clone)]
pub struct SentCopies {
    /// Its server and login.
    pub settings: imap::ImapSettings,
    /// How its Sent folder is found.
    pub folder: imap::SentFolder,
}

/// Puts copies of what has left into the Sent folder, each once, and at most so many that their list is short:
/// the rest is for the next call.
///
/// # Errors
/// The mailbox could not be reached, or did not take one; the rest is for the next time.
pub async fn copy_what_left<P: Party>(host: Arc<Host<P>>, sent: SentCopies) -> anyhow::Result<()> {
    const MOST: usize = 256;
    let due = host.work(|host| host.view(|rows| copies(rows, MOST))).await;
    for id in due {
        let item = host
            .work(move |host| host.view(|rows| outbox::item(rows, id)))
            .await;
        if let Some(item) = item {
            let letter = host.work(move |host| host.letter(id)).await?;
            imap::append(&sent.settings, &sent.folder, &letter, &item.message_id)
                .await
                .context("no copy could be put into the Sent folder yet")?;
        }
        host.work(move |host| host.write(|page| page.copied(id)))
            .await?;
    }
    Ok(())
}
