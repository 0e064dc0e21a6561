//! When the daily digest is due.

use jiff::civil;
use jiff::tz::TimeZone;

use crate::clock::Timestamp;

/// The hour, in the member's time zone, at which a day's contacts are gathered.
const HOUR: i8 = 8;

/// The last time that a digest was due, in this time zone: what came before it and was not told yet is told now.
/// An unknown time zone counts as UTC.
pub fn last_due(now: Timestamp, time_zone: &str) -> Timestamp {
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    let today = now.jiff().to_zoned(zone.clone()).date();
    let due_on = |day: civil::Date| -> Option<Timestamp> {
        Some(
            day.at(HOUR, 0, 0, 0)
                .to_zoned(zone.clone())
                .ok()?
                .timestamp()
                .into(),
        )
    };
    match due_on(today).filter(|due| *due <= now) {
        Some(due) => due,
        None => today.yesterday().ok().and_then(due_on).unwrap_or(now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_due_at_eight_where_the_member_is() {
        for (now, zone, due) in [
            ("2026-11-22T06:59:59Z", "Europe/Berlin", "2026-11-21T07:00:00Z"),
            ("2026-11-22T07:00:00Z", "Europe/Berlin", "2026-11-22T07:00:00Z"),
            ("2026-07-22T06:30:00Z", "Europe/Berlin", "2026-07-22T06:00:00Z"),
            ("2026-11-22T12:59:00Z", "America/New_York", "2026-11-21T13:00:00Z"),
            ("2026-11-22T08:00:00Z", "Not/AZone", "2026-11-22T08:00:00Z"),
        ] {
            assert_eq!(
                last_due(now.parse().unwrap(), zone).to_string(),
                due,
                "{now} {zone}"
            );
        }
    }
}
