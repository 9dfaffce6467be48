//! The world that the end-to-end tests play in: a mail provider, and the real programs `tradepost` and
//! `tradepost-server` as processes of their own, with configuration files as a person would write them.
//!
//! Nothing here knows how the programs work inside: it types commands and reads what they print.
#![allow(dead_code)] // each test program uses its part of it

pub(crate) mod agent;
pub(crate) mod forgery;
pub(crate) mod keys;
pub(crate) mod provider;
pub(crate) mod purchase;
pub(crate) mod secrets;
pub(crate) mod wait;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use agent::Agent;
use provider::Provider;

pub(crate) const ANN: &str = "ann@home.example";
pub(crate) const SHOP: &str = "orders@shop.example";
pub(crate) const CARRIER: &str = "track@carrier.example";
pub(crate) const PROCESSOR: &str = "billing@pay.example";
pub(crate) const EVIL: &str = "evil@evil.example";

/// An order as a person writes it: two kettles for 98.00 EUR from `SHOP`.
pub(crate) const ORDER: &str = r#"
to = "orders@shop.example"
total = "98.00 EUR"

[[lines]]
name = "Kettle"
quantity = 2
price = "49.00 EUR"

[payment]
method = "credit-card"
reference = "tok-ann-visa"

[delivery]
method = "courier"

[buyer]
name = "Ann Example"
phone = "+49 30 1234567"

[buyer.address]
street = "Home Lane 1"
city = "Berlin"
postal_code = "10115"
country = "DE"
"#;

/// A provider, and a folder with everything that belongs to the agents.
pub(crate) struct World {
    pub(crate) provider: Provider,
    pub(crate) customs: Customs,
    dir: TempDir,
}

/// What agents of this world have in their configurations that others don't. Set it before they are made.
#[derive(Default)]
pub(crate) struct Customs {
    /// Where they submit letters; the provider's usual port by default.
    pub(crate) submissions_port: Option<u16>,
    /// The lines of `[trust]`; by default the provider is believed.
    pub(crate) trust: Option<String>,
    /// The line that says where the agent of an address gets its password; a file by default.
    pub(crate) passwords: BTreeMap<&'static str, String>,
    /// More lines of `[imap]`.
    pub(crate) imap: String,
    /// More lines of `[smtp]`.
    pub(crate) smtp: String,
    /// More sections of the agent of an address.
    pub(crate) sections: BTreeMap<&'static str, String>,
    /// Variables that all programs find in their environment.
    pub(crate) environment: Vec<(String, String)>,
}

impl World {
    /// In which mail is carried by the in-process server.
    pub(crate) fn in_a_mailroom() -> World {
        World::with(Provider::mailroom())
    }

    /// In which mail is carried by Dovecot and Postfix; `None` where these are not to be had.
    pub(crate) fn on_real_servers() -> Option<World> {
        Provider::mailbed().map(World::with)
    }

    pub(crate) fn with(provider: Provider) -> World {
        // Short, because the agents have Unix sockets in their folders.
        let dir = tempfile::Builder::new()
            .prefix("tp-world-")
            .tempdir_in("/tmp")
            .unwrap();
        fs::write(dir.path().join("ca.pem"), provider.ca_pem()).unwrap();
        let password = dir.path().join("password");
        fs::write(&password, format!("{}\n", provider.password())).unwrap();
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
        World {
            provider,
            customs: Customs::default(),
            dir,
        }
    }

    /// The folder of all that belongs to the agents.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The buyer's agent, not started yet.
    pub(crate) fn buyer(&self) -> Agent {
        let config = format!(
            "address = \"{ANN}\"\n{}\n[limits]\nunpaid = [\"500.00 EUR\"]\n",
            self.mail_sections(ANN)
        );
        self.agent("tradepost", "daemon", "ann", ANN, &config)
    }

    /// The shop's server: credit cards by `PROCESSOR`, parcels by `CARRIER`.
    pub(crate) fn shop(&self) -> Agent {
        self.server(
            "shop",
            SHOP,
            "Example Shop",
            &format!(
                "[shop.payment.credit-card]\nprocessor = \"{PROCESSOR}\"\n\
                 [shop.delivery.courier]\ncarrier = \"{CARRIER}\"\n"
            ),
        )
    }

    pub(crate) fn carrier(&self) -> Agent {
        self.server(
            "carrier",
            CARRIER,
            "Example Parcels",
            &format!("[carrier]\nshops = [\"{SHOP}\"]\n"),
        )
    }

    pub(crate) fn processor(&self) -> Agent {
        self.server(
            "payment",
            PROCESSOR,
            "Example Pay",
            &format!("[payment]\nshops = [\"{SHOP}\"]\n"),
        )
    }

    fn server(&self, role: &str, address: &str, name: &str, sections: &str) -> Agent {
        let config = format!(
            "roles = [\"{role}\"]\naddress = \"{address}\"\nname = \"{name}\"\n{}\n{sections}",
            self.mail_sections(address)
        );
        self.agent("tradepost-server", "run", role, address, &config)
    }

    pub(crate) fn agent(
        &self,
        program: &str,
        runs_by: &'static str,
        name: &str,
        address: &str,
        config: &str,
    ) -> Agent {
        let more = self.customs.sections.get(address);
        let config = format!("{config}{}", more.map_or("", String::as_str));
        let environment = self.customs.environment.clone();
        Agent::new(program, runs_by, name, self.dir.path(), &config).with_environment(environment)
    }

    /// The sections that buyers and servers have alike.
    pub(crate) fn mail_sections(&self, address: &str) -> String {
        let dir = self.dir.path().display();
        let customs = &self.customs;
        let password = customs.passwords.get(address).cloned();
        let password = password.unwrap_or_else(|| format!("password_file = \"{dir}/password\""));
        let same = format!(
            "host = \"localhost\"\ntls = \"implicit\"\nuser = \"{address}\"\n{password}\n\
             ca_file = \"{dir}/ca.pem\"\n"
        );
        let submissions_port = customs.submissions_port;
        let trust = customs.trust.clone().unwrap_or_else(|| {
            let id = self.provider.authserv_id();
            format!("minimum = \"relay\"\nauthserv_ids = [\"{id}\"]\n")
        });
        format!(
            "[imap]\nport = {}\n{same}folders = [\"INBOX\"]\n{}[smtp]\nport = {}\n{same}{}[trust]\n{trust}",
            self.provider.imaps_port(),
            customs.imap,
            submissions_port.unwrap_or_else(|| self.provider.submissions_port()),
            customs.smtp,
        )
    }

    /// A file in the world's folder, e.g. an order.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}
