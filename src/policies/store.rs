//! The `policy_versions` and `policy_decisions` tables. Both only grow.

use diesel::prelude::*;
use serde_json::Value;

use super::{Current, Decision, Document, PolicyVersion, Way};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{policy_decisions, policy_versions};
use crate::db::{Conn, Json, Result};
use crate::ids::{MemberId, PolicyDecisionId, PolicyVersionId, UserId};

text_column!(Document);

type Row = (
    PolicyVersionId,
    Document,
    i32,
    String,
    String,
    Json<Value>,
    Vec<u8>,
    Timestamp,
);

fn version_of((id, document, version, title, body, Json(changes), sha256, posted_at): Row) -> PolicyVersion {
    PolicyVersion {
        id,
        document,
        version,
        title,
        body,
        changes,
        sha256,
        posted_at,
    }
}

/// Inserts a version unless the document has one of that number.
pub(super) fn insert_version_once(tx: &mut Conn, version: &PolicyVersion) -> Result<()> {
    let row = (
        policy_versions::id.eq(version.id),
        policy_versions::document.eq(version.document),
        policy_versions::version.eq(version.version),
        policy_versions::title.eq(&version.title),
        policy_versions::body.eq(&version.body),
        policy_versions::changes.eq(Json(version.changes.clone())),
        policy_versions::sha256.eq(&version.sha256),
        policy_versions::posted_at.eq(version.posted_at),
    );
    both!(tx, |c| diesel::insert_into(policy_versions::table)
        .values(row)
        .on_conflict((policy_versions::document, policy_versions::version))
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// The newest version of both documents. They are there from the first migration on.
pub fn current(conn: &mut Conn) -> Result<Current> {
    let mut newest = |document: Document| {
        policy_versions::table
            .filter(policy_versions::document.eq(document))
            .order(policy_versions::version.desc())
            .first::<Row>(conn)
            .map(version_of)
    };
    Ok(Current {
        privacy: newest(Document::Privacy)?,
        terms: newest(Document::Terms)?,
    })
}

pub fn find_version(conn: &mut Conn, document: Document, version: i32) -> Result<Option<PolicyVersion>> {
    let row = policy_versions::table
        .filter(policy_versions::document.eq(document))
        .filter(policy_versions::version.eq(version))
        .first::<Row>(conn)
        .optional()?;
    Ok(row.map(version_of))
}

/// All versions of a document, newest first.
pub fn list_versions(conn: &mut Conn, document: Document) -> Result<Vec<PolicyVersion>> {
    let rows = policy_versions::table
        .filter(policy_versions::document.eq(document))
        .order(policy_versions::version.desc())
        .load::<Row>(conn)?;
    Ok(rows.into_iter().map(version_of).collect())
}

#[allow(clippy::too_many_arguments, reason = "one row, its columns")]
pub(super) fn insert_decision(
    tx: &mut Conn,
    id: PolicyDecisionId,
    member: MemberId,
    user: Option<UserId>,
    version: PolicyVersionId,
    decision: Decision,
    way: Way,
    language: &str,
    at: Timestamp,
) -> Result<()> {
    diesel::insert_into(policy_decisions::table)
        .values((
            policy_decisions::id.eq(id),
            policy_decisions::member_id.eq(member),
            policy_decisions::user_id.eq(user),
            policy_decisions::policy_version_id.eq(version),
            policy_decisions::decision.eq(decision.as_str()),
            policy_decisions::way.eq(way.as_str()),
            policy_decisions::language.eq(language),
            policy_decisions::decided_at.eq(at),
        ))
        .execute(tx)?;
    Ok(())
}
