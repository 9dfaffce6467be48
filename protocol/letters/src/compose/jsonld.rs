//! The facts of statuses and trade records in the words of schema.org, for mail programs that show
//! orders and parcels (protocol 6).

use serde_json::{Map, Value, json};
use tradepost_statements::order::Line;
use tradepost_statements::record::TradeRecord;
use tradepost_statements::status::{DeliveryStatus, PaymentStatus};
use tradepost_statements::{Address, Amount, Body, Statement};

use super::Story;
use super::status_words;
use super::telling::{self, shop_name};
use crate::untrusted::{self, show};

/// The JSON-LD, safe within a script element; None for a statement that has none, and for a status
/// that goes to the shop.
pub(super) fn jsonld(s: &Statement, story: &Story<'_>) -> Option<String> {
    let trade = s.trade.as_ref()?;
    if s.to == trade.shop {
        return None;
    }
    let facts = match &s.body {
        Body::TradeRecord(record) => of_record(s, story, record),
        Body::OrderStatus(status) => {
            let mut order = order(s, story);
            put(
                &mut order,
                "orderStatus",
                term(status_words::order(status.state).schema),
            );
            purchase(&mut order, story);
            order
        }
        Body::DeliveryStatus(status) => of_delivery(s, story, status),
        Body::PaymentStatus(status) => of_payment(s, story, status),
        Body::Order(_)
        | Body::OrderRejected(_)
        | Body::Confirm(_)
        | Body::Cancel(_)
        | Body::Return(_)
        | Body::ReturnDecision(_)
        | Body::StatusRequest
        | Body::Notify(_)
        | Body::UnknownTrade
        | Body::Authorize(_)
        | Body::Authorization(_)
        | Body::PaymentInstruction(_)
        | Body::DeliveryInstruction(_)
        | Body::Refund(_)
        | Body::Recall(_) => return None,
    };
    let mut whole = facts;
    whole.insert("@context".to_owned(), Value::from("https://schema.org"));
    Some(in_script(&Value::Object(whole).to_string()))
}

/// HTML ends a script at `</script`, whatever stands around it: no angle bracket is left.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

fn of_record(s: &Statement, story: &Story<'_>, record: &TradeRecord) -> Map<String, Value> {
    let known = Story {
        shop_name: Some(&record.shop_name),
        ..*story
    };
    let mut order = order(s, &known);
    put(&mut order, "orderStatus", term("OrderProcessing"));
    put(&mut order, "orderDate", json!(record.placed.to_string()));
    put(&mut order, "acceptedOffer", offers(&record.lines));
    price(&mut order, record.total);
    let invoice = json!({
        "@type": "Invoice",
        "totalPaymentDue": sum(record.total),
        "provider": organization(&record.payment.processor, None),
    });
    put(&mut order, "partOfInvoice", invoice);
    order
}

fn of_delivery(s: &Statement, story: &Story<'_>, status: &DeliveryStatus) -> Map<String, Value> {
    let mut order = order(s, story);
    put(
        &mut order,
        "orderStatus",
        term(status_words::delivery(status.state).schema),
    );
    let mut parcel = typed("ParcelDelivery");
    put(&mut parcel, "partOfOrder", Value::Object(order));
    put(&mut parcel, "carrier", organization(&s.from, None));
    put_text(
        &mut parcel,
        "identifier",
        telling::parcel(&status.parcel).as_ref(),
    );
    put_text(
        &mut parcel,
        "trackingNumber",
        status.tracking_number.as_ref(),
    );
    put_text(
        &mut parcel,
        "trackingUrl",
        status
            .tracking_url
            .as_ref()
            .map(|u| u.as_str().to_owned())
            .as_ref(),
    );
    let from = status.delivery.actual.or(status.delivery.planned);
    let until = status.delivery.actual.or(status.delivery.planned_until);
    if let Some(at) = from {
        put(&mut parcel, "expectedArrivalFrom", json!(at.to_string()));
    }
    if let Some(at) = until.or(from) {
        put(&mut parcel, "expectedArrivalUntil", json!(at.to_string()));
    }
    parcel
}

fn of_payment(s: &Statement, story: &Story<'_>, status: &PaymentStatus) -> Map<String, Value> {
    let mut order = order(s, story);
    purchase(&mut order, story);
    let mut invoice = typed("Invoice");
    put(&mut invoice, "referencesOrder", Value::Object(order));
    put(
        &mut invoice,
        "paymentStatus",
        term(status_words::payment(status.state).schema),
    );
    put(&mut invoice, "totalPaymentDue", sum(status.amount));
    put(&mut invoice, "provider", organization(&s.from, None));
    if let Some(at) = status.settle.planned {
        put(&mut invoice, "scheduledPaymentDate", json!(at.to_string()));
    }
    invoice
}

fn order(s: &Statement, story: &Story<'_>) -> Map<String, Value> {
    let mut order = typed("Order");
    if let Some(trade) = &s.trade {
        put(&mut order, "orderNumber", json!(trade.id.as_str()));
        put(
            &mut order,
            "merchant",
            organization(&trade.shop, Some(&shop_name(s, story))),
        );
    }
    if let Some(placed) = story.placed {
        put(&mut order, "orderDate", json!(placed.to_string()));
    }
    order
}

fn purchase(order: &mut Map<String, Value>, story: &Story<'_>) {
    if let Some(lines) = story.lines {
        put(order, "acceptedOffer", offers(lines));
    }
    if let Some(total) = story.total {
        price(order, total);
    }
}

fn offers(lines: &[Line]) -> Value {
    let offer = |line: &Line| {
        let mut product = typed("Product");
        put_text(&mut product, "name", Some(&untrusted::name(&line.name)));
        let sku = line.sku.as_deref().map(untrusted::name);
        put_text(&mut product, "sku", sku.as_ref());
        json!({
            "@type": "Offer",
            "itemOffered": product,
            "price": line.price.decimal(),
            "priceCurrency": line.price.currency().code(),
            "eligibleQuantity": { "@type": "QuantitativeValue", "value": line.quantity.get() },
        })
    };
    lines.iter().take(200).map(offer).collect()
}

fn price(order: &mut Map<String, Value>, total: Amount) {
    put(order, "price", json!(total.decimal()));
    put(order, "priceCurrency", json!(total.currency().code()));
}

fn sum(amount: Amount) -> Value {
    json!({
        "@type": "PriceSpecification",
        "price": amount.decimal(),
        "priceCurrency": amount.currency().code(),
    })
}

fn organization(address: &Address, name: Option<&str>) -> Value {
    let mut organization = typed("Organization");
    put_text(
        &mut organization,
        "name",
        Some(&name.unwrap_or(address.domain()).to_owned()),
    );
    put_text(
        &mut organization,
        "email",
        Some(&address.as_written().to_owned()),
    );
    Value::Object(organization)
}

fn typed(name: &str) -> Map<String, Value> {
    let mut object = Map::new();
    put(&mut object, "@type", json!(name));
    object
}

fn term(name: &str) -> Value {
    json!(format!("https://schema.org/{name}"))
}

fn put(object: &mut Map<String, Value>, name: &str, value: Value) {
    object.insert(name.to_owned(), value);
}

fn put_text(object: &mut Map<String, Value>, name: &str, text: Option<&String>) {
    if let Some(text) = text {
        put(object, name, Value::from(show(text)));
    }
}
