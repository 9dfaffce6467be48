//! `tradepost import`, and what the ledger says afterwards.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::letters::{
    ANN, CARRIER, PAY, SHOP, at, delivered, eur, in_transit, record, settled, shipped,
};
use support::{Home, lines, verdicts};

#[test]
fn a_trade_goes_its_way_from_pending_to_nothing() {
    let home = Home::new();
    let planned = at(86_400);
    let first = home.import(&[record().letter(), in_transit(1, &planned).letter()]);
    assert_eq!(verdicts(&first), ["adopted", "applied"]);
    let pending = home.json(&["pending"]);
    assert_eq!(pending.as_array().unwrap().len(), 1);
    let rest = home.import(&[
        shipped(1).letter(),
        delivered(2).letter(),
        settled(1).letter(),
    ]);
    assert_eq!(verdicts(&rest), ["applied", "applied", "applied"]);
    assert_eq!(home.json(&["pending"]), json!([]));
    let trade = &home.json(&["list"])[0];
    assert_eq!(trade["ended"], true);
    assert_eq!(trade["delivered"], true);
    assert_eq!(trade["paid"], true);
    assert_eq!(home.json(&["warnings"]), json!([]));
}

#[test]
fn every_letter_gets_one_line_with_exactly_these_members() {
    let home = Home::new();
    let forged = in_transit(1, &at(0)).with("/from", json!("track@evil.example"));
    let got = home.import(&[
        record().letter(),
        b"From: a@b.example\r\nSubject: lunch\r\n\r\nAt noon?\r\n".to_vec(),
        forged.letter(),
        settled(1).raw(),
    ]);
    assert_eq!(verdicts(&got), ["adopted", "not-ours", "warned", "warned"]);
    for line in &got {
        let members: Vec<&str> = line
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            members,
            [
                "file",
                "kind",
                "message_id",
                "rule",
                "trade",
                "verdict",
                "warning"
            ]
        );
    }
    let trade = json!({ "shop": SHOP, "id": "T-1001" });
    assert_eq!(got[1]["kind"], Value::Null);
    assert_eq!(got[1]["trade"], Value::Null);
    assert_eq!(got[2]["warning"], "wrong-sender");
    assert_eq!(got[2]["rule"], 13);
    assert_eq!(got[2]["trade"], trade);
    assert_eq!(got[3]["warning"], "unproven-sender");
    assert_eq!(got[3]["rule"], 3);
    assert_eq!(got[3]["kind"], "payment-status");
    assert!(got[3]["file"].as_str().unwrap().ends_with("003.eml"));
}

#[test]
fn a_trade_has_the_members_that_programs_are_written_against() {
    let home = Home::new();
    let planned = at(86_400);
    home.import(&[record().letter(), in_transit(1, &planned).letter()]);
    let trade = &home.json(&["list"])[0];
    assert_eq!(
        trade,
        &json!({
            "shop": SHOP, "id": "T-1001", "shop_name": "Example Shop", "origin": "adopted",
            "request": null, "placed": trade["placed"],
            "lines": [{ "name": "Kettle", "sku": "K-1", "quantity": 2, "price": eur("49.00") }],
            "total": eur("98.00"),
            "order": { "state": null, "at": null, "planned": null, "actual": null },
            "delivery": [{
                "carrier": CARRIER, "parcel": "", "state": "in-transit",
                "at": trade["delivery"][0]["at"], "planned": planned, "actual": null,
                "tracking_number": "X-77", "place": "Leipzig",
            }],
            "payment": {
                "state": null, "at": null, "amount": null, "paid": null, "refunded": null,
                "planned": null, "actual": null,
            },
            "delivered": false, "paid": false, "ended": false, "overdue": false, "warnings": 0,
        })
    );
    let mut show = home.json(&["show", "T-1001"]);
    let history = show["history"].take();
    assert_eq!(
        show["parties"],
        json!({ "shop": SHOP, "carriers": [CARRIER], "processor": PAY })
    );
    let status = &history[0];
    assert_eq!(
        status,
        &json!({
            "track": "delivery", "carrier": CARRIER, "parcel": "", "sequence": 1,
            "state": "in-transit", "at": status["at"], "received_at": status["received_at"],
            "from": CARRIER, "evidence": "relay",
            "proof": status["proof"], "message_id": status["message_id"],
            "outcome": "applied",
        })
    );
    let proof = status["proof"].as_str().unwrap();
    assert!(proof.contains("carrier.example"), "{proof}");
    show.as_object_mut()
        .unwrap()
        .retain(|name, _| name != "history" && name != "parties");
    assert_eq!(&show, trade);
}

