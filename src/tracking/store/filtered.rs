//! Sums under filters: one value's from the roll-ups, several values' from the events that are kept.

use std::ops::Range;

use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use super::Counts;
use super::reading::{SUMS, Sum, order_of, split};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{daily_counts, events, hourly_counts};
use crate::db::types::{Moment, Uid};
use crate::db::{Conn, Result};
use crate::ids::{BarId, MemberId};
use crate::tracking::{Dimension, Filters, OTHER, Ranking};

/// The roll-ups' counts of one value in these hours.
pub fn total_of_value(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    (dimension, value): (Dimension, &str),
    hours: Range<i32>,
) -> Result<Counts> {
    let (days, left, right) = split(&hours);
    let part = |table: &str, bucket: &str, from: u8, to: u8| {
        format!(
            "SELECT views, visitors, clicks, closes, submissions FROM {table} WHERE member_id = $1 AND bar_id = $2 \
             AND dimension = $3 AND value = $4 AND {bucket} >= ${from} AND {bucket} < ${to}"
        )
    };
    let statement = format!(
        "SELECT '' AS value, {SUMS} FROM ({} UNION ALL {} UNION ALL {}) AS parts",
        part("daily_counts", "day", 5, 6),
        part("hourly_counts", "hour", 7, 8),
        part("hourly_counts", "hour", 9, 10)
    );
    let rows: Vec<Sum> = both!(conn, |c| diesel::sql_query(statement)
        .bind::<Uid, _>(member)
        .bind::<Uid, _>(bar)
        .bind::<Text, _>(dimension)
        .bind::<Text, _>(value)
        .bind::<Integer, _>(days.start)
        .bind::<Integer, _>(days.end)
        .bind::<Integer, _>(left.start)
        .bind::<Integer, _>(left.end)
        .bind::<Integer, _>(right.start)
        .bind::<Integer, _>(right.end)
        .load(c)?);
    Ok(rows.first().map(Sum::counts).unwrap_or_default())
}

/// Were there, on a day of these hours, more values than are told apart? Then a value's roll-ups may lack some.
pub fn has_others(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    dimension: Dimension,
    hours: Range<i32>,
) -> Result<bool> {
    let others = daily_counts::table
        .filter(daily_counts::member_id.eq(member))
        .filter(daily_counts::bar_id.eq(bar))
        .filter(daily_counts::dimension.eq(dimension))
        .filter(daily_counts::value.eq(OTHER))
        .filter(daily_counts::day.ge(hours.start.div_euclid(24)))
        .filter(daily_counts::day.le((hours.end - 1).div_euclid(24)))
        .select(daily_counts::day)
        .limit(1);
    Ok(others.first::<i32>(conn).optional()?.is_some())
}

/// Was a country looked up on a day of these hours?
pub fn has_countries(conn: &mut Conn, member: MemberId, bar: BarId, hours: Range<i32>) -> Result<bool> {
    let some = daily_counts::table
        .filter(daily_counts::member_id.eq(member))
        .filter(daily_counts::bar_id.eq(bar))
        .filter(daily_counts::dimension.eq(Dimension::Country))
        .filter(daily_counts::day.ge(hours.start.div_euclid(24)))
        .filter(daily_counts::day.le((hours.end - 1).div_euclid(24)))
        .select(daily_counts::day)
        .limit(1);
    Ok(some.first::<i32>(conn).optional()?.is_some())
}

/// The first of these hours from which on every event that was counted is still kept.
pub fn first_hour_kept(conn: &mut Conn, member: MemberId, bar: BarId, hours: &Range<i32>) -> Result<i32> {
    let oldest: Option<Timestamp> = events::table
        .filter(events::member_id.eq(member))
        .filter(events::bar_id.eq(bar))
        .order(events::received_at)
        .select(events::received_at)
        .first(conn)
        .optional()?;
    // Events go oldest first: before this hour there is none, within it some may be gone, and after it none is.
    let edge = oldest.map_or(hours.end, |oldest| oldest.hour().min(hours.end));
    if edge < hours.start {
        return Ok(hours.start);
    }
    let in_hours = |from: i32, to: i32| {
        hourly_counts::table
            .filter(hourly_counts::member_id.eq(member))
            .filter(hourly_counts::bar_id.eq(bar))
            .filter(hourly_counts::dimension.eq(Dimension::Total))
            .filter(hourly_counts::hour.ge(from))
            .filter(hourly_counts::hour.lt(to))
    };
    if edge < hours.end {
        let counted: Vec<(i64, i64, i64, i64)> = in_hours(edge, edge + 1)
            .select((
                hourly_counts::views,
                hourly_counts::clicks,
                hourly_counts::closes,
                hourly_counts::submissions,
            ))
            .load(conn)?;
        let counted: i64 = counted.iter().map(|(a, b, c, d)| a + b + c + d).sum();
        let kept: i64 = events::table
            .filter(events::member_id.eq(member))
            .filter(events::bar_id.eq(bar))
            .filter(events::received_at.ge(start_of(edge)))
            .filter(events::received_at.lt(start_of(edge + 1)))
            .count()
            .get_result(conn)?;
        if kept != counted {
            return Ok(edge + 1);
        }
    }
    let gone = in_hours(hours.start, edge)
        .select(hourly_counts::hour)
        .order(hourly_counts::hour.desc())
        .limit(1)
        .first::<i32>(conn)
        .optional()?;
    // What lies between the last hour of which all is gone and the first event was quiet, and is known to have been.
    Ok(gone.map_or(hours.start, |gone| gone + 1))
}

