//! Every scenario in the simulated world: as it stands, and in bad worlds, where it must end alike.
//! The files in `scenarios` say which rows of the requirements each shows.
#![allow(missing_docs)]

use std::collections::BTreeSet;

use tradepost_simulation::{Bad, Faults, Scenario, World, play};

/// Bad worlds that a scenario is played in; `SIMULATION_SEEDS=1000` plays it in more.
const SEEDS: u64 = 6;

fn ends_as_its_file_says(name: &str) {
    let scenario = Scenario::named(&name.replace('_', "-"));
    play(&scenario, &mut World::of(&scenario, Faults::none()));
}

fn ends_alike_whatever_happens_to_the_mail(name: &str) {
    let scenario = Scenario::named(&name.replace('_', "-"));
    let more = std::env::var("SIMULATION_SEEDS").ok();
    let seeds = more.map_or(SEEDS, |seeds| seeds.parse().expect("a number of seeds"));
    for seed in 0..seeds {
        println!("seed {seed}");
        let faults = match scenario.faults {
            Bad::Everything => Faults::many(seed),
            Bad::AllButLoss => Faults::many(seed).without_loss(),
            Bad::Nothing => panic!("its file says itself what goes wrong: name it among those"),
        };
        play(&scenario, &mut World::of(&scenario, faults));
    }
}

macro_rules! scenarios {
    (
        in_every_world: $($name:ident)*,
        what_goes_wrong_is_in_the_story: $($written:ident)*,
    ) => {
        $(mod $name {
            #[test]
            fn ends_as_its_file_says() {
                super::ends_as_its_file_says(stringify!($name));
            }

            #[test]
            fn ends_alike_whatever_happens_to_the_mail() {
                super::ends_alike_whatever_happens_to_the_mail(stringify!($name));
            }
        })*

        $(mod $written {
            #[test]
            fn ends_as_its_file_says() {
                super::ends_as_its_file_says(stringify!($written));
            }
        })*

        #[test]
        fn every_file_is_played() {
            let in_every_world = BTreeSet::from([$(stringify!($name).replace('_', "-")),*]);
            let as_written = BTreeSet::from([$(stringify!($written).replace('_', "-")),*]);
            let (told, all): (Vec<_>, Vec<_>) = Scenario::all()
                .into_iter()
                .partition(|scenario| matches!(scenario.faults, Bad::Nothing));
            let names = |these: Vec<Scenario>| these.into_iter().map(|s| s.name).collect();
            assert_eq!((in_every_world, as_written), (names(all), names(told)));
        }
    };
}

scenarios! {
    in_every_world:
    adopted_then_expected
    authorization_declined
    cancelled_after_shipping
    cancelled_before_shipping
    cancelled_in_part
    carrier_changed
    charged_on_shipping
    electronic_goods
    from_order_to_doorstep
    one_server
    past_due
    reordered
    return_refused
    returned_in_part
    total_lowered
    two_parcels_one_lost
    two_shops_one_id
    week_off
    ,
    what_goes_wrong_is_in_the_story:
    answer_lost
    cancel_overtakes
    decisions_lost
    order_bounces
    total_raised
    unconfirmed
    wishes
    ,
}

/// Two worlds of one seed are the same world: what went wrong once can be looked at again.
#[test]
fn a_seed_gives_the_same_world_again() {
    let scenario = Scenario::named("from-order-to-doorstep");
    let letters = |seed| {
        let mut world = World::of(&scenario, Faults::many(seed));
        play(&scenario, &mut world);
        world.letters()
    };
    let first = letters(1);
    assert_eq!(first, letters(1));
    let others: BTreeSet<usize> = (2..5).map(letters).collect();
    assert!(others.len() > 1, "other seeds give other worlds");
}

/// The end comes from the file: a story that ends otherwise is found.
#[test]
fn a_story_that_ends_otherwise_than_its_file_says_is_found() {
    let mut scenario = Scenario::named("cancelled-before-shipping");
    let end = scenario.end.get_mut("T").expect("it ends somehow");
    *end = end.replace("payment voided", "payment settled");
    let played = std::panic::catch_unwind(|| {
        play(&scenario, &mut World::of(&scenario, Faults::none()));
    });
    assert!(played.is_err());
}
