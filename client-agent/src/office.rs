//! The opened ledger and what works on it: the daemon's tasks share one office; a command that
//! finds no daemon opens its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, watch};
use tradepost_agent::outbox::{self, Bell, State};
use tradepost_agent::terminal::json;
use tradepost_proof::blocking;
use tradepost_proof::dkim::NoProver;
use tradepost_statements::{StatementId, Time};
use tradepost_store::Position;

use crate::config::Config;
use crate::ledger::{Entered, Input, Ledger, LedgerError, earlier};
use crate::receive::{Lay, Reader, take_in};
use crate::request::{
    Answer, AskError, Letter, Request, SendState, Sending, answer, asking, importing,
};
use crate::{held, notify};

/// The opened ledger and the bells that its tasks ring for one another.
pub(crate) struct Office {
    pub(crate) ledger: Ledger,
    pub(crate) config: Config,
    /// Reads the letters that come.
    pub(crate) reader: Reader,
    /// Held by whoever proves held letters again.
    pub(crate) proving: Mutex<()>,
    /// Rung when a letter was queued.
    pub(crate) bell: Bell,
    /// Rung when a letter has left whose copy belongs into Sent.
    pub(crate) copies: Notify,
    /// Rung when something happened that the person's own program is told of.
    pub(crate) events: Notify,
    /// When the ledger has something to do by itself.
    alarm: watch::Sender<Option<Time>>,
    /// Counts what became of letters in the outbox.
    outcomes: watch::Sender<u64>,
    /// Counts what was entered.
    entries: watch::Sender<u64>,
    /// The daemon is ending: nobody waits for letters to leave any more.
    is_ending: watch::Sender<bool>,
}

/// DNS has so long for held letters before other things that are due get their turn.
pub(crate) const FOR_HELD_LETTERS: Duration = Duration::from_secs(60);

impl Office {
    pub(crate) fn new(ledger: Ledger, config: Config) -> Result<Arc<Office>, NoProver> {
        Ok(Arc::new(Office {
            ledger,
            reader: Reader::new(&config)?,
            proving: Mutex::new(()),
            config,
            bell: Bell::new(),
            copies: Notify::new(),
            events: Notify::new(),
            alarm: watch::Sender::new(None),
            outcomes: watch::Sender::new(0),
            entries: watch::Sender::new(0),
            is_ending: watch::Sender::new(false),
        }))
    }

