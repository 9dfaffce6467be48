//! Lies of those who are who they say they are: proven senders who speak to
//! somebody else, of nothing, or of what is not theirs.

use serde_json::json;
use tradepost_buyer::WarningKind;

use crate::draft::{Letter, Said};
use crate::kind::{Expected, Kind, NO_PARTY, NOT_THE_SHOP, kind};
use crate::world::{ANN, CARRIER, EVIL, OTHER, PAY, SHOP, Scene, eur, record, request, uuid, with};

pub const fn warned(rule: u8, kind: WarningKind) -> Expected {
    Expected::Warned(rule, kind)
}

const NOT_FOR_US: Expected = warned(6, WarningKind::WrongRecipient);
const CONFLICTING: Expected = warned(7, WarningKind::ConflictingStatement);
const UNKNOWN_REQUEST: Expected = warned(8, WarningKind::UnknownRequest);
const NOT_ASKED: Expected = warned(8, WarningKind::WrongSender);
const SECOND: Expected = warned(10, WarningKind::SecondTrade);
const NO_SUCH_TRADE: Expected = warned(12, WarningKind::NoSuchTrade);
const A_STRANGER: Expected = warned(12, WarningKind::WrongSender);

pub fn kinds() -> Vec<Kind> {
    let all = [answers(), no_trade(), no_party()].concat();
    for_whom()
        .into_iter()
        .chain(all.into_iter().map(Kind::another))
        .collect()
}

/// The whole statement in the name of somebody else, who is proven.
fn said_by(s: Said, who: &str) -> Letter {
    s.say("/from", who).seal()
}

fn for_whom() -> Vec<Kind> {
    vec![
        kind("to: another buyer's letter", NOT_FOR_US, |s| {
            s.say("/to", "bob@home.example").seal()
        })
        .everywhere(),
        kind(
            "to: another buyer's statement in a letter to us",
            NOT_FOR_US,
            |s| {
                s.say("/to", "bob@home.example")
                    .draft()
                    .set("To", format!("To: {ANN}"))
                    .seal()
            },
        )
        .everywhere(),
        kind("to: our address with a +tag", NOT_FOR_US, |s| {
            s.say("/to", "ann+shop@home.example").seal()
        }),
        kind("to: our name at another provider", NOT_FOR_US, |s| {
            s.say("/to", "ann@home.example.evil.example").seal()
        }),
        kind("id: one that this sender has used", CONFLICTING, |s| {
            let used = if s.statement["from"] == json!(SHOP) {
                22
            } else if s.statement["from"] == json!(CARRIER) {
                25
            } else {
                26
            };
            s.say("/id", uuid(used)).seal()
        })
        .everywhere(),
        kind(
            "id: one that is guessed in advance by a stranger",
            NOT_THE_SHOP,
            |s| s.say("/from", EVIL).seal(),
        )
        .scenes(&[Scene::Order]),
        kind(
            "id: one that is guessed in advance by a party",
            NO_PARTY,
            |s| {
                let other = if s.statement["from"] == json!(CARRIER) {
                    PAY
                } else {
                    CARRIER
                };
                s.say("/from", other).seal()
            },
        )
        .scenes(&[Scene::Delivery, Scene::Payment]),
        kind(
            "message-id: guessed in advance by a stranger",
            NO_PARTY,
            |s| {
                let guessed = s.draft().field("Message-ID");
                s.anew(21)
                    .say("/from", EVIL)
                    .draft()
                    .set("Message-ID", guessed)
                    .seal()
            },
        )
        .scenes(&[Scene::Delivery, Scene::Payment]),
        kind("message-id: that of a letter of ours", NO_PARTY, |s| {
            let ours = format!("Message-ID: <{}@home.example>", uuid(1));
            s.anew(22)
                .say("/from", EVIL)
                .draft()
                .set("Message-ID", ours)
                .seal()
        })
        .scenes(&[Scene::Delivery, Scene::Payment]),
    ]
}

