//! A logged-in connection: commands followed to their own answer, and the server's side remarks.
//!
//! async-imap writes the commands and reads the responses; what they mean is seen to here. Its own commands
//! are not used but for APPEND: most end well where the server said NO or closed the connection in the
//! middle. Here the tagged answer is a fence, each answer is bounded in octets, and each wait in time.

use std::time::Duration;

use async_imap::error::Result as ImapResult;
use async_imap::imap_proto::{MailboxDatum, RequestId, Response, Status};
use tokio::time::{Instant, timeout_at};

use super::TroubleKind;
use super::capabilities::{Capabilities, capabilities_in};
use super::facts::{FetchResponses, FetchedItems};
use super::failure::{CommandFailure, broken, closed, unreadable};
use super::greeting::ID;
use super::mend::{Allowance, ImapMender, for_people};
use super::overheard::{CommandEnd, CommandStatus, Overheard};
use crate::net::filter::FilteredStream;
use crate::net::{ServerAddress, lost, silent};
use crate::trouble::{Error, quoted};

/// How much a command may bring.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResponseLimits {
    /// Bytes in all.
    pub(super) bytes: u64,
    /// Bytes of one text or header: what is longer is cut there.
    pub(super) text: u64,
    /// Bytes of its largest single response: the larger, the longer it is waited for.
    pub(super) one: u64,
}

/// What a command without letters in its answer may bring. A search of one window is far below.
pub(super) const SMALL: ResponseLimits = ResponseLimits {
    bytes: 1024 * 1024,
    text: 64 * 1024,
    one: 0,
};

/// Slowest line on which a large response is waited for, in bytes a second.
const SLOWEST: u64 = 16 * 1024;

/// Longest polite goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// A logged-in connection, and what is known of its server and its selected folder.
#[derive(Debug)]
pub(super) struct Session {
    imap: async_imap::Session<FilteredStream<ImapMender>>,
    pub(super) server: ServerAddress,
    timeout: Duration,
    pub(super) capabilities: Capabilities,
    /// Letters in the selected folder.
    pub(super) exists: u32,
    /// The server said that letters came, since this was last set to false.
    pub(super) news: bool,
    /// Whether partial fetches (RFC 9051 section 6.4.5) bring something; none: not yet known.
    pub(super) partial_works: Option<bool>,
    /// What must be said before a new command, after an interruption.
    under_way: CommandState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CommandState {
    Nothing,
    Idling,
    Answer,
}

impl Session {
    /// Of a connection on which the login has just succeeded.
    pub(super) fn new(
        imap: async_imap::Session<FilteredStream<ImapMender>>,
        server: ServerAddress,
        timeout: Duration,
    ) -> Session {
        Session {
            imap,
            server,
            timeout,
            capabilities: Capabilities::new(),
            exists: 0,
            news: false,
            partial_works: None,
            under_way: CommandState::Nothing,
        }
    }

    /// Learns what the server can do for this user, where it has not `told` with the login, and names
    /// itself: some servers want that after the login.
    pub(super) async fn introduce(&mut self, told: Option<Capabilities>) -> Result<(), Error> {
        self.capabilities = match told {
            Some(told) => told,
            None => {
                let untagged = self.overhear("CAPABILITY").await?;
                let listed = untagged.iter().find_map(|l| capabilities_in(l));
                listed.unwrap_or_default()
            }
        };
        if self.capabilities.contains("ID") {
            self.overhear(ID).await?;
        }
        Ok(())
    }

    /// The TLS version in use.
    pub(super) fn tls_version(&self) -> Option<String> {
        self.imap.get_ref().tls_version()
    }

