//! Who signs what leaves, and whether others can verify it.

use tradepost_proof::dkim::{Prover, Signing};

use super::{Check, MailSetup, Unsigned};

const NAME: &str = "DKIM";

/// One check for each key, or one that says who signs.
pub(super) async fn signing(setup: &MailSetup<'_>) -> Vec<Check> {
    let keys = match setup.signing {
        Signing::ByProvider => {
            let text = "your provider signs, says the configuration; this program does not";
            return vec![Check::ok(NAME, text)];
        }
        Signing::Unsigned => return vec![unsigned(setup)],
        Signing::Here(_) => setup.signing.keys(),
    };
    let prover = match Prover::new(setup.keys.clone()) {
        Ok(prover) => prover,
        Err(e) => {
            let remedy = "correct resolver under [trust], or see whether this computer has DNS";
            return vec![Check::failed(NAME, e.to_string(), remedy)];
        }
    };
    let mut checks = Vec::new();
    for own in keys {
        let name = own.name();
        let published = own.published(&prover.txt(&name).await);
        let text = format!("{name}: {}", published.found());
        checks.push(match published.remedy(own) {
            None => Check::ok(NAME, text),
            Some(remedy) => Check::failed(NAME, text, remedy),
        });
    }
    for address in std::iter::once(&setup.address).chain(&setup.other_addresses) {
        if !keys.iter().any(|own| own.proves(address)) {
            checks.push(Check::failed(
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

fn unsigned(setup: &MailSetup<'_>) -> Check {
    match setup.unsigned {
        Unsigned::IsUsual => Check::ok(
            NAME,
            "this program does not sign; mail providers sign for their customers. With a domain of your own \
             you can sign yourself: [[dkim]] in the configuration, a key by tradepost-server dkim-key",
        ),
        Unsigned::IsAFault => Check::failed(
            NAME,
            "letters leave unsigned: buyers at many providers cannot prove that they are yours",
            format!(
                "tradepost-server dkim-key --selector s1 --domain {} makes a key and says what to do with it; \
                 where your provider signs, write dkim = \"provider\" at the top of the configuration",
                setup.address.domain()
            ),
        ),
    }
}
