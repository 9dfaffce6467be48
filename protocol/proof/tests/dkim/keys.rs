//! What a key's record must say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::EncodePublicKey;

use crate::signing::{Key, Tags, genuine, prove, prover, signed};
use tradepost_statements::Evidence;

async fn outcome(key: &Key, tags: &Tags, record: &str) -> (bool, String) {
    let proven = prove(&prover(record), &signed(genuine(), tags, key)).await;
    assert_eq!(proven.undecided, None, "{record}");
    let is_proven = proven.opened.evidence == Evidence::Dkim;
    (is_proven, proven.opened.proof)
}

#[tokio::test]
async fn a_record_is_read_strictly() {
    let key = Key::ed25519();
    let p = key.public();
    let good = [
        format!("v=DKIM1; k=ed25519; p={p}"),
        format!("k=ed25519;p={p};"),
        format!(" v = DKIM1 ; k = ed25519 ; p = {} {} ", &p[..10], &p[10..]),
        format!("v=DKIM1; k=ed25519; h=sha1:sha256; p={p}"),
        format!("v=DKIM1; k=ed25519; s=email; p={p}"),
        format!("v=DKIM1; k=ed25519; s=other : *; p={p}"),
        format!("v=DKIM1; k=ed25519; t=s; n=a note; new=thing; p={p}"),
    ];
    for record in good {
        let (is_proven, proof) = outcome(key, &Tags::good(key), &record).await;
        assert!(is_proven, "{record}: {proof}");
    }
    let bad = [
        (format!("v=DKIM2; k=ed25519; p={p}"), "v=DKIM1"),
        (format!("k=ed25519; v=DKIM1; p={p}"), "v=DKIM1"),
        ("v=DKIM1; k=ed25519; p=".to_owned(), "revoked"),
        ("v=DKIM1; k=ed25519".to_owned(), "no key"),
        (format!("v=DKIM1; k=ed448; p={p}"), "unknown kind"),
        (format!("v=DKIM1; p={p}"), "cannot be read"),
        (format!("v=DKIM1; k=ed25519; p={p}AAAA"), "cannot be read"),
        (format!("v=DKIM1; k=ed25519; p=?{p}"), "cannot be read"),
        (format!("v=DKIM1; k=ed25519; h=sha1; p={p}"), "SHA-256"),
        (
            format!("v=DKIM1; k=ed25519; s=tlsrpt; p={p}"),
            "not for e-mail",
        ),
        (format!("v=DKIM1; k=ed25519; t=y; p={p}"), "tries DKIM out"),
        (
            format!("v=DKIM1; k=ed25519; t=s:y; p={p}"),
            "tries DKIM out",
        ),
        (format!("v=DKIM1; k=ed25519; p={p}; p={p}"), "twice"),
        (format!("v=DKIM1; k=ed25519; p={p} \u{0}"), "list of tags"),
        ("v=spf1 -all".to_owned(), "v=DKIM1"),
        (String::new(), "list of tags"),
        (Key::rsa(2048).record(), "another kind"),
    ];
    for (record, why) in bad {
        let (is_proven, proof) = outcome(key, &Tags::good(key), &record).await;
        assert!(
            !is_proven && proof.contains(why),
            "{record}: {why}: {proof}"
        );
    }
}

#[tokio::test]
async fn a_key_for_the_exact_domain_is_not_for_one_below() {
    let key = Key::ed25519();
    let loose = key.record();
    let exact = format!("{loose}; t=s");
    let below = Tags::good(key).with("i", "@mail.carrier.example");
    let itself = Tags::good(key).with("i", "@carrier.example");
    assert!(outcome(key, &below, &loose).await.0);
    assert!(outcome(key, &itself, &exact).await.0);
    let (is_proven, proof) = outcome(key, &below, &exact).await;
    assert!(!is_proven && proof.contains("t=s"), "{proof}");
}

#[tokio::test]
async fn rsa_keys_have_at_least_1024_bits_and_come_in_either_form() {
    for (bits, proves) in [(512, false), (1024, true), (2048, true)] {
        let key = Key::rsa(bits);
        let (is_proven, proof) = outcome(key, &Tags::good(key), &key.record()).await;
        assert_eq!(is_proven, proves, "{proof}");
        assert!(is_proven || proof.contains("512 bits"), "{proof}");
        let Key::Rsa(private) = key else {
            panic!("an RSA key is one");
        };
        let spki = private.to_public_key().to_public_key_der().unwrap();
        let record = format!("v=DKIM1; p={}", STANDARD.encode(spki));
        assert_eq!(outcome(key, &Tags::good(key), &record).await.0, proves);
    }
}

#[tokio::test]
async fn another_key_of_the_same_kind_proves_nothing() {
    let key = Key::rsa(2048);
    let other = Key::rsa(1024).record();
    assert!(outcome(key, &Tags::good(key), &key.record()).await.0);
    let (is_proven, proof) = outcome(key, &Tags::good(key), &other).await;
    assert!(!is_proven && proof.contains("another key"), "{proof}");
    // RFC 8463's own key, which is not the one that signed.
    let other = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let key = Key::ed25519();
    let (is_proven, proof) = outcome(key, &Tags::good(key), other).await;
    assert!(!is_proven && proof.contains("another key"), "{proof}");
}
