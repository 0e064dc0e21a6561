//! The `contact_notes` table.

use diesel::prelude::*;

use super::super::Note;
use crate::clock::Timestamp;
use crate::db::schema::contact_notes;
use crate::db::{Conn, Result};
use crate::ids::{ContactId, MemberId, NoteId, PolicyVersionId, UserId};

pub fn insert(
    conn: &mut Conn,
    member: MemberId,
    contact: ContactId,
    note: &Note,
    policy_version: PolicyVersionId,
) -> Result<()> {
    diesel::insert_into(contact_notes::table)
        .values((
            contact_notes::id.eq(note.id),
            contact_notes::member_id.eq(member),
            contact_notes::contact_id.eq(contact),
            contact_notes::author_id.eq(note.author),
            contact_notes::body.eq(&note.text),
            contact_notes::policy_version_id.eq(policy_version),
            contact_notes::created_at.eq(note.created_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Oldest first.
pub fn of_contact(conn: &mut Conn, member: MemberId, contact: ContactId) -> Result<Vec<Note>> {
    let rows: Vec<(NoteId, Option<UserId>, String, Timestamp)> = contact_notes::table
        .filter(contact_notes::member_id.eq(member))
        .filter(contact_notes::contact_id.eq(contact))
        .order((contact_notes::created_at, contact_notes::id))
        .select((
            contact_notes::id,
            contact_notes::author_id,
            contact_notes::body,
            contact_notes::created_at,
        ))
        .load(conn)?;
    let notes = rows.into_iter().map(|(id, author, text, created_at)| Note {
        id,
        author,
        text,
        created_at,
    });
    Ok(notes.collect())
}

pub fn count(conn: &mut Conn, member: MemberId, contact: ContactId) -> Result<i64> {
    Ok(contact_notes::table
        .filter(contact_notes::member_id.eq(member))
        .filter(contact_notes::contact_id.eq(contact))
        .count()
        .get_result(conn)?)
}

pub fn delete(conn: &mut Conn, member: MemberId, contact: ContactId, note: NoteId) -> Result<bool> {
    let deleted = diesel::delete(
        contact_notes::table
            .filter(contact_notes::id.eq(note))
            .filter(contact_notes::member_id.eq(member))
            .filter(contact_notes::contact_id.eq(contact)),
    )
    .execute(conn)?;
    Ok(deleted == 1)
}

/// Gives one contact's notes to another.
pub fn move_all(conn: &mut Conn, member: MemberId, from: ContactId, to: ContactId) -> Result<()> {
    let theirs = contact_notes::table
        .filter(contact_notes::member_id.eq(member))
        .filter(contact_notes::contact_id.eq(from));
    diesel::update(theirs)
        .set(contact_notes::contact_id.eq(to))
        .execute(conn)?;
    Ok(())
}
