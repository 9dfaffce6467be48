//! The HTTP intake as the merchant's own system sees it (E8): what a call does is what a line of
//! `emit` does, an answer of 2xx means durable, and every refusal says what to fix.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};

use support::http::{TOKEN, connect, http_section, read_answer, request};
use support::{ALL_ROLES, ANN, CARRIER, PATIENCE, Room, Running, SHOP, Server, eur, room, stdout};
use tradepost_statements::{Kind, Statement};

fn record(id: &str) -> Value {
    json!({ "trade": id, "buyer_mail": ANN,
        "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }], "total": eur("98.00"),
        "payment": { "method": "credit-card", "processor": SHOP },
        "delivery": { "method": "courier", "carriers": [{ "address": SHOP }] },
        "buyer": { "name": "Ann", "address":
            { "street": "1 High Street", "city": "York", "country": "GB" } } })
}

fn shop(room: &Room) -> (Server, Running) {
    let shop = room.server(SHOP, &format!("{ALL_ROLES}{}", http_section(room)));
    let running = shop.run();
    (shop, running)
}

fn trades(shop: &Server) -> Value {
    shop.json(&["trades", "--json"])
}

// Requirements: E8
#[tokio::test(flavor = "multi_thread")]
async fn a_record_and_events_told_by_http_are_in_the_book_and_mailed_to_the_buyer() {
    let room = room().await;
    let (shop, running) = shop(&room);
    let made = running.post("/v1/trades", "w1", &record("W-1"));
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json()["trade"], json!({ "shop": SHOP, "id": "W-1" }));
    let place = made.header("location").unwrap();
    assert_eq!(running.get(place).json()["id"], "W-1");

    for (key, event) in [
        (
            "e1",
            json!({ "track": "order", "state": "shipped", "actual": "2026-11-20T10:00:00Z" }),
        ),
        (
            "e2",
            json!({ "track": "delivery", "state": "in-transit", "tracking_number": "RM1" }),
        ),
        ("e3", json!({ "track": "payment", "state": "settled" })),
    ] {
        let told = running.post("/v1/trades/W-1/events", key, &event);
        assert_eq!(told.status, 200, "{told:?}");
        assert!(told.json()["statement"].is_string());
    }
    let there = room.until(ANN, |s| s.len() == 4).await;
    let statement = made.json()["statement"].clone();
    assert_eq!(
        json!(there[0].id),
        statement,
        "the statement that was named is the one that came"
    );
    let kinds: Vec<Kind> = there.iter().map(|s| s.body.kind()).collect();
    let wanted = [
        Kind::TradeRecord,
        Kind::OrderStatus,
        Kind::DeliveryStatus,
        Kind::PaymentStatus,
    ];
    assert_eq!(kinds, wanted);

    let shown = running.get("/v1/trades/W-1");
    assert_eq!(shown.status, 200);
    assert_eq!(
        json!([shown.json()]),
        trades(&shop),
        "as the command shows it"
    );
    assert_eq!(shown.json()["order"]["state"], "shipped");
    assert_eq!(running.terminate(), Some(0));
    assert_eq!(
        trades(&shop)[0]["payment"]["state"],
        "settled",
        "it is on disk"
    );
}

