//! Fetches letters from a mailbox, as they come, and puts copies of our own into the Sent folder.
//!
//! Read-only but for that copy: folders are opened with EXAMINE and letters read with BODY.PEEK,
//! so no flag changes, and nothing is moved or deleted.
//!
//! async-imap logs in, appends, writes the commands and reads the responses. Its other commands are not
//! used: they end well where the server said NO or closed the connection in the middle. Here every
//! command is followed until its own tagged answer, and anything else is an error. That answer is the
//! fence after a fetch; what did not come before it is asked for again, and what is there and does not
//! come is set aside and tried again later: nothing is passed over.
//!
//! Below async-imap every response is bounded, and what its parser gives up on is taken out or mended
//! (`mend`): no line that nobody needs, and no letter over a limit, ends a connection.
//!
//! ```text
//!  watch ──► connect, log in (login) ──► find folders (folders) ──► catch up with each (scan)
//!    ▲                                                                 │          ▲
//!    │ wait (schedule)                                                 ▼          │ new mail, or
//!    └───── any error: Trouble ◄─────────────────────────────── idle or poll ─────┘ time to look
//! ```

mod append;
mod capabilities;
mod dates;
mod facts;
mod failure;
mod fetch;
mod folders;
mod greeting;
mod idle;
mod login;
mod look;
mod memory;
mod mend;
mod names;
mod overheard;
mod probe;
mod sasl;
mod scan;
mod search;
mod seek;
mod select;
mod session;
mod watch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradepost_statements::Time;

use crate::net::{ServerAddress, Tls};
use crate::password::Password;
pub use crate::trouble::{Error, Trouble, TroubleKind};
pub use append::{Appended, append};
pub use probe::{ImapProbe, probe};
pub use search::HeaderSearch;
pub use seek::seek;
pub use watch::watch;

/// How the mailbox is reached.
#[derive(Debug, Clone)]
pub struct ImapSettings {
    /// Host name or IP address.
    pub host: String,
    /// Port, 993 or 143 as a rule.
    pub port: u16,
    /// Protection of the connection; [`Tls::None`] is refused to another computer.
    pub tls: Tls,
    /// User for the login; programs take the own address where none is configured.
    pub user: String,
    /// The password, which may be read again from its source after a login was refused.
    pub password: Password,
    /// Further certificates to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// Longest wait for one step of the dialogue; large fetches get more, by their size.
    pub timeout: Duration,
}

impl ImapSettings {
    /// With a minute for each step.
    #[must_use]
    pub fn new(
        host: impl Into<String>,
        port: u16,
        tls: Tls,
        user: impl Into<String>,
        password: impl Into<Password>,
    ) -> ImapSettings {
        ImapSettings {
            host: host.into(),
            port,
            tls,
            user: user.into(),
            password: password.into(),
            ca_file: None,
            timeout: Duration::from_secs(60),
        }
    }

    fn server(&self) -> ServerAddress {
        ServerAddress {
            host: self.host.clone(),
            port: self.port,
            tls: self.tls,
            section: "[imap]",
        }
    }
}

/// A letter as the server handed it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMail {
    /// The folder it lies in.
    pub folder: String,
    /// The folder's UIDVALIDITY; 0 where the server keeps none.
    pub uid_validity: u32,
    /// Its UID under that UIDVALIDITY (RFC 9051 2.3.1.1).
    pub uid: u32,
    /// When the server got it, by the server's clock; none when the server's date can't be read.
    pub internal_date: Option<Time>,
    /// Header and body, octet for octet.
    pub bytes: Vec<u8>,
}

/// How far a folder was looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The folder's UIDVALIDITY then; under another one `last_uid` means nothing.
    pub uid_validity: u32,
    /// Every letter up to this UID was looked at.
    pub last_uid: u32,
}

/// Which folder holds what was sent from this mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentFolder {
    /// The one that the server marks as such (RFC 6154), else one of the usual names.
    Auto,
    /// The one of this name for people, whatever the server marks.
    Named(String),
    /// None is read or written.
    Off,
}

