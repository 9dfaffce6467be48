//! What time brings (protocol 7).

use std::time::Duration;

use serde_json::json;
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_parties::roles::due;
use tradepost_parties::view;
use tradepost_statements::Kind;

use crate::server::{ANN, CARRIER, PROCESSOR, REQUEST, Server, eur, order_body, trade};

#[test]
fn instructions_are_sent_again_octet_for_octet_until_they_are_answered() {
    let mut shop = Server::shop();
    let came = shop.hears(ANN, json!({ "request": REQUEST }), order_body());
    let id = came.said[0].trade.as_ref().unwrap().id.to_string();
    let instruction = came.of(Kind::PaymentInstruction, PROCESSOR).clone();
    assert_eq!(
        shop.tick().outcome,
        PartyOutcome::Ignored(Ignored::NothingDue)
    );
    shop.later(5 * 60);
    let again: Vec<_> = (0..2).flat_map(|_| shop.tick().said).collect();
    assert!(again.contains(&instruction));
    assert_eq!(again.len(), 2);
    assert_eq!(
        shop.tick().outcome,
        PartyOutcome::Ignored(Ignored::NothingDue)
    );
    // The next time is twice as far away.
    let wake = due::next_wake(&shop.rows).unwrap();
    assert_eq!(wake.since(shop.now), Duration::from_secs(600));
    // The payment processor answers: only the carrier is asked again.
    let mut about = trade(&id);
    about["answers"] = json!(instruction.id);
    let status = json!({ "kind": "payment-status", "sequence": 1, "state": "pending",
                         "amount": eur("98.00"), "at": shop.now, "settle": {} });
    shop.hears(PROCESSOR, about, status);
    shop.later(600);
    let again: Vec<_> = (0..3).flat_map(|_| shop.tick().said).collect();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].to.as_str(), CARRIER);
}

#[test]
fn an_answer_to_nothing_stops_no_waiting() {
    let mut shop = Server::shop();
    let id = shop.order();
    let mut about = trade(&id);
    about["answers"] = json!("01932c07-9a2e-7c11-8f54-0f6a1c0d9e99");
    let status = json!({ "kind": "payment-status", "sequence": 1, "state": "pending",
                         "amount": eur("98.00"), "at": shop.now, "settle": {} });
    let came = shop.hears(PROCESSOR, about, status);
    assert_eq!(came.outcome, PartyOutcome::Ignored(Ignored::AnswersNothing));
}

#[test]
fn the_operator_is_told_once_when_an_answer_is_missing_for_a_day() {
    let mut shop = Server::shop();
    shop.order();
    let mut told = 0;
    for _ in 0..200 {
        shop.later(1800);
        loop {
            let outcome = shop.tick().outcome;
            if outcome == PartyOutcome::Ignored(Ignored::NothingDue) {
                break;
            }
            told += i32::from(matches!(outcome, PartyOutcome::OperatorTold { .. }));
        }
    }
    assert_eq!(told, 2, "once for each instruction");
}

#[test]
fn a_trade_that_nobody_confirms_is_cancelled_and_one_that_was_confirmed_is_not() {
    for confirmed in [false, true] {
        let mut shop = Server::shop();
        shop.settings.shop.as_mut().unwrap().confirm_within = Some(Duration::from_secs(3600));
        let id = shop.order();
        if confirmed {
            shop.hears(ANN, trade(&id), json!({ "kind": "confirm", "version": 1 }));
        }
        shop.later(3601);
        let said: Vec<_> = (0..9).flat_map(|_| shop.tick().said).collect();
        let cancelled = said.iter().any(|s| s.body.kind() == Kind::OrderStatus);
        assert_eq!(cancelled, !confirmed);
        let state = shop.trades()[0].order.as_ref().unwrap().state.word();
        assert_eq!(state, if confirmed { "confirmed" } else { "cancelled" });
    }
}

#[test]
fn what_is_unanswered_is_listed_until_it_is_answered() {
    let mut shop = Server::shop();
    let came = shop.hears(ANN, json!({ "request": REQUEST }), order_body());
    let instruction = came.of(Kind::PaymentInstruction, PROCESSOR).clone();
    let id = instruction.trade.as_ref().unwrap().id.to_string();
    shop.later(301);
    shop.tick();
    shop.tick();
    let unanswered = view::unanswered(&shop.rows, 10);
    let whom: Vec<&str> = unanswered.iter().map(|u| u.to.as_str()).collect();
    assert_eq!(whom.len(), 2);
    assert!(whom.contains(&PROCESSOR) && whom.contains(&CARRIER));
    assert!(unanswered.iter().all(|u| u.again == 1 && !u.order_waits));
    assert!(
        unanswered
            .iter()
            .all(|u| u.trade.as_ref().unwrap().as_str() == id)
    );
    let mut about = trade(&id);
    about["answers"] = json!(instruction.id);
    let status = json!({ "kind": "payment-status", "sequence": 1, "state": "pending",
                         "amount": eur("98.00"), "at": shop.now, "settle": {} });
    shop.hears(PROCESSOR, about, status);
    let unanswered = view::unanswered(&shop.rows, 10);
    assert_eq!(unanswered.len(), 1);
    assert_eq!(unanswered[0].to.as_str(), CARRIER);
}
