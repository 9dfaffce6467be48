//! Submission servers that say what they can do in odd ways: what they can do is used all the same.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Certificates, Peer, Scripted, within};
use tradepost_post::SecretString;
use tradepost_post::net::Tls;
use tradepost_post::smtp::{SmtpSettings, Submission, Submitter, TroubleKind};

const ASCII: &[u8] = b"From: ann@home.example\r\n\r\nHello\r\n";
const WITH_8_BITS: &[u8] = "From: ann@home.example\r\n\r\nGrüße\r\n".as_bytes();

fn settings(port: u16) -> SmtpSettings {
    let password = SecretString::from("secret".to_owned());
    SmtpSettings::new("127.0.0.1", port, Tls::None, "ann", password)
}

/// Answers a login and letters; each of `replies` to the end of a letter's text, one after the other.
async fn take(p: &mut Peer, replies: &[&[u8]]) {
    let mut replies = replies.iter();
    while let Some(line) = p.line().await {
        let verb = line.to_ascii_uppercase();
        if verb.starts_with("AUTH") {
            p.say("235 welcome").await;
        } else if verb == "DATA" {
            p.say("354 go ahead").await;
            while p.line().await.is_some_and(|line| line != ".") {}
            p.raw(replies.next().unwrap_or(&&b"250 queued\r\n"[..]))
                .await;
        } else {
            p.say("250 ok").await;
        }
    }
}

/// A server that says this to EHLO, and to the end of each letter the next of `replies`.
async fn server(ehlo: &'static str, replies: &'static [&'static [u8]]) -> Scripted {
    Scripted::start(move |mut p| async move {
        p.say("220 smtp.home.example ESMTP").await;
        p.line().await;
        p.raw(ehlo.as_bytes()).await;
        take(&mut p, replies).await;
    })
    .await
}

async fn submit(server: &Scripted, from: &str, letter: &[u8]) -> Submission {
    let submitter = Submitter::new(settings(server.port)).unwrap();
    within(submitter.submit(from, "orders@shop.example", letter)).await
}

#[tokio::test]
async fn keywords_of_ehlo_count_in_any_case() {
    const PLAIN: &str = "AUTH PLAIN AGFubgBzZWNyZXQ=";
    for (ehlo, login) in [
        (
            "250-hello\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN\r\n",
            PLAIN,
        ),
        (
            "250-hello\r\n250-8bitmime\r\n250-smtputf8\r\n250-auth plain login\r\n250 help\r\n",
            PLAIN,
        ),
        (
            "250-hello\r\n250-8BitMime\r\n250-SmtpUtf8\r\n250 Auth Plain\r\n",
            PLAIN,
        ),
        // As drafts of RFC 2554 had it; some servers still say both.
        (
            "250-hello\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH=PLAIN LOGIN\r\n",
            PLAIN,
        ),
        (
            "250-hello\r\n250-AUTH login\r\n250-8bitmime\r\n250-smtputf8\r\n250 auth=login\r\n",
            "AUTH LOGIN",
        ),
    ] {
        let server = server(ehlo, &[]).await;
        let outcome = submit(&server, "änn@home.example", WITH_8_BITS).await;
        if login == "AUTH LOGIN" {
            // What is answered here is no challenge; that it was begun is enough.
            assert_eq!(server.heard(login), 1, "{ehlo}");
            continue;
        }
        assert!(
            matches!(outcome, Submission::Accepted { .. }),
            "{ehlo}: {outcome:?}"
        );
        assert_eq!(server.heard(login), 1, "{ehlo}");
        let mail = "MAIL FROM:<änn@home.example> SMTPUTF8 BODY=8BITMIME";
        assert_eq!(server.heard(mail), 1, "{:?}", server.log());
    }
    // What is not said is not done.
    let without = server("250-hello\r\n250-8bitmimes\r\n250 auth plain\r\n", &[]).await;
    let outcome = submit(&without, "ann@home.example", WITH_8_BITS).await;
    assert!(
        matches!(outcome, Submission::Refused { code: None, .. }),
        "{outcome:?}"
    );
    let without = server("250-auth plain\r\n250 x-auth=plain\r\n", &[]).await;
    let submitter = Submitter::new(settings(without.port)).unwrap();
    let e = within(submitter.probe()).await.unwrap_err();
    assert_eq!(e.kind, TroubleKind::LoginRefused, "{e}");
}

#[tokio::test]
async fn starttls_in_lower_case_is_obeyed() {
    let certificates = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, &certificates.ca_pem).unwrap();
    let acceptor = certificates.acceptor.clone();
    let server = Scripted::start_upgrading(acceptor, |mut p, upgrade| async move {
        p.say("220 smtp.home.example ESMTP").await;
        p.line().await;
        p.raw(b"250-hello\r\n250 starttls\r\n").await;
        p.line().await;
        p.say("220 go ahead").await;
        let mut p = upgrade(p).await;
        p.line().await;
        p.raw(b"250-hello\r\n250 auth=plain\r\n").await;
        take(&mut p, &[]).await;
    })
    .await;
    let mut starttls = settings(server.port);
    starttls.tls = Tls::StartTls;
    starttls.ca_file = Some(ca_file);
    let submitter = Submitter::new(starttls).unwrap();
    let outcome = within(submitter.submit("ann@home.example", "o@shop.example", ASCII)).await;
    assert!(
        matches!(outcome, Submission::Accepted { .. }),
        "{outcome:?}"
    );
    let begin: Vec<String> = server.log().into_iter().skip(1).take(1).collect();
    assert_eq!(begin, ["STARTTLS"]);
}

#[tokio::test]
async fn a_reply_of_its_code_alone_or_in_latin_1_is_a_reply() {
    const HELLO: &str = "250-hello\r\n250 AUTH PLAIN\r\n";
    let taken = server(HELLO, &[b"250\r\n", b"250 \xfcbernommen\r\n"]).await;
    let submitter = Submitter::new(settings(taken.port)).unwrap();
    for expected in ["", "\u{fffd}bernommen"] {
        let outcome = within(submitter.submit("ann@home.example", "o@shop.example", ASCII)).await;
        let reply = expected.to_owned();
        assert_eq!(outcome, Submission::Accepted { reply });
    }
    assert_eq!(taken.connections(), 1);
    let refused = server(HELLO, &[b"554 5.6.0 gesch\xfctzt: content\r\n"]).await;
    let outcome = submit(&refused, "ann@home.example", ASCII).await;
    assert!(
        matches!(
            outcome,
            Submission::Refused {
                code: Some(554),
                ..
            }
        ),
        "{outcome:?}"
    );
}
