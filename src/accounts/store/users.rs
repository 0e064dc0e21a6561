//! Users, their second factor and recovery codes. An address is looked up in either case.

use diesel::prelude::*;

use crate::accounts::{Name, User};
use crate::clock::Timestamp;
use crate::db::schema::{recovery_codes, users};
use crate::db::{Conn, Result};
use crate::ids::{MemberId, PolicyVersionId, RecoveryCodeId, UserId};
use crate::mail::{EmailAddress, Language};
use crate::policies::Collected;

/// A user with what proves that it is them. Leaves the service's own rooms as a [`User`] only.
#[derive(Clone)]
pub struct Credentials {
    pub user: User,
    pub password_hash: String,
    /// Also while the second factor is not confirmed yet.
    pub totp_secret: Option<Vec<u8>>,
    pub totp_last_step: Option<i64>,
}

impl Credentials {
    pub fn totp_on(&self) -> bool {
        self.user.totp_confirmed_at.is_some()
    }
}

type Row = (
    (
        UserId,
        EmailAddress,
        Option<Timestamp>,
        Option<Name>,
        Language,
        Option<Timestamp>,
        Timestamp,
    ),
    (String, Option<Vec<u8>>, Option<i64>),
    (Timestamp, PolicyVersionId),
);

type Columns = (
    (
        users::id,
        users::email,
        users::email_verified_at,
        users::name,
        users::language,
        users::totp_confirmed_at,
        users::created_at,
    ),
    (users::password_hash, users::totp_secret, users::totp_last_step),
    (users::collected_at, users::policy_version_id),
);

const COLUMNS: Columns = (
    (
        users::id,
        users::email,
        users::email_verified_at,
        users::name,
        users::language,
        users::totp_confirmed_at,
        users::created_at,
    ),
    (users::password_hash, users::totp_secret, users::totp_last_step),
    (users::collected_at, users::policy_version_id),
);

fn credentials_of((user, (password_hash, totp_secret, totp_last_step), (at, under)): Row) -> Credentials {
    let (id, email, email_verified_at, name, language, totp_confirmed_at, created_at) = user;
    let user = User {
        id,
        email,
        email_verified_at,
        name,
        language,
        totp_confirmed_at,
        created_at,
        collected: Collected { at, under },
    };
    Credentials {
        user,
        password_hash,
        totp_secret,
        totp_last_step,
    }
}

/// A user to be. Their address is not verified yet unless `verified` says so.
pub struct NewUser<'a> {
    pub id: UserId,
    pub email: &'a EmailAddress,
    pub verified: bool,
    pub name: Option<&'a Name>,
    pub language: Language,
    pub password_hash: &'a str,
    pub policy_version: PolicyVersionId,
}

pub fn insert(tx: &mut Conn, user: &NewUser<'_>, now: Timestamp) -> Result<()> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(user.id),
            users::email.eq(user.email),
            users::email_folded.eq(user.email.folded()),
            users::email_verified_at.eq(user.verified.then_some(now)),
            users::name.eq(user.name),
            users::language.eq(user.language),
            users::password_hash.eq(user.password_hash),
            users::password_changed_at.eq(now),
            users::policy_version_id.eq(user.policy_version),
            users::collected_at.eq(now),
            users::created_at.eq(now),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn find_by_address(conn: &mut Conn, email: &EmailAddress) -> Result<Option<Credentials>> {
    let row: Option<Row> = users::table
        .filter(users::email_folded.eq(email.folded()))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(credentials_of))
}

pub fn find(conn: &mut Conn, id: UserId) -> Result<Option<Credentials>> {
    let row: Option<Row> = users::table
        .filter(users::id.eq(id))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(credentials_of))
}

/// Locks the user until the transaction ends, so that two requests never use one code.
pub fn lock(tx: &mut Conn, id: UserId) -> Result<()> {
    diesel::update(users::table.filter(users::id.eq(id)))
        .set(users::id.eq(id))
        .execute(tx)?;
    Ok(())
}

pub fn set_verified(tx: &mut Conn, id: UserId, now: Timestamp) -> Result<()> {
    diesel::update(
        users::table
            .filter(users::id.eq(id))
            .filter(users::email_verified_at.is_null()),
    )
    .set(users::email_verified_at.eq(now))
    .execute(tx)?;
    Ok(())
}

pub fn set_password(tx: &mut Conn, id: UserId, hash: &str, now: Timestamp) -> Result<()> {
    diesel::update(users::table.filter(users::id.eq(id)))
        .set((users::password_hash.eq(hash), users::password_changed_at.eq(now)))
        .execute(tx)?;
    Ok(())
}

/// The same password, hashed anew, unless it was changed meanwhile.
pub fn rehash(tx: &mut Conn, id: UserId, old: &str, new: &str) -> Result<()> {
    diesel::update(
        users::table
            .filter(users::id.eq(id))
            .filter(users::password_hash.eq(old)),
    )
    .set(users::password_hash.eq(new))
    .execute(tx)?;
    Ok(())
}

