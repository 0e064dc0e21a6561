//! Numbers as they are told: sums, series without gaps, breakdowns with their rest. Pure.

use poem_openapi::Enum;

use super::period::Start;
use super::{Counts, Dimension, DropReason, Interval, OTHER, Period};
use crate::clock::Timestamp;

/// A period's sums and those of the period before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    pub period: Period,
    pub counts: Counts,
    pub period_before: Period,
    pub before: Counts,
    /// Both are whole from here on; `None`: from their beginnings.
    pub complete_from: Option<Timestamp>,
}

/// Counts over time, without gaps.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub period: Period,
    pub interval: Interval,
    pub points: Vec<Point>,
    /// Whole from here on; `None`: from the beginning.
    pub complete_from: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub start: Start,
    pub counts: Counts,
}

/// Counts by the values of a dimension.
#[derive(Clone, Debug, PartialEq)]
pub struct Breakdown {
    pub period: Period,
    pub by: Dimension,
    pub values: Vec<(String, Counts)>,
    /// All that the values above are not.
    pub other: Counts,
    pub total: Counts,
    /// Whole from here on; `None`: from the beginning of the period.
    pub complete_from: Option<Timestamp>,
}

/// By what the values of a breakdown are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum RankBy {
    Views,
    Visitors,
    Clicks,
    Closes,
    Submissions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranking {
    pub by: RankBy,
    pub limit: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DroppedByReason {
    pub reason: DropReason,
    pub dropped: i64,
}

/// A host on which a bar was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    pub host: String,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub views: i64,
    pub clicks: i64,
    pub closes: i64,
    pub submissions: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitePage {
    pub sites: Vec<Site>,
    /// The host after which the next page begins.
    pub next: Option<String>,
}

/// Hours (sorted) into points, each hour in one.
pub fn fill(period: &Period, interval: Interval, hours: &[(i32, Counts)]) -> Vec<Point> {
    let mut points: Vec<Point> = period
        .starts(interval)
        .into_iter()
        .map(|start| Point {
            start,
            counts: Counts::default(),
        })
        .collect();
    for (hour, counts) in hours {
        let after = points.partition_point(|point| point.start.hour <= *hour);
        if let Some(point) = after.checked_sub(1).and_then(|place| points.get_mut(place)) {
            point.counts += *counts;
        }
    }
    points
}

/// Puts what is not told apart into `other`.
pub fn breakdown(
    period: Period,
    by: Dimension,
    mut values: Vec<(String, Counts)>,
    total: Counts,
) -> Breakdown {
    values.retain(|(value, _)| value != OTHER);
    let mut other = total;
    for (_, counts) in &values {
        other.views -= counts.views;
        other.visitors -= counts.visitors;
        other.clicks -= counts.clicks;
        other.closes -= counts.closes;
        other.submissions -= counts.submissions;
    }
    Breakdown {
        period,
        by,
        values,
        other,
        total,
        complete_from: None,
    }
}

/// A part of a whole; nothing of nothing is no rate.
pub fn rate(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn views(views: i64) -> Counts {
        Counts {
            views,
            ..Counts::default()
        }
    }

    #[test]
    fn empty_points_stand_and_every_hour_is_in_one() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let now = "2026-11-22T10:30:00Z".parse().unwrap();
        let period = Period::read(Some("2026-10-24"), Some("2026-10-26"), berlin, now).unwrap();
        let hours: Vec<(i32, Counts)> = period.hours().map(|hour| (hour, views(1))).collect();
        let days: Vec<i64> = fill(&period, Interval::Day, &hours)
            .iter()
            .map(|point| point.counts.views)
            .collect();
        assert_eq!(days, [24, 25, 24]);
        assert!(
            fill(&period, Interval::Hour, &[])
                .iter()
                .all(|point| point.counts == Counts::default())
        );
    }

    #[test]
    fn the_rest_is_what_is_not_listed() {
        let now = "2026-11-22T10:30:00Z".parse().unwrap();
        let period = Period::read(None, None, TimeZone::UTC, now).unwrap();
        let listed = vec![("a".to_owned(), views(5)), (OTHER.to_owned(), views(3))];
        let breakdown = breakdown(period, Dimension::Page, listed, views(10));
        assert_eq!(breakdown.values.len(), 1);
        assert_eq!(breakdown.other, views(5));
        assert_eq!(rate(1, 0), None);
    }
}
