//! The judgement of servers is a table, and no row of it stands for nothing: judged by all rows but one, a lie
//! is judged otherwise than by all. Each lie is a genuine letter with one fault.

use serde_json::{Value, json};
use tradepost_parties::kernel::{PartyOutcome, PartyRule, RULES};
use tradepost_statements::Evidence;
use tradepost_trades::letter::{Content, Received};

use crate::scene::{delivery, payment};
use crate::server::{ANN, CARRIER, PROCESSOR, REQUEST, SHOP, Server, eur, order_body, trade};

const EVIL: &str = "evil@evil.example";
const OTHER_SHOP: &str = "sales@other.example";

/// A letter, and the server that it comes to.
#[derive(Clone)]
struct Told {
    server: Server,
    statement: Value,
    letter: Received,
}

impl Told {
    fn to(mut server: Server, from: &str, about: Value, body: Value) -> Told {
        let statement = server.statement(from, about, body);
        let mut letter = Server::letter(from, &statement);
        "the letter".clone_into(&mut letter.digest);
        Told {
            server,
            statement,
            letter,
        }
    }

    fn outcome_by(&self, rules: &[PartyRule]) -> PartyOutcome {
        let mut letter = self.letter.clone();
        if matches!(letter.content, Content::Statement(_)) {
            letter.content = Content::of_json(self.statement.to_string());
        }
        self.server.outcome_by(rules, &letter)
    }

    /// In the name of somebody else, who is proven.
    fn by(&mut self, who: &str) {
        self.statement["from"] = json!(who);
        self.letter.author = Some(who.parse().unwrap());
    }
}

