//! The `contact_tags` table.

use std::collections::HashMap;

use diesel::prelude::*;

use super::super::{Tag, TagCount};
use crate::both;
use crate::db::schema::contact_tags;
use crate::db::{Conn, Result};
use crate::ids::{ContactId, MemberId};

/// Tags a contact of the member. A tag that is there already stays; says whether it is new.
pub fn add(conn: &mut Conn, member: MemberId, contact: ContactId, tag: &str) -> Result<bool> {
    let row = (
        contact_tags::member_id.eq(member),
        contact_tags::tag.eq(tag),
        contact_tags::contact_id.eq(contact),
    );
    let added = both!(conn, |c| diesel::insert_into(contact_tags::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(added == 1)
}

/// Says whether it was there.
pub fn remove(conn: &mut Conn, member: MemberId, contact: ContactId, tag: &Tag) -> Result<bool> {
    let removed = diesel::delete(
        contact_tags::table
            .filter(contact_tags::member_id.eq(member))
            .filter(contact_tags::tag.eq(tag.as_str().to_owned()))
            .filter(contact_tags::contact_id.eq(contact)),
    )
    .execute(conn)?;
    Ok(removed == 1)
}

pub fn of_contact(conn: &mut Conn, member: MemberId, contact: ContactId) -> Result<Vec<String>> {
    Ok(of_contacts(conn, member, &[contact])?
        .remove(&contact)
        .unwrap_or_default())
}

pub fn of_contacts(
    conn: &mut Conn,
    member: MemberId,
    contacts: &[ContactId],
) -> Result<HashMap<ContactId, Vec<String>>> {
    let rows: Vec<(ContactId, String)> = contact_tags::table
        .filter(contact_tags::contact_id.eq_any(contacts.to_vec()))
        .filter(contact_tags::member_id.eq(member))
        .select((contact_tags::contact_id, contact_tags::tag))
        .load(conn)?;
    let mut tags: HashMap<ContactId, Vec<String>> = HashMap::new();
    for (contact, tag) in rows {
        tags.entry(contact).or_default().push(tag);
    }
    // The databases order text differently; we all the same.
    tags.values_mut().for_each(|tags| tags.sort());
    Ok(tags)
}

/// The member's tags, with how many contacts have each.
pub fn list(conn: &mut Conn, member: MemberId) -> Result<Vec<TagCount>> {
    let rows: Vec<(String, i64)> = contact_tags::table
        .filter(contact_tags::member_id.eq(member))
        .group_by(contact_tags::tag)
        .select((contact_tags::tag, diesel::dsl::count_star()))
        .load(conn)?;
    let mut tags: Vec<_> = rows
        .into_iter()
        .map(|(tag, contacts)| TagCount { tag, contacts })
        .collect();
    tags.sort_by(|a, b| a.tag.cmp(&b.tag));
    Ok(tags)
}
