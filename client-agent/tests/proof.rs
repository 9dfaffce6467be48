//! Senders proven by DKIM: by keys of the configuration and by DNS, at once or at last.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::letters::{ANN, SHOP, at, in_transit, record, shipped};
use support::signed::Key;
use support::world::{World, wait_json};
use support::{Home, verdicts};
use tradepost_mailroom::{Mood, NameServer};

/// A person who asks a name server of the test, and does not wait long for it.
struct Asking {
    world: World,
    names: NameServer,
}

impl Asking {
    fn new(timers: &str) -> Asking {
        let world = World::new();
        let names = world.block_on(NameServer::start()).unwrap();
        let asking = Asking { world, names };
        asking.configure(timers);
        asking
    }

    /// `minimum = "dkim"`, so that a letter rests on DNS alone.
    fn configure(&self, timers: &str) {
        let path = self.world.home.path().join("config.toml");
        let config = std::fs::read_to_string(path).unwrap();
        let (mail, _) = config.split_once("[trust]").unwrap();
        let resolver = self.names.address();
        let text = format!(
            "{mail}[trust]\nminimum = \"dkim\"\nresolver = \"{resolver}\"\ndns_budget = \"200 ms\"\n\
             [timers]\n{timers}"
        );
        self.world.home.write("config.toml", text.as_bytes());
    }

    fn knows(&self, key: &Key) {
        self.names.set_txt(key.name(), key.record());
    }
}

const SOON: &str = "held_first = \"100 ms\"\nheld_longest = \"200 ms\"\n";

fn rules(home: &Home) -> Vec<u64> {
    let held = home.json(&["held"]);
    let held = held.as_array().unwrap().iter();
    held.map(|h| h["rule"].as_u64().unwrap()).collect()
}

#[test]
fn a_key_of_the_configuration_proves_a_sender_whom_no_provider_vouches_for() {
    let key = Key::of("shop.example");
    let other = Key::of("shop.example");
    let config = format!(
        "address = {ANN:?}\n[trust]\nminimum = \"dkim\"\n[trust.keys]\n{}",
        key.line()
    );
    let home = Home::with(&config);
    let record = record();
    let lines = home.import(&[
        // Stamped by a provider, which is not enough; signed with another key.
        record.letter(),
        other.letter(&record),
        key.letter(&record),
        key.letter(&shipped(1)),
    ]);
    assert_eq!(verdicts(&lines), ["warned", "warned", "adopted", "applied"]);
    assert_eq!(lines[0]["warning"], "unproven-sender");
    assert_eq!(lines[1]["warning"], "unproven-sender");
    let shown = home.json(&["show", "T-1001"]);
    assert_eq!(shown["history"][0]["evidence"], "dkim", "{shown}");
    // Nobody says any more that nothing can be proven.
    let file = home.write("again.eml", &key.letter(&record));
    let done = home.run(&["import", &file.display().to_string()]);
    assert!(done.stderr.contains("proven by DKIM alone"), "{done:?}");
    assert!(!done.stderr.contains("no letter can be proven"));
}

#[test]
fn one_party_may_need_more_than_the_others() {
    let key = Key::of("shop.example");
    for (party, verdict) in [(SHOP, "warned"), ("track@carrier.example", "adopted")] {
        let config = format!(
            "{}[trust.minimum_of]\n{party:?} = \"dkim\"\n[trust.keys]\n{}",
            support::CONFIG,
            key.line()
        );
        let home = Home::with(&config);
        let lines = home.import(&[record().letter()]);
        assert_eq!(verdicts(&lines), [verdict], "{party}");
    }
}

#[test]
fn the_daemon_holds_what_dns_does_not_decide_and_judges_it_when_dns_is_back() {
    let asking = Asking::new(SOON);
    asking.names.set_mood(Mood::Silent);
    let home = &asking.world.home;
    let (shop, carrier) = (Key::of("shop.example"), Key::of("carrier.example"));
    asking.knows(&shop);
    asking.knows(&carrier);
    // Its own status is here before anything is proven; order does not matter.
    for (key, said) in [(&carrier, in_transit(1, &at(86_400))), (&shop, record())] {
        asking.world.room.deliver(ANN, &key.letter(&said)).unwrap();
    }
    // Larger than what is kept of other letters.
    let large = shop.large_letter(&shipped(1), 400_000);
    asking.world.room.deliver(ANN, &large).unwrap();
    let daemon = asking.world.daemon();
    let held = wait_json(home, &["held"], |h| h.as_array().unwrap().len() == 3);
    assert!(
        held.as_array().unwrap().iter().all(|h| h["rule"] == 2),
        "{held}"
    );
    assert_eq!(home.json(&["list"]), json!([]));
    assert_eq!(home.json(&["warnings", "--all"]), json!([]));
    // Several tries in vain.
    wait_json(home, &["held"], |h| {
        h.as_array()
            .unwrap()
            .iter()
            .all(|h| h["tries"].as_u64() > Some(1))
    });
    let received: Vec<Value> = ids(&home.json(&["held"]));

    asking.names.set_mood(Mood::Fails);
    let asked = asking.names.asked();
    support::world::wait(
        || asking.names.asked() > asked + 3,
        || "nobody asks".to_owned(),
    );
    assert_eq!(rules(home), [2, 2, 2]);

    asking.names.set_mood(Mood::Answers);
    wait_json(home, &["held"], |h| h.as_array().unwrap().is_empty());
    let trade = home.json(&["show", "T-1001"]);
    assert_eq!(trade["delivery"][0]["state"], "in-transit", "{trade}");
    assert_eq!(trade["order"]["state"], "shipped", "{trade}");
    // Each with the time at which the provider received it.
    for entry in trade["history"].as_array().unwrap() {
        assert_eq!(entry["evidence"], "dkim");
        assert!(
            received.contains(&entry["received_at"]),
            "{entry} {received:?}"
        );
    }
    // What came before its trade record is warned of until that comes, as ever.
    assert_eq!(home.json(&["warnings"]), json!([]));
    daemon.end();
}

