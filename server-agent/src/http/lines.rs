//! Calls that tell something become lines of [`crate::intake`]: those that come while others are
//! recorded are recorded together, with one fence.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::problem::Problem;
use tradepost_agent::rpc::Reply;
use tradepost_agent::run::Questions;

use crate::book::Book;
use crate::intake::{EmitLine, LineAnswer, LineText, MOST_LINES};
use crate::question::{Answered, LoopQuestion};

/// Callers that may wait to be recorded; others wait to be waited for.
const AHEAD: usize = MOST_LINES;

/// The loop of `run` takes its turns in milliseconds; a caller who has waited for so long is told to come again
/// before a call is given up as one that is not complete. What it told may be recorded later: its key
/// makes twice once.
const LONGEST_TURN: Duration = Duration::from_secs(15);

/// A line, and where its answer goes.
type ToldLine = (Vec<u8>, oneshot::Sender<Result<LineAnswer, Problem>>);

/// Passes lines on to the loop of `run`.
pub(super) struct LineQueue {
    told: mpsc::Receiver<ToldLine>,
    asked: Questions<Book>,
}

/// Where calls hand in their lines.
#[derive(Clone)]
pub(super) struct Teller(mpsc::Sender<ToldLine>);

impl LineQueue {
    pub(super) fn new(asked: Questions<Book>) -> (LineQueue, Teller) {
        let (tell, told) = mpsc::channel(AHEAD);
        (LineQueue { told, asked }, Teller(tell))
    }

    /// Until nobody tells anything any more. Callers are told when the loop has ended.
    pub(super) async fn pass_on(mut self) {
        let mut batch = Vec::new();
        while self.told.recv_many(&mut batch, MOST_LINES).await > 0 {
            let (lines, callers): (Vec<EmitLine>, Vec<_>) = (1..)
                .zip(batch.drain(..))
                .map(|(number, (octets, caller))| {
                    let text = LineText::Octets(octets);
                    (EmitLine { number, text }, caller)
                })
                .unzip();
            // A caller that has gone hears nothing; with its key it can ask again.
            match take(&self.asked, lines).await {
                Ok(answers) => {
                    for (answer, caller) in answers.into_iter().zip(callers) {
                        let _ = caller.send(Ok(answer));
                    }
                }
                Err(problem) => {
                    for caller in callers {
                        let _ = caller.send(Err(problem.clone()));
                    }
                }
            }
        }
    }
}

impl Teller {
    /// The answer to a line, once what it says is durable.
    pub(super) async fn tell(&self, line: Vec<u8>) -> Result<LineAnswer, Problem> {
        let (caller, answer) = oneshot::channel();
        let told = async {
            self.0.send((line, caller)).await.ok()?;
            answer.await.ok()
        };
        soon(async { told.await.unwrap_or_else(|| Err(Problem::stopping())) }).await
    }
}

/// Has the loop take these lines, one after the other.
pub(super) async fn take(
    asked: &Questions<Book>,
    lines: Vec<EmitLine>,
) -> Result<Vec<LineAnswer>, Problem> {
    match asked.ask(LoopQuestion::Lines(lines)).await {
        Reply::Answer(Answered::Lines(answers)) => Ok(answers),
        Reply::Answer(Answered::Value(_)) | Reply::Stopping => Err(Problem::stopping()),
        Reply::Refused(why) | Reply::Failed(why) => Err(Problem::book_failed(&why)),
    }
}

/// Waits for what needs the loop, but not for ever.
pub(super) async fn soon<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    within(LONGEST_TURN, work).await
}

async fn within<T>(
    longest: Duration,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let done = timeout(longest, work).await;
    done.unwrap_or_else(|_| Err(Problem::no_turn()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::problem::ProblemKind;
    use super::*;

    fn line() -> Vec<EmitLine> {
        let text = LineText::Octets(b"{}".to_vec());
        vec![EmitLine { number: 1, text }]
    }

    #[tokio::test]
    async fn a_call_that_the_loop_does_not_answer_is_to_be_made_again() {
        let soon = Duration::from_millis(10);
        let (asked, mut calls) = tradepost_agent::run::questions::<Book>();
        let hangs = within(soon, take(&asked, line())).await.unwrap_err();
        let _hanging = calls.next().await.expect("it was asked");
        let ends = async {
            drop(calls.next().await);
            let asked = calls.next().await.expect("it was asked");
            asked.reply(Reply::Failed("the disk is full".to_owned()));
            calls.close();
        };
        let asks = async {
            let dropped = take(&asked, line()).await.unwrap_err();
            let failed = take(&asked, line()).await.unwrap_err();
            let ended = take(&asked, line()).await.unwrap_err();
            [dropped, failed, ended]
        };
        let (_, [dropped, failed, ended]) = tokio::join!(ends, asks);
        for (problem, why) in [
            (hangs, "does not come to answer"),
            (dropped, "is stopping"),
            (failed, "the disk is full"),
            (ended, "is stopping"),
        ] {
            assert_eq!(problem.kind, ProblemKind::NotNow);
            assert!(problem.detail().contains(why), "{}", problem.detail());
            let again = "make it again, with the same Idempotency-Key";
            assert!(problem.detail().contains(again), "{}", problem.detail());
        }
    }
}
