//! The watch: connect, catch up, wait for news, and again after any failure.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::failure::{CommandFailure, unless_denied};
use super::folders::{self, MailFolder, choose_sent, status};
use super::idle::{Woken, idle};
use super::login;
use super::memory::{Blame, FetchTarget, WatchState};
use super::scan::Round;
use super::session::Session;
use super::{Cursor, ImapSettings, MailEvent, SentFolder, Trouble, TroubleKind, Watch};
use crate::net::tls::TlsClient;
use crate::schedule::next_try;
use crate::stop::Stop;
use crate::trouble::Error;

/// With `once`: so many failures in a row from which nothing was gained - neither letters nor a
/// suspicion of the one that breaks connections - are reported instead of tried on.
const FRUITLESS: u32 = 4;

/// New connections that are made at once because it is known what the last one failed over, until all
/// that can be read was read: ten letters over a limit cost two each.
const AT_ONCE: u32 = 32;

/// The wait after refused logins grows to so many times the longest of other failures.
const REFUSED_LONGEST: u32 = 12;

/// Watches the mailbox until it is told to stop, until nobody takes the events any more, or - with
/// `once` - until all folders are caught up.
///
/// # Errors
/// At once for a configuration that can't work. With `once` also for a refused login, and when
/// several tries in a row brought nothing. Otherwise never: trouble is told as an event, and tried
/// again.
pub async fn watch(
    settings: ImapSettings,
    watch: Watch,
    events: mpsc::Sender<MailEvent>,
    mut stop: Stop,
) -> Result<(), Error> {
    settings.server().check()?;
    let tls = TlsClient::new(settings.ca_file.as_deref(), "[imap]")?;
    let mut watcher = MailboxWatcher {
        memory: WatchState::new(&watch),
        settings,
        tls,
        watch: Arc::new(watch),
        events,
        session: None,
        logged_in: None,
        waits: ReconnectWaits::default(),
    };
    let outcome = tokio::select! {
        biased;
        () = stop.stopped() => Ok(()),
        outcome = watcher.run() => outcome,
    };
    if let Some(mut session) = watcher.session {
        session.log_out().await;
    }
    outcome
}

struct MailboxWatcher {
    settings: ImapSettings,
    tls: TlsClient,
    watch: Arc<Watch>,
    events: mpsc::Sender<MailEvent>,
    memory: WatchState,
    /// Kept here so that goodbye can be said when the rest is interrupted.
    session: Option<Session>,
    /// When the present connection was logged in.
    logged_in: Option<Instant>,
    waits: ReconnectWaits,
}

impl MailboxWatcher {
    async fn run(&mut self) -> Result<(), Error> {
        let mut fruitless = 0;
        let mut at_once = 0;
        loop {
            self.memory.begin_connection();
            self.logged_in = None;
            let before = self.memory.cursors.clone();
            // The parser panics on some answers (`INTERNALDATE NIL`): that is the server's fault,
            // and no reason to end.
            let attended = AssertUnwindSafe(self.attend()).catch_unwind().await;
            let failure = attended.unwrap_or_else(|_| {
                Err(CommandFailure::Broken(Error::new(
                    TroubleKind::NotUnderstood,
                    format!(
                        "{} gave an answer that can't be read",
                        self.settings.server()
                    ),
                )))
            });
            let error = match failure {
                Ok(()) | Err(CommandFailure::NobodyListens) => return Ok(()),
                Err(failure) => failure.into_error(&self.settings.server(), "to go on"),
            };
            self.session = None;
            // Opening a folder is what every connection begins with: a server that ends there is left
            // alone ever longer. The folder has a wait of its own besides.
            let over_a_letter = self
                .memory
                .asked
                .as_ref()
                .is_some_and(FetchTarget::is_of_letters);
            let blame = self.memory.blame(&error);
            fruitless = match (self.memory.progress, blame) {
                (true, _) => 1,
                (false, Blame::Suspected | Blame::Known) => fruitless,
                (false, Blame::Nobody) => fruitless + 1,
            };
            if self.memory.all_read {
                at_once = 0;
            }
            let is_refused = login_is_refused(error.kind);
            if error.kind == TroubleKind::Configuration
                || (self.watch.once && (fruitless >= FRUITLESS || is_refused))
            {
                return Err(error);
            }
            let lived = self.logged_in.map(|at| at.elapsed());
            // The wait is the server's: it does not grow over what one letter did.
            let is_blamed = matches!(blame, Blame::Suspected | Blame::Known);
            let was_of_use = lived.is_some_and(|l| l >= self.watch.lived)
                || brought_letters(&before, &self.memory.cursors)
                || (is_blamed && over_a_letter);
            let mut trouble = self
                .waits
                .after(error, lived.is_some(), was_of_use, &self.watch);
            if blame == Blame::Known && at_once < AT_ONCE {
                at_once += 1;
                trouble.retry_in = Duration::ZERO;
            }
            self.memory.failures = self.waits.failures;
            let retry_in = trouble.retry_in;
            if self.events.send(MailEvent::Trouble(trouble)).await.is_err() {
                return Ok(());
            }
            tokio::select! {
                () = sleep(retry_in) => {}
                () = self.settings.password.changed(), if is_refused => {}
            }
        }
    }

