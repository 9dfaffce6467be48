//! What the watch on the mailbox tells beside letters: how far it is, and what is wrong. The person sees it in
//! the log, on a progress bar, and in systemd's status.

use std::collections::BTreeMap;

use tradepost_letters::untrusted;
use tradepost_post::imap::{Aside, MailEvent, Watch};
use tradepost_post::trouble::is_told;
use tradepost_statements::Time;

use crate::config::ImapToml;
use crate::host::Host;
use crate::journal::{cursors, set_aside};
use crate::party::Party;
use crate::process::{NotifyState, notify_service_manager};
use crate::terminal::progress::{Bar, bar};

/// What a watch is to do: as the configuration says, and from where each folder was read to.
pub fn watch_of<P: Party>(host: &Host<P>, imap: &ImapToml) -> Watch {
    let mut watch = imap.watch();
    watch.since = Some(host.now().minus(imap.since()));
    watch.cursors = host.view(cursors);
    watch.aside = host.view(set_aside).into_iter().map(Aside::from).collect();
    watch
}

/// The mailbox, as far as it was told.
#[derive(Debug, Default)]
pub struct Mailbox {
    bar: Option<Bar>,
    /// Folders that are still to be read for the first time.
    behind: Option<usize>,
    is_in_trouble: bool,
    /// Folders that can't be opened or read, and why.
    unread: BTreeMap<String, String>,
}

impl Mailbox {
    /// Whether all there is was read once, or could not be.
    #[must_use]
    pub fn was_looked_at(&self) -> bool {
        self.is_in_trouble || self.behind == Some(0)
    }

    /// What could not be read, in words.
    #[must_use]
    pub fn unread(self) -> Vec<String> {
        self.unread.into_values().collect()
    }

    /// Takes the progress bar away.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Takes what the watch tells. Letters are taken elsewhere.
    pub fn told(&mut self, event: MailEvent) {
        match event {
            MailEvent::Connected {
                server,
                idle,
                folders,
                sent,
                again,
            } => {
                self.behind = Some(folders.len());
                let how = match idle {
                    true => "",
                    false => "; it has no IDLE, so it is asked now and then",
                };
                let sent = sent.map(|s| format!(", sent letters in {s}"));
                let sent = sent.unwrap_or_default();
                let text = format!("attached to {server}: {}{sent}{how}", folders.join(", "));
                let text = untrusted::show(&text);
                if again == 0 || is_told(again) {
                    tracing::info!("{text}");
                } else {
                    tracing::debug!("{text}");
                }
                notify_service_manager(&[NotifyState::Status(&text)]);
            }
            MailEvent::Progress {
                folder,
                done,
                total,
            } => {
                let folder = untrusted::show(&folder);
                let bar = self.bar.get_or_insert_with(|| bar("reading the mailbox"));
                bar.set_message(format!("reading {folder}"));
                bar.set_length(total);
                bar.set_position(done);
                let status = format!("reading {folder}: {done} of {total}");
                notify_service_manager(&[NotifyState::Status(&status)]);
            }
            MailEvent::CaughtUp { folder } => {
                self.finish();
                self.unread.remove(&folder);
                self.behind = self.behind.map(|n| n.saturating_sub(1));
                tracing::debug!("all of {} is read", untrusted::show(&folder));
            }
            MailEvent::Trouble(trouble) => {
                // It may last: time does not stand still meanwhile.
                self.is_in_trouble = true;
                let text = untrusted::show(&trouble.text);
                notify_service_manager(&[NotifyState::Status(&text)]);
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
            MailEvent::Batch { .. } => {}
        }
    }

    /// When what is due by now is not to wait for the mailbox any longer.
    #[must_use]
    pub fn patience_from(now: Time) -> Time {
        const SOON: std::time::Duration = std::time::Duration::from_secs(60);
        now.plus(SOON)
    }
}
