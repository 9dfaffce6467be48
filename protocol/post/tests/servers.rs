//! What a mailbox and its submission server do together with us, the same on the mailroom and on
//! Dovecot with Postfix.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use std::time::Duration;

use support::world::{ANN, SHOP, World, marked, once, ordinary, quick, start, subjects};
use tradepost_post::SecretString;
use tradepost_post::imap::{self, Appended, MailEvent, SentFolder, TroubleKind};
use tradepost_post::net::Tls;
use tradepost_post::smtp::{Submission, Submitter};

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_the_mailroom {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::World::room().await).await;
            })*
        }
        mod on_dovecot_and_postfix {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(world) = super::World::bed() {
                    super::$name(world).await;
                }
            })*
        }
    };
}

on_both!(
    the_backlog_is_fetched_and_other_mail_left_alone,
    new_mail_wakes_the_watch,
    a_watch_goes_on_behind_its_cursor,
    a_copy_goes_into_the_sent_folder_once,
    what_is_in_sent_is_read_as_sent,
    a_wrong_password_is_told_apart,
    starttls_works_with_our_ca_and_not_without,
    letters_are_accepted_or_refused,
    the_doctor_sees_what_there_is,
);

async fn the_backlog_is_fetched_and_other_mail_left_alone(world: World) {
    for n in 0..3 {
        world.deliver(ANN, &marked(&format!("ours-{n}"))).await;
        world
            .deliver(
                ANN,
                &ordinary(&format!("other-{n}"), "multipart/alternative; boundary=x"),
            )
            .await;
    }
    let (events, outcome) = once(world.imap(ANN, Tls::Implicit), quick()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), ["ours-0", "ours-1", "ours-2"]);
    let MailEvent::Connected {
        idle,
        folders,
        sent,
        ..
    } = &events[0]
    else {
        panic!("{events:?}");
    };
    assert!(*idle);
    assert_eq!(folders, &["Sent", "INBOX"]);
    assert_eq!(sent.as_deref(), Some("Sent"));
    let last = events.iter().filter_map(|e| match e {
        MailEvent::Batch { folder, up_to, .. } if folder == "INBOX" => Some(*up_to),
        _ => None,
    });
    assert_eq!(last.max(), Some(6), "the cursor covers what was not taken");
}

async fn new_mail_wakes_the_watch(world: World) {
    world.deliver(ANN, &marked("before")).await;
    let mut watching = start(world.imap(ANN, Tls::Implicit), quick());
    assert_eq!(watching.subjects("INBOX", 1).await, ["before"]);
    for n in 0..3 {
        // The interval of looking is minutes: only IDLE brings this in time.
        world.deliver(ANN, &marked(&format!("new-{n}"))).await;
        assert_eq!(watching.subjects("INBOX", 1).await, [format!("new-{n}")]);
    }
    // The field may be stripped on the way: what could hold a statement is taken too.
    world.deliver(ANN, &ordinary("plain", "text/plain")).await;
    world
        .deliver(
            ANN,
            &ordinary("stripped", "multipart/alternative; boundary=x"),
        )
        .await;
    world
        .deliver(ANN, &ordinary("bounce", "multipart/report; boundary=x"))
        .await;
    let returned = ordinary("returned", "text/plain").replace(SHOP, "mailer-daemon@shop.example");
    world.deliver(ANN, &returned).await;
    let taken = ["stripped", "bounce", "returned"];
    assert_eq!(watching.subjects("INBOX", 3).await, taken);
    watching.stop().await;
}