    /// Runs a command; `on` sees everything that the server says before the command's own answer.
    pub(super) async fn run(
        &mut self,
        command: &str,
        limits: ResponseLimits,
        on: impl FnMut(&Response<'_>) + Send,
    ) -> Result<(), CommandFailure> {
        let doing = command.split(" (").next().unwrap_or_default();
        let tag = self.start(command).await?;
        self.finish(&tag, doing, limits, on).await
    }

    /// Follows a command that was started to its own answer.
    async fn finish(
        &mut self,
        tag: &RequestId,
        doing: &str,
        limits: ResponseLimits,
        mut on: impl FnMut(&Response<'_>) + Send,
    ) -> Result<(), CommandFailure> {
        self.allow(limits);
        loop {
            let deadline = self.deadline(limits.one);
            let end = self.next(deadline, doing, |response| {
                let end = ended(response, tag);
                if end.is_none() {
                    on(response);
                }
                end
            });
            if let Some(end) = end.await? {
                self.under_way = CommandState::Nothing;
                return end;
            }
        }
    }

    /// Runs a FETCH, and gives what came of each letter, put together: the items of one letter may
    /// come in several responses (RFC 9051 section 7.5.2). What has no UID is left out.
    pub(super) async fn gather(
        &mut self,
        command: &str,
        limits: ResponseLimits,
    ) -> Result<Vec<FetchedItems>, CommandFailure> {
        let mut gathered = FetchResponses::default();
        let outcome = self.run(command, limits, |r| gathered.take(r)).await;
        outcome.map(|()| gathered.all())
    }

    /// The same, with what came before it failed.
    pub(super) async fn gather_some(
        &mut self,
        command: &str,
        limits: ResponseLimits,
    ) -> (Vec<FetchedItems>, Result<(), CommandFailure>) {
        let mut gathered = FetchResponses::default();
        let outcome = self.run(command, limits, |r| gathered.take(r)).await;
        (gathered.all(), outcome)
    }

    /// Behind a section in a command: so much of it, where the server knows that.
    pub(super) fn part(&self, octets: u64) -> String {
        match self.partial_works {
            Some(false) => String::new(),
            Some(true) | None => format!("<0.{octets}>"),
        }
    }

    fn allow(&mut self, limits: ResponseLimits) {
        self.imap.get_mut().mender_mut().allow(Allowance {
            octets: limits.bytes,
            literal: limits.text,
        });
    }

    /// Puts a letter into a folder, marked as seen.
    pub(super) async fn append(
        &mut self,
        folder: &str,
        letter: &[u8],
    ) -> Result<(), CommandFailure> {
        let deadline = self.begin_overhearing(letter.len() as u64);
        let done = self.imap.append(folder, Some("(\\Seen)"), None, letter);
        let done = timeout_at(deadline, done).await;
        let (end, _) = self.end_overhearing(done, "APPEND")?;
        match end.status {
            CommandStatus::Ok => Ok(()),
            CommandStatus::No | CommandStatus::Bad => {
                let said = for_people(end.text.as_bytes());
                Err(CommandFailure::Denied(quoted(&said)))
            }
            CommandStatus::Bye => {
                let said = end.text.get("* BYE".len()..).unwrap_or_default();
                let said = for_people(said.as_bytes());
                Err(closed(&self.server, TroubleKind::Lost, &said).into())
            }
        }
    }

    /// Runs a command of which the server's own words are wanted, whether it obeys or not.
    async fn overhear(&mut self, command: &str) -> Result<Vec<String>, Error> {
        let deadline = self.begin_overhearing(0);
        let done = self.imap.run_command_and_check_ok(command);
        let done = timeout_at(deadline, done).await;
        let (end, untagged) = self.end_overhearing(done, command)?;
        match end.status {
            CommandStatus::Bye => Err(closed(&self.server, TroubleKind::Busy, &end.text)),
            CommandStatus::Ok | CommandStatus::No | CommandStatus::Bad => Ok(untagged),
        }
    }

    fn begin_overhearing(&mut self, octets: u64) -> Instant {
        self.under_way = CommandState::Answer;
        self.allow(SMALL);
        self.imap.get_mut().mender_mut().overhear();
        self.deadline(octets)
    }

    /// How a command ended that async-imap has followed.
    fn end_overhearing(
        &mut self,
        done: Result<ImapResult<()>, tokio::time::error::Elapsed>,
        command: &str,
    ) -> Result<(CommandEnd, Vec<String>), Error> {
        let doing = command.split(' ').next().unwrap_or_default();
        let Overheard { untagged, end } = self.imap.get_mut().mender_mut().overheard();
        match (end, done) {
            (_, Err(_)) => Err(silent(&self.server, doing)),
            (Some(end), Ok(_)) => {
                if end.status != CommandStatus::Bye {
                    self.under_way = CommandState::Nothing;
                }
                Ok((end, untagged))
            }
            (None, Ok(Err(e))) => Err(broken(&self.server, doing, &e)),
            (None, Ok(Ok(()))) => Err(lost(&self.server, None)),
        }
    }

    /// Begins IDLE (RFC 2177) and gives its tag. Denied: the server has none, whatever it announced.
    pub(super) async fn idle_begin(&mut self) -> Result<RequestId, CommandFailure> {
        let tag = self.start("IDLE").await?;
        let deadline = self.deadline(0);
        self.allow(SMALL);
        loop {
            let on = |response: &Response<'_>| {
                let goes_on = matches!(response, Response::Continue(_));
                goes_on
                    .then_some(Ok(()))
                    .or_else(|| ended(response, &tag).map(Err))
            };
            match self.next(deadline, "IDLE", on).await? {
                Some(Ok(())) => {
                    self.under_way = CommandState::Idling;
                    return Ok(tag);
                }
                Some(Err(end)) => {
                    self.under_way = CommandState::Nothing;
                    end?;
                    return Err(CommandFailure::Denied("IDLE ended at once".to_owned()));
                }
                None => {}
            }
        }
    }

    /// Waits in IDLE until the server says that letters came. May be interrupted at any time.
    pub(super) async fn idle_wait(&mut self) -> Result<(), CommandFailure> {
        // The caller interrupts this by a clock of its own.
        let never = Instant::now() + Duration::from_secs(24 * 3600);
        while !self.news {
            self.next(never, "IDLE", |_| ()).await?;
        }
        Ok(())
    }

    /// Ends IDLE. A connection that died meanwhile shows here at the latest.
    pub(super) async fn idle_end(&mut self, tag: &RequestId) -> Result<(), CommandFailure> {
        let deadline = self.deadline(0);
        self.under_way = CommandState::Answer;
        self.idle_done(deadline).await?;
        loop {
            let end = self.next(deadline, "end of IDLE", |r| ended(r, tag));
            if let Some(end) = end.await? {
                self.under_way = CommandState::Nothing;
                return end;
            }
        }
    }

    async fn idle_done(&mut self, deadline: Instant) -> Result<(), Error> {
        let sent = timeout_at(deadline, self.imap.run_command_untagged("DONE")).await;
        written(&self.server, sent)
    }

    /// Says goodbye, where it does not take long. Not while an answer is under way.
    pub(super) async fn log_out(&mut self) {
        let deadline = Instant::now() + GOODBYE;
        let said = match self.under_way {
            CommandState::Nothing => Ok(()),
            CommandState::Idling => self.idle_done(deadline).await,
            CommandState::Answer => return,
        };
        if said.is_err() {
            return;
        }
        if let Ok(Ok(tag)) = timeout_at(deadline, self.imap.run_command("LOGOUT")).await {
            let mut over = false;
            while !over {
                let end = self.next(deadline, "LOGOUT", |r| ended(r, &tag).is_some());
                over = end.await.unwrap_or(true);
            }
        }
    }

    async fn start(&mut self, command: &str) -> Result<RequestId, CommandFailure> {
        self.under_way = CommandState::Answer;
        let deadline = self.deadline(0);
        let sent = timeout_at(deadline, self.imap.run_command(command)).await;
        Ok(written(&self.server, sent)?)
    }

    fn deadline(&self, bytes: u64) -> Instant {
        Instant::now() + self.timeout + Duration::from_secs(bytes / SLOWEST)
    }

    /// The next thing that the server says; BYE and the end of the connection are errors.
    async fn next<T>(
        &mut self,
        deadline: Instant,
        doing: &str,
        read: impl FnOnce(&Response<'_>) -> T,
    ) -> Result<T, CommandFailure> {
        let mut passed_over = self.passed_over();
        let mut deadline = deadline;
        let read_response = loop {
            match timeout_at(deadline, self.imap.read_response()).await {
                Ok(read) => break read,
                Err(_) => {
                    // What is thrown away takes its time as well, and its amount is bounded.
                    let now = self.passed_over();
                    let seconds = now.saturating_sub(passed_over) / SLOWEST;
                    if seconds == 0 {
                        return Err(silent(&self.server, doing).into());
                    }
                    deadline += Duration::from_secs(seconds);
                    passed_over = now;
                }
            }
        };
        let response = read_response
            .map_err(|e| unreadable(&self.server, doing, &e))?
            .ok_or_else(|| lost(&self.server, None))?;
        self.note(response.parsed(), doing)?;
        Ok(read(response.parsed()))
    }

    /// Octets of the answer under way that were thrown away.
    fn passed_over(&self) -> u64 {
        self.imap.get_ref().mender().passed_over()
    }

    /// What the server says on the side of any command (RFC 3501 section 7).
    fn note(&mut self, response: &Response<'_>, doing: &str) -> Result<(), Error> {
        if let Response::Data {
            status: Status::Bye,
            outcome,
        } = response
            && doing != "LOGOUT"
        {
            let said = outcome.information.as_deref().unwrap_or("BYE");
            return Err(closed(&self.server, TroubleKind::Lost, said));
        }
        if let Response::MailboxData(MailboxDatum::Exists(n)) = response {
            // Some servers repeat the number after every command: that is no news. Whoever was
            // expunged is already subtracted.
            self.news |= *n != self.exists;
            self.exists = *n;
        } else if let Response::Expunge(_) = response {
            self.exists = self.exists.saturating_sub(1);
        }
        Ok(())
    }
}

/// Whether a command was sent in time.
fn written<T>(
    server: &ServerAddress,
    sent: Result<ImapResult<T>, tokio::time::error::Elapsed>,
) -> Result<T, Error> {
    match sent {
        Ok(Ok(sent)) => Ok(sent),
        Ok(Err(async_imap::error::Error::Io(e))) => Err(lost(server, Some(&e))),
        Ok(Err(_)) => Err(lost(server, None)),
        Err(_) => Err(silent(server, "sending")),
    }
}

/// Whether this is the answer to the command with that tag, and which.
fn ended(response: &Response<'_>, tag: &RequestId) -> Option<Result<(), CommandFailure>> {
    let Response::Done {
        tag: of,
        status,
        outcome,
    } = response
    else {
        return None;
    };
    if of != tag {
        return None;
    }
    Some(match status {
        Status::Ok | Status::PreAuth => Ok(()),
        Status::No | Status::Bad | Status::Bye => {
            let said = outcome.information.as_deref().unwrap_or_default();
            Err(CommandFailure::Denied(quoted(said)))
        }
    })
}
