//! Statistics, read from the roll-ups; sites and drops.

use std::collections::BTreeMap;
use std::ops::Range;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};

use super::super::rollup::Counts;
use super::super::statistics::{DroppedByReason, RankBy, Ranking, Site};
use super::super::{Dimension, DropReason};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{bars, hourly_counts, hourly_drops, members};
use crate::db::types::{Moment, Uid};
use crate::db::{Conn, Result};
use crate::ids::{BarId, MemberId};

/// The time zone of the member, if the bar is theirs.
pub fn find_time_zone(conn: &mut Conn, member: MemberId, bar: BarId) -> Result<Option<String>> {
    Ok(members::table
        .inner_join(bars::table.on(bars::member_id.eq(members::id)))
        .filter(members::id.eq(member))
        .filter(bars::id.eq(bar))
        .filter(bars::deleted_at.is_null())
        .select(members::time_zone)
        .first(conn)
        .optional()?)
}

#[derive(QueryableByName)]
pub(super) struct Sum {
    #[diesel(sql_type = Text)]
    value: String,
    #[diesel(sql_type = BigInt)]
    views: i64,
    #[diesel(sql_type = BigInt)]
    visitors: i64,
    #[diesel(sql_type = BigInt)]
    clicks: i64,
    #[diesel(sql_type = BigInt)]
    closes: i64,
    #[diesel(sql_type = BigInt)]
    submissions: i64,
}

impl Sum {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            views: self.views,
            visitors: self.visitors,
            clicks: self.clicks,
            closes: self.closes,
            submissions: self.submissions,
        }
    }

    pub(super) fn named(self) -> (String, Counts) {
        let counts = self.counts();
        (self.value, counts)
    }
}

/// The rows of a dimension over some hours: whole days from the daily roll-up, the edges from the hourly one. `$n`
/// stands for the same value on both databases, as long as each first appears in its order.
const PARTS: &str = "\
    SELECT value, views, visitors, clicks, closes, submissions FROM daily_counts \
    WHERE member_id = $1 AND bar_id = $2 AND dimension = $3 AND day >= $4 AND day < $5 \
    UNION ALL \
    SELECT value, views, visitors, clicks, closes, submissions FROM hourly_counts \
    WHERE member_id = $1 AND bar_id = $2 AND dimension = $3 AND hour >= $6 AND hour < $7 \
    UNION ALL \
    SELECT value, views, visitors, clicks, closes, submissions FROM hourly_counts \
    WHERE member_id = $1 AND bar_id = $2 AND dimension = $3 AND hour >= $8 AND hour < $9";

pub(super) const SUMS: &str = "\
    CAST(coalesce(sum(views), 0) AS bigint) AS views, CAST(coalesce(sum(visitors), 0) AS bigint) AS visitors, \
    CAST(coalesce(sum(clicks), 0) AS bigint) AS clicks, CAST(coalesce(sum(closes), 0) AS bigint) AS closes, \
    CAST(coalesce(sum(submissions), 0) AS bigint) AS submissions";

fn load_sums(
    conn: &mut Conn,
    statement: String,
    member: MemberId,
    bar: BarId,
    dimension: Dimension,
    hours: Range<i32>,
) -> Result<Vec<Sum>> {
    let (days, left, right) = split(&hours);
    both!(conn, |c| Ok(diesel::sql_query(statement)
        .bind::<Uid, _>(member)
        .bind::<Uid, _>(bar)
        .bind::<Text, _>(dimension)
        .bind::<Integer, _>(days.start)
        .bind::<Integer, _>(days.end)
        .bind::<Integer, _>(left.start)
        .bind::<Integer, _>(left.end)
        .bind::<Integer, _>(right.start)
        .bind::<Integer, _>(right.end)
        .load(c)?))
}

/// Whole days, and the hours before and after them.
pub(super) fn split(hours: &Range<i32>) -> (Range<i32>, Range<i32>, Range<i32>) {
    let (first, last) = ((hours.start + 23).div_euclid(24), hours.end.div_euclid(24));
    if first < last {
        (first..last, hours.start..first * 24, last * 24..hours.end)
    } else {
        (0..0, hours.clone(), 0..0)
    }
}

/// The views of all bars of a member in these hours, the deleted ones included.
pub fn views_of_member(conn: &mut Conn, member: MemberId, hours: Range<i32>) -> Result<i64> {
    #[derive(QueryableByName)]
    struct Views {
        #[diesel(sql_type = BigInt)]
        views: i64,
    }
    let (days, left, right) = split(&hours);
    let part = |table: &str, bucket: &str, from: u8, to: u8| {
        format!(
            "SELECT c.views FROM {table} c WHERE c.member_id = $1 AND NOT EXISTS \
             (SELECT 1 FROM views_of_deleted_bars d WHERE d.member_id = c.member_id AND d.bar_id = c.bar_id) AND c.dimension = $2 AND c.{bucket} >= ${from} AND c.{bucket} < ${to}"
        )
    };
    let statement = format!(
        "SELECT CAST(coalesce(sum(views), 0) AS bigint) AS views FROM ({} UNION ALL {} UNION ALL {} UNION ALL \
         SELECT views FROM views_of_deleted_bars WHERE member_id = $1 AND hour >= $9 AND hour < $10) parts",
        part("daily_counts", "day", 3, 4),
        part("hourly_counts", "hour", 5, 6),
        part("hourly_counts", "hour", 7, 8),
    );
    let sum: Views = both!(conn, |c| diesel::sql_query(statement)
        .bind::<Uid, _>(member)
        .bind::<Text, _>(Dimension::Total)
        .bind::<Integer, _>(days.start)
        .bind::<Integer, _>(days.end)
        .bind::<Integer, _>(left.start)
        .bind::<Integer, _>(left.end)
        .bind::<Integer, _>(right.start)
        .bind::<Integer, _>(right.end)
        .bind::<Integer, _>(hours.start)
        .bind::<Integer, _>(hours.end)
        .get_result(c)?);
    Ok(sum.views)
}

