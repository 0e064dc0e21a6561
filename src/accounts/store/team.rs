//! Members in full, and the people in their teams.

use diesel::prelude::*;

use crate::accounts::{Member, MemberKind, Name, OwnMember, Region, Role, TeamUser, TimeZone};
use crate::clock::Timestamp;
use crate::db::schema::{members, memberships, sessions, users};
use crate::db::{Conn, Result};
use crate::ids::{MemberId, PolicyVersionId, UserId};
use crate::mail::{EmailAddress, Language};
use crate::plans::{self, Plan, Plans, Refused, Wanted};
use crate::policies::Collected;

text_column!(MemberKind, Region, TimeZone);

type Row = (
    MemberId,
    Name,
    MemberKind,
    Region,
    Language,
    TimeZone,
    Timestamp,
    Option<Timestamp>,
);

type Columns = (
    members::id,
    members::name,
    members::kind,
    members::region,
    members::language,
    members::time_zone,
    members::created_at,
    members::ends_at,
);

const COLUMNS: Columns = (
    members::id,
    members::name,
    members::kind,
    members::region,
    members::language,
    members::time_zone,
    members::created_at,
    members::ends_at,
);

fn member_of((id, name, kind, region, language, time_zone, created_at, ends_at): Row) -> Member {
    Member {
        id,
        name,
        kind,
        region,
        language,
        time_zone,
        created_at,
        ends_at,
    }
}

pub fn insert_member(tx: &mut Conn, member: &Member, policy_version: PolicyVersionId) -> Result<()> {
    diesel::insert_into(members::table)
        .values((
            members::id.eq(member.id),
            members::name.eq(&member.name),
            members::kind.eq(member.kind),
            members::state.eq("active"),
            members::plan.eq(Plan::Free),
            members::region.eq(member.region),
            members::language.eq(member.language),
            members::time_zone.eq(&member.time_zone),
            members::created_at.eq(member.created_at),
            members::policy_version_id.eq(Some(policy_version)),
            members::collected_at.eq(Some(member.created_at)),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn find_member(conn: &mut Conn, id: MemberId) -> Result<Option<Member>> {
    let row: Option<Row> = members::table
        .filter(members::id.eq(id))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(member_of))
}

/// Everything of a member that can change; that is a new collection (promise 4).
pub fn save_member(tx: &mut Conn, member: &Member, collected: Collected) -> Result<()> {
    diesel::update(members::table.filter(members::id.eq(member.id)))
        .set((
            members::name.eq(&member.name),
            members::kind.eq(member.kind),
            members::language.eq(member.language),
            members::time_zone.eq(&member.time_zone),
            members::policy_version_id.eq(Some(collected.under)),
            members::collected_at.eq(Some(collected.at)),
        ))
        .execute(tx)?;
    Ok(())
}

/// When the member ends; `None`: it stays.
pub fn set_end(tx: &mut Conn, id: MemberId, ends_at: Option<Timestamp>) -> Result<()> {
    diesel::update(members::table.filter(members::id.eq(id)))
        .set(members::ends_at.eq(ends_at))
        .execute(tx)?;
    Ok(())
}

/// The members whose end was before `before`, and that are still there.
pub fn list_ended(conn: &mut Conn, before: Timestamp) -> Result<Vec<(MemberId, Timestamp)>> {
    let rows: Vec<(MemberId, Option<Timestamp>)> = members::table
        .filter(members::ends_at.lt(before))
        .select((members::id, members::ends_at))
        .load(conn)?;
    let ended = rows.into_iter().filter_map(|(id, at)| Some((id, at?)));
    Ok(ended.collect())
}

/// Whether a member may take its contacts and counts along: if its plan has that, or if it leaves.
pub fn may_export(
    conn: &mut Conn,
    plans: Plans,
    member: MemberId,
) -> Result<std::result::Result<(), Refused>> {
    let leaves = find_member(conn, member)?.is_some_and(|member| member.ends_at.is_some());
    let plan = plans.of(conn, member)?;
    Ok(if leaves {
        Ok(())
    } else {
        plans::admit(plan, Wanted::Export)
    })
}

/// Makes others who change this member or its team wait until the transaction ends. SQLite has one writer anyway.
pub fn lock_member(tx: &mut Conn, id: MemberId) -> Result<()> {
    if let Conn::Postgres(conn) = tx {
        members::table
            .filter(members::id.eq(id))
            .select(members::id)
            .for_update()
            .execute(conn)?;
    }
    Ok(())
}

/// The members that a user belongs to, the oldest membership first.
pub fn list_of_user(
    conn: &mut Conn,
    user: UserId,
    after: Option<(Timestamp, MemberId)>,
    limit: i64,
) -> Result<Vec<OwnMember>> {
    let mut query = memberships::table
        .inner_join(members::table.on(members::id.eq(memberships::member_id)))
        .filter(memberships::user_id.eq(user))
        .into_boxed();
    if let Some((at, id)) = after {
        query = query.filter(
            memberships::created_at
                .gt(at)
                .or(memberships::created_at.eq(at).and(memberships::member_id.gt(id))),
        );
    }
    let rows: Vec<(Row, Role, Timestamp)> = query
        .order((memberships::created_at, memberships::member_id))
        .limit(limit)
        .select((COLUMNS, memberships::role, memberships::created_at))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(member, role, joined_at)| OwnMember {
            member: member_of(member),
            role,
            joined_at,
        })
        .collect())
}

