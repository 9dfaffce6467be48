//! Cancelling and returning (E7, E23), and wishes for notices (Q5, Q6), as the buyer's ledger
//! decides them.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{self as buyer, ActRefusal, Back, Notice, Saying, Verdict};
use tradepost_statements::wish::Wishes;
use tradepost_statements::{Body, RequestId, wire};

fn answer(n: u64) -> Value {
    let record = with(record(n, "T-1", 1), "request", request(1));
    with(record, "answers", uuid(1))
}

/// Ann has ordered two kettles and tea, and the shop has made the trade T-1.
fn bought() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let _ = ledger.hear(answer(10));
    ledger
}

fn back(line: u32, quantity: u32) -> Back {
    Back {
        line,
        quantity: std::num::NonZeroU32::new(quantity),
    }
}

fn wants(ledger: &Ledger, lines: &[Back]) -> Result<Saying, ActRefusal> {
    buyer::return_goods(&ledger.rows, &trade(SHOP, "T-1"), lines, None)
}

fn body(saying: &Saying) -> Value {
    wire::body_to_value(&saying.body)
}

/// The statement that says it.
fn said(n: u64, saying: &Saying) -> Value {
    about(statement(n, ANN, saying.to.as_str(), body(saying)), "T-1")
}

fn decision(n: u64, answers: u64, accepted: bool) -> Value {
    let body = json!({
        "kind": "return-decision", "accepted": accepted, "refund": eur("24.00"), "text": "within 14 days",
        "send_to": { "name": "Returns", "address": { "street": "2 Back Road", "city": "Springfield", "country": "US" } },
    });
    with(
        about(statement(n, SHOP, ANN, body), "T-1"),
        "answers",
        uuid(answers),
    )
}

/// E23.
// Requirements: E23
#[test]
fn everything_or_some_lines_are_returned_and_never_more_than_there_is() {
    let mut ledger = bought();
    let all = wants(&ledger, &[]).unwrap();
    assert_eq!(body(&all), json!({ "kind": "return" }));
    assert_eq!(
        (all.to.as_str(), all.trade.clone()),
        (SHOP, Some(trade(SHOP, "T-1")))
    );

    let one = wants(&ledger, &[back(0, 1)]).unwrap();
    let lines = json!([{ "line": 0, "quantity": 1 }]);
    assert_eq!(body(&one)["lines"], lines);
    assert_eq!(
        body(&wants(&ledger, &[back(0, 2)]).unwrap())["lines"][0]["quantity"],
        2
    );
    for too_much in [&[back(0, 3)][..], &[back(0, 2), back(0, 1)]] {
        assert!(matches!(
            wants(&ledger, too_much),
            Err(ActRefusal::MoreThanIsLeft { number: 1, .. })
        ));
    }
    assert_eq!(
        wants(&ledger, &[back(2, 1)]),
        Err(ActRefusal::NoSuchLine {
            number: 3,
            lines: 2
        })
    );

    // What is on its way back is not there any more.
    let _ = ledger.say(&said(20, &one));
    assert!(wants(&ledger, &[back(0, 1)]).is_ok());
    assert!(matches!(
        wants(&ledger, &[back(0, 2)]),
        Err(ActRefusal::MoreThanIsLeft { left: 1, .. })
    ));
    let rest = wants(&ledger, &[]).unwrap();
    let lines = json!([{ "line": 0, "quantity": 1 }, { "line": 1, "quantity": 1 }]);
    assert_eq!(body(&rest)["lines"], lines);
    let _ = ledger.say(&said(21, &rest));
    assert_eq!(
        wants(&ledger, &[]),
        Err(ActRefusal::NothingIsLeft(trade(SHOP, "T-1")))
    );
    // What the shop declined is the person's still.
    let _ = ledger.hear(decision(30, 21, false));
    assert_eq!(body(&wants(&ledger, &[]).unwrap())["lines"], lines);
}

