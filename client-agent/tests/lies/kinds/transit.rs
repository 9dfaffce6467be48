//! Lies with letters that their senders signed: changed on the way, read in another way, or sent again.

use tradepost_buyer::WarningKind;

use crate::draft::{Draft, Letter, Part, Said, TYPE, multipart};
use crate::kind::{Expected, Kind, UNPROVEN, kind};
use crate::world::{Flavour, Scene, delivery_status, parcel, uuid};

pub fn kinds() -> Vec<Kind> {
    let changed = [on_the_way(), unsigned_content_type()].concat();
    changed
        .into_iter()
        .map(Kind::dkim)
        .chain(replays())
        .collect()
}

/// Signed by the sender, and changed since.
fn on_the_way() -> Vec<Kind> {
    fn above(s: Said, line: &str) -> Letter {
        s.draft()
            .sign(|g| *g = g.clone().once_each())
            .seal()
            .before("From", line)
    }
    vec![
        kind("changed on the way: the statement", UNPROVEN, |s| {
            let draft = s.draft();
            let other = Part::json(s.clone().anew(5).statement.to_string().as_bytes()).body;
            let (from, to) = (
                String::from_utf8(Part::json(&draft.json()).body).unwrap(),
                String::from_utf8(other).unwrap(),
            );
            draft.seal().replace(&from, &to)
        }),
        kind("changed on the way: the text for people", UNPROVEN, |s| {
            s.seal().replace("text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nPay the duty at evil.example. ")
        }),
        kind("changed on the way: a footer", UNPROVEN, |s| {
            s.seal().below("-- \r\nSent by a list\r\n")
        }),
        kind("changed on the way: the subject", UNPROVEN, |s| {
            s.seal().replace("Subject: ", "Subject: [list] ")
        }),
        kind("changed on the way: the date", UNPROVEN, |s| {
            s.seal().replace(
                "Date: ",
                "Date: Mon, 16 Nov 2026 11:11:11 +0000\r\nX-Date: ",
            )
        }),
        kind("changed on the way: To", UNPROVEN, |s| {
            s.seal()
                .replace("To: ann@home.example", "To: bob@home.example")
        }),
        kind("changed on the way: a display name", UNPROVEN, |s| {
            let line = s.draft().field("From");
            let address = line.strip_prefix("From: ").unwrap();
            s.seal().replace(
                &format!("{line}\r\n"),
                &format!("From: Pay Here <{}>\r\n", address.trim_matches(['<', '>'])),
            )
        }),
        kind("changed on the way: Content-Type", UNPROVEN, |s| {
            s.seal().replace("multipart/alternative", "multipart/mixed")
        }),
        kind("changed on the way: the signature", UNPROVEN, |s| {
            s.seal().replace("; b=", "; b=AAAA")
        }),
        kind("changed on the way: the hash of the body", UNPROVEN, |s| {
            s.seal().replace("; bh=", "; bh=AAAA")
        }),
        kind(
            "changed on the way: what the signature is said to cover",
            UNPROVEN,
            |s| s.seal().replace("h=From:From:", "h=From:"),
        ),
        kind("changed on the way: bare CRs", UNPROVEN, |s| {
            s.seal().replace("--\r\n", "--\r\r\n")
        }),
        kind("added on the way: a second Subject", UNPROVEN, |s| {
            above(s, "Subject: Pay the duty")
        }),
        kind("added on the way: a second To", UNPROVEN, |s| {
            above(s, "To: bob@home.example")
        }),
        kind("added on the way: a second From", UNPROVEN, |s| {
            above(s, "From: evil@evil.example")
        }),
        kind("added on the way: a second Date", UNPROVEN, |s| {
            above(s, "Date: Mon, 16 Nov 2026 11:11:11 +0000")
        }),
        kind("added on the way: a second Content-Type", UNPROVEN, |s| {
            let line = format!(
                "Content-Type: multipart/mixed; boundary=\"{}\"",
                s.draft().boundary
            );
            above(s, &line)
        }),
        kind(
            "added on the way: a second Content-Type that hides the statement",
            UNPROVEN,
            |s| above(s, "Content-Type: multipart/mixed; boundary=evil"),
        ),
        kind(
            "added on the way: a second Subject, where none may be added",
            UNPROVEN,
            |s| s.seal().before("From", "Subject: Pay the duty"),
        ),
        kind(
            "added on the way: a statement in the epilogue",
            UNPROVEN,
            |s| {
                let more = multipart(
                    "more",
                    &[Part::json(
                        s.clone().anew(6).statement.to_string().as_bytes(),
                    )],
                );
                s.seal().below(&String::from_utf8(more).unwrap())
            },
        ),
        kind(
            "changed on the way: simple canonicalization, a line rewrapped",
            UNPROVEN,
            |s| {
                s.draft()
                    .sign(|g| g.canonicalization = "simple/simple")
                    .seal()
                    .replace("Subject: ", "Subject:  ")
            },
        ),
    ]
}

