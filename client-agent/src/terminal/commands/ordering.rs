//! The commands that order (E1, E24): from a file, by questions at the terminal, and once more.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use tradepost_agent::command::Environment;
use tradepost_agent::terminal::output;
use tradepost_agent::terminal::prompt::Prompt;
use tradepost_letters::untrusted;
use tradepost_statements::Address;
use uuid::Uuid;

use super::{print_data, send};
use crate::api::Question;
use crate::api::answer::only;
use crate::api::connection::Connection;
use crate::config::{Config, Places, config_file, private_data_folder};
use crate::order_form::{self, OrderForm};
use crate::terminal::cli::{OrderArgs, ReorderArgs};
use crate::terminal::ordering::Dialog;
use crate::terminal::report;

pub(super) async fn order(places: &Places, args: OrderArgs) -> anyhow::Result<ExitCode> {
    let from = match &args.from {
        Some(from) => Some(from.parse().with_context(|| format!("--from {from:?}"))?),
        None => None,
    };
    let Some(file) = &args.file else {
        return order_by_questions(places, from, &args).await;
    };
    let mut form = form_in(file)?;
    form.from = from.or(form.from);
    if args.dry_run {
        return show_letter(places, form).await;
    }
    let form = Box::new(form);
    send(places, Question::Order { form }, args.json.json).await
}

fn form_in(file: &Path) -> anyhow::Result<OrderForm> {
    let (text, name) = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("standard input")?;
        (text, Path::new("standard input"))
    } else {
        let text = std::fs::read_to_string(file);
        (text.with_context(|| file.display().to_string())?, file)
    };
    Ok(order_form::read(&text, name)?)
}

async fn order_by_questions(
    places: &Places,
    from: Option<Address>,
    args: &OrderArgs,
) -> anyhow::Result<ExitCode> {
    let Some(person) = Prompt::here() else {
        bail!(
            "name a file with the order, or - for standard input; without one, `tradepost order` \
             asks for what it needs, but only at a terminal"
        );
    };
    let mut connection = Connection::find(places).await?;
    let last = only!(connection.ask(Question::LastOrder).await?, Form)?;
    // The ledger is not kept from others while the person thinks.
    drop(connection);
    let form = Dialog {
        person,
        last: last.map(|form| *form),
    }
    .order(from)?;
    if args.dry_run {
        return show_letter(places, form).await;
    }
    if !agrees(places, person, &form).await? {
        return nothing_was_sent();
    }
    let form = Box::new(form);
    send(places, Question::Order { form }, args.json.json).await
}

pub(super) async fn reorder(places: &Places, args: ReorderArgs) -> anyhow::Result<ExitCode> {
    let trade = args.trade.clone();
    let answer = super::ask(places, Question::Reorder { trade }).await?;
    let form = only!(answer, Form)?;
    let mut form: OrderForm = *form.context("the trade has no order form")?;
    if args.edit {
        match edited(places, &form)? {
            Some(new) => form = new,
            None => return nothing_was_sent(),
        }
    } else if form.order.buyer.is_none() && form.order.hub.is_none() {
        bail!("the trade record names no buyer: add it with --edit");
    }
    if args.dry_run {
        return show_letter(places, form).await;
    }
    if !args.yes {
        let Some(person) = Prompt::here() else {
            bail!("nobody is there to be asked whether this order is to be sent; say --yes");
        };
        if !agrees(places, person, &form).await? {
            return nothing_was_sent();
        }
    }
    let form = Box::new(form);
    send(places, Question::Order { form }, args.json.json).await
}

/// Shows the letter, and asks whether it is to leave.
async fn agrees(places: &Places, person: Prompt, form: &OrderForm) -> anyhow::Result<bool> {
    let form = Box::new(form.clone());
    let answer = super::ask(places, Question::Preview { form }).await?;
    let preview = only!(answer, Preview)?;
    person.tell(&format!("\n{}", report::preview(&preview)));
    Ok(person.agrees("Send this order?")?)
}

fn nothing_was_sent() -> anyhow::Result<ExitCode> {
    output::note("Nothing was sent.");
    Ok(ExitCode::FAILURE)
}

/// Prints the letter that the order would be.
async fn show_letter(places: &Places, form: OrderForm) -> anyhow::Result<ExitCode> {
    let form = Box::new(form);
    let answer = super::ask(places, Question::DryRun { form }).await?;
    let letter = only!(answer, Letter)?;
    if !letter.starts_with("DKIM-Signature:") {
        output::note(
            "This program does not sign the letter: your provider does, or nobody. `tradepost doctor` says more.",
        );
    }
    // The letter is made of what the person wrote; a terminal is guarded all the same.
    print_data(untrusted::show_lines(&letter).trim_end())
}

/// Has the person edit the form until it can be read; none when it was emptied, or given up.
fn edited(places: &Places, form: &OrderForm) -> anyhow::Result<Option<OrderForm>> {
    let environment = Config::load(&config_file(places)?)?.source.environment()?;
    let file = FormFile::make(places, &order_form::written(form)?)?;
    loop {
        run_editor(&environment, &file.0)?;
        let text = std::fs::read_to_string(&file.0).context("what the editor wrote")?;
        let says_something = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
        if !text.lines().any(says_something) {
            return Ok(None);
        }
        match order_form::read(&text, &PathBuf::from("the edited order")) {
            Ok(form) => return Ok(Some(form)),
            Err(fault) => {
                let Some(person) = Prompt::here() else {
                    return Err(fault.into());
                };
                person.tell(&untrusted::message(&fault.to_string()));
                if !person.agrees("Edit it again?")? {
                    return Ok(None);
                }
            }
        }
    }
}

/// The form while it is edited: in the folder of the ledger, which is the person's alone.
struct FormFile(PathBuf);

impl FormFile {
    fn make(places: &Places, text: &str) -> anyhow::Result<FormFile> {
        let name = format!("order-{}.toml", Uuid::now_v7());
        let file = FormFile(private_data_folder(places)?.join(name));
        std::fs::write(&file.0, text).with_context(|| file.0.display().to_string())?;
        Ok(file)
    }
}

impl Drop for FormFile {
    fn drop(&mut self) {
        // An editor may have taken it away.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The editor is what the person says, with arguments if need be, as other programs take it.
fn run_editor(environment: &Environment, file: &Path) -> anyhow::Result<()> {
    let named = ["VISUAL", "EDITOR"].map(std::env::var_os);
    let mut named = named.into_iter().flatten().filter(|e| !e.is_empty());
    let editor = named.next().unwrap_or_else(|| "vi".into());
    let status = environment
        .command("sh")
        .arg("-c")
        .arg("eval \"$0 \\\"\\$1\\\"\"")
        .arg(&editor)
        .arg(file)
        .status()
        .context("the editor could not be started")?;
    if !status.success() {
        bail!(
            "the editor {} ended with {status}; set VISUAL or EDITOR to another one",
            editor.display()
        );
    }
    Ok(())
}
