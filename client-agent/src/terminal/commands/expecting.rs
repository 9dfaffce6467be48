//! `tradepost expect` (protocol 9).

use std::process::ExitCode;

use anyhow::bail;
use tradepost_agent::terminal::prompt::Prompt;
use tradepost_buyer::view::ExpectedView;
use tradepost_statements::link::ExpectedOrder;

use super::{ask, print, printed};
use crate::api::Question;
use crate::api::answer::only;
use crate::config::Places;
use crate::terminal::cli::{ExpectArgs, Expecting};
use crate::terminal::report;

pub(super) async fn expect(places: &Places, mut args: ExpectArgs) -> anyhow::Result<ExitCode> {
    let json = args.json.json;
    match args.what() {
        Expecting::List => {
            let answer = ask(places, Question::Expected).await?;
            printed(json, answer, |a| Ok(report::expected(&only!(a, Expected)?)))
        }
        Expecting::Forget(trade) => {
            let answer = ask(places, Question::Forget { trade }).await?;
            printed(json, answer, |a| {
                let trade = only!(a, Forgotten)?;
                Ok(format!("{trade} is not expected any more."))
            })
        }
        Expecting::Expect(order) => {
            if !args.yes && !agrees(&order)? {
                bail!("nothing is expected that was not before");
            }
            let answer = ask(places, Question::Expect { order }).await?;
            printed(json, answer, |a| {
                Ok(report::now_expected(&only!(a, NowExpected)?))
            })
        }
    }
}

/// Protocol 9: the client shows the link to the buyer.
fn agrees(order: &ExpectedOrder) -> anyhow::Result<bool> {
    let Some(person) = Prompt::here() else {
        bail!("nobody is there to be asked whether this is to be expected; say --yes");
    };
    person.tell(&report::to_expect(order));
    Ok(person.agrees("Expect this order?")?)
}

/// Prints a report, and beneath it the expected trades whose records have not come.
pub(super) fn with_expected(report: &str, expected: &[ExpectedView]) -> anyhow::Result<ExitCode> {
    let awaited: Vec<&ExpectedView> = expected.iter().filter(|e| !e.come).collect();
    if awaited.is_empty() {
        return print(report);
    }
    print(&format!("{report}\n\n{}", report::awaited(&awaited)))
}
