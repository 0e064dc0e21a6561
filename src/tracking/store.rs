//! The tables of counting: `events`, `hourly_counts`, `daily_counts`, `hourly_drops`, `daily_visitors`, `sites`,
//! `visitor_salts`.
//!
//! The writes of a batch have twins: SQLite runs one prepared statement a row (there is no wire to save on);
//! PostgreSQL takes a whole batch as arrays, in one statement whose text never changes. Rows come sorted by key, so
//! that processes take locks in the same order.

mod filtered;
pub mod journal;
mod own;
mod reading;
mod reroll;
mod retention;

use std::collections::{BTreeMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, SmallInt, Text};
use diesel::upsert::excluded;
use zeroize::Zeroizing;

use super::rollup::{Counts, Seen, Sums};
use super::visitors::Salt;
use super::{Country, Dimension, DropReason, Event, Utm};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{daily_counts, daily_visitors, events, hourly_drops, sites, visitor_salts};
use crate::db::types::{Document, Moment, Uid};
use crate::db::{Conn, Json, Result, Statement};
use crate::ids::{BarId, EventId, MemberId, VisitorId};

pub use filtered::{
    first_hour_kept, has_countries, has_others, list_events_by_value, list_hours_of_events, total_of_events,
    total_of_value,
};
pub use own::{
    delete_own_browsers_before, find_salt, insert_own_browsers, list_members_excluding_users,
    list_own_browsers, scrub_salts,
};
pub use reading::{
    find_time_zone, find_zone_of_member, first_hour, keep_views_of_deleted, list_by_bar, list_by_value,
    list_drops, list_hours, list_sites, sum_of, views_of_member,
};
pub use reroll::{
    count_up, days_with_anything, first_day_to_reroll, list_bars, lock_day, replace_day, traces,
};
pub use retention::{Overdue, delete_events_before, list_overdue};

text_column!(Dimension, DropReason);

/// A visitor on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayVisitor {
    pub member: MemberId,
    pub bar: BarId,
    pub day: i32,
    pub visitor: VisitorId,
}