fn answers() -> Vec<Kind> {
    let with_request = [Scene::Record, Scene::Version, Scene::Rejected];
    vec![
        kind("answer: to nothing", UNKNOWN_REQUEST, |s| {
            s.say("/answers", uuid(0xfade)).seal()
        })
        .everywhere(),
        kind(
            "answer: to what another buyer asked",
            UNKNOWN_REQUEST,
            |s| {
                s.say("/request", format!("{}:bob@home.example", uuid(2)))
                    .seal()
            },
        )
        .scenes(&with_request),
        kind(
            "answer: to a request that was never made",
            UNKNOWN_REQUEST,
            |s| s.say("/request", request(0xfade)).seal(),
        )
        .scenes(&with_request),
        kind("answer: a new request in a status", UNKNOWN_REQUEST, |s| {
            s.say("/request", request(0xfade)).seal()
        })
        .scenes(&[Scene::Order, Scene::Delivery, Scene::Payment]),
        kind("answer: by another shop", NOT_ASKED, |s| {
            s.say("/from", OTHER)
                .say("/trade", json!({ "shop": OTHER, "id": "T-1002" }))
                .seal()
        })
        .scenes(&with_request),
        kind("answer: by a stranger, as his own trade", NOT_ASKED, |s| {
            s.say("/from", EVIL)
                .say("/trade", json!({ "shop": EVIL, "id": "T-1002" }))
                .seal()
        })
        .scenes(&with_request),
        kind("answer: by the carrier", NOT_ASKED, |s| said_by(s, CARRIER))
            .scenes(&[Scene::Rejected, Scene::Record]),
        kind("answer: by the carrier, to a return", NOT_ASKED, |s| {
            said_by(s, CARRIER)
        })
        .scenes(&[Scene::Decision]),
        kind(
            "answer: a status in answer to what another was asked",
            NOT_ASKED,
            |s| s.say("/answers", uuid(4)).seal(),
        )
        .scenes(&[Scene::Order, Scene::Delivery, Scene::Payment]),
        kind("answer: a second trade for one request", SECOND, |s| {
            s.say("/request", request(1))
                .say("/trade/id", "T-1009")
                .seal()
        })
        .scenes(&[Scene::Record]),
        kind("answer: a record after the rejection", SECOND, |s| {
            s.say("/request", request(5))
                .say("/trade/id", "T-1005")
                .seal()
        })
        .scenes(&[Scene::Record]),
        kind("answer: a rejection after the record", SECOND, |s| {
            s.say("/request", request(1))
                .say("/answers", uuid(1))
                .seal()
        })
        .scenes(&[Scene::Rejected]),
        kind("answer: unknown-trade to nothing", UNKNOWN_REQUEST, |s| {
            s.say("/body", json!({ "kind": "unknown-trade" }))
                .say("/answers", uuid(0xfade))
                .seal()
        })
        .everywhere(),
    ]
}

fn no_trade() -> Vec<Kind> {
    let statuses = [Scene::Order, Scene::Delivery, Scene::Payment];
    vec![
        kind("trade: none of this id", NO_SUCH_TRADE, |s| {
            s.say("/trade/id", "T-9999").seal()
        })
        .scenes(&statuses),
        kind("trade: in other capitals", NO_SUCH_TRADE, |s| {
            s.say("/trade/id", "t-1001").seal()
        })
        .scenes(&statuses),
        kind(
            "trade: of the other shop, said to be this one's",
            A_STRANGER,
            |s| s.say("/trade/id", "T-2002").seal(),
        )
        .scenes(&[Scene::Order, Scene::Delivery]),
        kind("trade: of the other shop", NO_PARTY, |s| {
            s.say("/trade", json!({ "shop": OTHER, "id": "T-2002" }))
                .seal()
        })
        .scenes(&[Scene::Delivery]),
        kind(
            "trade: of the other shop, by this shop",
            NOT_THE_SHOP,
            |s| {
                s.say("/trade", json!({ "shop": OTHER, "id": "T-2002" }))
                    .seal()
            },
        )
        .scenes(&[Scene::Order]),
        kind("trade: ours, at a shop that is none", A_STRANGER, |s| {
            s.say("/from", EVIL).say("/trade/shop", EVIL).seal()
        })
        .scenes(&[Scene::Order, Scene::Delivery, Scene::Payment]),
        kind("trade: a stranger's, that nobody has", NO_SUCH_TRADE, |s| {
            s.say("/from", EVIL)
                .say("/trade", json!({ "shop": EVIL, "id": "X-1" }))
                .seal()
        })
        .scenes(&statuses),
    ]
}

