//! What Ann bought, who speaks about it, and what they say next.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tradepost_letters::dkim::Algorithm;
use tradepost_letters::{AutoSubmitted, Composition, Story, compose};
use tradepost_proof::dkim::{OwnKey, PrivateKey, Signer, make_key};
use tradepost_statements::{Address, Time, wire};

pub const ANN: &str = "ann@home.example";
pub const SHOP: &str = "orders@shop.example";
pub const CARRIER: &str = "track@carrier.example";
/// Below its organizational domain, which signs.
pub const PAY: &str = "billing@eu.pay.example";

/// When all is received.
pub fn now() -> Time {
    "2026-11-20T10:16:00Z".parse().unwrap()
}

/// What a party says next about the trade T-1001.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Record,
    Order,
    Delivery,
    Payment,
}

pub const NEWS: [News; 4] = [News::Record, News::Order, News::Delivery, News::Payment];

impl News {
    pub fn sender(self) -> &'static str {
        match self {
            News::Record | News::Order => SHOP,
            News::Delivery => CARRIER,
            News::Payment => PAY,
        }
    }

    pub fn statement(self) -> Value {
        match self {
            News::Record => record("T-2002", 2),
            News::Order => statement(
                3,
                SHOP,
                json!({ "kind": "order-status", "sequence": 1, "state": "shipped", "at": EARLIER,
                        "ship": { "actual": EARLIER }, "text": "Grüße aus Köln, и спасибо" }),
            ),
            News::Delivery => statement(
                4,
                CARRIER,
                json!({ "kind": "delivery-status", "sequence": 1, "state": "in-transit", "at": EARLIER,
                        "delivery": { "planned": "2026-11-22T12:00:00Z" }, "place": "Łódź",
                        "text": "A line that is so long that a gateway which wraps the lines of a text at seventy-odd \
                                 characters has to break it somewhere in its middle." }),
            ),
            News::Payment => statement(
                5,
                PAY,
                json!({ "kind": "payment-status", "sequence": 1, "state": "settled", "at": EARLIER,
                        "amount": eur("98.00"), "settle": { "actual": EARLIER } }),
            ),
        }
    }
}

const EARLIER: &str = "2026-11-20T10:10:00Z";

fn eur(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

fn statement(n: u64, from: &str, body: Value) -> Value {
    json!({
        "tradepost": 1, "id": format!("01932c07-9a2e-7c11-8f54-{n:012x}"), "from": from, "to": ANN,
        "sent": "2026-11-20T10:15:00Z", "trade": { "shop": SHOP, "id": "T-1001" }, "body": body,
    })
}

/// Of a trade that was ordered elsewhere.
pub fn record(trade: &str, n: u64) -> Value {
    let mut record = statement(
        n,
        SHOP,
        json!({
            "kind": "trade-record", "version": 1, "shop_name": "Kettle & Söhne", "placed": EARLIER,
            "lines": [{ "name": "Kettle", "sku": "K-1", "quantity": 2, "price": eur("49.00") }],
            "total": eur("98.00"),
            "payment": { "method": "credit-card", "processor": PAY },
            "delivery": { "method": "courier", "carriers": [{ "address": CARRIER }] },
            "buyer": { "name": "Ann Buyer", "address": {
                "street": "1 Main Street", "city": "Berlin", "postal_code": "10115", "country": "DE" } },
        }),
    );
    record["trade"]["id"] = json!(trade);
    record
}

pub fn composed(statement: &Value) -> Vec<u8> {
    let json = statement.to_string();
    let statement = wire::decode(json.as_bytes()).unwrap().statement;
    compose(&Composition {
        statement: &statement,
        json: Some(&json),
        message_id: &format!("{}@{}", statement.id, statement.from.domain()),
        date: statement.sent,
        from_name: Some("Swift & Söhne"),
        story: Story::default(),
        in_reply_to: None,
        references: &[],
        auto: AutoSubmitted::Generated,
        with_html: true,
    })
}

/// The domain that signs for a sender.
fn signing_domain(sender: &str) -> &'static str {
    match sender {
        SHOP => "shop.example",
        CARRIER => "carrier.example",
        PAY => "pay.example",
        _ => panic!("nobody signs for {sender}"),
    }
}

fn keys() -> &'static [(&'static str, Signer, String)] {
    static KEYS: OnceLock<Vec<(&str, Signer, String)>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let make = |domain: &'static str| {
            let key = PrivateKey::from_pem(&make_key(Algorithm::Ed25519Sha256).unwrap()).unwrap();
            let own = OwnKey {
                domain: domain.to_owned(),
                selector: "s1".to_owned(),
                key,
            };
            let line = format!("\"{}\" = {:?}\n", own.name(), own.key.record());
            (domain, Signer::new(vec![own]), line)
        };
        ["shop.example", "carrier.example", "pay.example"]
            .map(make)
            .into()
    })
}

/// The lines of `[trust.keys]`.
pub fn trusted_keys() -> String {
    keys().iter().map(|(_, _, line)| line.as_str()).collect()
}

pub fn signed(letter: Vec<u8>, sender: &str) -> Vec<u8> {
    let domain = signing_domain(sender);
    let (_, signer, _) = keys().iter().find(|(d, ..)| *d == domain).unwrap();
    let sender: Address = sender.parse().unwrap();
    signer
        .sign(letter, &sender, "2026-11-20T10:15:00Z".parse().unwrap())
        .unwrap()
}

/// A signature of the sender's domain that nobody can verify.
pub fn bad_signature(sender: &str) -> String {
    let domain = signing_domain(sender);
    let hash = STANDARD.encode([7; 32]);
    let signature = STANDARD.encode([9; 64]);
    format!(
        " v=1; a=ed25519-sha256; c=relaxed/relaxed; d={domain}; s=s1;\r\n\th=from:to:subject:date:content-type; \
         bh={hash};\r\n\tb={signature}"
    )
}