/// Inserts events, sorted by key and none twice, each with whether it is its visitor's first of the day. Answers for
/// each whether it is new: an id that stands already is the same event, sent again.
pub fn insert_events(conn: &mut Conn, rows: &[(&Event, bool)]) -> Result<Vec<bool>> {
    match conn {
        Conn::Sqlite(c) => {
            let insert = Statement::of(
                "INSERT INTO events (member_id, bar_id, event_id, kind, received_at, visitor, variant, host, path, \
                 referrer_host, browser, browser_version, system, device, language, utm, shown_ms, first_of_day, country) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            );
            let is_new = |(event, first): &(&Event, bool)| {
                let inserted = insert
                    .bind::<Uid, _>(event.member)
                    .bind::<Uid, _>(event.bar)
                    .bind::<Uid, _>(event.id)
                    .bind::<SmallInt, _>(event.kind.code())
                    .bind::<Moment, _>(event.received_at)
                    .bind::<Uid, _>(event.visitor)
                    .bind::<Text, _>(&event.variant)
                    .bind::<Text, _>(event.page.host())
                    .bind::<Text, _>(event.page.path())
                    .bind::<Text, _>(&event.referrer_host)
                    .bind::<Text, _>(&*event.agent.browser)
                    .bind::<Text, _>(&*event.agent.version)
                    .bind::<Text, _>(&*event.agent.system)
                    .bind::<Text, _>(event.agent.device.as_str())
                    .bind::<Text, _>(&event.language)
                    .bind::<Nullable<Document>, _>(utm(event))
                    .bind::<Nullable<Integer>, _>(event.shown_ms)
                    .bind::<Bool, _>(*first)
                    .bind::<Nullable<Text>, _>(event.country.as_ref().map(Country::as_str))
                    .execute(c)?;
                Ok(inserted == 1)
            };
            rows.iter().map(is_new).collect()
        }
        // `COPY` takes half the time of an `INSERT` that looks for what is there, and fails when something is.
        Conn::Postgres(c) => match c.transaction(|c| copy_events(c, rows)) {
            Ok(()) => Ok(vec![true; rows.len()]),
            Err(error) if error.is_unique_violation() => insert_new_events(c, rows),
            Err(error) => Err(error),
        },
    }
}

fn copy_events(conn: &mut PgConnection, rows: &[(&Event, bool)]) -> Result<()> {
    let values = |(event, first): &(&Event, bool)| {
        (
            events::member_id.eq(event.member),
            events::bar_id.eq(event.bar),
            events::event_id.eq(event.id),
            events::kind.eq(event.kind.code()),
            events::received_at.eq(event.received_at),
            events::visitor.eq(event.visitor),
            events::variant.eq(event.variant.clone()),
            events::host.eq(event.page.host().to_owned()),
            events::path.eq(event.page.path().to_owned()),
            events::referrer_host.eq(event.referrer_host.clone()),
            events::browser.eq(event.agent.browser.to_string()),
            events::browser_version.eq(event.agent.version.to_string()),
            events::system.eq(event.agent.system.to_string()),
            events::device.eq(event.agent.device.as_str()),
            events::language.eq(event.language.clone()),
            events::utm.eq(utm(event)),
            events::shown_ms.eq(event.shown_ms),
            events::first_of_day.eq(*first),
            events::country.eq(event.country.as_ref().map(|country| country.as_str().to_owned())),
        )
    };
    diesel::copy_from(events::table)
        .from_insertable(rows.iter().map(values).collect::<Vec<_>>())
        .execute(conn)?;
    Ok(())
}

fn insert_new_events(c: &mut PgConnection, rows: &[(&Event, bool)]) -> Result<Vec<bool>> {
    #[derive(QueryableByName)]
    struct Inserted {
        #[diesel(sql_type = Uid)]
        bar_id: BarId,
        #[diesel(sql_type = Uid)]
        event_id: EventId,
    }
    let column = |of: fn(&Event) -> &str| rows.iter().map(|(event, _)| of(event)).collect::<Vec<&str>>();
    let insert = Statement::of(
        "INSERT INTO events (member_id, bar_id, event_id, kind, received_at, visitor, variant, host, path, \
         referrer_host, browser, browser_version, system, device, language, utm, shown_ms, first_of_day, country) \
         SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO NOTHING RETURNING bar_id, event_id",
    )
    .bind::<Array<Uid>, _>(rows.iter().map(|(event, _)| event.member).collect::<Vec<_>>())
    .bind::<Array<Uid>, _>(rows.iter().map(|(event, _)| event.bar).collect::<Vec<_>>())
    .bind::<Array<Uid>, _>(rows.iter().map(|(event, _)| event.id).collect::<Vec<_>>())
    .bind::<Array<SmallInt>, _>(rows.iter().map(|(event, _)| event.kind.code()).collect::<Vec<_>>())
    .bind::<Array<Moment>, _>(rows.iter().map(|(event, _)| event.received_at).collect::<Vec<_>>())
    .bind::<Array<Uid>, _>(rows.iter().map(|(event, _)| event.visitor).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(column(|event| &event.variant))
    .bind::<Array<Text>, _>(column(|event| event.page.host()))
    .bind::<Array<Text>, _>(column(|event| event.page.path()))
    .bind::<Array<Text>, _>(column(|event| &event.referrer_host))
    .bind::<Array<Text>, _>(column(|event| &event.agent.browser))
    .bind::<Array<Text>, _>(column(|event| &event.agent.version))
    .bind::<Array<Text>, _>(column(|event| &event.agent.system))
    .bind::<Array<Text>, _>(column(|event| event.agent.device.as_str()))
    .bind::<Array<Text>, _>(column(|event| &event.language))
    .bind::<Array<Nullable<Document>>, _>(rows.iter().map(|(event, _)| utm(event)).collect::<Vec<_>>())
    .bind::<Array<Nullable<Integer>>, _>(rows.iter().map(|(event, _)| event.shown_ms).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(rows.iter().map(|(_, first)| *first).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(
        rows.iter()
            .map(|(event, _)| event.country.as_ref().map(Country::as_str))
            .collect::<Vec<_>>(),
    );
    let inserted: Vec<Inserted> = insert.load(c)?;
    if inserted.len() == rows.len() {
        return Ok(vec![true; rows.len()]);
    }
    let inserted: HashSet<(BarId, EventId)> = inserted
        .into_iter()
        .map(|row| (row.bar_id, row.event_id))
        .collect();
    Ok(rows
        .iter()
        .map(|(event, _)| inserted.contains(&(event.bar, event.id)))
        .collect())
}

fn utm(event: &Event) -> Option<Json<Utm>> {
    (!event.page.utm.is_empty()).then(|| Json(event.page.utm.clone()))
}

/// Inserts the day's visitors, sorted and none twice. Answers for each whether it is their first event of the day.
pub fn insert_visitors(conn: &mut Conn, rows: &[DayVisitor]) -> Result<Vec<bool>> {
    match conn {
        Conn::Sqlite(c) => {
            let insert = Statement::of(
                "INSERT INTO daily_visitors (member_id, bar_id, day, visitor) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            );
            let is_new = |row: &DayVisitor| {
                let inserted = insert
                    .bind::<Uid, _>(row.member)
                    .bind::<Uid, _>(row.bar)
                    .bind::<Integer, _>(row.day)
                    .bind::<Uid, _>(row.visitor)
                    .execute(c)?;
                Ok(inserted == 1)
            };
            rows.iter().map(is_new).collect()
        }
        Conn::Postgres(c) => {
            #[derive(QueryableByName)]
            struct Inserted {
                #[diesel(sql_type = Uid)]
                bar_id: BarId,
                #[diesel(sql_type = Integer)]
                day: i32,
                #[diesel(sql_type = Uid)]
                visitor: VisitorId,
            }
            // Many have been there: `COPY`, and a question before it, would take as long.
            let insert = Statement::of(
                "INSERT INTO daily_visitors (member_id, bar_id, day, visitor) SELECT * FROM unnest(?, ?, ?, ?) \
                 ON CONFLICT DO NOTHING RETURNING bar_id, day, visitor",
            )
            .bind::<Array<Uid>, _>(rows.iter().map(|row| row.member).collect::<Vec<_>>())
            .bind::<Array<Uid>, _>(rows.iter().map(|row| row.bar).collect::<Vec<_>>())
            .bind::<Array<Integer>, _>(rows.iter().map(|row| row.day).collect::<Vec<_>>())
            .bind::<Array<Uid>, _>(rows.iter().map(|row| row.visitor).collect::<Vec<_>>());
            let inserted: Vec<Inserted> = insert.load(c)?;
            let inserted: HashSet<(BarId, i32, VisitorId)> = inserted
                .into_iter()
                .map(|row| (row.bar_id, row.day, row.visitor))
                .collect();
            Ok(rows
                .iter()
                .map(|row| inserted.contains(&(row.bar, row.day, row.visitor)))
                .collect())
        }
    }
}

/// Makes an event its visitor's first of the day after all.
pub fn mark_first(conn: &mut Conn, event: &Event) -> Result<()> {
    let row = events::table.find((event.member, event.bar, event.id));
    diesel::update(row)
        .set(events::first_of_day.eq(true))
        .execute(conn)?;
    Ok(())
}

/// Takes a visitor's day back, which nothing new happened on.
pub fn delete_visitor(conn: &mut Conn, row: &DayVisitor) -> Result<()> {
    let row = daily_visitors::table.find((row.member, row.bar, row.day, row.visitor));
    diesel::delete(row).execute(conn)?;
    Ok(())
}

/// One roll-up's upsert, for the two tables that differ in their name and the name of their bucket.
macro_rules! add_counts {
    (@into $table:ident, $bucket:ident) => {
        concat!(
            "INSERT INTO ",
            stringify!($table),
            " AS t (member_id, bar_id, dimension, ",
            stringify!($bucket),
            ", value, views, visitors, clicks, closes, submissions) "
        )
    };
    (@or_add $bucket:ident) => {
        concat!(
            " ON CONFLICT (member_id, bar_id, dimension, ",
            stringify!($bucket),
            ", value) DO UPDATE SET ",
            "views = t.views + excluded.views, visitors = t.visitors + excluded.visitors, ",
            "clicks = t.clicks + excluded.clicks, closes = t.closes + excluded.closes, ",
            "submissions = t.submissions + excluded.submissions"
        )
    };
    ($conn:expr, $rows:expr, $table:ident, $bucket:ident) => {
        match $conn {
            Conn::Sqlite(c) => {
                let upsert = Statement::of(concat!(
                    add_counts!(@into $table, $bucket),
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    add_counts!(@or_add $bucket)
                ));
                for (key, counts) in $rows {
                    upsert
                        .bind::<Uid, _>(key.member)
                        .bind::<Uid, _>(key.bar)
                        .bind::<Text, _>(key.dimension)
                        .bind::<Integer, _>(key.bucket)
                        .bind::<Text, _>(key.value)
                        .bind::<BigInt, _>(counts.views)
                        .bind::<BigInt, _>(counts.visitors)
                        .bind::<BigInt, _>(counts.clicks)
                        .bind::<BigInt, _>(counts.closes)
                        .bind::<BigInt, _>(counts.submissions)
                        .execute(c)?;
                }
            }
            Conn::Postgres(c) => {
                let number = |of: fn(&Counts) -> i64| $rows.values().map(of).collect::<Vec<i64>>();
                let upsert = Statement::of(concat!(
                    add_counts!(@into $table, $bucket),
                    "SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    add_counts!(@or_add $bucket)
                ))
                .bind::<Array<Uid>, _>($rows.keys().map(|key| key.member).collect::<Vec<_>>())
                .bind::<Array<Uid>, _>($rows.keys().map(|key| key.bar).collect::<Vec<_>>())
                .bind::<Array<Text>, _>($rows.keys().map(|key| key.dimension).collect::<Vec<_>>())
                .bind::<Array<Integer>, _>($rows.keys().map(|key| key.bucket).collect::<Vec<_>>())
                .bind::<Array<Text>, _>($rows.keys().map(|key| key.value).collect::<Vec<_>>())
                .bind::<Array<BigInt>, _>(number(|counts| counts.views))
                .bind::<Array<BigInt>, _>(number(|counts| counts.visitors))
                .bind::<Array<BigInt>, _>(number(|counts| counts.clicks))
                .bind::<Array<BigInt>, _>(number(|counts| counts.closes))
                .bind::<Array<BigInt>, _>(number(|counts| counts.submissions));
                upsert.execute(c)?;
            }
        }
    };
}

/// Adds a batch's sums to the roll-ups.
pub fn add(conn: &mut Conn, sums: &Sums<'_>) -> Result<()> {
    let (hourly, daily) = (&sums.hourly, &sums.daily);
    if !hourly.is_empty() {
        add_counts!(conn, hourly, hourly_counts, hour);
        add_counts!(conn, daily, daily_counts, day);
    }
    if !sums.sites.is_empty() {
        add_sites(conn, &sums.sites)?;
    }
    // Few rows: one for each reason.
    for ((member, bar, hour, reason), dropped) in &sums.drops {
        let row = (
            hourly_drops::member_id.eq(member),
            hourly_drops::bar_id.eq(bar),
            hourly_drops::hour.eq(hour),
            hourly_drops::reason.eq(reason),
            hourly_drops::dropped.eq(dropped),
        );
        both!(conn, |c| diesel::insert_into(hourly_drops::table)
            .values(row)
            .on_conflict((
                hourly_drops::member_id,
                hourly_drops::bar_id,
                hourly_drops::hour,
                hourly_drops::reason,
            ))
            .do_update()
            .set(hourly_drops::dropped.eq(hourly_drops::dropped + excluded(hourly_drops::dropped)))
            .execute(c))?;
    }
    Ok(())
}

/// The two ends of the sites' upsert; what the later of two times is called differs.
macro_rules! add_sites_text {
    (@into) => {
        "INSERT INTO sites AS t (member_id, bar_id, host, first_seen_at, last_seen_at, views, clicks, closes, submissions) "
    };
    (@or_add $later:literal) => {
        concat!(
            " ON CONFLICT (member_id, bar_id, host) DO UPDATE SET last_seen_at = ",
            $later,
            "(t.last_seen_at, excluded.last_seen_at), ",
            "views = t.views + excluded.views, clicks = t.clicks + excluded.clicks, ",
            "closes = t.closes + excluded.closes, submissions = t.submissions + excluded.submissions"
        )
    };
}

type SiteSums<'a> = BTreeMap<(MemberId, BarId, &'a str), Seen>;

fn add_sites(conn: &mut Conn, rows: &SiteSums<'_>) -> Result<()> {
    match conn {
        Conn::Sqlite(c) => {
            let upsert = Statement::of(concat!(
                add_sites_text!(@into),
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                add_sites_text!(@or_add "max")
            ));
            for ((member, bar, host), seen) in rows {
                upsert
                    .bind::<Uid, _>(member)
                    .bind::<Uid, _>(bar)
                    .bind::<Text, _>(*host)
                    .bind::<Moment, _>(seen.first_at)
                    .bind::<Moment, _>(seen.last_at)
                    .bind::<BigInt, _>(seen.counts.views)
                    .bind::<BigInt, _>(seen.counts.clicks)
                    .bind::<BigInt, _>(seen.counts.closes)
                    .bind::<BigInt, _>(seen.counts.submissions)
                    .execute(c)?;
            }
        }
        Conn::Postgres(c) => {
            let number =
                |of: fn(&Counts) -> i64| rows.values().map(|seen| of(&seen.counts)).collect::<Vec<i64>>();
            let upsert = Statement::of(concat!(
                add_sites_text!(@into),
                "SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                add_sites_text!(@or_add "greatest")
            ))
            .bind::<Array<Uid>, _>(rows.keys().map(|(member, _, _)| *member).collect::<Vec<_>>())
            .bind::<Array<Uid>, _>(rows.keys().map(|(_, bar, _)| *bar).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(rows.keys().map(|(_, _, host)| *host).collect::<Vec<_>>())
            .bind::<Array<Moment>, _>(rows.values().map(|seen| seen.first_at).collect::<Vec<_>>())
            .bind::<Array<Moment>, _>(rows.values().map(|seen| seen.last_at).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(number(|counts| counts.views))
            .bind::<Array<BigInt>, _>(number(|counts| counts.clicks))
            .bind::<Array<BigInt>, _>(number(|counts| counts.closes))
            .bind::<Array<BigInt>, _>(number(|counts| counts.submissions));
            upsert.execute(c)?;
        }
    }
    Ok(())
}

/// The values of open dimensions that a bar's day holds already.
pub fn list_values(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    day: i32,
) -> Result<Vec<(Dimension, String)>> {
    let open: Vec<Dimension> = Dimension::ALL.into_iter().filter(|d| d.is_open()).collect();
    Ok(daily_counts::table
        .filter(daily_counts::member_id.eq(member))
        .filter(daily_counts::bar_id.eq(bar))
        .filter(daily_counts::dimension.eq_any(open))
        .filter(daily_counts::day.eq(day))
        .select((daily_counts::dimension, daily_counts::value))
        .load(conn)?)
}

/// The hosts that a bar's sites name already, at most `limit`.
pub fn list_hosts(conn: &mut Conn, member: MemberId, bar: BarId, limit: i64) -> Result<Vec<String>> {
    Ok(sites::table
        .filter(sites::member_id.eq(member))
        .filter(sites::bar_id.eq(bar))
        .order(sites::first_seen_at)
        .limit(limit)
        .select(sites::host)
        .load(conn)?)
}

/// The day's salt: whoever comes first among all processes makes it.
pub fn find_or_make_salt(conn: &mut Conn, day: i32, fresh: &[u8; 32], now: Timestamp) -> Result<Salt> {
    let row = (
        visitor_salts::day.eq(day),
        visitor_salts::salt.eq(fresh.as_slice()),
        visitor_salts::created_at.eq(now),
    );
    both!(conn, |c| diesel::insert_into(visitor_salts::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    let salt: Vec<u8> = visitor_salts::table
        .find(day)
        .select(visitor_salts::salt)
        .first(conn)?;
    salt_of(salt)
}

fn salt_of(bytes: Vec<u8>) -> Result<Salt> {
    let bytes = Zeroizing::new(bytes);
    let salt = <[u8; 32]>::try_from(bytes.as_slice())
        .map_err(|_| diesel::result::Error::DeserializationError("a salt has 32 bytes".into()))?;
    Ok(Salt::new(salt))
}

/// Destroys the salts of days before `day`: overwritten first, for a freed page keeps its bytes.
pub fn destroy_salts_before(conn: &mut Conn, day: i32) -> Result<usize> {
    let old = visitor_salts::table.filter(visitor_salts::day.lt(day));
    diesel::update(old)
        .set(visitor_salts::salt.eq([0u8; 32].as_slice()))
        .execute(conn)?;
    Ok(diesel::delete(old).execute(conn)?)
}

/// Forgets who was there on days before `day`, at most `limit` rows. The sums stay.
pub fn delete_visitors_before(conn: &mut Conn, day: i32, limit: i64) -> Result<usize> {
    let statement = match conn {
        Conn::Sqlite(_) => {
            "DELETE FROM daily_visitors WHERE (member_id, bar_id, day, visitor) IN \
             (SELECT member_id, bar_id, day, visitor FROM daily_visitors WHERE day < ? LIMIT ?)"
        }
        Conn::Postgres(_) => {
            "DELETE FROM daily_visitors WHERE ctid IN (SELECT ctid FROM daily_visitors WHERE day < $1 LIMIT $2)"
        }
    };
    both!(conn, |c| Ok(diesel::sql_query(statement)
        .bind::<Integer, _>(day)
        .bind::<BigInt, _>(limit)
        .execute(c)?))
}

/// What was counted of a bar, and what tells its rows apart: raw events first, sites last.
const OF_BAR: [(&str, &str); 6] = [
    ("events", "event_id"),
    ("daily_visitors", "day, visitor"),
    ("hourly_drops", "hour, reason"),
    ("hourly_counts", "dimension, hour, value"),
    ("daily_counts", "dimension, day, value"),
    ("sites", "host"),
];

/// Deletes what was counted of all bars of a member, at most `limit` rows of each table.
pub fn delete_of_member(conn: &mut Conn, member: MemberId, limit: i64) -> Result<usize> {
    let mut deleted = 0;
    for (table, key) in OF_BAR {
        let statement = format!(
            "DELETE FROM {table} WHERE member_id = $1 AND (bar_id, {key}) IN \
             (SELECT bar_id, {key} FROM {table} WHERE member_id = $1 LIMIT $2)"
        );
        deleted += both!(conn, |c| diesel::sql_query(statement)
            .bind::<Uid, _>(member)
            .bind::<BigInt, _>(limit)
            .execute(c))?;
    }
    Ok(deleted)
}

/// Deletes what was counted of a bar, at most `limit` rows of each table.
pub fn delete_of_bar(conn: &mut Conn, member: MemberId, bar: BarId, limit: i64) -> Result<usize> {
    let mut deleted = 0;
    for (table, key) in OF_BAR {
        let statement = format!(
            "DELETE FROM {table} WHERE member_id = $1 AND bar_id = $2 AND ({key}) IN \
             (SELECT {key} FROM {table} WHERE member_id = $1 AND bar_id = $2 LIMIT $3)"
        );
        deleted += both!(conn, |c| diesel::sql_query(statement)
            .bind::<Uid, _>(member)
            .bind::<Uid, _>(bar)
            .bind::<BigInt, _>(limit)
            .execute(c))?;
    }
    Ok(deleted)
}