async fn a_watch_goes_on_behind_its_cursor(world: World) {
    world.deliver(ANN, &marked("first")).await;
    let (events, _) = once(world.imap(ANN, Tls::Implicit), quick()).await;
    let mut watch = quick();
    for event in &events {
        if let MailEvent::Batch {
            folder,
            uid_validity,
            up_to,
            ..
        } = event
        {
            let cursor = imap::Cursor {
                uid_validity: *uid_validity,
                last_uid: *up_to,
            };
            watch.cursors.insert(folder.clone(), cursor);
        }
    }
    world.deliver(ANN, &marked("second")).await;
    let (events, outcome) = once(world.imap(ANN, Tls::Implicit), watch.clone()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), ["second"]);
    // A cursor of another UIDVALIDITY is worth nothing.
    for cursor in watch.cursors.values_mut() {
        cursor.uid_validity ^= 1;
    }
    let (events, _) = once(world.imap(ANN, Tls::Implicit), watch).await;
    assert_eq!(subjects(&events, "INBOX"), ["first", "second"]);
}

async fn a_copy_goes_into_the_sent_folder_once(world: World) {
    let settings = world.imap(ANN, Tls::Implicit);
    let letter = marked("copy");
    let append = || {
        imap::append(
            &settings,
            &SentFolder::Auto,
            letter.as_bytes(),
            "<copy@shop.example>",
        )
    };
    let folder = "Sent".to_owned();
    assert_eq!(
        append().await.unwrap(),
        Appended::Stored {
            folder: folder.clone()
        }
    );
    assert_eq!(append().await.unwrap(), Appended::AlreadyThere { folder });
    let off = imap::append(
        &settings,
        &SentFolder::Off,
        letter.as_bytes(),
        "<copy@shop.example>",
    );
    assert_eq!(off.await.unwrap(), Appended::NoSentFolder);
    let (events, _) = once(settings.clone(), quick()).await;
    assert_eq!(subjects(&events, "Sent"), ["copy"]);
}

#[tokio::test]
async fn no_copy_is_made_where_the_provider_makes_one() {
    let world = World::room_with(tradepost_mailroom::Options {
        sent_copy: true,
        ..Default::default()
    })
    .await;
    let letter = marked("provider");
    let submitter = Submitter::new(world.smtp(SHOP, Tls::Implicit)).unwrap();
    let outcome = submitter.submit(SHOP, ANN, letter.as_bytes()).await;
    assert!(
        matches!(outcome, Submission::Accepted { .. }),
        "{outcome:?}"
    );
    let settings = world.imap(SHOP, Tls::Implicit);
    let id = "<provider@shop.example>";
    let appended = imap::append(&settings, &SentFolder::Auto, letter.as_bytes(), id).await;
    let folder = "Sent".to_owned();
    assert_eq!(appended.unwrap(), Appended::AlreadyThere { folder });
}

async fn what_is_in_sent_is_read_as_sent(world: World) {
    let settings = world.imap(ANN, Tls::Implicit);
    let mut watching = start(settings.clone(), quick());
    watching.caught_up().await;
    let letter = marked("from-another-client");
    imap::append(
        &settings,
        &SentFolder::Auto,
        letter.as_bytes(),
        "<1@home.example>",
    )
    .await
    .unwrap();
    // The answer in INBOX makes the watch look at Sent first.
    world.deliver(ANN, &marked("answer")).await;
    let mut order = Vec::new();
    while order.len() < 2 {
        if let MailEvent::Batch { sent, mails, .. } = watching.next().await {
            order.extend(mails.iter().map(|m| (support::world::subject(m), sent)));
        }
    }
    let expected = [
        ("from-another-client".to_owned(), true),
        ("answer".to_owned(), false),
    ];
    assert_eq!(order, expected);
    watching.stop().await;
}

async fn a_wrong_password_is_told_apart(world: World) {
    let mut wrong = world.imap(ANN, Tls::Implicit);
    wrong.password = SecretString::from("not it".to_owned()).into();
    let (_, outcome) = once(wrong.clone(), quick()).await;
    let e = outcome.unwrap_err();
    assert_eq!(e.kind, TroubleKind::WrongPassword);
    let named = format!("ann@home.example at localhost:{}", wrong.port);
    assert!(
        e.text.contains(&named) && e.text.contains("check `user` and the password in [imap]"),
        "{e}"
    );
    assert!(!e.text.contains("not it"));
    let mut watching = start(wrong, quick());
    assert_eq!(watching.trouble().await.kind, TroubleKind::WrongPassword);
    watching.stop().await;

    let mut wrong = world.smtp(ANN, Tls::Implicit);
    wrong.password = SecretString::from("not it".to_owned()).into();
    let e = Submitter::new(wrong).unwrap().probe().await.unwrap_err();
    assert_eq!(e.kind, TroubleKind::WrongPassword, "{e}");
}

