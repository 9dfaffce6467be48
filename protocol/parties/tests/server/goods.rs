//! Electronic delivery (E2): the goods come from the shop's own system, go to the buyer by letter,
//! and count as delivered once the mail server accepted that letter.

use std::time::Duration;

use serde_json::{Value, json};
use tradepost_parties::fulfilment::{JobKind, JobResult, LetterEnd, Stage};
use tradepost_parties::kernel::PartyOutcome;
use tradepost_parties::kernel::settings::{Charge, DeliveryProcedure};
use tradepost_parties::roles::jobs;
use tradepost_parties::{fulfilment, view};
use tradepost_statements::order::{DeliveryMethod, PaymentMethod};
use tradepost_statements::{Kind, StatementId};

use crate::server::{ANN, Came, PROCESSOR, REQUEST, SHOP, Server, eur, order_body, trade, with};

const LICENCE: &str = "licence KJ7-22-XY";
const ACCESS: &str = "https://shop.example/get/8812";

/// A shop that sells electronic goods, charged in this way.
fn digital(charge: Charge) -> Server {
    let mut server = Server::shop();
    let shop = server.settings.shop.as_mut().unwrap();
    let electronic = DeliveryProcedure {
        carrier: Some(SHOP.parse().unwrap()),
        goods: true,
    };
    shop.delivery.insert(DeliveryMethod::Electronic, electronic);
    shop.payment
        .get_mut(&PaymentMethod::CreditCard)
        .unwrap()
        .charge = charge;
    server
}

fn goods() -> JobResult {
    let answer = json!({ "version": 1, "access": ACCESS, "text": LICENCE });
    JobResult::Answered(answer.to_string().into_bytes())
}

impl Server {
    fn order_goods(&mut self, notify: Option<Value>) -> String {
        let mut body = with(order_body(), "delivery/method", json!("electronic"));
        if let Some(notify) = notify {
            body["notify"] = notify;
        }
        let came = self.hears(ANN, json!({ "request": REQUEST }), body);
        let PartyOutcome::TradeMade(trade) = came.outcome else {
            panic!("{:?}", came.outcome);
        };
        trade.id.to_string()
    }

    fn told_by_processor(&mut self, id: &str, state: &str) {
        let settle = match state {
            "settled" => json!({ "actual": self.now }),
            _ => json!({}),
        };
        self.sequence += 1;
        let status = json!({ "kind": "payment-status", "sequence": self.sequence, "state": state,
                             "amount": eur("98.00"), "at": self.now, "settle": settle });
        self.hears(PROCESSOR, trade(id), status);
    }

    fn finish_goods(&mut self, id: &str, result: &JobResult) -> Came {
        let mut ids = self.fresh();
        let id = format!("{id}.goods");
        let (settings, rows) = (&self.settings, &self.rows);
        let change = jobs::done(settings, rows, &id, result, self.now, 0.0, &mut ids);
        self.apply(change)
    }

    fn letter_ended(&mut self, statement: StatementId, end: &LetterEnd) -> Option<Came> {
        let mut ids = self.fresh();
        let (settings, rows) = (&self.settings, &self.rows);
        let change = jobs::letter_ended(settings, rows, statement, end, self.now, &mut ids)?;
        Some(self.apply(change))
    }

    fn jobs(&self) -> Vec<String> {
        let due = fulfilment::due(&self.rows, self.now, 100);
        due.iter().map(fulfilment::Job::name).collect()
    }

    fn delivery_state(&self) -> String {
        self.trades()[0].delivery[0].state.to_string()
    }
}

// Requirements: E2
#[test]
fn goods_are_delivered_once_their_letter_was_accepted_and_not_before() {
    let mut shop = digital(Charge::OnInvoice {
        due_within: Duration::from_secs(14 * 24 * 3600),
    });
    let id = shop.order_goods(None);
    assert_eq!(shop.jobs(), [format!("{id}.goods")]);
    let job = fulfilment::due(&shop.rows, shop.now, 1).remove(0);
    assert_eq!(job.kind, JobKind::Goods);
    let input = fulfilment::input_of(&shop.rows, &job).unwrap();
    assert_eq!(input["record"]["lines"][0]["sku"], "K-1");

    let came = shop.finish_goods(&id, &goods());
    assert_eq!(came.kinds(), ["delivery-status ann"]);
    let body = came.body(Kind::DeliveryStatus, ANN);
    assert_eq!(body["access"], ACCESS);
    assert_eq!(body["text"], LICENCE);
    assert!(body["delivery"]["actual"].is_null(), "{body}");
    assert_eq!(shop.delivery_state(), "ready-for-pickup");
    let letter = came.said[0].id;
    let listed = fulfilment::all(&shop.rows, 10);
    assert_eq!(listed[0].stage, Stage::LetterIsOut { statement: letter });
    // Nothing is run a second time meanwhile.
    shop.later(7 * 24 * 3600);
    assert_eq!(shop.jobs(), Vec::<String>::new());

    let came = shop.letter_ended(letter, &LetterEnd::Accepted).unwrap();
    assert!(matches!(came.outcome, PartyOutcome::GoodsDelivered(_)));
    let order = came.body(Kind::OrderStatus, ANN);
    assert_eq!(order["state"], "shipped");
    let body = came.body(Kind::DeliveryStatus, ANN);
    assert_eq!(body["state"], "delivered");
    assert_eq!(body["access"], ACCESS);
    assert_eq!(body["text"], LICENCE);
    assert_eq!(fulfilment::all(&shop.rows, 10), []);
    // It counts once.
    assert!(shop.letter_ended(letter, &LetterEnd::Accepted).is_none());
    // Whoever asks is told again where the goods are.
    let came = shop.hears(ANN, trade(&id), json!({ "kind": "status-request" }));
    assert_eq!(came.body(Kind::DeliveryStatus, ANN)["text"], LICENCE);
}