    /// Does blocking work on the ledger, off the async threads.
    pub(crate) async fn work<T: Send + 'static>(
        self: &Arc<Office>,
        work: impl FnOnce(&Office) -> T + Send + 'static,
    ) -> T {
        let office = Arc::clone(self);
        blocking(move || work(&office)).await
    }

    /// Enters something, tells the person, and wakes who has to do with it.
    pub(crate) async fn enter(
        self: &Arc<Office>,
        inputs: Vec<Input>,
    ) -> Result<Entered, LedgerError> {
        let entered = self.work(move |office| office.ledger.enter(inputs)).await?;
        self.follow_up(&entered);
        Ok(entered)
    }

    /// What is to be done after something was entered.
    pub(crate) fn follow_up(&self, entered: &Entered) {
        notify::tell(&entered.notices);
        if !entered.notices.is_empty() {
            self.events.notify_one();
        }
        self.entries.send_modify(|n| *n = n.wrapping_add(1));
        if let Some(at) = entered.wake_up {
            self.alarm
                .send_modify(|alarm| *alarm = earlier(*alarm, Some(at)));
        }
        if !entered.queued.is_empty() {
            self.bell.ring();
        }
    }

    /// Answers a request; where a letter has to leave, waits so long as a person would.
    pub(crate) async fn ask(self: &Arc<Office>, request: Request) -> Result<String, AskError> {
        if let Request::Import { letters, sent } = request {
            return self.import(letters, sent).await;
        }
        if let Request::Progress { statements, within } = request {
            return self.wait_until_settled(statements, within).await;
        }
        let Answer {
            json,
            entered,
            sendings,
        } = self
            .work(move |office| answer(&office.ledger, request))
            .await?;
        self.follow_up(&entered);
        let Some(mut sendings) = sendings else {
            return Ok(json);
        };
        let deadline = tokio::time::Instant::now() + self.config.wait_to_send;
        for sending in sendings.all_mut() {
            self.wait_until_sent(sending, deadline).await;
        }
        Ok(json::pretty(&sendings)?)
    }

    /// Waits so long until nothing more is awaited of these statements of ours.
    async fn wait_until_settled(
        self: &Arc<Office>,
        statements: Vec<StatementId>,
        within: Duration,
    ) -> Result<String, AskError> {
        let statements: Arc<[StatementId]> = statements.into();
        let mut entries = self.entries.subscribe();
        let deadline = tokio::time::Instant::now().checked_add(within);
        loop {
            let asked = Arc::clone(&statements);
            let known = self
                .work(move |office| office.ledger.view(|rows| asking::progress(rows, &asked)))
                .await;
            let is_open = known.iter().any(|r| r.state.is_pending());
            let more = async {
                match deadline {
                    Some(deadline) => tokio::time::timeout_at(deadline, entries.changed())
                        .await
                        .is_ok(),
                    None => entries.changed().await.is_ok(),
                }
            };
            if !is_open || !more.await {
                return Ok(json::pretty(&known)?);
            }
        }
    }

    /// Judges letters from files.
    async fn import(
        self: &Arc<Office>,
        letters: Vec<Letter>,
        sent: bool,
    ) -> Result<String, AskError> {
        let (files, letters) = self.work(move |_| importing::decode(letters)).await;
        let lay = if sent { Lay::Sent } else { Lay::Inbox };
        let (taken, _) = take_in(self, letters, lay, Vec::new()).await?;
        Ok(json::line(&importing::lines(files, taken, lay))?)
    }

    async fn wait_until_sent(
        self: &Arc<Office>,
        sending: &mut Sending,
        deadline: tokio::time::Instant,
    ) {
        let Some(id) = sending.item else { return };
        let mut outcomes = self.outcomes.subscribe();
        loop {
            let item = self
                .work(move |office| office.ledger.view(|rows| outbox::item(rows, id)))
                .await;
            (sending.state, sending.text) = match item.map(|item| item.state) {
                Some(State::Accepted { reply, .. }) => (SendState::Left, Some(reply)),
                Some(State::Refused { text, .. }) => (SendState::Refused, Some(text)),
                Some(State::Expired { last_error, .. }) => (SendState::Refused, Some(last_error)),
                Some(State::Queued { last_error, .. }) => (SendState::Queued, last_error),
                None => (SendState::Queued, None),
            };
            if sending.state != SendState::Queued {
                return;
            }
            let mut is_ending = self.is_ending.subscribe();
            let more = tokio::select! {
                more = tokio::time::timeout_at(deadline, outcomes.changed()) => more.is_ok(),
                _ = is_ending.wait_for(|is_ending| *is_ending) => false,
            };
            if !more {
                return;
            }
        }
    }

    /// Says that the daemon ends: who waits for a letter to leave is told how far it is.
    pub(crate) fn end(&self) {
        self.is_ending.send_replace(true);
    }

    /// Says that something became of a letter in the outbox.
    pub(crate) fn letter_was_tried(&self) {
        self.outcomes.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Notices when something becomes of letters in the outbox.
    pub(crate) fn outcomes(&self) -> watch::Receiver<u64> {
        self.outcomes.subscribe()
    }

    /// Does what is due, again and again, until the store fails.
    pub(crate) async fn keep_time(self: Arc<Office>) -> LedgerError {
        let mut alarm = self.alarm.subscribe();
        loop {
            // The tick says anew when the next one is due.
            self.alarm.send_replace(None);
            alarm.mark_unchanged();
            if let Err(e) = self.do_what_is_due(FOR_HELD_LETTERS).await {
                return e;
            }
            let sleep = self.until_alarm(*alarm.borrow_and_update());
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = self.earlier_alarm(&mut alarm, sleep) => {}
            }
        }
    }

    /// Does what is due now. Letters that were held for want of DNS have so long to be proven; then
    /// the others get on.
    pub(crate) async fn do_what_is_due(
        self: &Arc<Office>,
        for_held_letters: Duration,
    ) -> Result<(), LedgerError> {
        held::prove_again(self, for_held_letters).await?;
        let entered = self.work(|office| office.ledger.tick()).await?;
        self.follow_up(&entered);
        Ok(())
    }

    /// Never at once, so that nothing spins; never long, since clocks jump and laptops sleep.
    fn until_alarm(&self, alarm: Option<Time>) -> Duration {
        const LEAST: Duration = Duration::from_millis(20);
        const LONGEST: Duration = Duration::from_secs(60);
        alarm
            .map_or(LONGEST, |at| at.since(self.ledger.now()))
            .clamp(LEAST, LONGEST)
    }

    async fn earlier_alarm(&self, alarm: &mut watch::Receiver<Option<Time>>, sleep: Duration) {
        while alarm.changed().await.is_ok() {
            let at = *alarm.borrow_and_update();
            if self.until_alarm(at) < sleep {
                return;
            }
        }
    }

    /// A letter as it waits in the outbox.
    pub(crate) async fn letter(self: &Arc<Office>, at: Position) -> Result<Vec<u8>, LedgerError> {
        let record = self
            .work(move |office| office.ledger.store().read(at))
            .await?;
        Ok(record.blob)
    }
}
