//! Counting: what arrives is counted once, or named; what is acknowledged is committed; sums are the events' sums.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use contactbar::accounts::api_tokens::NewApiToken;
use contactbar::accounts::{Access, NewPassword, Principal, Role, Scope, SignedIn};
use contactbar::app::App;
use contactbar::audit::Actor;
use contactbar::bars::configuration::{Configuration, GoalKind};
use contactbar::bars::{Bar, NewBar, Note, Settings};
use contactbar::clock::{DAY, HOUR, Timestamp};
use contactbar::db::{self, Conn, schema};
use contactbar::ids::{BarId, EventId, MemberId, SessionId, UserId};
use contactbar::mail::{EmailAddress, Language};
use contactbar::secrets::Random;
use contactbar::tracking::{
    Counts, Dimension, DropReason, Filters, Interval, Period, Post, RankBy, Ranking, SubmitEvent, Visit,
    forget_bar,
};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use futures_util::future::join_all;
use jiff::tz::TimeZone;
use poem::EndpointExt;
use poem::http::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Answer, Call, Client, START, TestApp};

pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

pub const PASSWORD: &str = "seven quiet herons wade";

/// A member with a published bar.
#[derive(Clone)]
pub struct Stage {
    pub app: TestApp,
    pub user: UserId,
    pub member: MemberId,
    pub bar: BarId,
    pub key: String,
    /// Of the member's owner, who has [`PASSWORD`].
    pub email: String,
}

impl Stage {
    pub async fn new(app: &TestApp) -> Self {
        Self::with(app, |_| {}, &[]).await
    }

    pub async fn with(app: &TestApp, change: impl FnOnce(&mut Configuration), hosts: &[&str]) -> Self {
        app.migrate().await.unwrap(); // posts the policies that one registers under
        let name = EventId::new(&app.clock, &app.random).to_string();
        let email: EmailAddress = format!("{name}@shop.example").parse().unwrap();
        let password = NewPassword::parse(PASSWORD.to_owned(), None).unwrap();
        let opened = app
            .accounts
            .open_account(email, password, "Shop".parse().unwrap(), Language::En)
            .await;
        let (user, member) = opened.unwrap();
        app.run_jobs().await;
        app.mailbox.take(); // welcome
        let bar = Self::publish(app, member, change, hosts).await;
        Self {
            app: app.clone(),
            user,
            member,
            bar: bar.id,
            key: bar.key.to_string(),
            email: format!("{name}@shop.example"),
        }
    }

    pub async fn publish(
        app: &TestApp,
        member: MemberId,
        change: impl FnOnce(&mut Configuration),
        hosts: &[&str],
    ) -> Bar {
        let mut configuration = Configuration::starter(GoalKind::Link, "en");
        change(&mut configuration);
        let new = NewBar {
            name: "Bar".parse().unwrap(),
            configuration,
            allowed_hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            settings: Settings::default(),
        };
        let bar = app.bars.create(member, Actor::System, new).await.unwrap();
        app.bars
            .publish(member, Actor::System, bar.id, None, Note::default())
            .await
            .unwrap()
            .unwrap()
    }

    /// Another bar of the same member.
    pub async fn neighbour(&self) -> Self {
        let bar = Self::publish(&self.app, self.member, |_| {}, &[]).await;
        Self {
            bar: bar.id,
            key: bar.key.to_string(),
            ..self.clone()
        }
    }

    pub fn event(&self, kind: &str) -> Value {
        let id = EventId::new(&self.app.clock, &self.app.random)
            .uuid()
            .simple()
            .to_string();
        json!({ "b": self.key, "i": id, "k": kind, "v": "a", "u": "https://shop.example/pricing" })
    }

    pub fn call(&self) -> Call {
        self.app
            .client()
            .call(Method::POST, "/e")
            .header("content-type", "text/plain")
            .header("user-agent", FIREFOX)
    }

    pub async fn send(&self, events: &Value) -> Answer {
        self.call().body(events.to_string()).send().await
    }

    pub fn period(&self) -> Period {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        self.app.tracking.period(Some("2026-11-01"), None, zone).unwrap()
    }

    pub async fn counts(&self) -> Counts {
        self.app
            .tracking
            .totals(self.member, self.bar, self.period(), Filters::default())
            .await
            .unwrap()
            .counts
    }

    pub async fn drops(&self) -> BTreeMap<DropReason, i64> {
        let drops = self
            .app
            .tracking
            .drops(self.member, self.bar, self.period())
            .await
            .unwrap();
        drops
            .into_iter()
            .map(|drop| (drop.reason, drop.dropped))
            .collect()
    }

