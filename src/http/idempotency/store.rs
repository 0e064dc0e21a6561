//! The `idempotency_keys` table.

use diesel::prelude::*;

use super::{Kept, Known, Use};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::idempotency_keys as keys;
use crate::db::{Conn, Result};

/// Notes a key that is used for the first time; `false` if it is known.
pub fn insert(conn: &mut Conn, used: &Use, now: Timestamp, expires: Timestamp) -> Result<bool> {
    let row = (
        keys::principal.eq(&used.principal),
        keys::key.eq(&used.key),
        keys::request_sha256.eq(&used.request_sha256),
        keys::created_at.eq(now),
        keys::expires_at.eq(expires),
    );
    let inserted = both!(conn, |c| diesel::insert_into(keys::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

pub fn find(conn: &mut Conn, used: &Use) -> Result<Option<Known>> {
    type Row = (
        Vec<u8>,
        Option<i32>,
        Option<String>,
        Option<Vec<u8>>,
        Timestamp,
        Timestamp,
    );
    let row: Option<Row> = keys::table
        .find((&used.principal, &used.key))
        .select((
            keys::request_sha256,
            keys::status,
            keys::content_type,
            keys::body,
            keys::created_at,
            keys::expires_at,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(
        |(request_sha256, status, content_type, body, created_at, expires_at)| Known {
            request_sha256,
            answer: status.map(|status| Kept {
                status,
                content_type,
                body,
            }),
            created_at,
            expires_at,
        },
    ))
}

/// The key begins anew: its first request was abandoned, or its day is over.
pub fn restart(conn: &mut Conn, used: &Use, now: Timestamp, expires: Timestamp) -> Result<()> {
    diesel::update(keys::table.find((&used.principal, &used.key)))
        .set((
            keys::request_sha256.eq(&used.request_sha256),
            keys::status.eq(None::<i32>),
            keys::content_type.eq(None::<String>),
            keys::body.eq(None::<Vec<u8>>),
            keys::created_at.eq(now),
            keys::expires_at.eq(expires),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn keep(conn: &mut Conn, used: &Use, answer: &Kept) -> Result<()> {
    diesel::update(keys::table.find((&used.principal, &used.key)))
        .set((
            keys::status.eq(Some(answer.status)),
            keys::content_type.eq(&answer.content_type),
            keys::body.eq(&answer.body),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn delete(conn: &mut Conn, used: &Use) -> Result<()> {
    diesel::delete(keys::table.find((&used.principal, &used.key))).execute(conn)?;
    Ok(())
}

pub fn delete_expired(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(keys::table.filter(keys::expires_at.le(now))).execute(conn)?)
}
