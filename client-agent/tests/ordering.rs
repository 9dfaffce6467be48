//! Ordering at the terminal, and once more (E1, E24).
#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use support::letters::{SHOP, buyer, eur, record};
use support::pty::Terminal;
use support::world::{World, statements};

/// The answers to the questions of a first order; the question starts so.
const FIRST: [(&str, &str); 21] = [
    ("The shop's address: ", "orders"),
    ("The shop's address: ", SHOP),
    ("What do you order: ", "Kettle"),
    ("Its article number", "K-1"),
    ("How many [1]: ", "2"),
    ("Price of one", "49"),
    ("Price of one", "49.00 EUR"),
    ("What else", ""),
    (
        "The most you agree to pay, with shipping and all [98.00 EUR]",
        "103.50 EUR",
    ),
    ("Payment: credit-card", "credit-card"),
    ("token for it", "4111 1111 1111 1111"),
    ("token for it", "tok_8Qx2"),
    ("Delivery: courier or electronic [courier]", ""),
    ("Your name: ", "Ann Buyer"),
    ("Street and number: ", "1 Main Street"),
    ("Postal code: ", "10115"),
    ("City: ", "Berlin"),
    ("State or province", ""),
    ("Country", "de"),
    ("Telephone", ""),
    ("Tell me of", "order, delivery.delivered"),
];

fn order_at_a_terminal(world: &World) -> Terminal {
    let mut terminal = Terminal::start(&world.home, &["order"]);
    for (question, answer) in FIRST {
        terminal.answer(question, answer);
    }
    terminal
}

/// E1.
// Requirements: E1
#[test]
fn an_order_is_asked_for_shown_and_sent_once_the_person_agrees() {
    let world = World::new();
    let mut terminal = order_at_a_terminal(&world);
    terminal.wait_for("To       orders@shop.example");
    terminal.wait_for("2 x Kettle (K-1)");
    terminal.answer("Send this order? [y/N]", "n");
    let (code, screen) = terminal.end();
    assert!(
        code == 1 && screen.contains("Nothing was sent."),
        "{screen}"
    );
    assert_eq!(statements(&world, SHOP), Vec::<Value>::new());
    assert_eq!(world.home.json(&["requests"]), json!([]));

    let mut terminal = order_at_a_terminal(&world);
    terminal.answer("Send this order? [y/N]", "yes");
    let (code, screen) = terminal.end();
    assert!(
        code == 0 && screen.contains("has left for orders@shop.example"),
        "{screen}"
    );
    let body = &statements(&world, SHOP)[0]["body"];
    assert_eq!(
        body,
        &json!({
            "kind": "order", "total": eur("103.50"),
            "lines": [{ "name": "Kettle", "sku": "K-1", "quantity": 2, "price": eur("49.00") }],
            "payment": { "method": "credit-card", "reference": "tok_8Qx2" },
            "delivery": { "method": "courier" }, "buyer": buyer(),
            "notify": { "on": ["order", "delivery.delivered"] },
        })
    );

    // The next one proposes shop and address again.
    let mut terminal = Terminal::start(&world.home, &["order"]);
    for (question, answer) in [
        ("The shop's address [orders@shop.example]: ", ""),
        ("What do you order: ", "Tea"),
        ("Its article number", ""),
        ("How many [1]: ", ""),
        ("Price of one", "credit-card"),
        (
            "\"credit-card\" is not an amount such as 49.00 EUR",
            "5.00 EUR",
        ),
        ("What else", ""),
        ("The most you agree", ""),
        (
            "Payment: credit-card, e-money or bank-transfer [credit-card]",
            "",
        ),
        ("token for it, never a card number [tok_8Qx2]", "-"),
        ("Delivery: courier", ""),
        ("Your name [Ann Buyer]: ", ""),
        ("Street and number [1 Main Street]: ", ""),
        ("Postal code [10115]: ", ""),
        ("City [Berlin]: ", ""),
        ("State or province", ""),
        ("Country, as two letters such as DE [DE]: ", ""),
        ("Telephone", ""),
        ("Tell me of", ""),
        ("Send this order? [y/N]", "y"),
    ] {
        terminal.answer(question, answer);
    }
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    let body = &statements(&world, SHOP)[1]["body"];
    assert_eq!((&body["buyer"], &body["total"]), (&buyer(), &eur("5.00")));
    assert_eq!(body["payment"], json!({ "method": "credit-card" }));
    assert_eq!(body.get("notify"), None);
}

#[test]
fn where_nobody_can_be_asked_an_order_needs_a_file() {
    let world = World::new();
    world
        .home
        .run(&["order"])
        .fails(1, "name a file with the order");
    assert_eq!(world.home.json(&["requests"]), json!([]));
}

/// Ann has ordered at the terminal, and the shop has made the trade T-1001.
fn bought() -> World {
    let world = World::new();
    let mut terminal = order_at_a_terminal(&world);
    terminal.answer("Send this order?", "y");
    assert_eq!(terminal.end().0, 0);
    let order = statements(&world, SHOP).remove(0);
    let answer = record()
        .with("/request", order["request"].clone())
        .with("/answers", order["id"].clone());
    world.deliver(&answer);
    world.home.run(&["daemon", "--once"]).ok();
    assert_eq!(world.home.json(&["list"])[0]["origin"], "placed");
    world
}

