//! `dkim-key`: makes a key that signs letters, and says what DNS and the configuration need. It
//! changes neither of them: when a record is seen everywhere, only its owner knows.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tradepost_agent::config::{make_private_file, selector, signing_domain};
use tradepost_agent::terminal::{json, output, progress};
use tradepost_letters::dkim::Algorithm;
use tradepost_proof::dkim::{OwnKey, PrivateKey, make_key};

use crate::config;
use crate::config::Places;
use crate::terminal::cli::{DkimKeyArgs, KeyAlgorithm};

/// What was made, and what is to be written where.
#[derive(Debug, Serialize)]
struct MadeKey {
    selector: String,
    domain: String,
    algorithm: &'static str,
    key_file: PathBuf,
    /// Where DNS has the record.
    name: String,
    /// The record, as one text.
    record: String,
    /// The record for a zone file.
    zone: String,
    /// Lines for the configuration of who signs.
    dkim: String,
    /// Lines for the configuration of who reads without DNS.
    trust_keys: String,
}

/// Makes the key, and prints the rest.
pub(crate) fn run(places: &Places, args: &DkimKeyArgs, is_json: bool) -> anyhow::Result<ExitCode> {
    let Some(selector) = selector(&args.selector) else {
        bail!(
            "--selector {:?}: it is made of letters, digits and hyphens, such as s1",
            args.selector
        );
    };
    let Some(domain) = signing_domain(&args.domain) else {
        bail!(
            "--domain {:?} is no domain that somebody can have for their own; give what stands behind the @ of the \
             address, such as shop.example",
            args.domain
        );
    };
    let configuration = config::file(places)?;
    let key_file = match &args.out {
        Some(file) => file.clone(),
        None => beside(&configuration).join(format!("{selector}.pem")),
    };
    let key_file = std::path::absolute(&key_file).context("the file for the key")?;
    // Looked at before the work as well as when it is written.
    if key_file.symlink_metadata().is_ok() {
        bail!(
            "{} exists, and is not overwritten: who loses a key can sign no more. Name another file with --out, \
             or take another selector",
            key_file.display()
        );
    }
    let pem = make(args.algorithm)?;
    let own = OwnKey {
        domain,
        selector,
        key: PrivateKey::from_pem(&pem)?,
    };
    make_private_file(&key_file, pem.expose_secret())?;
    let made = MadeKey::of(&own, &configuration, key_file);
    if is_json {
        output::data(&json::pretty(&made)?)?;
    } else {
        output::data(made.in_words(&configuration, args.algorithm).trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of the configuration, where there is one; else the present folder.
fn beside(configuration: &Path) -> PathBuf {
    match configuration.parent() {
        Some(folder) if configuration.is_file() => folder.to_owned(),
        _ => PathBuf::new(),
    }
}

fn make(algorithm: KeyAlgorithm) -> anyhow::Result<SecretString> {
    let algorithm = match algorithm {
        KeyAlgorithm::Rsa => Algorithm::RsaSha256,
        KeyAlgorithm::Ed25519 => Algorithm::Ed25519Sha256,
    };
    let _shown = progress::spinner("making the key, which takes some seconds for RSA");
    Ok(make_key(algorithm)?)
}

impl MadeKey {
    fn of(own: &OwnKey, configuration: &Path, key_file: PathBuf) -> MadeKey {
        let (name, record) = (own.name(), own.key.record());
        let OwnKey {
            domain, selector, ..
        } = own;
        // As the configuration finds it: beside itself, else by its whole path.
        let folder = std::path::absolute(configuration).ok();
        let in_folder = folder
            .as_deref()
            .and_then(Path::parent)
            .and_then(|folder| key_file.strip_prefix(folder).ok());
        let path = in_folder.unwrap_or(&key_file).display().to_string();
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        MadeKey {
            zone: zone(&name, &record),
            dkim: format!(
                "[[dkim]]\nselector = {}\ndomain = {}\nkey_file = {}\n",
                text(selector),
                text(domain),
                text(&path)
            ),
            trust_keys: format!("[trust.keys]\n{} = {}\n", text(&name), text(&record)),
            algorithm: match own.key.algorithm() {
                Algorithm::RsaSha256 => "rsa",
                Algorithm::Ed25519Sha256 => "ed25519",
            },
            selector: selector.clone(),
            domain: domain.clone(),
            key_file,
            name,
            record,
        }
    }

    fn in_words(&self, configuration: &Path, algorithm: KeyAlgorithm) -> String {
        let other = match algorithm {
            KeyAlgorithm::Rsa => {
                "Every receiver verifies RSA. A key made with --algorithm ed25519 and another selector can sign\n\
                 beside it, for receivers that know both."
            }
            KeyAlgorithm::Ed25519 => {
                "Some receivers do not verify Ed25519 yet: let a key made with --algorithm rsa and another selector\n\
                 sign beside it."
            }
        };
        format!(
            "The private key is in {key_file}, which only you can read.\n\
             Whoever has it can write in your name.\n\
             \n\
             1. Put this record into the DNS of {domain}. As a line of a zone file:\n\
             \n\
             {zone}\n\
             In a form of your provider, type TXT (some forms add .{domain} to the name by themselves):\n\
             \n\
             {name}\n\
             {record}\n\
             \n\
             2. Put these lines at the end of the configuration, {configuration};\n\
             a line dkim = \"provider\" has to go:\n\
             \n\
             {dkim}\n\
             3. `tradepost-server doctor` compares the key with DNS.\n\
             \n\
             Somebody who reads your letters without DNS, as in a test, can name the key in their configuration:\n\
             \n\
             {trust_keys}\n\
             {other}\n",
            key_file = self.key_file.display(),
            configuration = configuration.display(),
            domain = self.domain,
            zone = self.zone,
            name = self.name,
            record = self.record,
            dkim = self.dkim,
            trust_keys = self.trust_keys,
        )
    }
}

/// RFC 1035 section 5.1, for a text of one record in several strings.
fn zone(name: &str, record: &str) -> String {
    /// RFC 1035 section 3.3: a string has at most so many octets.
    const STRING: usize = 255;
    let mut strings = String::new();
    let mut rest = record;
    while !rest.is_empty() {
        // A record is ASCII.
        let (string, more) = rest.split_at_checked(STRING).unwrap_or((rest, ""));
        strings += &format!("\n    \"{string}\"");
        rest = more;
    }
    format!("{name}. IN TXT ({strings} )\n")
}