pub(super) fn start_of(hour: i32) -> Timestamp {
    Timestamp::from_secs(i64::from(hour) * 3600)
}

/// What an event says in a dimension; null if it has no such thing. Both databases read it alike.
pub(super) fn value_of(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Total => "''",
        Dimension::Variant => "variant",
        Dimension::Page => "host || path",
        Dimension::Site => "host",
        Dimension::Referrer => "referrer_host",
        Dimension::Browser => "browser",
        Dimension::System => "system",
        Dimension::Device => "device",
        Dimension::Language => "language",
        Dimension::Country => "country",
        Dimension::UtmSource => "utm ->> 'source'",
        Dimension::UtmMedium => "utm ->> 'medium'",
        Dimension::UtmCampaign => "utm ->> 'campaign'",
    }
}

/// The kinds are those of `EventKind::code`.
pub(super) const EVENT_SUMS: &str = "\
    CAST(coalesce(sum(CASE WHEN kind = 1 THEN 1 ELSE 0 END), 0) AS bigint) AS views, \
    CAST(coalesce(sum(CASE WHEN first_of_day THEN 1 ELSE 0 END), 0) AS bigint) AS visitors, \
    CAST(coalesce(sum(CASE WHEN kind = 2 THEN 1 ELSE 0 END), 0) AS bigint) AS clicks, \
    CAST(coalesce(sum(CASE WHEN kind = 3 THEN 1 ELSE 0 END), 0) AS bigint) AS closes, \
    CAST(coalesce(sum(CASE WHEN kind = 4 THEN 1 ELSE 0 END), 0) AS bigint) AS submissions";

/// The hour of UTC in which an event arrived.
pub(super) fn hour_of_event(conn: &Conn) -> &'static str {
    match conn {
        Conn::Sqlite(_) => "received_at / 3600000000",
        Conn::Postgres(_) => "CAST(floor(extract(epoch FROM received_at) / 3600) AS integer)",
    }
}

/// Which events: `$1` to `$4` say whose and when, the rest are the values of the filters, in their order.
fn condition(filters: &Filters) -> (String, Vec<String>) {
    let mut condition =
        "FROM events WHERE member_id = $1 AND bar_id = $2 AND received_at >= $3 AND received_at < $4"
            .to_owned();
    let mut values = Vec::new();
    for (dimension, value) in filters.iter() {
        let said = value_of(dimension);
        if dimension.may_be_absent() && value.is_empty() {
            condition.push_str(&format!(" AND {said} IS NULL"));
        } else {
            values.push(value.to_owned());
            condition.push_str(&format!(" AND {said} = ${}", values.len() + 4));
        }
    }
    (condition, values)
}

macro_rules! load_events {
    ($conn:expr, $statement:expr, $member:expr, $bar:expr, $hours:expr, $values:expr) => {
        both!($conn, |c| {
            let mut query = diesel::sql_query($statement)
                .into_boxed()
                .bind::<Uid, _>($member)
                .bind::<Uid, _>($bar)
                .bind::<Moment, _>(start_of($hours.start))
                .bind::<Moment, _>(start_of($hours.end));
            for value in $values {
                query = query.bind::<Text, _>(value);
            }
            query.load(c)?
        })
    };
}

/// The counts of the events that pass the filters.
pub fn total_of_events(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    filters: &Filters,
    hours: Range<i32>,
) -> Result<Counts> {
    let (condition, values) = condition(filters);
    let statement = format!("SELECT '' AS value, {EVENT_SUMS} {condition}");
    let rows: Vec<Sum> = load_events!(conn, statement, member, bar, hours, values);
    Ok(rows.first().map(Sum::counts).unwrap_or_default())
}

/// The same by the values of a dimension, the largest first; and of all that have a value.
pub fn list_events_by_value(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    filters: &Filters,
    by: Dimension,
    hours: Range<i32>,
    ranking: Ranking,
) -> Result<(Vec<(String, Counts)>, Counts)> {
    let (condition, values) = condition(filters);
    let said = value_of(by);
    let (order, limit) = (order_of(ranking.by), ranking.limit);
    let collation = match conn {
        Conn::Sqlite(_) => "BINARY",
        Conn::Postgres(_) => "\"C\"",
    };
    let statement = format!(
        "SELECT * FROM (SELECT {said} AS value, {EVENT_SUMS} {condition} AND {said} IS NOT NULL GROUP BY 1) AS sums \
         ORDER BY {order} DESC, views DESC, value COLLATE {collation} LIMIT {limit}"
    );
    let rows: Vec<Sum> = load_events!(conn, statement, member, bar, hours, values.clone());
    let statement = format!("SELECT '' AS value, {EVENT_SUMS} {condition} AND {said} IS NOT NULL");
    let all: Vec<Sum> = load_events!(conn, statement, member, bar, hours, values);
    let all = all.first().map(Sum::counts).unwrap_or_default();
    Ok((rows.into_iter().map(Sum::named).collect(), all))
}

/// The same hour by hour, those hours only that have any.
pub fn list_hours_of_events(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    filters: &Filters,
    hours: Range<i32>,
) -> Result<Vec<(i32, Counts)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        hour: i32,
        #[diesel(embed)]
        sum: Sum,
    }
    let (condition, values) = condition(filters);
    let hour = hour_of_event(conn);
    let statement =
        format!("SELECT {hour} AS hour, '' AS value, {EVENT_SUMS} {condition} GROUP BY 1 ORDER BY 1");
    let rows: Vec<Row> = load_events!(conn, statement, member, bar, hours, values);
    Ok(rows.into_iter().map(|row| (row.hour, row.sum.counts())).collect())
}
