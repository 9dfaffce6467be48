//! The main job, once with the in-process mailroom, once on Dovecot and Postfix.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use support::World;
use support::purchase::{Cast, from_order_to_doorstep, the_forged_letter_comes_from_the_carrier};

// Requirements: E12, E13
#[test]
fn a_purchase_is_told_by_mail_from_order_to_doorstep_in_a_mailroom() {
    a_purchase_from_order_to_doorstep(&World::in_a_mailroom());
}

// Requirements: E12
#[test]
fn a_purchase_is_told_by_mail_from_order_to_doorstep_on_real_servers() {
    if let Some(world) = World::on_real_servers() {
        a_purchase_from_order_to_doorstep(&world);
    }
}

fn a_purchase_from_order_to_doorstep(world: &World) {
    let mut cast = Cast::of(world);
    cast.start();
    let (id, forged) = from_order_to_doorstep(world, &cast, "relay");
    the_forged_letter_comes_from_the_carrier(world, &cast.ann, &id, &forged);
}
