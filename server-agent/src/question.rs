//! What a command asks of `run`, or of the book that it opens itself. `emit` then sends its lines as they are
//! and gets an [`EmitReply`] for each, until one says that there are no more. An end without that word is
//! no answer.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use crate::attach::AttachAsk;
use crate::intake::{EmitLine, LONGEST_LINE, LineAnswer, LineText, MOST_LINES};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// Lines follow.
    Emit,
    /// The trades, or those of one id.
    Trades(Option<String>),
    /// Authorizations that wait for the operator.
    Authorizations,
    /// What other servers have not answered.
    Unanswered,
    /// The wishes to give goods back that wait for a decision.
    Returns,
    /// A decision about one: a line of `emit`.
    Decide(String),
    /// The outbox; with those that have ended, if so.
    Outbox { all: bool },
    /// One letter of the outbox, by its id.
    Letter(String),
    /// Put a statement into a mail.
    Attach(AttachAsk),
    /// Try a letter at once; none: all that wait.
    Retry(Option<String>),
    /// Letters of the mailbox that could not be had.
    SetAside,
    /// What the merchant's own system has still to be told or asked.
    Jobs,
    /// Run a job at once.
    RetryJob(String),
    /// When the deliveries of each webhook came.
    Arrivals,
}

impl Ask {
    /// Whether it changes nothing.
    pub(crate) fn only_asks(&self) -> bool {
        match self {
            Ask::Trades(_)
            | Ask::Authorizations
            | Ask::Unanswered
            | Ask::Returns
            | Ask::Outbox { .. }
            | Ask::Letter(_)
            | Ask::SetAside
            | Ask::Arrivals
            | Ask::Jobs => true,
            Ask::Emit | Ask::Decide(_) | Ask::Attach(_) | Ask::Retry(_) | Ask::RetryJob(_) => false,
        }
    }

    /// Whether asking once more, where the answer was lost, does and says the same.
    pub(crate) fn may_be_repeated(&self) -> bool {
        match self {
            Ask::Trades(_)
            | Ask::Authorizations
            | Ask::Unanswered
            | Ask::Returns
            | Ask::Outbox { .. }
            | Ask::Letter(_)
            | Ask::SetAside
            | Ask::Arrivals
            | Ask::Jobs => true,
            // Each line has its key, a decision too; a mail carries the same octets again.
            Ask::Emit | Ask::Decide(_) | Ask::Attach(_) => true,
            // What was tried at once is done by now, so the answer would be another one.
            Ask::Retry(_) | Ask::RetryJob(_) => false,
        }
    }

    /// What to do where no answer came, and what is known then.
    pub(crate) fn without_answer(&self) -> &'static str {
        match self {
            Ask::Trades(_)
            | Ask::Authorizations
            | Ask::Unanswered
            | Ask::Returns
            | Ask::Outbox { .. }
            | Ask::Letter(_)
            | Ask::SetAside
            | Ask::Arrivals
            | Ask::Jobs => "nothing was changed; try again",
            Ask::Emit => "send the same lines again, with the same keys",
            Ask::Decide(_) => {
                "whether the decision was recorded is not known: `tradepost-server returns` lists the wish as \
                 long as it waits, and deciding the same again does nothing"
            }
            Ask::Attach(_) => {
                "whether the mail was recorded is not known, and none was written: attach it again, it then \
                 carries the same statement"
            }
            Ask::Retry(_) => {
                "whether it is tried at once is not known: `tradepost-server outbox --all` shows what became of \
                 it, and it may be typed again"
            }
            Ask::RetryJob(_) => {
                "whether it is run at once is not known: `tradepost-server jobs` shows whether it still waits, \
                 and it may be typed again"
            }
        }
    }
}

/// What the loop of `run` is asked.
#[derive(Debug, Clone)]
pub(crate) enum LoopQuestion {
    /// By a command.
    Ask(Ask),
    /// To take lines of the merchant's own system, one after the other.
    Lines(Vec<EmitLine>),
}

#[derive(Debug, Clone)]
pub(crate) enum Answered {
    Value(Value),
    Lines(Vec<LineAnswer>),
}

/// What somebody who emits is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EmitReply {
    /// To the next line, by its number among those that this `run` was sent.
    Answer(LineAnswer),
    /// All lines were answered, so many.
    Done {
        /// Lines of this connection, which the asker compares with its own count.
        answered: u64,
    },
    /// The book could not be written: why. Whether lines without an answer are recorded is not known.
    Failed(String),
    /// `run` is stopping: of lines without an answer none is recorded.
    Stopping,
}

/// Lines of a reader, with their numbers; blank ones are counted and left out.
pub(crate) struct LineReader<R> {
    from: R,
    number: u64,
}

impl<R: AsyncBufRead + Unpin> LineReader<R> {
    pub(crate) fn new(from: R) -> LineReader<R> {
        LineReader { from, number: 0 }
    }

    /// The next line of any length up to [`LONGEST_LINE`], without its end; none at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<EmitLine>> {
        loop {
            let Some(text) = self.read().await? else {
                return Ok(None);
            };
            self.number += 1;
            let is_blank = match &text {
                LineText::Octets(octets) => octets.trim_ascii().is_empty(),
                LineText::TooLong => false,
            };
            if !is_blank {
                let number = self.number;
                return Ok(Some(EmitLine { number, text }));
            }
        }
    }

    /// The next line, and those after it that are there already: they share a fence.
    pub(crate) async fn batch(&mut self) -> io::Result<Vec<EmitLine>> {
        let mut lines = Vec::new();
        while let Some(line) = self.next().await? {
            lines.push(line);
            if lines.len() >= MOST_LINES || !self.has_a_line() {
                break;
            }
        }
        Ok(lines)
    }

    async fn read(&mut self) -> io::Result<Option<LineText>> {
        let mut octets = Vec::new();
        let mut too_long = false;
        loop {
            let there = self.from.fill_buf().await?;
            if there.is_empty() {
                let nothing = octets.is_empty() && !too_long;
                return Ok((!nothing).then(|| finish(octets, too_long)));
            }
            let end = there.iter().position(|b| *b == b'\n');
            let part = there.get(..end.unwrap_or(there.len())).unwrap_or_default();
            if octets.len() + part.len() > LONGEST_LINE {
                too_long = true;
                octets.clear();
            } else if !too_long {
                octets.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.from.consume(used);
            if end.is_some() {
                return Ok(Some(finish(octets, too_long)));
            }
        }
    }
}

impl<R> LineReader<R>
where
    R: AsyncBufRead + Unpin,
{
    /// Whether a whole line waits in the buffer; reading it waits for nothing.
    fn has_a_line(&mut self) -> bool {
        use std::task::{Context, Poll, Waker};
        let mut context = Context::from_waker(Waker::noop());
        match std::pin::Pin::new(&mut self.from).poll_fill_buf(&mut context) {
            Poll::Ready(Ok(there)) => there.contains(&b'\n'),
            Poll::Ready(Err(_)) | Poll::Pending => false,
        }
    }
}

fn finish(octets: Vec<u8>, too_long: bool) -> LineText {
    if too_long {
        LineText::TooLong
    } else {
        LineText::Octets(octets)
    }
}
