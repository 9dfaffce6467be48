//! What a question does, and what a person is told who got no answer: whether it was done is not known then,
//! and doing it twice by accident is worse than looking first.

use super::{Effect, Question};

impl Question {
    /// What it does to the ledger.
    pub(crate) fn effect(&self) -> Effect {
        self.nature().0
    }

    /// How to find out whether it was done, and whether it may be typed again.
    pub(crate) fn without_answer(&self) -> &'static str {
        self.nature().1
    }

    fn nature(&self) -> (Effect, &'static str) {
        match self {
            Question::Trades
            | Question::Pending
            | Question::Overview
            | Question::Show { .. }
            | Question::Warnings { .. }
            | Question::Warning { .. }
            | Question::LetterOfWarning { .. }
            | Question::Held
            | Question::SetAside
            | Question::Outbox
            | Question::Stats
            | Question::Expected
            | Question::Requests { .. }
            | Question::Plans
            | Question::DryRun { .. }
            | Question::Preview { .. }
            | Question::Reorder { .. }
            | Question::LastOrder
            | Question::Export { .. } => (Effect::None, "nothing was changed; try again"),
            Question::Progress { .. } => (
                Effect::None,
                "what was asked is asked, and `tradepost requests` shows what is answered",
            ),
            Question::Order { .. } => (
                Effect::Sends,
                "whether it was ordered is not known: look at `tradepost requests`, and order again only if \
                 the order is not there",
            ),
            Question::Confirm { .. } => (
                Effect::Sends,
                "whether it was confirmed is not known: `tradepost requests` shows it; confirming the same again \
                 orders nothing twice",
            ),
            Question::Cancel { .. } => (
                Effect::Sends,
                "whether it was cancelled is not known: `tradepost requests` shows it; cancel again only if the \
                 cancellation is not there",
            ),
            Question::Return { .. } => (
                Effect::Sends,
                "whether the shop is asked to take it back is not known: look at `tradepost requests` and \
                 `tradepost show`, and ask again only if it is not there",
            ),
            Question::Wish { .. } => (
                Effect::Sends,
                "whether the wish was noted is not known: `tradepost requests` shows it, and the same wish again \
                 does no harm",
            ),
            Question::Ask { .. } => (
                Effect::Sends,
                "whether it was asked is not known: `tradepost requests` shows it, and asking again does no harm",
            ),
            Question::Schedule { .. } => (
                Effect::Writes,
                "whether the plan was made is not known: look at `tradepost schedule list`, and add it again \
                 only if it is not there",
            ),
            Question::Unschedule { .. } => (
                Effect::Writes,
                "whether the plan was removed is not known: `tradepost schedule list` shows those that there are",
            ),
            Question::Dismiss { .. } | Question::Accept { .. } => (
                Effect::Writes,
                "whether it was done is not known: `tradepost warnings --all` shows the state of the warning",
            ),
            Question::Expect { .. } | Question::Forget { .. } => (
                Effect::Writes,
                "whether it was noted is not known: `tradepost expect --list` shows what is expected, and it may \
                 be typed again",
            ),
            Question::Import { .. } | Question::Judge(_) => (
                Effect::Writes,
                "whether the last letters were judged is not known: import the same again, those that were are \
                 known by then and count once",
            ),
        }
    }
}
