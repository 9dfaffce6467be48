//! The story that the main job consists of, told by typing commands: a buyer orders, the shop makes the trade
//! and instructs carrier and payment processor, all three mail their statuses, and the buyer's ledger follows,
//! believing nobody else.

use serde_json::{Value, json};

use super::agent::Agent;
use super::{ANN, CARRIER, EVIL, ORDER, PROCESSOR, SHOP, World, forgery, wait};

/// The agents of all parties.
pub(crate) struct Cast {
    pub(crate) ann: Agent,
    pub(crate) shop: Agent,
    pub(crate) carrier: Agent,
    pub(crate) processor: Agent,
}

impl Cast {
    /// None of them started yet.
    pub(crate) fn of(world: &World) -> Cast {
        Cast {
            ann: world.buyer(),
            shop: world.shop(),
            carrier: world.carrier(),
            processor: world.processor(),
        }
    }

    pub(crate) fn all(&mut self) -> [&mut Agent; 4] {
        [
            &mut self.ann,
            &mut self.shop,
            &mut self.carrier,
            &mut self.processor,
        ]
    }

    pub(crate) fn start(&mut self) {
        self.all().into_iter().for_each(Agent::start);
    }
}

/// The whole purchase; every status comes proven by this evidence. All agents run. Gives the trade's id, and
/// the forged letter that was not believed on the way.
pub(crate) fn from_order_to_doorstep(
    world: &World,
    cast: &Cast,
    evidence: &str,
) -> (String, Vec<u8>) {
    let Cast {
        ann,
        shop,
        carrier,
        processor,
    } = cast;
    let trade = order_and_confirm(world, ann);
    let id = trade["id"].as_str().unwrap();
    for server in [carrier, processor] {
        wait::until("the instruction arrives", || {
            server.say(&["trades"]).contains(id).then_some(())
        });
    }
    assert_eq!(
        stats(ann),
        (1, 1, json!([{"amount": "98.00", "currency": "EUR"}]), 0)
    );

    let forged = forge_a_delivery(world, ann, &trade);
    the_shop_ships(ann, shop, id);
    the_payment_is_settled(ann, processor, id);
    the_carrier_delivers(ann, carrier, id);

    assert_eq!(stats(ann), (0, 0, json!([]), 1));
    let shown = ann.json(&["show", id, "--json"]);
    assert_eq!(shown["ended"], true, "{shown}");
    assert_eq!(
        shown["parties"],
        json!({"shop": SHOP, "carriers": [CARRIER], "processor": PROCESSOR})
    );
    everything_came_proven_and_was_applied(&shown, evidence);
    (id.to_owned(), forged)
}

/// The very letter that was not believed, from the one whose name it bears.
pub(crate) fn the_forged_letter_comes_from_the_carrier(
    world: &World,
    ann: &Agent,
    id: &str,
    forged: &[u8],
) {
    world.provider.submit(CARRIER, ANN, forged);
    wait::until(
        "the same letter is believed when the carrier submits it",
        || {
            history(ann, id)
                .iter()
                .any(|entry| entry["sequence"] == FORGED_SEQUENCE)
                .then_some(())
        },
    );
    assert_eq!(
        ann.json(&["warnings", "--json"]),
        json!([]),
        "and the warning is resolved"
    );
}

/// Gives the trade as {shop, id}.
pub(crate) fn order_and_confirm(world: &World, ann: &Agent) -> Value {
    let file = world.file("order.toml", ORDER);
    let said = ann.say(&["order", file.to_str().unwrap()]);
    let trade = wait::until("the trade record arrives", || {
        ann.json(&["list", "--json"])
            .as_array()
            .unwrap()
            .first()
            .cloned()
    });
    assert_eq!(
        (&trade["shop"], &trade["origin"]),
        (&json!(SHOP), &json!("placed"))
    );
    let request = trade["request"].as_str().unwrap();
    assert!(
        request.ends_with(":ann@home.example") && said.contains(request),
        "{said}"
    );
    assert_eq!(
        trade["total"],
        json!({"amount": "98.00", "currency": "EUR"})
    );
    assert_eq!(
        (&trade["delivered"], &trade["paid"]),
        (&json!(false), &json!(false))
    );
    let id = trade["id"].as_str().unwrap();
    assert_eq!(pending(ann), [id]);

    ann.say(&["confirm", id]);
    order_reaches(ann, id, "confirmed");
    json!({"shop": SHOP, "id": id})
}

const FORGED_SEQUENCE: u32 = 1_000;

/// Somebody else at the same provider writes the carrier's name into From. Gives the letter.
fn forge_a_delivery(world: &World, ann: &Agent, trade: &Value) -> Vec<u8> {
    // Later than what the carrier will say under lower sequences: as the carrier's own it would be sound.
    let at = (jiff::Timestamp::now() + jiff::SignedDuration::from_mins(30)).to_string();
    let body = json!({"state": "delivered", "at": at, "delivery": {"actual": forgery::now()}});
    let statement = forgery::delivery_status(CARRIER, ANN, trade, FORGED_SEQUENCE, &body);
    let letter = forgery::letter(CARRIER, ANN, &statement);
    world.provider.submit_forged(EVIL, ANN, &letter);
    let warning = wait::until("the forged status is warned", || {
        ann.json(&["warnings", "--json"])
            .as_array()
            .unwrap()
            .first()
            .cloned()
    });
    assert_eq!(warning["kind"], "unproven-sender", "{warning}");
    assert_eq!(warning["rule"], 3, "{warning}");
    assert_eq!(warning["evidence"], "none", "{warning}");
    assert_eq!(
        pending(ann),
        [trade["id"].as_str().unwrap()],
        "the parcel is still to come"
    );
    letter
}

