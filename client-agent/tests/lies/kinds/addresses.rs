//! Lies about who wrote the letter: letters of somebody else's own, and header fields that a letter has once.

use serde_json::json;

use super::author::{as_domain, split};
use crate::draft::{Letter, Said};
use crate::kind::{Kind, NO_PARTY, NOT_ITS_AUTHOR, NOT_THE_SHOP, UNPROVEN, kind};
use crate::world::{CARRIER, EVIL, PAY, SHOP, Scene};

pub fn kinds() -> Vec<Kind> {
    let others = other_addresses().into_iter().map(Kind::another).collect();
    [others, fields_that_are_there_once()].concat()
}

/// A letter of somebody else's own, from an address that resembles the party's.
fn other_addresses() -> Vec<Kind> {
    let all = [Scene::Record, Scene::Order, Scene::Delivery, Scene::Payment];
    let spoken = [Scene::Delivery, Scene::Payment];
    vec![
        kind("address: +tag", NO_PARTY, |s| {
            let tagged = s.statement["from"].as_str().unwrap().replace('@', "+gift@");
            s.say("/from", tagged).seal()
        })
        .scenes(&spoken),
        kind("address: a dot in the local part", NO_PARTY, |s| {
            let (local, domain) = split(s.statement["from"].as_str().unwrap());
            let (one, two) = local.split_at(2);
            let dotted = format!("{one}.{two}@{domain}");
            s.say("/from", dotted).seal()
        })
        .scenes(&spoken),
        kind("address: another local part of the domain", NO_PARTY, |s| {
            let other = format!("guest@{}", split(s.statement["from"].as_str().unwrap()).1);
            s.say("/from", other).seal()
        })
        .scenes(&spoken),
        kind(
            "address: a Cyrillic letter in the local part",
            NO_PARTY,
            |s| {
                let (local, domain) = split(s.statement["from"].as_str().unwrap());
                let mixed = format!(
                    "{}@{domain}",
                    local.replace('a', "\u{430}").replace('i', "\u{456}")
                );
                s.say("/from", mixed).seal()
            },
        )
        .scenes(&spoken),
        kind(
            "address: a zero-width joiner in the local part",
            NO_PARTY,
            |s| {
                let joined = s.statement["from"]
                    .as_str()
                    .unwrap()
                    .replace('@', "\u{200d}@");
                s.say("/from", joined).seal()
            },
        )
        .scenes(&spoken),
        kind(
            "address: a right-to-left mark in the local part",
            NO_PARTY,
            |s| {
                let marked = s.statement["from"]
                    .as_str()
                    .unwrap()
                    .replace('@', "\u{200f}@");
                s.say("/from", marked).seal()
            },
        )
        .scenes(&spoken),
        kind("address: a subdomain", NO_PARTY, |s| {
            as_domain(s, "x.eu.pay.example", "x.eu.pay.example")
        })
        .scenes(&[Scene::Payment]),
        kind("address: the parent domain", NO_PARTY, |s| {
            as_domain(s, "pay.example", "pay.example")
        })
        .scenes(&[Scene::Payment]),
        kind("address: a sibling subdomain", NO_PARTY, |s| {
            as_domain(s, "us.pay.example", "us.pay.example")
        })
        .scenes(&[Scene::Payment]),
        kind("address: a subdomain of the shop", NOT_THE_SHOP, |s| {
            as_domain(s, "mail.shop.example", "mail.shop.example")
        })
        .scenes(&[Scene::Order]),
        kind("address: one homograph", NOT_THE_SHOP, |s| {
            as_domain(s, "sh\u{43e}p.example", "xn--shp-ted.example")
        })
        .scenes(&[Scene::Order])
        .lookalike(),
        kind("address: homographs of one script", NOT_THE_SHOP, |s| {
            as_domain(
                s,
                "\u{455}\u{4bb}\u{43e}\u{440}.example",
                "xn--n1ae5d4v.example",
            )
        })
        .scenes(&[Scene::Order])
        .lookalike(),
        kind("address: one edit", NOT_THE_SHOP, |s| {
            as_domain(s, "shoq.example", "shoq.example")
        })
        .scenes(&[Scene::Order])
        .lookalike(),
        kind(
            "address: the domain as a label of another",
            NOT_THE_SHOP,
            |s| as_domain(s, "shop.example.evil.example", "shop.example.evil.example"),
        )
        .scenes(&[Scene::Order])
        .lookalike(),
        kind("address: the name as a label of another", NO_PARTY, |s| {
            as_domain(
                s,
                "carrier.example.evil.example",
                "carrier.example.evil.example",
            )
        })
        .scenes(&[Scene::Delivery])
        .lookalike(),
        kind(
            "address: a homograph that borrows the shop's statement",
            NOT_ITS_AUTHOR,
            |s| {
                s.draft()
                    .set("From", "From: <orders@xn--shp-ted.example>")
                    .by("xn--shp-ted.example")
                    .seal()
            },
        )
        .scenes(&[Scene::Order])
        .lookalike(),
        kind(
            "address: a subdomain that borrows the statement",
            NOT_ITS_AUTHOR,
            |s| {
                s.draft()
                    .set("From", "From: <billing@x.eu.pay.example>")
                    .by("x.eu.pay.example")
                    .seal()
            },
        )
        .scenes(&[Scene::Payment]),
        kind("address: any other", NO_PARTY, |s| {
            s.say("/from", EVIL).seal()
        })
        .scenes(&spoken),
        kind("address: the shop's without its proof", UNPROVEN, |s| {
            s.draft().unsigned().seal()
        })
        .scenes(&all),
        kind("address: the buyer's own", UNPROVEN, |s| {
            s.say("/from", crate::world::ANN)
                .draft()
                .by("evil.example")
                .seal()
        })
        .scenes(&all),
        kind("address: another party of the trade", NO_PARTY, |s| {
            let other = if s.statement["from"] == json!(CARRIER) {
                PAY
            } else {
                CARRIER
            };
            s.say("/from", other).seal()
        })
        .scenes(&spoken),
        kind("address: the shop itself", NO_PARTY, |s| {
            s.say("/from", SHOP).seal()
        })
        .scenes(&spoken),
    ]
}

