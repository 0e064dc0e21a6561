//! Statistics over HTTP: numbers as JSON, and as CSV.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::tz::TimeZone;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Attachment, AttachmentType};
use poem_openapi::{ApiResponse, OpenApi, Tags};

use super::filters::Only;
use super::shapes::*;
use crate::accounts::Operation;
use crate::accounts::api::Caller;
use crate::csv;
use crate::http::{Json, Problem};
use crate::ids::{BarId, MemberId};
use crate::tracking::{Counts, Dimension, Interval, Period, PeriodUnfit, RankBy, Ranking, Tracking};

/// What bars counted.
pub struct StatisticsApi {
    pub tracking: Tracking,
}

#[derive(Tags)]
enum Tag {
    /// What bars counted, and what they did not, and why.
    Statistics,
}

#[derive(ApiResponse)]
enum Export {
    /// A table, with a line of headings.
    #[oai(status = 200, content_type = "text/csv")]
    Csv(Attachment<Vec<u8>>),
}

/// More lines than this no export has.
const MAX_EXPORT: i64 = 10_000;

#[OpenApi]
impl StatisticsApi {
    /// Read a bar's totals
    ///
    /// Views, visitors, clicks, closes and submissions of a period, and of the period before it. Without `from` and
    /// `to`: the last 30 days, today included.
    ///
    /// Filters must all hold. One value is known for ever; several together as long as single events are kept:
    /// `complete_from` says from when on the numbers are whole, both periods considered.
    #[oai(
        path = "/bars/:bar_id/stats",
        method = "get",
        operation_id = "read_stats",
        tag = "Tag::Statistics"
    )]
    async fn totals(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// The first day in the time zone, such as `2026-11-01`, or the first instant.
        #[oai(validator(max_length = 40))]
        from: Query<Option<String>>,
        /// The last day in the time zone (included), or the first instant that is not in the period.
        #[oai(validator(max_length = 40))]
        to: Query<Option<String>>,
        /// An IANA name, such as `Europe/Berlin`. Absent: the member's.
        #[oai(validator(max_length = 64))]
        time_zone: Query<Option<String>>,
        only: Only,
    ) -> Result<Json<Statistics>, Problem> {
        let asked = Asked {
            from: from.0,
            to: to.0,
            time_zone: time_zone.0,
        };
        let (member, period) = self
            .question(&caller, Operation::ReadStats, bar_id.0, asked)
            .await?;
        only.0.check(None)?;
        let totals = self.tracking.totals(member, bar_id.0, period, only.0).await?;
        Ok(Json(Statistics {
            period: (&totals.period).into(),
            totals: totals.counts.into(),
            period_before: (&totals.period_before).into(),
            totals_before: totals.before.into(),
            dimensions: totals.dimensions.into_iter().filter_map(By::of).collect(),
            complete_from: totals.complete_from,
        }))
    }

    /// Read a bar's counts over time
    ///
    /// Hour by hour or day by day, without gaps; a day is one of the time zone, of 23 to 25 hours. At most 1000 points.
    /// Filters as in the totals; points before `complete_from` lack what is no longer kept.
    #[oai(
        path = "/bars/:bar_id/stats/series",
        method = "get",
        operation_id = "read_stats_series",
        tag = "Tag::Statistics"
    )]
    #[allow(clippy::too_many_arguments, reason = "one for each parameter")]
    async fn series(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// The first day in the time zone, such as `2026-11-01`, or the first instant.
        #[oai(validator(max_length = 40))]
        from: Query<Option<String>>,
        /// The last day in the time zone (included), or the first instant that is not in the period.
        #[oai(validator(max_length = 40))]
        to: Query<Option<String>>,
        /// An IANA name, such as `Europe/Berlin`. Absent: the member's.
        #[oai(validator(max_length = 64))]
        time_zone: Query<Option<String>>,
        /// Absent: hours up to two days, else days.
        interval: Query<Option<Interval>>,
        only: Only,
    ) -> Result<Json<SeriesAnswer>, Problem> {
        let asked = Asked {
            from: from.0,
            to: to.0,
            time_zone: time_zone.0,
        };
        let (member, period) = self
            .question(&caller, Operation::ReadStatsSeries, bar_id.0, asked)
            .await?;
        only.0.check(None)?;
        let interval = interval.0.unwrap_or_else(|| period.natural_interval());
        period.check(interval)?;
        let series = self
            .tracking
            .series(member, bar_id.0, period, interval, only.0)
            .await?;
        let points = series.points.into_iter().map(|point| PointAnswer {
            start: point.start.at,
            local: point.start.local,
            counts: point.counts.into(),
        });
        Ok(Json(SeriesAnswer {
            period: (&series.period).into(),
            interval: series.interval,
            points: points.collect(),
            complete_from: series.complete_from,
        }))
    }

    /// Read a bar's counts by page, site, referrer, …
    ///
    /// Filters as in the totals.
    #[oai(
        path = "/bars/:bar_id/stats/breakdown",
        method = "get",
        operation_id = "read_stats_breakdown",
        tag = "Tag::Statistics"
    )]
    #[allow(clippy::too_many_arguments, reason = "one for each parameter")]
    async fn breakdown(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// What counts are told apart by.
        by: Query<By>,
        /// The first day in the time zone, such as `2026-11-01`, or the first instant.
        #[oai(validator(max_length = 40))]
        from: Query<Option<String>>,
        /// The last day in the time zone (included), or the first instant that is not in the period.
        #[oai(validator(max_length = 40))]
        to: Query<Option<String>>,
        /// An IANA name, such as `Europe/Berlin`. Absent: the member's.
        #[oai(validator(max_length = 64))]
        time_zone: Query<Option<String>>,
        /// What the largest values have most of. Absent: views.
        sort: Query<Option<RankBy>>,
        /// How many values are listed. Absent: 50.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<i64>>,
        only: Only,
    ) -> Result<Json<BreakdownAnswer>, Problem> {
        let asked = Asked {
            from: from.0,
            to: to.0,
            time_zone: time_zone.0,
        };
        let (member, period) = self
            .question(&caller, Operation::ReadStatsBreakdown, bar_id.0, asked)
            .await?;
        only.0.check(Some(by.0.into()))?;
        let ranking = Ranking {
            by: sort.0.unwrap_or(RankBy::Views),
            limit: limit.0.unwrap_or(50),
        };
        let breakdown = self
            .tracking
            .breakdown(member, bar_id.0, period, by.0.into(), ranking, only.0)
            .await?;
        let items = breakdown.values.into_iter().map(|(value, counts)| ValueAnswer {
            value,
            counts: counts.into(),
        });
        Ok(Json(BreakdownAnswer {
            period: (&breakdown.period).into(),
            by: by.0,
            items: items.collect(),
            other: breakdown.other.into(),
            total: breakdown.total.into(),
            complete_from: breakdown.complete_from,
        }))
    }

    /// Read the totals of all bars
    ///
    /// Of a period, and of the period before it: what a list of bars shows. Without `from` and `to`: the last 30 days.
    #[oai(
        path = "/stats",
        method = "get",
        operation_id = "read_all_stats",
        tag = "Tag::Statistics"
    )]
    async fn all_bars(
        &self,
        caller: Caller,
        /// The first day in the time zone, such as `2026-11-01`, or the first instant.
        #[oai(validator(max_length = 40))]
        from: Query<Option<String>>,
        /// The last day in the time zone (included), or the first instant that is not in the period.
        #[oai(validator(max_length = 40))]
        to: Query<Option<String>>,
        /// An IANA name, such as `Europe/Berlin`. Absent: the member's.
        #[oai(validator(max_length = 64))]
        time_zone: Query<Option<String>>,
    ) -> Result<Json<BarsAnswer>, Problem> {
        let member = caller.may(Operation::ReadAllStats)?.member;
        let asked = Asked {
            from: from.0,
            to: to.0,
            time_zone: time_zone.0,
        };
        let zone = self.tracking.zone_of_member(member).await?;
        let period = self.period(asked, zone)?;
        let found = self.tracking.all_bars(member, period).await?;
        let items = found.bars.into_iter().map(|one| BarAnswer {
            bar_id: one.bar,
            counts: one.counts.into(),
            counts_before: one.before.into(),
        });
        Ok(Json(BarsAnswer {
            period: (&found.period).into(),
            period_before: (&found.period_before).into(),
            items: items.collect(),
        }))
    }

    /// Compare a bar's variants
    ///
    /// Conversions for each view, how sure that is, and how likely each variant is the best one: Bayesian, from a uniform
    /// prior. Decided when one is the best with 95 % and each was seen 100 times. What is left is estimated from the
    /// difference between the best two and the traffic so far, which must grow until that difference is 1.645 times its
    /// own deviation.
    #[oai(
        path = "/bars/:bar_id/stats/variants",
        method = "get",
        operation_id = "read_stats_variants",
        tag = "Tag::Statistics"
    )]
    async fn variants(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// The first day in the time zone, such as `2026-11-01`, or the first instant.
        #[oai(validator(max_length = 40))]
        from: Query<Option<String>>,
        /// The last day in the time zone (included), or the first instant that is not in the period.
        #[oai(validator(max_length = 40))]
        to: Query<Option<String>>,
        /// An IANA name, such as `Europe/Berlin`. Absent: the member's.
        #[oai(validator(max_length = 64))]
        time_zone: Query<Option<String>>,
    ) -> Result<Json<VariantsAnswer>, Problem> {
        let asked = Asked {
            from: from.0,
            to: to.0,
            time_zone: time_zone.0,
        };
        let (member, period) = self
            .question(&caller, Operation::ReadStatsVariants, bar_id.0, asked)
            .await?;
        let found = self.tracking.variants(member, bar_id.0, period).await?;
        let decision = found
            .decision
            .map(|decision| DecisionAnswer::of(decision, &found.variants));
        Ok(Json(VariantsAnswer {
            period: (&found.period).into(),
            decision,
            items: found.variants.into_iter().map(Into::into).collect(),
        }))
    }

    /// Read what a bar did not count, and why
    ///
    /// Bots, look-aheads, visitors who opted out, hosts that are not allowed, … (promise 13).
    #[oai(
        path = "/bars/:bar_id/stats/drops",
        method = "get",
        operation_id = "read_stats_drops",
        tag = "Tag::Statistics"
    )]
    async fn drops(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// The first day in the time zone, such as `2026-11-01`, or the first instant.
        #[oai(validator(max_length = 40))]
        from: Query<Option<String>>,
        /// The last day in the time zone (included), or the first instant that is not in the period.
        #[oai(validator(max_length = 40))]
        to: Query<Option<String>>,
        /// An IANA name, such as `Europe/Berlin`. Absent: the member's.
        #[oai(validator(max_length = 64))]
        time_zone: Query<Option<String>>,
    ) -> Result<Json<DropsAnswer>, Problem> {
        let asked = Asked {
            from: from.0,
            to: to.0,
            time_zone: time_zone.0,
        };
        let (member, period) = self
            .question(&caller, Operation::ReadStatsDrops, bar_id.0, asked)
            .await?;
        let answer = PeriodAnswer::from(&period);
        let drops = self.tracking.drops(member, bar_id.0, period).await?;
        let total = drops.iter().map(|drop| drop.dropped).sum();
        let items = drops.into_iter().map(|drop| DropAnswer {
            reason: drop.reason,
            dropped: drop.dropped,
        });
        Ok(Json(DropsAnswer {
            period: answer,
            items: items.collect(),
            total,
        }))
    }

    /// Export a bar's counts as CSV
    ///
    /// With `by`: by its values; without: over time. Cells that a spreadsheet would take for formulas begin with an
    /// apostrophe. Filters as in the totals.
    #[oai(
        path = "/bars/:bar_id/stats.csv",
        method = "get",
        operation_id = "export_stats",
        tag = "Tag::Statistics"
    )]
    #[allow(clippy::too_many_arguments, reason = "one for each parameter")]
    async fn export(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// What counts are told apart by.
        by: Query<Option<By>>,
        /// The first day in the time zone, such as `2026-11-01`, or the first instant.
        #[oai(validator(max_length = 40))]
        from: Query<Option<String>>,
        /// The last day in the time zone (included), or the first instant that is not in the period.
        #[oai(validator(max_length = 40))]
        to: Query<Option<String>>,
        /// An IANA name, such as `Europe/Berlin`. Absent: the member's.
        #[oai(validator(max_length = 64))]
        time_zone: Query<Option<String>>,
        /// For an export over time. Absent: hours up to two days, else days.
        interval: Query<Option<Interval>>,
        only: Only,
    ) -> Result<Export, Problem> {
        let asked = Asked {
            from: from.0,
            to: to.0,
            time_zone: time_zone.0,
        };
        let (member, period) = self
            .question(&caller, Operation::ExportStats, bar_id.0, asked)
            .await?;
        self.tracking.may_export(member).await??;
        only.0.check(by.0.map(Dimension::from))?;
        let (heading, rows) = match by.0 {
            Some(by) => {
                let ranking = Ranking {
                    by: RankBy::Views,
                    limit: MAX_EXPORT,
                };
                let breakdown = self
                    .tracking
                    .breakdown(member, bar_id.0, period, by.into(), ranking, only.0)
                    .await?;
                let mut rows = breakdown.values;
                if breakdown.other != Counts::default() {
                    rows.push((crate::tracking::OTHER.to_owned(), breakdown.other));
                }
                (breakdown.by.as_str(), rows)
            }
            None => {
                let interval = interval.0.unwrap_or_else(|| period.natural_interval());
                period.check(interval)?;
                let series = self
                    .tracking
                    .series(member, bar_id.0, period, interval, only.0)
                    .await?;
                let rows = series
                    .points
                    .into_iter()
                    .map(|point| (point.start.local, point.counts));
                ("start", rows.collect())
            }
        };
        let table = table(heading, &rows).map_err(Problem::internal)?;
        let file = Attachment::new(table)
            .attachment_type(AttachmentType::Attachment)
            .filename(format!("{}-{heading}.csv", bar_id.0));
        Ok(Export::Csv(file))
    }

    /// List where a bar was seen
    ///
    /// Every host, with when it was first and last seen. Outlives single events (promise 14).
    #[oai(
        path = "/bars/:bar_id/sites",
        method = "get",
        operation_id = "list_sites",
        tag = "Tag::Statistics"
    )]
    async fn sites(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// How many sites are listed. Absent: 50.
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<Option<i64>>,
        /// The `next_cursor` of the page before.
        #[oai(validator(max_length = 400))]
        after: Query<Option<String>>,
    ) -> Result<Json<Sites>, Problem> {
        let (member, _) = self.reader(&caller, Operation::ListSites, bar_id.0).await?;
        let after = after.0.map(|cursor| read_cursor(&cursor)).transpose()?;
        let page = self
            .tracking
            .sites(member, bar_id.0, after, limit.0.unwrap_or(50))
            .await?;
        let items = page.sites.into_iter().map(|site| SiteAnswer {
            host: site.host,
            first_seen_at: site.first_seen_at,
            last_seen_at: site.last_seen_at,
            views: site.views,
            clicks: site.clicks,
            closes: site.closes,
            submissions: site.submissions,
        });
        Ok(Json(Sites {
            items: items.collect(),
            next_cursor: page.next.map(|host| URL_SAFE_NO_PAD.encode(host)),
        }))
    }
}

