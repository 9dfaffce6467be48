//! The commands: each asks, and prints the answer as data or for people.

mod acting;
mod asking;
mod expecting;
mod ordering;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use tradepost_agent::terminal::{json, output};

use crate::api::answer::only;
use crate::api::connection::Connection;
use crate::api::{Answer, Question, SendState, Sending};
use crate::config::Places;
use crate::terminal::cli::{Cli, Command, Facet, ListArgs, PROGRAM, WarningCommand};
use crate::terminal::report;
use crate::terminal::{export, import, rebuild};
use crate::{daemon, doctor};

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
            let answer = ask(places, Question::Show { trade }).await?;
            printed(json.json, answer, |a| Ok(report::show(&*only!(a, Show)?)))
        }
        Command::Warnings { all, json, what } => warnings(places, all, json.json, what).await,
        Command::Held { json } => {
            let answer = ask(places, Question::Held).await?;
            printed(json.json, answer, |a| Ok(report::held(&only!(a, Held)?)))
        }
        Command::Stats { json } => {
            let answer = ask(places, Question::Stats).await?;
            printed(json.json, answer, |a| Ok(report::stats(&only!(a, Stats)?)))
        }
        Command::Order(args) => ordering::order(places, args).await,
        Command::Reorder(args) => ordering::reorder(places, args).await,
        Command::Confirm { trade, json } => {
            send(places, Question::Confirm { trade }, json.json).await
        }
        Command::Cancel(args) => {
            let (what, text) = (args.what, args.text);
            send(places, Question::Cancel { what, text }, args.json.json).await
        }
        Command::Return(args) => acting::give_back(places, args).await,
        Command::Notify(args) => acting::wish(places, args).await,
        Command::Expect(args) => expecting::expect(places, *args).await,
        Command::Ask(args) => asking::ask(places, args).await,
        Command::Schedule { what } => asking::schedule(places, what).await,
        Command::Requests { all, json } => {
            let answer = ask(places, Question::Requests { all }).await?;
            printed(json.json, answer, |a| {
                Ok(report::requests(&only!(a, Requests)?))
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

async fn ask(places: &Places, question: Question) -> anyhow::Result<Answer> {
    Connection::find(places).await?.ask(question).await
}

/// Prints an answer as JSON, or in words.
fn printed(
    json: bool,
    answer: Answer,
    in_words: impl FnOnce(Answer) -> anyhow::Result<String>,
) -> anyhow::Result<ExitCode> {
    if json {
        print_data(&answer.json()?)
    } else {
        print(&in_words(answer)?)
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
    if json {
        return print_data(&ask(places, Question::Pending).await?.json()?);
    }
    let seen = only!(ask(places, Question::Overview).await?, Overview)?;
    expecting::with_expected(&report::pending(&seen.trades, &seen.stats), &seen.expected)
}

async fn list(places: &Places, args: ListArgs) -> anyhow::Result<ExitCode> {
    let mut trades = only!(ask(places, Question::Trades).await?, Trades)?;
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
            let answer = ask(places, Question::Warnings { all }).await?;
            printed(json, answer, |a| {
                Ok(report::warnings(&only!(a, Warnings)?, all))
            })
        }
        Some(WarningCommand::Show { id, letter, json }) => {
            let json = json.json;
            let mut connection = Connection::find(places).await?;
            let answer = connection.ask(Question::Warning { id }).await?;
            printed(json, answer, |a| Ok(report::warning(&*only!(a, Warning)?)))?;
            if letter {
                let answer = connection.ask(Question::LetterOfWarning { id }).await?;
                print(&report::letter(&only!(answer, Letter)?))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(WarningCommand::Dismiss { id }) => {
            ask(places, Question::Dismiss { id }).await?;
            print(&format!("Warning {id} is dismissed."))
        }
        Some(WarningCommand::Accept { id }) => {
            let answer = ask(places, Question::Accept { id }).await?;
            let warning = only!(answer, Warning)?;
            let outcome = format!(
                "Warning {id} is {}; its letter was judged on.",
                warning.state
            );
            print(&outcome)
        }
    }
}

/// Asks for something that sends a letter, and says what became of it.
async fn send(places: &Places, question: Question, json: bool) -> anyhow::Result<ExitCode> {
    send_answer(ask(places, question).await?, json)
}

/// Says what became of letters that were to be sent.
fn send_answer(answer: Answer, json: bool) -> anyhow::Result<ExitCode> {
    let sendings = only!(answer, Sendings)?;
    if json {
        print_data(&json::pretty(&sendings)?)?;
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
