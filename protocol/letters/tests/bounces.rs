//! Letters that come back: what is read of reports in the forms that mail systems write, and which of
//! them a mail system can have written.
#![allow(clippy::unwrap_used)]

use tradepost_letters::{Action, Bounce, RelayPolicy, ReturnPath, open, parse};

/// As qmail-send writes it.
const QMAIL: &str = "Return-Path: <>\r
Date: 20 Nov 2026 10:15:05 -0000\r
From: MAILER-DAEMON@mx.home.example\r
To: ann@home.example\r
Subject: failure notice\r
\r
Hi. This is the qmail-send program at mx.home.example.\r
I'm afraid I wasn't able to deliver your message to the following addresses.\r
This is a permanent error; I've given up. Sorry it didn't work out.\r
\r
<orders@shop.example>:\r
192.0.2.7 does not like recipient.\r
Remote host said: 550 5.1.1 no such user\r
Giving up on 192.0.2.7.\r
\r
--- Below this line is a copy of the message.\r
\r
Return-Path: <ann@home.example>\r
From: Ann <ann@home.example>\r
To: orders@shop.example\r
Message-ID: <order-1@home.example>\r
Tradepost: v=1; kind=order\r
\r
Hello\r
";

/// As Exim writes it.
const EXIM: &str = "Return-path: <>\r
X-Failed-Recipients: orders@shop.example\r
Auto-Submitted: auto-replied\r
From: Mail Delivery System <Mailer-Daemon@mx.home.example>\r
To: ann@home.example\r
Subject: Mail delivery failed: returning message to sender\r
Message-Id: <E1kf-1@mx.home.example>\r
Date: Fri, 20 Nov 2026 10:15:05 +0000\r
\r
This message was created automatically by mail delivery software.\r
\r
A message that you sent could not be delivered to one or more of its\r
recipients. This is a permanent error. The following address(es) failed:\r
\r
  orders@shop.example\r
    host mx.shop.example [192.0.2.7]\r
    SMTP error from remote mail server after RCPT TO:<orders@shop.example>:\r
    550 no such user\r
\r
------ This is a copy of the message, including all the headers. ------\r
\r
Received: from laptop\r
Message-ID:\r
 <order-1@home.example>\r
Subject: Order\r
\r
Hello\r
";

fn bounce(raw: &str) -> Option<Bounce> {
    parse(raw.as_bytes()).bounce
}

fn read(raw: &str) -> Bounce {
    bounce(raw).unwrap_or_else(|| panic!("no bounce: {raw}"))
}

#[test]
fn the_forms_of_mail_systems_name_letter_recipient_and_reason() {
    let expected = [
        (
            QMAIL,
            true,
            "192.0.2.7 does not like recipient. Remote host said: 550 5.1.1 no such user",
        ),
        (EXIM, false, "550 no such user"),
    ];
    for (raw, is_marked, reason) in expected {
        let bounce = read(raw);
        assert_eq!(bounce.message_ids, ["order-1@home.example"], "{raw}");
        assert!(bounce.failed());
        assert_eq!(bounce.is_about_a_statement, is_marked, "{raw}");
        let failed: Vec<String> = bounce.failed_to().iter().map(ToString::to_string).collect();
        assert_eq!(failed, ["orders@shop.example"]);
        assert!(bounce.text().contains(reason), "{}", bounce.text());
    }
}

#[test]
fn a_returned_letter_is_found_quoted_attached_or_encoded() {
    let attached = "From: postmaster@mx.home.example\r\nSubject: Undeliverable: Order\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nNo such user here\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <order-1@home.example>\r\n\r\nHello\r\n--b--\r\n";
    let quoted = "From: MAILER-DAEMON (Mail Delivery System)\r\nSubject: Returned mail\r\n\r\n\
        550 no such user\r\n> From: ann@home.example\r\n> Message-ID: <order-1@home.example>\r\n";
    let encoded = "From: <mailer-daemon@mx.home.example>\r\nSubject: Returned mail\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nNo such user\r\nMessage-ID: <order=2D1@home.example>\r\n";
    for raw in [attached, quoted, encoded] {
        let bounce = read(raw);
        assert_eq!(bounce.message_ids, ["order-1@home.example"], "{raw}");
        assert!(bounce.failed());
    }
    assert!(read(attached).text().contains("Undeliverable: Order"));
}

#[test]
fn a_letter_that_is_still_tried_has_not_failed() {
    let subject = "Subject: Mail delivery failed: returning message to sender";
    let later = EXIM.replace(subject, "Subject: Warning: message 1kf delayed 24 hours");
    assert_eq!(read(&later).recipients[0].action, Action::Delayed);
    assert!(!read(&later).failed());
}

