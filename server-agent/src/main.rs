//! `tradepost-server`: the agent of a merchant, a carrier or a payment processor, or of several of
//! these at one address (E27).
//!
//! Where to start reading: [`book`] is the parties as a party of the kernel (`tradepost-agent`, whose `incoming`
//! tells the path of a letter in), [`intake`] the path of a line of the merchant's own system, [`jobs`] what
//! that system is told and asked, [`mod@run`] what runs all the time. What is decided, and why, stands in
//! `tradepost_parties`.

mod book;
mod composing;

mod answers;
mod attach;
mod intake;
mod jobs;
mod question;

mod arrivals;
mod door;
mod http;
mod run;

mod ask;
mod emit;

mod doctor;
mod terminal;

mod catalogue;
mod config;

use std::process::ExitCode;

use tracing::level_filters::LevelFilter;
use tradepost_agent::log;
use tradepost_agent::terminal::output;

use terminal::{cli, commands};

fn main() -> ExitCode {
    tradepost_agent::process::keep_memory_private();
    // Wrong use ends here, with status 2; help and version with 0.
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(ended) => return ended,
    };
    // Manual pages are for everybody who may look into their folder; all else is the owner's.
    if !matches!(cli.command, cli::Command::Man { .. }) {
        tradepost_agent::process::keep_files_private();
    }
    // Other commands say by themselves what they have to say.
    let runs = matches!(cli.command, cli::Command::Run);
    log::start(if runs {
        LevelFilter::INFO
    } else {
        LevelFilter::OFF
    });
    match commands::run(cli) {
        Ok(code) => code,
        Err(e) => output::failed(cli::PROGRAM, &e),
    }
}
