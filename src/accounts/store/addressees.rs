//! Whom mail about a member goes to.

use diesel::prelude::*;

use crate::accounts::{Addressee, Addressees, Role};
use crate::db::schema::{members, memberships, users};
use crate::db::{Conn, Result};
use crate::ids::{MemberId, UserId};
use crate::mail::{EmailAddress, Language};

/// The people of a member with at least this role whose addresses are verified, the oldest membership first.
pub fn find_addressees(conn: &mut Conn, member: MemberId, at_least: Role) -> Result<Option<Addressees>> {
    let found: Option<(String, Language, String)> = members::table
        .filter(members::id.eq(member))
        .select((members::name, members::language, members::time_zone))
        .first(conn)
        .optional()?;
    let Some((name, language, time_zone)) = found else {
        return Ok(None);
    };
    let roles: Vec<Role> = Role::ALL.into_iter().filter(|role| *role >= at_least).collect();
    let people: Vec<(UserId, EmailAddress, Language)> = memberships::table
        .inner_join(users::table.on(users::id.eq(memberships::user_id)))
        .filter(memberships::member_id.eq(member))
        .filter(memberships::role.eq_any(roles))
        .filter(users::email_verified_at.is_not_null())
        .order((memberships::created_at, memberships::user_id))
        .select((users::id, users::email, users::language))
        .load(conn)?;
    let people = people.into_iter().map(|(user, address, language)| Addressee {
        user,
        address,
        language,
    });
    Ok(Some(Addressees {
        name,
        language,
        time_zone,
        people: people.collect(),
    }))
}
