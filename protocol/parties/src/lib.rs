//! What the parties behind a purchase do about what they are told: shop, carrier, payment processor
//! (protocol 3 to 5), each by itself or several of them in one process (E27). Pure: no clock, no
//! randomness, no e-mail, no I/O. State is read through [`tradepost_trades::rows::Rows`]; a decision
//! returns the rows to write and what else it wants done.
//!
//! ```text
//! kernel ◄── shop, carrier, payment ◄── emit, view ◄── fulfilment ◄── roles
//! ```
//!
//! [`kernel`] is what every role stands on, and knows none of them. The roles know the kernel and not one
//! another: they talk by statements. [`roles`] has the entries: who uses this crate starts there.

pub mod kernel;

pub mod carrier;
pub mod payment;
pub mod shop;

pub mod emit;
pub mod view;

pub mod fulfilment;

pub mod roles;
