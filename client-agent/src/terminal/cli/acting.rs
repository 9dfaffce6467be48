//! The command line of what the person does about a trade: cancelling, returning, wishes.

use std::num::{NonZeroU32, NonZeroUsize};

use clap::Args;
use tradepost_statements::Address;
use tradepost_statements::wish::Wish;

use super::Json;

/// `tradepost cancel`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tradepost cancel T-1001 --text 'ordered twice by mistake'
  tradepost cancel 01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:ann@home.example
  tradepost cancel                the order that no shop has answered yet, if there is only one

What has shipped already is to be returned then. `tradepost show` tells what the shop says.")]
pub(crate) struct CancelArgs {
    /// A trade's id, shop/id, or a request id
    pub(crate) what: Option<String>,
    /// A word to the shop
    #[arg(long)]
    pub(crate) text: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// `tradepost return`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tradepost return T-1001                      everything
  tradepost return T-1001 --line 2             all of the second line
  tradepost return T-1001 --line 1:1 --line 3  one piece of the first, all of the third
  tradepost return T-1001 --reason 'the lid is cracked'

Lines are counted from 1, in the order in which `tradepost show` lists them. The shop decides:
`tradepost show` tells whether it takes the goods back, where to send them, and what it refunds.")]
pub(crate) struct ReturnArgs {
    /// A trade's id, or shop/id
    pub(crate) trade: String,
    /// What goes back: a line, counted from 1, and how many of it [default: everything]
    #[arg(long = "line", value_name = "N[:QUANTITY]", value_parser = line)]
    pub(crate) lines: Vec<LineToReturn>,
    /// Why, for the shop
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) json: Json,
}

/// `N[:QUANTITY]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineToReturn {
    /// Counted from 1.
    pub(crate) number: NonZeroUsize,
    /// All that is left, when not said.
    pub(crate) quantity: Option<NonZeroU32>,
}

fn line(text: &str) -> Result<LineToReturn, String> {
    let (number, quantity) = match text.split_once(':') {
        Some((number, quantity)) => (number, Some(quantity)),
        None => (text, None),
    };
    let wrong = |part: &str| format!("{part:?} is no number from 1; write it like 2 or 2:3");
    Ok(LineToReturn {
        number: number.parse().map_err(|_| wrong(number))?,
        quantity: quantity
            .map(|q| q.parse().map_err(|_| wrong(q)))
            .transpose()?,
    })
}

/// `tradepost notify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tradepost notify T-1001 --on delivery.delivered
  tradepost notify T-1001 --on delivery --on payment.settled --to phone@home.example
  tradepost notify T-1001 --all                 every change, as without any wish
  tradepost notify T-1001 --none                nothing, unless you ask
  tradepost notify 01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:ann@home.example --on delivery

What can be wished for is a track (order, delivery, payment) or one of its states, such as
order.shipped, delivery.out-for-delivery, delivery.delivered, payment.past-due. The wish goes to
the shop, the carriers and the payment processor of the trade, and replaces the one before.

--to names an address that gets a short notice for people as well. One on another domain than
your own gets notices only after it has asked the servers for them itself.")]
#[command(group(clap::ArgGroup::new("wish").required(true).args(["on", "all", "none"])))]
pub(crate) struct NotifyArgs {
    /// A trade's id, shop/id, or the request id of an order that was not answered yet
    pub(crate) what: String,
    /// Tell me of this; may be given several times
    #[arg(long, value_name = "WHAT")]
    pub(crate) on: Vec<Wish>,
    /// Tell me of every change
    #[arg(long)]
    pub(crate) all: bool,
    /// Tell me of nothing, unless I ask
    #[arg(long)]
    pub(crate) none: bool,
    /// Send a notice for people to this address as well
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: Option<Address>,
    #[command(flatten)]
    pub(crate) json: Json,
}
