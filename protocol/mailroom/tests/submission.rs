//! SMTP: who may hand in what, and what comes out.

#![allow(clippy::unwrap_used)]

mod support;

use support::*;
use tradepost_mailroom::{Mailroom, Options};

#[tokio::test]
async fn a_submitted_letter_is_announced_in_idle_and_fetched_with_the_stamp_on_top() {
    let room = room().await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    imap.write_line("i IDLE").await;
    assert!(imap.line().await.starts_with("+ "));

    let mut smtp = Client::smtp_as(&room, SHOP).await;
    let sent = letter(SHOP, ANN, "your order");
    let reply = smtp.submit(SHOP, ANN, &sent).await;
    assert!(reply.starts_with("250 "), "{reply}");

    assert_eq!(imap.line().await, "* 1 EXISTS");
    assert_eq!(imap.line().await, "* 0 RECENT");
    imap.write_line("DONE").await;
    assert!(imap.answer("i").await.starts_with("OK "));
    let fetched = imap.ok("UID FETCH 1:* (UID RFC822.SIZE BODY.PEEK[])").await;
    let stored = room.letters(ANN, "INBOX").pop().unwrap();
    let size = stored.bytes.len();
    let expected = format!(
        "* 1 FETCH (UID 1 RFC822.SIZE {size} BODY[] {{{size}}}\r\n{})\r\n",
        stored.text()
    );
    assert_eq!(fetched.strip_suffix("OK fetched"), Some(expected.as_str()));

    let text = stored.text();
    let (stamp, rest) = text.split_at(text.len() - sent.len());
    assert_eq!(rest, sent);
    assert!(stamp.starts_with("Return-Path: <orders@shop.example>\r\nReceived: from client.example ([127.0.0.1])\r\n\tby mx.mailroom.example (mailroom) with ESMTPA id "), "{stamp}");
    assert!(
        stamp.ends_with(
            "Authentication-Results: mx.mailroom.example;\r\n\
             \tauth=pass smtp.auth=orders@shop.example\r\n"
        ),
        "{stamp}"
    );
    room.stop().await;
}

