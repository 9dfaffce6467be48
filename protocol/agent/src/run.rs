//! An agent at work: one loop, and one closed [`Event`] that lists all that can wake it.
//!
//! ```text
//! imap::watch ─► prove_ahead ─► Mail ──┐                    ┌─► outbox ─► SMTP
//! the door ────────────────► Asked ────┼─► the loop ─► Host ┼─► answers to commands
//! the clock, other writers ─► Due ─────┘                    └─► the party's own work ─► WorkEnded
//! ```
//!
//! When to wake up next is read from the rows each time; nothing else remembers it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tradepost_post::imap::{self, ImapSettings, Watch};
use tradepost_post::stop::{Stop, Stopper};
use tradepost_proof::joined;
use tradepost_statements::Time;

use crate::arrival::Reader;
use crate::clock::SystemClock;
use crate::held::{FOR_HELD_LETTERS, prove_again};
use crate::host::{Host, HostError};
use crate::incoming::{Mail, prove_ahead, take_batch};
use crate::journal::copies;
use crate::mailbox::Mailbox;
use crate::outbox::Failure;
use crate::outgoing::{Outbox, SentCopies, copy_what_left};
use crate::party::Party;
use crate::process::{EndRequests, NotifyState, notify_service_manager};
use crate::rpc::Reply;

/// A party that commands can ask.
pub trait Answers: Party {
    /// What a command asks, be it a question or a task.
    type Question: Send + 'static;
    /// What it is answered; a refusal is told by [`Reply`] itself.
    type Answer: Send + 'static;

    /// Answers. Blocking.
    ///
    /// # Errors
    /// The store could not be read or written.
    fn answer(
        host: &Host<Self>,
        question: Self::Question,
    ) -> Result<Reply<Self::Answer>, HostError>;
}

/// All that can wake the loop.
enum Event<P: Answers, E> {
    /// Letters, or what else the watch tells.
    Mail(Mail),
    /// The mailbox is watched no longer.
    MailboxEnded(Result<(), imap::Error>),
    /// Letters that waited for DNS were proven again.
    ProvenAgain(Result<(), HostError>),
    Asked(Asked<P>),
    /// Work of the party's own has ended.
    WorkEnded(E),
    /// Copies were put into Sent, or could not be.
    Copied(anyhow::Result<()>),
    /// Something may be due: by time, or by what somebody else has written.
    Due,
    /// The outbox cannot go on.
    OutboxEnded(Result<(), Failure>),
    /// SIGTERM or Ctrl-C.
    Stopped,
}

/// What a command asks, and where its answer goes; an error says why the store could not take it. A command
/// that is gone hears nothing. Where the loop ends before it comes to somebody, it drops this: nothing
/// was done.
pub struct Asked<P: Answers> {
    question: P::Question,
    to: oneshot::Sender<Reply<P::Answer>>,
}

impl<P: Answers> Asked<P> {
    /// What is asked; [`Asked::reply`] answers it.
    pub fn question(&self) -> &P::Question {
        &self.question
    }

    /// Answers, and is done with it.
    pub fn reply(self, reply: Reply<P::Answer>) {
        // A command that is gone hears nothing.
        let _ = self.to.send(reply);
    }
}

/// Where questions to the loop are put.
pub struct Questions<P: Answers>(mpsc::Sender<Asked<P>>);

impl<P: Answers> Clone for Questions<P> {
    fn clone(&self) -> Questions<P> {
        Questions(self.0.clone())
    }
}

impl<P: Answers> Questions<P> {
    /// Has the loop answer. [`Reply::Stopping`]: it has ended, and did nothing.
    pub async fn ask(&self, question: P::Question) -> Reply<P::Answer> {
        let (to, answer) = oneshot::channel();
        if self.0.send(Asked { question, to }).await.is_err() {
            return Reply::Stopping;
        }
        answer.await.unwrap_or(Reply::Stopping)
    }
}

/// The other end of [`Questions`].
pub struct QuestionQueue<P: Answers>(mpsc::Receiver<Asked<P>>);

impl<P: Answers> QuestionQueue<P> {
    /// The next one; none when nobody can ask any more.
    pub async fn next(&mut self) -> Option<Asked<P>> {
        self.0.recv().await
    }

    /// Takes no more; those that wait in it can still be had by [`QuestionQueue::next`].
    pub fn close(&mut self) {
        self.0.close();
    }
}

/// Both ends of a queue of 64 questions; whoever asks beyond them waits.
#[must_use]
pub fn questions<P: Answers>() -> (Questions<P>, QuestionQueue<P>) {
    /// Commands that may wait.
    const AHEAD: usize = 64;
    let (ask, asked) = mpsc::channel(AHEAD);
    (Questions(ask), QuestionQueue(asked))
}

