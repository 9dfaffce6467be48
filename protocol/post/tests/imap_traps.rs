//! What servers do to a client that reads a mailbox: nothing is lost, nothing stops the rest.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use std::time::Duration;

use support::Scripted;
use support::imap::{Instead, numbers, response, serve};
use support::world::{ANN, World, marked, once, ordinary, quick, start, subjects};
use tradepost_mailroom::{Fault, ImapCommand};
use tradepost_post::SecretString;
use tradepost_post::imap::{Cursor, ImapSettings, MailEvent, SentFolder, SetAside, Watch};
use tradepost_post::net::Tls;

fn settings(server: &Scripted) -> ImapSettings {
    let password = SecretString::from("secret".to_owned());
    ImapSettings::new("127.0.0.1", server.port, Tls::None, "ann", password)
}

fn letters(count: usize) -> Vec<String> {
    (1..=count).map(|n| marked(&format!("n{n}"))).collect()
}

fn names(uids: impl IntoIterator<Item = usize>) -> Vec<String> {
    uids.into_iter().map(|n| format!("n{n}")).collect()
}

fn no_sent() -> Watch {
    Watch {
        sent: SentFolder::Off,
        ..quick()
    }
}

fn set_aside(events: &[MailEvent]) -> Vec<SetAside> {
    let of = |e: &MailEvent| match e {
        MailEvent::Batch { set_aside, .. } => set_aside.clone(),
        _ => Vec::new(),
    };
    events.iter().flat_map(of).collect()
}

/// Reads `count` marked letters from a mailroom that does this wrong, and expects each once.
async fn all_come_despite(fault: Fault, count: usize) {
    let world = World::room().await;
    for n in 1..=count {
        world.deliver(ANN, &marked(&format!("n{n}"))).await;
    }
    world.the_room().faults().once(fault.clone());
    let mut settings = world.imap(ANN, Tls::None);
    settings.timeout = Duration::from_secs(1);
    let (events, outcome) = once(settings, quick()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), names(1..=count), "{fault:?}");
    assert_eq!(set_aside(&events), [], "{fault:?}");
    assert_eq!(world.the_room().faults().happened(&fault), 1, "{fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_of_a_command_loses_a_letter() {
    use ImapCommand::{Examine, Fetch, List, UidFetch, UidSearch};
    for command in [List, Examine, Fetch, UidSearch, UidFetch] {
        for fault in [
            Fault::ImapNo(command),
            Fault::ImapBad(command),
            Fault::ImapSilent(command),
            Fault::ImapBye(command),
            Fault::ImapPartial(command, 2),
        ] {
            all_come_despite(fault, 5).await;
        }
    }
    for command in [UidFetch, Fetch] {
        all_come_despite(Fault::ImapLeavesOut(command, 2), 5).await;
    }
    for octets in [10, 500, 2_000] {
        all_come_despite(Fault::ImapCutAfter(octets), 5).await;
    }
}

