//! The main job where nobody's provider is believed: every letter is proven by its signature, the keys come by
//! DNS, and while DNS is silent letters wait. On real servers: OpenDKIM tells what others make of our
//! signatures, and signs letters that are ours to verify.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use serde_json::{Value, json};
use tradepost_mailbed::{Dkim, Mailbed};

use support::provider::Provider;
use support::purchase::{Cast, from_order_to_doorstep, order_and_confirm, order_reaches};
use support::{ANN, CARRIER, PROCESSOR, SHOP, World, wait};

#[test]
fn a_purchase_is_proven_by_the_signatures_of_the_agents_with_keys_by_dns() {
    let Some(world) = a_world_of_signers() else {
        return;
    };
    let mut cast = Cast::of(&world);
    cast.start();
    from_order_to_doorstep(&world, &cast, "dkim");

    // What others make of our signatures, those with Ed25519 among them.
    let mut seen = [0, 0];
    for letter in bed(&world).inbox(ANN).unwrap() {
        let letter = String::from_utf8_lossy(&letter).into_owned();
        let head = letter.split("\r\n\r\n").next().unwrap();
        let signatures = head.matches("\r\nDKIM-Signature:").count();
        if signatures == 0 {
            // The forged one.
            assert!(!head.contains("dkim=pass"), "{head}");
            continue;
        }
        assert_eq!(head.matches("dkim=pass ").count(), signatures, "{head}");
        assert!(!head.contains("dkim=fail"), "{head}");
        for (count, algorithm) in seen.iter_mut().zip(["rsa-sha256", "ed25519-sha256"]) {
            *count += head.matches(&format!("header.a={algorithm}")).count();
        }
    }
    assert!(seen.iter().all(|count| *count >= 4), "{seen:?}");
    let told = cast.ann.json(&["show", &the_trade(&cast), "--json"]);
    for status in told["history"].as_array().unwrap() {
        if status["from"] == SHOP {
            let proof = status["proof"].as_str().unwrap();
            assert!(proof.contains("shop.example"), "{status}");
        }
    }
}

#[test]
fn a_purchase_is_proven_by_the_signatures_of_a_provider() {
    let Some(provider) = Provider::mailbed_with_dkim(Dkim::SignsAndVerifies) else {
        return;
    };
    let mut world = World::with(provider);
    believe_signatures_only(&mut world);
    let mut cast = Cast::of(&world);
    cast.start();
    from_order_to_doorstep(&world, &cast, "dkim");
}

#[test]
fn letters_wait_while_dns_is_silent_and_are_judged_when_it_answers() {
    let Some(world) = a_world_of_signers() else {
        return;
    };
    let mut cast = Cast::of(&world);
    cast.start();
    let trade = order_and_confirm(&world, &cast.ann);
    let id = trade["id"].as_str().unwrap();
    assert_eq!(cast.ann.json(&["held", "--json"]), json!([]));

    // The provider gets the letter while it can verify it, and the buyer's agent when it can't.
    cast.ann.kill();
    let before = bed(&world).inbox(ANN).unwrap().len();
    cast.shop.tell(&[
        json!({"key": "s1", "shop": SHOP, "trade": id, "track": "order", "state": "preparing"}),
    ]);
    wait::until("the letter is in the mailbox", || {
        (bed(&world).inbox(ANN).unwrap().len() > before).then_some(())
    });
    bed(&world).stop_dns().unwrap();
    cast.ann.start();
    let held = wait::until("the letter is held", || {
        let held = cast.ann.json(&["held", "--json"]);
        held.as_array().unwrap().first().cloned()
    });
    assert!(held["from"].as_str().unwrap().contains(SHOP), "{held}");
    assert_eq!(held["rule"], 2, "{held}");
    let state = |shown: &Value| shown["order"]["state"].clone();
    let shown = cast.ann.json(&["show", id, "--json"]);
    assert_eq!(state(&shown), "confirmed", "it changed nothing yet");
    assert!(cast.ann.say(&["held"]).contains("orders@shop.example"));
    assert_eq!(cast.ann.json(&["warnings", "--json"]), json!([]));

    bed(&world).start_dns().unwrap();
    order_reaches(&cast.ann, id, "preparing");
    assert_eq!(cast.ann.json(&["held", "--json"]), json!([]));
    let shown = cast.ann.json(&["show", id, "--json"]);
    let history = shown["history"].as_array().unwrap();
    let told = history.iter().find(|entry| entry["state"] == "preparing");
    assert_eq!(told.unwrap()["evidence"], "dkim", "{shown}");
}

/// Every agent signs with a key of its own, the shop with two, and the provider signs nothing.
fn a_world_of_signers() -> Option<World> {
    let mut world = World::with(Provider::mailbed_with_dkim(Dkim::Verifies)?);
    believe_signatures_only(&mut world);
    for (address, selector, algorithm) in [
        (ANN, "s1", "rsa"),
        (CARRIER, "s1", "rsa"),
        (PROCESSOR, "s1", "ed25519"),
        (SHOP, "s1", "rsa"),
        (SHOP, "s2", "ed25519"),
    ] {
        let key = world.key(address, selector, algorithm);
        bed(&world).set_txt(&key.name, &key.record).unwrap();
    }
    Some(world)
}

/// What the provider says counts for nothing, and letters come to it as from elsewhere.
fn believe_signatures_only(world: &mut World) {
    let bed = bed(world);
    let (outside, dns) = (bed.outside_port, bed.dns_port);
    let customs = &mut world.customs;
    customs.submissions_port = Some(outside);
    customs.trust = Some(format!(
        "minimum = \"dkim\"\nresolver = \"127.0.0.1:{dns}\"\ndns_budget = \"2 s\"\n"
    ));
    for address in [ANN, SHOP, CARRIER, PROCESSOR] {
        let timers = "[timers]\nheld_first = \"100 ms\"\nheld_longest = \"500 ms\"\n";
        customs.sections.insert(address, timers.to_owned());
    }
}

fn bed(world: &World) -> &Mailbed {
    match &world.provider {
        Provider::Bed(bed) => bed,
        Provider::Room(..) => panic!("DKIM is the mailbed's"),
    }
}

fn the_trade(cast: &Cast) -> String {
    let list = cast.ann.json(&["list", "--json"]);
    list[0]["id"].as_str().unwrap().to_owned()
}
