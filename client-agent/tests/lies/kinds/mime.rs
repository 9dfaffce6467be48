//! Lies in the parts of a letter: what other readers would take for the statement.

use tradepost_buyer::WarningKind;

use crate::draft::{Draft, Part, TYPE, base64_lines, multipart};
use crate::kind::{Expected, Kind, UNPROVEN, UNREADABLE, kind};
use crate::world::Scene;

const NOT_OURS: Expected = Expected::NotOurs;
const UNDECRYPTABLE: Expected = Expected::Warned(4, WarningKind::Undecryptable);

/// With a part that holds the statement as this says.
fn part(d: Draft, header: &str, body: Vec<u8>) -> Draft {
    d.part(|p| *p = Part::new(header, body))
}

fn text() -> Part {
    Part::new(
        "Content-Type: text/plain; charset=utf-8",
        "Your parcel has arrived.",
    )
}

/// A letter within the letter.
fn letter_within(d: &Draft, media_type: &str) -> Part {
    let inner = [
        b"From: orders@shop.example\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n"
            .to_vec(),
        multipart("in", &[text(), Part::json(&d.json())]),
    ]
    .concat();
    Part::new(&format!("Content-Type: {media_type}"), inner)
}

pub fn kinds() -> Vec<Kind> {
    [which_part(), whose_part(), encodings(), limits()].concat()
}

/// Two parts, or a part that is two things.
fn which_part() -> Vec<Kind> {
    vec![
        kind("mime: two statement parts", UNREADABLE, |s| {
            let other = Part::json(&s.draft().json());
            s.draft().parts(|p| p.push(other)).seal()
        }),
        kind("mime: two statement parts that differ", UNREADABLE, |s| {
            let other = Part::json(s.clone().anew(1).statement.to_string().as_bytes());
            s.draft().parts(|p| p.insert(0, other)).seal()
        }),
        kind("mime: a second statement part, deeper", UNREADABLE, |s| {
            let other = Part::json(s.clone().anew(1).statement.to_string().as_bytes());
            let deeper = Part::new(
                "Content-Type: multipart/mixed; boundary=deep",
                multipart("deep", &[text(), other]),
            );
            s.draft().parts(|p| p.push(deeper)).seal()
        }),
        kind("mime: a second statement part, empty", UNREADABLE, |s| {
            s.draft()
                .parts(|p| p.push(Part::new(&format!("Content-Type: {TYPE}"), "")))
                .seal()
        }),
        kind(
            "mime: a second statement part in capitals",
            UNREADABLE,
            |s| {
                s.draft()
                    .parts(|p| {
                        p.push(Part::new(
                            &format!("CONTENT-TYPE: {}", TYPE.to_uppercase()),
                            "{}",
                        ))
                    })
                    .seal()
            },
        ),
        kind("mime: a part that says twice what it is", UNREADABLE, |s| {
            s.draft()
                .part(|p| p.header.push_str("Content-Type: text/plain\r\n"))
                .seal()
        }),
        kind(
            "mime: a part that says first that it is something else",
            UNREADABLE,
            |s| {
                s.draft()
                    .part(|p| p.header.insert_str(0, "Content-Type: text/plain\r\n"))
                    .seal()
            },
        ),
        kind(
            "mime: a part that says twice how it is encoded",
            UNREADABLE,
            |s| {
                s.draft()
                    .part(|p| p.header.push_str("Content-Transfer-Encoding: 7bit\r\n"))
                    .seal()
            },
        ),
    ]
}

