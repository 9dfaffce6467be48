//! The buyer asks for the present status, of a trade or of an order that was never answered
//! (E15, E21, Q4).
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use support::{
    ANN, CARRIER, Ledger, Letter, PAY, SHOP, about, address, at, delivery_status, order,
    order_status, record, request, statement, trade, uuid, with,
};
use tradepost_buyer::{
    self as buyer, ActRefusal, AskedParty, Asking, Saying, Subject, Verdict, view,
};
use tradepost_statements::{Body, Time};

const VAN: &str = "van@van.example";

fn ordered() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    ledger
}

fn with_trade() -> Ledger {
    let mut ledger = ordered();
    let answer = with(record(10, "T-1", 1), "request", request(1));
    assert_eq!(ledger.hear(answer).verdict, Verdict::Applied);
    ledger
}

fn by_trade(id: &str) -> Subject {
    Subject::Trade(trade(SHOP, id))
}

fn by_request(n: u64) -> Subject {
    Subject::Request(request(n).parse().unwrap())
}

fn ask(ledger: &Ledger, subject: &Subject, parties: &[AskedParty]) -> Result<Asking, ActRefusal> {
    let parties: BTreeSet<AskedParty> = parties.iter().copied().collect();
    buyer::ask(
        &ledger.settings,
        &ledger.rows,
        subject,
        &parties,
        ledger.now,
    )
}

fn asked(asking: &Asking) -> Vec<&str> {
    asking.say.iter().map(|s| s.to.as_str()).collect()
}

/// Says what was decided, as the shell does; the first statement has the number `n`.
fn say(ledger: &mut Ledger, asking: &Asking, n: u64) {
    for (n, saying) in (n..).zip(&asking.say) {
        assert_eq!(saying.body, Body::StatusRequest);
        let _ = ledger.say(&in_envelope(n, saying, ledger.now));
    }
}

fn in_envelope(n: u64, saying: &Saying, now: Time) -> serde_json::Value {
    let question = statement(
        n,
        ANN,
        saying.to.as_str(),
        json!({ "kind": "status-request" }),
    );
    let question = with(question, "sent", now.to_string());
    match (&saying.trade, &saying.request) {
        (Some(trade), None) => about(question, trade.id.as_str()),
        (None, Some(request)) => with(question, "request", request.to_string()),
        other => panic!("{other:?}"),
    }
}

/// E21: shop, carrier and payment processor, or the one that is chosen.
// Requirements: E21
#[test]
fn all_three_are_asked_or_the_one_that_is_chosen() {
    let ledger = with_trade();
    let subject = by_trade("T-1");
    assert_eq!(
        asked(&ask(&ledger, &subject, &[]).unwrap()),
        [SHOP, CARRIER, PAY]
    );
    for (party, who) in [
        (AskedParty::Shop, SHOP),
        (AskedParty::Carrier, CARRIER),
        (AskedParty::Payment, PAY),
    ] {
        let asking = ask(&ledger, &subject, &[party]).unwrap();
        assert_eq!(asked(&asking), [who]);
        assert_eq!(asking.say[0].trade, Some(trade(SHOP, "T-1")));
        assert_eq!(asking.say[0].request, None);
    }
    let two = [AskedParty::Payment, AskedParty::Shop];
    assert_eq!(asked(&ask(&ledger, &subject, &two).unwrap()), [SHOP, PAY]);
    let refused = ask(&ledger, &by_trade("T-2"), &[]).unwrap_err();
    assert_eq!(refused, ActRefusal::NoSuchTrade(trade(SHOP, "T-2")));
}

/// E21: every carrier that brings a parcel, one that a later record leaves out too.
// Requirements: E21
#[test]
fn each_carrier_that_brings_a_parcel_is_asked() {
    let mut ledger = with_trade();
    let _ = ledger.hear(delivery_status(20, "T-1", 1, "in-transit"));
    let mut second = with(record(11, "T-1", 2), "request", request(1));
    second["body"]["delivery"]["carriers"] = json!([{ "address": VAN }]);
    assert_eq!(ledger.hear(second).verdict, Verdict::Applied);
    let asking = ask(&ledger, &by_trade("T-1"), &[AskedParty::Carrier]).unwrap();
    assert_eq!(asked(&asking), [CARRIER, VAN]);
}

