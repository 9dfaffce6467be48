//! What the parties of a trade say to one another: the statements of the Tradepost protocol
//! (sections 1 to 3), as types that cannot hold what the protocol forbids.
//!
//! Pure: no clock, no randomness, no I/O, no e-mail. A [`Statement`] is read and written by
//! [`wire`]; how it travels is the business of other crates.

pub mod statement;

pub mod instruction;
pub mod order;
pub mod record;
pub mod status;

pub mod progress;
pub mod wish;

pub mod address;
pub mod id;
pub mod link;
pub mod money;
pub mod postal;
pub mod time;

pub mod evidence;
pub mod wire;

pub mod words;

pub use address::Address;
pub use evidence::Evidence;
pub use id::{RequestId, Sequence, StatementId, TradeId, TradeRef};
pub use money::{Amount, Currency};
pub use progress::{DeliveryState, OrderState, PaymentState};
pub use statement::{Body, Kind, Statement};
pub use time::{Date, Time};
