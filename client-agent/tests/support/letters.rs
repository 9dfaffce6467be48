//! Letters as they lie in ann's mailbox: composed as the agents compose them, and stamped as her
//! provider would.

use serde_json::{Value, json};
use tradepost_letters::{AutoSubmitted, Composition, Story, compose};
use tradepost_statements::{Time, wire};
use uuid::Uuid;

pub const ANN: &str = "ann@home.example";
pub const SHOP: &str = "orders@shop.example";
pub const CARRIER: &str = "track@carrier.example";
pub const PAY: &str = "billing@pay.example";

/// A statement that can be changed before it is put into a letter.
pub struct Said(pub Value);

/// What Ann orders, as a file.
pub const ORDER: &str = r#"
to = "orders@shop.example"
payment = { method = "credit-card", reference = "tok_8Qx2" }
delivery = { method = "courier" }
[[lines]]
name = "Kettle"
sku = "K-1"
quantity = 2
price = "49.00 EUR"
[buyer]
name = "Ann Buyer"
address = { street = "1 Main Street", city = "Berlin", postal_code = "10115", country = "DE" }
"#;

/// The present time, so many seconds from now.
pub fn at(seconds: i64) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Time::from_unix_millis((now.as_secs() as i64 + seconds) * 1000).to_string()
}

pub fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

fn say(from: &str, body: Value) -> Said {
    Said(json!({
        "tradepost": 1, "id": Uuid::now_v7().to_string(), "from": from, "to": ANN, "sent": at(-60),
        "trade": { "shop": SHOP, "id": "T-1001" }, "body": body,
    }))
}

/// The record of a trade that was ordered elsewhere: two kettles, 98.00 EUR.
pub fn record() -> Said {
    say(
        SHOP,
        json!({
            "kind": "trade-record", "version": 1, "shop_name": "Example Shop", "placed": at(-3600),
            "lines": [{ "name": "Kettle", "sku": "K-1", "quantity": 2, "price": eur("49.00") }],
            "total": eur("98.00"),
            "payment": { "method": "credit-card", "processor": PAY },
            "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] },
            "buyer": buyer(),
        }),
    )
}

pub fn buyer() -> Value {
    json!({
        "name": "Ann Buyer",
        "address": { "street": "1 Main Street", "city": "Berlin", "postal_code": "10115", "country": "DE" },
    })
}

pub fn shipped(sequence: u32) -> Said {
    say(
        SHOP,
        json!({
            "kind": "order-status", "sequence": sequence, "state": "shipped", "at": at(-50),
            "ship": { "actual": at(-50) },
        }),
    )
}

pub fn in_transit(sequence: u32, planned: &str) -> Said {
    say(
        CARRIER,
        json!({
            "kind": "delivery-status", "sequence": sequence, "state": "in-transit", "at": at(-40),
            "delivery": { "planned": planned }, "place": "Leipzig", "tracking_number": "X-77",
        }),
    )
}

pub fn delivered(sequence: u32) -> Said {
    say(
        CARRIER,
        json!({
            "kind": "delivery-status", "sequence": sequence, "state": "delivered", "at": at(-30),
            "delivery": { "actual": at(-30) },
        }),
    )
}

pub fn settled(sequence: u32) -> Said {
    say(
        PAY,
        json!({
            "kind": "payment-status", "sequence": sequence, "state": "settled", "at": at(-20),
            "amount": eur("98.00"), "settle": { "actual": at(-20) },
        }),
    )
}

impl Said {
    /// With a member, named by its JSON pointer, set to another value.
    pub fn with(mut self, pointer: &str, value: Value) -> Said {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        self.0.pointer_mut(parent).unwrap()[name] = value;
        self
    }

    /// As its sender submits it, without any stamp.
    pub fn raw(&self) -> Vec<u8> {
        let json = self.0.to_string();
        let statement = wire::decode(json.as_bytes()).unwrap().statement;
        compose(&Composition {
            statement: &statement,
            json: Some(&json),
            message_id: &format!("{}@{}", Uuid::now_v7(), statement.from.domain()),
            date: statement.sent,
            from_name: None,
            story: Story::default(),
            in_reply_to: None,
            references: &[],
            auto: AutoSubmitted::Generated,
            with_html: false,
        })
    }

    /// As it lies in the mailbox: the provider says that its sender's domain signed it.
    pub fn letter(&self) -> Vec<u8> {
        let from = self.0["from"].as_str().unwrap();
        let (_, domain) = from.rsplit_once('@').unwrap();
        self.stamped(&format!("dkim=pass header.d={domain}"))
    }

    pub fn stamped(&self, results: &str) -> Vec<u8> {
        let mut letter =
            format!("Authentication-Results: mx.mailroom.example; {results}\r\n").into_bytes();
        letter.extend(self.raw());
        letter
    }
}
