//! The provider with DKIM: it signs on the way out, verifies on the way in, stamps what it found, and its
//! name server has the keys.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tradepost_mailbed::{AUTHSERV_ID, Dkim, Mailbed, Options, SELECTOR, dns, require};

const SHOP: &str = "orders@shop.example";
const EVIL: &str = "evil@evil.example";

/// A provider that signs, for all tests of this process that do not change it.
fn bed() -> Option<&'static Mailbed> {
    static BED: OnceLock<Mailbed> = OnceLock::new();
    require()?;
    Some(BED.get_or_init(|| {
        Mailbed::start_with(Options {
            dkim: Dkim::SignsAndVerifies,
            from_check: true,
        })
        .unwrap()
    }))
}

fn letter(from: &str, to: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: A letter\r\nDate: Fri, 20 Nov 2026 10:15:00 +0000\r\n\
         Message-ID: <1@shop.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Hello.\r\n"
    )
    .into_bytes()
}

fn only_letter(bed: &Mailbed, account: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(letter) = bed.inbox(account).unwrap().pop() {
            return String::from_utf8(letter).unwrap();
        }
        assert!(Instant::now() < deadline, "nothing came within 30 seconds");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The values of the fields of this name, unfolded, top first.
fn fields(letter: &str, wanted: &str) -> Vec<String> {
    let head = letter.split("\r\n\r\n").next().unwrap();
    let head = head.replace("\r\n\t", " ").replace("\r\n ", " ");
    head.split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

fn stamps(letter: &str) -> Vec<String> {
    fields(letter, "Authentication-Results")
}

/// OpenDKIM writes `dkim-atps=neutral` behind it.
fn says_unsigned(letter: &str) {
    let found = stamps(letter);
    assert_eq!(found.len(), 1, "{found:?}");
    let start = format!("{AUTHSERV_ID}; dkim=none");
    assert!(
        found[0].starts_with(&start) && !found[0].contains("pass"),
        "{found:?}"
    );
}

/// As the sender's provider let it go: without what the receiving one put on top.
fn from_the_signature_on(arrived: &str) -> &str {
    &arrived[arrived.find("DKIM-Signature:").unwrap()..]
}

#[test]
fn what_comes_from_another_provider_is_signed_there_and_verified_here() {
    let Some(bed) = bed() else { return };
    let to = "one@home.example";
    bed.submit_outside(SHOP, to, &letter(SHOP, to)).unwrap();
    let arrived = only_letter(bed, to);
    let found = stamps(&arrived);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with(&format!("{AUTHSERV_ID}; dkim=pass "))
            && found[0].contains("header.d=shop.example"),
        "{found:?}"
    );
    assert!(!found[0].contains("auth="), "{found:?}");
    assert_eq!(fields(&arrived, "DKIM-Signature").len(), 1);
    // What this provider found stands above what the other one wrote.
    assert!(arrived.find("dkim=pass").unwrap() < arrived.find("DKIM-Signature:").unwrap());
}

#[test]
fn a_signed_letter_with_another_body_fails() {
    let Some(bed) = bed() else { return };
    let to = "two@home.example";
    bed.submit_outside(SHOP, to, &letter(SHOP, to)).unwrap();
    let signed = only_letter(bed, to);
    let signed = from_the_signature_on(&signed);

    let unchanged_to = "unchanged@home.example";
    bed.deliver_by_mx(SHOP, unchanged_to, signed.as_bytes())
        .unwrap();
    let found = stamps(&only_letter(bed, unchanged_to));
    assert!(found[0].contains("dkim=pass"), "{found:?}");

    let changed_to = "changed@home.example";
    let changed = signed.replace("Hello.", "Hullo.");
    bed.deliver_by_mx(SHOP, changed_to, changed.as_bytes())
        .unwrap();
    let found = stamps(&only_letter(bed, changed_to));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("dkim=fail") && !found[0].contains("dkim=pass"),
        "{found:?}"
    );
}

#[test]
fn an_unsigned_letter_from_outside_is_said_to_be_unsigned() {
    let Some(bed) = bed() else { return };
    let to = "three@home.example";
    bed.deliver_by_mx(SHOP, to, &letter(SHOP, to)).unwrap();
    says_unsigned(&only_letter(bed, to));
}

#[test]
fn what_stays_within_the_provider_is_signed_and_stamped_with_the_account() {
    let Some(bed) = bed() else { return };
    let to = "four@home.example";
    bed.submit(SHOP, to, &letter(SHOP, to)).unwrap();
    let arrived = only_letter(bed, to);
    assert_eq!(
        stamps(&arrived),
        [format!("{AUTHSERV_ID}; auth=pass smtp.auth={SHOP}")]
    );
    assert_eq!(fields(&arrived, "DKIM-Signature").len(), 1);
}

