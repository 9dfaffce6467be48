//! Lines for the operator about what happened. What comes from a letter is escaped.

use tradepost_agent::outbox::Item;
use tradepost_letters::untrusted;
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_trades::letter::Received;

/// Something that the operator is told of, once it is durable.
#[derive(Debug, Clone)]
pub(crate) enum BookNotice {
    /// A letter was decided about.
    Letter {
        /// Whose it is, by its own word.
        from: String,
        outcome: PartyOutcome,
    },
    /// Time brought something about.
    Due(PartyOutcome),
    /// Something came of a job of the merchant's own system.
    Job(PartyOutcome),
    /// A letter of ours came back.
    CameBack {
        item: Box<Item>,
        /// Why, as the report says.
        text: String,
    },
    /// A report that was read before.
    KnownReport {
        /// From of the report, by its own word.
        from: String,
    },
    /// A report that changes nothing.
    DoubtedReport {
        /// From of the report, by its own word.
        from: String,
        /// Why the letter came back, as the report says.
        text: String,
        /// Why it is not believed.
        why: String,
    },
    /// Whoever asked is answered; nobody else is told.
    None,
}

impl BookNotice {
    pub(super) fn letter(received: &Received, outcome: &PartyOutcome) -> BookNotice {
        BookNotice::Letter {
            from: received.letter.from.clone().unwrap_or_default(),
            outcome: outcome.clone(),
        }
    }

    /// Tells the operator, in the log.
    pub(super) fn tell(&self) {
        match self {
            BookNotice::Letter { from, outcome } => tell_of_letter(from, outcome),
            BookNotice::Due(outcome) => tell_what_was_due(outcome),
            BookNotice::Job(outcome) => tell_of_job(outcome),
            BookNotice::CameBack { item, text } => {
                let (to, text) = (untrusted::show(item.to.as_written()), untrusted::show(text));
                let kind = item.kind;
                tracing::error!(
                    "the {kind} to {to} came back: {text}; `tradepost-server outbox` shows it"
                );
            }
            BookNotice::KnownReport { from } => {
                let from = untrusted::sender(from);
                tracing::debug!("the report of {from} was read before");
            }
            BookNotice::DoubtedReport { from, text, why } => {
                let (from, text) = (untrusted::sender(from), untrusted::show(text));
                tracing::warn!(
                    "{from} says that a letter came back, which changes nothing: {why}: {text}"
                );
            }
            BookNotice::None => {}
        }
    }
}

fn tell_of_letter(from: &str, outcome: &PartyOutcome) {
    let text = untrusted::show(&outcome.to_string());
    let from = untrusted::sender(from);
    match outcome {
        PartyOutcome::Ignored(Ignored::SameLetter | Ignored::NothingDue) => {
            tracing::debug!("letter of {from}: {text}");
        }
        PartyOutcome::Ignored(_) => tracing::warn!("ignored a letter of {from}: {text}"),
        PartyOutcome::OperatorDecides { .. }
        | PartyOutcome::AuthorizationAsked { .. }
        | PartyOutcome::OperatorTold { .. }
        | PartyOutcome::OperatorActs { .. }
        | PartyOutcome::JobFailed { .. }
        | PartyOutcome::JobFailsForLong { .. }
        | PartyOutcome::GoodsNotDelivered { .. } => tracing::warn!("letter of {from}: {text}"),
        PartyOutcome::TradeMade(_)
        | PartyOutcome::OrderRejected { .. }
        | PartyOutcome::AuthorizationAwaited(_)
        | PartyOutcome::Done { .. }
        | PartyOutcome::Answered(_)
        | PartyOutcome::Heard { .. }
        | PartyOutcome::UnknownTrade(_)
        | PartyOutcome::Marked(_)
        | PartyOutcome::AnswerRepeated
        | PartyOutcome::ConsentNoted(_)
        | PartyOutcome::Held(_)
        | PartyOutcome::HeldForProof { .. }
        | PartyOutcome::Emitted(_)
        | PartyOutcome::EmittedBefore(_)
        | PartyOutcome::WasDue(_)
        | PartyOutcome::JobDone(_)
        | PartyOutcome::GoodsDelivered(_) => tracing::info!("letter of {from}: {text}"),
    }
}

fn tell_what_was_due(outcome: &PartyOutcome) {
    let text = untrusted::show(&outcome.to_string());
    let asks_the_operator = matches!(
        outcome,
        PartyOutcome::OperatorTold { .. } | PartyOutcome::OperatorActs { .. }
    );
    if asks_the_operator {
        tracing::warn!("{text}");
    } else {
        tracing::info!("{text}");
    }
}

fn tell_of_job(outcome: &PartyOutcome) {
    let text = untrusted::show(&outcome.to_string());
    let is_serious = matches!(
        outcome,
        PartyOutcome::JobFailsForLong { .. } | PartyOutcome::GoodsNotDelivered { .. }
    );
    if is_serious {
        tracing::error!("{text}; `tradepost-server jobs` shows all that wait");
    } else if matches!(outcome, PartyOutcome::JobFailed { .. }) {
        tracing::warn!("{text}");
    } else {
        tracing::info!("{text}");
    }
}
