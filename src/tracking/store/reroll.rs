//! A bar's day, counted again from its raw events.

use std::ops::RangeInclusive;

use diesel::dsl::{max, min};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use super::add;
use super::filtered::{EVENT_SUMS, hour_of_event, start_of, value_of};
use super::reading::Sum;
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{bars, daily_counts, events, hourly_counts, members};
use crate::db::types::{Moment, Uid};
use crate::db::{Conn, Result};
use crate::ids::{BarId, MemberId};
use crate::tracking::reroll::{Counted, Whose, sums_of};
use crate::tracking::{Dimension, OTHER};

/// What of a bar's day is in the events: the same again means that none has come or gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    events: i64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

pub fn traces(conn: &mut Conn, member: MemberId, bar: BarId, day: i32) -> Result<Traces> {
    let of_day = events::table
        .filter(events::member_id.eq(member))
        .filter(events::bar_id.eq(bar))
        .filter(events::received_at.ge(start_of(day * 24)))
        .filter(events::received_at.lt(start_of((day + 1) * 24)));
    let (events, first, last) = of_day
        .select((
            diesel::dsl::count_star(),
            min(events::received_at),
            max(events::received_at),
        ))
        .first(conn)?;
    Ok(Traces { events, first, last })
}

/// Adds up a bar's day from its events, by hour, dimension and value. Of an open dimension the `most` values with the most
/// events of the day stand by themselves, ties by their bytes; the rest is `(other)`. The same events always make the same
/// sums.
pub fn count_up(conn: &mut Conn, member: MemberId, bar: BarId, day: i32, most: u16) -> Result<Vec<Counted>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        hour: i32,
        #[diesel(embed)]
        sum: Sum,
    }
    let hour = hour_of_event(conn);
    let collation = match conn {
        Conn::Sqlite(_) => "BINARY",
        Conn::Postgres(_) => "\"C\"",
    };
    let (from, to) = (start_of(day * 24), start_of((day + 1) * 24));
    let of_day =
        "FROM events WHERE member_id = $1 AND bar_id = $2 AND received_at >= $3 AND received_at < $4";
    let mut counted = Vec::new();
    for dimension in Dimension::ALL {
        let said = value_of(dimension);
        let statement = if dimension.is_open() {
            format!(
                "WITH own AS (SELECT {said} AS value {of_day} AND {said} IS NOT NULL GROUP BY {said} \
                 ORDER BY count(*) DESC, ({said}) COLLATE {collation} LIMIT {most}) \
                 SELECT {hour} AS hour, CASE WHEN {said} IN (SELECT value FROM own) THEN {said} ELSE '{OTHER}' END \
                 AS value, {EVENT_SUMS} {of_day} AND {said} IS NOT NULL GROUP BY 1, 2"
            )
        } else if dimension == Dimension::Total {
            format!("SELECT {hour} AS hour, '' AS value, {EVENT_SUMS} {of_day} GROUP BY 1")
        } else {
            format!(
                "SELECT {hour} AS hour, {said} AS value, {EVENT_SUMS} {of_day} AND {said} IS NOT NULL GROUP BY 1, 2"
            )
        };
        let rows: Vec<Row> = both!(conn, |c| diesel::sql_query(statement)
            .bind::<Uid, _>(member)
            .bind::<Uid, _>(bar)
            .bind::<Moment, _>(from)
            .bind::<Moment, _>(to)
            .load(c)?);
        counted.extend(rows.into_iter().map(|row| {
            let (value, counts) = row.sum.named();
            Counted {
                dimension,
                hour: row.hour,
                value,
                counts,
            }
        }));
    }
    Ok(counted)
}

