//! Shopify: the webhooks of the topics `orders/*`, whose body is the order as its REST Admin API shows it,
//! and `fulfillments/*`, whose body is one fulfillment.
//!
//! | order | order track |
//! |---|---|
//! | `cancelled_at` | `cancelled`, unless it has shipped |
//! | `fulfillment_status` `fulfilled` | `shipped`: that the customer has it, only a carrier can say |
//! | `fulfillment_status` `partial` | `partly-shipped` |
//! | `financial_status` `pending`, `expired` | `awaiting-payment` |
//! | others | `confirmed` |
//!
//! A fulfillment is a parcel; its `shipment_status`, where there is one, is the carrier's own word.

use serde_json::Value;
use tradepost_statements::{Currency, DeliveryState, OrderState, PaymentState, Time};

use super::config::Settings;
use super::facts::{
    AddressNames, Facts, OrderFact, ParcelFact, PaymentFact, Placed, Told, Unfit, discount, items,
    quantity, text, trade_id,
};
use super::money::{Goods, Money, Sums, money};

pub(super) fn read(hook: &Settings, topic: &str, body: &Value) -> Result<Told, Unfit> {
    match topic.split_once('/') {
        Some(("orders", "delete")) => Ok(Told::Nothing("a deleted order stays what it was")),
        Some(("orders", _)) => order(hook, body),
        Some(("fulfillments", _)) => fulfillment(hook, body),
        Some(_) | None => Ok(Told::Nothing("only orders and fulfillments are told")),
    }
}

fn order(hook: &Settings, order: &Value) -> Result<Told, Unfit> {
    if order["test"] == true {
        return Ok(Told::Nothing("a test order"));
    }
    let currency: Currency = text(order, "currency")
        .unwrap_or_default()
        .parse()
        .map_err(|e| Unfit(format!("currency: {e}")))?;
    let modified = time(order, "updated_at")
        .ok_or_else(|| Unfit("updated_at: there is no time".to_owned()))?;
    let fulfilled = items(order, "fulfillments");
    let placed = placed(hook, order, currency, modified)?;
    let payment = payment(order, currency, placed.sums.total)?;
    let parcels: Vec<ParcelFact> = fulfilled.iter().filter_map(parcel).collect();
    Ok(Told::Facts(Box::new(Facts {
        trade: trade_id(&hook.trade_prefix, text(order, "name").unwrap_or_default())?,
        modified,
        order: order_fact(order, fulfilled),
        placed: Some(placed),
        payment,
        parcels,
    })))
}

fn order_fact(order: &Value, fulfilled: &[Value]) -> Option<OrderFact> {
    let cancelled = time(order, "cancelled_at").is_some();
    let state = match (
        text(order, "fulfillment_status"),
        text(order, "financial_status"),
    ) {
        (Some("fulfilled"), _) => OrderState::Shipped,
        // What is on its way is for the carriers to tell; the payment tells the rest.
        (Some("partial"), _) if cancelled => return None,
        (Some("partial"), _) => OrderState::PartlyShipped,
        (_, _) if cancelled => OrderState::Cancelled,
        (_, Some("pending" | "expired")) => OrderState::AwaitingPayment,
        (_, _) => OrderState::Confirmed,
    };
    let last = fulfilled.iter().filter_map(|f| time(f, "created_at")).max();
    Some(OrderFact {
        state,
        reason: None,
        actual: last,
    })
}

/// What the members of an address are called.
const ADDRESS: AddressNames = AddressNames {
    street: ["address1", "address2"],
    country: "country_code",
    region: "province",
    postal_code: "zip",
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
    let mut goods = Vec::new();
    for line in items(order, "line_items") {
        let quantity = quantity(line)?;
        let each = read(line, "price")?;
        let name = text(line, "name").or(text(line, "title")).unwrap_or("?");
        goods.push(Goods {
            name: name.to_owned(),
            sku: text(line, "sku").map(str::to_owned),
            quantity,
            price: Money(each.0.saturating_mul(i64::from(quantity))),
        });
    }
    let mut charges = Vec::new();
    for line in items(order, "shipping_lines") {
        let what = text(line, "title").unwrap_or("Shipping").to_owned();
        charges.push((what, read(line, "price")?));
    }
    if order["taxes_included"] != true {
        charges.push(("Taxes".to_owned(), read(order, "total_tax")?));
    }
    charges.push(("Tip".to_owned(), read(order, "total_tip_received")?));
    let discount = discount(items(order, "discount_codes"));
    let billing = [&order["billing_address"], &order["shipping_address"]];
    let buyer = billing
        .iter()
        .find_map(|address| ADDRESS.read(address, text(address, "phone")));
    let gateway = items(order, "payment_gateway_names")
        .first()
        .and_then(Value::as_str);
    let mail = text(order, "email").or(text(order, "contact_email"));
    Ok(Placed {
        at: time(order, "created_at").unwrap_or(modified),
        buyer_mail: mail
            .ok_or_else(|| Unfit("email: there is no address to mail to".to_owned()))?
            .to_owned(),
        method: hook.payment_method(gateway.unwrap_or_default())?,
        is_shipped: items(order, "line_items").iter().any(|l| l["requires_shipping"] == true),
        sums: Sums {
            currency,
            goods,
            charges,
            discounts: vec![(discount, read(order, "total_discounts")?)],
            total: read(order, "total_price")?,
        },
        deliver_to: ADDRESS.read(&order["shipping_address"], None).filter(|to| {
            let billed = ADDRESS.read(&order["billing_address"], None);
            billed.is_some_and(|billed| billed != *to)
        }),
        buyer: buyer.ok_or_else(|| {
            Unfit("billing_address and shipping_address: name, address1, city or country_code is missing".to_owned())
        })?,
    })
}

