//! Every fault, and that the dialogue is right again afterwards.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::*;
use tradepost_mailroom::{Fault, ImapCommand, Mailroom, ReleaseOrder, SmtpStage};

async fn with_letters(count: usize) -> Mailroom {
    let room = room().await;
    for number in 1..=count {
        let text = letter(SHOP, ANN, &number.to_string());
        room.deliver(ANN, text.as_bytes()).unwrap();
    }
    room
}

#[tokio::test]
async fn a_command_is_answered_no_or_bad_as_often_as_told() {
    let room = with_letters(1).await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    let faults = room.faults();
    faults.times(2, Fault::ImapNo(ImapCommand::UidFetch));
    faults.once(Fault::ImapBad(ImapCommand::Noop));
    imap.no("UID FETCH 1 FLAGS").await;
    imap.ok("FETCH 1 FLAGS").await;
    assert!(imap.command("NOOP").await.starts_with("BAD "));
    imap.no("UID FETCH 1 FLAGS").await;
    assert!(imap.ok("UID FETCH 1 FLAGS").await.contains("* 1 FETCH"));
    assert_eq!(faults.happened(&Fault::ImapNo(ImapCommand::UidFetch)), 2);
    faults.always(Fault::ImapNo(ImapCommand::Select));
    for _ in 0..3 {
        imap.no("SELECT INBOX").await;
    }
    faults.clear();
    imap.ok("SELECT INBOX").await;
}

#[tokio::test]
async fn append_and_idle_can_be_refused() {
    let room = with_letters(0).await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    room.faults().once(Fault::ImapNo(ImapCommand::Append));
    room.faults().once(Fault::ImapNo(ImapCommand::Idle));
    for (tag, answer, letters) in [("a", "NO ", 0), ("b", "OK ", 1)] {
        imap.write(format!("{tag} APPEND Sent {{4+}}\r\ntext\r\n").as_bytes())
            .await;
        assert!(imap.answer(tag).await.starts_with(answer));
        assert_eq!(room.letters(ANN, "Sent").len(), letters);
    }
    imap.no("IDLE").await;
    imap.write_line("c IDLE").await;
    assert!(imap.line().await.starts_with("+ "));
}

#[tokio::test]
async fn faults_for_one_user_leave_others_alone() {
    let room = with_letters(0).await;
    let mut ann = Client::imap_as(&room, ANN).await;
    let mut shop = Client::imap_as(&room, SHOP).await;
    let faults = room.faults().for_user("Ann@HOME.example");
    faults.once(Fault::ImapNo(ImapCommand::Noop));
    shop.ok("NOOP").await;
    ann.no("NOOP").await;
    ann.ok("NOOP").await;
}

#[tokio::test]
async fn a_connection_is_cut_after_so_many_octets() {
    let room = with_letters(1).await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    room.faults().once(Fault::ImapCutAfter(30));
    imap.write_line("a UID FETCH 1 BODY.PEEK[]").await;
    let got = imap.until_end().await;
    assert_eq!(got.len(), 30);
    assert!(got.starts_with(b"* 1 FETCH (UID 1 BODY[] {"));
    let mut imap = Client::inbox_of(&room, ANN).await;
    imap.ok("UID FETCH 1 BODY.PEEK[]").await;

    room.faults().once(Fault::SmtpCutAfter(3));
    let mut smtp = Client::connect(room.smtp_port()).await;
    assert_eq!(smtp.until_end().await, b"220");
    Client::smtp(&room).await;
}

#[tokio::test]
async fn under_tls_a_cut_comes_without_a_closing_word() {
    let room = with_letters(1).await;
    let mut imap = Client::connect_tls(room.imaps_port(), room.ca_pem()).await;
    imap.line().await;
    room.faults().once(Fault::ImapCutAfter(7));
    imap.write_line("a NOOP").await;
    assert_eq!(imap.until_end().await, b"a OK no");
}

#[tokio::test]
async fn a_partial_answer_ends_in_eof_or_in_ok() {
    let room = with_letters(5).await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    room.faults()
        .once(Fault::ImapLeavesOut(ImapCommand::UidFetch, 2));
    let fetched = imap.ok("UID FETCH 1:* FLAGS").await;
    assert_eq!(fetched.matches(" FETCH ").count(), 2);
    room.faults()
        .once(Fault::ImapPartial(ImapCommand::UidFetch, 3));
    imap.write_line("a UID FETCH 1:* FLAGS").await;
    let got = String::from_utf8(imap.until_end().await).unwrap();
    assert_eq!(got.matches(" FETCH ").count(), 3);
    assert!(got.ends_with(")\r\n") && !got.contains("OK"), "{got}");
    let mut imap = Client::inbox_of(&room, ANN).await;
    let fetched = imap.ok("UID FETCH 1:* FLAGS").await;
    assert_eq!(fetched.matches(" FETCH ").count(), 5);
}

