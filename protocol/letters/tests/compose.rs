//! What is composed is read again, by the same rules as anybody's letter.
#![allow(clippy::unwrap_used)]

#[path = "../../statements/tests/samples/mod.rs"]
mod samples;
#[path = "../../statements/tests/strategies/mod.rs"]
mod strategies;

use proptest::prelude::*;
use serde_json::{Value, json};
use tradepost_letters::{
    AutoSubmitted, Composition, Letter, LetterContent, NoticeParts, RelayPolicy, StatementPart,
    Story, compose, compose_notice, open, parse, thread_root_of_trade, untrusted,
};
use tradepost_statements::order::Line;
use tradepost_statements::{Address, Evidence, Statement, Time, wire};

fn statement(value: &Value) -> Statement {
    wire::decode(value.to_string().as_bytes())
        .unwrap()
        .statement
}

fn plain_composition(statement: &Statement) -> Composition<'_> {
    Composition {
        statement,
        json: None,
        message_id: "0193-1@shop.example",
        date: "2026-11-20T10:15:01Z".parse().unwrap(),
        from_name: Some("Example Shop"),
        story: Story::default(),
        in_reply_to: None,
        references: &[],
        auto: AutoSubmitted::Generated,
        with_html: true,
    }
}

/// The parts of a composed letter, decoded: text, JSON, HTML.
fn parts(raw: &[u8]) -> Vec<String> {
    let message = mail_parser::MessageParser::default().parse(raw).unwrap();
    message
        .parts
        .iter()
        .skip(1)
        .map(|part| String::from_utf8(part.contents().to_vec()).unwrap())
        .collect()
}

fn check_form(raw: &[u8]) {
    assert!(raw.ends_with(b"\r\n"));
    for line in raw.strip_suffix(b"\r\n").unwrap().split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(line.len() <= 998, "a line of {} octets", line.len());
        assert!(!line.contains(&b'\r') && !line.contains(&0));
    }
    let bare = raw
        .windows(2)
        .filter(|w| w[1] == b'\n' && w[0] != b'\r')
        .count();
    assert_eq!(bare, 0, "a bare LF");
}

fn check_read_again(raw: &[u8], statement: &Statement) -> Letter {
    let line_end = if raw.contains(&b'\r') {
        b"\r\n".as_slice()
    } else {
        b"\n"
    };
    let stamped = [
        b"Authentication-Results: mx.home.example; auth=pass smtp.auth=".as_slice(),
        statement.from.as_written().as_bytes(),
        line_end,
        raw,
    ]
    .concat();
    let policy = RelayPolicy::new(vec!["mx.home.example".parse().unwrap()], None);
    let opened = open(&stamped, &policy);
    assert_eq!(opened.letter.author.as_ref(), Ok(&statement.from));
    let LetterContent::Statement(decoded) = opened.content else {
        panic!("{:?}", opened.content);
    };
    assert_eq!(decoded.statement, *statement);
    assert_eq!(opened.evidence, Evidence::Relay, "{}", opened.proof);
    opened.letter
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_composed_is_read_as_it_was(statement in strategies::statement(), with_html: bool) {
        let letter = compose(&Composition { with_html, ..plain_composition(&statement) });
        check_form(&letter);
        let read = check_read_again(&letter, &statement);
        prop_assert_eq!(read.to, vec![statement.to.clone()]);
        let subject = read.subject.unwrap();
        prop_assert!(!subject.chars().any(untrusted::is_hidden), "{subject:?}");
        let as_lf: Vec<u8> = letter.iter().copied().filter(|b| *b != b'\r').collect();
        prop_assert_eq!(check_read_again(&as_lf, &statement).digest, read.digest);
    }

    #[test]
    fn no_text_brings_hidden_characters_or_fields_into_a_letter(text in any::<String>()) {
        let mut value = samples::statement("trade-record");
        value["body"]["shop_name"] = json!(text);
        value["body"]["lines"][0]["name"] = json!(text);
        let Ok(decoded) = wire::decode(value.to_string().as_bytes()) else { return Ok(()) };
        let c = Composition {
            from_name: Some(&text),
            message_id: &text,
            in_reply_to: Some(&text),
            ..plain_composition(&decoded.statement)
        };
        let letter = compose(&c);
        check_form(&letter);
        check_read_again(&letter, &decoded.statement);
        for (i, part) in parts(&letter).iter().enumerate().filter(|(i, _)| *i != 1) {
            let hidden = part.chars().find(|c| untrusted::is_hidden(*c) && *c != '\n' && *c != '\r');
            prop_assert_eq!(hidden, None, "in part {}", i);
        }
    }
}

