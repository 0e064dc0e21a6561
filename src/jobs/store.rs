//! The `jobs` table. A finished job's row is deleted; a failed one stays, to be seen.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use serde::Serialize;

use super::{NewJob, Pace, Priority};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{job_lanes, jobs};
use crate::db::{Conn, Json, Result};
use crate::ids::{JobId, LeaseId};

pub(super) const PENDING: &str = "pending";
pub(super) const FAILED: &str = "failed";
/// No handler's lease is longer.
pub(super) const LONGEST_LEASE: Duration = Duration::from_secs(3600);
/// By so much the clocks of processes may differ without anybody noticing.
const SKEW: Duration = Duration::from_secs(60);

/// Enqueues a job in the caller's transaction. A job with the same unique key that still waits is left as it is.
pub fn enqueue(conn: &mut Conn, job: &NewJob<'_>) -> Result<()> {
    enqueue_in_lane(conn, job, None)
}

/// The same in a lane.
pub fn enqueue_in_lane(conn: &mut Conn, job: &NewJob<'_>, lane: Option<&str>) -> Result<()> {
    let row = (
        jobs::id.eq(job.id),
        jobs::kind.eq(job.kind),
        jobs::payload.eq(Json(job.payload.clone())),
        jobs::unique_key.eq(job.unique_key.as_deref()),
        jobs::state.eq(PENDING),
        jobs::run_at.eq(job.run_at),
        jobs::attempts.eq(0),
        jobs::created_at.eq(job.id.made_at()),
        jobs::lane.eq(lane),
    );
    both!(conn, |c| diesel::insert_into(jobs::table)
        .values(row)
        .on_conflict(jobs::unique_key)
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Enqueues many jobs of one kind, each in its lane; none of them has a unique key.
pub fn enqueue_all<P: Serialize>(
    conn: &mut Conn,
    kind: &str,
    all: &[(JobId, P, Timestamp, String)],
    priority: Priority,
) -> Result<()> {
    for some in all.chunks(10_000) {
        let rows: Vec<(String, &P, i64, &str)> = some
            .iter()
            .map(|(id, payload, run_at, lane)| {
                (
                    id.uuid().simple().to_string(),
                    payload,
                    run_at.micros(),
                    lane.as_str(),
                )
            })
            .collect();
        let rows = serde_json::to_string(&rows).expect("payloads are plain data");
        let statement = match conn {
            Conn::Sqlite(_) => {
                "INSERT INTO jobs (kind, state, attempts, priority, id, payload, run_at, created_at, lane) \
                 SELECT $1, $2, 0, $3, unhex(value ->> 0), value -> 1, value ->> 2, value ->> 2, value ->> 3 FROM json_each($4)"
            }
            Conn::Postgres(_) => {
                "INSERT INTO jobs (kind, state, attempts, priority, id, payload, run_at, created_at, lane) \
                 SELECT $1, $2, 0, $3, (value ->> 0)::uuid, (value -> 1)::jsonb, at, at, value ->> 3 \
                 FROM json_array_elements($4::json), \
                 LATERAL (SELECT timestamptz 'epoch' + (value ->> 2)::bigint * interval '1 microsecond' AS at) moments"
            }
        };
        let query = diesel::sql_query(statement)
            .bind::<Text, _>(kind)
            .bind::<Text, _>(PENDING)
            .bind::<Integer, _>(priority.rank())
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

/// Claims the job of these kinds that goes first: by priority, then by how long it has been due, of those whose lane has
/// room. Who reads the same row at the same time loses the conditional update (`attempts` counts every claim) and tries
/// the next.
pub fn claim(
    conn: &mut Conn,
    kinds: &[&str],
    now: Timestamp,
    lease: LeaseId,
    lease_time: impl Fn(&str) -> Duration,
    pace: impl Fn(&str) -> Option<Pace>,
) -> Result<Option<Claimed>> {
    let running = busy_lanes(conn, kinds, now, &pace)?;
    // One after the other, so that each is a step into the index: what is due later lies between the two.
    for priority in Priority::ALL {
        let mut full = running.clone();
        full.extend(spent_lanes(conn, kinds, now, &pace, priority)?);
        let Some((id, kind, Json(payload), attempts, lane)) = first_due(conn, kinds, now, full, priority)?
        else {
            continue;
        };
        if let Some((lane, pace)) = lane.zip(pace(&kind))
            && !take_turn(conn, &kind, &lane, pace, priority, now)?
        {
            return Ok(None);
        }
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
        return Ok((updated == 1).then_some(Claimed {
            id,
            kind,
            payload,
            attempts,
            lease,
        }));
    }
    Ok(None)
}

type Due = (JobId, String, Json<serde_json::Value>, i32, Option<String>);

/// The job of a priority that has been due longest, outside of the lanes that are full.
fn first_due(
    conn: &mut Conn,
    kinds: &[&str],
    now: Timestamp,
    full: Vec<String>,
    priority: Priority,
) -> Result<Option<Due>> {
    let due = jobs::table
        .filter(jobs::state.eq(PENDING))
        .filter(jobs::priority.eq(priority.rank()))
        .filter(jobs::run_at.le(now))
        .filter(
            jobs::leased_until
                .is_null()
                .or(jobs::leased_until.lt(now))
                // Taken by a clock that has been put right since.
                .or(jobs::leased_until.gt(now + LONGEST_LEASE + SKEW)),
        )
        .filter(jobs::kind.eq_any(kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>()))
        .filter(jobs::lane.is_null().or(jobs::lane.ne_all(full)))
        .order((jobs::run_at, jobs::id))
        .limit(1)
        .select((jobs::id, jobs::kind, jobs::payload, jobs::attempts, jobs::lane));
    Ok(match conn {
        Conn::Sqlite(c) => due.first(c).optional()?,
        // PostgreSQL hands waiting claimers different rows instead of one after the other.
        Conn::Postgres(c) => due.for_update().skip_locked().first(c).optional()?,
    })
}

fn minute_of(now: Timestamp) -> i64 {
    now.secs().div_euclid(60)
}

/// The lanes in which as many jobs run as may. A process that died holds its places until its leases end.
fn busy_lanes(
    conn: &mut Conn,
    kinds: &[&str],
    now: Timestamp,
    pace: &impl Fn(&str) -> Option<Pace>,
) -> Result<Vec<String>> {
    let mut busy = Vec::new();
    for (kind, pace) in kinds.iter().filter_map(|kind| Some((*kind, pace(kind)?))) {
        let running = jobs::table
            .filter(jobs::leased_until.ge(now))
            .filter(jobs::kind.eq(kind.to_owned()))
            .filter(jobs::lane.is_not_null())
            .group_by(jobs::lane)
            .select((jobs::lane, diesel::dsl::count_star()))
            .load::<(Option<String>, i64)>(conn)?;
        busy.extend(
            running
                .into_iter()
                .filter(|(_, places)| *places >= i64::from(pace.at_a_time))
                .filter_map(|(lane, _)| lane),
        );
    }
    Ok(busy)
}

fn as_count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The lanes in which as many jobs of a priority began in this minute as may.
fn spent_lanes(
    conn: &mut Conn,
    kinds: &[&str],
    now: Timestamp,
    pace: &impl Fn(&str) -> Option<Pace>,
    priority: Priority,
) -> Result<Vec<String>> {
    let mut spent = Vec::new();
    for (kind, pace) in kinds.iter().filter_map(|kind| Some((*kind, pace(kind)?))) {
        spent.extend(
            job_lanes::table
                .filter(job_lanes::minute.eq(minute_of(now)))
                .filter(job_lanes::kind.eq(kind.to_owned()))
                .filter(job_lanes::taken.ge(as_count(pace.per_minute_of(priority))))
                .select(job_lanes::lane)
                .load::<String>(conn)?,
        );
    }
    Ok(spent)
}

/// Takes one of the turns of this minute. The lane's row locks out who else takes one, so that the places are counted right.
fn take_turn(
    conn: &mut Conn,
    kind: &str,
    lane: &str,
    pace: Pace,
    priority: Priority,
    now: Timestamp,
) -> Result<bool> {
    let minute = minute_of(now);
    let taken = diesel::sql_query(
        "INSERT INTO job_lanes (kind, lane, minute, taken) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (kind, lane) DO UPDATE SET minute = excluded.minute, \
         taken = CASE WHEN job_lanes.minute = excluded.minute THEN job_lanes.taken + 1 ELSE 1 END \
         WHERE job_lanes.minute <> excluded.minute OR job_lanes.taken < $4",
    )
    .bind::<Text, _>(kind)
    .bind::<Text, _>(lane)
    .bind::<BigInt, _>(minute)
    .bind::<Integer, _>(as_count(pace.per_minute_of(priority)));
    if both!(conn, |c| taken.execute(c))? == 0 {
        return Ok(false);
    }
    let running: i64 = jobs::table
        .filter(jobs::leased_until.ge(now))
        .filter(jobs::kind.eq(kind.to_owned()))
        .filter(jobs::lane.eq(lane))
        .count()
        .get_result(conn)?;
    let has_room = running < i64::from(pace.at_a_time);
    if !has_room {
        diesel::update(job_lanes::table.find((kind, lane)))
            .set(job_lanes::taken.eq(job_lanes::taken - 1))
            .execute(conn)?;
    }
    Ok(has_room)
}

/// Forgets the lanes in which nothing has moved for this long. Answers how many.
pub fn forget_lanes(conn: &mut Conn, before: Timestamp) -> Result<usize> {
    Ok(diesel::delete(job_lanes::table.filter(job_lanes::minute.lt(minute_of(before)))).execute(conn)?)
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

/// Jobs that were enqueued by a clock that ran ahead, and has been put right since, would wait until it is their time again:
/// moves them back by as much as it was ahead. Answers how many.
pub fn bring_back(conn: &mut Conn, now: Timestamp) -> Result<usize> {
    let ahead: Vec<(JobId, Timestamp, Timestamp)> = jobs::table
        .filter(jobs::state.eq(PENDING))
        .filter(jobs::created_at.gt(now + SKEW))
        .order(jobs::id)
        .limit(1000)
        .select((jobs::id, jobs::run_at, jobs::created_at))
        .load(conn)?;
    for (id, run_at, created_at) in &ahead {
        diesel::update(jobs::table.find(id))
            .set((
                jobs::run_at.eq(*run_at - created_at.since(now)),
                jobs::created_at.eq(now),
            ))
            .execute(conn)?;
    }
    Ok(ahead.len())
}

/// When the next waiting job is due (or its lease ends), if one waits at all.
pub fn next_due(conn: &mut Conn) -> Result<Option<Timestamp>> {
    let mut next = None;
    for priority in Priority::ALL {
        let first: Option<Timestamp> = jobs::table
            .filter(jobs::state.eq(PENDING))
            .filter(jobs::priority.eq(priority.rank()))
            .order(jobs::run_at)
            .select(jobs::run_at)
            .first(conn)
            .optional()?;
        next = next.into_iter().chain(first).min();
    }
    Ok(next)
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

/// The same of one kind.
pub fn count_of(conn: &mut Conn, kind: &str) -> Result<JobCounts> {
    let of = |state: &str, conn: &mut Conn| {
        jobs::table
            .filter(jobs::state.eq(state.to_owned()))
            .filter(jobs::kind.eq(kind.to_owned()))
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

/// The failed jobs of one kind and what they were to do, oldest first.
pub fn list_failed_of(conn: &mut Conn, kind: &str) -> Result<Vec<(JobId, serde_json::Value)>> {
    let rows: Vec<(JobId, Json<serde_json::Value>)> = jobs::table
        .filter(jobs::state.eq(FAILED))
        .filter(jobs::kind.eq(kind))
        .order(jobs::id)
        .select((jobs::id, jobs::payload))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, Json(payload))| (id, payload))
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