pub fn count_of_user(conn: &mut Conn, user: UserId) -> Result<i64> {
    Ok(memberships::table
        .filter(memberships::user_id.eq(user))
        .count()
        .get_result(conn)?)
}

type UserRow = (
    UserId,
    EmailAddress,
    Option<Name>,
    Role,
    Option<Timestamp>,
    Timestamp,
);

fn user_of((id, email, name, role, totp, joined_at): UserRow) -> TeamUser {
    TeamUser {
        id,
        email,
        name,
        role,
        second_factor: totp.is_some(),
        joined_at,
    }
}

/// The people in a team, in the order in which they joined.
pub fn list_users(
    conn: &mut Conn,
    member: MemberId,
    after: Option<(Timestamp, UserId)>,
    limit: i64,
) -> Result<Vec<TeamUser>> {
    let mut query = memberships::table
        .inner_join(users::table.on(users::id.eq(memberships::user_id)))
        .filter(memberships::member_id.eq(member))
        .into_boxed();
    if let Some((at, id)) = after {
        query = query.filter(
            memberships::created_at
                .gt(at)
                .or(memberships::created_at.eq(at).and(memberships::user_id.gt(id))),
        );
    }
    let rows: Vec<UserRow> = query
        .order((memberships::created_at, memberships::user_id))
        .limit(limit)
        .select((
            users::id,
            users::email,
            users::name,
            memberships::role,
            users::totp_confirmed_at,
            memberships::created_at,
        ))
        .load(conn)?;
    Ok(rows.into_iter().map(user_of).collect())
}

pub fn find_user(conn: &mut Conn, member: MemberId, user: UserId) -> Result<Option<TeamUser>> {
    let row: Option<UserRow> = memberships::table
        .inner_join(users::table.on(users::id.eq(memberships::user_id)))
        .filter(memberships::member_id.eq(member))
        .filter(memberships::user_id.eq(user))
        .select((
            users::id,
            users::email,
            users::name,
            memberships::role,
            users::totp_confirmed_at,
            memberships::created_at,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(user_of))
}

pub fn count_owners(conn: &mut Conn, member: MemberId) -> Result<i64> {
    Ok(memberships::table
        .filter(memberships::member_id.eq(member))
        .filter(memberships::role.eq(Role::Owner))
        .count()
        .get_result(conn)?)
}

pub fn set_role(tx: &mut Conn, member: MemberId, user: UserId, role: Role) -> Result<()> {
    diesel::update(
        memberships::table
            .filter(memberships::member_id.eq(member))
            .filter(memberships::user_id.eq(user)),
    )
    .set(memberships::role.eq(role))
    .execute(tx)?;
    Ok(())
}

/// Ends a membership; the user's sessions that had this member before them now have none.
pub fn remove_user(tx: &mut Conn, member: MemberId, user: UserId) -> Result<()> {
    diesel::delete(
        memberships::table
            .filter(memberships::member_id.eq(member))
            .filter(memberships::user_id.eq(user)),
    )
    .execute(tx)?;
    diesel::update(
        sessions::table
            .filter(sessions::user_id.eq(user))
            .filter(sessions::member_id.eq(member)),
    )
    .set(sessions::member_id.eq(None::<MemberId>))
    .execute(tx)?;
    Ok(())
}