#[test]
fn the_same_input_gives_the_same_octets() {
    let s = statement(&samples::statement("delivery-status"));
    assert_eq!(
        compose(&plain_composition(&s)),
        compose(&plain_composition(&s))
    );
}

#[test]
fn the_header_and_the_parts_are_those_of_protocol_6() {
    let s = statement(&samples::statement("delivery-status"));
    let letter = String::from_utf8(compose(&plain_composition(&s))).unwrap();
    let header = letter.split("\r\n\r\n").next().unwrap();
    for line in [
        "From: \"Example Shop\" <orders@shop.example>",
        "To: ann@home.example",
        "Date: Fri, 20 Nov 2026 10:15:01 +0000",
        "Message-ID: <0193-1@shop.example>",
        "Auto-Submitted: auto-generated",
        "Tradepost: v=1; kind=delivery-status; trade=T-1001",
        "MIME-Version: 1.0",
    ] {
        assert_eq!(header.matches(line).count(), 1, "{line} in\n{header}");
    }
    let types: Vec<&str> = letter
        .lines()
        .filter_map(|l| l.strip_prefix("Content-Type: "))
        .collect();
    assert_eq!(
        types,
        [
            "multipart/alternative;",
            "text/plain; charset=utf-8",
            "application/vnd.tradepost+json",
            "text/html; charset=utf-8"
        ]
    );
}

#[test]
fn a_statement_that_is_sent_again_has_the_same_json_octets() {
    let s = statement(&samples::statement("order"));
    let stored = format!(" {} ", samples::statement("order"));
    let again = Composition {
        json: Some(&stored),
        message_id: "another@home.example",
        ..plain_composition(&s)
    };
    let read = parse(&compose(&again));
    assert_eq!(
        read.statement,
        StatementPart::Part(stored.clone().into_bytes())
    );
}

#[test]
fn all_letters_of_a_trade_share_a_reference() {
    let references = |kind: &str| {
        let s = statement(&samples::statement(kind));
        let read = parse(&compose(&plain_composition(&s)));
        assert!(!read.in_reply_to.is_empty());
        (
            read.references,
            thread_root_of_trade(s.trade.as_ref().unwrap()),
        )
    };
    let (record, root) = references("trade-record");
    let (status, same_root) = references("payment-status");
    assert_eq!(root, same_root);
    assert!(record.contains(&root) && status.contains(&root));
    let (order, _) = references("order");
    assert!(
        order.iter().any(|id| record.contains(id)),
        "order and record"
    );
}

#[test]
fn an_answered_letter_is_named() {
    let s = statement(&samples::statement("order-status"));
    let known = ["x@home.example".to_owned()];
    let c = Composition {
        in_reply_to: Some("<parent@home.example>"),
        references: &known,
        auto: AutoSubmitted::Replied,
        ..plain_composition(&s)
    };
    let letter = compose(&c);
    let read = parse(&letter);
    assert_eq!(read.in_reply_to, ["parent@home.example"]);
    let last = read.references.len() - 2;
    assert_eq!(
        read.references[last..],
        ["x@home.example", "parent@home.example"]
    );
    assert!(
        String::from_utf8(letter)
            .unwrap()
            .contains("\r\nAuto-Submitted: auto-replied\r\n")
    );
}

