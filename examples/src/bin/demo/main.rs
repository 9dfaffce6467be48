//! The main job on one machine, without root and without an outside server: a mail server, a shop,
//! a carrier, a payment processor and a buyer's daemon run as separate processes in a temporary
//! folder; a purchase goes its way, and somebody lies about it.

mod cast;
mod forgery;
mod keys;
mod story;

use std::process::ExitCode;

use anyhow::Result;
use tradepost_examples::mail::{self, Mail};
use tradepost_examples::show::{Afterwards, put_on};
use tradepost_examples::stage::{Logs, Stage};

const USAGE: &str = "\
Shows a purchase from order to doorstep, told by mail. Usually started as `cargo xtask demo`.

Usage: demo [--keep]

Options:
      --keep   Leave everything running at the end and print the commands to play on
  -h, --help   Print this text
";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        // How this program starts itself as the mail server.
        [mail::ARGUMENT] => mail::serve().await,
        [] => show(Afterwards::Clear).await,
        ["--keep"] => show(Afterwards::KeepUntilAsked).await,
        ["--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [other, ..] => {
            eprintln!("demo: there is no argument {other}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn show(afterwards: Afterwards) -> Result<()> {
    put_on(set, story::tell, story::tell_how_to_play_on, afterwards).await
}

/// Starts everybody.
async fn set() -> Result<Stage> {
    let mut stage = Stage::with(Mail::start_built_in().await?, "demo", Logs::Shown)?;
    let keys = keys::make_all(stage.folder())?;
    for part in cast::all(&stage.mail, &keys) {
        let name = part.name;
        stage.enter(part)?;
        stage.start(name)?;
    }
    Ok(stage)
}
