//! Letters that lie, and the genuine letters that they are made of: a lie is a genuine letter with one fault,
//! and the verdict that the line of protocol 5 gives which the fault breaks.
#![allow(dead_code, clippy::unwrap_used, missing_docs, unreachable_pub)]

use serde_json::{Value, json};
use tradepost_buyer::{Act, Verdict, WarningKind};
use tradepost_statements::Evidence;
use tradepost_trades::letter::Unreadable;

use crate::support::*;

/// A trade T-1 under way, an unanswered order 2 at the shop, and an order 3 at another shop.
/// Every party has said something under the id that `said_before` names.
pub fn under_way() -> Ledger {
    static LEDGER: std::sync::LazyLock<Ledger> = std::sync::LazyLock::new(make_ledger);
    LEDGER.clone()
}

fn make_ledger() -> Ledger {
    let mut ledger = Ledger::new();
    for (n, shop) in [(1, SHOP), (2, SHOP), (3, "orders@other.example")] {
        assert_eq!(
            ledger.say(&order(n, shop)).judgement.unwrap().verdict,
            Verdict::Sent
        );
    }
    let mut accepted = |s: Value| assert_eq!(ledger.hear(s).verdict, Verdict::Applied);
    accepted(with(
        record(said_before(SHOP), "T-1", 1),
        "request",
        request(1),
    ));
    accepted(order_status(101, "T-1", 1, "confirmed"));
    accepted(delivery_status(said_before(CARRIER), "T-1", 1, "announced"));
    accepted(delivery_status(103, "T-1", 2, "in-transit"));
    accepted(payment_status(said_before(PAY), "T-1", 1, "pending"));
    let strange = with(
        delivery_status(said_before(EVIL), "T-1", 9, "in-transit"),
        "from",
        EVIL,
    );
    assert_eq!(ledger.hear(strange).verdict, Verdict::Warned);
    ledger
}

fn said_before(sender: &str) -> u64 {
    match sender {
        SHOP => 200,
        CARRIER => 201,
        PAY => 202,
        _ => 203,
    }
}

/// One fault: the line of protocol 5 that it breaks, the warning, and how to make it.
#[derive(Clone, Copy)]
pub struct Fault {
    pub line: u8,
    pub kind: WarningKind,
    pub make: fn(&mut Letter),
}

fn fault(line: u8, kind: WarningKind, make: fn(&mut Letter)) -> Fault {
    Fault { line, kind, make }
}

/// Faults that any letter can have.
pub fn faults_of_any() -> Vec<Fault> {
    vec![
        fault(3, WarningKind::UnprovenSender, |l| {
            l.evidence = Evidence::None
        }),
        fault(4, WarningKind::UnreadableStatement, |l| {
            l.statement["sent"] = json!("yesterday")
        }),
        fault(4, WarningKind::UnreadableStatement, |l| {
            l.statement["sent"] = json!(at(25 * 60).to_string())
        }),
        fault(4, WarningKind::UnsupportedStatement, |l| {
            l.statement["tradepost"] = json!(2)
        }),
        fault(4, WarningKind::UnsupportedStatement, |l| {
            l.statement["body"]["kind"] = json!("poem")
        }),
        fault(5, WarningKind::WrongSender, |l| {
            l.author = "other@shop.example".to_owned()
        }),
        fault(6, WarningKind::WrongRecipient, |l| {
            l.statement["to"] = json!("bob@home.example")
        }),
        fault(7, WarningKind::ConflictingStatement, |l| {
            let sender = l.statement["from"].as_str().unwrap().to_owned();
            l.statement["id"] = json!(uuid(said_before(&sender)));
        }),
        fault(8, WarningKind::UnknownRequest, |l| {
            l.statement["answers"] = json!(uuid(999))
        }),
        fault(8, WarningKind::UnknownRequest, |l| {
            l.statement["request"] = json!(request(999))
        }),
        fault(8, WarningKind::WrongSender, |l| {
            l.statement["answers"] = json!(uuid(3))
        }),
        fault(8, WarningKind::WrongSender, |l| {
            l.statement["request"] = json!(request(3))
        }),
    ]
}

fn by_evil(l: &mut Letter) {
    l.author = EVIL.to_owned();
    l.statement["from"] = json!(EVIL);
}