#[test]
fn untrusted_text_is_harmless_in_subject_text_and_html() {
    let evil = "\u{1b}[2J\u{202e}gpj\u{200b}\r\nBcc: x@evil.example\r\n\r\n</script><script>alert(1)</script><img src=x>&amp;=?utf-8?q?x?=";
    let mut value = samples::statement("trade-record");
    value["body"]["shop_name"] = json!(evil);
    value["body"]["lines"][0]["name"] = json!(evil);
    let s = statement(&value);
    let c = Composition {
        from_name: Some(evil),
        story: Story {
            contact: Some(evil),
            ..Story::default()
        },
        ..plain_composition(&s)
    };
    let letter = compose(&c);
    check_form(&letter);
    check_read_again(&letter, &s);
    let header = String::from_utf8(letter.clone()).unwrap();
    let header = header.split("\r\n\r\n").next().unwrap();
    assert!(!header.contains("\r\nBcc"));
    let read = parse(&letter);
    // Protocol 1: a name is one line, without what is hidden in it; other texts show it.
    let subject = read.subject.unwrap();
    assert!(
        subject.contains("at [2Jgpj Bcc: x@evil.example </script>"),
        "{subject}"
    );
    let [text, _, html] = parts(&letter).try_into().unwrap();
    assert!(text.contains("\\u{1b}[2J\\u{202e}gpj\\u{200b}"));
    for forbidden in ['\u{1b}', '\u{202e}', '\u{200b}'] {
        assert!(!text.contains(forbidden) && !html.contains(forbidden));
    }
    assert!(!html.contains("<img") && !html.contains("alert(1)</script>"));
    assert_eq!(html.matches("<script").count(), 1);
    assert_eq!(html.matches("</script>").count(), 1);
    let json = html
        .split("ld+json\">")
        .nth(1)
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    let facts: Value = serde_json::from_str(json).unwrap();
    assert_eq!(facts["@type"], "Order");
    assert!(
        facts["merchant"]["name"]
            .as_str()
            .unwrap()
            .contains("</script><script>")
    );
}

/// Protocol 1: names of shops, articles, parcels and persons, in all that a mail shows.
#[test]
fn a_name_is_one_line_and_is_cut_with_a_mark_wherever_a_letter_shows_it() {
    let long = |start: &str| {
        format!(
            "{start}\u{202e}\u{200b}\u{e0041}\u{1b}[31m\r\n\u{2028}\tname{}",
            "x".repeat(500)
        )
    };
    let rows: [(&str, &[&str]); 6] = [
        (
            "trade-record",
            &[
                "/shop_name",
                "/lines/0/name",
                "/lines/0/sku",
                "/deliver_to/name",
            ],
        ),
        ("order", &["/lines/0/name", "/lines/0/sku", "/buyer/name"]),
        ("order-status", &["/parcels/0"]),
        ("delivery-status", &["/parcel"]),
        (
            "delivery-instruction",
            &["/parcel", "/lines/0/name", "/deliver_to/name"],
        ),
        ("recall", &["/parcel"]),
    ];
    for (kind, places) in rows {
        for place in places {
            let written = |text: &str| {
                let mut value = samples::statement(kind);
                *value["body"].pointer_mut(place).unwrap() = json!(text);
                let s = statement(&value);
                let letter = compose(&plain_composition(&s));
                check_form(&letter);
                check_read_again(&letter, &s);
                let subject = parse(&letter).subject.unwrap();
                let mut shown = parts(&letter);
                // The statement has it as it is.
                shown.remove(1);
                shown.push(subject);
                shown
            };
            // The same without the fault stands there as it is.
            let harmless = written("Marigold");
            assert!(
                harmless[0].contains("Marigold"),
                "{kind} {place}: {harmless:?}"
            );
            let mut times = 0;
            for text in written(&long("Marigold")) {
                let text = text.replace("\r\n", "\n");
                assert!(
                    !text.contains("\\u{") && !text.contains("\\u20"),
                    "{kind} {place}: {text}"
                );
                let hidden = text
                    .chars()
                    .find(|c| *c != '\n' && untrusted::is_hidden(*c));
                assert_eq!(hidden, None, "{kind} {place}");
                // Lines of a mail are broken: without blanks it can be compared.
                let flat: String = text.split_whitespace().collect();
                let cut = format!("Marigold[31mname{}...", "x".repeat(120 - 17));
                times += flat.matches(&cut).count();
                assert_eq!(
                    flat.matches("Marigold").count(),
                    flat.matches(&cut).count(),
                    "{kind} {place}: {text}"
                );
            }
            assert!(times >= 1, "{kind} {place}");
        }
    }
}

