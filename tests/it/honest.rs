//! Honest counts: who is who across processes and midnights, what of the member's own is left out, what is forgotten when,
//! and sums that can be had again from the events.

use std::collections::BTreeMap;
use std::time::Duration;

use contactbar::app::App;
use contactbar::clock::{Clock, DAY, HOUR, MINUTE};
use contactbar::db::{self, Conn};
use contactbar::ids::{BarId, EventId};
use contactbar::secrets::Random;
use contactbar::tracking::{Dimension, DropReason, PurgeEvents, Rerolled, Whose};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use futures_util::future::{join, join_all, join3};
use poem::EndpointExt;
use poem::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::countries::{country, database};
use crate::support::{Answer, Client, TestApp};
use crate::tracking::{FIREFOX, PASSWORD, Stage, another_process, rows, run_writer, sql};

/// Another process whose clock is its own.
fn process_at(app: &TestApp, clock: &Clock) -> (App, Client) {
    let other = App::build(app.database.config(&[]), clock.clone(), Random::seeded(78)).unwrap();
    let client = Client::of(other.router().map_to_response().boxed());
    (other, client)
}

async fn beacon(client: &Client, event: &Value) -> Answer {
    beacon_from(client, event, "192.0.2.1:1", FIREFOX).await
}

async fn beacon_from(client: &Client, event: &Value, peer: &str, user_agent: &str) -> Answer {
    let call = client
        .call(Method::POST, "/e")
        .header("content-type", "text/plain");
    let call = call.header("user-agent", user_agent).peer_at(peer);
    let answer = call.body(event.to_string()).send().await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    answer
}

fn dropped(answer: &Answer) -> &str {
    answer.header("x-contactbar-dropped")
}

/// All roll-ups, as text, in order.
async fn roll_ups(app: &App) -> Vec<String> {
    app.tracking.catch_up().await.unwrap();
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        line: String,
    }
    let parts = |table: &str, bucket: &str| {
        format!(
            "SELECT '{table} ' || dimension || ' ' || {bucket} || ' ' || value || ' ' || views || ' ' || visitors || ' ' || \
             clicks || ' ' || closes || ' ' || submissions || ' ' || member.name || ' ' || bar.key AS line FROM {table} c \
             JOIN members member ON member.id = c.member_id JOIN bars bar ON bar.id = c.bar_id"
        )
    };
    let statement = format!(
        "{} UNION ALL {}",
        parts("hourly_counts", "hour"),
        parts("daily_counts", "day")
    );
    let load = move |conn: &mut Conn| {
        let lines: Vec<Line> = contactbar::both!(conn, |c| diesel::sql_query(statement).load(c)?);
        Ok::<_, db::Error>(lines)
    };
    let mut lines: Vec<String> = app
        .db
        .read(load)
        .await
        .unwrap()
        .into_iter()
        .map(|line| line.line)
        .collect();
    lines.sort();
    lines
}

/// Days of different events of two bars.
async fn busy_days(stage: &Stage, days: u32) -> Stage {
    let second = stage.neighbour().await;
    let random = Random::seeded(7);
    let pick = |from: &[&str]| from[random.below(u32::try_from(from.len()).unwrap()) as usize].to_owned();
    for _ in 0..days {
        for _ in 0..6 {
            let batch: Vec<Value> = (0..8)
                .map(|_| {
                    let mut event = [stage, &second][random.below(2) as usize]
                        .event(&pick(&["view", "view", "click", "close", "submit"]));
                    event["u"] = json!(format!(
                        "https://{}/{}?utm_source={}",
                        pick(&["a.example", "b.example"]),
                        random.below(5),
                        pick(&["", "news"])
                    ));
                    event["r"] = json!(pick(&["", "https://x.example/"]));
                    event["l"] = json!(pick(&["de", ""]));
                    event
                })
                .collect();
            beacon_from(
                &stage.app.client(),
                &json!(batch),
                &format!("192.0.2.{}:1", random.below(5)),
                FIREFOX,
            )
            .await;
            stage.app.clock.advance(HOUR * 4);
        }
    }
    stage.app.tracking.catch_up().await.unwrap();
    second
}

