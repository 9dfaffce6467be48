//! When the payment is charged (E2, E9), and an authorization that ends before that (E3).

use std::time::Duration;

use serde_json::{Value, json};
use tradepost_parties::kernel::settings::Charge;
use tradepost_parties::kernel::{Ignored, PartyOutcome};
use tradepost_statements::Kind;
use tradepost_statements::order::PaymentMethod;

use crate::server::{ANN, CARRIER, Came, PROCESSOR, REQUEST, Server, eur, order_body, trade};

const DAY: u64 = 24 * 3600;
const CHARGED: &str = "payment-instruction processor";

fn charging(mut server: Server, charge: Charge) -> Server {
    let table = &mut server.settings.shop.as_mut().unwrap().payment;
    table.get_mut(&PaymentMethod::CreditCard).unwrap().charge = charge;
    server
}

fn order(shop: &mut Server) -> (String, Came) {
    let came = shop.hears(ANN, json!({ "request": REQUEST }), order_body());
    let PartyOutcome::TradeMade(name) = &came.outcome else {
        panic!("{:?}", came.outcome);
    };
    (name.id.to_string(), came)
}

fn emit(shop: &mut Server, key: &str, id: &str, state: &str) -> Vec<String> {
    let line = json!({ "key": key, "trade": id, "track": "order", "state": state });
    shop.emit(&line).unwrap().1.kinds()
}

fn carrier_says(shop: &mut Server, id: &str, sequence: u32, state: &str) -> Vec<String> {
    let body = json!({ "kind": "delivery-status", "sequence": sequence, "state": state,
                       "at": shop.now, "delivery": {} });
    shop.hears(CARRIER, trade(id), body).kinds()
}

fn charged(kinds: &[String]) -> bool {
    kinds.iter().any(|k| k == CHARGED)
}

// Requirements: E2
#[test]
fn on_confirmation_the_payment_is_charged_with_the_record_or_once_it_is_confirmed() {
    let mut shop = charging(Server::shop(), Charge::OnConfirmation);
    assert!(charged(&order(&mut shop).1.kinds()));
    let mut shop = charging(Server::shop(), Charge::OnConfirmation);
    shop.settings.shop.as_mut().unwrap().confirm_within = Some(Duration::from_secs(DAY));
    let (id, came) = order(&mut shop);
    assert!(!charged(&came.kinds()));
    let confirm = json!({ "kind": "confirm", "version": 1 });
    assert!(charged(&shop.hears(ANN, trade(&id), confirm).kinds()));
}

// Requirements: E2
#[test]
fn on_shipping_the_payment_is_charged_once_when_the_shop_says_that_something_has_shipped() {
    for first in ["partly-shipped", "shipped"] {
        let mut shop = charging(Server::shop(), Charge::OnShipping);
        let (id, came) = order(&mut shop);
        assert!(!charged(&came.kinds()));
        assert!(
            came.kinds()
                .contains(&"delivery-instruction carrier".to_owned())
        );
        for state in ["confirmed", "preparing", "on-hold"] {
            assert!(!charged(&emit(&mut shop, state, &id, state)), "{state}");
        }
        let line = json!({ "key": "s", "trade": id, "track": "order", "state": first });
        let (_, came) = shop.emit(&line).unwrap();
        let charge = came.body(Kind::PaymentInstruction, PROCESSOR);
        assert_eq!(charge["amount"], eur("98.00"));
        assert_eq!(charge["reference"], "tok_1");
        assert!(!charged(&emit(&mut shop, "again", &id, "shipped")));
        assert!(!charged(&carrier_says(&mut shop, &id, 1, "picked-up")));
    }
}

