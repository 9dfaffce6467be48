//! What servers do to a client before it is logged in.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use std::time::Duration;

use support::imap::serve;
use support::world::{ANN, World, marked, once, quick, start, subjects};
use support::{Certificates, Peer, Scripted, within};
use tradepost_mailroom::Fault;
use tradepost_post::SecretString;
use tradepost_post::imap::{Error, ImapSettings, SentFolder, TroubleKind, probe, watch};
use tradepost_post::net::Tls;
use tradepost_post::stop;

fn settings(port: u16, tls: Tls) -> ImapSettings {
    let password = SecretString::from("sec\"ret".to_owned());
    let mut settings = ImapSettings::new("127.0.0.1", port, tls, "ann", password);
    settings.timeout = Duration::from_secs(5);
    settings
}

/// The error of a login at a server that says this, up to the login and no further.
async fn login_error(script: &'static [&'static str], tls: Tls) -> (Error, Scripted) {
    let server = Scripted::start(move |mut p: Peer| async move {
        for answer in script {
            p.raw(answer.as_bytes()).await;
            if p.line().await.is_none() {
                return;
            }
        }
        p.gone().await;
    })
    .await;
    let mut short = settings(server.port, tls);
    short.timeout = Duration::from_millis(500);
    let e = within(probe(&short, &SentFolder::Off)).await.unwrap_err();
    (e, server)
}

#[tokio::test]
async fn preauth_is_refused() {
    for tls in [Tls::None, Tls::StartTls] {
        let (e, server) = login_error(&["* PREAUTH logged in as mallory\r\n"], tls).await;
        assert!(e.text.contains("PREAUTH"), "{e}");
        assert_eq!(server.log(), [""; 0], "nothing is said to such a server");
    }
}

#[tokio::test]
async fn a_silent_or_strange_greeting_is_told_in_words() {
    let (e, _) = login_error(&[""], Tls::None).await;
    assert_eq!(e.kind, TroubleKind::TimedOut, "{e}");
    let (e, _) = login_error(&["* BYE too many connections\r\n"], Tls::None).await;
    assert_eq!(e.kind, TroubleKind::Busy);
    assert!(e.text.contains("too many connections"), "{e}");
    let (e, _) = login_error(&["220 smtp.home.example ESMTP\r\n"], Tls::None).await;
    assert_eq!(e.kind, TroubleKind::NotUnderstood);
    assert!(e.text.contains("does not look like an IMAP server"), "{e}");
    let (e, _) = login_error(&["* OK hello\r\n"], Tls::Implicit).await;
    assert!(e.text.contains("does not speak TLS here"), "{e}");
}

#[tokio::test]
async fn plain_text_sent_ahead_of_tls_is_refused() {
    const GREETING: &str = "* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n";
    let honest = &[GREETING, "a1 OK go ahead\r\n"];
    let injected = &[
        GREETING,
        "a1 OK go ahead\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
    ];
    let (e, _) = login_error(honest, Tls::StartTls).await;
    assert!(!e.text.contains("interfering"), "{e}");
    let (e, server) = login_error(injected, Tls::StartTls).await;
    assert!(e.text.contains("interfering"), "{e}");
    assert_eq!(server.log(), ["a1 STARTTLS"]);
}

#[tokio::test]
async fn without_starttls_no_password_is_sent() {
    let none = &["* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n"];
    let refused = &[
        "* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n",
        "a1 NO not now\r\n",
    ];
    for script in [&none[..], &refused[..]] {
        let (e, server) = login_error(script, Tls::StartTls).await;
        assert_eq!(e.kind, TroubleKind::Tls);
        assert!(e.text.contains("offers no STARTTLS"), "{e}");
        assert_eq!(server.heard("LOGIN") + server.heard("AUTHENTICATE"), 0);
    }
}

#[tokio::test]
async fn nothing_of_what_was_announced_before_tls_counts_after_it() {
    let certificates = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, &certificates.ca_pem).unwrap();
    let acceptor = certificates.acceptor.clone();
    let server = Scripted::start_upgrading(acceptor, |mut p, upgrade| async move {
        // Before TLS anybody may claim that only LOGIN works.
        p.say("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hello")
            .await;
        p.line().await;
        p.say("a1 OK go ahead").await;
        let mut p = upgrade(p).await;
        p.line().await;
        p.raw(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\na2 OK\r\n")
            .await;
        let login = p.line().await.unwrap_or_default();
        assert!(login.starts_with("a3 AUTHENTICATE PLAIN "), "{login}");
        p.say("a3 NO [AUTHENTICATIONFAILED] no").await;
        p.gone().await;
    })
    .await;
    let mut starttls = settings(server.port, Tls::StartTls);
    starttls.ca_file = Some(ca_file);
    let e = within(probe(&starttls, &SentFolder::Off))
        .await
        .unwrap_err();
    assert_eq!(e.kind, TroubleKind::WrongPassword, "{e}");
}

