//! Calls that tell something become lines of [`crate::intake`]: those that come while others are
//! recorded are recorded together, with one fence.

use tokio::sync::{mpsc, oneshot};

use crate::agent::Asked;
use crate::intake::{Answer, Line, MOST_LINES, Text};

/// Callers that may wait to be recorded; others wait to be waited for.
const AHEAD: usize = MOST_LINES;

/// A line, and where its answer goes.
type Told = (Vec<u8>, oneshot::Sender<Answer>);

/// Passes lines on to the loop of `run`.
pub(super) struct Lines {
    told: mpsc::Receiver<Told>,
    asked: mpsc::Sender<Asked>,
}

/// Where calls hand in their lines.
#[derive(Clone)]
pub(super) struct Teller(mpsc::Sender<Told>);

impl Lines {
    pub(super) fn new(asked: mpsc::Sender<Asked>) -> (Lines, Teller) {
        let (tell, told) = mpsc::channel(AHEAD);
        (Lines { told, asked }, Teller(tell))
    }

    /// Until nobody tells anything any more, or the loop has ended: then callers hear nothing.
    pub(super) async fn pass_on(mut self) {
        let mut batch = Vec::new();
        while self.told.recv_many(&mut batch, MOST_LINES).await > 0 {
            let (lines, callers): (Vec<Line>, Vec<_>) = (1..)
                .zip(batch.drain(..))
                .map(|(number, (octets, caller))| {
                    let text = Text::Octets(octets);
                    (Line { number, text }, caller)
                })
                .unzip();
            let Some(answers) = take(&self.asked, lines).await else {
                return;
            };
            for (answer, caller) in answers.into_iter().zip(callers) {
                // A caller that has gone hears nothing; with its key it can ask again.
                let _ = caller.send(answer);
            }
        }
    }
}

impl Teller {
    /// The answer to a line, once what it says is durable; none: the server is ending, and nothing
    /// is known of the line.
    pub(super) async fn tell(&self, line: Vec<u8>) -> Option<Answer> {
        let (caller, answer) = oneshot::channel();
        self.0.send((line, caller)).await.ok()?;
        answer.await.ok()
    }
}

/// Has the loop take these lines, one after the other; none: it has ended.
pub(super) async fn take(asked: &mpsc::Sender<Asked>, lines: Vec<Line>) -> Option<Vec<Answer>> {
    let (to, answers) = oneshot::channel();
    asked.send(Asked::Lines(lines, to)).await.ok()?;
    answers.await.ok()
}
