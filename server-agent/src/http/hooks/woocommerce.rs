//! WooCommerce: the webhooks "Order created", "Order updated" and "Order restored", whose body is the
//! order as its REST API (version 3) shows it.
//!
//! | status | order | payment, where this server takes it |
//! |---|---|---|
//! | `pending` | `awaiting-payment` | `pending` |
//! | `failed` | `awaiting-payment` | `declined` |
//! | `on-hold` | `on-hold` | `pending` |
//! | `processing` | `preparing` | `settled`, once there is a date of payment |
//! | `completed` | `shipped`: that the customer has it, the shop does not know | as above |
//! | `cancelled` | `cancelled` | `voided`, unless it was paid |
//! | `refunded` | `cancelled`, unless it has shipped | `refunded` |
//! | `trash`, drafts, others | - | - |

use axum::http::{HeaderMap, header};
use serde_json::Value;
use tradepost_statements::{Currency, DeliveryState, OrderState, PaymentState, Time};

use super::facts::{
    AddressNames, Facts, OrderFact, ParcelFact, PaymentFact, Placed, Told, discount, id_text,
    items, mail_address, name, quantity, text,
};
use super::left::{Left, LeftReason};
use super::money::{Goods, Money, Sums, is_there, money};
use super::number::OrderName;

/// What WooCommerce sends when a webhook is made: a form with its number, and no signature.
pub(super) fn is_ping(headers: &HeaderMap, body: &[u8]) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let number = body.strip_prefix(b"webhook_id=");
    kind.starts_with("application/x-www-form-urlencoded")
        && number.is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit))
}

/// What it tells of orders.
pub(super) const TOPICS: [&str; 4] = [
    "order.created",
    "order.updated",
    "order.restored",
    "order.deleted",
];

pub(super) fn read(topic: &str, order: &Value) -> Result<Facts, Left> {
    if !matches!(topic, "order.created" | "order.updated" | "order.restored") {
        let text = "only orders that were created, updated or restored are told";
        return Err(Left::new(LeftReason::Topic, text));
    }
    if order["order"].is_object() && order["id"].is_null() {
        let text = "this is an older API: set the webhook's API version to \"WP REST API Integration v3\" \
                    (WooCommerce > Settings > Advanced > Webhooks)";
        return Err(Left::new(LeftReason::Version, text));
    }
    let status = text(order, "status").unwrap_or_default();
    let Some(state) = order_state(status, order) else {
        let text = "an order of that status is none yet, or none any more";
        return Err(Left::new(LeftReason::NotYet, text));
    };
    let missing = |text: &str| Left::new(LeftReason::Content, text);
    let key = id_text(&order["id"]).ok_or_else(|| missing("id: the order has none"))?;
    // Not trimmed: every octet of it tells two orders apart.
    let number = id_text(&order["number"]).unwrap_or_else(|| key.clone());
    let modified = time(order, "date_modified_gmt").ok_or_else(|| {
        missing("date_modified_gmt: there is no time; the webhook has to use the API v3")
    })?;
    let placed = placed(order, modified);
    let payment = match &placed {
        Told::Is(placed) => payment(status, order, placed.sums.currency, placed.sums.total),
        Told::Unfit(_) | Told::Nothing => None,
    };
    Ok(Facts {
        name: OrderName { key, number },
        modified,
        placed,
        order: state,
        payment,
        parcels: parcels(order, modified),
    })
}

/// None: nothing is told of such an order. Its inner None: nothing is told of its order track.
fn order_state(status: &str, order: &Value) -> Option<Option<OrderFact>> {
    let completed = time(order, "date_completed_gmt");
    let (state, reason) = match status {
        "pending" => (OrderState::AwaitingPayment, None),
        "failed" => (OrderState::AwaitingPayment, Some("payment-failed")),
        "on-hold" => (OrderState::OnHold, Some("merchant-on-hold")),
        "processing" => (OrderState::Preparing, None),
        "completed" => (OrderState::Shipped, None),
        "cancelled" => (OrderState::Cancelled, None),
        // Whether goods come back, it does not say.
        "refunded" if completed.is_some() => return Some(None),
        "refunded" => (OrderState::Cancelled, None),
        _ => return None,
    };
    Some(Some(OrderFact {
        state,
        reason,
        actual: completed,
    }))
}

/// What the members of an address are called.
const ADDRESS: AddressNames = AddressNames {
    street: ["address_1", "address_2"],
    country: "country",
    region: "state",
    postal_code: "postcode",
};

