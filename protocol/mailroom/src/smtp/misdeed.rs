//! Faults that act on a stage of the dialogue.

use std::io;
use std::time::Duration;

use tokio::time::sleep;

use super::session::Session;
use crate::faults::{Fault, SmtpStage};

/// What a fault makes of a command.
enum Misdeed {
    Reply(u16),
    Silent,
    Cut,
    Late(Duration),
}

impl Misdeed {
    /// None where the fault is not about this stage.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the others are not about stages"
    )]
    fn of(fault: &Fault, stage: SmtpStage) -> Option<Misdeed> {
        let (at, misdeed) = match fault {
            Fault::SmtpReply(at, code) => (at, Misdeed::Reply(*code)),
            Fault::SmtpSilent(at) => (at, Misdeed::Silent),
            Fault::SmtpCut(at) => (at, Misdeed::Cut),
            Fault::SmtpLate(at, after) => (at, Misdeed::Late(*after)),
            _ => return None,
        };
        (*at == stage).then_some(misdeed)
    }

    /// What happens once a letter is taken.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others act elsewhere")]
    fn after_taking(fault: &Fault) -> Option<Misdeed> {
        match fault {
            Fault::LetterTakenSilently => Some(Misdeed::Silent),
            Fault::LetterTakenThenCut => Some(Misdeed::Cut),
            Fault::LetterTakenAnsweredLate(after) => Some(Misdeed::Late(*after)),
            _ => None,
        }
    }
}

impl Session {
    /// Lets a fault act in place of a command. True where it has answered.
    pub(super) async fn a_fault_answers(&mut self, stage: SmtpStage) -> io::Result<bool> {
        let user = self.wire.user.as_deref();
        let picked = self
            .office
            .faults
            .take(user, |fault| Misdeed::of(fault, stage));
        match picked {
            None => Ok(false),
            Some(Misdeed::Reply(code)) => {
                // A refusal is one of the recipient or of the letter, as far as the stage allows.
                let status = match (code >= 500, stage) {
                    (true, SmtpStage::Rcpt) => "5.1.1",
                    (true, SmtpStage::Letter) => "5.6.0",
                    (true, _) => "5.3.0",
                    (false, _) => "4.3.0",
                };
                self.reply(code, &format!("{status} told to say so"));
                Ok(true)
            }
            Some(misdeed) => {
                self.delay_or_end(misdeed).await?;
                Ok(false)
            }
        }
    }

    pub(super) async fn a_fault_after_taking(&mut self) -> io::Result<()> {
        let user = self.wire.user.as_deref();
        match self.office.faults.take(user, Misdeed::after_taking) {
            Some(misdeed) => self.delay_or_end(misdeed).await,
            None => Ok(()),
        }
    }

    async fn delay_or_end(&mut self, misdeed: Misdeed) -> io::Result<()> {
        self.wire.flush().await?;
        match misdeed {
            Misdeed::Late(after) => {
                sleep(after).await;
                Ok(())
            }
            Misdeed::Cut => Err(self.wire.cut().await),
            Misdeed::Silent | Misdeed::Reply(_) => Err(self.wire.stay_silent().await),
        }
    }
}