/// The genuine letters, and what can be wrong with each beyond that.
pub fn cases() -> Vec<(&'static str, Letter, Vec<Fault>)> {
    let status_of_unknown_trade = |l: &mut Letter| l.statement["trade"]["id"] = json!("T-404");
    vec![
        (
            "a delivery status",
            Letter::of(delivery_status(300, "T-1", 3, "out-for-delivery")),
            vec![
                fault(12, WarningKind::NoSuchTrade, status_of_unknown_trade),
                fault(13, WarningKind::WrongSender, by_evil),
                fault(15, WarningKind::WrongItems, |l| {
                    l.statement["body"]["lines"] = json!([{ "line": 2, "quantity": 1 }])
                }),
                fault(15, WarningKind::WrongItems, |l| {
                    l.statement["body"]["lines"] = json!([{ "line": 0, "quantity": 3 }])
                }),
                fault(16, WarningKind::ImpossibleStep, |l| {
                    l.statement["body"]["state"] = json!("announced")
                }),
                fault(16, WarningKind::ConflictingStatus, |l| {
                    l.statement["body"]["sequence"] = json!(2)
                }),
            ],
        ),
        (
            "a payment status",
            Letter::of(payment_status(301, "T-1", 2, "authorized")),
            vec![
                fault(12, WarningKind::NoSuchTrade, status_of_unknown_trade),
                fault(13, WarningKind::WrongSender, by_evil),
                fault(14, WarningKind::WrongAmount, |l| {
                    l.statement["body"]["amount"] = eur("58.01")
                }),
                fault(14, WarningKind::WrongAmount, |l| {
                    l.statement["body"]["amount"] = json!({ "amount": "58.00", "currency": "USD" });
                }),
                fault(14, WarningKind::WrongAmount, |l| {
                    l.statement["body"]["paid"] = eur("58.01")
                }),
                fault(14, WarningKind::WrongAmount, |l| {
                    l.statement["body"]["paid"] = eur("10.00");
                    l.statement["body"]["refunded"] = eur("10.01");
                }),
                fault(14, WarningKind::WrongAmount, |l| {
                    l.statement["body"]["refunded"] = eur("0.01")
                }),
                fault(16, WarningKind::ConflictingStatus, |l| {
                    l.statement["body"]["sequence"] = json!(1)
                }),
            ],
        ),
        (
            "an order status",
            Letter::of(order_status(302, "T-1", 2, "preparing")),
            vec![
                fault(9, WarningKind::WrongSender, by_evil),
                fault(12, WarningKind::NoSuchTrade, status_of_unknown_trade),
                fault(16, WarningKind::ConflictingStatus, |l| {
                    l.statement["body"]["sequence"] = json!(1)
                }),
            ],
        ),
        (
            "a trade record that answers an order",
            Letter::of(with(
                with(record(303, "T-2", 1), "request", request(2)),
                "answers",
                uuid(2),
            )),
            vec![
                fault(10, WarningKind::SecondTrade, |l| {
                    l.statement["request"] = json!(request(1));
                    l.statement["answers"] = json!(uuid(1));
                }),
                fault(11, WarningKind::ChangedContents, |l| {
                    l.statement["body"]["total"] = eur("57.00")
                }),
                fault(11, WarningKind::ChangedContents, |l| {
                    l.statement["body"]["charges"][0]["price"] = eur("5.01");
                    l.statement["body"]["total"] = eur("58.01");
                }),
                fault(11, WarningKind::ChangedContents, |l| {
                    l.statement["body"]["lines"][0]["name"] = json!("Blue kettle")
                }),
                fault(11, WarningKind::ChangedContents, |l| {
                    l.statement["body"]["lines"][0]["sku"] = json!("K-2")
                }),
                fault(11, WarningKind::ChangedContents, |l| {
                    l.statement["body"]["lines"][1]["quantity"] = json!(2);
                    l.statement["body"]["charges"] = json!([]);
                }),
                fault(11, WarningKind::ChangedContents, |l| {
                    l.statement["body"]["payment"]["method"] = json!("bank-transfer")
                }),
                fault(11, WarningKind::ChangedContents, |l| {
                    l.statement["body"]["delivery"]["method"] = json!("electronic")
                }),
                fault(11, WarningKind::ChangedContents, |l| {
                    l.statement["body"]["buyer"]["name"] = json!("Eve")
                }),
                fault(11, WarningKind::ChangedContents, |l| {
                    l.statement["body"]["deliver_to"] =
                        json!({ "name": "Eve", "address": buyer_json()["address"] });
                }),
            ],
        ),
        (
            "a trade record of an order placed elsewhere",
            Letter::of(record(304, "T-3", 1)),
            vec![
                fault(9, WarningKind::WrongSender, by_evil),
                fault(11, WarningKind::ChangedContents, |l| {
                    l.statement["body"]["total"] = eur("57.00")
                }),
            ],
        ),
        (
            "a decision about a return",
            Letter::of(with(
                about(
                    statement(
                        305,
                        SHOP,
                        ANN,
                        json!({ "kind": "return-decision", "accepted": true, "refund": eur("5.00") }),
                    ),
                    "T-1",
                ),
                "answers",
                uuid(1),
            )),
            vec![
                fault(12, WarningKind::NoSuchTrade, status_of_unknown_trade),
                fault(14, WarningKind::WrongAmount, |l| {
                    l.statement["body"]["refund"] = eur("58.01")
                }),
            ],
        ),
    ]
}

