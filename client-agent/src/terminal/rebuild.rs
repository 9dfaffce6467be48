//! `tradepost rebuild` and `tradepost repair`: after damage, or the loss of a machine.

mod gathered;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::sync::mpsc;
use tradepost_agent::arrival::{FoundIn, Reader};
use tradepost_agent::aside::AsideChange;
use tradepost_agent::door;
use tradepost_agent::held::{FOR_HELD_LETTERS, prove_again};
use tradepost_agent::host::options;
use tradepost_agent::incoming::take;
use tradepost_agent::journal::set_aside;
use tradepost_agent::mailbox::{Mailbox, watch_of};
use tradepost_agent::process::EndRequests;
use tradepost_agent::rpc::Caller;
use tradepost_agent::terminal::{json as escaped, output};
use tradepost_buyer::view::{self, WarningView};
use tradepost_buyer::warning::WarningKind;
use tradepost_post::imap::{self, Cursor, ImapSettings, MailEvent, Watch};
use tradepost_post::stop::{self, Stop};
use tradepost_proof::dkim::Unproven;
use tradepost_store as store;

use crate::api::connection::alone;
use crate::config::{Places, private_data_folder};
use crate::daemon;
use crate::ledger::{Ledger, LedgerError, LedgerHost, judge_again, keep_no_events};
use crate::terminal::report;

use gathered::{Behind, Gathered};

