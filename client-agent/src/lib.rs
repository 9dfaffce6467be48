//! `tradepost`, the buyer's agent: a daemon on a mailbox, and the commands that talk to it.
//!
//! Where to start reading: [`ledger`] is the buyer as a party of the kernel (`tradepost-agent`, whose `incoming`
//! tells the path of a letter in), [`api`] what can be asked of it, [`daemon`] what runs all the time.
//!
//! The program is [`run`]. All else is the agent's own.

mod ledger;

mod api;

mod daemon;
mod duties;
mod notify;
mod way_out;

mod terminal;

mod doctor;
mod order_form;

pub mod in_process;

mod config;

use std::process::ExitCode;

use tracing::level_filters::LevelFilter;
use tradepost_agent::log;
use tradepost_agent::terminal::output;

use terminal::{cli, commands};

/// Does what the command line says, and tells how it ended.
#[must_use]
pub fn run() -> ExitCode {
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
    let is_daemon = matches!(cli.command, cli::Command::Daemon { .. });
    log::start(if is_daemon {
        LevelFilter::INFO
    } else {
        LevelFilter::OFF
    });
    match commands::run(cli) {
        Ok(code) => code,
        Err(e) => output::failed(cli::PROGRAM, &e),
    }
}
