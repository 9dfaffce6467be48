//! Whatever a web shop leaves out, empties or writes otherwise: every field of the documented samples,
//! topic by topic, in every way that is thought of here. Each is told, or left out for a reason that
//! the table below names; nothing is refused for its content, and the unspoilt order is taken
//! afterwards as if nothing had been.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tradepost_parties::kernel;
use tradepost_parties::kernel::{PartyTimers, settings};
use tradepost_parties::roles::lines::emit;
use tradepost_parties::view::{PartyTradeView, trades};
use tradepost_statements::{Evidence, OrderState, StatementId, Time};
use tradepost_trades::ids::FreshIds;
use tradepost_trades::rows::MemoryRows;

mod right;
mod samples;

use right::{
    NO_TEXT, NOTHING, NUMBERS, Row, TO_A_KNOWN_ORDER, right, row, rows_of_shopify,
    rows_of_woocommerce,
};
use samples::{FULFILLMENT, SHOPIFY, others, places, shopify_sample, spoil, spoilt, woo_sample};

use super::decide::{Decided, decide};
use super::left::LeftReason;
use crate::config::{WebhookKind, WebhookSettings};

fn server() -> kernel::PartySettings {
    let own = "orders@shop.example".parse().unwrap();
    let payment_by = settings::PaymentProcedure::at("orders@shop.example".parse().unwrap());
    let delivery_by = settings::DeliveryProcedure::by("orders@shop.example".parse().unwrap());
    use tradepost_statements::order::{DeliveryMethod, PaymentMethod};
    kernel::PartySettings {
        address: own,
        name: "Example Shop".to_owned(),
        minimum: Evidence::Relay,
        minimum_of: Default::default(),
        shop: Some(settings::ShopSettings {
            catalogue: None,
            payment: PaymentMethod::ALL
                .iter()
                .map(|m| (*m, payment_by.clone()))
                .collect(),
            delivery: DeliveryMethod::ALL
                .iter()
                .map(|m| (*m, delivery_by.clone()))
                .collect(),
            confirm_within: None,
        }),
        carrier: Some(settings::CarrierSettings::default()),
        payment: Some(settings::PaymentSettings::default()),
        jobs: settings::FulfilmentSettings::default(),
        timers: PartyTimers::default(),
    }
}

/// A server that takes deliveries, in memory.
struct Shop {
    hook: WebhookSettings,
    server: kernel::PartySettings,
    rows: MemoryRows,
    ids: u64,
}

/// What became of a delivery.
#[derive(Debug, Default, PartialEq)]
struct DeliveryTaken {
    recorded: usize,
    /// Why something was left out; `unknown` where the web shop is asked to come again.
    left: Vec<&'static str>,
    /// What the book did not take: it is left out as well.
    refused: Vec<String>,
}

impl Shop {
    fn new(kind: WebhookKind) -> Shop {
        let name = kind.word();
        Shop {
            hook: WebhookSettings::named(name, kind, &name[..1]),
            server: server(),
            rows: MemoryRows::default(),
            ids: 0,
        }
    }

    fn now() -> Time {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    /// What there is to do about a delivery, as a text.
    fn says(&self, topic: &str, body: &Value) -> String {
        match decide(
            &self.hook,
            &self.server,
            &self.rows,
            topic,
            body,
            Shop::now(),
        ) {
            Decided::Unknown { origin } => origin,
            Decided::Record(lines) => format!("{} {:?}", json!(lines.lines), lines.left),
        }
    }

    fn takes(&mut self, topic: &str, body: &Value) -> DeliveryTaken {
        let now = Shop::now();
        let mut taken = DeliveryTaken::default();
        let lines = match decide(&self.hook, &self.server, &self.rows, topic, body, now) {
            Decided::Record(lines) => lines,
            Decided::Unknown { .. } => {
                taken.left.push("unknown");
                return taken;
            }
        };
        taken.left = lines.left.iter().map(|left| left.reason.word()).collect();
        for line in lines.lines {
            self.ids += 1;
            let id = format!("01932c07-9a2e-7000-8000-{:08x}0000", self.ids);
            let id: StatementId = id.parse().unwrap();
            let mut ids = FreshIds::starting_with(id);
            let line = line.to_string();
            let emitted = emit(&self.server, &self.rows, line.as_bytes(), now, &mut ids);
            self.rows.apply(emitted.change.rows);
            match emitted.answer {
                Ok(_) => taken.recorded += 1,
                Err(why) => taken.refused.push(why.to_string()),
            }
        }
        taken
    }

    fn trades(&self) -> Vec<PartyTradeView> {
        trades(&self.rows, &self.server.address, 100)
    }

    fn copy(&self) -> Shop {
        Shop {
            hook: self.hook.clone(),
            server: self.server.clone(),
            rows: self.rows.clone(),
            ids: self.ids,
        }
    }
}

/// Deliveries of one kind that are all spoilt in turn, to a shop that knows nothing of the order, and
/// to one that knows it.
struct Trial {
    kind: WebhookKind,
    sample: Value,
    /// The unspoilt order, an hour later and shipped.
    shipped: Value,
    rows: Vec<Row>,
    /// Fields that make it another order.
    names: &'static [&'static str],
}

