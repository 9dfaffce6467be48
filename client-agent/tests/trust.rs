//! A configuration that comes to believe more: what came before is judged again.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use support::letters::{Said, at, delivered, in_transit, record, settled, shipped};
use support::signed::Key;
use support::world::{PATIENCE, World, wait_json};
use support::{CONFIG, Home, verdicts};

const NOBODY: &str = "address = \"ann@home.example\"\n";

fn a_purchase() -> [Said; 5] {
    [
        record(),
        shipped(1),
        in_transit(1, &at(86_400)),
        delivered(2),
        settled(1),
    ]
}

fn list(home: &Home) -> Value {
    home.json(&["list"])
}

fn kinds(home: &Home) -> Vec<String> {
    let warnings = home.json(&["warnings"]);
    let kind = |w: &Value| w["kind"].as_str().unwrap().to_owned();
    warnings.as_array().unwrap().iter().map(kind).collect()
}

#[test]
fn who_forgot_the_authserv_ids_gets_what_came_in_the_meantime() {
    let home = Home::with(NOBODY);
    let letters = a_purchase().map(|said| said.letter());
    assert_eq!(verdicts(&home.import(&letters)), ["warned"; 5]);
    home.run(&["warnings", "dismiss", "2"]).ok();
    assert_eq!(list(&home), json!([]));

    home.write("config.toml", CONFIG.as_bytes());
    // A command that only asks changes nothing, and says who does.
    let done = home.run(&["pending", "--json"]);
    assert!(
        done.stderr.contains("judged again by the daemon"),
        "{}",
        done.stderr
    );
    assert_eq!(done.ok().trim(), "[]");
    assert_eq!(list(&home), json!([]));
    let done = home.work();
    assert!(
        done.stderr.contains(
            "5 letters whose senders were not believed were judged again by the present [trust]: 5 count now"
        ),
        "{}",
        done.stderr
    );
    done.ok();
    assert_eq!(home.run(&["pending", "--json"]).ok().trim(), "[]");
    let trade = &list(&home)[0];
    assert_eq!(
        (&trade["ended"], &trade["warnings"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(kinds(&home), [""; 0]);
    // Once is enough, and nobody believes less because the ids are gone again.
    let before = list(&home);
    for config in [CONFIG, NOBODY] {
        home.write("config.toml", config.as_bytes());
        let done = home.run(&["list"]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""));
        assert!(!home.work().stderr.contains("judged again"));
        assert_eq!(list(&home), before);
    }
    home.run(&["rebuild"]).ok();
    assert_eq!(list(&home), before);
}

/// Protocol 5, `relay`: what rests on SPF alone.
#[test]
fn dmarc_beside_a_failed_signature_counts_once_spf_is_taken_and_never_without_dmarc() {
    let home = Home::with(CONFIG);
    let dmarc = |said: &Said| {
        let domain = said.0["from"].as_str().unwrap();
        let domain = domain.rsplit_once('@').unwrap().1;
        format!("dkim=none; spf=pass smtp.mailfrom={domain}; dmarc=pass header.from={domain}")
    };
    let alone = |said: &Said| dmarc(said).replace("dmarc=pass", "x-dmarc=pass");
    let letters = [
        record().stamped(&dmarc(&record())),
        shipped(1).stamped(&dmarc(&shipped(1))),
        settled(1).stamped(&alone(&settled(1))),
    ];
    assert_eq!(verdicts(&home.import(&letters)), ["warned"; 3]);
    assert_eq!(kinds(&home), ["unproven-sender"; 3]);
    let why = home.json(&["warnings", "show", "1"]).to_string();
    assert!(why.contains("rests on SPF alone"), "{why}");

    let taken = CONFIG.replace("[trust]\n", "[trust]\nspf = true\n");
    assert_ne!(taken, CONFIG);
    home.write("config.toml", taken.as_bytes());
    let done = home.work();
    assert!(done.stderr.contains("2 count now"), "{}", done.stderr);
    let trade = &list(&home)[0];
    assert_eq!(
        (&trade["order"]["state"], &trade["paid"]),
        (&json!("shipped"), &json!(false))
    );
    assert_eq!(kinds(&home), ["unproven-sender"]);
}

#[test]
fn a_key_that_is_mended_proves_what_came_before() {
    let keys = ["shop.example", "carrier.example", "pay.example"].map(Key::of);
    let config = |keys: &[Key]| {
        let lines: String = keys.iter().map(Key::line).collect();
        // A name server that does not answer: what is not listed waits.
        format!(
            "{NOBODY}[trust]\nminimum = \"dkim\"\nresolver = \"127.0.0.1:1\"\n[trust.keys]\n{lines}"
        )
    };
    let wrong = ["shop.example", "carrier.example"].map(Key::of);
    let home = Home::with(&config(&wrong));
    let letters = [
        keys[0].letter(&record()),
        keys[1].letter(&delivered(1)),
        keys[2].letter(&settled(1)),
    ];
    assert_eq!(
        verdicts(&home.import(&letters)),
        ["warned", "warned", "held"]
    );
    home.write("config.toml", config(&keys).as_bytes());
    let done = home.work();
    assert!(done.stderr.contains("3 count now"), "{}", done.stderr);
    let trade = &list(&home)[0];
    assert_eq!(
        (&trade["delivered"], &trade["paid"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(home.json(&["held"]), json!([]));
    let history = &home.json(&["show", "T-1001"])["history"];
    assert_eq!(history[0]["evidence"], "dkim");
}

#[test]
fn what_dns_could_decide_now_is_held() {
    let key = Key::of("shop.example");
    let wrong = Key::of("shop.example");
    let config =
        |line: &str| format!("{NOBODY}[trust]\nresolver = \"127.0.0.1:1\"\n[trust.keys]\n{line}");
    let home = Home::with(&config(&wrong.line()));
    assert_eq!(verdicts(&home.import(&[key.letter(&record())])), ["warned"]);
    home.write("config.toml", config("").as_bytes());
    let done = home.work();
    assert!(
        done.stderr
            .contains("none counts now, 1 held (tradepost held)"),
        "{}",
        done.stderr
    );
    assert_eq!(home.json(&["held"]).as_array().unwrap().len(), 1);
    home.write("config.toml", config(&key.line()).as_bytes());
    let done = home.work();
    assert!(done.stderr.contains("1 counts now"), "{}", done.stderr);
    assert_eq!(list(&home).as_array().unwrap().len(), 1);
}

#[test]
fn a_lower_minimum_counts_what_it_is_enough_for_and_a_higher_one_takes_nothing_back() {
    let with = |more: &str| format!("{CONFIG}minimum = \"dkim\"\n{more}");
    let home = Home::with(&with(""));
    // Too large to be kept whole, so it is judged by the evidence that it had.
    let mut large = String::from_utf8(delivered(1).letter()).unwrap();
    let end = large.find("\r\n\r\n").unwrap() + 4;
    large.insert_str(end, &"This is filling.\r\n".repeat(20_000));
    let letters = [record().letter(), large.into_bytes(), settled(1).letter()];
    assert_eq!(verdicts(&home.import(&letters)), ["warned"; 3]);

    let only = "[trust.minimum_of]\n\"orders@shop.example\" = \"relay\"\n\"track@carrier.example\" = \"relay\"\n";
    home.write("config.toml", with(only).as_bytes());
    let done = home.work();
    assert!(
        done.stderr.contains("3 letters") && done.stderr.contains("2 count now"),
        "{}",
        done.stderr
    );
    let before = list(&home);
    assert_eq!(
        (&before[0]["delivered"], &before[0]["paid"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(kinds(&home), ["unproven-sender"]);

    home.write("config.toml", with("").as_bytes());
    home.work().ok();
    assert_eq!(list(&home), before);
    // A new letter is judged by what is asked for now.
    let again = home.import(&[shipped(2).letter()]);
    assert_eq!(verdicts(&again), ["warned"]);
    assert_eq!(again[0]["rule"], 3);
}

#[test]
fn broken_off_anywhere_it_goes_on_to_the_same_end() {
    let home = Home::with(NOBODY);
    let letters: Vec<Vec<u8>> = (0..60)
        .flat_map(|n| {
            let named = |said: Said| said.with("/trade/id", json!(format!("T-{n}"))).letter();
            [named(record()), named(delivered(1))]
        })
        .collect();
    assert_eq!(verdicts(&home.import(&letters)), ["warned"; 120]);
    home.write("config.toml", CONFIG.as_bytes());
    let killed = Home::with(CONFIG);
    copy(&home.path().join("data"), &killed.path().join("data"));

    home.work().ok();
    let expected = list(&home);
    assert_eq!(expected.as_array().unwrap().len(), 60);

    // Each time it is killed once the journal has grown by a slice or two.
    let mut kills = 0;
    for _ in 0..4 {
        let before = size_of(&killed.path().join("data/journal"));
        let mut child = killed
            .command(&["import", &killed.other_mail()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while size_of(&killed.path().join("data/journal")) <= before
            && child.try_wait().unwrap().is_none()
        {
            assert!(start.elapsed() < PATIENCE, "it does nothing");
        }
        child.kill().unwrap();
        kills += usize::from(!child.wait().unwrap().success());
    }
    assert!(kills > 0, "it was never interrupted");
    killed.work().ok();
    assert_eq!(list(&killed), expected);
    assert_eq!(killed.json(&["warnings"]), json!([]));
}

#[test]
fn what_was_accepted_does_not_look_proven() {
    let home = Home::new();
    // Nobody vouches for the one, and the other is a stranger's.
    let forged = in_transit(2, &at(86_400)).with("/from", json!("track@evil.example"));
    let letters = [
        record().letter(),
        in_transit(1, &at(86_400)).raw(),
        shipped(1).letter(),
        forged.raw(),
    ];
    let judged = home.import(&letters);
    assert_eq!(
        verdicts(&judged),
        ["adopted", "warned", "applied", "warned"]
    );
    let show = || home.run(&["show", "T-1001"]).ok();
    assert!(!show().contains("accepted by you"));

    home.run(&["warnings", "accept", "1"]).ok();
    let history = home.json(&["show", "T-1001"])["history"].clone();
    let by = |from: &str| {
        let all = history.as_array().unwrap();
        all.iter().find(|h| h["from"] == from).unwrap().clone()
    };
    let (accepted, proven) = (by("track@carrier.example"), by("orders@shop.example"));
    assert_eq!(
        (&accepted["evidence"], &accepted["accepted"]),
        (&json!("none"), &json!(true))
    );
    assert_eq!(
        (&proven["evidence"], &proven["accepted"]),
        (&json!("relay"), &Value::Null)
    );
    assert_eq!(
        show().matches("accepted by you, evidence none: ").count(),
        1
    );

    // Only line 3 was accepted: what another line refuses, it refuses still.
    home.run(&["warnings", "accept", "2"]).ok();
    assert_eq!(kinds(&home), ["wrong-sender"]);
    assert_eq!(home.json(&["show", "T-1001"])["history"], history);
}

#[test]
fn the_daemon_does_it_beside_its_other_work() {
    let ids = "authserv_ids = [\"mx.mailroom.example\"]";
    let world = World::with(|config| config.replace(ids, ""));
    for said in a_purchase() {
        world.deliver(&said);
    }
    let daemon = world.daemon();
    wait_json(&world.home, &["warnings"], |w| {
        w.as_array().unwrap().len() == 5
    });
    daemon.end();
    let config = fs::read_to_string(world.home.path().join("config.toml")).unwrap();
    let config = config.replace("[trust]", &format!("[trust]\n{ids}"));
    world.home.write("config.toml", config.as_bytes());
    let daemon = world.daemon();
    daemon.wait_for("5 letters whose senders were not believed were judged again");
    assert_eq!(list(&world.home)[0]["ended"], true);
    assert_eq!(kinds(&world.home), [""; 0]);
    daemon.end();
}

#[test]
fn of_a_burst_the_journal_keeps_twenty_letters_and_a_few_octets_of_each_other_one() {
    const MORE: usize = 30;
    let home = Home::new();
    let of_200_kib = |n: usize| {
        let text = "x".repeat(16_000);
        let mut said = delivered(1).with("/body/text", json!(text));
        for member in 0..12 {
            said = said.with(&format!("/body/unknown{member}"), json!(text));
        }
        said.with("/body/sequence", json!(n + 1)).raw()
    };
    let journal = home.path().join("data/journal");
    let forged: Vec<Vec<u8>> = (0..20 + MORE).map(of_200_kib).collect();
    assert!(forged[0].len() > 200 * 1024);
    let (kept, counted) = forged.split_at(20);
    assert_eq!(verdicts(&home.import(kept)), ["warned"; 20]);
    let before = size_of(&journal);
    assert!(before > 20 * 200 * 1024, "those are kept");
    assert_eq!(verdicts(&home.import(counted)), ["warned"; MORE]);
    let grown = size_of(&journal) - before;
    assert!(
        grown < 500 * MORE as u64,
        "{grown} octets for {MORE} letters"
    );
    assert!(grown > 0);

    // The same letters once more.
    let before = size_of(&journal);
    assert_eq!(verdicts(&home.import(kept)), ["duplicate"; 20]);
    let grown = size_of(&journal) - before;
    assert!(grown < 500 * 20, "{grown} octets for 20 letters");

    let told = |home: &Home| home.run(&["warnings", "--all"]).ok();
    let warnings = told(&home);
    assert_eq!(warnings.matches("unproven-sender").count(), 20);
    assert!(warnings.contains(&format!("+{MORE} more")), "{warnings}");
    home.run(&["rebuild"]).ok();
    assert_eq!(told(&home), warnings, "a replay counts the same");
}

fn size_of(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap();
    files.map(|f| f.unwrap().metadata().unwrap().len()).sum()
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(done.unwrap().success());
}
