//! Takes due jobs, runs their handlers, notes how they ended.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Attempt, Handler, JobError, NewJob, Pace, rules, store};
use crate::clock::{Clock, Timestamp};
use crate::db::{self, Db};
use crate::ids::{JobId, LeaseId};
use crate::secrets::Random;

/// How often an idle runner looks for work that another process, or this one, has enqueued.
const POLL: Duration = Duration::from_millis(500);

/// Hears how runs ended: the job's kind and `done`, `retried` or `failed`.
pub type Told = Arc<dyn Fn(&'static str, &'static str) + Send + Sync>;

type Run = dyn Fn(serde_json::Value, Attempt) -> Pin<Box<dyn Future<Output = Result<(), JobError>> + Send>>
    + Send
    + Sync;

#[derive(Clone)]
struct Registered {
    run: Arc<Run>,
    max_attempts: i32,
    lease: Duration,
    pace: Option<Pace>,
}

/// A job that comes round by itself: once per `every`, whichever process gets to it first.
#[derive(Clone)]
struct Schedule {
    kind: &'static str,
    every: Duration,
}

/// Runs jobs. Built and filled once by `app.rs`; cheap to clone.
#[derive(Clone)]
pub struct Runner {
    db: Db,
    clock: Clock,
    random: Random,
    handlers: HashMap<&'static str, Registered>,
    schedules: Vec<Schedule>,
    concurrency: usize,
    told: Option<Told>,
    running: Running,
}

/// How many jobs of each kind run in this process, and a call when one ends.
#[derive(Clone, Default)]
struct Running {
    places: Arc<Mutex<HashMap<String, usize>>>,
    ended: Arc<Notify>,
}

impl Running {
    fn begin(&self, kind: &str) -> Place {
        *self.lock().entry(kind.to_owned()).or_default() += 1;
        Place {
            running: self.clone(),
            kind: kind.to_owned(),
        }
    }

    fn of(&self, kind: &str) -> usize {
        self.lock().get(kind).copied().unwrap_or(0)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One running job; dropping it makes room.
struct Place {
    running: Running,
    kind: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.running.lock().get_mut(&self.kind) {
            *places -= 1;
        }
        self.running.ended.notify_one();
    }
}

impl Runner {
    pub fn new(db: Db, clock: Clock, random: Random, concurrency: usize) -> Self {
        Self {
            db,
            clock,
            random,
            handlers: HashMap::new(),
            schedules: Vec::new(),
            concurrency,
            told: None,
            running: Running::default(),
        }
    }

    /// Tells `told` how each run ends, for the metrics.
    pub fn tell(&mut self, told: Told) {
        self.told = Some(told);
    }

    pub fn register<H: Handler>(&mut self, handler: H) {
        let pace = handler.pace();
        let handler = Arc::new(handler);
        let run: Arc<Run> = Arc::new(move |payload, attempt| {
            let handler = handler.clone();
            Box::pin(async move {
                let payload = serde_json::from_value(payload)
                    .map_err(|error| JobError::Fail(anyhow::Error::new(error).context("payload")))?;
                handler.run(payload, attempt).await
            })
        });
        let registered = Registered {
            run,
            max_attempts: H::MAX_ATTEMPTS,
            lease: H::LEASE,
            pace,
        };
        assert!(H::LEASE <= store::LONGEST_LEASE, "{}: a lease too long", H::KIND);
        let twice = self.handlers.insert(H::KIND, registered);
        assert!(twice.is_none(), "two handlers for jobs of kind {}", H::KIND);
    }

    /// Registers a handler whose job comes round once per `every` (payload `null`), whichever process takes it.
    pub fn register_scheduled<H: Handler<Payload = ()>>(&mut self, handler: H, every: Duration) {
        self.register(handler);
        self.schedules.push(Schedule { kind: H::KIND, every });
    }

    /// Runs due jobs until `stop`, then lets those under way finish.
    pub async fn run(&self, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(self.concurrency));
        let mut last_slots: HashMap<&'static str, i64> = HashMap::new();
        let mut last_minute = i64::MIN;
        loop {
            let minute = self.clock.now().secs().div_euclid(60);
            if minute != last_minute {
                match self.bring_back().await {
                    Ok(()) => last_minute = minute,
                    Err(error) => tracing::warn!(%error, "jobs could not be looked through; trying again"),
                }
            }
            if let Err(error) = self.enqueue_scheduled(&mut last_slots).await {
                tracing::warn!(%error, "scheduled jobs could not be enqueued; trying again");
            }
            let Ok(place) = places.clone().acquire_owned().await else {
                break;
            };
            if stop.is_cancelled() {
                break;
            }
            match self.claim().await {
                Ok(Some(job)) => {
                    let (runner, running) = (self.clone(), self.running.begin(&job.kind));
                    tokio::spawn(async move {
                        runner.run_claimed(job).await;
                        drop(place);
                        drop(running);
                    });
                }
                Ok(None) => {
                    drop(place);
                    tokio::select! {
                        () = stop.cancelled() => break,
                        // Its kind or its lane has room again.
                        () = self.running.ended.notified() => {}
                        () = tokio::time::sleep(POLL) => {}
                    }
                }
                Err(error) => {
                    drop(place);
                    tracing::warn!(%error, "jobs can't be read; trying again");
                    if tokio::time::timeout(POLL * 4, stop.cancelled()).await.is_ok() {
                        break;
                    }
                }
            }
        }
        let all = u32::try_from(self.concurrency).unwrap_or(u32::MAX);
        let _all_done = places.acquire_many(all).await;
    }

