//! Keys by DNS: that a name has none, and that nobody answers, are told apart.

use std::time::Duration;

use tradepost_letters::RelayPolicy;
use tradepost_proof::dkim::{KeySource, Prover, TxtAnswer, Unproven};
use tradepost_statements::Evidence;

use crate::name_server::{Answer, NameServer, txt};
use crate::signing::{Key, Tags, genuine, prove, received_at, signature, signed};

const NAME: &str = "s1._domainkey.carrier.example";

fn asking(server: &NameServer, failures_kept: Duration) -> Prover {
    Prover::new(KeySource {
        resolver: Some(server.address),
        budget: Duration::from_millis(400),
        failures_kept,
        ..KeySource::default()
    })
    .unwrap()
}

fn letter() -> Vec<u8> {
    let key = Key::ed25519();
    signed(genuine(), &Tags::good(key), key)
}

#[tokio::test]
async fn a_key_is_asked_for_once_while_it_holds() {
    let server = NameServer::start().await;
    server.says(NAME, txt(&Key::ed25519().record()));
    let prover = asking(&server, Duration::ZERO);
    for _ in 0..3 {
        let proven = prove(&prover, &letter()).await;
        assert_eq!(proven.opened.evidence, Evidence::Dkim);
    }
    assert_eq!(server.was_asked(NAME), 1);
    // A TTL of 0 holds for this letter only; names have no case.
    let fleeting = Answer::Txt(vec![vec![Key::ed25519().record()]], 0);
    server.says("s2._domainkey.carrier.example", fleeting);
    let tags = Tags::good(Key::ed25519()).with("s", "S2");
    let letter = signed(genuine(), &tags, Key::ed25519());
    for _ in 0..2 {
        let proven = prove(&prover, &letter).await;
        assert_eq!(proven.opened.evidence, Evidence::Dkim);
    }
    assert_eq!(server.was_asked("s2._domainkey.carrier.example"), 2);
}

#[tokio::test]
async fn a_name_without_a_key_proves_nothing_and_is_not_waited_for() {
    let server = NameServer::start().await;
    for code in [0, 3] {
        server.says(NAME, Answer::Code(code));
        let prover = asking(&server, Duration::ZERO);
        let proven = prove(&prover, &letter()).await;
        assert_eq!(proven.opened.evidence, Evidence::None);
        assert_eq!(proven.undecided, None, "{code}");
        let proof = proven.opened.proof;
        assert!(proof.contains("there is no key"), "{proof}");
    }
    server.says(NAME, txt(&Key::ed25519().record()));
    let proven = prove(&asking(&server, Duration::ZERO), &letter()).await;
    assert_eq!(proven.opened.evidence, Evidence::Dkim);
}

#[tokio::test]
async fn no_answer_decides_nothing_and_an_answer_later_does() {
    let server = NameServer::start().await;
    for silent in [Answer::Code(2), Answer::Code(5), Answer::Silence] {
        let prover = asking(&server, Duration::ZERO);
        server.says(NAME, silent);
        let proven = prove(&prover, &letter()).await;
        assert_eq!(proven.opened.evidence, Evidence::None);
        assert_eq!(proven.undecided, Some(Evidence::Dkim));
        let proof = proven.opened.proof;
        assert!(proof.contains("DNS did not answer"), "{proof}");
        server.says(NAME, txt(&Key::ed25519().record()));
        let proven = prove(&prover, &letter()).await;
        assert_eq!(proven.opened.evidence, Evidence::Dkim);
        assert_eq!(proven.undecided, None);
    }
}

#[tokio::test]
async fn a_silent_name_server_is_asked_once_for_many_letters() {
    let server = NameServer::start().await;
    server.says(NAME, Answer::Silence);
    let prover = asking(&server, Duration::from_secs(3600));
    let unproven = Unproven {
        octets: letter(),
        received_at: Some(received_at()),
    };
    for _ in 0..3 {
        let letters = vec![unproven.clone(); 100];
        let policy = RelayPolicy::default();
        let proven = prover.prove(letters, &policy, received_at()).await;
        assert_eq!(proven.len(), 100);
        assert!(proven.iter().all(|p| p.undecided == Some(Evidence::Dkim)));
    }
    // A lost packet is sent again once.
    let asked = server.was_asked(NAME);
    assert!((1..=2).contains(&asked), "asked {asked} times");
}

#[tokio::test]
async fn an_undecided_signature_leaves_the_providers_word_as_it_is() {
    let server = NameServer::start().await;
    server.says(NAME, Answer::Code(2));
    let prover = asking(&server, Duration::ZERO);
    let mut octets =
        b"Authentication-Results: mx.home.example; dkim=pass header.d=carrier.example\r\n".to_vec();
    octets.extend(letter());
    let policy = RelayPolicy::new(vec!["mx.home.example".parse().unwrap()], None);
    let letter = Unproven {
        octets,
        received_at: Some(received_at()),
    };
    let proven = prover.prove(vec![letter], &policy, received_at()).await;
    assert_eq!(proven[0].opened.evidence, Evidence::Relay);
    assert_eq!(proven[0].undecided, Some(Evidence::Dkim));
}