    /// One connection, from its beginning to its end. Ok: there is nothing more to do.
    async fn attend(&mut self) -> Result<(), CommandFailure> {
        let (session, _) = login::open(&self.settings, &self.tls).await?;
        self.logged_in = Some(Instant::now());
        let session = self.session.insert(session);
        let mut round = Round {
            session,
            memory: &mut self.memory,
            watch: self.watch.clone(),
            events: self.events.clone(),
        };
        round.attend().await
    }
}

/// How long to wait after failures, and what is told of them.
#[derive(Debug, Default)]
struct ReconnectWaits {
    /// Connections in a row that came to nothing.
    failures: u32,
    /// Logins in a row that were refused.
    refused: u32,
    /// The last trouble, and how often in a row it has happened.
    last: Option<(TroubleKind, String, u32)>,
}

impl ReconnectWaits {
    /// After a connection that failed. A login that succeeds is not enough to begin anew: a server that
    /// says BYE a moment later, each time, would be asked for ever without a pause.
    fn after(&mut self, e: Error, logged_in: bool, was_of_use: bool, watch: &Watch) -> Trouble {
        self.failures = if was_of_use {
            1
        } else {
            self.failures.saturating_add(1)
        };
        if logged_in {
            self.refused = 0;
        }
        let retry_in = if login_is_refused(e.kind) {
            self.refused = self.refused.saturating_add(1);
            let first = watch.retry_longest;
            next_try(
                self.refused,
                first,
                first.saturating_mul(REFUSED_LONGEST),
                1.0,
            )
        } else {
            let jitter: f64 = rand::random();
            next_try(
                self.failures,
                watch.retry_first,
                watch.retry_longest,
                jitter,
            )
        };
        let times = match &self.last {
            Some((kind, text, times)) if !was_of_use && (*kind, text) == (e.kind, &e.text) => {
                times.saturating_add(1)
            }
            Some(_) | None => 1,
        };
        self.last = Some((e.kind, e.text.clone(), times));
        Trouble {
            kind: e.kind,
            text: e.text,
            retry_in,
            times,
            folder: None,
        }
    }
}

/// Troubles that end only when somebody does something: they are tried again seldom.
fn login_is_refused(kind: TroubleKind) -> bool {
    matches!(
        kind,
        TroubleKind::WrongPassword | TroubleKind::LoginRefused | TroubleKind::NoPassword
    )
}

/// Whether a folder was read further than before, or for the first time.
fn brought_letters(before: &BTreeMap<String, Cursor>, after: &BTreeMap<String, Cursor>) -> bool {
    after.iter().any(|(folder, now)| match before.get(folder) {
        // With another UIDVALIDITY everything is read again, which is no progress.
        Some(then) => then.uid_validity == now.uid_validity && now.last_uid > then.last_uid,
        None => true,
    })
}

