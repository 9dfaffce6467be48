//! Webhooks of WooCommerce and Shopify, with the sample orders of `examples/webhooks` (E8): signatures,
//! what becomes what, and that deliveries may come twice, late, and in any order.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

#[path = "webhooks/answers.rs"]
mod answers;
#[path = "webhooks/deliver.rs"]
mod deliver;
#[path = "webhooks/set_up.rs"]
mod set_up;
#[path = "webhooks/shopify.rs"]
mod shopify;
#[path = "webhooks/which_trade.rs"]
mod which_trade;
#[path = "webhooks/woocommerce.rs"]
mod woocommerce;
