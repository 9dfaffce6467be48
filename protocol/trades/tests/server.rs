//! Shop, carrier and payment processor as decisions: letters and lines in, changes out.
#![allow(clippy::unwrap_used)]

#[path = "server/address_corrected.rs"]
mod address_corrected;
#[path = "server/attach.rs"]
mod attach;
#[path = "server/authorization.rs"]
mod authorization;
#[path = "server/authorize.rs"]
mod authorize;
#[path = "server/charging.rs"]
mod charging;
#[path = "server/corners.rs"]
mod corners;
#[path = "server/desk.rs"]
mod desk;
#[path = "server/due_dates.rs"]
mod due_dates;
#[path = "server/emit.rs"]
mod emit;
#[path = "server/goods.rs"]
mod goods;
#[path = "server/held.rs"]
mod held;
#[path = "server/instructions.rs"]
mod instructions;
#[path = "server/jobs.rs"]
mod jobs;
#[path = "server/judgement.rs"]
mod judgement;
#[path = "server/never_warned.rs"]
mod never_warned;
#[path = "server/orders.rs"]
mod orders;
#[path = "server/origins.rs"]
mod origins;
#[path = "server/parcels.rs"]
mod parcels;
#[path = "server/payments.rs"]
mod payments;
#[path = "server/recall.rs"]
mod recall;
#[path = "server/refund.rs"]
mod refund;
#[path = "server/requests.rs"]
mod requests;
#[path = "server/returns.rs"]
mod returns;
#[path = "server/scene.rs"]
mod scene;
#[path = "server/stages.rs"]
mod stages;
mod support;
#[path = "server/time.rs"]
mod time;
#[path = "server/versions.rs"]
mod versions;
#[path = "server/wishes.rs"]
mod wishes;