fn ids(held: &Value) -> Vec<Value> {
    let held = held.as_array().unwrap().iter();
    held.map(|h| h["received_at"].clone()).collect()
}

#[test]
fn commands_without_a_daemon_ask_dns_again_as_well() {
    let asking = Asking::new(SOON);
    asking.names.set_mood(Mood::Silent);
    let home = &asking.world.home;
    let key = Key::of("shop.example");
    asking.knows(&key);
    let lines = home.import(&[key.letter(&record())]);
    assert_eq!(verdicts(&lines), ["held"]);
    assert_eq!(lines[0]["rule"], 2);
    assert_eq!(rules(home), [2]);
    assert_eq!(home.json(&["list"]), json!([]));
    asking.names.set_mood(Mood::Answers);
    assert_eq!(
        home.json(&["list"]),
        json!([]),
        "what only asks, asks nobody"
    );
    support::world::wait(
        || {
            home.work().ok();
            rules(home).is_empty()
        },
        || "still held".to_owned(),
    );
    let list = home.json(&["list"]);
    assert_eq!(list[0]["id"], "T-1001", "{list}");
    // `daemon --once` too, and a ledger that is made anew from the journal.
    let carrier = Key::of("carrier.example");
    asking.knows(&carrier);
    asking.names.set_mood(Mood::Silent);
    let letter = carrier.letter(&in_transit(1, &at(86_400)));
    asking.world.room.deliver(ANN, &letter).unwrap();
    home.run(&["daemon", "--once"]).ok();
    assert_eq!(rules(home), [2]);
    home.run(&["rebuild"]).ok();
    asking.names.set_mood(Mood::Answers);
    support::world::wait(
        || {
            home.run(&["daemon", "--once"]).ok();
            rules(home).is_empty()
        },
        || "still held".to_owned(),
    );
    let delivery = home.json(&["show", "T-1001"])["delivery"].clone();
    assert_eq!(delivery[0]["state"], "in-transit");
}

#[test]
fn what_dns_never_decides_is_judged_as_it_is_in_the_end() {
    let asking = Asking::new(&format!("{SOON}held_patience = \"600 ms\"\n"));
    asking.names.set_mood(Mood::Silent);
    let home = &asking.world.home;
    let key = Key::of("shop.example");
    asking.knows(&key);
    let letter = key.letter(&record());
    assert_eq!(
        verdicts(&home.import(std::slice::from_ref(&letter))),
        ["held"]
    );
    support::world::wait(
        || {
            home.work().ok();
            home.json(&["warnings"])[0]["kind"] == "unproven-sender"
        },
        || "it waits on".to_owned(),
    );
    assert_eq!(rules(home), Vec::<u64>::new());
    // It is not lost: the same letter again, with an answer, is better proven.
    asking.names.set_mood(Mood::Answers);
    assert_eq!(verdicts(&home.import(&[letter])), ["adopted"]);
    assert_eq!(home.json(&["warnings"]), json!([]));
}

#[test]
fn evidence_that_was_established_stays_when_dns_falls_silent_or_the_key_is_gone() {
    let asking = Asking::new(SOON);
    let home = &asking.world.home;
    let key = Key::of("shop.example");
    asking.knows(&key);
    let letter = key.letter(&record());
    assert_eq!(
        verdicts(&home.import(std::slice::from_ref(&letter))),
        ["adopted"]
    );
    for mood in [Mood::Silent, Mood::Fails, Mood::Answers] {
        asking.names.set_mood(mood);
        asking.names.set_txt(key.name(), "v=DKIM1; k=ed25519; p=");
        let again = home.import(std::slice::from_ref(&letter));
        assert_eq!(verdicts(&again), ["duplicate"], "{mood:?}");
    }
    assert_eq!(home.json(&["warnings"]), json!([]));
    assert_eq!(rules(home), Vec::<u64>::new());
    // A revoked key proves nothing new.
    let other = key.letter(&record().with("/trade/id", json!("T-2")));
    assert_eq!(verdicts(&home.import(&[other])), ["warned"]);
}

#[test]
fn nobody_is_asked_for_keys_of_sent_letters_nor_of_other_mail() {
    let asking = Asking::new(SOON);
    let home = &asking.world.home;
    let key = Key::of("home.example");
    asking.knows(&key);
    let own = key.letter(&record().with("/from", json!(ANN)).with("/to", json!(SHOP)));
    let file = home.write("own.eml", &own).display().to_string();
    home.run(&["import", "--sent", &file]).ok();
    let other = home.write(
        "other.eml",
        b"From: a@b.example\r\nDKIM-Signature: v=1\r\n\r\nhi\r\n",
    );
    home.run(&["import", &other.display().to_string()]).ok();
    assert_eq!(asking.names.asked(), 0);
    let shop = Key::of("shop.example");
    home.import(&[shop.letter(&record())]);
    assert!(asking.names.asked() > 0);
}
