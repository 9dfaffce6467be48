//! What a person is told whose request got no answer: whether it was done is not known then, and doing it
//! twice by accident is worse than looking first.

use super::Request;

impl Request {
    /// How to find out whether it was done, and whether it may be typed again.
    pub(crate) fn without_answer(&self) -> &'static str {
        match self {
            Request::Trades { .. }
            | Request::Pending { .. }
            | Request::Show { .. }
            | Request::Warnings { .. }
            | Request::Warning { .. }
            | Request::LetterOfWarning { .. }
            | Request::Held
            | Request::SetAside
            | Request::Outbox
            | Request::Stats
            | Request::Expected
            | Request::Requests { .. }
            | Request::Plans
            | Request::DryRun { .. }
            | Request::Preview { .. }
            | Request::Reorder { .. }
            | Request::LastOrder
            | Request::Export { .. } => "nothing was changed; try again",
            Request::Progress { .. } => {
                "what was asked is asked, and `tradepost requests` shows what is answered"
            }
            Request::Order { .. } => {
                "whether it was ordered is not known: look at `tradepost requests`, and order again only if \
                 the order is not there"
            }
            Request::Confirm { .. } => {
                "whether it was confirmed is not known: `tradepost requests` shows it; confirming the same again \
                 orders nothing twice"
            }
            Request::Cancel { .. } => {
                "whether it was cancelled is not known: `tradepost requests` shows it; cancel again only if the \
                 cancellation is not there"
            }
            Request::Return { .. } => {
                "whether the shop is asked to take it back is not known: look at `tradepost requests` and \
                 `tradepost show`, and ask again only if it is not there"
            }
            Request::Wish { .. } => {
                "whether the wish was noted is not known: `tradepost requests` shows it, and the same wish again \
                 does no harm"
            }
            Request::Ask { .. } => {
                "whether it was asked is not known: `tradepost requests` shows it, and asking again does no harm"
            }
            Request::Schedule { .. } => {
                "whether the plan was made is not known: look at `tradepost schedule list`, and add it again \
                 only if it is not there"
            }
            Request::Unschedule { .. } => {
                "whether the plan was removed is not known: `tradepost schedule list` shows those that there are"
            }
            Request::Dismiss { .. } | Request::Accept { .. } => {
                "whether it was done is not known: `tradepost warnings --all` shows the state of the warning"
            }
            Request::Expect { .. } | Request::Forget { .. } => {
                "whether it was noted is not known: `tradepost expect --list` shows what is expected, and it may \
                 be typed again"
            }
            Request::Import { .. } => {
                "whether the last letters were judged is not known: import the same again, those that were are \
                 known by then and count once"
            }
        }
    }
}
