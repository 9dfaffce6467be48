//! Carries letters durably: the only protocol crate with network or disk.
//!
//! It fetches letters by IMAP, submits them by SMTP, keeps what waits to be submitted, and
//! stores what was judged. It does not know what an order is: what a letter says is decided
//! elsewhere.

pub mod clock;
pub mod config;
pub mod imap;
pub mod net;
pub mod outbox;
pub mod schedule;
pub mod smtp;
pub mod stop;
pub mod store;
pub mod trouble;

pub use secrecy::SecretString;

/// Log targets that print whole protocol lines, passwords and letters among them, at `debug`
/// and `trace`. A program that sets up logging must hold each of them at `info`, whatever level
/// it was asked for.
pub const QUIET_TARGETS: [&str; 3] = ["lettre", "async_imap", "imap_proto"];