fn the_shop_ships(ann: &Agent, shop: &Agent, id: &str) {
    shop.tell(&[
        json!({"key": "s1", "shop": SHOP, "trade": id, "track": "order", "state": "preparing"}),
    ]);
    order_reaches(ann, id, "preparing");
    let shipped = json!({"key": "s2", "shop": SHOP, "trade": id, "track": "order", "state": "shipped", "actual": forgery::now()});
    shop.tell(std::slice::from_ref(&shipped));
    order_reaches(ann, id, "shipped");

    // E14, and the promise of `emit`: the same key is answered the same and sends nothing; other content is refused.
    let again = shop.emit(std::slice::from_ref(&shipped));
    let other =
        json!({"key": "s2", "shop": SHOP, "trade": id, "track": "order", "state": "cancelled"});
    let refused = shop.emit(&[other]);
    assert_eq!(
        (&again[0]["accepted"], &refused[0]["accepted"]),
        (&json!(true), &json!(false)),
        "{again:?} {refused:?}"
    );
}

fn the_payment_is_settled(ann: &Agent, processor: &Agent, id: &str) {
    processor.tell(&[
        json!({"key": "p1", "trade": id, "track": "payment", "state": "authorized"}),
        json!({"key": "p2", "trade": id, "track": "payment", "state": "settled", "actual": forgery::now()}),
    ]);
    wait::until("the payment is settled", || {
        (trade(ann, id)["paid"] == true).then_some(())
    });
    assert_eq!(stats(ann), (1, 0, json!([]), 1));
}

fn the_carrier_delivers(ann: &Agent, carrier: &Agent, id: &str) {
    let tomorrow = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24)).to_string();
    for (key, state) in [
        ("c1", "picked-up"),
        ("c2", "at-terminal"),
        ("c3", "sorted"),
        ("c4", "in-transit"),
        ("c5", "out-for-delivery"),
    ] {
        carrier.tell(&[json!({"key": key, "trade": id, "track": "delivery", "state": state, "planned": tomorrow})]);
        delivery_reaches(ann, id, state);
        assert_eq!(pending(ann), [id]);
    }
    carrier.tell(&[
        json!({"key": "c6", "trade": id, "track": "delivery", "state": "delivered", "actual": forgery::now()}),
    ]);
    delivery_reaches(ann, id, "delivered");
    assert!(pending(ann).is_empty(), "pending shrinks to nothing");
}

fn everything_came_proven_and_was_applied(shown: &Value, evidence: &str) {
    let history = shown["history"].as_array().unwrap();
    for (track, from, states) in [
        ("order", SHOP, vec!["confirmed", "preparing", "shipped"]),
        ("payment", PROCESSOR, vec!["authorized", "settled"]),
        (
            "delivery",
            CARRIER,
            vec![
                "picked-up",
                "at-terminal",
                "sorted",
                "in-transit",
                "out-for-delivery",
                "delivered",
            ],
        ),
    ] {
        let told: Vec<&Value> = history
            .iter()
            .filter(|entry| entry["track"] == track)
            .collect();
        for entry in &told {
            assert_eq!(
                (&entry["from"], &entry["evidence"]),
                (&json!(from), &json!(evidence)),
                "{entry}"
            );
        }
        for state in states {
            let times = told.iter().filter(|entry| entry["state"] == state).count();
            assert_eq!(times, 1, "{track} {state} in {history:#?}");
        }
    }
}

pub(crate) fn order_reaches(ann: &Agent, id: &str, state: &str) {
    wait::until(&format!("the order is {state}"), || {
        (trade(ann, id)["order"]["state"] == state).then_some(())
    });
}

pub(crate) fn delivery_reaches(ann: &Agent, id: &str, state: &str) {
    wait::until(&format!("the parcel is {state}"), || {
        (trade(ann, id)["delivery"][0]["state"] == state).then_some(())
    });
}

fn trade(ann: &Agent, id: &str) -> Value {
    ann.json(&["show", id, "--json"])
}

fn history(ann: &Agent, id: &str) -> Vec<Value> {
    trade(ann, id)["history"].as_array().unwrap().clone()
}

/// The ids of what is still to come.
fn pending(ann: &Agent) -> Vec<String> {
    let trades = ann.json(&["pending", "--json"]);
    trades
        .as_array()
        .unwrap()
        .iter()
        .map(|trade| trade["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Undelivered, unpaid, unpaid total, open warnings.
fn stats(ann: &Agent) -> (u64, u64, Value, u64) {
    let stats = ann.json(&["stats", "--json"]);
    let count = |name: &str| stats[name].as_u64().unwrap();
    (
        count("undelivered"),
        count("unpaid"),
        stats["unpaid_total"].clone(),
        count("warnings"),
    )
}
