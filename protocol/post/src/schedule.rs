//! When to try again. Pure: the caller brings the randomness.

use std::time::Duration;

/// How long to wait after the `attempt`-th failure in a row (counted from 1): `first`, doubling,
/// at most `longest`; of that, `jitter` (0 to 1) moves the result between half and all, so that
/// many clients of one server do not come back in the same moment.
#[must_use]
pub fn next_try(attempt: u32, first: Duration, longest: Duration, jitter: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(62);
    let millis = first.as_millis().saturating_mul(1_u128 << doublings);
    let whole = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).min(longest);
    let jitter = if jitter.is_nan() {
        1.0
    } else {
        jitter.clamp(0.0, 1.0)
    };
    whole
        .div_f64(2.0)
        .saturating_add(whole.mul_f64(jitter / 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(300);

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let waits: Vec<u64> = (1..=12)
            .map(|n| next_try(n, FIRST, LONGEST, 1.0).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn no_input_makes_it_panic_or_leave_its_bounds() {
        for attempt in [0, 1, 40, 64, u32::MAX] {
            for jitter in [f64::NAN, -1.0, 0.0, 0.5, 2.0, f64::INFINITY] {
                for longest in [Duration::ZERO, LONGEST] {
                    let wait = next_try(attempt, FIRST, longest, jitter);
                    assert!(
                        wait <= longest && wait >= longest.min(FIRST) / 2,
                        "{wait:?}"
                    );
                }
            }
        }
    }
}
