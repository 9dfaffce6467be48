//! Protocol 4, "Versions": the record that arrived first is what the others are held to, so that nobody
//! swaps what was agreed, the payee before all else, by an id or a number that the sender chooses.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use support::*;
use tradepost_buyer::{Act, Adopt, Judgement, Verdict, WarningKind, view};

const CHANGED: (Option<u8>, Option<WarningKind>) = (Some(11), Some(WarningKind::ChangedContents));
const CONFLICT: (Option<u8>, Option<WarningKind>) =
    (Some(16), Some(WarningKind::ConflictingStatus));
const STRANGER: (Option<u8>, Option<WarningKind>) = (Some(13), Some(WarningKind::WrongSender));
const FINE: (Option<u8>, Option<WarningKind>) = (Some(16), None);

fn warned(judged: &Judgement) -> (Option<u8>, Option<WarningKind>) {
    (judged.rule, judged.warning)
}

fn ordered() -> Ledger {
    let mut ledger = Ledger::new();
    let _ = ledger.say(&order(1, SHOP));
    ledger
}

fn answer(n: u64, version: u32) -> Value {
    with(record(n, "T-1", version), "request", request(1))
}

fn paid_to(mut record: Value, payee: &str) -> Value {
    record["body"]["payment"]["processor"] = json!(payee);
    record
}

fn says_evil(n: u64, sequence: u32, state: &str) -> Value {
    with(payment_status(n, "T-1", sequence, state), "from", EVIL)
}

/// Whom the trade has paid, and how far the payment is.
fn payee_and_payment(ledger: &Ledger) -> (Value, Value) {
    let shown = ledger.show("T-1");
    (
        shown["parties"]["processor"].clone(),
        shown["payment"]["state"].clone(),
    )
}

fn unpaid(ledger: &Ledger) -> Vec<Value> {
    let stats = serde_json::to_value(view::stats(&ledger.rows)).unwrap();
    stats["unpaid_total"].as_array().unwrap().clone()
}

fn accept(ledger: &mut Ledger, judged: &Judgement) -> Judgement {
    let warning = judged.warning_id.unwrap();
    ledger.act(&Act::Accept { warning }).judgement.unwrap()
}

/// That it is told whom the letter would have paid.
#[track_caller]
fn names_the_payee_first(ledger: &Ledger, judged: &Judgement) {
    let warning = view::warning(&ledger.rows, judged.warning_id.unwrap()).unwrap();
    let payee = warning.payee.unwrap();
    assert_eq!((payee.from.as_str(), payee.to.as_str()), (PAY, EVIL));
    let first = |payee: &str| format!("who is to be paid: {payee}; ");
    let (received, expected) = (&warning.received, &warning.expected);
    let says = |text: &str, payee: &str| format!("{text}; ").starts_with(&first(payee));
    assert!(says(received, EVIL), "{received}");
    assert!(says(expected, PAY), "{expected}");
    assert!(warning.text.contains("Pay nothing"), "{}", warning.text);
}

// Requirements: E16
#[test]
fn a_second_record_of_a_version_does_not_change_the_payee_whatever_its_id() {
    for id in [2, 9] {
        let mut ledger = ordered();
        let _ = ledger.hear(answer(5, 1));
        let _ = ledger.hear(payment_status(30, "T-1", 1, "settled"));
        // The same without the other payee says nothing new.
        let mut same = ledger.clone();
        assert_eq!(same.hear(answer(id, 1)).verdict, Verdict::Duplicate);
        assert_eq!(same.open(), Vec::<String>::new());

        let before = ledger.trade("T-1");
        let judged = ledger.hear(paid_to(answer(id, 1), EVIL));
        assert_eq!(warned(&judged), CONFLICT);
        names_the_payee_first(&ledger, &judged);
        assert_eq!(ledger.trade("T-1"), before);
        assert_eq!(ledger.open(), ["conflicting-status"]);
        let judged = ledger.hear(says_evil(31, 2, "settled"));
        assert_eq!(warned(&judged), STRANGER);
        assert_eq!(payee_and_payment(&ledger), (json!(PAY), json!("settled")));
    }
}

