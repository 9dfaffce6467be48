//! Who sent a letter: facts for its evidence (protocol 5), and signatures for our own letters.
//!
//! What the facts are worth is decided in `tradepost-letters`; this crate asks DNS and computes.

mod blocking;
pub mod dkim;

pub use blocking::{blocking, joined};