/// Work of the party's own that runs beside the loop: commands of the merchant's or the person's own.
pub trait Background<P: Party>: Send {
    /// What came of a piece of work.
    type Ended: Send;

    /// Starts what is due, as far as there is room; says when to look again.
    fn start_what_is_due(&mut self, host: &Arc<Host<P>>) -> Option<Time>;

    /// Waits for a piece of work to end; for ever while none runs.
    fn next(&mut self) -> impl Future<Output = Self::Ended> + Send;

    /// Records what came of it.
    ///
    /// # Errors
    /// [`HostError`].
    fn take(
        &mut self,
        host: &Arc<Host<P>>,
        ended: Self::Ended,
    ) -> impl Future<Output = Result<(), HostError>> + Send;

    /// Whether a piece of work runs, so that [`Background::next`] will come back.
    fn is_at_work(&self) -> bool;

    /// The agent ends once what is there is done: what was put off until then is due now.
    fn come_to_an_end(&mut self) {}

    /// Ends what runs. Nothing of it was recorded: it runs again at the next start.
    fn end(self) -> impl Future<Output = ()> + Send;
}

/// An agent, ready to work.
pub struct AgentParts<P: Answers, B> {
    /// Its store and party.
    pub host: Arc<Host<P>>,
    /// Opens what comes, and has its senders proven.
    pub reader: Reader,
    /// How the mailbox is reached.
    pub mailbox: ImapSettings,
    /// What of the mailbox is read, from where on, and how patiently.
    pub watch: Watch,
    /// What is due is not done before the mailbox was looked at, or is in trouble: letters that lie there
    /// may have answered it.
    pub mailbox_first: bool,
    /// The outbox at work, or [`Outbox::none`].
    pub outbox: Outbox<P>,
    /// Where copies of what leaves belong.
    pub copies: Option<SentCopies>,
    /// Where the questions of commands come in.
    pub questions: QuestionQueue<P>,
    /// The party's own work beside the loop.
    pub background: B,
    /// SIGTERM and Ctrl-C.
    pub end_requests: EndRequests,
}

impl<P: Answers, B: Background<P>> AgentParts<P, B> {
    /// Works until it is asked to end, or, where the watch is for once, until everything there is has been
    /// done. Gives what could not be read of the mailbox then.
    ///
    /// # Errors
    /// The store, the mailbox or the outbox cannot go on.
    pub async fn run(self, stopper: &Stopper, stop: &Stop) -> anyhow::Result<Vec<String>> {
        notify_service_manager(&[NotifyState::Ready, NotifyState::Status("connecting")]);
        let once = self.watch.once;
        let mut running = self.start(stop);
        let ended = running.work(once).await;
        notify_service_manager(&[NotifyState::Stopping]);
        let ended = match ended {
            Ok(LoopEnd::Asked) => {
                tracing::info!("ending, as asked");
                Ok(Vec::new())
            }
            Ok(LoopEnd::AllIsRead) => {
                running.mailbox.finish();
                let done = running.do_the_rest().await;
                let unread = std::mem::take(&mut running.mailbox).unread();
                done.map(|()| unread)
            }
            Err(e) => Err(e),
        };
        stopper.stop();
        running.close().await;
        ended
    }

    fn start(self, stop: &Stop) -> Running<P, B> {
        /// Batches of letters that may wait while one is recorded; each is bounded by the watch.
        const AHEAD: usize = 4;
        let (fetched, from) = mpsc::channel(AHEAD);
        let watching = tokio::spawn(imap::watch(self.mailbox, self.watch, fetched, stop.clone()));
        let (proven, mail) = mpsc::channel(AHEAD);
        let (reader, signal) = (self.reader.clone(), self.host.outbox().clone());
        tokio::spawn(prove_ahead(reader, SystemClock, signal, from, proven));
        let now = self.host.now();
        let waits_until = self.mailbox_first.then(|| Mailbox::patience_from(now));
        Running {
            writes: self.host.writes(),
            host: self.host,
            reader: self.reader,
            mailbox: Mailbox::default(),
            waits_until,
            due_at: Some(now),
            mail,
            mail_is_over: false,
            watching: Some(watching),
            proving: None,
            has_just_proven: false,
            outbox: self.outbox,
            copies: self.copies,
            copying: None,
            copy_again: None,
            questions: self.questions,
            background: self.background,
            end_requests: self.end_requests,
        }
    }
}

/// Why the loop ends well.
enum LoopEnd {
    /// Somebody has asked for it.
    Asked,
    /// All of the mailbox was read, once.
    AllIsRead,
}

type Task<T> = Option<JoinHandle<T>>;