/// Notes the views of a deleted bar before its sums are purged: they were had all the same. Of the last 62 days that it was
/// seen, for no period in which views are limited is longer.
pub fn keep_views_of_deleted(tx: &mut Conn, member: MemberId, bar: BarId) -> Result<()> {
    const HOURS: i32 = 62 * 24;
    let statement = "INSERT INTO views_of_deleted_bars (member_id, bar_id, hour, views) \
         SELECT member_id, bar_id, hour, views FROM hourly_counts WHERE member_id = $1 AND bar_id = $2 AND dimension = $3 \
         AND views > 0 AND hour > (SELECT max(hour) FROM hourly_counts WHERE member_id = $1 AND bar_id = $2) - $4 \
         AND NOT EXISTS (SELECT 1 FROM views_of_deleted_bars WHERE member_id = $1 AND bar_id = $2)";
    both!(tx, |c| diesel::sql_query(statement)
        .bind::<Uid, _>(member)
        .bind::<Uid, _>(bar)
        .bind::<Text, _>(Dimension::Total)
        .bind::<Integer, _>(HOURS)
        .execute(c)?);
    Ok(())
}

/// The time zone of the member.
pub fn find_zone_of_member(conn: &mut Conn, member: MemberId) -> Result<Option<String>> {
    Ok(members::table
        .filter(members::id.eq(member))
        .select(members::time_zone)
        .first(conn)
        .optional()?)
}

/// All counts of each of the member's bars in these hours, bars without any included.
pub fn list_by_bar(conn: &mut Conn, member: MemberId, hours: Range<i32>) -> Result<Vec<(BarId, Counts)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Uid)]
        bar_id: BarId,
        #[diesel(embed)]
        sum: Sum,
    }
    let (days, left, right) = split(&hours);
    let part = |table: &str, bucket: &str, from: u8, to: u8| {
        format!(
            "SELECT b.id AS bar_id, views, visitors, clicks, closes, submissions FROM mine b JOIN {table} c \
             ON c.member_id = $1 AND c.bar_id = b.id AND c.dimension = $2 AND c.{bucket} >= ${from} AND c.{bucket} < ${to}"
        )
    };
    // A line of zeros for each bar, so that those without counts are there too.
    let statement = format!(
        "WITH mine AS (SELECT id FROM bars WHERE member_id = $1 AND deleted_at IS NULL) \
         SELECT bar_id, '' AS value, {SUMS} FROM ({} UNION ALL {} UNION ALL {} UNION ALL \
         SELECT id, 0, 0, 0, 0, 0 FROM mine) AS parts GROUP BY bar_id ORDER BY bar_id",
        part("daily_counts", "day", 3, 4),
        part("hourly_counts", "hour", 5, 6),
        part("hourly_counts", "hour", 7, 8)
    );
    let rows: Vec<Row> = both!(conn, |c| diesel::sql_query(statement)
        .bind::<Uid, _>(member)
        .bind::<Text, _>(Dimension::Total)
        .bind::<Integer, _>(days.start)
        .bind::<Integer, _>(days.end)
        .bind::<Integer, _>(left.start)
        .bind::<Integer, _>(left.end)
        .bind::<Integer, _>(right.start)
        .bind::<Integer, _>(right.end)
        .load(c)?);
    Ok(rows
        .into_iter()
        .map(|row| (row.bar_id, row.sum.counts()))
        .collect())
}

/// The first of these hours in which a bar counted anything.
pub fn first_hour(conn: &mut Conn, member: MemberId, bar: BarId, hours: Range<i32>) -> Result<Option<i32>> {
    Ok(hourly_counts::table
        .filter(hourly_counts::member_id.eq(member))
        .filter(hourly_counts::bar_id.eq(bar))
        .filter(hourly_counts::dimension.eq(Dimension::Total))
        .filter(hourly_counts::hour.ge(hours.start))
        .filter(hourly_counts::hour.lt(hours.end))
        .order(hourly_counts::hour)
        .select(hourly_counts::hour)
        .first(conn)
        .optional()?)
}

