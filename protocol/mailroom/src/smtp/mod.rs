//! SMTP (RFC 5321): submission with AUTH, and the way in from outside without.
//!
//! ```text
//! greeting -> EHLO -> [STARTTLS -> EHLO] -> AUTH -> MAIL -> RCPT.. -> DATA -> letter
//!                                            ^                                  |
//!                                            +------------- again --------------+
//! ```

mod input;
mod login;
mod misdeed;
mod session;

pub(crate) use session::{Door, serve};