/// A lie: a genuine letter with one fault, and what becomes of it.
pub struct Lie {
    pub name: String,
    pub letter: Letter,
    pub expected: Expected,
}

/// What becomes of a letter, and by which line of protocol 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    pub verdict: Verdict,
    pub line: u8,
    pub warning: Option<WarningKind>,
}

const fn warned(line: u8, kind: WarningKind) -> Expected {
    Expected {
        verdict: Verdict::Warned,
        line,
        warning: Some(kind),
    }
}

const fn without_warning(verdict: Verdict, line: u8) -> Expected {
    Expected {
        verdict,
        line,
        warning: None,
    }
}

/// The ledger that all lies are told to: beside [`under_way`] a trade T-5 that is expected, an order 4 that
/// was rejected, a trade T-7 that was adopted, and questions to shop and carrier.
pub fn ledger() -> Ledger {
    static LEDGER: std::sync::LazyLock<Ledger> = std::sync::LazyLock::new(make_whole_ledger);
    LEDGER.clone()
}

fn make_whole_ledger() -> Ledger {
    let mut ledger = under_way();
    let expect = Act::Expect {
        order: "tradepost:orders@shop.example?trade=T-5&total=58.00EUR"
            .parse()
            .unwrap(),
    };
    let _ = ledger.act(&expect);
    let question = statement(210, ANN, CARRIER, json!({ "kind": "status-request" }));
    let wish = statement(211, ANN, SHOP, json!({ "kind": "return" }));
    for own in [order(4, SHOP), about(question, "T-1"), about(wish, "T-1")] {
        assert_eq!(ledger.say(&own).judgement.unwrap().verdict, Verdict::Sent);
    }
    assert_eq!(ledger.hear(rejection(212, 4)).verdict, Verdict::Applied);
    assert_eq!(ledger.hear(record(213, "T-7", 1)).verdict, Verdict::Adopted);
    ledger
}

/// The shop rejects the order of this number.
fn rejection(n: u64, order: u64) -> Value {
    let body = json!({ "kind": "order-rejected", "reason": "declined", "text": "no" });
    let rejected = with(statement(n, SHOP, ANN, body), "request", request(order));
    with(rejected, "answers", uuid(order))
}

