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
    FailedJob, JobCounts, claim, count, enqueue, enqueue_all, list_failed, next_due, retry_failed,
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

/// Enqueues many jobs for handler `H`, thousands in one statement, in the caller's transaction.
pub fn enqueue_all_for<H: Handler>(tx: &mut Conn, all: &[(JobId, H::Payload, Timestamp)]) -> db::Result<()> {
    enqueue_all(tx, H::KIND, all)
}
