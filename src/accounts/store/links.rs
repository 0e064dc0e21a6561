//! Single-use links in mails, found by the hash of their token.

use diesel::prelude::*;

use crate::accounts::Purpose;
use crate::clock::Timestamp;
use crate::db::schema::account_tokens;
use crate::db::{Conn, Result};
use crate::ids::{AccountTokenId, PolicyVersionId, UserId};
use crate::mail::EmailAddress;

pub struct NewLink<'a> {
    pub id: AccountTokenId,
    pub user: UserId,
    pub purpose: Purpose,
    pub token_sha256: &'a [u8],
    pub new_email: Option<&'a EmailAddress>,
    pub expires_at: Timestamp,
    pub policy_version: PolicyVersionId,
}

/// Makes a link, and every earlier one of that user for that purpose dead.
pub fn replace(tx: &mut Conn, link: &NewLink<'_>, now: Timestamp) -> Result<()> {
    delete_all(tx, link.user, link.purpose)?;
    diesel::insert_into(account_tokens::table)
        .values((
            account_tokens::id.eq(link.id),
            account_tokens::user_id.eq(link.user),
            account_tokens::purpose.eq(link.purpose.as_str()),
            account_tokens::token_sha256.eq(link.token_sha256),
            account_tokens::new_email.eq(link.new_email),
            account_tokens::created_at.eq(now),
            account_tokens::expires_at.eq(link.expires_at),
            account_tokens::policy_version_id.eq(Some(link.policy_version)),
        ))
        .execute(tx)?;
    Ok(())
}

/// Whose live link this is; changes nothing.
pub fn find(
    conn: &mut Conn,
    purpose: Purpose,
    token_sha256: &[u8],
    now: Timestamp,
) -> Result<Option<UserId>> {
    Ok(account_tokens::table
        .filter(account_tokens::token_sha256.eq(token_sha256))
        .filter(account_tokens::purpose.eq(purpose.as_str()))
        .filter(account_tokens::used_at.is_null())
        .filter(account_tokens::expires_at.gt(now))
        .select(account_tokens::user_id)
        .first(conn)
        .optional()?)
}

/// Uses a link up: whose it was, and the address that it confirms. `None`: unknown, used or too old. Of two at once, one.
pub fn take(
    tx: &mut Conn,
    purpose: Purpose,
    token_sha256: &[u8],
    now: Timestamp,
) -> Result<Option<(UserId, Option<EmailAddress>)>> {
    let live = account_tokens::table
        .filter(account_tokens::token_sha256.eq(token_sha256))
        .filter(account_tokens::purpose.eq(purpose.as_str()))
        .filter(account_tokens::used_at.is_null())
        .filter(account_tokens::expires_at.gt(now));
    let used = diesel::update(live)
        .set(account_tokens::used_at.eq(Some(now)))
        .execute(tx)?;
    if used == 0 {
        return Ok(None);
    }
    Ok(account_tokens::table
        .filter(account_tokens::token_sha256.eq(token_sha256))
        .select((account_tokens::user_id, account_tokens::new_email))
        .first(tx)
        .optional()?)
}

pub fn delete_all(tx: &mut Conn, user: UserId, purpose: Purpose) -> Result<()> {
    diesel::delete(
        account_tokens::table
            .filter(account_tokens::user_id.eq(user))
            .filter(account_tokens::purpose.eq(purpose.as_str())),
    )
    .execute(tx)?;
    Ok(())
}

pub fn delete_expired(tx: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(account_tokens::table.filter(account_tokens::expires_at.le(now))).execute(tx)?)
}
