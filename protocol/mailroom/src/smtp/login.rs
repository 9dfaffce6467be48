//! AUTH (RFC 4954): PLAIN and LOGIN.

use std::io;

use smtp_proto::{AUTH_LOGIN, AUTH_PLAIN};

use super::session::{Door, Session};
use crate::credentials::{self, Credentials};

impl Session {
    pub(super) async fn authenticate(&mut self, mechanism: u64, initial: &str) -> io::Result<()> {
        if self.door == Door::Outside {
            self.reply(503, "5.5.1 no login on this port");
        } else if !self.may_send_password() {
            self.reply(
                538,
                "5.7.11 STARTTLS first: passwords are not taken in plain text",
            );
        } else if self.user.is_some() {
            self.reply(503, "5.5.1 logged in already");
        } else if mechanism != AUTH_PLAIN && mechanism != AUTH_LOGIN {
            self.reply(504, "5.5.4 PLAIN or LOGIN");
        } else {
            let given = match mechanism {
                AUTH_PLAIN => self.plain(initial).await?,
                _ => self.login(initial).await?,
            };
            self.judge_credentials(given);
        }
        Ok(())
    }

    async fn plain(&mut self, initial: &str) -> io::Result<Option<Credentials>> {
        let response = match initial.trim() {
            "" => self.ask("").await?,
            given => given.to_owned(),
        };
        Ok(credentials::decode(&response).and_then(|octets| credentials::plain(&octets)))
    }

    async fn login(&mut self, initial: &str) -> io::Result<Option<Credentials>> {
        let user = match initial.trim() {
            "" => self.ask("VXNlcm5hbWU6").await?,
            given => given.to_owned(),
        };
        let password = self.ask("UGFzc3dvcmQ6").await?;
        Ok(credentials::decode_text(&user)
            .zip(credentials::decode_text(&password))
            .map(|(user, password)| Credentials { user, password }))
    }

    async fn ask(&mut self, challenge: &str) -> io::Result<String> {
        self.wire.put(format!("334 {challenge}\r\n"));
        let line = self.line().await?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn judge_credentials(&mut self, given: Option<Credentials>) {
        let Some(Credentials { user, password }) = given else {
            return self.reply(501, "5.5.2 cancelled, or not understood");
        };
        match self.office.log_in(&user, &password) {
            Some(mailbox) => {
                self.wire.user = Some(mailbox.address.clone());
                self.user = Some(mailbox);
                self.reply(235, "2.7.0 welcome");
            }
            None => self.reply(535, "5.7.8 wrong user or password"),
        }
    }

    pub(super) fn may_send_password(&self) -> bool {
        self.wire.is_encrypted() || self.office.options.plaintext_auth
    }
}
