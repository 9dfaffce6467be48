//! The document that the HTTP intake serves and what the intake does are the same: schemathesis makes
//! calls of every kind that the document describes, good ones and bad ones, and compares the answers.
//! `cargo xtask test` fetches it into the target folder.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use support::http::{TOKEN, http_section};
use support::{ALL_ROLES, ANN, SHOP, eur, room};

/// As in `xtask/src/schemathesis.rs`.
const SCHEMATHESIS: &str = "schemathesis-4.32.5";

/// What a schema cannot say: an amount that is not the sum is refused with 422, as a wrong member is.
const SETTINGS: &str = r#"
seed = 20261121
[generation]
max-examples = 50
[phases]
coverage.unexpected-methods = ["DELETE", "PUT", "TRACE"]
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "404", "409", "422"]
negative_data_rejection.expected-statuses = ["400", "401", "404", "405", "409", "413", "415", "422"]
missing_required_header.expected-statuses = ["400", "401", "415"]
"#;

// Requirements: E8
#[tokio::test(flavor = "multi_thread")]
async fn the_intake_does_what_its_document_says_to_fifty_calls_of_each_kind() {
    let Some(program) = schemathesis() else {
        return;
    };
    let room = room().await;
    let shop = room.server(SHOP, &format!("{ALL_ROLES}{}", http_section(&room)));
    let running = shop.run();
    // Something to ask for and to tell about.
    let record = json!({ "trade": "W-1001", "buyer_mail": ANN,
        "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }], "total": eur("98.00"),
        "payment": { "method": "credit-card", "processor": SHOP },
        "delivery": { "method": "courier", "carriers": [{ "address": SHOP }] },
        "buyer": { "name": "Ann", "address": { "street": "1", "city": "York", "country": "GB" } } });
    assert_eq!(running.post("/v1/trades", "w1", &record).status, 201);
    let settings = room.folder.path().join("schemathesis.toml");
    std::fs::write(&settings, SETTINGS).unwrap();
    let out = Command::new(program)
        .arg("--config-file")
        .arg(&settings)
        .arg("run")
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--checks",
            "all",
            "--no-color",
        ])
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .arg(format!("http://{}/openapi.json", running.address()))
        .current_dir(room.folder.path())
        .env("PYTHONUTF8", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&out.stderr)
    );
    assert!(said.contains("Tested: 7"), "{said}");
    // The intake has lived through it, and the trade is still what it was made.
    let trade: Value = running.get("/v1/trades/W-1001").json();
    assert_eq!(trade["buyer"], ANN);
    assert_eq!(running.terminate(), Some(0));
}

/// The program, where `cargo xtask test` has fetched it.
fn schemathesis() -> Option<PathBuf> {
    let server = Path::new(env!("CARGO_BIN_EXE_tradepost-server"));
    let folder = server.ancestors().nth(2).unwrap().join(SCHEMATHESIS);
    if folder.join("ready").exists() {
        return Some(folder.join("bin/schemathesis"));
    }
    let missing = format!(
        "no {}; `cargo xtask test` fetches it from PyPI",
        folder.display()
    );
    let is_required = std::env::var_os("TRADEPOST_REQUIRE_SERVERS").is_some_and(|v| v == "1");
    assert!(
        !is_required,
        "TRADEPOST_REQUIRE_SERVERS=1, but this test cannot run: {missing}"
    );
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED the test of the OpenAPI document: {missing}"
    );
    if let Some(file) = std::env::var_os("TRADEPOST_SKIPPED_FILE") {
        let opened = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(file);
        let _ = opened.and_then(|mut f| writeln!(f, "the OpenAPI document: {missing}"));
    }
    None
}
