//! What statistics look like from outside.

use poem_openapi::{Enum, Object};

use crate::bars::configuration::GoalKind;
use crate::clock::Timestamp;
use crate::ids::BarId;
use crate::tracking::{Counts, Decision, Dimension, DropReason, Interval, OfVariant, Period, rate};

/// What happened, counted.
#[derive(Debug, Object)]
pub struct Numbers {
    /// How often the bar was shown.
    pub views: i64,
    /// Visitors, each once a day (UTC), under what their first event of that day says.
    pub visitors: i64,
    /// Presses of the main button or link.
    pub clicks: i64,
    /// How often the bar was closed.
    pub closes: i64,
    /// Forms sent.
    pub submissions: i64,
    /// Clicks for each view: the conversion of a bar with a link. Absent without views.
    #[oai(skip_serializing_if_is_none)]
    pub click_rate: Option<f64>,
    /// Forms sent for each view: the conversion of a bar with a form. Absent without views.
    #[oai(skip_serializing_if_is_none)]
    pub conversion_rate: Option<f64>,
}

impl From<Counts> for Numbers {
    fn from(counts: Counts) -> Self {
        Self {
            views: counts.views,
            visitors: counts.visitors,
            clicks: counts.clicks,
            closes: counts.closes,
            submissions: counts.submissions,
            click_rate: rate(counts.clicks, counts.views),
            conversion_rate: rate(counts.submissions, counts.views),
        }
    }
}

/// From one hour to another, which is not in it.
#[derive(Debug, Object)]
#[oai(rename = "StatisticsPeriod")]
pub struct PeriodAnswer {
    pub from: Timestamp,
    pub to: Timestamp,
    /// The time zone whose days are meant.
    #[oai(validator(max_length = 64))]
    pub time_zone: String,
}

impl From<&Period> for PeriodAnswer {
    fn from(period: &Period) -> Self {
        Self {
            from: period.from(),
            to: period.to(),
            time_zone: period.zone_name().to_owned(),
        }
    }
}

/// A period's sums, and those of the period of the same length before it.
#[derive(Debug, Object)]
pub struct Statistics {
    pub period: PeriodAnswer,
    pub totals: Numbers,
    pub period_before: PeriodAnswer,
    pub totals_before: Numbers,
    /// What these counts can be told apart by. `country` only where the operator has a file that knows countries, or had.
    pub dimensions: Vec<By>,
    /// Under filters: from when on the numbers are whole, because single events are kept for a while only. Absent: all
    /// of it is.
    #[oai(skip_serializing_if_is_none)]
    pub complete_from: Option<Timestamp>,
}

/// The sums of each bar.
#[derive(Debug, Object)]
#[oai(rename = "StatisticsOfBars")]
pub struct BarsAnswer {
    pub period: PeriodAnswer,
    pub period_before: PeriodAnswer,
    /// Every bar, also those that counted nothing; in the order of their ids.
    pub items: Vec<BarAnswer>,
}

#[derive(Debug, Object)]
#[oai(rename = "StatisticsOfBar")]
pub struct BarAnswer {
    pub bar_id: BarId,
    pub counts: Numbers,
    pub counts_before: Numbers,
}

/// A bar's variants against each other.
#[derive(Debug, Object)]
#[oai(rename = "StatisticsOfVariants")]
pub struct VariantsAnswer {
    pub period: PeriodAnswer,
    /// Those that are published, in their order; then those that once were.
    pub items: Vec<VariantAnswer>,
    /// Absent where there is nothing to choose: fewer than two variants whose goal can be reached.
    #[oai(skip_serializing_if_is_none)]
    pub decision: Option<DecisionAnswer>,
}

/// What a variant achieved.
#[derive(Debug, Object)]
#[oai(rename = "StatisticsOfVariant", skip_serializing_if_is_none)]
pub struct VariantAnswer {
    pub variant: String,
    /// Absent: it is not published any more.
    pub goal: Option<GoalKind>,
    pub counts: Numbers,
    /// Conversions for each view: submissions of a form, clicks of a link, one a view at most. Absent without views, for
    /// a notice, and for what is not published any more.
    pub rate: Option<f64>,
    /// The rate is above this with 97.5 %.
    pub low: Option<f64>,
    /// The rate is below this with 97.5 %.
    pub high: Option<f64>,
    /// How likely it is that this variant's rate is the highest of all. They sum up to 1.
    pub probability_best: Option<f64>,
}

impl From<OfVariant> for VariantAnswer {
    fn from(variant: OfVariant) -> Self {
        let estimate = variant.estimate;
        Self {
            rate: variant.rate(),
            goal: variant.goal,
            low: estimate.map(|estimate| estimate.low),
            high: estimate.map(|estimate| estimate.high),
            probability_best: estimate.map(|estimate| estimate.probability_best),
            counts: variant.counts.into(),
            variant: variant.key,
        }
    }
}

