//! Statistics that the dashboard asks for: under filters, of all bars at once, of variants against each other.

use contactbar::accounts::Scope;
use contactbar::bars::configuration::Configuration;
use contactbar::clock::{DAY, HOUR};
use contactbar::secrets::Random;
use contactbar::tracking::{Counts, Dimension, Filters, Interval, RankBy, Ranking};
use serde_json::{Value, json};

use crate::support::TestApp;
use crate::tracking::Stage;

const RANKING: Ranking = Ranking {
    by: RankBy::Views,
    limit: 1000,
};

impl Stage {
    async fn only(&self, filters: Filters) -> Counts {
        let tracking = &self.app.tracking;
        let totals = tracking
            .totals(self.member, self.bar, self.period(), filters)
            .await
            .unwrap();
        assert_eq!(totals.complete_from, None);
        totals.counts
    }

    async fn values(&self, by: Dimension, filters: Filters) -> (Vec<(String, Counts)>, Counts) {
        let tracking = &self.app.tracking;
        let found = tracking
            .breakdown(self.member, self.bar, self.period(), by, RANKING, filters)
            .await
            .unwrap();
        (found.values, found.other)
    }

    async fn summed_series(&self, interval: Interval, filters: Filters) -> Counts {
        let tracking = &self.app.tracking;
        let series = tracking
            .series(self.member, self.bar, self.period(), interval, filters)
            .await
            .unwrap();
        let mut sum = Counts::default();
        series.points.iter().for_each(|point| sum += point.counts);
        sum
    }

    /// A day and a half of visits by a few visitors who look at a few pages.
    async fn visits(&self, random: &Random) {
        let pick = |from: &[&str]| from[random.below(u32::try_from(from.len()).unwrap()) as usize].to_owned();
        let mut sent: Vec<Value> = Vec::new();
        for _ in 0..18 {
            for _ in 0..4 {
                let mut batch = Vec::new();
                for _ in 0..1 + random.below(4) {
                    if !sent.is_empty() && random.below(4) == 0 {
                        batch.push(sent[random.below(u32::try_from(sent.len()).unwrap()) as usize].clone());
                        continue;
                    }
                    let mut event = self.event(&pick(&["view", "view", "click", "close", "submit"]));
                    let campaign = pick(&["", "?utm_source=news", "?utm_source=mail&utm_medium=x"]);
                    event["u"] = json!(format!(
                        "https://{}/{}{campaign}",
                        pick(&["a.example", "b.example"]),
                        random.below(2)
                    ));
                    event["r"] = json!(pick(&["", "https://x.example/"]));
                    event["l"] = json!(pick(&["de", "en", ""]));
                    sent.push(event.clone());
                    batch.push(event);
                }
                let peer = format!("192.0.2.{}:1", random.below(5));
                let answer = self
                    .call()
                    .peer_at(&peer)
                    .body(json!(batch).to_string())
                    .send()
                    .await;
                assert_eq!(
                    (answer.status, answer.header("x-contactbar-dropped")),
                    (204, ""),
                    "{}",
                    answer.text()
                );
            }
            self.app.clock.advance(HOUR * 2);
        }
    }
}

