//! The `contact_views` table.

use diesel::prelude::*;

use super::super::{SavedQuery, SavedView};
use crate::clock::Timestamp;
use crate::db::schema::contact_views;
use crate::db::{Conn, Json, Result};
use crate::ids::{ContactViewId, MemberId};

pub fn insert(conn: &mut Conn, member: MemberId, view: &SavedView) -> Result<()> {
    diesel::insert_into(contact_views::table)
        .values((
            contact_views::id.eq(view.id),
            contact_views::member_id.eq(member),
            contact_views::name.eq(&view.name),
            contact_views::query.eq(Json(view.query.clone())),
            contact_views::created_at.eq(view.created_at),
            contact_views::updated_at.eq(view.updated_at),
        ))
        .execute(conn)?;
    Ok(())
}

type Row = (ContactViewId, String, Json<SavedQuery>, Timestamp, Timestamp);

const COLUMNS: (
    contact_views::id,
    contact_views::name,
    contact_views::query,
    contact_views::created_at,
    contact_views::updated_at,
) = (
    contact_views::id,
    contact_views::name,
    contact_views::query,
    contact_views::created_at,
    contact_views::updated_at,
);

fn view((id, name, Json(query), created_at, updated_at): Row) -> SavedView {
    SavedView {
        id,
        name,
        query,
        created_at,
        updated_at,
    }
}

/// All of a member's by their names: there are few.
pub fn list(conn: &mut Conn, member: MemberId) -> Result<Vec<SavedView>> {
    let rows: Vec<Row> = contact_views::table
        .filter(contact_views::member_id.eq(member))
        .select(COLUMNS)
        .load(conn)?;
    let mut views: Vec<SavedView> = rows.into_iter().map(view).collect();
    // The databases order text differently; we all the same.
    views.sort_by_key(|view| (view.name.to_lowercase(), view.id));
    Ok(views)
}

pub fn find(conn: &mut Conn, member: MemberId, id: ContactViewId) -> Result<Option<SavedView>> {
    let row: Option<Row> = contact_views::table
        .filter(contact_views::member_id.eq(member))
        .filter(contact_views::id.eq(id))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(view))
}

pub fn update(conn: &mut Conn, member: MemberId, view: &SavedView) -> Result<()> {
    let mine = contact_views::table
        .filter(contact_views::member_id.eq(member))
        .filter(contact_views::id.eq(view.id));
    diesel::update(mine)
        .set((
            contact_views::name.eq(&view.name),
            contact_views::query.eq(Json(view.query.clone())),
            contact_views::updated_at.eq(view.updated_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Says whether it was there.
pub fn delete(conn: &mut Conn, member: MemberId, id: ContactViewId) -> Result<bool> {
    let mine = contact_views::table
        .filter(contact_views::member_id.eq(member))
        .filter(contact_views::id.eq(id));
    Ok(diesel::delete(mine).execute(conn)? == 1)
}

pub fn delete_of_member(conn: &mut Conn, member: MemberId) -> Result<usize> {
    Ok(diesel::delete(contact_views::table.filter(contact_views::member_id.eq(member))).execute(conn)?)
}
