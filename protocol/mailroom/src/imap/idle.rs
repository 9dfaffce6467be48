//! IDLE (RFC 2177): news as they happen, until `DONE`.

use std::io;

use super::input::Read;
use super::session::{Done, Known, Session};
use crate::boxes::Dismissal;
use crate::faults::Fault;

impl Session {
    pub(super) async fn idle(&mut self, tag: &str, known: &Known) -> io::Result<Done> {
        let user = self.wire.user.clone();
        let faults = &self.office.faults;
        if !self.office.options.idle || faults.strikes(user.as_deref(), &Fault::NoIdle) {
            return Ok(Done::bad("not offered here"));
        }
        let mute = faults.strikes(user.as_deref(), &Fault::IdleAnnouncesNothing);
        let mut changes = known.mailbox.watch();
        // News since the last command go before the continuation, as some servers send them:
        // a client that waits for `+` alone must not lose them.
        if !mute {
            self.tell_news(true)?;
        }
        self.wire.put("+ idling\r\n");
        loop {
            self.wire.flush().await?;
            tokio::select! {
                read = self.message() => return self.end_of_idle(tag, read?).await,
                _ = changes.changed() => {}
            }
            if !mute {
                self.tell_news(true)?;
            }
        }
    }

    async fn end_of_idle(&mut self, tag: &str, read: Read) -> io::Result<Done> {
        match read {
            Read::Message => {
                let line = self.fragmentizer.message_bytes().trim_ascii();
                Ok(if line.eq_ignore_ascii_case(b"DONE") {
                    Done::ok("idled")
                } else {
                    Done::bad("DONE was expected")
                })
            }
            Read::Dismissed(Dismissal::Bye) => {
                self.wire.put("* BYE told to say so\r\n");
                tracing::debug!(tag, "idling was ended");
                Err(self.wire.close().await)
            }
            Read::Dismissed(Dismissal::Cut) => Err(self.wire.cut().await),
        }
    }
}