#[test]
fn what_no_mail_system_wrote_or_returns_nothing_is_no_bounce() {
    for (from, to) in [
        ("From: MAILER-DAEMON@", "From: bob@"),
        ("From: MAILER-DAEMON@", "From: mailer-daemons.friend@"),
        ("Message-ID: <order-1@home.example>\r\n", ""),
    ] {
        assert_eq!(bounce(&QMAIL.replace(from, to)), None, "{from} -> {to}");
    }
    assert!(bounce(QMAIL).is_some());
}

/// RFC 3461 and 3464 section 2.2.1: where nothing comes back with the report, the envelope id names
/// the letter.
#[test]
fn a_report_without_the_letter_names_it_by_the_envelope_id() {
    let report = |fields: &str| {
        format!(
            "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.home.example\r\nContent-Type: multipart/report; \
             report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
             Reporting-MTA: dns; mx.home.example\r\n{fields}\r\n\r\nFinal-Recipient: rfc822; bob@shop.example\r\n\
             Original-Recipient: rfc822; orders@shop.example\r\nAction: failed\r\nStatus: 5.1.1\r\n--b--\r\n"
        )
    };
    let named = read(&report("Original-Envelope-Id: order-1@home.example"));
    assert_eq!(named.message_ids, ["order-1@home.example"]);
    assert_eq!(read(&report("Arrival-Date: today")).message_ids, [""; 0]);
    let sent_to: Vec<String> = named.failed_to().iter().map(ToString::to_string).collect();
    assert_eq!(
        sent_to,
        ["orders@shop.example"],
        "not whom it was forwarded to"
    );
}

/// A forged report: whoever knows the Message-ID can write one, but not as a mail system does.
#[test]
fn a_report_that_a_person_wrote_is_doubted() {
    let policy = RelayPolicy::new(vec!["mx.home.example".parse().unwrap()], None);
    let doubt = |raw: &str| {
        let opened = open(raw.as_bytes(), &policy);
        assert!(opened.letter.bounce.is_some(), "{raw}");
        opened.bounce_doubt().map(str::to_owned)
    };
    assert_eq!(doubt(QMAIL), None);
    assert_eq!(doubt(EXIM), None);
    let without_path = QMAIL.replace("Return-Path: <>\r\nDate", "Date");
    assert_eq!(parse(without_path.as_bytes()).return_path, None);
    assert_eq!(
        doubt(&without_path),
        None,
        "many mailboxes have no such field"
    );

    let with_path = QMAIL.replace("Return-Path: <>", "Return-Path: <evil@evil.example>");
    let path = ReturnPath::To("evil@evil.example".to_owned());
    assert_eq!(parse(with_path.as_bytes()).return_path, Some(path));
    assert!(
        doubt(&with_path)
            .unwrap()
            .contains("Return-Path evil@evil.example")
    );

    let submitted = |result: &str| {
        format!(
            "Authentication-Results: mx.home.example; auth={result} smtp.auth=evil@home.example\r\n{QMAIL}"
        )
    };
    assert!(
        doubt(&submitted("pass"))
            .unwrap()
            .contains("evil@home.example")
    );
    assert_eq!(doubt(&submitted("none")), None);

    let by_a_person = EXIM.replace("Mailer-Daemon@mx.home.example", "evil@evil.example");
    assert_eq!(
        doubt(&by_a_person),
        None,
        "Return-Path <> speaks for a mail system"
    );
    let and_without_path = by_a_person.replace("Return-path: <>\r\n", "");
    assert!(
        doubt(&and_without_path)
            .unwrap()
            .contains("evil@evil.example")
    );
}

/// Whoever writes a report decides what stands in it, not how much of it is kept and shown.
#[test]
fn a_long_report_is_told_in_short() {
    let report = |recipients: usize| {
        let groups: String = (0..recipients)
            .map(|n| {
                let why = "no ".repeat(200);
                format!(
                    "Final-Recipient: rfc822; orders{n}@shop.example\r\nAction: failed\r\n\
                     Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 {why}\r\n\r\n"
                )
            })
            .collect();
        format!(
            "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.home.example\r\nTo: ann@home.example\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\n\
             Original-Envelope-Id: order-1@home.example\r\n\r\n{groups}--b--\r\n"
        )
    };
    let length = |recipients| read(&report(recipients)).text().chars().count();
    assert!(length(1) > 600, "{}", length(1));
    assert!(length(40) <= 2000, "{}", length(40));
}
