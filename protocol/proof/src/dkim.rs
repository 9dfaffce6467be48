//! DKIM where it meets the machine: keys by DNS, cryptography on all cores, and signing with own
//! keys.
//!
//! Which signatures could prove a sender, and what they prove, is decided in
//! [`tradepost_letters::dkim`]; mail-auth does the cryptography.

mod prover;

mod crypto;
mod dns;
mod keys;
mod workers;

mod private_key;
mod published;
mod sign;

mod fold;

pub use crypto::VerifyingKey;
pub use dns::{MailAnswer, TxtAnswer};
pub use keys::KeySource;
pub use private_key::{PrivateKey, PrivateKeyError, make_key};
pub use prover::{NoProver, Proven, Prover, Unproven};
pub use published::Published;
pub use sign::{OwnKey, SignError, Signer, Signing};
