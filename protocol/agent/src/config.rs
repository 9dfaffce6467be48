//! What both agents' configuration files have in common: reading TOML so that a fault is told
//! with file, line and remedy; the sections `[imap]`, `[smtp]` and `[trust]`; secrets; and the
//! permissions of files that others must not read.
//!
//! It does not know what an agent is: the rest of each file is the agent's own.

mod dkim;
mod duration;
mod environment;
mod mail;
mod password;
mod private;
mod secret;
mod source;
mod trust;
mod words;

pub use dkim::{DkimKeyToml, DkimToml, selector, signing_domain};
pub use duration::Span;
pub use environment::EnvironmentToml;
pub use mail::{ImapToml, SmtpToml};
pub use private::{
    PrivateError, check_private, check_private_file, is_private_folder, make_private_file,
    make_private_folder, read_private_file,
};
pub use secret::{SecretToml, Section};
pub use source::{ConfigError, Source};
pub use toml::Spanned;
pub use trust::{AdoptToml, TrustToml};
