//! IMAP: reading, searching, filing.

#![allow(clippy::unwrap_used)]

mod support;

use jiff::Timestamp;
use support::*;
use tradepost_mailroom::{Mailroom, Options};

/// A room where Ann has letters named one, two, three; the second has a Tradepost field.
async fn three() -> Mailroom {
    let room = room().await;
    let filed = [
        ("one", "", "2026-01-01T10:00:00Z"),
        (
            "two",
            "Tradepost: v=1; kind=order\r\n",
            "2026-01-02T10:00:00Z",
        ),
        ("three", "X-Pad: 0123456789\r\n", "2026-01-03T10:00:00Z"),
    ];
    for (subject, field, date) in filed {
        let text = format!("{field}{}", letter(SHOP, ANN, subject));
        let date: Timestamp = date.parse().unwrap();
        room.file(ANN, "INBOX", text.as_bytes(), date, &[]).unwrap();
    }
    room
}

#[tokio::test]
async fn login_needs_the_right_user_and_password() {
    let room = room().await;
    let mut imap = Client::imap(&room).await;
    assert!(imap.command("SELECT INBOX").await.starts_with("BAD "));
    let refused = imap.no(&format!("LOGIN {ANN} wrong")).await;
    assert!(refused.contains("[AUTHENTICATIONFAILED]"));
    imap.no("LOGIN ann@elsewhere.example room").await;
    imap.no("AUTHENTICATE CRAM-MD5").await;
    imap.ok(&format!("LOGIN {ANN} room")).await;
    assert!(
        imap.command(&format!("LOGIN {ANN} room"))
            .await
            .starts_with("BAD ")
    );
}

#[tokio::test]
async fn authenticate_plain_works_with_and_without_initial_response() {
    let room = room().await;
    let response = plain(ANN, "room");
    let mut imap = Client::imap(&room).await;
    imap.ok(&format!("AUTHENTICATE PLAIN {response}")).await;

    let mut imap = Client::imap(&room).await;
    imap.write_line("a AUTHENTICATE PLAIN").await;
    assert_eq!(imap.line().await, "+");
    imap.write_line("*").await;
    assert!(imap.answer("a").await.starts_with("BAD "));
    imap.write_line("b AUTHENTICATE PLAIN").await;
    assert_eq!(imap.line().await, "+");
    imap.write_line(&response).await;
    assert!(imap.answer("b").await.starts_with("OK "));
    imap.ok("SELECT INBOX").await;
}

#[tokio::test]
async fn login_takes_literals_and_strangers_get_small_ones_only() {
    let room = room().await;
    let mut imap = Client::imap(&room).await;
    imap.write_line(&format!("a LOGIN {{{}}}", ANN.len())).await;
    assert!(imap.line().await.starts_with("+ "));
    imap.write_line(&format!("{ANN} {{4+}}")).await;
    imap.write_line("room").await;
    assert!(imap.answer("a").await.starts_with("OK "));

    let mut stranger = Client::imap(&room).await;
    stranger.write_line("a LOGIN {100000}").await;
    assert!(stranger.answer("a").await.starts_with("NO [TOOBIG]"));
    stranger.ok("NOOP").await;
}

#[tokio::test]
async fn starttls_protects_and_forgets_what_came_before() {
    let room = room().await;
    room.deliver(ANN, b"Subject: x\r\n\r\n").unwrap();
    let mut imap = Client::imap(&room).await;
    assert!(imap.ok("CAPABILITY").await.contains(" STARTTLS "));
    // The injected command must not be obeyed under TLS.
    imap.write(b"a STARTTLS\r\nb NOOP\r\n").await;
    assert!(imap.line().await.starts_with("a OK "));
    let mut imap = imap.upgrade(room.ca_pem()).await;
    let capabilities = imap.ok("CAPABILITY").await;
    assert!(!capabilities.contains("STARTTLS"), "{capabilities}");
    imap.ok(&format!("LOGIN {ANN} room")).await;
    assert!(imap.ok("SELECT INBOX").await.contains("* 1 EXISTS"));
}

