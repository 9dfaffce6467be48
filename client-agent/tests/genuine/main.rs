//! Genuine letters in the shapes that authors, mass mailers, gateways, lists and providers make of
//! them: none is warned, and what it says is applied.
#![allow(clippy::unwrap_used, unreachable_pub)]

use std::collections::BTreeSet;

mod authors;
mod letter;
mod paths;
mod scene;
mod stamps;

use authors::{AUTHORS, Change};
use letter::Letter;
use paths::{PATHS, Signature};
use scene::{NEWS, News, now};
use stamps::{Dialect, dialects};
use tradepost_buyer::Verdict;
use tradepost_buyer::view;
use tradepost_client::in_process::{ArrivedLetter, InProcessAgent};
use tradepost_statements::Evidence;

struct Home {
    dialect: Dialect,
    agent: InProcessAgent,
}

/// What keeping a letter makes of its octets.
type Store = fn(Vec<u8>) -> Vec<u8>;

/// What a letter says, and how it came to look.
#[derive(Clone, Copy)]
struct Shape {
    news: News,
    author: Change,
    path: Change,
    store: Store,
}

impl Shape {
    /// With the number of the news, of which there are endlessly many.
    fn plain(number: usize) -> Shape {
        Shape {
            news: NEWS[number % NEWS.len()],
            author: |_| {},
            path: |_| {},
            store: |letter| letter,
        }
    }

    /// As it comes to the provider.
    fn sent(&self) -> Vec<u8> {
        let mut letter = Letter::read(&scene::composed(&self.news.statement()));
        (self.author)(&mut letter);
        let mut letter = Letter::signed(letter, self.news.sender());
        (self.path)(&mut letter);
        letter.octets()
    }
}

fn homes() -> Vec<Home> {
    dialects().into_iter().map(Home::new).collect()
}

impl Home {
    /// With the record of the trade T-1001.
    fn new(dialect: Dialect) -> Home {
        let config = format!(
            "address = \"{}\"\n{}[trust.keys]\n{}",
            scene::ANN,
            dialect.trust(),
            scene::trusted_keys()
        );
        let mut agent = InProcessAgent::new(&config).unwrap();
        let record = scene::composed(&scene::record("T-1001", 1));
        let record = scene::signed(record, scene::SHOP);
        let judged = take(&mut agent, stamped(&dialect, scene::SHOP, &record));
        assert_eq!(judged, Ok(Verdict::Adopted), "{}", dialect.file);
        Home { dialect, agent }
    }

    fn stored(&self, shape: &Shape) -> Vec<u8> {
        let letter = stamped(&self.dialect, shape.news.sender(), &shape.sent());
        (shape.store)(letter)
    }

    /// Says what is wrong with the outcome.
    fn enter(&self, news: News, octets: Vec<u8>, wanted: Evidence) -> Result<(), String> {
        let mut agent = self.agent.clone();
        let verdict = take(&mut agent, octets)?;
        let expected = match news {
            News::Record => Verdict::Adopted,
            News::Order | News::Delivery | News::Payment => Verdict::Applied,
        };
        if verdict != expected {
            return Err(format!("{verdict:?}"));
        }
        let warnings = view::warnings(agent.rows(), true);
        if !warnings.is_empty() {
            return Err(format!("{warnings:?}"));
        }
        if news == News::Record {
            return Ok(());
        }
        let trade = view::find(agent.rows(), "T-1001").unwrap();
        let history = view::show(agent.rows(), &trade, now()).unwrap().history;
        match history.as_slice() {
            [status] if status.evidence == wanted => Ok(()),
            statuses => Err(format!("not {wanted}: {statuses:?}")),
        }
    }
}

fn stamped(dialect: &Dialect, sender: &str, letter: &[u8]) -> Vec<u8> {
    [dialect.head(sender).as_bytes(), letter].concat()
}

fn take(agent: &mut InProcessAgent, octets: Vec<u8>) -> Result<Verdict, String> {
    let arrival = ArrivedLetter {
        octets,
        received_at: Some(now()),
    };
    let judged = agent.receive(vec![arrival], now()).unwrap();
    match judged.as_slice() {
        [Some(judged)] if judged.warning.is_none() => Ok(judged.verdict),
        judged => {
            let warnings = view::warnings(agent.rows(), true);
            Err(format!("{judged:?} {warnings:?}"))
        }
    }
}

fn evidence(signature: Signature) -> Evidence {
    match signature {
        Signature::Survives => Evidence::Dkim,
        Signature::Breaks => Evidence::Relay,
    }
}

/// Letters that were tried, and what was wrong.
#[derive(Default)]
struct Tally {
    /// All of them different.
    letters: BTreeSet<Vec<u8>>,
    wrong: Vec<String>,
}

