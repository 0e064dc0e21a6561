//! API tokens as they are presented. Making and listing them is the team's.

use std::collections::BTreeSet;

use diesel::prelude::*;

use crate::accounts::Scope;
use crate::clock::Timestamp;
use crate::db::schema::api_tokens;
use crate::db::{Conn, Json, Result};
use crate::ids::{ApiTokenId, MemberId};

/// A token that is good.
pub struct Presented {
    pub id: ApiTokenId,
    pub member: MemberId,
    pub scopes: BTreeSet<Scope>,
    pub last_used_at: Option<Timestamp>,
}

/// The token of this hash, unless it is revoked or has expired.
pub fn find_by_token(conn: &mut Conn, token_sha256: &[u8], now: Timestamp) -> Result<Option<Presented>> {
    type Row = (ApiTokenId, MemberId, Json<BTreeSet<Scope>>, Option<Timestamp>);
    let row: Option<Row> = api_tokens::table
        .filter(api_tokens::token_sha256.eq(token_sha256))
        .filter(api_tokens::revoked_at.is_null())
        .filter(
            api_tokens::expires_at
                .is_null()
                .or(api_tokens::expires_at.gt(now)),
        )
        .select((
            api_tokens::id,
            api_tokens::member_id,
            api_tokens::scopes,
            api_tokens::last_used_at,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(|(id, member, Json(scopes), last_used_at)| Presented {
        id,
        member,
        scopes,
        last_used_at,
    }))
}

pub fn touch(tx: &mut Conn, id: ApiTokenId, now: Timestamp) -> Result<()> {
    diesel::update(api_tokens::table.filter(api_tokens::id.eq(id)))
        .set(api_tokens::last_used_at.eq(Some(now)))
        .execute(tx)?;
    Ok(())
}
