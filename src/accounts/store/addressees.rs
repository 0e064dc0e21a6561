//! Whom mail about a member goes to.

use diesel::prelude::*;

use crate::accounts::{Addressee, Addressees, Role};
use crate::clock::Timestamp;
use crate::db::schema::{members, memberships, users};
use crate::db::{Conn, Result};
use crate::ids::{MemberId, PolicyVersionId, UserId};
use crate::mail::{EmailAddress, Language};
use crate::policies::Collected;

/// The people of a member with at least this role whose addresses are verified, the oldest membership first.
pub fn find_addressees(conn: &mut Conn, member: MemberId, at_least: Role) -> Result<Option<Addressees>> {
    type Found = (
        String,
        Language,
        String,
        Option<Timestamp>,
        Option<PolicyVersionId>,
        Timestamp,
    );
    let found: Option<Found> = members::table
        .filter(members::id.eq(member))
        .select((
            members::name,
            members::language,
            members::time_zone,
            members::collected_at,
            members::policy_version_id,
            members::created_at,
        ))
        .first(conn)
        .optional()?;
    let Some((name, language, time_zone, at, under, created_at)) = found else {
        return Ok(None);
    };
    let collected = Collected {
        at: at.unwrap_or(created_at),
        // What was collected under nobody knows what may be used for nothing.
        under: under.unwrap_or(PolicyVersionId::from_uuid(uuid::Uuid::nil())),
    };
    let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| *role >= at_least).collect();
    type Row = (UserId, EmailAddress, Language, Timestamp, PolicyVersionId);
    let people: Vec<Row> = memberships::table
        .inner_join(users::table.on(users::id.eq(memberships::user_id)))
        .filter(memberships::member_id.eq(member))
        .filter(memberships::role.eq_any(roles))
        .filter(users::email_verified_at.is_not_null())
        .order((memberships::created_at, memberships::user_id))
        .select((
            users::id,
            users::email,
            users::language,
            users::collected_at,
            users::policy_version_id,
        ))
        .load(conn)?;
    let people = people
        .into_iter()
        .map(|(user, address, language, at, under)| Addressee {
            user,
            address,
            language,
            collected: Collected { at, under },
        });
    Ok(Some(Addressees {
        name,
        language,
        time_zone,
        collected,
        people: people.collect(),
    }))
}

/// The people of many members with at least this role whose addresses are verified, by member, the oldest membership of each
/// first.
pub fn list_addressees(
    conn: &mut Conn,
    all: &[MemberId],
    at_least: Role,
) -> Result<Vec<(MemberId, Addressee)>> {
    type Row = (
        MemberId,
        UserId,
        EmailAddress,
        Language,
        Timestamp,
        PolicyVersionId,
    );
    let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| *role >= at_least).collect();
    let rows: Vec<Row> = memberships::table
        .inner_join(users::table.on(users::id.eq(memberships::user_id)))
        .filter(memberships::member_id.eq_any(all.to_vec()))
        .filter(memberships::role.eq_any(roles))
        .filter(users::email_verified_at.is_not_null())
        .order((
            memberships::member_id,
            memberships::created_at,
            memberships::user_id,
        ))
        .select((
            memberships::member_id,
            users::id,
            users::email,
            users::language,
            users::collected_at,
            users::policy_version_id,
        ))
        .load(conn)?;
    let people = rows
        .into_iter()
        .map(|(member, user, address, language, at, under)| {
            let addressee = Addressee {
                user,
                address,
                language,
                collected: Collected { at, under },
            };
            (member, addressee)
        });
    Ok(people.collect())
}