impl Tally {
    fn count(&mut self, home: &Home, name: &str, shape: &Shape, wanted: Evidence) {
        let letter = home.stored(shape);
        let news = shape.news;
        if let Err(why) = home.enter(news, letter.clone(), wanted) {
            self.wrong
                .push(format!("{} {name} {news:?}: {why}", home.dialect.file));
        }
        if !self.letters.insert(letter) {
            self.wrong.push(format!(
                "{} {name}: the same letter again",
                home.dialect.file
            ));
        }
    }

    #[track_caller]
    fn none_is_wrong(&self, fewest: usize) {
        let letters = self.letters.len();
        println!("{letters} letters");
        assert!(
            self.wrong.is_empty(),
            "{} of {letters}:\n{}",
            self.wrong.len(),
            self.wrong.join("\n")
        );
        assert!(letters >= fewest, "only {letters} letters");
    }
}

#[test]
fn every_path_to_every_provider_leaves_a_letter_believed() {
    let mut tally = Tally::default();
    for (h, home) in homes().iter().enumerate() {
        for (p, (name, signature, path)) in PATHS.iter().enumerate() {
            let wanted = evidence(*signature);
            if wanted == Evidence::Dkim || home.dialect.vouches() {
                let shape = Shape {
                    path: *path,
                    ..Shape::plain(h + p)
                };
                tally.count(home, name, &shape, wanted);
            }
        }
    }
    tally.none_is_wrong(500);
}

#[test]
fn every_author_is_believed_at_every_provider() {
    let mut tally = Tally::default();
    for (h, home) in homes().iter().enumerate() {
        for (a, (name, author)) in AUTHORS.iter().enumerate() {
            let shape = Shape {
                author: *author,
                ..Shape::plain(h + a)
            };
            tally.count(home, name, &shape, Evidence::Dkim);
        }
    }
    tally.none_is_wrong(500);
}

#[test]
fn every_author_is_believed_by_every_path() {
    let mut tally = Tally::default();
    let homes = homes();
    let home = homes
        .iter()
        .find(|h| h.dialect.file == "rspamd-genuine")
        .unwrap();
    for (a, (author_name, author)) in AUTHORS.iter().enumerate() {
        for (p, (path_name, signature, path)) in PATHS.iter().enumerate() {
            let unchanged = Shape {
                author: *author,
                ..Shape::plain(a + p)
            };
            let shape = Shape {
                path: *path,
                ..unchanged
            };
            // Half of them: the other tests have each shape. A gateway that puts something into the
            // page leaves a letter without one alone.
            if (a + p) % 2 == 0 && (p == 0 || shape.sent() != unchanged.sent()) {
                let name = format!("{author_name}, {path_name}");
                tally.count(home, &name, &shape, evidence(*signature));
            }
        }
    }
    tally.none_is_wrong(400);
}

/// What the other tests rest on: a letter whose signature broke, with nobody to vouch for it, is
/// warned.
#[test]
fn a_broken_signature_alone_proves_nobody() {
    let homes = homes();
    for home in homes.iter().filter(|h| !h.dialect.vouches()) {
        for (p, (name, signature, path)) in PATHS.iter().enumerate() {
            let shape = Shape {
                path: *path,
                ..Shape::plain(p)
            };
            let entered = home.enter(shape.news, home.stored(&shape), Evidence::Dkim);
            match signature {
                Signature::Survives => assert_eq!(entered, Ok(()), "{name}"),
                Signature::Breaks => {
                    let why = entered.expect_err(name);
                    assert!(why.contains("UnprovenSender"), "{name}: {why}");
                }
            }
        }
    }
}

/// How letters lie where they are imported from.
const STORES: [(&str, Store); 3] = [
    ("with line ends of Unix", |letter| {
        String::from_utf8(letter)
            .unwrap()
            .replace("\r\n", "\n")
            .into_bytes()
    }),
    ("with the envelope line of an mbox file", |letter| {
        [
            &b"From track@carrier.example Fri Nov 20 10:15:04 2026\r\n"[..],
            &letter,
        ]
        .concat()
    }),
    ("with the fields sorted by name", |letter| {
        let mut letter = Letter::read_header(&letter);
        letter.0.sort_by_key(|(name, _)| name.to_lowercase());
        let fields: Vec<String> = letter
            .0
            .iter()
            .map(|(n, b)| format!("{n}:{b}\r\n"))
            .collect();
        format!("{}\r\n{}", fields.concat(), letter.1).into_bytes()
    }),
];

#[test]
fn every_store_leaves_a_letter_believed() {
    let mut tally = Tally::default();
    for home in homes().iter().filter(|h| h.dialect.vouches()) {
        for (name, store) in STORES {
            for number in 0..NEWS.len() {
                let shape = Shape {
                    store,
                    ..Shape::plain(number)
                };
                tally.count(home, name, &shape, Evidence::Dkim);
                let unsigned = Shape {
                    path: |l| l.fields.retain(|(name, _)| name != "DKIM-Signature"),
                    ..shape
                };
                tally.count(home, name, &unsigned, Evidence::Relay);
            }
        }
    }
    tally.none_is_wrong(300);
}