// Requirements: E8
#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_answered_the_same_and_with_other_content_refused() {
    let room = room().await;
    let (shop, running) = shop(&room);
    let event = json!({ "track": "order", "state": "preparing" });
    let first = running.post("/v1/trades", "w1", &record("W-1"));
    let told = running.post("/v1/trades/W-1/events", "e1", &event);
    assert_eq!((first.status, told.status), (201, 200));
    for _ in 0..2 {
        let again = running.post("/v1/trades", "w1", &record("W-1"));
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.header("location"), first.header("location"));
        // RFC 8941 section 3.3.3: quotes are no part of the key.
        let again = running.post("/v1/trades/W-1/events", "\"e1\"", &event);
        assert_eq!((again.status, &again.body), (told.status, &told.body));
    }
    let before = trades(&shop);
    let other = json!({ "track": "order", "state": "shipped" });
    for refused in [
        running.post("/v1/trades/W-1/events", "e1", &other),
        // `emit` and both paths share the keys.
        running.post("/v1/trades/W-1/events", "w1", &event),
        running.post("/v1/trades", "w1", &record("W-2")),
    ] {
        assert_eq!(refused.status, 409, "{refused:?}");
        assert_eq!(refused.problem(), "KeyWasUsedForOtherContent");
    }
    let by_emit =
        shop.emit(&json!({ "key": "e1", "trade": "W-1", "track": "order", "state": "preparing" }));
    assert_eq!(
        by_emit["statement"],
        told.json()["statement"],
        "the same line"
    );
    assert_eq!(trades(&shop), before);
    assert_eq!(
        running.post("/v1/trades/W-1/events", "e2", &other).status,
        200,
        "a new key"
    );

    // After a restart as well.
    running.kill();
    let running = shop.run();
    assert_eq!(
        running.post("/v1/trades/W-1/events", "e1", &event).body,
        told.body
    );
    assert_eq!(
        running.post("/v1/trades/W-1/events", "e1", &other).status,
        409
    );
    // A letter that was under way at the kill comes again, as the same statement.
    let told = |there: &[Statement]| there.iter().map(|s| s.id).collect::<BTreeSet<_>>().len();
    room.until(ANN, |there| told(there) == 3).await;
}