#[test]
fn another_address_in_from_than_the_account_is_refused_where_that_is_asked_for() {
    let Some(bed) = bed() else { return };
    let to = "five@home.example";
    for own in [
        SHOP.to_owned(),
        format!("\"The Shop, Inc.\" <{SHOP}>"),
        format!("Shop <{}>", SHOP.to_uppercase()),
        "orders+7@shop.example".to_owned(),
    ] {
        bed.submit(SHOP, to, &letter(&own, to))
            .unwrap_or_else(|error| panic!("{own}: {error:#}"));
    }
    for other in [
        SHOP.to_owned(),
        format!("{EVIL}, {SHOP}"),
        format!("\"{EVIL}\" <{SHOP}>"),
        format!("<{EVIL}> <{SHOP}>"),
        format!("{EVIL} <{SHOP}>"),
        format!("({EVIL}) {SHOP}"),
        format!("{SHOP}\r\nFrom: {EVIL}"),
    ] {
        assert!(
            bed.submit(EVIL, to, &letter(&other, to)).is_err(),
            "{EVIL} as {other}"
        );
    }
}

#[test]
fn the_name_server_knows_the_provider_and_nobody_else() {
    let Some(bed) = bed() else { return };
    let ask = |name: &str| dns::txt(bed.dns_port, name).unwrap();
    let key = ask(&format!("{SELECTOR}._domainkey.shop.example"));
    assert_eq!(key.len(), 1);
    assert!(
        key[0].starts_with("v=DKIM1; k=rsa; p=MII") && key[0].len() > 255,
        "{key:?}"
    );
    assert_eq!(ask("_dmarc.shop.example"), ["v=DMARC1; p=reject"]);
    assert_eq!(ask("shop.example"), ["v=spf1 ip4:127.0.0.1 -all"]);
    assert_eq!(ask("nowhere.example"), [""; 0]);
}

#[test]
fn records_of_a_test_come_and_go_and_the_name_server_stops_and_starts() {
    if require().is_none() {
        return;
    }
    let bed = Mailbed::start_with(Options::with_dkim(Dkim::Verifies)).unwrap();
    let (port, name) = (bed.dns_port, "s1._domainkey.shop.example");
    assert_eq!(dns::txt(port, name).unwrap(), [""; 0]);
    let long = format!("v=DKIM1; k=rsa; p={}", "A".repeat(300));
    bed.set_txt(name, &long).unwrap();
    assert_eq!(dns::txt(port, name).unwrap(), [long.as_str()]);

    bed.stop_dns().unwrap();
    assert!(dns::txt(port, name).is_err(), "nobody answers");
    bed.set_txt(name, "v=DKIM1; p=").unwrap();
    assert!(
        dns::txt(port, name).is_err(),
        "a stopped server stays stopped"
    );
    bed.start_dns().unwrap();
    assert_eq!(dns::txt(port, name).unwrap(), ["v=DKIM1; p="]);
    bed.remove_txt(name).unwrap();
    assert_eq!(dns::txt(port, name).unwrap(), [""; 0]);
    assert!(bed.set_txt(name, "two\nlines").is_err());

    // This one signs nothing itself, and still says what it finds.
    let to = "one@home.example";
    bed.submit_outside(SHOP, to, &letter(SHOP, to)).unwrap();
    let arrived = only_letter(&bed, to);
    assert_eq!(fields(&arrived, "DKIM-Signature"), [""; 0]);
    says_unsigned(&arrived);
    // Nor does it hinder others from writing what they like.
    bed.submit(EVIL, to, &letter(SHOP, to)).unwrap();

    let lean = Mailbed::start().unwrap();
    assert!(lean.set_txt(name, "v=DKIM1; p=").is_err(), "no DNS");
    assert!(dns::txt(lean.dns_port, name).is_err());
}

#[test]
fn nothing_is_left_behind_by_a_provider_with_dkim() {
    if require().is_none() {
        return;
    }
    let bed = Mailbed::start_with(Options::with_dkim(Dkim::SignsAndVerifies)).unwrap();
    let dir = bed.dir().to_path_buf();
    let named = |program: &str| processes_of(&dir).iter().any(|line| line.contains(program));
    assert!(named("opendkim -f") && named("dnsmasq"));
    drop(bed);
    assert_eq!(processes_of(&dir), [""; 0]);
    assert!(!dir.exists());
}

/// The command lines that name the folder.
fn processes_of(dir: &std::path::Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(dir))
        .collect()
}
