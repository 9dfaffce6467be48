//! Lies of the parties of a trade about what only they have a say in: what was bought, what it costs, how far it is.

use serde_json::json;

use tradepost_buyer::WarningKind;

use super::protocol::warned;
use crate::draft::{Letter, Said};
use crate::kind::{Expected, Kind, UNREADABLE, kind};
use crate::world::{CARRIER, EVIL, PAY, SIXTH, Scene, at, eur, request, uuid};

const CHANGED: Expected = warned(11, WarningKind::ChangedContents);
const AMOUNT: Expected = warned(14, WarningKind::WrongAmount);
const ITEMS: Expected = warned(15, WarningKind::WrongItems);
const STEP: Expected = warned(16, WarningKind::ImpossibleStep);
const RESTARTED: Expected = warned(16, WarningKind::SequenceRestarted);
const STATUS: Expected = warned(16, WarningKind::ConflictingStatus);

pub fn kinds() -> Vec<Kind> {
    let all = [changed(), versions(), amounts_and_items(), steps()].concat();
    all.into_iter().map(Kind::another).collect()
}

fn changed() -> Vec<Kind> {
    let both = [Scene::Record, Scene::Version];
    type Lie = fn(Said) -> Letter;
    let all: [(&'static str, Lie); 19] = [
        ("changed: the total", |s| {
            s.say("/body/total", eur("68.00")).seal()
        }),
        ("changed: the total, less than the sum", |s| {
            s.say("/body/total", eur("8.00")).seal()
        }),
        ("changed: the total, and a charge for it", |s| {
            s.say("/body/charges/0/price", eur("15.00"))
                .say("/body/total", eur("68.00"))
                .seal()
        }),
        ("changed: a price", |s| {
            s.say("/body/lines/0/price", eur("23.00"))
                .say("/body/total", eur("56.00"))
                .seal()
        }),
        ("changed: the currency of all", |s| {
            let text = s.statement.to_string().replace("EUR", "USD");
            let mut changed = s;
            changed.statement = serde_json::from_str(&text).unwrap();
            changed.seal()
        }),
        ("changed: the currency of the total", |s| {
            s.say("/body/total/currency", "USD").seal()
        }),
        ("changed: an item", |s| {
            s.say("/body/lines/0/name", "Blue kettle").seal()
        }),
        ("changed: an item that looks alike", |s| {
            s.say("/body/lines/0/name", "Red k\u{435}ttle").seal()
        }),
        ("changed: the number of an item", |s| {
            s.say("/body/lines/0/sku", "K-2").seal()
        }),
        ("changed: a quantity", |s| {
            s.say("/body/lines/0/quantity", 1)
                .say("/body/total", eur("34.00"))
                .seal()
        }),
        ("changed: a line less", |s| {
            let lines = json!([s.statement["body"]["lines"][0]]);
            s.say("/body/lines", lines)
                .say("/body/total", eur("53.00"))
                .seal()
        }),
        ("changed: a line more", |s| {
            let mut lines = s.statement["body"]["lines"].clone();
            lines
                .as_array_mut()
                .unwrap()
                .push(json!({ "name": "Insurance", "quantity": 1, "price": eur("0.00") }));
            s.say("/body/lines", lines).seal()
        }),
        ("changed: lines in another order", |s| {
            let lines = json!([
                s.statement["body"]["lines"][1],
                s.statement["body"]["lines"][0]
            ]);
            s.say("/body/lines", lines).seal()
        }),
        ("changed: the way to pay", |s| {
            s.say("/body/payment/method", "bank-transfer").seal()
        }),
        ("changed: the way to deliver", |s| {
            s.say("/body/delivery/method", "electronic").seal()
        }),
        ("changed: the buyer's name", |s| {
            s.say("/body/buyer/name", "Eve Buyer").seal()
        }),
        ("changed: the buyer's street", |s| {
            s.say("/body/buyer/address/street", "2 Main Street").seal()
        }),
        ("changed: where it goes", |s| {
            let to = json!({ "name": "Eve", "address": { "street": "9 Dark Alley", "city": "Berlin", "postal_code": "10115", "country": "DE" } });
            s.say("/body/deliver_to", to).seal()
        }),
        ("changed: to whom it goes", |s| {
            let to = json!({ "name": "Eve", "address": s.statement["body"]["buyer"]["address"] });
            s.say("/body/deliver_to", to).seal()
        }),
    ];
    let mut kinds: Vec<Kind> = all
        .into_iter()
        .map(|(name, lie)| kind(name, CHANGED, lie).scenes(&both))
        .collect();
    kinds.push(
        kind("changed: the payee", CHANGED, |s| {
            s.say("/body/payment/processor", EVIL).seal()
        })
        .scenes(&[Scene::Version]),
    );
    kinds
}

/// A number or an id that the shop chooses gets nobody else paid.
fn versions() -> Vec<Kind> {
    fn pays_evil(s: Said, version: u32) -> Said {
        s.say("/body/version", version)
            .say("/body/payment/processor", EVIL)
    }
    fn of_the_sixth(s: Said, version: u32) -> Said {
        pays_evil(s, version)
            .say("/trade/id", SIXTH)
            .say("/request", request(6))
    }
    fn under_a_lower_id(s: Said) -> Letter {
        s.say("/id", uuid(2)).seal()
    }
    type Lie = fn(Said) -> Letter;
    let all: [(&'static str, Expected, Lie); 12] = [
        ("version: a second first one, another payee", STATUS, |s| {
            pays_evil(s, 1).seal()
        }),
        (
            "version: a second first one, another payee, a lower id",
            STATUS,
            |s| under_a_lower_id(pays_evil(s, 1)),
        ),
        ("version: a third one, another payee", CHANGED, |s| {
            pays_evil(s, 3).seal()
        }),
        ("version: the last there is, another payee", CHANGED, |s| {
            pays_evil(s, 0x7fff_ffff).seal()
        }),
        ("version: beyond the last", UNREADABLE, |s| {
            pays_evil(s, 0x8000_0000).seal()
        }),
        ("version: none is zero", UNREADABLE, |s| {
            pays_evil(s, 0).seal()
        }),
        (
            "version: the first one after the second, another payee",
            STATUS,
            |s| of_the_sixth(s, 1).seal(),
        ),
        (
            "version: the first one after the second, another payee, a lower id",
            STATUS,
            |s| under_a_lower_id(of_the_sixth(s, 1)),
        ),
        (
            "version: the second one again, another payee, a lower id",
            STATUS,
            |s| under_a_lower_id(of_the_sixth(s, 2)),
        ),
        (
            "version: one above the second, which came first, another payee",
            CHANGED,
            |s| of_the_sixth(s, 3).seal(),
        ),
        (
            "version: the first one after the second, another payee and no request",
            STATUS,
            |s| of_the_sixth(s, 1).leave_out("/request").seal(),
        ),
        (
            "version: the first one after the second, another payee and a higher total",
            CHANGED,
            |s| {
                of_the_sixth(s, 1)
                    .say("/body/charges/0/price", eur("15.00"))
                    .say("/body/total", eur("68.00"))
                    .seal()
            },
        ),
    ];
    let rows = all.into_iter();
    rows.map(|(name, expected, lie)| kind(name, expected, lie).scenes(&[Scene::Version]))
        .collect()
}

fn amounts_and_items() -> Vec<Kind> {
    let payment = [Scene::Payment];
    vec![
        kind("amount: more than the total", AMOUNT, |s| {
            s.say("/body/amount", eur("580.00")).seal()
        })
        .scenes(&payment),
        kind("amount: less than the total", AMOUNT, |s| {
            s.say("/body/amount", eur("5.80")).seal()
        })
        .scenes(&payment),
        kind("amount: of another currency", AMOUNT, |s| {
            s.say("/body/amount/currency", "USD").seal()
        })
        .scenes(&payment),
        kind("amount: paid more than the total", AMOUNT, |s| {
            s.say("/body/paid", eur("58.01")).seal()
        })
        .scenes(&payment),
        kind("amount: paid in another currency", AMOUNT, |s| {
            s.say(
                "/body/paid",
                json!({ "amount": "58.00", "currency": "USD" }),
            )
            .seal()
        })
        .scenes(&payment),
        kind("amount: refunded more than was paid", AMOUNT, |s| {
            s.say("/body/state", "partly-refunded")
                .say("/body/paid", eur("10.00"))
                .say("/body/refunded", eur("10.01"))
                .seal()
        })
        .scenes(&payment),
        kind("amount: refunded more than the total", AMOUNT, |s| {
            s.say("/body/state", "refunded")
                .say("/body/refunded", eur("58.01"))
                .seal()
        })
        .scenes(&payment),
        kind("amount: a refund of more than the total", AMOUNT, |s| {
            s.say("/body/refund", eur("58.01")).seal()
        })
        .scenes(&[Scene::Decision]),
        kind("amount: a refund in another currency", AMOUNT, |s| {
            s.say("/body/refund/currency", "USD").seal()
        })
        .scenes(&[Scene::Decision]),
        kind("items: a line that is not there", ITEMS, |s| {
            s.say("/body/lines", json!([{ "line": 2, "quantity": 1 }]))
                .seal()
        })
        .scenes(&[Scene::Delivery]),
        kind("items: a line far beyond", ITEMS, |s| {
            s.say(
                "/body/lines",
                json!([{ "line": 4_000_000_000_u32, "quantity": 1 }]),
            )
            .seal()
        })
        .scenes(&[Scene::Delivery]),
        kind("items: more than were ordered", ITEMS, |s| {
            s.say("/body/lines", json!([{ "line": 0, "quantity": 3 }]))
                .seal()
        })
        .scenes(&[Scene::Delivery]),
        kind("items: a good line and a bad one", ITEMS, |s| {
            s.say(
                "/body/lines",
                json!([{ "line": 0, "quantity": 2 }, { "line": 1, "quantity": 2 }]),
            )
            .seal()
        })
        .scenes(&[Scene::Delivery]),
    ]
}

/// Line 16: what cannot follow from what was said before.
fn steps() -> Vec<Kind> {
    /// Says something of a step that was taken already, under a later id.
    fn retold(s: Said, sequence: i64) -> Said {
        s.say("/body/sequence", sequence)
            .say("/body/at", at(-60 + sequence))
    }
    /// Of another parcel, in place of what the carrier says of this one.
    fn of_parcel(s: Said, name: &str, sequence: i64, state: &str, minute: i64) -> Letter {
        s.say("/body/parcel", name)
            .say("/body/delivery", json!({}))
            .say("/body/sequence", sequence)
            .say("/body/state", state)
            .say("/body/at", at(minute))
            .seal()
    }
    let statuses = [Scene::Order, Scene::Delivery, Scene::Payment];
    let delivery = [Scene::Delivery];
    vec![
        kind("step: out of rank", STEP, |s| {
            retold(s, 4)
                .say("/body/state", "announced")
                .say("/body/delivery", json!({}))
                .seal()
        })
        .scenes(&delivery),
        kind("step: in transit after it was delivered", STEP, |s| {
            of_parcel(s, "P-2", 4, "in-transit", -50)
        })
        .scenes(&delivery),
        kind("step: stopped after it was delivered", STEP, |s| {
            of_parcel(s, "P-2", 4, "stopped", -50)
        })
        .scenes(&delivery),
        kind(
            "step: held by the customs after it was delivered",
            STEP,
            |s| of_parcel(s, "P-2", 4, "on-hold", -50),
        )
        .scenes(&delivery),
        kind("step: lost after it was delivered", STEP, |s| {
            of_parcel(s, "P-2", 4, "lost", -50)
        })
        .scenes(&delivery),
        kind("step: the same sequence with other content", STATUS, |s| {
            retold(s, 1).seal()
        })
        .scenes(&statuses),
        kind(
            "step: the same sequence and state at another time",
            STATUS,
            |s| {
                let state = match s.statement["from"].as_str().unwrap() {
                    PAY => "authorized",
                    CARRIER => "announced",
                    _ => "received",
                };
                retold(s, 1)
                    .say("/body/state", state)
                    .say("/body/at", at(-59 - 30))
                    .seal()
            },
        )
        .scenes(&statuses),
        kind(
            "step: a record of the same version with other content",
            STATUS,
            |s| s.say("/body/version", 1).seal(),
        )
        .scenes(&[Scene::Version]),
        kind("step: the sequence begins anew", RESTARTED, |s| {
            of_parcel(s, "P-3", 5, "in-transit", -10)
        })
        .scenes(&delivery),
    ]
}
