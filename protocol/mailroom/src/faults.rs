//! The script of faults: what a test tells the mailroom to do wrong.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::address::canonical;

/// One thing done wrong. Each that names a command acts on the next such command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Closes the IMAP connection that sends next, after it has sent this many more octets.
    ImapCutAfter(usize),
    /// Answers `NO`, and does not obey.
    ImapNo(ImapCommand),
    /// Answers `BAD`, and does not obey.
    ImapBad(ImapCommand),
    /// Never answers; the connection stays open.
    ImapSilent(ImapCommand),
    /// Obeys, but only after this long.
    ImapLate(ImapCommand, Duration),
    /// Says `BYE` instead of obeying, and closes.
    ImapBye(ImapCommand),
    /// Sends this many untagged responses of the answer, then closes without a word.
    ImapPartial(ImapCommand, usize),
    /// Sends this many untagged responses of the answer, leaves out the others, and says `OK`.
    ImapLeavesOut(ImapCommand, usize),
    /// Accepts the connection and never greets.
    ImapNoGreeting,
    /// Greets with `BYE` and closes.
    ImapByeGreeting,
    /// Greets with `PREAUTH`: the client is in this user's mailbox without a password.
    ImapPreauth(String),
    /// Leaves `IDLE` out of the capabilities and refuses the command.
    NoIdle,
    /// Accepts `IDLE` and then announces nothing until it ends.
    IdleAnnouncesNothing,
    /// `SELECT`, `EXAMINE`, `STATUS` report a UIDVALIDITY of 0.
    UidValidityZero,
    /// `SELECT`, `EXAMINE`, `STATUS` leave out UIDNEXT.
    UidNextMissing,
    /// `SELECT`, `EXAMINE`, `STATUS` report a UIDNEXT of 1, whatever was there before.
    UidNextGoesBack,
    /// A `FETCH` reports this RFC822.SIZE for every letter.
    SizeReported(u32),
    /// The answer to `CAPABILITY` has a word in it that the grammar does not allow.
    CapabilityUnparsable,
    /// `SELECT` and `EXAMINE` are refused on connections where the client did not say `ID`.
    SelectWantsId,
    /// A search that has a `HEADER` key finds nothing, and says so with `OK`.
    HeaderSearchFindsNothing,
    /// A search that has a `HEADER` key is answered `NO`.
    HeaderSearchRefused,

    /// Closes the SMTP connection that sends next, after it has sent this many more octets.
    SmtpCutAfter(usize),
    /// Answers with this code and does not obey.
    SmtpReply(SmtpStage, u16),
    /// Neither obeys nor answers; the connection stays open.
    SmtpSilent(SmtpStage),
    /// Obeys, but only after this long.
    SmtpLate(SmtpStage, Duration),
    /// Closes the connection instead of obeying.
    SmtpCut(SmtpStage),
    /// Takes the letter, and never says so; the connection stays open.
    LetterTakenSilently,
    /// Takes the letter, and answers only after this long.
    LetterTakenAnsweredLate(Duration),
    /// Takes the letter, and closes the connection without an answer.
    LetterTakenThenCut,

    /// A letter that was accepted is never filed.
    LetterLost,
    /// A letter is filed twice.
    LetterTwice,
}

/// IMAP commands that a fault can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Each is the command of that name.
pub enum ImapCommand {
    Capability,
    Id,
    StartTls,
    Login,
    Authenticate,
    Namespace,
    List,
    Status,
    Select,
    Examine,
    Append,
    Noop,
    Idle,
    Fetch,
    UidFetch,
    Search,
    UidSearch,
    Store,
    Copy,
    Move,
    Expunge,
    Close,
    Logout,
    /// Every command without an entry of its own.
    Other,
}

/// Where in the SMTP dialogue a fault acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpStage {
    /// The greeting, before the client has said anything.
    Greeting,
    /// `EHLO` or `HELO`.
    Ehlo,
    /// `STARTTLS`, before TLS begins.
    StartTls,
    /// `AUTH`, before a password is looked at.
    Auth,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Rcpt,
    /// The `DATA` command.
    Data,
    /// The dot after the letter.
    Letter,
}

/// The faults that are set, and how often each has happened.
#[derive(Debug)]
pub struct Faults {
    rules: Mutex<Vec<Rule>>,
    happened: watch::Sender<Vec<(Fault, u64)>>,
}

