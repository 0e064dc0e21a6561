//! The table `leads`: who asked to be reminded of us, and did not register then.

use diesel::prelude::*;

use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::leads;
use crate::db::{Conn, Result};
use crate::ids::{LeadId, PolicyVersionId, UserId};
use crate::mail::{EmailAddress, Language};
use crate::policies::Collected;

/// Somebody who left their address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lead {
    pub id: LeadId,
    pub address: EmailAddress,
    pub language: Language,
    /// Stays what it was when it was left (promise 7).
    pub collected: Collected,
    /// How many reminders were written.
    pub nudges: i32,
    pub registered: bool,
}

/// Keeps an address, unless it is kept already: then it is left as it was. True: it is new.
pub fn insert(tx: &mut Conn, lead: &Lead) -> Result<bool> {
    let row = (
        leads::id.eq(lead.id),
        leads::address.eq(&lead.address),
        leads::address_folded.eq(lead.address.folded()),
        leads::language.eq(lead.language),
        leads::policy_version_id.eq(lead.collected.under),
        leads::collected_at.eq(lead.collected.at),
        leads::nudges.eq(lead.nudges),
    );
    let inserted = both!(tx, |c| diesel::insert_into(leads::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

type Row = (
    EmailAddress,
    Language,
    PolicyVersionId,
    Timestamp,
    i32,
    Option<Timestamp>,
);

pub fn find(conn: &mut Conn, id: LeadId) -> Result<Option<Lead>> {
    let row: Option<Row> = leads::table
        .filter(leads::id.eq(id))
        .select((
            leads::address,
            leads::language,
            leads::policy_version_id,
            leads::collected_at,
            leads::nudges,
            leads::registered_at,
        ))
        .first(conn)
        .optional()?;
    Ok(
        row.map(|(address, language, under, at, nudges, registered_at)| Lead {
            id,
            address,
            language,
            collected: Collected { at, under },
            nudges,
            registered: registered_at.is_some(),
        }),
    )
}

/// Is that address kept, and nobody's yet?
pub fn is_waiting(conn: &mut Conn, address: &EmailAddress) -> Result<bool> {
    let found: i64 = leads::table
        .filter(leads::address_folded.eq(address.folded()))
        .filter(leads::registered_at.is_null())
        .count()
        .get_result(conn)?;
    Ok(found > 0)
}

pub fn set_nudged(tx: &mut Conn, id: LeadId, nudges: i32, now: Timestamp) -> Result<()> {
    diesel::update(leads::table.filter(leads::id.eq(id)))
        .set((leads::nudges.eq(nudges), leads::nudged_at.eq(Some(now))))
        .execute(tx)?;
    Ok(())
}

/// The lead has registered: it is that user's from now on.
pub fn link(tx: &mut Conn, address: &EmailAddress, user: UserId, now: Timestamp) -> Result<()> {
    let waiting = leads::table
        .filter(leads::address_folded.eq(address.folded()))
        .filter(leads::registered_at.is_null());
    diesel::update(waiting)
        .set((leads::user_id.eq(Some(user)), leads::registered_at.eq(Some(now))))
        .execute(tx)?;
    Ok(())
}

/// Forgets an address that is nobody's yet. False: there is none.
pub fn delete_waiting(tx: &mut Conn, address: &EmailAddress) -> Result<bool> {
    let waiting = leads::table
        .filter(leads::address_folded.eq(address.folded()))
        .filter(leads::registered_at.is_null());
    Ok(diesel::delete(waiting).execute(tx)? > 0)
}

pub fn delete_of_user(tx: &mut Conn, user: UserId) -> Result<()> {
    diesel::delete(leads::table.filter(leads::user_id.eq(user))).execute(tx)?;
    Ok(())
}

/// The addresses of those that nobody registered with, left before `before`.
pub fn list_old(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<Vec<EmailAddress>> {
    Ok(leads::table
        .filter(leads::collected_at.lt(before))
        .filter(leads::registered_at.is_null())
        .select(leads::address)
        .limit(limit)
        .load(conn)?)
}
