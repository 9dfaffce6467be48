//! IMAP4rev1 (RFC 3501) with IDLE, UIDPLUS, MOVE, SPECIAL-USE, ID, NAMESPACE, UNSELECT, SASL-IR.
//!
//! `imap-codec` cuts and parses what comes in. Answers are written here by hand: some faults
//! ask for answers that no library would make, as `UIDVALIDITY 0`.
//!
//! ```text
//! greeting -> stranger -> known <-> selected
//!                 \          \         \
//!                  +----------+---------+-> logout
//! ```

mod change;
mod fetch;
mod folders;
mod idle;
mod input;
mod login;
mod misdeed;
mod search;
mod session;
mod syntax;
mod view;

pub(crate) use session::serve;
