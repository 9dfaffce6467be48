//! Whatever shops ask and operators tell, in whatever order: what a carrier and a payment processor
//! say never makes a buyer's agent warn, and never has two contents under one sequence (E12, E13,
//! E16, E17; protocol 4).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tradepost_parties::kernel::settings::AuthorizeAnswer;
use tradepost_statements::{DeliveryState, PaymentState, wire};

use crate::scene::{all_that_is_due, invoice, parcel, payment, recall, refund};
use crate::server::{
    ANN, CARRIER, Came, PROCESSOR, REQUEST, SHOP, Server, eur, order_body, trade, with,
};
use crate::support::Ledger;

/// The constants of Knuth's MMIX generator: the same story for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

const AMOUNTS: [&str; 6] = ["0.00", "30.00", "40.00", "70.00", "97.99", "98.00"];
/// Of versions of the record, none above what Ann agreed to.
const TOTALS: [&str; 4] = ["40.00", "98.00", "104.00", "120.00"];
const PARCELS: [&str; 3] = ["P1", "P2", "P3"];

struct Story {
    dice: Dice,
    seed: u64,
    carrier: Server,
    processor: Server,
    ann: Ledger,
    said: BTreeMap<(String, String, u64), Value>,
    told: usize,
    asked: u64,
    version: u32,
}

impl Story {
    fn new(seed: u64) -> Story {
        let mut processor = Server::processor();
        processor.settings.payment.as_mut().unwrap().authorize = AuthorizeAnswer::Approve;
        let mut story = Story {
            dice: Dice(seed),
            seed,
            carrier: Server::carrier(),
            processor,
            ann: Ledger::new(),
            said: BTreeMap::new(),
            told: 0,
            asked: 0,
            version: 0,
        };
        story.ann.now = story.carrier.now;
        let order = with(order_body(), "total", eur("120.00"));
        let request = json!({ "request": REQUEST });
        let order = story.carrier.statement(ANN, request, order);
        let order = with(order, "to", json!(SHOP));
        let _ = story.ann.say(&order);
        story.another_version("98.00");
        story
    }

    /// The shop tells Ann of a total; the payment processor may hear of it, or not.
    fn another_version(&mut self, total: &str) {
        self.version += 1;
        let mut record = json!({ "kind": "trade-record", "version": self.version,
            "shop_name": "Example Shop", "placed": self.carrier.now, "lines": order_body()["lines"],
            "charges": [{ "name": "Postage", "price": eur("22.00") }], "total": eur(total),
            "payment": { "method": "credit-card", "processor": PROCESSOR },
            "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] },
            "buyer": order_body()["buyer"] });
        let discount = match total {
            "40.00" => "80.00",
            "98.00" => "22.00",
            "104.00" => "16.00",
            _ => "0.00",
        };
        record["discounts"] = json!([{ "name": "Voucher", "price": eur(discount) }]);
        let about = with(trade("T-1"), "request", json!(REQUEST));
        let mut statement = self.carrier.statement(SHOP, about, record);
        statement["to"] = json!(ANN);
        let _ = self.ann.hear(statement);
    }

    /// Ann reads what is for her; of every status the content of its sequence is noted.
    fn goes_out(&mut self, came: &Came) {
        for said in &came.said {
            let value = wire::to_value(said);
            let body = &value["body"];
            if let Some(sequence) = body["sequence"].as_u64() {
                let parcel = body["parcel"].as_str().unwrap_or_default().to_owned();
                let track = (body["kind"].to_string(), parcel, sequence);
                let known = self.said.entry(track).or_insert_with(|| body.clone());
                assert_eq!(
                    known, body,
                    "seed {}: two contents of one sequence",
                    self.seed
                );
            }
            if said.to.as_str() == ANN {
                self.told += 1;
                self.ann.hear(value);
            }
        }
    }

    fn time_passes(&mut self) {
        let seconds = u64::try_from(self.dice.below(2 * 24 * 3600)).unwrap();
        for server in [&mut self.carrier, &mut self.processor] {
            server.later(seconds);
        }
        self.ann.now = self.carrier.now;
        for came in all_that_is_due(&mut self.processor) {
            self.goes_out(&came);
        }
    }

