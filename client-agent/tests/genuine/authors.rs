//! How honest authors write letters: all of it before they are signed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::letter::{Content, Letter, Part};

pub type Change = fn(&mut Letter);

const STATEMENT: &str = "application/vnd.tradepost+json";

pub const AUTHORS: [(&str, Change); 28] = [
    ("as our agents write", |_| {}),
    ("without a page", |l| {
        l.parts().retain(|p| !p.fields[0].1.contains("text/html"));
    }),
    ("the address alone in From", |l| {
        *l.field("From") = format!(" {}", l.sender());
    }),
    ("the address in angle brackets", |l| {
        *l.field("From") = format!(" <{}>", l.sender());
    }),
    ("the name as a comment", |l| {
        *l.field("From") = format!(" {} (Swift (and safe) Parcels)", l.sender());
    }),
    ("comments around the address", |l| {
        *l.field("From") = format!(" (from us) Swift <{}> (who else)", l.sender());
    }),
    ("a quoted name with a comma", |l| {
        *l.field("From") = format!(" \"Parcels, Swift; \\\"S&P\\\"\" <{}>", l.sender());
    }),
    ("a name in encoded words", |l| {
        *l.field("From") = format!(
            " =?utf-8?q?Swift_=26_S=C3=B6hne?=\r\n =?iso-8859-1?Q?_K=F6ln?= <{}>",
            l.sender()
        );
    }),
    ("a name in UTF-8", |l| {
        *l.field("From") = format!(" Swift & Söhne Łódź <{}>", l.sender()).replace('&', "und");
    }),
    ("a subject in UTF-8", |l| {
        *l.field("Subject") = " Grüße: Ihr Päckchen ist unterwegs".to_owned();
    }),
    ("a long subject in encoded words", |l| {
        let word = |text: &str| format!("=?UTF-8?B?{}?=", STANDARD.encode(text));
        *l.field("Subject") = format!(
            " {}\r\n {}\r\n {}",
            word("Ihr Päckchen ist "),
            word("unterwegs, и скоро "),
            word("bei Ihnen")
        );
    }),
    ("the receiver with a name", |l| {
        *l.field("To") = format!(" \"Buyer, Ann\" <{}>", crate::scene::ANN);
    }),
    ("the receiver folded", |l| {
        *l.field("To") = format!("\r\n\tAnn Buyer\r\n\t<{}>", crate::scene::ANN);
    }),
    ("a date with an old zone", |l| {
        *l.field("Date") = " 20 Nov 2026 10:15:00 GMT".to_owned();
    }),
    ("a date with a comment", |l| {
        *l.field("Date") = " Fri, 20 Nov 2026 11:15:00 +0100 (CET)".to_owned();
    }),
    ("a Message-ID of the mail program", |l| {
        *l.field("Message-ID") = " <0100019a+b=c.X-1$@outbound.esp.example>".to_owned();
    }),
    ("Sender and Reply-To", |l| {
        l.fields
            .insert(0, ("Sender".to_owned(), " robot@esp.example".to_owned()));
        l.fields.insert(
            1,
            (
                "Reply-To".to_owned(),
                " \"Help\" <help@shop.example>".to_owned(),
            ),
        );
    }),
    ("the fields of a mass mailer", |l| {
        for (name, body) in [
            (
                "List-Unsubscribe",
                " <https://esp.example/u/1>, <mailto:u@esp.example>",
            ),
            ("List-Unsubscribe-Post", " List-Unsubscribe=One-Click"),
            ("Feedback-ID", " 1:2:3:esp"),
            ("X-Mailer", " Nimble 7.2 (PHP)"),
            ("Precedence", " bulk"),
        ] {
            l.fields.push((name.to_owned(), body.to_owned()));
        }
    }),
    ("an attachment beside", |l| {
        let mut invoice = Part::new("application/pdf; name=\"invoice.pdf\"", "JVBERi0xLjQK");
        let more = [
            ("Content-Transfer-Encoding", " base64"),
            (
                "Content-Disposition",
                " attachment; filename=\"invoice.pdf\"",
            ),
        ];
        invoice
            .fields
            .extend(more.map(|(n, b)| (n.to_owned(), b.to_owned())));
        l.wrap("mixed", "=_outer_1", vec![invoice]);
    }),
    ("a picture for the page", |l| {
        let mut logo = Part::new("image/png", "iVBORw0KGgo=");
        logo.fields.extend(
            [
                ("Content-Transfer-Encoding", " base64"),
                ("Content-ID", " <logo@esp.example>"),
            ]
            .map(|(n, b)| (n.to_owned(), b.to_owned())),
        );
        l.wrap("related", "----=_Part_20026_6017.17", vec![logo]);
    }),
    ("the statement as an attachment", |l| {
        l.leaf(STATEMENT).unwrap().fields.push((
            "Content-Disposition".to_owned(),
            " attachment; filename=\"statement.json\"".to_owned(),
        ));
    }),
    ("the statement in quoted-printable", |l| {
        l.leaf(STATEMENT).unwrap().encode("quoted-printable", 76);
    }),
    ("the statement in short lines of base64", |l| {
        l.leaf(STATEMENT).unwrap().encode("base64", 60);
    }),
    ("the statement as it is, on several lines", |l| {
        let part = l.leaf(STATEMENT).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&part.octets()).unwrap();
        *part.field("Content-Transfer-Encoding") = " 8bit".to_owned();
        *part.body() = serde_json::to_string_pretty(&json)
            .unwrap()
            .replace('\n', "\r\n");
    }),
    ("the text in eight bits", |l| {
        l.leaf("text/plain").unwrap().encode("8bit", 0);
    }),
    ("the text in base64", |l| {
        l.leaf("text/plain").unwrap().encode("base64", 76);
    }),
    ("an odd boundary", |l| {
        let odd = "=_?(a):'b'/+,-.c";
        *l.field("Content-Type") =
            format!(" multipart/alternative;\r\n\tcharset=utf-8; boundary=\"{odd}\"");
        if let Content::Parts { boundary, .. } = &mut l.content {
            *boundary = odd.to_owned();
        }
    }),
    ("types in capitals", |l| {
        let kind = l.field("Content-Type");
        *kind = kind.replace("multipart/alternative", "Multipart/ALTERNATIVE");
        *l.leaf(STATEMENT).unwrap().field("Content-Type") =
            " Application/VND.Tradepost+JSON (a statement)".to_owned();
    }),
];
