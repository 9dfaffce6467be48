//! What takes a while beside the ledger itself: proving imported letters, waiting until a letter has left, and
//! until questions are answered. Whoever answers a command does this around the ledger's own answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tradepost_agent::arrival::Reader;
use tradepost_agent::outbox::{self, State};
use tradepost_agent::rpc::Reply;
use tradepost_post::stop::Stop;
use tradepost_statements::StatementId;

use super::{Answer, Question, SendState, Sending, asking, importing};
use crate::ledger::LedgerHost;

/// Answers a command as whoever has the ledger open.
#[derive(Clone)]
pub(crate) struct Answering {
    pub(crate) host: Arc<LedgerHost>,
    /// Proves what is imported.
    pub(crate) reader: Reader,
    /// How long a person waits for a letter to leave.
    pub(crate) wait_to_send: Duration,
    /// When nobody is to wait any more.
    pub(crate) stop: Stop,
}

impl Answering {
    /// Answers; `ask` has the ledger itself answer.
    pub(crate) async fn answer<F>(
        &self,
        question: Question,
        ask: impl FnOnce(Question) -> F,
    ) -> Reply<Answer>
    where
        F: Future<Output = Reply<Answer>>,
    {
        if let Question::Progress { statements, within } = question {
            let mut stop = self.stop.clone();
            return tokio::select! {
                biased;
                answer = self.until_settled(statements, within) => Reply::Answer(answer),
                () = stop.stopped() => Reply::Stopping,
            };
        }
        if let Question::Import { letters, sent } = question {
            let now = self.host.now();
            let imported = importing::prove(&self.reader, letters, sent, now).await;
            return ask(Question::Judge(imported)).await;
        }
        let mut reply = ask(question).await;
        if let Reply::Answer(Answer::Sendings(sendings)) = &mut reply {
            let deadline = Instant::now() + self.wait_to_send;
            for sending in sendings.all_mut() {
                self.until_sent(sending, deadline).await;
            }
        }
        reply
    }

    /// Waits so long until nothing more is awaited of these statements of ours.
    async fn until_settled(&self, statements: Vec<StatementId>, within: Duration) -> Answer {
        let statements: Arc<[StatementId]> = statements.into();
        let mut writes = self.host.writes();
        let deadline = Instant::now().checked_add(within);
        loop {
            let asked = Arc::clone(&statements);
            let known = self
                .host
                .work(move |host| host.view(|rows| asking::progress(rows, &asked)))
                .await;
            let is_open = known.iter().any(|r| r.state.is_pending());
            let more = async {
                match deadline {
                    Some(deadline) => tokio::time::timeout_at(deadline, writes.changed())
                        .await
                        .is_ok(),
                    None => writes.changed().await.is_ok(),
                }
            };
            if !is_open || !more.await {
                return Answer::Requests(known);
            }
        }
    }

    async fn until_sent(&self, sending: &mut Sending, deadline: Instant) {
        let Some(id) = sending.item else { return };
        let mut writes = self.host.writes();
        let mut stop = self.stop.clone();
        loop {
            let item = self
                .host
                .work(move |host| host.view(|rows| outbox::item(rows, id)))
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
            let more = tokio::select! {
                more = tokio::time::timeout_at(deadline, writes.changed()) => more.is_ok(),
                () = stop.stopped() => false,
            };
            if !more {
                return;
            }
        }
    }
}
