//! The `contacts` table: one row a person.

use diesel::prelude::*;

use super::super::rules::search::Words;
use super::super::{Contact, Cursor, Filter, Sort, Status, Submission};
use super::{submissions, tags, trigrams};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{contact_tags, contacts, submissions as posts};
use crate::db::{Conn, MultiBackend, Result};
use crate::ids::{ContactId, MemberId, PolicyVersionId, SubmissionId};
use crate::policies::Collected;

/// A contact as its row has it.
#[derive(Clone, Debug, PartialEq, Queryable)]
pub struct Row {
    pub id: ContactId,
    pub email: Option<String>,
    pub name: Option<String>,
    pub phone: Option<String>,
    pub status: Status,
    pub submissions: i32,
    pub first_submitted_at: Timestamp,
    pub last_submitted_at: Timestamp,
    pub last_submission: SubmissionId,
    pub policy_version: PolicyVersionId,
    pub collected_at: Timestamp,
    pub updated_at: Timestamp,
}

/// In the order of [`Row`].
const COLUMNS: (
    contacts::id,
    contacts::email,
    contacts::name,
    contacts::phone,
    contacts::status,
    contacts::submissions,
    contacts::first_submitted_at,
    contacts::last_submitted_at,
    contacts::last_submission_id,
    contacts::policy_version_id,
    contacts::collected_at,
    contacts::updated_at,
) = (
    contacts::id,
    contacts::email,
    contacts::name,
    contacts::phone,
    contacts::status,
    contacts::submissions,
    contacts::first_submitted_at,
    contacts::last_submitted_at,
    contacts::last_submission_id,
    contacts::policy_version_id,
    contacts::collected_at,
    contacts::updated_at,
);

