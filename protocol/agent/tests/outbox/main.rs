//! The outbox: what becomes of letters that wait.

#![allow(clippy::unwrap_used)]

mod agent;
mod carried;
mod decided;
mod letters;
mod paused;
