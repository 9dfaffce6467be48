//! The order form, as a person writes it and as a program does.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{CONFIG, Home};

const TOML: &str = r#"to = "orders@shop.example"
total = "100.00 EUR"
notify = ["order", "delivery.delivered"]
[[lines]]
name = "Kettle"
sku = "K-1"
quantity = 2
price = "49.00 EUR"
[[lines]]
name = "Tea"
price = "1.50 EUR"
[payment]
method = "credit-card"
reference = "tok_8Qx2"
[delivery]
method = "courier"
[buyer]
name = "Ann Buyer"
phone = "+49 30 1234567"
[buyer.address]
street = "1 Main Street"
city = "Berlin"
postal_code = "10115"
country = "DE"
"#;

fn home() -> Home {
    let home = Home::with(&format!(
        "{CONFIG}[smtp]\nhost = \"127.0.0.1\"\nport = 1\ntls = \"none\"\npassword_env = \"HOME\"\n[timers]\nwait_to_send = \"1 ms\"\n"
    ));
    home.write("order.toml", TOML.as_bytes());
    home
}

/// The statement in the letter that a dry run prints.
fn statement(home: &Home, form: &str) -> Value {
    let letter = home.run_with(&["order", "--dry-run", "-"], form).ok();
    let policy = tradepost_letters::RelayPolicy::new(Vec::new(), None);
    let opened = tradepost_letters::open(letter.replace('\n', "\r\n").as_bytes(), &policy);
    match opened.content {
        tradepost_letters::LetterContent::Statement(decoded) => decoded.value,
        other @ (tradepost_letters::LetterContent::NotOurs
        | tradepost_letters::LetterContent::Unreadable { .. }) => panic!("{other:?}: {letter}"),
    }
}

// Requirements: E1
#[test]
fn toml_and_json_mean_the_same_order() {
    let home = home();
    let said = statement(&home, TOML);
    assert_eq!(
        (&said["from"], &said["to"]),
        (&json!("ann@home.example"), &json!("orders@shop.example"))
    );
    let body = &said["body"];
    assert_eq!(body["lines"][1]["quantity"], 1);
    assert_eq!(
        body["notify"],
        json!({ "on": ["order", "delivery.delivered"] })
    );
    // A whole statement, a body with `to`, a body with `shop`.
    let mut bare = body.clone();
    bare["to"] = said["to"].clone();
    let mut with_shop = body.clone();
    with_shop["shop"] = said["to"].clone();
    for form in [&said, &bare, &with_shop] {
        assert_eq!(&statement(&home, &form.to_string())["body"], body);
    }
    // Nothing was queued.
    assert_eq!(home.json(&["requests"]), json!([]));
}

#[test]
fn the_total_is_the_sum_where_it_is_left_out() {
    let form = TOML.replace("total = \"100.00 EUR\"\n", "");
    let total = &statement(&home(), &form)["body"]["total"];
    assert_eq!(total, &json!({ "amount": "99.50", "currency": "EUR" }));
}

// Requirements: Q1
#[test]
fn a_queued_order_is_told_with_its_request_id() {
    let home = home();
    let out = home.run(&["order", "order.toml"]).ok();
    assert!(
        out.contains(":ann@home.example") && out.contains("is queued"),
        "{out}"
    );
    let told = home.json(&["order", "order.toml"]);
    assert_eq!(told["state"], "queued");
    let request = told["request"].as_str().unwrap();
    let requests = home.json(&["requests"]);
    assert_eq!(requests[1]["request"], request);
    assert!(home.run(&["requests"]).ok().contains(request));
    assert_eq!(home.json(&["cancel", request])["state"], "queued");
}

// Requirements: E1
#[test]
fn each_fault_of_a_form_is_told_with_its_place() {
    let home = home();
    home.run(&["order", "--dry-run", "order.toml"]).ok();
    for (from, to, expected) in [
        (
            "to = \"orders@shop.example\"",
            "",
            "order.toml: to: the shop's address is missing",
        ),
        (
            "orders@shop.example",
            "the shop",
            "order.toml: to: \"the shop\"",
        ),
        (
            "49.00 EUR",
            "49 EUR",
            "order.toml: lines[0].price: \"49 EUR\": an amount of EUR has exactly 2 decimals",
        ),
        (
            "\"49.00 EUR\"",
            "49.0",
            "order.toml: lines[0].price: 49.0 has no currency",
        ),
        ("1.50 EUR", "1.50 USD", "USD"),
        (
            "quantity = 2",
            "quantity = 0",
            "order.toml: lines[0].quantity: ",
        ),
        (
            "quantity = 2",
            "quantty = 2",
            "order.toml: lines: unknown key \"quantty\": did you mean \"quantity\"?",
        ),
        ("credit-card", "cash", "order.toml: payment.method: "),
        ("tok_8Qx2", "4111 1111 1111 1111", "card number"),
        ("courier", "pigeon", "order.toml: delivery.method: "),
        (
            "country = \"DE\"",
            "country = \"Germany\"",
            "order.toml: buyer.address.country: ",
        ),
        ("city = \"Berlin\"", "", "city is missing"),
        ("delivery.delivered", "delivery.done", "notify"),
        ("[[lines]]", "[[line]]", "order.toml: "),
        ("name = \"Tea\"", "name = Tea", "order.toml: line 10: "),
    ] {
        assert!(TOML.contains(from), "{from}");
        home.write("order.toml", TOML.replacen(from, to, 1).as_bytes());
        home.run(&["order", "--dry-run", "order.toml"])
            .fails(1, expected);
    }
    home.run(&["order", "missing.toml"])
        .fails(1, "missing.toml");
    home.run_with(&["order", "-"], "{\"to\": 1}")
        .fails(1, "standard input: ");
    home.run_with(&["order", "-", "--from", "bob@home.example"], TOML)
        .fails(1, "bob@home.example is not one of your addresses");
    assert_eq!(home.json(&["requests"]), json!([]));
}

#[test]
fn without_a_way_out_nothing_is_queued() {
    let home = Home::new();
    home.run_with(&["order", "-"], TOML).fails(1, "[smtp]");
    home.run_with(&["order", "-", "--dry-run"], TOML).ok();
    assert_eq!(home.json(&["requests"]), json!([]));
}
