//! The same mailbox on two sets of servers: the in-process mailroom, and Dovecot with Postfix.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tradepost_mailbed::Mailbed;
use tradepost_mailroom::{Mailroom, Options};
use tradepost_post::imap::{self, MailEvent, RawMail, Watch};
use tradepost_post::net::Tls;
use tradepost_post::stop::{self, Stopper};
use tradepost_post::{SecretString, smtp};

use super::within;

pub const ANN: &str = "ann@home.example";
pub const SHOP: &str = "orders@shop.example";

pub enum World {
    Room {
        room: Mailroom,
        folder: tempfile::TempDir,
    },
    Bed(Arc<Mailbed>),
}

impl World {
    pub async fn room() -> World {
        World::room_with(Options::default()).await
    }

    pub async fn room_with(options: Options) -> World {
        let room = Mailroom::start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), room.ca_pem()).unwrap();
        World::Room { room, folder }
    }

    /// None where the servers are not installed (said loudly).
    pub fn bed() -> Option<World> {
        tradepost_mailbed::require()?;
        Some(World::Bed(Arc::new(Mailbed::start().unwrap())))
    }

    pub fn the_room(&self) -> &Mailroom {
        match self {
            World::Room { room, .. } => room,
            World::Bed(_) => panic!("this test is the mailroom's"),
        }
    }

    fn password(&self) -> SecretString {
        SecretString::from(match self {
            World::Room { room, .. } => room.options().password.clone(),
            World::Bed(bed) => bed.password.to_owned(),
        })
    }

    pub fn ca_file(&self) -> PathBuf {
        match self {
            World::Room { folder, .. } => folder.path().join("ca.pem"),
            World::Bed(bed) => bed.ca_file.clone(),
        }
    }

    pub fn imap(&self, user: &str, tls: Tls) -> imap::ImapSettings {
        let port = match (self, tls) {
            (World::Room { room, .. }, Tls::Implicit) => room.imaps_port(),
            (World::Room { room, .. }, Tls::StartTls | Tls::None) => room.imap_port(),
            (World::Bed(bed), Tls::Implicit) => bed.imaps_port,
            (World::Bed(bed), Tls::StartTls | Tls::None) => bed.imap_port,
        };
        let mut settings = imap::ImapSettings::new("localhost", port, tls, user, self.password());
        settings.ca_file = Some(self.ca_file());
        settings.timeout = Duration::from_secs(20);
        settings
    }

    pub fn smtp(&self, user: &str, tls: Tls) -> smtp::SmtpSettings {
        let port = match (self, tls) {
            (World::Room { room, .. }, Tls::Implicit) => room.smtps_port(),
            (World::Room { room, .. }, Tls::StartTls | Tls::None) => room.smtp_port(),
            (World::Bed(bed), Tls::Implicit) => bed.submissions_port,
            (World::Bed(bed), Tls::StartTls | Tls::None) => bed.submission_port,
        };
        let mut settings = smtp::SmtpSettings::new("localhost", port, tls, user, self.password());
        settings.ca_file = Some(self.ca_file());
        settings
    }

    pub async fn deliver(&self, to: &str, letter: &str) {
        match self {
            World::Room { room, .. } => room.deliver(to, letter.as_bytes()).unwrap(),
            World::Bed(bed) => {
                let (bed, to, letter) = (bed.clone(), to.to_owned(), letter.to_owned());
                tokio::task::spawn_blocking(move || bed.deliver_by_lmtp(&to, letter.as_bytes()))
                    .await
                    .unwrap()
                    .unwrap();
            }
        }
    }
}

/// A letter with the field, and with a Tradepost part.
pub fn marked(id: &str) -> String {
    format!(
        "From: {SHOP}\r\nTo: {ANN}\r\nSubject: {id}\r\nMessage-ID: <{id}@shop.example>\r\n\
         Tradepost: v=1; kind=order-status\r\nContent-Type: application/vnd.tradepost+json\r\n\r\n{{}}\r\n"
    )
}

/// Ordinary mail of that type, without the field.
pub fn ordinary(id: &str, content_type: &str) -> String {
    format!(
        "From: {SHOP}\r\nTo: {ANN}\r\nSubject: {id}\r\nMessage-ID: <{id}@shop.example>\r\n\
         Content-Type: {content_type}\r\n\r\nhello\r\n"
    )
}

/// What a letter's subject says.
pub fn subject(mail: &RawMail) -> String {
    let text = String::from_utf8_lossy(&mail.bytes);
    let line = text.lines().find_map(|l| l.strip_prefix("Subject: "));
    line.unwrap_or_default().to_owned()
}

/// A running watch, and what it told.
pub struct Watching {
    pub events: mpsc::Receiver<MailEvent>,
    pub stopper: Stopper,
    pub task: tokio::task::JoinHandle<Result<(), imap::Error>>,
}

/// Fast tries again; everything else as usual.
pub fn quick() -> Watch {
    Watch {
        retry_first: Duration::from_millis(5),
        retry_longest: Duration::from_millis(50),
        ..Watch::default()
    }
}

pub fn start(settings: imap::ImapSettings, watch: Watch) -> Watching {
    let (sender, events) = mpsc::channel(4);
    let (stopper, stop) = stop::channel();
    let task = tokio::spawn(imap::watch(settings, watch, sender, stop));
    Watching {
        events,
        stopper,
        task,
    }
}

impl Watching {
    pub async fn next(&mut self) -> MailEvent {
        within(self.events.recv()).await.expect("the watch ended")
    }

    /// The subjects of letters from `folder` until so many came.
    pub async fn subjects(&mut self, folder: &str, count: usize) -> Vec<String> {
        let mut subjects = Vec::new();
        while subjects.len() < count {
            if let MailEvent::Batch {
                folder: f, mails, ..
            } = self.next().await
                && f == folder
            {
                subjects.extend(mails.iter().map(subject));
            }
        }
        subjects
    }

    /// Goes on to the first folder's being caught up.
    pub async fn caught_up(&mut self) -> Vec<MailEvent> {
        let mut before = Vec::new();
        loop {
            match self.next().await {
                MailEvent::CaughtUp { folder } if folder == "INBOX" => return before,
                event => before.push(event),
            }
        }
    }

    pub async fn trouble(&mut self) -> imap::Trouble {
        loop {
            if let MailEvent::Trouble(trouble) = self.next().await {
                return trouble;
            }
        }
    }

    pub async fn stop(mut self) {
        self.stopper.stop();
        let drain = async { while self.events.recv().await.is_some() {} };
        within(drain).await;
        within(self.task).await.unwrap().unwrap();
    }
}

/// All that a mailbox holds, read once.
pub async fn once(
    settings: imap::ImapSettings,
    watch: Watch,
) -> (Vec<MailEvent>, Result<(), imap::Error>) {
    let watch = Watch {
        once: true,
        ..watch
    };
    let mut watching = start(settings, watch);
    let mut all = Vec::new();
    while let Some(event) = within(watching.events.recv()).await {
        all.push(event);
    }
    (all, within(watching.task).await.unwrap())
}

/// The subjects in all batches of these events, by folder.
pub fn subjects(events: &[MailEvent], folder: &str) -> Vec<String> {
    let of = |e: &MailEvent| match e {
        MailEvent::Batch {
            folder: f, mails, ..
        } if f == folder => mails.iter().map(subject).collect(),
        _ => Vec::new(),
    };
    events.iter().flat_map(of).collect()
}
