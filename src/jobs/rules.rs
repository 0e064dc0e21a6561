//! When a failed run is tried again.

use std::time::Duration;

/// The wait before the next run after `attempts` failed ones: 5 s, doubling, at most 6 hours, plus up to a quarter
/// of it by `jitter` (0..=255), so that what failed together does not return together.
pub fn back_off(attempts: i32, jitter: u8) -> Duration {
    let doublings = u32::try_from(attempts.max(1) - 1).unwrap_or(0).min(16);
    let base = Duration::from_secs(5)
        .saturating_mul(1 << doublings)
        .min(Duration::from_secs(6 * 3600));
    base + base / 4 * u32::from(jitter) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_and_is_bounded() {
        assert_eq!(back_off(1, 0), Duration::from_secs(5));
        assert_eq!(back_off(4, 0), Duration::from_secs(40));
        assert_eq!(back_off(1000, 0), Duration::from_secs(6 * 3600));
        assert!(back_off(2, 255) <= Duration::from_millis(12_500));
    }
}