/// As above for new letters, of which the header is looked at first.
#[tokio::test(flavor = "multi_thread")]
async fn no_fault_loses_a_new_letter() {
    use ImapCommand::{Status, UidFetch, UidSearch};
    for fault in [
        Fault::ImapNo(UidFetch),
        Fault::ImapLeavesOut(UidFetch, 0),
        Fault::ImapPartial(UidFetch, 1),
        Fault::ImapSilent(UidSearch),
        Fault::ImapNo(UidSearch),
        Fault::ImapBye(Status),
        Fault::ImapNo(Status),
        Fault::ImapSilent(ImapCommand::Idle),
    ] {
        let world = World::room().await;
        let mut settings = world.imap(ANN, Tls::None);
        settings.timeout = Duration::from_secs(1);
        world.the_room().faults().once(fault.clone());
        let mut watching = start(settings, quick());
        watching.caught_up().await;
        for n in 1..=3 {
            world.deliver(ANN, &marked(&format!("n{n}"))).await;
        }
        assert_eq!(
            watching.subjects("INBOX", 3).await,
            names(1..=3),
            "{fault:?}"
        );
        world.deliver(ANN, &marked("n4")).await;
        assert_eq!(
            watching.subjects("INBOX", 1).await,
            names(4..=4),
            "{fault:?}"
        );
        watching.stop().await;
        assert_eq!(world.the_room().faults().happened(&fault), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_letter_that_nobody_can_read_is_set_aside_and_the_rest_comes() {
    // What the server sends for letter 2: an answer that breaks the parser; one that makes it panic;
    // far more than was announced; the end of the connection; NO; nothing at all; no text.
    let huge = "* 2 FETCH (UID 2 BODY[] {300000000}\r\n".to_owned() + &"x".repeat(3_000_000);
    let rows: [(Option<&str>, bool, &str); 7] = [
        (
            Some("* 2 FETCH (UID 2 BODY[] (((\r\n"),
            true,
            "several tries",
        ),
        (
            Some("* 2 FETCH (UID 2 INTERNALDATE NIL)\r\n"),
            true,
            "several tries",
        ),
        (Some(&huge), true, "several tries"),
        (Some(""), true, "several tries"),
        (
            Some("TAG NO [SERVERBUG] broken index\r\n"),
            false,
            "several tries",
        ),
        (Some("TAG OK done\r\n"), false, "several tries"),
        (
            Some("* 2 FETCH (UID 2 BODY[] NIL)\r\nTAG OK done\r\n"),
            false,
            "not its text",
        ),
    ];
    for (bad, closes, reason) in rows {
        let bad = bad.unwrap_or_default().to_owned();
        let title = bad.chars().take(40).collect::<String>();
        let server = serve(letters(5), move |command, _| {
            let rest = command.strip_prefix("UID FETCH ")?;
            let (set, items) = rest.split_once(' ')?;
            let uids = numbers(set, 5);
            if !items.contains("BODY.PEEK[]") || !uids.contains(&2) {
                return None;
            }
            // Letter 1 still comes where it is asked for in the same command.
            let first = uids.contains(&1).then(|| response(1, &marked("n1"), items));
            let bytes = format!("{}{bad}", first.unwrap_or_default()).into_bytes();
            Some(if closes {
                Instead::SayAndClose(bytes)
            } else {
                Instead::Say(bytes)
            })
        })
        .await;
        let (events, outcome) = once(settings(&server), no_sent()).await;
        outcome.unwrap();
        assert_eq!(subjects(&events, "INBOX"), names([1, 3, 4, 5]), "{title}");
        let aside = set_aside(&events);
        assert_eq!(aside.len(), 1, "{title}");
        assert_eq!((aside[0].uid, aside[0].again), (2, true));
        assert!(aside[0].reason.contains(reason), "{title}: {:?}", aside[0]);
        // No cursor ever passed over a letter before it was handed out.
        let mut seen = 0;
        for event in &events {
            if let MailEvent::Batch { mails, up_to, .. } = event {
                assert!(mails.iter().all(|m| m.uid > seen && m.uid <= *up_to));
                seen = *up_to;
            }
        }
        assert_eq!(seen, 5);
    }
}

#[tokio::test]
async fn a_header_that_nobody_can_read_costs_only_its_own_letter() {
    let server = serve(letters(5), |command, _| {
        let rest = command.strip_prefix("UID FETCH ")?;
        let (set, items) = rest.split_once(' ')?;
        (items.contains("HEADER") && numbers(set, 5).contains(&3))
            .then(|| Instead::SayAndClose(b"* 3 FETCH (UID 3 BODY[ (((\r\n".to_vec()))
    })
    .await;
    let mut watch = no_sent();
    let cursor = Cursor {
        uid_validity: 7,
        last_uid: 1,
    };
    watch.cursors.insert("INBOX".to_owned(), cursor);
    let (events, outcome) = once(settings(&server), watch).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), names([2, 4, 5]));
    let aside = set_aside(&events);
    assert_eq!((aside.len(), aside[0].uid), (1, 3));
}

#[tokio::test]
async fn large_letters_are_not_fetched() {
    let world = World::room().await;
    let large = |head: String| head + &"0123456789abcdef\r\n".repeat(640_000);
    world.deliver(ANN, &large(marked("large-ours"))).await;
    world.deliver(ANN, &marked("small")).await;
    let (events, outcome) = once(world.imap(ANN, Tls::None), no_sent()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), ["small"]);
    let aside = set_aside(&events);
    assert_eq!((aside.len(), aside[0].uid), (1, 1));
    assert!(
        aside[0].reason.contains("protocol 6"),
        "{}",
        aside[0].reason
    );

    // New ones too; and other people's large mail is none of our business.
    let mut watching = start(world.imap(ANN, Tls::None), no_sent());
    watching.caught_up().await;
    world
        .deliver(
            ANN,
            &large(ordinary("large-other", "multipart/mixed; boundary=x")),
        )
        .await;
    world.deliver(ANN, &large(marked("large-new"))).await;
    world.deliver(ANN, &marked("new")).await;
    let mut aside = Vec::new();
    let mut came = Vec::new();
    while came.is_empty() {
        let event = watching.next().await;
        aside.extend(set_aside(std::slice::from_ref(&event)));
        came.extend(subjects(&[event], "INBOX"));
    }
    assert_eq!(came, ["new"]);
    assert_eq!((aside.len(), aside[0].uid), (1, 4));
    watching.stop().await;
}