#[test]
fn statuses_and_records_to_a_buyer_carry_schema_org_facts_and_no_others_do() {
    for kind in samples::KINDS {
        let mut value = samples::statement(kind);
        let facts = |value: &Value| {
            let s = statement(value);
            let letter = compose(&plain_composition(&s));
            let html = parts(&letter).pop().unwrap();
            let json = html
                .split("ld+json\">")
                .nth(1)?
                .split("</script>")
                .next()?
                .to_owned();
            let facts: Value = serde_json::from_str(&json).unwrap();
            Some(facts["@type"].as_str().unwrap().to_owned())
        };
        let expected = match kind {
            "trade-record" | "order-status" => Some("Order"),
            "delivery-status" => Some("ParcelDelivery"),
            "payment-status" => Some("Invoice"),
            _ => None,
        };
        assert_eq!(facts(&value).as_deref(), expected, "{kind}");
        if expected.is_some() && kind != "trade-record" {
            value["from"] = json!("track@carrier.example");
            value["to"] = json!("orders@shop.example");
            value.as_object_mut().unwrap().remove("request");
            assert_eq!(facts(&value), None, "{kind} to the shop");
        }
    }
}

#[test]
fn nothing_in_a_letter_is_fetched_from_the_network() {
    for kind in samples::KINDS {
        let s = statement(&samples::statement(kind));
        let html = parts(&compose(&plain_composition(&s))).pop().unwrap();
        for remote in ["<img", "<link", "src=", "url(", "@import", "<iframe"] {
            assert!(!html.contains(remote), "{remote} in {kind}");
        }
    }
}

// Requirements: Q6
#[test]
fn a_notice_has_no_tradepost_part_and_nothing_personal() {
    let mut value = samples::statement("delivery-status");
    value["body"]["place"] = json!("behind the green door");
    let s = statement(&value);
    let to: Address = "bob@elsewhere.example".parse().unwrap();
    let notice = compose_notice(&NoticeParts {
        statement: &s,
        to: &to,
        message_id: "n1@carrier.example",
        date: "2026-11-20T10:15:01Z".parse().unwrap(),
        from_name: None,
        shop_name: Some("Example Shop"),
    });
    check_form(&notice);
    let read = parse(&notice);
    assert_eq!(read.statement, StatementPart::None);
    assert_eq!(read.hint, None);
    assert_eq!(read.to, [to]);
    assert_eq!(read.author, Ok(s.from.clone()));
    let text = String::from_utf8(notice).unwrap();
    for personal in ["ann@", "Ann", "Hill Street", "green door", "EUR"] {
        assert!(!text.contains(personal), "{personal} in\n{text}");
    }
    assert!(text.contains("T-1001"));
}

fn story_lines() -> Vec<Line> {
    serde_json::from_value(json!([
        { "name": "Green tea, 500 g", "sku": "T-500", "quantity": 2,
          "price": { "amount": "24.50", "currency": "EUR" } },
        { "name": "A teapot of stoneware with a lid, a strainer and a handle of bamboo, made for people who like long names",
          "quantity": 1, "price": { "amount": "49.00", "currency": "EUR" } },
    ]))
    .unwrap()
}