struct Running<P: Answers, B> {
    host: Arc<Host<P>>,
    reader: Reader,
    mailbox: Mailbox,
    /// Until then, what is due waits for the mailbox to be looked at.
    waits_until: Option<Time>,
    /// When something is due, as the rows said when they were looked at last.
    due_at: Option<Time>,
    mail: mpsc::Receiver<Mail>,
    mail_is_over: bool,
    watching: Task<Result<(), imap::Error>>,
    proving: Task<Result<(), HostError>>,
    /// Other things that are due get their turn before letters are proven again.
    has_just_proven: bool,
    outbox: Outbox<P>,
    copies: Option<SentCopies>,
    copying: Task<anyhow::Result<()>>,
    /// After a failure: not before.
    copy_again: Option<Time>,
    questions: QuestionQueue<P>,
    background: B,
    writes: watch::Receiver<u64>,
    end_requests: EndRequests,
}

/// Clocks jump and computers sleep: never longer, whatever is due next.
const LONGEST: Duration = Duration::from_secs(60);
/// Nothing spins, even when what is due cannot be done.
const LEAST: Duration = Duration::from_millis(5);
/// What is due is done for so long before the next event is looked at.
const BESIDE_OTHER_WORK: Duration = Duration::from_millis(100);
/// After a copy could not be put into Sent; it is no hurry.
const COPY_AGAIN: Duration = Duration::from_secs(5 * 60);

impl<P: Answers, B: Background<P>> Running<P, B> {
    async fn work(&mut self, once: bool) -> anyhow::Result<LoopEnd> {
        loop {
            self.writes.mark_unchanged();
            let wake = [
                self.do_what_is_due().await?,
                self.background.start_what_is_due(&self.host),
                self.copy_what_left().await,
            ];
            let now = self.host.now();
            let next = wake.into_iter().flatten().min();
            let wait = next.map_or(LONGEST, |at| at.since(now));
            match self.next(wait.clamp(LEAST, LONGEST)).await {
                Event::Mail(Mail::Letters(batch)) => {
                    self.host.work(move |host| take_batch(host, batch)).await?;
                }
                Event::Mail(Mail::Told(told)) => self.mailbox.told(told),
                Event::MailboxEnded(Ok(())) if once => return Ok(LoopEnd::AllIsRead),
                Event::MailboxEnded(Ok(())) => bail!("the mailbox is watched no longer"),
                Event::MailboxEnded(Err(e)) => bail!("the mailbox cannot be read: {e}"),
                Event::ProvenAgain(done) => {
                    done?;
                    self.has_just_proven = true;
                }
                Event::Asked(asked) => self.answer(asked).await?,
                Event::WorkEnded(ended) => self.background.take(&self.host, ended).await?,
                Event::Copied(done) => self.copied(done),
                Event::Due => {}
                Event::OutboxEnded(Ok(())) => bail!("the outbox has stopped"),
                Event::OutboxEnded(Err(e)) => bail!("the outbox cannot go on: {e}"),
                Event::Stopped => return Ok(LoopEnd::Asked),
            }
        }
    }

    async fn next(&mut self, wait: Duration) -> Event<P, B::Ended> {
        tokio::select! {
            biased;
            () = self.end_requests.next() => Event::Stopped,
            ended = self.outbox.ended() => Event::OutboxEnded(ended),
            Some(asked) = self.questions.next() => Event::Asked(asked),
            proven = ended(&mut self.proving) => Event::ProvenAgain(proven),
            work = self.background.next() => Event::WorkEnded(work),
            copied = ended(&mut self.copying) => Event::Copied(copied),
            mail = self.mail.recv(), if !self.mail_is_over => match mail {
                Some(mail) => Event::Mail(mail),
                None => {
                    self.mail_is_over = true;
                    Event::Due
                }
            },
            // Once all is taken that it has sent.
            ended = ended(&mut self.watching), if self.mail_is_over => Event::MailboxEnded(ended),
            Ok(()) = self.writes.changed() => Event::Due,
            () = tokio::time::sleep(wait) => Event::Due,
        }
    }

    /// Does what is due, each thing recorded for itself; says when the next is.
    async fn do_what_is_due(&mut self) -> Result<Option<Time>, HostError> {
        let now = self.host.now();
        if let Some(until) = self.waits_until
            && until > now
            && !self.mailbox.was_looked_at()
        {
            return Ok(Some(until));
        }
        self.waits_until = None;
        let proof = self.host.view(|rows| self.host.party().next_proof(rows));
        let is_due = proof.is_some_and(|at| at <= now);
        if is_due && self.proving.is_none() && !self.has_just_proven {
            let (host, reader) = (Arc::clone(&self.host), self.reader.clone());
            let round = prove_again(host, reader, FOR_HELD_LETTERS);
            self.proving = Some(tokio::spawn(round));
        }
        if self.proving.is_some() && P::WAITS_FOR_PROOFS {
            // Their end wakes the loop.
            return Ok(None);
        }
        let next = self.next_wake(now);
        let is_due = next.is_some_and(|at| at <= now) || self.has_just_proven;
        self.has_just_proven = false;
        if is_due {
            self.host
                .work(|host| host.do_what_is_due(BESIDE_OTHER_WORK))
                .await?;
        }
        self.due_at = None;
        self.due_at = self.next_wake(self.host.now());
        let proof = proof.filter(|_| self.proving.is_none());
        Ok(self.due_at.into_iter().chain(proof).min())
    }