#[tokio::test]
async fn the_login_takes_what_the_server_offers() {
    let rows: [(&'static [&'static str], &[&str]); 5] = [
        // Not offered: LOGIN, in quotes.
        (
            &["* OK [CAPABILITY IMAP4rev1] hi\r\n", "a1 NO wrong\r\n"],
            &["a1 LOGIN \"ann\" \"sec\\\"ret\""],
        ),
        // Offered without initial response.
        (
            &[
                "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
                "+ \r\n",
                "a1 NO wrong\r\n",
            ],
            &["a1 AUTHENTICATE PLAIN", "AGFubgBzZWMicmV0"],
        ),
        // Other things are said before the challenge, and it is no base64.
        (
            &[
                "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
                "* OK hello\r\n* CAPABILITY (\r\n+ go ahead\r\n",
                "a1 NO wrong\r\n",
            ],
            &["a1 AUTHENTICATE PLAIN", "AGFubgBzZWMicmV0"],
        ),
        // A second challenge is answered with an empty line, not with the password again.
        (
            &[
                "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n",
                "+ eyJzdGF0dXMiOiI0MDAifQ==\r\n",
                "a1 NO wrong\r\n",
            ],
            &["a1 AUTHENTICATE PLAIN AGFubgBzZWMicmV0", ""],
        ),
        // Announced and then not understood.
        (
            &[
                "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n",
                "a1 BAD what\r\n",
                "a2 NO wrong\r\n",
            ],
            &[
                "a1 AUTHENTICATE PLAIN AGFubgBzZWMicmV0",
                "a2 LOGIN \"ann\" \"sec\\\"ret\"",
            ],
        ),
    ];
    for (script, expected) in rows {
        let (e, server) = login_error(script, Tls::None).await;
        assert_eq!(e.kind, TroubleKind::WrongPassword, "{e}");
        assert_eq!(server.log(), expected);
        assert!(!e.text.contains("ret"), "{e}");
    }
    // A server that repeats what it was told.
    let echoes: [(&'static [&'static str], &str); 2] = [
        (
            &[
                "* OK [CAPABILITY IMAP4rev1] hi\r\n",
                "a1 BAD unknown: LOGIN \"ann\" \"sec\\\"ret\"\r\n",
            ],
            "unknown: LOGIN \"ann\" \"[redacted]\"",
        ),
        (
            &[
                "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi\r\n",
                "* BYE to AUTHENTICATE PLAIN AGFubgBzZWMicmV0\r\n",
            ],
            "BYE to AUTHENTICATE PLAIN [redacted]",
        ),
    ];
    for (script, expected) in echoes {
        let (e, _) = login_error(script, Tls::None).await;
        assert!(e.text.contains(expected), "{expected} in {e}");
        assert!(!e.text.contains("ret") && !e.text.contains("AGFubgBzZWMicmV0"));
    }
    let disabled = &["* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n"];
    let (e, server) = login_error(disabled, Tls::None).await;
    assert!(e.text.contains("LOGINDISABLED"), "{e}");
    assert_eq!(server.log(), [""; 0]);
}

#[tokio::test]
async fn a_server_in_trouble_is_no_wrong_password() {
    let script = &[
        "* OK [CAPABILITY IMAP4rev1] hi\r\n",
        "a1 NO [UNAVAILABLE] directory is down\r\n",
    ];
    let (e, _) = login_error(script, Tls::None).await;
    assert_eq!(e.kind, TroubleKind::Busy, "{e}");
}

#[tokio::test]
async fn a_password_that_no_quoted_string_can_hold_goes_as_a_literal() {
    let server = Scripted::start(|mut p| async move {
        p.say("* OK [CAPABILITY IMAP4rev1] hi").await;
        p.line().await;
        p.say("+ ready").await;
        p.line().await;
        p.say("+ ready").await;
        p.line().await;
        p.say("a1 NO wrong").await;
        p.gone().await;
    })
    .await;
    let mut umlaut = settings(server.port, Tls::None);
    umlaut.password = SecretString::from("geheim-ü".to_owned()).into();
    let e = within(probe(&umlaut, &SentFolder::Off)).await.unwrap_err();
    assert_eq!(e.kind, TroubleKind::WrongPassword);
    assert_eq!(server.log(), ["a1 LOGIN {3}", "ann {9}", "geheim-ü"]);
}