#[tokio::test]
async fn a_command_is_never_answered_or_late() {
    let room = with_letters(1).await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    room.faults().once(Fault::ImapSilent(ImapCommand::Noop));
    imap.write_line("a NOOP").await;
    room.faults()
        .until_happened(&Fault::ImapSilent(ImapCommand::Noop), 1)
        .await;
    imap.expect_silence().await;

    let mut imap = Client::inbox_of(&room, ANN).await;
    let late = Fault::ImapLate(ImapCommand::Noop, Duration::from_millis(20));
    room.faults().once(late.clone());
    imap.ok("NOOP").await;
    assert_eq!(room.faults().happened(&late), 1);
}

#[tokio::test]
async fn bye_ends_a_connection_on_a_command_or_at_once() {
    let room = with_letters(1).await;
    room.faults().once(Fault::ImapBye(ImapCommand::Select));
    let mut imap = Client::imap_as(&room, ANN).await;
    imap.write_line("a SELECT INBOX").await;
    assert!(imap.until_end().await.starts_with(b"* BYE "));

    for idling in [false, true] {
        let mut imap = Client::inbox_of(&room, ANN).await;
        let mut others = Client::inbox_of(&room, SHOP).await;
        if idling {
            imap.write_line("a IDLE").await;
            imap.line().await;
        }
        room.say_bye(ANN);
        assert!(imap.until_end().await.starts_with(b"* BYE "), "{idling}");
        others.ok("NOOP").await;
        let mut imap = Client::inbox_of(&room, ANN).await;
        room.cut(ANN);
        assert!(imap.until_end().await.is_empty());
    }
}

#[tokio::test]
async fn greetings_may_be_missing_a_bye_or_preauth() {
    let room = with_letters(1).await;
    room.faults().once(Fault::ImapNoGreeting);
    let mut silent = Client::connect(room.imap_port()).await;
    room.faults()
        .until_happened(&Fault::ImapNoGreeting, 1)
        .await;
    silent.expect_silence().await;

    room.faults().once(Fault::ImapByeGreeting);
    let mut bye = Client::connect(room.imap_port()).await;
    assert!(bye.until_end().await.starts_with(b"* BYE "));

    room.faults().once(Fault::ImapPreauth(ANN.to_owned()));
    let mut preauth = Client::connect(room.imap_port()).await;
    assert!(preauth.line().await.starts_with("* PREAUTH "));
    assert!(preauth.ok("SELECT INBOX").await.contains("* 1 EXISTS"));
    Client::inbox_of(&room, ANN).await;
}

#[tokio::test]
async fn idle_may_be_missing_or_say_nothing() {
    let room = with_letters(0).await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    room.faults().always(Fault::NoIdle);
    assert!(!imap.ok("CAPABILITY").await.contains("IDLE"));
    assert!(imap.command("IDLE").await.starts_with("BAD "));
    room.faults().clear();
    assert!(imap.ok("CAPABILITY").await.contains("IDLE"));

    room.faults().once(Fault::IdleAnnouncesNothing);
    imap.write_line("a IDLE").await;
    assert!(imap.line().await.starts_with("+ "));
    room.deliver(ANN, b"Subject: x\r\n\r\n").unwrap();
    imap.expect_silence().await;
    imap.write_line("DONE").await;
    assert!(imap.answer("a").await.starts_with("* 1 EXISTS"));
}

#[tokio::test]
async fn numbering_may_be_zero_missing_back_or_new() {
    let room = with_letters(3).await;
    let mut imap = Client::imap_as(&room, ANN).await;
    let first = imap.ok("SELECT INBOX").await;
    room.faults().once(Fault::UidValidityZero);
    assert!(imap.ok("SELECT INBOX").await.contains("[UIDVALIDITY 0]"));
    room.faults().once(Fault::UidNextMissing);
    assert!(!imap.ok("SELECT INBOX").await.contains("UIDNEXT"));
    room.faults().once(Fault::UidNextGoesBack);
    assert!(
        imap.ok("STATUS INBOX (UIDNEXT)")
            .await
            .contains("(UIDNEXT 1)")
    );
    assert_eq!(imap.ok("SELECT INBOX").await, first);

    room.remove(ANN, "INBOX", |letter| letter.uid == 1);
    room.change_uid_validity(ANN, "INBOX");
    assert!(imap.until_end().await.starts_with(b"* BYE "));
    let mut imap = Client::imap_as(&room, ANN).await;
    let second = imap.ok("SELECT INBOX").await;
    assert!(second.contains("* 2 EXISTS") && second.contains("[UIDNEXT 3]"));
    let validity = |text: &str| {
        let number = text.split("[UIDVALIDITY ").nth(1).unwrap();
        number.split(']').next().unwrap().parse::<u32>().unwrap()
    };
    assert_ne!(validity(&first), validity(&second));
}