/// The sums of a dimension, its values not told apart.
pub fn sum_of(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    by: Dimension,
    hours: Range<i32>,
) -> Result<Counts> {
    let statement = format!("SELECT '' AS value, {SUMS} FROM ({PARTS}) AS parts");
    let rows = load_sums(conn, statement, member, bar, by, hours)?;
    Ok(rows.first().map(Sum::counts).unwrap_or_default())
}

/// The values of a dimension with their sums, the largest first.
pub fn list_by_value(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    by: Dimension,
    hours: Range<i32>,
    ranking: Ranking,
) -> Result<Vec<(String, Counts)>> {
    let order = order_of(ranking.by);
    let limit = ranking.limit;
    // `COLLATE` makes both databases break ties alike.
    let collation = match conn {
        Conn::Sqlite(_) => "BINARY",
        Conn::Postgres(_) => "\"C\"",
    };
    let statement = format!(
        "SELECT * FROM (SELECT value, {SUMS} FROM ({PARTS}) AS parts GROUP BY value) AS sums \
         ORDER BY {order} DESC, views DESC, value COLLATE {collation} LIMIT {limit}"
    );
    let rows = load_sums(conn, statement, member, bar, by, hours)?;
    Ok(rows.into_iter().map(Sum::named).collect())
}

pub(super) fn order_of(by: RankBy) -> &'static str {
    match by {
        RankBy::Views => "views",
        RankBy::Visitors => "visitors",
        RankBy::Clicks => "clicks",
        RankBy::Closes => "closes",
        RankBy::Submissions => "submissions",
    }
}

/// The counts of one value of a dimension, hour by hour, those hours only that have any.
pub fn list_hours(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    dimension: Dimension,
    value: &str,
    hours: Range<i32>,
) -> Result<Vec<(i32, Counts)>> {
    type Row = (i32, i64, i64, i64, i64, i64);
    let rows: Vec<Row> = hourly_counts::table
        .filter(hourly_counts::member_id.eq(member))
        .filter(hourly_counts::bar_id.eq(bar))
        .filter(hourly_counts::dimension.eq(dimension))
        .filter(hourly_counts::hour.ge(hours.start))
        .filter(hourly_counts::hour.lt(hours.end))
        .filter(hourly_counts::value.eq(value.to_owned()))
        .order(hourly_counts::hour)
        .select((
            hourly_counts::hour,
            hourly_counts::views,
            hourly_counts::visitors,
            hourly_counts::clicks,
            hourly_counts::closes,
            hourly_counts::submissions,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(hour, views, visitors, clicks, closes, submissions)| {
            (
                hour,
                Counts {
                    views,
                    visitors,
                    clicks,
                    closes,
                    submissions,
                },
            )
        })
        .collect())
}

/// What was dropped in these hours, by reason, the most frequent first.
pub fn list_drops(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    hours: Range<i32>,
) -> Result<Vec<DroppedByReason>> {
    let rows: Vec<(DropReason, i64)> = hourly_drops::table
        .filter(hourly_drops::member_id.eq(member))
        .filter(hourly_drops::bar_id.eq(bar))
        .filter(hourly_drops::hour.ge(hours.start))
        .filter(hourly_drops::hour.lt(hours.end))
        .select((hourly_drops::reason, hourly_drops::dropped))
        .load(conn)?;
    let mut sums: BTreeMap<DropReason, i64> = BTreeMap::new();
    for (reason, dropped) in rows {
        *sums.entry(reason).or_default() += dropped;
    }
    let mut drops: Vec<DroppedByReason> = sums
        .into_iter()
        .map(|(reason, dropped)| DroppedByReason { reason, dropped })
        .collect();
    drops.sort_by_key(|drop| std::cmp::Reverse(drop.dropped));
    Ok(drops)
}

/// The sites of a bar in the order of their hosts.
pub fn list_sites(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Site>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        host: String,
        #[diesel(sql_type = Moment)]
        first_seen_at: Timestamp,
        #[diesel(sql_type = Moment)]
        last_seen_at: Timestamp,
        #[diesel(sql_type = BigInt)]
        views: i64,
        #[diesel(sql_type = BigInt)]
        clicks: i64,
        #[diesel(sql_type = BigInt)]
        closes: i64,
        #[diesel(sql_type = BigInt)]
        submissions: i64,
    }
    // Hosts are ASCII: compared byte by byte, both databases page alike.
    let collation = match conn {
        Conn::Sqlite(_) => "BINARY",
        Conn::Postgres(_) => "\"C\"",
    };
    let statement = format!(
        "SELECT host, first_seen_at, last_seen_at, views, clicks, closes, submissions FROM sites \
         WHERE member_id = $1 AND bar_id = $2 AND host COLLATE {collation} > $3 \
         ORDER BY host COLLATE {collation} LIMIT {limit}"
    );
    let rows: Vec<Row> = both!(conn, |c| diesel::sql_query(statement)
        .bind::<Uid, _>(member)
        .bind::<Uid, _>(bar)
        .bind::<Text, _>(after.unwrap_or_default())
        .load(c)?);
    Ok(rows
        .into_iter()
        .map(|row| Site {
            host: row.host,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            views: row.views,
            clicks: row.clicks,
            closes: row.closes,
            submissions: row.submissions,
        })
        .collect())
}
