//! Servers that say odd things, search by an index, or have a folder that can't be opened: all that can be
//! read is read.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::imap::{Instead, numbers, response, say, serve};
use support::world::{ANN, World, marked, once, ordinary, quick, start, subject, subjects};
use support::{Scripted, within};
use tradepost_post::SecretString;
use tradepost_post::imap::{
    self, Cursor, HeaderSearch, ImapSettings, MailEvent, SentFolder, Trouble, TroubleKind, Watch,
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

fn troubles(events: &[MailEvent]) -> Vec<Trouble> {
    let of = |e: &MailEvent| match e {
        MailEvent::Trouble(trouble) => Some(trouble.clone()),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

/// Searches as servers do that have an index of standard fields.
fn by_index_only(command: &str) -> Option<Instead> {
    const INDEXED: [&str; 9] = [
        "from",
        "to",
        "subject",
        "message-id",
        "date",
        "received",
        "mime-version",
        "content-type",
        "dkim-signature",
    ];
    let name = command.split_once(" HEADER ")?.1.split(' ').next()?;
    (!INDEXED.contains(&name.to_ascii_lowercase().as_str()))
        .then(|| Instead::Say(b"* SEARCH\r\nTAG OK\r\n".to_vec()))
}

#[tokio::test]
async fn lines_that_nobody_needs_end_no_connection() {
    const ODD: &str = "* FLAGS NIL\r\n* FLAGS (\\Answered \\*)\r\n* 1234567890123 RECENT\r\n\
        * OK [HIGHESTMODSEQ 12345678901234567890123] x\r\n* OK [UNSEEN NIL] y\r\n* OK [X ((] z\r\n\
        * NAMESPACE NIL (((\r\n* ID (\"a\r\n* CAPABILITY IMAP4rev1 (\"\r\n* XYZZY (\r\n* 5\r\n*\r\n\
        * LIST NIL \"/\" \"Entw\u{fc}rfe\"\r\n* LIST ((\r\n* STATUS \"x\" NIL\r\n\
        * 2 FETCH (FLAGS (\\*) MODSEQ (1234567890123))\r\n* VANISHED 4:5\r\n";
    let all = letters(3);
    let answers = all.clone();
    let server = serve(all, move |command, _| {
        let (verb, rest) = command.split_once(' ')?;
        match (verb, rest.split_once(' ')) {
            ("EXAMINE", _) => say(&format!(
                "{ODD}* 3 EXISTS\r\n* OK [UIDVALIDITY 1732875600000] v\r\n* OK [UIDNEXT 1234567890123] n\r\nTAG OK\r\n"
            )),
            ("LIST", _) => say(&format!("{ODD}* LIST () \"/\" INBOX\r\nTAG OK\r\n")),
            ("UID", Some(("FETCH", rest))) => {
                let (set, items) = rest.split_once(' ')?;
                let mut said = String::new();
                for n in numbers(set, 3) {
                    // Items that nobody asked for, and that no parser takes.
                    let monster = format!(
                        "(FLAGS NIL ENVELOPE (NIL \"a\"b\" NIL) BODYSTRUCTURE {}{} X-GM-LABELS (\\Inbox) UID",
                        "(".repeat(3000),
                        ")".repeat(3000)
                    );
                    said += ODD;
                    said += &response(n, &answers[n - 1], items).replacen("(UID", &monster, 1);
                }
                say(&format!("{said}{ODD}TAG OK\r\n"))
            }
            _ => None,
        }
    })
    .await;
    let (events, outcome) = once(settings(&server), quick()).await;
    outcome.unwrap();
    assert_eq!(subjects(&events, "INBOX"), names(1..=3));
    assert_eq!(troubles(&events), []);
    assert_eq!(server.connections(), 1);
    let validities = events.iter().filter_map(|e| match e {
        MailEvent::Batch { uid_validity, .. } => Some(*uid_validity),
        _ => None,
    });
    assert!(validities.clone().count() > 0 && validities.clone().all(|v| v != 0));
}

#[tokio::test]
async fn a_search_is_trusted_only_when_it_knows_fields_that_no_standard_names() {
    let plain = ordinary("other", "text/plain");
    let with_own = plain.replacen("Subject:", "X-Shop-Campaign: 5\r\nSubject:", 1);
    type Hook = fn(&str) -> Option<Instead>;
    let rows: [(&str, Hook, HeaderSearch); 5] = [
        (&with_own, |_| None, HeaderSearch::Works),
        (&plain, |_| None, HeaderSearch::Untried),
        (&plain, by_index_only, HeaderSearch::Untried),
        (&with_own, by_index_only, HeaderSearch::Fails),
        // OK, and not a word of what was found.
        (
            &with_own,
            |c| {
                c.starts_with("UID SEARCH")
                    .then(|| Instead::Say(b"TAG OK\r\n".to_vec()))
            },
            HeaderSearch::Fails,
        ),
    ];
    for (letter, hook, expected) in rows {
        let mut all = vec![letter.to_owned(); 71];
        all[0] = marked("oldest");
        let server = serve(all, move |command, _| hook(command)).await;
        let (events, outcome) = once(settings(&server), no_sent()).await;
        outcome.unwrap();
        assert_eq!(subjects(&events, "INBOX"), ["oldest"], "{expected:?}");
        let probe = imap::probe(&settings(&server), &SentFolder::Off)
            .await
            .unwrap();
        assert_eq!(probe.header_search, expected);
    }
}

#[tokio::test]
async fn a_server_without_partial_fetch_or_asterisk_is_read_all_the_same() {
    type Hook = fn(&str) -> Option<Instead>;
    let hooks: [Hook; 3] = [
        |c| {
            c.contains("<0.")
                .then(|| Instead::Say(b"TAG BAD what?\r\n".to_vec()))
        },
        |c| {
            let (set, _) = c.strip_prefix("UID FETCH ")?.split_once(' ')?;
            c.contains("<0.").then(|| {
                let empty = |n| format!("* {n} FETCH (UID {n} BODY[HEADER.FIELDS (X)]<0> NIL)\r\n");
                let said: String = numbers(set, 3).into_iter().map(empty).collect();
                Instead::Say(format!("{said}TAG OK\r\n").into_bytes())
            })
        },
        |c| {
            let of_star = c.starts_with("FETCH *") || c == "EXAMINE \"INBOX\"";
            of_star.then(|| {
                let said = if c.starts_with("FETCH") {
                    "TAG BAD no *\r\n"
                } else {
                    // Nor does it say how many letters there are, nor which.
                    "* OK [UIDVALIDITY 7] v\r\nTAG OK\r\n"
                };
                Instead::Say(said.as_bytes().to_vec())
            })
        },
    ];
    for hook in hooks {
        for watch in [no_sent(), behind_the_first()] {
            let server = serve(letters(3), move |command, _| hook(command)).await;
            let (events, outcome) = once(settings(&server), watch).await;
            outcome.unwrap();
            assert_eq!(
                subjects(&events, "INBOX"),
                names(1..=3),
                "{:?}",
                server.log()
            );
            imap::probe(&settings(&server), &SentFolder::Off)
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn one_folder_never_keeps_the_others_from_being_read() {
    // Refused; not understood; the end of the connection; far too much; and silence.
    type Refusal = fn() -> Instead;
    let rows: [(&str, Refusal); 5] = [
        ("NO", || Instead::Say(b"TAG NO not now\r\n".to_vec())),
        ("BAD", || Instead::Say(b"TAG BAD what?\r\n".to_vec())),
        ("BYE", || Instead::SayAndClose(b"* BYE ouch\r\n".to_vec())),
        ("endless", || Instead::SayAndClose(vec![b'x'; 30_000_000])),
        ("silence", || Instead::Silence),
    ];
    for (title, instead) in rows {
        for (times, lasts) in [(2, false), (usize::MAX, true)] {
            let left = Arc::new(AtomicUsize::new(times));
            let server = serve(letters(2), move |command, _| {
                if command != "EXAMINE \"Other\"" {
                    return None;
                }
                let count =
                    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
                count.is_ok().then(instead)
            })
            .await;
            let mut settings = settings(&server);
            settings.timeout = Duration::from_secs(1);
            let watch = Watch {
                folders: ["INBOX", "Other"].map(str::to_owned).to_vec(),
                ..no_sent()
            };
            let (events, outcome) = once(settings, watch).await;
            outcome.unwrap();
            assert_eq!(subjects(&events, "INBOX"), names(1..=2), "{title}");
            let told: Vec<Trouble> = troubles(&events)
                .into_iter()
                .filter(|t| t.folder.is_some())
                .collect();
            assert_eq!(told.len(), 1, "{title}: {told:?}");
            assert_eq!(told[0].folder.as_deref(), Some("Other"));
            assert_eq!(told[0].kind, TroubleKind::Folder);
            let is_read =
                |e: &MailEvent| matches!(e, MailEvent::CaughtUp { folder } if folder == "Other");
            assert_eq!(events.iter().any(is_read), !lasts, "{title}");
        }
    }
}

#[tokio::test]
async fn letters_of_one_folder_that_break_connections_do_not_keep_the_others_from_being_read() {
    let opened = Arc::new(std::sync::Mutex::new(BTreeMap::new()));
    let server = serve(letters(2), move |command, nth| {
        let mut opened = opened.lock().unwrap();
        if command.starts_with("EXAMINE") {
            opened.insert(nth, command.contains("Other"));
            return None;
        }
        let in_other = opened.get(&nth) == Some(&true);
        (in_other && (command.contains("FETCH") || command.contains("SEARCH")))
            .then(|| Instead::SayAndClose(Vec::new()))
    })
    .await;
    let watch = Watch {
        folders: ["INBOX", "Other"].map(str::to_owned).to_vec(),
        ..no_sent()
    };
    let mut watching = start(settings(&server), watch);
    assert_eq!(watching.subjects("INBOX", 2).await, names(1..=2));
    watching.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn much_news_in_the_first_folder_leaves_the_others_their_turn() {
    let world = World::room().await;
    let now = "2026-11-20T10:00:00Z".parse().unwrap();
    let watch = Watch {
        folders: ["INBOX", "Drafts"].map(str::to_owned).to_vec(),
        idle_for: Duration::from_secs(1),
        ..no_sent()
    };
    let mut watching = start(world.imap(ANN, Tls::None), watch);
    watching.caught_up().await;
    let other = marked("other");
    let room = world.the_room();
    room.file(ANN, "Drafts", other.as_bytes(), now, &[])
        .unwrap();
    // Each letter brings the next one, so that there is always news.
    world.deliver(ANN, &marked("news")).await;
    let other_came = async {
        loop {
            if let MailEvent::Batch { folder, mails, .. } = watching.next().await {
                if folder == "Drafts" && mails.iter().any(|m| subject(m) == "other") {
                    return;
                }
                if !mails.is_empty() {
                    world.deliver(ANN, &marked("news")).await;
                }
            }
        }
    };
    within(other_came).await;
    watching.stop().await;
}

#[tokio::test]
async fn folders_are_known_by_names_in_utf_8() {
    let server = serve(letters(1), |command, _| match command {
        "LIST \"\" \"*\"" => {
            say("* LIST () \"/\" INBOX\r\n* LIST (\\Sent) \"/\" \"Envoy\u{e9}s\"\r\nTAG OK\r\n")
        }
        // As it is configured; this server does not know the encoding of RFC 3501.
        "EXAMINE \"Eink&AOQ-ufe\"" => say("TAG NO no such folder\r\n"),
        _ => None,
    })
    .await;
    let watch = Watch {
        folders: ["INBOX", "Einkäufe"].map(str::to_owned).to_vec(),
        ..quick()
    };
    let (events, outcome) = once(settings(&server), watch).await;
    outcome.unwrap();
    for folder in ["Envoyés", "Einkäufe", "INBOX"] {
        assert_eq!(subjects(&events, folder), names([1]), "{folder}");
    }
    assert_eq!(server.heard("EXAMINE \"Envoy\u{e9}s\""), 1);
}