both_databases! {
    /// One value comes from the roll-ups, two from the events: where both say the same thing, they say it alike.
    async fn filtered_sums_are_those_of_the_events(app: TestApp) {
        let stage = Stage::new(&app).await;
        let other = stage.neighbour().await;
        let random = Random::seeded(11);
        stage.visits(&random).await;
        other.visits(&random).await;
        let all = stage.only(Filters::default()).await;
        assert!(all.views > 30 && all.visitors >= 5, "{all:?}");
        let by = [Dimension::Page, Dimension::Site, Dimension::Referrer, Dimension::Language, Dimension::Variant, Dimension::UtmSource];
        let desktop = || Filters::default().only(Dimension::Device, "desktop");
        assert_eq!(stage.only(desktop()).await, all, "all are");
        for dimension in by {
            let (values, rest) = stage.values(dimension, Filters::default()).await;
            let from_events = stage.values(dimension, desktop()).await;
            assert_eq!((&values, rest), (&from_events.0, from_events.1), "{dimension:?}");
            assert!(!values.is_empty());
            for (value, counts) in values {
                let one = || Filters::default().only(dimension, value.clone());
                let two = || one().only(Dimension::Device, "desktop");
                assert_eq!((stage.only(one()).await, stage.only(two()).await), (counts, counts), "{dimension:?} {value}");
                assert_eq!(stage.values(dimension, one()).await.0, [(value.clone(), counts)]);
                for interval in [Interval::Hour, Interval::Day] {
                    assert_eq!(stage.summed_series(interval, one()).await, counts);
                    assert_eq!(stage.summed_series(interval, two()).await, counts);
                }
                for told_apart in by.into_iter().filter(|by| *by != dimension && *by != Dimension::UtmSource) {
                    let mut sum = Counts::default();
                    for (part, part_counts) in stage.values(told_apart, one()).await.0 {
                        sum += part_counts;
                        let filters = one().only(told_apart, part);
                        assert_eq!(stage.only(filters).await, part_counts);
                    }
                    assert_eq!(sum, counts, "{dimension:?} {value} by {told_apart:?}");
                }
            }
        }
        let mut sum = stage.only(Filters::default().only(Dimension::UtmSource, "")).await;
        for source in ["news", "mail"] {
            sum += stage.only(Filters::default().only(Dimension::UtmSource, source)).await;
        }
        assert_eq!(sum, all, "with no campaign, or with one of the two");
    }

    async fn what_is_no_longer_kept_is_not_guessed(app: TestApp) {
        let stage = Stage::new(&app).await;
        stage.send(&stage.event("view")).await;
        app.clock.advance(DAY * 89);
        stage.send(&stage.event("view")).await;
        app.clock.advance(DAY * 2);
        app.jobs.enqueue_due_schedules().await.unwrap();
        app.run_jobs().await;
        let reader = stage.program(Scope::StatsRead).await;
        let two = "page=shop.example/pricing&device=desktop";
        let one = reader.get(&stage.path("stats?from=2026-11-01&page=shop.example/pricing")).await.expect(200);
        assert_eq!((&one["totals"]["views"], one.get("complete_from")), (&json!(2), None));
        for path in ["stats", "stats/series", "stats/breakdown"] {
            let found = reader.get(&stage.path(&format!("{path}?from=2026-11-01&by=browser&{two}"))).await.expect(200);
            assert_eq!(found["complete_from"], "2026-11-22T11:00:00Z", "{path}");
            let recent = reader.get(&stage.path(&format!("{path}?from=2027-01-20&by=browser&{two}"))).await.expect(200);
            assert_eq!(recent.get("complete_from"), None, "{path}");
        }
        let found = reader.get(&stage.path(&format!("stats?from=2026-11-01&{two}"))).await.expect(200);
        assert_eq!(found["totals"]["views"], 1);
    }

    /// A day's 501st page is counted under `(other)`; asked for by its name, it is still found.
    async fn values_too_many_to_be_told_apart_are_found_among_the_events(app: TestApp) {
        let stage = Stage::new(&app).await;
        let reader = stage.program(Scope::StatsRead).await;
        for chunk in 0..17 {
            let events: Vec<Value> = (0..30).map(|n| {
                let mut event = stage.event("view");
                event["u"] = json!(format!("https://shop.example/{chunk}-{n}"));
                event
            }).collect();
            assert_eq!(stage.send(&json!(events)).await.status, 204);
        }
        let views = async |query: &str| {
            reader.get(&stage.path(&format!("stats?{query}"))).await.expect(200)["totals"]["views"].as_i64().unwrap()
        };
        assert_eq!(views("page=(other)").await, 10);
        assert_eq!(views("page=shop.example/0-0").await, 1);
        assert_eq!(views("page=shop.example/16-29").await, 1);
        let said = "page: `(other)` can't be combined with another filter or breakdown";
        for path in ["stats?page=(other)&site=shop.example", "stats/breakdown?by=site&page=(other)", "stats.csv?by=site&page=(other)"] {
            assert_eq!(reader.get(&stage.path(path)).await.problem(422), [said]);
        }
    }

    async fn filters_are_read_from_the_query(app: TestApp) {
        let stage = Stage::new(&app).await;
        let reader = stage.program(Scope::StatsRead).await;
        let mut event = stage.event("view");
        event["u"] = json!("https://shop.example/a?utm_source=news");
        stage.send(&json!([event, stage.event("view"), stage.event("click")])).await;
        let totals = reader.get(&stage.path("stats?page=shop.example/pricing&browser=Firefox&utm_source=")).await.expect(200);
        assert_eq!((&totals["totals"]["views"], &totals["totals"]["clicks"]), (&json!(1), &json!(1)));
        let pages = reader.get(&stage.path("stats/breakdown?by=page&utm_source=news")).await.expect(200);
        assert_eq!((&pages["items"][0]["value"], &pages["total"]["views"]), (&json!("shop.example/a"), &json!(1)));
        let table = reader.get(&stage.path("stats.csv?by=utm_source&site=shop.example")).await;
        assert_eq!(table.text(), "utm_source,views,visitors,clicks,closes,submissions\nnews,1,1,0,0,0\n");
        let none = reader.get(&stage.path("stats?variant=zz")).await.expect(200);
        assert_eq!(none["totals"]["views"], 0);
        assert_eq!(reader.get(&stage.path("stats?page=a&page=b")).await.problem(422), ["page: is given twice"]);
        assert_eq!(reader.get(&stage.path("stats/series?page=%00")).await.problem(422).len(), 1);
    }

    /// Events that come again from elsewhere are no new visitors, in the sums nor under filters.
    async fn an_event_sent_again_brings_no_visitor(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (first, second) = (stage.event("view"), stage.event("view"));
        stage.send(&first).await;
        let again = stage.call().peer_at("192.0.2.77:1");
        again.body(first.to_string()).send().await;
        assert_eq!(stage.only(Filters::default()).await.visitors, 1);
        let both = stage.call().peer_at("192.0.2.78:1");
        both.body(json!([first, second]).to_string()).send().await;
        let filters = Filters::default().only(Dimension::Device, "desktop").only(Dimension::Site, "shop.example");
        assert_eq!((stage.only(Filters::default()).await.visitors, stage.only(filters).await.visitors), (2, 2));
    }

    async fn all_bars_are_summed_at_once(app: TestApp) {
        let stage = Stage::new(&app).await;
        let (second, quiet) = (stage.neighbour().await, stage.neighbour().await);
        let stranger = Stage::new(&app).await;
        let gone = stage.neighbour().await;
        for stage in [&stage, &stranger, &gone] {
            stage.send(&json!([stage.event("view"), stage.event("click")])).await;
        }
        app.bars.delete(gone.member, contactbar::audit::Actor::System, gone.bar).await.unwrap();
        app.clock.advance(DAY * 7);
        second.send(&second.event("view")).await;
        let reader = stage.program(Scope::StatsRead).await;
        let path = "/api/v1/stats?from=2026-11-23&to=2026-11-29&time_zone=Europe/Berlin";
        let found = reader.get(path).await.expect(200);
        let nothing = json!({ "views": 0, "visitors": 0, "clicks": 0, "closes": 0, "submissions": 0 });
        let items = found["items"].as_array().unwrap();
        let of = |bar: &Stage| items.iter().find(|item| item["bar_id"] == bar.bar.to_string()).unwrap();
        assert_eq!(items.len(), 3);
        assert_eq!((&of(&stage)["counts"], &of(&stage)["counts_before"]["views"]), (&nothing, &json!(1)));
        assert_eq!((&of(&second)["counts"]["visitors"], &of(&second)["counts_before"]), (&json!(1), &nothing));
        assert_eq!((&of(&quiet)["counts"], &of(&quiet)["counts_before"]), (&nothing, &nothing));
        assert_eq!(found["period_before"]["from"], "2026-11-15T23:00:00Z");
        assert_eq!(reader.get("/api/v1/stats?from=tomorrow").await.problem(422).len(), 1);
        app.clock.advance(contactbar::clock::MINUTE);
        app.run_jobs().await;
    }

    async fn variants_are_held_against_each_other(app: TestApp) {
        let two = |configuration: &mut Configuration| {
            let mut second = configuration.variants[0].clone();
            second.key = "b".to_owned();
            configuration.variants.push(second);
        };
        let stage = Stage::with(&app, two, &[]).await;
        let reader = stage.program(Scope::StatsRead).await;
        let path = stage.path("stats/variants");
        let unseen = reader.get(&path).await.expect(200);
        assert_eq!(unseen["decision"], json!({ "state": "too_early" }));
        let views = async |variant: &str, views: usize, clicks: usize| {
            let kinds = std::iter::repeat_n("view", views).chain(std::iter::repeat_n("click", clicks));
            let events: Vec<Value> = kinds.map(|kind| {
                let mut event = stage.event(kind);
                event["v"] = json!(variant);
                event
            }).collect();
            for some in events.chunks(32) {
                assert_eq!(stage.send(&json!(some)).await.status, 204);
            }
        };
        views("a", 60, 3).await;
        views("b", 60, 4).await;
        app.clock.advance(DAY);
        let early = reader.get(&path).await.expect(200);
        assert_eq!(early["decision"]["state"], "too_early");
        assert!(early["decision"]["days_left"].as_i64().unwrap() >= 1, "{early}");
        let sum: f64 = early["items"].as_array().unwrap().iter().map(|item| item["probability_best"].as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-6);
        views("a", 60, 3).await;
        views("b", 60, 40).await;
        let decided = reader.get(&path).await.expect(200);
        assert_eq!(decided["decision"], json!({ "state": "decided", "best": "b" }));
        let b = &decided["items"][1];
        assert_eq!((&b["variant"], &b["goal"], &b["counts"]["views"]), (&json!("b"), &json!("link"), &json!(120)));
        let part = |name: &str| b[name].as_f64().unwrap();
        assert!((part("rate") - 44.0 / 120.0).abs() < 1e-9 && part("low") < part("rate") && part("rate") < part("high"), "{b}");
        let single = stage.neighbour().await;
        let alone = reader.get(&single.path("stats/variants")).await.expect(200);
        assert_eq!((alone.get("decision"), &alone["items"][0]["probability_best"]), (None, &json!(1.0)));
        let stranger = Stage::new(&app).await.program(Scope::StatsRead).await;
        stranger.get(&path).await.problem(404);
    }
}
