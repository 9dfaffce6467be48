//! DKIM from end to end: letters signed here are proven by keys of the configuration or of a name
//! server on loopback, and each condition refuses exactly what breaks it.
#![allow(clippy::unwrap_used)]

mod conditions;
mod signing;