/// Sets faults for one user's connections and letters.
#[derive(Debug)]
pub struct FaultsFor<'a> {
    faults: &'a Faults,
    user: String,
}

#[derive(Debug)]
struct Rule {
    fault: Fault,
    left: Times,
    user: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Times {
    Left(u64),
    Always,
}

impl Faults {
    pub(crate) fn none() -> Faults {
        Faults {
            rules: Mutex::new(Vec::new()),
            happened: watch::Sender::new(Vec::new()),
        }
    }

    /// The fault happens at the next occasion, once.
    pub fn once(&self, fault: Fault) {
        self.times(1, fault);
    }

    /// The fault happens at the next occasions, this many times.
    pub fn times(&self, times: u64, fault: Fault) {
        self.add(fault, Times::Left(times), None);
    }

    /// The fault happens until [`Faults::clear`].
    pub fn always(&self, fault: Fault) {
        self.add(fault, Times::Always, None);
    }

    /// Faults for this user only: connections after login, letters to this address.
    pub fn for_user(&self, user: &str) -> FaultsFor<'_> {
        FaultsFor {
            faults: self,
            user: canonical(user).unwrap_or_else(|| user.to_owned()),
        }
    }

    /// Takes back all faults that have not happened yet.
    pub fn clear(&self) {
        self.rules().clear();
    }

    /// How often this fault has happened.
    pub fn happened(&self, fault: &Fault) -> u64 {
        count(&self.happened.borrow(), fault)
    }

    /// Waits until this fault has happened that often since the mailroom started. For ever, if
    /// it does not: put a timeout around it.
    pub async fn until_happened(&self, fault: &Fault, times: u64) {
        let mut happened = self.happened.subscribe();
        // The sender lives in self: it can't be gone.
        let _ = happened
            .wait_for(|happened| count(happened, fault) >= times)
            .await;
    }

    /// Uses up the first fault that `pick` wants and that is meant for this user.
    pub(crate) fn take<T>(
        &self,
        user: Option<&str>,
        pick: impl Fn(&Fault) -> Option<T>,
    ) -> Option<T> {
        let mut rules = self.rules();
        let mut found = None;
        for (index, rule) in rules.iter_mut().enumerate() {
            if rule.user.is_some() && rule.user.as_deref() != user {
                continue;
            }
            if let Some(picked) = pick(&rule.fault) {
                found = Some((index, picked));
                break;
            }
        }
        let (index, picked) = found?;
        let rule = rules.get_mut(index)?;
        let fault = rule.fault.clone();
        match rule.left {
            Times::Always => {}
            Times::Left(left) if left > 1 => rule.left = Times::Left(left - 1),
            Times::Left(_) => drop(rules.remove(index)),
        }
        drop(rules);
        self.record(fault);
        Some(picked)
    }

    /// Whether exactly this fault is to happen now.
    pub(crate) fn strikes(&self, user: Option<&str>, fault: &Fault) -> bool {
        self.take(user, |set| (set == fault).then_some(()))
            .is_some()
    }

    /// Whether this fault is set, without using it up.
    pub(crate) fn is_set(&self, user: Option<&str>, fault: &Fault) -> bool {
        self.rules().iter().any(|rule| {
            rule.fault == *fault && (rule.user.is_none() || rule.user.as_deref() == user)
        })
    }

    fn add(&self, fault: Fault, left: Times, user: Option<String>) {
        if !matches!(left, Times::Left(0)) {
            self.rules().push(Rule { fault, left, user });
        }
    }

    fn record(&self, fault: Fault) {
        self.happened.send_modify(|happened| {
            match happened.iter_mut().find(|(known, _)| *known == fault) {
                Some((_, times)) => *times += 1,
                None => happened.push((fault, 1)),
            }
        });
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultsFor<'_> {
    /// As [`Faults::once`], for this user only.
    pub fn once(&self, fault: Fault) {
        self.times(1, fault);
    }

    /// As [`Faults::times`], for this user only.
    pub fn times(&self, times: u64, fault: Fault) {
        self.faults
            .add(fault, Times::Left(times), Some(self.user.clone()));
    }

    /// As [`Faults::always`], for this user only.
    pub fn always(&self, fault: Fault) {
        self.faults
            .add(fault, Times::Always, Some(self.user.clone()));
    }
}

fn count(happened: &[(Fault, u64)], fault: &Fault) -> u64 {
    happened
        .iter()
        .find(|(known, _)| known == fault)
        .map_or(0, |(_, times)| *times)
}
