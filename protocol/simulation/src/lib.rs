//! Scenarios of a trade, and a world in which they are played: for tests.
//!
//! A [`Scenario`] is a readable file: who does what, what the ledger shows then, and how it ends.
//! [`play`] plays it on a [`Stage`]. One stage is here, the simulated [`World`]: the real decisions
//! of `tradepost-buyer` and `tradepost-parties`, with mail and clock that a seed decides - loss,
//! duplication, delay, reordering, bounces, restarts, machines that sleep. Another stage types
//! commands into the real programs (`examples/tests/scenarios/main.rs`). Both play the same files, and
//! what they end with stands in the files, not in code.
//!
//! It does not know how letters are written: a simulated letter is a statement and its sender.

pub mod facts;
pub mod play;
pub mod scenario;
pub mod world;

pub use play::{Stage, play};
pub use scenario::{Bad, Scenario};
pub use world::{Faults, World};
