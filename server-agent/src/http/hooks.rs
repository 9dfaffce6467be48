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
//!
//! # Answers
//!
//! A web shop cannot mend what it sends, and switches off a webhook that fails: WooCommerce never
//! sends anything again, and disables the webhook after more than 5 answers in a row that are not 2xx,
//! whatever they are about; Shopify sends again 8 times in 4 hours, and then removes a subscription
//! made through its API. So one order that cannot be told must not keep all others from being told.
//!
//! | answer | when |
//! |---|---|
//! | 401 | the signature is missing or wrong |
//! | 400, 413 | the body is no JSON, or too large |
//! | 404 | parcels of an order that was not told of: Shopify sends them again, and the order may have come by then. A few times only ([`waiting`]); then 2xx. An order itself, which is all that WooCommerce sends, is never answered so |
//! | 503 | the server is ending |
//! | 2xx | everything else, with what is left out and why ([`left`]): a line in the log, and a number in the metrics |
//!
//! Which mistakes of the content there are is no list: `every_field` makes all of them that it can think of.

mod decide;
mod facts;
mod left;
mod lines;
mod money;
mod number;
mod waiting;

mod shopify;
mod woocommerce;

#[cfg(test)]
mod every_field;

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use tradepost_parties::emit::LineRefusal;

use super::lines::take;
use super::problem::{self, Problem};
use crate::arrivals::{Arrivals, LeftOut};
use crate::book::{Book, BookHost};
use crate::book::{arrivals, arrived, record as record_in_book};
use crate::config::{WebhookKind, WebhookSettings};
use crate::intake::{EmitLine, LineAnswer, LineText};
use decide::{Decided, decide};
pub(super) use left::Left;
use left::LeftReason;
use lines::Lines;
use tradepost_agent::run::Questions;
use waiting::WaitingOrders;

/// A large order of a web shop has some hundred kilobytes.
pub(super) const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// A webhook that is answered.
pub(super) struct Hook {
    settings: WebhookSettings,
    secret: Vec<u8>,
    /// Deliveries of one web shop are taken one after the other: each is compared with the book.
    turn: tokio::sync::Mutex<()>,
    /// Orders that are waited for.
    waiting: Mutex<WaitingOrders>,
    /// When deliveries came, as far as it is not in the book yet; none: not read yet.
    arrivals: tokio::sync::Mutex<Option<Arrivals>>,
}

/// What became of a delivery.
pub(super) struct TakenDelivery {
    /// Its topic, one of few.
    pub(super) topic: &'static str,
    /// How many lines are recorded.
    pub(super) recorded: usize,
    /// What was left out, and why.
    pub(super) left: Vec<Left>,
}

