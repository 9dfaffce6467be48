//! Authentication-Results fields of other implementations (`corpora/authentication-results`): for everybody whom a field
//! names, it proves here what follows from the results that others read in it.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../../statements/tests/figures/mod.rs"]
mod figures;

use std::collections::BTreeSet;

use serde_json::Value;
use tradepost_letters::{RelayPolicy, open, organizational_domain};
use tradepost_statements::{Address, Evidence};

const SAMPLES: &str = include_str!("corpora/authentication-results/samples.jsonl");
const GENUINE: &str = include_str!("letters/genuine.eml");

struct Sample {
    field: String,
    /// None where the field is refused.
    id: Option<String>,
    results: Vec<MethodResult>,
}

struct MethodResult {
    method: String,
    result: String,
    properties: Vec<(String, String)>,
}

impl MethodResult {
    fn value(&self, name: &str) -> Option<&str> {
        let property = self.properties.iter().find(|(n, _)| n == name);
        property.map(|(_, value)| value.as_str())
    }
}

fn samples() -> Vec<Sample> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let property = |value: &Value| (text(&value[0]), text(&value[1]));
    let result = |value: &Value| MethodResult {
        method: text(&value[0]),
        result: text(&value[1]),
        properties: list(&value[2]).iter().map(property).collect(),
    };
    let sample = |line| {
        let value: Value = serde_json::from_str(line).unwrap();
        Sample {
            field: text(&value["field"]),
            id: value["id"].as_str().map(str::to_owned),
            results: list(&value["results"]).iter().map(result).collect(),
        }
    };
    SAMPLES.lines().map(sample).collect()
}

/// Everybody whom a field names, by address or by domain; and somebody in a domain below.
fn named(field: &str) -> BTreeSet<Address> {
    let is_name = |c: char| c.is_alphanumeric() || "@.-_+".contains(c);
    let words = field
        .split(|c| !is_name(c))
        .filter(|word| word.contains('.'));
    let addresses = words.flat_map(|word| {
        let domain = word.rsplit('@').next().unwrap_or(word);
        [
            word.to_owned(),
            format!("someone@{domain}"),
            format!("someone@shop.{domain}"),
        ]
    });
    addresses
        .filter_map(|address| address.parse().ok())
        .collect()
}

/// Protocol 5, `relay`, told once more, of what others read.
fn should_prove(sample: &Sample, author: &Address) -> bool {
    let is_at = |domain: &str| {
        let domain = domain.to_ascii_lowercase();
        author.domain() == domain || author.domain().ends_with(&format!(".{domain}"))
    };
    let is_of_the_same_organization = |domain: &str| {
        let own = organizational_domain(author.domain());
        own.is_some() && organizational_domain(domain) == own
    };
    let of = |method: &str| -> Vec<&MethodResult> {
        let is_it = |r: &&MethodResult| r.method == method;
        sample.results.iter().filter(is_it).collect()
    };
    let all_pass = |method: &str, names_author: &dyn Fn(&MethodResult) -> bool| {
        let results = of(method);
        !results.is_empty()
            && results
                .iter()
                .all(|r| r.result == "pass" && names_author(r))
    };
    let signer = |r: &MethodResult| {
        let identity = r.value("header.i").and_then(|i| i.rsplit_once('@'));
        let signer = r.value("header.d").or(identity.map(|(_, domain)| domain));
        signer.map(str::to_owned)
    };
    of("dkim")
        .iter()
        .any(|r| r.result == "pass" && signer(r).is_some_and(|d| is_at(&d)))
        || (of("dkim").is_empty()
            || of("dkim").iter().any(|r| {
                r.result == "pass" && signer(r).is_some_and(|d| is_of_the_same_organization(&d))
            }))
            && all_pass("dmarc", &|r| {
                r.value("header.from") == Some(author.domain())
            })
        || all_pass("auth", &|r| {
            r.value("smtp.auth").and_then(|a| a.parse().ok()).as_ref() == Some(author)
        })
}

/// The genuine letter from somebody else, under that field alone.
fn letter(field: &str, author: &Address) -> Vec<u8> {
    let (_, authors) = GENUINE.split_once("From: ").unwrap();
    let (_, rest) = authors.split_once('\n').unwrap();
    // Some were published with the line ends of files.
    let field = field.replace("\r\n", "\n").replace('\n', "\r\n");
    format!("Authentication-Results: {field}\r\nFrom: {author}\r\n{rest}").into_bytes()
}

#[test]
fn a_field_proves_what_follows_from_what_others_read_in_it() {
    let samples = samples();
    let mut proven = 0;
    let stranger = RelayPolicy::new(vec!["mx.other.example".parse().unwrap()], None);
    for sample in &samples {
        let id = sample.id.as_deref().unwrap_or("mx.home.example");
        let policy = RelayPolicy::new(vec![id.parse().unwrap()], None);
        for author in named(&sample.field) {
            let raw = letter(&sample.field, &author);
            let read = open(&raw, &policy);
            let is_proven = read.evidence == Evidence::Relay;
            assert_eq!(
                is_proven,
                should_prove(sample, &author),
                "{}: {author}: {}",
                sample.field,
                read.proof
            );
            proven += usize::from(is_proven);
            if sample.id.is_some() {
                assert_eq!(read.authserv_ids, [id], "{}", sample.field);
            }
            assert_eq!(open(&raw, &stranger).evidence, Evidence::None);
        }
    }
    assert_eq!(proven, 74, "senders that some field proves");
    figures::stand_in_the_security_notes("Authentication-Results of others", samples.len(), &[]);
}
