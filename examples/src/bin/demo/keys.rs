//! The keys that the servers sign with.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tradepost_examples::part::Program;
use tradepost_examples::stage::program;

use crate::cast::{Key, SIGNERS};

pub(crate) fn make_all(folder: &Path) -> Result<Vec<Key>> {
    SIGNERS
        .map(|address| make(folder, address))
        .into_iter()
        .collect()
}

/// Makes a key as a merchant would.
fn make(folder: &Path, address: &'static str) -> Result<Key> {
    let (_, domain) = address.split_once('@').context("an address has a domain")?;
    let output = Command::new(program(Program::Server)?)
        .args(["dkim-key", "--json", "--selector", "demo"])
        .args(["--algorithm", "ed25519", "--domain", domain, "--out"])
        .arg(folder.join(format!("{domain}.pem")))
        .output()
        .context("cannot start tradepost-server")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "dkim-key failed: {stderr}");
    let made: Value = serde_json::from_slice(&output.stdout)?;
    let text = |name: &str| {
        let text = made.get(name).and_then(Value::as_str);
        text.map(str::to_owned)
            .with_context(|| format!("dkim-key did not say {name}"))
    };
    Ok(Key {
        address,
        name: text("name")?,
        record: text("record")?,
        section: text("dkim")?,
    })
}
