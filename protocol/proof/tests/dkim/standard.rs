//! The example of RFC 8463, appendix A: its signatures are good, and its letter proves nothing here,
//! since it is none of ours (it has no MIME-Version).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tradepost_letters::dkim::{Algorithm, Candidate, Verification, signatures};
use tradepost_letters::parse;
use tradepost_proof::dkim::VerifyingKey;

use crate::signing::received_at;

const RECORD: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const SIGNATURE: &str =
    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";

const FIELDS: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
    To: Suzie Q <suzie@shopping.example.net>\r\n\
    Subject: Is dinner ready?\r\n\
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
    Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n";

const STATED: &str = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=football.example.com; \
    i=@football.example.com; q=dns/txt; s=brisbane; t=1528637909; h=from : to : subject : date : \
    message-id : from : subject : date; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=";

fn candidate(fields: &str) -> Candidate {
    let mut signed = String::new();
    for line in fields.trim_end().split("\r\n") {
        let (name, value) = line.split_once(": ").unwrap();
        signed += &format!("{}:{value}\r\n", name.to_lowercase());
    }
    signed += &format!("dkim-signature:{STATED}");
    Candidate {
        domain: "football.example.com".to_owned(),
        selector: "brisbane".to_owned(),
        algorithm: Algorithm::Ed25519Sha256,
        identity_domain: "football.example.com".to_owned(),
        signature: STANDARD.decode(SIGNATURE).unwrap(),
        signed: signed.into_bytes(),
    }
}

#[test]
fn the_signature_of_the_standard_is_good() {
    let key = VerifyingKey::read(RECORD).unwrap();
    assert_eq!(key.verify(&candidate(FIELDS)), Verification::Pass);
    let other = candidate(&FIELDS.replace("dinner", "supper"));
    assert!(matches!(key.verify(&other), Verification::Fail(_)));
}

#[test]
fn its_letter_lacks_what_letters_of_ours_have() {
    let body = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
    let field = format!("DKIM-Signature: {STATED}{SIGNATURE}\r\n");
    let letter = format!("{field}{FIELDS}\r\n{body}");
    let found = signatures(letter.as_bytes(), &parse(letter.as_bytes()), received_at());
    assert!(found.to_try.is_empty() && found.refused.is_empty());
    // With them, all of its conditions are kept but that it covers Content-Type.
    let more = "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n";
    let letter = format!("{field}{FIELDS}{more}\r\n{body}");
    let found = signatures(letter.as_bytes(), &parse(letter.as_bytes()), received_at());
    assert!(found.to_try.is_empty());
    let flaw = found.refused[0].to_string();
    assert!(flaw.contains("does not cover Content-Type"), "{flaw}");
    // Its body has the hash that it states.
    let covering = letter.replacen("date; bh", "date : content-type; bh", 1);
    let found = signatures(
        covering.as_bytes(),
        &parse(covering.as_bytes()),
        received_at(),
    );
    assert_eq!(found.to_try.len(), 1, "{:?}", found.refused);
    assert_eq!(
        found.to_try[0].key_name(),
        "brisbane._domainkey.football.example.com"
    );
}
