//! What SMTP servers do to a client, said word for word by scripted servers; each refusal stands
//! beside the same letter without the fault, which is accepted.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{Certificates, Peer, Scripted, until, within};
use tradepost_post::SecretString;
use tradepost_post::net::Tls;
use tradepost_post::smtp::{SmtpSettings, Submission, Submitter, TroubleKind};

const LETTER: &[u8] = b"From: ann@home.example\r\n\r\n.a line with a dot\r\nlast\r\n";

fn settings(port: u16) -> SmtpSettings {
    let password = SecretString::from("secret".to_owned());
    SmtpSettings::new("127.0.0.1", port, Tls::None, "ann", password)
}

async fn submit(submitter: &Submitter) -> Submission {
    within(submitter.submit("ann@home.example", "orders@shop.example", LETTER)).await
}

/// Greeting, EHLO, AUTH.
async fn welcome(p: &mut Peer) {
    p.say("220 smtp.home.example ESMTP").await;
    p.line().await;
    p.raw(b"250-smtp.home.example\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n")
        .await;
    p.line().await;
    p.say("235 welcome").await;
}

/// MAIL, RCPT, DATA and the text; then it is the test's turn to answer. None: the client left.
async fn take_text(p: &mut Peer) -> Option<String> {
    for answer in ["250 ok", "250 ok", "354 go ahead"] {
        p.line().await?;
        p.say(answer).await;
    }
    let mut text = String::new();
    loop {
        let line = p.line().await?;
        if line == "." {
            return Some(text);
        }
        text.push_str(&line);
        text.push_str("\r\n");
    }
}

async fn accept_all(mut p: Peer) {
    welcome(&mut p).await;
    while take_text(&mut p).await.is_some() {
        p.say("250 queued as 1").await;
    }
}

#[tokio::test]
async fn a_letter_arrives_byte_for_byte_and_the_connection_serves_again() {
    let server = Scripted::start(accept_all).await;
    let submitter = Submitter::new(settings(server.port)).unwrap();
    for _ in 0..3 {
        let Submission::Accepted { reply } = submit(&submitter).await else {
            panic!("not accepted");
        };
        assert_eq!(reply, "queued as 1");
    }
    assert_eq!(server.connections(), 1);
    // Dots are stuffed, and no empty line is added at the end.
    let log = server.log().join("\n");
    assert!(log.contains("\n..a line with a dot\nlast\n.\n"), "{log}");
    assert!(!log.contains("secret"));
}

/// RFC 3461: where the server takes it, the envelope has the letter's Message-ID for its id.
#[tokio::test]
async fn a_server_that_reports_gets_an_envelope_id() {
    const WITH_ID: &[u8] =
        b"From: ann@home.example\r\nMessage-ID: <order-1@home.example>\r\n\r\nHello\r\n";
    for (dsn, letter, expected) in [
        (
            "250-DSN\r\n",
            WITH_ID,
            "MAIL FROM:<ann@home.example> ENVID=order-1@home.example",
        ),
        ("", WITH_ID, "MAIL FROM:<ann@home.example>"),
        ("250-DSN\r\n", LETTER, "MAIL FROM:<ann@home.example>"),
    ] {
        let server = Scripted::start(move |mut p| async move {
            p.say("220 smtp.home.example ESMTP").await;
            p.line().await;
            let hello = format!("250-hello\r\n{dsn}250 AUTH PLAIN\r\n");
            p.raw(hello.as_bytes()).await;
            p.line().await;
            p.say("235 welcome").await;
            while take_text(&mut p).await.is_some() {
                p.say("250 queued").await;
            }
        })
        .await;
        let submitter = Submitter::new(settings(server.port)).unwrap();
        let done = submitter.submit("ann@home.example", "orders@shop.example", letter);
        assert!(matches!(within(done).await, Submission::Accepted { .. }));
        let log = server.log();
        assert!(
            log.iter().any(|line| line == expected),
            "{expected}: {log:?}"
        );
    }
}