/// The statement is somebody else's, or none.
fn whose_part() -> Vec<Kind> {
    vec![
        kind(
            "mime: a letter that looks like a report of a failed delivery",
            UNPROVEN,
            |s| {
                let report = "Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n";
                let d = s.draft();
                let written = d.field("Content-Type");
                let kind = "multipart/report; report-type=delivery-status";
                d.parts(|p| p.push(Part::new("Content-Type: message/delivery-status", report)))
                    .set(
                        "Content-Type",
                        written.replace("multipart/alternative", kind),
                    )
                    .unsigned()
                    .seal()
            },
        ),
        kind(
            "mime: the statement only in an attached letter",
            NOT_OURS,
            |s| {
                let attached = letter_within(&s.draft(), "message/rfc822");
                s.draft().parts(|p| *p = vec![text(), attached]).seal()
            },
        ),
        kind(
            "mime: the statement only in an attached global letter",
            NOT_OURS,
            |s| {
                let attached = letter_within(&s.draft(), "message/global");
                s.draft().parts(|p| *p = vec![text(), attached]).seal()
            },
        ),
        kind(
            "mime: the statement in a letter within a letter",
            NOT_OURS,
            |s| {
                let attached = letter_within(&s.draft(), "message/rfc822");
                let outer = Part::new("Content-Type: message/rfc822", multipart("x", &[attached]));
                s.draft().parts(|p| *p = vec![text(), outer]).seal()
            },
        ),
        kind("mime: message/partial", NOT_OURS, |s| {
            let inner = letter_within(&s.draft(), "message/rfc822").body;
            s.draft()
                .set(
                    "Content-Type",
                    "Content-Type: message/partial; id=\"a@evil.example\"; number=1; total=1",
                )
                .body(inner)
                .seal()
        }),
        kind("mime: a part that is message/partial", NOT_OURS, |s| {
            let inner = letter_within(&s.draft(), "message/partial; id=a; number=1; total=2");
            s.draft().parts(|p| *p = vec![text(), inner]).seal()
        }),
        kind("mime: message/external-body", NOT_OURS, |s| {
            let json = Part::json(&s.draft().json());
            let outer = format!(
                "Content-Type: message/external-body; access-type=URL; URL=\"https://evil.example/s\"\r\n\r\n{}",
                json.header
            );
            s.draft()
                .parts(|p| *p = vec![text(), Part::new(&outer, json.body)])
                .seal()
        }),
        kind("mime: external-body around the whole", NOT_OURS, |s| {
            let body = s.draft().whole_body();
            s.draft().set("Content-Type", "Content-Type: message/external-body; access-type=anon-ftp; site=\"evil.example\"; name=s").body(body).seal()
        }),
        kind("mime: the statement in the preamble", NOT_OURS, |s| {
            let json = Part::json(&s.draft().json());
            let preamble = [
                format!("{}\r\n", json.header).into_bytes(),
                json.body,
                b"\r\n".to_vec(),
            ]
            .concat();
            let draft = s.draft();
            let body = [preamble, multipart(&draft.boundary, &[text()])].concat();
            draft.body(body).seal()
        }),
        kind("mime: the statement in the epilogue", NOT_OURS, |s| {
            let draft = s.draft();
            let after = multipart(&draft.boundary, &[Part::json(&draft.json())]);
            let body = [multipart(&draft.boundary, &[text()]), after].concat();
            // Behind the closing delimiter nothing is a part, whatever looks like one.
            draft.body(body).seal()
        }),
        kind(
            "mime: a boundary that is not the declared one",
            NOT_OURS,
            |s| {
                let draft = s.draft();
                let body = multipart("other", &draft.parts);
                draft.body(body).seal()
            },
        ),
        kind("mime: two boundaries, the second one used", NOT_OURS, |s| {
            let draft = s.draft();
            let body = multipart("second", &draft.parts);
            draft
                .set(
                    "Content-Type",
                    "Content-Type: multipart/alternative; boundary=first; boundary=second",
                )
                .body(body)
                .seal()
        }),
        kind("mime: a boundary hidden in a comment", NOT_OURS, |s| {
            let draft = s.draft();
            let body = multipart("hidden", &draft.parts);
            draft
                .set(
                    "Content-Type",
                    "Content-Type: multipart/alternative; (boundary=hidden) boundary=shown",
                )
                .body(body)
                .seal()
        }),
        kind("mime: no boundary", NOT_OURS, |s| {
            s.draft()
                .set("Content-Type", "Content-Type: multipart/alternative")
                .seal()
        }),
        kind("mime: the whole is said to be plain text", NOT_OURS, |s| {
            s.draft()
                .set("Content-Type", "Content-Type: text/plain; charset=utf-8")
                .seal()
        }),
        kind("mime: a type that begins as ours", NOT_OURS, |s| {
            s.draft()
                .part(|p| p.header = p.header.replace(TYPE, &format!("{TYPE}-seq")))
                .seal()
        }),
        kind("mime: a type that ends as ours", NOT_OURS, |s| {
            s.draft()
                .part(|p| p.header = p.header.replace(TYPE, &format!("x{TYPE}")))
                .seal()
        }),
        kind("mime: our type as a parameter", NOT_OURS, |s| {
            s.draft()
                .part(|p| {
                    p.header = p
                        .header
                        .replace(TYPE, &format!("application/json; type=\"{TYPE}\""))
                })
                .seal()
        }),
        kind("mime: plain JSON", NOT_OURS, |s| {
            s.draft()
                .part(|p| p.header = p.header.replace(TYPE, "application/json"))
                .seal()
        }),
        kind("mime: JSON-LD in the page alone", NOT_OURS, |s| {
            s.draft().parts(|p| p.retain(|part| !part.is_json())).seal()
        }),
        kind("mime: encrypted for somebody", UNDECRYPTABLE, |s| {
            let body = multipart(
                "e",
                &[
                    Part::new("Content-Type: application/pgp-encrypted", "Version: 1"),
                    Part::new(
                        "Content-Type: application/octet-stream",
                        "-----BEGIN PGP MESSAGE-----\r\n\r\nAAAA\r\n-----END PGP MESSAGE-----",
                    ),
                ],
            );
            let kind = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=e";
            s.draft()
                .set("Tradepost", "Tradepost: v=1")
                .set("Content-Type", kind)
                .body(body)
                .seal()
        }),
    ]
}

