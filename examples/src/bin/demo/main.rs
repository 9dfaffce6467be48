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
use tokio::signal::unix::{Signal, SignalKind, signal};

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
    let mut ending = Ending::listen()?;
    // Dropping the stage ends the processes and removes the folder.
    let stage = tokio::select! {
        stage = stage::Stage::set() => stage?,
        () = ending.asked() => bail!("stopped"),
    };
    let told = tokio::select! {
        told = story::tell(&stage) => told,
        () = ending.asked() => bail!("stopped"),
    };
    if told.is_err() {
        // Ctrl-C also ends the command that the story just waits for: that is no fault to explain.
        if ending.was_asked().await {
            bail!("stopped");
        }
        stage.print_logs();
    }
    told?;
    if keep {
        story::tell_how_to_play_on(&stage);
        ending.asked().await;
        drop(stage);
        eprintln!("\nEverything is stopped, and its folder removed.");
    }
    Ok(())
}

/// The ways to be asked to end: Ctrl-C, SIGTERM, a closed terminal.
struct Ending([Signal; 3]);

impl Ending {
    fn listen() -> Result<Ending> {
        Ok(Ending([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn asked(&mut self) {
        let Ending([interrupt, terminate, hangup]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    async fn was_asked(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.asked() => true,
            () = std::future::ready(()) => false,
        }
    }
}
