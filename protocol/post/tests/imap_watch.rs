//! Waiting for news, going on after a lost connection, several folders, a slow or absent consumer.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::imap::{Instead, say, serve};
use support::world::{ANN, World, marked, once, ordinary, quick, start, subjects};
use support::{Scripted, until, within};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tradepost_mailroom::{Fault, ImapCommand, Options};
use tradepost_post::SecretString;
use tradepost_post::imap::{ImapSettings, MailEvent, SentFolder, TroubleKind, Watch};
use tradepost_post::net::Tls;
use tradepost_post::trouble::is_told;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_made_again_also_while_idling() {
    let world = World::room().await;
    let mut watching = start(world.imap(ANN, Tls::None), quick());
    watching.caught_up().await;
    for n in 1..=3 {
        match n {
            1 => world.the_room().cut(ANN),
            2 => world.the_room().say_bye(ANN),
            _ => world
                .the_room()
                .faults()
                .once(Fault::ImapBye(ImapCommand::Idle)),
        }
        world.deliver(ANN, &marked(&format!("n{n}"))).await;
        assert_eq!(watching.subjects("INBOX", 1).await, [format!("n{n}")]);
    }
    watching.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_idle_the_mailbox_is_polled() {
    for announced in [false, true] {
        let world = World::room_with(Options {
            idle: announced,
            ..Options::default()
        })
        .await;
        if announced {
            // It says that it can, and then refuses.
            let no = Fault::ImapNo(ImapCommand::Idle);
            world.the_room().faults().always(no);
        }
        let watch = Watch {
            poll: Duration::from_millis(20),
            ..quick()
        };
        let mut watching = start(world.imap(ANN, Tls::None), watch);
        let MailEvent::Connected { idle, .. } = watching.next().await else {
            panic!("not connected");
        };
        assert_eq!(idle, announced);
        watching.caught_up().await;
        world.deliver(ANN, &marked("n1")).await;
        assert_eq!(watching.subjects("INBOX", 1).await, names([1]));
        watching.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_that_announces_nothing_still_finds_new_mail() {
    let world = World::room().await;
    world
        .the_room()
        .faults()
        .always(Fault::IdleAnnouncesNothing);
    let watch = Watch {
        idle_for: Duration::from_millis(50),
        ..quick()
    };
    let mut watching = start(world.imap(ANN, Tls::None), watch);
    watching.caught_up().await;
    world.deliver(ANN, &marked("n1")).await;
    assert_eq!(watching.subjects("INBOX", 1).await, names([1]));
    watching.stop().await;
}

#[tokio::test]
async fn what_is_announced_on_the_way_into_idle_is_not_lost() {
    // The only announcement of letter 3 stands between IDLE and its go-ahead.
    let idles = Arc::new(AtomicUsize::new(0));
    let count = idles.clone();
    let server = serve(letters(3), move |command, _| match command {
        "EXAMINE \"INBOX\"" => {
            say("* 2 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 3] n\r\nTAG OK\r\n")
        }
        "IDLE" if count.fetch_add(1, Ordering::SeqCst) == 0 => {
            say("* 3 EXISTS\r\n+ idling\r\nTAG OK done\r\n")
        }
        // The answer to the first IDLE was sent along; here is nothing more to say.
        "DONE" | "" => say(""),
        _ => None,
    })
    .await;
    let mut watching = start(settings(&server), no_sent());
    assert_eq!(watching.subjects("INBOX", 3).await, names(1..=3));
    watching.stop().await;
}

#[tokio::test]
async fn a_server_that_repeats_itself_keeps_nobody_busy() {
    // EXISTS before every answer, always with the same number.
    let server = serve(letters(2), |command, _| {
        command.starts_with("UID SEARCH").then(|| {
            let all = if command.contains("UID 3") {
                ""
            } else {
                " 1 2"
            };
            Instead::Say(format!("* 2 EXISTS\r\n* SEARCH{all}\r\nTAG OK done\r\n").into_bytes())
        })
    })
    .await;
    let mut watching = start(settings(&server), no_sent());
    assert_eq!(watching.subjects("INBOX", 2).await, names(1..=2));
    until(|| server.heard("IDLE") == 1).await;
    watching.stop().await;
    assert!(server.heard("UID SEARCH") < 10, "{:?}", server.log());
}

#[tokio::test]
async fn a_server_that_ends_each_idle_is_asked_now_and_then_instead() {
    for goodbye in [
        "+ idling\r\n* BYE going down\r\n",
        "+ idling\r\n",
        "* BYE no\r\n",
    ] {
        let arrived = Arc::new(AtomicUsize::new(2));
        let (count, bytes) = (arrived.clone(), goodbye.as_bytes().to_vec());
        let server = serve(letters(3), move |command, _| {
            let exists = count.load(Ordering::SeqCst);
            match command {
                "IDLE" => Some(Instead::SayAndClose(bytes.clone())),
                "EXAMINE \"INBOX\"" => say(&format!(
                    "* {exists} EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT {}] n\r\nTAG OK\r\n",
                    exists + 1
                )),
                _ => None,
            }
        })
        .await;
        let watch = Watch {
            poll: Duration::from_millis(20),
            ..no_sent()
        };
        let mut watching = start(settings(&server), watch);
        assert_eq!(watching.subjects("INBOX", 2).await, names([1, 2]));
        for _ in 0..2 {
            assert!(!watching.trouble().await.text.contains("now and then"));
        }
        let third = watching.trouble().await;
        assert!(third.text.contains("ends each IDLE"), "{third:?}");
        // From now on one connection lives, and brings what comes.
        watching.caught_up().await;
        arrived.store(3, Ordering::SeqCst);
        assert_eq!(watching.subjects("INBOX", 1).await, names([3]));
        assert_eq!(server.heard("IDLE"), 3);
        assert_eq!(server.connections(), 4);
        watching.stop().await;
    }
}

#[tokio::test]
async fn connections_that_come_to_nothing_are_made_ever_more_rarely_and_told_ever_more_rarely() {
    // Ends each connection at a command that comes after the login.
    for command in ["EXAMINE", "LIST", "IDLE"] {
        let server = serve(letters(1), move |said, _| {
            let now = said.starts_with(command);
            now.then(|| Instead::SayAndClose(b"* BYE not now\r\n".to_vec()))
        })
        .await;
        let watch = Watch {
            retry_first: Duration::from_millis(4),
            retry_longest: Duration::from_millis(64),
            ..quick()
        };
        let mut watching = start(settings(&server), watch);
        let mut waits = Vec::new();
        let mut told = 0;
        while waits.len() < 8 {
            match watching.next().await {
                // The folder, which has a wait of its own, is told of once.
                MailEvent::Trouble(trouble) if trouble.folder.is_none() => {
                    told += usize::from(is_told(trouble.times));
                    waits.push(trouble.retry_in.as_millis());
                }
                MailEvent::Connected { .. } if command == "IDLE" && waits.len() == 3 => break,
                _ => {}
            }
        }
        for (wait, whole) in waits.iter().zip([4, 8, 16, 32, 64, 64, 64, 64]) {
            assert!((whole / 2..=whole).contains(wait), "{command}: {waits:?}");
        }
        // Of eight the first, the second, the fourth and the eighth; IDLE is given up before.
        assert!(told <= 4, "{command}: {told} of {waits:?}");
        watching.stop().await;
    }
}

#[tokio::test]
async fn a_connection_that_brought_letters_or_lived_begins_the_waits_anew() {
    // Each connection brings one more letter, and then ends.
    let server = serve(letters(9), |command, nth| {
        let exists = nth + 1;
        match command {
            "EXAMINE \"INBOX\"" => say(&format!(
                "* {exists} EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT {}] n\r\nTAG OK\r\n",
                exists + 1
            )),
            "IDLE" => Some(Instead::SayAndClose(b"* BYE restarting\r\n".to_vec())),
            _ => None,
        }
    })
    .await;
    let first = Duration::from_millis(40);
    let watch = Watch {
        retry_first: first,
        retry_longest: Duration::from_secs(3600),
        ..no_sent()
    };
    let mut watching = start(settings(&server), watch.clone());
    for _ in 0..3 {
        let trouble = watching.trouble().await;
        assert!(trouble.retry_in <= first, "{trouble:?}");
    }
    watching.stop().await;

    // Nothing comes, but each connection lives longer than is asked for.
    let server = serve(letters(1), |command, _| {
        let idle = command == "IDLE";
        idle.then(|| Instead::SayAndClose(b"* BYE restarting\r\n".to_vec()))
    })
    .await;
    let watch = Watch {
        lived: Duration::ZERO,
        ..watch
    };
    let mut watching = start(settings(&server), watch);
    for _ in 0..5 {
        let trouble = watching.trouble().await;
        assert!(trouble.retry_in <= first, "{trouble:?}");
        assert_eq!(trouble.times, 1);
    }
    watching.stop().await;
}

#[tokio::test]
async fn a_stop_while_idling_says_goodbye() {
    let server = serve(letters(1), |_, _| None).await;
    let mut watching = start(settings(&server), no_sent());
    watching.caught_up().await;
    until(|| server.heard("IDLE") == 1).await;
    watching.stop().await;
    until(|| server.heard("LOGOUT") == 1).await;
    assert_eq!(server.heard("DONE"), 1);
}

#[tokio::test]
async fn a_consumer_that_is_gone_ends_the_watch() {
    let server = serve(letters(3), |_, _| None).await;
    let watching = start(settings(&server), no_sent());
    drop(watching.events);
    within(watching.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_slow_consumer_slows_the_fetching() {
    let large = format!("{}{}", marked("x"), "0123456789abcdef\r\n".repeat(170_000));
    let server = serve(vec![large; 30], |_, _| None).await;
    let mut watching = start(settings(&server), no_sent());
    // Each letter fills a command of its own. Beyond what was taken, the channel holds four events,
    // one waits for its place, and one is being fetched.
    let mut taken = 0;
    while taken < 30 {
        if let MailEvent::Batch { mails, .. } = watching.next().await {
            taken += mails.len();
        }
        let asked = server.heard("BODY.PEEK[])");
        assert!(
            asked <= taken + 6,
            "{asked} letters asked for, {taken} taken"
        );
    }
    watching.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_folders_are_read_and_a_missing_one_is_told() {
    let world = World::room().await;
    let now = "2026-11-20T10:00:00Z".parse().unwrap();
    let file = |folder: &str, id: &str| {
        let letter = marked(id);
        world
            .the_room()
            .file(ANN, folder, letter.as_bytes(), now, &[])
            .unwrap();
    };
    // As servers name it: modified UTF-7.
    let on_the_wire = "Eink&AOQ-ufe";
    create(&world, on_the_wire).await;
    file(on_the_wire, "elsewhere");
    file("Sent", "sent");
    world.deliver(ANN, &marked("here")).await;
    let watch = Watch {
        folders: ["INBOX", "Einkäufe", "Nowhere"].map(str::to_owned).to_vec(),
        idle_for: Duration::from_millis(50),
        ..quick()
    };
    let (events, outcome) = once(world.imap(ANN, Tls::None), watch.clone()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), ["here"]);
    assert_eq!(subjects(&events, "Einkäufe"), ["elsewhere"]);
    assert_eq!(subjects(&events, "Sent"), ["sent"]);
    let told = events.iter().find_map(|e| match e {
        MailEvent::Trouble(t) => Some((t.kind, t.text.clone())),
        _ => None,
    });
    let (kind, text) = told.unwrap();
    assert_eq!(kind, TroubleKind::Folder);
    assert!(
        text.contains("\"Nowhere\"") && text.contains("`folders` in [imap]"),
        "{text}"
    );

    let mut watching = start(world.imap(ANN, Tls::None), watch);
    watching.caught_up().await;
    file(on_the_wire, "later");
    assert_eq!(watching.subjects("Einkäufe", 1).await, ["later"]);
    watching.stop().await;
}

/// Makes a folder, as another mail program would.
async fn create(world: &World, folder: &str) {
    let room = world.the_room();
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", room.imap_port()))
        .await
        .unwrap();
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let password = &room.options().password;
    let commands = format!("a LOGIN {ANN} {password}\r\nb CREATE {folder}\r\n");
    write.write_all(commands.as_bytes()).await.unwrap();
    while let Some(line) = within(lines.next_line()).await.unwrap() {
        if line.starts_with("b ") {
            return assert!(line.starts_with("b OK"), "{line}");
        }
    }
    panic!("no answer to CREATE");
}

#[tokio::test]
async fn a_long_scan_tells_how_far_it_is() {
    let other = ordinary("other", "text/plain");
    let mut all = vec![other; 4500];
    all[10] = marked("early");
    all[4400] = marked("late");
    let server = serve(all, |_, _| None).await;
    let (events, outcome) = once(settings(&server), no_sent()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), ["early", "late"]);
    let progress: Vec<_> = events
        .iter()
        .filter_map(|e| match e {
            MailEvent::Progress { done, total, .. } => Some((*done, *total)),
            _ => None,
        })
        .collect();
    assert_eq!(progress, [(2000, 4500), (4000, 4500), (4500, 4500)]);
    assert!(
        server.heard("UID FETCH") < 10,
        "other mail was not looked at"
    );
}
