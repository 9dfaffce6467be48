//! STARTTLS, LOGIN, AUTHENTICATE.

use std::io;
use std::sync::Arc;

use imap_codec::imap_types::auth::AuthMechanism;

use super::input::{Read, fresh_fragmentizer};
use super::session::{Done, Known, Session, State};
use crate::boxes::Mailbox;
use crate::credentials;

impl Session {
    pub(super) async fn start_tls(&mut self, tag: &str) -> io::Result<Done> {
        let offered = self.office.options.starttls && !self.wire.is_encrypted();
        if !offered || !matches!(self.state, State::Stranger) {
            return Ok(Done::bad("not now"));
        }
        self.wire.put(format!("{tag} OK go ahead\r\n"));
        self.wire.flush().await?;
        // What came in plain text behind the command is not part of the protected dialogue.
        self.fragmentizer = fresh_fragmentizer(&self.office.options);
        self.wire.start_tls().await?;
        Ok(Done::Answered)
    }

    pub(super) fn login(&mut self, user: &[u8], password: &[u8]) -> Done {
        if let Some(refusal) = self.no_login_now() {
            return refusal;
        }
        let user = String::from_utf8_lossy(user);
        let password = String::from_utf8_lossy(password);
        self.judge_credentials(&user, &password)
    }

    pub(super) async fn authenticate(
        &mut self,
        mechanism: &AuthMechanism<'_>,
        initial: Option<Vec<u8>>,
    ) -> io::Result<Done> {
        if let Some(refusal) = self.no_login_now() {
            return Ok(refusal);
        }
        if *mechanism != AuthMechanism::Plain {
            return Ok(Done::no("PLAIN only"));
        }
        let response = match initial {
            Some(response) => Some(response),
            None => {
                self.wire.put("+ \r\n");
                if let Read::Dismissed(_) = self.message().await? {
                    return Ok(Done::no("not now"));
                }
                let line = String::from_utf8_lossy(self.fragmentizer.message_bytes());
                credentials::decode(&line)
            }
        };
        Ok(
            match response.and_then(|octets| credentials::plain(&octets)) {
                Some(given) => self.judge_credentials(&given.user, &given.password),
                None => Done::bad("cancelled, or not understood"),
            },
        )
    }

    /// From now on the connection is this mailbox's.
    pub(super) fn welcome(&mut self, mailbox: Arc<Mailbox>) {
        self.wire.user = Some(mailbox.address.clone());
        let dismissed = mailbox.dismissals();
        self.state = State::Known(Known { mailbox, dismissed });
    }

    fn no_login_now(&self) -> Option<Done> {
        if !matches!(self.state, State::Stranger) {
            return Some(Done::bad("logged in already"));
        }
        let allowed = self.wire.is_encrypted() || self.office.options.plaintext_auth;
        (!allowed).then(|| Done::no("[PRIVACYREQUIRED] STARTTLS first"))
    }

    fn judge_credentials(&mut self, user: &str, password: &str) -> Done {
        match self.office.log_in(user, password) {
            Some(mailbox) => {
                self.welcome(mailbox);
                Done::Ok(format!("[CAPABILITY {}] welcome", self.capabilities()))
            }
            None => Done::no("[AUTHENTICATIONFAILED] wrong user or password"),
        }
    }
}
