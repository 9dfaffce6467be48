//! Any statement that the types can hold and the protocol allows.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use tradepost_statements::id::{RequestId, Sequence, StatementId, TradeId, TradeRef};
use tradepost_statements::instruction::{
    Authorization, Authorize, DeliveryInstruction, InstructedLine, PaymentInstruction, Recall,
    Refund,
};
use tradepost_statements::order::{
    Cancel, Confirm, DeliveryMethod, Line, LineQuantity, Order, OrderDelivery, OrderPayment,
    OrderRejected, PaymentMethod, Reference, RejectionReason, Return, ReturnDecision,
};
use tradepost_statements::postal::{Buyer, Country, PostalAddress, Recipient, Region};
use tradepost_statements::progress::Track;
use tradepost_statements::record::{
    PriceItem, RecordCarrier, RecordDelivery, RecordPayment, TradeRecord, Version,
};
use tradepost_statements::status::{
    DeliveryStatus, HttpsUrl, OrderStatus, PaymentStatus, Reason, When, Window,
};
use tradepost_statements::wish::{Wish, Wishes};
use tradepost_statements::{
    Address, Amount, Body, Currency, Date, DeliveryState, Kind, OrderState, PaymentState,
    Statement, Time,
};
use uuid::Uuid;

pub(crate) fn statement() -> impl Strategy<Value = Statement> {
    let ids = (uuid(), of(trade()), uuid(), of(uuid()));
    (ids, address(), address(), time(), body()).prop_map(
        |((id, trade, request, answers), from, to, sent, body)| {
            // Of a buyer, so that the request is the sender's own.
            let request = RequestId::new(request, from.clone()).unwrap();
            let needs_trade = !matches!(body.kind(), Kind::Order | Kind::OrderRejected);
            Statement {
                id: StatementId::new(id).unwrap(),
                trade: trade.or_else(|| {
                    needs_trade.then(|| TradeRef {
                        shop: from.clone(),
                        id: "T-1".parse().unwrap(),
                    })
                }),
                request: Some(request),
                answers: answers
                    .or_else(|| needs_answers(&body).then_some(id))
                    .map(|id| StatementId::new(id).unwrap()),
                from,
                to,
                sent,
                body,
            }
        },
    )
}

fn needs_answers(body: &Body) -> bool {
    matches!(
        body.kind(),
        Kind::OrderRejected | Kind::ReturnDecision | Kind::UnknownTrade | Kind::Authorization
    )
}

fn body() -> BoxedStrategy<Body> {
    prop_oneof![
        order().prop_map(|b| Body::Order(Box::new(b))),
        record().prop_map(|b| Body::TradeRecord(Box::new(b))),
        (word(RejectionReason::ALL), text())
            .prop_map(|(reason, text)| Body::OrderRejected(OrderRejected { reason, text })),
        version().prop_map(|version| Body::Confirm(Confirm { version })),
        of(text()).prop_map(|text| Body::Cancel(Cancel { text })),
        (of(vec(line_quantity(), 0..4)), of(text()))
            .prop_map(|(lines, reason)| Body::Return(Return { lines, reason })),
        (any::<bool>(), of(text()), of(amount()), of(recipient())).prop_map(
            |(accepted, text, refund, send_to)| Body::ReturnDecision(ReturnDecision {
                accepted,
                text,
                refund,
                send_to,
            })
        ),
        Just(Body::StatusRequest),
        wishes().prop_map(Body::Notify),
        Just(Body::UnknownTrade),
        order_status().prop_map(Body::OrderStatus),
        delivery_status().prop_map(|b| Body::DeliveryStatus(Box::new(b))),
        payment_status().prop_map(Body::PaymentStatus),
        authorize().prop_map(|b| Body::Authorize(Box::new(b))),
        (any::<bool>(), of(text()), of(text()), of(time())).prop_map(
            |(approved, code, text, until)| Body::Authorization(Authorization {
                approved,
                code,
                text,
                until,
            })
        ),
        payment_instruction().prop_map(|b| Body::PaymentInstruction(Box::new(b))),
        delivery_instruction().prop_map(|b| Body::DeliveryInstruction(Box::new(b))),
        (amount(), amount(), of(text())).prop_map(|(amount, refunded, text)| Body::Refund(
            Refund {
                amount,
                refunded,
                text,
            }
        )),
        (of(text()), of(text())).prop_map(|(parcel, text)| Body::Recall(Recall { parcel, text })),
    ]
    .boxed()
}

