//! A logged-in connection: commands followed to their own answer, and the server's side remarks.

use std::time::Duration;

use async_imap::imap_proto::{MailboxDatum, Response, Status};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use super::TroubleKind;
use super::facts::{FetchResponses, FetchedItems};
use super::failure::CommandFailure;
use super::login::Capabilities;
use super::mend::{Allowance, Answers, TooMuch};
use crate::net::wire::Wire;
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

/// See the module.
#[derive(Debug)]
pub(super) struct Session {
    /// The parser. Only its reading is used.
    reader: async_imap::Client<Answers>,
    tag: u32,
    pub(super) place: ServerAddress,
    timeout: Duration,
    pub(super) capabilities: Capabilities,
    /// Letters in the selected folder.
    pub(super) exists: u32,
    /// The server said that letters came, since this was last set to false.
    pub(super) news: bool,
    /// Whether partial fetches (RFC 9051 section 6.4.5) bring something; none: not yet known.
    pub(super) partial_works: Option<bool>,
    /// What must be said before a new command, after an interruption.
    pending: Pending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    Nothing,
    Idling,
    Answer,
}

impl Session {
    pub(super) fn new(
        wire: Wire,
        place: ServerAddress,
        timeout: Duration,
        capabilities: Capabilities,
    ) -> Session {
        Session {
            reader: async_imap::Client::new(Answers::new(wire)),
            tag: 0,
            place,
            timeout,
            capabilities,
            exists: 0,
            news: false,
            partial_works: None,
            pending: Pending::Nothing,
        }
    }

    /// The TLS version in use.
    pub(super) fn tls_version(&self) -> Option<String> {
        self.reader.get_ref().tls_version()
    }

