//! A member's wishes about its own visits.

use diesel::prelude::*;

use crate::accounts::own_visits::{Network, OwnVisits};
use crate::db::schema::members;
use crate::db::{Conn, Json, Result};
use crate::ids::MemberId;

pub fn find(conn: &mut Conn, member: MemberId) -> Result<Option<OwnVisits>> {
    let row: Option<(Json<Vec<Network>>, bool)> = members::table
        .filter(members::id.eq(member))
        .select((members::own_addresses, members::excludes_own_users))
        .first(conn)
        .optional()?;
    Ok(row.map(|(Json(addresses), users)| OwnVisits { addresses, users }))
}

pub fn save(tx: &mut Conn, member: MemberId, own: &OwnVisits) -> Result<()> {
    diesel::update(members::table.filter(members::id.eq(member)))
        .set((
            members::own_addresses.eq(Json(own.addresses.clone())),
            members::excludes_own_users.eq(own.users),
        ))
        .execute(tx)?;
    Ok(())
}
