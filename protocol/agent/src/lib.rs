//! The kernel under both programs: what every agent process is, whoever it works for.
//!
//! Where to start reading: [`incoming`] tells the path of a letter in, [`party`] the seam to whoever decides
//! about it, [`host`] how that is recorded, [`outgoing`] how letters leave, [`run`] the loop that does it all.
//! It knows neither the buyer's ledger nor what a server decides.

pub mod party;

pub mod arrival;
pub mod aside;
pub mod held;
pub mod host;
pub mod incoming;
pub mod journal;
pub mod mailbox;
pub mod outbox;
pub mod outgoing;
pub mod reading;
pub mod run;
pub mod trail;

pub mod door;
pub mod rpc;

pub mod terminal;

pub mod clock;
pub mod command;
pub mod config;
pub mod doctor;
pub mod forgery;
pub mod log;
pub mod process;
