//! Shop, carrier and payment processor as decisions: letters and lines in, changes out.
#![allow(clippy::unwrap_used)]

#[path = "server/authorization.rs"]
mod authorization;
#[path = "server/charging.rs"]
mod charging;
#[path = "server/corners.rs"]
mod corners;
#[path = "server/desk.rs"]
mod desk;
#[path = "server/emit.rs"]
mod emit;
#[path = "server/held.rs"]
mod held;
#[path = "server/instructions.rs"]
mod instructions;
#[path = "server/jobs.rs"]
mod jobs;
#[path = "server/judgement.rs"]
mod judgement;
#[path = "server/orders.rs"]
mod orders;
#[path = "server/requests.rs"]
mod requests;
#[path = "server/time.rs"]
mod time;
