//! The scenarios of `protocol/simulation`, played by the real programs: the buyer's daemon and commands, and a
//! server for each party, with a mailroom between them, and the main ones with Dovecot and Postfix.
#![allow(clippy::unwrap_used, missing_docs)]

mod stage;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use tradepost_mailroom::Options;
use tradepost_simulation::{Scenario, play};

use stage::Programs;
use support::World;
use support::provider::Provider;

fn is_played_in_a_mailroom(name: &str) {
    let mut options = Options::default();
    let more = ["bakery.example", "swift.example"];
    options.domains.extend(more.map(str::to_owned));
    plays(name, &World::with(Provider::mailroom_with(options)));
}

fn is_played_on_real_servers(name: &str) {
    if let Some(world) = World::on_real_servers() {
        plays(name, &world);
    }
}

fn plays(name: &str, world: &World) {
    let scenario = Scenario::named(&name.replace('_', "-"));
    println!("{}: {}", scenario.name, scenario.title);
    play(&scenario, &mut Programs::of(world, &scenario));
}

macro_rules! scenarios {
    ($place:literal, $module:ident, $plays:ident: $($name:ident)*) => {
        mod $module {
            $(#[test]
            fn $name() {
                super::$plays(stringify!($name));
            })*

            #[test]
            fn each_file_that_wants_it_is_played() {
                let played = [$(stringify!($name)),*];
                super::are_those_that_want_it($place, &played);
            }
        }
    };
}

fn are_those_that_want_it(place: &str, played: &[&str]) {
    let wanted: BTreeSet<String> = Scenario::all()
        .into_iter()
        .filter(|scenario| scenario.also_on.iter().any(|on| on == place))
        .map(|scenario| scenario.name)
        .collect();
    let played = played.iter().map(|name| name.replace('_', "-"));
    assert_eq!(wanted, played.collect(), "where the files say {place}");
}

scenarios! { "mailroom", in_a_mailroom, is_played_in_a_mailroom:
    adopted_then_expected
    answer_lost
    authorization_declined
    cancel_overtakes
    cancelled_after_shipping
    cancelled_before_shipping
    cancelled_in_part
    carrier_changed
    charged_on_shipping
    electronic_goods
    from_order_to_doorstep
    one_server
    order_bounces
    past_due
    reordered
    return_refused
    returned_in_part
    two_parcels_one_lost
    two_shops_one_id
    unconfirmed
    week_off
    wishes
}

scenarios! { "mailbed", on_real_servers, is_played_on_real_servers:
    authorization_declined
    one_server
    reordered
    returned_in_part
    two_parcels_one_lost
}