#[tokio::test]
async fn folders_are_listed_with_their_special_use() {
    let room = room().await;
    let mut imap = Client::imap_as(&room, ANN).await;
    let list = imap.ok("LIST \"\" \"*\"").await;
    for line in [
        "* LIST (\\HasNoChildren) \"/\" \"INBOX\"",
        "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"",
        "* LIST (\\HasNoChildren \\Junk) \"/\" \"Junk\"",
        "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Drafts\"",
        "* LIST (\\HasNoChildren \\Trash) \"/\" \"Trash\"",
    ] {
        assert!(list.contains(line), "{list}");
    }
    imap.ok("CREATE Work/Bills").await;
    imap.no("CREATE Work/Bills").await;
    assert!(imap.ok("LIST \"\" Work/%").await.contains("\"Work/Bills\""));
    imap.ok("DELETE Work/Bills").await;
    imap.no("SELECT Work/Bills").await;
    imap.ok("NAMESPACE").await;
    assert!(imap.ok("ID NIL").await.contains("mailroom"));
}

#[tokio::test]
async fn select_tells_the_numbers_and_examine_keeps_flags() {
    let room = three().await;
    let mut imap = Client::imap_as(&room, ANN).await;
    let selected = imap.ok("SELECT inbox").await;
    assert!(selected.contains("* 3 EXISTS\r\n"), "{selected}");
    assert!(selected.contains("[UIDNEXT 4]") && selected.contains("[READ-WRITE]"));
    let validity = number_after(&selected, "[UIDVALIDITY ");
    let status = imap
        .ok("STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)")
        .await;
    let expected =
        format!("* STATUS \"INBOX\" (MESSAGES 3 UIDNEXT 4 UIDVALIDITY {validity} UNSEEN 3)");
    assert!(status.contains(&expected), "{status}");

    assert!(imap.ok("EXAMINE INBOX").await.contains("[READ-ONLY]"));
    imap.ok("FETCH 1 BODY[]").await;
    assert!(imap.ok("FETCH 1 FLAGS").await.contains("FLAGS ()"));
    imap.no("STORE 1 +FLAGS (\\Seen)").await;
    imap.ok("SELECT INBOX").await;
    imap.ok("FETCH 1 BODY.PEEK[]").await;
    assert!(imap.ok("FETCH 1 FLAGS").await.contains("FLAGS ()"));
    assert!(imap.ok("FETCH 1 BODY[]").await.contains("FLAGS (\\Seen)"));
}

#[tokio::test]
async fn fetch_gives_headers_fields_parts_and_dates() {
    let room = three().await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    let fetched = imap
        .ok("UID FETCH 2 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (tradepost SUBJECT)])")
        .await;
    let size = room.letters(ANN, "INBOX")[1].bytes.len();
    let wanted = "Tradepost: v=1; kind=order\r\nSubject: two\r\n\r\n";
    let expected = format!(
        "* 2 FETCH (UID 2 FLAGS () INTERNALDATE \"02-Jan-2026 10:00:00 +0000\" RFC822.SIZE {size} \
         BODY[HEADER.FIELDS (TRADEPOST SUBJECT)] {{{}}}\r\n{wanted})\r\n",
        wanted.len()
    );
    assert!(fetched.starts_with(&expected), "{fetched}");

    let header = imap.ok("FETCH 1 BODY.PEEK[HEADER]").await;
    assert!(header.contains("Subject: one\r\n\r\n)"), "{header}");
    let text = imap.ok("FETCH 1 BODY.PEEK[TEXT]").await;
    assert!(
        text.contains("BODY[TEXT] {13}\r\nHello, one.\r\n)"),
        "{text}"
    );
    let part = imap.ok("UID FETCH 1 BODY.PEEK[]<6.10>").await;
    assert!(part.contains("BODY[]<6> {10}\r\norders@sho)"), "{part}");
    let beyond = imap.ok("UID FETCH 1 BODY.PEEK[]<9999.10>").await;
    assert!(beyond.contains("BODY[]<9999> {0}\r\n)"), "{beyond}");
    imap.no("FETCH 1 ENVELOPE").await;
    assert!(!imap.ok("UID FETCH 900 FLAGS").await.contains("FETCH ("));
    assert!(
        imap.ok("UID FETCH 900:* FLAGS")
            .await
            .contains("* 3 FETCH (UID 3")
    );
}

