//! The commands: through `run` where it runs, else with the book opened by the command itself.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::CommandFactory;
use serde_json::Value;
use tradepost_parties::emit::attach::{Wanted, What};

use crate::attach::{self, AttachAsk};
use crate::cli::{Cli, Command, JobsCommand, OutboxCommand, Places, Track};
use crate::config::{self, Config};
use crate::emit::emit;
use crate::report::{self, note};
use crate::socket::Ask;
use crate::{agent, ask, dkim_key, doctor, jobs};

/// Does what was asked.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    match cli.command {
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tradepost-server", &mut out);
            Ok(done(report::print_data(
                String::from_utf8_lossy(&out).trim_end(),
            )?))
        }
        Command::Man { dir } => {
            std::fs::create_dir_all(&dir)?;
            clap_mangen::generate_to(Cli::command(), &dir)
                .with_context(|| format!("{}", dir.display()))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Run => {
            let config = config::load(&cli.places)?;
            let data = config::data_folder(&cli.places)?;
            Ok(done(block_on(agent::run(&data, config))?))
        }
        Command::Doctor { probe, wait, json } => {
            let probe_for = probe.then_some(wait.duration());
            let checks = block_on(doctor::examine(&cli.places, probe_for))?;
            doctor::show(&checks, json.json)
        }
        Command::DkimKey { args, json } => dkim_key::run(&cli.places, &args, json.json),
        Command::Repair { yes } => repair(&cli.places, yes),
        Command::Emit { file } => {
            let (config, data) = places(&cli.places)?;
            block_on(emit(&data, config, &file))
        }
        Command::Attach { args } => {
            let wanted = Wanted {
                trade: args.trade,
                shop: args.shop,
                what: match args.track {
                    Track::Record | Track::Order | Track::Payment if args.parcel.is_some() => {
                        bail!("--parcel goes with --track delivery");
                    }
                    Track::Record => What::Record,
                    Track::Order => What::Order,
                    Track::Delivery => What::Delivery(args.parcel),
                    Track::Payment => What::Payment,
                },
            };
            let mail = AttachAsk::read(wanted, &args.file)?;
            let answer = ask(&cli.places, Ask::Attach(mail))?;
            Ok(done(attach::print(&answer)?))
        }
        Command::Trades { trade, json } => {
            let answer = ask(&cli.places, Ask::Trades(trade))?;
            let show = if json.json {
                report::print_json
            } else {
                report::show_trades
            };
            Ok(done(show(&answer)?))
        }
        Command::Authorizations { json } => {
            let answer = ask(&cli.places, Ask::Authorizations)?;
            let show = if json.json {
                report::print_json
            } else {
                report::show_authorizations
            };
            Ok(done(show(&answer)?))
        }
        Command::Jobs { what: None, json } => {
            let answer = ask(&cli.places, Ask::Jobs)?;
            let show = if json.json {
                report::print_json
            } else {
                jobs::report::show
            };
            Ok(done(show(&answer)?))
        }
        Command::Jobs {
            what: Some(JobsCommand::Retry { job }),
            ..
        } => {
            let answer = ask(&cli.places, Ask::RetryJob(job))?;
            note(answer.as_str().unwrap_or_default());
            Ok(ExitCode::SUCCESS)
        }
        Command::Unanswered { json } => {
            let answer = ask(&cli.places, Ask::Unanswered)?;
            let show = if json.json {
                report::print_json
            } else {
                report::unanswered::show
            };
            Ok(done(show(&answer)?))
        }
        Command::Returns { json } => {
            let answer = ask(&cli.places, Ask::Returns)?;
            let show = if json.json {
                report::print_json
            } else {
                report::returns::show
            };
            Ok(done(show(&answer)?))
        }
        Command::Decide { args, json } => {
            let answer = ask(&cli.places, Ask::Decide(report::returns::line(&args)))?;
            if json.json {
                report::print_json(&answer)?;
            } else {
                report::returns::taken(&args);
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Outbox { what, all, json } => match what {
            None => {
                let answer = ask(&cli.places, Ask::Outbox { all })?;
                let show = if json.json {
                    report::print_json
                } else {
                    report::show_outbox
                };
                Ok(done(show(&answer)?))
            }
            Some(OutboxCommand::Show { id, json: own }) => {
                let answer = ask(&cli.places, Ask::Letter(id))?;
                let is_json = json.json || own.json;
                let show = if is_json {
                    report::print_json
                } else {
                    report::show_letter
                };
                Ok(done(show(&answer)?))
            }
            Some(OutboxCommand::Retry { id, every: _ }) => {
                let answer = ask(&cli.places, Ask::Retry(id))?;
                note(&format!("{} letters are tried at once", answer["retried"]));
                Ok(ExitCode::SUCCESS)
            }
        },
    }
}

fn places(places: &Places) -> anyhow::Result<(Config, PathBuf)> {
    Ok((config::load(places)?, config::data_folder(places)?))
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(work);
    // A reader of standard input may still hang in its thread: it is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    done
}

fn repair(places: &Places, yes: bool) -> anyhow::Result<ExitCode> {
    let data = config::data_folder(places)?;
    let report = tradepost_store::repair(&data, &crate::book::options(), !yes)?;
    report::print(&report.to_string())?;
    if !yes && !report.lost.is_empty() {
        report::print("Nothing was changed. `tradepost-server repair --yes` does it.")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks for something that one line answers.
fn ask(places_: &Places, ask: Ask) -> anyhow::Result<Value> {
    let (config, data) = places(places_)?;
    block_on(ask::ask(&data, config, ask))
}