#[tokio::test]
async fn capabilities_that_do_not_parse_do_no_harm() {
    let world = World::room().await;
    world.deliver(ANN, &marked("one")).await;
    world
        .the_room()
        .faults()
        .always(Fault::CapabilityUnparsable);
    let (events, outcome) = once(world.imap(ANN, Tls::StartTls), quick()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), ["one"]);
    assert!(
        world
            .the_room()
            .faults()
            .happened(&Fault::CapabilityUnparsable)
            > 0
    );
}

#[tokio::test]
async fn servers_that_want_id_first_get_it() {
    let world = World::room().await;
    world.deliver(ANN, &marked("one")).await;
    world.the_room().faults().always(Fault::SelectWantsId);
    let (events, outcome) = once(world.imap(ANN, Tls::Implicit), quick()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), ["one"]);
}

#[tokio::test]
async fn the_watch_tries_again_after_a_bad_start() {
    for fault in [Fault::ImapNoGreeting, Fault::ImapByeGreeting] {
        let world = World::room().await;
        world.deliver(ANN, &marked("one")).await;
        world.the_room().faults().once(fault.clone());
        let mut settings = world.imap(ANN, Tls::None);
        settings.timeout = Duration::from_secs(1);
        let mut watching = start(settings, quick());
        let trouble = watching.trouble().await;
        assert!(trouble.text.contains("localhost:"), "{trouble:?}");
        assert!(trouble.retry_in <= quick().retry_longest);
        assert_eq!(watching.subjects("INBOX", 1).await, ["one"], "{fault:?}");
        watching.stop().await;
    }
}

#[tokio::test]
async fn what_can_never_work_ends_the_watch_at_once() {
    let (sender, _events) = tokio::sync::mpsc::channel(1);
    let (_stopper, stop) = stop::channel();
    let mut far = settings(143, Tls::None);
    far.host = "imap.home.example".to_owned();
    let run = |settings| watch(settings, quick(), sender.clone(), stop.clone());
    let e = within(run(far.clone())).await.unwrap_err();
    assert_eq!(e.kind, TroubleKind::Configuration);
    assert!(
        e.text.contains("plain text") && e.text.contains("`tls` in [imap]"),
        "{e}"
    );
    far.tls = Tls::Implicit;
    far.ca_file = Some("/nonexistent/ca.pem".into());
    let e = within(run(far)).await.unwrap_err();
    assert!(
        e.text.contains("/nonexistent/ca.pem") && e.text.contains("`ca_file`"),
        "{e}"
    );
}

#[tokio::test]
async fn an_unreachable_mailbox_is_told_and_once_gives_up() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let (events, outcome) = once(settings(port, Tls::None), quick()).await;
    let e = outcome.unwrap_err();
    assert_eq!(e.kind, TroubleKind::CannotConnect);
    assert!(
        e.text.contains("connection refused") && e.text.contains("`port` in [imap]"),
        "{e}"
    );
    assert!(events.len() >= 2, "it was tried again: {events:?}");
    let mut nowhere = settings(port, Tls::Implicit);
    nowhere.host = "imap.home.example".to_owned();
    let e = within(probe(&nowhere, &SentFolder::Off)).await.unwrap_err();
    assert_eq!(e.kind, TroubleKind::NameNotFound, "{e}");
}

#[tokio::test]
async fn a_stop_is_heard_while_connecting_and_while_waiting_to_try_again() {
    let server = Scripted::start(|mut p| async move { p.gone().await }).await;
    let watching = start(settings(server.port, Tls::None), quick());
    support::until(|| server.connections() == 1).await;
    watching.stop().await;

    let server = serve(Vec::new(), |_, _| None).await;
    let mut wrong = settings(server.port, Tls::None);
    wrong.tls = Tls::StartTls;
    let mut slow = quick();
    slow.retry_first = Duration::from_secs(3600);
    slow.retry_longest = Duration::from_secs(3600);
    let mut watching = start(wrong, slow);
    watching.trouble().await;
    watching.stop().await;
}