// Requirements: E9
#[test]
fn on_shipping_the_payment_is_charged_once_when_a_carrier_has_picked_something_up() {
    let mut shop = charging(Server::shop(), Charge::OnShipping);
    let (id, _) = order(&mut shop);
    assert!(!charged(&carrier_says(&mut shop, &id, 1, "announced")));
    assert!(charged(&carrier_says(&mut shop, &id, 3, "picked-up")));
    assert!(!charged(&carrier_says(&mut shop, &id, 2, "in-transit")));
    assert!(!charged(&emit(&mut shop, "s", &id, "shipped")));
    // A status that comes late tells it as well.
    let mut shop = charging(Server::shop(), Charge::OnShipping);
    let (id, _) = order(&mut shop);
    assert!(!charged(&carrier_says(&mut shop, &id, 3, "exception")));
    assert!(charged(&carrier_says(&mut shop, &id, 2, "picked-up")));
}

#[test]
fn one_server_with_all_roles_charges_itself_when_its_own_parcel_leaves() {
    let mut server = charging(Server::all_in_one(), Charge::OnShipping);
    let (id, came) = order(&mut server);
    assert!(!came.kinds().contains(&"payment-status ann".to_owned()));
    let line = json!({ "key": "p", "trade": id, "track": "delivery", "state": "picked-up" });
    let (_, came) = server.emit(&line).unwrap();
    assert!(came.kinds().contains(&"payment-status ann".to_owned()));
    assert!(server.trades()[0].payment.is_some());
}

// Requirements: E9
#[test]
fn a_trade_that_is_cancelled_before_it_ships_is_never_charged() {
    for cancelled in [true, false] {
        let mut shop = charging(Server::shop(), Charge::OnShipping);
        let (id, _) = order(&mut shop);
        if cancelled {
            let came = shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
            // There is nothing to void.
            assert_eq!(came.kinds(), ["recall carrier", "order-status ann"]);
        }
        // The carrier had it already.
        let said = carrier_says(&mut shop, &id, 1, "picked-up");
        assert_eq!(charged(&said), !cancelled);
    }
}

// Requirements: E2
#[test]
fn an_invoice_says_until_when_it_may_be_paid() {
    let due_within = Duration::from_secs(14 * DAY);
    let mut shop = charging(Server::shop(), Charge::OnInvoice { due_within });
    let (_, came) = order(&mut shop);
    // Placed on the 20th of November.
    assert_eq!(
        came.body(Kind::PaymentInstruction, PROCESSOR)["due"],
        "2026-12-04"
    );
    let mut shop = charging(Server::shop(), Charge::OnConfirmation);
    let (_, came) = order(&mut shop);
    assert!(
        came.body(Kind::PaymentInstruction, PROCESSOR)
            .get("due")
            .is_none()
    );
    // Confirmed after the day that it would be due: not in the past.
    let due_within = Duration::from_secs(DAY);
    let mut shop = charging(Server::shop(), Charge::OnInvoice { due_within });
    shop.settings.shop.as_mut().unwrap().confirm_within = Some(Duration::from_secs(3 * DAY));
    let (id, _) = order(&mut shop);
    shop.later(2 * DAY);
    let came = shop.hears(ANN, trade(&id), json!({ "kind": "confirm", "version": 1 }));
    assert_eq!(
        came.body(Kind::PaymentInstruction, PROCESSOR)["due"],
        "2026-11-22"
    );
}

fn authorization(shop: &mut Server, id: &str, asked: &Value, approved: bool, days: u64) -> Came {
    let mut about = trade(id);
    about["answers"] = asked.clone();
    let until = shop.now.plus(Duration::from_secs(days * DAY));
    let body = json!({ "kind": "authorization", "approved": approved, "until": until });
    shop.hears(PROCESSOR, about, body)
}

