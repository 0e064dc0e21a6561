//! Trouble from below: a database that goes away or hangs, a clock that is set forwards and backwards.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use contactbar::app::App;
use contactbar::bars::{BarState, FRESH};
use contactbar::clock::{DAY, HOUR, MINUTE};
use contactbar::db::{self, Conn, Error};
use contactbar::ids::{JobId, LeaseId};
use contactbar::jobs;
use contactbar::secrets::Random;
use diesel::connection::SimpleConnection;
use poem::EndpointExt;
use poem::http::Method;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::{Answer, Client, Kind, TestApp};
use crate::tracking::{FIREFOX, Stage, another_process, poll, run_writer, views};

/// Longer than any of this may take: a request that waited for a time-out would not be back by then.
const SOON: Duration = Duration::from_secs(20);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future)
        .await
        .expect("an answer at once")
}

/// Stands before PostgreSQL; can be cut, and be away.
struct Cable {
    port: u16,
    up: watch::Sender<bool>,
}

impl Cable {
    async fn to(target: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (port, up) = (listener.local_addr().unwrap().port(), watch::Sender::new(true));
        let told = up.subscribe();
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let (mut told, target) = (told.clone(), target.clone());
                if !*told.borrow() {
                    continue; // hangs up
                }
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = told.wait_for(|up| !up) => {}
                    }
                });
            }
        });
        Self { port, up }
    }
}

/// The service in a process of its own that reaches PostgreSQL through a cable.
async fn cabled(app: &TestApp) -> (App, Client, Cable) {
    let url = url::Url::parse(&app.database.url).unwrap();
    let cable = Cable::to(format!(
        "{}:{}",
        url.host_str().unwrap(),
        url.port().unwrap_or(5432)
    ))
    .await;
    let mut through = url.clone();
    through.set_host(Some("127.0.0.1")).unwrap();
    through.set_port(Some(cable.port)).unwrap();
    // Who waits at all, would wait for a minute.
    let config = app
        .database
        .reached_by(through.as_str())
        .config(&["--database-wait=60"]);
    let other = App::build(config, app.clock.clone(), Random::seeded(77)).unwrap();
    let client = Client::of(other.router().map_to_response().boxed());
    (other, client, cable)
}

async fn send(client: &Client, event: &Value) -> Answer {
    client
        .call(Method::POST, "/e")
        .header("content-type", "text/plain")
        .header("user-agent", FIREFOX)
        .body(event.to_string())
        .send()
        .await
}

