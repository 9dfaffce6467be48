//! The commands: through `run` where it runs, else with the book opened by the command itself.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::CommandFactory;
use serde_json::{Value, json};
use tradepost_agent::terminal::json;
use tradepost_agent::terminal::output::{self, note};
use tradepost_parties::emit::attach::{Wanted, What};

use crate::attach::{self, AttachAsk};
use crate::config::{self, Config, Places};
use crate::emit::emit;
use crate::question::Ask;
use crate::terminal::cli::{
    AttachArgs, AttachTrack, Cli, Command, DecideArgs, JobsCommand, Json, OutboxCommand, PROGRAM,
};
use crate::terminal::dkim_key;
use crate::terminal::report::{self, Shown};
use crate::{ask, doctor, run as work};

pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut script);
            output::data(String::from_utf8_lossy(&script).trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { dir } => {
            std::fs::create_dir_all(&dir)?;
            clap_mangen::generate_to(Cli::command(), &dir)
                .with_context(|| format!("{}", dir.display()))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Run => {
            let (config, data) = places(&cli.places)?;
            block_on(work::run(&data, config))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor { probe, wait, json } => {
            let probe_for = probe.then_some(wait.duration());
            block_on(doctor::run(&cli.places, probe_for, json.json))
        }
        Command::DkimKey { args, json } => dkim_key::run(&cli.places, &args, json.json),
        Command::Repair { yes } => repair(&cli.places, yes),
        Command::Emit { file } => {
            let (config, data) = places(&cli.places)?;
            block_on(emit(&data, config, &file))
        }
        Command::Attach { args } => attach(&cli.places, args),
        Command::Trades { trade, json } => {
            let answer = ask(&cli.places, Ask::Trades(trade))?;
            print(json, &answer, |a| Ok(report::trades(a)))
        }
        Command::Authorizations { json } => {
            let answer = ask(&cli.places, Ask::Authorizations)?;
            print(json, &answer, |a| Ok(report::authorizations(a)))
        }
        Command::Jobs { what: None, json } => {
            let answer = ask(&cli.places, Ask::Jobs)?;
            print(json, &answer, |a| Ok(report::jobs(a)))
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
            print(json, &answer, |a| Ok(report::unanswered(a)))
        }
        Command::Returns { json } => {
            let answer = ask(&cli.places, Ask::Returns)?;
            print(json, &answer, |a| Ok(report::returns(a)))
        }
        Command::Decide { args, json } => decide(&cli.places, &args, json),
        Command::Outbox { what, all, json } => outbox(&cli.places, what, all, json),
    }
}

/// Prints an answer as it is, or in words.
fn print(
    json: Json,
    answer: &Value,
    in_words: impl FnOnce(&Value) -> anyhow::Result<Shown>,
) -> anyhow::Result<ExitCode> {
    if json.json {
        output::data(&json::pretty(answer)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Shown { page, remark } = in_words(answer)?;
    if !page.is_empty() {
        output::page(&page)?;
    }
    if let Some(remark) = remark {
        note(remark);
    }
    Ok(ExitCode::SUCCESS)
}

fn outbox(
    places: &Places,
    what: Option<OutboxCommand>,
    all: bool,
    json: Json,
) -> anyhow::Result<ExitCode> {
    match what {
        None => {
            let answer = ask(places, Ask::Outbox { all })?;
            print(json, &answer, report::outbox)
        }
        Some(OutboxCommand::Show { id, json: own }) => {
            let answer = ask(places, Ask::Letter(id))?;
            let json = if own.json { own } else { json };
            print(json, &answer, |a| Ok(report::letter(a)))
        }
        Some(OutboxCommand::Retry { id, every: _ }) => {
            let answer = ask(places, Ask::Retry(id))?;
            note(&format!("{} letters are tried at once", answer["retried"]));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn attach(places: &Places, args: AttachArgs) -> anyhow::Result<ExitCode> {
    let wanted = Wanted {
        trade: args.trade,
        shop: args.shop,
        what: match args.track {
            AttachTrack::Record | AttachTrack::Order | AttachTrack::Payment
                if args.parcel.is_some() =>
            {
                bail!("--parcel goes with --track delivery");
            }
            AttachTrack::Record => What::Record,
            AttachTrack::Order => What::Order,
            AttachTrack::Delivery => What::Delivery(args.parcel),
            AttachTrack::Payment => What::Payment,
        },
    };
    let mail = AttachAsk::read(wanted, &args.file)?;
    let answer = ask(places, Ask::Attach(mail))?;
    attach::print(&answer)?;
    Ok(ExitCode::SUCCESS)
}

fn decide(places: &Places, args: &DecideArgs, json: Json) -> anyhow::Result<ExitCode> {
    let answer = ask(places, Ask::Decide(decision(args)))?;
    if json.json {
        output::data(&json::pretty(&answer)?)?;
    } else {
        let what = if args.accept { "accepted" } else { "refused" };
        note(&format!(
            "{what} for {}; the buyer is told by mail",
            args.trade
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The line of `emit` that says what was decided. Its key is new: the same decision again is known
/// by what it says.
fn decision(args: &DecideArgs) -> String {
    let mut line = json!({
        "key": format!("decide {}", uuid::Uuid::now_v7()),
        "trade": args.trade,
        "return": if args.accept { "accept" } else { "refuse" },
    });
    if let Some(refund) = args.refund {
        line["refund"] = json!(refund);
    }
    if let Some(text) = &args.text {
        line["text"] = json!(text);
    }
    line.to_string()
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
    let report = tradepost_store::repair(
        &data,
        &tradepost_agent::host::options::<crate::book::Book>(),
        !yes,
    )?;
    output::page(&report.to_string())?;
    if !yes && !report.lost.is_empty() {
        output::page("Nothing was changed. `tradepost-server repair --yes` does it.")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks for something that one line answers.
fn ask(places_: &Places, ask: Ask) -> anyhow::Result<Value> {
    let (config, data) = if ask.only_asks() {
        (config::load(places_)?, config::data_to_read(places_)?)
    } else {
        places(places_)?
    };
    block_on(ask::ask(&data, config, ask))
}
