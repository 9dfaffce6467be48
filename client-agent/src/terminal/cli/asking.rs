//! The command line of asking: at once, and by plans that ask by themselves.

use std::collections::BTreeSet;
use std::str::FromStr;

use clap::{ArgGroup, Args, Subcommand};
use tradepost_agent::config::Span;
use tradepost_buyer::{AskedParty, Until};

use super::Json;

/// Whom to ask.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Whom {
    /// Ask the shop [default: everybody who has to do with the trade]
    #[arg(long)]
    shop: bool,
    /// Ask the carriers
    #[arg(long)]
    carrier: bool,
    /// Ask the payment processor
    #[arg(long)]
    payment: bool,
}

impl Whom {
    /// Those that were chosen; empty for everybody.
    pub(crate) fn parties(self) -> BTreeSet<AskedParty> {
        let chosen = [
            (self.shop, AskedParty::Shop),
            (self.carrier, AskedParty::Carrier),
            (self.payment, AskedParty::Payment),
        ];
        let chosen = chosen.into_iter().filter(|(is_chosen, _)| *is_chosen);
        chosen.map(|(_, party)| party).collect()
    }
}

/// `tradepost ask`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tradepost ask T-1001                 the shop, the carriers and the payment processor
  tradepost ask T-1001 --carrier
  tradepost ask T-1001 --wait          and wait for the answers, for 2 minutes
  tradepost ask T-1001 --wait '30 s' --json
  tradepost ask 01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:ann@home.example     an order that was never answered

A question that nobody has answered yet is sent again instead of being asked twice, but not
within `ask_apart` of [timers] (10 minutes). `tradepost requests` shows what became of it.
A shop that never saw the order gets it again.")]
pub(crate) struct AskArgs {
    /// A trade's id, shop/id, or the request id of an order
    pub(crate) what: String,
    #[command(flatten)]
    pub(crate) whom: Whom,
    /// Wait so long for the answers; needs a running daemon, which fetches them
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "2 min")]
    pub(crate) wait: Option<Span>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// `tradepost schedule ..`.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Have something asked by itself
    Add(AddArgs),
    /// What is asked by itself
    #[command(after_help = "Examples:
  tradepost schedule list
  tradepost schedule list --json | jq -r '.[].next'")]
    List {
        #[command(flatten)]
        json: Json,
    },
    /// Ask something no more
    #[command(after_help = "Examples:
  tradepost schedule remove 2")]
    Remove {
        /// Its number
        id: u64,
        #[command(flatten)]
        json: Json,
    },
}

/// `tradepost schedule add`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("when").required(true),
    after_help = "Examples:
  tradepost schedule add T-1001 --every 12h
  tradepost schedule add T-1001 --every 6h --until delivered --carrier
  tradepost schedule add all-pending --at 08:00
  tradepost schedule add all-pending --every 12h --until delivered

The daemon asks (so does `tradepost daemon --once`). A server that has not answered yet is not
asked again. A plan for a trade ends by itself when the trade has ended; one for all-pending asks
about what is not delivered at the time, and stands until it is removed."
)]
pub(crate) struct AddArgs {
    /// A trade's id, shop/id, or all-pending
    pub(crate) what: String,
    /// Again and again after so long
    #[arg(long, value_name = "TIME", group = "when")]
    pub(crate) every: Option<Span>,
    /// Every day at this time, by the clocks here
    #[arg(long, value_name = "HH:MM", group = "when")]
    pub(crate) at: Option<TimeOfDay>,
    /// What ends it earlier than the trade's end: delivered or paid
    #[arg(long, value_name = "WHAT")]
    pub(crate) until: Option<Until>,
    #[command(flatten)]
    pub(crate) whom: Whom,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// `08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeOfDay {
    pub(crate) hour: u8,
    pub(crate) minute: u8,
}

impl FromStr for TimeOfDay {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a time of day looks like 08:00 or 17:30";
        let (hour, minute) = text.split_once(':').ok_or(FORM)?;
        let number = |digits: &str, below: u8| -> Option<u8> {
            let fits =
                (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse().ok().filter(|n| fits && *n < below)
        };
        let hour = number(hour, 24).ok_or(FORM)?;
        let minute = number(minute, 60)
            .filter(|_| minute.len() == 2)
            .ok_or(FORM)?;
        Ok(TimeOfDay { hour, minute })
    }
}