impl Hook {
    pub(super) fn new(settings: WebhookSettings, secret: Vec<u8>) -> Hook {
        Hook {
            settings,
            secret,
            turn: tokio::sync::Mutex::default(),
            waiting: Mutex::default(),
            arrivals: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        self.settings.name()
    }

    pub(super) fn kind(&self) -> WebhookKind {
        self.settings.kind()
    }

    /// Takes a delivery. Once this returns, what was told is durable.
    pub(super) async fn take(
        &self,
        host: &Arc<BookHost>,
        asked: &Questions<Book>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<TakenDelivery, Problem> {
        let kind = self.settings.kind();
        if kind == WebhookKind::Woocommerce && woocommerce::is_ping(headers, body) {
            // It is not signed, and says nothing; without an answer the web shop keeps the webhook off.
            let text = "WooCommerce asks whether anybody is there";
            return Ok(TakenDelivery {
                topic: "other",
                recorded: 0,
                left: vec![Left::new(LeftReason::Topic, text)],
            });
        }
        self.check_signature(headers, body)?;
        let topic = header(headers, kind.topic_header());
        let (recorded, left) = match parse(body) {
            Ok(body) => {
                let _turn = self.turn.lock().await;
                self.tell(host, asked, topic, Arc::new(body)).await?
            }
            Err(UnreadableBody::ForUs(left)) => (0, vec![left]),
            Err(UnreadableBody::NoJson(text)) => {
                return Err(Problem::new(problem::ProblemKind::BodyIsNotJson, text));
            }
        };
        self.remember(host, &left).await;
        Ok(TakenDelivery {
            topic: topic_label(kind, topic),
            recorded,
            left,
        })
    }

    /// Tells what a delivery says and the book does not have.
    async fn tell(
        &self,
        host: &Arc<BookHost>,
        asked: &Questions<Book>,
        topic: &str,
        body: Arc<Value>,
    ) -> Result<(usize, Vec<Left>), Problem> {
        /// Another webhook may take a trade id between the decision and its record.
        const TRIES: usize = 2;
        let mut told = RecordedLines::default();
        for _ in 0..TRIES {
            let (settings, topic, body) = (self.settings.clone(), topic.to_owned(), body.clone());
            let decided = host.work(move |host| {
                let (now, server) = (host.now(), &host.party().config.settings);
                host.view(|rows| decide(&settings, server, rows, &topic, &body, now))
            });
            let Lines { lines, left } = match decided.await {
                Decided::Record(lines) => lines,
                Decided::Unknown { origin } => {
                    return self
                        .ask_to_come_again(host, &origin)
                        .map(|left| (0, vec![left]));
                }
            };
            told = record(asked, lines).await?;
            told.left.splice(0..0, left);
            if !told.is_of_another {
                break;
            }
        }
        self.waiting().accepted();
        Ok((told.recorded, told.left))
    }

    /// Deliveries overtake one another: the web shop sends this one again, a few times.
    fn ask_to_come_again(&self, host: &BookHost, origin: &str) -> Result<Left, Problem> {
        let text = "the order of these parcels was not told of";
        let mut waiting = self.waiting();
        if waiting.may_come_again(origin, host.now()) {
            let text = format!("{text} yet: send it again");
            return Err(Problem::new(problem::ProblemKind::NoSuchTrade, text));
        }
        waiting.accepted();
        let text = format!("{text}, and did not come meanwhile");
        Ok(Left::new(LeftReason::UnknownOrder, text))
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, WaitingOrders> {
        // Nothing is left half done in it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that a delivery came, for `doctor`; in the book now and then.
    async fn remember(&self, host: &Arc<BookHost>, left: &[Left]) {
        let now = host.now();
        let left: Vec<LeftOut> = left
            .iter()
            .map(|left| LeftOut {
                reason: left.reason.word().to_owned(),
                is_usual: left.reason.is_usual(),
                text: left.shown(),
                at: now,
            })
            .collect();
        let name = self.name().to_owned();
        let mut kept = self.arrivals.lock().await;
        if kept.is_none() {
            let name = name.clone();
            let known = host.work(move |host| host.view(|rows| arrivals(rows, &name)));
            *kept = Some(known.await.unwrap_or_default());
        }
        let arrivals = kept.get_or_insert_default();
        if !arrivals.came(now, left) {
            return;
        }
        let due = arrivals.clone();
        let written = host.work(move |host| record_in_book(host, arrived(name, due)));
        if let Err(e) = written.await {
            // What was told is recorded; this is for `doctor`.
            tracing::warn!("when webhooks came could not be recorded: {e}");
        }
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
        Err(Problem::new(problem::ProblemKind::SignatureIsWrong, text))
    }
}

/// A topic as a label of the metrics: those that a web shop has for orders, and `other`.
fn topic_label(kind: WebhookKind, topic: &str) -> &'static str {
    let known: &[&'static str] = match kind {
        WebhookKind::Woocommerce => &woocommerce::TOPICS,
        WebhookKind::Shopify => &shopify::TOPICS,
    };
    let named = known.iter().find(|t| **t == topic);
    named.copied().unwrap_or("other")
}

/// Why a body cannot be read.
enum UnreadableBody {
    NoJson(String),
    /// It is JSON that this program does not read, which no other try mends.
    ForUs(Left),
}

fn parse(body: &[u8]) -> Result<Value, UnreadableBody> {
    serde_json::from_slice(body).map_err(|e| {
        let text = format!("the body is not JSON: {e}");
        // RFC 8259 sets no limit to them: nesting, numbers, and escapes of half a character.
        let ours = [
            "recursion limit",
            "number out of range",
            "surrogate",
            "end of hex escape",
        ];
        if ours.iter().any(|limit| text.contains(limit)) {
            return UnreadableBody::ForUs(Left::new(LeftReason::Content, text));
        }
        UnreadableBody::NoJson(text)
    })
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().trim()
}

#[derive(Default)]
struct RecordedLines {
    recorded: usize,
    left: Vec<Left>,
    /// The trade was taken by another order meanwhile: decided again, it gets another id.
    is_of_another: bool,
}

async fn record(asked: &Questions<Book>, lines: Vec<Value>) -> Result<RecordedLines, Problem> {
    if lines.is_empty() {
        return Ok(RecordedLines::default());
    }
    let numbered = (1..).zip(&lines).map(|(number, line)| EmitLine {
        number,
        text: LineText::Octets(line.to_string().into_bytes()),
    });
    Ok(recorded(take(asked, numbered.collect()).await?))
}

/// Whatever is refused, another try would not help: it is left out, the first reason first.
fn recorded(answers: Vec<LineAnswer>) -> RecordedLines {
    let mut told = RecordedLines::default();
    for answer in answers {
        let Some(words) = answer.error else {
            told.recorded += 1;
            continue;
        };
        let reason = match answer.refusal {
            // What was said cannot be taken back (protocol 4).
            Some(LineRefusal::Step { .. } | LineRefusal::Place(_)) => LeftReason::Step,
            Some(LineRefusal::RecordIsOlder { .. }) => LeftReason::Older,
            // Of a trade whose record was refused before.
            Some(LineRefusal::NoSuchTrade(_)) if !told.left.is_empty() => continue,
            Some(
                LineRefusal::TradeIsOfAnotherOrder(..) | LineRefusal::OriginIsAnotherTrade { .. },
            ) => {
                told.is_of_another = true;
                LeftReason::Refused
            }
            Some(_) | None => LeftReason::Refused,
        };
        let words = words.strip_prefix("record.").unwrap_or(&words);
        told.left.push(Left::new(reason, words));
    }
    told
}
