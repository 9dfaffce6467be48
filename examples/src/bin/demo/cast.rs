//! Who plays, and what each writes into their configuration file.

use tradepost_examples::mail::Mail;
use tradepost_examples::part::{CA_FILE, PASSWORD_FILE, Part, Program};

pub(crate) const ANN: &str = "ann@home.example";
pub(crate) const SHOP: &str = "orders@shop.example";
pub(crate) const CARRIER: &str = "track@carrier.example";
pub(crate) const PAY: &str = "billing@pay.example";
pub(crate) const EVIL: &str = "evil@evil.example";

/// A key that one of the servers signs with, as `dkim-key` made it.
pub(crate) struct Key {
    /// Whose it is.
    pub(crate) address: &'static str,
    /// Where others would find it in DNS.
    pub(crate) name: String,
    /// What they would find there.
    pub(crate) record: String,
    /// The lines for the configuration of the one who signs.
    pub(crate) section: String,
}

/// Those who sign with keys of their own: all but Ann, whose provider vouches for her.
pub(crate) const SIGNERS: [&str; 3] = [SHOP, CARRIER, PAY];

pub(crate) fn all(mail: &Mail, keys: &[Key]) -> [Part; 4] {
    let server = |name, role: &str, address: &str, title: &str, section: &str| {
        let own = keys.iter().filter(|key| key.address == address);
        let own: String = own.map(|key| format!("\n{}", key.section)).collect();
        let toml = format!(
            "roles = [\"{role}\"]\naddress = \"{address}\"\nname = \"{title}\"\n\n{}\n{section}{own}",
            mail_sections(mail, address, keys)
        );
        Part::new(name, Program::Server, toml)
    };
    [
        server(
            "shop",
            "shop",
            SHOP,
            "The Kettle Shop",
            &format!(
                "[shop.payment.credit-card]\nprocessor = \"{PAY}\"\n\n[shop.delivery.courier]\ncarrier = \"{CARRIER}\"\n"
            ),
        ),
        server(
            "carrier",
            "carrier",
            CARRIER,
            "Swift Parcels",
            &format!("[carrier]\nshops = [\"{SHOP}\"]\n"),
        ),
        server(
            "payment",
            "payment",
            PAY,
            "Example Pay",
            &format!("[payment]\nshops = [\"{SHOP}\"]\n"),
        ),
        Part::new(
            "ann",
            Program::Tradepost,
            format!(
                "address = \"{ANN}\"\n\n{}\n",
                mail_sections(mail, ANN, keys)
            ),
        ),
    ]
}

/// The sections that buyers and servers have alike.
fn mail_sections(mail: &Mail, address: &str, keys: &[Key]) -> String {
    let login = format!(
        "host = \"localhost\"\ntls = \"implicit\"\nuser = \"{address}\"\npassword_file = \"{PASSWORD_FILE}\"\nca_file = \"{CA_FILE}\"\n"
    );
    // There is no DNS for `.example`, so everybody knows the keys beforehand.
    let known = keys.iter().map(|key| (&key.name, &key.record));
    let known: String = known.map(|(n, r)| format!("{n:?} = {r:?}\n")).collect();
    format!(
        "[imap]\nport = {}\n{login}\n[smtp]\nport = {}\n{login}\n[trust]\nauthserv_ids = [\"{}\"]\n\n[trust.keys]\n{known}",
        mail.imaps_port, mail.smtps_port, mail.authserv_id
    )
}

/// What Ann orders, as a person writes it down.
pub(crate) const ORDER: &str = r#"to = "orders@shop.example"
total = "98.00 EUR"

[[lines]]
name = "Red kettle"
sku = "K-1"
quantity = 2
price = "49.00 EUR"

[payment]
method = "credit-card"
reference = "tok-ann-visa"

[delivery]
method = "courier"

[buyer]
name = "Ann Example"

[buyer.address]
street = "Long Lane 1"
city = "Springfield"
postal_code = "12345"
country = "US"
"#;
