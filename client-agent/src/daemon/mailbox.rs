//! What comes from the mailbox: batches are recorded, each with its cursor in the same durable
//! write; the person is told how the first synchronization goes, and of troubles.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use sd_notify::NotifyState;
use tokio::sync::Notify;
use tradepost_agent::terminal::progress::{Bar, bar};
use tradepost_letters::untrusted;
use tradepost_post::imap::{Aside, Cursor, MailEvent, RawMail, Watch, aside};
use tradepost_post::trouble::is_told;
use tradepost_proof::dkim::Unproven;
use tradepost_statements::Time;

use super::gathered::Gathered;
use super::say;
use crate::ledger::{Entry, Input, LedgerError, cursors, set_aside as kept_aside};
use crate::office::Office;
use crate::receive::{Lay, take_in};

/// How the mailbox is read.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    /// Process what is there and end.
    pub(crate) once: bool,
    /// From the very beginning, whatever was read before, and in the order of receipt over all folders; the
    /// letters lie in this folder meanwhile.
    pub(crate) afresh: Option<PathBuf>,
    /// Rung when all there is was read once, or could not be.
    pub(crate) caught_up: Option<Arc<Notify>>,
}

/// The reading end of the mailbox.
pub(crate) struct Mailbox {
    office: Arc<Office>,
    scan: Scan,
    /// What is not judged before all of the mailbox is read.
    gathered: Option<Gathered>,
    bar: Option<Bar>,
    /// Letters with a Tradepost part, by what became of them.
    pub(crate) counts: BTreeMap<&'static str, usize>,
    /// Folders that are still to be read for the first time.
    behind: usize,
    /// All letters that were looked at.
    pub(crate) fetched: usize,
    /// Folders that can't be opened or read, and why.
    pub(crate) unread: BTreeMap<String, String>,
}

impl Mailbox {
    pub(crate) fn new(office: Arc<Office>, scan: Scan) -> Mailbox {
        Mailbox {
            office,
            scan,
            gathered: None,
            bar: None,
            counts: BTreeMap::new(),
            behind: 0,
            fetched: 0,
            unread: BTreeMap::new(),
        }
    }

    /// What the watch is to do: the configuration, and how far each folder was read.
    pub(crate) async fn watch(&self) -> Watch {
        let now = self.office.ledger.now();
        let mut watch = Watch::default();
        if let Some(imap) = &self.office.config.imap {
            watch = imap.watch();
            watch.since = Some(now.minus(imap.since()));
        }
        watch.once = self.scan.once;
        if self.scan.afresh.is_some() {
            watch.since = None;
        } else {
            watch.cursors = self.office.work(|o| o.ledger.view(cursors)).await;
            let kept = self.office.work(|o| o.ledger.view(kept_aside)).await;
            watch.aside = kept.into_iter().map(Aside::from).collect();
        }
        watch
    }