/// The text part of a letter with all that a story can tell.
fn told(kind: &str, from: &str) -> String {
    let mut value = samples::statement(kind);
    value["from"] = json!(from);
    value["body"].as_object_mut().unwrap().remove("hub");
    value["body"].as_object_mut().unwrap().remove("access");
    let s = statement(&value);
    let lines = story_lines();
    let processor: Address = "billing@pay.example".parse().unwrap();
    let carriers: Vec<Address> = vec!["track@carrier.example".parse().unwrap()];
    let placed: Time = "2026-11-18T09:00:00Z".parse().unwrap();
    let c = Composition {
        story: Story {
            shop_name: Some("Example Shop"),
            lines: Some(&lines),
            total: Some("98.00 EUR".parse().unwrap()),
            placed: Some(placed),
            processor: Some(&processor),
            carriers: Some(&carriers),
            electronic: false,
            contact: Some("By telephone: +49 30 1234567, weekdays from 9 to 17"),
        },
        ..plain_composition(&s)
    };
    let letter = compose(&c);
    let subject = parse(&letter).subject.unwrap();
    let text = parts(&letter).swap_remove(0).replace("\r\n", "\n");
    assert!(
        text.lines()
            .all(|l| l.chars().count() <= 72 || l.starts_with("https://")),
        "{text}"
    );
    format!("Subject: {subject}\n\n{text}")
}

#[test]
fn a_trade_record_reads_well() {
    insta::assert_snapshot!(told("trade-record", "orders@shop.example"));
}

#[test]
fn a_delivery_status_reads_well() {
    insta::assert_snapshot!(told("delivery-status", "track@carrier.example"));
}

#[test]
fn a_payment_status_reads_well() {
    insta::assert_snapshot!(told("payment-status", "billing@pay.example"));
}

#[test]
fn digital_goods_are_no_parcel() {
    let mut value = samples::statement("delivery-status");
    let told = |value: &Value| {
        let letter = compose(&plain_composition(&statement(value)));
        (
            parse(&letter).subject.unwrap(),
            parts(&letter).swap_remove(0),
        )
    };
    let (subject, text) = told(&value);
    assert_eq!(subject, "Delivery for order T-1001: ready to download");
    assert!(
        text.contains("https://shop.example/download/5f3a"),
        "{text}"
    );
    let mut waits = value.clone();
    waits["body"]["state"] = json!("ready-for-pickup");
    waits["body"]["delivery"] = json!({});
    let expected = "Delivery for order T-1001: ready to download";
    assert_eq!(told(&waits).0, expected);
    value["body"].as_object_mut().unwrap().remove("access");
    assert_eq!(told(&value).0, "Parcel for order T-1001: delivered");
    // A licence is a text, and no parcel either.
    value["body"]["text"] = json!("Your licence: KJ7-22-XY");
    let s = statement(&value);
    let letter = compose(&Composition {
        story: Story {
            electronic: true,
            ..Story::default()
        },
        ..plain_composition(&s)
    });
    let subject = parse(&letter).subject.unwrap();
    assert_eq!(subject, "Delivery for order T-1001: ready");
    let text = parts(&letter).swap_remove(0);
    assert!(text.contains("What you bought is ready for you."), "{text}");
    assert!(text.contains("> Your licence: KJ7-22-XY"), "{text}");
    assert!(!text.contains("The carrier writes"), "{text}");
}

#[test]
fn every_kind_says_what_happened_and_whom_to_ask() {
    for kind in samples::KINDS {
        let s = statement(&samples::statement(kind));
        let letter = compose(&plain_composition(&s));
        let subject = parse(&letter).subject.unwrap();
        let text = parts(&letter).swap_remove(0);
        assert!(
            subject.len() > 10 && !subject.contains("an order"),
            "{kind}: {subject}"
        );
        assert!(
            text.contains("Questions?") && text.contains('@'),
            "{kind}: {text}"
        );
    }
}
