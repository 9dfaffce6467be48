//! Carries letters durably: the only protocol crate with network or disk.
//!
//! It fetches letters by IMAP, submits them by SMTP, keeps what waits to be submitted, and
//! stores what was judged. It does not know what an order is: what a letter says is decided
//! elsewhere.

mod blocking;
pub mod clock;
pub mod command;
pub mod config;
pub mod dkim;
pub mod door;
pub mod forgery;
pub mod imap;
pub mod log;
pub mod net;
pub mod outbox;
mod password;
pub mod process;
mod refusal;
pub mod schedule;
pub mod smtp;
pub mod stop;
pub mod store;
pub mod trouble;

pub use blocking::{blocking, joined};
pub use password::Password;
pub use secrecy::SecretString;
