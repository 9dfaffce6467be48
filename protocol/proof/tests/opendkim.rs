//! What we sign, as OpenDKIM verifies it, with keys in a real DNS.
#![allow(clippy::unwrap_used, missing_docs)]

use std::time::{Duration, Instant};

use tradepost_letters::RelayPolicy;
use tradepost_letters::dkim::Algorithm;
use tradepost_mailbed::{Dkim, Mailbed, Options, require};
use tradepost_proof::dkim::{
    KeySource, OwnKey, PrivateKey, Prover, Published, Signer, Unproven, make_key,
};
use tradepost_statements::{Evidence, Time};

const LETTER: &str = include_str!("../../examples/order-status.eml");

fn own(selector: &str, algorithm: Algorithm) -> OwnKey {
    OwnKey {
        domain: "shop.example".to_owned(),
        selector: selector.to_owned(),
        key: PrivateKey::from_pem(&make_key(algorithm).unwrap()).unwrap(),
    }
}

fn now() -> Time {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    Time::from_unix_millis(since.as_millis().try_into().unwrap())
}

/// The letter as it arrives by the MX, in a mailbox of its own.
fn through_the_mx(bed: &Mailbed, mailbox: &str, letter: &str) -> String {
    let to = format!("{mailbox}@home.example");
    bed.deliver_by_mx("orders@shop.example", &to, letter.as_bytes())
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(letter) = bed.inbox(&to).unwrap().pop() {
            return String::from_utf8(letter).unwrap();
        }
        assert!(Instant::now() < deadline, "{mailbox}: nothing came");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What the MX says of DKIM, in its own field above the letter.
fn verdict(letter: &str) -> String {
    let (above, _) = letter.split_once("DKIM-Signature:").unwrap();
    assert!(above.contains("Authentication-Results:"), "{above}");
    above.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn opendkim_verifies_both_algorithms_and_we_by_the_same_dns() {
    if require().is_none() {
        return;
    }
    let bed = Mailbed::start_with(Options::with_dkim(Dkim::Verifies)).unwrap();
    let prover = Prover::new(KeySource {
        resolver: Some(([127, 0, 0, 1], bed.dns_port).into()),
        ..KeySource::default()
    })
    .unwrap();
    let nobody = RelayPolicy::new(Vec::new(), None);
    for (selector, algorithm) in [
        ("s1", Algorithm::RsaSha256),
        ("s2", Algorithm::Ed25519Sha256),
    ] {
        let key = own(selector, algorithm);
        let record = key.key.record();
        bed.set_txt(&key.name(), &record).unwrap();
        assert_eq!(
            key.published(&prover.txt(&key.name()).await),
            Published::Same
        );
        let other = own(&format!("{selector}x"), Algorithm::Ed25519Sha256);
        assert_eq!(
            other.published(&prover.txt(&other.name()).await),
            Published::Missing
        );

        let signer = Signer::new(vec![key]);
        let from = "orders@shop.example".parse().unwrap();
        let signed = signer.sign(LETTER.into(), &from, now()).unwrap();
        let signed = String::from_utf8(signed).unwrap();
        let genuine = through_the_mx(&bed, &format!("{selector}-genuine"), &signed);
        assert!(verdict(&genuine).contains("dkim=pass"), "{genuine}");
        let changed = signed.replace("All goods", "No goods");
        assert_ne!(changed, signed);
        let changed = through_the_mx(&bed, &format!("{selector}-changed"), &changed);
        assert!(!verdict(&changed).contains("dkim=pass"), "{changed}");
        assert!(verdict(&changed).contains("dkim=fail"), "{changed}");
        for (mailbox, field) in [("hint", "Tradepost: v=1"), ("subject", "Subject: Duty")] {
            let more = through_the_mx(
                &bed,
                &format!("{selector}-{mailbox}"),
                &format!("{field}\r\n{signed}"),
            );
            assert!(!verdict(&more).contains("dkim=pass"), "{more}");
        }
        for (letter, expected) in [(genuine, Evidence::Dkim), (changed, Evidence::None)] {
            let unproven = Unproven {
                octets: letter.into_bytes(),
                received_at: None,
            };
            let proven = prover.prove(vec![unproven], &nobody, now()).await;
            assert_eq!(
                proven[0].opened.evidence, expected,
                "{}",
                proven[0].opened.proof
            );
        }
    }
}