both_databases! {
    /// Visitors are who they are whichever process they meet, and the first two that need the day's salt make one.
    async fn processes_that_make_the_salt_at_once_make_one(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (other, client) = another_process(&app, &[]);
        let _writer = run_writer(&other);
        for day in 1..4 {
            let (first, second) = (stage.event("view"), stage.event("click"));
            let own = app.client();
            join(beacon(&own, &first), beacon(&client, &second)).await;
            let again: Vec<Value> = (0..6).map(|_| stage.event("view")).collect();
            join_all(again.iter().enumerate().map(|(n, event)| beacon([&own, &client][n % 2], event))).await;
            assert_eq!(rows(&app, "visitor_salts").await, day);
            assert_eq!(stage.counts().await.visitors, day);
            app.clock.advance(DAY);
        }
    }

    async fn a_visitor_is_the_same_after_a_restart(app: TestApp) {
        let stage = Stage::new(&app).await;
        beacon(&app.client(), &stage.event("view")).await;
        for _ in 0..2 {
            let (restarted, client) = another_process(&app, &[]);
            let _writer = run_writer(&restarted);
            beacon(&client, &stage.event("view")).await;
        }
        let counts = stage.counts().await;
        assert_eq!((counts.views, counts.visitors), (3, 1));
    }

    /// One process is behind: until its own midnight it counts to the day before, with that day's salt.
    async fn around_midnight_a_visitor_counts_once_in_each_day_of_either_clock(app: TestApp) {
        let stage = Stage::new(&app).await;
        let behind = Clock::frozen("2026-11-22T23:58:00Z".parse().unwrap());
        let (other, client) = process_at(&app, &behind);
        let _writer = run_writer(&other);
        beacon(&client, &stage.event("view")).await;
        app.clock.advance(HOUR * 14 + MINUTE);
        beacon(&app.client(), &stage.event("view")).await;
        beacon(&client, &stage.event("view")).await;
        beacon(&app.client(), &stage.event("view")).await;
        assert_eq!((stage.counts().await.visitors, rows(&app, "visitor_salts").await), (2, 2));
        behind.advance(MINUTE * 3);
        beacon(&client, &stage.event("view")).await;
        assert_eq!((stage.counts().await.visitors, rows(&app, "visitor_salts").await), (2, 2));
    }

    async fn a_salt_that_was_destroyed_is_used_no_longer_than_a_minute(app: TestApp) {
        let stage = Stage::new(&app).await;
        beacon(&app.client(), &stage.event("view")).await;
        sql(&app, "DELETE FROM visitor_salts").await;
        app.clock.advance(Duration::from_secs(59));
        beacon(&app.client(), &stage.event("view")).await;
        assert_eq!((stage.counts().await.visitors, rows(&app, "visitor_salts").await), (1, 0));
        app.clock.advance(Duration::from_secs(1));
        beacon(&app.client(), &stage.event("view")).await;
        assert_eq!((stage.counts().await.visitors, rows(&app, "visitor_salts").await), (2, 1));
    }

    async fn a_process_to_which_nothing_comes_forgets_the_salt(app: TestApp) {
        let stage = Stage::new(&app).await;
        beacon(&app.client(), &stage.event("view")).await;
        let own = &app.surroundings.own;
        own.forget_stale();
        assert!(own.salts().is_remembering());
        app.clock.advance(MINUTE);
        own.forget_stale();
        assert!(!own.salts().is_remembering());
    }
}

