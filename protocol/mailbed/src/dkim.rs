//! OpenDKIM, which signs and verifies for Postfix: its key and its tables.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::options::Dkim;
use crate::{DOMAINS, SELECTOR};

/// OpenSSL makes a key in a tenth of the time that a debug build of ours takes.
pub(crate) const OPENSSL: &str = "/usr/bin/openssl";

/// Writes what OpenDKIM's configuration names, and gives the provider's DNS records of keys: (name, text).
pub(crate) fn write(dir: &Path, dkim: Dkim) -> Result<Vec<(String, String)>> {
    let folder = dir.join("opendkim");
    // A documentation address (RFC 5737), from which nobody comes.
    fs::write(folder.join("nobody"), "192.0.2.1\n")?;
    if dkim != Dkim::SignsAndVerifies {
        // Without an entry for a domain nothing is signed.
        fs::write(folder.join("keys"), "")?;
        fs::write(folder.join("signing"), "")?;
        return Ok(Vec::new());
    }
    let key = folder.join("provider.key");
    openssl(&["genrsa", "-out"], &key, &["2048"])?;
    let public = openssl(&["pkey", "-in"], &key, &["-pubout", "-outform", "DER"])?;
    let text = format!("v=DKIM1; k=rsa; p={}", BASE64.encode(public));
    // One key for all its domains, as a provider has.
    let keys = DOMAINS.map(|domain| format!("{domain} {domain}:{SELECTOR}:{}\n", key.display()));
    let signing = DOMAINS.map(|domain| format!("*@{domain} {domain}\n"));
    fs::write(folder.join("keys"), keys.concat())?;
    fs::write(folder.join("signing"), signing.concat())?;
    Ok(DOMAINS
        .map(|domain| (format!("{SELECTOR}._domainkey.{domain}"), text.clone()))
        .to_vec())
}

fn openssl(before: &[&str], key: &Path, after: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(OPENSSL)
        .args(before)
        .arg(key)
        .args(after)
        .output()
        .context(OPENSSL)?;
    ensure!(
        output.status.success(),
        "{OPENSSL} {before:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}
