//! Keys for DKIM, made as a merchant makes them.

use std::process::Command;

use serde_json::Value;

use super::World;
use super::agent::beside_the_tests;

/// A key that an agent signs with.
pub(crate) struct Key {
    /// Of its DNS record.
    pub(crate) name: String,
    /// The text of that record.
    pub(crate) record: String,
    /// The private key, in PEM.
    pub(crate) pem: String,
}

impl World {
    /// Makes a key, with which the agent of `address` signs as soon as it is made.
    pub(crate) fn key(&mut self, address: &'static str, selector: &str, algorithm: &str) -> Key {
        let (_, domain) = address.rsplit_once('@').unwrap();
        let file = self.dir().join(format!("{selector}.{domain}.pem"));
        let output = Command::new(beside_the_tests("tradepost-server"))
            .args(["dkim-key", "--json", "--selector", selector])
            .args(["--domain", domain, "--algorithm", algorithm, "--out"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |member: &str| made[member].as_str().unwrap().to_owned();
        let section = self.customs.sections.entry(address).or_default();
        section.push_str(&text("dkim"));
        Key {
            name: text("name"),
            record: text("record"),
            pem: std::fs::read_to_string(&file).unwrap(),
        }
    }
}
