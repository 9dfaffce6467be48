//! The kernel under both programs: what every agent process is, whoever it works for.
//!
//! It knows neither the buyer's ledger nor what a server decides.

pub mod clock;
pub mod command;
pub mod config;
pub mod doctor;
pub mod door;
pub mod forgery;
pub mod log;
pub mod outbox;
pub mod process;
pub mod terminal;
pub mod trail;