#[test]
fn goods_whose_letter_was_refused_are_not_delivered_until_it_is_accepted_after_all() {
    let mut shop = digital(Charge::OnShipping);
    let id = shop.order_goods(None);
    let letter = shop.finish_goods(&id, &goods()).said[0].id;
    let refused = LetterEnd::Failed("550 no such mailbox".to_owned());
    let came = shop.letter_ended(letter, &refused).unwrap();
    let PartyOutcome::GoodsNotDelivered { why, .. } = &came.outcome else {
        panic!("{:?}", came.outcome);
    };
    assert_eq!(why, "550 no such mailbox");
    assert_eq!(came.kinds(), Vec::<String>::new());
    assert_eq!(shop.delivery_state(), "ready-for-pickup");
    let listed = fulfilment::all(&shop.rows, 10);
    assert_eq!(listed[0].last_error.as_deref(), Some("550 no such mailbox"));
    // The operator has the letter tried again.
    let came = shop.letter_ended(letter, &LetterEnd::Accepted).unwrap();
    assert!(matches!(came.outcome, PartyOutcome::GoodsDelivered(_)));
    assert_eq!(shop.delivery_state(), "delivered");
}

#[test]
fn letters_that_bring_no_goods_deliver_nothing() {
    let mut shop = digital(Charge::OnShipping);
    let id = shop.order_goods(None);
    let came = shop.hears(ANN, trade(&id), json!({ "kind": "status-request" }));
    let other = came.of(Kind::DeliveryStatus, ANN).id;
    let goods = shop.finish_goods(&id, &goods()).said[0].id;
    assert!(shop.letter_ended(other, &LetterEnd::Accepted).is_none());
    assert!(shop.letter_ended(goods, &LetterEnd::Accepted).is_some());
}

// Requirements: E2
#[test]
fn goods_charged_on_confirmation_leave_once_the_payment_is_authorized_or_settled() {
    for paid in ["authorized", "settled"] {
        let mut shop = digital(Charge::OnConfirmation);
        let id = shop.order_goods(None);
        assert_eq!(shop.jobs(), Vec::<String>::new());
        for unpaid in ["pending", "declined"] {
            shop.told_by_processor(&id, unpaid);
            assert_eq!(shop.jobs(), Vec::<String>::new(), "{unpaid}");
        }
        shop.told_by_processor(&id, paid);
        assert_eq!(shop.jobs(), [format!("{id}.goods")], "{paid}");
    }
}

// Requirements: Q5
#[test]
fn wishes_do_not_suppress_goods() {
    let mut shop = digital(Charge::OnShipping);
    let id = shop.order_goods(Some(json!({ "on": ["payment"] })));
    let came = shop.finish_goods(&id, &goods());
    assert_eq!(came.kinds(), ["delivery-status ann"]);
    // What is only news of them is not wished; what is charged on shipping is charged now.
    let came = shop.letter_ended(came.said[0].id, &LetterEnd::Accepted);
    assert_eq!(came.unwrap().kinds(), ["payment-instruction processor"]);
    assert_eq!(shop.delivery_state(), "delivered");
}

#[test]
fn goods_of_a_trade_that_is_cancelled_first_never_leave() {
    for cancelled in [true, false] {
        let mut shop = digital(Charge::OnShipping);
        let id = shop.order_goods(None);
        if cancelled {
            shop.hears(ANN, trade(&id), json!({ "kind": "cancel" }));
            assert_eq!(shop.jobs(), Vec::<String>::new());
        }
        // The command was running meanwhile.
        let came = shop.finish_goods(&id, &goods());
        assert_eq!(came.said.is_empty(), cancelled);
    }
}

#[test]
fn an_answer_without_goods_is_refused_and_no_reason_holds_them() {
    let mut shop = digital(Charge::OnShipping);
    let id = shop.order_goods(None);
    let bad = [
        json!({}),
        json!({ "access": null, "text": "  " }),
        json!({ "access": format!("http://shop.example/{LICENCE}") }),
        json!({ "text": [LICENCE] }),
        json!({ "text": LICENCE, "events": [] }),
        json!({ "text": LICENCE.repeat(1000) }),
    ];
    for answer in bad {
        let result = JobResult::Answered(answer.to_string().into_bytes());
        let came = shop.finish_goods(&id, &result);
        let PartyOutcome::JobFailed { why, .. } = &came.outcome else {
            panic!("{answer}: {:?}", came.outcome);
        };
        assert!(!why.contains(LICENCE), "{why}");
        assert!(came.said.is_empty());
    }
    let came = shop.finish_goods(&id, &goods());
    assert!(!came.outcome.to_string().contains(LICENCE));
    assert_eq!(came.said.len(), 1);
    assert_eq!(view::trades(&shop.rows, &shop.settings.address, 9).len(), 1);
}