/// Makes everybody wait who wants to count something of this bar's day, or to purge its member's events, until the
/// transaction ends; answers from when on the member's events are all kept (`None`: since ever). Who waited adds to what
/// this transaction leaves.
///
/// Every batch that holds events of an hour adds to that hour's total, and does so before it touches anything else that
/// is replaced here: these rows are the lock. SQLite has one writer anyway.
pub fn lock_day(tx: &mut Conn, member: MemberId, bar: BarId, day: i32) -> Result<Option<Timestamp>> {
    let mark = members::table
        .filter(members::id.eq(member))
        .select(members::events_purged_before);
    let kept_since: Option<Option<Timestamp>> = match tx {
        Conn::Sqlite(c) => mark.first(c).optional()?,
        Conn::Postgres(c) => mark.for_share().first(c).optional()?,
    };
    if let Conn::Postgres(c) = tx {
        diesel::sql_query(
            "INSERT INTO hourly_counts (member_id, bar_id, dimension, hour, value, views, visitors, clicks, closes, \
             submissions) SELECT $1, $2, $3, hour, '', 0, 0, 0, 0, 0 FROM generate_series($4, $5) AS hour \
             ON CONFLICT (member_id, bar_id, dimension, hour, value) DO UPDATE SET views = hourly_counts.views",
        )
        .bind::<Uid, _>(member)
        .bind::<Uid, _>(bar)
        .bind::<Text, _>(Dimension::Total)
        .bind::<Integer, _>(day * 24)
        .bind::<Integer, _>(day * 24 + 23)
        .execute(c)?;
    }
    Ok(kept_since.flatten())
}

/// Puts what was counted in the place of a bar's roll-ups of the day. Call it under [`lock_day`].
pub fn replace_day(tx: &mut Conn, member: MemberId, bar: BarId, day: i32, counted: &[Counted]) -> Result<()> {
    diesel::delete(
        hourly_counts::table
            .filter(hourly_counts::member_id.eq(member))
            .filter(hourly_counts::bar_id.eq(bar))
            .filter(hourly_counts::dimension.eq_any(Dimension::ALL))
            .filter(hourly_counts::hour.ge(day * 24))
            .filter(hourly_counts::hour.lt((day + 1) * 24)),
    )
    .execute(tx)?;
    diesel::delete(
        daily_counts::table
            .filter(daily_counts::member_id.eq(member))
            .filter(daily_counts::bar_id.eq(bar))
            .filter(daily_counts::dimension.eq_any(Dimension::ALL))
            .filter(daily_counts::day.eq(day)),
    )
    .execute(tx)?;
    add(tx, &sums_of(member, bar, counted))
}

/// A page of bars, in the order of their ids.
pub fn list_bars(
    conn: &mut Conn,
    whose: Whose,
    after: Option<BarId>,
    limit: i64,
) -> Result<Vec<(MemberId, BarId)>> {
    let mut query = bars::table.filter(bars::deleted_at.is_null()).into_boxed();
    query = match whose {
        Whose::Bar(key) => query.filter(bars::key.eq(key)),
        Whose::Member(member) => query.filter(bars::member_id.eq(member)),
        Whose::Everybody => query,
    };
    if let Some(after) = after {
        query = query.filter(bars::id.gt(after));
    }
    Ok(query
        .order(bars::id)
        .limit(limit)
        .select((bars::member_id, bars::id))
        .load(conn)?)
}

/// The first and the last day of which a bar has roll-ups or events.
pub fn days_with_anything(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
) -> Result<Option<RangeInclusive<i32>>> {
    let rolled: (Option<i32>, Option<i32>) = daily_counts::table
        .filter(daily_counts::member_id.eq(member))
        .filter(daily_counts::bar_id.eq(bar))
        .select((min(daily_counts::day), max(daily_counts::day)))
        .first(conn)?;
    let happened: (Option<Timestamp>, Option<Timestamp>) = events::table
        .filter(events::member_id.eq(member))
        .filter(events::bar_id.eq(bar))
        .select((min(events::received_at), max(events::received_at)))
        .first(conn)?;
    let first = [rolled.0, happened.0.map(Timestamp::day)]
        .into_iter()
        .flatten()
        .min();
    let last = [rolled.1, happened.1.map(Timestamp::day)]
        .into_iter()
        .flatten()
        .max();
    Ok(first.zip(last).map(|(first, last)| first..=last))
}

/// The first day of which all of a member's events are still kept; `None`: since ever.
pub fn first_day_to_reroll(conn: &mut Conn, member: MemberId) -> Result<Option<i32>> {
    let mark: Option<Option<Timestamp>> = members::table
        .filter(members::id.eq(member))
        .select(members::events_purged_before)
        .first(conn)
        .optional()?;
    Ok(mark.flatten().map(first_whole_day))
}

/// The first day that begins at this time or after it.
pub fn first_whole_day(at: Timestamp) -> i32 {
    let day = at.day();
    if start_of(day * 24) == at { day } else { day + 1 }
}
