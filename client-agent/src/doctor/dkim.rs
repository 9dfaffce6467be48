//! Who signs what leaves, and whether others can verify it.

use tradepost_proof::dkim::{Prover, Signing};

use super::Check;
use crate::config::Config;

const NAME: &str = "DKIM";

/// One check for each key, or one that says who signs.
pub(super) async fn signing(config: &Config) -> Vec<Check> {
    let keys = match &config.signing {
        Signing::ByProvider => {
            let text = "your provider signs, says the configuration; this program does not";
            return vec![Check::ok(NAME, text)];
        }
        Signing::Unsigned => {
            // Nothing to do for nearly everybody: the domain of a mailbox is its provider's.
            let text = "this program does not sign; mail providers sign for their customers. With a domain of your own \
                        you can sign yourself: [[dkim]] in the configuration, a key by tradepost-server dkim-key";
            return vec![Check::ok(NAME, text)];
        }
        Signing::Here(_) => config.signing.keys(),
    };
    let prover = match Prover::new(config.keys.clone()) {
        Ok(prover) => prover,
        Err(e) => {
            let remedy = "correct resolver under [trust], or see whether this computer has DNS";
            return vec![Check::wrong(NAME, e.to_string(), remedy)];
        }
    };
    let mut checks = Vec::new();
    for own in keys {
        let name = own.name();
        let published = own.published(&prover.txt(&name).await);
        let text = format!("{name}: {}", published.found());
        checks.push(match published.remedy(own) {
            None => Check::ok(NAME, text),
            Some(remedy) => Check::wrong(NAME, text, remedy),
        });
    }
    for address in config.addresses.iter() {
        if !keys.iter().any(|own| own.proves(address)) {
            checks.push(Check::wrong(
                NAME,
                format!(
                    "{} has no key: its letters leave unsigned",
                    address.as_written()
                ),
                "nothing, where its provider signs; else add [[dkim]] with a key for its domain",
            ));
        }
    }
    checks
}