impl Trial {
    fn run(&self, topics: &[&str]) {
        let fresh = Shop::new(self.kind);
        let mut knows = fresh.copy();
        let taken = knows.takes(topics[0], &self.sample);
        assert!(taken.recorded >= 3 && taken.left.is_empty(), "{taken:?}");
        let mut all = BTreeSet::new();
        places(&self.sample, "", &mut all);
        assert!(all.len() > 100, "{}", all.len());
        // Most mistakes make no difference; each difference is tried once.
        let mut tried = BTreeMap::new();
        for (topic, place) in topics.iter().flat_map(|t| all.iter().map(move |p| (t, p))) {
            for (mistake, with) in spoilt() {
                // One reader reads all topics: of the others, whether it does.
                if *topic != topics[0] && mistake != "word" {
                    continue;
                }
                let body = spoil(&self.sample, place, with.as_ref());
                let what = format!("{topic} {place} {mistake}");
                let taken = tried.entry(fresh.says(topic, &body)).or_insert_with(|| {
                    self.to_a_shop_that_knows_nothing(&fresh, topic, &body, &what)
                });
                match right(&self.rows, place, mistake) {
                    None => assert!(
                        taken.recorded > 0 && taken.left.is_empty(),
                        "{what}: {taken:?}"
                    ),
                    Some(reason) => {
                        assert_eq!(taken.left, [reason.word()], "{what}");
                        assert_eq!(taken.recorded, 0, "{what}");
                    }
                }
                if !TO_A_KNOWN_ORDER.contains(&mistake) {
                    continue;
                }
                let known = format!("known {}", knows.says(topic, &body));
                tried.entry(known).or_insert_with(|| {
                    let is_another = self.names.contains(&place.as_str());
                    self.to_a_shop_that_knows_it(&knows, topic, &body, is_another, &what)
                });
            }
        }
    }

    fn to_a_shop_that_knows_nothing(
        &self,
        fresh: &Shop,
        topic: &str,
        body: &Value,
        what: &str,
    ) -> DeliveryTaken {
        let mut shop = fresh.copy();
        let taken = shop.takes(topic, body);
        assert_eq!(
            taken.refused, [""; 0],
            "{what}: the book takes what is told"
        );
        self.then_ships(shop, topic, what);
        taken
    }

    fn to_a_shop_that_knows_it(
        &self,
        knows: &Shop,
        topic: &str,
        body: &Value,
        is_another: bool,
        what: &str,
    ) -> DeliveryTaken {
        let mut shop = knows.copy();
        let taken = shop.takes(topic, body);
        assert!(!taken.left.contains(&"unknown"), "{what}");
        let trades = shop.trades();
        assert!(trades.len() == 1 || is_another, "{what}: {trades:?}");
        assert!(
            trades
                .iter()
                .all(|t| t.buyer.as_str() == "ann@home.example"),
            "{what}"
        );
        self.then_ships(shop, topic, what);
        taken
    }

    /// The unspoilt order goes on as if nothing had been.
    fn then_ships(&self, mut shop: Shop, topic: &str, what: &str) {
        let taken = shop.takes(topic, &self.shipped);
        assert!(taken.recorded > 0, "{what}, then shipped: {taken:?}");
        let shipped = shop.trades().into_iter().filter(|t| {
            t.order.as_ref().map(|o| o.state) == Some(OrderState::Shipped)
                && t.buyer.as_str() == "ann@home.example"
        });
        assert!(shipped.count() >= 1, "{what}, then shipped");
    }
}

#[test]
fn every_field_of_an_order_of_woocommerce_may_be_spoilt_and_the_order_is_told_or_left_out() {
    let mut shipped = woo_sample();
    shipped["status"] = json!("completed");
    shipped["date_modified_gmt"] = json!("2026-11-20T11:01:00");
    shipped["date_completed_gmt"] = json!("2026-11-20T11:01:00");
    let trial = Trial {
        kind: WebhookKind::Woocommerce,
        sample: woo_sample(),
        shipped,
        rows: rows_of_woocommerce(),
        names: &["/id"],
    };
    trial.run(&["order.created", "order.updated", "order.restored"]);
}

