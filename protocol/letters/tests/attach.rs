//! A statement in a mail of the shop's own system: what people see stays, what programs read comes in, and
//! what would break or mislead is refused.
#![allow(clippy::unwrap_used)]

use mail_parser::{MessageParser, MimeHeaders};
use serde_json::json;
use tradepost_letters::{
    AttachError, AttachedMail, Attachment, LetterContent, RelayPolicy, Story, attach, open, parse,
};
use tradepost_statements::{Statement, wire};

const HEAD: &str = "From: \"Example Shop\" <orders@shop.example>\nTo: Ann <ann@home.example>\n\
                    Subject: Your kettle is on its way\nDate: Fri, 20 Nov 2026 10:15:00 +0000\n\
                    Message-ID: <woo-8812@shop.example>\nX-Mailer: Shop 7\nMIME-Version: 1.0\n";

fn statement() -> Statement {
    let value = json!({ "tradepost": 1, "id": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e22",
        "from": "orders@shop.example", "to": "ann@home.example", "sent": "2026-11-20T10:15:00Z",
        "trade": { "shop": "orders@shop.example", "id": "T-1001" },
        "body": { "kind": "order-status", "sequence": 2, "state": "shipped", "at": "2026-11-20T10:15:00Z",
                  "ship": { "actual": "2026-11-20T10:15:00Z" }, "text": "Über <b>Nacht</b>" } });
    wire::from_value(&value).unwrap()
}

fn attached(mail: &str) -> Result<AttachedMail, AttachError> {
    attached_octets(mail.as_bytes())
}

fn attached_octets(mail: &[u8]) -> Result<AttachedMail, AttachError> {
    let statement = statement();
    let story = Story {
        shop_name: Some("Käse & Kettle"),
        ..Story::default()
    };
    attach(
        mail,
        &Attachment {
            statement: &statement,
            json: &wire::encode(&statement),
            story,
            message_id: "made@shop.example",
            date: "2026-11-20T10:15:01Z".parse().unwrap(),
        },
    )
}

/// The types of the parts in their order, indented by their level.
fn shape(letter: &[u8]) -> String {
    let message = MessageParser::default().parse(letter).unwrap();
    let mut out = String::new();
    fn walk(message: &mail_parser::Message<'_>, id: usize, level: usize, out: &mut String) {
        let part = &message.parts[id];
        let kind = part.content_type().unwrap();
        let name = format!("{}/{}", kind.ctype(), kind.subtype().unwrap());
        out.push_str(&format!("{}{name}\n", " ".repeat(level)));
        for child in part.sub_parts().unwrap_or_default() {
            walk(message, *child as usize, level + 1, out);
        }
    }
    walk(&message, 0, 0, &mut out);
    out
}

fn check(letter: &AttachedMail) -> mail_parser::Message<'_> {
    let opened = open(&letter.letter, &RelayPolicy::new(Vec::new(), None));
    let LetterContent::Statement(read) = opened.content else {
        panic!("{:?}", opened.content);
    };
    assert_eq!(read.statement, statement());
    assert_eq!(opened.letter.author.unwrap(), statement().from);
    assert_eq!(
        opened.letter.message_id.as_deref(),
        Some(letter.message_id.as_str())
    );
    assert!(
        opened
            .letter
            .hint
            .unwrap()
            .contains("kind=order-status; trade=T-1001")
    );
    assert!(opened.letter.references[0].starts_with("tradepost-trade-"));
    MessageParser::default().parse(&letter.letter).unwrap()
}

