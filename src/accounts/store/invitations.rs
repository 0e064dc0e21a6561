//! Invitations, found by the hash of their token.

use diesel::prelude::*;

use crate::accounts::{Invitation, Role};
use crate::clock::Timestamp;
use crate::db::schema::invitations;
use crate::db::{Conn, Result};
use crate::ids::{InvitationId, MemberId, PolicyVersionId, UserId};
use crate::mail::EmailAddress;

type Row = (
    InvitationId,
    MemberId,
    EmailAddress,
    Role,
    Option<UserId>,
    Timestamp,
    Timestamp,
    Option<Timestamp>,
    Option<Timestamp>,
);

type Columns = (
    invitations::id,
    invitations::member_id,
    invitations::email,
    invitations::role,
    invitations::invited_by,
    invitations::created_at,
    invitations::expires_at,
    invitations::accepted_at,
    invitations::revoked_at,
);

const COLUMNS: Columns = (
    invitations::id,
    invitations::member_id,
    invitations::email,
    invitations::role,
    invitations::invited_by,
    invitations::created_at,
    invitations::expires_at,
    invitations::accepted_at,
    invitations::revoked_at,
);

fn invitation_of(row: Row) -> Invitation {
    let (id, member, email, role, invited_by, created_at, expires_at, accepted_at, revoked_at) = row;
    Invitation {
        id,
        member,
        email,
        role,
        invited_by,
        created_at,
        expires_at,
        accepted_at,
        revoked_at,
    }
}

pub fn insert(
    tx: &mut Conn,
    invitation: &Invitation,
    token_sha256: &[u8],
    policy_version: PolicyVersionId,
) -> Result<()> {
    diesel::insert_into(invitations::table)
        .values((
            invitations::id.eq(invitation.id),
            invitations::member_id.eq(invitation.member),
            invitations::email.eq(&invitation.email),
            invitations::role.eq(invitation.role),
            invitations::token_sha256.eq(token_sha256),
            invitations::invited_by.eq(invitation.invited_by),
            invitations::policy_version_id.eq(policy_version),
            invitations::created_at.eq(invitation.created_at),
            invitations::expires_at.eq(invitation.expires_at),
        ))
        .execute(tx)?;
    Ok(())
}

/// A member's invitations, newest first.
pub fn list(
    conn: &mut Conn,
    member: MemberId,
    before: Option<(Timestamp, InvitationId)>,
    limit: i64,
) -> Result<Vec<Invitation>> {
    let mut query = invitations::table
        .filter(invitations::member_id.eq(member))
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            invitations::created_at
                .lt(at)
                .or(invitations::created_at.eq(at).and(invitations::id.lt(id))),
        );
    }
    let rows: Vec<Row> = query
        .order((invitations::created_at.desc(), invitations::id.desc()))
        .limit(limit)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(invitation_of).collect())
}

/// Those that nobody has accepted or revoked, expired or not.
pub fn list_open(conn: &mut Conn, member: MemberId, limit: i64) -> Result<Vec<Invitation>> {
    let rows: Vec<Row> = invitations::table
        .filter(invitations::member_id.eq(member))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::revoked_at.is_null())
        .order(invitations::created_at.desc())
        .limit(limit)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(invitation_of).collect())
}

pub fn find(conn: &mut Conn, member: MemberId, id: InvitationId) -> Result<Option<Invitation>> {
    let row: Option<Row> = invitations::table
        .filter(invitations::member_id.eq(member))
        .filter(invitations::id.eq(id))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(invitation_of))
}

/// The invitation of a link, whatever its state.
pub fn find_by_token(conn: &mut Conn, token_sha256: &[u8]) -> Result<Option<Invitation>> {
    let row: Option<Row> = invitations::table
        .filter(invitations::token_sha256.eq(token_sha256))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(invitation_of))
}

pub fn count_since(conn: &mut Conn, member: MemberId, since: Timestamp) -> Result<i64> {
    Ok(invitations::table
        .filter(invitations::member_id.eq(member))
        .filter(invitations::created_at.gt(since))
        .count()
        .get_result(conn)?)
}

/// Another link, and the earlier one is dead.
pub fn renew(
    tx: &mut Conn,
    member: MemberId,
    id: InvitationId,
    token_sha256: &[u8],
    expires_at: Timestamp,
) -> Result<()> {
    diesel::update(
        invitations::table
            .filter(invitations::member_id.eq(member))
            .filter(invitations::id.eq(id)),
    )
    .set((
        invitations::token_sha256.eq(token_sha256),
        invitations::expires_at.eq(expires_at),
    ))
    .execute(tx)?;
    Ok(())
}

/// Uses an invitation up. False: it was accepted or revoked meanwhile. Of two at once, one.
pub fn accept(tx: &mut Conn, id: InvitationId, now: Timestamp) -> Result<bool> {
    let accepted = diesel::update(
        invitations::table
            .filter(invitations::id.eq(id))
            .filter(invitations::accepted_at.is_null())
            .filter(invitations::revoked_at.is_null()),
    )
    .set(invitations::accepted_at.eq(Some(now)))
    .execute(tx)?;
    Ok(accepted == 1)
}

/// False: there is none that could be.
pub fn revoke(tx: &mut Conn, member: MemberId, id: InvitationId, now: Timestamp) -> Result<bool> {
    let revoked = diesel::update(
        invitations::table
            .filter(invitations::member_id.eq(member))
            .filter(invitations::id.eq(id))
            .filter(invitations::accepted_at.is_null())
            .filter(invitations::revoked_at.is_null()),
    )
    .set(invitations::revoked_at.eq(Some(now)))
    .execute(tx)?;
    Ok(revoked == 1)
}

/// Forgets those that were sent before `before`.
pub fn purge(tx: &mut Conn, before: Timestamp) -> Result<usize> {
    Ok(diesel::delete(invitations::table.filter(invitations::created_at.lt(before))).execute(tx)?)
}
