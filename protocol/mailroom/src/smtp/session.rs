//! One SMTP connection.

use std::io;
use std::sync::Arc;

use smtp_proto::{MAIL_SMTPUTF8, MailFrom, Request};
use tokio::net::TcpStream;

use crate::address::canonical;
use crate::boxes::Mailbox;
use crate::faults::SmtpStage;
use crate::header;
use crate::post_office::{Handed, Origin, PostOffice};
use crate::wire::{Protocol, Wire};

/// Recipients of one letter (RFC 5321 section 4.5.3.1.8: at least 100).
const RECIPIENT_LIMIT: usize = 1_000;

/// Which port a connection came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// For users, who log in.
    Submission,
    /// For other providers, who don't.
    Outside,
}

pub(super) struct Session {
    pub(super) office: Arc<PostOffice>,
    pub(super) wire: Wire,
    pub(super) door: Door,
    greeting: Option<Greeting>,
    pub(super) user: Option<Arc<Mailbox>>,
    envelope: Option<Envelope>,
}

struct Greeting {
    name: String,
    extended: bool,
}

struct Envelope {
    mail_from: String,
    recipients: Vec<Arc<Mailbox>>,
}

/// Serves one connection until it ends.
pub(crate) async fn serve(
    office: Arc<PostOffice>,
    stream: TcpStream,
    door: Door,
    implicit_tls: bool,
) -> io::Error {
    let mut session = Session {
        wire: Wire::new(stream, Protocol::Smtp, Arc::clone(&office)),
        office,
        door,
        greeting: None,
        user: None,
        envelope: None,
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
        if !self.a_fault_answers(SmtpStage::Greeting).await? {
            let id = self.office.options.authserv_id.clone();
            self.reply(220, &format!("{id} ESMTP mailroom"));
        }
        loop {
            let line = self.line().await?;
            match Request::parse(&mut line.iter()) {
                Ok(Request::Quit) => {
                    self.reply(221, "2.0.0 goodbye");
                    return Ok(());
                }
                Ok(request) => self.obey(request.into_owned()).await?,
                Err(smtp_proto::Error::UnknownCommand) => {
                    self.reply(500, "5.5.2 no such command");
                }
                Err(error) => self.reply(501, &format!("5.5.4 {error}")),
            }
        }
    }

    async fn obey(&mut self, request: Request<String>) -> io::Result<()> {
        let stage = match &request {
            Request::Ehlo { .. } | Request::Helo { .. } => Some(SmtpStage::Ehlo),
            Request::StartTls => Some(SmtpStage::StartTls),
            Request::Auth { .. } => Some(SmtpStage::Auth),
            Request::Mail { .. } => Some(SmtpStage::Mail),
            Request::Rcpt { .. } => Some(SmtpStage::Rcpt),
            Request::Data => Some(SmtpStage::Data),
            Request::Lhlo { .. }
            | Request::Bdat { .. }
            | Request::Noop { .. }
            | Request::Vrfy { .. }
            | Request::Expn { .. }
            | Request::Help { .. }
            | Request::Etrn { .. }
            | Request::Atrn { .. }
            | Request::Burl { .. }
            | Request::Rset
            | Request::Quit => None,
        };
        if let Some(stage) = stage
            && self.a_fault_answers(stage).await?
        {
            return Ok(());
        }
        match request {
            Request::Ehlo { host } => self.greeted(host, true),
            Request::Helo { host } => self.greeted(host, false),
            Request::StartTls => self.start_tls().await?,
            Request::Auth {
                mechanism,
                initial_response,
            } => self.authenticate(mechanism, &initial_response).await?,
            Request::Mail { from } => self.mail(from),
            Request::Rcpt { to } => self.recipient(&to.address),
            Request::Data => self.data().await?,
            Request::Rset => {
                self.envelope = None;
                self.reply(250, "2.0.0 forgotten");
            }
            Request::Noop { .. } => self.reply(250, "2.0.0 nothing done"),
            Request::Vrfy { .. } => self.reply(252, "2.5.0 try and see"),
            Request::Help { .. } => self.reply(214, "2.0.0 RFC 5321 explains it"),
            Request::Quit => self.reply(221, "2.0.0 goodbye"),
            Request::Lhlo { .. }
            | Request::Bdat { .. }
            | Request::Expn { .. }
            | Request::Etrn { .. }
            | Request::Atrn { .. }
            | Request::Burl { .. } => self.reply(502, "5.5.1 not offered here"),
        }
        Ok(())
    }

    fn greeted(&mut self, name: String, extended: bool) {
        self.envelope = None;
        let id = self.office.options.authserv_id.clone();
        // The name stands in our Received field; nothing of it may break out of there.
        let plain = |c: &char| c.is_ascii_alphanumeric() || ".-:[]_".contains(*c);
        self.greeting = Some(Greeting {
            name: name.chars().filter(plain).take(255).collect(),
            extended,
        });
        if !extended {
            return self.reply(250, &id);
        }
        let mut lines = vec![
            id,
            format!("SIZE {}", self.office.options.letter_limit),
            "8BITMIME".to_owned(),
            "SMTPUTF8".to_owned(),
            "PIPELINING".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
        ];
        if self.office.options.starttls && !self.wire.is_encrypted() {
            lines.push("STARTTLS".to_owned());
        }
        if self.door == Door::Submission && self.may_send_password() {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        let last = lines.len() - 1;
        for (index, line) in lines.iter().enumerate() {
            let joint = if index == last { ' ' } else { '-' };
            self.wire.put(format!("250{joint}{line}\r\n"));
        }
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        if self.wire.is_encrypted() || !self.office.options.starttls {
            self.reply(503, "5.5.1 TLS is on already, or not offered");
            return Ok(());
        }
        self.reply(220, "2.0.0 go ahead");
        self.wire.flush().await?;
        // RFC 3207 section 4.2: what was learned in plain text is forgotten.
        self.greeting = None;
        self.envelope = None;
        self.wire.start_tls().await
    }

    fn mail(&mut self, from: MailFrom<String>) {
        let options = &self.office.options;
        let (too_large, from_check) = (from.size > options.letter_limit, options.from_check);
        let utf8 = from.flags & MAIL_SMTPUTF8 != 0;
        let same_user =
            |user: &Arc<Mailbox>| canonical(&from.address).as_ref() == Some(&user.address);
        if self.greeting.is_none() {
            self.reply(503, "5.5.1 EHLO first");
        } else if self.door == Door::Submission && self.user.is_none() {
            self.reply(530, "5.7.0 log in first");
        } else if self.envelope.is_some() {
            self.reply(503, "5.5.1 one letter at a time");
        } else if too_large {
            self.reply(552, "5.3.4 too large");
        } else if !from.address.is_ascii() && !utf8 {
            self.reply(553, "5.6.7 say SMTPUTF8");
        } else if from_check && self.user.as_ref().is_some_and(|user| !same_user(user)) {
            self.reply(553, "5.7.1 that is not your address");
        } else {
            self.envelope = Some(Envelope {
                mail_from: from.address,
                recipients: Vec::new(),
            });
            self.reply(250, "2.1.0 sender ok");
        }
    }

    fn recipient(&mut self, address: &str) {
        let mailbox = self.office.mailbox(address);
        let Some(envelope) = &mut self.envelope else {
            return self.reply(503, "5.5.1 MAIL first");
        };
        match mailbox {
            Ok(_) if envelope.recipients.len() >= RECIPIENT_LIMIT => {
                self.reply(452, "4.5.3 too many recipients");
            }
            Ok(mailbox) => {
                envelope.recipients.push(mailbox);
                self.reply(250, "2.1.5 recipient ok");
            }
            Err(_) => self.reply(550, "5.1.2 no mailbox of that domain here"),
        }
    }

    async fn data(&mut self) -> io::Result<()> {
        let ready = self
            .envelope
            .take_if(|envelope| !envelope.recipients.is_empty());
        let Some(envelope) = ready else {
            self.reply(503, "5.5.1 MAIL and RCPT first");
            return Ok(());
        };
        self.reply(354, "end with a dot on a line of its own");
        let letter = self.letter().await?;
        if self.a_fault_answers(SmtpStage::Letter).await? {
            return Ok(());
        }
        let Some(letter) = letter else {
            self.reply(552, "5.3.4 too large");
            return Ok(());
        };
        if self.office.options.from_check && !self.is_from_the_user(&letter) {
            self.reply(550, "5.7.1 From is not your address");
            return Ok(());
        }
        self.take_in(&envelope, &letter);
        self.a_fault_after_taking().await?;
        self.reply(250, "2.0.0 taken");
        Ok(())
    }

    fn is_from_the_user(&self, letter: &[u8]) -> bool {
        let Some(user) = &self.user else { return true };
        let fields = header::fields(letter);
        let mut authors = fields.iter().filter(|field| field.is_named("From"));
        let (Some(author), None) = (authors.next(), authors.next()) else {
            return false;
        };
        let text = author.unfolded();
        let address = match text.rsplit_once('<') {
            Some((_, inner)) => inner.trim_end_matches('>'),
            None => text.as_str(),
        };
        canonical(address).as_ref() == Some(&user.address)
    }

    fn take_in(&self, envelope: &Envelope, letter: &[u8]) {
        let greeting = self.greeting.as_ref();
        let extended = greeting.is_some_and(|greeting| greeting.extended);
        let from = match &self.user {
            Some(user) => Origin::Submitted {
                user: &user.address,
            },
            None => Origin::Outside { results: "none" },
        };
        let handed = Handed {
            greeting: greeting.map_or("unknown", |greeting| &greeting.name),
            protocol: match (extended, self.user.is_some(), self.wire.is_encrypted()) {
                (false, _, _) => "SMTP",
                (true, false, false) => "ESMTP",
                (true, false, true) => "ESMTPS",
                (true, true, false) => "ESMTPA",
                (true, true, true) => "ESMTPSA",
            },
            mail_from: &envelope.mail_from,
            from,
            letter,
        };
        self.office.take_in(&handed, &envelope.recipients);
    }

    pub(super) fn reply(&mut self, code: u16, text: &str) {
        self.wire.put(format!("{code} {text}\r\n"));
    }
}
