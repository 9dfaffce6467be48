//! The answers, each of its own type; as JSON, each is that type alone.

use serde::{Deserialize, Serialize};
use tradepost_agent::aside::AsideRecord;
use tradepost_agent::outbox::Item;
use tradepost_agent::terminal::json;
use tradepost_buyer::view::{
    BuyerTradeView, ExpectedView, HeldView, PlanView, RequestView, ShowView, StatsView, WarningView,
};
use tradepost_statements::TradeRef;

use super::whole::whole;
use super::{Exported, Preview, Sendings, VerdictLine};
use crate::order_form::OrderForm;

/// Each answer with the type that it holds: how a command takes it, and how it is printed for programs.
macro_rules! answers {
    ($($(#[$attribute:meta])* $name:ident($held:ty),)*) => {
        #[derive(Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub(crate) enum Answer {
            $($(#[$attribute])* $name($held),)*
        }

        impl Answer {
            /// The stable JSON that programs are written against, indented.
            pub(crate) fn json(&self) -> serde_json::Result<String> {
                match self {
                    $(Answer::$name(held) => json::pretty(held),)*
                }
            }
        }
    };
}

answers! {
    /// All of them, or those that are not delivered.
    #[serde(serialize_with = "whole")]
    Trades(Vec<BuyerTradeView>),
    /// What is to come, and how it stands in all.
    Overview(Overview),
    /// One trade with its history.
    #[serde(serialize_with = "whole")]
    Show(Box<ShowView>),
    #[serde(serialize_with = "whole")]
    Warnings(Vec<WarningView>),
    #[serde(serialize_with = "whole")]
    Warning(Box<WarningView>),
    /// A letter as it came, or would leave.
    Letter(String),
    Held(Vec<HeldView>),
    /// Letters of the mailbox that could not be had.
    SetAside(Vec<AsideRecord>),
    /// Letters that wait to leave.
    Outbox(Vec<Item>),
    Stats(StatsView),
    /// What was ordered, asked and wished, and how far it is.
    Requests(Vec<RequestView>),
    Sendings(Sendings),
    /// What is asked by itself.
    Plans(Vec<PlanView>),
    /// One plan; none where there was none.
    Plan(Option<PlanView>),
    /// An order form; none where nothing was ordered yet.
    Form(Option<Box<OrderForm>>),
    /// An order as its shop will read it.
    Preview(Preview),
    Expected(Vec<ExpectedView>),
    /// A trade that is expected now.
    NowExpected(ExpectedView),
    /// A trade that is not expected any more.
    Forgotten(TradeRef),
    /// How letters were judged, one line for each.
    Judged(Vec<VerdictLine>),
    /// A part of an export.
    Exported(Exported),
}

/// What is to come, and how it stands in all.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Overview {
    /// Those that are not delivered, by promised date.
    #[serde(serialize_with = "whole")]
    pub(crate) trades: Vec<BuyerTradeView>,
    /// Counts and totals.
    pub(crate) stats: StatsView,
    /// What is expected.
    pub(crate) expected: Vec<ExpectedView>,
}

/// What another version of the daemon may answer.
#[derive(Debug, thiserror::Error)]
#[error(
    "the daemon answered something else than what was asked; restart it, so that it is the version of this command"
)]
pub(crate) struct AnotherAnswer;

/// Takes an answer of one kind.
macro_rules! only {
    ($answer:expr, $name:ident) => {
        match $answer {
            $crate::api::Answer::$name(held) => Ok(held),
            _ => Err($crate::api::answer::AnotherAnswer),
        }
    };
}
pub(crate) use only;
