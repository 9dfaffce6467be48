//! What becomes of honest letters on their way: all of it after they are signed.

use crate::authors::Change;
use crate::letter::{Letter, Part};

/// What a signature is worth afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// RFC 6376 section 3.4: relaxed canonicalization forgives it.
    Survives,
    Breaks,
}

use Signature::{Breaks, Survives};

const STATEMENT: &str = "application/vnd.tradepost+json";

pub const PATHS: [(&str, Signature, Change); 34] = [
    ("unchanged", Survives, |_| {}),
    ("names of fields in lower case", Survives, |l| {
        for (name, _) in &mut l.fields {
            *name = name.to_lowercase();
        }
    }),
    ("names of fields in capitals", Survives, |l| {
        for (name, _) in &mut l.fields {
            *name = name.to_uppercase();
        }
    }),
    ("fields folded anew, with tabs", Survives, |l| {
        for (name, body) in &mut l.fields {
            if name != "DKIM-Signature" {
                *body = body.replace("\r\n", "").replace(' ', "\r\n\t");
                *body = format!(" {}", body.trim_start());
            }
        }
    }),
    ("fields unfolded", Survives, |l| {
        for (_, body) in &mut l.fields {
            *body = body.replace("\r\n", "");
        }
    }),
    ("more blanks in the fields", Survives, |l| {
        for name in ["From", "Subject", "MIME-Version"] {
            let body = l.field(name);
            *body = format!(" {}  ", body.replace(' ', " \t "));
        }
    }),
    ("fields in another order", Survives, |l| l.fields.reverse()),
    ("blanks at the ends of lines", Survives, |l| {
        for media_type in ["text/html", STATEMENT] {
            if let Some(part) = l.leaf(media_type) {
                *part.body() = part.body().replace("\r\n", " \t\r\n");
            }
        }
    }),
    ("empty lines at the end", Survives, |l| {
        l.epilogue += "\r\n\r\n\r\n"
    }),
    ("lines of blanks at the end", Survives, |l| {
        l.epilogue += "  \r\n\t\r\n\r\n"
    }),
    ("the last line end lost", Survives, |l| {
        l.epilogue = String::new();
    }),
    ("fields of a spam filter", Survives, |l| {
        on_top(
            l,
            &[
                (
                    "X-Spam-Status",
                    " No, score=-4.75 required=5\r\n\ttests=[DKIM_VALID=-0.1]",
                ),
                ("X-Virus-Scanned", " amavis at filter.example"),
                ("X-Spam-Flag", " NO"),
            ],
        );
    }),
    ("through a forwarder", Survives, |l| {
        on_top(
            l,
            &[
                (
                    "Received",
                    " from mail.shop.example (mail.shop.example [192.0.2.7])\r\n\tby forwarder.example (Postfix) \
                     with ESMTPS id 7D1;\r\n\tFri, 20 Nov 2026 10:15:02 +0000 (UTC)",
                ),
                ("Delivered-To", " ann@forwarder.example"),
                ("X-Forwarded-For", " ann@forwarder.example ann@home.example"),
            ],
        );
    }),
    ("sealed by ARC", Survives, |l| {
        on_top(
            l,
            &[
                (
                    "ARC-Seal",
                    " i=1; a=rsa-sha256; t=1795169704; cv=none;\r\n\td=forwarder.example; s=arc; b=Yt5R",
                ),
                (
                    "ARC-Message-Signature",
                    " i=1; a=rsa-sha256; c=relaxed/relaxed; d=forwarder.example; s=arc;\r\n\th=from:to; bh=47DE; b=Qw8Z",
                ),
                (
                    "ARC-Authentication-Results",
                    " i=1; forwarder.example; dkim=fail; spf=pass;\r\n\tdmarc=fail (p=none)",
                ),
            ],
        );
    }),
    ("judged by a forwarder", Survives, |l| {
        on_top(
            l,
            &[
                (
                    "Authentication-Results",
                    " forwarder.example; dkim=fail; spf=fail; dmarc=fail",
                ),
                (
                    "Received",
                    " from mail.shop.example by forwarder.example with ESMTP; Fri, 20 Nov 2026 10:15:02 +0000",
                ),
            ],
        );
    }),
    ("signed by the mass mailer, too", Survives, |l| {
        let signature = signature(l).replace("d=", "d=esp.example; x=99999999999; z=");
        on_top(l, &[("DKIM-Signature", &signature)]);
    }),
    ("a bad signature above the good one", Survives, |l| {
        let bad = crate::scene::bad_signature(&l.sender());
        on_top(l, &[("DKIM-Signature", &bad)]);
    }),
    ("a bad signature below the good one", Survives, |l| {
        let bad = crate::scene::bad_signature(&l.sender());
        l.fields.push(("DKIM-Signature".to_owned(), bad));
    }),
    ("the fields of a list", Survives, |l| {
        on_top(
            l,
            &[
                ("List-Id", " Ann's purchases <ann.lists.example>"),
                ("Precedence", " list"),
                ("Errors-To", " ann-bounces@lists.example"),
            ],
        );
    }),
    ("the signature taken out", Breaks, |l| {
        l.fields.retain(|(name, _)| name != "DKIM-Signature")
    }),
    ("[EXT] in the subject", Breaks, |l| {
        let subject = l.field("Subject");
        *subject = format!(" [EXT]{subject}");
    }),
    ("a word before the name in From", Breaks, |l| {
        let from = l.sender();
        *l.field("From") = format!(" \"[External] Shop\" <{from}>");
    }),
    ("Date in UTC", Breaks, |l| {
        *l.field("Date") = " Fri, 20 Nov 2026 10:15:00 -0000".to_owned()
    }),
    (
        "the statement from base64 to quoted-printable",
        Breaks,
        |l| {
            l.leaf(STATEMENT).unwrap().encode("quoted-printable", 72);
        },
    ),
    ("the statement in other lines of base64", Breaks, |l| {
        l.leaf(STATEMENT).unwrap().encode("base64", 64)
    }),
    ("the statement taken out of its encoding", Breaks, |l| {
        let part = l.leaf(STATEMENT).unwrap();
        if part.octets().len() < 990 {
            part.encode("8bit", 0);
        } else {
            part.encode("base64", 72);
        }
    }),
    ("all text to base64", Breaks, |l| {
        for media_type in ["text/plain", "text/html"] {
            if let Some(part) = l.leaf(media_type) {
                part.encode("base64", 72);
            }
        }
    }),
    ("the text to eight bits", Breaks, |l| {
        l.leaf("text/plain").unwrap().encode("8bit", 0)
    }),
    ("a footer in the text", Breaks, |l| {
        let text = l.leaf("text/plain").unwrap();
        text.encode("quoted-printable", 76);
        let text = text.body();
        *text += "\r\n_______________________________________________\r\nann mailing list -- ann@lists.example\r\n";
    }),
    ("a footer as a part of its own", Breaks, |l| {
        let footer = Part::new(
            "text/plain; charset=\"us-ascii\"",
            "ann mailing list\r\n-- \r\nann@lists.example\r\n",
        );
        l.wrap(
            "mixed",
            "===============1237676303638430357==",
            vec![footer],
        );
    }),
    ("a banner in the page", Breaks, |l| {
        let Some(page) = l.leaf("text/html") else {
            return;
        };
        page.encode("8bit", 0);
        let body = page.body();
        *body = body.replace(
            "<body",
            "<div style=\"color: red\">CAUTION: from outside.</div>\r\n<body",
        );
    }),
    ("a banner as a part in front", Breaks, |l| {
        l.wrap("mixed", "banner", Vec::new());
        let caution = Part::new("text/plain", "CAUTION: this letter came from outside.\r\n");
        l.parts().insert(0, caution);
    }),
    ("another boundary", Breaks, |l| {
        let crate::letter::Content::Parts { boundary, .. } = &mut l.content else {
            panic!("no multipart");
        };
        *boundary = "_000_AM0PR08MB1234eurprd08prod_".to_owned();
        let kind = l.field("Content-Type");
        let (before, _) = kind.split_once("boundary=").unwrap();
        *kind = format!("{before}boundary=\"_000_AM0PR08MB1234eurprd08prod_\"");
    }),
    ("the page taken out", Breaks, |l| {
        l.parts().retain(|p| !p.fields[0].1.contains("text/html"));
    }),
];

/// So that the first one stands on top.
fn on_top(letter: &mut Letter, fields: &[(&str, &str)]) {
    for (name, body) in fields.iter().rev() {
        letter
            .fields
            .insert(0, ((*name).to_owned(), (*body).to_owned()));
    }
}

fn signature(letter: &mut Letter) -> String {
    letter.field("DKIM-Signature").clone()
}