#[tokio::test]
async fn a_late_answer_is_never_taken_for_the_next_letters() {
    // The first letter's answer comes after the client gave it up; the second is refused.
    let server = Scripted::start(|mut p| async move {
        welcome(&mut p).await;
        take_text(&mut p).await;
        if p.nth == 0 {
            p.gone().await;
            p.say("250 queued as late").await;
        } else {
            p.say("554 5.6.0 no thanks").await;
        }
    })
    .await;
    let mut impatient = settings(server.port);
    impatient.send_timeout = Duration::from_millis(300);
    let submitter = Submitter::new(impatient).unwrap();
    let Submission::TryAgain { text, .. } = submit(&submitter).await else {
        panic!("silence is no answer");
    };
    assert!(text.contains("after the letter was sent"), "{text}");
    let second = submit(&submitter).await;
    assert!(
        matches!(&second, Submission::Refused { code: Some(554), text } if text.contains("no thanks")),
        "{second:?}"
    );
    assert_eq!(
        server.connections(),
        2,
        "a timed out connection is thrown away"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_text_leaves_the_letter_unknown() {
    let server = Scripted::start(|mut p| async move {
        welcome(&mut p).await;
        take_text(&mut p).await;
        if p.nth > 0 {
            p.say("250 queued").await;
        }
    })
    .await;
    let submitter = Submitter::new(settings(server.port)).unwrap();
    assert!(matches!(
        submit(&submitter).await,
        Submission::TryAgain { .. }
    ));
    assert_eq!(
        server.connections(),
        1,
        "it may have arrived: not sent again at once"
    );
    assert!(matches!(
        submit(&submitter).await,
        Submission::Accepted { .. }
    ));
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_replaced_in_silence() {
    for goodbye in [None, Some("421 idle too long")] {
        let server = Scripted::start(move |mut p| async move {
            welcome(&mut p).await;
            take_text(&mut p).await;
            p.say("250 queued").await;
            if let Some(goodbye) = goodbye {
                p.say(goodbye).await;
            }
        })
        .await;
        let submitter = Submitter::new(settings(server.port)).unwrap();
        for n in 1..=3 {
            let outcome = submit(&submitter).await;
            assert!(
                matches!(outcome, Submission::Accepted { .. }),
                "{outcome:?}"
            );
            assert_eq!(server.connections(), n);
        }
    }
}

#[tokio::test]
async fn unused_connections_are_closed_after_a_while() {
    let server = Scripted::start(accept_all).await;
    let mut short = settings(server.port);
    short.idle = Duration::from_millis(50);
    let submitter = Submitter::new(short).unwrap();
    assert!(matches!(
        submit(&submitter).await,
        Submission::Accepted { .. }
    ));
    until(|| server.heard("QUIT") == 1).await;
}

#[tokio::test]
async fn refusals_of_the_letter_are_final_and_busy_servers_are_not() {
    let rows = [
        ("550 5.1.1 no such mailbox", Some(550)),
        ("450 4.2.1 mailbox busy", None),
        ("250 ok", Some(0)),
    ];
    for (answer, expected) in rows {
        let server = Scripted::start(move |mut p| async move {
            welcome(&mut p).await;
            p.line().await;
            p.say("250 sender ok").await;
            p.line().await;
            p.say(answer).await;
            if answer.starts_with("250") {
                p.line().await;
                p.say("354 go").await;
                while p.line().await.is_some_and(|l| l != ".") {}
                p.say("250 queued").await;
            }
        })
        .await;
        let submitter = Submitter::new(settings(server.port)).unwrap();
        let code = match submit(&submitter).await {
            Submission::Accepted { .. } => Some(0),
            Submission::Refused { code, text } => {
                assert!(text.contains("no such mailbox"), "{text}");
                code
            }
            Submission::TryAgain { text, .. } => {
                assert!(text.contains("mailbox busy"), "{text}");
                None
            }
        };
        assert_eq!(code, expected, "{answer}");
    }
}

#[tokio::test]
async fn anything_but_250_after_the_text_is_not_taken_for_acceptance() {
    for (answer, accepted) in [("251 maybe", false), ("354 what", false), ("250 ok", true)] {
        let server = Scripted::start(move |mut p| async move {
            welcome(&mut p).await;
            take_text(&mut p).await;
            p.say(answer).await;
            p.gone().await;
        })
        .await;
        let outcome = submit(&Submitter::new(settings(server.port)).unwrap()).await;
        assert_eq!(
            matches!(outcome, Submission::Accepted { .. }),
            accepted,
            "{outcome:?}"
        );
        assert!(!matches!(outcome, Submission::Refused { .. }));
    }
}

#[tokio::test]
async fn a_wrong_password_never_costs_a_letter() {
    let server = Scripted::start(|mut p| async move {
        p.say("220 smtp.home.example").await;
        p.line().await;
        p.raw(b"250-hello\r\n250 AUTH PLAIN\r\n").await;
        let login = p.line().await.unwrap_or_default();
        p.say(&format!("535 5.7.8 authentication failed: {login}"))
            .await;
        p.gone().await;
    })
    .await;
    let submitter = Submitter::new(settings(server.port)).unwrap();
    let Submission::TryAgain { text, .. } = submit(&submitter).await else {
        panic!("a wrong password is not the letter's fault");
    };
    assert!(
        text.contains("check `user` and the password in [smtp]") && text.contains("ann"),
        "{text}"
    );
    // What the server repeats of the login stays between the two.
    assert!(text.contains("failed: AUTH PLAIN [redacted]"), "{text}");
    assert_eq!(
        submitter.probe().await.unwrap_err().kind,
        TroubleKind::WrongPassword
    );
}

#[tokio::test]
async fn a_server_that_does_not_serve_us_never_costs_a_letter() {
    let server = Scripted::start(|mut p| async move {
        p.say("554 no service for you").await;
        p.gone().await;
    })
    .await;
    let outcome = submit(&Submitter::new(settings(server.port)).unwrap()).await;
    assert!(
        matches!(&outcome, Submission::TryAgain { text, .. } if text.contains("no service for you")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn the_login_takes_what_the_server_offers() {
    let server = Scripted::start(|mut p| async move {
        p.say("220 smtp.home.example").await;
        p.line().await;
        p.raw(b"250-hello\r\n250 AUTH LOGIN CRAM-MD5\r\n").await;
        assert_eq!(p.line().await.as_deref(), Some("AUTH LOGIN"));
        p.say("334 VXNlcm5hbWU6").await;
        assert_eq!(p.line().await.as_deref(), Some("YW5u"));
        p.say("334 UGFzc3dvcmQ6").await;
        p.line().await;
        p.say("235 welcome").await;
        take_text(&mut p).await;
        p.say("250 queued").await;
    })
    .await;
    let outcome = submit(&Submitter::new(settings(server.port)).unwrap()).await;
    assert!(
        matches!(outcome, Submission::Accepted { .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn plain_text_sent_ahead_of_tls_is_refused() {
    // The second line was put there by somebody in between: after TLS it would count as the server's.
    for (answer, interfered) in [
        ("220 go ahead\r\n250 AUTH PLAIN\r\n", true),
        ("220 go ahead\r\n", false),
    ] {
        let certificates = Certificates::new();
        let acceptor = certificates.acceptor.clone();
        let server = Scripted::start(move |mut p| {
            let _acceptor = acceptor.clone();
            async move {
                p.say("220 smtp.home.example").await;
                p.line().await;
                p.raw(b"250-hello\r\n250 STARTTLS\r\n").await;
                p.line().await;
                p.raw(answer.as_bytes()).await;
                p.gone().await;
            }
        })
        .await;
        let mut starttls = settings(server.port);
        starttls.tls = Tls::StartTls;
        starttls.timeout = Duration::from_millis(500);
        let e = Submitter::new(starttls).unwrap().probe().await.unwrap_err();
        // Without the interference TLS is begun (and this server then does not speak it).
        assert_eq!(e.text.contains("interfering"), interfered, "{}", e.text);
        assert_eq!(server.heard("AUTH"), 0);
    }
}

#[tokio::test]
async fn without_starttls_nothing_goes_on_in_plain_text() {
    let server = Scripted::start(accept_all).await;
    let mut starttls = settings(server.port);
    starttls.tls = Tls::StartTls;
    let outcome = submit(&Submitter::new(starttls).unwrap()).await;
    assert!(
        matches!(&outcome, Submission::TryAgain { text, .. } if text.contains("offers no STARTTLS")),
        "{outcome:?}"
    );
    assert_eq!(server.heard("AUTH"), 0);
}

#[tokio::test]
async fn only_certificates_of_a_known_ca_are_accepted() {
    let certificates = Certificates::new();
    let acceptor = Some(certificates.acceptor.clone());
    let server = Scripted::start_with(acceptor, |p| Box::pin(accept_all(p))).await;
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, &certificates.ca_pem).unwrap();

    let mut known = settings(server.port);
    known.tls = Tls::Implicit;
    let mut unknown = known.clone();
    known.ca_file = Some(ca_file);
    assert!(matches!(
        submit(&Submitter::new(known).unwrap()).await,
        Submission::Accepted { .. }
    ));

    let other = Certificates::new();
    let other_file = folder.path().join("other.pem");
    std::fs::write(&other_file, &other.ca_pem).unwrap();
    unknown.ca_file = Some(other_file);
    let e = Submitter::new(unknown).unwrap().probe().await.unwrap_err();
    assert_eq!(e.kind, TroubleKind::Tls);
    assert!(e.text.contains("`ca_file` in [smtp]"), "{}", e.text);
}

#[tokio::test]
async fn smtputf8_is_used_only_for_an_address_that_needs_it() {
    let server = Scripted::start(|mut p| async move {
        p.say("220 smtp.home.example").await;
        p.line().await;
        p.raw(b"250-hello\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n")
            .await;
        p.line().await;
        p.say("235 ok").await;
        while take_text(&mut p).await.is_some() {
            p.say("250 ok").await;
        }
    })
    .await;
    let submitter = Submitter::new(settings(server.port)).unwrap();
    assert!(matches!(
        submit(&submitter).await,
        Submission::Accepted { .. }
    ));
    assert_eq!(server.heard("SMTPUTF8"), 0);
    let outcome = within(submitter.submit("änn@home.example", "o@bücher.example", LETTER)).await;
    assert!(
        matches!(outcome, Submission::Accepted { .. }),
        "{outcome:?}"
    );
    assert_eq!(server.heard("SMTPUTF8"), 1);
    assert_eq!(server.heard("RCPT TO:<o@xn--bcher-kva.example>"), 1);

    let without = Scripted::start(accept_all).await;
    let submitter = Submitter::new(settings(without.port)).unwrap();
    let outcome = within(submitter.submit("änn@home.example", "o@shop.example", LETTER)).await;
    assert!(
        matches!(outcome, Submission::Refused { code: None, .. }),
        "{outcome:?}"
    );
    assert!(matches!(
        submit(&submitter).await,
        Submission::Accepted { .. }
    ));
}

#[tokio::test]
async fn several_letters_travel_at_once_but_not_more_than_configured() {
    let server = Scripted::start(|mut p| async move {
        welcome(&mut p).await;
        while take_text(&mut p).await.is_some() {
            p.say("250 ok").await;
        }
    })
    .await;
    let mut two = settings(server.port);
    two.connections = 2;
    let submitter = Submitter::new(two).unwrap();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let submitter = submitter.clone();
        all.spawn(async move { submit(&submitter).await });
    }
    while let Some(outcome) = within(all.join_next()).await {
        assert!(matches!(outcome.unwrap(), Submission::Accepted { .. }));
    }
    assert!(server.connections() <= 2, "{}", server.connections());
    assert_eq!(server.heard("MAIL FROM"), 40);
}

#[tokio::test]
async fn an_unreachable_server_is_told_apart() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let e = Submitter::new(settings(port))
        .unwrap()
        .probe()
        .await
        .unwrap_err();
    assert_eq!(e.kind, TroubleKind::CannotConnect);
    assert!(e.text.contains("connection refused"), "{}", e.text);

    let mut elsewhere = settings(port);
    elsewhere.host = "smtp.home.example".to_owned();
    let e = Submitter::new(elsewhere.clone()).err().unwrap();
    assert_eq!(
        e.kind,
        TroubleKind::Configuration,
        "plain text to another computer"
    );
    elsewhere.tls = Tls::Implicit;
    let e = Submitter::new(elsewhere)
        .unwrap()
        .probe()
        .await
        .unwrap_err();
    assert_eq!(e.kind, TroubleKind::NameNotFound, "{}", e.text);
}