/// E23.
// Requirements: E23
#[test]
fn the_shops_decision_stands_beside_what_was_asked_whatever_came_first() {
    let mut ledger = bought();
    let asked = wants(&ledger, &[back(0, 1)]).unwrap();
    let _ = ledger.say(&said(20, &asked));
    let before = &ledger.show("T-1")["undoing"][0];
    assert_eq!(
        (&before["kind"], &before["answered"], &before["decision"]),
        (&json!("return"), &json!(false), &json!(null))
    );

    let mut no = decision(30, 20, false);
    no["sent"] = json!(at(5).to_string());
    let mut yes = decision(31, 20, true);
    yes["sent"] = json!(at(9).to_string());
    let mut other = ledger.clone();
    let heard = ledger.change_by(&Letter::of(no.clone()), "no");
    assert!(heard.notices.contains(&Notice::ReturnDecided {
        trade: trade(SHOP, "T-1"),
        accepted: false
    }));
    let _ = ledger.hear(yes.clone());
    let _ = other.hear(yes);
    let _ = other.hear(no);
    for ledger in [&ledger, &other] {
        let undoing = &ledger.show("T-1")["undoing"][0];
        assert_eq!(undoing["decision"]["accepted"], true);
        assert_eq!(undoing["decision"]["refund"], eur("24.00"));
        assert_eq!(undoing["decision"]["send_to"]["name"], "Returns");
        assert_eq!(undoing["answered"], true);
        assert_eq!(undoing["lines"], json!([{ "line": 0, "quantity": 1 }]));
    }

    // Only the shop decides.
    let mut forged = decision(32, 20, false);
    forged["from"] = json!(CARRIER);
    forged["sent"] = json!(at(10).to_string());
    assert_eq!(ledger.hear(forged).rule, Some(8));
    assert_eq!(
        ledger.show("T-1")["undoing"][0]["decision"]["accepted"],
        true
    );
}

/// Protocol 3, "Decisions": the shop says it again after each question, as its letter may be lost.
// Requirements: E23
#[test]
fn a_decision_that_is_said_again_is_a_duplicate_and_makes_up_for_a_lost_one() {
    let mut ledger = bought();
    let saying = wants(&ledger, &[back(0, 1)]).unwrap();
    let _ = ledger.say(&said(20, &saying));
    let _ = ledger.hear(with(
        order_status(21, "T-1", 1, "shipped"),
        "answers",
        uuid(20),
    ));
    let mut never_got_the_first = ledger.clone();
    let first = decision(30, 20, true);
    let _ = ledger.hear(first.clone());
    let before = ledger.show("T-1");

    let heard = ledger.change_by(&Letter::of(first.clone()), "again");
    assert_eq!(heard.judgement.unwrap().verdict, Verdict::Duplicate);
    assert!(heard.notices.is_empty(), "{:?}", heard.notices);
    assert_eq!(ledger.show("T-1"), before);

    let _ = never_got_the_first.change_by(&Letter::of(first), "again");
    let undoing = |ledger: &Ledger| ledger.show("T-1")["undoing"].clone();
    assert_eq!(undoing(&never_got_the_first), undoing(&ledger));
    assert_eq!(undoing(&ledger)[0]["decision"]["accepted"], true);
    for ledger in [&ledger, &never_got_the_first] {
        assert_eq!(ledger.open(), Vec::<String>::new());
    }
}

/// E7: the cancellation and the record cross on their way.
// Requirements: E7
#[test]
fn an_order_is_cancelled_before_its_record_came_and_the_record_does_not_answer_that() {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let id: RequestId = request(1).parse().unwrap();
    let cancel = buyer::cancel_request(&ledger.rows, &id, None).unwrap();
    assert_eq!((cancel.to.as_str(), &cancel.trade), (SHOP, &None));
    let _ = ledger.say(&with(
        statement(2, ANN, SHOP, body(&cancel)),
        "request",
        request(1),
    ));

    let _ = ledger.hear(answer(10));
    let state = |ledger: &Ledger| {
        let requests = buyer::view::requests(&ledger.rows);
        let cancel = requests.iter().find(|r| r.kind.word() == "cancel");
        cancel.unwrap().state
    };
    assert_eq!(ledger.trade("T-1")["origin"], "placed");
    assert_eq!(state(&ledger).word(), "sent");
    assert_eq!(ledger.show("T-1")["undoing"][0]["kind"], "cancel");

    let cancelled = with(order_status(11, "T-1", 1, "cancelled"), "answers", uuid(2));
    let _ = ledger.hear(cancelled);
    assert_eq!(state(&ledger).word(), "answered");
    assert_eq!(ledger.trade("T-1")["order"]["state"], "cancelled");
    assert_eq!(ledger.trade("T-1")["ended"], true);
    assert_eq!(
        buyer::cancel_request(&ledger.rows, &id, None),
        Err(ActRefusal::OrderBecameATrade(trade(SHOP, "T-1")))
    );
    assert_eq!(ledger.open(), Vec::<String>::new());
}