#[tokio::test]
async fn searches_for_a_field_may_be_wrong_or_refused() {
    let room = with_letters(2).await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    room.faults().once(Fault::HeaderSearchFindsNothing);
    assert!(
        imap.ok("UID SEARCH SUBJECT 1")
            .await
            .starts_with("* SEARCH 1\r\n")
    );
    let search = "UID SEARCH NOT HEADER Subject \"\"";
    let found = "UID SEARCH UID 1:2 HEADER Subject \"\"";
    assert!(imap.ok(found).await.starts_with("* SEARCH\r\n"));
    assert!(imap.ok(found).await.starts_with("* SEARCH 1 2\r\n"));
    room.faults().once(Fault::HeaderSearchRefused);
    imap.no(search).await;
    imap.ok(search).await;
}

#[tokio::test]
async fn odd_servers_report_odd_sizes_and_capabilities_and_want_id() {
    let room = with_letters(1).await;
    let mut imap = Client::imap_as(&room, ANN).await;
    room.faults().once(Fault::CapabilityUnparsable);
    assert!(imap.ok("CAPABILITY").await.contains(" X-\"ODD\""));
    assert!(!imap.ok("CAPABILITY").await.contains(" X-\"ODD\""));
    room.faults().always(Fault::SelectWantsId);
    imap.no("SELECT INBOX").await;
    imap.ok("ID (\"name\" \"test\")").await;
    imap.ok("SELECT INBOX").await;
    room.faults().once(Fault::SizeReported(999_999_999));
    let fetch = "UID FETCH 1 RFC822.SIZE";
    assert!(imap.ok(fetch).await.contains("RFC822.SIZE 999999999)"));
    assert!(!imap.ok(fetch).await.contains("999999999"));
}

#[tokio::test]
async fn smtp_stages_can_be_refused_and_obeyed_the_next_time() {
    let room = room().await;
    let user = plain(SHOP, "room");
    for (stage, code, dialogue) in [
        (SmtpStage::Ehlo, 421, vec!["EHLO c.example"]),
        (SmtpStage::StartTls, 454, vec!["EHLO c", "STARTTLS"]),
        (
            SmtpStage::Auth,
            454,
            vec!["EHLO c", &format!("AUTH PLAIN {user}")],
        ),
        (
            SmtpStage::Mail,
            451,
            vec!["MAIL FROM:<orders@shop.example>"],
        ),
        (SmtpStage::Rcpt, 450, vec!["RCPT TO:<ann@home.example>"]),
        (SmtpStage::Rcpt, 550, vec!["RCPT TO:<ann@home.example>"]),
        (SmtpStage::Data, 452, vec!["DATA"]),
    ] {
        let mut smtp = Client::smtp(&room).await;
        let before_auth = matches!(
            stage,
            SmtpStage::Ehlo | SmtpStage::StartTls | SmtpStage::Auth
        );
        if !before_auth {
            smtp.say(&format!("AUTH PLAIN {user}")).await;
        }
        if matches!(stage, SmtpStage::Rcpt | SmtpStage::Data) {
            smtp.say("MAIL FROM:<orders@shop.example>").await;
        }
        if stage == SmtpStage::Data {
            smtp.say("RCPT TO:<ann@home.example>").await;
        }
        let (last, first) = dialogue.split_last().unwrap();
        for line in first {
            smtp.say(line).await;
        }
        room.faults().once(Fault::SmtpReply(stage, code));
        let reply = smtp.say(last).await;
        assert!(reply.starts_with(&code.to_string()), "{stage:?}: {reply}");
        let reply = smtp.say(last).await;
        assert!(reply.starts_with(['2', '3']), "{stage:?}: {reply}");
    }
    room.faults()
        .once(Fault::SmtpReply(SmtpStage::Greeting, 554));
    let mut smtp = Client::connect(room.smtp_port()).await;
    assert!(smtp.line().await.starts_with("554 "));
}

