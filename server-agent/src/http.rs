//! The HTTP intake: the merchant's own system tells what happened, and asks, by HTTP instead of `emit`.
//!
//! ```text
//! POST /v1/trades, /v1/trades/{id}/events ─► a line ─┐ batches
//!                                                    ├─────────► the loop of `run` ─► intake::take
//! POST /v1/hooks/{name} ─► hooks ─► lines ───────────┤
//! GET /v1/trades/{id}, /v1/outbox ─► report ◄────────┘ answered once durable
//! ```
//!
//! It decides nothing itself: what is told becomes a line of [`crate::intake`], and what is asked is
//! what the commands show. Whoever calls shows a token (a bearer token); elsewhere than on
//! loopback it speaks TLS only.

mod hooks;

mod calls;
mod lines;
mod problem;

mod listen;
mod metrics;
mod patient;

pub(crate) use listen::open;