#[test]
fn a_database_that_is_away_is_refused_for_at_once_and_found_when_it_is_back() {
    crate::support::run(Kind::Postgres, async |app: TestApp| {
        let stage = Stage::new(&app).await;
        let (other, client, cable) = cabled(&app).await;
        let _writer = run_writer(&other);
        assert_eq!(send(&client, &stage.event("view")).await.status, 204);
        client.get("/readyz").await.expect(200);
        let event = stage.event("view");

        cable.up.send_replace(false);
        // What was open may break; whoever comes then finds nobody.
        soon(send(&client, &event)).await.problem(503);
        soon(send(&client, &event)).await.problem(503);
        assert!(other.db.is_away());
        for _ in 0..100 {
            let refused = soon(send(&client, &event)).await;
            refused.problem(503);
            assert_eq!(refused.header("retry-after"), "1");
        }
        let not_ready = soon(client.get("/readyz")).await;
        assert_eq!(not_ready.problem(503), ["database: does not answer"]);
        soon(client.get("/healthz")).await.expect(200);

        cable.up.send_replace(true);
        soon(async {
            while other.db.is_away() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(soon(send(&client, &event)).await.status, 204);
        client.get("/readyz").await.expect(200);
        assert_eq!(
            stage.counts().await,
            views(2, 1),
            "what was refused is counted once"
        );
    });
}

#[test]
fn connections_that_died_are_not_lent_again() {
    crate::support::run(Kind::Postgres, async |app: TestApp| {
        let stage = Stage::new(&app).await;
        let (other, client, cable) = cabled(&app).await;
        let _writer = run_writer(&other);
        assert_eq!(send(&client, &stage.event("view")).await.status, 204);
        let open = |db: &db::Db| db.pool_state().1;
        assert!(open(&other.db) > 0);
        cable.up.send_replace(false);
        // One finds it out, and with it all that lie beside it are doubted.
        soon(send(&client, &stage.event("view"))).await.problem(503);
        cable.up.send_replace(true);
        soon(async {
            while other.db.is_away() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        for _ in 0..20 {
            assert_eq!(send(&client, &stage.event("view")).await.status, 204);
            let (a, b, c) = (
                client.get("/readyz"),
                client.get("/readyz"),
                client.get("/readyz"),
            );
            for answer in [a.await, b.await, c.await] {
                answer.expect(200);
            }
        }
    });
}

both_databases! {
    async fn while_a_commit_hangs_newcomers_are_turned_away_and_nobody_waits_for_ever(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (other, client) = another_process(&app, &["--rate-limits=off"]);
        let _writer = run_writer(&other);
        assert_eq!(send(&client, &stage.event("view")).await.status, 204);
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        let (holds, holding) = tokio::sync::oneshot::channel();
        let db = app.db.clone();
        let holder = tokio::spawn(async move {
            db.write(move |tx| {
                if let Conn::Postgres(c) = tx {
                    c.batch_execute("LOCK TABLE event_journal IN ACCESS EXCLUSIVE MODE")?;
                }
                holds.send(()).unwrap();
                held.recv().unwrap();
                Ok::<_, Error>(())
            }).await
        });
        holding.await.unwrap();

        let event = stage.event("view");
        let mut waiting = pin!(send(&client, &event));
        loop {
            assert!(!poll(&mut waiting), "nothing is acknowledged before it is written");
            if other.tracking.queue_depth().0 > 0 { break }
            tokio::task::yield_now().await;
        }
        while other.tracking.queue_depth().0 > 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(4)).await;
        assert!(!poll(&mut waiting));
        let refused = send(&client, &stage.event("view")).await;
        refused.problem(503);
        assert_eq!(refused.header("retry-after"), "1");
        tokio::time::advance(Duration::from_secs(7)).await;
        waiting.await.problem(503);
        tokio::time::resume();

        let_go.send(()).unwrap();
        holder.await.unwrap().unwrap();
        // The commit that hung ends before the next; what it kept after all is not kept twice.
        soon(async {
            while send(&client, &event).await.status != 204 {
                tokio::task::yield_now().await;
            }
        }).await;
        assert_eq!(stage.counts().await, views(2, 1));
    }

    async fn one_member_s_storm_leaves_room_for_its_neighbours(app: TestApp) {
        let (stage, calm) = (Stage::new(&app).await, Stage::new(&app).await);
        let second = stage.neighbour().await;
        let (other, client) = another_process(&app, &["--ingest-queue-size=4"]);
        let mut waiting = Vec::new();
        for (bar, status) in [(&stage, 0), (&stage, 0), (&second, 0), (&second, 503), (&calm, 0)] {
            let event = bar.event("view");
            let client = client.clone();
            let mut call = Box::pin(async move { send(&client, &event).await });
            let depth = other.tracking.queue_depth().0;
            if status == 503 {
                call.await.problem(503);
                continue;
            }
            while other.tracking.queue_depth().0 == depth {
                assert!(!poll(&mut call.as_mut()));
                tokio::task::yield_now().await;
            }
            waiting.push(call);
        }
        let _writer = run_writer(&other);
        for call in waiting {
            assert_eq!(call.await.status, 204);
        }
    }

    async fn what_another_process_has_folded_is_no_backlog(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (other, client) = another_process(&app, &[]);
        let _writer = run_writer(&other);
        assert_eq!(send(&client, &stage.event("view")).await.status, 204);
        assert_eq!(other.tracking.backlog(), 1);
        assert_eq!(stage.counts().await, views(1, 1));
        other.tracking.catch_up().await.unwrap();
        assert_eq!(other.tracking.backlog(), 0);
    }

    async fn a_clock_that_is_set_back_locks_nobody_out(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (other, client) = another_process(&app, &["--embed-requests-per-minute=2"]);
        let _writer = run_writer(&other);
        for status in [204, 204, 429] {
            assert_eq!(send(&client, &stage.event("view")).await.status, status);
        }
        for moved in [app.clock.now() - HOUR * 5, app.clock.now() + DAY * 3, app.clock.now()] {
            app.clock.set(moved);
            assert_eq!(send(&client, &stage.event("view")).await.status, 429, "no time has passed");
            app.clock.advance(MINUTE);
            for status in [204, 204, 429] {
                assert_eq!(send(&client, &stage.event("view")).await.status, status);
            }
        }
    }

    async fn a_log_in_blocked_by_a_clock_that_ran_ahead_is_free_again(app: TestApp) {
        let log_in = async |password: &str| {
            let body = json!({ "email": "ada@shop.example", "password": password });
            app.client().post("/api/v1/session", body).await.status
        };
        let right = app.clock.now();
        app.clock.set(right + DAY * 5);
        let mut tries = 0;
        while log_in("wrong but long enough").await != 429 {
            tries += 1;
            assert!(tries < 100, "nothing throttles");
        }
        app.clock.set(right);
        assert_eq!(log_in("wrong but long enough").await, 401);
    }

    async fn what_another_process_changes_is_seen_in_time_whatever_the_clock_does(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (other, _) = another_process(&app, &[]);
        let key = stage.key.parse().unwrap();
        let state = async || other.bars.published().find_published(&key).await.unwrap().unwrap().state;
        for moved in [app.clock.now(), app.clock.now() - HOUR * 5, app.clock.now() + DAY * 3] {
            app.bars.resume(stage.member, contactbar::audit::Actor::System, stage.bar).await.unwrap();
            app.clock.advance(FRESH);
            assert_eq!(state().await, BarState::Active);
            app.bars.pause(stage.member, contactbar::audit::Actor::System, stage.bar).await.unwrap();
            app.clock.set(moved);
            app.clock.advance(FRESH);
            assert_eq!(state().await, BarState::Paused);
        }
    }

    async fn counting_survives_a_clock_that_is_set_forwards_and_backwards(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (other, client) = another_process(&app, &[]);
        let _writer = run_writer(&other);
        let right = app.clock.now();
        let both = async |at| {
            app.clock.set(at);
            assert_eq!(stage.send(&stage.event("view")).await.status, 204);
            assert_eq!(send(&client, &stage.event("view")).await.status, 204);
        };
        both(right).await;
        both(right - HOUR * 5).await;
        both(right - DAY).await;
        both(right).await;
        app.clock.set(right);
        assert_eq!(stage.counts().await, views(8, 2), "the same visitor on either day, through either process");
        // Days ahead, the salts and visitors of today are destroyed; what was counted stays, and counting goes on.
        both(right + DAY * 4).await;
        app.jobs.enqueue_due_schedules().await.unwrap();
        app.run_jobs().await;
        both(right).await;
        app.clock.set(right + DAY * 4);
        assert_eq!(stage.counts().await, views(12, 4));
        app.tracking.catch_up().await.unwrap();
        let (sums, events) = app.db.read(sums_and_events).await.unwrap();
        assert_eq!(sums, events);
        app.clock.set(right);
    }

    async fn a_job_of_a_clock_that_ran_ahead_does_not_wait_for_it(app: TestApp) {
        let right = app.clock.now();
        let later = JobId::new(&app.clock, &app.random);
        enqueue(&app, later, right + DAY * 20).await;
        app.clock.set(right + DAY * 5);
        let ahead = JobId::new(&app.clock, &app.random);
        enqueue(&app, ahead, app.clock.now() + HOUR).await;
        app.clock.set(right);
        app.jobs.bring_back().await.unwrap();
        assert_eq!(due(&app).await, Some(right + HOUR), "an hour from now, not from then");
        app.clock.advance(HOUR);
        app.run_jobs().await;
        assert_eq!(due(&app).await, Some(right + DAY * 20), "what was enqueued by the right clock keeps its time");
    }

    async fn a_lease_of_a_clock_that_ran_ahead_ends(app: TestApp) {
        let right = app.clock.now();
        let id = JobId::new(&app.clock, &app.random);
        enqueue(&app, id, right).await;
        let claim = async |at| {
            let lease = LeaseId::new(&app.clock, &app.random);
            app.db.write(move |tx| jobs::claim(tx, &["tracking.purge_events"], at, lease, |_| MINUTE, |_| None)).await.unwrap().is_some()
        };
        assert!(claim(right + DAY * 5).await, "as a process does whose clock is wrong, and which dies then");
        assert!(claim(right).await);
        assert!(!claim(right).await, "a lease of this time holds");
        app.clock.advance(MINUTE * 2);
        app.run_jobs().await;
    }
}

async fn enqueue(app: &TestApp, id: JobId, run_at: contactbar::clock::Timestamp) {
    let job = move |tx: &mut Conn| {
        jobs::enqueue(
            tx,
            &jobs::NewJob {
                id,
                kind: "tracking.purge_events",
                payload: Value::Null,
                run_at,
                unique_key: None,
            },
        )
    };
    app.db.write(job).await.unwrap();
}

async fn due(app: &TestApp) -> Option<contactbar::clock::Timestamp> {
    app.db.read(jobs::next_due).await.unwrap()
}

/// Views by the daily roll-up, and by the events.
fn sums_and_events(conn: &mut Conn) -> db::Result<(i64, i64)> {
    use contactbar::db::schema::{daily_counts, events};
    use contactbar::tracking::Dimension;
    use diesel::prelude::*;
    let sums: Vec<i64> = daily_counts::table
        .filter(daily_counts::dimension.eq(Dimension::Total))
        .select(daily_counts::views)
        .load(conn)?;
    let events: i64 = events::table.count().get_result(conn)?;
    Ok((sums.iter().sum(), events))
}
