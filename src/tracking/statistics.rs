//! Numbers as they are told: sums, series without gaps, breakdowns with their rest. Pure.

use poem_openapi::Enum;

use super::experiment::{self, Decision, Posterior};
use super::period::Start;
use super::{Counts, Dimension, DropReason, Interval, OTHER, Period};
use crate::bars::configuration::GoalKind;
use crate::clock::Timestamp;
use crate::ids::BarId;

/// A period's sums and those of the period before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    pub period: Period,
    pub counts: Counts,
    pub period_before: Period,
    pub before: Counts,
    /// What the counts of these periods are told apart by: countries where they are, or were, looked up.
    pub dimensions: Vec<Dimension>,
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

/// The sums of each of a member's bars, and those of the period before.
#[derive(Clone, Debug, PartialEq)]
pub struct AllBars {
    pub period: Period,
    pub period_before: Period,
    pub bars: Vec<OfBar>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OfBar {
    pub bar: BarId,
    pub counts: Counts,
    pub before: Counts,
}

/// A bar's variants against each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Variants {
    pub period: Period,
    /// Those that are published, in their order; then those that once were.
    pub variants: Vec<OfVariant>,
    /// `best` counts the variants that have an estimate. `None`: there is nothing to choose from.
    pub decision: Option<Decision>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OfVariant {
    pub key: String,
    /// `None`: it is not published any more.
    pub goal: Option<GoalKind>,
    pub counts: Counts,
    /// `None`: nothing converts it, or it is not published any more.
    pub estimate: Option<Estimate>,
}

/// What is known of the rate at which views convert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub low: f64,
    pub high: f64,
    pub probability_best: f64,
}

impl OfVariant {
    /// How many of the views reached the variant's goal; a view counts one conversion at most.
    pub fn conversions(&self) -> Option<i64> {
        let conversions = match self.goal? {
            GoalKind::Contact => self.counts.submissions,
            GoalKind::Link => self.counts.clicks,
            GoalKind::Notice => return None,
        };
        Some(conversions.min(self.counts.views))
    }

    /// Conversions for each view.
    pub fn rate(&self) -> Option<f64> {
        rate(self.conversions()?, self.counts.views)
    }
}

/// Holds variants against each other. `goals` are those that are published; `days`: how long was counted.
pub fn compare(
    period: Period,
    goals: &[(String, GoalKind)],
    mut counted: Vec<(String, Counts)>,
    days: f64,
) -> Variants {
    let mut take = |key: &str| {
        let place = counted.iter().position(|(known, _)| known == key);
        place.map(|place| counted.remove(place).1).unwrap_or_default()
    };
    let mut variants: Vec<OfVariant> = goals
        .iter()
        .map(|(key, goal)| OfVariant {
            key: key.clone(),
            goal: Some(*goal),
            counts: take(key),
            estimate: None,
        })
        .collect();
    let posteriors: Vec<Posterior> = variants
        .iter()
        .filter_map(|variant| Some(Posterior::new(variant.conversions()?, variant.counts.views)))
        .collect();
    let mut probabilities = experiment::probabilities_best(&posteriors);
    let sum: f64 = probabilities.iter().sum();
    probabilities.iter_mut().for_each(|one| *one /= sum);
    let estimates = posteriors
        .iter()
        .zip(&probabilities)
        .map(|(posterior, probability_best)| {
            let (low, high) = posterior.interval();
            Estimate {
                low,
                high,
                probability_best: probability_best.clamp(0.0, 1.0),
            }
        });
    let converting = variants
        .iter_mut()
        .filter(|variant| variant.conversions().is_some());
    for (variant, estimate) in converting.zip(estimates) {
        variant.estimate = Some(estimate);
    }
    variants.extend(counted.into_iter().map(|(key, counts)| OfVariant {
        key,
        goal: None,
        counts,
        estimate: None,
    }));
    Variants {
        decision: experiment::decide(&posteriors, &probabilities, days),
        period,
        variants,
    }
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
