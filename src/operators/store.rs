//! The tables `operators` and `operator_record`, which only grows.

use diesel::prelude::*;
use serde_json::Value;

use super::{Operator, OperatorName, Recorded};
use crate::clock::Timestamp;
use crate::db::schema::{operator_record, operators};
use crate::db::{Conn, Json, Result};
use crate::ids::{OperatorEntryId, OperatorId};

text_column!(OperatorName);

type Row = (
    OperatorId,
    OperatorName,
    String,
    Timestamp,
    Timestamp,
    Option<Timestamp>,
);

const COLUMNS: (
    operators::id,
    operators::name,
    operators::hint,
    operators::created_at,
    operators::expires_at,
    operators::last_used_at,
) = (
    operators::id,
    operators::name,
    operators::hint,
    operators::created_at,
    operators::expires_at,
    operators::last_used_at,
);

fn operator((id, name, hint, created_at, expires_at, last_used_at): Row) -> Operator {
    Operator {
        id,
        name,
        hint,
        created_at,
        expires_at,
        last_used_at,
    }
}

pub fn insert(tx: &mut Conn, operator: &Operator, token_sha256: &[u8]) -> Result<()> {
    diesel::insert_into(operators::table)
        .values((
            operators::id.eq(operator.id),
            operators::name.eq(&operator.name),
            operators::token_sha256.eq(token_sha256),
            operators::hint.eq(&operator.hint),
            operators::created_at.eq(operator.created_at),
            operators::expires_at.eq(operator.expires_at),
        ))
        .execute(tx)?;
    Ok(())
}

/// Those who were not removed, by name; with those whose token has ended.
pub fn list(conn: &mut Conn) -> Result<Vec<Operator>> {
    let rows: Vec<Row> = operators::table
        .filter(operators::removed_at.is_null())
        .order(operators::name)
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(operator).collect())
}

pub fn find_by_name(conn: &mut Conn, name: &OperatorName) -> Result<Option<Operator>> {
    let row: Option<Row> = operators::table
        .filter(operators::name.eq(name))
        .filter(operators::removed_at.is_null())
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(operator))
}

/// Whose token has this hash, unless they were removed or it has ended.
pub fn find_by_token(conn: &mut Conn, token_sha256: &[u8], now: Timestamp) -> Result<Option<Operator>> {
    let row: Option<Row> = operators::table
        .filter(operators::token_sha256.eq(token_sha256))
        .filter(operators::removed_at.is_null())
        .filter(operators::expires_at.gt(now))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(operator))
}

pub fn touch(tx: &mut Conn, id: OperatorId, now: Timestamp) -> Result<()> {
    diesel::update(operators::table.filter(operators::id.eq(id)))
        .set(operators::last_used_at.eq(Some(now)))
        .execute(tx)?;
    Ok(())
}

/// Their token is dead from now on; their name stays in the record.
pub fn remove(tx: &mut Conn, id: OperatorId, now: Timestamp) -> Result<()> {
    diesel::update(operators::table.filter(operators::id.eq(id)))
        .set(operators::removed_at.eq(Some(now)))
        .execute(tx)?;
    Ok(())
}

pub fn insert_entry(tx: &mut Conn, entry: &Recorded) -> Result<()> {
    diesel::insert_into(operator_record::table)
        .values((
            operator_record::id.eq(entry.id),
            operator_record::operator_id.eq(entry.operator),
            operator_record::action.eq(&entry.action),
            operator_record::target.eq(&entry.target),
            operator_record::reason.eq(&entry.reason),
            operator_record::detail.eq(Json(entry.detail.clone())),
            operator_record::at.eq(entry.at),
        ))
        .execute(tx)?;
    Ok(())
}

/// What is on record, newest first, those before `before` if given; of one target if named.
pub fn list_entries(
    conn: &mut Conn,
    target: Option<&str>,
    before: Option<(Timestamp, OperatorEntryId)>,
    limit: i64,
) -> Result<Vec<Recorded>> {
    type Row = (
        OperatorEntryId,
        Option<OperatorId>,
        String,
        String,
        Option<String>,
        Json<Value>,
        Timestamp,
    );
    let mut query = operator_record::table.into_boxed();
    if let Some(target) = target {
        query = query.filter(operator_record::target.eq(target.to_owned()));
    }
    if let Some((at, id)) = before {
        query = query.filter(
            operator_record::at
                .lt(at)
                .or(operator_record::at.eq(at).and(operator_record::id.lt(id))),
        );
    }
    let rows: Vec<Row> = query
        .order((operator_record::at.desc(), operator_record::id.desc()))
        .limit(limit)
        .load(conn)?;
    let entries = rows.into_iter().map(
        |(id, operator, action, target, reason, Json(detail), at)| Recorded {
            id,
            operator,
            action,
            target,
            reason,
            detail,
            at,
        },
    );
    Ok(entries.collect())
}
