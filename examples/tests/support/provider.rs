//! The mail provider of all parties: the in-process mailroom, or Dovecot and Postfix.

use tokio::runtime::Runtime;
use tradepost_mailbed::client::Door;
use tradepost_mailbed::{Dkim, Mailbed, require};
use tradepost_mailroom::{Mailroom, Options};

/// More than the faults that can be set for one connection.
const TRIES: usize = 20;

pub(crate) enum Provider {
    /// Its tasks run on the runtime beside it.
    Room(Box<Mailroom>, Runtime),
    Bed(Mailbed),
}

impl Provider {
    pub(crate) fn mailroom() -> Provider {
        Provider::mailroom_with(Options::default())
    }

    pub(crate) fn mailroom_with(options: Options) -> Provider {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let room = runtime.block_on(Mailroom::start(options)).unwrap();
        Provider::Room(Box::new(room), runtime)
    }

    pub(crate) fn mailbed() -> Option<Provider> {
        require()?;
        Some(Provider::Bed(Mailbed::start().unwrap()))
    }

    /// With DKIM and DNS. A provider that signs looks first who it is that signs with its key.
    pub(crate) fn mailbed_with_dkim(dkim: Dkim) -> Option<Provider> {
        require()?;
        let options = tradepost_mailbed::Options {
            dkim,
            from_check: dkim == Dkim::SignsAndVerifies,
        };
        Some(Provider::Bed(Mailbed::start_with(options).unwrap()))
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

    /// Hands in a letter in somebody else's name, at the same provider or, where that one refuses it, from
    /// outside.
    pub(crate) fn submit_forged(&self, account: &str, to: &str, letter: &[u8]) {
        match self {
            Provider::Room(..) => self.submit(account, to, letter),
            Provider::Bed(bed) => {
                if bed.submit(account, to, letter).is_err() {
                    bed.deliver_by_mx(account, to, letter).unwrap();
                }
            }
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
        // A provider with faults may refuse it at first; who gets it twice judges it once.
        let mut outcome = door.submit(to, letter);
        for _ in 0..TRIES {
            if outcome.is_ok() {
                return;
            }
            outcome = door.submit(to, letter);
        }
        outcome.unwrap();
    }
}