fn placed(order: &Value, modified: Time) -> Told<Placed> {
    let sums = match sums(order) {
        Ok(sums) => sums,
        Err(left) => return Told::Unfit(left),
    };
    let (billing, shipping) = (&order["billing"], &order["shipping"]);
    let people = [billing, shipping];
    let billed = ADDRESS.read(billing, &people);
    let shipped = ADDRESS.read(shipping, &[shipping, billing]);
    // Some checkouts ask for no address to bill.
    let buyer = ADDRESS.buyer(billing, &people);
    let buyer = buyer.or_else(|| ADDRESS.buyer(shipping, &people));
    Told::Is(Placed {
        at: time(order, "date_created_gmt").unwrap_or(modified),
        buyer_mail: mail_address(billing, "email"),
        gateway: text(order, "payment_method").unwrap_or_default().to_owned(),
        is_shipped: !items(order, "shipping_lines").is_empty(),
        sums,
        deliver_to: shipped.filter(|to| billed.is_some() && billed.as_ref() != Some(to)),
        buyer,
    })
}

fn sums(order: &Value) -> Result<Sums, Left> {
    let currency: Currency = text(order, "currency")
        .unwrap_or_default()
        .parse()
        .map_err(|e| Left::new(LeftReason::Content, format!("currency: {e}")))?;
    let read = |value: &Value, name: &str| {
        money(&value[name], currency)
            .map_err(|e| Left::new(e.reason, format!("{name}: {}", e.text)))
    };
    let both = |value: &Value, name: &str, tax: &str| -> Result<Money, Left> {
        Ok(read(value, name)?.plus(read(value, tax)?))
    };
    let mut goods = Vec::new();
    let mut off = Money(0);
    for line in items(order, "line_items") {
        let after = both(line, "total", "total_tax")?;
        let before = if is_there(&line["subtotal"]) {
            both(line, "subtotal", "subtotal_tax")?
        } else {
            after
        };
        off = off.plus(before.minus(after));
        goods.push(Goods {
            name: name(line, "name").unwrap_or_else(|| "?".to_owned()),
            sku: name(line, "sku"),
            quantity: quantity(line)?,
            price: before,
        });
    }
    let mut charges = Vec::new();
    for (list, called, usual) in [
        ("shipping_lines", "method_title", "Shipping"),
        ("fee_lines", "name", "Fee"),
    ] {
        for line in items(order, list) {
            let what = name(line, called).unwrap_or_else(|| usual.to_owned());
            charges.push((what, both(line, "total", "total_tax")?));
        }
    }
    if !is_there(&order["total"]) {
        return Err(Left::new(LeftReason::Content, "total: there is none"));
    }
    Ok(Sums {
        currency,
        goods,
        charges,
        discounts: vec![(discount(&items(order, "coupon_lines")), off)],
        total: read(order, "total")?,
    })
}

/// None: an amount is none, so nothing is told of the payment.
fn payment(status: &str, order: &Value, currency: Currency, total: Money) -> Option<PaymentFact> {
    let mut refunded = Money(0);
    for refund in items(order, "refunds") {
        // They are written as negative amounts.
        let amount = money(&refund["total"], currency).ok()?;
        refunded = refunded.plus(Money(amount.0.saturating_abs()));
    }
    let paid_at = time(order, "date_paid_gmt");
    let fact = |state, refunded| PaymentFact {
        state,
        paid: None,
        refunded,
        actual: None,
    };
    if status == "refunded" || (refunded >= total && refunded > Money(0)) {
        return Some(fact(PaymentState::Refunded, Some(total)));
    }
    if refunded > Money(0) {
        return Some(fact(PaymentState::PartlyRefunded, Some(refunded)));
    }
    if let Some(at) = paid_at {
        return Some(PaymentFact {
            actual: Some(at),
            ..fact(PaymentState::Settled, None)
        });
    }
    Some(match status {
        "failed" => fact(PaymentState::Declined, None),
        "cancelled" => fact(PaymentState::Voided, None),
        _ => fact(PaymentState::Pending, None),
    })
}

/// What the extension Shipment Tracking, and those that write as it does, keep with the order.
fn parcels(order: &Value, modified: Time) -> Vec<ParcelFact> {
    let kept = items(order, "meta_data")
        .into_iter()
        .find(|meta| meta["key"] == "_wc_shipment_tracking_items");
    let Some(kept) = kept else {
        return Vec::new();
    };
    items(kept, "value")
        .into_iter()
        .filter_map(|item| {
            let number = name(item, "tracking_number")?;
            let carrier = name(item, "custom_tracking_provider");
            let url = text(item, "custom_tracking_link").or(text(item, "tracking_link"));
            Some(ParcelFact {
                parcel: number.clone(),
                // The carrier was told of it; whether it has it, it will say.
                state: DeliveryState::Announced,
                at: modified,
                carrier: carrier.or_else(|| name(item, "tracking_provider")),
                number: Some(number),
                url: url.map(str::to_owned),
            })
        })
        .collect()
}

/// Times in GMT without saying so.
fn time(order: &Value, name: &str) -> Option<Time> {
    let text = text(order, name)?;
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}
