//! What every role of a server stands on: the book, the judgement of letters (protocol 5, as for
//! servers), and a decision in the making. It knows no role, nor how letters travel.

pub mod book;
pub mod change;
pub mod settings;
pub mod track;

pub mod held;
pub(crate) mod judge;
mod rules;

pub(crate) mod answers;
pub(crate) mod case;
pub(crate) mod instructed;
pub(crate) mod own_status;
pub mod readdress;

pub use change::{Ignored, Occasion, PartyChange, PartyOutcome, PersonNotice, StatementToSend};
pub use rules::{PartyRule, RULES};
pub use settings::{PartySettings, PartyTimers};

pub(crate) use case::PartyCase;
