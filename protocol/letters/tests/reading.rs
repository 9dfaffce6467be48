//! What is read of a letter beyond what the golden letters show: digests, limits, bounces, times,
//! and that no octets make it fail.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use tradepost_letters::{
    Action, BadAuthor, LetterContent, MOST_LETTER_OCTETS, OpenedLetter, RelayPolicy, StatementPart,
    UnreadablePart, open, parse, time_of_receipt,
};
use tradepost_statements::{Evidence, Time};

const GENUINE: &str = include_str!("letters/genuine.eml");

fn policy(ids: &[&str], own_hosts: Option<&[&str]>) -> RelayPolicy {
    RelayPolicy::new(
        ids.iter().map(|id| id.parse().unwrap()).collect(),
        own_hosts.map(|hosts| hosts.iter().map(|h| h.parse().unwrap()).collect()),
    )
}

fn opened(raw: &[u8]) -> OpenedLetter {
    open(raw, &policy(&["mx.home.example"], None))
}

/// The genuine letter with a text taken for another.
fn with(from: &str, to: &str) -> String {
    assert!(GENUINE.contains(from), "{from}");
    GENUINE.replacen(from, to, 1)
}

fn is_proven_statement(opened: &OpenedLetter) -> bool {
    opened.evidence == Evidence::Relay && matches!(opened.content, LetterContent::Statement(_))
}

#[test]
fn the_digest_is_of_what_the_author_wrote_however_it_is_stored() {
    let digest = |raw: &str| parse(raw.as_bytes()).digest_hex();
    let genuine = digest(GENUINE);
    assert_eq!(genuine.len(), 64);
    assert_eq!(digest(&GENUINE.replace("\r\n", "\n")), genuine);
    let moved = format!("Delivered-To: x@home.example\r\nX-Spam: no\r\n{GENUINE}");
    assert_eq!(digest(&moved), genuine, "fields above the author's");
    let bare = GENUINE.split_once("From: ").unwrap().1;
    assert_eq!(
        digest(&format!("From: {bare}")),
        genuine,
        "without any stamp"
    );
    assert_ne!(digest(&with("T-1001", "T-1002")), genuine);
    assert_ne!(digest(&with("is on its way", "is in its way")), genuine);
    assert_ne!(
        digest(&with("From: ", "Content-Language: en\r\nFrom: ")),
        genuine
    );
    let of_one_line = "7568955cd923db8fd9bb074f39e277a3c31a89a4bfb8ffeb0b6966ac3d3b9be1";
    assert_eq!(digest("X: y\nFrom: a\n"), of_one_line);
    assert_eq!(digest("X: y\nFrom: a\n"), digest("From: a\r\n"));
    assert_ne!(digest("From: a\r"), digest("From: a"));
}

#[test]
fn a_letter_of_ten_mebibytes_is_read_and_a_longer_one_is_not() {
    let filled = |size: usize| {
        let room = size - GENUINE.len();
        let mut raw = GENUINE.as_bytes().to_vec();
        raw.extend("epilogue line\r\n".bytes().cycle().take(room));
        raw
    };
    assert!(is_proven_statement(&opened(&filled(MOST_LETTER_OCTETS))));
    let larger = filled(MOST_LETTER_OCTETS + 1);
    assert_eq!(
        parse(&larger).statement,
        StatementPart::Unreadable(UnreadablePart::TooLarge)
    );
    let photo = String::from_utf8(larger)
        .unwrap()
        .replace("vnd.tradepost+json", "x-photo");
    assert_eq!(parse(photo.as_bytes()).statement, StatementPart::None);
}

#[test]
fn ten_thousand_nested_multiparts_are_only_too_deep() {
    let mut bomb = GENUINE.split_once("\r\n\r\n").unwrap().0.to_owned() + "\r\n\r\n--b1\r\n";
    for i in 0..10_000 {
        bomb += &format!("Content-Type: multipart/mixed; boundary=\"n{i}\"\r\n\r\n--n{i}\r\n");
    }
    assert_eq!(parse(bomb.as_bytes()).statement, StatementPart::None);
    bomb += "Content-Type: application/vnd.tradepost+json\r\n\r\n{}\r\n";
    assert_eq!(
        parse(bomb.as_bytes()).statement,
        StatementPart::Unreadable(UnreadablePart::TooDeep)
    );
}

#[test]
fn nested_letters_within_letters_are_not_entered() {
    let mut bomb = GENUINE.split_once("--b1--").unwrap().0.to_owned() + "--b1\r\n";
    bomb += &"Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    bomb += "Content-Type: application/vnd.tradepost+json\r\n\r\n{}\r\n--b1--\r\n";
    assert!(is_proven_statement(&opened(bomb.as_bytes())));
}

