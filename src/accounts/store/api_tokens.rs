//! API tokens as a member sees them. As they are presented they are `tokens`' business.

use std::collections::BTreeSet;

use diesel::prelude::*;

use crate::accounts::{ApiToken, Name, Scope};
use crate::clock::Timestamp;
use crate::db::schema::api_tokens;
use crate::db::{Conn, Json, Result};
use crate::ids::{ApiTokenId, MemberId, UserId};

type Row = (
    ApiTokenId,
    Name,
    String,
    Json<BTreeSet<Scope>>,
    Option<UserId>,
    Timestamp,
    Option<Timestamp>,
    Option<Timestamp>,
);

pub fn insert(tx: &mut Conn, member: MemberId, token: &ApiToken, token_sha256: &[u8]) -> Result<()> {
    diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::id.eq(token.id),
            api_tokens::member_id.eq(member),
            api_tokens::created_by.eq(token.created_by),
            api_tokens::name.eq(&token.name),
            api_tokens::hint.eq(&token.hint),
            api_tokens::token_sha256.eq(token_sha256),
            api_tokens::scopes.eq(Json(token.scopes.clone())),
            api_tokens::created_at.eq(token.created_at),
            api_tokens::expires_at.eq(token.expires_at),
        ))
        .execute(tx)?;
    Ok(())
}

/// A member's tokens that are not revoked, newest first; those that have expired too, to be seen and cleared away.
pub fn list(
    conn: &mut Conn,
    member: MemberId,
    before: Option<(Timestamp, ApiTokenId)>,
    limit: i64,
) -> Result<Vec<ApiToken>> {
    let mut query = api_tokens::table
        .filter(api_tokens::member_id.eq(member))
        .filter(api_tokens::revoked_at.is_null())
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            api_tokens::created_at
                .lt(at)
                .or(api_tokens::created_at.eq(at).and(api_tokens::id.lt(id))),
        );
    }
    let rows: Vec<Row> = query
        .order((api_tokens::created_at.desc(), api_tokens::id.desc()))
        .limit(limit)
        .select((
            api_tokens::id,
            api_tokens::name,
            api_tokens::hint,
            api_tokens::scopes,
            api_tokens::created_by,
            api_tokens::created_at,
            api_tokens::expires_at,
            api_tokens::last_used_at,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(
            |(id, name, hint, Json(scopes), created_by, created_at, expires_at, last_used_at)| ApiToken {
                id,
                name,
                hint,
                scopes,
                created_by,
                created_at,
                expires_at,
                last_used_at,
            },
        )
        .collect())
}

pub fn count(conn: &mut Conn, member: MemberId) -> Result<i64> {
    Ok(api_tokens::table
        .filter(api_tokens::member_id.eq(member))
        .filter(api_tokens::revoked_at.is_null())
        .count()
        .get_result(conn)?)
}

/// False: there is none, or it was revoked before.
pub fn revoke(tx: &mut Conn, member: MemberId, id: ApiTokenId, now: Timestamp) -> Result<bool> {
    let revoked = diesel::update(
        api_tokens::table
            .filter(api_tokens::member_id.eq(member))
            .filter(api_tokens::id.eq(id))
            .filter(api_tokens::revoked_at.is_null()),
    )
    .set(api_tokens::revoked_at.eq(Some(now)))
    .execute(tx)?;
    Ok(revoked == 1)
}