impl Round<'_> {
    async fn attend(&mut self) -> Result<(), CommandFailure> {
        let folders = self.folders().await?;
        let Some((first, others)) = folders.split_last() else {
            return Ok(());
        };
        self.tell(MailEvent::Connected {
            server: self.session.server.to_string(),
            idle: self.may_idle(),
            folders: folders.iter().map(|f| f.name.clone()).collect(),
            sent: folders.iter().find(|f| f.sent).map(|f| f.name.clone()),
            again: self.memory.failures,
        })
        .await?;
        // Some may have broken the connection before this one.
        self.tell_of_closed().await?;
        loop {
            let look_again = Instant::now() + self.watch.idle_for;
            for folder in self.order(&folders) {
                self.catch_up_or_tell(folder).await?;
            }
            if self.watch.once {
                match self.worth_another_try() {
                    None => return Ok(()),
                    Some(at) => sleep_until(at).await,
                }
                continue;
            }
            self.memory.progress = true;
            self.memory.all_read = true;
            self.wait(first, others, look_again).await?;
        }
    }

    /// The folders that are to be read now, the first of the configuration last, so that it is the open
    /// one while we wait. Where connections failed over one of them, the others come before it.
    fn order<'f>(&self, folders: &'f [MailFolder]) -> Vec<&'f MailFolder> {
        let once = self.watch.once;
        let is_due = |f: &&MailFolder| {
            let closed = self.memory.closed.get(&f.name);
            closed
                .is_none_or(|c| c.next_try <= Instant::now() && !(once && c.failures >= FRUITLESS))
        };
        // Read once, what was read is not looked at again for the sake of what was not.
        let is_wanted =
            |f: &&MailFolder| !(once && self.memory.read_to_its_end.contains(&f.name)) && is_due(f);
        let mut order: Vec<&MailFolder> = folders.iter().filter(is_wanted).collect();
        if let Some(at) = order
            .iter()
            .position(|f| Some(f.name.as_str()) == self.memory.last_folder())
        {
            let bad = order.remove(at);
            order.push(bad);
            order.extend(
                folders
                    .last()
                    .filter(|first| *first != bad && is_due(first)),
            );
        }
        order
    }

    /// With `once`: when a folder that could not be opened is worth another try; none when no one is.
    fn worth_another_try(&self) -> Option<Instant> {
        let closed = self.memory.closed.values();
        closed
            .filter(|c| c.failures < FRUITLESS)
            .map(|c| c.next_try)
            .min()
    }

    /// Waits, handing out news of the first folder, until it is time to look at all.
    async fn wait(
        &mut self,
        first: &MailFolder,
        others: &[MailFolder],
        look_again: Instant,
    ) -> Result<(), CommandFailure> {
        let next_tries = self.memory.closed.values().map(|c| c.next_try);
        let until = next_tries.fold(look_again, Instant::min);
        let is_open = !self.memory.closed.contains_key(&first.name);
        while is_open && self.may_idle() {
            // However much news there is of the first, the others get their turn.
            let begun = Instant::now();
            let at_most = until.saturating_duration_since(begun);
            let woken = idle(self.session, at_most).await;
            match self.note(begun, woken)? {
                Woken::Elapsed => return Ok(()),
                Woken::NoIdle => self.memory.no_idle = true,
                Woken::News => {
                    // An answer often comes before anything told us that another client of this
                    // mailbox asked: its letter lies in Sent.
                    if self.sent_has_news(others).await? {
                        return Ok(());
                    }
                    let cursor = self.memory.cursors.get(&first.name);
                    let validity = cursor.map_or(0, |c| c.uid_validity);
                    if let Err(failure) = self.catch_up_with_news(first, validity).await {
                        return self.could_not_read(first, failure).await;
                    }
                    if at_most.is_zero() {
                        return Ok(());
                    }
                }
            }
        }
        sleep_until(until.min(Instant::now() + self.watch.poll)).await;
        Ok(())
    }

    fn may_idle(&self) -> bool {
        self.session.capabilities.contains("IDLE")
            && !self.memory.no_idle
            && !self.memory.idling.rests(Instant::now())
    }

    /// Remembers how an IDLE ended; says so when the next connections do without.
    fn note(
        &mut self,
        begun: Instant,
        woken: Result<Woken, CommandFailure>,
    ) -> Result<Woken, CommandFailure> {
        let now = Instant::now();
        let (lived, idling) = (self.watch.lived, &mut self.memory.idling);
        let rests = idling.ended(&woken, now - begun, lived, now);
        match woken {
            Err(CommandFailure::Broken(e)) if rests => Err(CommandFailure::Broken(Error {
                text: format!(
                    "{}; it ends each IDLE, so it is asked now and then for an hour",
                    e.text
                ),
                ..e
            })),
            woken => woken,
        }
    }

    async fn sent_has_news(&mut self, others: &[MailFolder]) -> Result<bool, CommandFailure> {
        let Some(sent) = others.iter().find(|f| f.sent) else {
            return Ok(false);
        };
        let Some(now) = status(self.session, sent).await? else {
            return Ok(false);
        };
        let Some(known) = self.memory.cursors.get(&sent.name) else {
            return Ok(false);
        };
        let newer = now
            .uid_next
            .is_some_and(|n| n != known.last_uid.saturating_add(1));
        Ok(newer || now.uid_validity != known.uid_validity)
    }

    /// The folders in the order of reading: Sent, so that our own letters are known before the
    /// answers to them; the first of the configuration last.
    async fn folders(&mut self) -> Result<Vec<MailFolder>, CommandFailure> {
        let sent = self.sent_folder().await?;
        let named = &self.watch.folders;
        let others = named.iter().skip(1).chain(named.first());
        let mut folders: Vec<MailFolder> = sent.into_iter().collect();
        for name in others {
            match folders.iter().position(|f| f.name == *name) {
                // Named twice: read once, and the first of the configuration stays last.
                Some(at) => {
                    let folder = folders.remove(at);
                    folders.push(folder);
                }
                None => folders.push(MailFolder::named(name, false)),
            }
        }
        Ok(folders)
    }

    async fn sent_folder(&mut self) -> Result<Option<MailFolder>, CommandFailure> {
        if self.watch.sent != SentFolder::Auto {
            return Ok(choose_sent(&self.watch.sent, &[]));
        }
        if self.memory.no_list {
            return Ok(None);
        }
        let listed = folders::list(self.session).await;
        if let Err(CommandFailure::Broken(e)) = &listed {
            // Next time without: better no Sent folder than no letters at all.
            self.memory.no_list = e.kind == TroubleKind::NotUnderstood;
        }
        let listed = unless_denied(listed)?.unwrap_or_default();
        Ok(choose_sent(&SentFolder::Auto, &listed))
    }

    /// A folder that can't be opened or read does not keep the rest from being read.
    async fn catch_up_or_tell(&mut self, folder: &MailFolder) -> Result<(), CommandFailure> {
        match self.catch_up(folder).await {
            Ok(()) => {
                self.memory.closed.remove(&folder.name);
                self.memory.told_closed.remove(&folder.name);
                Ok(())
            }
            Err(failure) => self.could_not_read(folder, failure).await,
        }
    }

    /// Told once, however often it is tried again.
    async fn could_not_read(
        &mut self,
        folder: &MailFolder,
        failure: CommandFailure,
    ) -> Result<(), CommandFailure> {
        let CommandFailure::Denied(text) = failure else {
            return Err(failure);
        };
        self.memory.close(folder.name.clone(), text);
        self.tell_of_closed().await
    }

    async fn tell_of_closed(&mut self) -> Result<(), CommandFailure> {
        let untold: Vec<Trouble> = self
            .memory
            .closed
            .iter()
            .filter(|(name, _)| !self.memory.told_closed.contains(*name))
            .map(|(name, closed)| Trouble {
                kind: TroubleKind::Folder,
                text: closed.why.clone(),
                retry_in: closed.wait,
                times: closed.failures.max(1),
                folder: Some(name.clone()),
            })
            .collect();
        for trouble in untold {
            self.memory.told_closed.extend(trouble.folder.clone());
            self.tell(MailEvent::Trouble(trouble)).await?;
        }
        Ok(())
    }
}