#[test]
fn a_million_header_lines_are_only_many() {
    let many = "X: y\r\n".repeat(1_000_000);
    assert!(is_proven_statement(&opened(
        format!("{many}{GENUINE}").as_bytes()
    )));
    let received = "Received: by mx.home.example\r\n".repeat(200_000);
    let opened_late = opened(format!("{received}{GENUINE}").as_bytes());
    assert_eq!(
        opened_late.evidence,
        Evidence::None,
        "a stamp below a thousand others"
    );
    let more = "From: x@y.example\r\n".repeat(300_000);
    let repeated = with("From: ", &format!("{more}From: "));
    let author = parse(repeated.as_bytes()).author.unwrap_err();
    assert!(matches!(author, BadAuthor::Repeated(_)), "{author}");
}

#[test]
fn a_hundred_thousand_addresses_are_only_many() {
    let lines = ",\r\n someone@home.example".repeat(100_000);
    let raw = with(
        "To: ann@home.example",
        &format!("To: ann@home.example{lines}"),
    );
    let read = opened(raw.as_bytes());
    assert!(is_proven_statement(&read));
    assert_eq!(
        read.letter.to.first().map(|a| a.as_str()),
        Some("ann@home.example")
    );
    let raw = with("From: ", &format!("From: a@b.example{lines}, "));
    assert_eq!(opened(raw.as_bytes()).evidence, Evidence::None);
}

#[test]
fn only_configured_ids_count() {
    let evidence = |ids: &[&str]| {
        let read = open(GENUINE.as_bytes(), &policy(ids, None));
        assert_eq!(read.authserv_ids, ["mx.home.example"]);
        (read.evidence, read.proof)
    };
    assert_eq!(evidence(&["mx.home.example"]).0, Evidence::Relay);
    assert_eq!(
        evidence(&["x.example", "*.home.example"]).0,
        Evidence::Relay
    );
    assert_eq!(evidence(&["mx2.home.example"]).0, Evidence::None);
    assert_eq!(evidence(&["*.mx.home.example"]).0, Evidence::None);
    let (none, proof) = evidence(&[]);
    assert_eq!(none, Evidence::None);
    assert!(proof.contains("no authserv-id is configured"), "{proof}");
}

#[test]
fn own_hosts_can_be_configured() {
    let behind = format!("Received: from a by relay.elsewhere.example; x\r\n{GENUINE}");
    let evidence =
        |own: Option<&[&str]>| open(behind.as_bytes(), &policy(&["mx.home.example"], own)).evidence;
    assert_eq!(evidence(None), Evidence::None);
    assert_eq!(evidence(Some(&["*.elsewhere.example"])), Evidence::Relay);
    assert_eq!(evidence(Some(&["elsewhere.example"])), Evidence::None);
    assert_eq!(evidence(Some(&[])), Evidence::None);
}

#[test]
fn the_time_of_receipt_is_that_of_the_topmost_own_host() {
    let receipt = |raw: &str, own: Option<&[&str]>| {
        time_of_receipt(&parse(raw.as_bytes()), &policy(&["mx.home.example"], own))
    };
    let at = |t: &str| Some(t.parse::<Time>().unwrap());
    assert_eq!(receipt(GENUINE, None), at("2026-11-20T10:15:03Z"));
    let later = "Received: from a by imap.home.example (x; y); Fri, 20 Nov 2026 11:15:09 +0100\r\n";
    let foreign = "Received: from a by b.example; Fri, 20 Nov 2026 12:00:00 +0000\r\n";
    let raw = format!("{foreign}{later}{GENUINE}");
    assert_eq!(receipt(&raw, None), at("2026-11-20T10:15:09Z"));
    assert_eq!(
        receipt(&raw, Some(&["b.example"])),
        at("2026-11-20T12:00:00Z")
    );
    assert_eq!(receipt(&raw, Some(&["c.example"])), None);
}

#[test]
fn what_people_see_of_a_letter_is_decoded() {
    let raw = with(
        "Subject: Parcel",
        "Subject: =?iso-8859-1?q?P=E4ckchen?=\r\n =?utf-8?b?w7w=?= Parcel",
    );
    let read = parse(raw.as_bytes());
    assert_eq!(
        read.subject.as_deref(),
        Some("Päckchenü Parcel for order T-1001: in transit")
    );
    assert_eq!(read.message_id.as_deref(), Some("01932c07@carrier.example"));
    assert_eq!(
        read.hint.as_deref(),
        Some("v=1; kind=delivery-status; trade=T-1001")
    );
    assert_eq!(read.date, Some("2026-11-20T10:15:00Z".parse().unwrap()));
    assert!(!read.auto_submitted);
    assert_eq!(read.bounce, None);
    let raw = with(
        "Subject:",
        "Auto-Submitted: auto-replied\r\nIn-Reply-To: <a@b> <c@d>\r\nReferences: <e@f>\r\n\t<g@h>\r\nSubject:",
    );
    let read = parse(raw.as_bytes());
    assert!(read.auto_submitted);
    assert_eq!(read.in_reply_to, ["a@b", "c@d"]);
    assert_eq!(read.references, ["e@f", "g@h"]);
}

