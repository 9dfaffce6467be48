//! Passwords that change while the program runs, that can't be had for a while, and that are wrong.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../../post/tests/support/mod.rs"]
mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use support::imap::{say, serve};
use support::world::{marked, once, quick, start};
use support::{Peer, Scripted, until, within};
use tradepost_agent::config::{ImapToml, SmtpToml, Source};
use tradepost_post::imap::{MailEvent, TroubleKind, Watch};
use tradepost_post::smtp::{Submission, Submitter, Whose};
use tradepost_post::{imap, smtp};

/// The configuration of somebody whose password comes from there.
#[derive(Deserialize)]
struct Mail {
    imap: ImapToml,
    smtp: SmtpToml,
}

fn mail(folder: &Path, port: u16, password: &str) -> (imap::ImapSettings, smtp::SmtpSettings) {
    let section = format!(
        "host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"ann\"\n{password}\n"
    );
    let text = format!("[imap]\n{section}[smtp]\n{section}");
    let source = Source::from_text(folder.join("config.toml"), text);
    let mail: Mail = source.parse().unwrap();
    (
        mail.imap.settings(&source, "ann").unwrap(),
        mail.smtp.settings(&source, "ann").unwrap(),
    )
}

fn write(folder: &Path, password: &str) {
    let file = folder.join("password");
    // As programs write files that others read: whole, or not at all.
    let new = folder.join("new");
    std::fs::write(&new, format!("{password}\n")).unwrap();
    std::fs::set_permissions(&new, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::rename(new, file).unwrap();
}

/// Where a password comes from that is in the file: the file itself, or a command that reads it and
/// leaves a trace.
const SOURCES: [&str; 2] = [
    "password_file = \"password\"",
    "password_command = \"echo x >> 'FOLDER/runs'; cat 'FOLDER/password'\"",
];

fn source(folder: &Path, which: &str) -> String {
    which.replace("FOLDER", folder.to_str().unwrap())
}

fn runs(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("runs")).map_or(0, |text| text.lines().count())
}

/// The password that a server takes, which may be changed.
type Right = Arc<Mutex<&'static str>>;

/// A mailbox that takes only that password, and ends connections when it is told to.
async fn mailbox(right: Right) -> Scripted {
    serve(vec![marked("one")], move |command, _| {
        let password = *right.lock().unwrap();
        let given = command.strip_prefix("LOGIN \"ann\" ")?;
        if given == format!("\"{password}\"") {
            None
        } else {
            say("TAG NO [AUTHENTICATIONFAILED] wrong\r\n")
        }
    })
    .await
}

/// A submission server that takes one letter a connection.
async fn way_out(right: Right) -> Scripted {
    Scripted::start(move |mut p: Peer| {
        let right = right.clone();
        async move {
            p.say("220 smtp.home.example ESMTP").await;
            p.line().await;
            p.raw(b"250-hello\r\n250 AUTH LOGIN\r\n").await;
            p.line().await;
            p.say("334 VXNlcm5hbWU6").await;
            p.line().await;
            p.say("334 UGFzc3dvcmQ6").await;
            let given = p.line().await.unwrap_or_default();
            let wanted = match *right.lock().unwrap() {
                "old" => "b2xk",
                _ => "bmV3",
            };
            if given != wanted {
                return p.say("535 5.7.8 authentication failed").await;
            }
            p.say("235 welcome").await;
            for answer in ["250 ok", "250 ok", "354 go"] {
                p.line().await;
                p.say(answer).await;
            }
            while p.line().await.is_some_and(|line| line != ".") {}
            p.say("250 queued").await;
        }
    })
    .await
}

async fn submit(submitter: &Submitter) -> Submission {
    let letter = b"From: ann@home.example\r\n\r\nhello\r\n";
    within(submitter.submit("ann@home.example", "orders@shop.example", letter)).await
}

#[tokio::test]
async fn a_changed_password_is_read_again_when_the_old_one_is_refused() {
    for which in SOURCES {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, "old");
        let right: Right = Arc::new(Mutex::new("old"));
        let server = mailbox(right.clone()).await;
        let (settings, _) = mail(folder, server.port, &source(folder, which));
        let wait = Duration::from_secs(3600);
        // No wait is long enough to hide behind.
        let patient = Watch {
            retry_longest: wait,
            ..quick()
        };
        let (_, outcome) = once(settings.clone(), patient.clone()).await;
        outcome.unwrap();
        let (_, outcome) = once(settings.clone(), patient.clone()).await;
        outcome.unwrap();
        let before = runs(folder);
        assert!(before <= 1, "it is kept as long as logins succeed");
        *right.lock().unwrap() = "new";
        write(folder, "new");
        let (_, outcome) = once(settings, patient).await;
        outcome.unwrap();
        assert_eq!(server.heard("LOGIN \"ann\" \"old\""), 3, "{which}");
        assert_eq!(server.heard("LOGIN \"ann\" \"new\""), 1, "{which}");
        assert_eq!(runs(folder), 2 * before);

        write(folder, "old");
        let right: Right = Arc::new(Mutex::new("old"));
        let server = way_out(right.clone()).await;
        let (_, settings) = mail(folder, server.port, &source(folder, which));
        let submitter = Submitter::new(settings).unwrap();
        for _ in 0..2 {
            let outcome = submit(&submitter).await;
            assert!(
                matches!(outcome, Submission::Accepted { .. }),
                "{outcome:?}"
            );
            *right.lock().unwrap() = "new";
            write(folder, "new");
        }
    }
}