/// E27, protocol 3: one question, since the server answers for all its tracks.
#[test]
fn a_server_that_is_all_three_is_asked_once() {
    let mut ledger = ordered();
    let mut answer = with(record(10, "T-1", 1), "request", request(1));
    answer["body"]["payment"]["processor"] = json!(SHOP);
    answer["body"]["delivery"]["carriers"] = json!([{ "address": SHOP }]);
    assert_eq!(ledger.hear(answer).verdict, Verdict::Applied);
    assert_eq!(asked(&ask(&ledger, &by_trade("T-1"), &[]).unwrap()), [SHOP]);
}

/// Q4: who never got the answer to an order asks by its request id, and only the shop is known.
// Requirements: Q4
#[test]
fn an_order_without_an_answer_is_asked_about_by_its_request_id() {
    let mut ledger = ordered();
    let asking = ask(&ledger, &by_request(1), &[]).unwrap();
    assert_eq!(asked(&asking), [SHOP]);
    assert_eq!(asking.say[0].trade, None);
    assert_eq!(
        asking.say[0].request.as_ref().unwrap().to_string(),
        request(1)
    );
    assert_eq!(
        ask(&ledger, &by_request(1), &[AskedParty::Shop]).unwrap(),
        asking
    );
    let id = request(1).parse().unwrap();
    assert_eq!(
        ask(&ledger, &by_request(1), &[AskedParty::Carrier]),
        Err(ActRefusal::OnlyTheShopIsKnown(id))
    );
    let id = request(2).parse().unwrap();
    assert_eq!(
        ask(&ledger, &by_request(2), &[]),
        Err(ActRefusal::NoSuchRequest(id))
    );

    // Once it has become a trade, the request id names that.
    let _ = ledger.hear(with(record(10, "T-1", 1), "request", request(1)));
    let asking = ask(&ledger, &by_request(1), &[]).unwrap();
    assert_eq!(asked(&asking), [SHOP, CARRIER, PAY]);
    assert_eq!(asking.say[0].trade, Some(trade(SHOP, "T-1")));
}

/// Of one server about one trade there is one open question: asked anew, that one is sent again, but
/// not before the server had its time.
#[test]
fn an_open_question_is_sent_again_and_not_asked_twice() {
    let mut ledger = with_trade();
    ledger.settings.timers.ask_apart = Duration::from_secs(600);
    let asking = ask(&ledger, &by_trade("T-1"), &[AskedParty::Shop]).unwrap();
    say(&mut ledger, &asking, 30);

    ledger.now = at(9);
    let soon = ask(&ledger, &by_trade("T-1"), &[]).unwrap();
    assert_eq!(asked(&soon), [CARRIER, PAY]);
    assert_eq!(soon.again, Vec::new());
    let [question] = soon.too_soon.as_slice() else {
        panic!("{soon:?}");
    };
    assert_eq!((question.to.as_str(), question.asked), (SHOP, at(0)));

    ledger.now = at(10);
    let later = ask(&ledger, &by_trade("T-1"), &[]).unwrap();
    assert_eq!(asked(&later), [CARRIER, PAY]);
    assert_eq!(later.too_soon, Vec::new());
    let again: Vec<String> = later
        .again
        .iter()
        .map(|q| q.statement.to_string())
        .collect();
    assert_eq!(again, [uuid(30)]);

    // Answered, it is a new question at any time.
    let told = with(order_status(20, "T-1", 1, "confirmed"), "answers", uuid(30));
    assert_eq!(ledger.hear(told).verdict, Verdict::Applied);
    assert_eq!(
        asked(&ask(&ledger, &by_trade("T-1"), &[]).unwrap()),
        [SHOP, CARRIER, PAY]
    );
}