/// Exactly one each (protocol 5).
fn fields_that_are_there_once() -> Vec<Kind> {
    fn twice(s: Said, name: &str, line: &str) -> Letter {
        let draft = s.draft();
        assert!(!draft.field(name).is_empty());
        draft.first(line).seal()
    }
    vec![
        kind("twice: To", UNPROVEN, |s| {
            twice(s, "To", "To: bob@home.example")
        }),
        kind("twice: Subject", UNPROVEN, |s| {
            twice(s, "Subject", "Subject: Pay the duty here")
        }),
        kind("twice: Date", UNPROVEN, |s| {
            twice(s, "Date", "Date: Fri, 20 Nov 2026 10:00:00 +0000")
        }),
        kind("twice: Message-ID", UNPROVEN, |s| {
            twice(s, "Message-ID", "Message-ID: <x@evil.example>")
        }),
        kind("twice: MIME-Version", UNPROVEN, |s| {
            twice(s, "MIME-Version", "MIME-Version: 1.0")
        }),
        kind("twice: Content-Type", UNPROVEN, |s| {
            let again = s.draft().field("Content-Type");
            s.draft().last(again).seal()
        }),
        kind("missing: To", UNPROVEN, |s| s.draft().without("To").seal()),
        kind("missing: Subject", UNPROVEN, |s| {
            s.draft().without("Subject").seal()
        }),
        kind("missing: Date", UNPROVEN, |s| {
            s.draft().without("Date").seal()
        }),
        kind("missing: Message-ID", UNPROVEN, |s| {
            s.draft().without("Message-ID").seal()
        }),
        kind("missing: MIME-Version", UNPROVEN, |s| {
            s.draft().without("MIME-Version").seal()
        }),
        kind("header: a line that is no field", UNPROVEN, |s| {
            s.draft().first("this is no field").seal()
        }),
        kind("header: a field without a name", UNPROVEN, |s| {
            s.draft().last(": nothing").seal()
        }),
        kind(
            "header: a field with an umlaut in its name",
            UNPROVEN,
            |s| s.draft().last("Fröm: x").seal(),
        ),
    ]
}
