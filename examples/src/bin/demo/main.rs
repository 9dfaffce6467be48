//! The main job on one machine, without root and without an outside server: a mail server, a shop,
//! a carrier, a payment processor and a buyer's daemon run as separate processes in a temporary
//! folder; a purchase goes its way, and somebody lies about it.

mod cast;
mod forgery;
mod room;
mod stage;
mod story;

use std::process::ExitCode;

use anyhow::{Result, bail};

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
        [room::ARGUMENT] => room::serve().await,
        [] => show(false).await,
        ["--keep"] => show(true).await,
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

async fn show(keep: bool) -> Result<()> {
    let stage = stage::Stage::set().await?;
    let told = tokio::select! {
        told = story::tell(&stage) => told,
        // Dropping the stage ends the processes and removes the folder.
        _ = tokio::signal::ctrl_c() => bail!("stopped"),
    };
    if told.is_err() {
        stage.print_logs();
    }
    told?;
    if keep {
        story::tell_how_to_play_on(&stage);
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}