fn payment(order: &Value, currency: Currency, total: Money) -> Result<Option<PaymentFact>, Unfit> {
    let mut refunded = Money(0);
    for refund in items(order, "refunds") {
        for transaction in items(refund, "transactions") {
            if transaction["kind"] == "refund" && transaction["status"] == "success" {
                refunded = refunded.plus(money(&transaction["amount"], currency)?);
            }
        }
    }
    let refunded = Money(refunded.0.min(total.0));
    let fact = |state| PaymentFact {
        state,
        paid: None,
        refunded: None,
        actual: None,
    };
    Ok(Some(
        match text(order, "financial_status").unwrap_or_default() {
            "pending" | "expired" => fact(PaymentState::Pending),
            "authorized" => fact(PaymentState::Authorized),
            "partially_paid" => PaymentFact {
                paid: Some(total.minus(money(&order["total_outstanding"], currency)?)),
                ..fact(PaymentState::PartlyPaid)
            },
            "paid" => PaymentFact {
                actual: time(order, "processed_at"),
                ..fact(PaymentState::Settled)
            },
            "partially_refunded" => PaymentFact {
                refunded: Some(refunded),
                ..fact(PaymentState::PartlyRefunded)
            },
            "refunded" => PaymentFact {
                refunded: Some(total),
                ..fact(PaymentState::Refunded)
            },
            "voided" => fact(PaymentState::Voided),
            _ => return Ok(None),
        },
    ))
}

fn fulfillment(hook: &Settings, fulfillment: &Value) -> Result<Told, Unfit> {
    // "#1001.1": the order's name, and the fulfillment's number in it.
    let name = text(fulfillment, "name").unwrap_or_default();
    let order = name.rsplit_once('.').map_or(name, |(order, _)| order);
    let Some(parcel) = parcel(fulfillment) else {
        return Ok(Told::Nothing(
            "a fulfillment that nothing is told of: it has not succeeded",
        ));
    };
    Ok(Told::Facts(Box::new(Facts {
        trade: trade_id(&hook.trade_prefix, order)?,
        modified: parcel.at,
        placed: None,
        order: None,
        payment: None,
        parcels: vec![parcel],
    })))
}

fn parcel(fulfillment: &Value) -> Option<ParcelFact> {
    let state = match (
        text(fulfillment, "status")?,
        text(fulfillment, "shipment_status"),
    ) {
        ("cancelled", _) => DeliveryState::Stopped,
        ("success", Some("in_transit")) => DeliveryState::InTransit,
        ("success", Some("out_for_delivery")) => DeliveryState::OutForDelivery,
        ("success", Some("attempted_delivery")) => DeliveryState::AttemptFailed,
        ("success", Some("ready_for_pickup")) => DeliveryState::ReadyForPickup,
        ("success", Some("delivered")) => DeliveryState::Delivered,
        ("success", Some("failure")) => DeliveryState::Exception,
        // A label, or nothing said: the carrier was told of it.
        ("success", _) => DeliveryState::Announced,
        (_, _) => return None,
    };
    let numbers = items(fulfillment, "tracking_numbers");
    let urls = items(fulfillment, "tracking_urls");
    let first = |all: &[Value]| all.first().and_then(Value::as_str).map(str::to_owned);
    Some(ParcelFact {
        parcel: text(fulfillment, "name")?
            .trim_start_matches('#')
            .to_owned(),
        state,
        at: time(fulfillment, "updated_at")?,
        carrier: text(fulfillment, "tracking_company").map(str::to_owned),
        number: first(numbers).or(text(fulfillment, "tracking_number").map(str::to_owned)),
        url: first(urls).or(text(fulfillment, "tracking_url").map(str::to_owned)),
    })
}

fn time(value: &Value, name: &str) -> Option<Time> {
    text(value, name)?.parse().ok()
}
