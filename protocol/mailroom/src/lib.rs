//! A mail server in this process: SMTP submission and IMAP on loopback, everything in memory.
//!
//! It stands in for a provider in the demo and in tests. It parses with `smtp-proto` and
//! `imap-codec`, not with what Tradepost's own mail code uses, so that the two can't agree on
//! a mistake. It stamps `Authentication-Results` as a provider does ([`Mailroom`]) and can be
//! told to misbehave ([`Faults`]).
//!
//! What it deliberately does not do: relay to other machines, keep anything on disk, describe
//! MIME structure (`ENVELOPE`, `BODYSTRUCTURE`, `BODY[1]`), verify DKIM or SPF.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use tradepost_mailroom::{Mailroom, Options};
//!
//! let room = Mailroom::start(Options::for_domains(["home.example", "shop.example"])).await?;
//! println!("IMAP on port {}, SMTP on port {}", room.imap_port(), room.smtp_port());
//! room.deliver("ann@home.example", b"Subject: hello\r\n\r\nWelcome.\r\n")?;
//! room.stop().await;
//! # Ok(())
//! # }
//! ```

mod address;
mod boxes;
mod certificate;
mod credentials;
mod faults;
mod header;
mod imap;
mod listener;
mod names;
mod options;
mod post_office;
mod room;
mod smtp;
mod stamp;
mod wire;

pub use boxes::{Letter, WaitedInVain};
pub use faults::{Fault, Faults, FaultsFor, ImapCommand, SmtpStage};
pub use names::{Mood, NameServer};
pub use options::{ForgedResults, Options, Ports};
pub use post_office::{NotServed, ReleaseOrder};
pub use room::Mailroom;
