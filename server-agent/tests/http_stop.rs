//! What callers by HTTP hear while the server stops: an answer, or that the call is to be made again.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use support::http::{Answer, TOKEN, http_section, read_answer, request};
use support::{ALL_ROLES, ANN, PATIENCE, Room, Running, SHOP, Server, eur, room};

fn shop(room: &Room) -> Server {
    room.server(SHOP, &format!("{ALL_ROLES}{}", http_section(room)))
}

fn record(id: &str) -> Value {
    json!({ "trade": id, "buyer_mail": ANN,
        "lines": [{ "name": "Kettle", "quantity": 2, "price": eur("49.00") }], "total": eur("98.00"),
        "payment": { "method": "credit-card", "processor": SHOP },
        "delivery": { "method": "courier", "carriers": [{ "address": SHOP }] },
        "buyer": { "name": "Ann", "address":
            { "street": "1 High Street", "city": "York", "country": "GB" } } })
}

/// A call that tells something.
fn telling(path: &str, key: &str, body: &Value) -> Vec<u8> {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Idempotency-Key", key),
        ("Content-Type", "application/json"),
    ];
    request("POST", path, &headers, &body.to_string())
}

/// SIGTERM, without waiting for the end.
fn stop(running: &Running) {
    let pid = running.child.id().to_string();
    let kill = Command::new("kill").arg(&pid).status();
    assert!(kill.unwrap().success());
}

fn is_to_be_made_again(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.problem(), "NotNow");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    let detail = answer.json()["detail"].to_string();
    assert!(detail.contains("the same Idempotency-Key"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_not_complete_when_the_server_stops_is_to_be_made_again() {
    let room = room().await;
    let shop = shop(&room);
    let running = shop.run();
    let whole = telling("/v1/trades", "w1", &record("W-1"));
    let mut caller = support::http::connect(running.address());
    caller.write_all(&whole[..whole.len() - 1]).unwrap();
    // Another call after it: the first one was taken before.
    assert_eq!(running.get("/healthz").status, 200);
    stop(&running);
    is_to_be_made_again(&read_answer(&mut caller));
    assert_eq!(running.terminate(), Some(0));
    let running = shop.run();
    let again = running.post("/v1/trades", "w1", &record("W-1"));
    assert_eq!(again.status, 201, "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_while_the_server_stops_is_answered_or_told_to_call_again() {
    let room = room().await;
    let shop = shop(&room);
    let running = shop.run();
    assert_eq!(running.post("/v1/trades", "w1", &record("W-1")).status, 201);
    assert_eq!(running.terminate(), Some(0));
    let start = Instant::now();
    // Until somebody came just then.
    for round in 0.. {
        assert!(start.elapsed() < PATIENCE, "nobody was told to call again");
        let running = shop.run();
        let address = running.address();
        let callers: Vec<_> = (0..4)
            .map(|caller| {
                thread::spawn(move || {
                    let mut made = Vec::new();
                    for n in 0.. {
                        let key = format!("{round}-{caller}-{n}");
                        let event = json!({ "track": "order", "state": "preparing" });
                        let call = telling("/v1/trades/W-1/events", &key, &event);
                        // Nobody listens any more, or who listened went before it saw the call.
                        let Some(answer) = answered(address, &call) else {
                            return made;
                        };
                        made.push((key, answer));
                    }
                    made
                })
            })
            .collect();
        // They are at it.
        assert_eq!(running.get("/healthz").status, 200);
        stop(&running);
        let made = callers.into_iter().flat_map(|c| c.join().unwrap());
        let made: Vec<(String, Answer)> = made.collect();
        assert_eq!(running.terminate(), Some(0));
        let running = shop.run();
        let mut again = 0;
        for (key, answer) in made {
            let event = json!({ "track": "order", "state": "preparing" });
            let second = running.post("/v1/trades/W-1/events", &key, &event);
            assert_eq!(second.status, 200, "{second:?}");
            if answer.status == 200 {
                assert_eq!(second.json(), answer.json(), "it was recorded");
            } else {
                is_to_be_made_again(&answer);
                again += 1;
            }
        }
        assert_eq!(running.terminate(), Some(0));
        if again > 0 {
            return;
        }
    }
}

fn answered(address: std::net::SocketAddr, call: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(call).ok()?;
    let mut octets = Vec::new();
    let read = stream.read_to_end(&mut octets);
    (read.is_ok() || !octets.is_empty()).then_some(())?;
    (!octets.is_empty()).then(|| read_answer(&mut octets.as_slice()))
}