/// The octets of the statement are not what they seem.
fn encodings() -> Vec<Kind> {
    const BASE64: &str =
        "Content-Type: application/vnd.tradepost+json\r\nContent-Transfer-Encoding: base64";
    const QUOTED: &str = "Content-Type: application/vnd.tradepost+json\r\nContent-Transfer-Encoding: quoted-printable";
    const PLAIN: &str =
        "Content-Type: application/vnd.tradepost+json\r\nContent-Transfer-Encoding: 8bit";
    vec![
        kind("encoding: base64 with other characters", UNREADABLE, |s| {
            let mut body = base64_lines(&s.draft().json());
            body.splice(20..20, *b"*~*");
            part(s.draft(), BASE64, body).seal()
        }),
        kind("encoding: base64 that ends early", UNREADABLE, |s| {
            let mut body = base64_lines(&s.draft().json());
            body.truncate(body.len() / 8 * 4 + 1);
            part(s.draft(), BASE64, body).seal()
        }),
        kind(
            "encoding: base64 with padding in the middle",
            UNREADABLE,
            |s| {
                let json = s.draft().json();
                let (one, two) = json.split_at(json.len() / 3 * 2 / 3 * 3 + 1);
                part(
                    s.draft(),
                    BASE64,
                    [base64_lines(one), base64_lines(two)].concat(),
                )
                .seal()
            },
        ),
        kind("encoding: base64 of base64", UNREADABLE, |s| {
            let body = base64_lines(&base64_lines(&s.draft().json()));
            part(s.draft(), BASE64, body).seal()
        }),
        kind(
            "encoding: an equals sign that stands for nothing",
            UNREADABLE,
            |s| {
                let json = String::from_utf8(s.draft().json()).unwrap().replacen(
                    "\"kind\"",
                    "\"kind=ZZ\"",
                    1,
                );
                part(s.draft(), QUOTED, json.into_bytes()).seal()
            },
        ),
        kind("encoding: an unknown one", UNREADABLE, |s| {
            let header = BASE64.replace("base64", "x-uuencode");
            let body = base64_lines(&s.draft().json());
            part(s.draft(), &header, body).seal()
        }),
        kind("encoding: said to be plain, and base64", UNREADABLE, |s| {
            let body = base64_lines(&s.draft().json());
            part(s.draft(), PLAIN, body).seal()
        }),
        kind("encoding: UTF-7", UNREADABLE, |s| {
            let json = String::from_utf8(s.draft().json())
                .unwrap()
                .replace('{', "+AHs-")
                .replace('"', "+ACI-");
            part(
                s.draft(),
                &PLAIN.replace("json", "json; charset=utf-7"),
                json.into_bytes(),
            )
            .seal()
        }),
        kind("encoding: UTF-16", UNREADABLE, |s| {
            let json = String::from_utf8(s.draft().json()).unwrap();
            let wide: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
            part(s.draft(), BASE64, base64_lines(&wide)).seal()
        }),
        kind("encoding: a byte order mark", UNREADABLE, |s| {
            let json = [&b"\xef\xbb\xbf"[..], &s.draft().json()].concat();
            s.json(json).seal()
        }),
        kind("encoding: Latin-1", UNREADABLE, |s| {
            let json = String::from_utf8(s.draft().json()).unwrap();
            let (head, tail) = json.split_at(1);
            let json = [head.as_bytes(), b"\"x\":\"\xfc\",", tail.as_bytes()].concat();
            s.json(json).seal()
        }),
        kind("encoding: an overlong quote", UNREADABLE, |s| {
            let json = s.draft().json();
            let json = [&b"{\"x\":\"a\xc0\xa2\","[..], &json[1..]].concat();
            s.json(json).seal()
        }),
        kind("encoding: an empty part", UNREADABLE, |s| {
            part(s.draft(), BASE64, Vec::new()).seal()
        }),
        kind(
            "encoding: quoted-printable that joins two statements",
            UNREADABLE,
            |s| {
                let json = String::from_utf8(s.draft().json()).unwrap();
                let quoted = json.replace('=', "=3D");
                let twice = format!("{quoted}=\r\n{quoted}");
                part(s.draft(), QUOTED, twice.into_bytes()).seal()
            },
        ),
    ]
}