/// More genuine letters for [`ledger`], and what can be wrong with each.
type More = (&'static str, Letter, Vec<(Expected, fn(&mut Letter))>);

fn more() -> Vec<More> {
    use WarningKind::{
        ChangedContents, NoSuchTrade, SecondTrade, Undecryptable, WrongAmount, WrongSender,
    };
    vec![
        (
            "a status of the carrier",
            Letter::of(delivery_status(300, "T-1", 3, "out-for-delivery")),
            vec![
                (without_warning(Verdict::Held, 2), |l| {
                    l.evidence = Evidence::None;
                    l.undecided = Some(Evidence::Dkim);
                }),
                (warned(4, Undecryptable), |l| {
                    l.unreadable = Some(Unreadable::Undecryptable)
                }),
                (without_warning(Verdict::Held, 4), |l| {
                    l.statement["sent"] = json!(at(11).to_string())
                }),
                (without_warning(Verdict::Duplicate, 7), |l| {
                    l.statement = delivery_status(said_before(CARRIER), "T-1", 1, "announced")
                }),
                (warned(12, WrongSender), |l| {
                    by_evil(l);
                    l.statement["trade"]["shop"] = json!("shop@evil.example");
                }),
                (warned(12, NoSuchTrade), |l| {
                    l.statement["trade"]["shop"] = json!("shop@evil.example")
                }),
                (warned(12, WrongSender), |l| {
                    by_evil(l);
                    l.statement["trade"] = json!({ "shop": EVIL, "id": "T-5" });
                }),
                (warned(13, WrongSender), |l| {
                    l.statement["body"] = json!({ "kind": "recall" })
                }),
            ],
        ),
        (
            "a part of the payment",
            {
                let mut status = payment_status(301, "T-1", 2, "partly-paid");
                status["body"]["paid"] = eur("10.00");
                Letter::of(status)
            },
            vec![(warned(14, WrongAmount), |l| {
                l.statement["body"]["paid"] = json!({ "amount": "10.00", "currency": "USD" })
            })],
        ),
        (
            "the rejection of an order",
            Letter::of(rejection(306, 2)),
            vec![(warned(10, SecondTrade), |l| {
                l.statement["request"] = json!(request(1));
                l.statement["answers"] = json!(uuid(1));
            })],
        ),
        (
            "the record of an order",
            Letter::of(with(record(303, "T-2", 1), "request", request(2))),
            vec![(warned(10, SecondTrade), |l| {
                l.statement["request"] = json!(request(4))
            })],
        ),
        (
            "the record of an expected trade",
            Letter::of(record(307, "T-5", 1)),
            vec![(warned(11, ChangedContents), |l| {
                l.statement["body"]["charges"][0]["price"] = eur("5.01");
                l.statement["body"]["total"] = eur("58.01");
            })],
        ),
        (
            "a later version of a record that no order limits",
            Letter::of(record(308, "T-7", 2)),
            vec![(warned(11, ChangedContents), |l| {
                l.statement["body"]["charges"][0]["price"] = eur("4.00");
                l.statement["body"]["total"] = eur("57.00");
            })],
        ),
        (
            "a later version of a record",
            Letter::of(with(record(309, "T-1", 2), "request", request(1))),
            vec![(warned(11, ChangedContents), |l| {
                l.statement["body"]["payment"]["processor"] = json!(EVIL)
            })],
        ),
        (
            "the answer to the wish to return something",
            {
                let body =
                    json!({ "kind": "return-decision", "accepted": true, "refund": eur("5.00") });
                let decision = about(statement(310, SHOP, ANN, body), "T-1");
                Letter::of(with(decision, "answers", uuid(211)))
            },
            vec![(warned(9, WrongSender), |l| {
                l.author = CARRIER.to_owned();
                l.statement["from"] = json!(CARRIER);
                l.statement["answers"] = json!(uuid(210));
            })],
        ),
    ]
}

/// All genuine letters for [`ledger`].
pub fn genuine() -> Vec<(&'static str, Letter)> {
    let first = cases().into_iter().map(|(name, letter, _)| (name, letter));
    let more = more().into_iter().map(|(name, letter, _)| (name, letter));
    first.chain(more).collect()
}

/// All lies for [`ledger`].
pub fn lies() -> Vec<Lie> {
    let mut lies = Vec::new();
    let mut lie = |name: &str, genuine: &Letter, expected: Expected, make: fn(&mut Letter)| {
        let mut letter = genuine.clone();
        make(&mut letter);
        lies.push(Lie {
            name: format!("{name}, {expected:?}: {}", letter.statement),
            letter,
            expected,
        });
    };
    for (name, genuine, own_faults) in cases() {
        for fault in faults_of_any().into_iter().chain(own_faults) {
            lie(name, &genuine, warned(fault.line, fault.kind), fault.make);
        }
    }
    for (name, genuine, faults) in more() {
        for (expected, make) in faults {
            lie(name, &genuine, expected, make);
        }
    }
    lies
}
