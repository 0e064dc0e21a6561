//! A payment that is missing: the plan goes on, mails ask for another card on days 0, 3 and 7, and then it ends.

use std::time::Duration;

use crate::clock::{DAY, Timestamp};

/// The days on which a mail asks for another card.
pub const DAYS: [u32; 3] = [0, 3, 7];
/// For so long the plan goes on.
pub const PATIENCE: Duration = Duration::from_secs(10 * DAY.as_secs());

/// When the plan ends for want of a payment.
pub fn falls_at(since: Timestamp) -> Timestamp {
    since + PATIENCE
}

/// Whether it has.
pub fn is_over(since: Option<Timestamp>, now: Timestamp) -> bool {
    since.is_some_and(|since| falls_at(since) <= now)
}

/// The mail that is due: the newest one whose day has come. Who heard nothing for a week (we were away) gets one, not three.
/// `None` once the plan has ended: another mail says so.
pub fn due(since: Timestamp, now: Timestamp) -> Option<u32> {
    if is_over(Some(since), now) {
        return None;
    }
    DAYS.into_iter().rev().find(|day| since + DAY * *day <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise 22.
    #[test]
    fn mails_are_due_on_days_0_3_and_7_and_then_the_plan_ends() {
        let since = Timestamp::from_secs(1_800_000_000);
        let due_after = |days: u32, secs: u64| due(since, since + DAY * days + Duration::from_secs(secs));
        assert_eq!(due_after(0, 0), Some(0));
        assert_eq!(due(since, since + DAY * 3 - Duration::from_micros(1)), Some(0));
        assert_eq!(due_after(3, 0), Some(3));
        assert_eq!(due_after(7, 0), Some(7));
        assert_eq!(due_after(9, 86_399), Some(7));
        assert_eq!(due_after(10, 0), None);
        assert!(is_over(Some(since), falls_at(since)));
        assert!(!is_over(Some(since), falls_at(since) - Duration::from_micros(1)));
        assert!(!is_over(None, falls_at(since)));
    }
}