/// As Postfix writes it.
const BOUNCE: &str = "Return-Path: <>\r
Received: by mx.home.example (Postfix) id 1; Fri, 20 Nov 2026 10:15:05 +0000 (UTC)\r
Date: Fri, 20 Nov 2026 10:15:05 +0000 (UTC)\r
From: MAILER-DAEMON@mx.home.example (Mail Delivery System)\r
Subject: Undelivered Mail Returned to Sender\r
To: ann@home.example\r
Auto-Submitted: auto-replied\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status;\r
\tboundary=\"4F2A.1/mx\"\r
Message-Id: <20261120101505.1@mx.home.example>\r
\r
--4F2A.1/mx\r
Content-Description: Notification\r
Content-Type: text/plain; charset=us-ascii\r
\r
I'm sorry to have to inform you ...\r
\r
--4F2A.1/mx\r
Content-Description: Delivery report\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.home.example\r
\r
Final-Recipient: rfc822; orders@shop.example\r
Original-Recipient: rfc822;orders@shop.example\r
Action: failed\r
Status: 5.1.1\r
Diagnostic-Code: smtp; 550 5.1.1 <orders@shop.example>: Recipient address\r
    rejected: User unknown\r
\r
--4F2A.1/mx\r
Content-Description: Undelivered Message\r
Content-Type: message/rfc822\r
\r
Message-ID: <order-1@home.example>\r
MIME-Version: 1.0\r
Content-Type: application/vnd.tradepost+json\r
\r
{}\r
\r
--4F2A.1/mx--\r
";

#[test]
fn a_bounce_names_the_letter_and_the_reason() {
    let read = parse(BOUNCE.as_bytes());
    assert_eq!(
        read.statement,
        StatementPart::None,
        "the returned letter is another letter"
    );
    let bounce = read.bounce.unwrap();
    assert_eq!(bounce.message_ids, ["order-1@home.example"]);
    assert!(bounce.failed());
    let [recipient] = bounce.recipients.as_slice() else {
        panic!("{bounce:?}");
    };
    assert_eq!(recipient.address, "orders@shop.example");
    assert_eq!(recipient.action, Action::Failed);
    assert_eq!(recipient.status.as_deref(), Some("5.1.1"));
    assert_eq!(
        bounce.text(),
        "the letter to orders@shop.example could not be delivered (5.1.1): 550 5.1.1 <orders@shop.example>: Recipient address rejected: User unknown"
    );

    let header_only = BOUNCE.replace("message/rfc822", "text/rfc822-headers");
    let bounce = parse(header_only.as_bytes()).bounce.unwrap();
    assert_eq!(bounce.message_ids, ["order-1@home.example"]);

    let delayed = parse(
        BOUNCE
            .replace("Action: failed", "Action: delayed (x)")
            .as_bytes(),
    );
    assert!(!delayed.bounce.unwrap().failed());
}

#[test]
fn what_is_no_delivery_report_is_no_bounce() {
    let by_a_person = BOUNCE.replace("MAILER-DAEMON", "bob");
    let bounce = |from: &str, to: &str| parse(by_a_person.replace(from, to).as_bytes()).bounce;
    assert!(bounce("", "").is_some());
    for (from, to) in [
        (
            "report-type=delivery-status",
            "report-type=disposition-notification",
        ),
        ("multipart/report", "multipart/mixed"),
        ("message/delivery-status", "text/plain"),
    ] {
        assert_eq!(bounce(from, to), None, "{to}");
    }
    let receipt = BOUNCE.replace("delivery-status;", "disposition-notification;");
    assert_eq!(parse(receipt.as_bytes()).bounce, None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_octets_make_reading_fail(raw in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert_ne!(opened(&raw).evidence, Evidence::Dkim);
    }

    #[test]
    fn no_mail_like_text_makes_reading_fail(
        lines in proptest::collection::vec(
            prop_oneof![
                "(From|To|Date|Subject|Message-ID|MIME-Version|Received|Authentication-Results|Content-Type): [ -~\t]{0,40}",
                "Content-Type: (multipart/(mixed|report)|message/rfc822|application/vnd.tradepost\\+json)(; boundary=\"?[ab]\"?)?",
                "--[ab](--)?",
                "[ \t(\"\\\\;]{0,6}",
                "[ -~]{0,20}",
                Just(String::new()),
            ],
            0..60,
        ),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
    ) {
        let read = opened(lines.join(end).as_bytes());
        prop_assert!(read.evidence <= Evidence::Relay);
    }

    #[test]
    fn a_spoiled_letter_is_never_another_ones(
        at in any::<prop::sample::Index>(),
        octets in proptest::collection::vec(any::<u8>(), 0..6),
        cut in 0usize..6,
    ) {
        let mut raw = GENUINE.as_bytes().to_vec();
        let at = at.index(raw.len());
        let end = raw.len().min(at + cut);
        raw.splice(at..end, octets);
        let read = opened(&raw);
        if read.evidence == Evidence::Relay {
            let author = read.letter.author.unwrap();
            prop_assert!(author.domain().ends_with("carrier.example"), "{author}");
        }
    }
}