/// E15, E21: each question says whether it was answered, and by what.
// Requirements: E21
#[test]
fn it_shows_what_a_question_was_answered_with() {
    let mut ledger = with_trade();
    let asking = ask(&ledger, &by_trade("T-1"), &[]).unwrap();
    say(&mut ledger, &asking, 30);
    let told = with(order_status(20, "T-1", 1, "preparing"), "answers", uuid(30));
    let _ = ledger.hear(told);
    let knows_nothing = statement(21, CARRIER, ANN, json!({ "kind": "unknown-trade" }));
    let _ = ledger.hear(with(knows_nothing, "answers", uuid(31)));
    let answers: Vec<(String, Option<String>)> = view::requests(&ledger.rows)
        .into_iter()
        .filter(|r| r.kind.word() == "status-request")
        .map(|r| {
            (
                r.to.as_str().to_owned(),
                r.answer.map(|kind| kind.to_string()),
            )
        })
        .collect();
    let expected = [
        (SHOP, Some("order-status")),
        (CARRIER, Some("unknown-trade")),
        (PAY, None),
    ];
    assert_eq!(
        answers,
        expected.map(|(to, kind)| (to.to_owned(), kind.map(str::to_owned)))
    );
}

/// Protocol 3, `status-request`: only that question, and only while the order is wanted.
#[test]
fn what_was_cancelled_is_not_ordered_again_when_the_shop_never_saw_it() {
    let again = |cancelled: bool, asked: &str| {
        let mut ledger = ordered();
        if cancelled {
            let cancel = statement(2, ANN, SHOP, json!({ "kind": "cancel" }));
            let _ = ledger.say(&with(cancel, "request", request(1)));
        }
        let question = statement(3, ANN, SHOP, json!({ "kind": asked }));
        let _ = ledger.say(&with(question, "request", request(1)));
        let unknown = statement(10, SHOP, ANN, json!({ "kind": "unknown-trade" }));
        let unknown = Letter::of(with(unknown, "answers", uuid(3)));
        ledger.change_by(&unknown, "d").say_again.len()
    };
    assert_eq!(again(false, "status-request"), 1);
    assert_eq!(again(true, "status-request"), 0);
    assert_eq!(again(false, "cancel"), 0);
}

/// A question that another client of the mailbox asks counts as asked, but is not ours to repeat.
#[test]
fn a_question_found_in_sent_is_left_to_whom_asked_it() {
    let mut ledger = with_trade();
    let asking = ask(&ledger, &by_trade("T-1"), &[AskedParty::Shop]).unwrap();
    let question = in_envelope(30, &asking.say[0], ledger.now);
    let how = buyer::OwnHow::FoundInSent;
    let change = buyer::own(
        &ledger.settings,
        &ledger.rows,
        &question.to_string(),
        None,
        how,
        ledger.now,
    );
    let _ = ledger.take(change);
    let anew = ask(&ledger, &by_trade("T-1"), &[AskedParty::Shop]).unwrap();
    assert_eq!(anew.say[0].to, address(SHOP));
    assert_eq!((anew.again, anew.too_soon), (Vec::new(), Vec::new()));
}

/// What was asked while the clock ran ahead can be asked at once when the clock is right, and is not
/// the last question until then.
#[test]
fn a_clock_that_ran_ahead_keeps_nobody_from_asking() {
    const DAY: i64 = 24 * 60;
    let mut ledger = with_trade();
    ledger.now = at(365 * DAY);
    let asking = ask(&ledger, &by_trade("T-1"), &[AskedParty::Shop]).unwrap();
    say(&mut ledger, &asking, 30);
    let soon = ask(&ledger, &by_trade("T-1"), &[AskedParty::Shop]).unwrap();
    assert_eq!((soon.again.len(), soon.too_soon.len()), (0, 1));

    ledger.now = at(10);
    let mended = ask(&ledger, &by_trade("T-1"), &[AskedParty::Shop]).unwrap();
    assert_eq!((mended.again.len(), mended.too_soon.len()), (1, 0));

    // A new question, with the right clock, is the last one from then on.
    let told = with(order_status(20, "T-1", 1, "confirmed"), "answers", uuid(30));
    let _ = ledger.hear(told);
    let anew = ask(&ledger, &by_trade("T-1"), &[AskedParty::Shop]).unwrap();
    assert_eq!(asked(&anew), [SHOP]);
    say(&mut ledger, &anew, 31);
    let open = ask(&ledger, &by_trade("T-1"), &[AskedParty::Shop]).unwrap();
    assert_eq!(asked(&open), [""; 0]);
    let [question] = open.too_soon.as_slice() else {
        panic!("{open:?}");
    };
    assert_eq!(question.statement.to_string(), uuid(31));
}
