//! Durable jobs: enqueued in the transaction that causes them, leased, run outside any transaction, retried with
//! back-off, failed visibly. Knows no feature: handlers are registered by `app.rs`.

mod rules;
mod runner;
mod store;

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Timestamp;
use crate::db::{self, Conn};
use crate::ids::JobId;

pub use runner::{Runner, Told};
pub use store::{
    FailedJob, JobCounts, claim, count, count_of, enqueue, enqueue_all, enqueue_in_lane, forget_lanes,
    list_failed, list_failed_of, next_due, retry_failed,
};

/// A job to be: `kind` names its handler; `unique_key` makes a second one with the same key, while the first still
/// waits, the same job.
pub struct NewJob<'a> {
    pub id: JobId,
    pub kind: &'a str,
    pub payload: serde_json::Value,
    pub run_at: Timestamp,
    pub unique_key: Option<String>,
}

/// How a run ended when it did not succeed. The error decides, where it arises, whether trying again can help.
#[derive(Debug)]
pub enum JobError {
    /// A passing fault: again, later.
    Retry(anyhow::Error),
    /// Trying again can't help.
    Fail(anyhow::Error),
}

impl From<db::Error> for JobError {
    fn from(error: db::Error) -> Self {
        JobError::Retry(error.into())
    }
}

impl JobError {
    pub fn retry(error: impl Into<anyhow::Error>) -> Self {
        Self::Retry(error.into())
    }

    pub fn fail(error: impl Into<anyhow::Error>) -> Self {
        Self::Fail(error.into())
    }
}

/// How fast the jobs of one lane may follow each other, over all processes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub at_a_time: u32,
    /// In each minute of the clock.
    pub per_minute: u32,
}

impl Pace {
    /// A tenth of each minute is kept free for what somebody waits for.
    pub fn per_minute_of(self, priority: Priority) -> u32 {
        match priority {
            Priority::High => self.per_minute,
            Priority::Low => self.per_minute - self.per_minute / 10,
        }
    }
}

/// Of jobs that are due, those of high priority go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits for it.
    High,
    /// One of a mass that may take its time.
    Low,
}

impl Priority {
    const ALL: [Self; 2] = [Self::High, Self::Low];

    /// As it is stored.
    fn rank(self) -> i32 {
        match self {
            Self::High => 0,
            Self::Low => 1,
        }
    }
}

/// What a handler may know of the run it is in.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// 1 for the first run.
    pub number: i32,
    /// No run follows this one.
    pub last: bool,
}

/// Runs jobs of one kind. A job may run twice (a process died after the work and before the note of it):
/// handlers are idempotent.
pub trait Handler: Send + Sync + 'static {
    const KIND: &'static str;
    /// Runs in all before the job counts as failed.
    const MAX_ATTEMPTS: i32 = 12;
    /// How long one run may take. Another process takes the job over after that.
    const LEASE: Duration = Duration::from_secs(120);
    type Payload: DeserializeOwned + Serialize + Send;

    /// The pace of each lane of its jobs; `None`: lanes don't matter.
    fn pace(&self) -> Option<Pace> {
        None
    }

    fn run(
        &self,
        payload: Self::Payload,
        attempt: Attempt,
    ) -> impl Future<Output = Result<(), JobError>> + Send;
}

/// Enqueues a job for handler `H`, in the caller's transaction.
pub fn enqueue_for<H: Handler>(
    tx: &mut Conn,
    id: JobId,
    payload: &H::Payload,
    run_at: Timestamp,
    unique_key: Option<String>,
) -> db::Result<()> {
    let payload = serde_json::to_value(payload).expect("payloads are plain data");
    enqueue(
        tx,
        &NewJob {
            id,
            kind: H::KIND,
            payload,
            run_at,
            unique_key,
        },
    )
}

/// The same in a lane: what else stands in it comes before, and not too fast (see [`Handler::pace`]).
pub fn enqueue_in_lane_for<H: Handler>(
    tx: &mut Conn,
    id: JobId,
    payload: &H::Payload,
    run_at: Timestamp,
    lane: &str,
) -> db::Result<()> {
    let job = NewJob {
        id,
        kind: H::KIND,
        payload: serde_json::to_value(payload).expect("payloads are plain data"),
        run_at,
        unique_key: None,
    };
    enqueue_in_lane(tx, &job, Some(lane))
}

/// Enqueues many jobs for handler `H`, each in its lane, thousands in one statement, in the caller's transaction.
pub fn enqueue_all_for<H: Handler>(
    tx: &mut Conn,
    all: &[(JobId, H::Payload, Timestamp, String)],
    priority: Priority,
) -> db::Result<()> {
    enqueue_all(tx, H::KIND, all, priority)
}