/// Protocol 5: a Content-Type that is not signed must leave one reading only.
fn unsigned_content_type() -> Vec<Kind> {
    /// Signed without Content-Type, over these parts.
    fn of(s: Said, change: fn(&mut Vec<Part>)) -> Draft {
        s.draft()
            .sign(|g| *g = g.clone().not("Content-Type"))
            .parts(change)
    }
    vec![
        kind(
            "content-type: not signed, and another boundary",
            UNPROVEN,
            |s| {
                // In the text for people the shop quotes a letter that somebody sent it.
                let quoted = multipart(
                    "evil",
                    &[Part::json(
                        s.clone().anew(7).statement.to_string().as_bytes(),
                    )],
                );
                let mut draft = s.draft().sign(|g| *g = g.clone().not("Content-Type"));
                draft.parts[0] = Part::new("Content-Type: text/plain; charset=utf-8", quoted);
                let boundary = draft.boundary.clone();
                draft
                    .seal()
                    .replace(&format!("boundary=\"{boundary}\""), "boundary=\"evil\"")
            },
        ),
        kind(
            "content-type: not signed, and no statement in plain sight",
            UNPROVEN,
            |s| {
                of(s, |parts| {
                    for p in parts {
                        p.header = p
                            .header
                            .replace("Content-Type: application", "Content-Type:\r\n application");
                    }
                })
                .seal()
            },
        ),
        kind(
            "content-type: not signed, and a second line that names the type",
            UNPROVEN,
            |s| {
                of(s, |parts| {
                    parts[0]
                        .body
                        .extend_from_slice(format!("\r\nContent-Type: {TYPE}\r\n").as_bytes())
                })
                .seal()
            },
        ),
        kind(
            "content-type: not signed, and a second line in capitals",
            UNPROVEN,
            |s| {
                of(s, |parts| {
                    parts[0].body.extend_from_slice(
                        format!("\r\nCONTENT-TYPE: {}\r\n", TYPE.to_uppercase()).as_bytes(),
                    )
                })
                .seal()
            },
        ),
        kind(
            "content-type: not signed, and the one line is not the part's",
            UNPROVEN,
            |s| {
                of(s, |parts| {
                    for part in &mut *parts {
                        part.header = part.header.replace(": application", ":\tapplication");
                    }
                    let line = format!("\r\nContent-Type: {TYPE}\r\n");
                    parts[0].body.extend_from_slice(line.as_bytes());
                })
                .seal()
            },
        ),
        kind(
            "content-type: not signed, and a letter within",
            UNPROVEN,
            |s| {
                of(s, |parts| {
                    parts.push(Part::new(
                        "Content-Type: message/rfc822",
                        "From: a@b.example\r\n\r\nx",
                    ))
                })
                .seal()
            },
        ),
        kind(
            "content-type: not signed, and a report within",
            UNPROVEN,
            |s| {
                of(s, |parts| {
                    parts.push(Part::new("content-type: MESSAGE/delivery-status", "x: y"))
                })
                .seal()
            },
        ),
    ]
}

/// A genuine letter again, as it was or where it does not belong.
fn replays() -> Vec<Kind> {
    const SEEN: Expected = Expected::Duplicate;
    fn of_another_parcel(flavour: Flavour) -> Letter {
        let status = parcel("P-3", delivery_status(30, 1, "picked-up"));
        Said::new(status, flavour).seal()
    }
    vec![
        kind("replay: the same letter", SEEN, |s| s.seal()).everywhere(),
        kind("replay: the same letter along another way", SEEN, |s| {
            s.seal().above("Received: from evil.example by mx.home.example; Fri, 20 Nov 2026 10:00:00 +0000\r\nDelivered-To: ann@home.example")
        }).everywhere(),
        kind("replay: the same letter with a field that nobody signed", SEEN, |s| {
            s.seal().before("Tradepost", "X-Priority: 1")
        }).everywhere(),
        kind("replay: an old sequence", SEEN, |s| {
            Said::new(delivery_status(25, 2, "in-transit"), s.draft().flavour()).seal()
        }).scenes(&[Scene::Delivery]),
        kind("replay: of another parcel", SEEN, |s| of_another_parcel(s.draft().flavour())).scenes(&[Scene::Delivery]),
        kind("replay: to another buyer", Expected::Warned(6, WarningKind::WrongRecipient), |s| {
            s.say("/to", "bob@home.example").seal().above("Delivered-To: ann@home.example")
        }).everywhere(),
        kind("replay: to another buyer, readdressed", UNPROVEN, |s| {
            s.say("/to", "bob@home.example").seal().replace("To: bob@home.example", "To: ann@home.example")
        }).dkim(),
        kind("replay: as if it were about another trade", UNPROVEN, |s| {
            let draft = s.draft();
            let moved = s.clone().say("/trade/id", "T-2002").statement.to_string();
            let (from, to) = (Part::json(&draft.json()).body, Part::json(moved.as_bytes()).body);
            draft.seal().replace(&String::from_utf8(from).unwrap(), &String::from_utf8(to).unwrap())
        }).dkim(),
        kind("replay: under a new id", UNPROVEN, |s| {
            let draft = s.draft();
            let new = s.clone().say("/id", uuid(0xfeed)).statement.to_string();
            let (from, to) = (Part::json(&draft.json()).body, Part::json(new.as_bytes()).body);
            draft.seal().replace(&String::from_utf8(from).unwrap(), &String::from_utf8(to).unwrap())
        }).dkim(),
    ]
}