/// Ordered, authorized for two days, to be charged on shipping.
fn authorized() -> (Server, String) {
    let mut shop = charging(Server::shop(), Charge::OnShipping);
    let table = &mut shop.settings.shop.as_mut().unwrap().payment;
    table.get_mut(&PaymentMethod::CreditCard).unwrap().authorize = true;
    let came = shop.hears(ANN, json!({ "request": REQUEST }), order_body());
    let asked = came.of(Kind::Authorize, PROCESSOR).clone();
    let id = asked.trade.unwrap().id.to_string();
    let came = authorization(&mut shop, &id, &json!(asked.id), true, 2);
    let expected = [
        "trade-record ann",
        "order-status ann",
        "delivery-instruction carrier",
    ];
    assert_eq!(came.kinds(), expected);
    // The carrier answers, so that only the authorization is waited for.
    let mut about = trade(&id);
    about["answers"] = json!(came.of(Kind::DeliveryInstruction, CARRIER).id);
    let status = json!({ "kind": "delivery-status", "sequence": 1, "state": "announced",
                         "at": shop.now, "delivery": {} });
    shop.hears(CARRIER, about, status);
    (shop, id)
}

fn due(shop: &mut Server) -> Vec<Came> {
    let mut all = Vec::new();
    loop {
        let came = shop.tick();
        if came.outcome == PartyOutcome::Ignored(Ignored::NothingDue) {
            return all;
        }
        if !came.said.is_empty() {
            all.push(came);
        }
    }
}

// Requirements: E3
#[test]
fn an_authorization_that_ends_before_anything_ships_is_asked_for_again() {
    let (mut shop, id) = authorized();
    shop.later(2 * DAY - 1);
    assert!(due(&mut shop).is_empty());
    shop.later(1);
    let asked = due(&mut shop).remove(0);
    assert_eq!(asked.kinds(), ["authorize processor"]);
    assert_eq!(asked.body(Kind::Authorize, PROCESSOR)["reference"], "tok_1");
    let question = json!(asked.of(Kind::Authorize, PROCESSOR).id);
    let came = authorization(&mut shop, &id, &question, true, 5);
    assert!(came.said.is_empty());
    assert!(
        matches!(came.outcome, PartyOutcome::Heard { .. }),
        "{:?}",
        came.outcome
    );
    // It holds as long as it says.
    shop.later(5 * DAY - 1);
    assert!(due(&mut shop).iter().all(|c| c.said.is_empty()));
    shop.later(1);
    assert_eq!(due(&mut shop).remove(0).kinds(), ["authorize processor"]);
}

#[test]
fn without_another_authorization_the_order_is_on_hold_and_the_operator_is_told() {
    let (mut shop, id) = authorized();
    shop.later(2 * DAY);
    let asked = due(&mut shop).remove(0);
    let question = json!(asked.of(Kind::Authorize, PROCESSOR).id);
    let came = authorization(&mut shop, &id, &question, false, 0);
    assert_eq!(came.kinds(), ["order-status ann"]);
    let status = came.body(Kind::OrderStatus, ANN);
    assert_eq!(
        (&status["state"], &status["reason"]),
        (&json!("on-hold"), &json!("payment-not-authorized"))
    );
    assert!(
        matches!(came.outcome, PartyOutcome::OperatorActs { .. }),
        "{:?}",
        came.outcome
    );
    // Who ships all the same charges all the same.
    assert!(charged(&emit(&mut shop, "s", &id, "shipped")));
}

#[test]
fn what_is_charged_or_cancelled_needs_no_further_authorization() {
    let (mut shop, id) = authorized();
    assert!(charged(&emit(&mut shop, "s", &id, "shipped")));
    shop.later(2 * DAY);
    let said: Vec<String> = due(&mut shop).iter().flat_map(Came::kinds).collect();
    assert!(
        !said.contains(&"authorize processor".to_owned()),
        "{said:?}"
    );
    let (mut shop, id) = authorized();
    let came = shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
    let expected = ["refund processor", "recall carrier", "order-status ann"];
    assert_eq!(came.kinds(), expected);
    let refund = came.body(Kind::Refund, PROCESSOR);
    assert_eq!(
        refund["refunded"],
        eur("98.00"),
        "the authorization is voided"
    );
    shop.later(2 * DAY);
    let said: Vec<String> = due(&mut shop).iter().flat_map(Came::kinds).collect();
    assert!(
        !said.contains(&"authorize processor".to_owned()),
        "{said:?}"
    );
}
