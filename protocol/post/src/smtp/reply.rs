//! What a server's answer means for the letter.

use lettre::transport::smtp;

use super::Submission;
use crate::net::Place;
use crate::trouble::quoted;

/// How far a letter had come. Before `Text`, the server has nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Sender,
    Recipient,
    Data,
    Text,
}

/// An error while a letter was sent.
#[derive(Debug)]
pub(super) enum SendFailure {
    /// Code 4xx or 5xx, with the server's words.
    Code(u16, String),
    /// No usable answer: the connection broke, or something else than SMTP came.
    NoAnswer(String),
}

impl From<smtp::Error> for SendFailure {
    fn from(e: smtp::Error) -> SendFailure {
        let said = std::error::Error::source(&e).map(ToString::to_string);
        let said = quoted(&said.unwrap_or_default());
        match e.status() {
            Some(code) => SendFailure::Code(u16::from(code), said),
            None if said.is_empty() => SendFailure::NoAnswer(quoted(&e.to_string())),
            None => SendFailure::NoAnswer(said),
        }
    }
}

impl SendFailure {
    /// Whether this is how a connection looks that the server closed while it was unused: then
    /// the letter, of which the server has nothing, goes over a fresh one.
    pub(super) fn is_stale_connection(&self, step: Step) -> bool {
        let closed = match self {
            // RFC 5321 section 3.8: 421 says that the server closes the connection.
            SendFailure::Code(code, _) => *code == 421,
            SendFailure::NoAnswer(_) => true,
        };
        closed && step != Step::Text
    }

    pub(super) fn submission(self, step: Step, place: &Place) -> Submission {
        match self {
            SendFailure::Code(code, said) if is_about_us(code, step) => Submission::TryAgain {
                text: format!(
                    "{place} wants another login or TLS ({code} {said}) - check `tls`, `user` and the password in {}",
                    place.section
                ),
            },
            SendFailure::Code(code, said) if (500..600).contains(&code) => Submission::Refused {
                code: Some(code),
                text: format!("{place} refused it: {code} {said}"),
            },
            SendFailure::Code(code, said) => Submission::TryAgain {
                text: format!("{place} did not take it now: {code} {said}"),
            },
            SendFailure::NoAnswer(why) => no_answer(step, place, &why),
        }
    }
}

/// No answer where one was due. After the text it is unknown whether the server has the letter;
/// the same bytes go again, and the receiver drops what comes twice (protocol 6).
pub(super) fn no_answer(step: Step, place: &Place, why: &str) -> Submission {
    let text = match step {
        Step::Text => {
            format!("no answer from {place} after the letter was sent ({why}): it goes again")
        }
        Step::Sender | Step::Recipient | Step::Data => {
            format!("the connection to {place} failed before the letter was sent ({why})")
        }
    };
    Submission::TryAgain { text }
}

/// Answers that speak of the login, not of the letter (RFC 4954 section 6, RFC 3207 section 4):
/// a letter must not be lost to a wrong setting.
fn is_about_us(code: u16, step: Step) -> bool {
    matches!(code, 530 | 534 | 535 | 538) && step != Step::Text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Tls;

    fn outcome(failure: SendFailure, step: Step) -> &'static str {
        let place = Place {
            host: "smtp.home.example".to_owned(),
            port: 465,
            tls: Tls::Implicit,
            section: "[smtp]",
        };
        match failure.submission(step, &place) {
            Submission::Accepted { .. } => "accepted",
            Submission::Refused { .. } => "refused",
            Submission::TryAgain { .. } => "again",
        }
    }

    #[test]
    fn only_a_final_refusal_of_the_letter_ends_it() {
        let rows = [
            (550, Step::Recipient, "refused"),
            (550, Step::Sender, "refused"),
            (554, Step::Text, "refused"),
            (552, Step::Data, "refused"),
            (450, Step::Recipient, "again"),
            (421, Step::Text, "again"),
            (452, Step::Sender, "again"),
            (530, Step::Sender, "again"),
            (535, Step::Recipient, "again"),
            (250, Step::Data, "again"), // not what DATA is answered with
        ];
        for (code, step, expected) in rows {
            let failure = SendFailure::Code(code, "words".to_owned());
            assert_eq!(outcome(failure, step), expected, "{code} at {step:?}");
        }
        let silence = SendFailure::NoAnswer("eof".to_owned());
        assert_eq!(outcome(silence, Step::Text), "again");
    }

    #[test]
    fn a_letter_that_may_have_arrived_does_not_go_again_at_once() {
        let closed = SendFailure::NoAnswer("eof".to_owned());
        assert!(closed.is_stale_connection(Step::Sender));
        assert!(!closed.is_stale_connection(Step::Text));
        let goodbye = SendFailure::Code(421, "idle too long".to_owned());
        assert!(goodbye.is_stale_connection(Step::Sender));
        let busy = SendFailure::Code(450, "busy".to_owned());
        assert!(!busy.is_stale_connection(Step::Sender));
    }
}
