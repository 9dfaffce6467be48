//! What Prometheus is told (`GET /metrics`): how calls went since the start, and what the book says
//! now. Numbers only: no address, no id of a trade.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tradepost_agent::outbox::{self, Filter};

use crate::book::BookHost;
use crate::book::bounces;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabel {
    method: String,
    path: String,
    status: u16,
}

/// All three are among few words: what a caller writes makes no label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeftOutLabel {
    shop: &'static str,
    topic: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LetterState {
    state: &'static str,
}

/// The counters of this process.
pub(super) struct Metrics {
    registry: Registry,
    calls: Family<CallLabel, Counter>,
    left_out: Family<LeftOutLabel, Counter>,
    letters: Family<LetterState, Gauge<i64, AtomicI64>>,
    oldest: Gauge<i64, AtomicI64>,
    bounces: Counter<u64, AtomicU64>,
}

impl Metrics {
    pub(super) fn new() -> Metrics {
        let mut registry = Registry::with_prefix("tradepost");
        let (calls, letters, oldest) = (Family::default(), Family::default(), Gauge::default());
        let (left_out, bounces) = (Family::default(), Counter::default());
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that answers", build);
        registry.register(
            "http_calls",
            "Calls of the HTTP intake, since the start",
            calls.clone(),
        );
        registry.register(
            "webhook_left_out",
            "What web shops told and was not recorded, by the web shop's kind, topic and reason, since the start",
            left_out.clone(),
        );
        registry.register(
            "outbox_letters",
            "Letters in the outbox that have not left, were refused, or came back",
            letters.clone(),
        );
        registry.register(
            "outbox_oldest_seconds",
            "How long the letter has waited that waits longest; 0 when none waits",
            oldest.clone(),
        );
        registry.register(
            "bounces",
            "Letters that came back, since the book was begun",
            bounces.clone(),
        );
        Metrics {
            registry,
            calls,
            left_out,
            letters,
            oldest,
            bounces,
        }
    }

    /// Counts a call. The path is that of the route, so that there are only so many.
    pub(super) fn called(&self, method: &Method, path: &str, status: StatusCode) {
        let method = if [Method::GET, Method::POST, Method::HEAD].contains(method) {
            method.as_str()
        } else {
            "other"
        };
        let call = CallLabel {
            method: method.to_owned(),
            path: path.to_owned(),
            status: status.as_u16(),
        };
        self.calls.get_or_create(&call).inc();
    }

    /// Counts something of a webhook that was answered with 2xx and not recorded.
    pub(super) fn left_out(&self, shop: &'static str, topic: &'static str, reason: &'static str) {
        let label = LeftOutLabel {
            shop,
            topic,
            reason,
        };
        self.left_out.get_or_create(&label).inc();
    }

    /// All of it, as the OpenMetrics text that Prometheus reads.
    pub(super) fn text(&self, host: &BookHost) -> String {
        let now = host.now();
        let (waiting, failed, bounces) = host.view(|rows| {
            let failed = outbox::list(rows, Filter::Failed, outbox::RECENT).len();
            let waiting = outbox::list(rows, Filter::Queued, 0);
            (waiting, failed, bounces(rows))
        });
        let oldest = waiting.iter().map(|item| item.queued_at).min();
        let seconds = oldest.map_or(0, |at| now.since(at).as_secs());
        self.set("waiting", waiting.len());
        self.set("failed", failed);
        self.oldest.set(i64::try_from(seconds).unwrap_or(i64::MAX));
        // The book counts them.
        self.bounces.inner().store(bounces, Ordering::Relaxed);
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn set(&self, state: &'static str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.letters
            .get_or_create(&LetterState { state })
            .set(count);
    }
}
