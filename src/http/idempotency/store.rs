//! The `idempotency_keys` table: what was asked under a key, and what was answered.

use diesel::prelude::*;

use crate::{
    both,
    clock::Timestamp,
    db::{Conn, Result, schema::idempotency_keys},
};

/// Whose key, and which: both hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub principal: String,
    pub key: String,
}

/// A request that came before under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    pub request_sha256: Vec<u8>,
    pub created_at: Timestamp,
    /// None while it is being worked on.
    pub answer: Option<Sealed>,
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub status: i32,
    pub content_type: Option<String>,
    /// Unreadable without what the client alone knows.
    pub rest: Vec<u8>,
}

/// Takes a place for a request, or says which one came before. Of two at once, one takes it.
pub fn take(
    tx: &mut Conn,
    place: &Place,
    request_sha256: &[u8],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<Option<Earlier>> {
    diesel::delete(
        idempotency_keys::table
            .filter(idempotency_keys::principal.eq(&place.principal))
            .filter(idempotency_keys::key.eq(&place.key))
            .filter(idempotency_keys::expires_at.le(now)),
    )
    .execute(tx)?;
    let row = (
        idempotency_keys::principal.eq(&place.principal),
        idempotency_keys::key.eq(&place.key),
        idempotency_keys::request_sha256.eq(request_sha256),
        idempotency_keys::created_at.eq(now),
        idempotency_keys::expires_at.eq(expires_at),
    );
    let taken = both!(tx, |c| diesel::insert_into(idempotency_keys::table)
        .values(row)
        .on_conflict((idempotency_keys::principal, idempotency_keys::key))
        .do_nothing()
        .execute(c))?;
    if taken == 1 {
        return Ok(None);
    }
    type Row = (Vec<u8>, Timestamp, Option<i32>, Option<String>, Option<Vec<u8>>);
    let (request_sha256, created_at, status, content_type, body): Row = idempotency_keys::table
        .filter(idempotency_keys::principal.eq(&place.principal))
        .filter(idempotency_keys::key.eq(&place.key))
        .select((
            idempotency_keys::request_sha256,
            idempotency_keys::created_at,
            idempotency_keys::status,
            idempotency_keys::content_type,
            idempotency_keys::body,
        ))
        .first(tx)?;
    Ok(Some(Earlier {
        request_sha256,
        created_at,
        answer: status.zip(body).map(|(status, rest)| Sealed {
            status,
            content_type,
            rest,
        }),
    }))
}

/// Keeps the answer.
pub fn keep(tx: &mut Conn, place: &Place, answer: &Sealed) -> Result<()> {
    diesel::update(
        idempotency_keys::table
            .filter(idempotency_keys::principal.eq(&place.principal))
            .filter(idempotency_keys::key.eq(&place.key)),
    )
    .set((
        idempotency_keys::status.eq(Some(answer.status)),
        idempotency_keys::content_type.eq(&answer.content_type),
        idempotency_keys::body.eq(Some(&answer.rest)),
    ))
    .execute(tx)?;
    Ok(())
}

/// Gives a place back: nothing was changed, the same may be asked again.
pub fn release(tx: &mut Conn, place: &Place) -> Result<()> {
    diesel::delete(
        idempotency_keys::table
            .filter(idempotency_keys::principal.eq(&place.principal))
            .filter(idempotency_keys::key.eq(&place.key)),
    )
    .execute(tx)?;
    Ok(())
}

/// Forgets what is over.
pub fn purge(tx: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(idempotency_keys::table.filter(idempotency_keys::expires_at.le(now))).execute(tx)?)
}
