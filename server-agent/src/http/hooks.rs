//! Webhooks of web shops: what they tell, as lines of the intake (`[[webhook]]`).
//!
//! ```text
//! body ─► signature ─► woocommerce | shopify ─► Facts ─► lines (facts and the book) ─► the loop of `run`
//! ```
//!
//! Web shops send the present state of an order, in any order and several times. So what is told is
//! what differs from the book; what is older than the book is left out; and the keys of the lines are
//! made of what they say, so that a delivery that comes again is answered the same and does
//! nothing, whatever its id.

pub(crate) mod config;

mod facts;
mod lines;
mod money;

mod shopify;
mod woocommerce;

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use tradepost_statements::TradeRef;
use tradepost_trades::emit::Refusal;
use tradepost_trades::server::book;

use super::lines::take;
use super::problem::{self, Problem};
use crate::agent::Asked;
use crate::book::view as read;
use crate::desk::Desk;
use crate::intake::{Line, Text};
use config::Kind;
pub(crate) use config::{Settings, WebhookToml};
use facts::Told;

/// A large order of a web shop has some hundred kilobytes.
pub(super) const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// A webhook that is answered.
pub(super) struct Hook {
    settings: Settings,
    secret: Vec<u8>,
    /// Deliveries of one web shop are taken one after the other: each is compared with the book.
    turn: tokio::sync::Mutex<()>,
}

/// What became of a delivery.
pub(super) struct Taken {
    /// How many lines are recorded.
    pub(super) recorded: usize,
    /// What was left out, and why.
    pub(super) left_out: Vec<String>,
}

impl Hook {
    pub(super) fn new(settings: Settings, secret: Vec<u8>) -> Hook {
        Hook {
            settings,
            secret,
            turn: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Takes a delivery. Once this returns, what was told is durable.
    pub(super) async fn take(
        &self,
        desk: &std::sync::Arc<Desk>,
        asked: &tokio::sync::mpsc::Sender<Asked>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Taken, Problem> {
        if self.settings.kind == Kind::Woocommerce && woocommerce::is_ping(headers, body) {
            // It is not signed, and says nothing; without an answer the web shop keeps the webhook off.
            return Ok(nothing("a ping"));
        }
        self.check_signature(headers, body)?;
        let not_json = |e: serde_json::Error| {
            Problem::new(
                problem::Kind::BodyIsNotJson,
                format!("the body is not JSON: {e}"),
            )
        };
        let order: Value = serde_json::from_slice(body).map_err(not_json)?;
        let topic = header(headers, self.settings.kind.topic_header());
        let told = match self.settings.kind {
            Kind::Woocommerce => woocommerce::read(&self.settings, topic, &order),
            Kind::Shopify => shopify::read(&self.settings, topic, &order),
        };
        let facts = match told {
            Ok(Told::Facts(facts)) => facts,
            Ok(Told::Nothing(why)) => return Ok(nothing(why)),
            Err(e) => return Err(Problem::new(problem::Kind::Refused, e.0)),
        };
        let _turn = self.turn.lock().await;
        let settings = self.settings.clone();
        let lines = desk.work(move |desk| {
            let name = TradeRef {
                shop: desk.config.settings.address.clone(),
                id: facts.trade.clone(),
            };
            let known = read(&*desk.book, |rows| book::load(rows, &name));
            if known.is_none() && facts.placed.is_none() {
                return Err(facts.trade.to_string());
            }
            Ok(lines::lines(
                &settings,
                &desk.config.settings,
                &facts,
                known.as_ref(),
            ))
        });
        let (lines, mut left_out) = match lines.await {
            Ok(Ok(lines)) => lines,
            Ok(Err(e)) => return Err(Problem::new(problem::Kind::Refused, e.0)),
            Err(trade) => {
                // Deliveries overtake one another; the web shop tries this one again.
                let text = format!("the order of the trade {trade} was not told of yet");
                return Err(Problem::new(problem::Kind::NoSuchTrade, text));
            }
        };
        let recorded = record(asked, lines, &mut left_out).await?;
        Ok(Taken { recorded, left_out })
    }

    fn check_signature(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
        let name = self.settings.kind.signature_header();
        let signature = STANDARD.decode(header(headers, name)).unwrap_or_default();
        // HMAC takes keys of any length.
        let made = Hmac::<Sha256>::new_from_slice(&self.secret).map(|m| m.chain_update(body));
        // Compared in a time that says nothing about how much of it was right.
        if made.is_ok_and(|made| made.verify_slice(&signature).is_ok()) {
            return Ok(());
        }
        let text = format!(
            "the header {name} is not the signature of the body by the secret in [[webhook]] secret_file of {:?}; \
             nothing was recorded",
            self.settings.name
        );
        Err(Problem::new(problem::Kind::SignatureIsWrong, text))
    }
}

fn nothing(why: &str) -> Taken {
    Taken {
        recorded: 0,
        left_out: vec![why.to_owned()],
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().trim()
}

async fn record(
    asked: &tokio::sync::mpsc::Sender<Asked>,
    lines: Vec<Value>,
    left_out: &mut Vec<String>,
) -> Result<usize, Problem> {
    if lines.is_empty() {
        return Ok(0);
    }
    let numbered = (1..).zip(&lines).map(|(number, line)| Line {
        number,
        text: Text::Octets(line.to_string().into_bytes()),
    });
    let answers = take(asked, numbered.collect()).await;
    let answers = answers.ok_or_else(Problem::not_now)?;
    let mut recorded = 0;
    for answer in answers {
        match (answer.refusal, answer.error) {
            (_, None) => recorded += 1,
            // What was said cannot be taken back (protocol 4), and trying again would not help.
            (Some(Refusal::Step { .. }), Some(words)) => left_out.push(words),
            (refusal, Some(words)) => return Err(Problem::refused(refusal.as_ref(), &words)),
        }
    }
    Ok(recorded)
}