fn order() -> impl Strategy<Value = Order> {
    let what = (
        currency(),
        vec((text(), of(text()), any::<NonZeroU32>(), minor()), 1..5),
        minor(),
    );
    let how = (
        word(PaymentMethod::ALL),
        of(reference()),
        word(DeliveryMethod::ALL),
    );
    let who = (buyer(), of(recipient()), of(wishes()));
    let hub = of((address(), of(buyer()), of(region()), of("[0-9a-fA-F]{64}")));
    (what, how, who, of(trade()), hub).prop_map(
        |((currency, lines, total), (method, reference, delivery), who, reorder_of, hub)| {
            let line = |(name, sku, quantity, price)| Line {
                name,
                sku,
                quantity,
                price: Amount::from_minor(price, currency),
            };
            let (buyer, deliver_to, notify) = who;
            let (hub, buyer, region, details_hash) = match hub {
                Some((hub, buyer, region, hash)) => (Some(hub), buyer, region, hash),
                None => (None, Some(buyer), None, None),
            };
            Order {
                lines: lines.into_iter().map(line).collect(),
                total: Amount::from_minor(total, currency),
                payment: OrderPayment { method, reference },
                delivery: OrderDelivery { method: delivery },
                buyer,
                deliver_to,
                notify,
                reorder_of,
                hub,
                region,
                details_hash,
            }
        },
    )
}

fn record() -> impl Strategy<Value = TradeRecord> {
    let line = (text(), of(text()), any::<NonZeroU32>(), amount()).prop_map(
        |(name, sku, quantity, price)| Line {
            name,
            sku,
            quantity,
            price,
        },
    );
    let item = || (text(), amount()).prop_map(|(name, price)| PriceItem { name, price });
    let carrier = (address(), of(vec(text(), 0..3)))
        .prop_map(|(address, parcels)| RecordCarrier { address, parcels });
    let keys = proptest::collection::btree_map(address(), "([0-9a-f]{40}|[0-9A-F]{64})", 0..3);
    (
        (version(), text(), time(), vec(line, 1..5)),
        (of(vec(item(), 0..3)), of(vec(item(), 0..3)), amount()),
        (
            word(PaymentMethod::ALL),
            address(),
            word(DeliveryMethod::ALL),
            vec(carrier, 0..3),
        ),
        (buyer(), of(recipient()), of(time())),
        (of(address()), of(keys)),
    )
        .prop_map(|(first, prices, how, who, (hub, keys))| {
            let (version, shop_name, placed, lines) = first;
            let (charges, discounts, total) = prices;
            let (mut payment, processor, delivery, carriers) = how;
            if !total.is_zero() && payment == PaymentMethod::Nothing {
                payment = PaymentMethod::EMoney;
            }
            let (buyer, deliver_to, confirm_by) = who;
            TradeRecord {
                version,
                shop_name,
                placed,
                lines,
                charges,
                discounts,
                total,
                payment: RecordPayment {
                    method: payment,
                    processor,
                },
                delivery: RecordDelivery {
                    method: delivery,
                    carriers,
                },
                buyer: Some(buyer),
                deliver_to,
                confirm_by,
                hub,
                keys: keys.map(BTreeMap::from_iter),
            }
        })
}

fn order_status() -> impl Strategy<Value = OrderStatus> {
    let first = (sequence(), word(OrderState::ALL), time(), when());
    (first, of(vec(text(), 0..3)), of(reason()), of(text())).prop_map(
        |((sequence, state, at, ship), parcels, reason, text)| OrderStatus {
            sequence,
            state,
            at,
            ship: When {
                actual: ship.actual.or((state == OrderState::Shipped).then_some(at)),
                ..ship
            },
            parcels,
            reason,
            text,
        },
    )
}