#[tokio::test]
async fn a_letter_that_is_refused_after_the_dot_is_not_taken() {
    let room = room().await;
    let mut smtp = Client::smtp_as(&room, SHOP).await;
    for code in [451, 554] {
        room.faults()
            .once(Fault::SmtpReply(SmtpStage::Letter, code));
        let reply = smtp.submit(SHOP, ANN, &letter(SHOP, ANN, "x")).await;
        assert!(reply.starts_with(&code.to_string()), "{reply}");
    }
    assert!(room.mailbox(ANN).is_empty());
    smtp.submit(SHOP, ANN, &letter(SHOP, ANN, "x")).await;
    assert_eq!(room.mailbox(ANN).len(), 1);
}

#[tokio::test]
async fn after_the_dot_silence_and_cuts_come_with_or_without_taking_the_letter() {
    for (fault, taken, closes) in [
        (Fault::SmtpSilent(SmtpStage::Letter), 0, false),
        (Fault::SmtpCut(SmtpStage::Letter), 0, true),
        (Fault::LetterTakenSilently, 1, false),
        (Fault::LetterTakenThenCut, 1, true),
    ] {
        let room = room().await;
        let mut smtp = Client::smtp_as(&room, SHOP).await;
        room.faults().once(fault.clone());
        smtp.write(format!("MAIL FROM:<{SHOP}>\r\nRCPT TO:<{ANN}>\r\nDATA\r\n").as_bytes())
            .await;
        for code in ["250", "250", "354"] {
            assert!(smtp.line().await.starts_with(code));
        }
        smtp.write_line("Subject: x\r\n\r\n.").await;
        room.faults().until_happened(&fault, 1).await;
        if closes {
            assert!(smtp.until_end().await.is_empty(), "{fault:?}");
        } else {
            smtp.expect_silence().await;
        }
        assert_eq!(room.mailbox(ANN).len(), taken, "{fault:?}");
    }
}

#[tokio::test]
async fn late_answers_come() {
    let room = room().await;
    let mut smtp = Client::smtp_as(&room, SHOP).await;
    let while_late = Duration::from_millis(20);
    for fault in [
        Fault::SmtpLate(SmtpStage::Letter, while_late),
        Fault::LetterTakenAnsweredLate(while_late),
    ] {
        room.faults().once(fault.clone());
        let reply = smtp.submit(SHOP, ANN, &letter(SHOP, ANN, "x")).await;
        assert!(reply.starts_with("250 "), "{reply}");
        assert_eq!(room.faults().happened(&fault), 1);
    }
    assert_eq!(room.mailbox(ANN).len(), 2);
}

#[tokio::test]
async fn letters_are_lost_or_come_twice() {
    let room = room().await;
    let mut smtp = Client::smtp_as(&room, SHOP).await;
    room.faults().for_user(ANN).once(Fault::LetterLost);
    room.faults().for_user(ANN).once(Fault::LetterTwice);
    for (number, count) in [(1, 0), (2, 2), (3, 3)] {
        let text = letter(SHOP, ANN, &number.to_string());
        assert!(smtp.submit(SHOP, ANN, &text).await.starts_with("250 "));
        assert_eq!(room.mailbox(ANN).len(), count);
    }
    let letters = room.mailbox(ANN);
    assert_eq!(letters[0].bytes, letters[1].bytes);
}

#[tokio::test]
async fn held_letters_come_late_and_in_the_order_that_is_asked_for() {
    for (order, uids) in [
        (ReleaseOrder::AsTheyCame, ["1", "2", "3"]),
        (ReleaseOrder::Reversed, ["3", "2", "1"]),
    ] {
        let room = room().await;
        room.hold(ANN).unwrap();
        for number in 1..=3 {
            room.deliver(ANN, format!("Subject: {number}\r\n\r\n").as_bytes())
                .unwrap();
        }
        assert_eq!((room.held(ANN), room.mailbox(ANN).len()), (3, 0));
        let mut imap = Client::inbox_of(&room, ANN).await;
        room.release(ANN, order).unwrap();
        assert!(imap.ok("NOOP").await.contains("* 3 EXISTS"));
        let subjects: Vec<String> = room.mailbox(ANN).iter().map(|l| l.text()).collect();
        let expected = uids.map(|number| format!("Subject: {number}\r\n\r\n"));
        assert_eq!(subjects, expected);
        room.deliver(ANN, b"4").unwrap();
        assert_eq!((room.held(ANN), room.mailbox(ANN).len()), (0, 4));
    }
}