// Requirements: E19
#[test]
fn warnings_stats_and_their_nulls() {
    let home = Home::new();
    home.import(&[record().letter(), settled(1).raw()]);
    let warnings = home.json(&["warnings"]);
    let w = &warnings[0];
    let members: Vec<&str> = w.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        [
            "at", "evidence", "expected", "id", "kind", "letter", "received", "rule", "state",
            "text", "trade"
        ]
    );
    assert_eq!(w["state"], "open");
    assert_eq!(w["evidence"], "none");
    let letter: Vec<&str> = w["letter"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(letter, ["date", "from", "message_id", "subject"]);
    let id = w["id"].to_string();
    assert_eq!(&home.json(&["warnings", "show", &id]), w);

    home.run(&["warnings", "dismiss", &id]).ok();
    assert_eq!(home.json(&["warnings"]), json!([]));
    assert_eq!(home.json(&["warnings", "--all"])[0]["state"], "dismissed");
    assert_eq!(
        home.json(&["stats"]),
        json!({ "trades": 0, "undelivered": 0, "unpaid": 0, "unpaid_total": [], "adopted": 1, "warnings": 0, "held": 0 })
    );
    home.run(&["confirm", "T-1001"]).ok();
    assert_eq!(
        home.json(&["stats"]),
        json!({ "trades": 1, "undelivered": 1, "unpaid": 1, "unpaid_total": [eur("98.00")], "adopted": 0, "warnings": 0, "held": 0 })
    );
}

#[test]
fn accepting_a_warning_judges_its_letter_on() {
    let home = Home::new();
    home.import(&[record().letter(), settled(1).raw()]);
    assert_eq!(home.json(&["list"])[0]["paid"], false);
    let id = home.json(&["warnings"])[0]["id"].to_string();
    let letter = home.run(&["warnings", "show", &id, "--letter"]).ok();
    assert!(
        letter.contains("Content-Type: multipart/alternative"),
        "{letter}"
    );
    home.run(&["warnings", "accept", &id]).ok();
    assert_eq!(home.json(&["list"])[0]["paid"], true);
    home.run(&["warnings", "accept", &id])
        .fails(1, "accepted already");
    home.run(&["warnings", "accept", "99"])
        .fails(1, "no warning 99");
}

#[test]
fn mbox_and_maildir_and_folders_are_read_like_single_letters() {
    let letters = [record(), in_transit(1, &at(9)), shipped(1), settled(1)].map(|s| s.letter());
    let with_lf = |letter: &[u8]| {
        String::from_utf8(letter.to_vec())
            .unwrap()
            .replace("\r\n", "\n")
    };
    let mbox: String = letters
        .iter()
        .map(|l| {
            format!(
                "From MAILER Fri Nov 20 10:00:00 2026\n{}\n",
                with_lf(l).replace("\nFrom ", "\n>From ")
            )
        })
        .collect();

    let in_mbox = Home::new();
    let file = in_mbox.write("archive", mbox.as_bytes());
    let got = lines(&in_mbox.run(&["import", "--json", "archive"]).ok());
    assert_eq!(verdicts(&got), ["adopted", "applied", "applied", "applied"]);
    assert_eq!(got[3]["file"], "archive");
    // The same letters again, now single and with CRLF: nothing is new.
    let again = in_mbox.import(&letters);
    assert_eq!(verdicts(&again), ["duplicate"; 4]);
    drop(file);

    let in_maildir = Home::new();
    for (i, letter) in letters.iter().enumerate() {
        let folder = ["cur", "new"][i % 2];
        in_maildir.write(&format!("Maildir/{folder}/{i}.host:2,S"), letter);
        in_maildir.write(&format!("Maildir/tmp/{i}"), letter);
    }
    let got = lines(&in_maildir.run(&["import", "--json", "Maildir"]).ok());
    assert_eq!(got.len(), 4);
    assert_eq!(in_maildir.json(&["list"]), in_mbox.json(&["list"]));

    let in_folder = Home::new();
    in_folder.write("mail/notes.txt", b"not a letter");
    in_folder.write("mail/deep/all.mbox", mbox.as_bytes());
    let got = lines(&in_folder.run(&["import", "--json", "mail"]).ok());
    assert_eq!(got.len(), 4);
    assert_eq!(in_folder.json(&["list"]), in_mbox.json(&["list"]));
}