both_databases! {
    async fn damaged_sums_are_counted_again_from_the_events(app: TestApp) {
        let stage = Stage::new(&app).await;
        let second = busy_days(&stage, 3).await;
        let right = roll_ups(&app).await;
        sql(&app, "UPDATE hourly_counts SET views = views + 7, visitors = 0 WHERE dimension <> 'page'; \
            DELETE FROM hourly_counts WHERE dimension = 'site'; DELETE FROM daily_counts WHERE dimension = 'total'; \
            UPDATE daily_counts SET value = 'nonsense' WHERE dimension = 'browser'").await;
        assert_ne!(roll_ups(&app).await, right);
        assert_eq!(app.tracking.enqueue_reroll(Whose::Bar(stage.key.parse().unwrap()), None, None).await.unwrap(), 1);
        app.run_jobs().await;
        let of = |key: &str, lines: &[String]| lines.iter().filter(|line| line.ends_with(key)).cloned().collect::<Vec<_>>();
        let half = roll_ups(&app).await;
        assert_eq!(of(&stage.key, &half), of(&stage.key, &right));
        assert_ne!(of(&second.key, &half), of(&second.key, &right));
        for _ in 0..2 {
            assert_eq!(app.tracking.enqueue_reroll(Whose::Member(stage.member), None, None).await.unwrap(), 2);
            app.run_jobs().await;
            assert_eq!(roll_ups(&app).await, right);
        }
    }

    async fn only_the_days_that_are_asked_for_are_counted_again(app: TestApp) {
        let stage = Stage::new(&app).await;
        busy_days(&stage, 3).await;
        sql(&app, "UPDATE daily_counts SET views = views + 1000").await;
        let day = app.clock.now().day();
        app.tracking.enqueue_reroll(Whose::Everybody, Some(day - 2), Some(day - 2)).await.unwrap();
        app.run_jobs().await;
        let wrong: std::collections::BTreeSet<i64> = {
            #[derive(QueryableByName)]
            struct Day { #[diesel(sql_type = Integer)] day: i32 }
            let load = |conn: &mut Conn| {
                let query = diesel::sql_query("SELECT DISTINCT day FROM daily_counts WHERE views >= 1000");
                let days: Vec<Day> = contactbar::both!(conn, |c| query.load(c)?);
                Ok::<_, db::Error>(days)
            };
            app.db.read(load).await.unwrap().into_iter().map(|row| i64::from(day - row.day)).collect()
        };
        assert_eq!(wrong, [0, 1, 3].into());
    }

    async fn days_that_lack_events_are_left_alone(app: TestApp) {
        let stage = Stage::new(&app).await;
        busy_days(&stage, 4).await;
        sql(&app, "UPDATE members SET event_retention_days = 2").await;
        app.jobs.enqueue_due_schedules().await.unwrap();
        app.run_jobs().await;
        let right = roll_ups(&app).await;
        sql(&app, "UPDATE daily_counts SET closes = closes + 1000").await;
        app.tracking.enqueue_reroll(Whose::Everybody, None, None).await.unwrap();
        app.run_jobs().await;
        let day = app.clock.now().day();
        let damaged = |lines: &[String], of: i32| lines.iter().filter(|line| line.starts_with("daily_counts total") && line.contains(&format!(" {of} "))).cloned().collect::<Vec<_>>();
        let now = roll_ups(&app).await;
        for kept in [day, day - 1] {
            assert_eq!(damaged(&now, kept), damaged(&right, kept));
        }
        for gone in [day - 2, day - 3, day - 4] {
            assert_ne!(damaged(&now, gone), damaged(&right, gone), "{}", day - gone);
            let left = app.tracking.reroll_day(stage.member, stage.bar, gone).await.unwrap();
            assert_eq!(left, Rerolled::NotKept);
        }
    }

    /// Beacons come by two processes while their day is counted again and again: nothing is lost, nothing doubled.
    async fn what_comes_meanwhile_is_counted_once(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (other, client) = another_process(&app, &[]);
        let _writer = run_writer(&other);
        let (own, day) = (app.client(), app.clock.now().day());
        let events: Vec<Value> = (0..120).map(|n| {
            let mut event = stage.event(["view", "click"][n % 2]);
            event["u"] = json!(format!("https://shop.example/{}", n % 7));
            event
        }).collect();
        let send = async {
            for (place, chunk) in events.chunks(6).enumerate() {
                join_all(chunk.iter().enumerate().map(|(n, event)| {
                    let peer = format!("192.0.2.{}:1", (place + n) % 5);
                    let caller = [&own, &client][n % 2];
                    async move { beacon_from(caller, event, &peer, FIREFOX).await }
                })).await;
            }
        };
        let reroll = async {
            for _ in 0..25 {
                assert_eq!(app.tracking.reroll_day(stage.member, stage.bar, day).await.unwrap(), Rerolled::Done);
            }
        };
        // Both processes fold what has arrived, while it is counted again.
        let fold = async {
            for n in 0..40 {
                [&app.tracking, &other.tracking][n % 2].catch_up().await.unwrap();
            }
        };
        join3(send, reroll, fold).await;
        let found = roll_ups(&app).await;
        let counts = stage.counts().await;
        assert_eq!((counts.views, counts.clicks, counts.visitors), (60, 60, 5));
        app.tracking.reroll_day(stage.member, stage.bar, day).await.unwrap();
        assert_eq!(roll_ups(&app).await, found);
    }

    /// Of a flood of pages the largest stand by themselves, the same ones each time; what comes after adds to what is there.
    async fn the_tail_is_the_smallest_however_often_it_is_counted_again(app: TestApp) {
        let stage = Stage::new(&app).await;
        let view = |n: usize| {
            let mut event = stage.event("view");
            event["u"] = json!(format!("https://shop.example/{n:03}"));
            event
        };
        let pages: Vec<usize> = (0..520).chain((500..520).flat_map(|n| [n, n])).collect();
        for chunk in pages.chunks(32) {
            let events: Vec<Value> = chunk.iter().map(|n| view(*n)).collect();
            stage.send(&json!(events)).await;
        }
        let by_page = async || stage.by(Dimension::Page).await.into_iter().collect::<BTreeMap<_, _>>();
        let day = app.clock.now().day();
        app.tracking.catch_up().await.unwrap();
        let first = {
            app.tracking.reroll_day(stage.member, stage.bar, day).await.unwrap();
            roll_ups(&app).await
        };
        app.tracking.reroll_day(stage.member, stage.bar, day).await.unwrap();
        assert_eq!(roll_ups(&app).await, first);
        let pages = by_page().await;
        assert_eq!((pages.len(), pages.get("shop.example/519"), pages.get("shop.example/479"), pages.get("shop.example/480")), (500, Some(&3), Some(&1), None));
        stage.send(&view(519)).await;
        assert_eq!(stage.counts().await.views, 561);
    }
}

both_databases! {
    async fn a_purge_goes_in_bounded_batches_and_keeps_the_sums(app: TestApp) {
        let stage = Stage::new(&app).await;
        stage.send(&stage.event("view")).await;
        let before = roll_ups(&app).await;
        // As many more as two batches hold, all alike.
        let random = Random::seeded(3);
        let ids: Vec<EventId> = (0..PurgeEvents::BATCH * 2).map(|_| EventId::new(&app.clock, &random)).collect();
        app.db.write(move |tx| {
            for id in ids {
                let copy = diesel::sql_query(
                    "INSERT INTO events (member_id, bar_id, event_id, kind, received_at, visitor, variant, host, path, referrer_host, \
                     browser, browser_version, system, device, language, first_of_day) SELECT member_id, bar_id, $1, kind, received_at, \
                     visitor, variant, host, path, referrer_host, browser, browser_version, system, device, language, first_of_day \
                     FROM events LIMIT 1",
                ).bind::<contactbar::db::types::Uid, _>(id);
                contactbar::both!(tx, |c| copy.execute(c)?);
            }
            Ok::<_, db::Error>(())
        }).await.unwrap();
        let purge = PurgeEvents { db: app.db.clone(), clock: app.clock.clone(), retention_days: 30, plans: contactbar::plans::Plans { sold: false } };
        let first = BarId::from_uuid(Uuid::nil());
        app.clock.advance(DAY * 30);
        assert!(purge.overdue(first).await.unwrap().is_empty());
        app.clock.advance(DAY);
        let overdue = purge.overdue(first).await.unwrap();
        assert_eq!(overdue.iter().map(|bar| bar.bar_id).collect::<Vec<_>>(), [stage.bar]);
        assert!(purge.overdue(stage.bar).await.unwrap().is_empty());
        let mut batches = Vec::new();
        for _ in 0..4 {
            batches.push(purge.delete_batch(overdue[0]).await.unwrap());
        }
        assert_eq!(batches, [2000, 2000, 1, 0]);
        assert_eq!((rows(&app, "events").await, roll_ups(&app).await), (0, before));
    }

    /// A plan may keep a member's events longer, or less long, than the setting says.
    async fn a_member_may_have_a_retention_of_its_own(app: TestApp) {
        let (short, usual) = (Stage::new(&app).await, Stage::new(&app).await);
        let member = *short.member.uuid();
        app.db.write(move |tx| {
            let set = diesel::sql_query("UPDATE members SET event_retention_days = 7 WHERE id = $1")
                .bind::<contactbar::db::types::Uid, _>(contactbar::ids::MemberId::from_uuid(member));
            contactbar::both!(tx, |c| set.execute(c)?);
            Ok::<_, db::Error>(())
        }).await.unwrap();
        for stage in [&short, &usual] {
            stage.send(&stage.event("view")).await;
        }
        app.clock.advance(DAY * 8);
        app.jobs.enqueue_due_schedules().await.unwrap();
        app.run_jobs().await;
        #[derive(QueryableByName)]
        struct Left { #[diesel(sql_type = BigInt)] n: i64 }
        let of = async |bar: BarId| {
            let load = move |conn: &mut Conn| {
                let query = diesel::sql_query("SELECT count(*) AS n FROM events WHERE bar_id = $1").bind::<contactbar::db::types::Uid, _>(bar);
                let left: Left = contactbar::both!(conn, |c| query.get_result(c)?);
                Ok::<_, db::Error>(left.n)
            };
            app.db.read(load).await.unwrap()
        };
        assert_eq!((of(short.bar).await, of(usual.bar).await), (0, 1));
        assert_eq!((short.counts().await.views, usual.counts().await.views), (1, 1));
    }
}

/// The owner, logged in with this browser.
async fn owner(stage: &Stage) -> Client {
    let client = stage.app.client();
    let credentials = json!({ "email": stage.email, "password": PASSWORD });
    client.post("/api/v1/session", credentials).await.expect(201);
    client
}

async fn at_work(client: &Client, peer: &str, user_agent: &str) {
    let call = client
        .call(Method::GET, "/api/v1/session")
        .header("user-agent", user_agent);
    call.peer_at(peer).send().await.expect(200);
}

both_databases! {
    async fn visits_from_own_addresses_are_not_counted_if_wished(app: TestApp) {
        let stage = Stage::new(&app).await;
        let owner = owner(&stage).await;
        let path = format!("/api/v1/members/{}/own-visits", stage.member);
        let wishes = owner.get(&path).await.expect(200);
        assert_eq!(wishes, json!({ "addresses": [], "users": false, "your_address": "127.0.0.1" }));
        let wrong = json!({ "addresses": ["192.0.2.0/24", "office", "0.0.0.0/0"], "users": false });
        assert_eq!(owner.put(&path, wrong).await.problem(422), [
            "addresses[1]: is neither an address such as 192.0.2.7 nor a network such as 192.0.2.0/24 or 2001:db8::/48",
            "addresses[2]: is too wide: at most a /8 of IPv4, or a /16 of IPv6",
        ]);
        let new = json!({ "addresses": ["192.0.2.7/24", "192.0.2.0/24", "2001:db8::1"], "users": false });
        let wishes = owner.put(&path, new).await.expect(200);
        assert_eq!(wishes["addresses"], json!(["192.0.2.0/24", "2001:db8::1"]));
        let visitor = app.client();
        for own in ["192.0.2.200:1", "[2001:db8::1]:1"] {
            assert_eq!(dropped(&beacon_from(&visitor, &stage.event("view"), own, FIREFOX).await), "own_address=1");
        }
        for other in ["192.0.3.1:1", "[2001:db8::2]:1"] {
            assert_eq!(dropped(&beacon_from(&visitor, &stage.event("view"), other, FIREFOX).await), "");
        }
        assert_eq!((stage.counts().await.views, stage.drops().await), (2, BTreeMap::from([(DropReason::OwnAddress, 2)])));
        let entries = owner.get("/api/v1/audit-log").await.expect(200).to_string();
        assert!(entries.contains("own_visits.changed") && !entries.contains("192.0.2"), "{entries}");
    }

    async fn visits_in_the_browsers_of_the_team_are_not_counted_if_wished(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (owner, visitor) = (owner(&stage).await, app.client());
        let (office, safari) = ("198.51.100.7:1", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15");
        let path = format!("/api/v1/members/{}/own-visits", stage.member);
        at_work(&owner, office, FIREFOX).await;
        assert_eq!(dropped(&beacon_from(&visitor, &stage.event("view"), office, FIREFOX).await), "");
        assert_eq!(rows(&app, "own_browsers").await, 0, "who does not wish it is not remembered");
        owner.put(&path, json!({ "addresses": [], "users": true })).await.expect(200);
        at_work(&owner, office, FIREFOX).await;
        // Another process sees it too.
        let (other, elsewhere) = another_process(&app, &[]);
        let _writer = run_writer(&other);
        for client in [&visitor, &elsewhere] {
            assert_eq!(dropped(&beacon_from(client, &stage.event("view"), office, FIREFOX).await), "own_user=1");
            assert_eq!(dropped(&beacon_from(client, &stage.event("view"), office, safari).await), "");
            assert_eq!(dropped(&beacon_from(client, &stage.event("view"), "198.51.100.8:1", FIREFOX).await), "");
        }
        // Nobody else's bars are concerned.
        let stranger = Stage::new(&app).await;
        assert_eq!(dropped(&beacon_from(&visitor, &stranger.event("view"), office, FIREFOX).await), "");
        // The next day it is still known, and two days later it is forgotten.
        app.clock.advance(DAY);
        assert_eq!(dropped(&beacon_from(&visitor, &stage.event("view"), office, FIREFOX).await), "own_user=1");
        app.clock.advance(DAY);
        app.jobs.enqueue_due_schedules().await.unwrap();
        app.run_jobs().await;
        assert_eq!((dropped(&beacon_from(&visitor, &stage.event("view"), office, FIREFOX).await), rows(&app, "own_browsers").await), ("", 0));
        assert_eq!(stage.drops().await, BTreeMap::from([(DropReason::OwnUser, 3)]));
    }

    async fn what_comes_from_data_centers_is_not_counted_if_their_networks_are_known(app: TestApp) {
        let stage = Stage::new(&app).await;
        let file = app.database.folder.path().join("ranges.txt");
        std::fs::write(&file, "# clouds\n203.0.113.0/24\n2001:db8:c::/48\n").unwrap();
        let (other, client) = another_process(&app, &[&format!("--datacenter-ranges={}", file.display())]);
        let _writer = run_writer(&other);
        for (peer, said) in [("203.0.113.9:1", "data_center=1"), ("[2001:db8:c:1::9]:1", "data_center=1"), ("203.0.114.1:1", "")] {
            assert_eq!(dropped(&beacon_from(&client, &stage.event("view"), peer, FIREFOX).await), said, "{peer}");
        }
        assert_eq!(stage.drops().await, BTreeMap::from([(DropReason::DataCenter, 2)]));
        std::fs::write(&file, "203.0.113.0/24\nthe cloud\n").unwrap();
        let broken = app.database.config(&[&format!("--datacenter-ranges={}", file.display())]);
        let fault = App::build(broken, app.clock.clone(), Random::seeded(1)).map(|_| ()).unwrap_err();
        let fault = format!("{fault:#}");
        assert!(fault.starts_with("--datacenter-ranges ") && fault.contains("line 2: \"the cloud\" is no network"), "{fault}");
    }

    async fn countries_are_told_apart_where_a_file_knows_them(app: TestApp) {
        let stage = Stage::new(&app).await;
        let reader = stage.program(contactbar::accounts::Scope::StatsRead).await;
        stage.send(&stage.event("view")).await;
        let stats = reader.get(&stage.path("stats")).await.expect(200);
        assert!(!stats["dimensions"].as_array().unwrap().contains(&json!("country")));
        assert_eq!(stage.by(Dimension::Country).await, []);
        let file = app.database.folder.path().join("countries.mmdb");
        let entries = [(5_u8, &[("country", country("DE"))][..]), (6, &[("country", country("AT"))])];
        std::fs::write(&file, database("Test-Country", &entries)).unwrap();
        let (other, client) = another_process(&app, &[&format!("--country-database={}", file.display())]);
        let _writer = run_writer(&other);
        for peer in ["5.1.2.3:1", "5.9.9.9:1", "6.1.2.3:1", "7.1.2.3:1"] {
            beacon_from(&client, &stage.event("view"), peer, FIREFOX).await;
        }
        let expected = [("DE".to_owned(), 2), (String::new(), 1), ("AT".to_owned(), 1)];
        assert_eq!(stage.by(Dimension::Country).await, expected);
        let stats = reader.get(&stage.path("stats?country=DE")).await.expect(200);
        assert_eq!(stats["totals"]["views"], 2);
        assert!(stats["dimensions"].as_array().unwrap().contains(&json!("country")));
        let both = reader.get(&stage.path("stats/breakdown?by=country&device=desktop")).await.expect(200);
        let values: Vec<&str> = both["items"].as_array().unwrap().iter().map(|item| item["value"].as_str().unwrap()).collect();
        assert_eq!(values, ["DE", "", "AT"]);
        let unknown = reader.get(&stage.path("stats?country=&device=desktop")).await.expect(200);
        assert_eq!(unknown["totals"]["views"], 1);
        let right = roll_ups(&app).await;
        app.tracking.reroll_day(stage.member, stage.bar, app.clock.now().day()).await.unwrap();
        assert_eq!(roll_ups(&app).await, right);
        let missing = app.database.config(&["--country-database=/nowhere/at/all"]);
        let fault = App::build(missing, app.clock.clone(), Random::seeded(1)).map(|_| ()).unwrap_err();
        assert!(format!("{fault:#}").starts_with("--country-database /nowhere/at/all: can't be read"), "{fault:#}");
    }

    /// Sites are of all days: a flood of hosts stays bounded, day after day and after a restart.
    async fn hosts_without_end_are_bounded(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (other, client) = another_process(&app, &[]);
        let _writer = run_writer(&other);
        for (caller, day) in [(app.client(), 0), (client, 1)] {
            for chunk in 0..36 {
                let events: Vec<Value> = (0..32).map(|n| {
                    let mut event = stage.event("view");
                    event["u"] = json!(format!("https://h{day}-{chunk}-{n}.example/"));
                    event
                }).collect();
                beacon(&caller, &json!(events)).await;
            }
            app.clock.advance(DAY);
        }
        assert_eq!(rows(&app, "sites").await, 2001);
        let all: i64 = app.tracking.sites(stage.member, stage.bar, None, 3000).await.unwrap().sites.iter().map(|site| site.views).sum();
        assert_eq!((all, stage.counts().await.views), (2304, 2304));
    }
}
