//! One IMAP connection: which command leads where.

use std::io;
use std::sync::Arc;

use imap_codec::fragmentizer::Fragmentizer;
use imap_codec::imap_types::command::{Command, CommandBody};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::input::{Input, fresh_fragmentizer};
use super::misdeed::{Shortening, name_of};
use super::view::View;
use crate::boxes::{Dismissal, Mailbox};
use crate::faults::{Fault, ImapCommand};
use crate::post_office::PostOffice;
use crate::wire::{Protocol, Wire};

pub(super) struct Session {
    pub(super) office: Arc<PostOffice>,
    pub(super) wire: Wire,
    pub(super) fragmentizer: Fragmentizer,
    pub(super) state: State,
    pub(super) said_id: bool,
    /// How a fault shortens the answer to the command in hand.
    pub(super) shortening: Shortening,
}

/// Each state with what is known in it.
pub(super) enum State {
    Stranger,
    Known(Known),
    Selected(Known, View),
}

#[derive(Clone)]
pub(super) struct Known {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) dismissed: watch::Receiver<Dismissal>,
}

/// How a command ended, with the text of the tagged response.
pub(super) enum Done {
    Ok(String),
    No(String),
    Bad(String),
    /// The answer has been given, or there is none to give.
    Answered,
    LoggedOut,
}

impl Done {
    pub(super) fn ok(text: &str) -> Done {
        Done::Ok(text.to_owned())
    }

    pub(super) fn no(text: &str) -> Done {
        Done::No(text.to_owned())
    }

    pub(super) fn bad(text: &str) -> Done {
        Done::Bad(text.to_owned())
    }
}

/// Serves one connection until it ends.
pub(crate) async fn serve(
    office: Arc<PostOffice>,
    stream: TcpStream,
    implicit_tls: bool,
) -> io::Error {
    let mut session = Session {
        fragmentizer: fresh_fragmentizer(&office.options),
        wire: Wire::new(stream, Protocol::Imap, Arc::clone(&office)),
        office,
        state: State::Stranger,
        said_id: false,
        shortening: Shortening::None,
    };
    match session.run(implicit_tls).await {
        Ok(()) => session.wire.close().await,
        Err(error) => error,
    }
}

impl Session {
    async fn run(&mut self, implicit_tls: bool) -> io::Result<()> {
        if implicit_tls {
            self.wire.start_tls().await?;
        }
        if !self.greet().await? {
            return Ok(());
        }
        loop {
            match self.command().await? {
                Input::Command(command) => {
                    if !self.handle(command).await? {
                        return Ok(());
                    }
                }
                Input::Dismissed(Dismissal::Bye) => {
                    self.wire.put("* BYE told to say so\r\n");
                    return Ok(());
                }
                Input::Dismissed(Dismissal::Cut) => return Err(self.wire.cut().await),
            }
        }
    }