#[tokio::test]
async fn a_forged_stamp_of_the_own_id_is_removed_and_a_foreign_one_stays() {
    let room = room().await;
    let own = "Authentication-Results: (x) \"MX.mailroom.example\" 1;\r\n auth=pass smtp.auth=orders@shop.example\r\n";
    let foreign = "Authentication-Results: mx.other.example; auth=pass\r\n";
    let rest = letter(SHOP, ANN, "forged");
    let mut smtp = Client::smtp_as(&room, "mallory@evil.example").await;
    smtp.submit(
        "mallory@evil.example",
        ANN,
        &format!("{own}{foreign}{rest}"),
    )
    .await;
    let text = room.letters(ANN, "INBOX").pop().unwrap().text();
    assert!(text.ends_with(&format!("{foreign}{rest}")), "{text}");
    assert!(!text.contains("smtp.auth=orders@shop.example"), "{text}");
    assert!(
        text.contains("smtp.auth=mallory@evil.example\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn from_outside_a_letter_is_stamped_with_what_was_found_out() {
    let room = room().await;
    let forged = "Authentication-Results: mx.mailroom.example; auth=pass smtp.auth=a@b.example\r\n";
    let rest = letter(SHOP, ANN, "from outside");
    let whole = format!("{forged}{rest}");
    room.deliver_from_outside(
        "bounces@shop.example",
        ANN,
        whole.as_bytes(),
        Some("dkim=pass header.d=shop.example"),
    )
    .unwrap();
    let mut mx = Client::connect(room.mx_port()).await;
    assert!(mx.line().await.starts_with("220 "));
    mx.write_line("EHLO other.example").await;
    let offered = mx.reply().await;
    assert!(!offered.iter().any(|line| line.contains("AUTH")));
    assert!(mx.submit("", ANN, &whole).await.starts_with("250 "));

    let letters = room.letters(ANN, "INBOX");
    let stamped = |results: &str| {
        format!("Authentication-Results: mx.mailroom.example;\r\n\t{results}\r\n{rest}")
    };
    let [one, other] = letters.as_slice() else {
        panic!("{letters:?}");
    };
    assert!(
        one.text()
            .ends_with(&stamped("dkim=pass header.d=shop.example")),
        "{}",
        one.text()
    );
    assert!(other.text().ends_with(&stamped("none")), "{}", other.text());
    assert!(other.text().starts_with("Return-Path: <>\r\n"));
}

#[tokio::test]
async fn delivered_raw_a_letter_is_not_touched() {
    let room = room().await;
    let raw = b"Authentication-Results: mx.mailroom.example; none\n\xff\0 no end";
    room.deliver(ANN, raw).unwrap();
    assert_eq!(&*room.letters(ANN, "INBOX").pop().unwrap().bytes, raw);
    let error = room.deliver("ann@elsewhere.example", raw).unwrap_err();
    assert!(error.to_string().contains("ann@elsewhere.example"));
}

#[tokio::test]
async fn only_who_knows_the_password_may_submit() {
    let room = room().await;
    let mut smtp = Client::smtp(&room).await;
    let mail = format!("MAIL FROM:<{ANN}>");
    assert!(smtp.say(&mail).await.starts_with("530 "));
    let wrong = format!("AUTH PLAIN {}", plain(ANN, "wrong"));
    assert!(smtp.say(&wrong).await.starts_with("535 "));
    let nobody = format!("AUTH PLAIN {}", plain("ann@elsewhere.example", "room"));
    assert!(smtp.say(&nobody).await.starts_with("535 "));
    assert!(smtp.say("AUTH CRAM-MD5").await.starts_with("504 "));
    assert!(smtp.say("AUTH PLAIN").await.starts_with("334"));
    assert!(smtp.say("*").await.starts_with("501 "));
    assert!(smtp.say("AUTH PLAIN").await.starts_with("334"));
    assert!(smtp.say(&plain(ANN, "room")).await.starts_with("235 "));
    assert!(smtp.say(&mail).await.starts_with("250 "));
}

#[tokio::test]
async fn auth_login_asks_for_user_and_password() {
    let room = room().await;
    let mut smtp = Client::smtp(&room).await;
    assert_eq!(smtp.say("AUTH LOGIN").await, "334 VXNlcm5hbWU6");
    let user = "YW5uQGhvbWUuZXhhbXBsZQ==";
    assert_eq!(smtp.say(user).await, "334 UGFzc3dvcmQ6");
    assert!(smtp.say("cm9vbQ==").await.starts_with("235 "));
}

#[tokio::test]
async fn passwords_in_plain_text_are_refused_when_so_configured() {
    let options = Options {
        plaintext_auth: false,
        ..Options::default()
    };
    let room = Mailroom::start(options).await.unwrap();
    let auth = format!("AUTH PLAIN {}", plain(ANN, "room"));
    let mut smtp = Client::connect(room.smtp_port()).await;
    smtp.line().await;
    smtp.write_line("EHLO c.example").await;
    let offered = smtp.reply().await.join("\n");
    assert!(!offered.contains("AUTH") && offered.contains("STARTTLS"));
    assert!(smtp.say(&auth).await.starts_with("538 "));
    assert!(smtp.say("STARTTLS").await.starts_with("220 "));
    let mut smtp = smtp.upgrade(room.ca_pem()).await;
    smtp.write_line("EHLO c.example").await;
    let offered = smtp.reply().await.join("\n");
    assert!(offered.contains("AUTH PLAIN LOGIN") && !offered.contains("STARTTLS"));
    assert!(smtp.say(&auth).await.starts_with("235 "));
    let reply = smtp.submit(ANN, SHOP, &letter(ANN, SHOP, "hello")).await;
    assert!(reply.starts_with("250 "));
    let text = room.letters(SHOP, "INBOX").pop().unwrap().text();
    assert!(text.contains(" with ESMTPSA id "), "{text}");

    let mut imap = Client::imap(&room).await;
    let answer = imap.no(&format!("LOGIN {ANN} room")).await;
    assert!(answer.contains("[PRIVACYREQUIRED]"), "{answer}");
}

#[tokio::test]
async fn implicit_tls_works_on_its_own_ports() {
    let room = room().await;
    let mut smtp = Client::connect_tls(room.smtps_port(), room.ca_pem()).await;
    assert!(smtp.line().await.starts_with("220 "));
    assert!(smtp.say("EHLO c.example").await.starts_with("250 "));
    let mut imap = Client::connect_tls(room.imaps_port(), room.ca_pem()).await;
    assert!(imap.line().await.starts_with("* OK "));
    imap.ok(&format!("LOGIN {ANN} room")).await;
}

#[tokio::test]
async fn recipients_of_foreign_domains_are_refused_and_others_are_mailboxes() {
    let room = room().await;
    let mut smtp = Client::smtp_as(&room, ANN).await;
    assert!(
        smtp.say("RCPT TO:<x@home.example>")
            .await
            .starts_with("503 ")
    );
    assert!(
        smtp.say(&format!("MAIL FROM:<{ANN}>"))
            .await
            .starts_with("250 ")
    );
    assert!(
        smtp.say("RCPT TO:<x@elsewhere.example>")
            .await
            .starts_with("550 ")
    );
    assert!(smtp.say("DATA").await.starts_with("503 "));
    let mut smtp = Client::smtp_as(&room, ANN).await;
    smtp.say(&format!("MAIL FROM:<{ANN}> BODY=8BITMIME SIZE=100"))
        .await;
    assert!(
        smtp.say("RCPT TO:<New.One@HOME.example>")
            .await
            .starts_with("250 ")
    );
    assert!(
        smtp.say(&format!("RCPT TO:<{SHOP}>"))
            .await
            .starts_with("250 ")
    );
    assert!(smtp.say("DATA").await.starts_with("354 "));
    assert!(
        smtp.say("Subject: \u{e4}\r\n\r\n..dots\r\n.")
            .await
            .starts_with("250 ")
    );
    for user in ["new.one@home.example", SHOP] {
        let text = room.letters(user, "INBOX").pop().unwrap().text();
        assert!(text.ends_with("Subject: \u{e4}\r\n\r\n.dots\r\n"), "{text}");
        assert!(text.contains(&format!("\tfor <{user}>; ")), "{text}");
    }
}

#[tokio::test]
async fn commands_may_come_all_at_once() {
    let room = room().await;
    let mut smtp = Client::smtp_as(&room, SHOP).await;
    let mut all = String::new();
    for number in 0..3 {
        all += &format!("MAIL FROM:<{SHOP}>\r\nRCPT TO:<{ANN}>\r\nDATA\r\n");
        all += &format!("{}.\r\n", letter(SHOP, ANN, &number.to_string()));
    }
    smtp.write(format!("{all}QUIT\r\n").as_bytes()).await;
    let answers = String::from_utf8(smtp.until_end().await).unwrap();
    let codes: Vec<&str> = answers.lines().map(|line| &line[..3]).collect();
    let one = ["250", "250", "354", "250"];
    assert_eq!(codes, [&one[..], &one, &one, &["221"]].concat());
    assert_eq!(room.letters(ANN, "INBOX").len(), 3);
}

#[tokio::test]
async fn what_is_too_large_or_no_command_is_refused_and_the_dialogue_goes_on() {
    let options = Options {
        letter_limit: 2_000,
        ..Options::default()
    };
    let room = Mailroom::start(options).await.unwrap();
    let mut smtp = Client::smtp_as(&room, SHOP).await;
    let announced = format!("MAIL FROM:<{SHOP}> SIZE=2001");
    assert!(smtp.say(&announced).await.starts_with("552 "));
    assert!(smtp.say("HULLO").await.starts_with("500 "));
    assert!(smtp.say("MAIL TO:<a@b.example>").await.starts_with("501 "));
    let large = format!("Subject: x\r\n\r\n{}\r\n", "0123456789".repeat(20_000));
    assert!(smtp.submit(SHOP, ANN, &large).await.starts_with("552 "));
    assert!(
        smtp.submit(SHOP, ANN, "Subject: small\r\n\r\n")
            .await
            .starts_with("250 ")
    );
    assert_eq!(room.letters(ANN, "INBOX").len(), 1);
    let endless = "x".repeat(20_000);
    smtp.write(endless.as_bytes()).await;
    let end = String::from_utf8(smtp.until_end().await).unwrap();
    assert!(end.starts_with("500 "), "{end}");
}

#[tokio::test]
async fn an_empty_letter_ends_at_once() {
    let room = room().await;
    let mut smtp = Client::smtp_as(&room, SHOP).await;
    assert!(smtp.submit(SHOP, ANN, "").await.starts_with("250 "));
    assert_eq!(room.letters(ANN, "INBOX").len(), 1);
}

#[tokio::test]
async fn addresses_beyond_ascii_need_smtputf8() {
    let room = room().await;
    let mut smtp = Client::smtp_as(&room, SHOP).await;
    let from = "MAIL FROM:<j\u{fc}rgen@home.example>";
    assert!(smtp.say(from).await.starts_with("553 "));
    assert!(
        smtp.say(&format!("{from} SMTPUTF8"))
            .await
            .starts_with("250 ")
    );
    assert!(
        smtp.say("RCPT TO:<j\u{fc}rgen@home.example>")
            .await
            .starts_with("250 ")
    );
}

#[tokio::test]
async fn another_from_is_accepted_unless_it_is_checked() {
    let others = letter(SHOP, ANN, "in somebody else's name");
    let own = letter("Mallory <MALLORY@evil.example>", ANN, "in the own name");
    let free = room().await;
    let mut smtp = Client::smtp_as(&free, "mallory@evil.example").await;
    assert!(smtp.submit(SHOP, ANN, &others).await.starts_with("250 "));

    let options = Options {
        from_check: true,
        ..Options::default()
    };
    let strict = Mailroom::start(options).await.unwrap();
    let mut smtp = Client::smtp_as(&strict, "mallory@evil.example").await;
    assert!(
        smtp.say(&format!("MAIL FROM:<{SHOP}>"))
            .await
            .starts_with("553 ")
    );
    let me = "mallory@evil.example";
    assert!(smtp.submit(me, ANN, &others).await.starts_with("550 "));
    assert!(smtp.submit(me, ANN, &own).await.starts_with("250 "));
    assert_eq!(strict.letters(ANN, "INBOX").len(), 1);
}

#[tokio::test]
async fn a_provider_may_file_a_copy_into_sent() {
    let options = Options {
        sent_copy: true,
        sent_folder: "Gesendet".to_owned(),
        ..Options::default()
    };
    let room = Mailroom::start(options).await.unwrap();
    let mut smtp = Client::smtp_as(&room, SHOP).await;
    let sent = letter(SHOP, ANN, "copied");
    smtp.submit(SHOP, ANN, &sent).await;
    assert_eq!(room.letters(SHOP, "Gesendet").pop().unwrap().text(), sent);
}

#[tokio::test]
async fn one_domain_lets_users_log_in_by_their_local_part() {
    let room = Mailroom::start(Options::for_domains(["home.example"]))
        .await
        .unwrap();
    let mut smtp = Client::smtp_as(&room, "ann").await;
    smtp.submit(ANN, ANN, &letter(ANN, ANN, "to myself")).await;
    let text = room.letters(ANN, "INBOX").pop().unwrap().text();
    assert!(text.contains("smtp.auth=ann@home.example\r\n"), "{text}");
}

#[tokio::test]
async fn a_thousand_letters_pass() {
    let room = room().await;
    let mut imap = Client::inbox_of(&room, ANN).await;
    let mut smtp = Client::smtp_as(&room, SHOP).await;
    for number in 0..1_000 {
        let reply = smtp
            .submit(SHOP, ANN, &letter(SHOP, ANN, &number.to_string()))
            .await;
        assert!(reply.starts_with("250 "));
    }
    assert!(imap.ok("NOOP").await.contains("* 1000 EXISTS"));
    let fetched = imap.ok("UID FETCH 1:* (BODY.PEEK[])").await;
    assert_eq!(fetched.matches("Subject: ").count(), 1_000);
}
