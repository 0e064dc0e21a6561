//! The own browsers of members, by day.

use std::collections::{BTreeMap, HashSet};

use diesel::prelude::*;

use crate::both;
use crate::db::schema::{members, memberships, own_browsers, visitor_salts};
use crate::db::{Conn, Result};
use crate::ids::{MemberId, UserId, VisitorId};
use crate::tracking::visitors::Salt;

/// The members of a user that do not want visits of their team counted.
pub fn list_members_excluding_users(conn: &mut Conn, user: UserId) -> Result<Vec<MemberId>> {
    Ok(memberships::table
        .inner_join(members::table.on(members::id.eq(memberships::member_id)))
        .filter(memberships::user_id.eq(user))
        .filter(members::excludes_own_users.eq(true))
        .order(members::id)
        .select(members::id)
        .load(conn)?)
}

/// Remembers a browser for a day; one that is known stays.
pub fn insert_own_browsers(tx: &mut Conn, members: &[MemberId], day: i32, browser: VisitorId) -> Result<()> {
    for member in members {
        let row = (
            own_browsers::member_id.eq(member),
            own_browsers::day.eq(day),
            own_browsers::browser.eq(browser),
        );
        both!(tx, |c| diesel::insert_into(own_browsers::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// The browsers of a member from a day on, each day's with its salt.
pub fn list_own_browsers(
    conn: &mut Conn,
    member: MemberId,
    from_day: i32,
) -> Result<Vec<(Salt, HashSet<VisitorId>)>> {
    let rows: Vec<(i32, VisitorId)> = own_browsers::table
        .filter(own_browsers::member_id.eq(member))
        .filter(own_browsers::day.ge(from_day))
        .select((own_browsers::day, own_browsers::browser))
        .load(conn)?;
    let mut days: BTreeMap<i32, HashSet<VisitorId>> = BTreeMap::new();
    for (day, browser) in rows {
        days.entry(day).or_default().insert(browser);
    }
    let mut found = Vec::with_capacity(days.len());
    for (day, browsers) in days {
        // Without its salt nobody can be told any more.
        if let Some(salt) = super::find_salt(conn, day)? {
            found.push((salt, browsers));
        }
    }
    Ok(found)
}

/// Forgets the browsers of days before `day`. They are few: one for each person at work and day.
pub fn delete_own_browsers_before(tx: &mut Conn, day: i32) -> Result<usize> {
    Ok(diesel::delete(own_browsers::table.filter(own_browsers::day.lt(day))).execute(tx)?)
}

/// Frees the bytes of destroyed salts. PostgreSQL keeps a deleted row's until it is vacuumed, which a table as small as
/// this would wait for for months; SQLite has overwritten them in place. Not inside a transaction.
pub fn scrub_salts(conn: &mut Conn) -> Result<()> {
    use diesel::connection::SimpleConnection;
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(c) => Ok(c.batch_execute("VACUUM visitor_salts")?),
    }
}

/// A day's salt, if it was made and not destroyed.
pub fn find_salt(conn: &mut Conn, day: i32) -> Result<Option<Salt>> {
    let salt: Option<Vec<u8>> = visitor_salts::table
        .find(day)
        .select(visitor_salts::salt)
        .first(conn)
        .optional()?;
    salt.map(super::salt_of).transpose()
}