/// What every question begins with.
struct Asked {
    from: Option<String>,
    to: Option<String>,
    time_zone: Option<String>,
}

impl StatisticsApi {
    /// The member, and the time zone they live by, if the caller may and the bar is theirs; another's bar is none
    /// (promise 34).
    async fn reader(
        &self,
        caller: &Caller,
        operation: Operation,
        bar: BarId,
    ) -> Result<(MemberId, TimeZone), Problem> {
        let member = caller.may(operation)?.member;
        let zone = self.tracking.zone_of_bar(member, bar).await?;
        Ok((member, zone.ok_or_else(Problem::not_found)?))
    }

    /// The same, and the period that is asked for.
    async fn question(
        &self,
        caller: &Caller,
        operation: Operation,
        bar: BarId,
        asked: Asked,
    ) -> Result<(MemberId, Period), Problem> {
        let (member, zone) = self.reader(caller, operation, bar).await?;
        Ok((member, self.period(asked, zone)?))
    }

    /// The period that is asked for, by the time zone that is asked for, or else this one.
    fn period(&self, asked: Asked, zone: TimeZone) -> Result<Period, Problem> {
        let zone = match asked.time_zone {
            None => zone,
            Some(name) => TimeZone::get(&name).map_err(|_| {
                Problem::field(
                    "time_zone",
                    "is not the name of a time zone, such as Europe/Berlin",
                )
            })?,
        };
        let period = self
            .tracking
            .period(asked.from.as_deref(), asked.to.as_deref(), zone)?;
        Ok(period)
    }
}

impl From<PeriodUnfit> for Problem {
    fn from(unfit: PeriodUnfit) -> Self {
        Problem::field(unfit.field, unfit.message)
    }
}

fn read_cursor(cursor: &str) -> Result<String, Problem> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|host| host.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| Problem::field("after", "is not a cursor of this list"))
}

fn table(heading: &str, rows: &[(String, Counts)]) -> Result<Vec<u8>, ::csv::Error> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record([heading, "views", "visitors", "clicks", "closes", "submissions"])?;
    for (value, counts) in rows {
        let numbers = [
            counts.views,
            counts.visitors,
            counts.clicks,
            counts.closes,
            counts.submissions,
        ];
        let mut record = vec![csv::cell(value).into_owned()];
        record.extend(numbers.map(|number| number.to_string()));
        writer.write_record(record)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
