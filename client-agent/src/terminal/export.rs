//! `tradepost export`: everything in the ledger, as JSON lines.

use std::process::ExitCode;

use crate::config::Places;
use tradepost_agent::terminal::json;
use tradepost_agent::terminal::output::{self, Pipe};

use crate::api::answer::only;
use crate::api::connection::Connection;
use crate::api::{ExportPart, Question};

/// Prints part after part, to the last one or until nobody reads on.
pub(crate) async fn run(places: &Places) -> anyhow::Result<ExitCode> {
    let mut connection = Connection::find(places).await?;
    let mut next = Some(ExportPart::Present);
    while let Some(part) = next.take() {
        let answer = connection.ask(Question::Export { part }).await?;
        let exported = only!(answer, Exported)?;
        for line in &exported.lines {
            if output::data(&json::line(line)?)? == Pipe::Closed {
                return Ok(ExitCode::SUCCESS);
            }
        }
        next = exported.next;
    }
    Ok(ExitCode::SUCCESS)
}