    /// Runs a command; `on` sees everything that the server says before the command's own answer.
    pub(super) async fn run(
        &mut self,
        command: &str,
        limits: ResponseLimits,
        mut on: impl FnMut(&Response<'_>) + Send,
    ) -> Result<(), CommandFailure> {
        let doing = command.split(" (").next().unwrap_or_default();
        let tag = self.start(command).await?;
        self.allow(limits);
        loop {
            let deadline = self.deadline(limits.one);
            let end = self.next(deadline, doing, |response| {
                let end = ended(response, &tag);
                if end.is_none() {
                    on(response);
                }
                end
            });
            if let Some(end) = end.await? {
                self.pending = Pending::Nothing;
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
        self.reader.get_mut().allow(Allowance {
            octets: limits.bytes,
            literal: limits.text,
        });
    }

    /// A command with a literal (RFC 3501 section 4.3) at its end: APPEND.
    pub(super) async fn run_with_literal(
        &mut self,
        command: &str,
        literal: &[u8],
    ) -> Result<(), CommandFailure> {
        let tag = self
            .start(&format!("{command} {{{}}}", literal.len()))
            .await?;
        let deadline = self.deadline(literal.len() as u64);
        self.allow(SMALL);
        loop {
            match self.next(deadline, "APPEND", |r| Said::of(r, &tag)).await? {
                Said::End(end) => {
                    self.pending = Pending::Nothing;
                    return end;
                }
                Said::GoOn => self.write(&[literal, b"\r\n"].concat(), deadline).await?,
                Said::Else => {}
            }
        }
    }

    /// Begins IDLE (RFC 2177) and gives its tag. Denied: the server has none, whatever it announced.
    pub(super) async fn idle_begin(&mut self) -> Result<String, CommandFailure> {
        let tag = self.start("IDLE").await?;
        let deadline = self.deadline(0);
        self.allow(SMALL);
        loop {
            match self.next(deadline, "IDLE", |r| Said::of(r, &tag)).await? {
                Said::End(end) => {
                    self.pending = Pending::Nothing;
                    end?;
                    return Err(CommandFailure::Denied("IDLE ended at once".to_owned()));
                }
                Said::GoOn => {
                    self.pending = Pending::Idling;
                    return Ok(tag);
                }
                Said::Else => {}
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
    pub(super) async fn idle_end(&mut self, tag: &str) -> Result<(), CommandFailure> {
        let deadline = self.deadline(0);
        self.pending = Pending::Answer;
        self.write(b"DONE\r\n", deadline).await?;
        loop {
            let end = self.next(deadline, "end of IDLE", |r| ended(r, tag));
            if let Some(end) = end.await? {
                self.pending = Pending::Nothing;
                return end;
            }
        }
    }

    /// Says goodbye, where it does not take long. Not while an answer is under way.
    pub(super) async fn log_out(&mut self) {
        let text: &[u8] = match self.pending {
            Pending::Nothing => b"z LOGOUT\r\n",
            Pending::Idling => b"DONE\r\nz LOGOUT\r\n",
            Pending::Answer => return,
        };
        let deadline = Instant::now() + GOODBYE;
        if self.write(text, deadline).await.is_ok() {
            let mut over = false;
            while !over {
                let end = self.next(deadline, "LOGOUT", |r| ended(r, "z").is_some());
                over = end.await.unwrap_or(true);
            }
        }
    }

    async fn start(&mut self, command: &str) -> Result<String, CommandFailure> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        self.pending = Pending::Answer;
        let deadline = self.deadline(0);
        self.write(format!("{tag} {command}\r\n").as_bytes(), deadline)
            .await?;
        Ok(tag)
    }

    fn deadline(&self, bytes: u64) -> Instant {
        Instant::now() + self.timeout + Duration::from_secs(bytes / SLOWEST)
    }

    async fn write(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), CommandFailure> {
        let answers = self.reader.get_mut();
        let written = async {
            answers.write_all(bytes).await?;
            answers.flush().await
        };
        match tokio::time::timeout_at(deadline, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(lost(&self.place, Some(&e)).into()),
            Err(_) => Err(silent(&self.place, "sending").into()),
        }
    }

    /// The next thing that the server says; BYE and the end of the connection are errors.
    async fn next<T>(
        &mut self,
        deadline: Instant,
        doing: &str,
        read: impl FnOnce(&Response<'_>) -> T,
    ) -> Result<T, CommandFailure> {
        let mut passed_over = self.reader.get_ref().passed_over();
        let mut deadline = deadline;
        let read_response = loop {
            match tokio::time::timeout_at(deadline, self.reader.read_response()).await {
                Ok(read) => break read,
                Err(_) => {
                    // What is thrown away takes its time as well, and its amount is bounded.
                    let now = self.reader.get_ref().passed_over();
                    let seconds = now.saturating_sub(passed_over) / SLOWEST;
                    if seconds == 0 {
                        return Err(silent(&self.place, doing).into());
                    }
                    deadline += Duration::from_secs(seconds);
                    passed_over = now;
                }
            }
        };
        let response = read_response
            .map_err(|e| self.unreadable(&e, doing))?
            .ok_or_else(|| lost(&self.place, None))?;
        self.note(response.parsed(), doing)?;
        Ok(read(response.parsed()))
    }

    /// What the server says on the side of any command (RFC 3501 section 7).
    fn note(&mut self, response: &Response<'_>, doing: &str) -> Result<(), Error> {
        if let Response::Data {
            status: Status::Bye,
            outcome,
        } = response
            && doing != "LOGOUT"
        {
            let said = quoted(outcome.information.as_deref().unwrap_or("BYE"));
            return Err(Error::new(
                TroubleKind::Lost,
                format!("{} closed the connection: {said}", self.place),
            ));
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

    /// async-imap gives what it can't parse as an I/O error with the whole text in it, which may be
    /// a letter: not repeated.
    fn unreadable(&self, e: &std::io::Error, doing: &str) -> Error {
        if e.get_ref().is_some_and(|e| e.is::<TooMuch>()) {
            return Error::new(
                TroubleKind::NotUnderstood,
                format!("{} sends more than was asked for ({doing})", self.place),
            );
        }
        if e.kind() == std::io::ErrorKind::Other {
            return Error::new(
                TroubleKind::NotUnderstood,
                format!("{} gave an answer that can't be read ({doing})", self.place),
            );
        }
        lost(&self.place, Some(e))
    }
}

/// What a response means to a command that may be asked to go on.
enum Said {
    End(Result<(), CommandFailure>),
    GoOn,
    Else,
}

impl Said {
    fn of(response: &Response<'_>, tag: &str) -> Said {
        match ended(response, tag) {
            Some(end) => Said::End(end),
            None if matches!(response, Response::Continue(_)) => Said::GoOn,
            None => Said::Else,
        }
    }
}

/// Whether this is the answer to the command with that tag, and which.
fn ended(response: &Response<'_>, tag: &str) -> Option<Result<(), CommandFailure>> {
    let Response::Done {
        tag: of,
        status,
        outcome,
    } = response
    else {
        return None;
    };
    if of.0 != tag {
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
