//! `tradepost export`: everything in the ledger, as JSON lines.

use std::process::ExitCode;

use crate::config::Places;
use crate::desk::Desk;
use crate::request::{Exported, Request, Section};
use crate::terminal::report;
use tradepost_agent::terminal::output::{self, Pipe};

/// Exports.
pub(crate) async fn run(places: &Places) -> anyhow::Result<ExitCode> {
    let mut desk = Desk::find(places).await?;
    let mut next = Some(Section::Present);
    while let Some(section) = next.take() {
        let answer = desk.ask(Request::Export { section }).await?;
        let exported: Exported = report::read(&answer)?;
        for line in &exported.lines {
            if output::data(line)? == Pipe::Closed {
                return Ok(ExitCode::SUCCESS);
            }
        }
        next = exported.next;
    }
    Ok(ExitCode::SUCCESS)
}
