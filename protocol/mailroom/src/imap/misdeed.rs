//! Faults that act on the greeting or on a command as a whole.

use std::io;
use std::time::Duration;

use imap_codec::imap_types::command::CommandBody;
use tokio::time::sleep;

use super::session::{Done, Session};
use crate::faults::{Fault, ImapCommand};

/// How many untagged responses of an answer are still sent, and what happens to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortening {
    None,
    CutAfter(usize),
    LeaveOutAfter(usize),
}

/// What a fault makes of a command.
enum Misdeed {
    No,
    Bad,
    Silent,
    Bye,
    Late(Duration),
    Shorten(Shortening),
}

impl Misdeed {
    /// None where the fault is not about this command.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are not about commands"
    )]
    fn of(fault: &Fault, command: ImapCommand) -> Option<Misdeed> {
        let (on, misdeed) = match fault {
            Fault::ImapNo(on) => (on, Misdeed::No),
            Fault::ImapBad(on) => (on, Misdeed::Bad),
            Fault::ImapSilent(on) => (on, Misdeed::Silent),
            Fault::ImapBye(on) => (on, Misdeed::Bye),
            Fault::ImapLate(on, after) => (on, Misdeed::Late(*after)),
            Fault::ImapPartial(on, responses) => {
                (on, Misdeed::Shorten(Shortening::CutAfter(*responses)))
            }
            Fault::ImapLeavesOut(on, responses) => {
                (on, Misdeed::Shorten(Shortening::LeaveOutAfter(*responses)))
            }
            _ => return None,
        };
        (*on == command).then_some(misdeed)
    }
}

impl Session {
    /// False where the greeting was a `BYE`.
    pub(super) async fn greet(&mut self) -> io::Result<bool> {
        let picked = self.office.faults.take(None, |fault| {
            let about_greeting = matches!(
                fault,
                Fault::ImapNoGreeting | Fault::ImapByeGreeting | Fault::ImapPreauth(_)
            );
            about_greeting.then(|| fault.clone())
        });
        match picked {
            Some(Fault::ImapPreauth(user)) => {
                if let Ok(mailbox) = self.office.mailbox(&user) {
                    self.welcome(mailbox);
                }
                self.wire.put("* PREAUTH mailroom ready\r\n");
                Ok(true)
            }
            Some(Fault::ImapByeGreeting) => {
                self.wire.put("* BYE told to say so\r\n");
                Ok(false)
            }
            Some(_) => Err(self.wire.stay_silent().await),
            None => {
                let capabilities = self.capabilities();
                self.wire.put(format!(
                    "* OK [CAPABILITY {capabilities}] mailroom ready\r\n"
                ));
                Ok(true)
            }
        }
    }

    pub(super) async fn a_fault_acts(&mut self, command: ImapCommand) -> io::Result<Option<Done>> {
        let user = self.wire.user.as_deref();
        let picked = self
            .office
            .faults
            .take(user, |fault| Misdeed::of(fault, command));
        let Some(misdeed) = picked else {
            return Ok(None);
        };
        self.wire.flush().await?;
        match misdeed {
            Misdeed::No => Ok(Some(Done::no("told to say so"))),
            Misdeed::Bad => Ok(Some(Done::bad("told to say so"))),
            Misdeed::Silent => Err(self.wire.stay_silent().await),
            Misdeed::Bye => {
                self.wire.put("* BYE told to say so\r\n");
                Err(self.wire.close().await)
            }
            Misdeed::Late(after) => {
                sleep(after).await;
                Ok(None)
            }
            Misdeed::Shorten(shortening) => {
                self.shortening = shortening;
                Ok(None)
            }
        }
    }
}

/// Which command it is, for faults.
#[expect(clippy::wildcard_enum_match_arm, reason = "no fault names the others")]
pub(super) fn name_of(body: &CommandBody<'_>) -> ImapCommand {
    match body {
        CommandBody::Capability => ImapCommand::Capability,
        CommandBody::Id { .. } => ImapCommand::Id,
        CommandBody::StartTLS => ImapCommand::StartTls,
        CommandBody::Login { .. } => ImapCommand::Login,
        CommandBody::Authenticate { .. } => ImapCommand::Authenticate,
        CommandBody::Namespace => ImapCommand::Namespace,
        CommandBody::List { .. } => ImapCommand::List,
        CommandBody::Status { .. } => ImapCommand::Status,
        CommandBody::Select { .. } => ImapCommand::Select,
        CommandBody::Examine { .. } => ImapCommand::Examine,
        CommandBody::Append { .. } => ImapCommand::Append,
        CommandBody::Noop => ImapCommand::Noop,
        CommandBody::Idle => ImapCommand::Idle,
        CommandBody::Fetch { uid: false, .. } => ImapCommand::Fetch,
        CommandBody::Fetch { uid: true, .. } => ImapCommand::UidFetch,
        CommandBody::Search { uid: false, .. } => ImapCommand::Search,
        CommandBody::Search { uid: true, .. } => ImapCommand::UidSearch,
        CommandBody::Store { .. } => ImapCommand::Store,
        CommandBody::Copy { .. } => ImapCommand::Copy,
        CommandBody::Move { .. } => ImapCommand::Move,
        CommandBody::Expunge | CommandBody::ExpungeUid { .. } => ImapCommand::Expunge,
        CommandBody::Close | CommandBody::Unselect => ImapCommand::Close,
        CommandBody::Logout => ImapCommand::Logout,
        _ => ImapCommand::Other,
    }
}