#[tokio::test]
async fn strings_are_put_together_aliases_followed_and_two_keys_are_none() {
    let key = Key::rsa(2048);
    let record = key.record();
    let (first, second) = record.split_at(200);
    let halves = vec![first.to_owned(), second.to_owned()];
    let spf = vec!["v=spf1 -all".to_owned()];
    let whole = vec![Key::ed25519().record()];
    let letter = signed(genuine(), &Tags::good(key), key);
    for (answer, proves) in [
        (Answer::Txt(vec![halves.clone()], 300), true),
        (Answer::Txt(vec![spf.clone(), halves.clone()], 300), true),
        (Answer::Txt(vec![halves.clone(), whole], 300), false),
        (Answer::Txt(vec![spf], 300), false),
        (Answer::Alias("keys.provider.example", vec![halves]), true),
        (Answer::Alias("keys.provider.example", vec![]), false),
    ] {
        let server = NameServer::start().await;
        server.says(NAME, answer);
        let proven = prove(&asking(&server, Duration::ZERO), &letter).await;
        let is_proven = proven.opened.evidence == Evidence::Dkim;
        assert_eq!(is_proven, proves, "{}", proven.opened.proof);
        assert_eq!(proven.undecided, None);
    }
}

#[tokio::test]
async fn nobody_is_asked_where_the_answer_could_not_matter() {
    let server = NameServer::start().await;
    server.says(NAME, txt(&Key::ed25519().record()));
    let mut source = KeySource {
        resolver: Some(server.address),
        ..KeySource::default()
    };
    let plain = genuine().replace("vnd.tradepost+json", "json");
    let key = Key::ed25519();
    let not_ours = signed(plain, &Tags::good(key), key);
    let unlike = String::from_utf8(letter())
        .unwrap()
        .replace("on its way", "on its wax");
    let prover = Prover::new(source.clone()).unwrap();
    for letter in [not_ours, unlike.into_bytes()] {
        assert_eq!(
            prove(&prover, &letter).await.opened.evidence,
            Evidence::None
        );
    }
    assert_eq!(server.was_asked(NAME), 0);
    // Keys of the configuration are never looked up, however their names are written.
    let name = "S1._DomainKey.carrier.example.".to_owned();
    source.fixed.insert(name, Key::ed25519().record());
    let fixed = Prover::new(source.clone()).unwrap();
    assert_eq!(
        prove(&fixed, &letter()).await.opened.evidence,
        Evidence::Dkim
    );
    assert_eq!(
        fixed.txt(NAME).await,
        TxtAnswer::Fixed(Key::ed25519().record())
    );
    assert_eq!(server.was_asked(NAME), 0);
    assert_eq!(
        prove(&prover, &letter()).await.opened.evidence,
        Evidence::Dkim
    );
    assert_eq!(server.was_asked(NAME), 1);
}

#[tokio::test]
async fn several_signatures_are_asked_for_together() {
    let server = NameServer::start().await;
    let key = Key::ed25519();
    server.says("s9._domainkey.carrier.example", txt(&key.record()));
    let letter = genuine();
    let mut whole = String::new();
    for s in ["s5", "s6", "s7", "s8", "s9"] {
        server.says(
            &format!("{s}._domainkey.carrier.example"),
            if s == "s9" {
                txt(&key.record())
            } else {
                Answer::Silence
            },
        );
        whole += &signature(letter.as_bytes(), &Tags::good(key).with("s", s), key);
    }
    whole += &letter;
    // One that answers is enough, whatever the others do.
    let proven = prove(&asking(&server, Duration::ZERO), whole.as_bytes()).await;
    assert_eq!(proven.opened.evidence, Evidence::Dkim);
    assert_eq!(proven.undecided, None);
}

#[tokio::test]
async fn the_texts_at_a_name_are_told_as_they_are() {
    let server = NameServer::start().await;
    let prover = asking(&server, Duration::ZERO);
    server.says(NAME, txt("anything"));
    let found = TxtAnswer::Found(vec!["anything".to_owned()]);
    assert_eq!(prover.txt(NAME).await, found);
    server.says(NAME, Answer::Code(3));
    assert_eq!(prover.txt(NAME).await, TxtAnswer::Missing);
    server.says(NAME, Answer::Code(2));
    assert!(matches!(prover.txt(NAME).await, TxtAnswer::Unanswered(_)));
}

#[tokio::test]
async fn a_domain_that_never_answers_does_not_take_the_turn_of_another() {
    let server = NameServer::start().await;
    server.says(NAME, txt(&Key::ed25519().record()));
    let key = Key::ed25519();
    // Their names come first in any alphabet, and are more than can be asked for in the time there is.
    let mut letters: Vec<Vec<u8>> = Vec::new();
    for n in 100..150 {
        let domain = format!("n{n}.a.example");
        let theirs = genuine().replace("carrier.example", &domain);
        let mut letter = theirs.clone();
        for s in 1..=5 {
            let selector = format!("0{s}");
            server.says(&format!("{selector}._domainkey.{domain}"), Answer::Silence);
            let tags = Tags::good(key).with("d", &domain).with("s", selector);
            let signature = signature(theirs.as_bytes(), &tags, key);
            letter = format!("{signature}{letter}");
        }
        letters.push(letter.into_bytes());
    }
    letters.push(self::letter());
    let letters = letters.into_iter().map(|octets| Unproven {
        octets,
        received_at: Some(received_at()),
    });
    let prover = asking(&server, Duration::ZERO);
    let proven = prover
        .prove(letters.collect(), &RelayPolicy::default(), received_at())
        .await;
    let (genuine, others) = proven.split_last().unwrap();
    assert!(others.iter().all(|p| p.undecided == Some(Evidence::Dkim)));
    assert_eq!(
        genuine.opened.evidence,
        Evidence::Dkim,
        "{}",
        genuine.opened.proof
    );
}