#[tokio::test]
async fn search_finds_by_every_key_that_is_needed() {
    let room = three().await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    imap.ok("STORE 3 +FLAGS (\\Seen)").await;
    let one = room.letters(ANN, "INBOX")[0].bytes.len();
    for (criteria, found) in [
        ("ALL", "1 2 3"),
        ("2:*", "2 3"),
        ("UID 1:2", "1 2"),
        ("UID 2:* HEADER Tradepost \"\"", "2"),
        ("HEADER tradepost KIND=order", "2"),
        ("HEADER Tradepost nothing", ""),
        ("SUBJECT thr", "3"),
        ("FROM shop.example", "1 2 3"),
        ("TO shop.example", ""),
        ("TEXT \"Hello, two\"", "2"),
        ("BODY subject", ""),
        ("SINCE 2-Jan-2026", "2 3"),
        ("BEFORE 2-Jan-2026", "1"),
        ("ON 2-Jan-2026", "2"),
        ("NOT SUBJECT one", "2 3"),
        ("OR SUBJECT one SUBJECT two", "1 2"),
        ("(SUBJECT one) ALL", "1"),
        ("SEEN", "3"),
        ("UNSEEN SINCE 2-Jan-2026", "2"),
        ("CHARSET UTF-8 ALL", "1 2 3"),
        (&format!("LARGER {one}"), "2 3"),
        (&format!("SMALLER {}", one + 1), "1"),
    ] {
        let answer = imap.ok(&format!("UID SEARCH {criteria}")).await;
        let line = format!("* SEARCH {found}");
        assert_eq!(answer.lines().next(), Some(line.trim_end()), "{criteria}");
    }
    imap.no("SEARCH CHARSET KOI8-R ALL").await;
    let deep = "NOT ".repeat(40);
    assert!(
        imap.command(&format!("SEARCH {deep} ALL"))
            .await
            .starts_with("BAD ")
    );
}

#[tokio::test]
async fn append_files_octet_for_octet_and_names_the_uid() {
    let room = room().await;
    let mut imap = Client::imap_as(&room, ANN).await;
    let text = letter(ANN, SHOP, "sent");
    let size = text.len();
    imap.write_line(&format!(
        "a APPEND Sent (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {{{size}}}"
    ))
    .await;
    assert!(imap.line().await.starts_with("+ "));
    imap.write_line(&text).await;
    let answer = imap.answer("a").await;
    let status = imap.ok("STATUS Sent (UIDVALIDITY)").await;
    let validity = number_after(&status, "UIDVALIDITY ");
    assert!(
        answer.starts_with(&format!("OK [APPENDUID {validity} 1]")),
        "{answer}"
    );
    let filed = room.letters(ANN, "Sent").pop().unwrap();
    assert_eq!(filed.text(), text);
    assert!(filed.flags.contains("\\Seen"));
    assert_eq!(filed.internal_date.to_string(), "1996-07-17T09:44:25Z");

    imap.write_line("b APPEND Nowhere {1+}").await;
    imap.write_line("x").await;
    assert!(imap.answer("b").await.starts_with("NO [TRYCREATE]"));
}

#[tokio::test]
async fn an_append_above_the_limit_is_refused_before_it_is_sent() {
    let options = Options {
        letter_limit: 1_000,
        ..Options::default()
    };
    let room = Mailroom::start(options).await.unwrap();
    let mut imap = Client::imap_as(&room, ANN).await;
    imap.write_line("a APPEND Sent {1001}").await;
    assert!(imap.answer("a").await.starts_with("NO [TOOBIG]"));
    imap.write_line("b APPEND Sent {1000}").await;
    assert!(imap.line().await.starts_with("+ "));
    imap.write_line(&"x".repeat(1_000)).await;
    assert!(imap.answer("b").await.starts_with("OK "));
}

#[tokio::test]
async fn letters_are_copied_moved_and_expunged() {
    let room = three().await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    let mut other = Client::inbox_of(&room, ANN).await;
    let copied = imap.ok("UID COPY 1:2 Trash").await;
    assert!(
        copied.contains("[COPYUID ") && copied.contains(" 1:2 1:2]"),
        "{copied}"
    );
    let moved = imap.ok("UID MOVE 2 Junk").await;
    assert!(
        moved.contains("[COPYUID ") && moved.contains("* 2 EXPUNGE"),
        "{moved}"
    );
    imap.ok("UID STORE 1,3 +FLAGS.SILENT (\\Deleted)").await;
    let expunged = imap.ok("UID EXPUNGE 3").await;
    assert!(expunged.contains("* 2 EXPUNGE"), "{expunged}");
    let stored = imap.ok("UID STORE 1 -FLAGS (\\Deleted)").await;
    assert!(stored.contains("* 1 FETCH (UID 1 FLAGS ())"), "{stored}");
    let uids = |folder: &str| -> Vec<u32> {
        room.letters(ANN, folder)
            .iter()
            .map(|letter| letter.uid)
            .collect()
    };
    assert_eq!(
        (uids("INBOX"), uids("Trash"), uids("Junk")),
        (vec![1], vec![1, 2], vec![1])
    );
    // The other connection keeps its numbers until it may be told.
    let fetched = other.ok("FETCH 1:3 UID").await;
    assert!(
        !fetched.contains("EXPUNGE") && fetched.contains("* 1 FETCH (UID 1)"),
        "{fetched}"
    );
    let told = other.ok("NOOP").await;
    assert!(
        told.starts_with("* 3 EXPUNGE\r\n* 2 EXPUNGE\r\nOK"),
        "{told}"
    );
    imap.ok("UID STORE 1 FLAGS (\\Deleted)").await;
    imap.ok("CLOSE").await;
    assert!(uids("INBOX").is_empty());
}