// Requirements: E16
#[test]
fn a_lower_version_that_comes_later_changes_nothing() {
    for has_order in [true, false] {
        let version = |n: u64, version: u32| {
            if has_order {
                answer(n, version)
            } else {
                record(n, "T-1", version)
            }
        };
        let mut ledger = if has_order { ordered() } else { Ledger::new() };
        let _ = ledger.hear(version(5, 2));
        let _ = ledger.hear(payment_status(30, "T-1", 1, "settled"));
        let before = ledger.trade("T-1");
        // With the same payee it goes to the history, and its carriers stay parties.
        let mut same = ledger.clone();
        let mut late = version(2, 1);
        late["body"]["delivery"]["carriers"] = json!([{ "address": "van@late.example" }]);
        late["body"]["shop_name"] = json!("Other Shop");
        assert_eq!(same.hear(late).verdict, Verdict::Late);
        assert_eq!(same.trade("T-1"), before);
        let van = with(
            delivery_status(40, "T-1", 1, "in-transit"),
            "from",
            "van@late.example",
        );
        assert_eq!(warned(&same.hear(van)), FINE);

        let judged = ledger.hear(paid_to(version(2, 1), EVIL));
        assert_eq!(warned(&judged), CONFLICT);
        names_the_payee_first(&ledger, &judged);
        assert_eq!(ledger.trade("T-1"), before);
        assert_eq!(warned(&ledger.hear(says_evil(31, 2, "settled"))), STRANGER);
    }
}

#[test]
fn a_higher_version_with_another_payee_or_method_is_an_offer() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(5, 1));
    assert_eq!(ledger.hear(answer(6, 2)).verdict, Verdict::Applied);
    for version in [3, 0x7fff_ffff] {
        let judged = ledger.hear(paid_to(answer(u64::from(version), version), EVIL));
        assert_eq!(warned(&judged), CHANGED);
        names_the_payee_first(&ledger, &judged);
    }
    // Between two that count, too.
    assert_eq!(ledger.hear(answer(7, 9)).verdict, Verdict::Applied);
    let judged = ledger.hear(paid_to(answer(8, 4), EVIL));
    assert_eq!(warned(&judged), CHANGED);
    assert_eq!(ledger.hear(answer(9, 4)).verdict, Verdict::Late);
    // All that it changes is named, the payee first.
    let mut all = paid_to(answer(10, 10), EVIL);
    all["body"]["payment"]["method"] = json!("bank-transfer");
    all["body"]["charges"][0]["price"] = eur("9.00");
    all["body"]["total"] = eur("62.00");
    let judged = ledger.hear(all);
    assert_eq!(warned(&judged), CHANGED);
    names_the_payee_first(&ledger, &judged);
    let received = view::warning(&ledger.rows, judged.warning_id.unwrap())
        .unwrap()
        .received;
    for word in ["62.00 EUR", "payment by bank-transfer"] {
        assert!(received.contains(word), "{received}");
    }
}

#[test]
fn without_an_order_lines_total_and_where_it_goes_are_those_of_the_first() {
    let elsewhere = json!({ "name": "Eve", "address": buyer_json()["address"] });
    let here = json!({ "name": "Ann Example", "address": buyer_json()["address"] });
    let mut first = record(5, "T-1", 1);
    // Protocol 8: with a hub, the buyer is not told before the commit.
    first["body"]["hub"] = json!("hub@hub.example");
    first["body"].as_object_mut().unwrap().remove("buyer");
    let mut second = first.clone();
    second["id"] = json!(uuid(6));
    second["body"]["version"] = json!(2);
    second["body"]["deliver_to"] = here;
    let mut ledger = Ledger::new();
    assert_eq!(ledger.hear(first).verdict, Verdict::Adopted);
    assert_eq!(ledger.hear(second.clone()).verdict, Verdict::Applied);
    let mut third = second.clone();
    third["id"] = json!(uuid(7));
    third["body"]["version"] = json!(3);
    let changes: [fn(&mut Value); 4] = [
        |r| r["body"]["lines"][0]["quantity"] = json!(1),
        |r| r["body"]["lines"][0]["name"] = json!("Blue kettle"),
        |r| r["body"]["charges"][0]["price"] = eur("4.00"),
        |r| r["body"]["charges"][0]["price"] = eur("6.00"),
    ];
    let totals = ["34.00", "58.00", "57.00", "59.00"];
    for (n, (change, total)) in (20..).zip(changes.into_iter().zip(totals)) {
        let mut changed = with(third.clone(), "id", uuid(n));
        change(&mut changed);
        changed["body"]["total"] = eur(total);
        assert_eq!(warned(&ledger.hear(changed)), CHANGED, "{total}");
    }
    // What the second one told first is known from then on.
    let mut diverted = with(third.clone(), "id", uuid(30));
    diverted["body"]["deliver_to"] = elsewhere;
    assert_eq!(warned(&ledger.hear(diverted)), CHANGED);
    assert_eq!(ledger.hear(third).verdict, Verdict::Applied);
}

