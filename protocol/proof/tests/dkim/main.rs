//! DKIM from end to end: letters signed here are proven by keys of the configuration or of a name
//! server on loopback, and each condition refuses exactly what breaks it.
#![allow(clippy::unwrap_used)]

mod body;
mod conditions;
mod dns;
mod flips;
mod keys;
mod name_server;
mod parts;
mod signing;
mod standard;
