//! The `audit_log` table: insert and list, nothing else.

use diesel::prelude::*;
use serde_json::Value;

use super::{Actor, Entry};
use crate::clock::Timestamp;
use crate::db::schema::audit_log;
use crate::db::{Conn, Json, Result};
use crate::ids::{ApiTokenId, AuditEntryId, MemberId, UserId};

/// Writes an entry in the caller's transaction.
pub fn record(tx: &mut Conn, entry: &Entry) -> Result<()> {
    let actor_id = match entry.actor {
        Actor::User(id) => Some(id),
        // One column holds the id of whichever kind of actor; `actor_kind` says which.
        Actor::Token(id) => Some(UserId::from_uuid(*id.uuid())),
        Actor::Anonymous | Actor::System => None,
    };
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::id.eq(entry.id),
            audit_log::member_id.eq(entry.member),
            audit_log::actor_kind.eq(entry.actor.kind()),
            audit_log::actor_id.eq(actor_id),
            audit_log::action.eq(&entry.action),
            audit_log::target.eq(&entry.target),
            audit_log::detail.eq(Json(entry.detail.clone())),
            audit_log::at.eq(entry.at),
        ))
        .execute(tx)?;
    Ok(())
}

type Row = (
    AuditEntryId,
    Option<MemberId>,
    String,
    Option<UserId>,
    String,
    String,
    Json<Value>,
    Timestamp,
);

const COLUMNS: (
    audit_log::id,
    audit_log::member_id,
    audit_log::actor_kind,
    audit_log::actor_id,
    audit_log::action,
    audit_log::target,
    audit_log::detail,
    audit_log::at,
) = (
    audit_log::id,
    audit_log::member_id,
    audit_log::actor_kind,
    audit_log::actor_id,
    audit_log::action,
    audit_log::target,
    audit_log::detail,
    audit_log::at,
);

/// A member's entries, newest first, those before `before` if given.
pub fn list(
    conn: &mut Conn,
    member: MemberId,
    before: Option<(Timestamp, AuditEntryId)>,
    limit: i64,
) -> Result<Vec<Entry>> {
    let mut query = audit_log::table
        .filter(audit_log::member_id.eq(member))
        .into_boxed();
    if let Some((at, id)) = before {
        query = query.filter(
            audit_log::at
                .lt(at)
                .or(audit_log::at.eq(at).and(audit_log::id.lt(id))),
        );
    }
    let rows: Vec<Row> = query
        .order((audit_log::at.desc(), audit_log::id.desc()))
        .limit(limit)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(entry).collect())
}

/// What was done to one thing, newest first.
pub fn list_of_target(conn: &mut Conn, member: MemberId, target: &str, limit: i64) -> Result<Vec<Entry>> {
    let rows: Vec<Row> = audit_log::table
        .filter(audit_log::member_id.eq(member))
        .filter(audit_log::target.eq(target.to_owned()))
        .order((audit_log::at.desc(), audit_log::id.desc()))
        .limit(limit)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(entry).collect())
}

fn entry((id, member, kind, actor, action, target, Json(detail), at): Row) -> Entry {
    Entry {
        id,
        member,
        actor: match (kind.as_str(), actor) {
            ("user", Some(id)) => Actor::User(id),
            ("token", Some(id)) => Actor::Token(ApiTokenId::from_uuid(*id.uuid())),
            ("anonymous", _) => Actor::Anonymous,
            _ => Actor::System,
        },
        action,
        target,
        detail,
        at,
    }
}