    pub(crate) async fn take(&mut self, event: MailEvent) -> anyhow::Result<()> {
        match event {
            MailEvent::Connected {
                server,
                idle,
                folders,
                sent,
                again,
            } => {
                self.behind = folders.len();
                let how = if idle {
                    ""
                } else {
                    "; it has no IDLE, so it is asked now and then"
                };
                let sent = sent
                    .map(|s| format!(", sent letters in {s}"))
                    .unwrap_or_default();
                let text = format!("attached to {server}: {}{sent}{how}", folders.join(", "));
                let text = untrusted::show(&text);
                if again == 0 || is_told(again) {
                    tracing::info!("{text}");
                } else {
                    tracing::debug!("{text}");
                }
                say(&[NotifyState::Status(&text)]);
            }
            MailEvent::Progress {
                folder,
                done,
                total,
            } => self.progress(&folder, done, total),
            MailEvent::Batch {
                folder,
                sent,
                uid_validity,
                mails,
                set_aside,
                gone,
                up_to,
            } => {
                let lay = if sent { Lay::Sent } else { Lay::Inbox };
                let cursor = Cursor {
                    uid_validity,
                    last_uid: up_to,
                }
                .into();
                for aside in &set_aside {
                    let text = untrusted::show(&format!(
                        "{folder}, letter {}: {}",
                        aside.uid, aside.reason
                    ));
                    tracing::warn!("set aside: {text}");
                }
                let came = mails
                    .iter()
                    .map(|m| m.uid)
                    .chain(gone)
                    .collect::<Vec<u32>>();
                let office = &self.office;
                let kept = office.work(|o| o.ledger.view(kept_aside)).await;
                let place = (folder.as_str(), uid_validity);
                let news =
                    aside::AsideChange::of(&kept, place, set_aside, &came, office.ledger.now());
                let mut with = vec![Input::of(Entry::Cursor { folder, cursor })];
                with.extend(news.map(|news| Input::of(Entry::Aside { news })));
                self.fetched += mails.len();
                self.receive(mails, lay, with).await?;
            }
            MailEvent::CaughtUp { folder } => {
                self.finish();
                self.unread.remove(&folder);
                self.behind = self.behind.saturating_sub(1);
                if self.behind == 0 {
                    self.ring();
                }
                tracing::debug!("all of {} is read", untrusted::show(&folder));
            }
            MailEvent::Trouble(trouble) => {
                // It may last: time does not stand still meanwhile.
                self.ring();
                let text = untrusted::show(&trouble.text);
                say(&[NotifyState::Status(&text)]);
                let when = if trouble.retry_in.is_zero() {
                    "going on at once".to_owned()
                } else {
                    format!("next try in {} s", trouble.retry_in.as_secs_f64().ceil())
                };
                let often = match trouble.times {
                    1 => String::new(),
                    times => format!(", {times} times in a row"),
                };
                if is_told(trouble.times) {
                    tracing::warn!("{text} ({when}{often})");
                } else {
                    tracing::debug!("{text} ({when}{often})");
                }
                if let Some(folder) = trouble.folder {
                    self.unread.insert(folder, text);
                }
            }
        }
        Ok(())
    }

    fn ring(&self) {
        if let Some(caught_up) = &self.scan.caught_up {
            caught_up.notify_one();
        }
    }

    /// One batch is one durable write; only with it does the cursor move. What is read afresh waits for
    /// the rest of the mailbox.
    async fn receive(
        &mut self,
        mails: Vec<RawMail>,
        lay: Lay,
        with: Vec<Input>,
    ) -> anyhow::Result<()> {
        let Some(data) = self.scan.afresh.clone() else {
            let letters = mails.into_iter().map(|m| (m.internal_date, m.bytes));
            return Ok(self.record(letters.collect(), lay, with).await?);
        };
        let gathered = match self.gathered.take() {
            Some(gathered) => Ok(gathered),
            None => Gathered::new(&data),
        };
        let added = tokio::task::spawn_blocking(move || {
            let mut gathered = gathered?;
            gathered.add(lay, &mails, with)?;
            Ok::<_, std::io::Error>(gathered)
        });
        let gathered = added
            .await?
            .with_context(|| format!("letters could not be put in order in {}", data.display()))?;
        let is_full = gathered.is_full();
        self.gathered = Some(gathered);
        if is_full {
            self.record_gathered().await?;
        }
        Ok(())
    }

    /// Judges what was gathered, in the order of receipt.
    pub(crate) async fn record_gathered(&mut self) -> anyhow::Result<()> {
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
            match run.context("letters that were put in order could not be read again")? {
                Some(run) => self.record(run.letters, run.lay, Vec::new()).await?,
                None => break,
            }
        }
        Ok(self.record(Vec::new(), Lay::Inbox, sorted.with).await?)
    }

    async fn record(
        &mut self,
        letters: Vec<(Option<Time>, Vec<u8>)>,
        lay: Lay,
        with: Vec<Input>,
    ) -> Result<(), LedgerError> {
        let letters = letters
            .into_iter()
            .map(|(received_at, octets)| Unproven {
                octets,
                received_at,
            })
            .collect();
        let (taken, _) = take_in(&self.office, letters, lay, with).await?;
        for judgement in taken.iter().filter_map(|t| t.judgement.as_ref()) {
            *self.counts.entry(judgement.verdict.word()).or_insert(0) += 1;
        }
        Ok(())
    }

    fn progress(&mut self, folder: &str, done: u64, total: u64) {
        let bar = self.bar.get_or_insert_with(|| bar("reading the mailbox"));
        bar.set_message(format!("reading {}", untrusted::show(folder)));
        bar.set_length(total);
        bar.set_position(done);
        say(&[NotifyState::Status(&format!(
            "reading {folder}: {done} of {total}"
        ))]);
    }

    /// Takes the progress bar away.
    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
