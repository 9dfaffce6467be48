//! What the parties behind a purchase do about what they are told: shop, carrier, payment processor
//! (protocol 3 to 5). Pure: no clock, no randomness, no e-mail, no I/O. State is read through
//! [`tradepost_trades::rows::Rows`]; a decision returns the rows to write and what else it wants done.

pub mod carrier;
pub mod emit;
pub mod payment;
pub mod server;
pub mod shop;