/// Protocol 6: 8 levels, 64 parts, 10 MiB.
fn limits() -> Vec<Kind> {
    fn nested(d: Draft, levels: usize) -> Draft {
        let mut part = Part::json(&d.json());
        for level in 0..levels {
            let boundary = format!("level-{level}-");
            let header = format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"");
            part = Part::new(&header, multipart(&boundary, &[part]));
        }
        d.parts(|p| *p = vec![part])
    }
    vec![
        kind("limit: nine levels", UNREADABLE, |s| {
            nested(s.draft(), 8).seal()
        }),
        kind("limit: a thousand levels", UNREADABLE, |s| {
            nested(s.draft(), 1_000).seal()
        })
        .scenes(&[Scene::Delivery]),
        kind("limit: 65 parts", UNREADABLE, |s| {
            s.draft()
                .parts(|p| p.extend(std::iter::repeat_n(text(), 62)))
                .seal()
        }),
        kind("limit: 10,000 parts", UNREADABLE, |s| {
            s.draft()
                .parts(|p| p.extend(std::iter::repeat_n(Part::new("X: y", ""), 10_000)))
                .seal()
        })
        .scenes(&[Scene::Delivery]),
        kind("limit: more than 10 MiB", UNREADABLE, |s| {
            let big = Part::new(
                "Content-Type: text/plain",
                "All work and no play\r\n".repeat(500_000),
            );
            s.draft().parts(|p| p.push(big)).seal()
        })
        .scenes(&[Scene::Delivery])
        .relay(),
    ]
}