/// What to watch, and how.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Folders to read; new letters in the first are noticed at once (IDLE).
    pub folders: Vec<String>,
    /// The Sent folder is read too.
    pub sent: SentFolder,
    /// Where to go on, by folder as named in [`MailEvent`]; a folder without one is scanned.
    pub cursors: BTreeMap<String, Cursor>,
    /// Letters that were set aside before and may come now.
    pub aside: Vec<Aside>,
    /// A scan leaves out what came earlier.
    pub since: Option<Time>,
    /// Come back when all folders are caught up.
    pub once: bool,
    /// How long to wait for news of the first folder before the others are looked at.
    pub idle_for: Duration,
    /// How often to look where the server has no IDLE.
    pub poll: Duration,
    /// Wait after a first failure; it doubles with each further one.
    pub retry_first: Duration,
    /// Longest wait between tries, and the first after a refused login; that one grows to twelve
    /// times as much, since many servers lock an account after a few wrong passwords.
    pub retry_longest: Duration,
    /// A connection that ended earlier than this, and brought no letter, came to nothing: the next wait
    /// is longer.
    pub lived: Duration,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch {
            folders: vec!["INBOX".to_owned()],
            sent: SentFolder::Auto,
            cursors: BTreeMap::new(),
            aside: Vec::new(),
            since: None,
            once: false,
            // Servers may end an IDLE after 30 minutes, many NATs a silent connection after 5 to 15.
            idle_for: Duration::from_secs(300),
            poll: Duration::from_secs(60),
            retry_first: Duration::from_secs(1),
            retry_longest: Duration::from_secs(300),
            lived: Duration::from_secs(60),
        }
    }
}

/// A letter that can't be had; the ones behind it are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Its UID, under the UIDVALIDITY of the [`MailEvent::Batch`] that names it.
    pub uid: u32,
    /// Why, in words for people.
    pub reason: String,
    /// It may come another time, and will be tried again: see [`Watch::aside`].
    pub again: bool,
}

/// A letter that an earlier watch has set aside, to be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aside {
    /// The folder it lies in.
    pub folder: String,
    /// The folder's UIDVALIDITY then; of another one its UID means nothing any more.
    pub uid_validity: u32,
    /// Its UID under that UIDVALIDITY.
    pub uid: u32,
    /// How often it was set aside so far. After some times it is not tried again.
    pub tries: u32,
}

/// What [`watch`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailEvent {
    /// Logged in; folders are read in this order.
    Connected {
        /// `host:port`.
        server: String,
        /// Whether new letters are noticed at once.
        idle: bool,
        /// All folders that are read, the Sent folder among them.
        folders: Vec<String>,
        /// The Sent folder; none where it is not read.
        sent: Option<String>,
        /// How many connections in a row before this one came to nothing: what repeats itself is told
        /// ever more rarely ([`is_told`](crate::trouble::is_told)).
        again: u32,
    },
    /// A long scan goes on.
    Progress {
        /// The folder that is scanned.
        folder: String,
        /// Letters looked at so far.
        done: u64,
        /// Letters to look at, as far as known.
        total: u64,
    },
    /// What was found. Once it is recorded durably, `Cursor { uid_validity, last_uid: up_to }` is
    /// to be stored: it covers every letter up to there, taken or not.
    Batch {
        /// The folder that the letters lie in.
        folder: String,
        /// Whether it is the Sent folder.
        sent: bool,
        /// The folder's UIDVALIDITY; 0 where the server keeps none.
        uid_validity: u32,
        /// Letters that may hold a statement, by UID; often none.
        mails: Vec<RawMail>,
        /// Letters that may hold a statement and can't be had. One that was set aside before may be
        /// named again, when it still can't be had, or come among `mails`.
        set_aside: Vec<SetAside>,
        /// Letters that were chosen, or set aside before, and that the server has no more.
        gone: Vec<u32>,
        /// The last UID that was looked at.
        up_to: u32,
    },
    /// Nothing more in this folder at present.
    CaughtUp {
        /// The folder that was read to its end.
        folder: String,
    },
    /// Something is wrong; it will be tried again.
    Trouble(Trouble),
}
