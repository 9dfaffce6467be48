//! What a server's answer means for the letter.

use lettre::transport::smtp;

use super::cause::{Cause, SubmissionStep};
use super::verdict::{ReplyVerdict, verdict};
use super::{Submission, Whose};
use crate::net::ServerAddress;
use crate::trouble::{Error, TroubleKind, quoted};

/// An error while a letter was sent.
#[derive(Debug)]
pub(super) enum SendFailure {
    /// Code 4xx or 5xx, with the server's words, all of them.
    Code(u16, String),
    /// No usable answer: the connection broke, or something else than SMTP came.
    NoAnswer(String),
}

impl From<smtp::Error> for SendFailure {
    fn from(e: smtp::Error) -> SendFailure {
        let said = std::error::Error::source(&e).map(ToString::to_string);
        let said = said.unwrap_or_default();
        match e.status() {
            Some(code) => SendFailure::Code(u16::from(code), said),
            None if said.is_empty() => SendFailure::NoAnswer(quoted(&e.to_string())),
            None => SendFailure::NoAnswer(quoted(&said)),
        }
    }
}

impl SendFailure {
    /// Whether this is how a connection looks that the server closed while it was unused: then
    /// the letter, of which the server has nothing, goes over a fresh one.
    pub(super) fn is_stale_connection(&self, step: SubmissionStep) -> bool {
        let closed = match self {
            // RFC 5321 section 3.8: 421 says that the server closes the connection.
            SendFailure::Code(code, _) => *code == 421,
            SendFailure::NoAnswer(_) => true,
        };
        closed && step != SubmissionStep::Text
    }

    /// What it means for the letter that `from` sends by the account of `user`.
    pub(super) fn submission(
        self,
        step: SubmissionStep,
        server: &ServerAddress,
        (user, from): (&str, &str),
    ) -> Submission {
        let (code, said) = match self {
            SendFailure::Code(code, said) => (code, said),
            SendFailure::NoAnswer(why) => return no_answer(step, server, &why),
        };
        let meant = verdict(step, code, &said);
        let said = quoted(&said);
        match meant {
            ReplyVerdict::Final => Submission::Refused {
                code: Some(code),
                text: format!("{server} refused it: {code} {said}"),
            },
            ReplyVerdict::Later if (500..600).contains(&code) => Submission::TryAgain {
                text: format!(
                    "{server} did not take it, and not for a reason that lies in it or its recipient for sure: it is \
                     tried again ({code} {said})"
                ),
                whose: Whose::Letter,
            },
            ReplyVerdict::Later => Submission::TryAgain {
                text: format!("{server} did not take it now: {code} {said}"),
                whose: Whose::Letter,
            },
            ReplyVerdict::AllLater(cause) => Submission::TryAgain {
                text: cause.text(server, (user, from), code, &said),
                whose: cause.whose(),
            },
        }
    }
}

/// The server refused what comes before any letter: greeting, EHLO, STARTTLS.
pub(super) fn refused_us(server: &ServerAddress, user: &str, failure: SendFailure) -> Error {
    let (code, said) = match failure {
        SendFailure::Code(code, said) => (code, said),
        SendFailure::NoAnswer(why) => {
            return Error::new(
                TroubleKind::Lost,
                format!("the connection to {server} broke ({why})"),
            );
        }
    };
    let cause = match verdict(SubmissionStep::Opening, code, &said) {
        ReplyVerdict::AllLater(cause) => cause,
        ReplyVerdict::Later | ReplyVerdict::Final => Cause::Trouble,
    };
    let kind = match cause {
        Cause::Tls => TroubleKind::Tls,
        Cause::Limit => TroubleKind::Busy,
        Cause::Trouble if code < 500 => TroubleKind::Busy,
        Cause::Trouble
        | Cause::Sender
        | Cause::Login
        | Cause::Hello
        | Cause::Relay
        | Cause::Blocked => TroubleKind::Refused,
    };
    Error::new(
        kind,
        cause.text(server, (user, "anybody"), code, &quoted(&said)),
    )
}

/// A connection that could not be made: nothing was said about the letter.
pub(super) fn not_connected(e: Error) -> Submission {
    let whose = match e.kind {
        TroubleKind::WrongPassword
        | TroubleKind::LoginRefused
        | TroubleKind::NoPassword
        | TroubleKind::Refused
        | TroubleKind::Configuration => Whose::Account,
        TroubleKind::NameNotFound
        | TroubleKind::CannotConnect
        | TroubleKind::Tls
        | TroubleKind::Busy
        | TroubleKind::Lost
        | TroubleKind::TimedOut
        | TroubleKind::NotUnderstood
        | TroubleKind::Folder => Whose::Server,
    };
    Submission::TryAgain {
        text: e.text,
        whose,
    }
}

/// No answer where one was due. After the text it is unknown whether the server has the letter;
/// the same bytes go again, and the receiver drops what comes twice (protocol 6).
pub(super) fn no_answer(step: SubmissionStep, server: &ServerAddress, why: &str) -> Submission {
    match step {
        SubmissionStep::Text => Submission::TryAgain {
            text: format!(
                "no answer from {server} after the letter was sent ({why}): it goes again"
            ),
            whose: Whose::Letter,
        },
        SubmissionStep::Opening | SubmissionStep::Sender => Submission::TryAgain {
            text: format!("the connection to {server} failed before the letter was sent ({why})"),
            whose: Whose::Server,
        },
        SubmissionStep::Recipient | SubmissionStep::Data => Submission::TryAgain {
            text: format!("the connection to {server} failed before the letter was sent ({why})"),
            whose: Whose::Letter,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_may_have_arrived_does_not_go_again_at_once() {
        let closed = SendFailure::NoAnswer("eof".to_owned());
        assert!(closed.is_stale_connection(SubmissionStep::Sender));
        assert!(!closed.is_stale_connection(SubmissionStep::Text));
        let goodbye = SendFailure::Code(421, "idle too long".to_owned());
        assert!(goodbye.is_stale_connection(SubmissionStep::Sender));
        let busy = SendFailure::Code(450, "busy".to_owned());
        assert!(!busy.is_stale_connection(SubmissionStep::Sender));
    }
}
