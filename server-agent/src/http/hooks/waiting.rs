//! How often a web shop is asked to come again (404), because the order that a delivery is about may
//! only have been overtaken by it.

use std::collections::BTreeMap;

use tradepost_statements::Time;

/// Shopify tries 8 times in 4 hours, and then removes the subscription: well before that it is
/// answered otherwise. An order that is created and sent at once is minutes away, not hours.
const MOST_TRIES: u32 = 4;
/// WooCommerce switches a webhook off after more than 5 failures in a row, whatever they are about.
const MOST_IN_A_ROW: u32 = 4;
/// Orders that are waited for; for more, nobody is asked to come again.
const MOST_ORDERS: usize = 1_000;
/// An order that was not told of in that time is not waited for any longer.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(3600);

/// The orders of one webhook that are waited for. It is forgotten when the server ends: then they are
/// waited for once more.
#[derive(Debug, Default)]
pub(super) struct WaitingOrders {
    tries: BTreeMap<String, (Time, u32)>,
    in_a_row: u32,
}

impl WaitingOrders {
    /// Whether a delivery about this order is to come again; if so, that is counted.
    pub(super) fn may_come_again(&mut self, order: &str, now: Time) -> bool {
        self.tries
            .retain(|_, (first, _)| now.since(*first) < LONGEST * 4);
        if self.in_a_row >= MOST_IN_A_ROW
            || (self.tries.len() >= MOST_ORDERS && !self.tries.contains_key(order))
        {
            return false;
        }
        let (first, tries) = self.tries.entry(order.to_owned()).or_insert((now, 0));
        if *tries >= MOST_TRIES || now.since(*first) > LONGEST {
            return false;
        }
        *tries += 1;
        self.in_a_row += 1;
        true
    }

    /// A delivery was answered with 2xx.
    pub(super) fn accepted(&mut self) {
        self.in_a_row = 0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    fn start() -> Time {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_delivery_about_an_unknown_order_is_asked_to_come_again_only_a_few_times() {
        let mut waiting = WaitingOrders::default();
        let again = (0..20).filter(|n| {
            waiting.accepted();
            waiting.may_come_again("1", start().plus(Duration::from_secs(n * 60)))
        });
        assert_eq!(again.count(), 4);
        waiting.accepted();
        assert!(waiting.may_come_again("2", start()), "another order");
    }

    #[test]
    fn never_are_so_many_refused_in_a_row_that_the_web_shop_gives_up() {
        let mut waiting = WaitingOrders::default();
        let asked = |waiting: &mut WaitingOrders, orders: std::ops::Range<u32>| {
            orders
                .filter(|n| waiting.may_come_again(&n.to_string(), start()))
                .count()
        };
        assert_eq!(asked(&mut waiting, 0..100), 4);
        waiting.accepted();
        assert_eq!(asked(&mut waiting, 100..200), 4);
    }

    #[test]
    fn an_order_is_not_waited_for_longer_than_an_hour() {
        let mut waiting = WaitingOrders::default();
        assert!(waiting.may_come_again("1", start()));
        let late = start().plus(Duration::from_secs(3601));
        assert!(!waiting.may_come_again("1", late));
        assert!(waiting.may_come_again("2", late));
    }

    #[test]
    fn orders_that_never_come_take_no_room_for_ever() {
        let mut waiting = WaitingOrders::default();
        for n in 0..5_000u32 {
            waiting.accepted();
            waiting.may_come_again(&n.to_string(), start());
        }
        assert!(waiting.tries.len() <= MOST_ORDERS);
        let later = start().plus(Duration::from_secs(24 * 3600));
        waiting.accepted();
        assert!(waiting.may_come_again("new", later));
        assert_eq!(waiting.tries.len(), 1);
    }
}
