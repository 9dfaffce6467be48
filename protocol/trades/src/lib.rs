//! What each party of a trade does about what it is told: pure decisions (protocol 3 to 5).
//!
//! No clock, no randomness, no e-mail, no I/O. State is read through [`rows::Rows`]; a decision
//! returns the rows to write and what else it wants done.

pub mod buyer;
pub mod fold;
pub mod lookalike;

pub mod carrier;
pub mod emit;
pub mod payment;
pub mod server;
pub mod shop;

pub mod rows;

mod paid;
