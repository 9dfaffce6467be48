//! Shop, carrier and payment processor as decisions: letters and lines in, changes out.
#![allow(clippy::unwrap_used)]

mod address_corrected;
mod attach;
mod authorization;
mod authorize;
mod charging;
mod corners;
mod due_dates;
mod emit;
mod goods;
mod held;
mod instructions;
mod jobs;
mod judgement;
mod never_warned;
mod orders;
mod origins;
mod parcels;
mod payments;
mod recall;
mod refund;
mod requests;
mod returns;
mod scene;
mod server;
mod stages;
#[path = "../../../buyer/tests/support/mod.rs"]
mod support;
mod table;
mod time;
mod totals;
mod versions;
mod wishes;
