//! The mail provider of all parties: the in-process mailroom, or Dovecot and Postfix.

use tokio::runtime::Runtime;
use tradepost_mailbed::client::Door;
use tradepost_mailbed::{Mailbed, require};
use tradepost_mailroom::{Mailroom, Options};

pub(crate) enum Provider {
    /// Its tasks run on the runtime beside it.
    Room(Box<Mailroom>, Runtime),
    Bed(Mailbed),
}

impl Provider {
    pub(crate) fn mailroom() -> Provider {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let room = runtime
            .block_on(Mailroom::start(Options::default()))
            .unwrap();
        Provider::Room(Box::new(room), runtime)
    }

    pub(crate) fn mailbed() -> Option<Provider> {
        require()?;
        Some(Provider::Bed(Mailbed::start().unwrap()))
    }

    pub(crate) fn imaps_port(&self) -> u16 {
        match self {
            Provider::Room(room, _) => room.imaps_port(),
            Provider::Bed(bed) => bed.imaps_port,
        }
    }

    pub(crate) fn submissions_port(&self) -> u16 {
        match self {
            Provider::Room(room, _) => room.smtps_port(),
            Provider::Bed(bed) => bed.submissions_port,
        }
    }

    pub(crate) fn ca_pem(&self) -> &str {
        match self {
            Provider::Room(room, _) => room.ca_pem(),
            Provider::Bed(bed) => bed.ca_pem(),
        }
    }

    pub(crate) fn password(&self) -> &str {
        match self {
            Provider::Room(room, _) => &room.options().password,
            Provider::Bed(bed) => bed.password,
        }
    }

    pub(crate) fn authserv_id(&self) -> &str {
        match self {
            Provider::Room(room, _) => &room.options().authserv_id,
            Provider::Bed(bed) => &bed.authserv_id,
        }
    }

    /// Submits a letter as `account`, whoever its From names.
    pub(crate) fn submit(&self, account: &str, to: &str, letter: &[u8]) {
        let door = Door {
            port: self.submissions_port(),
            ca_pem: self.ca_pem(),
            account,
            password: self.password(),
        };
        door.submit(to, letter).unwrap();
    }
}
