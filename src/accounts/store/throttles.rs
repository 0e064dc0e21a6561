//! Tallies of tries, shared by all processes. The key is a hash: neither address is readable here.

use diesel::prelude::*;

use crate::accounts::rules::Tally;
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::login_throttles;
use crate::db::{Conn, Result};

/// The tally of a key; locked until the transaction ends, so that tries at the same time are counted one after the other.
pub fn lock(tx: &mut Conn, key: &[u8], now: Timestamp) -> Result<Option<Tally>> {
    let fresh = (
        login_throttles::key_sha256.eq(key),
        login_throttles::failures.eq(0),
        login_throttles::first_failure_at.eq(now),
    );
    both!(tx, |c| diesel::insert_into(login_throttles::table)
        .values(fresh)
        .on_conflict(login_throttles::key_sha256)
        .do_update()
        .set(login_throttles::failures.eq(login_throttles::failures))
        .execute(c))?;
    let (failures, first_failure_at, blocked_until): (i32, Timestamp, Option<Timestamp>) =
        login_throttles::table
            .filter(login_throttles::key_sha256.eq(key))
            .select((
                login_throttles::failures,
                login_throttles::first_failure_at,
                login_throttles::blocked_until,
            ))
            .first(tx)?;
    Ok((failures > 0).then_some(Tally {
        failures,
        first_failure_at,
        blocked_until,
    }))
}

pub fn set(tx: &mut Conn, key: &[u8], tally: Tally) -> Result<()> {
    diesel::update(login_throttles::table.filter(login_throttles::key_sha256.eq(key)))
        .set((
            login_throttles::failures.eq(tally.failures),
            login_throttles::first_failure_at.eq(tally.first_failure_at),
            login_throttles::blocked_until.eq(tally.blocked_until),
        ))
        .execute(tx)?;
    Ok(())
}

/// Takes one try back: it was no failure.
pub fn take_back(tx: &mut Conn, key: &[u8]) -> Result<()> {
    diesel::update(
        login_throttles::table
            .filter(login_throttles::key_sha256.eq(key))
            .filter(login_throttles::failures.gt(0)),
    )
    .set((
        login_throttles::failures.eq(login_throttles::failures - 1),
        login_throttles::blocked_until.eq(None::<Timestamp>),
    ))
    .execute(tx)?;
    Ok(())
}

pub fn clear(tx: &mut Conn, key: &[u8]) -> Result<()> {
    diesel::delete(login_throttles::table.filter(login_throttles::key_sha256.eq(key))).execute(tx)?;
    Ok(())
}

/// Forgets what began before `before`; no window and no wait is longer than that.
pub fn delete_old(tx: &mut Conn, before: Timestamp) -> Result<usize> {
    Ok(
        diesel::delete(login_throttles::table.filter(login_throttles::first_failure_at.lt(before)))
            .execute(tx)?,
    )
}
