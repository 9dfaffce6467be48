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
//! `refunds` of an order are read where the order is told; the topics `orders/edited` and `refunds/create`
//! themselves bring no order, and `orders/updated` follows them.
//!
//! A fulfillment is a parcel; its `shipment_status`, where there is one, is the carrier's own word.

use serde_json::{Value, json};
use tradepost_statements::{Currency, DeliveryState, OrderState, PaymentState, Time};

use super::facts::{
    AddressNames, Facts, OrderFact, ParcelFact, PaymentFact, Placed, Told, discount, id_text,
    items, mail_address, name, quantity, text,
};
use super::left::{Left, LeftReason};
use super::money::{Goods, Money, Sums, is_there, money};
use super::number::OrderName;

/// What it tells of orders. `refunds/create` and `orders/edited` bring no order; what they tell comes
/// with `orders/updated` as well.
pub(super) const TOPICS: [&str; 11] = [
    "orders/create",
    "orders/updated",
    "orders/paid",
    "orders/cancelled",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "orders/edited",
    "orders/delete",
    "refunds/create",
    "fulfillments/create",
    "fulfillments/update",
];

pub(super) fn read(topic: &str, body: &Value) -> Result<Facts, Left> {
    let nothing = |text: &str| Err(Left::new(LeftReason::Topic, text));
    match topic {
        "orders/create"
        | "orders/updated"
        | "orders/paid"
        | "orders/cancelled"
        | "orders/fulfilled"
        | "orders/partially_fulfilled" => order(body),
        "fulfillments/create" | "fulfillments/update" => fulfillment(body),
        "orders/delete" => nothing("a deleted order stays what it was"),
        "orders/edited" | "refunds/create" => {
            nothing("orders/updated tells what became of the order")
        }
        _ => nothing("only orders and fulfillments are told"),
    }
}

fn missing(text: &str) -> Left {
    Left::new(LeftReason::Content, text)
}

fn order(order: &Value) -> Result<Facts, Left> {
    if order["test"] == true {
        return Err(Left::new(LeftReason::NotYet, "a test order"));
    }
    let modified =
        time(order, "updated_at").ok_or_else(|| missing("updated_at: there is no time"))?;
    let fulfilled = items(order, "fulfillments");
    let placed = placed(order, modified);
    let payment = match &placed {
        Told::Is(placed) => payment(order, placed.sums.currency, placed.sums.total),
        Told::Unfit(_) | Told::Nothing => None,
    };
    let name = order["name"].as_str().unwrap_or_default();
    Ok(Facts {
        name: order_name(&order["id"], name)?,
        modified,
        order: order_fact(order, &fulfilled),
        placed,
        payment,
        parcels: fulfilled.into_iter().filter_map(parcel).collect(),
    })
}

/// `#1001` is the number 1001 to people; who writes it without the sign is told apart by the key.
fn order_name(id: &Value, name: &str) -> Result<OrderName, Left> {
    let id = id_text(id).ok_or_else(|| missing("id: the order has none"))?;
    Ok(OrderName {
        key: format!("{id}/{name}"),
        number: name.strip_prefix('#').unwrap_or(name).to_owned(),
    })
}

