//! A period of a question, in whole hours, and its division into hours or local days. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};
use poem_openapi::Enum;

use crate::clock::Timestamp;

/// How a series is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Interval {
    Hour,
    /// A day of the time zone: 23 to 25 hours.
    Day,
}

/// From an hour to another (without it), seen from a time zone.
///
/// Counts are kept by hours of UTC. In zones that are half an hour off, an hour belongs to the local hour and day in
/// which it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    from_hour: i32,
    to_hour: i32,
    zone: TimeZone,
}

/// Why a period can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct Unfit {
    pub field: &'static str,
    pub message: &'static str,
}

/// The beginning of a point of a series, and its name in the time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub at: Timestamp,
    pub local: String,
    /// The first hour of UTC that counts to it.
    pub hour: i32,
}

const MAX_HOURS: i32 = 1830 * 24;

impl Period {
    /// More points than this no series has.
    pub const MAX_POINTS: usize = 1000;

    /// `from` and `to` are dates in the zone (`to` included) or instants; what is missing makes it the last 30 days.
    pub fn read(from: Option<&str>, to: Option<&str>, zone: TimeZone, now: Timestamp) -> Result<Self, Unfit> {
        let to_hour = match to {
            None => now.hour() + 1,
            Some(text) => read_edge(text, &zone, true).ok_or(unreadable("to"))?,
        };
        let from_hour = match from {
            None => {
                // Today and the 29 days before it.
                let last = zoned(to_hour - 1, &zone).ok_or(unreadable("to"))?.date();
                let first = last.checked_sub(29.days()).map_err(|_| unreadable("to"))?;
                hour_of_start(first, &zone).ok_or(unreadable("to"))?
            }
            Some(text) => read_edge(text, &zone, false).ok_or(unreadable("from"))?,
        };
        if from_hour >= to_hour {
            return Err(Unfit {
                field: "from",
                message: "must be before `to`",
            });
        }
        if to_hour - from_hour > MAX_HOURS {
            return Err(Unfit {
                field: "from",
                message: "is more than five years before `to`",
            });
        }
        Ok(Self {
            from_hour,
            to_hour,
            zone,
        })
    }

    pub fn hours(&self) -> std::ops::Range<i32> {
        self.from_hour..self.to_hour
    }

    pub fn from(&self) -> Timestamp {
        start_of(self.from_hour)
    }

    pub fn to(&self) -> Timestamp {
        start_of(self.to_hour)
    }

    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The period of the same length that ends where this one begins: of as many days, if it is made of days.
    pub fn before(&self) -> Self {
        let hours = self.to_hour - self.from_hour;
        let by_days = || {
            let (from, to) = (
                zoned(self.from_hour, &self.zone)?,
                zoned(self.to_hour, &self.zone)?,
            );
            // The first hour of a local day: where zones are half an hour off, it begins at half past midnight.
            let whole = hour_of_start(from.date(), &self.zone) == Some(self.from_hour)
                && hour_of_start(to.date(), &self.zone) == Some(self.to_hour);
            let days = from.date().until(to.date()).ok().filter(|_| whole)?.get_days();
            hour_of_start(from.date().checked_sub(days.days()).ok()?, &self.zone)
        };
        Self {
            from_hour: by_days().unwrap_or(self.from_hour - hours),
            to_hour: self.from_hour,
            zone: self.zone.clone(),
        }
    }

    /// How it is divided if nobody says: by hours up to two days, else by days.
    pub fn natural_interval(&self) -> Interval {
        if self.to_hour - self.from_hour <= 49 {
            Interval::Hour
        } else {
            Interval::Day
        }
    }

    /// May it be divided so? Not into too many points.
    pub fn check(&self, interval: Interval) -> Result<(), Unfit> {
        let hours = usize::try_from(self.to_hour - self.from_hour).unwrap_or(usize::MAX);
        let points = match interval {
            Interval::Hour => hours,
            Interval::Day => hours / 24,
        };
        if points > Self::MAX_POINTS {
            return Err(Unfit {
                field: "from",
                message: "makes more than 1000 points: ask for less, or by day",
            });
        }
        Ok(())
    }

    /// The points of a series, each hour of the period in one of them.
    pub fn starts(&self, interval: Interval) -> Vec<Start> {
        match interval {
            Interval::Hour => self
                .hours()
                .filter_map(|hour| {
                    let local = zoned(hour, &self.zone)?;
                    Some(Start {
                        at: start_of(hour),
                        local: local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
                        hour,
                    })
                })
                .collect(),
            Interval::Day => self.days(),
        }
    }