    /// Runs what is due now, and what that enqueues for now, one after the other; for tests. Answers how many ran.
    pub async fn run_until_empty(&self) -> db::Result<usize> {
        let mut ran = 0;
        while let Some(job) = self.claim().await? {
            self.run_claimed(job).await;
            ran += 1;
            assert!(ran < 100_000, "jobs enqueue each other without end");
        }
        Ok(ran)
    }

    /// Enqueues the scheduled jobs whose time has come; for tests, which move the clock by hand.
    pub async fn enqueue_due_schedules(&self) -> db::Result<()> {
        self.enqueue_scheduled(&mut HashMap::new()).await
    }

    /// Jobs from a time that has been taken back get their time in this one; called now and then by [`Self::run`].
    pub async fn bring_back(&self) -> db::Result<()> {
        let now = self.clock.now();
        let moved = self.db.write(move |tx| store::bring_back(tx, now)).await?;
        if moved > 0 {
            tracing::warn!(
                jobs.moved = moved,
                "jobs of a clock that ran ahead have been moved back"
            );
        }
        Ok(())
    }

    async fn enqueue_scheduled(&self, last_slots: &mut HashMap<&'static str, i64>) -> db::Result<()> {
        for schedule in &self.schedules {
            let now = self.clock.now();
            let every = i64::try_from(schedule.every.as_secs()).unwrap_or(i64::MAX).max(1);
            let slot = now.secs().div_euclid(every);
            match last_slots.insert(schedule.kind, slot) {
                Some(last) if last == slot => continue,
                _ => {}
            }
            let (id, kind) = (JobId::new(&self.clock, &self.random), schedule.kind);
            let run_at = Timestamp::from_secs(slot * every).max(now);
            let enqueued = self
                .db
                .write(move |tx| {
                    let key = Some(format!("schedule:{kind}"));
                    store::enqueue(
                        tx,
                        &NewJob {
                            id,
                            kind,
                            payload: serde_json::Value::Null,
                            run_at,
                            unique_key: key,
                        },
                    )
                })
                .await;
            if enqueued.is_err() {
                last_slots.remove(kind);
            }
            enqueued?;
        }
        Ok(())
    }

    async fn claim(&self) -> db::Result<Option<store::Claimed>> {
        let (now, lease) = (self.clock.now(), LeaseId::new(&self.clock, &self.random));
        let most = self.places_of_a_kind();
        let open: HashMap<&'static str, (Duration, Option<Pace>)> = self
            .handlers
            .iter()
            .filter(|(kind, _)| self.running.of(kind) < most)
            .map(|(kind, handler)| (*kind, (handler.lease, handler.pace)))
            .collect();
        // A look first: an idle runner must not take SQLite's write lock twice a second.
        let due = self.db.read(store::next_due).await?;
        if due.is_none_or(|at| at > now) {
            return Ok(None);
        }
        self.db
            .write(move |tx| {
                let kinds: Vec<&str> = open.keys().copied().collect();
                let lease_time = |kind: &str| open.get(kind).map_or(POLL, |(lease, _)| *lease);
                let pace = |kind: &str| open.get(kind).and_then(|(_, pace)| *pace);
                store::claim(tx, &kinds, now, lease, lease_time, pace)
            })
            .await
    }

    /// Of all places a quarter, at least one, is out of reach of any single kind: a mail server that hangs holds up mails, and
    /// no webhook.
    fn places_of_a_kind(&self) -> usize {
        let others = (self.concurrency / 4).max(1);
        self.concurrency.saturating_sub(others).max(1)
    }

    async fn run_claimed(&self, job: store::Claimed) {
        let Some((kind, handler)) = self.handlers.get_key_value(job.kind.as_str()) else {
            return;
        };
        let attempt = Attempt {
            number: job.attempts + 1,
            last: job.attempts + 1 >= handler.max_attempts,
        };
        let span =
            tracing::info_span!("job", job.id = %job.id, job.kind = %job.kind, job.attempt = attempt.number);
        let run = AssertUnwindSafe((handler.run)(job.payload.clone(), attempt)).catch_unwind();
        let outcome = match tokio::time::timeout(handler.lease, run.instrument(span.clone())).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => Err(JobError::Retry(anyhow::anyhow!("the handler panicked"))),
            Err(_) => Err(JobError::Retry(anyhow::anyhow!(
                "the run took longer than {:?}",
                handler.lease
            ))),
        };
        if let Some(told) = &self.told {
            told(
                kind,
                match &outcome {
                    Ok(()) => "done",
                    Err(JobError::Retry(_)) if !attempt.last => "retried",
                    Err(_) => "failed",
                },
            );
        }
        let jitter = self.random.bytes::<1>()[0];
        let again_at = self.clock.now() + rules::back_off(attempt.number, jitter);
        let noted = async {
            match outcome {
                Ok(()) => self.db.write(move |tx| store::finish(tx, &job)).await,
                Err(JobError::Retry(error)) if !attempt.last => {
                    tracing::warn!(error = format!("{error:#}"), retry_at = %again_at, "job will be tried again");
                    self.db
                        .write(move |tx| store::reschedule(tx, &job, again_at, &format!("{error:#}")))
                        .await
                }
                Err(JobError::Retry(error) | JobError::Fail(error)) => {
                    tracing::error!(error = format!("{error:#}"), "job failed");
                    self.db
                        .write(move |tx| store::fail(tx, &job, &format!("{error:#}")))
                        .await
                }
            }
        };
        // If this note is lost, the lease runs out and the job runs again: handlers are idempotent.
        if let Err(error) = noted.instrument(span).await {
            tracing::warn!(%error, "a job's end could not be noted; it will run again");
        }
    }
}
