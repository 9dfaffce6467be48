//! The commands: each asks, and prints the answer as data or for people.

mod acting;
mod asking;
mod expecting;
mod ordering;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use serde_json::Value;
use tradepost_agent::terminal::{json, output};
use tradepost_buyer::view::{
    BuyerTradeView, ExpectedView, HeldView, RequestView, ShowView, StatsView, WarningView,
};

use crate::config::Places;
use crate::desk::Desk;
use crate::request::{Form, Request, SendState, Sending, Sendings};
use crate::terminal::cli::{Cli, Command, Facet, ListArgs, PROGRAM, WarningCommand};
use crate::terminal::report;
use crate::{daemon, doctor, export, import, rebuild};

/// Does what was asked for.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut script);
        return print_data(String::from_utf8_lossy(&script).trim_end());
    }
    if let Command::Man { dir } = &cli.command {
        return man(dir);
    }
    let runtime = tokio::runtime::Runtime::new().context("the program could not start")?;
    let done = runtime.block_on(run_async(&cli.places, cli.command));
    // A task that hangs on a dead server must not keep a command from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done
}

async fn run_async(places: &Places, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Daemon { once } => daemon::run(places, once).await,
        Command::Pending { json } => pending(places, json.json).await,
        Command::List(args) => list(places, args).await,
        Command::Show { trade, json } => {
            let form = form(json.json);
            let answer = ask(places, Request::Show { trade, form }).await?;
            printed(json.json, &answer, |show: ShowView| report::show(&show))
        }
        Command::Warnings { all, json, what } => warnings(places, all, json.json, what).await,
        Command::Held { json } => {
            let answer = ask(places, Request::Held).await?;
            printed(json.json, &answer, |held: Vec<HeldView>| {
                report::held(&held)
            })
        }
        Command::Stats { json } => {
            let answer = ask(places, Request::Stats).await?;
            printed(json.json, &answer, |stats: StatsView| report::stats(&stats))
        }
        Command::Order(args) => ordering::order(places, args).await,
        Command::Reorder(args) => ordering::reorder(places, args).await,
        Command::Confirm { trade, json } => {
            send(places, Request::Confirm { trade }, json.json).await
        }
        Command::Cancel(args) => {
            let (what, text) = (args.what, args.text);
            send(places, Request::Cancel { what, text }, args.json.json).await
        }
        Command::Return(args) => acting::give_back(places, args).await,
        Command::Notify(args) => acting::wish(places, args).await,
        Command::Expect(args) => expecting::expect(places, *args).await,
        Command::Ask(args) => asking::ask(places, args).await,
        Command::Schedule { what } => asking::schedule(places, what).await,
        Command::Requests { all, json } => {
            let answer = ask(places, Request::Requests { all }).await?;
            printed(json.json, &answer, |all: Vec<RequestView>| {
                report::requests(&all)
            })
        }
        Command::Import { paths, sent, json } => import::run(places, &paths, sent, json.json).await,
        Command::Rebuild {
            from_mailbox: false,
            ..
        } => rebuild::from_journal(places).await,
        Command::Rebuild {
            from_mailbox: true,
            json,
        } => rebuild::from_mailbox(places, json.json).await,
        Command::Repair { yes } => rebuild::repair(places, yes).await,
        Command::Export => export::run(places).await,
        Command::Doctor { probe, wait, json } => {
            let probe_for = probe.then_some(wait.duration());
            doctor::run(places, probe_for, json.json).await
        }
        // Answered above, without a ledger.
        Command::Completions { .. } | Command::Man { .. } => Ok(ExitCode::SUCCESS),
    }
}

fn form(json: bool) -> Form {
    if json { Form::Programs } else { Form::People }
}

async fn ask(places: &Places, request: Request) -> anyhow::Result<String> {
    Desk::find(places).await?.ask(request).await
}

/// Prints an answer as it is, or in words.
fn printed<T: serde::de::DeserializeOwned>(
    json: bool,
    answer: &str,
    in_words: impl FnOnce(T) -> String,
) -> anyhow::Result<ExitCode> {
    if json {
        print_data(answer)
    } else {
        print(&in_words(report::read(answer)?))
    }
}

/// Prints a page for people.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    output::page(text)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints JSON, or another text for programs.
fn print_data(text: &str) -> anyhow::Result<ExitCode> {
    output::data(text)?;
    Ok(ExitCode::SUCCESS)
}