// Requirements: E16
#[test]
fn what_a_party_told_counts_on_when_the_person_accepts_another_payee() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(5, 1));
    let _ = ledger.hear(payment_status(30, "T-1", 1, "settled"));
    let offer = ledger.hear(paid_to(answer(6, 2), EVIL));
    let early = ledger.hear(says_evil(31, 1, "pending"));
    assert_eq!(warned(&early), STRANGER);

    assert_eq!(accept(&mut ledger, &offer).verdict, Verdict::Applied);
    // Its word is judged again, and takes nothing back of what was paid before.
    assert_eq!(ledger.open(), Vec::<String>::new());
    assert_eq!(payee_and_payment(&ledger), (json!(EVIL), json!("settled")));
    assert_eq!(ledger.trade("T-1")["paid"], json!(true));

    // What was paid there and given back is to be paid here.
    let _ = ledger.hear(payment_status(32, "T-1", 2, "refunded"));
    assert_eq!(payee_and_payment(&ledger), (json!(EVIL), json!("pending")));
    assert_eq!(unpaid(&ledger), [eur("58.00")]);

    // A further version is compared with what was accepted.
    assert_eq!(warned(&ledger.hear(answer(7, 3))), CHANGED);
    assert_eq!(
        ledger.hear(paid_to(answer(8, 4), EVIL)).verdict,
        Verdict::Applied
    );
    assert_eq!(ledger.show("T-1")["parties"]["processor"], json!(EVIL));
}

#[test]
fn what_is_paid_to_two_payees_is_added_up() {
    let partly = |n: u64, from: &str, paid: &str| {
        let mut status = with(payment_status(n, "T-1", 1, "partly-paid"), "from", from);
        status["body"]["paid"] = eur(paid);
        status
    };
    let mut ledger = ordered();
    let _ = ledger.hear(answer(5, 1));
    let _ = ledger.hear(partly(30, PAY, "20.00"));
    let offer = ledger.hear(paid_to(answer(6, 2), EVIL));
    let _ = accept(&mut ledger, &offer);
    assert_eq!(unpaid(&ledger), [eur("38.00")]);
    let _ = ledger.hear(partly(31, EVIL, "30.00"));
    assert_eq!(unpaid(&ledger), [eur("8.00")]);
    let _ = ledger.hear(says_evil(32, 2, "settled"));
    assert_eq!(unpaid(&ledger), [] as [Value; 0]);
}

#[test]
fn an_offer_of_a_lower_or_the_same_version_counts_whole_once_it_is_accepted() {
    for (version, id) in [(1, 2), (1, 9), (3, 2), (3, 9)] {
        let mut ledger = ordered();
        for v in [3, 4] {
            let _ = ledger.hear(answer(10 + u64::from(v), v));
        }
        let offer = ledger.hear(paid_to(answer(id, version), EVIL));
        assert_eq!(warned(&offer), CONFLICT, "version {version}");
        // A copy of it is no second warning, neither now nor afterwards.
        let copy = ledger.hear(paid_to(answer(40, version), EVIL));
        assert_eq!(copy.verdict, Verdict::Duplicate);
        let _ = accept(&mut ledger, &offer);
        assert_eq!(ledger.open(), Vec::<String>::new());
        assert_eq!(ledger.show("T-1")["parties"]["processor"], json!(EVIL));
        // What the other one told is told still, and no news.
        assert_eq!(ledger.hear(answer(41, 4)).verdict, Verdict::Duplicate);
        assert_eq!(warned(&ledger.hear(answer(42, 5))), CHANGED);
        assert_eq!(ledger.show("T-1")["parties"]["processor"], json!(EVIL));
    }
}

#[test]
fn what_is_dismissed_still_changes_nothing() {
    let mut ledger = ordered();
    let _ = ledger.hear(answer(5, 1));
    let before = ledger.trade("T-1");
    let judged = ledger.hear(paid_to(answer(2, 1), EVIL));
    let _ = ledger.act(&Act::Dismiss {
        warning: judged.warning_id.unwrap(),
    });
    let _ = ledger.hear(answer(6, 2));
    assert_eq!(ledger.trade("T-1"), before);
    assert_eq!(ledger.open(), Vec::<String>::new());
}

#[test]
fn an_adopted_trade_keeps_its_payee_before_and_after_it_is_confirmed() {
    for confirmed in [false, true] {
        let mut ledger = Ledger::new();
        let _ = ledger.hear(record(5, "T-1", 1));
        if confirmed {
            let _ = ledger.act(&Act::ConfirmAdopted {
                trade: trade(SHOP, "T-1"),
            });
        }
        let judged = ledger.hear(paid_to(record(2, "T-1", 1), EVIL));
        assert_eq!(warned(&judged), CONFLICT);
        let judged = ledger.hear(paid_to(record(3, "T-1", 2), EVIL));
        assert_eq!(warned(&judged), CHANGED);
        assert_eq!(ledger.show("T-1")["parties"]["processor"], json!(PAY));
    }
}

