//! Sessions, found by the hash of their token.

use diesel::prelude::*;

use crate::accounts::Session;
use crate::clock::Timestamp;
use crate::db::schema::sessions;
use crate::db::{Conn, Result};
use crate::ids::{MemberId, PolicyVersionId, SessionId, UserId};

type Row = (
    SessionId,
    UserId,
    Option<MemberId>,
    Option<String>,
    Option<String>,
    Option<String>,
    Timestamp,
    Timestamp,
    Timestamp,
);

type Columns = (
    sessions::id,
    sessions::user_id,
    sessions::member_id,
    sessions::address,
    sessions::browser,
    sessions::system,
    sessions::created_at,
    sessions::last_seen_at,
    sessions::expires_at,
);

const COLUMNS: Columns = (
    sessions::id,
    sessions::user_id,
    sessions::member_id,
    sessions::address,
    sessions::browser,
    sessions::system,
    sessions::created_at,
    sessions::last_seen_at,
    sessions::expires_at,
);

fn session_of(row: Row) -> Session {
    let (id, user, member, address, browser, system, created_at, last_seen_at, expires_at) = row;
    Session {
        id,
        user,
        member,
        address,
        browser,
        system,
        created_at,
        last_seen_at,
        expires_at,
    }
}

pub fn insert(
    tx: &mut Conn,
    session: &Session,
    token_sha256: &[u8],
    policy_version: PolicyVersionId,
) -> Result<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(session.id),
            sessions::user_id.eq(session.user),
            sessions::member_id.eq(session.member),
            sessions::token_sha256.eq(token_sha256),
            sessions::address.eq(&session.address),
            sessions::browser.eq(&session.browser),
            sessions::system.eq(&session.system),
            sessions::created_at.eq(session.created_at),
            sessions::last_seen_at.eq(session.last_seen_at),
            sessions::expires_at.eq(session.expires_at),
            sessions::policy_version_id.eq(Some(policy_version)),
        ))
        .execute(tx)?;
    Ok(())
}

/// The session of a token, while it lasts.
pub fn find_by_token(conn: &mut Conn, token_sha256: &[u8], now: Timestamp) -> Result<Option<Session>> {
    let row: Option<Row> = sessions::table
        .filter(sessions::token_sha256.eq(token_sha256))
        .filter(sessions::expires_at.gt(now))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(session_of))
}

/// A user's own session.
pub fn find(conn: &mut Conn, user: UserId, id: SessionId, now: Timestamp) -> Result<Option<Session>> {
    let row: Option<Row> = sessions::table
        .filter(sessions::id.eq(id))
        .filter(sessions::user_id.eq(user))
        .filter(sessions::expires_at.gt(now))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(session_of))
}

/// A user's sessions that last, newest first.
pub fn list(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<Vec<Session>> {
    let rows: Vec<Row> = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::expires_at.gt(now))
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .limit(200)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(session_of).collect())
}

pub fn touch(tx: &mut Conn, id: SessionId, seen_at: Timestamp, expires_at: Timestamp) -> Result<()> {
    diesel::update(sessions::table.filter(sessions::id.eq(id)))
        .set((
            sessions::last_seen_at.eq(seen_at),
            sessions::expires_at.eq(expires_at),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn set_member(tx: &mut Conn, id: SessionId, member: Option<MemberId>) -> Result<()> {
    diesel::update(sessions::table.filter(sessions::id.eq(id)))
        .set(sessions::member_id.eq(member))
        .execute(tx)?;
    Ok(())
}

/// Ends one session of a user. False: no such session.
pub fn delete(tx: &mut Conn, user: UserId, id: SessionId) -> Result<bool> {
    let gone = diesel::delete(
        sessions::table
            .filter(sessions::id.eq(id))
            .filter(sessions::user_id.eq(user)),
    )
    .execute(tx)?;
    Ok(gone > 0)
}

/// Ends all sessions of a user but `keep`. Answers how many.
pub fn delete_all(tx: &mut Conn, user: UserId, keep: Option<SessionId>) -> Result<usize> {
    let of_user = sessions::table.filter(sessions::user_id.eq(user));
    Ok(match keep {
        Some(keep) => diesel::delete(of_user.filter(sessions::id.ne(keep))).execute(tx)?,
        None => diesel::delete(of_user).execute(tx)?,
    })
}

pub fn delete_expired(tx: &mut Conn, now: Timestamp) -> Result<usize> {
    Ok(diesel::delete(sessions::table.filter(sessions::expires_at.le(now))).execute(tx)?)
}
