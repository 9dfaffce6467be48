//! Lies about who wrote the letter: the From field, read strictly.

use crate::draft::{Letter, Said};
use crate::kind::{Kind, NOT_ITS_AUTHOR, UNPROVEN, kind};
use crate::world::{EVIL, Scene};

/// With the From field in these words, around the address of the real sender; sealed by the real
/// sender's domain, as nobody outside of it could.
fn from(s: Said, words: fn(&str) -> String) -> Letter {
    let address = s.statement["from"].as_str().unwrap().to_owned();
    s.draft()
        .set("From", format!("From: {}", words(&address)))
        .seal()
}

/// The same, sealed by the domain of somebody who wants to be taken for the sender.
fn evils(s: Said, words: fn(&str) -> String) -> Letter {
    let address = s.statement["from"].as_str().unwrap().to_owned();
    s.draft()
        .set("From", format!("From: {}", words(&address)))
        .by("evil.example")
        .seal()
}

/// The whole letter is somebody else's, under an address of the same name; sealed by its domain.
pub fn as_domain(s: Said, domain: &str, signer: &str) -> Letter {
    let address = s.statement["from"].as_str().unwrap().to_owned();
    let (local, _) = address.rsplit_once('@').unwrap();
    s.say("/from", format!("{local}@{domain}"))
        .draft()
        .by(signer)
        .seal()
}

pub fn split(address: &str) -> (&str, &str) {
    address.rsplit_once('@').unwrap()
}

pub fn kinds() -> Vec<Kind> {
    [one_mailbox(), others_words()].concat()
}