    pub async fn by(&self, by: Dimension) -> Vec<(String, i64)> {
        let ranking = Ranking {
            by: RankBy::Views,
            limit: 1000,
        };
        let breakdown = self
            .app
            .tracking
            .breakdown(
                self.member,
                self.bar,
                self.period(),
                by,
                ranking,
                Filters::default(),
            )
            .await
            .unwrap();
        breakdown
            .values
            .into_iter()
            .map(|(value, counts)| (value, counts.views))
            .collect()
    }
}

impl Stage {
    /// A program of the member's with this scope.
    pub async fn program(&self, scope: Scope) -> Client {
        let session = SessionId::new(&self.app.clock, &self.app.random);
        let membership = Some((self.member, Role::Owner));
        let access = Access {
            member: self.member,
            user: Some(self.user),
            role: Some(Role::Owner),
            principal: Principal::User(SignedIn {
                user: self.user,
                session,
                membership,
            }),
        };
        let new = NewApiToken {
            name: "test".parse().unwrap(),
            scopes: BTreeSet::from([scope]),
            expires_at: None,
        };
        let (_, token) = self.app.accounts.create_token(&access, new).await.unwrap();
        self.app.run_jobs().await;
        self.app.mailbox.take(); // that a token was made
        self.app.client().with_token(token.reveal())
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/bars/{}/{rest}", self.bar)
    }
}

fn views(views: i64, visitors: i64) -> Counts {
    Counts {
        views,
        visitors,
        ..Counts::default()
    }
}

pub async fn rows(app: &App, table: &'static str) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }
    if !table.starts_with("event_journal") {
        app.tracking.catch_up().await.unwrap();
    }
    let count = move |conn: &mut Conn| {
        Ok::<_, db::Error>(
            diesel::sql_query(format!("SELECT count(*) AS n FROM {table}"))
                .get_result::<Count>(conn)?
                .n,
        )
    };
    app.db.read(count).await.unwrap()
}

pub async fn sql(app: &App, statement: &'static str) {
    app.db
        .write(move |tx| Ok::<_, db::Error>(tx.batch_execute(statement)?))
        .await
        .unwrap();
}

fn poll<T>(future: &mut Pin<&mut impl Future<Output = T>>) -> bool {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}

/// The same service in another process: its own queue and caches on the same database. Its writer is not running.
pub fn another_process(app: &TestApp, settings: &[&str]) -> (App, Client) {
    let clock = app.clock.clone();
    let other = App::build(app.database.config(settings), clock, Random::seeded(77)).unwrap();
    let client = Client::of(other.router().map_to_response().boxed());
    (other, client)
}

pub fn run_writer(app: &App) -> tokio::task::JoinHandle<()> {
    let tracking = app.tracking.clone();
    tokio::spawn(async move { tracking.run_writer(CancellationToken::new()).await })
}

both_databases! {
    async fn the_service_counts_what_it_stored_and_what_it_dropped(app: TestApp) {
        let stage = Stage::new(&app).await;
        let view = stage.event("view");
        let unknown = json!({ "b": "0000000000", "i": "0".repeat(32), "k": "view", "v": "a", "u": "https://shop.example/" });
        stage.send(&json!([view, stage.event("click"), view])).await;
        stage.send(&unknown).await;
        app.tracking.catch_up().await.unwrap();
        let text = app.metrics.text();
        let told: Vec<&str> = text.lines().filter(|line| line.starts_with("contactbar_events")).collect();
        for line in [
            "contactbar_events_total{kind=\"view\"} 1",
            "contactbar_events_total{kind=\"click\"} 1",
            "contactbar_events_dropped_total{reason=\"unknown_bar\"} 1",
        ] {
            assert!(told.contains(&line), "{line} is not among {told:?}");
        }
    }
}

