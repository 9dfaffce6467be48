//! Reading commands: lines and literals within limits.

use std::future::pending;
use std::io;

use imap_codec::CommandCodec;
use imap_codec::fragmentizer::{FragmentInfo, Fragmentizer, LiteralAnnouncement};
use imap_codec::imap_types::IntoStatic;
use imap_codec::imap_types::command::Command;
use imap_codec::imap_types::core::LiteralMode;
use tokio::sync::watch;

use super::session::{Session, State};
use crate::boxes::Dismissal;
use crate::options::Options;

/// Literals of somebody who has not logged in are names and passwords.
const STRANGER_LITERAL_LIMIT: usize = 1024;
/// What a command may have beside its letter.
const COMMAND_LIMIT: usize = 64 * 1024;

pub(super) enum Input {
    Command(Command<'static>),
    Dismissed(Dismissal),
}

/// What was read: a whole message, to be found in the fragmentizer, or a dismissal.
pub(super) enum Read {
    Message,
    Dismissed(Dismissal),
}

pub(super) fn fresh_fragmentizer(options: &Options) -> Fragmentizer {
    let limit = options.letter_limit.saturating_add(COMMAND_LIMIT);
    Fragmentizer::new(u32::try_from(limit).unwrap_or(u32::MAX))
}

impl Session {
    /// The next command that can be understood; the others are answered `BAD`.
    pub(super) async fn command(&mut self) -> io::Result<Input> {
        loop {
            if let Read::Dismissed(how) = self.message().await? {
                return Ok(Input::Dismissed(how));
            }
            let codec = CommandCodec::default();
            if let Ok(command) = self.fragmentizer.decode_message(&codec) {
                return Ok(Input::Command(command.into_static()));
            }
            let tag = self.fragmentizer.decode_tag();
            let tag = tag.map_or_else(|| "*".to_owned(), |tag| tag.as_ref().to_owned());
            self.wire.put(format!("{tag} BAD not understood\r\n"));
        }
    }

    /// Reads one message: a line, with its literals.
    pub(super) async fn message(&mut self) -> io::Result<Read> {
        loop {
            match self.fragmentizer.progress() {
                Some(FragmentInfo::Line {
                    announcement: Some(literal),
                    ..
                }) => self.judge_literal(literal),
                Some(FragmentInfo::Line { .. }) => return Ok(Read::Message),
                Some(FragmentInfo::Literal { .. }) => {}
                None => {
                    if let Some(how) = self.wait_for_octets().await? {
                        return Ok(Read::Dismissed(how));
                    }
                }
            }
        }
    }

    fn judge_literal(&mut self, literal: LiteralAnnouncement) {
        let limit = match self.state {
            State::Stranger => STRANGER_LITERAL_LIMIT,
            State::Known(_) | State::Selected(..) => self.office.options.letter_limit,
        };
        let fits = usize::try_from(literal.length).is_ok_and(|length| length <= limit);
        match (fits, literal.mode) {
            (true, LiteralMode::Sync) => self.wire.put("+ go ahead\r\n"),
            (true, LiteralMode::NonSync) => {}
            (false, LiteralMode::Sync) => {
                let tag = self.fragmentizer.decode_tag();
                let tag = tag.map_or_else(|| "*".to_owned(), |tag| tag.as_ref().to_owned());
                self.wire.put(format!("{tag} NO [TOOBIG] too large\r\n"));
                self.fragmentizer.skip_message();
            }
            // It comes anyway; the fragmentizer counts it and keeps what fits.
            (false, LiteralMode::NonSync) => self.fragmentizer.poison_message(),
        }
    }

    /// Sends what is queued and waits for octets, or for a dismissal.
    async fn wait_for_octets(&mut self) -> io::Result<Option<Dismissal>> {
        self.wire.flush().await?;
        let dismissed = match &mut self.state {
            State::Stranger => None,
            State::Known(known) | State::Selected(known, _) => Some(&mut known.dismissed),
        };
        tokio::select! {
            received = self.wire.receive() => received?,
            how = dismissal(dismissed) => return Ok(Some(how)),
        }
        self.fragmentizer.enqueue_bytes(&self.wire.inbox);
        self.wire.inbox.clear();
        Ok(None)
    }
}

async fn dismissal(dismissed: Option<&mut watch::Receiver<Dismissal>>) -> Dismissal {
    if let Some(dismissed) = dismissed
        && dismissed.changed().await.is_ok()
    {
        return *dismissed.borrow_and_update();
    }
    pending().await
}
