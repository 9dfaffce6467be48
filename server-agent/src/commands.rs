//! The commands: through `run` where it runs, else with the book opened by the command itself.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::CommandFactory;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tradepost_post::door;
use tradepost_trades::emit::attach::{Wanted, What};

use crate::attach::{self, AttachAsk};
use crate::cli::{Cli, Command, JobsCommand, OutboxCommand, Places, Track};
use crate::config::{self, Config};
use crate::desk::Desk;
use crate::intake;
use crate::report::{self, note};
use crate::socket::{Ask, Call, Lines, Reply, VERSION};
use crate::{agent, dkim_key, doctor, jobs};

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
    let report = tradepost_post::store::repair(&data, &crate::book::options(), !yes)?;
    report::print(&report.to_string())?;
    if !yes && !report.lost.is_empty() {
        report::print("Nothing was changed. `tradepost-server repair --yes` does it.")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Who has the book: `run`, or now this command.
enum Holder {
    Run(UnixStream),
    Own(Arc<Desk>),
}

/// Finds who has the book. While a process starts or ends, it has neither door nor book to give:
/// then it is tried again for a while.
async fn holder(data: &Path, config: Config) -> anyhow::Result<Holder> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(stream) = door::connect(data).await? {
            return Ok(Holder::Run(stream));
        }
        let opened = tokio::task::block_in_place(|| Desk::open_now(data, &config))?;
        if let Some(book) = opened {
            return Ok(Holder::Own(Desk::of(book, config)));
        }
        if Instant::now() > deadline {
            bail!(
                "the data folder {} is in use by another command; try again when that has ended",
                data.display()
            );
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Asks for something that one line answers.
fn ask(places_: &Places, ask: Ask) -> anyhow::Result<Value> {
    let (config, data) = places(places_)?;
    match block_on(ask_book(&data, config, ask))? {
        Reply::Answer(value) => Ok(value),
        Reply::Refused(text) => bail!(text),
    }
}

/// Asks whoever has the book.
pub(crate) async fn ask_book(data: &Path, config: Config, ask: Ask) -> anyhow::Result<Reply> {
    match holder(data, config).await? {
        Holder::Own(desk) => Ok(desk.work(move |desk| report::answer(desk, &ask)).await?),
        Holder::Run(stream) => {
            let (read, mut write) = stream.into_split();
            say(&mut write, ask).await?;
            reply(&mut BufReader::new(read)).await
        }
    }
}

pub(crate) async fn say(
    write: &mut (impl tokio::io::AsyncWrite + Unpin),
    ask: Ask,
) -> anyhow::Result<()> {
    let version = VERSION.to_owned();
    Ok(door::write_line(write, &Call { version, ask }).await?)
}

pub(crate) async fn reply(
    read: &mut (impl tokio::io::AsyncBufRead + Unpin),
) -> anyhow::Result<Reply> {
    let mut line = String::new();
    if read.read_line(&mut line).await? == 0 {
        bail!("the server ended before it answered; try again");
    }
    Ok(serde_json::from_str(&line)?)
}

/// `emit`: each line is answered once it is durable, while more may come.
async fn emit(data: &Path, config: Config, file: &Path) -> anyhow::Result<ExitCode> {
    let input: Box<dyn AsyncRead + Unpin + Send> = if file == Path::new("-") {
        let stdin = std::io::stdin().as_fd().try_clone_to_owned()?;
        Box::new(tokio::fs::File::from_std(std::fs::File::from(stdin)))
    } else {
        let opened = tokio::fs::File::open(file).await;
        Box::new(opened.with_context(|| format!("cannot read {}", file.display()))?)
    };
    let all_accepted = match holder(data, config).await? {
        Holder::Run(stream) => emit_through(stream, input).await?,
        Holder::Own(desk) => {
            let done = emit_here(&desk, input).await?;
            note("`tradepost-server run` is not running: what is queued leaves when it starts");
            done
        }
    };
    Ok(if all_accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn emit_here(
    desk: &Arc<Desk>,
    input: Box<dyn AsyncRead + Unpin + Send>,
) -> anyhow::Result<bool> {
    let mut lines = Lines::new(BufReader::with_capacity(64 * 1024, input));
    let mut all_accepted = true;
    loop {
        let batch = lines.batch().await?;
        if batch.is_empty() {
            return Ok(all_accepted);
        }
        let answers = desk.work(move |desk| intake::take(desk, &batch)).await?;
        for answer in &answers {
            all_accepted &= answer.accepted;
            report::print_data(&serde_json::to_string(answer)?)?;
        }
    }
}

async fn emit_through(
    stream: UnixStream,
    mut input: Box<dyn AsyncRead + Unpin + Send>,
) -> anyhow::Result<bool> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    say(&mut write, Ask::Emit).await?;
    if let Reply::Refused(text) = reply(&mut read).await? {
        bail!(text);
    }
    // Lines go out while answers come in; the end of the lines is told by closing that direction.
    let pass_on = tokio::spawn(async move {
        let mut octets = vec![0; 64 * 1024];
        loop {
            let n = input.read(&mut octets).await?;
            let part = octets.get(..n).unwrap_or_default();
            if part.is_empty() {
                return write.shutdown().await;
            }
            write.write_all(part).await?;
        }
    });
    let mut all_accepted = true;
    let mut answers = read.lines();
    while let Some(line) = answers.next_line().await? {
        let accepted = serde_json::from_str::<Value>(&line)?["accepted"] == true;
        all_accepted &= accepted;
        report::print_data(&line)?;
    }
    // The answers end first only when the server does.
    if !pass_on.is_finished() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if !pass_on.is_finished() {
        pass_on.abort();
        bail!(
            "the server ended before all lines were answered: send those without an answer again, with the same keys"
        );
    }
    pass_on.await??;
    Ok(all_accepted)
}