fn delivery_status() -> impl Strategy<Value = DeliveryStatus> {
    let first = (sequence(), text(), word(DeliveryState::ALL), time());
    let window = (of(time()), of(time()), of(time()));
    let links = (of(text()), of(text()), of(https()), of(https()));
    let rest = (of(vec(line_quantity(), 0..3)), of(reason()), of(text()));
    (first, window, links, rest).prop_map(
        |((sequence, parcel, state, at), (planned, planned_until, actual), links, rest)| {
            let (place, tracking_number, tracking_url, access) = links;
            let (lines, reason, text) = rest;
            DeliveryStatus {
                sequence,
                parcel,
                state,
                at,
                delivery: Window {
                    planned,
                    planned_until,
                    actual: actual.or((state == DeliveryState::Delivered).then_some(at)),
                },
                place,
                tracking_number,
                tracking_url,
                access,
                lines,
                reason,
                text,
            }
        },
    )
}

fn payment_status() -> impl Strategy<Value = PaymentStatus> {
    let first = (sequence(), word(PaymentState::ALL), time(), when());
    let amounts = (amount(), of(amount()), of(amount()));
    (first, amounts, of(reason()), of(text())).prop_map(
        |((sequence, state, at, settle), (amount, paid, refunded), reason, text)| PaymentStatus {
            sequence,
            state,
            at,
            amount,
            paid,
            refunded,
            settle: When {
                planned: settle
                    .planned
                    .or((state == PaymentState::Scheduled).then_some(at)),
                actual: settle
                    .actual
                    .or((state == PaymentState::Settled).then_some(at)),
            },
            reason,
            text,
        },
    )
}

fn authorize() -> impl Strategy<Value = Authorize> {
    (
        amount(),
        word(PaymentMethod::ALL),
        of(reference()),
        of(buyer()),
        address(),
    )
        .prop_map(|(amount, method, reference, buyer, buyer_mail)| Authorize {
            amount,
            method,
            reference,
            buyer,
            buyer_mail,
        })
}

fn payment_instruction() -> impl Strategy<Value = PaymentInstruction> {
    let how = (word(PaymentMethod::ALL), of(reference()));
    (amount(), how, address(), of(wishes()), of(date())).prop_map(
        |(amount, (method, reference), buyer_mail, notify, due)| PaymentInstruction {
            amount,
            method,
            reference,
            buyer_mail,
            notify,
            due,
        },
    )
}

fn delivery_instruction() -> impl Strategy<Value = DeliveryInstruction> {
    let line = (any::<u32>(), any::<NonZeroU32>(), text()).prop_map(|(line, quantity, name)| {
        InstructedLine {
            line,
            quantity,
            name,
        }
    });
    let what = (of(text()), vec(line, 1..4));
    (what, recipient(), address(), of(wishes()), of(time())).prop_map(
        |((parcel, lines), deliver_to, buyer_mail, notify, ready)| DeliveryInstruction {
            parcel,
            lines,
            deliver_to,
            buyer_mail,
            notify,
            ready,
        },
    )
}

fn buyer() -> impl Strategy<Value = Buyer> {
    (text(), postal_address(), of(text())).prop_map(|(name, address, phone)| Buyer {
        name,
        address,
        phone,
    })
}

fn recipient() -> impl Strategy<Value = Recipient> {
    (text(), postal_address()).prop_map(|(name, address)| Recipient { name, address })
}

fn postal_address() -> impl Strategy<Value = PostalAddress> {
    (text(), text(), of(text()), of(text()), country()).prop_map(
        |(street, city, region, postal_code, country)| PostalAddress {
            street,
            city,
            region,
            postal_code,
            country,
        },
    )
}

fn region() -> impl Strategy<Value = Region> {
    (country(), of(text())).prop_map(|(country, postal_code)| Region {
        country,
        postal_code,
    })
}

fn country() -> impl Strategy<Value = Country> {
    select(&["DE", "AD", "ZW", "US"][..]).prop_map(|c| c.parse().unwrap())
}

fn wishes() -> impl Strategy<Value = Wishes> {
    let wish = prop_oneof![
        word(Track::ALL).prop_map(Wish::Track),
        word(OrderState::ALL).prop_map(Wish::Order),
        word(DeliveryState::ALL).prop_map(Wish::Delivery),
        word(PaymentState::ALL).prop_map(Wish::Payment),
    ];
    (vec(wish, 0..4), of(address())).prop_map(|(on, to)| Wishes { on, to })
}