fn order_fact(order: &Value, fulfilled: &[&Value]) -> Option<OrderFact> {
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

fn placed(order: &Value, modified: Time) -> Told<Placed> {
    let sums = match sums(order) {
        Ok(sums) => sums,
        Err(left) => return Told::Unfit(left),
    };
    let customer = &order["customer"];
    let (billing, shipping) = (&order["billing_address"], &order["shipping_address"]);
    let billed = ADDRESS.read(billing, &[billing, customer]);
    let shipped = ADDRESS.read(shipping, &[shipping, customer]);
    // What is sold at a counter has neither; the customer may have one.
    let addresses = [billing, shipping, &customer["default_address"]];
    let buyer = addresses
        .iter()
        .find_map(|address| ADDRESS.buyer(address, &[billing, customer, address]));
    let gateways = items(order, "payment_gateway_names");
    let gateway = gateways.first().and_then(|name| name.as_str());
    Told::Is(Placed {
        at: time(order, "created_at").unwrap_or(modified),
        buyer_mail: mail_address(order, "email")
            .or_else(|| mail_address(order, "contact_email"))
            .or_else(|| mail_address(customer, "email")),
        gateway: gateway.unwrap_or_default().to_owned(),
        is_shipped: items(order, "line_items")
            .iter()
            .any(|line| line["requires_shipping"] == true),
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
    let mut goods = Vec::new();
    for line in items(order, "line_items") {
        let quantity = quantity(line)?;
        goods.push(Goods {
            name: name(line, "name")
                .or_else(|| name(line, "title"))
                .unwrap_or_else(|| "?".to_owned()),
            sku: name(line, "sku"),
            price: quantity.times(read(line, "price")?),
            quantity,
        });
    }
    let mut charges = Vec::new();
    for line in items(order, "shipping_lines") {
        let what = name(line, "title").unwrap_or_else(|| "Shipping".to_owned());
        charges.push((what, read(line, "price")?));
    }
    if order["taxes_included"] != true {
        charges.push(("Taxes".to_owned(), read(order, "total_tax")?));
    }
    charges.push(("Tip".to_owned(), read(order, "total_tip_received")?));
    if !is_there(&order["total_price"]) {
        return Err(missing("total_price: there is none"));
    }
    Ok(Sums {
        currency,
        goods,
        charges,
        discounts: vec![(
            discount(&items(order, "discount_codes")),
            read(order, "total_discounts")?,
        )],
        total: read(order, "total_price")?,
    })
}

/// None: an amount is none, or the state is not known; then nothing is told of the payment.
fn payment(order: &Value, currency: Currency, total: Money) -> Option<PaymentFact> {
    let mut refunded = Money(0);
    for refund in items(order, "refunds") {
        for transaction in items(refund, "transactions") {
            if transaction["kind"] == "refund" && transaction["status"] == "success" {
                refunded = refunded.plus(money(&transaction["amount"], currency).ok()?);
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
    Some(match text(order, "financial_status").unwrap_or_default() {
        "pending" | "expired" => fact(PaymentState::Pending),
        "authorized" => fact(PaymentState::Authorized),
        "partially_paid" => PaymentFact {
            paid: Some(total.minus(money(&order["total_outstanding"], currency).ok()?)),
            ..fact(PaymentState::PartlyPaid)
        },
        "paid" => PaymentFact {
            actual: time(order, "processed_at"),
            ..fact(PaymentState::Settled)
        },
        // Goods were taken back, and the money is still on its way.
        "partially_refunded" if refunded <= Money(0) => PaymentFact {
            actual: time(order, "processed_at"),
            ..fact(PaymentState::Settled)
        },
        "partially_refunded" if refunded >= total => PaymentFact {
            refunded: Some(total),
            ..fact(PaymentState::Refunded)
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
        _ => return None,
    })
}

fn fulfillment(fulfillment: &Value) -> Result<Facts, Left> {
    // "#1001.1": the order's name, and the fulfillment's number in it.
    let name = fulfillment["name"].as_str().unwrap_or_default();
    let order = name.rsplit_once('.').map_or(name, |(order, _)| order);
    let Some(parcel) = parcel(fulfillment) else {
        let text =
            "a fulfillment that nothing is told of: it has not succeeded, or has no name or time";
        return Err(Left::new(LeftReason::NotYet, text));
    };
    Ok(Facts {
        name: order_name(&fulfillment["order_id"], order)?,
        modified: parcel.at,
        placed: Told::Nothing,
        order: None,
        payment: None,
        parcels: vec![parcel],
    })
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
    let first = |all: &str, one: &str| {
        let listed = items(fulfillment, all).into_iter().next();
        let listed = listed.and_then(|first| name(&json!({ "": first }), ""));
        listed.or_else(|| name(fulfillment, one))
    };
    Some(ParcelFact {
        parcel: name(fulfillment, "name")?
            .trim_start_matches('#')
            .to_owned(),
        state,
        at: time(fulfillment, "updated_at")?,
        carrier: name(fulfillment, "tracking_company"),
        number: first("tracking_numbers", "tracking_number"),
        url: first("tracking_urls", "tracking_url"),
    })
}

fn time(value: &Value, name: &str) -> Option<Time> {
    text(value, name)?.parse().ok()
}