#[test]
fn the_letters_of_a_maildir_come_in_the_order_of_their_delivery() {
    let another = record().with("/body/payment/processor", json!("other@evil.example"));
    // Whether they were read or not, and however their names go on.
    for (first, second) in [
        ("new/9", "cur/10"),
        ("cur/9", "new/10"),
        ("new/9", "new/10"),
    ] {
        let home = Home::new();
        home.write(&format!("Maildir/{first}.z.host"), &record().letter());
        home.write(&format!("Maildir/{second}.a.host:2,S"), &another.letter());
        home.write(
            "Maildir/cur/nameless",
            b"Subject: no time, no letter of ours\r\n\r\n",
        );
        home.write(
            "Maildir/new/nameless",
            b"Subject: no time, no letter of ours\r\n\r\n",
        );
        let got = lines(&home.run(&["import", "--json", "Maildir"]).ok());
        assert_eq!(
            verdicts(&got),
            ["adopted", "warned", "not-ours", "not-ours"]
        );
        let parties = &home.json(&["show", "T-1001"])["parties"];
        assert_eq!(parties["processor"], PAY);
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_judged() {
    let home = Home::new();
    home.write("good.eml", &record().letter());
    let done = home.run(&["import", "--json", "missing.eml", "good.eml"]);
    assert_eq!(verdicts(&lines(&done.stdout)), ["adopted"]);
    done.fails(1, "missing.eml");
    home.run(&["import", "good.eml"]).ok();
    home.run(&["import"]).fails(2, "PATHS");
}

#[test]
fn the_time_of_receipt_is_that_of_the_own_provider() {
    let home = Home::new();
    let own = "Received: from mx.carrier.example by mx.mailroom.example with ESMTPS id 1;\r\n \
               Fri, 20 Nov 2020 11:00:00 +0100\r\n";
    let foreign = "dkim=pass header.d=carrier.example\r\nReceived: from x by relay.carrier.example;\r\n \
                   Wed, 18 Nov 2020 11:00:00 +0100";
    let letter = [own.as_bytes(), &in_transit(1, &at(9)).stamped(foreign)].concat();
    home.import(&[record().letter(), letter]);
    let show = home.json(&["show", "T-1001"]);
    assert_eq!(show["history"][0]["received_at"], "2020-11-20T10:00:00Z");
}

#[test]
fn copies_of_our_own_letters_restore_the_orders_they_carry() {
    let order = support::letters::Said(json!({
        "tradepost": 1, "id": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e22", "from": ANN, "to": SHOP, "sent": at(-7200),
        "request": "01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:ann@home.example",
        "body": {
            "kind": "order", "total": eur("98.00"), "payment": { "method": "credit-card" },
            "lines": [{ "name": "Kettle", "sku": "K-1", "quantity": 2, "price": eur("49.00") }],
            "delivery": { "method": "courier" }, "buyer": support::letters::buyer(),
        },
    }));
    let answer = record()
        .with(
            "/request",
            json!("01932c07-9a2e-7c11-8f54-0f6a1c0d9e21:ann@home.example"),
        )
        .with("/answers", json!("01932c07-9a2e-7c11-8f54-0f6a1c0d9e22"));
    let home = Home::new();
    // The answer is a stranger's word until the order is known.
    assert_eq!(
        home.import(&[answer.letter()])[0]["warning"],
        "unknown-request"
    );
    home.write("sent.eml", &order.raw());
    let got = lines(&home.run(&["import", "--sent", "--json", "sent.eml"]).ok());
    assert_eq!(verdicts(&got), ["sent"]);
    assert_eq!(got[0]["kind"], "order");
    assert_eq!(home.json(&["list"])[0]["origin"], "placed");
    assert_eq!(home.json(&["warnings"]), json!([]));
    // Somebody else's letter in the Sent folder is nobody's word.
    home.write("sent.eml", &record().letter());
    let got = lines(&home.run(&["import", "--sent", "--json", "sent.eml"]).ok());
    assert_eq!(verdicts(&got), ["not-ours"]);
}