#[tokio::test]
async fn a_password_that_stays_wrong_is_told_by_its_own_key_and_read_once_a_try() {
    for (which, key) in SOURCES
        .iter()
        .zip(["`password_file`", "`password_command`"])
    {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, "old");
        let right: Right = Arc::new(Mutex::new("new"));
        let server = mailbox(right.clone()).await;
        let (settings, _) = mail(folder, server.port, &source(folder, which));
        for n in 1..=3 {
            let (_, outcome) = once(settings.clone(), quick()).await;
            let e = outcome.unwrap_err();
            assert_eq!(e.kind, TroubleKind::WrongPassword, "{e}");
            let named = format!("check `user` and {key} in [imap]");
            assert!(e.text.contains(&named), "{e}");
            assert_eq!(server.heard("LOGIN"), n, "one login a try");
            assert!(runs(folder) <= n, "{} runs", runs(folder));
        }
        let server = way_out(right).await;
        let (_, settings) = mail(folder, server.port, &source(folder, which));
        let Submission::TryAgain { text, whose } = submit(&Submitter::new(settings).unwrap()).await
        else {
            panic!("a wrong password costs no letter");
        };
        assert_eq!(whose, Whose::Account);
        let named = format!("check `user` and {key} in [smtp]");
        assert!(text.contains(&named), "{text}");
    }
}

#[tokio::test]
async fn a_password_file_that_is_mended_is_noticed_during_the_wait() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "old");
    let server = mailbox(Arc::new(Mutex::new("new"))).await;
    let (settings, _) = mail(folder, server.port, "password_file = \"password\"");
    let mut watching = start(
        settings,
        Watch {
            retry_longest: Duration::from_secs(3600),
            ..quick()
        },
    );
    let trouble = watching.trouble().await;
    assert_eq!(trouble.kind, TroubleKind::WrongPassword);
    assert_eq!(trouble.retry_in, Duration::from_secs(3600));
    write(folder, "new");
    assert_eq!(watching.subjects("INBOX", 1).await, ["one"]);
    watching.stop().await;
}

#[tokio::test]
async fn a_password_that_cannot_be_had_for_a_while_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = mailbox(Arc::new(Mutex::new("new"))).await;
    // A keyring that is locked at first.
    let command = "password_command = \"test -f FOLDER/open && echo new\"";
    let (settings, _) = mail(folder, server.port, &source(folder, command));
    let mut watching = start(settings.clone(), quick());
    let trouble = watching.trouble().await;
    assert_eq!(trouble.kind, TroubleKind::NoPassword);
    assert!(
        trouble.text.contains("`password_command` in [imap]"),
        "{trouble:?}"
    );
    assert_eq!(server.connections(), 0, "nothing to log in with");
    let (_, outcome) = once(settings, quick()).await;
    assert_eq!(outcome.unwrap_err().kind, TroubleKind::NoPassword);

    let (_, out) = mail(folder, server.port, &source(folder, command));
    let submitter = Submitter::new(out).unwrap();
    let told = submitter.prepare().await.unwrap_err();
    assert_eq!(told.kind, TroubleKind::NoPassword);
    let outcome = submit(&submitter).await;
    assert!(
        matches!(&outcome, Submission::TryAgain { whose: Whose::Account, text } if text.contains("in [smtp]")),
        "{outcome:?}"
    );
    std::fs::write(folder.join("open"), "").unwrap();
    submitter.prepare().await.unwrap();
    assert_eq!(watching.subjects("INBOX", 1).await, ["one"]);
    watching.stop().await;
}

#[tokio::test]
async fn the_waits_after_refused_logins_grow_lest_the_account_be_locked() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "old");
    let server = mailbox(Arc::new(Mutex::new("new"))).await;
    let (settings, _) = mail(folder.path(), server.port, "password_file = \"password\"");
    let mut watching = start(
        settings,
        Watch {
            retry_longest: Duration::from_millis(4),
            ..quick()
        },
    );
    for (n, wait) in (1..).zip([4, 8, 16, 32, 48, 48]) {
        let trouble = watching.trouble().await;
        assert_eq!(trouble.retry_in, Duration::from_millis(wait));
        assert_eq!(trouble.times, n);
    }
    watching.stop().await;
}

