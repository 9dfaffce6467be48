//! `tradepost rebuild` and `tradepost repair`: after damage, or the loss of a machine.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tradepost_agent::door;
use tradepost_agent::terminal::{json as escaped, output};
use tradepost_buyer::view::{self, WarningView};
use tradepost_buyer::warning::WarningKind;
use tradepost_post::imap::aside;
use tradepost_post::stop;
use tradepost_store as store;

use crate::config::{Places, private_data_folder};
use crate::daemon::{self, Scan};
use crate::ledger::{self, Entry, Input, set_aside};
use crate::office::FOR_HELD_LETTERS;
use crate::sending::mailbox;
use crate::socket::Daemon;
use crate::terminal::report;
use crate::{again, desk};

/// Makes the index anew from the journal.
pub(crate) async fn from_journal(places: &Places) -> anyhow::Result<ExitCode> {
    let (data, config) = desk::alone(places).await?;
    store::forget_index(&data, &ledger::options())?;
    let office = daemon::open(&data, config).await?;
    let trades = office
        .work(|o| {
            o.ledger
                .view(|rows| view::trades(rows, o.ledger.now()).len())
        })
        .await;
    output::page(&format!(
        "The index was made anew from the journal: {trades} trades."
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the mailbox and the Sent folder from their beginning, in the order in which the letters were
/// received (protocol 4, "Versions"), and says what could not be proven again: keys and stamps
/// vanish, people delete mail.
pub(crate) async fn from_mailbox(places: &Places, json: bool) -> anyhow::Result<ExitCode> {
    let (data, config) = desk::alone(places).await?;
    let office = daemon::open(&data, config).await?;
    let Some((settings, _)) = mailbox(&office).await? else {
        anyhow::bail!(
            "{}: there is no [imap] section, so there is no mailbox to read",
            office.config.source.path().display()
        );
    };
    // What is read again is no news to the person's own program.
    office.work(|o| o.ledger.keep_no_events()).await?;
    let mut afresh = vec![Input::of(Entry::CursorsForgotten)];
    // What could not be read before is read anew with all else.
    let kept = office.work(|o| o.ledger.view(set_aside)).await;
    afresh.extend(
        aside::AsideChange::all_settled(&kept, office.ledger.now())
            .map(|news| Input::of(Entry::Aside { news })),
    );
    office.enter(afresh).await?;
    let (stopper, stop) = stop::channel();
    let scan = Scan {
        once: true,
        afresh: Some(data.clone()),
        caught_up: None,
    };
    let read = tokio::select! {
        read = daemon::watch(&office, settings, scan, stop) => read?,
        _ = tokio::signal::ctrl_c() => {
            stopper.stop();
            anyhow::bail!("interrupted; what was judged so far is kept, run it again for the rest");
        }
    };
    if let Some(judged) = again::judge_again(&office, Duration::MAX).await? {
        output::note(&format!("tradepost: {judged}"));
    }
    office.do_what_is_due(FOR_HELD_LETTERS).await?;
    let (stats, warnings) = office
        .work(|o| {
            o.ledger
                .view(|rows| (view::stats(rows), view::warnings(rows, false)))
        })
        .await;
    let unproven: Vec<&WarningView> = warnings
        .iter()
        .filter(|w| w.kind == WarningKind::UnprovenSender)
        .collect();
    if json {
        let told = json!({
            "letters": read.fetched, "verdicts": read.counts, "trades": stats.trades,
            "adopted": stats.adopted, "unproven": unproven,
        });
        output::data(&escaped::pretty(&told)?)?;
    } else {
        output::page(&in_words(
            &read.counts,
            stats.trades + stats.adopted,
            &unproven,
        ))?;
    }
    if !read.unread.is_empty() {
        let folders: Vec<String> = read.unread.into_values().collect();
        anyhow::bail!("not everything could be read: {}", folders.join("; "));
    }
    Ok(ExitCode::SUCCESS)
}

fn in_words(
    counts: &BTreeMap<&'static str, usize>,
    trades: u64,
    unproven: &[&WarningView],
) -> String {
    let mut text = format!(
        "{}\nThe ledger has {trades} trades now.",
        report::verdicts(counts)
    );
    if unproven.is_empty() {
        text.push_str("\nEvery letter could be proven again.");
    } else {
        text.push_str(&format!(
            "\n{} letters could not be proven again, and count for nothing: see `tradepost warnings`.\n\
             What the mailbox no longer holds, or no longer proves, is lost unless you have an export or a backup.",
            unproven.len()
        ));
    }
    text
}

/// Says what is damaged in the journal; sets it aside when asked to.
pub(crate) async fn repair(places: &Places, yes: bool) -> anyhow::Result<ExitCode> {
    let data = private_data_folder(places)?;
    // Also with a configuration that cannot be read.
    if Daemon::find(&data, door::PATIENCE).await?.is_some() {
        anyhow::bail!("the daemon has the ledger open: stop it first");
    }
    let report = store::repair(&data, &ledger::options(), !yes)?;
    output::page(&report.to_string())?;
    if !yes && !report.lost.is_empty() {
        output::page("Nothing was changed. `tradepost repair --yes` does it.")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