async fn pending(places: &Places, json: bool) -> anyhow::Result<ExitCode> {
    let mut desk = Desk::find(places).await?;
    let answer = desk.ask(Request::Pending { form: form(json) }).await?;
    if json {
        return print_data(&answer);
    }
    let trades: Vec<BuyerTradeView> = report::read(&answer)?;
    let stats: StatsView = report::read(&desk.ask(Request::Stats).await?)?;
    let expected: Vec<ExpectedView> = report::read(&desk.ask(Request::Expected).await?)?;
    expecting::with_expected(&report::pending(&trades, &stats), &expected)
}

async fn list(places: &Places, args: ListArgs) -> anyhow::Result<ExitCode> {
    let answer = ask(places, Request::Trades { form: Form::People }).await?;
    let mut trades: Vec<BuyerTradeView> = report::read(&answer)?;
    let filtered = args.delivered || args.undelivered || args.paid || args.unpaid;
    trades.retain(|t| {
        (!args.delivered || t.delivered)
            && (!args.undelivered || t.undelivered)
            && (!args.paid || t.paid)
            && (!args.unpaid || !t.paid)
    });
    let sort = args.sort.or(args.group_by).unwrap_or(Facet::Date);
    report::sort(&mut trades, sort);
    if args.json.json {
        return print_data(&json::pretty(&trades)?);
    }
    print(&report::list(&trades, args.group_by, filtered))
}

async fn warnings(
    places: &Places,
    all: bool,
    json: bool,
    what: Option<WarningCommand>,
) -> anyhow::Result<ExitCode> {
    match what {
        None => {
            let answer = ask(
                places,
                Request::Warnings {
                    all,
                    form: form(json),
                },
            )
            .await?;
            printed(json, &answer, |w: Vec<WarningView>| {
                report::warnings(&w, all)
            })
        }
        Some(WarningCommand::Show { id, letter, json }) => {
            let json = json.json;
            let mut desk = Desk::find(places).await?;
            let answer = desk
                .ask(Request::Warning {
                    id,
                    form: form(json),
                })
                .await?;
            printed(json, &answer, |w: WarningView| report::warning(&w))?;
            if letter {
                let raw: String = report::read(&desk.ask(Request::LetterOfWarning { id }).await?)?;
                print(&report::letter(&raw))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(WarningCommand::Dismiss { id }) => {
            ask(places, Request::Dismiss { id }).await?;
            print(&format!("Warning {id} is dismissed."))
        }
        Some(WarningCommand::Accept { id }) => {
            let answer = ask(places, Request::Accept { id }).await?;
            let warning: WarningView = report::read(&answer)?;
            let outcome = format!(
                "Warning {id} is {}; its letter was judged on.",
                warning.state
            );
            print(&outcome)
        }
    }
}

/// Asks for something that sends a letter, and says what became of it.
async fn send(places: &Places, request: Request, json: bool) -> anyhow::Result<ExitCode> {
    send_answer(&ask(places, request).await?, json)
}

/// Says what became of letters that were to be sent.
fn send_answer(answer: &str, json: bool) -> anyhow::Result<ExitCode> {
    let sendings: Sendings = report::read(answer)?;
    if json {
        let mut told: Value = serde_json::from_str(answer)?;
        without_items(&mut told);
        print_data(&json::pretty(&told)?)?;
    } else {
        let each: Vec<String> = sendings.all().iter().map(report::sending).collect();
        print(&each.join("\n"))?;
    }
    let refused = |s: &Sending| match s.state {
        SendState::Refused => true,
        SendState::Left | SendState::Queued | SendState::Noted => false,
    };
    Ok(if sendings.all().iter().any(refused) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Where a letter lies in the outbox is the ledger's own affair.
fn without_items(told: &mut Value) {
    match told {
        Value::Object(sending) => {
            sending.remove("item");
        }
        Value::Array(sendings) => sendings.iter_mut().for_each(without_items),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn man(dir: &Path) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), dir))
        .with_context(|| format!("the manual pages cannot be written to {}", dir.display()))?;
    print(&format!(
        "The manual pages are in {}; read one with: man {}/tradepost.1",
        dir.display(),
        dir.display()
    ))
}
