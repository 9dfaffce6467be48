//! The commands that ask for the present status, at once or by plans.

use std::process::ExitCode;

use anyhow::{Context, bail};
use tradepost_agent::terminal::{json, output};
use tradepost_buyer::{PlannedWhen, Until};
use tradepost_statements::StatementId;

use super::{print, print_data, printed, send_answer};
use crate::api::Question;
use crate::api::answer::only;
use crate::api::asking::{ALL_PENDING, NewPlan};
use crate::api::connection::Connection;
use crate::config::Places;
use crate::ledger::daily;
use crate::terminal::cli::{AddArgs, AskArgs, ScheduleCommand};
use crate::terminal::report;

pub(super) async fn ask(places: &Places, args: AskArgs) -> anyhow::Result<ExitCode> {
    let mut connection = Connection::find(places).await?;
    if args.wait.is_some() && !connection.has_daemon() {
        bail!(
            "no daemon runs, so no answer can come in: start `tradepost daemon`, or ask without \
             --wait and fetch the answers later with `tradepost daemon --once`"
        );
    }
    let parties = args.whom.parties();
    let what = args.what;
    let answer = connection.ask(Question::Ask { what, parties }).await?;
    let Some(wait) = args.wait else {
        return send_answer(answer, args.json.json);
    };
    let sendings = only!(answer, Sendings)?;
    let asked = sendings.all().iter().filter_map(|s| s.statement);
    let statements: Vec<StatementId> = asked.collect();
    let within = wait.duration();
    let answer = connection
        .ask(Question::Progress { statements, within })
        .await?;
    let questions = only!(answer, Requests)?;
    if args.json.json {
        print_data(&json::pretty(&questions)?)?;
    } else {
        print(&report::requests(&questions))?;
    }
    let open = questions.iter().filter(|q| q.state.is_pending()).count();
    if open > 0 {
        output::note(&format!(
            "{open} of {} not answered within {wait}; they are sent again, and `tradepost requests` shows them",
            questions.len()
        ));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn schedule(places: &Places, what: ScheduleCommand) -> anyhow::Result<ExitCode> {
    match what {
        ScheduleCommand::Add(args) => add(places, args).await,
        ScheduleCommand::List { json } => {
            let answer = super::ask(places, Question::Plans).await?;
            printed(json.json, answer, |a| Ok(report::plans(&only!(a, Plans)?)))
        }
        ScheduleCommand::Remove { id, json } => {
            let answer = super::ask(places, Question::Unschedule { plan: id }).await?;
            if json.json {
                return print_data(&answer.json()?);
            }
            print(&format!("Plan {id} is removed."))
        }
    }
}

async fn add(places: &Places, args: AddArgs) -> anyhow::Result<ExitCode> {
    // Of each trade it asks until that is delivered, so that may be said as well.
    if args.what == ALL_PENDING
        && let Some(until) = args.until.filter(|u| *u != Until::Delivered)
    {
        bail!(
            "--until {until} is for a single trade: a plan for {ALL_PENDING} asks about what is not delivered at the time"
        );
    }
    let when = match (args.every, args.at) {
        (Some(span), _) => PlannedWhen::Every {
            span: span.duration(),
        },
        (None, Some(at)) => PlannedWhen::Daily {
            hour: at.hour,
            minute: at.minute,
            zone: daily::zone_here(),
        },
        (None, None) => bail!("say when to ask: --every 12h, or --at 08:00"),
    };
    let plan = NewPlan {
        what: args.what,
        parties: args.whom.parties(),
        when,
        until: args.until,
    };
    let answer = super::ask(places, Question::Schedule { plan }).await?;
    printed(args.json.json, answer, |a| {
        let plan = only!(a, Plan)?.context("the plan was not kept")?;
        Ok(format!("Plan {}: {}", plan.id, report::plan(&plan)))
    })
}
