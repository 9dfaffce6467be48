//! One letter that a reader can't take: it is set aside, told, and tried again; the others come, at once.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use support::Scripted;
use support::imap::{Instead, numbers, response, say, serve};
use support::world::{ANN, World, marked, once, ordinary, quick, start, subjects};
use tradepost_mailroom::{Fault, ImapCommand};
use tradepost_post::SecretString;
use tradepost_post::imap::{
    self, Aside, Cursor, ImapSettings, MailEvent, SentFolder, SetAside, Trouble, Watch,
};
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

/// What is new is looked at by its header; a first look at a folder searches.
fn behind_the_first() -> Watch {
    let cursor = Cursor {
        uid_validity: 7,
        last_uid: 0,
    };
    Watch {
        cursors: BTreeMap::from([("INBOX".to_owned(), cursor)]),
        ..no_sent()
    }
}

fn set_aside(events: &[MailEvent]) -> Vec<SetAside> {
    let of = |e: &MailEvent| match e {
        MailEvent::Batch { set_aside, .. } => set_aside.clone(),
        _ => Vec::new(),
    };
    events.iter().flat_map(of).collect()
}

fn uids_aside(events: &[MailEvent]) -> Vec<u32> {
    set_aside(events).iter().map(|a| a.uid).collect()
}

fn gone(events: &[MailEvent]) -> Vec<u32> {
    let of = |e: &MailEvent| match e {
        MailEvent::Batch { gone, .. } => gone.clone(),
        _ => Vec::new(),
    };
    events.iter().flat_map(of).collect()
}

fn troubles(events: &[MailEvent]) -> Vec<Trouble> {
    let of = |e: &MailEvent| match e {
        MailEvent::Trouble(trouble) => Some(trouble.clone()),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

/// The letters that a fetch of whole letters asks for.
fn asked_for(command: &str, last: usize) -> Vec<usize> {
    let fetch = command
        .strip_prefix("UID FETCH ")
        .and_then(|rest| rest.split_once(' '));
    match fetch {
        Some((set, items)) if items.contains("BODY.PEEK[]") => numbers(set, last),
        _ => Vec::new(),
    }
}

/// The answer to a fetch of whole letters, of which each is answered by `one`.
fn answer(command: &str, all: &[String], one: impl Fn(usize) -> Vec<u8>) -> Option<Instead> {
    let asked = asked_for(command, all.len());
    if asked.is_empty() {
        return None;
    }
    let mut said: Vec<u8> = asked.into_iter().flat_map(one).collect();
    said.extend(b"TAG OK done\r\n");
    Some(Instead::Say(said))
}

fn with_a_long_field(letter: &str) -> String {
    let long = "a=b; ".repeat(300_000);
    letter.replacen(
        "Content-Type: ",
        &format!("Content-Type: text/plain; {long}; x="),
        1,
    )
}

#[tokio::test]
async fn letters_with_an_endless_field_cost_nothing_but_themselves() {
    // Servers that know partial fetches cut the field themselves; this one sends all of it.
    let mut all: Vec<String> = letters(12);
    for letter in &mut all[1..6] {
        *letter = with_a_long_field(letter);
    }
    for letter in &mut all[6..11] {
        *letter = with_a_long_field(&ordinary("other", "text/plain"));
    }
    for watch in [no_sent(), behind_the_first()] {
        let server = serve(all.clone(), |_, _| None).await;
        let (events, outcome) = once(settings(&server), watch).await;
        outcome.unwrap();
        assert_eq!(subjects(&events, "INBOX"), names([1, 12]));
        let aside = set_aside(&events);
        assert_eq!(
            uids_aside(&events),
            [2, 3, 4, 5, 6],
            "those that are marked"
        );
        let is_told = |a: &SetAside| a.reason.contains("a field of its header") && !a.again;
        assert!(aside.iter().all(is_told), "{aside:?}");
        assert_eq!(troubles(&events), []);
        assert_eq!(server.connections(), 1);
        assert_eq!(server.heard("BODY.PEEK[])"), 1, "{:?}", server.log());
    }
}

#[tokio::test]
async fn a_letter_without_end_is_given_up_at_once_and_nobody_waits_for_it() {
    let all = letters(12);
    let server = serve(all, |command, _| {
        let asked = asked_for(command, 12);
        let bad = asked.iter().find(|n| (2..12).contains(*n))?;
        let mut bytes = format!("* {bad} FETCH (UID {bad} BODY[] {{300000000}}\r\n").into_bytes();
        bytes.resize(40_000_000, b'x');
        Some(Instead::SayAndClose(bytes))
    })
    .await;
    // Whoever waited even once would wait beyond the patience of this test.
    let watch = Watch {
        retry_first: Duration::from_secs(3600),
        retry_longest: Duration::from_secs(3600),
        ..no_sent()
    };
    let (events, outcome) = once(settings(&server), watch).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), names([1, 12]));
    assert_eq!(uids_aside(&events), (2..12).collect::<Vec<u32>>());
    for n in 2..12 {
        let asked = server.heard(&format!("UID FETCH {n} (UID INTERNALDATE BODY.PEEK[])"));
        assert!(asked <= 1, "letter {n} was asked for {asked} times");
    }
    assert!(troubles(&events).iter().all(|t| t.retry_in.is_zero()));
}