    fn days(&self) -> Vec<Start> {
        let mut days = Vec::new();
        let Some(first) = zoned(self.from_hour, &self.zone) else {
            return days;
        };
        let mut date = first.date();
        let mut hour = self.from_hour;
        while hour < self.to_hour {
            days.push(Start {
                at: start_of(hour),
                local: date.to_string(),
                hour,
            });
            let Some((next, next_hour)) = self.day_after(date, hour) else {
                break;
            };
            (date, hour) = (next, next_hour);
        }
        days
    }

    /// The next day that there is, and its first hour. Where a zone has jumped over the date line there was none for a date:
    /// Samoa had no 30 December 2011.
    fn day_after(&self, mut date: Date, hour: i32) -> Option<(Date, i32)> {
        loop {
            date = date.checked_add(1.day()).ok()?;
            let first = hour_of_start(date, &self.zone)?;
            let is_there = zoned(first, &self.zone)?.date() == date;
            if first > hour && is_there {
                return Some((date, first));
            }
        }
    }
}

fn start_of(hour: i32) -> Timestamp {
    Timestamp::from_secs(i64::from(hour) * 3600)
}

fn zoned(hour: i32, zone: &TimeZone) -> Option<Zoned> {
    let at = jiff::Timestamp::from_second(i64::from(hour) * 3600).ok()?;
    Some(at.to_zoned(zone.clone()))
}

/// The first hour of UTC that begins on a local day.
fn hour_of_start(date: Date, zone: &TimeZone) -> Option<i32> {
    let start = date.to_zoned(zone.clone()).ok()?.start_of_day().ok()?;
    hour_up(start.timestamp())
}

fn hour_up(at: jiff::Timestamp) -> Option<i32> {
    let secs = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    i32::try_from(-(-secs).div_euclid(3600)).ok()
}

/// An instant is rounded to the hour, outwards. A date is its local day: the beginning, or the end.
fn read_edge(text: &str, zone: &TimeZone, end: bool) -> Option<i32> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return if end {
            hour_up(at.jiff())
        } else {
            i32::try_from(at.secs().div_euclid(3600)).ok()
        };
    }
    let date: Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
    // Years that no clock of ours will see.
    if !(1970..=9000).contains(&date.year()) {
        return None;
    }
    hour_of_start(
        if end {
            date.checked_add(1.day()).ok()?
        } else {
            date
        },
        zone,
    )
}