    fn operator_of_the_carrier(&mut self) {
        let state = self.dice.one(DeliveryState::ALL);
        let mut line = json!({ "trade": "T-1", "track": "delivery", "state": state });
        line["parcel"] = json!(self.dice.one(&PARCELS));
        if self.dice.below(3) == 0 {
            line["planned"] = json!("2026-12-01T12:00:00Z");
        }
        self.emit(line);
    }

    fn operator_of_the_processor(&mut self) {
        let state = self.dice.one(PaymentState::ALL);
        let mut line = json!({ "trade": "T-1", "track": "payment", "state": state });
        for member in ["paid", "refunded"] {
            if self.dice.below(2) == 0 {
                line[member] = eur(self.dice.one(&AMOUNTS));
            }
        }
        if state == PaymentState::Scheduled || self.dice.below(4) == 0 {
            line["planned"] = json!("2026-11-25T00:00:00Z");
        }
        self.emit(line);
    }

    /// A line that cannot be is refused, which is the point.
    fn emit(&mut self, mut line: Value) {
        let server = if line["track"] == "payment" {
            &mut self.processor
        } else {
            &mut self.carrier
        };
        line["key"] = json!(server.their_id());
        if let Ok((_, came)) = server.emit(&line) {
            self.goes_out(&came);
        }
    }

    fn shop_of_the_carrier(&mut self) {
        let name = self.dice.one(&PARCELS);
        let city = self.dice.one(&["York", "Leeds"]);
        let body = match self.dice.below(4) {
            0 => recall(),
            1 => with(recall(), "parcel", json!(name)),
            2 => with(
                parcel(name),
                "lines/0/quantity",
                json!(1 + self.dice.below(2)),
            ),
            _ => with(parcel(name), "deliver_to/address/city", json!(city)),
        };
        let came = self.carrier.hears(SHOP, trade("T-1"), body);
        self.goes_out(&came);
    }

    fn shop_of_the_processor(&mut self) {
        let token = self.dice.one(&["tok_1", "tok_2"]);
        let due = self.dice.one(&["2026-11-21", "2026-12-15"]);
        let question = json!({ "kind": "authorize", "amount": eur("98.00"), "method": "credit-card",
                               "reference": token, "buyer_mail": ANN });
        let total = self.dice.one(&TOTALS);
        let body = match self.dice.below(7) {
            0 | 1 => refund(self.dice.one(&AMOUNTS)),
            5 | 6 => {
                self.another_version(total);
                with(payment(), "amount", eur(total))
            }
            2 => with(payment(), "reference", json!(token)),
            3 => invoice(due),
            _ => question,
        };
        let came = self.processor.hears(SHOP, trade("T-1"), body);
        self.goes_out(&came);
    }

    fn ann_asks(&mut self) {
        let body = match self.dice.below(3) {
            0 => {
                json!({ "kind": "notify", "on": [self.dice.one(&["delivery", "payment.settled"])] })
            }
            _ => json!({ "kind": "status-request" }),
        };
        for of_carrier in [true, false] {
            let server = if of_carrier {
                &mut self.carrier
            } else {
                &mut self.processor
            };
            let mut statement = server.statement(ANN, trade("T-1"), body.clone());
            self.asked += 1;
            statement["id"] = json!(format!("01932c07-9a2e-7ffe-8000-{:012x}", self.asked));
            let _ = self.ann.say(&statement);
            let came = server.receive(Server::letter(ANN, &statement));
            self.goes_out(&came);
        }
    }
}

/// Few enough for every day: a ledger judges the whole trade with each letter. More are more thorough.
const STORIES: u64 = 24;

// Requirements: E12, E17
#[test]
fn nothing_that_carrier_and_processor_say_is_ever_warned() {
    let mut told = 0;
    for seed in 0..STORIES {
        let mut story = Story::new(seed);
        for _ in 0..40 {
            match story.dice.below(8) {
                0 => story.time_passes(),
                1 | 2 => story.operator_of_the_carrier(),
                3 | 4 => story.operator_of_the_processor(),
                5 => story.shop_of_the_carrier(),
                6 => story.shop_of_the_processor(),
                _ => story.ann_asks(),
            }
            let mut open = story.ann.open();
            // That time passes is nobody's word.
            open.retain(|kind| !kind.starts_with("overdue-"));
            assert!(open.is_empty(), "seed {seed}: {open:?}\n{:#?}", story.said);
        }
        told += story.told;
    }
    assert!(
        told > 200,
        "only {told} statuses: the stories are too short"
    );
}
