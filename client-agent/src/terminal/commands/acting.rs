//! The commands by which the person acts on a trade.

use std::process::ExitCode;

use tradepost_buyer::Back;
use tradepost_statements::progress::Track;
use tradepost_statements::wish::{Wish, Wishes};

use super::send;
use crate::api::Question;
use crate::config::Places;
use crate::terminal::cli::{NotifyArgs, ReturnArgs};

/// `return`.
pub(super) async fn give_back(places: &Places, args: ReturnArgs) -> anyhow::Result<ExitCode> {
    // People count from 1, the protocol from 0; what no trade has so many lines for is refused there.
    let lines = args.lines.iter().map(|line| Back {
        line: u32::try_from(line.number.get() - 1).unwrap_or(u32::MAX),
        quantity: line.quantity,
    });
    let request = Question::Return {
        trade: args.trade,
        lines: lines.collect(),
        reason: args.reason,
    };
    send(places, request, args.json.json).await
}

/// `notify`.
pub(super) async fn wish(places: &Places, args: NotifyArgs) -> anyhow::Result<ExitCode> {
    let on = if args.all {
        [Track::Order, Track::Delivery, Track::Payment]
            .map(Wish::Track)
            .to_vec()
    } else {
        // None where `--none` is said: the command line wants one of the three.
        args.on
    };
    let request = Question::Wish {
        what: args.what,
        wishes: Wishes { on, to: args.to },
    };
    send(places, request, args.json.json).await
}
