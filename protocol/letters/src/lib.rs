//! How a Tradepost statement becomes a letter and back, and what a letter proves (protocol 5, 6).
//!
//! Pure: no clock, no randomness, no sockets, no files. Letters come from anybody, so everything
//! here that reads one is linear in its size, uses no recursion, and never fails: what is wrong
//! with a letter is part of the [`Letter`]. Who may say what about which trade is not decided here.
//!
//! The way in is [`open`], the way out [`compose`].

mod compose;
pub mod dkim;
pub mod forgery;
mod open;

mod authentication_results;
mod evidence;
mod parse;
mod provider;
mod received;

mod author;
mod bounce;
mod media_type;
mod transfer;
mod tree;

mod domain;
mod guard;
mod header;
mod lexer;

pub mod untrusted;

pub use authentication_results::{ResultsOf, results_of};
pub use author::{BadAuthor, FromFault};
pub use bounce::{Action, Bounce, BouncedRecipient};
pub use compose::{
    AttachError, AttachedMail, Attachment, AutoSubmitted, Composition, NoticeParts, Story, as_read,
    attach, compose, compose_notice, thread_root_of_request, thread_root_of_trade,
};
pub use domain::{AuthservPattern, BadPattern, HostPattern, is_aligned, organizational_domain};
pub use evidence::{RelayPolicy, time_of_receipt};
pub use header::Field;
pub use open::{LetterContent, OpenedLetter, UnreadableKind, open};
pub use parse::{Letter, ReturnPath, parse};
pub use provider::{PROVIDERS, Provider, provider_of};
pub use tree::{StatementPart, UnreadablePart};

/// The media type of the part that holds a statement (protocol 6).
pub const TRADEPOST_TYPE: &str = "application/vnd.tradepost+json";
/// Protocol 6: a letter has at most 10 MiB.
pub const MOST_LETTER_OCTETS: usize = 10 * 1024 * 1024;
/// Protocol 6: multiparts within one another; the outermost is the first level.
pub const MOST_LEVELS: usize = 8;
/// Protocol 6: body parts of a letter, multiparts among them, the letter itself not counted.
pub const MOST_PARTS: usize = 64;