/// What the page says to programs that know schema.org, once and only once.
fn facts(page: &str) -> serde_json::Value {
    let mut scripts = page.split("<script type=\"application/ld+json\">").skip(1);
    let json = scripts.next().unwrap().split("</script>").next().unwrap();
    assert!(scripts.next().is_none() && json.is_ascii(), "{json}");
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_mail_of_any_usual_shape_keeps_what_people_see_and_gets_what_programs_read() {
    let text = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße <b>\n.\n";
    let page = "Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
                <html><head><title>x</title></HEAD><body><img src=3D\"cid:a\">Gr=FC=DFe</body></html>\n";
    let picture = "Content-Type: image/png\nContent-ID: <a>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n";
    let file = "Content-Type: application/pdf; name=bill.pdf\nContent-Disposition: attachment\n\
                Content-Transfer-Encoding: base64\n\nJVBERi0=\n";
    let multi = |kind: &str, mark: &str, parts: &[&str]| {
        let parts: String = parts.iter().map(|p| format!("--{mark}\n{p}\n")).collect();
        format!(
            "Content-Type: multipart/{kind}; boundary=\"{mark}\"\n\npreamble\n{parts}--{mark}--\nepilogue\n"
        )
    };
    let related = multi("related", "=_r", &[page, picture]);
    let both = multi("alternative", "a--b", &[text, page]);
    let rich = multi("alternative", "a1", &[text, &related]);
    let three = " text/plain\n application/vnd.tradepost+json\n text/html\n";
    let deeper = |shape: &str| {
        shape
            .replace(" text", "  text")
            .replace(" app", "  app")
            .replace(" image", "  image")
    };
    let with_picture = " text/plain\n application/vnd.tradepost+json\n multipart/related\n  text/html\n  image/png\n";
    for (name, content, wanted) in [
        (
            "a text",
            text.to_owned(),
            format!("multipart/alternative\n{three}"),
        ),
        (
            "nothing said",
            "\nGr\u{fc}\u{df}e <b>\n".to_owned(),
            format!("multipart/alternative\n{three}"),
        ),
        (
            "a page",
            page.to_owned(),
            format!("multipart/alternative\n{three}"),
        ),
        (
            "both",
            both.clone(),
            format!("multipart/alternative\n{three}"),
        ),
        (
            "pictures",
            related.clone(),
            format!("multipart/alternative\n{with_picture}"),
        ),
        (
            "both with pictures",
            rich.clone(),
            format!("multipart/alternative\n{with_picture}"),
        ),
        (
            "pictures around both",
            multi("related", "r2", &[&both, picture]),
            format!(
                "multipart/related\n multipart/alternative\n{} image/png\n",
                deeper(three)
            ),
        ),
        (
            "a bill",
            multi("mixed", "m", &[&both, file]),
            format!(
                "multipart/mixed\n multipart/alternative\n{} application/pdf\n",
                deeper(three)
            ),
        ),
        (
            "a text and a bill",
            multi("mixed", "m", &[text, file]),
            format!(
                "multipart/mixed\n multipart/alternative\n{} application/pdf\n",
                deeper(three)
            ),
        ),
        (
            "a text only in alternatives",
            multi("alternative", "a3", &[text]),
            format!("multipart/alternative\n{three}"),
        ),
    ] {
        for crlf in [false, true] {
            let mail = format!("{HEAD}{content}");
            let mail = if crlf {
                mail.replace('\n', "\r\n")
            } else {
                mail
            };
            let letter = attached(&mail).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(shape(&letter.letter), wanted, "{name}");
            assert_eq!(letter.message_id, "woo-8812@shop.example", "{name}");
            let message = check(&letter);
            let page = message.body_html(0).unwrap();
            assert_eq!(
                facts(&page)["orderStatus"],
                "https://schema.org/OrderInTransit",
                "{name}"
            );
            // What people see is what the shop's system wrote.
            assert!(page.contains("Grüße"), "{name}: {page}");
            if content.contains("text/plain") || name == "nothing said" {
                assert!(
                    message.body_text(0).unwrap().contains("Grüße <b>"),
                    "{name}"
                );
            } else {
                assert!(message.body_text(0).unwrap().contains("T-1001"), "{name}");
            }
            assert_eq!(message.subject(), Some("Your kettle is on its way"));
            assert!(String::from_utf8_lossy(&letter.letter).contains("X-Mailer: Shop 7\r\n"));
            for (file, octets) in [
                ("image/png", b"\x89PNG\r\n\x1a\n".as_slice()),
                ("application/pdf", b"%PDF-"),
            ] {
                let found = message.parts.iter().find(|p| {
                    p.content_type()
                        .is_some_and(|t| format!("{}/{}", t.ctype(), t.subtype().unwrap()) == file)
                });
                assert_eq!(found.is_some(), content.contains(file), "{name}");
                assert!(found.is_none_or(|p| p.contents() == octets), "{name}");
            }
        }
    }
}

#[test]
fn what_a_letter_lacks_is_made_and_what_it_has_is_kept() {
    let bare = "From: orders@shop.example\nTo: ann@home.example\nSubject: x\n\nhello\n";
    let letter = attached(bare).unwrap();
    check(&letter);
    assert_eq!(letter.message_id, "made@shop.example");
    assert!(parse(&letter.letter).date.is_some() && parse(&letter.letter).auto_submitted);
    let answer = "From: orders@shop.example\nTo: ann@home.example\nSubject: x\nAuto-Submitted: no\n\
                  In-Reply-To: <q@home.example>\nReferences: <p@home.example>\n <q@home.example>\n\nhello\n";
    let letter = parse(&attached(answer).unwrap().letter);
    assert_eq!(letter.in_reply_to, ["q@home.example"]);
    assert_eq!(letter.references.len(), 3);
    assert!(letter.references[2].starts_with("tradepost-trade-") && !letter.auto_submitted);
}

#[test]
fn the_same_statement_in_another_mail_has_the_same_octets() {
    let part = |letter: &AttachedMail| parse(&letter.letter).statement;
    let one = attached(&format!("{HEAD}\nhello\n")).unwrap();
    let other = attached(&format!("{HEAD}Content-Type: text/html\n\n<p>hello\n")).unwrap();
    assert_eq!(part(&one), part(&other));
}

#[test]
fn a_mail_that_would_break_or_mislead_is_refused() {
    use AttachError as E;
    let good = format!("{HEAD}Content-Type: text/plain\n\nhello\n");
    assert!(attached(&good).is_ok());
    let with = |field: &str| format!("{field}\n{good}");
    let instead = |from: &str, to: &str| good.replacen(from, to, 1);
    let sealed = |kind: &str| {
        format!(
            "{HEAD}Content-Type: {kind}; boundary=b\n\n--b\nContent-Type: text/plain\n\nhello\n--b--\n"
        )
    };
    let twice = String::from_utf8(attached(&good).unwrap().letter).unwrap();
    let without_hint: String = twice
        .split_inclusive("\r\n")
        .filter(|l| !l.starts_with("Tradepost:"))
        .collect();
    let long = format!("{HEAD}Content-Type: text/plain\n\n{}\n", "x".repeat(2000));
    let wide = format!("{HEAD}Content-Type: text/html; charset=utf-16le\n\nx\n");
    let no_end = format!("{HEAD}Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n");
    let a_picture = format!("{HEAD}Content-Type: image/png\n\nx\n");
    let a_file = format!("{HEAD}Content-Type: text/plain\nContent-Disposition: attachment\n\nx\n");
    let broken = format!("{HEAD}Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n*\n");
    for (name, mail, fits) in [
        (
            "nothing",
            " \n".to_owned(),
            (|e| *e == E::Empty) as fn(&E) -> bool,
        ),
        ("signed", with("DKIM-Signature: v=1; a=rsa-sha256"), |e| {
            matches!(e, E::SignedBefore(_))
        }),
        ("sealed", with("ARC-Seal: i=1"), |e| {
            matches!(e, E::SignedBefore(_))
        }),
        ("signed by its author", sealed("multipart/signed"), |e| {
            matches!(e, E::Sealed(_))
        }),
        ("encrypted", sealed("multipart/encrypted"), |e| {
            matches!(e, E::Sealed(_))
        }),
        ("carries one", twice, |e| *e == E::CarriesOneAlready),
        ("carries one without saying so", without_hint, |e| {
            *e == E::CarriesOneAlready
        }),
        ("another sender", instead("orders@shop", "news@shop"), |e| {
            matches!(e, E::FromIsAnother { .. })
        }),
        ("two senders", with("From: orders@shop.example"), |e| {
            matches!(e, E::FromIsAnother { .. })
        }),
        ("another buyer", instead("ann@home", "bob@home"), |e| {
            matches!(e, E::ToIsAnother { .. })
        }),
        (
            "two receivers",
            instead("<ann@home.example>", "<ann@home.example>, bob@home.example"),
            |e| matches!(e, E::ToIsAnother { .. }),
        ),
        (
            "no receiver",
            instead("To: Ann <ann@home.example>\n", ""),
            |e| matches!(e, E::ToIsAnother { .. }),
        ),
        (
            "no subject",
            instead("Subject: Your kettle is on its way\n", ""),
            |e| matches!(e, E::NotBelievable(_)),
        ),
        (
            "two dates",
            with("Date: Fri, 20 Nov 2026 10:15:00 +0000"),
            |e| matches!(e, E::NotBelievable(_)),
        ),
        ("no field", with("hello"), |e| {
            matches!(e, E::MalformedHeader(1))
        }),
        ("no end", no_end, |e| matches!(e, E::NotBelievable(_))),
        ("a picture", a_picture, |e| matches!(e, E::NothingToRead(_))),
        ("a file", a_file, |e| matches!(e, E::NothingToRead(_))),
        ("a wide charset", wide, |e| matches!(e, E::Charset(_))),
        ("not base64", broken, |e| *e == E::BrokenEncoding),
        ("a long line", long, |e| *e == E::LineTooLong),
    ] {
        let error = attached(&mail).expect_err(name);
        assert!(fits(&error), "{name}: {error:?}");
        assert!(error.to_string().len() > 20, "{error}");
    }
}

#[test]
fn any_octets_are_attached_to_or_refused_and_nothing_panics() {
    let mail = format!(
        "{HEAD}Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/alternative; boundary=a\n\n\
         --a\n\nhello\n--a\nContent-Type: text/html\n\n<p>x\n--a--\n--m\nContent-Type: image/png\n\nx\n--m--\n"
    );
    let whole = mail.as_bytes();
    assert!(attached_octets(whole).is_ok());
    for cut in 0..whole.len() {
        let (before, after) = whole.split_at(cut);
        for changed in [
            before.to_vec(),
            after.to_vec(),
            [before, b"\x00", after].concat(),
            [before, b"\n", after].concat(),
            [before, b"--m--\r\n", after].concat(),
        ] {
            if let Ok(letter) = attached_octets(&changed) {
                check(&letter);
            }
        }
    }
}