#[tokio::test]
async fn no_flag_changes() {
    let world = World::room().await;
    for n in 0..3 {
        world.deliver(ANN, &marked(&format!("n{n}"))).await;
    }
    let before = world.the_room().letters(ANN, "INBOX");
    let (events, _) = once(world.imap(ANN, Tls::None), quick()).await;
    assert_eq!(subjects(&events, "INBOX").len(), 3);
    let flags = |all: &[tradepost_mailroom::Letter]| -> Vec<_> {
        all.iter().map(|l| l.flags.clone()).collect()
    };
    assert_eq!(
        flags(&world.the_room().letters(ANN, "INBOX")),
        flags(&before)
    );
}

#[tokio::test]
async fn a_search_that_cannot_be_trusted_is_not() {
    for fault in [Fault::HeaderSearchFindsNothing, Fault::HeaderSearchRefused] {
        let world = World::room().await;
        for n in 1..=3 {
            world.deliver(ANN, &marked(&format!("n{n}"))).await;
            world.deliver(ANN, &ordinary("other", "text/plain")).await;
        }
        // So many ordinary letters that none of ours is among the newest.
        for _ in 0..60 {
            world
                .deliver(ANN, &ordinary("other", "multipart/alternative"))
                .await;
        }
        world.the_room().faults().always(fault.clone());
        let (events, outcome) = once(world.imap(ANN, Tls::None), quick()).await;
        outcome.unwrap();
        assert_eq!(subjects(&events, "INBOX"), names(1..=3), "{fault:?}");
    }
}

#[tokio::test]
async fn a_scan_leaves_out_what_came_earlier() {
    for search_works in [true, false] {
        let world = World::room().await;
        let room = world.the_room();
        for (id, date) in [
            ("old", "2026-01-10T00:00:00Z"),
            ("young", "2026-11-10T00:00:00Z"),
        ] {
            let letter = marked(id);
            room.file(ANN, "INBOX", letter.as_bytes(), date.parse().unwrap(), &[])
                .unwrap();
        }
        if !search_works {
            room.faults().always(Fault::HeaderSearchRefused);
        }
        let watch = Watch {
            since: "2026-06-01T00:00:00Z".parse().ok(),
            ..no_sent()
        };
        let (events, outcome) = once(world.imap(ANN, Tls::None), watch).await;
        outcome.unwrap();
        assert_eq!(subjects(&events, "INBOX"), ["young"]);
        let (events, _) = once(world.imap(ANN, Tls::None), no_sent()).await;
        assert_eq!(subjects(&events, "INBOX"), ["old", "young"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_uids_mean_something_else_all_is_read_again() {
    // UIDVALIDITY changed, while we watch and meanwhile.
    let world = World::room().await;
    world.deliver(ANN, &marked("n1")).await;
    let mut watching = start(world.imap(ANN, Tls::None), no_sent());
    assert_eq!(watching.subjects("INBOX", 1).await, names([1]));
    world.the_room().change_uid_validity(ANN, "INBOX");
    assert_eq!(watching.subjects("INBOX", 1).await, names([1]));
    watching.stop().await;

    // UIDVALIDITY 0: every connection reads all, and new mail is noticed all the same.
    let world = World::room().await;
    world.the_room().faults().always(Fault::UidValidityZero);
    world.deliver(ANN, &marked("n1")).await;
    let mut watching = start(world.imap(ANN, Tls::None), no_sent());
    assert_eq!(watching.subjects("INBOX", 1).await, names([1]));
    world.deliver(ANN, &marked("n2")).await;
    assert_eq!(watching.subjects("INBOX", 1).await, names([2]));
    world.the_room().cut(ANN);
    assert_eq!(watching.subjects("INBOX", 2).await, names([1, 2]));
    watching.stop().await;

    // UIDNEXT goes back.
    let world = World::room().await;
    world.deliver(ANN, &marked("n1")).await;
    let mut watching = start(world.imap(ANN, Tls::None), no_sent());
    assert_eq!(watching.subjects("INBOX", 1).await, names([1]));
    world.the_room().faults().once(Fault::UidNextGoesBack);
    world.the_room().cut(ANN);
    assert_eq!(watching.subjects("INBOX", 1).await, names([1]));
    watching.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_uidnext_is_found_out() {
    let world = World::room().await;
    world.the_room().faults().always(Fault::UidNextMissing);
    for n in 1..=3 {
        world.deliver(ANN, &marked(&format!("n{n}"))).await;
    }
    let mut watching = start(world.imap(ANN, Tls::None), no_sent());
    assert_eq!(watching.subjects("INBOX", 3).await, names(1..=3));
    world.the_room().cut(ANN);
    watching.caught_up().await;
    world.deliver(ANN, &marked("n4")).await;
    assert_eq!(
        watching.subjects("INBOX", 1).await,
        names([4]),
        "and nothing came twice"
    );
    watching.stop().await;
}