/// Adds a contact; false if another one of the member has its address already.
pub fn insert(conn: &mut Conn, member: MemberId, new: &Row, search: &str) -> Result<bool> {
    let values = (
        contacts::id.eq(new.id),
        contacts::member_id.eq(member),
        contacts::email.eq(new.email.as_deref()),
        contacts::name.eq(new.name.as_deref()),
        contacts::phone.eq(new.phone.as_deref()),
        contacts::status.eq(new.status),
        contacts::search.eq(search),
        contacts::submissions.eq(new.submissions),
        contacts::first_submitted_at.eq(new.first_submitted_at),
        contacts::last_submitted_at.eq(new.last_submitted_at),
        contacts::last_submission_id.eq(new.last_submission),
        contacts::policy_version_id.eq(new.policy_version),
        contacts::collected_at.eq(new.collected_at),
        contacts::updated_at.eq(new.updated_at),
    );
    let inserted = both!(conn, |c| diesel::insert_into(contacts::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// Writes a contact's row anew.
pub fn update(conn: &mut Conn, member: MemberId, new: &Row, search: &str) -> Result<()> {
    diesel::update(
        contacts::table
            .filter(contacts::id.eq(new.id))
            .filter(contacts::member_id.eq(member)),
    )
    .set((
        contacts::email.eq(new.email.as_deref()),
        contacts::name.eq(new.name.as_deref()),
        contacts::phone.eq(new.phone.as_deref()),
        contacts::status.eq(new.status),
        contacts::search.eq(search),
        contacts::submissions.eq(new.submissions),
        contacts::first_submitted_at.eq(new.first_submitted_at),
        contacts::last_submitted_at.eq(new.last_submitted_at),
        contacts::last_submission_id.eq(new.last_submission),
        contacts::policy_version_id.eq(new.policy_version),
        contacts::collected_at.eq(new.collected_at),
        contacts::updated_at.eq(new.updated_at),
    ))
    .execute(conn)?;
    Ok(())
}

/// A contact to be changed, and what it is searched by: held until the transaction ends.
pub fn lock(conn: &mut Conn, member: MemberId, id: ContactId) -> Result<Option<(Row, String)>> {
    let query = contacts::table
        .filter(contacts::id.eq(id))
        .filter(contacts::member_id.eq(member))
        .select((COLUMNS, contacts::search));
    Ok(match conn {
        // SQLite's writer is alone already.
        Conn::Sqlite(c) => query.first(c).optional()?,
        Conn::Postgres(c) => query.for_update().first(c).optional()?,
    })
}

/// The contact with this address, held until the transaction ends.
pub fn lock_by_email(conn: &mut Conn, member: MemberId, email: &str) -> Result<Option<(Row, String)>> {
    let query = contacts::table
        .filter(contacts::member_id.eq(member))
        .filter(contacts::email.eq(email))
        .select((COLUMNS, contacts::search));
    Ok(match conn {
        Conn::Sqlite(c) => query.first(c).optional()?,
        Conn::Postgres(c) => query.for_update().first(c).optional()?,
    })
}

/// How what is known of a contact came to be here.
pub fn find_collected(conn: &mut Conn, member: MemberId, id: ContactId) -> Result<Option<Collected>> {
    let row: Option<(Timestamp, PolicyVersionId)> = contacts::table
        .filter(contacts::member_id.eq(member))
        .filter(contacts::id.eq(id))
        .select((contacts::collected_at, contacts::policy_version_id))
        .first(conn)
        .optional()?;
    Ok(row.map(|(at, under)| Collected { at, under }))
}

pub fn find(conn: &mut Conn, member: MemberId, id: ContactId) -> Result<Option<Contact>> {
    let found: Option<Row> = contacts::table
        .filter(contacts::id.eq(id))
        .filter(contacts::member_id.eq(member))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(whole(conn, member, found.into_iter().collect())?.pop())
}

type Query<'a> = contacts::BoxedQuery<'a, MultiBackend>;

/// The contacts of a filter. `words` are those of its search.
fn filtered<'a>(conn: &mut Conn, member: MemberId, filter: &Filter, words: &Words) -> Result<Query<'a>> {
    let mut query = contacts::table
        .filter(contacts::member_id.eq(member))
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(contacts::status.eq(status));
    }
    if let Some(from) = filter.from {
        query = query.filter(contacts::last_submitted_at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(contacts::last_submitted_at.lt(to));
    }
    if let Some(tag) = &filter.tag {
        let tagged = contact_tags::table
            .filter(contact_tags::member_id.eq(member))
            .filter(contact_tags::tag.eq(tag.as_str().to_owned()))
            .select(contact_tags::contact_id);
        query = query.filter(contacts::id.eq_any(tagged));
    }
    if let Some(bar) = filter.bar {
        let through = posts::table
            .filter(posts::member_id.eq(member))
            .filter(posts::bar_id.eq(bar))
            .select(posts::contact_id);
        query = query.filter(contacts::id.eq_any(through));
    }
    for pattern in words.patterns() {
        query = query.filter(contacts::search.like(pattern).escape('\\'));
    }
    if let Some(few) = trigrams::few_that_may_hold(conn, words)? {
        query = query.filter(contacts::id.eq_any(few));
    }
    Ok(query)
}

/// How many contacts a filter finds.
pub fn count(conn: &mut Conn, member: MemberId, filter: &Filter, words: &Words) -> Result<i64> {
    let found = filtered(conn, member, filter, words)?;
    Ok(found.count().get_result(conn)?)
}

/// Contacts in their order, from behind `after` on. `words` are those of the filter's search.
pub fn list(
    conn: &mut Conn,
    member: MemberId,
    filter: &Filter,
    words: &Words,
    sort: Sort,
    after: Option<Cursor>,
    limit: i64,
) -> Result<Vec<Contact>> {
    let mut query = filtered(conn, member, filter, words)?;
    query = match sort {
        Sort::Newest => query.order((contacts::last_submitted_at.desc(), contacts::id.desc())),
        Sort::Oldest => query.order((contacts::last_submitted_at.asc(), contacts::id.asc())),
        Sort::Changed => query.order((contacts::updated_at.desc(), contacts::id.desc())),
    };
    if let Some(Cursor { at, id }) = after {
        let (submitted, updated) = (contacts::last_submitted_at, contacts::updated_at);
        // The first condition says what the second implies, in words that the index of the order understands.
        query = match sort {
            Sort::Newest => query.filter(submitted.le(at)),
            Sort::Oldest => query.filter(submitted.ge(at)),
            Sort::Changed => query.filter(updated.le(at)),
        };
        query = match sort {
            Sort::Newest => query.filter(submitted.lt(at).or(submitted.eq(at).and(contacts::id.lt(id)))),
            Sort::Oldest => query.filter(submitted.gt(at).or(submitted.eq(at).and(contacts::id.gt(id)))),
            Sort::Changed => query.filter(updated.lt(at).or(updated.eq(at).and(contacts::id.lt(id)))),
        };
    }
    let rows: Vec<Row> = query.select(COLUMNS).limit(limit).load(conn)?;
    whole(conn, member, rows)
}

/// Contacts with their tags and their newest posts: three queries for a page.
fn whole(conn: &mut Conn, member: MemberId, rows: Vec<Row>) -> Result<Vec<Contact>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ContactId> = rows.iter().map(|row| row.id).collect();
    let mut tags = tags::of_contacts(conn, member, &ids)?;
    let newest: Vec<SubmissionId> = rows.iter().map(|row| row.last_submission).collect();
    let mut posts = submissions::find_many(conn, member, &newest)?;
    let contacts = rows.into_iter().map(|row| {
        let latest = posts.remove(&row.last_submission);
        let tags = tags.remove(&row.id).unwrap_or_default();
        contact(row, tags, latest)
    });
    Ok(contacts.collect())
}

/// A row with what belongs to it.
pub fn contact(row: Row, tags: Vec<String>, latest: Option<Submission>) -> Contact {
    Contact {
        id: row.id,
        email: row.email,
        name: row.name,
        phone: row.phone,
        status: row.status,
        tags,
        submissions: row.submissions,
        first_submitted_at: row.first_submitted_at,
        last_submitted_at: row.last_submitted_at,
        collected_at: row.collected_at,
        updated_at: row.updated_at,
        latest,
    }
}

/// Deletes a contact with its posts, tags and notes.
pub fn delete(conn: &mut Conn, member: MemberId, id: ContactId) -> Result<bool> {
    let mine = contacts::table
        .filter(contacts::id.eq(id))
        .filter(contacts::member_id.eq(member));
    Ok(diesel::delete(mine).execute(conn)? == 1)
}

/// Deletes some contacts of a member with their posts, tags and notes.
pub fn delete_of_member(conn: &mut Conn, member: MemberId, limit: i64) -> Result<usize> {
    let some: Vec<ContactId> = contacts::table
        .filter(contacts::member_id.eq(member))
        .select(contacts::id)
        .limit(limit)
        .load(conn)?;
    Ok(diesel::delete(contacts::table.filter(contacts::id.eq_any(some))).execute(conn)?)
}