both_databases! {
    async fn a_view_is_counted_when_it_is_acknowledged(app: TestApp) {
        let stage = Stage::new(&app).await;
        let mut event = stage.event("view");
        event["u"] = json!("https://shop.example/pricing?utm_source=news&secret=1#x");
        event["r"] = json!("https://search.example/?q=bars");
        event["l"] = json!("de-AT");
        let answer = stage.send(&event).await;
        assert_eq!((answer.status, answer.text(), answer.header("x-contactbar-dropped")), (204, "", ""));
        assert_eq!((answer.header("cache-control"), answer.header("access-control-allow-origin")), ("no-store", "*"));
        assert_eq!(stage.counts().await, views(1, 1));
        for (by, value) in [
            (Dimension::Variant, "a"),
            (Dimension::Page, "shop.example/pricing"),
            (Dimension::Site, "shop.example"),
            (Dimension::Referrer, "search.example"),
            (Dimension::Browser, "Firefox"),
            (Dimension::System, "Linux"),
            (Dimension::Device, "desktop"),
            (Dimension::Language, "de"),
            (Dimension::UtmSource, "news"),
        ] {
            assert_eq!(stage.by(by).await, [(value.to_owned(), 1)], "{by:?}");
        }
        let site = &app.tracking.sites(stage.member, stage.bar, None, 10).await.unwrap().sites[0];
        assert_eq!((site.host.as_str(), site.views, site.first_seen_at), ("shop.example", 1, app.clock.now()));
    }

    async fn a_visitor_counts_once_a_day_under_their_first_event(app: TestApp) {
        let stage = Stage::new(&app).await;
        stage.send(&json!([stage.event("view"), stage.event("click")])).await;
        app.clock.advance(HOUR);
        stage.send(&stage.event("view")).await;
        stage.call().peer_at("198.51.100.7:1").body(stage.event("view").to_string()).send().await;
        let counts = stage.counts().await;
        assert_eq!((counts.views, counts.clicks, counts.visitors), (3, 1, 2));
        app.clock.advance(DAY);
        stage.send(&stage.event("view")).await;
        assert_eq!(stage.counts().await.visitors, 3);
        let series = app.tracking.series(stage.member, stage.bar, stage.period(), Interval::Hour, Filters::default()).await.unwrap();
        let first = series.points.iter().find(|point| point.start.at == "2026-11-22T10:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(first.counts, Counts { views: 1, visitors: 1, clicks: 1, ..Counts::default() });
    }

    /// Promise 13. Promise 44: GPC and DNT count as opted out.
    async fn what_is_not_counted_is_named_and_counted_apart(app: TestApp) {
        let stage = Stage::with(&app, |_| {}, &["shop.example", "*.shop.example"]).await;
        let dropped = |answer: Answer| {
            assert_eq!(answer.status, 204);
            answer.header("x-contactbar-dropped").to_owned()
        };
        let body = || stage.event("view").to_string();
        assert_eq!(dropped(stage.call().header("user-agent", "curl/8.5").body(body()).send().await), "bot=1");
        assert_eq!(dropped(stage.call().header("sec-gpc", "1").body(body()).send().await), "opted_out=1");
        assert_eq!(dropped(stage.call().header("dnt", "1").body(body()).send().await), "opted_out=1");
        assert_eq!(dropped(stage.call().header("sec-purpose", "prefetch;prerender").body(body()).send().await), "prefetch=1");
        let mut webdriver = stage.event("view");
        webdriver["w"] = json!(true);
        let mut elsewhere = stage.event("view");
        elsewhere["u"] = json!("https://evil.example/");
        let mut variant = stage.event("view");
        variant["v"] = json!("zz");
        let mut unknown = stage.event("view");
        unknown["b"] = json!("0000000000");
        let mixed = json!([stage.event("view"), webdriver, elsewhere, variant, unknown]);
        assert_eq!(
            dropped(stage.send(&mixed).await),
            "unknown_bar=1, webdriver=1, host_not_allowed=1, unknown_variant=1"
        );
        app.bars.pause(stage.member, Actor::System, stage.bar).await.unwrap();
        assert_eq!(dropped(stage.send(&stage.event("view")).await), "paused=1");
        assert_eq!(stage.counts().await, views(1, 1));
        let expected = [
            (DropReason::Paused, 1),
            (DropReason::OptedOut, 2),
            (DropReason::Prefetch, 1),
            (DropReason::Webdriver, 1),
            (DropReason::Bot, 1),
            (DropReason::HostNotAllowed, 1),
            (DropReason::UnknownVariant, 1),
        ];
        assert_eq!(stage.drops().await, BTreeMap::from(expected));
    }

    async fn signals_that_a_bar_does_not_respect_are_no_reason(app: TestApp) {
        let stage = Stage::with(&app, |c| { c.privacy.respect_gpc = false; c.privacy.respect_dnt = false; }, &[]).await;
        let answer = stage.call().header("sec-gpc", "1").header("dnt", "1").body(stage.event("view").to_string()).send().await;
        assert_eq!((answer.status, answer.header("x-contactbar-dropped")), (204, ""));
        assert_eq!(stage.counts().await.views, 1);
    }

    async fn an_event_sent_again_counts_once(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (event, twin) = (stage.event("click"), stage.neighbour().await);
        stage.send(&json!([event, event])).await;
        assert_eq!(stage.send(&event).await.status, 204);
        let (other, client) = another_process(&app, &[]);
        let _writer = run_writer(&other);
        let again = client.call(Method::POST, "/e").header("content-type", "text/plain").header("user-agent", FIREFOX);
        assert_eq!(again.body(event.to_string()).send().await.status, 204);
        let mut of_twin = event.clone();
        of_twin["b"] = json!(twin.key);
        stage.send(&of_twin).await;
        assert_eq!((stage.counts().await.clicks, twin.counts().await.clicks), (1, 1));
    }

    /// Two processes write at once, many events come twice, and every sum is the sum of the events.
    async fn sums_are_the_sums_of_the_events(app: TestApp) {
        let stages = {
            let first = Stage::new(&app).await;
            let second = first.neighbour().await;
            [first, second]
        };
        let (other, client) = another_process(&app, &[]);
        let _writer = run_writer(&other);
        let random = Random::seeded(2026);
        let pick = |from: &[&str]| from[random.below(u32::try_from(from.len()).unwrap()) as usize].to_owned();
        let mut sent: Vec<Value> = Vec::new();
        for _ in 0..12 {
            let mut calls = Vec::new();
            for _ in 0..12 {
                let size = 1 + random.below(4);
                let mut batch = Vec::new();
                for _ in 0..size {
                    let again = !sent.is_empty() && random.below(4) == 0;
                    if again {
                        batch.push(sent[random.below(u32::try_from(sent.len()).unwrap()) as usize].clone());
                        continue;
                    }
                    let mut event = stages[random.below(2) as usize].event(&pick(&["view", "view", "view", "click", "close", "submit"]));
                    event["u"] = json!(format!("https://{}/{}", pick(&["a.example", "b.example"]), random.below(5)));
                    event["r"] = json!(pick(&["", "https://x.example/", "https://y.example/"]));
                    event["l"] = json!(pick(&["de", "en", ""]));
                    sent.push(event.clone());
                    batch.push(event);
                }
                let caller = if random.below(2) == 0 { app.client() } else { client.clone() };
                let call = caller.call(Method::POST, "/e").header("content-type", "text/plain").header("user-agent", FIREFOX);
                let peer = format!("192.0.2.{}:1", random.below(9));
                calls.push(call.peer_at(&peer).body(json!(batch).to_string()).send());
            }
            for answer in join_all(calls).await {
                assert_eq!((answer.status, answer.header("x-contactbar-dropped")), (204, ""), "{}", answer.text());
            }
            app.clock.advance(HOUR * (1 + random.below(5)));
        }
        app.tracking.catch_up().await.unwrap();
        for stage in &stages {
            let ids: std::collections::HashSet<&str> =
                sent.iter().filter(|e| e["b"] == stage.key.as_str()).map(|e| e["i"].as_str().unwrap()).collect();
            let kinds: Vec<(i16, Timestamp)> = {
                let bar = stage.bar;
                let load = move |conn: &mut Conn| {
                    use schema::events::dsl;
                    Ok::<_, db::Error>(dsl::events.filter(dsl::bar_id.eq(bar)).select((dsl::kind, dsl::received_at)).load(conn)?)
                };
                app.db.read(load).await.unwrap()
            };
            assert_eq!(kinds.len(), ids.len());
            let total = stage.counts().await;
            let of = |code| i64::try_from(kinds.iter().filter(|(kind, _)| *kind == code).count()).unwrap();
            assert_eq!((total.views, total.clicks, total.closes, total.submissions), (of(1), of(2), of(3), of(4)));
            for by in Dimension::ALL {
                let ranking = Ranking { by: RankBy::Clicks, limit: 1000 };
                let breakdown = app.tracking.breakdown(stage.member, stage.bar, stage.period(), by, ranking, Filters::default()).await.unwrap();
                if ![Dimension::Country, Dimension::UtmSource, Dimension::UtmMedium, Dimension::UtmCampaign].contains(&by) {
                    assert_eq!((breakdown.total, breakdown.other), (total, Counts::default()), "{by:?}");
                }
            }
            for interval in [Interval::Hour, Interval::Day] {
                let series = app.tracking.series(stage.member, stage.bar, stage.period(), interval, Filters::default()).await.unwrap();
                let mut sum = Counts::default();
                for point in &series.points { sum += point.counts; }
                assert_eq!(sum, total);
            }
            let sites = app.tracking.sites(stage.member, stage.bar, None, 10).await.unwrap().sites;
            assert_eq!(sites.iter().map(|site| site.views).sum::<i64>(), total.views);
            let visitors: i64 = {
                let bar = stage.bar;
                let load = move |conn: &mut Conn| {
                    use schema::daily_visitors::dsl;
                    Ok::<_, db::Error>(dsl::daily_visitors.filter(dsl::bar_id.eq(bar)).count().get_result(conn)?)
                };
                app.db.read(load).await.unwrap()
            };
            assert_eq!(visitors, total.visitors);
        }
    }

    async fn a_form_post_is_counted_with_the_transaction_that_keeps_it(app: TestApp) {
        let stage = Stage::new(&app).await;
        let bar = app.bars.published().find_published(&stage.key.parse().unwrap()).await.unwrap().unwrap();
        let post = |id, opted_out| Post {
            id,
            variant: "a".into(),
            page: "https://shop.example/".parse().unwrap(),
            referrer_host: String::new(),
            language: String::new(),
            shown_ms: Some(9000),
            opted_out,
        };
        let visit = Visit {
            address: "192.0.2.1".parse().unwrap(),
            network: "192.0.2.1".parse().unwrap(),
            user_agent: FIREFOX,
            brands: "",
            platform: "",
            platform_version: "",
            mobile: false,
            accept_language: Some("fr"),
            gpc: false,
            dnt: false,
            prefetch: false,
        };
        let id = app.tracking.event_id();
        let event = app.tracking.prepare_submit(&bar, post(id, false), &visit).await.unwrap();
        let (tracking, undone) = (app.tracking.clone(), event.clone());
        let undone: db::Result<()> = app.db.write(move |tx| {
            tracking.submit(tx, &undone)?;
            Err(db::Error::Unavailable("told to".into()))
        }).await;
        undone.unwrap_err();
        assert_eq!((stage.counts().await, rows(&app, "events").await), (Counts::default(), 0));
        for _ in 0..2 {
            let (tracking, event) = (app.tracking.clone(), event.clone());
            app.db.write(move |tx| tracking.submit(tx, &event)).await.unwrap();
        }
        assert_eq!(stage.counts().await, Counts { submissions: 1, visitors: 1, ..Counts::default() });
        assert_eq!(stage.by(Dimension::Language).await, [("fr".to_owned(), 0)]);
        let silent = app.tracking.prepare_submit(&bar, post(app.tracking.event_id(), true), &visit).await.unwrap();
        assert!(matches!(silent, SubmitEvent::Dropped(_)));
        let tracking = app.tracking.clone();
        app.db.write(move |tx| tracking.submit(tx, &silent)).await.unwrap();
        assert_eq!(stage.drops().await, BTreeMap::from([(DropReason::OptedOut, 1)]));
    }

    async fn malformed_beacons_are_told_what_is_wrong(app: TestApp) {
        let stage = Stage::new(&app).await;
        let mut extra = stage.event("view");
        extra["x"] = json!(1);
        let answer = stage.send(&extra).await;
        answer.problem(400);
        assert!(answer.json()["detail"].as_str().unwrap().starts_with("unknown field `x`"));
        stage.send(&json!([])).await.problem(400);
        stage.send(&json!({ "b": "nope" })).await.problem(400);
        stage.call().body("x".repeat(17 * 1024)).send().await.problem(413);
        stage.call().header("content-type", "application/xml").body("<e/>").send().await.problem(415);
        assert_eq!(rows(&app, "events").await, 0);
    }

    async fn a_pixel_counts_like_a_beacon(app: TestApp) {
        let stage = Stage::new(&app).await;
        let path = format!("/e.gif?b={}&v=a", stage.key);
        let call = app.client().call(Method::GET, &path).header("user-agent", FIREFOX).header("referer", "https://shop.example/x");
        let answer = call.send().await;
        assert_eq!((answer.status, answer.body.len(), answer.header("content-type")), (200, 43, "image/gif"));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(stage.by(Dimension::Page).await, [("shop.example/x".to_owned(), 1)]);
        app.client().get("/e.gif?b=1").await.problem(400);
    }

    async fn a_full_queue_says_when_to_come_back_and_a_stop_drains_it(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (other, client) = another_process(&app, &["--ingest-queue-size=1"]);
        let call = || client.call(Method::POST, "/e").header("content-type", "text/plain").header("user-agent", FIREFOX);
        let mut waiting = pin!(call().body(stage.event("view").to_string()).send());
        while other.tracking.queue_depth().0 == 0 {
            assert!(!poll(&mut waiting), "nothing is acknowledged before it is written");
            tokio::task::yield_now().await;
        }
        let refused = call().body(stage.event("view").to_string()).send().await;
        refused.problem(503);
        assert_eq!(refused.header("retry-after"), "1");
        let stop = CancellationToken::new();
        stop.cancel();
        other.tracking.run_writer(stop).await;
        assert_eq!(waiting.await.status, 204);
        call().body(stage.event("view").to_string()).send().await.problem(503);
        assert_eq!(stage.counts().await.views, 1);
    }

    async fn a_storm_on_one_bar_leaves_room_for_its_neighbours(app: TestApp) {
        let stage = Stage::new(&app).await;
        let calm = stage.neighbour().await;
        let (other, client) = another_process(&app, &["--ingest-queue-size=4"]);
        let call = |stage: &Stage| {
            let call = client.call(Method::POST, "/e").header("content-type", "text/plain");
            call.header("user-agent", FIREFOX).body(stage.event("view").to_string()).send()
        };
        let (mut first, mut second) = (pin!(call(&stage)), pin!(call(&stage)));
        while other.tracking.queue_depth().0 < 2 {
            assert!(!poll(&mut first) && !poll(&mut second));
            tokio::task::yield_now().await;
        }
        call(&stage).await.problem(503);
        let mut neighbour = pin!(call(&calm));
        while other.tracking.queue_depth().0 < 3 {
            assert!(!poll(&mut neighbour));
            tokio::task::yield_now().await;
        }
        let _writer = run_writer(&other);
        for answer in [first.await, second.await, neighbour.await, call(&stage).await] {
            assert_eq!(answer.status, 204);
        }
        assert_eq!((stage.counts().await.views, calm.counts().await.views), (3, 1));
    }

    async fn a_database_in_trouble_acknowledges_nothing_and_recovers(app: TestApp) {
        let stage = Stage::new(&app).await;
        let event = stage.event("view");
        sql(&app, "ALTER TABLE event_journal RENAME TO away").await;
        let refused = stage.send(&event).await;
        refused.problem(503);
        assert!(!refused.header("retry-after").is_empty());
        sql(&app, "ALTER TABLE away RENAME TO event_journal").await;
        assert_eq!(stage.send(&event).await.status, 204);
        assert_eq!(stage.counts().await, views(1, 1));
    }

    async fn what_is_acknowledged_waits_for_as_long_as_it_can_not_be_folded(app: TestApp) {
        let stage = Stage::new(&app).await;
        sql(&app, "ALTER TABLE daily_counts RENAME TO away").await;
        for _ in 0..3 {
            assert_eq!(stage.send(&stage.event("view")).await.status, 204);
            app.tracking.catch_up().await.unwrap_err();
        }
        assert_eq!(rows(&app, "event_journal").await, 3);
        sql(&app, "ALTER TABLE away RENAME TO daily_counts").await;
        assert_eq!((stage.counts().await, rows(&app, "event_journal").await), (views(3, 1), 0));
    }

    async fn an_entry_that_can_not_be_folded_does_not_take_its_neighbours_along(app: TestApp) {
        let stage = Stage::new(&app).await;
        assert_eq!(stage.send(&stage.event("view")).await.status, 204);
        app.db.write(|tx| {
            use schema::event_journal::dsl;
            let garbage = (dsl::format.eq(1_i16), dsl::events.eq(1), dsl::arrivals.eq(b"garbage".as_slice()));
            diesel::insert_into(dsl::event_journal).values(garbage).execute(tx)?;
            Ok::<_, db::Error>(())
        }).await.unwrap();
        assert_eq!(stage.send(&stage.event("view")).await.status, 204);
        assert_eq!(stage.counts().await, views(2, 1));
        app.tracking.catch_up().await.unwrap();
        assert_eq!(rows(&app, "event_journal WHERE format < 0").await, 1, "a human can look at it");
        // The next start tries it again.
        assert_eq!(stage.send(&stage.event("view")).await.status, 204);
        let stop = CancellationToken::new();
        stop.cancel();
        app.tracking.run_folder(stop).await;
        assert_eq!((stage.counts().await, rows(&app, "event_journal WHERE format < 0").await), (views(3, 1), 1));
    }

    async fn what_arrived_for_a_bar_that_has_gone_goes_with_it(app: TestApp) {
        let stage = Stage::new(&app).await;
        let gone = stage.neighbour().await;
        let both = json!([gone.event("view"), stage.event("view")]);
        assert_eq!(stage.send(&both).await.status, 204);
        let bar = gone.bar;
        app.db.write(move |tx| {
            diesel::delete(schema::bar_versions::table.filter(schema::bar_versions::bar_id.eq(bar))).execute(tx)?;
            diesel::delete(schema::bars::table.find(bar)).execute(tx)?;
            Ok::<_, db::Error>(())
        }).await.unwrap();
        assert_eq!(stage.counts().await, views(1, 1));
        assert_eq!((rows(&app, "events").await, rows(&app, "event_journal").await), (1, 0));
    }

    async fn salts_and_visitors_are_forgotten_after_two_days(app: TestApp) {
        let stage = Stage::new(&app).await;
        stage.send(&stage.event("view")).await;
        app.clock.advance(DAY);
        stage.send(&stage.event("view")).await;
        app.jobs.enqueue_due_schedules().await.unwrap();
        app.run_jobs().await;
        assert_eq!((rows(&app, "visitor_salts").await, rows(&app, "daily_visitors").await), (2, 2));
        app.clock.advance(DAY);
        app.jobs.enqueue_due_schedules().await.unwrap();
        app.run_jobs().await;
        assert_eq!((rows(&app, "visitor_salts").await, rows(&app, "daily_visitors").await), (1, 1));
        assert_eq!(stage.counts().await, views(2, 2));
    }

    /// Promise 14.
    async fn sums_and_sites_outlive_the_events(app: TestApp) {
        let stage = Stage::new(&app).await;
        stage.send(&stage.event("view")).await;
        app.clock.advance(DAY * 89);
        stage.send(&stage.event("view")).await;
        app.clock.advance(DAY * 2);
        app.jobs.enqueue_due_schedules().await.unwrap();
        app.run_jobs().await;
        assert_eq!((rows(&app, "events").await, stage.counts().await.views), (1, 2));
        let sites = app.tracking.sites(stage.member, stage.bar, None, 10).await.unwrap().sites;
        assert_eq!((sites[0].views, sites[0].first_seen_at), (2, START.parse().unwrap()));
    }

    async fn pages_without_end_are_bounded(app: TestApp) {
        let stage = Stage::new(&app).await;
        for chunk in 0..20 {
            let events: Vec<Value> = (0..30).map(|n| {
                let mut event = stage.event("view");
                event["u"] = json!(format!("https://shop.example/{chunk}-{n}"));
                event
            }).collect();
            assert_eq!(stage.send(&json!(events)).await.status, 204);
        }
        let (other, client) = another_process(&app, &[]);
        let _writer = run_writer(&other);
        let mut event = stage.event("view");
        event["u"] = json!("https://shop.example/of-another-process");
        let call = client.call(Method::POST, "/e").header("content-type", "text/plain").header("user-agent", FIREFOX);
        assert_eq!(call.body(event.to_string()).send().await.status, 204);
        let ranking = Ranking { by: RankBy::Views, limit: 1000 };
        let pages = app.tracking.breakdown(stage.member, stage.bar, stage.period(), Dimension::Page, ranking, Filters::default()).await.unwrap();
        assert_eq!((pages.values.len(), pages.other.views, pages.total.views), (500, 101, 601));
    }

    async fn a_forgotten_bar_leaves_nothing(app: TestApp) {
        let stage = Stage::new(&app).await;
        let stays = stage.neighbour().await;
        for stage in [&stage, &stays] {
            stage.send(&stage.event("view")).await;
            stage.call().header("sec-gpc", "1").body(stage.event("view").to_string()).send().await;
        }
        app.tracking.catch_up().await.unwrap();
        let (member, bar) = (stage.member, stage.bar);
        while app.db.write(move |tx| forget_bar(tx, member, bar)).await.unwrap() > 0 {}
        assert_eq!((stage.counts().await, stays.counts().await), (Counts::default(), views(1, 1)));
        for table in ["events", "daily_visitors", "hourly_drops", "sites"] {
            assert_eq!(rows(&app, table).await, 1, "{table}");
        }
    }

    async fn a_member_reads_the_numbers_of_their_bar(app: TestApp) {
        let stage = Stage::new(&app).await;
        stage.send(&json!([stage.event("view"), stage.event("view"), stage.event("click")])).await;
        stage.call().header("user-agent", "curl/8").body(stage.event("view").to_string()).send().await;
        let reader = stage.program(Scope::StatsRead).await;
        let numbers = json!({ "views": 2, "visitors": 1, "clicks": 1, "closes": 0, "submissions": 0,
            "click_rate": 0.5, "conversion_rate": 0.0 });
        let nothing = json!({ "views": 0, "visitors": 0, "clicks": 0, "closes": 0, "submissions": 0 });
        let stats = reader.get(&stage.path("stats?time_zone=Europe/Berlin")).await.expect(200);
        assert_eq!((&stats["totals"], &stats["totals_before"]), (&numbers, &nothing));
        assert_eq!(
            stats["period"],
            json!({ "from": "2026-10-23T22:00:00Z", "to": "2026-11-22T11:00:00Z", "time_zone": "Europe/Berlin" })
        );
        let series = reader.get(&stage.path("stats/series?from=2026-11-21&interval=day")).await.expect(200);
        assert_eq!(series["points"].as_array().unwrap().len(), 2);
        assert_eq!((&series["points"][1]["local"], &series["points"][1]["counts"]), (&json!("2026-11-22"), &numbers));
        let none = reader.get(&stage.path("stats/series?from=2026-11-22&variant=b")).await.expect(200);
        assert!(none["points"].as_array().unwrap().iter().all(|point| point["counts"] == nothing));
        let pages = reader.get(&stage.path("stats/breakdown?by=page&sort=clicks&limit=1")).await.expect(200);
        assert_eq!(pages["items"], json!([{ "value": "shop.example/pricing", "counts": numbers }]));
        assert_eq!((&pages["other"], &pages["total"]), (&nothing, &numbers));
        let drops = reader.get(&stage.path("stats/drops")).await.expect(200);
        assert_eq!((&drops["items"], &drops["total"]), (&json!([{ "reason": "bot", "dropped": 1 }]), &json!(1)));
        let sites = reader.get(&stage.path("sites")).await.expect(200);
        assert_eq!((&sites["items"][0]["host"], &sites["items"][0]["clicks"]), (&json!("shop.example"), &json!(1)));
        assert!(sites.get("next_cursor").is_none());
    }

    /// Promise 34.
    async fn nobody_reads_the_numbers_of_another(app: TestApp) {
        let (stage, other) = (Stage::new(&app).await, Stage::new(&app).await);
        let (stranger, editor) = (other.program(Scope::StatsRead).await, stage.program(Scope::BarsWrite).await);
        for path in ["stats", "stats/series", "stats/breakdown?by=page", "stats/drops", "stats.csv", "sites"] {
            stranger.get(&stage.path(path)).await.problem(404);
            editor.get(&stage.path(path)).await.problem(403);
            app.client().get(&stage.path(path)).await.problem(401);
        }
    }

    async fn days_of_the_asked_time_zone_are_counted_through_changing_clocks(app: TestApp) {
        let stage = Stage::new(&app).await;
        app.clock.advance("2027-03-28T00:30:00Z".parse::<Timestamp>().unwrap().since(app.clock.now()));
        let reader = stage.program(Scope::StatsRead).await;
        for _ in 0..24 {
            stage.send(&stage.event("view")).await;
            app.clock.advance(HOUR);
        }
        let asked = "time_zone=Europe/Berlin&from=2027-03-28&to=2027-03-28";
        let hours = reader.get(&stage.path(&format!("stats/series?{asked}"))).await.expect(200);
        let points = hours["points"].as_array().unwrap();
        assert_eq!((points.len(), &points[1]["local"], &points[2]["local"]),
            (23, &json!("2027-03-28T01:00:00+01:00"), &json!("2027-03-28T03:00:00+02:00")));
        assert_eq!(points.iter().map(|point| point["counts"]["views"].as_i64().unwrap()).sum::<i64>(), 22);
        let totals = reader.get(&stage.path(&format!("stats?{asked}"))).await.expect(200);
        assert_eq!(totals["totals"]["views"], 22);
        let pages = reader.get(&stage.path(&format!("stats/breakdown?by=site&{asked}"))).await.expect(200);
        assert_eq!(pages["total"]["views"], 22);
    }

    async fn tables_are_safe_to_open(app: TestApp) {
        let stage = Stage::new(&app).await;
        let reader = stage.program(Scope::StatsRead).await;
        let mut event = stage.event("view");
        event["u"] = json!("https://shop.example/?utm_source=%3D1%2B1");
        stage.send(&event).await;
        let table = reader.get(&stage.path("stats.csv?by=utm_source")).await;
        assert_eq!((table.status, table.header("content-type")), (200, "text/csv"));
        assert!(table.header("content-disposition").starts_with("attachment"));
        assert_eq!(table.text(), "utm_source,views,visitors,clicks,closes,submissions\n'=1+1,1,1,0,0,0\n");
        let days = reader.get(&stage.path("stats.csv?from=2026-11-22&interval=day")).await;
        assert_eq!(days.text(), "start,views,visitors,clicks,closes,submissions\n2026-11-22,1,1,0,0,0\n");
    }

    async fn questions_that_make_no_sense_are_refused(app: TestApp) {
        let stage = Stage::new(&app).await;
        let reader = stage.program(Scope::StatsRead).await;
        for (query, fault) in [
            ("stats?time_zone=Nowhere", "time_zone: is not the name of a time zone, such as Europe/Berlin"),
            ("stats?from=2026-11-22&to=2026-11-20", "from: must be before `to`"),
            ("stats/series?from=2026-01-01&interval=hour", "from: makes more than 1000 points: ask for less, or by day"),
            ("sites?after=%21", "after: is not a cursor of this list"),
        ] {
            assert_eq!(reader.get(&stage.path(query)).await.problem(422), [fault]);
        }
        reader.get(&stage.path("stats/breakdown?by=moon")).await.problem(400);
        reader.get(&stage.path("stats/breakdown")).await.problem(400);
    }

    async fn sites_are_listed_page_by_page(app: TestApp) {
        let stage = Stage::new(&app).await;
        let reader = stage.program(Scope::StatsRead).await;
        let events: Vec<Value> = ["c.example", "a.example", "b-b.example", "b.example"].iter().map(|host| {
            let mut event = stage.event("view");
            event["u"] = json!(format!("https://{host}/"));
            event
        }).collect();
        stage.send(&json!(events)).await;
        let first = reader.get(&stage.path("sites?limit=3")).await.expect(200);
        let hosts = |page: &Value| page["items"].as_array().unwrap().iter().map(|site| site["host"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(hosts(&first), ["a.example", "b-b.example", "b.example"]);
        let after = format!("sites?limit=3&after={}", first["next_cursor"].as_str().unwrap());
        assert_eq!(hosts(&reader.get(&stage.path(&after)).await.expect(200)), ["c.example"]);
    }
}