/// A change of an address is a new collection, under the policy of now (promise 4).
pub fn set_address(
    tx: &mut Conn,
    id: UserId,
    email: &EmailAddress,
    policy_version: PolicyVersionId,
    now: Timestamp,
) -> Result<()> {
    diesel::update(users::table.filter(users::id.eq(id)))
        .set((
            users::email.eq(email),
            users::email_folded.eq(email.folded()),
            users::email_verified_at.eq(now),
            users::policy_version_id.eq(policy_version),
            users::collected_at.eq(now),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn set_name(
    tx: &mut Conn,
    id: UserId,
    name: Option<&Name>,
    policy_version: PolicyVersionId,
    now: Timestamp,
) -> Result<()> {
    diesel::update(users::table.filter(users::id.eq(id)))
        .set((
            users::name.eq(name),
            users::policy_version_id.eq(policy_version),
            users::collected_at.eq(now),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn set_language(tx: &mut Conn, id: UserId, language: Language) -> Result<()> {
    diesel::update(users::table.filter(users::id.eq(id)))
        .set(users::language.eq(language))
        .execute(tx)?;
    Ok(())
}

/// A secret that waits to be confirmed.
pub fn set_totp_secret(tx: &mut Conn, id: UserId, secret: &[u8]) -> Result<()> {
    diesel::update(users::table.filter(users::id.eq(id)))
        .set((
            users::totp_secret.eq(Some(secret)),
            users::totp_confirmed_at.eq(None::<Timestamp>),
            users::totp_last_step.eq(None::<i64>),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn confirm_totp(tx: &mut Conn, id: UserId, step: i64, now: Timestamp) -> Result<()> {
    diesel::update(users::table.filter(users::id.eq(id)))
        .set((
            users::totp_confirmed_at.eq(Some(now)),
            users::totp_last_step.eq(Some(step)),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn set_totp_step(tx: &mut Conn, id: UserId, step: i64) -> Result<()> {
    diesel::update(users::table.filter(users::id.eq(id)))
        .set(users::totp_last_step.eq(Some(step)))
        .execute(tx)?;
    Ok(())
}

pub fn remove_totp(tx: &mut Conn, id: UserId) -> Result<()> {
    diesel::update(users::table.filter(users::id.eq(id)))
        .set((
            users::totp_secret.eq(None::<Vec<u8>>),
            users::totp_confirmed_at.eq(None::<Timestamp>),
            users::totp_last_step.eq(None::<i64>),
        ))
        .execute(tx)?;
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(id))).execute(tx)?;
    Ok(())
}

/// Replaces all recovery codes by these.
pub fn replace_recovery_codes(
    tx: &mut Conn,
    user: UserId,
    codes: Vec<(RecoveryCodeId, Vec<u8>)>,
) -> Result<()> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user))).execute(tx)?;
    for (id, sha256) in codes {
        diesel::insert_into(recovery_codes::table)
            .values((
                recovery_codes::id.eq(id),
                recovery_codes::user_id.eq(user),
                recovery_codes::code_sha256.eq(sha256),
            ))
            .execute(tx)?;
    }
    Ok(())
}

/// Uses a code up. False: no such code, or used before.
pub fn use_recovery_code(tx: &mut Conn, user: UserId, sha256: &[u8], now: Timestamp) -> Result<bool> {
    let used = diesel::update(
        recovery_codes::table
            .filter(recovery_codes::user_id.eq(user))
            .filter(recovery_codes::code_sha256.eq(sha256))
            .filter(recovery_codes::used_at.is_null()),
    )
    .set(recovery_codes::used_at.eq(Some(now)))
    .execute(tx)?;
    Ok(used > 0)
}

pub fn count_recovery_codes(conn: &mut Conn, user: UserId) -> Result<i64> {
    Ok(recovery_codes::table
        .filter(recovery_codes::user_id.eq(user))
        .filter(recovery_codes::used_at.is_null())
        .count()
        .get_result(conn)?)
}

/// Users who never verified their address and registered before `before`.
pub fn list_unverified(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<Vec<UserId>> {
    Ok(users::table
        .filter(users::email_verified_at.is_null())
        .filter(users::created_at.lt(before))
        .select(users::id)
        .limit(limit)
        .load(conn)?)
}

pub fn delete(tx: &mut Conn, id: UserId) -> Result<()> {
    diesel::delete(users::table.filter(users::id.eq(id))).execute(tx)?;
    Ok(())
}

/// Those of these users who belong to no member.
pub fn without_members(conn: &mut Conn, users: &[UserId]) -> Result<Vec<UserId>> {
    use crate::db::schema::memberships;
    let belonging: Vec<UserId> = memberships::table
        .filter(memberships::user_id.eq_any(users.to_vec()))
        .select(memberships::user_id)
        .load(conn)?;
    let left = users.iter().copied().filter(|user| !belonging.contains(user));
    Ok(left.collect())
}

/// The members to which this user alone belongs.
pub fn sole_members(conn: &mut Conn, id: UserId) -> Result<Vec<MemberId>> {
    use crate::db::schema::memberships;
    let all: Vec<MemberId> = memberships::table
        .filter(memberships::user_id.eq(id))
        .select(memberships::member_id)
        .load(conn)?;
    let mut sole = Vec::new();
    for member in all {
        let users: i64 = memberships::table
            .filter(memberships::member_id.eq(member))
            .count()
            .get_result(conn)?;
        if users == 1 {
            sole.push(member);
        }
    }
    Ok(sole)
}
