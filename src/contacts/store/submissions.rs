//! The `submissions` table: every form post, as it came.

use std::collections::HashMap;
use std::ops::Range;

use diesel::prelude::*;

use super::super::{Answer, Submission};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::submissions;
use crate::db::{Conn, Json, Result};
use crate::ids::{BarId, ContactId, EventId, MemberId, PolicyVersionId, SubmissionId};

/// A post with what only the database needs to know.
pub struct NewSubmission<'a> {
    pub contact: ContactId,
    pub event: EventId,
    pub policy_version: PolicyVersionId,
    /// When the member was told; `None` while it waits for the digest.
    pub notified_at: Option<Timestamp>,
    pub submission: &'a Submission,
}

/// Adds a post; false if one with the same event is there already.
pub fn insert(conn: &mut Conn, member: MemberId, new: &NewSubmission<'_>) -> Result<bool> {
    let post = new.submission;
    let values = (
        submissions::id.eq(post.id),
        submissions::member_id.eq(member),
        submissions::contact_id.eq(new.contact),
        submissions::bar_id.eq(post.bar),
        submissions::bar_version.eq(post.bar_version),
        submissions::event_id.eq(new.event),
        submissions::variant.eq(&post.variant),
        submissions::fields.eq(Json(post.fields.clone())),
        submissions::host.eq(&post.host),
        submissions::path.eq(&post.path),
        submissions::referrer_host.eq(&post.referrer_host),
        submissions::language.eq(&post.language),
        submissions::consent_text.eq(post.consent_text.as_deref()),
        submissions::consented_at.eq(post.consented_at),
        submissions::policy_version_id.eq(new.policy_version),
        submissions::collected_at.eq(post.collected_at),
        submissions::notified_at.eq(new.notified_at),
    );
    let inserted = both!(conn, |c| diesel::insert_into(submissions::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// Was this post kept before?
pub fn is_kept(conn: &mut Conn, bar: BarId, event: EventId) -> Result<bool> {
    let same = submissions::table
        .filter(submissions::bar_id.eq(bar))
        .filter(submissions::event_id.eq(event));
    Ok(same.count().get_result::<i64>(conn)? > 0)
}

#[derive(Queryable)]
struct Row {
    id: SubmissionId,
    bar: BarId,
    bar_version: i32,
    variant: String,
    fields: Json<Vec<Answer>>,
    host: String,
    path: String,
    referrer_host: String,
    language: String,
    consent_text: Option<String>,
    consented_at: Option<Timestamp>,
    collected_at: Timestamp,
}

/// In the order of [`Row`].
const COLUMNS: (
    submissions::id,
    submissions::bar_id,
    submissions::bar_version,
    submissions::variant,
    submissions::fields,
    submissions::host,
    submissions::path,
    submissions::referrer_host,
    submissions::language,
    submissions::consent_text,
    submissions::consented_at,
    submissions::collected_at,
) = (
    submissions::id,
    submissions::bar_id,
    submissions::bar_version,
    submissions::variant,
    submissions::fields,
    submissions::host,
    submissions::path,
    submissions::referrer_host,
    submissions::language,
    submissions::consent_text,
    submissions::consented_at,
    submissions::collected_at,
);

impl From<Row> for Submission {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            bar: row.bar,
            bar_version: row.bar_version,
            variant: row.variant,
            fields: row.fields.0,
            host: row.host,
            path: row.path,
            referrer_host: row.referrer_host,
            language: row.language,
            consent_text: row.consent_text,
            consented_at: row.consented_at,
            collected_at: row.collected_at,
        }
    }
}

pub fn find_many(
    conn: &mut Conn,
    member: MemberId,
    ids: &[SubmissionId],
) -> Result<HashMap<SubmissionId, Submission>> {
    let rows: Vec<Row> = submissions::table
        .filter(submissions::id.eq_any(ids.to_vec()))
        .filter(submissions::member_id.eq(member))
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.id, row.into())).collect())
}

/// A contact's posts, newest first.
pub fn of_contact(
    conn: &mut Conn,
    member: MemberId,
    contact: ContactId,
    limit: i64,
) -> Result<Vec<Submission>> {
    let rows: Vec<Row> = submissions::table
        .filter(submissions::member_id.eq(member))
        .filter(submissions::contact_id.eq(contact))
        .order((submissions::collected_at.desc(), submissions::id.desc()))
        .limit(limit)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(Submission::from).collect())
}

/// Gives the posts of one contact to another.
pub fn move_all(conn: &mut Conn, member: MemberId, from: ContactId, to: ContactId) -> Result<()> {
    let theirs = submissions::table
        .filter(submissions::member_id.eq(member))
        .filter(submissions::contact_id.eq(from));
    diesel::update(theirs)
        .set(submissions::contact_id.eq(to))
        .execute(conn)?;
    Ok(())
}

/// The members that were not told of some posts yet.
pub fn members_untold(conn: &mut Conn) -> Result<Vec<MemberId>> {
    Ok(submissions::table
        .filter(submissions::notified_at.is_null())
        .select(submissions::member_id)
        .distinct()
        .load(conn)?)
}

/// The bars of which posts from before `before` wait, each with the time of its oldest.
pub fn bars_untold(
    conn: &mut Conn,
    member: MemberId,
    before: Timestamp,
) -> Result<Vec<(BarId, Option<Timestamp>)>> {
    Ok(submissions::table
        .filter(submissions::member_id.eq(member))
        .filter(submissions::notified_at.is_null())
        .filter(submissions::collected_at.lt(before))
        .group_by(submissions::bar_id)
        .select((submissions::bar_id, diesel::dsl::min(submissions::collected_at)))
        .load(conn)?)
}

/// Marks what waits as told at `now`. Answers how much there was: of several who do so at once, one takes it.
pub fn mark_told(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    before: Timestamp,
    now: Timestamp,
) -> Result<usize> {
    let waiting = submissions::table
        .filter(submissions::member_id.eq(member))
        .filter(submissions::bar_id.eq(bar))
        .filter(submissions::notified_at.is_null())
        .filter(submissions::collected_at.lt(before));
    Ok(diesel::update(waiting)
        .set(submissions::notified_at.eq(Some(now)))
        .execute(conn)?)
}

/// The oldest of what [`mark_told`] marked at `told_at`, collected in this time.
pub fn list_told(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    collected: Range<Timestamp>,
    told_at: Timestamp,
    limit: i64,
) -> Result<Vec<Submission>> {
    let rows: Vec<Row> = submissions::table
        .filter(submissions::member_id.eq(member))
        .filter(submissions::bar_id.eq(bar))
        .filter(submissions::collected_at.ge(collected.start))
        .filter(submissions::collected_at.lt(collected.end))
        .filter(submissions::notified_at.eq(told_at))
        .order((submissions::collected_at, submissions::id))
        .limit(limit)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(Submission::from).collect())
}