/// Makes the index anew from the journal.
pub(crate) async fn from_journal(places: &Places) -> anyhow::Result<ExitCode> {
    let (data, config) = alone(places).await?;
    store::forget_index(&data, &options::<Ledger>())?;
    let host = daemon::open(&data, &config).await?;
    let trades = host
        .work(|host| host.view(|rows| view::trades(rows, host.now()).len()))
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
    let (data, config) = alone(places).await?;
    let host = daemon::open(&data, &config).await?;
    let Some(imap) = config.imap.as_ref() else {
        anyhow::bail!(
            "{}: there is no [imap] section, so there is no mailbox to read",
            config.source.path().display()
        );
    };
    let settings = imap.settings(&config.source, config.default_user())?;
    let mut end_requests = EndRequests::listen();
    host.work(begin_afresh).await?;
    let mut watch = watch_of(&host, imap);
    watch.once = true;
    watch.since = None;
    let (stopper, stop) = stop::channel();
    let mut reading = Reading {
        host: Arc::clone(&host),
        reader: config.reader()?,
        gathered: None,
        counts: BTreeMap::new(),
        fetched: 0,
        mailbox: Mailbox::default(),
    };
    tokio::select! {
        read = reading.read(&data, settings, watch, stop) => read?,
        () = end_requests.next() => {
            stopper.stop();
            anyhow::bail!("interrupted; what was judged so far is kept, run it again for the rest");
        }
    }
    let Reading {
        counts,
        fetched,
        mailbox,
        reader,
        ..
    } = reading;
    if let Some(judged) = judge_again(&host, &reader, Duration::MAX).await? {
        output::note(&format!("tradepost: {judged}"));
    }
    prove_again(Arc::clone(&host), reader, FOR_HELD_LETTERS).await?;
    host.work(|host| host.do_what_is_due(Duration::MAX)).await?;
    let (stats, warnings) = host
        .work(|host| host.view(|rows| (view::stats(rows), view::warnings(rows, false))))
        .await;
    let unproven: Vec<&WarningView> = warnings
        .iter()
        .filter(|w| w.kind == WarningKind::UnprovenSender)
        .collect();
    if json {
        let told = json!({
            "letters": fetched, "verdicts": counts, "trades": stats.trades,
            "adopted": stats.adopted, "unproven": unproven,
        });
        output::data(&escaped::pretty(&told)?)?;
    } else {
        let trades = stats.trades + stats.adopted;
        output::page(&in_words(&counts, trades, &unproven))?;
    }
    let unread = mailbox.unread();
    if !unread.is_empty() {
        anyhow::bail!("not everything could be read: {}", unread.join("; "));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is read again is no news to the person's own program, and what could not be read before is read
/// anew with all else.
fn begin_afresh(host: &LedgerHost) -> Result<(), LedgerError> {
    keep_no_events(host)?;
    host.write(|page| {
        let now = host.now();
        page.forget_cursors()?;
        let kept = set_aside(page.rows());
        for settled in AsideChange::all_settled(&kept, now) {
            page.set_aside(settled, now)?;
        }
        Ok(())
    })
}

/// A mailbox that is read from its beginning.
struct Reading {
    host: Arc<LedgerHost>,
    reader: Reader,
    /// What is not judged before all of the mailbox is read.
    gathered: Option<Gathered>,
    /// Letters with a Tradepost part, by what became of them.
    counts: BTreeMap<&'static str, usize>,
    /// All letters that were looked at.
    fetched: usize,
    mailbox: Mailbox,
}

impl Reading {
    async fn read(
        &mut self,
        data: &Path,
        settings: ImapSettings,
        watch: Watch,
        stop: Stop,
    ) -> anyhow::Result<()> {
        /// Batches that wait while one is put in order; each is bounded by the watch.
        const BATCHES: usize = 4;
        let (events, mut batches) = mpsc::channel::<MailEvent>(BATCHES);
        let watching = tokio::spawn(imap::watch(settings, watch, events, stop));
        while let Some(event) = batches.recv().await {
            match event {
                batch @ MailEvent::Batch { .. } => self.gather(data, batch).await?,
                told @ (MailEvent::Connected { .. }
                | MailEvent::Progress { .. }
                | MailEvent::CaughtUp { .. }
                | MailEvent::Trouble(_)) => self.mailbox.told(told),
            }
        }
        self.mailbox.finish();
        // What was read counts, even where the rest could not be.
        self.record().await?;
        watching.await??;
        Ok(())
    }

    async fn gather(&mut self, data: &Path, batch: MailEvent) -> anyhow::Result<()> {
        let MailEvent::Batch {
            folder,
            sent,
            uid_validity,
            mails,
            set_aside: aside,
            gone,
            up_to,
        } = batch
        else {
            return Ok(());
        };
        let found_in = if sent { FoundIn::Sent } else { FoundIn::Inbox };
        let settled: Vec<u32> = mails.iter().map(|m| m.uid).chain(gone).collect();
        let kept = self.host.view(set_aside);
        let place = (folder.as_str(), uid_validity);
        let aside = AsideChange::of(&kept, place, aside, &settled, self.host.now());
        let behind = Behind {
            folder,
            cursor: Cursor {
                uid_validity,
                last_uid: up_to,
            },
            aside,
        };
        self.fetched += mails.len();
        let gathered = match self.gathered.take() {
            Some(gathered) => Ok(gathered),
            None => Gathered::new(data),
        };
        let added = tokio::task::spawn_blocking(move || {
            let mut gathered = gathered?;
            gathered.add(found_in, &mails, behind)?;
            Ok::<_, std::io::Error>(gathered)
        });
        let gathered = added
            .await?
            .with_context(|| format!("letters could not be put in order in {}", data.display()))?;
        let is_full = gathered.is_full();
        self.gathered = Some(gathered);
        if is_full {
            self.record().await?;
        }
        Ok(())
    }

    /// Judges what was gathered, in the order of receipt, and then moves the cursors.
    async fn record(&mut self) -> anyhow::Result<()> {
        let Some(gathered) = self.gathered.take() else {
            return Ok(());
        };
        let mut sorted = gathered.sorted();
        loop {
            let reading = tokio::task::spawn_blocking(move || {
                let run = sorted.next_run();
                (sorted, run)
            });
            let run;
            (sorted, run) = reading.await?;
            let Some(run) =
                run.context("letters that were put in order could not be read again")?
            else {
                break;
            };
            let letters = run
                .letters
                .into_iter()
                .map(|(received_at, octets)| Unproven {
                    octets,
                    received_at,
                });
            let now = self.host.now();
            let letters = self.reader.read(letters.collect(), run.found_in, now).await;
            let taken = self
                .host
                .work(move |host| take(host, &letters, |_, _| Ok(())))
                .await?;
            for judgement in taken.iter().filter_map(|t| t.verdict.as_ref()?.as_ref()) {
                *self.counts.entry(judgement.verdict.word()).or_insert(0) += 1;
            }
        }
        let with = sorted.with;
        let record = move |host: &LedgerHost| {
            host.write(|page| {
                let now = host.now();
                for behind in with {
                    if let Some(aside) = behind.aside {
                        page.set_aside(aside, now)?;
                    }
                    page.read_up_to(&behind.folder, behind.cursor)?;
                }
                Ok::<_, LedgerError>(())
            })
        };
        self.host.work(record).await?;
        Ok(())
    }
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
    if Caller::find(&data, door::PATIENCE).await?.is_some() {
        anyhow::bail!("the daemon has the ledger open: stop it first");
    }
    let report = store::repair(&data, &options::<Ledger>(), !yes)?;
    output::page(&report.to_string())?;
    if !yes && !report.lost.is_empty() {
        output::page("Nothing was changed. `tradepost repair --yes` does it.")?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
