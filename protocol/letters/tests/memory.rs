//! A letter that was made to cost memory takes little more of it than its own size.
//!
//! One test, so that nothing else runs in this process; only Linux tells its peak.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs;

use tradepost_letters::dkim::signatures;
use tradepost_letters::{RelayPolicy, open};
use tradepost_statements::{Evidence, Time};

const LETTER: usize = 4 << 20;

/// The most memory that this process had since the last call, and what it has now, in octets.
fn peak() -> (usize, usize) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|l| l.starts_with(name)).unwrap();
        let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes << 10
    };
    let told = (of("VmHWM"), of("VmRSS"));
    fs::write("/proc/self/clear_refs", "5").unwrap();
    told
}

fn repeated(piece: &str) -> String {
    piece.repeat(LETTER / piece.len())
}

/// Each with another name.
fn numbered(piece: impl Fn(usize) -> String) -> String {
    let mut all = String::with_capacity(LETTER + 100);
    for n in 0.. {
        all += &piece(n);
        if all.len() >= LETTER {
            break;
        }
    }
    all
}

#[test]
fn no_header_takes_many_times_its_size() {
    let signature = "DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=s; bh=AAAA; b=AAAA; \
                     h=from:to:subject:date:content-type";
    let results = "Authentication-Results: mx.home.example; dkim=pass header.d=shop.example";
    let policy = RelayPolicy::new(vec!["mx.home.example".parse().unwrap()], None);
    let received_at: Time = "2026-11-20T10:15:03Z".parse().unwrap();
    for (what, below) in [
        ("a plain one", String::new()),
        ("names of h=", format!("{signature}{}\r\n", repeated(":a"))),
        (
            "tags",
            format!("{signature}{}\r\n", numbered(|n| format!(";x{n}="))),
        ),
        ("signatures", repeated(&format!("{signature}\r\n"))),
        (
            "fields",
            format!("{}{signature}\r\n", numbered(|n| format!("{n:x}:\r\n"))),
        ),
        ("results", format!("{results}{}\r\n", repeated(";a=b"))),
        ("properties", format!("{results}{}\r\n", repeated(" a.b=c"))),
        (
            "fields of results",
            repeated(&format!("{results}{}\r\n", ";a=b".repeat(1000))),
        ),
        (
            "hosts",
            repeated(&format!("Received: by {}; x\r\n", "a ".repeat(1000))),
        ),
    ] {
        let raw = format!(
            "{results}\r\n{below}From: a@shop.example\r\nTo: b@home.example\r\nSubject: x\r\n\
             Date: Fri, 20 Nov 2026 10:15:00 +0000\r\nMessage-ID: <x@shop.example>\r\n\
             MIME-Version: 1.0\r\nContent-Type: application/vnd.tradepost+json\r\n\r\n{{}}\r\n"
        )
        .into_bytes();
        let (_, before) = peak();
        let opened = open(&raw, &policy);
        let found = signatures(&raw, &opened.letter, received_at);
        let taken = peak().0.saturating_sub(before);
        assert_eq!(opened.evidence, Evidence::Relay, "{what}");
        assert!(found.to_try.is_empty());
        assert!(taken < 8 * LETTER, "{what}: {} MiB", taken >> 20);
    }
}