#[tokio::test]
async fn all_connections_hear_of_new_letters_and_uids_never_come_again() {
    let room = three().await;
    let mut idle = Client::inbox_of(&room, ANN).await;
    idle.write_line("i IDLE").await;
    assert!(idle.line().await.starts_with("+ "));
    let mut noop = Client::inbox_of(&room, ANN).await;
    room.remove(ANN, "INBOX", |letter| letter.uid == 3);
    room.deliver(ANN, letter(SHOP, ANN, "four").as_bytes())
        .unwrap();
    let mut heard = Vec::new();
    while heard.last().is_none_or(|line| line != "* 3 EXISTS") {
        heard.push(idle.line().await);
    }
    assert!(heard.contains(&"* 3 EXPUNGE".to_owned()), "{heard:?}");
    assert!(noop.ok("NOOP").await.contains("* 3 EXISTS"));
    assert!(noop.ok("FETCH 3 UID").await.contains("UID 4"));
}

#[tokio::test]
async fn news_since_the_last_command_come_before_idle_is_accepted() {
    let room = room().await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    room.deliver(ANN, b"Subject: x\r\n\r\n").unwrap();
    imap.write_line("i IDLE").await;
    assert_eq!(imap.line().await, "* 1 EXISTS");
    assert_eq!(imap.line().await, "* 0 RECENT");
    assert!(imap.line().await.starts_with("+ "));
    imap.write_line("nonsense").await;
    assert!(imap.answer("i").await.starts_with("BAD "));
}

#[tokio::test]
async fn what_is_no_command_is_answered_and_the_dialogue_goes_on() {
    let room = room().await;
    let mut imap = Client::imap_as(&room, ANN).await;
    assert!(imap.command("FROBNICATE").await.starts_with("BAD "));
    imap.write(b"\xff\xfe\r\n").await;
    assert!(imap.line().await.starts_with("* BAD "));
    imap.no("SELECT Nowhere").await;
    assert!(imap.command("FETCH 1 UID").await.starts_with("BAD "));
    assert!(imap.ok("LOGOUT").await.starts_with("* BYE "));
    assert!(imap.until_end().await.is_empty());
}

#[tokio::test]
async fn waiting_for_a_condition_ends_when_it_holds_or_the_time_is_over() {
    let room = room().await;
    let arrival = room.wait_for(ANN, PATIENCE, |letters| letters.len() == 2);
    let deliveries = async {
        room.deliver(ANN, b"1").unwrap();
        tokio::task::yield_now().await;
        room.deliver(ANN, b"2").unwrap();
    };
    let (letters, ()) = tokio::join!(arrival, deliveries);
    assert_eq!(letters.unwrap().len(), 2);
    let short = std::time::Duration::from_millis(10);
    let in_vain = room
        .wait_for(ANN, short, |letters| letters.len() == 3)
        .await;
    assert!(
        in_vain
            .unwrap_err()
            .to_string()
            .contains("INBOX 1, INBOX 2")
    );
}

#[tokio::test]
async fn stopping_closes_connections_and_ports() {
    let room = room().await;
    let port = room.imap_port();
    let mut imap = Client::inbox_of(&room, ANN).await;
    room.stop().await;
    assert!(imap.until_end().await.is_empty());
    assert!(
        tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn connections_are_limited() {
    let options = Options {
        connection_limit: 1,
        ..Options::default()
    };
    let room = Mailroom::start(options).await.unwrap();
    let mut first = Client::imap(&room).await;
    let mut second = Client::connect(room.imap_port()).await;
    assert!(second.until_end().await.is_empty());
    first.ok("NOOP").await;
}

fn number_after(text: &str, start: &str) -> u32 {
    let (_, rest) = text.split_once(start).unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}