#[test]
fn every_field_of_an_order_of_shopify_may_be_spoilt_and_the_order_is_told_or_left_out() {
    let mut shipped = shopify_sample();
    shipped["fulfillment_status"] = json!("fulfilled");
    shipped["updated_at"] = json!("2026-11-20T16:00:10+00:00");
    let trial = Trial {
        kind: WebhookKind::Shopify,
        sample: shopify_sample(),
        shipped,
        rows: rows_of_shopify(),
        names: &["/id", "/name"],
    };
    trial.run(&[
        "orders/create",
        "orders/updated",
        "orders/paid",
        "orders/cancelled",
        "orders/fulfilled",
        "orders/partially_fulfilled",
    ]);
}

#[test]
fn every_field_of_a_fulfillment_may_be_spoilt_and_it_is_told_left_out_or_asked_to_come_again() {
    let mut knows = Shop::new(WebhookKind::Shopify);
    let order: Value = serde_json::from_str(SHOPIFY).unwrap();
    assert_eq!(knows.takes("orders/create", &order).recorded, 3);
    let sample: Value = serde_json::from_str(FULFILLMENT).unwrap();
    let rows = [
        row("/status", &[], LeftReason::NotYet),
        row("/updated_at", &[], LeftReason::NotYet),
        row("/name", &[&NOTHING, &NO_TEXT, &NUMBERS], LeftReason::NotYet),
        row("/order_id", &[&NOTHING, &NO_TEXT], LeftReason::Content),
    ];
    let mut all = BTreeSet::new();
    places(&sample, "", &mut all);
    for topic in ["fulfillments/create", "fulfillments/update"] {
        for place in &all {
            for (mistake, with) in spoilt() {
                let what = format!("{topic} {place} {mistake}");
                let mut shop = knows.copy();
                let taken = shop.takes(topic, &spoil(&sample, place, with.as_ref()));
                assert_eq!(taken.refused, [""; 0], "{what}");
                match right(&rows, place, mistake) {
                    Some(reason) => assert_eq!(taken.left, [reason.word()], "{what}"),
                    // It is said to be of another order.
                    None if place == "/order_id" || place == "/name" => {
                        assert_eq!(taken.left, ["unknown"], "{what}");
                    }
                    None => assert_eq!((taken.recorded, taken.left.len()), (1, 0), "{what}"),
                }
                let after = shop.takes(topic, &sample);
                let parcels = &shop.trades()[0].delivery;
                let is_there = parcels.iter().any(|p| p.parcel == "1001.1");
                assert!(is_there && after.left.is_empty(), "{what}: {after:?}");
            }
        }
    }
}

#[test]
fn topics_that_bring_no_order_are_left_out_whatever_they_bring() {
    for (kind, topic, sample) in others() {
        let mut shop = Shop::new(kind);
        let mut all = BTreeSet::new();
        places(&sample, "", &mut all);
        for place in &all {
            for (_, with) in spoilt() {
                let taken = shop.takes(topic, &spoil(&sample, place, with.as_ref()));
                assert_eq!((taken.recorded, taken.left), (0, vec!["topic"]), "{topic}");
            }
        }
    }
}

#[test]
fn json_that_is_no_object_and_orders_of_older_apis_are_left_out_with_the_reason() {
    for (kind, topic) in [
        (WebhookKind::Woocommerce, "order.updated"),
        (WebhookKind::Shopify, "orders/updated"),
        (WebhookKind::Shopify, "fulfillments/update"),
    ] {
        for (_, with) in spoilt() {
            let body = with.unwrap_or_default();
            let taken = Shop::new(kind).takes(topic, &body);
            assert_eq!((taken.recorded, taken.left.len()), (0, 1), "{body}");
        }
    }
    let older = json!({ "order": woo_sample() });
    let taken = Shop::new(WebhookKind::Woocommerce).takes("order.updated", &older);
    assert_eq!(taken.left, ["version"]);
}

/// Every member at once: a body of nothing but itself still has an answer.
#[test]
fn orders_that_lack_several_things_have_an_answer() {
    for (kind, topic, sample) in [
        (WebhookKind::Woocommerce, "order.updated", woo_sample()),
        (WebhookKind::Shopify, "orders/updated", shopify_sample()),
    ] {
        let names: Vec<String> = sample.as_object().unwrap().keys().cloned().collect();
        let mut body = sample.clone();
        for name in names {
            body.as_object_mut().unwrap().remove(&name);
            let taken = Shop::new(kind).takes(topic, &body);
            assert_eq!(taken.refused, [""; 0]);
            assert!(taken.recorded > 0 || !taken.left.is_empty());
        }
    }
}
