//! The example letters of the specification are letters as it describes them.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use tradepost_letters::{
    AutoSubmitted, Composition, LetterContent, RelayPolicy, Story, compose, open,
};
use tradepost_statements::wire::{self, parse_json};
use tradepost_statements::{Address, Body, Evidence, Kind, Statement};

const README: &str = include_str!("../../README.md");

fn path(kind: Kind) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(format!("{kind}.eml"))
}

fn letter(kind: Kind) -> Vec<u8> {
    let path = path(kind);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn policy() -> RelayPolicy {
    RelayPolicy::new(vec!["mx.home.example".parse().unwrap()], None)
}

/// What the specification shows as the statement of this kind.
fn shown(kind: Kind) -> &'static str {
    README
        .split_once(&format!("\n### `{kind}`\n"))
        .and_then(|(_, section)| section.split_once("```json\n"))
        .and_then(|(_, block)| block.split_once("\n```"))
        .unwrap_or_else(|| panic!("no example of {kind}"))
        .0
}

fn statement(kind: Kind) -> Statement {
    wire::decode(shown(kind).as_bytes()).unwrap().statement
}

/// As the sender's agent composes it; the shop's and the buyer's know the trade of the examples.
fn composed(kind: Kind) -> Vec<u8> {
    let Body::TradeRecord(record) = statement(Kind::TradeRecord).body else {
        panic!("the trade record is none");
    };
    let carriers: Vec<Address> = (record.delivery.carriers.iter())
        .map(|carrier| carrier.address.clone())
        .collect();
    let statement = statement(kind);
    let answered = statement
        .answers
        .map(|id| format!("{id}@{}", statement.to.domain()));
    let name = match statement.from.as_str() {
        "ann@home.example" => "Ann Miller",
        "orders@shop.example" => "Example Shop",
        "track@carrier.example" => "Example Carrier",
        "billing@pay.example" => "Example Pay",
        other => panic!("{other} has no name"),
    };
    // Carriers and payment processors know what they were instructed, not what was bought.
    let knows_the_trade =
        statement.trade.is_some() && matches!(name, "Ann Miller" | "Example Shop");
    compose(&Composition {
        statement: &statement,
        json: None,
        message_id: &format!("{}@{}", statement.id, statement.from.domain()),
        date: statement.sent,
        from_name: Some(name),
        story: Story {
            shop_name: knows_the_trade.then_some(&record.shop_name),
            lines: knows_the_trade.then_some(&record.lines),
            total: knows_the_trade.then_some(record.total),
            placed: knows_the_trade.then_some(record.placed),
            processor: knows_the_trade.then_some(&record.payment.processor),
            carriers: knows_the_trade.then_some(&carriers),
            electronic: false,
            contact: None,
        },
        in_reply_to: answered.as_deref(),
        references: &[],
        auto: if answered.is_some() {
            AutoSubmitted::Replied
        } else {
            AutoSubmitted::Generated
        },
        with_html: statement.to.as_str() == "ann@home.example",
    })
}

/// After a change of the texts: `TRADEPOST_WRITE_EXAMPLES=1 cargo test -p tradepost-letters`.
#[test]
fn every_example_letter_is_what_the_agents_compose() {
    let write = std::env::var_os("TRADEPOST_WRITE_EXAMPLES").is_some();
    for kind in Kind::ALL {
        let composed = composed(*kind);
        if write {
            std::fs::write(path(*kind), &composed).unwrap();
        }
        assert!(
            letter(*kind) == composed,
            "protocol/examples/{kind}.eml is not what is composed now: look at it after \
             `TRADEPOST_WRITE_EXAMPLES=1 cargo test -p tradepost-letters --test specification`"
        );
    }
}

#[test]
fn every_example_letter_holds_the_statement_that_is_shown_beside_it() {
    for kind in Kind::ALL {
        let opened = open(&letter(*kind), &policy());
        let LetterContent::Statement(decoded) = &opened.content else {
            panic!("{kind}: {:?}", opened.content);
        };
        assert_eq!(decoded.statement.body.kind(), *kind);
        assert_eq!(decoded.value, parse_json(shown(*kind).as_bytes()).unwrap());
        assert_eq!(opened.letter.author.as_ref(), Ok(&decoded.statement.from));
        assert_eq!(
            opened.letter.to,
            std::slice::from_ref(&decoded.statement.to)
        );
        assert_eq!(opened.letter.date, Some(decoded.statement.sent));
        assert_eq!(opened.evidence, Evidence::None);
    }
}

#[test]
fn every_example_letter_is_proven_when_the_provider_says_so() {
    for kind in Kind::ALL {
        let raw = letter(*kind);
        let author = open(&raw, &policy()).letter.author.unwrap();
        let stamped = |domain: &str| {
            let field =
                format!("Authentication-Results: mx.home.example; dkim=pass header.d={domain}\r\n");
            open(&[field.as_bytes(), &raw].concat(), &policy()).evidence
        };
        assert_eq!(stamped(author.domain()), Evidence::Relay, "{kind}");
        assert_eq!(stamped("evil.example"), Evidence::None, "{kind}");
    }
}

#[test]
fn every_example_letter_has_the_form_of_section_6() {
    for kind in Kind::ALL {
        let raw = String::from_utf8(letter(*kind)).unwrap();
        assert!(raw.lines().all(|line| line.len() <= 998));
        assert_eq!(raw.matches('\n').count(), raw.matches("\r\n").count());
        let (header, body) = raw.split_once("\r\n\r\n").unwrap();
        for name in [
            "From",
            "To",
            "Date",
            "Message-ID",
            "Subject",
            "Auto-Submitted",
            "Tradepost",
            "MIME-Version",
            "Content-Type",
        ] {
            let field = format!("{name}: ");
            let count = header.lines().filter(|l| l.starts_with(&field)).count();
            assert_eq!(count, 1, "{kind}: {name}");
        }
        assert!(header.contains(&format!("\r\nTradepost: v=1; kind={kind}")));
        let at = |of: &str| body.find(&format!("Content-Type: {of}"));
        let plain = at("text/plain; charset=utf-8").unwrap();
        let statement = at("application/vnd.tradepost+json").unwrap();
        let html = at("text/html; charset=utf-8");
        assert!(plain < statement && html.is_none_or(|html| statement < html));
        if header.contains("\r\nTo: ann@home.example\r\n") {
            assert!(html.is_some(), "{kind} goes to a buyer");
        }
    }
}