#[tokio::test]
async fn what_is_longer_than_it_was_said_to_be_is_read_up_to_the_limit() {
    for (octets, comes) in [(3_000_000, true), (12_000_000, false)] {
        let mut all = letters(3);
        all[1].push_str(&"x".repeat(octets));
        let sizes = all.clone();
        let server = serve(all, move |command, _| {
            let rest = command.strip_prefix("UID FETCH ")?;
            let (set, items) = rest.split_once(' ')?;
            items.contains("RFC822.SIZE").then(|| {
                let mut said = String::new();
                for n in numbers(set, 3) {
                    let real = format!("RFC822.SIZE {}", sizes[n - 1].len());
                    said += &response(n, &sizes[n - 1], items).replace(&real, "RFC822.SIZE 500");
                }
                Instead::Say(format!("{said}TAG OK done\r\n").into_bytes())
            })
        })
        .await;
        let (events, outcome) = once(settings(&server), no_sent()).await;
        outcome.unwrap();
        let expected = if comes { vec![1, 2, 3] } else { vec![1, 3] };
        assert_eq!(subjects(&events, "INBOX"), names(expected));
        assert_eq!(uids_aside(&events), if comes { vec![] } else { vec![2] });
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn items_of_one_letter_are_put_together() {
    // The UID before the text, and behind it; and letter 1 is expunged between.
    type Split = fn(usize, &str) -> Vec<String>;
    let splits: [Split; 3] = [
        |n, text| {
            vec![
                format!("* {n} FETCH (UID {n} FLAGS ())\r\n"),
                format!("* {n} FETCH ({text})\r\n"),
            ]
        },
        |n, text| {
            vec![
                format!("* {n} FETCH ({text})\r\n"),
                format!("* {n} FETCH (UID {n})\r\n"),
            ]
        },
        |n, text| {
            vec![
                format!("* {n} FETCH (UID {n})\r\n* 1 EXPUNGE\r\n"),
                format!(
                    "* {} FETCH ({text})\r\n* 1 FETCH (FLAGS (\\Seen))\r\n",
                    n - 1
                ),
            ]
        },
    ];
    for split in splits {
        let all = letters(4);
        let answers = all.clone();
        let server = serve(all, move |command, _| {
            answer(command, &answers, |n| {
                let letter = &answers[n - 1];
                let text = format!("BODY[] {{{}}}\r\n{letter}", letter.len());
                if n == 1 {
                    return format!("* 1 FETCH (UID 1 {text})\r\n").into_bytes();
                }
                split(n, &text).concat().into_bytes()
            })
        })
        .await;
        let (events, outcome) = once(settings(&server), no_sent()).await;
        outcome.unwrap();
        assert_eq!(subjects(&events, "INBOX"), names(1..=4));
        assert_eq!(set_aside(&events), []);
    }
}

#[tokio::test]
async fn a_letter_that_does_not_come_for_a_moment_is_asked_for_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let server = serve(letters(1), move |command, _| {
        let is_asked = !asked_for(command, 1).is_empty();
        (is_asked && count.fetch_add(1, Ordering::SeqCst) < 2)
            .then(|| Instead::Say(b"TAG OK done\r\n".to_vec()))
    })
    .await;
    let (events, outcome) = once(settings(&server), no_sent()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), names([1]));
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

/// What a server may give in a letter's place.
const IN_ITS_PLACE: [&str; 7] = [
    // Nothing.
    "",
    "* 2 FETCH (UID 2 BODY[] NIL)\r\n",
    "* 2 FETCH (UID 2 BODY[] {0}\r\n)\r\n",
    "* 2 FETCH (UID 2 BODY[] \"\")\r\n",
    // Another letter.
    "* 9 FETCH (UID 9 BODY[] {10}\r\nTo: x\r\n\r\nx)\r\n",
    // Another text, with the header and without.
    "* 2 FETCH (UID 2 BODY[] {39}\r\nFrom: x@y.example\r\n\r\nnot to be had\r\n\r\n)\r\n",
    "* 2 FETCH (UID 2 BODY[] {55}\r\nTradepost: v=1\r\nContent-Type: text/plain\r\n\r\nnot this\r\n\r\n)\r\n",
];

#[tokio::test]
async fn what_was_chosen_and_not_read_is_set_aside_and_comes_later() {
    for instead in IN_ITS_PLACE {
        let is_bad = Arc::new(AtomicBool::new(true));
        let bad = is_bad.clone();
        let all = letters(3);
        let answers = all.clone();
        let server = serve(all, move |command, _| {
            answer(command, &answers, |n| {
                if n == 2 && bad.load(Ordering::SeqCst) {
                    return instead.as_bytes().to_vec();
                }
                response(n, &answers[n - 1], "BODY.PEEK[]").into_bytes()
            })
        })
        .await;
        let (events, outcome) = once(settings(&server), no_sent()).await;
        outcome.unwrap();
        assert_eq!(subjects(&events, "INBOX"), names([1, 3]), "{instead}");
        let aside = set_aside(&events);
        assert_eq!(
            (aside.len(), aside[0].uid, aside[0].again),
            (1, 2, true),
            "{instead}"
        );

        // Another watch tries it again, and once more: still bad, and then it comes.
        let later = |tries| Watch {
            aside: vec![Aside {
                folder: "INBOX".to_owned(),
                uid_validity: 7,
                uid: 2,
                tries,
            }],
            cursors: BTreeMap::from([(
                "INBOX".to_owned(),
                Cursor {
                    uid_validity: 7,
                    last_uid: 3,
                },
            )]),
            ..no_sent()
        };
        let (events, _) = once(settings(&server), later(1)).await;
        assert_eq!(
            (subjects(&events, "INBOX"), uids_aside(&events)),
            (vec![], vec![2])
        );
        is_bad.store(false, Ordering::SeqCst);
        let (events, _) = once(settings(&server), later(100)).await;
        assert_eq!(subjects(&events, "INBOX"), [""; 0], "it had its tries");
        let (events, _) = once(settings(&server), later(2)).await;
        assert_eq!(subjects(&events, "INBOX"), names([2]), "{instead}");
        let up_to = events.iter().find_map(|e| match e {
            MailEvent::Batch { up_to, .. } => Some(*up_to),
            _ => None,
        });
        assert_eq!(up_to, Some(3), "the cursor does not go back");
    }
}

#[tokio::test]
async fn a_letter_that_was_deleted_is_nobodys_loss() {
    // It was found, and is gone when it is asked for.
    let server = serve(letters(3), move |command, _| match command {
        "UID SEARCH UID 2:2" => say("* SEARCH\r\nTAG OK\r\n"),
        _ if asked_for(command, 3).contains(&2) => {
            let others: Vec<String> = asked_for(command, 3)
                .into_iter()
                .filter(|n| *n != 2)
                .map(|n| response(n, &marked(&format!("n{n}")), "BODY.PEEK[]"))
                .collect();
            say(&format!("{}TAG OK\r\n", others.concat()))
        }
        _ => None,
    })
    .await;
    let (events, outcome) = once(settings(&server), no_sent()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), names([1, 3]));
    assert_eq!((set_aside(&events), gone(&events)), (vec![], vec![2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_watch_tries_again_what_it_has_set_aside() {
    let world = World::room().await;
    let mut settings = world.imap(ANN, Tls::None);
    settings.timeout = Duration::from_secs(1);
    let watch = Watch {
        idle_for: Duration::from_millis(50),
        ..no_sent()
    };
    world.deliver(ANN, &marked("n1")).await;
    let mut watching = start(settings, watch);
    assert_eq!(watching.subjects("INBOX", 1).await, names([1]));
    // Nothing about letters for a while: neither headers nor texts.
    let fault = Fault::ImapLeavesOut(ImapCommand::UidFetch, 0);
    world.the_room().faults().always(fault);
    world.deliver(ANN, &marked("n2")).await;
    let mut aside = Vec::new();
    while aside.is_empty() {
        aside = set_aside(&[watching.next().await]);
    }
    assert_eq!((aside[0].uid, aside[0].again), (2, true));
    world.the_room().faults().clear();
    assert_eq!(watching.subjects("INBOX", 1).await, names([2]));
    watching.stop().await;
}

#[tokio::test]
async fn a_header_that_is_not_shown_is_told_of() {
    let all = letters(4);
    let answers = all.clone();
    let server = serve(all, move |command, _| {
        let (set, items) = command.strip_prefix("UID FETCH ")?.split_once(' ')?;
        items.contains("HEADER").then(|| {
            let shown = numbers(set, 4).into_iter().filter(|n| *n != 3);
            let said: String = shown.map(|n| response(n, &answers[n - 1], items)).collect();
            Instead::Say(format!("{said}TAG OK done\r\n").into_bytes())
        })
    })
    .await;
    let (events, outcome) = once(settings(&server), behind_the_first()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), names([1, 2, 4]));
    assert_eq!(uids_aside(&events), [3]);
}

#[tokio::test]
async fn many_refusals_one_after_the_other_are_the_servers_fault() {
    let refuses = Arc::new(AtomicUsize::new(30));
    let left = refuses.clone();
    let server = serve(letters(40), move |command, _| {
        let asked = asked_for(command, 40);
        let refuse = !asked.is_empty()
            && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                .is_ok();
        refuse.then(|| Instead::Say(b"TAG NO [THROTTLED] later\r\n".to_vec()))
    })
    .await;
    let (events, outcome) = once(settings(&server), no_sent()).await;
    outcome.unwrap();
    let (came, aside) = (subjects(&events, "INBOX").len(), uids_aside(&events).len());
    assert_eq!(came + aside, 40);
    assert!(aside <= 10, "{aside} letters were given up");
}

/// On a real server, which takes such letters.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_server_holds_up_nobody_behind_a_letter_with_an_endless_field() {
    let Some(world) = World::bed() else { return };
    let settings = world.imap(ANN, Tls::Implicit);
    let append = async |letter: &str, id: &str| {
        let sent = SentFolder::Named("INBOX".to_owned());
        imap::append(
            &settings,
            &sent,
            letter.as_bytes(),
            &format!("<{id}@shop.example>"),
        )
        .await
        .unwrap();
    };
    let watch = Watch {
        retry_first: Duration::from_secs(3600),
        ..no_sent()
    };
    let mut watching = start(settings.clone(), watch);
    watching.caught_up().await;
    append(
        &with_a_long_field(&ordinary("other", "text/plain")),
        "other",
    )
    .await;
    append(&with_a_long_field(&marked("long")), "long").await;
    append(&marked("genuine"), "genuine").await;
    let (mut came, mut aside) = (Vec::new(), Vec::new());
    while came.is_empty() {
        let event = [watching.next().await];
        assert_eq!(troubles(&event), []);
        aside.extend(set_aside(&event));
        came.extend(subjects(&event, "INBOX"));
    }
    assert_eq!(came, ["genuine"]);
    assert_eq!(aside.len(), 1, "{aside:?}");
    watching.stop().await;
}