fn when() -> impl Strategy<Value = When> {
    (of(time()), of(time())).prop_map(|(planned, actual)| When { planned, actual })
}

fn line_quantity() -> impl Strategy<Value = LineQuantity> {
    (any::<u32>(), any::<NonZeroU32>()).prop_map(|(line, quantity)| LineQuantity { line, quantity })
}

fn reference() -> impl Strategy<Value = Reference> {
    "[a-z0-9 -]{0,12}[A-Z_]\\PC{0,12}".prop_filter_map("a card number", |text| text.parse().ok())
}

fn reason() -> impl Strategy<Value = Reason> {
    "(merchant|carrier|recipient|customs|weather|payment)-[a-z0-9-]{1,40}"
        .prop_map(|text| text.parse().unwrap())
}

fn https() -> impl Strategy<Value = HttpsUrl> {
    "https://[a-z0-9.]{1,20}(/[a-zA-Z0-9~!$&'()*+,;=:@%._-]{0,20}){0,3}(\\?[a-z=&/]{0,9})?(#[a-z]{0,5})?"
        .prop_map(|text| text.parse().unwrap())
}

fn address() -> impl Strategy<Value = Address> {
    let local = prop_oneof![
        "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\\.[a-z0-9+]{1,9}){0,2}",
        "\"[ a-zA-Z@:,<>()\\[\\].;]{0,20}\"",
        "\"(\\\\[ -~]){1,9}\"",
        "[a-zäöüéß]{1,9}",
    ];
    let domain = prop_oneof![
        "[a-zA-Z]([a-z0-9]{0,9}[A-Z])?(\\.[a-z]{2,9}){0,2}",
        Just("Bücher.example".to_owned()),
        Just("xn--bcher-kva.example".to_owned()),
    ];
    (local, domain).prop_map(|(local, domain)| format!("{local}@{domain}").parse().unwrap())
}

fn trade() -> impl Strategy<Value = TradeRef> {
    let id = "[A-Za-z0-9._-]{1,64}".prop_map(|id| id.parse::<TradeId>().unwrap());
    (address(), id).prop_map(|(shop, id)| TradeRef { shop, id })
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(|bits| {
        let version_7 = bits & !(0xf << 76) | 0x7 << 76;
        Uuid::from_u128(version_7 & !(0x3 << 62) | 0x2 << 62)
    })
}

/// At most 15 digits.
fn minor() -> impl Strategy<Value = u128> {
    prop_oneof![0..1_000_000_u128, 0..1_000_000_000_000_000_u128]
}

fn currency() -> impl Strategy<Value = Currency> {
    select(&["EUR", "JPY", "BHD", "CLF", "USD"][..]).prop_map(|code| code.parse().unwrap())
}

fn amount() -> impl Strategy<Value = Amount> {
    (minor(), currency()).prop_map(|(minor, currency)| Amount::from_minor(minor, currency))
}

fn sequence() -> impl Strategy<Value = Sequence> {
    (1..=0x7fff_ffff_u64).prop_map(|n| Sequence::try_from(n).unwrap())
}

fn version() -> impl Strategy<Value = Version> {
    (1..=0x7fff_ffff_u64).prop_map(|n| Version::try_from(n).unwrap())
}

fn time() -> impl Strategy<Value = Time> {
    prop_oneof![
        any::<i64>().prop_map(Time::from_unix_millis),
        (0..4_102_444_800_000_i64).prop_map(Time::from_unix_millis),
        "20[0-9]{2}-0[1-9]-[12][0-8]T1[0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,12})?[+-]1[0-9]:00"
            .prop_map(|text| text.parse().unwrap()),
    ]
}

fn date() -> impl Strategy<Value = Date> {
    "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])".prop_map(|text| text.parse().unwrap())
}

/// Text of a letter: anything but what I-JSON forbids.
fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..12).prop_map(|chars| {
        chars
            .into_iter()
            .filter(|c| {
                let n = u32::from(*c);
                !(0xFDD0..=0xFDEF).contains(&n) && n & 0xFFFE != 0xFFFE
            })
            .collect()
    })
}

fn word<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    select(all)
}