/// The line of protocol 5 that decides, how the outcome begins, and the one thing that is wrong.
type Fault = (u8, &'static str, fn(&mut Told));

/// A shop with a trade under way: Ann asked about it, under an id that is known since.
fn shop() -> (Server, Value, Value) {
    let mut shop = Server::shop();
    let named = trade(&shop.order());
    let asked = shop.statement(ANN, named.clone(), json!({ "kind": "status-request" }));
    let came = shop.receive(Server::letter(ANN, &asked));
    assert!(matches!(came.outcome, PartyOutcome::Answered(_)));
    (shop, named, asked)
}

/// Genuine letters, how what comes of each begins, and what can be wrong with it.
fn cases() -> Vec<(Told, &'static str, Vec<Fault>)> {
    let (shop, named, _) = shop();
    let order = || {
        Told::to(
            Server::shop(),
            ANN,
            json!({ "request": REQUEST }),
            order_body(),
        )
    };
    let proven_by_dkim = {
        let mut order = order();
        order.server.settings.minimum = Evidence::Dkim;
        order.letter.evidence = Evidence::Dkim;
        order
    };
    let believed_by_all = {
        let mut order = order();
        order.server.settings.minimum = Evidence::None;
        order
    };
    let at = json!("2026-11-20T09:59:00Z");
    let picked_up = json!({ "kind": "delivery-status", "sequence": 1, "state": "picked-up",
        "at": at, "delivery": {} });
    let pending = json!({ "kind": "payment-status", "sequence": 1, "state": "pending",
        "at": at, "amount": eur("98.00"), "settle": {} });
    let mut carrier = Server::carrier();
    let shops = &mut carrier.settings.carrier.as_mut().unwrap().shops;
    shops.insert(OTHER_SHOP.parse().unwrap());
    let status_request = json!({ "kind": "status-request" });
    vec![
        (order(), "TradeMade", of_any_letter()),
        (
            proven_by_dkim,
            "TradeMade",
            vec![(3, "Ignored(SenderIsNotProven", |t| {
                t.letter.evidence = Evidence::Relay
            })],
        ),
        (
            believed_by_all,
            "TradeMade",
            vec![(3, "Ignored(SenderIsNotProven", |t| {
                t.letter.evidence = Evidence::None
            })],
        ),
        (
            Told::to(shop.clone(), ANN, named.clone(), status_request),
            "Answered",
            of_a_request(),
        ),
        (
            Told::to(shop.clone(), CARRIER, named.clone(), picked_up),
            "Heard",
            vec![
                (8, "Ignored(AnswersNothing", |t| {
                    t.statement["answers"] = t.statement["id"].clone()
                }),
                (13, "Ignored(SenderIsNoPartyOfTheTrade", |t| t.by(EVIL)),
            ],
        ),
        (
            Told::to(shop, PROCESSOR, named, pending),
            "Heard",
            vec![
                (13, "Ignored(SenderIsNoPartyOfTheTrade", |t| t.by(EVIL)),
                (14, "Ignored(AmountIsNotTheTotal", |t| {
                    t.statement["body"]["amount"] = eur("98.01")
                }),
            ],
        ),
        (
            Told::to(carrier, SHOP, trade("T-2"), delivery()),
            "Done",
            vec![
                (13, "Ignored(NotForThisServer", |t| {
                    t.server = Server::processor();
                    t.statement["to"] = json!(PROCESSOR);
                }),
                (13, "Ignored(SenderMayNotInstruct", |t| t.by(OTHER_SHOP)),
                (13, "Ignored(SenderMayNotInstruct", |t| {
                    t.by(EVIL);
                    t.statement["trade"]["shop"] = json!(EVIL);
                }),
            ],
        ),
        (
            Told::to(Server::processor(), SHOP, trade("T-2"), payment()),
            "Done",
            vec![
                (13, "Ignored(NotForThisServer", |t| {
                    t.server = Server::carrier();
                    t.statement["to"] = json!(CARRIER);
                }),
                (13, "Ignored(SenderMayNotInstruct", |t| {
                    t.by(EVIL);
                    t.statement["trade"]["shop"] = json!(EVIL);
                }),
            ],
        ),
    ]
}

fn of_any_letter() -> Vec<Fault> {
    vec![
        (2, "HeldForProof", |t| {
            t.letter.evidence = Evidence::None;
            t.letter.undecided = Some(Evidence::Dkim);
        }),
        (2, "Ignored(SameLetter", |t| {
            // The letter waits already; of this copy somebody has left the signature out.
            t.letter.evidence = Evidence::None;
            let undecided = Received {
                undecided: Some(Evidence::Dkim),
                ..t.letter.clone()
            };
            let came = t.server.receive(undecided);
            assert!(matches!(came.outcome, PartyOutcome::HeldForProof { .. }));
        }),
        (3, "Ignored(SenderIsNotProven", |t| t.letter.author = None),
        (3, "Ignored(SenderIsNotProven", |t| {
            t.letter.evidence = Evidence::None
        }),
        (4, "Ignored(StatementIsUnreadable", |t| {
            t.statement = json!({ "tradepost": 1 })
        }),
        (4, "Ignored(SentIsFarAhead", |t| {
            t.statement["sent"] = json!("2026-11-21T10:00:01Z")
        }),
        (4, "Held", |t| {
            t.statement["sent"] = json!("2026-11-20T10:10:01Z")
        }),
        (5, "Ignored(StatementIsFromAnother", |t| {
            t.letter.author = Some("bob@home.example".parse().unwrap())
        }),
        (6, "Ignored(StatementIsForAnother", |t| {
            t.statement["to"] = json!("orders@other.example")
        }),
    ]
}

fn of_a_request() -> Vec<Fault> {
    vec![
        (7, "Ignored(StatementIdWithOtherContent", |t| {
            let (_, _, asked) = shop();
            t.statement["id"] = asked["id"].clone();
            t.statement["sent"] = json!("2026-11-20T09:59:00Z");
        }),
        (7, "AnswerRepeated", |t| {
            let (_, _, asked) = shop();
            t.statement = asked;
        }),
        (8, "Ignored(AnswersNothing", |t| {
            t.statement["answers"] = t.statement["id"].clone()
        }),
    ]
}

/// The line that decides about each lie, what comes of it, and the lie.
fn lies() -> Vec<(u8, &'static str, Told)> {
    let mut lies = Vec::new();
    for (genuine, _, faults) in cases() {
        for (line, expected, fault) in faults {
            let mut lie = genuine.clone();
            fault(&mut lie);
            lies.push((line, expected, lie));
        }
    }
    lies
}

#[test]
fn by_the_whole_table_every_genuine_letter_is_decided_about_and_every_lie_is_not() {
    for (genuine, expected, _) in cases() {
        let outcome = format!("{:?}", genuine.outcome_by(RULES));
        assert!(outcome.starts_with(expected), "{outcome} for {expected}");
    }
    for (line, expected, lie) in lies() {
        let outcome = format!("{:?}", lie.outcome_by(RULES));
        assert!(
            outcome.starts_with(expected),
            "line {line}: {outcome} for {expected}"
        );
    }
}

// Requirements: E16
#[test]
fn without_any_row_some_lie_is_judged_otherwise() {
    let lies: Vec<(u8, Told, PartyOutcome)> = lies()
        .into_iter()
        .map(|(line, _, lie)| {
            let outcome = lie.outcome_by(RULES);
            (line, lie, outcome)
        })
        .collect();
    let mut unnoticed = Vec::new();
    for (n, row) in RULES.iter().enumerate() {
        let without: Vec<PartyRule> = [&RULES[..n], &RULES[n + 1..]].concat();
        let mut of_its_line = lies.iter().filter(|(line, ..)| *line == row.line);
        if !of_its_line.any(|(_, lie, outcome)| lie.outcome_by(&without) != *outcome) {
            unnoticed.push(row.to_string());
        }
    }
    let noticed = RULES.len() - unnoticed.len();
    println!("{} rows tried, {noticed} noticed", RULES.len());
    assert_eq!(unnoticed, [""; 0], "no lie needs these rows");
}

#[test]
fn the_rows_stand_in_the_order_of_the_lines() {
    assert!(RULES.is_sorted_by_key(|row| row.line));
}
