//! Starting, stopping and looking into a mailroom.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::boxes::{Dismissal, Letter, WaitedInVain};
use crate::certificate::identity;
use crate::faults::Faults;
use crate::listener::{Service, accept_all};
use crate::options::Options;
use crate::post_office::{Handed, NotServed, Origin, PostOffice, ReleaseOrder};
use crate::smtp::Door;

/// A running mail server. It ends when it is dropped; [`Mailroom::stop`] also waits for that.
///
/// Every letter that is submitted comes out with three fields on top: `Return-Path`,
/// `Received` and `Authentication-Results: <authserv_id>; auth=pass smtp.auth=<address>`, and
/// without any `Authentication-Results` field that claimed that id before (RFC 8601 section 5).
pub struct Mailroom {
    office: Arc<PostOffice>,
    ports: BoundPorts,
    /// Tells all tasks to end; each keeps a receiver, so that the last one's end can be seen.
    stop: watch::Sender<bool>,
}

struct BoundPorts {
    imap: u16,
    imaps: u16,
    smtp: u16,
    smtps: u16,
    mx: u16,
}

impl Mailroom {
    /// Listens on 127.0.0.1 and serves until stopped.
    ///
    /// # Errors
    /// A port that can't be had.
    pub async fn start(options: Options) -> io::Result<Mailroom> {
        let wanted = options.ports;
        let connections = Arc::new(Semaphore::new(options.connection_limit));
        let office = Arc::new(PostOffice::new(options, identity()?));
        let (stop, stopped) = watch::channel(false);
        let submission = |implicit_tls| Service::Smtp {
            door: Door::Submission,
            implicit_tls,
        };
        let outside = Service::Smtp {
            door: Door::Outside,
            implicit_tls: false,
        };
        let open = async |port, service| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
            let port = listener.local_addr()?.port();
            let accepting = accept_all(
                listener,
                service,
                Arc::clone(&office),
                Arc::clone(&connections),
                stopped.clone(),
            );
            tokio::spawn(accepting);
            io::Result::Ok(port)
        };
        let ports = BoundPorts {
            imap: open(
                wanted.imap,
                Service::Imap {
                    implicit_tls: false,
                },
            )
            .await?,
            imaps: open(wanted.imaps, Service::Imap { implicit_tls: true }).await?,
            smtp: open(wanted.smtp, submission(false)).await?,
            smtps: open(wanted.smtps, submission(true)).await?,
            mx: open(wanted.mx, outside).await?,
        };
        Ok(Mailroom {
            office,
            ports,
            stop,
        })
    }

    /// IMAP, plain or with STARTTLS.
    pub fn imap_port(&self) -> u16 {
        self.ports.imap
    }

    /// IMAP with TLS from the first octet.
    pub fn imaps_port(&self) -> u16 {
        self.ports.imaps
    }

    /// Submission, plain or with STARTTLS.
    pub fn smtp_port(&self) -> u16 {
        self.ports.smtp
    }

    /// Submission with TLS from the first octet.
    pub fn smtps_port(&self) -> u16 {
        self.ports.smtps
    }

    /// SMTP from outside: no login, stamped `none`.
    pub fn mx_port(&self) -> u16 {
        self.ports.mx
    }

    /// The certificate that a client must trust, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.office.identity.ca_pem
    }

    /// What it was started with.
    pub fn options(&self) -> &Options {
        &self.office.options
    }

    /// Sets faults, at any time, and tells how often each has happened.
    pub fn faults(&self) -> &Faults {
        &self.office.faults
    }

    /// Puts a letter into an INBOX as it is, without any stamp.
    ///
    /// # Errors
    /// An address of a domain that is not served.
    pub fn deliver(&self, to: &str, letter: &[u8]) -> Result<(), NotServed> {
        let mailbox = self.office.mailbox(to)?;
        self.office.file_in_inbox(&mailbox, letter.into());
        Ok(())
    }

    /// Takes a letter as if it came from another provider: foreign claims to our id are removed,
    /// and it is stamped with what was found out about it, e.g.
    /// `dkim=pass header.d=shop.example`; without that `none`.
    ///
    /// # Errors
    /// An address of a domain that is not served.
    pub fn deliver_from_outside(
        &self,
        mail_from: &str,
        to: &str,
        letter: &[u8],
        results: Option<&str>,
    ) -> Result<(), NotServed> {
        let mailbox = self.office.mailbox(to)?;
        let handed = Handed {
            greeting: "mail.outside.example",
            protocol: "ESMTP",
            mail_from,
            from: Origin::Outside {
                results: results.unwrap_or("none"),
            },
            letter,
        };
        self.office.take_in(&handed, &[mailbox]);
        Ok(())
    }

    /// Puts a letter into any folder as it is, with an INTERNALDATE and flags (e.g. `\Seen`) of
    /// one's choice. Returns its UID; None where there is no such folder.
    ///
    /// # Errors
    /// An address of a domain that is not served.
    pub fn file(
        &self,
        user: &str,
        folder: &str,
        letter: &[u8],
        internal_date: Timestamp,
        flags: &[&str],
    ) -> Result<Option<u32>, NotServed> {
        let flags: BTreeSet<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mailbox = self.office.mailbox(user)?;
        Ok(mailbox.file(folder, letter.into(), flags, internal_date))
    }

    /// All letters of a user, folder by folder; none where the user is not served.
    pub fn mailbox(&self, user: &str) -> Vec<Letter> {
        self.office
            .mailbox(user)
            .map(|mailbox| mailbox.letters())
            .unwrap_or_default()
    }

    /// The letters of one folder, in the order of their UIDs.
    pub fn letters(&self, user: &str, folder: &str) -> Vec<Letter> {
        let mut letters = self.mailbox(user);
        letters.retain(|letter| letter.folder == folder);
        letters
    }

    /// Removes letters for good, as another mail program might: those of a folder that `gone`
    /// picks.
    pub fn remove(&self, user: &str, folder: &str, gone: impl Fn(&Letter) -> bool) {
        if let Ok(mailbox) = self.office.mailbox(user) {
            mailbox.change(folder, |folder| folder.remove(gone));
        }
    }

    /// Waits until a condition on a user's letters holds, and returns them as they are then.
    ///
    /// # Errors
    /// It did not hold within that time.
    pub async fn wait_for(
        &self,
        user: &str,
        within: Duration,
        mut condition: impl FnMut(&[Letter]) -> bool,
    ) -> Result<Vec<Letter>, WaitedInVain> {
        let in_vain = |letters| WaitedInVain {
            user: user.to_owned(),
            seconds: within.as_secs(),
            letters,
        };
        let mailbox = self.office.mailbox(user).map_err(|_| in_vain(Vec::new()))?;
        let mut changes = mailbox.watch();
        let condition_holds = async {
            loop {
                let letters = mailbox.letters();
                if condition(&letters) {
                    return Some(letters);
                }
                changes.changed().await.ok()?;
            }
        };
        match timeout(within, condition_holds).await {
            Ok(Some(letters)) => Ok(letters),
            Ok(None) | Err(_) => Err(in_vain(mailbox.letters())),
        }
    }

    /// From now on letters to this user wait, accepted but not filed, until
    /// [`Mailroom::release`].
    ///
    /// # Errors
    /// An address of a domain that is not served.
    pub fn hold(&self, user: &str) -> Result<(), NotServed> {
        let mailbox = self.office.mailbox(user)?;
        self.office.hold(&mailbox);
        Ok(())
    }

    /// How many letters wait for [`Mailroom::release`].
    pub fn held(&self, user: &str) -> usize {
        self.office
            .mailbox(user)
            .map_or(0, |mailbox| self.office.count_held(&mailbox))
    }

    /// Files the letters that waited, and holds no longer.
    ///
    /// # Errors
    /// An address of a domain that is not served.
    pub fn release(&self, user: &str, order: ReleaseOrder) -> Result<(), NotServed> {
        let mailbox = self.office.mailbox(user)?;
        self.office.release(&mailbox, order);
        Ok(())
    }

    /// Gives a folder a new UIDVALIDITY and its letters new UIDs from 1. Connections to the
    /// mailbox are ended with `BYE`, as they could not go on with the old numbers.
    pub fn change_uid_validity(&self, user: &str, folder: &str) {
        if let Ok(mailbox) = self.office.mailbox(user) {
            mailbox.change(folder, |folder| folder.renumber());
            mailbox.dismiss(Dismissal::Bye);
        }
    }

    /// Says `BYE` to all IMAP connections of a user and ends them.
    pub fn say_bye(&self, user: &str) {
        if let Ok(mailbox) = self.office.mailbox(user) {
            mailbox.dismiss(Dismissal::Bye);
        }
    }

    /// Ends all IMAP connections of a user without a word.
    pub fn cut(&self, user: &str) {
        if let Ok(mailbox) = self.office.mailbox(user) {
            mailbox.dismiss(Dismissal::Cut);
        }
    }

    /// Closes all ports and connections, and waits until that is done.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }
}

impl fmt::Debug for Mailroom {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Mailroom")
            .field("imap", &self.ports.imap)
            .field("imaps", &self.ports.imaps)
            .field("smtp", &self.ports.smtp)
            .field("smtps", &self.ports.smtps)
            .field("mx", &self.ports.mx)
            .finish_non_exhaustive()
    }
}
