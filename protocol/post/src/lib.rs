//! Carries letters: fetches them by IMAP, submits them by SMTP.
//!
//! It does not know what an order is, and keeps nothing: what a letter says is decided, and what
//! waits to be submitted is kept, elsewhere.

pub mod imap;
pub mod net;
mod password;
mod refusal;
pub mod schedule;
pub mod smtp;
pub mod stop;
pub mod trouble;

pub use password::{Password, PasswordReading, PasswordSource, Rereading};
pub use secrecy::SecretString;
