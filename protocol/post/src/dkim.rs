//! DKIM where it meets the machine: keys by DNS, cryptography on all cores.
//!
//! Which signatures could prove a sender, and what they prove, is decided in
//! [`tradepost_letters::dkim`].

mod keys;
mod prover;

pub use keys::{KeySource, TxtAnswer};
pub use prover::{NoProver, Proven, Prover, Unproven};
