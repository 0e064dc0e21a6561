//! Members, and who belongs to them.

use diesel::prelude::*;

use crate::accounts::{Membership, Name, Role};
use crate::clock::Timestamp;
use crate::db::schema::{members, memberships};
use crate::db::{Conn, Result};
use crate::ids::{MemberId, PolicyVersionId, UserId};
use crate::mail::Language;
use crate::plans::Plan;

/// A member to be, with its defaults for what nobody was asked.
pub fn insert(
    tx: &mut Conn,
    id: MemberId,
    name: &Name,
    language: Language,
    policy_version: PolicyVersionId,
    now: Timestamp,
) -> Result<()> {
    diesel::insert_into(members::table)
        .values((
            members::id.eq(id),
            members::name.eq(name),
            members::kind.eq("individual"),
            members::state.eq("active"),
            members::plan.eq(Plan::Free),
            members::region.eq("eu"),
            members::language.eq(language),
            members::time_zone.eq("UTC"),
            members::created_at.eq(now),
            members::policy_version_id.eq(Some(policy_version)),
            members::collected_at.eq(Some(now)),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn add_user(tx: &mut Conn, member: MemberId, user: UserId, role: Role, now: Timestamp) -> Result<()> {
    diesel::insert_into(memberships::table)
        .values((
            memberships::member_id.eq(member),
            memberships::user_id.eq(user),
            memberships::role.eq(role),
            memberships::created_at.eq(now),
        ))
        .execute(tx)?;
    Ok(())
}

/// What a user is to a member.
pub fn find_role(conn: &mut Conn, member: MemberId, user: UserId) -> Result<Option<Role>> {
    Ok(memberships::table
        .filter(memberships::member_id.eq(member))
        .filter(memberships::user_id.eq(user))
        .select(memberships::role)
        .first(conn)
        .optional()?)
}

/// The users of a member.
pub fn list_users(conn: &mut Conn, member: MemberId) -> Result<Vec<UserId>> {
    Ok(memberships::table
        .filter(memberships::member_id.eq(member))
        .select(memberships::user_id)
        .load(conn)?)
}

/// All members that a user belongs to, the oldest membership first.
pub fn list_memberships(conn: &mut Conn, user: UserId) -> Result<Vec<Membership>> {
    let rows: Vec<(MemberId, Name, Role)> = memberships::table
        .inner_join(members::table.on(members::id.eq(memberships::member_id)))
        .filter(memberships::user_id.eq(user))
        .order((memberships::created_at, memberships::member_id))
        .select((members::id, members::name, memberships::role))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(member, name, role)| Membership { member, name, role })
        .collect())
}

/// The members that these users belong to.
pub fn list_members_of(conn: &mut Conn, users: &[UserId]) -> Result<Vec<(UserId, MemberId)>> {
    Ok(memberships::table
        .filter(memberships::user_id.eq_any(users.to_vec()))
        .order((memberships::user_id, memberships::member_id))
        .select((memberships::user_id, memberships::member_id))
        .load(conn)?)
}

pub fn delete(tx: &mut Conn, id: MemberId) -> Result<()> {
    diesel::delete(members::table.filter(members::id.eq(id))).execute(tx)?;
    Ok(())
}