/// E24.
// Requirements: E24
#[test]
fn a_trade_is_ordered_again_from_the_same_shop_and_names_the_old_one() {
    let world = bought();
    let home = &world.home;
    home.run(&["reorder", "T-1001"]).fails(1, "--yes");
    home.run(&["reorder", "T-7", "--yes"]).fails(1, "no trade");
    let letter = home.run(&["reorder", "T-1001", "--dry-run"]).ok();
    assert!(letter.contains("To: orders@shop.example"), "{letter}");
    assert_eq!(statements(&world, SHOP).len(), 1);
    let mut terminal = Terminal::start(home, &["reorder", "T-1001"]);
    terminal.wait_for("2 x Kettle (K-1)");
    terminal.answer("Send this order? [y/N]", "");
    assert_eq!(terminal.end().0, 1);
    assert_eq!(statements(&world, SHOP).len(), 1);

    let sent = home.json(&["reorder", "T-1001", "--yes"]);
    assert_eq!(
        (&sent["state"], &sent["kind"]),
        (&json!("left"), &json!("order"))
    );
    let said = statements(&world, SHOP);
    let (first, second) = (&said[0], &said[1]);
    assert_ne!(first["request"], second["request"]);
    let mut expected = first["body"].clone();
    expected["reorder_of"] = json!({ "shop": SHOP, "id": "T-1001" });
    assert_eq!(second["body"], expected);
}

/// E24: the form can be edited.
// Requirements: E24
#[test]
fn the_order_form_of_a_trade_is_edited_before_it_is_sent() {
    let world = bought();
    let home = &world.home;
    let editor = |name: &str, script: &str| {
        let path = home.write(name, format!("#!/bin/sh\n{script}\n").as_bytes());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path.display().to_string()
    };
    let reorder = |editor: &str, more: &[&str]| {
        let args = [&["reorder", "T-1001", "--edit"], more].concat();
        let mut command = home.command(&args);
        let done = command
            .env("VISUAL", "")
            .env("EDITOR", editor)
            .output()
            .unwrap();
        (
            done.status.code().unwrap(),
            String::from_utf8(done.stderr).unwrap(),
        )
    };
    let one = editor(
        "one",
        "sed -i 's/^quantity = 2/quantity = 1/; s/103.50/54.50/' \"$2\"",
    );
    let (code, stderr) = reorder(&format!("'{one}' --wait"), &["--yes"]);
    assert_eq!(code, 0, "{stderr}");
    let body = &statements(&world, SHOP)[1]["body"];
    assert_eq!(
        (&body["lines"][0]["quantity"], &body["total"]),
        (&json!(1), &eur("54.50"))
    );
    assert_eq!(body["reorder_of"]["id"], "T-1001");

    let nothing = editor("nothing", ": > \"$1\"");
    let (code, stderr) = reorder(&nothing, &["--yes"]);
    assert!(
        code == 1 && stderr.contains("Nothing was sent."),
        "{stderr}"
    );
    let broken = editor("broken", "echo 'colour = \"red\"' > \"$1\"");
    let (code, stderr) = reorder(&broken, &["--yes"]);
    assert!(
        code == 1 && stderr.contains("the edited order: "),
        "{stderr}"
    );
    let (code, stderr) = reorder("false", &["--yes"]);
    assert!(
        code == 1 && stderr.contains("set VISUAL or EDITOR"),
        "{stderr}"
    );
    assert_eq!(statements(&world, SHOP).len(), 2);

    // A slip of the pen can be mended: the second time the editor puts it right.
    let slip = "if [ -e mended ]; then sed -i 's/quantitty/quantity/' \"$1\"; else touch mended; sed -i 's/^quantity/quantitty/' \"$1\"; fi";
    let slip = editor("slip", slip);
    let args = ["reorder", "T-1001", "--edit"];
    let mut terminal = Terminal::start_with(home, &args, &[("VISUAL", &slip)]);
    terminal.wait_for("did you mean \"quantity\"?");
    terminal.answer("Edit it again? [y/N]", "y");
    terminal.answer("Send this order? [y/N]", "y");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(statements(&world, SHOP).len(), 3);
    // Nothing of what was edited lies about.
    let left = std::fs::read_dir(home.path().join("data")).unwrap();
    let left: Vec<_> = left.map(|f| f.unwrap().file_name()).collect();
    assert!(
        left.iter().all(|f| !f.to_string_lossy().ends_with(".toml")),
        "{left:?}"
    );
}

/// E24: of what was ordered elsewhere, as far as its record tells.
// Requirements: E24
#[test]
fn an_adopted_trade_is_ordered_again_from_its_record() {
    let world = World::new();
    let home = &world.home;
    world.deliver(&record());
    home.run(&["daemon", "--once"]).ok();
    home.run(&["reorder", "T-1001", "--yes"]).ok();
    let body = &statements(&world, SHOP)[0]["body"];
    assert_eq!((&body["buyer"], &body["total"]), (&buyer(), &eur("98.00")));
    assert_eq!(body["payment"], json!({ "method": "credit-card" }));
    assert_eq!(body["reorder_of"], json!({ "shop": SHOP, "id": "T-1001" }));
}