/// E7: no trade was made.
#[test]
fn a_cancelled_order_that_became_no_trade_is_rejected_and_that_is_the_answer() {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let id: RequestId = request(1).parse().unwrap();
    let cancel = buyer::cancel_request(&ledger.rows, &id, None).unwrap();
    let cancel = with(
        statement(2, ANN, SHOP, body(&cancel)),
        "request",
        request(1),
    );
    let _ = ledger.say(&cancel);
    let rejected =
        json!({ "kind": "order-rejected", "reason": "cancelled-by-buyer", "text": "as you wish" });
    let rejected = with(statement(11, SHOP, ANN, rejected), "request", request(1));
    let _ = ledger.hear(with(rejected, "answers", uuid(2)));
    let requests = buyer::view::requests(&ledger.rows);
    let states: Vec<&str> = requests.iter().map(|r| r.state.word()).collect();
    assert_eq!(states, ["refused", "answered"], "{requests:?}");
    assert_eq!(
        buyer::cancel_request(&ledger.rows, &id, None),
        Err(ActRefusal::OrderWasRejected(
            "cancelled-by-buyer".to_owned()
        ))
    );
}

/// Q5, Q6.
// Requirements: Q5
#[test]
fn wishes_go_to_each_server_of_the_trade_once() {
    let wishes: Wishes =
        serde_json::from_value(json!({ "on": ["delivery.delivered"], "to": "phone@home.example" }))
            .unwrap();
    let name = trade(SHOP, "T-1");
    let ledger = bought();
    let told = buyer::wishes_for_trade(&ledger.rows, &name, &wishes).unwrap();
    let servers: Vec<&str> = told.iter().map(|s| s.to.as_str()).collect();
    assert_eq!(servers, [SHOP, CARRIER, PAY]);
    assert!(told.iter().all(|s| s.body == Body::Notify(wishes.clone())));
    assert!(told.iter().all(|s| s.trade == Some(name.clone())));

    // E27: one server is all of them.
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    let mut record = answer(10);
    record["body"]["payment"]["processor"] = json!(SHOP);
    record["body"]["delivery"]["carriers"] = json!([{ "address": SHOP }]);
    let id: RequestId = request(1).parse().unwrap();
    let by_request = |ledger: &Ledger| buyer::wishes_for_order(&ledger.rows, &id, &wishes).unwrap();
    let before = by_request(&ledger);
    assert_eq!((before.len(), &before[0].request), (1, &Some(id.clone())));
    let _ = ledger.hear(record);
    let after = by_request(&ledger);
    assert_eq!((after.len(), &after[0].trade), (1, &Some(name)));
}

/// Protocol 5: a server listens only to the trade's buyer.
#[test]
fn the_address_that_the_shop_wrote_to_speaks_about_an_adopted_trade() {
    let mut ledger = Ledger::new();
    let other = "ann@work.example";
    ledger.settings.ours.insert(address(other));
    let mut adopted = record(10, "T-1", 1);
    adopted["to"] = json!(other);
    let _ = ledger.hear(adopted);
    let asked = wants(&ledger, &[]).unwrap();
    assert_eq!(asked.speaker(&ledger.rows), Some(address(other)));
    let ordered = wants(&bought(), &[]).unwrap();
    assert_eq!(ordered.speaker(&bought().rows), Some(address(ANN)));
}