fn no_party() -> Vec<Kind> {
    let shops = [Scene::Record, Scene::Version, Scene::Adopted, Scene::Order];
    vec![
        kind(
            "party: the shop's word from the carrier",
            NOT_THE_SHOP,
            |s| said_by(s, CARRIER),
        )
        .scenes(&[Scene::Adopted, Scene::Order]),
        kind(
            "party: the shop's word from the payment processor",
            NOT_THE_SHOP,
            |s| said_by(s, PAY),
        )
        .scenes(&[Scene::Adopted, Scene::Order]),
        kind(
            "party: the shop's word from another shop",
            NOT_THE_SHOP,
            |s| said_by(s, OTHER),
        )
        .scenes(&[Scene::Adopted, Scene::Order]),
        kind(
            "party: a record of somebody else's trade",
            NOT_THE_SHOP,
            |s| {
                s.say("/trade/shop", "orders@second.example")
                    .leave_out("/request")
                    .seal()
            },
        )
        .scenes(&[Scene::Record, Scene::Version]),
        kind(
            "party: a carrier that the carrier introduces",
            NOT_THE_SHOP,
            |s| {
                let mut introduced = with(record(0xbad1, "T-1001", 3), "from", json!(CARRIER));
                introduced["body"]["delivery"]["carriers"] = json!([{ "address": EVIL }]);
                Said::new(introduced, s.draft().flavour()).seal()
            },
        )
        .scenes(&[Scene::Delivery]),
        kind(
            "party: a carrier that introduces itself",
            NOT_THE_SHOP,
            |s| {
                let mut introduced = with(record(0xbad2, "T-1001", 3), "from", json!(EVIL));
                introduced["body"]["delivery"]["carriers"] = json!([{ "address": EVIL }]);
                Said::new(introduced, s.draft().flavour()).seal()
            },
        )
        .scenes(&[Scene::Delivery]),
        kind(
            "party: a carrier that another shop introduced",
            NO_PARTY,
            |s| said_by(s, "bikes@courier.example"),
        )
        .scenes(&[Scene::Delivery]),
        kind(
            "party: a carrier that speaks about payment",
            NO_PARTY,
            |s| said_by(s, CARRIER),
        )
        .scenes(&[Scene::Payment]),
        kind(
            "party: a payment processor that speaks about delivery",
            NO_PARTY,
            |s| said_by(s, PAY),
        )
        .scenes(&[Scene::Delivery]),
        kind("party: the shop speaks about payment", NO_PARTY, |s| {
            said_by(s, SHOP)
        })
        .scenes(&[Scene::Payment]),
        kind("party: the shop speaks about delivery", NO_PARTY, |s| {
            said_by(s, SHOP)
        })
        .scenes(&[Scene::Delivery]),
        kind("party: an order, to the buyer", NO_PARTY, |s| {
            let body = json!({ "kind": "status-request" });
            s.say("/body", body).seal()
        })
        .scenes(&[Scene::Order, Scene::Delivery, Scene::Payment]),
        kind("party: a cancel, to the buyer", NO_PARTY, |s| {
            s.say("/body", json!({ "kind": "cancel" })).seal()
        })
        .scenes(&[Scene::Order, Scene::Delivery, Scene::Payment]),
        kind("party: an authorization, to the buyer", NO_PARTY, |s| {
            s.say(
                "/body",
                json!({ "kind": "refund", "amount": eur("58.00"), "refunded": eur("58.00") }),
            )
            .seal()
        })
        .scenes(&[Scene::Order, Scene::Payment]),
        kind(
            "party: a record in the name of a shop by its neighbour",
            NOT_THE_SHOP,
            |s| {
                s.say("/from", "sales@shop.example")
                    .say("/trade/id", "T-7007")
                    .leave_out("/request")
                    .seal()
            },
        )
        .scenes(&shops[..1]),
    ]
}
