//! `doctor --probe` on real servers, which remove results that others forge in their name.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use support::World;

#[test]
fn real_servers_remove_forged_results_and_doctor_says_so() {
    let Some(world) = World::on_real_servers() else {
        return;
    };
    for agent in [world.buyer(), world.shop()] {
        let done = agent.run(&["doctor", "--probe"]);
        let found = |text: &str| done.stdout.lines().any(|line| line.contains(text));
        assert!(found("removed"), "{}", done.stdout);
        // The one who submits is named by the provider, so such letters are proven.
        assert!(found("auth=pass"), "{}", done.stdout);
    }
}