/// From is not one plain mailbox: then it proves nothing, whoever sealed it.
fn one_mailbox() -> Vec<Kind> {
    vec![
        kind("from: a second field below", UNPROVEN, |s| {
            s.draft().last(format!("From: {EVIL}")).seal()
        }),
        kind("from: a second field above", UNPROVEN, |s| {
            s.draft().first(format!("From: {EVIL}")).seal()
        }),
        kind("from: the same field twice", UNPROVEN, |s| {
            let again = s.draft().field("From");
            s.draft().last(again).seal()
        }),
        kind("from: a blank before the colon", UNPROVEN, |s| {
            let line = s.draft().field("From").replace("From:", "From :");
            s.draft().set("From", line).seal()
        }),
        kind(
            "from: a second one, with a blank before the colon",
            UNPROVEN,
            |s| s.draft().last(format!("From : {EVIL}")).seal(),
        ),
        kind("from: a blank before the name", UNPROVEN, |s| {
            let line = s.draft().field("From");
            s.draft().set("From", format!(" {line}")).seal()
        }),
        kind("from: a tab within the name", UNPROVEN, |s| {
            s.draft().last(format!("Fr\tom: {EVIL}")).seal()
        }),
        kind("from: a name that is folded", UNPROVEN, |s| {
            s.draft().last(format!("Fro\r\n m: {EVIL}")).seal()
        }),
        kind("from: folded over a blank line", UNPROVEN, |s| {
            from(s, |a| format!("\r\n \r\n\t<{a}>"))
        }),
        kind("from: two addresses", UNPROVEN, |s| {
            from(s, |a| format!("{a}, {EVIL}"))
        }),
        kind("from: two addresses, the other one first", UNPROVEN, |s| {
            from(s, |a| format!("{EVIL}, {a}"))
        }),
        kind("from: two addresses without a comma", UNPROVEN, |s| {
            from(s, |a| format!("<{a}> <{EVIL}>"))
        }),
        kind("from: a group", UNPROVEN, |s| {
            from(s, |a| format!("Shop: {a};"))
        }),
        kind("from: an empty group", UNPROVEN, |s| {
            from(s, |_| "undisclosed-senders:;".to_owned())
        }),
        kind("from: a group beside the address", UNPROVEN, |s| {
            from(s, |a| format!("{a}, all: {EVIL};"))
        }),
        kind("from: none", UNPROVEN, |s| s.draft().without("From").seal()),
        kind("from: empty", UNPROVEN, |s| from(s, |_| String::new())),
        kind("from: <>", UNPROVEN, |s| from(s, |_| "<>".to_owned())),
        kind("from: a name and <>", UNPROVEN, |s| {
            from(s, |a| format!("\"{a}\" <>"))
        }),
        kind(
            "from: an encoded word that hides the address",
            UNPROVEN,
            |s| from(s, |a| format!("=?utf-8?q?{}?=", a.replace('@', "=40"))),
        ),
        kind("from: an encoded word in the local part", UNPROVEN, |s| {
            from(s, |a| format!("=?utf-8?q?{}?=@{}", split(a).0, split(a).1))
        }),
        kind("from: an encoded word in the domain", UNPROVEN, |s| {
            from(s, |a| {
                format!("<{}@=?utf-8?q?{}?=>", split(a).0, split(a).1)
            })
        }),
        kind(
            "from: an encoded word in a quoted local part",
            UNPROVEN,
            |s| from(s, |a| format!("\"=?utf-8?b?b3JkZXJz?=\"@{}", split(a).1)),
        ),
        kind("from: a source route", UNPROVEN, |s| {
            from(s, |a| format!("<@evil.example:{a}>"))
        }),
        kind("from: a source route of two", UNPROVEN, |s| {
            from(s, |a| format!("<@evil.example,@b.example:{a}>"))
        }),
        kind("from: a@x,<b@y>", UNPROVEN, |s| {
            from(s, |a| format!("{a},<{EVIL}>"))
        }),
        kind("from: <b@y>a@x", UNPROVEN, |s| {
            from(s, |a| format!("<{EVIL}>{a}"))
        }),
        kind("from: the address as a bare display name", UNPROVEN, |s| {
            evils(s, |a| format!("{a} <{EVIL}>"))
        }),
        kind("from: a@x@y", UNPROVEN, |s| {
            from(s, |a| format!("<{a}@evil.example>"))
        }),
        kind("from: a quoted pair before the @", UNPROVEN, |s| {
            from(s, |a| {
                format!("{}\\@{}@evil.example", split(a).0, split(a).1)
            })
        }),
        kind("from: a quote that does not end", UNPROVEN, |s| {
            from(s, |a| format!("\"Shop <{a}>"))
        }),
        kind("from: a comment that does not end", UNPROVEN, |s| {
            from(s, |a| format!("(Shop <{a}>"))
        }),
        kind("from: a bracket that does not end", UNPROVEN, |s| {
            from(s, |a| format!("Shop <{a}"))
        }),
        kind("from: words behind the address", UNPROVEN, |s| {
            from(s, |a| format!("<{a}> of evil.example"))
        }),
        kind("from: NUL", UNPROVEN, |s| {
            from(s, |a| format!("Shop\0 <{a}>"))
        }),
        kind("from: NUL within the address", UNPROVEN, |s| {
            from(s, |a| format!("<{}\0@{}>", split(a).0, split(a).1))
        }),
        kind("from: a bare CR", UNPROVEN, |s| {
            from(s, |a| format!("{EVIL}\r<{a}>"))
        }),
        kind("from: a bare LF, and another From", UNPROVEN, |s| {
            from(s, |a| format!("{EVIL}\nFrom: {a}"))
        }),
        kind("header: one line ends in LF", UNPROVEN, |s| {
            s.draft().first("X-Note: a\nX-More: b").seal()
        }),
        kind("header: a folded line ends in LF", UNPROVEN, |s| {
            s.draft().first("X-Note: a\n b").seal()
        }),
        kind(
            "header: a bare CR in a field that nobody reads",
            UNPROVEN,
            |s| s.draft().first("X-Note: a\rFrom: b").seal(),
        ),
        kind("header: a line ends in CR CR LF", UNPROVEN, |s| {
            s.draft().first("X-Note: a\r").seal()
        }),
        kind("from: NUL through an encoded word", UNPROVEN, |s| {
            from(s, |a| {
                format!("=?utf-8?q?{}=00?=@{}", split(a).0, split(a).1)
            })
        }),
        kind("from: CR and LF through an encoded word", UNPROVEN, |s| {
            from(s, |a| {
                format!("=?utf-8?q?x=0D=0AFrom:_{}?=", a.replace('@', "=40"))
            })
        }),
        kind("from: a control character of C1", UNPROVEN, |s| {
            from(s, |a| format!("Shop\u{85} <{a}>"))
        }),
        kind("from: Latin-1", UNPROVEN, |s| {
            let mut line = b"From: Sh\xf6p <".to_vec();
            line.extend(s.statement["from"].as_str().unwrap().bytes());
            line.push(b'>');
            s.draft().set("From", line).seal()
        }),
        kind("from: an address literal", UNPROVEN, |s| {
            from(s, |a| format!("{}@[192.0.2.1]", split(a).0))
        }),
        kind("from: a dot behind the domain", UNPROVEN, |s| {
            from(s, |a| format!("<{a}.>"))
        }),
        kind("from: a blank within the domain", UNPROVEN, |s| {
            from(s, |a| format!("<{}>", a.replace(".example", " .example")))
        }),
        kind(
            "from: a zero-width space within the domain",
            UNPROVEN,
            |s| from(s, |a| a.replace(".example", "\u{200b}.example")),
        ),
        kind("from: a soft hyphen within the domain", UNPROVEN, |s| {
            from(s, |a| a.replace(".example", "\u{ad}.example"))
        }),
        kind("from: a full-width dot", UNPROVEN, |s| {
            from(s, |a| a.replace(".example", "\u{ff0e}example"))
        }),
        kind(
            "from: a right-to-left override in the domain",
            UNPROVEN,
            |s| from(s, |a| a.replace('@', "@\u{202e}")),
        ),
        kind("from: a local part of 65 octets", UNPROVEN, |s| {
            from(s, |a| format!("{}@{}", "a".repeat(65), split(a).1))
        }),
        kind("from: 100,000 addresses", UNPROVEN, |s| {
            from(s, |a| {
                format!("{a}{}", format!(",\r\n {EVIL}").repeat(100_000))
            })
        })
        .scenes(&[Scene::Delivery]),
        kind("from: 100,000 fields", UNPROVEN, |s| {
            let fields = format!("From: {EVIL}\r\n").repeat(100_000);
            s.draft().last(fields.trim_end()).seal()
        })
        .scenes(&[Scene::Delivery]),
    ]
}

