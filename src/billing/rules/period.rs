//! In which period views are counted, and how many it will be at its end.

use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

use crate::clock::{DAY, Timestamp};

fn zoned(at: Timestamp) -> Zoned {
    at.jiff().to_zoned(TimeZone::UTC)
}

/// The month of the calendar (UTC) that an instant is in, in whole hours since 1970.
pub fn month_of(now: Timestamp) -> Range<i32> {
    let first = zoned(now).date().first_of_month();
    let start = |date: jiff::civil::Date| {
        let at: Timestamp = match date.to_zoned(TimeZone::UTC) {
            Ok(zoned) => zoned.timestamp().into(),
            Err(_) => now,
        };
        at.hour()
    };
    let next = first.checked_add(1.month()).unwrap_or(first);
    start(first)..start(next)
}

/// The month in which views are counted, in whole hours since 1970: of those that follow each other from `anchor` on, the one
/// that an instant is in. A year that is paid for has twelve of them; one that begins on the 31st begins on the last day of
/// shorter months. Hours are whole, because views are summed by the hour.
pub fn period_of(anchor: Timestamp, now: Timestamp) -> Range<i32> {
    let start = zoned(anchor);
    let begin = |months: i32| {
        let at: Option<Timestamp> = start
            .checked_add(months.months())
            .ok()
            .map(|at| at.timestamp().into());
        at.unwrap_or(anchor).hour()
    };
    // A month is at least 28 days, so this guess is not too low by more than the loop makes up for.
    let elapsed = now.since(anchor).as_secs() / (31 * DAY.as_secs());
    let mut months = i32::try_from(elapsed).unwrap_or(0);
    while begin(months + 1) <= now.hour() {
        months += 1;
    }
    begin(months)..begin(months + 1)
}

/// How many views it will be at the period's end if it goes on like this. `None` before a day is over: a guess, no forecast.
pub fn forecast(views: i64, period: &Range<i32>, now: Timestamp) -> Option<i64> {
    let (start, end) = (
        Timestamp::from_secs(i64::from(period.start) * 3600),
        Timestamp::from_secs(i64::from(period.end) * 3600),
    );
    let (elapsed, whole) = (now.since(start).as_secs(), end.since(start).as_secs());
    if elapsed < DAY.as_secs() || whole == 0 {
        return None;
    }
    let forecast = i128::from(views) * i128::from(whole) / i128::from(elapsed.min(whole));
    i64::try_from(forecast).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hours(from: &str, to: &str) -> Range<i32> {
        at(from).hour()..at(to).hour()
    }

    #[test]
    fn a_month_of_the_calendar_is_whole() {
        let november = hours("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
        for inside in ["2026-11-01T00:00:00Z", "2026-11-30T23:59:59Z"] {
            assert_eq!(month_of(at(inside)), november);
        }
        assert_eq!(
            month_of(at("2026-12-31T12:00:00Z")),
            hours("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")
        );
    }

    #[test]
    fn months_follow_each_other_from_the_anchor_without_a_gap() {
        let anchor = at("2026-01-31T10:20:30Z");
        assert_eq!(
            period_of(anchor, anchor),
            hours("2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z")
        );
        assert_eq!(
            period_of(anchor, at("2026-02-28T10:00:00Z")),
            hours("2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z")
        );
        let mut now = anchor;
        let mut before = period_of(anchor, now);
        while now < at("2028-03-05T00:00:00Z") {
            now = now + DAY / 2;
            let period = period_of(anchor, now);
            assert!(period.contains(&now.hour()), "{now} {period:?}");
            assert!(period == before || period.start == before.end, "{now}");
            before = period;
        }
    }

    #[test]
    fn a_forecast_goes_on_as_it_began() {
        let period = month_of(at("2026-11-15T00:00:00Z"));
        assert_eq!(forecast(100, &period, at("2026-11-01T12:00:00Z")), None);
        assert_eq!(forecast(100, &period, at("2026-11-16T00:00:00Z")), Some(200));
        assert_eq!(forecast(100, &period, at("2026-12-05T00:00:00Z")), Some(100));
    }
}