async fn starttls_works_with_our_ca_and_not_without(world: World) {
    for tls in [Tls::StartTls, Tls::Implicit] {
        let mut settings = world.imap(ANN, tls);
        assert!(
            imap::probe(&settings, &SentFolder::Auto)
                .await
                .unwrap()
                .tls
                .is_some()
        );
        settings.ca_file = None;
        let e = imap::probe(&settings, &SentFolder::Auto).await.unwrap_err();
        // A machine without any certificates can't even try.
        assert!(
            matches!(e.kind, TroubleKind::Tls | TroubleKind::Configuration),
            "{e}"
        );
        assert!(e.text.contains("`ca_file` in [imap]"), "{e}");

        let mut settings = world.smtp(ANN, tls);
        let probe = Submitter::new(settings.clone())
            .unwrap()
            .probe()
            .await
            .unwrap();
        assert!(probe.tls.is_some());
        settings.ca_file = None;
        let e = match Submitter::new(settings) {
            Ok(submitter) => submitter.probe().await.unwrap_err(),
            Err(e) => e,
        };
        assert!(e.text.contains("`ca_file` in [smtp]"), "{e}");
    }
}

async fn letters_are_accepted_or_refused(world: World) {
    let submitter = Submitter::new(world.smtp(SHOP, Tls::StartTls)).unwrap();
    let letter = marked("submitted");
    let outcome = submitter.submit(SHOP, ANN, letter.as_bytes()).await;
    assert!(
        matches!(outcome, Submission::Accepted { .. }),
        "{outcome:?}"
    );
    let mut watching = start(world.imap(ANN, Tls::StartTls), quick());
    assert_eq!(watching.subjects("INBOX", 1).await, ["submitted"]);
    watching.stop().await;
    let refused = submitter
        .submit(SHOP, "nobody@[127.0.0.1", letter.as_bytes())
        .await;
    assert!(
        matches!(refused, Submission::Refused { code: None, .. }),
        "{refused:?}"
    );
}

async fn the_doctor_sees_what_there_is(world: World) {
    let submitter = Submitter::new(world.smtp(SHOP, Tls::Implicit)).unwrap();
    for n in 0..2 {
        let letter = marked(&format!("stamped-{n}"));
        let outcome = submitter.submit(SHOP, ANN, letter.as_bytes()).await;
        assert!(
            matches!(outcome, Submission::Accepted { .. }),
            "{outcome:?}"
        );
    }
    let settings = world.imap(ANN, Tls::Implicit);
    let mut seen = imap::probe(&settings, &SentFolder::Auto).await.unwrap();
    // Postfix needs a moment.
    for _ in 0..600 {
        if seen.letters == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        seen = imap::probe(&settings, &SentFolder::Auto).await.unwrap();
    }
    assert_eq!(seen.letters, 2);
    let since = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let now = tradepost_statements::Time::from_unix_millis(since.try_into().unwrap());
    assert!(seen.idle && seen.newest.is_some() && seen.clock_ahead(now).is_none());
    assert_eq!(seen.sent.as_deref(), Some("Sent"));
    assert!(seen.folders.iter().any(|f| f == "INBOX"));
    let id = match &world {
        World::Room { room, .. } => room.options().authserv_id.clone(),
        World::Bed(bed) => bed.authserv_id.clone(),
    };
    assert_eq!(seen.authserv_ids, [(id, 2)]);
    assert!(seen.tls.is_some_and(|t| t.starts_with("TLS 1.")));
    assert!(!seen.greeting.is_empty());
}