#[tokio::test]
async fn letters_that_wait_together_send_a_wrong_password_once() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "old");
    let server = way_out(Arc::new(Mutex::new("new"))).await;
    let (_, settings) = mail(folder.path(), server.port, "password_file = \"password\"");
    let submitter = Submitter::new(settings).unwrap();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let submitter = submitter.clone();
        all.spawn(async move { submit(&submitter).await });
    }
    while let Some(outcome) = within(all.join_next()).await {
        let outcome = outcome.unwrap();
        assert!(
            matches!(
                outcome,
                Submission::TryAgain {
                    whose: Whose::Account,
                    ..
                }
            ),
            "{outcome:?}"
        );
    }
    assert_eq!(server.heard("AUTH"), 1, "{:?}", server.log());
    write(folder.path(), "new");
    let outcome = submit(&submitter).await;
    assert!(
        matches!(outcome, Submission::Accepted { .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_limit_at_the_login_is_no_wrong_password_and_is_waited_for() {
    for said in [
        "NO [ALERT] Too many simultaneous connections. (Failure)",
        "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
        "NO [THROTTLED] Account is over the limit",
        "NO [UNAVAILABLE] Temporary authentication failure.",
        "NO [LIMIT] Too many connections",
        "NO Server Unavailable. 15",
        "NO [INUSE] in use",
        "BAD Too many invalid commands, try again later",
    ] {
        let limited = move |command: &str, nth: usize, times: usize| {
            let refused = command.starts_with("LOGIN") && nth < times;
            refused.then(|| say(&format!("TAG {said}\r\n")).unwrap())
        };
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "old");
        let file = "password_file = \"password\"";
        // Once: tried a few times.
        let server = serve(vec![marked("one")], move |c, n| limited(c, n, 2)).await;
        let (settings, _) = mail(folder.path(), server.port, file);
        let (events, outcome) = once(settings, quick()).await;
        outcome.unwrap();
        let kinds: Vec<_> = events
            .iter()
            .filter_map(|e| match e {
                MailEvent::Trouble(trouble) => Some(trouble.kind),
                _ => None,
            })
            .collect();
        assert_eq!(kinds, [TroubleKind::Busy; 2], "{said}");
        // But not for ever.
        let server = serve(vec![marked("one")], move |c, n| limited(c, n, 99)).await;
        let (settings, _) = mail(folder.path(), server.port, file);
        let (_, outcome) = once(settings, quick()).await;
        let e = outcome.unwrap_err();
        assert_eq!(e.kind, TroubleKind::Busy, "{e}");
        assert!(!e.text.contains("password"), "{e}");
        assert_eq!(server.connections(), 4);
    }
}

#[tokio::test]
async fn the_doctors_look_waits_for_a_limit_to_pass() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "old");
    let server = serve(vec![marked("one")], |command, nth| {
        let refused = command.starts_with("LOGIN") && nth == 0;
        refused.then(|| say("TAG NO [ALERT] Too many simultaneous connections\r\n").unwrap())
    })
    .await;
    let (settings, _) = mail(folder.path(), server.port, "password_file = \"password\"");
    let probe = within(imap::probe(&settings, &imap::SentFolder::Off)).await;
    assert_eq!(probe.unwrap().letters, 1);
    assert_eq!(server.connections(), 2);
    until(|| server.heard("LOGOUT") == 1).await;
}

#[tokio::test]
async fn a_server_that_takes_oauth2_only_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "old");
    for (greeting, kind) in [
        (
            "IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2",
            TroubleKind::LoginRefused,
        ),
        (
            "IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR",
            TroubleKind::WrongPassword,
        ),
    ] {
        let server = Scripted::start(move |mut p: Peer| async move {
            p.say(&format!("* OK [CAPABILITY {greeting}] hello")).await;
            while p.line().await.is_some() {
                p.say("a1 NO AUTHENTICATE failed.").await;
            }
        })
        .await;
        let (settings, _) = mail(folder.path(), server.port, "password_file = \"password\"");
        let (_, outcome) = once(settings, quick()).await;
        let e = outcome.unwrap_err();
        assert_eq!(e.kind, kind, "{e}");
        assert!(
            e.text.contains("OAuth2, which Tradepost does not have"),
            "{e}"
        );
    }
    for (features, answer) in [
        ("250 AUTH XOAUTH2", None),
        (
            "250 AUTH LOGIN XOAUTH2",
            Some("535 5.7.139 Authentication unsuccessful, basic authentication is disabled."),
        ),
    ] {
        let server = Scripted::start(move |mut p: Peer| async move {
            p.say("220 smtp.home.example ESMTP").await;
            p.line().await;
            p.raw(format!("250-hello\r\n{features}\r\n").as_bytes())
                .await;
            while p.line().await.is_some() {
                p.say(answer.unwrap_or("500 what")).await;
            }
        })
        .await;
        let (_, settings) = mail(folder.path(), server.port, "password_file = \"password\"");
        let e = Submitter::new(settings).unwrap().probe().await.unwrap_err();
        assert_eq!(e.kind, TroubleKind::LoginRefused, "{e}");
        assert!(
            e.text.contains("OAuth2, which Tradepost does not have"),
            "{e}"
        );
    }
}