    /// As the rows say now, or said before the time went by.
    fn next_wake(&self, now: Time) -> Option<Time> {
        let wake = self
            .host
            .view(|rows| self.host.party().next_wake(rows, now));
        wake.into_iter().chain(self.due_at).min()
    }

    async fn answer(&mut self, asked: Asked<P>) -> Result<(), HostError> {
        let Asked { question, to } = asked;
        let answer = move |host: &Host<P>| P::answer(host, question);
        let answered = self.host.work(answer).await;
        let (reply, done) = match answered {
            Ok(reply) => (reply, Ok(())),
            Err(e) => {
                let reply = Reply::Failed(e.to_string());
                // A disk that is full is told to whoever asked; another time there may be room.
                let may_pass = matches!(&e, HostError::Store(e) if e.may_pass());
                (reply, if may_pass { Ok(()) } else { Err(e) })
            }
        };
        // A command that is gone hears nothing.
        let _ = to.send(reply);
        done
    }

    async fn copy_what_left(&mut self) -> Option<Time> {
        let sent = self.copies.as_ref()?;
        if self.copying.is_some() || self.host.view(|rows| copies(rows, 1)).is_empty() {
            return None;
        }
        if let Some(again) = self.copy_again.filter(|at| *at > self.host.now()) {
            return Some(again);
        }
        let copying = copy_what_left(Arc::clone(&self.host), sent.clone());
        self.copying = Some(tokio::spawn(copying));
        None
    }

    fn copied(&mut self, done: anyhow::Result<()>) {
        self.copy_again = None;
        if let Err(e) = done {
            tracing::warn!("{}", tradepost_letters::untrusted::show(&format!("{e:#}")));
            self.copy_again = Some(self.host.now().plus(COPY_AGAIN));
        }
    }

    /// Everything was read, once: does what is left to do, as far as it can be done now.
    async fn do_the_rest(&mut self) -> anyhow::Result<()> {
        let mut end_requests = std::mem::replace(&mut self.end_requests, EndRequests::listen());
        let rest = async {
            self.finish_background().await?;
            if let Some(proving) = self.proving.take() {
                joined(proving).await?;
            }
            let (host, reader) = (Arc::clone(&self.host), self.reader.clone());
            prove_again(host, reader, FOR_HELD_LETTERS).await?;
            self.host
                .work(|host| host.do_what_is_due(Duration::MAX))
                .await?;
            self.outbox.until_nothing_is_due().await;
            if let Some(copying) = self.copying.take() {
                let done = joined(copying).await;
                self.copied(done);
            }
            if let Some(sent) = self.copies.clone() {
                let done = copy_what_left(Arc::clone(&self.host), sent).await;
                self.copied(done);
            }
            self.background.come_to_an_end();
            self.finish_background().await?;
            Ok::<_, anyhow::Error>(())
        };
        tokio::select! {
            done = rest => done,
            () = end_requests.next() => {
                tracing::info!("ending, as asked");
                Ok(())
            }
        }
    }

    async fn finish_background(&mut self) -> Result<(), HostError> {
        loop {
            let _ = self.background.start_what_is_due(&self.host);
            if !self.background.is_at_work() {
                return Ok(());
            }
            let ended = self.background.next().await;
            self.background.take(&self.host, ended).await?;
        }
    }

    async fn close(self) {
        /// What is under way may end; a mail server that hangs is not waited for.
        const GRACE: Duration = Duration::from_secs(15);
        drop(self.mail);
        // Whoever still waits for the loop is told that it has ended.
        drop(self.questions);
        self.background.end().await;
        // They have recorded nothing, or all; the next start goes on.
        if let Some(proving) = self.proving {
            proving.abort();
        }
        if let Some(copying) = self.copying {
            copying.abort();
        }
        let rest = async {
            if let Some(watching) = self.watching {
                let _ = watching.await;
            }
            self.outbox.finish().await;
        };
        let _ = tokio::time::timeout(GRACE, rest).await;
    }
}

/// Waits for a task's end, once.
async fn ended<T>(task: &mut Task<T>) -> T {
    match task {
        Some(running) => {
            let done = joined(running).await;
            *task = None;
            done
        }
        None => std::future::pending().await,
    }
}
