//! Durable jobs: tried again with back-off, failed where they are seen, and taken over from a process that died.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use contactbar::db;
use contactbar::ids::{JobId, LeaseId};
use contactbar::jobs::{self, Attempt, Handler, JobError, Runner};

use crate::support::TestApp;

/// Fails as often as its payload says, then succeeds; a payload below zero can't be helped.
struct Stubborn(Arc<AtomicUsize>);

impl Handler for Stubborn {
    const KIND: &'static str = "test.stubborn";
    const MAX_ATTEMPTS: i32 = 4;
    const LEASE: Duration = Duration::from_secs(30);
    type Payload = i32;

    async fn run(&self, failures: i32, attempt: Attempt) -> Result<(), JobError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        match failures {
            ..0 => Err(JobError::fail(anyhow::anyhow!("no use"))),
            failures if attempt.number <= failures => Err(JobError::retry(anyhow::anyhow!("not yet"))),
            _ => Ok(()),
        }
    }
}

fn runner(app: &TestApp) -> (Runner, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let mut runner = Runner::new(app.db.clone(), app.clock.clone(), app.random.clone(), 1);
    runner.register(Stubborn(runs.clone()));
    (runner, runs)
}

async fn enqueue(app: &TestApp, failures: i32, key: Option<&str>) -> JobId {
    let (id, now) = (JobId::new(&app.clock, &app.random), app.clock.now());
    let key = key.map(str::to_owned);
    app.db
        .write(move |tx| jobs::enqueue_for::<Stubborn>(tx, id, &failures, now, key))
        .await
        .unwrap();
    id
}

async fn counts(app: &TestApp) -> (i64, i64) {
    let counts = app.db.read(jobs::count).await.unwrap();
    (counts.pending, counts.failed)
}

both_databases! {
    async fn a_job_is_tried_again_later_until_it_succeeds(app: TestApp) {
        let (runner, runs) = runner(&app);
        enqueue(&app, 2, None).await;
        assert_eq!(runner.run_until_empty().await.unwrap(), 1);
        assert_eq!(runner.run_until_empty().await.unwrap(), 0, "not before the back-off is over");
        for _ in 0..2 {
            app.clock.advance(Duration::from_secs(60));
            assert_eq!(runner.run_until_empty().await.unwrap(), 1);
        }
        assert_eq!((runs.load(Ordering::SeqCst), counts(&app).await), (3, (0, 0)));
    }

    async fn a_job_that_fails_for_good_is_seen_and_can_be_tried_again(app: TestApp) {
        let (runner, runs) = runner(&app);
        let hopeless = enqueue(&app, -1, None).await;
        enqueue(&app, 99, None).await;
        for _ in 0..6 {
            runner.run_until_empty().await.unwrap();
            app.clock.advance(Duration::from_secs(3600));
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1 + 4, "once, and as often as its kind allows");
        let failed = app.db.read(|conn| jobs::list_failed(conn, 10)).await.unwrap();
        let mut seen: Vec<_> = failed.iter().map(|job| (job.attempts, job.error.as_str())).collect();
        seen.sort_unstable();
        assert_eq!(seen, [(1, "no use"), (4, "not yet")]);
        let now = app.clock.now();
        assert!(app.db.write(move |tx| jobs::retry_failed(tx, hopeless, now)).await.unwrap());
        assert_eq!(runner.run_until_empty().await.unwrap(), 1);
        assert_eq!(counts(&app).await, (0, 2));
    }

    async fn a_job_of_a_process_that_died_is_taken_over_when_its_lease_ends(app: TestApp) {
        let (runner, runs) = runner(&app);
        enqueue(&app, 0, None).await;
        // As a process does that is killed right after it has claimed the job.
        let (now, lease) = (app.clock.now(), LeaseId::new(&app.clock, &app.random));
        let claimed = app.db.write(move |tx| jobs::claim(tx, &["test.stubborn"], now, lease, |_| Duration::from_secs(30), |_| None));
        assert!(claimed.await.unwrap().is_some());
        assert_eq!(runner.run_until_empty().await.unwrap(), 0, "leased: it may still be running there");
        app.clock.advance(Duration::from_secs(31));
        assert_eq!(runner.run_until_empty().await.unwrap(), 1);
        assert_eq!((runs.load(Ordering::SeqCst), counts(&app).await), (1, (0, 0)));
    }

    async fn a_job_is_enqueued_with_its_cause_or_not_at_all(app: TestApp) {
        let (id, now) = (JobId::new(&app.clock, &app.random), app.clock.now());
        let undone: db::Result<()> = app.db.write(move |tx| {
            jobs::enqueue_for::<Stubborn>(tx, id, &0, now, None)?;
            Err(db::Error::Unavailable("the cause failed".into()))
        }).await;
        assert!(undone.is_err());
        assert_eq!(counts(&app).await, (0, 0));
    }

    async fn a_unique_key_makes_two_jobs_one_while_it_waits(app: TestApp) {
        let (runner, runs) = runner(&app);
        enqueue(&app, 0, Some("once")).await;
        enqueue(&app, 0, Some("once")).await;
        runner.run_until_empty().await.unwrap();
        enqueue(&app, 0, Some("once")).await;
        runner.run_until_empty().await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }
}