fn unreadable(field: &'static str) -> Unfit {
    Unfit {
        field,
        message: "must be a date such as 2026-11-22, or a time such as 2026-11-22T10:00:00Z",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-22T10:30:00Z".parse().unwrap()
    }

    fn read(from: &str, to: &str, zone: TimeZone) -> Period {
        Period::read(Some(from), Some(to), zone, now()).unwrap()
    }

    #[test]
    fn days_of_changing_clocks_have_23_and_25_hours() {
        let spring = read("2026-03-28", "2026-03-30", berlin()).starts(Interval::Day);
        let hours: Vec<i32> = spring
            .windows(2)
            .map(|pair| pair[1].hour - pair[0].hour)
            .collect();
        assert_eq!(hours, [24, 23]);
        assert_eq!(
            spring.iter().map(|day| day.local.as_str()).collect::<Vec<_>>(),
            ["2026-03-28", "2026-03-29", "2026-03-30"]
        );
        let autumn = read("2026-10-25", "2026-10-25", berlin());
        assert_eq!(autumn.hours().len(), 25);
        let hours = autumn.starts(Interval::Hour);
        assert_eq!(
            (hours[2].local.as_str(), hours[3].local.as_str()),
            ("2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00")
        );
    }

    #[test]
    fn nothing_asked_is_the_last_30_days() {
        let period = Period::read(None, None, berlin(), now()).unwrap();
        assert_eq!(period.from().to_string(), "2026-10-23T22:00:00Z");
        assert_eq!(period.to().to_string(), "2026-11-22T11:00:00Z");
        assert_eq!(period.starts(Interval::Day).len(), 30);
    }

    #[test]
    fn the_period_before_has_as_many_days() {
        let before = read("2026-10-25", "2026-10-25", berlin()).before();
        assert_eq!(
            (before.from().to_string(), before.hours().len()),
            ("2026-10-23T22:00:00Z".into(), 24)
        );
        let hours = read("2026-11-22T08:15:00Z", "2026-11-22T09:10:00Z", TimeZone::UTC);
        assert_eq!((hours.hours().len(), hours.before().hours().len()), (2, 2));
        assert_eq!(hours.before().to(), hours.from());
    }

    #[test]
    fn zones_half_an_hour_off_lose_no_hour() {
        let kolkata = TimeZone::get("Asia/Kolkata").unwrap();
        let period = read("2026-11-20", "2026-11-22", kolkata);
        assert_eq!(
            (period.hours().len(), period.starts(Interval::Day).len()),
            (72, 3)
        );
    }

    #[test]
    fn impossible_periods_are_refused() {
        let fault = |from, to| {
            Period::read(from, to, TimeZone::UTC, now())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            fault(Some("2026-11-22"), Some("2026-11-20")),
            "from must be before `to`"
        );
        assert_eq!(
            fault(Some("2016-11-22"), None),
            "from is more than five years before `to`"
        );
        assert!(fault(Some("yesterday"), None).starts_with("from must be a date"));
        assert!(fault(None, Some("9999-12-31")).starts_with("to must be a date"));
        for text in [
            "-009999-01-01T00:00:00Z",
            "9999-12-30T22:00:00Z",
            "0000-01-01",
            "2026-02-30",
            "+999999-01-01",
        ] {
            let _no_panic = Period::read(Some(text), Some(text), berlin(), now());
        }
        assert!(
            read("2026-01-01", "2026-11-01", TimeZone::UTC)
                .check(Interval::Hour)
                .is_err()
        );
    }

    /// Every hour of any period falls into exactly one point.
    #[test]
    fn points_cover_the_period_without_gaps() {
        let random = crate::secrets::Random::seeded(3);
        for zone in [
            "Europe/Berlin",
            "America/Sao_Paulo",
            "Asia/Kathmandu",
            "Pacific/Apia",
            "Australia/Lord_Howe",
            "UTC",
        ] {
            let zone = TimeZone::get(zone).unwrap();
            for _ in 0..50 {
                let from = i32::try_from(random.below(400_000)).unwrap() + 100_000;
                let to = from + 1 + i32::try_from(random.below(2000)).unwrap();
                let period = Period {
                    from_hour: from,
                    to_hour: to,
                    zone: zone.clone(),
                };
                let days = period.starts(Interval::Day);
                assert_eq!(days[0].hour, from);
                assert!(
                    days.windows(2).all(|pair| pair[0].hour < pair[1].hour),
                    "{zone:?} {from}"
                );
                assert!(days.last().unwrap().hour < to);
                assert_eq!(period.starts(Interval::Hour).len(), period.hours().len());
                assert_eq!(period.before().to(), period.from());
            }
        }
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::tracking::Counts;
    use crate::tracking::statistics::fill;

    /// Half and quarter hours, clocks that change at midnight, by half an hour, by two hours, and not at all.
    const ZONES: [&str; 16] = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/St_Johns",
        "America/Sao_Paulo",
        "America/Havana",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Asia/Tehran",
        "Asia/Beirut",
        "Africa/Cairo",
        "Antarctica/Troll",
        "Atlantic/Azores",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Chatham",
    ];

    fn zones() -> impl Strategy<Value = TimeZone> {
        proptest::sample::select(&ZONES[..]).prop_map(|name| TimeZone::get(name).unwrap())
    }

    /// Hours of 2012 to 2040.
    fn hours() -> std::ops::Range<i32> {
        368_184..622_000
    }

    fn periods() -> impl Strategy<Value = Period> {
        (zones(), hours(), 1..3000_i32).prop_map(|(zone, from_hour, length)| Period {
            from_hour,
            to_hour: from_hour + length,
            zone,
        })
    }

    fn config() -> ProptestConfig {
        ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config())]

        /// Each hour is in one day, the local one in which it begins; no day is missing, none stands twice.
        #[test]
        fn every_hour_is_in_the_day_in_which_it_begins(period in periods()) {
            let days = period.starts(Interval::Day);
            let local = |hour| zoned(hour, &period.zone).unwrap().date().to_string();
            prop_assert_eq!(days[0].hour, period.from_hour);
            prop_assert!(days.windows(2).all(|pair| pair[0].hour < pair[1].hour && pair[0].local < pair[1].local));
            for hour in period.hours() {
                let place = days.partition_point(|day| day.hour <= hour) - 1;
                prop_assert_eq!(&days[place].local, &local(hour), "{}", hour);
            }
        }

        #[test]
        fn every_hour_stands_once_and_by_its_local_name(period in periods()) {
            let points = period.starts(Interval::Hour);
            let hours: Vec<i32> = points.iter().map(|point| point.hour).collect();
            prop_assert_eq!(hours, period.hours().collect::<Vec<_>>());
            for point in points {
                let at: jiff::Timestamp = point.local.parse().unwrap();
                prop_assert_eq!(at, point.at.jiff());
            }
        }

        /// Whatever was counted in the period is in one of its points, be they hours or days.
        #[test]
        fn points_sum_up_to_what_was_counted(
            period in periods(),
            counted in proptest::collection::btree_map(0..3000_i32, 1..1000_i64, 0..60),
        ) {
            let counts = |views| Counts { views, visitors: views / 2, ..Counts::default() };
            let rows: Vec<(i32, Counts)> = counted
                .iter()
                .map(|(after, views)| (period.from_hour + after, counts(*views)))
                .filter(|(hour, _)| *hour < period.to_hour)
                .collect();
            let mut all = Counts::default();
            rows.iter().for_each(|(_, counts)| all += *counts);
            for interval in [Interval::Hour, Interval::Day] {
                let mut sum = Counts::default();
                fill(&period, interval, &rows).iter().for_each(|point| sum += point.counts);
                prop_assert_eq!(sum, all);
            }
        }

        /// Dates that are asked for are the days that are answered, whole, of 23 to 25 hours (22 to 26 at Troll).
        #[test]
        fn dates_are_whole_days(zone in zones(), day in 15_500..25_900_i32, length in 0..60_i32) {
            let date = |day: i32| jiff::civil::date(1970, 1, 1).checked_add(day.days()).unwrap().to_string();
            let (from, to) = (date(day), date(day + length));
            let now = start_of((day + length) * 24);
            let period = Period::read(Some(&from), Some(&to), zone.clone(), now).unwrap();
            let days = period.starts(Interval::Day);
            let names: Vec<&str> = days.iter().map(|day| day.local.as_str()).collect();
            let asked: Vec<String> = (day..=day + length).map(date).collect();
            prop_assert_eq!(names, asked.iter().map(String::as_str).collect::<Vec<_>>());
            let ends = days[1..].iter().map(|day| day.hour).chain([period.to_hour]);
            for (day, end) in days.iter().zip(ends) {
                prop_assert!((22..=26).contains(&(end - day.hour)), "{} {}", day.local, end - day.hour);
            }
            let before = period.before();
            prop_assert_eq!(before.to_hour, period.from_hour);
            prop_assert_eq!(before.starts(Interval::Day).len(), days.len());
        }

        /// What roll-ups call hours and days: whole hours since 1970, 24 of them a day.
        #[test]
        fn an_instant_is_in_its_hour_and_the_hour_in_its_day(micros in -10_000_000_000_000_000..10_000_000_000_000_000_i64) {
            let at = Timestamp::from_micros(micros);
            let start = start_of(at.hour());
            prop_assert!(start <= at && at < start + crate::clock::HOUR);
            prop_assert_eq!(at.hour().div_euclid(24), at.day());
        }
    }

    #[test]
    fn samoa_had_no_30_december_2011() {
        let zone = TimeZone::get("Pacific/Apia").unwrap();
        let now = "2012-01-10T00:00:00Z".parse().unwrap();
        let period = Period::read(Some("2011-12-28"), Some("2012-01-01"), zone, now).unwrap();
        let days = period.starts(Interval::Day);
        let names: Vec<&str> = days.iter().map(|day| day.local.as_str()).collect();
        assert_eq!(names, ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]);
        assert_eq!(period.hours().len(), 4 * 24);
        assert!(days.windows(2).all(|pair| pair[1].hour - pair[0].hour == 24));
    }

    #[test]
    fn lord_howe_changes_its_clocks_by_half_an_hour() {
        let zone = TimeZone::get("Australia/Lord_Howe").unwrap();
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        let lengths = |day: &str| {
            Period::read(Some(day), Some(day), zone.clone(), now)
                .unwrap()
                .hours()
                .len()
        };
        // 10:30 or 11:00 ahead: an hour of UTC that begins at half past ten belongs to the day before or after.
        let april: usize = ["2026-04-04", "2026-04-05", "2026-04-06"]
            .map(lengths)
            .iter()
            .sum();
        let october: usize = ["2026-10-03", "2026-10-04", "2026-10-05"]
            .map(lengths)
            .iter()
            .sum();
        assert_eq!((april, october), (73, 71));
    }
}