/// Whether it is time to choose a variant.
#[derive(Debug, Object)]
#[oai(rename = "VariantDecision", skip_serializing_if_is_none)]
pub struct DecisionAnswer {
    pub state: DecisionState,
    /// The variant to keep, once it is decided.
    pub best: Option<String>,
    /// About how many days more it takes, if traffic and rates stay as they are. Absent when decided, and when nobody
    /// can tell: no difference, too few views, or more than a year.
    pub days_left: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", rename = "VariantDecisionState")]
pub enum DecisionState {
    /// A variant was seen fewer than 100 times.
    TooEarly,
    /// None is the best one with 95 %.
    Undecided,
    /// One is.
    Decided,
}

impl DecisionAnswer {
    pub fn of(decision: Decision, variants: &[OfVariant]) -> Self {
        let (state, best, days_left) = match decision {
            Decision::TooEarly { days_left } => (DecisionState::TooEarly, None, days_left),
            Decision::Undecided { days_left } => (DecisionState::Undecided, None, days_left),
            Decision::Decided { best } => (DecisionState::Decided, Some(best), None),
        };
        let mut converting = variants.iter().filter(|variant| variant.estimate.is_some());
        Self {
            state,
            best: best.and_then(|place| Some(converting.nth(place)?.key.clone())),
            days_left,
        }
    }
}

/// Counts over time, without gaps.
#[derive(Debug, Object)]
#[oai(rename = "StatisticsSeries")]
pub struct SeriesAnswer {
    pub period: PeriodAnswer,
    pub interval: Interval,
    pub points: Vec<PointAnswer>,
    /// Under filters: from when on the numbers are whole, because single events are kept for a while only. Absent: all
    /// of it is.
    #[oai(skip_serializing_if_is_none)]
    pub complete_from: Option<Timestamp>,
}

/// An hour or a day.
#[derive(Debug, Object)]
#[oai(rename = "StatisticsPoint")]
pub struct PointAnswer {
    /// When it begins.
    pub start: Timestamp,
    /// Its name in the time zone: `2026-11-22`, or `2026-11-22T14:00:00+01:00`.
    pub local: String,
    pub counts: Numbers,
}

/// Counts by the values of a dimension.
#[derive(Debug, Object)]
#[oai(rename = "StatisticsBreakdown")]
pub struct BreakdownAnswer {
    pub period: PeriodAnswer,
    pub by: By,
    /// The largest first.
    pub items: Vec<ValueAnswer>,
    /// All that is not among the items: smaller values, those too many to be told apart, and what has none.
    pub other: Numbers,
    pub total: Numbers,
    /// Under filters: from when on the numbers are whole, because single events are kept for a while only. Absent: all
    /// of it is.
    #[oai(skip_serializing_if_is_none)]
    pub complete_from: Option<Timestamp>,
}

#[derive(Debug, Object)]
#[oai(rename = "StatisticsValue")]
pub struct ValueAnswer {
    /// Empty when unknown or absent.
    pub value: String,
    pub counts: Numbers,
}

/// What was not counted.
#[derive(Debug, Object)]
#[oai(rename = "StatisticsDrops")]
pub struct DropsAnswer {
    pub period: PeriodAnswer,
    /// The most frequent first.
    pub items: Vec<DropAnswer>,
    pub total: i64,
}

#[derive(Debug, Object)]
#[oai(rename = "StatisticsDrop")]
pub struct DropAnswer {
    pub reason: DropReason,
    pub dropped: i64,
}

/// A host on which a bar was seen, since ever.
#[derive(Debug, Object)]
#[oai(rename = "Site")]
pub struct SiteAnswer {
    pub host: String,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub views: i64,
    pub clicks: i64,
    pub closes: i64,
    pub submissions: i64,
}

#[derive(Debug, Object)]
pub struct Sites {
    pub items: Vec<SiteAnswer>,
    /// Where the next page begins (`?after=`). Absent on the last one.
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// What counts are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum By {
    Variant,
    /// Host and path, such as `example.com/pricing`.
    Page,
    Site,
    /// The host that led to the page; empty when none did, or the site itself.
    Referrer,
    Browser,
    System,
    Device,
    /// The first part of the browser's language tag, such as `de`.
    Language,
    /// Two letters of ISO 3166-1, such as `DE`; empty when unknown. Only where the operator has a file of countries.
    Country,
    UtmSource,
    UtmMedium,
    UtmCampaign,
}

impl By {
    pub const ALL: [Self; 12] = [
        Self::Variant,
        Self::Page,
        Self::Site,
        Self::Referrer,
        Self::Browser,
        Self::System,
        Self::Device,
        Self::Language,
        Self::Country,
        Self::UtmSource,
        Self::UtmMedium,
        Self::UtmCampaign,
    ];

    pub fn of(dimension: Dimension) -> Option<Self> {
        Self::ALL.into_iter().find(|by| Dimension::from(*by) == dimension)
    }
}

impl From<By> for Dimension {
    fn from(by: By) -> Self {
        match by {
            By::Variant => Self::Variant,
            By::Page => Self::Page,
            By::Site => Self::Site,
            By::Referrer => Self::Referrer,
            By::Browser => Self::Browser,
            By::System => Self::System,
            By::Device => Self::Device,
            By::Language => Self::Language,
            By::Country => Self::Country,
            By::UtmSource => Self::UtmSource,
            By::UtmMedium => Self::UtmMedium,
            By::UtmCampaign => Self::UtmCampaign,
        }
    }
}
