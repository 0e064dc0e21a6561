//! Raw events that are past their retention: whose, and away with them, a small batch at a time.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable};

use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::members;
use crate::db::types::{Moment, Uid};
use crate::db::{Conn, Result};
use crate::ids::{BarId, MemberId};
use crate::plans::{self, Plans};

/// A bar with events that are past their retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct Overdue {
    #[diesel(sql_type = Uid)]
    pub member_id: MemberId,
    #[diesel(sql_type = Uid)]
    pub bar_id: BarId,
    /// For how long the member's events are kept; `None`: as long as the setting says.
    #[diesel(sql_type = Nullable<Integer>)]
    pub days: Option<i32>,
}

impl Overdue {
    /// Before this nothing is kept.
    pub fn cutoff(&self, now: Timestamp, default_days: u32) -> Timestamp {
        let days = self
            .days
            .and_then(|days| u32::try_from(days).ok())
            .unwrap_or(default_days);
        now - crate::clock::DAY * days
    }
}

/// The bars after `after` that have events older than their member keeps them, in the order of their ids. One look at the
/// index of a bar's events by time for each.
pub fn list_overdue(
    conn: &mut Conn,
    now: Timestamp,
    default_days: u32,
    plans: Plans,
    after: BarId,
    limit: i64,
) -> Result<Vec<Overdue>> {
    // `$n` must first appear in their order, for SQLite numbers them so.
    let mut days = "coalesce(m.event_retention_days, $1)".to_owned();
    if plans.sold {
        let least = match conn {
            Conn::Sqlite(_) => "min",
            Conn::Postgres(_) => "least",
        };
        days = format!("{least}({days}, {})", plans::retention_sql(conn, "$2"));
    }
    let cutoff = match conn {
        Conn::Sqlite(_) => format!("$2 - {days} * 86400000000"),
        Conn::Postgres(_) => format!("$2 - {days} * interval '24 hours'"),
    };
    let statement = format!(
        "SELECT b.member_id AS member_id, b.id AS bar_id, {days} AS days FROM bars b \
         JOIN members m ON m.id = b.member_id WHERE EXISTS (SELECT 1 FROM events e \
         WHERE e.member_id = b.member_id AND e.bar_id = b.id AND e.received_at < {cutoff}) \
         AND b.id > $3 ORDER BY b.id LIMIT $4"
    );
    both!(conn, |c| Ok(diesel::sql_query(statement)
        .bind::<Integer, _>(i32::try_from(default_days).unwrap_or(i32::MAX))
        .bind::<Moment, _>(now)
        .bind::<Uid, _>(after)
        .bind::<BigInt, _>(limit)
        .load(c)?))
}

/// Deletes a bar's raw events that arrived before `at`, the oldest first, at most `limit` of them, and notes for the
/// member that some of before then are gone. Roll-ups and sites stay (promise 14).
pub fn delete_events_before(
    tx: &mut Conn,
    member: MemberId,
    bar: BarId,
    at: Timestamp,
    limit: i64,
) -> Result<usize> {
    // First the note: who reads it (re-rolling does, under a lock) then sees either all of the batch or nothing of it.
    diesel::update(
        members::table.filter(members::id.eq(member)).filter(
            members::events_purged_before
                .is_null()
                .or(members::events_purged_before.lt(at)),
        ),
    )
    .set(members::events_purged_before.eq(at))
    .execute(tx)?;
    let statement = "DELETE FROM events WHERE member_id = $1 AND bar_id = $2 AND event_id IN \
                     (SELECT event_id FROM events WHERE member_id = $1 AND bar_id = $2 AND received_at < $3 \
                     ORDER BY received_at LIMIT $4)";
    both!(tx, |c| Ok(diesel::sql_query(statement)
        .bind::<Uid, _>(member)
        .bind::<Uid, _>(bar)
        .bind::<Moment, _>(at)
        .bind::<BigInt, _>(limit)
        .execute(c)?))
}
