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

use super::config::Settings;
use super::facts::{
    AddressNames, Facts, OrderFact, ParcelFact, PaymentFact, Placed, Told, Unfit, discount,
    id_text, items, quantity, text, trade_id,
};
use super::money::{Goods, Money, Sums, money};

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

pub(super) fn read(hook: &Settings, topic: &str, order: &Value) -> Result<Told, Unfit> {
    if !matches!(topic, "order.created" | "order.updated" | "order.restored") {
        return Ok(Told::Nothing(
            "only orders that were created, updated or restored are told",
        ));
    }
    let status = text(order, "status").unwrap_or_default();
    let Some(state) = order_state(status, order) else {
        return Ok(Told::Nothing(
            "an order of that status is none yet, or none any more",
        ));
    };
    let currency: Currency = text(order, "currency")
        .unwrap_or_default()
        .parse()
        .map_err(|e| Unfit(format!("currency: {e}")))?;
    let modified = time(order, "date_modified_gmt")
        .ok_or_else(|| Unfit("date_modified_gmt: there is no time".to_owned()))?;
    let number = text(order, "number").map_or_else(|| id_text(&order["id"]), str::to_owned);
    let placed = placed(hook, order, currency, modified)?;
    let payment = payment(status, order, currency, placed.sums.total)?;
    Ok(Told::Facts(Box::new(Facts {
        trade: trade_id(&hook.trade_prefix, &number)?,
        modified,
        placed: Some(placed),
        order: state,
        payment: Some(payment),
        parcels: parcels(order, modified),
    })))
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

fn placed(
    hook: &Settings,
    order: &Value,
    currency: Currency,
    modified: Time,
) -> Result<Placed, Unfit> {
    let read = |value: &Value, name: &str| {
        money(&value[name], currency).map_err(|e| Unfit(format!("{name}: {}", e.0)))
    };
    let both = |value: &Value, name: &str, tax: &str| -> Result<Money, Unfit> {
        Ok(read(value, name)?.plus(read(value, tax)?))
    };
    let mut goods = Vec::new();
    let mut off = Money(0);
    for line in items(order, "line_items") {
        let before = both(line, "subtotal", "subtotal_tax")?;
        off = off.plus(before.minus(both(line, "total", "total_tax")?));
        goods.push(Goods {
            name: text(line, "name").unwrap_or("?").to_owned(),
            sku: text(line, "sku").map(str::to_owned),
            quantity: quantity(line)?,
            price: before,
        });
    }
    let mut charges = Vec::new();
    for (list, name, usual) in [
        ("shipping_lines", "method_title", "Shipping"),
        ("fee_lines", "name", "Fee"),
    ] {
        for line in items(order, list) {
            let what = text(line, name).unwrap_or(usual).to_owned();
            charges.push((what, both(line, "total", "total_tax")?));
        }
    }
    let discount = discount(items(order, "coupon_lines"));
    let gateway = text(order, "payment_method").unwrap_or_default();
    let (billing, shipping) = (&order["billing"], &order["shipping"]);
    Ok(Placed {
        at: time(order, "date_created_gmt").unwrap_or(modified),
        buyer_mail: text(billing, "email")
            .ok_or_else(|| Unfit("billing.email: there is no address to mail to".to_owned()))?
            .to_owned(),
        method: hook.payment_method(gateway)?,
        is_shipped: !items(order, "shipping_lines").is_empty(),
        sums: Sums {
            currency,
            goods,
            charges,
            discounts: vec![(discount, off)],
            total: read(order, "total")?,
        },
        buyer: ADDRESS
            .read(billing, text(billing, "phone"))
            .ok_or_else(|| {
                Unfit("billing: name, address_1, city or country is missing".to_owned())
            })?,
        deliver_to: ADDRESS.read(shipping, None).filter(|to| {
            let with_phone = ADDRESS.read(billing, None);
            with_phone.as_ref() != Some(to)
        }),
    })
}

fn payment(
    status: &str,
    order: &Value,
    currency: Currency,
    total: Money,
) -> Result<PaymentFact, Unfit> {
    let mut refunded = Money(0);
    for refund in items(order, "refunds") {
        // They are written as negative amounts.
        let amount = money(&refund["total"], currency)?;
        refunded = refunded.plus(Money(amount.0.abs()));
    }
    let paid_at = time(order, "date_paid_gmt");
    let fact = |state, refunded| PaymentFact {
        state,
        paid: None,
        refunded,
        actual: None,
    };
    if status == "refunded" || (refunded >= total && refunded > Money(0)) {
        return Ok(fact(PaymentState::Refunded, Some(total)));
    }
    if refunded > Money(0) {
        return Ok(fact(PaymentState::PartlyRefunded, Some(refunded)));
    }
    if let Some(at) = paid_at {
        return Ok(PaymentFact {
            actual: Some(at),
            ..fact(PaymentState::Settled, None)
        });
    }
    Ok(match status {
        "failed" => fact(PaymentState::Declined, None),
        "cancelled" => fact(PaymentState::Voided, None),
        _ => fact(PaymentState::Pending, None),
    })
}

/// What the extension Shipment Tracking, and those that write as it does, keep with the order.
fn parcels(order: &Value, modified: Time) -> Vec<ParcelFact> {
    let kept = items(order, "meta_data")
        .iter()
        .find(|meta| meta["key"] == "_wc_shipment_tracking_items");
    let Some(kept) = kept else {
        return Vec::new();
    };
    items(kept, "value")
        .iter()
        .filter_map(|item| {
            let number = text(item, "tracking_number")?;
            let carrier =
                text(item, "custom_tracking_provider").or(text(item, "tracking_provider"));
            let url = text(item, "custom_tracking_link").or(text(item, "tracking_link"));
            Some(ParcelFact {
                parcel: number.to_owned(),
                // The carrier was told of it; whether it has it, it will say.
                state: DeliveryState::Announced,
                at: modified,
                carrier: carrier.map(str::to_owned),
                number: Some(number.to_owned()),
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
