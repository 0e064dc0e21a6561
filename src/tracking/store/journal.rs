//! `event_journal`: what is acknowledged and not folded yet, in the order of its commits.

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;

use crate::both;
use crate::db::schema::{bars, event_journal};
use crate::db::{Conn, Result};
use crate::ids::BarId;

/// A row of the journal, to be folded.
pub struct Entry {
    pub id: i64,
    pub arrivals: Vec<u8>,
}

pub fn append(conn: &mut Conn, format: i16, events: i32, arrivals: &[u8]) -> Result<()> {
    let row = (
        event_journal::format.eq(format),
        event_journal::events.eq(events),
        event_journal::arrivals.eq(arrivals),
    );
    diesel::insert_into(event_journal::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// The newest entry.
pub fn find_last(conn: &mut Conn) -> Result<Option<i64>> {
    let all = event_journal::table.filter(event_journal::format.gt(0));
    Ok(all.select(diesel::dsl::max(event_journal::id)).first(conn)?)
}

/// The oldest entries up to `last`, of about so many events together.
pub fn list_oldest(conn: &mut Conn, format: i16, last: i64, events: i64) -> Result<Vec<i64>> {
    let entries = event_journal::table
        .filter(event_journal::format.between(1, format))
        .filter(event_journal::id.le(last))
        .order(event_journal::id)
        .limit(1024)
        .select((event_journal::id, event_journal::events));
    let mut sum = 0;
    let mut is_wanted = |of_entry: i32| {
        let more = sum < events;
        sum += i64::from(of_entry);
        more
    };
    // SQLite looks for the next row when it is asked for it.
    both!(conn, |c| {
        let mut ids = Vec::new();
        for row in entries.load_iter::<(i64, i32), DefaultLoadingMode>(c)? {
            let (id, of_entry) = row?;
            if !is_wanted(of_entry) {
                break;
            }
            ids.push(id);
        }
        Ok(ids)
    })
}

/// These entries, as far as they are still there; held until the transaction ends. What another transaction holds is passed
/// over, or with `wait` waited for.
pub fn take(conn: &mut Conn, ids: &[i64], wait: bool) -> Result<Vec<Entry>> {
    let rows = event_journal::table
        .filter(event_journal::id.eq_any(ids))
        .filter(event_journal::format.gt(0))
        .order(event_journal::id)
        .select((event_journal::id, event_journal::arrivals));
    let rows: Vec<(i64, Vec<u8>)> = match conn {
        Conn::Sqlite(c) => rows.load(c)?,
        Conn::Postgres(c) if wait => rows.for_update().load(c)?,
        Conn::Postgres(c) => rows.for_update().skip_locked().load(c)?,
    };
    Ok(rows
        .into_iter()
        .map(|(id, arrivals)| Entry { id, arrivals })
        .collect())
}

pub fn delete(conn: &mut Conn, ids: &[i64]) -> Result<()> {
    diesel::delete(event_journal::table.filter(event_journal::id.eq_any(ids))).execute(conn)?;
    Ok(())
}

/// Nobody takes it any more; it stays.
pub fn set_aside(conn: &mut Conn, id: i64) -> Result<()> {
    diesel::update(event_journal::table.find(id))
        .set(event_journal::format.eq(event_journal::format * -1))
        .execute(conn)?;
    Ok(())
}

/// What was set aside is tried again. Answers how many entries.
pub fn bring_back(conn: &mut Conn) -> Result<usize> {
    let aside = event_journal::table.filter(event_journal::format.lt(0));
    diesel::update(aside)
        .set(event_journal::format.eq(event_journal::format * -1))
        .execute(conn)
        .map_err(Into::into)
}

/// Those of the bars that there are; none of them can go before the transaction ends.
pub fn list_existing_bars(conn: &mut Conn, wanted: &[BarId]) -> Result<Vec<BarId>> {
    let found = bars::table.filter(bars::id.eq_any(wanted)).select(bars::id);
    Ok(match conn {
        Conn::Sqlite(c) => found.load(c)?,
        Conn::Postgres(c) => found.for_key_share().load(c)?,
    })
}