/// The address is somebody else's; what stands beside it counts for nothing.
fn others_words() -> Vec<Kind> {
    vec![
        kind(
            "from: the address as a quoted display name",
            NOT_ITS_AUTHOR,
            |s| evils(s, |a| format!("\"{a}\" <{EVIL}>")),
        ),
        kind(
            "from: the address in brackets in a display name",
            NOT_ITS_AUTHOR,
            |s| evils(s, |a| format!("\"Shop <{a}>\" <{EVIL}>")),
        ),
        kind(
            "from: the address in an encoded display name",
            NOT_ITS_AUTHOR,
            |s| {
                evils(s, |a| {
                    format!("=?utf-8?q?{}?= <{EVIL}>", a.replace('@', "=40"))
                })
            },
        ),
        kind(
            "from: NUL in an encoded display name",
            NOT_ITS_AUTHOR,
            |s| {
                evils(s, |a| {
                    format!("=?utf-8?q?{}=00?= <{EVIL}>", a.replace('@', "=40"))
                })
            },
        ),
        kind(
            "from: CR and LF in an encoded display name",
            NOT_ITS_AUTHOR,
            |s| {
                evils(s, |a| {
                    format!(
                        "=?utf-8?q?Shop=0D=0AFrom=3A_{}?= <{EVIL}>",
                        a.replace('@', "=40")
                    )
                })
            },
        ),
        kind(
            "from: a right-to-left override in the display name",
            NOT_ITS_AUTHOR,
            |s| evils(s, |a| format!("\"\u{202e}{a}\" <{EVIL}>")),
        ),
        kind("from: the address in a comment", NOT_ITS_AUTHOR, |s| {
            evils(s, |a| format!("{EVIL} (<{a}>)"))
        }),
        kind(
            "from: the address in a quoted local part",
            NOT_ITS_AUTHOR,
            |s| evils(s, |a| format!("\"{a}\"@evil.example")),
        ),
        kind(
            "from: the address behind a quoted pair",
            NOT_ITS_AUTHOR,
            |s| {
                evils(s, |a| {
                    format!("\"{}\\@{}\\\" \"@evil.example", split(a).0, split(a).1)
                })
            },
        ),
        kind("from: a%x@y", NOT_ITS_AUTHOR, |s| {
            evils(s, |a| format!("{}@evil.example", a.replace('@', "%")))
        }),
        kind("sender: the shop's, From another", NOT_ITS_AUTHOR, |s| {
            let sender = format!("Sender: {}", s.statement["from"].as_str().unwrap());
            s.draft()
                .set("From", format!("From: {EVIL}"))
                .last(sender)
                .by("evil.example")
                .seal()
        }),
        kind("sender: another, From the shop's", UNPROVEN, |s| {
            s.draft()
                .last(format!("Sender: {EVIL}"))
                .by("evil.example")
                .seal()
        }),
        kind(
            "resent-from: the shop's, From another",
            NOT_ITS_AUTHOR,
            |s| {
                let resent = format!("Resent-From: {}", s.statement["from"].as_str().unwrap());
                s.draft()
                    .set("From", format!("From: {EVIL}"))
                    .first(resent)
                    .by("evil.example")
                    .seal()
            },
        ),
        kind("resent-from: another, From the shop's", UNPROVEN, |s| {
            s.draft()
                .first(format!("Resent-From: {EVIL}"))
                .by("evil.example")
                .seal()
        }),
        kind("reply-to: the shop's, From another", NOT_ITS_AUTHOR, |s| {
            let reply = format!("Reply-To: {}", s.statement["from"].as_str().unwrap());
            s.draft()
                .set("From", format!("From: {EVIL}"))
                .last(reply)
                .by("evil.example")
                .seal()
        }),
        kind("reply-to: another, From the shop's", UNPROVEN, |s| {
            s.draft()
                .last(format!("Reply-To: {EVIL}"))
                .by("evil.example")
                .seal()
        }),
        kind(
            "return-path: the shop's, From another",
            NOT_ITS_AUTHOR,
            |s| {
                let path = format!("Return-Path: <{}>", s.statement["from"].as_str().unwrap());
                s.draft()
                    .set("From", format!("From: {EVIL}"))
                    .first(path)
                    .by("evil.example")
                    .seal()
            },
        ),
        kind(
            "statement: another's in an honest letter",
            NOT_ITS_AUTHOR,
            |s| {
                let author = s.draft().field("From");
                let signer = s.statement["from"]
                    .as_str()
                    .unwrap()
                    .rsplit_once('@')
                    .unwrap()
                    .1
                    .to_owned();
                s.say("/from", EVIL)
                    .draft()
                    .set("From", author)
                    .by(&signer)
                    .seal()
            },
        ),
        kind(
            "statement: the party's own, in another's letter",
            NOT_ITS_AUTHOR,
            |s| {
                s.draft()
                    .set("From", "From: guest@other.example")
                    .by("other.example")
                    .seal()
            },
        ),
    ]
}