#[test]
fn the_record_that_is_adopted_by_acceptance_is_the_first_one() {
    for (first, second) in [(1, 1), (1, 2), (2, 1)] {
        let mut ledger = Ledger::new();
        ledger.settings.adopt = Adopt::Ask;
        let other = ledger.hear(paid_to(record(2, "T-1", first), EVIL));
        let wanted = ledger.hear(record(5, "T-1", second));
        for judged in [&other, &wanted] {
            assert_eq!(judged.warning, Some(WarningKind::NoSuchTrade));
        }
        assert_eq!(accept(&mut ledger, &wanted).verdict, Verdict::Adopted);
        assert_eq!(ledger.show("T-1")["parties"]["processor"], json!(PAY));
        let expected = if first > second {
            "changed-contents"
        } else {
            "conflicting-status"
        };
        assert_eq!(ledger.open(), [expected]);
        assert_eq!(warned(&ledger.hear(says_evil(30, 1, "settled"))), STRANGER);
    }
}

#[test]
fn an_offer_that_the_order_refuses_holds_nobody_to_it() {
    let mut ledger = ordered();
    let mut dearer = paid_to(answer(2, 1), EVIL);
    dearer["body"]["charges"][0]["price"] = eur("9.00");
    dearer["body"]["total"] = eur("62.00");
    let offer = ledger.hear(dearer);
    assert_eq!(warned(&offer), CHANGED);
    assert_eq!(ledger.hear(answer(5, 1)).verdict, Verdict::Applied);
    assert_eq!(ledger.show("T-1")["parties"]["processor"], json!(PAY));
    // Accepted, it counts whole: from now on, whatever came first.
    let _ = accept(&mut ledger, &offer);
    let shown = ledger.show("T-1");
    assert_eq!(
        (&shown["parties"]["processor"], &shown["total"]),
        (&json!(EVIL), &eur("62.00"))
    );
    let mut next = paid_to(answer(6, 2), EVIL);
    next["body"]["charges"][0]["price"] = eur("9.00");
    next["body"]["total"] = eur("62.00");
    assert_eq!(ledger.hear(next).verdict, Verdict::Applied);
}

#[test]
fn what_was_agreed_is_not_swapped_by_answering_another_order_with_it() {
    let adopted = || {
        let mut ledger = Ledger::new();
        let mut first = record(5, "T-1", 1);
        first["body"]["charges"][0]["price"] = eur("9.00");
        first["body"]["total"] = eur("62.00");
        assert_eq!(ledger.hear(first).verdict, Verdict::Adopted);
        let _ = ledger.hear(with(
            payment_status(30, "T-1", 1, "settled"),
            "body",
            json!({
                "kind": "payment-status", "sequence": 1, "state": "settled", "at": at(1).to_string(),
                "amount": eur("62.00"), "settle": { "actual": at(1).to_string() },
            }),
        ));
        let _ = ledger.say(&order(1, SHOP));
        ledger
    };
    // It answers the order as it was made, and is no version of what was adopted.
    for (version, payee, expected) in [
        (1, PAY, CONFLICT),
        (1, EVIL, CONFLICT),
        (2, PAY, CHANGED),
        (2, EVIL, CHANGED),
    ] {
        let mut ledger = adopted();
        let before = ledger.trade("T-1");
        let judged = ledger.hear(paid_to(answer(2, version), payee));
        assert_eq!(warned(&judged), expected, "version {version} for {payee}");
        assert_eq!(ledger.trade("T-1"), before);
        assert_eq!(before["paid"], json!(true));
        assert_eq!(before["origin"], "adopted");
    }
    // What the order does not allow is not ordered by saying it again with its request.
    let mut ledger = adopted();
    let mut dearer = answer(2, 1);
    dearer["body"]["charges"][0]["price"] = eur("9.00");
    dearer["body"]["total"] = eur("62.00");
    assert_eq!(warned(&ledger.hear(dearer)), CHANGED);
    assert_eq!(ledger.trade("T-1")["origin"], "adopted");
    // Where it is what was adopted, it is ordered, and the order holds for what comes.
    let mut ledger = Ledger::new();
    let _ = ledger.hear(record(5, "T-1", 1));
    let _ = ledger.say(&order(1, SHOP));
    assert_eq!(ledger.hear(answer(6, 2)).verdict, Verdict::Applied);
    assert_eq!(ledger.trade("T-1")["origin"], "placed");
    let mut cheaper = answer(7, 3);
    cheaper["body"]["charges"][0]["price"] = eur("4.00");
    cheaper["body"]["total"] = eur("57.00");
    assert_eq!(ledger.hear(cheaper).verdict, Verdict::Applied);
}
