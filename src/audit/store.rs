//! The `audit_log` table: insert and list, nothing else.

use diesel::prelude::*;
use serde_json::Value;

use super::{Actor, By, Entry, Filter};
use crate::clock::Timestamp;
use crate::db::schema::audit_log;
use crate::db::{Conn, Json, Result};
use crate::ids::{ApiTokenId, AuditEntryId, MemberId, UserId};

/// Writes an entry in the caller's transaction.
pub fn record(tx: &mut Conn, entry: &Entry) -> Result<()> {
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::id.eq(entry.id),
            audit_log::member_id.eq(entry.member),
            audit_log::actor_kind.eq(entry.actor.kind()),
            audit_log::actor_id.eq(actor_id(entry.actor)),
            audit_log::action.eq(&entry.action),
            audit_log::area.eq(entry.area()),
            audit_log::target.eq(&entry.target),
            audit_log::detail.eq(Json(entry.detail.clone())),
            audit_log::at.eq(entry.at),
        ))
        .execute(tx)?;
    Ok(())
}

/// One column holds the id of whichever kind of actor; `actor_kind` says which.
fn actor_id(actor: Actor) -> Option<UserId> {
    match actor {
        Actor::User(id) => Some(id),
        Actor::Token(id) => Some(UserId::from_uuid(*id.uuid())),
        Actor::Anonymous | Actor::System => None,
    }
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

/// A member's entries that fit, newest first, those before `before` if given.
pub fn list(
    conn: &mut Conn,
    member: MemberId,
    filter: &Filter,
    before: Option<(Timestamp, AuditEntryId)>,
    limit: i64,
) -> Result<Vec<Entry>> {
    let mut query = audit_log::table
        .filter(audit_log::member_id.eq(member))
        .into_boxed();
    if let Some(area) = &filter.area {
        query = query.filter(audit_log::area.eq(area));
    }
    if let Some(action) = &filter.action {
        query = query.filter(audit_log::action.eq(action));
    }
    if let Some(target) = &filter.target {
        query = query.filter(audit_log::target.eq(target));
    }
    match filter.by {
        None => {}
        Some(By::AnyUser) => query = query.filter(audit_log::actor_kind.eq("user")),
        Some(By::AnyToken) => query = query.filter(audit_log::actor_kind.eq("token")),
        Some(By::Actor(actor)) => {
            query = query.filter(audit_log::actor_kind.eq(actor.kind()));
            if let Some(id) = actor_id(actor) {
                query = query.filter(audit_log::actor_id.eq(id));
            }
        }
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_log::at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit_log::at.lt(to));
    }
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