// Requirements: E8
#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_by_2xx_is_there_after_a_kill() {
    let room = room().await;
    let (shop, running) = shop(&room);
    assert_eq!(running.post("/v1/trades", "w1", &record("W-1")).status, 201);
    let address = running.address();
    // Many at once share fences; each is answered for itself.
    let calls: Vec<_> = (0..24)
        .map(|n| {
            std::thread::spawn(move || {
                let key = format!("n{n}");
                let id = format!("N-{n}");
                let bearer = format!("Bearer {TOKEN}");
                let headers = [
                    ("Authorization", bearer.as_str()),
                    ("Idempotency-Key", key.as_str()),
                    ("Content-Type", "application/json"),
                ];
                let mut stream = connect(address);
                let body = record(&id).to_string();
                stream
                    .write_all(&request("POST", "/v1/trades", &headers, &body))
                    .unwrap();
                (id, read_answer(&mut stream).status)
            })
        })
        .collect();
    let answered: Vec<_> = calls.into_iter().map(|c| c.join().unwrap()).collect();
    running.kill();
    let there = trades(&shop);
    let there: Vec<&str> = there
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["id"].as_str().unwrap())
        .collect();
    for (id, status) in answered {
        assert_eq!(status, 201, "{id}");
        assert!(there.contains(&id.as_str()), "{id} is lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_what_to_fix_and_changes_nothing() {
    let room = room().await;
    let (shop, running) = shop(&room);
    assert_eq!(running.post("/v1/trades", "w1", &record("W-1")).status, 201);
    let before = trades(&shop);
    let json_type = ("Content-Type", "application/json");
    let event = json!({ "track": "order", "state": "preparing" }).to_string();
    let events = "/v1/trades/W-1/events";
    let mut wrong_total = record("W-2");
    wrong_total["total"] = eur("1.00");
    let key = ("Idempotency-Key", "k");
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(300_000));
    for (method, path, headers, body, status, problem, detail) in [
        (
            "POST",
            events,
            vec![json_type],
            event.as_str(),
            400,
            "KeyIsMissing",
            "Idempotency-Key",
        ),
        (
            "POST",
            events,
            vec![json_type, ("Idempotency-Key", "a b")],
            &event,
            400,
            "KeyIsMissing",
            "blanks",
        ),
        (
            "POST",
            events,
            vec![json_type, key, key],
            &event,
            400,
            "KeyIsMissing",
            "one header",
        ),
        (
            "POST",
            events,
            vec![key],
            &event,
            415,
            "BodyIsOfAnotherType",
            "application/json",
        ),
        (
            "POST",
            events,
            vec![key, ("Content-Type", "text/json")],
            &event,
            415,
            "BodyIsOfAnotherType",
            "application/json",
        ),
        (
            "POST",
            events,
            vec![json_type, key],
            "{",
            400,
            "BodyIsNotJson",
            "the body is not JSON",
        ),
        (
            "POST",
            events,
            vec![json_type, key],
            "[]",
            400,
            "BodyIsNotJson",
            "no object",
        ),
        (
            "POST",
            events,
            vec![json_type, key],
            r#"{"track":"order","track":"order"}"#,
            400,
            "BodyIsNotJson",
            "twice",
        ),
        (
            "POST",
            events,
            vec![json_type, key],
            &long,
            413,
            "BodyIsTooLarge",
            "262144",
        ),
        (
            "POST",
            events,
            vec![json_type, key],
            r#"{"track":"order","state":"gone"}"#,
            422,
            "Refused",
            "state",
        ),
        (
            "POST",
            events,
            vec![json_type, key],
            r#"{"track":"order","state":"shipped","key":"k"}"#,
            422,
            "Refused",
            "Idempotency-Key",
        ),
        (
            "POST",
            events,
            vec![json_type, key],
            r#"{"track":"order","state":"shipped","trade":"W-1"}"#,
            422,
            "Refused",
            "the path",
        ),
        (
            "POST",
            "/v1/trades/W-9/events",
            vec![json_type, key],
            &event,
            404,
            "NoSuchTrade",
            "W-9",
        ),
        (
            "POST",
            "/v1/trades/W-1/events?shop=nobody",
            vec![json_type, key],
            &event,
            400,
            "QueryIsWrong",
            "shop",
        ),
        (
            "POST",
            "/v1/trades/W-1/events?ship=x",
            vec![json_type, key],
            &event,
            400,
            "QueryIsWrong",
            "ship",
        ),
        (
            "POST",
            "/v1/trades",
            vec![json_type, key],
            &wrong_total.to_string(),
            422,
            "Refused",
            "total",
        ),
        (
            "GET",
            "/v1/trades/W-9",
            vec![],
            "",
            404,
            "NoSuchTrade",
            "W-9",
        ),
        (
            "GET",
            "/v1/trades/W%2F9",
            vec![],
            "",
            404,
            "NoSuchTrade",
            "W/9",
        ),
        (
            "GET",
            "/v1/outbox?all=perhaps",
            vec![],
            "",
            400,
            "QueryIsWrong",
            "all",
        ),
        (
            "GET",
            "/v2/trades",
            vec![],
            "",
            404,
            "NoSuchPlace",
            "/openapi.json",
        ),
        (
            "DELETE",
            "/v1/trades/W-1",
            vec![],
            "",
            405,
            "MethodIsNotAllowed",
            "Allow",
        ),
    ] {
        let answer = running.call(method, path, &headers, body);
        assert_eq!(
            answer.status, status,
            "{method} {path} {body:.60}: {answer:?}"
        );
        assert_eq!(answer.problem(), problem, "{method} {path}");
        let said = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(said.contains(detail), "{method} {path}: {said}");
        if status == 405 {
            assert!(
                answer.header("allow").unwrap().contains("GET"),
                "{answer:?}"
            );
        }
    }
    assert_eq!(trades(&shop), before);
    let without_fault = running.call("POST", events, &[json_type, key], &event);
    assert_eq!(without_fault.status, 200, "{without_fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_id_of_two_shops_has_to_be_named_with_its_shop() {
    let room = room().await;
    let toml = format!(
        "roles = [\"carrier\"]\n{}[carrier]\nshops = [\"{SHOP}\", \"two@shop.example\"]\n",
        http_section(&room)
    );
    let carrier = room.server(CARRIER, &toml);
    let running = carrier.run();
    for shop in [SHOP, "two@shop.example"] {
        let body = json!({ "kind": "delivery-instruction", "buyer_mail": ANN,
            "lines": [{ "line": 0, "quantity": 1, "name": "Kettle" }],
            "deliver_to": { "name": "Ann", "address": { "street": "1", "city": "York", "country": "GB" } } });
        let about = json!({ "trade": { "shop": shop, "id": "T-1" } });
        room.deliver(&support::statement(shop, CARRIER, about, body));
    }
    room.until(ANN, |s| s.len() == 2).await;
    let event = json!({ "track": "delivery", "state": "in-transit" });
    for answer in [
        running.get("/v1/trades/T-1"),
        running.post("/v1/trades/T-1/events", "e", &event),
    ] {
        assert_eq!(
            (answer.status, answer.problem()),
            (409, "SeveralShopsHaveThatTrade".to_owned())
        );
        assert!(
            answer.body.contains("two@shop.example") && answer.body.contains(SHOP),
            "{answer:?}"
        );
    }
    let one = format!("/v1/trades/T-1?shop={SHOP}");
    assert_eq!(running.get(&one).json()["shop"], SHOP);
    let events = format!("/v1/trades/T-1/events?shop={SHOP}");
    assert_eq!(running.post(&events, "e", &event).status, 200);
    assert_eq!(
        running.get(&one).json()["delivery"][0]["state"],
        "in-transit"
    );
    let other = "/v1/trades/T-1?shop=TWO@Shop.example";
    assert_eq!(
        running.get(other).json()["delivery"][0]["state"],
        "announced"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_shows_the_token_is_heard() {
    let room = room().await;
    let (shop, running) = shop(&room);
    let body = record("W-1").to_string();
    let call = |authorization: Option<&str>| {
        let mut headers = vec![
            ("Idempotency-Key", "k"),
            ("Content-Type", "application/json"),
        ];
        headers.extend(authorization.map(|a| ("Authorization", a)));
        running.call_as("POST", "/v1/trades", &headers, &body)
    };
    let right = format!("Bearer {TOKEN}");
    for wrong in [
        None,
        Some(TOKEN.to_owned()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some(format!("Basic {TOKEN}")),
        Some(format!("Bearer {}", &TOKEN[1..])),
        Some(format!("Bearer {TOKEN}0")),
        Some(format!("Bearer {}", TOKEN.to_uppercase())),
    ] {
        let answer = call(wrong.as_deref());
        assert_eq!(
            (answer.status, answer.problem()),
            (401, "TokenIsMissingOrWrong".to_owned()),
            "{wrong:?}"
        );
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer")
        );
    }
    for path in ["/v1/trades/W-1", "/v1/outbox", "/metrics"] {
        assert_eq!(running.call_as("GET", path, &[], "").status, 401, "{path}");
        assert_ne!(running.get(path).status, 401, "{path}");
    }
    for open in ["/healthz", "/openapi.json"] {
        assert_eq!(running.call_as("GET", open, &[], "").status, 200, "{open}");
    }
    assert_eq!(trades(&shop), json!([]), "nothing was recorded");
    assert_eq!(call(Some(&right)).status, 201);
    assert!(!running.log().contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_and_the_numbers_say_what_has_not_left() {
    let room = room().await;
    let (shop, running) = shop(&room);
    assert_eq!(running.get("/healthz").json(), json!({ "status": "ok" }));
    assert_eq!(running.post("/v1/trades", "w1", &record("W-1")).status, 201);
    room.until(ANN, |s| s.len() == 1).await;
    let numbers = |name: &str| {
        let text = running.get("/metrics").body;
        let line = text.lines().find(|l| l.starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .to_owned()
    };
    // The letter is there a moment before the outbox knows that it has left.
    let deadline = Instant::now() + PATIENCE;
    while running.get("/v1/outbox").json() != json!([]) {
        assert!(
            Instant::now() < deadline,
            "{}",
            running.get("/v1/outbox").body
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(numbers("tradepost_outbox_letters{state=\"waiting\"}"), "0");
    assert_eq!(numbers("tradepost_bounces_total"), "0");
    let all = running.get("/v1/outbox?all=true").json();
    assert_eq!(all, shop.json(&["outbox", "--all", "--json"]));
    assert_eq!(all[0]["state"], "accepted");

    let other = json!({ "track": "order", "state": "preparing" });
    let calls = "tradepost_http_calls_total{method=\"POST\",path=\"/v1/trades/{id}/events\",status=\"200\"}";
    assert!(!running.get("/metrics").body.contains(calls));
    assert_eq!(
        running.post("/v1/trades/W-1/events", "e", &other).status,
        200
    );
    assert_eq!(numbers(calls), "1");
    assert_eq!(running.get("/v1/what/ever").status, 404);
    assert_eq!(
        numbers("tradepost_http_calls_total{method=\"GET\",path=\"other\",status=\"404\"}"),
        "1"
    );
    let text = running.get("/metrics").body;
    assert!(
        text.ends_with("# EOF\n") && !text.contains(ANN) && !text.contains("W-1"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_than_on_loopback_it_listens_with_a_certificate_only() {
    let room = room().await;
    http_section(&room);
    let doctor = |http: &str| {
        let shop = room.server(
            SHOP,
            &format!("{ALL_ROLES}[http]\ntoken_file = \"http-token\"\n{http}"),
        );
        let out = shop.say(&["trades"], "");
        let said = format!("{}{}", stdout(&out), String::from_utf8_lossy(&out.stderr));
        (out.status.success(), said)
    };
    let dir = room.folder.path();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mode = |name: &str, mode| {
        std::fs::set_permissions(dir.join(name), PermissionsExt::from_mode(mode)).unwrap();
    };
    mode("key.pem", 0o600);
    let tls = "tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n";
    for (http, fault) in [
        ("listen = \"0.0.0.0:8025\"\n".to_owned(), Some("tls_cert")),
        ("listen = \"[::]:8025\"\n".to_owned(), Some("tls_cert")),
        (
            "listen = \"192.0.2.1:8025\"\ntls_cert = \"cert.pem\"\n".to_owned(),
            Some("tls_key"),
        ),
        ("listen = \"localhost\"\n".to_owned(), Some("listen")),
        (format!("listen = \"0.0.0.0:8025\"\n{tls}"), None),
        ("listen = \"[::1]:8025\"\n".to_owned(), None),
        (String::new(), None),
    ] {
        let (accepted, said) = doctor(&http);
        assert_eq!(accepted, fault.is_none(), "{http}: {said}");
        assert!(said.contains(fault.unwrap_or_default()), "{http}: {said}");
    }
    for (file, http) in [("key.pem", tls), ("http-token", "")] {
        mode(file, 0o644);
        let (accepted, said) = doctor(http);
        assert!(!accepted && said.contains("chmod 600"), "{said}");
        mode(file, 0o600);
        assert!(doctor(http).0);
    }
    std::fs::write(dir.join("http-token"), "short\n").unwrap();
    let shop = room.server(
        SHOP,
        &format!(
            "{ALL_ROLES}{}",
            "[http]\nlisten = \"127.0.0.1:0\"\ntoken_file = \"http-token\"\n"
        ),
    );
    let out = shop.say(&["run"], "");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && said.contains("16 to"), "{said}");

    http_section(&room);
    let shop = room.server(SHOP, &format!("{ALL_ROLES}{}{tls}", http_section(&room)));
    let running = shop.run();
    // Whoever calls can check whom they call.
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    assert!(healthz_by_tls(running.address(), other.cert.der()).is_err());
    let said = healthz_by_tls(running.address(), made.cert.der()).unwrap();
    assert!(said.ends_with("{\"status\":\"ok\"}"), "{said}");
    // Without TLS nothing is said there.
    let mut stream = connect(running.address());
    stream
        .write_all(&request("GET", "/healthz", &[], ""))
        .unwrap();
    let mut octets = Vec::new();
    let _ = stream.read_to_end(&mut octets);
    assert!(!String::from_utf8_lossy(&octets).contains("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_broken_callers_hold_up_neither_others_nor_the_end() {
    let room = room().await;
    let (_shop, running) = shop(&room);
    let address = running.address();
    // Heads that never end, bodies that never come.
    let mut slow: Vec<_> = (0..8).map(|_| connect(address)).collect();
    for (n, stream) in slow.iter_mut().enumerate() {
        let whole = request(
            "POST",
            "/v1/trades",
            &[("Authorization", &format!("Bearer {TOKEN}"))],
            "{ }",
        );
        let part = if n % 2 == 0 { 30 } else { whole.len() - 1 };
        stream.write_all(&whole[..part]).unwrap();
    }
    let mut broken = connect(address);
    broken
        .write_all(b"\x16\x03\x01\x02\x00nonsense\r\n\r\n")
        .unwrap();
    let mut large = connect(address);
    let head = format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(40_000)
    );
    let _ = large.write_all(head.as_bytes());
    let mut octets = Vec::new();
    let _ = large.read_to_end(&mut octets);
    assert!(!String::from_utf8_lossy(&octets).contains("200 OK"));
    assert_eq!(running.get("/healthz").status, 200);
    assert_eq!(running.terminate(), Some(0));
    drop(slow);
}

/// What is answered to who trusts this certificate and no other.
fn healthz_by_tls(address: SocketAddr, trusted: &CertificateDer<'_>) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone().into_owned()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(client, connect(address));
    stream.write_all(&request("GET", "/healthz", &[], ""))?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    Ok(said)
}
