//! Letters that their senders signed, and nobody stamped.

use tradepost_letters::dkim::Algorithm;
use tradepost_proof::dkim::{OwnKey, PrivateKey, Signer, make_key};

use super::letters::Said;

/// The key of one domain, with the selector `s1`.
pub struct Key {
    signer: Signer,
    name: String,
    record: String,
}

impl Key {
    pub fn of(domain: &str) -> Key {
        let pem = make_key(Algorithm::Ed25519Sha256).unwrap();
        let key = PrivateKey::from_pem(&pem).unwrap();
        let record = key.record();
        let own = OwnKey {
            domain: domain.to_owned(),
            selector: "s1".to_owned(),
            key,
        };
        Key {
            name: own.name(),
            record,
            signer: Signer::new(vec![own]),
        }
    }

    /// Where DNS has it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What DNS has there.
    pub fn record(&self) -> &str {
        &self.record
    }

    /// A line for `[trust.keys]`.
    pub fn line(&self) -> String {
        format!("{:?} = {:?}\n", self.name, self.record)
    }

    pub fn letter(&self, said: &Said) -> Vec<u8> {
        self.sign(said, said.raw())
    }

    /// With so many octets before its first part, where nobody reads them.
    pub fn large_letter(&self, said: &Said, octets: usize) -> Vec<u8> {
        let raw = String::from_utf8(said.raw()).unwrap();
        let (header, body) = raw.split_once("\r\n\r\n").unwrap();
        let filling = "This is filling.\r\n".repeat(octets / 18);
        self.sign(
            said,
            format!("{header}\r\n\r\n{filling}{body}").into_bytes(),
        )
    }

    fn sign(&self, said: &Said, raw: Vec<u8>) -> Vec<u8> {
        let from = said.0["from"].as_str().unwrap().parse().unwrap();
        let now = jiff::Timestamp::now().into();
        self.signer.sign(raw, &from, now).unwrap()
    }
}