    /// False after `LOGOUT`.
    async fn handle(&mut self, command: Command<'static>) -> io::Result<bool> {
        let tag = command.tag.as_ref().to_owned();
        let name = name_of(&command.body);
        let done = match self.a_fault_acts(name).await? {
            Some(done) => done,
            None => self.obey(&tag, command.body).await?,
        };
        self.shortening = Shortening::None;
        let (word, text) = match done {
            Done::Ok(text) => ("OK", text),
            Done::No(text) => ("NO", text),
            Done::Bad(text) => ("BAD", text),
            Done::Answered => return Ok(true),
            Done::LoggedOut => {
                self.wire.put(format!("{tag} OK goodbye\r\n"));
                return Ok(false);
            }
        };
        // RFC 3501 section 7.4.1: no EXPUNGE while sequence numbers are in use.
        let numbers_in_use = matches!(
            name,
            ImapCommand::Fetch | ImapCommand::Store | ImapCommand::Search
        );
        self.tell_news(!numbers_in_use)?;
        self.wire.put(format!("{tag} {word} {text}\r\n"));
        Ok(true)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others come below")]
    async fn obey(&mut self, tag: &str, body: CommandBody<'static>) -> io::Result<Done> {
        match body {
            CommandBody::Capability => {
                let mut capabilities = self.capabilities();
                let user = self.wire.user.as_deref();
                if self
                    .office
                    .faults
                    .strikes(user, &Fault::CapabilityUnparsable)
                {
                    // A quote is no atom character (RFC 3501 section 9, capability).
                    capabilities.push_str(" X-\"ODD\"");
                }
                self.untagged(format!("CAPABILITY {capabilities}")).await?;
                Ok(Done::ok("that is all"))
            }
            CommandBody::Id { .. } => {
                self.said_id = true;
                self.untagged("ID (\"name\" \"mailroom\")").await?;
                Ok(Done::ok("pleased to meet you"))
            }
            CommandBody::Noop | CommandBody::Check => Ok(Done::ok("nothing done")),
            CommandBody::Logout => {
                self.untagged("BYE goodbye").await?;
                Ok(Done::LoggedOut)
            }
            CommandBody::StartTLS => self.start_tls(tag).await,
            CommandBody::Login { username, password } => {
                Ok(self.login(username.as_ref(), password.declassify().as_ref()))
            }
            CommandBody::Authenticate {
                mechanism,
                initial_response,
            } => {
                let initial = initial_response.map(|secret| secret.declassify().to_vec());
                self.authenticate(&mechanism, initial).await
            }
            body => match &self.state {
                State::Stranger => Ok(Done::bad("log in first")),
                State::Known(known) | State::Selected(known, _) => {
                    let known = known.clone();
                    self.obey_known(tag, known, body).await
                }
            },
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others come below")]
    async fn obey_known(
        &mut self,
        tag: &str,
        known: Known,
        body: CommandBody<'static>,
    ) -> io::Result<Done> {
        match body {
            CommandBody::Namespace => {
                self.untagged("NAMESPACE ((\"\" \"/\")) NIL NIL").await?;
                Ok(Done::ok("that is all"))
            }
            CommandBody::List {
                mailbox_wildcard, ..
            } => self.list("LIST", &known, &mailbox_wildcard).await,
            CommandBody::Lsub {
                mailbox_wildcard, ..
            } => self.list("LSUB", &known, &mailbox_wildcard).await,
            CommandBody::Status {
                mailbox,
                item_names,
            } => self.status(&known, &mailbox, &item_names).await,
            CommandBody::Select { mailbox } => self.select(known, &mailbox, false).await,
            CommandBody::Examine { mailbox } => self.select(known, &mailbox, true).await,
            CommandBody::Create { mailbox } => Ok(Session::create(&known, &mailbox)),
            CommandBody::Delete { mailbox } => Ok(Session::delete(&known, &mailbox)),
            CommandBody::Subscribe { .. } | CommandBody::Unsubscribe { .. } => {
                Ok(Done::ok("all folders are always subscribed to"))
            }
            CommandBody::Append {
                mailbox,
                flags,
                date,
                message,
            } => Ok(Session::append(&known, &mailbox, &flags, date, &message)),
            CommandBody::Idle => self.idle(tag, &known).await,
            body => match &self.state {
                State::Selected(_, view) => {
                    let view = view.clone();
                    self.obey_selected(&known, &view, body).await
                }
                State::Known(_) | State::Stranger => Ok(Done::bad(
                    "no folder is selected, or the command is not offered here",
                )),
            },
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are not offered")]
    async fn obey_selected(
        &mut self,
        known: &Known,
        view: &View,
        body: CommandBody<'static>,
    ) -> io::Result<Done> {
        match body {
            CommandBody::Fetch {
                sequence_set,
                macro_or_item_names,
                uid,
            } => {
                let wanted = view.pick(&sequence_set, uid);
                self.fetch(known, view, &wanted, &macro_or_item_names, uid)
                    .await
            }
            CommandBody::Search {
                charset,
                criteria,
                uid,
            } => self.search(known, view, charset, &criteria, uid).await,
            CommandBody::Store {
                sequence_set,
                kind,
                response,
                flags,
                uid,
            } => {
                let wanted = view.pick(&sequence_set, uid);
                self.store(known, view, &wanted, (kind, response), &flags, uid)
                    .await
            }
            CommandBody::Copy {
                sequence_set,
                mailbox,
                uid,
            } => {
                let wanted = view.pick(&sequence_set, uid);
                Ok(Session::copy(known, view, &wanted, &mailbox))
            }
            CommandBody::Move {
                sequence_set,
                mailbox,
                uid,
            } => {
                let wanted = view.pick(&sequence_set, uid);
                self.move_letters(known, view, &wanted, &mailbox).await
            }
            CommandBody::Expunge => Ok(Session::expunge(known, view, None)),
            CommandBody::ExpungeUid { sequence_set } => {
                let wanted = view.pick(&sequence_set, true);
                Ok(Session::expunge(known, view, Some(&wanted)))
            }
            CommandBody::Close => {
                if !view.read_only {
                    drop(Session::expunge(known, view, None));
                }
                self.state = State::Known(known.clone());
                Ok(Done::ok("closed"))
            }
            CommandBody::Unselect => {
                self.state = State::Known(known.clone());
                Ok(Done::ok("closed"))
            }
            _ => Ok(Done::bad("not offered here")),
        }
    }

    /// Sends one untagged response, unless a fault has shortened the answer.
    pub(super) async fn untagged(&mut self, text: impl AsRef<[u8]>) -> io::Result<()> {
        match &mut self.shortening {
            Shortening::None => {}
            Shortening::CutAfter(0) => {
                self.wire.flush().await?;
                return Err(self.wire.cut().await);
            }
            Shortening::LeaveOutAfter(0) => return Ok(()),
            Shortening::CutAfter(left) | Shortening::LeaveOutAfter(left) => *left -= 1,
        }
        self.wire.put("* ");
        self.wire.put(text);
        self.wire.put("\r\n");
        self.flush_much().await
    }

    /// Keeps long answers from piling up in memory.
    async fn flush_much(&mut self) -> io::Result<()> {
        const MUCH: usize = 256 * 1024;
        if self.wire.waiting_to_be_sent() > MUCH {
            self.wire.flush().await?;
        }
        Ok(())
    }

    pub(super) fn capabilities(&self) -> String {
        let options = &self.office.options;
        let user = self.wire.user.as_deref();
        let no_idle = self.office.faults.is_set(user, &Fault::NoIdle);
        let encrypted = self.wire.is_encrypted();
        let known = !matches!(self.state, State::Stranger);
        let may_log_in = !known && (encrypted || options.plaintext_auth);
        let mut words = vec!["IMAP4rev1"];
        let optional = [
            (options.starttls && !encrypted && !known, "STARTTLS"),
            (!known && !may_log_in, "LOGINDISABLED"),
            (may_log_in, "AUTH=PLAIN"),
            (true, "SASL-IR"),
            (true, "ID"),
            (options.idle && !no_idle, "IDLE"),
            (true, "NAMESPACE"),
            (true, "UIDPLUS"),
            (true, "MOVE"),
            (true, "UNSELECT"),
            (options.special_use, "SPECIAL-USE"),
        ];
        words.extend(optional.iter().filter(|(on, _)| *on).map(|(_, word)| *word));
        words.join(" ")
    }
}
