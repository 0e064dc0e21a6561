//! The `jobs` table. A finished job's row is deleted; a failed one stays, to be seen.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::Text;
use serde::Serialize;

use super::NewJob;
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::jobs;
use crate::db::{Conn, Json, Result};
use crate::ids::{JobId, LeaseId};

pub(super) const PENDING: &str = "pending";
pub(super) const FAILED: &str = "failed";

/// Enqueues a job in the caller's transaction. A job with the same unique key that still waits is left as it is.
pub fn enqueue(conn: &mut Conn, job: &NewJob<'_>) -> Result<()> {
    let row = (
        jobs::id.eq(job.id),
        jobs::kind.eq(job.kind),
        jobs::payload.eq(Json(job.payload.clone())),
        jobs::unique_key.eq(job.unique_key.as_deref()),
        jobs::state.eq(PENDING),
        jobs::run_at.eq(job.run_at),
        jobs::attempts.eq(0),
        jobs::created_at.eq(job.run_at),
    );
    both!(conn, |c| diesel::insert_into(jobs::table)
        .values(row)
        .on_conflict(jobs::unique_key)
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Enqueues many jobs of one kind, none of which has a unique key.
pub fn enqueue_all<P: Serialize>(conn: &mut Conn, kind: &str, all: &[(JobId, P, Timestamp)]) -> Result<()> {
    for some in all.chunks(10_000) {
        let rows: Vec<(String, &P, i64)> = some
            .iter()
            .map(|(id, payload, run_at)| (id.uuid().simple().to_string(), payload, run_at.micros()))
            .collect();
        let rows = serde_json::to_string(&rows).expect("payloads are plain data");
        let statement = match conn {
            Conn::Sqlite(_) => {
                "INSERT INTO jobs (kind, state, attempts, id, payload, run_at, created_at) \
                 SELECT $1, $2, 0, unhex(value ->> 0), value -> 1, value ->> 2, value ->> 2 FROM json_each($3)"
            }
            Conn::Postgres(_) => {
                "INSERT INTO jobs (kind, state, attempts, id, payload, run_at, created_at) \
                 SELECT $1, $2, 0, (value ->> 0)::uuid, (value -> 1)::jsonb, at, at \
                 FROM json_array_elements($3::json), \
                 LATERAL (SELECT timestamptz 'epoch' + (value ->> 2)::bigint * interval '1 microsecond' AS at) moments"
            }
        };
        let query = diesel::sql_query(statement)
            .bind::<Text, _>(kind)
            .bind::<Text, _>(PENDING)
            .bind::<Text, _>(rows);
        both!(conn, |c| query.execute(c))?;
    }
    Ok(())
}

#[derive(Debug, Clone)]
pub struct Claimed {
    pub id: JobId,
    pub kind: String,
    pub payload: serde_json::Value,
    /// Runs that began before this one.
    pub attempts: i32,
    pub lease: LeaseId,
}

/// Claims the job of these kinds that has been due longest. Who reads the same row at the same time loses the
/// conditional update (`attempts` counts every claim) and tries the next.
pub fn claim(
    conn: &mut Conn,
    kinds: &[&str],
    now: Timestamp,
    lease: LeaseId,
    lease_time: impl Fn(&str) -> Duration,
) -> Result<Option<Claimed>> {
    let due = jobs::table
        .filter(jobs::state.eq(PENDING))
        .filter(jobs::run_at.le(now))
        .filter(jobs::leased_until.is_null().or(jobs::leased_until.lt(now)))
        .filter(jobs::kind.eq_any(kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>()))
        .order((jobs::run_at, jobs::id))
        .limit(1)
        .select((jobs::id, jobs::kind, jobs::payload, jobs::attempts));
    type Row = (JobId, String, Json<serde_json::Value>, i32);
    let row: Option<Row> = match conn {
        Conn::Sqlite(c) => due.first(c).optional()?,
        // PostgreSQL hands waiting claimers different rows instead of one after the other.
        Conn::Postgres(c) => due.for_update().skip_locked().first(c).optional()?,
    };
    let Some((id, kind, Json(payload), attempts)) = row else {
        return Ok(None);
    };
    let updated = diesel::update(
        jobs::table
            .filter(jobs::id.eq(id))
            .filter(jobs::attempts.eq(attempts)),
    )
    .set((
        jobs::attempts.eq(attempts + 1),
        jobs::lease.eq(Some(lease)),
        jobs::leased_until.eq(Some(now + lease_time(&kind))),
    ))
    .execute(conn)?;
    Ok((updated == 1).then_some(Claimed {
        id,
        kind,
        payload,
        attempts,
        lease,
    }))
}

/// Forgets a finished job. A lease that was lost meanwhile changes nothing.
pub fn finish(conn: &mut Conn, job: &Claimed) -> Result<()> {
    diesel::delete(
        jobs::table
            .filter(jobs::id.eq(job.id))
            .filter(jobs::lease.eq(job.lease)),
    )
    .execute(conn)?;
    Ok(())
}

pub fn reschedule(conn: &mut Conn, job: &Claimed, run_at: Timestamp, error: &str) -> Result<()> {
    diesel::update(
        jobs::table
            .filter(jobs::id.eq(job.id))
            .filter(jobs::lease.eq(job.lease)),
    )
    .set((
        jobs::run_at.eq(run_at),
        jobs::lease.eq(None::<LeaseId>),
        jobs::leased_until.eq(None::<Timestamp>),
        jobs::error.eq(Some(error)),
    ))
    .execute(conn)?;
    Ok(())
}

/// Parks a job that no further run can help, where operators see it.
pub fn fail(conn: &mut Conn, job: &Claimed, error: &str) -> Result<()> {
    diesel::update(
        jobs::table
            .filter(jobs::id.eq(job.id))
            .filter(jobs::lease.eq(job.lease)),
    )
    .set((
        jobs::state.eq(FAILED),
        jobs::unique_key.eq(None::<String>),
        jobs::lease.eq(None::<LeaseId>),
        jobs::leased_until.eq(None::<Timestamp>),
        jobs::error.eq(Some(error)),
    ))
    .execute(conn)?;
    Ok(())
}

/// When the next waiting job is due (or its lease ends), if one waits at all.
pub fn next_due(conn: &mut Conn) -> Result<Option<Timestamp>> {
    Ok(jobs::table
        .filter(jobs::state.eq(PENDING))
        .order(jobs::run_at)
        .select(jobs::run_at)
        .first(conn)
        .optional()?)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobCounts {
    pub pending: i64,
    pub failed: i64,
}

pub fn count(conn: &mut Conn) -> Result<JobCounts> {
    let of = |state: &str, conn: &mut Conn| {
        jobs::table
            .filter(jobs::state.eq(state.to_owned()))
            .count()
            .get_result(conn)
    };
    Ok(JobCounts {
        pending: of(PENDING, conn)?,
        failed: of(FAILED, conn)?,
    })
}

#[derive(Debug, Clone, PartialEq)]
pub struct FailedJob {
    pub id: JobId,
    pub kind: String,
    pub attempts: i32,
    pub error: String,
}

pub fn list_failed(conn: &mut Conn, limit: i64) -> Result<Vec<FailedJob>> {
    let rows: Vec<(JobId, String, i32, Option<String>)> = jobs::table
        .filter(jobs::state.eq(FAILED))
        .order(jobs::id)
        .limit(limit)
        .select((jobs::id, jobs::kind, jobs::attempts, jobs::error))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, kind, attempts, error)| FailedJob {
            id,
            kind,
            attempts,
            error: error.unwrap_or_default(),
        })
        .collect())
}

/// Puts a failed job back in line, from its first attempt. False if there is none.
pub fn retry_failed(conn: &mut Conn, id: JobId, now: Timestamp) -> Result<bool> {
    let changed = diesel::update(jobs::table.filter(jobs::id.eq(id)).filter(jobs::state.eq(FAILED)))
        .set((
            jobs::state.eq(PENDING),
            jobs::attempts.eq(0),
            jobs::run_at.eq(now),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}
