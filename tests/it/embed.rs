//! What a page gets from the embed host: the script in every form, nothing where there is nothing, the visitor's choice.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use contactbar::app::App;
use contactbar::clock::MINUTE;
use contactbar::embed::{self, Built, Scripts};
use contactbar::mail::{Memory, Transport};
use contactbar::plans::Plans;
use contactbar::secrets::Random;
use poem::EndpointExt;
use poem::http::Method;
use serde_json::{Value, json};

use crate::bars::{member, path, published};
use crate::support::{Answer, Client, TestApp};

const CACHED: &str = "max-age=60, stale-while-revalidate=86400, stale-if-error=604800";

fn script_path(bar: &Value) -> String {
    format!("/b/{}.js", bar["key"].as_str().unwrap())
}

async fn script(client: &Client, bar: &Value, encodings: &str) -> Answer {
    client
        .call(Method::GET, &script_path(bar))
        .header("accept-encoding", encodings)
        .send()
        .await
}

fn does_nothing(answer: &Answer) -> bool {
    answer.status == 200
        && answer
            .text()
            .starts_with("/* Contactbar: there is no bar to show here")
}

#[test]
fn the_script_was_built() {
    assert!(
        contactbar::embed::built_script().is_some(),
        "run `make widget`, then build the tests again"
    );
}

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Publishes the bar with this configuration.
async fn publish(client: &Client, bar: &Value, configuration: Value) -> Value {
    let draft = client.get(&path(bar, "/draft")).await.expect(200);
    let body = json!({ "configuration": configuration, "revision": draft["revision"] });
    client.put(&path(bar, "/draft"), body).await.expect(200);
    client.post(&path(bar, "/publish"), json!({})).await.expect(200)
}

/// Publishes the bar with another message.
async fn republish(client: &Client, bar: &Value, message: &str) -> Value {
    let mut configuration = bar["draft"]["configuration"].clone();
    configuration["variants"][0]["texts"]["en"]["message"] = message.into();
    publish(client, bar, configuration).await
}

/// How a page pins the bar's script.
async fn pin(client: &Client, bar: &Value) -> Value {
    client.get(&path(bar, "/script")).await.expect(200)["pinned"].clone()
}

fn path_of(pinned: &Value) -> String {
    let url: url::Url = pinned["url"].as_str().unwrap().parse().unwrap();
    url.path().to_owned()
}

/// A process beside this one, with another build of the script.
fn process_with(app: &TestApp, parts: Value) -> Scripts {
    let built = Built::from_json(parts.to_string().as_bytes()).unwrap();
    let urls = (app.config.embed_url(), &app.config.public_url);
    Scripts::new(
        app.db.clone(),
        app.clock.clone(),
        app.bars.clone(),
        urls.0,
        urls.1,
        Plans { sold: false },
        Some(built),
    )
}

async fn text(scripts: &Scripts, bar: &Value) -> String {
    let key = bar["key"].as_str().unwrap().parse().ok();
    match scripts.find(key).await.unwrap() {
        embed::Answer::Script(script) => String::from_utf8(script.plain().bytes.to_vec()).unwrap(),
        embed::Answer::Unbuilt(_) => panic!("it was built"),
    }
}

async fn kept(app: &TestApp) -> usize {
    let count = |conn: &mut contactbar::db::Conn| {
        use diesel::{QueryDsl, RunQueryDsl};
        let rows: i64 = contactbar::db::schema::bar_scripts::table
            .count()
            .get_result(conn)?;
        Ok::<_, contactbar::db::Error>(rows as usize)
    };
    app.db.read(count).await.unwrap()
}

both_databases! {
    async fn a_published_bar_is_one_script_with_its_configuration(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let answer = script(&app.client(), &bar, "identity").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(answer.header("cache-control"), CACHED);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("set-cookie"), "");
        assert!(answer.text().contains(bar["key"].as_str().unwrap()) && answer.text().contains("Get in touch"));
        assert!(!answer.text().contains("__CONTACTBAR__"));
    }

    async fn every_encoding_holds_the_same_script_under_a_tag_of_its_own(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let plain = script(&app.client(), &bar, "identity").await;
        let gzip = script(&app.client(), &bar, "gzip").await;
        let brotli = script(&app.client(), &bar, "gzip, br").await;
        assert_eq!((gzip.header("content-encoding"), brotli.header("content-encoding")), ("gzip", "br"));
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body);
        let mut unpacked = Vec::new();
        brotli::Decompressor::new(&brotli.body[..], 4096).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain.body);
        assert!(brotli.body.len() <= gzip.body.len() && gzip.body.len() < plain.body.len());
        let tags = [plain.header("etag"), gzip.header("etag"), brotli.header("etag")];
        assert!(tags.iter().all(|tag| tag.starts_with('"')), "{tags:?}");
        assert!(tags[0] != tags[1] && tags[1] != tags[2]);
        assert!(brotli.header("vary").contains("accept-encoding"));
    }

    async fn who_has_the_script_is_told_so(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let tag = script(&app.client(), &bar, "br").await.header("etag").to_owned();
        let again = |encoding: &'static str, tag: String| {
            let call = app.client().call(Method::GET, &script_path(&bar));
            call.header("accept-encoding", encoding).header("if-none-match", &tag).send()
        };
        let unchanged = again("br", tag.clone()).await;
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
        assert_eq!((unchanged.header("etag"), unchanged.header("cache-control")), (tag.as_str(), CACHED));
        assert_eq!(again("br", format!("\"other\", W/{tag}")).await.status, 304);
        assert_eq!(again("gzip", tag).await.status, 200, "these are other bytes");
    }

    async fn head_says_what_get_would_send(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let get = script(&app.client(), &bar, "br").await;
        let head = app.client().call(Method::HEAD, &script_path(&bar)).header("accept-encoding", "br").send().await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), get.body.len().to_string());
        assert_eq!(head.header("etag"), get.header("etag"));
    }

    async fn a_new_version_is_served_at_once(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let before = script(&app.client(), &bar, "identity").await;
        let mut configuration = bar["draft"]["configuration"].clone();
        configuration["variants"][0]["texts"]["en"]["message"] = "</script><b>News\u{2028}".into();
        let body = json!({ "configuration": configuration, "revision": 1 });
        client.put(&path(&bar, "/draft"), body).await.expect(200);
        assert_eq!(script(&app.client(), &bar, "identity").await.body, before.body, "a draft is nobody's business");
        client.post(&path(&bar, "/publish"), json!({})).await.expect(200);
        let after = script(&app.client(), &bar, "identity").await;
        assert_ne!(after.header("etag"), before.header("etag"));
        assert!(after.text().contains("\\u003c/script>\\u003cb>News\\u2028"));
    }

    async fn without_a_bar_to_show_the_script_does_nothing(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let visitor = app.client();
        assert!(does_nothing(&visitor.get("/b/0000000000.js").await));
        assert!(does_nothing(&visitor.get("/b/no-key-at-all.js").await));
        let bar = client.post("/api/v1/bars", json!({ "name": "Draft" })).await.expect(201);
        assert!(does_nothing(&visitor.get(&script_path(&bar)).await), "never published");
        client.post(&path(&bar, "/publish"), json!({})).await.expect(200);
        assert!(!does_nothing(&visitor.get(&script_path(&bar)).await));
        client.post(&path(&bar, "/pause"), json!({})).await.expect(200);
        let paused = visitor.get(&script_path(&bar)).await;
        assert!(does_nothing(&paused));
        assert!(paused.header("cache-control").starts_with("max-age=60"));
        client.post(&path(&bar, "/resume"), json!({})).await.expect(200);
        assert!(!does_nothing(&visitor.get(&script_path(&bar)).await));
        assert_eq!(client.delete(&path(&bar, "")).await.status, 204);
        assert!(does_nothing(&visitor.get(&script_path(&bar)).await), "deleted");
        visitor.get("/b/0000000000").await.problem(404);
        app.clock.advance(MINUTE);
        app.run_jobs().await;
    }

    async fn everything_that_a_configuration_says_is_published_and_assembled(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let original = bar["draft"]["configuration"].clone();
        let trigger = |trigger: Value| json!({ "on": [trigger] });
        let target = |name: &str, value: Value| json!({ name: value });
        for (part, value, sign) in [
            ("layout", json!({ "kind": "bar", "push": false, "sticky": false }), "over free"),
            ("layout", json!({ "kind": "slide_in", "corner": "top_left" }), "card slide open left"),
            ("layout", json!({ "kind": "modal" }), "[\"dialog\""),
            ("layout", json!({ "kind": "inline", "selector": "main > p" }), "\"i\":\"main > p\""),
            ("triggers", trigger(json!({ "kind": "delay", "seconds": 3 })), "[[0,3]]"),
            ("triggers", trigger(json!({ "kind": "scroll", "percent": 50 })), "[[1,50]]"),
            ("triggers", trigger(json!({ "kind": "exit_intent" })), "[[2]]"),
            ("triggers", trigger(json!({ "kind": "inactivity", "seconds": 9 })), "[[3,9]]"),
            ("triggers", trigger(json!({ "kind": "click", "selector": ".buy" })), "[[4,\".buy\"]]"),
            ("triggers", trigger(json!({ "kind": "code" })), "[[5]]"),
            ("targeting", target("pages", json!([{ "match": "glob", "value": "/a*z" }])), "/a.*z$"),
            ("targeting", target("referrers", json!([{ "match": "contains", "value": "search.", "exclude": true }])), "search\\\\."),
            ("targeting", target("utm", json!([{ "parameter": "source", "value": "news" }])), "utm_source=news"),
            ("targeting", target("devices", json!(["tablet"])), "min-device-width:600px"),
            ("targeting", target("visitors", json!("returning")), "\"v\":2"),
            ("targeting", target("languages", json!(["de"])), "^(?:de)(?:-|$)"),
            ("targeting", target("schedule", json!({ "time_zone": "Europe/Berlin", "weekdays": ["sun"] })), "[\"Europe/Berlin\",\"\",\"\",\"0\",\"\",\"\"]"),
            ("targeting", target("percentage", json!(50)), "\"n\":50"),
            ("frequency", json!({ "show": { "kind": "every_days", "days": 3 }, "gap_seconds": 60 }), "\"s\":3"),
            ("privacy", json!({ "store_before_action": true, "policy_link": true }), "/policies/privacy\""),
        ] {
            let mut configuration = original.clone();
            configuration[part] = value.clone();
            publish(&client, &bar, configuration).await;
            let answer = script(&app.client(), &bar, "identity").await;
            assert!(answer.status == 200 && answer.text().contains(sign), "{part} {value}: {sign}");
        }
    }

    async fn a_script_holds_what_its_bar_needs(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let scripts = process_with(&app, json!([["", "go(\"__CONTACTBAR__\","], ["form", "the form"], ["", ","], ["bar", "the bar"], ["", ")"]]));
        let form = published(&client).await;
        assert!(text(&scripts, &form).await.ends_with(",the form,the bar)"));
        let notice = client.post("/api/v1/bars", json!({ "name": "News", "goal": "notice" })).await.expect(201);
        client.post(&path(&notice, "/publish"), json!({})).await.expect(200);
        assert!(text(&scripts, &notice).await.ends_with(",\"\",the bar)"));
    }

    async fn a_publication_makes_its_script_ready(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        assert_eq!(kept(&app).await, 0);
        app.run_jobs().await;
        assert_eq!(kept(&app).await, 1);
        script(&app.client(), &bar, "br").await;
        pin(&client, &bar).await;
        assert_eq!(kept(&app).await, 1, "it is the same");
        republish(&client, &bar, "Second").await;
        script(&app.client(), &bar, "br").await;
        assert_eq!(kept(&app).await, 2, "who comes first makes it");
        app.run_jobs().await;
        assert_eq!(kept(&app).await, 2);
    }

    async fn a_pinned_script_is_the_same_for_ever(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let now = script(&app.client(), &bar, "identity").await;
        let first = pin(&client, &bar).await;
        assert_eq!(first["version"], 1);
        let get = |encoding: &'static str| {
            app.client().call(Method::GET, &path_of(&first)).header("accept-encoding", encoding).send()
        };
        let plain = get("identity").await;
        assert_eq!((plain.status, &plain.body), (200, &now.body));
        assert_eq!(plain.header("cache-control"), IMMUTABLE);
        assert_eq!(plain.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(plain.header("access-control-allow-origin"), "*", "for `crossorigin`");
        assert_eq!(plain.header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(plain.header("x-content-type-options"), "nosniff");
        assert!(plain.header("vary").contains("accept-encoding"));
        assert_eq!(plain.header("set-cookie"), "");
        let digest = <sha2::Sha384 as sha2::Digest>::digest(&plain.body);
        assert_eq!(first["integrity"], format!("sha384-{}", STANDARD.encode(digest)));
        let sizes = &first["sizes"];
        assert_eq!(sizes["plain_bytes"], plain.body.len());
        let brotli = get("br").await;
        assert_eq!((&sizes["brotli_bytes"], brotli.header("content-encoding")), (&json!(brotli.body.len()), "br"));
        assert_eq!(sizes["gzip_bytes"], get("gzip").await.body.len());
        let known = app.client().call(Method::GET, &path_of(&first)).header("accept-encoding", "br");
        let known = known.header("if-none-match", brotli.header("etag")).send().await;
        assert_eq!((known.status, known.body.len(), known.header("cache-control")), (304, 0, IMMUTABLE));

        republish(&client, &bar, "Second").await;
        let second = pin(&client, &bar).await;
        assert_eq!(second["version"], 2);
        assert_ne!(second["hash"], first["hash"]);
        assert_eq!(get("br").await.body, brotli.body, "after a republication");
        // Another process, of another build of the script, and nothing in memory.
        let other = process_with(&app, json!([["", "/* new */go(\"__CONTACTBAR__\")"]]));
        assert!(text(&other, &bar).await.starts_with("/* new */"));
        let (key, hash) = (bar["key"].as_str().unwrap().parse().ok(), first["hash"].as_str().unwrap().parse().ok());
        let embed::Pinned::Script(old) = other.find_pinned(key, hash).await.unwrap() else { panic!("it is gone") };
        assert_eq!(old.brotli().bytes, brotli.body, "after a new build");
        assert_eq!(old.plain().bytes, plain.body);
    }

    async fn a_script_that_never_was_is_not_found(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let other = published(&client).await;
        let foreign = pin(&client, &other).await;
        let base = script_path(&bar).replace(".js", "");
        for hash in [foreign["hash"].as_str().unwrap(), &"0".repeat(64), "nonsense"] {
            app.client().get(&format!("{base}/{hash}.js")).await.problem(404);
        }
        app.client().get(&format!("{base}/{}", foreign["hash"].as_str().unwrap())).await.problem(404);
    }

    async fn a_pinned_script_does_nothing_while_its_bar_is_not_shown(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let pinned = path_of(&pin(&client, &bar).await);
        let visitor = app.client();
        client.post(&path(&bar, "/pause"), json!({})).await.expect(200);
        let paused = visitor.get(&pinned).await;
        assert!(does_nothing(&paused));
        assert_eq!(paused.header("cache-control"), "max-age=60");
        client.post(&path(&bar, "/resume"), json!({})).await.expect(200);
        assert!(!does_nothing(&visitor.get(&pinned).await));
        assert_eq!(client.delete(&path(&bar, "")).await.status, 204);
        assert!(does_nothing(&visitor.get(&pinned).await), "deleted");
        app.clock.advance(MINUTE);
        app.run_jobs().await;
        assert_eq!(kept(&app).await, 0, "purged with its bar");
        assert!(does_nothing(&visitor.get(&pinned).await));
    }

    async fn of_two_processes_that_make_a_script_both_serve_the_same(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let transport = Transport::Memory(Memory::default());
        let beside = App::build_with(app.database.config(&[]), app.clock.clone(), Random::seeded(43), transport).unwrap();
        let beside = Client::new(std::sync::Arc::new(beside.router().boxed()), "http://localhost:8080".to_owned());
        let visitor = app.client();
        let (a, b) = tokio::join!(script(&visitor, &bar, "br"), script(&beside, &bar, "br"));
        assert_eq!((a.status, &a.body, a.header("etag")), (b.status, &b.body, b.header("etag")));
        assert_eq!(kept(&app).await, 1);
        let pinned = path_of(&pin(&client, &bar).await);
        assert_eq!(beside.get(&pinned).await.body, visitor.get(&pinned).await.body);
    }

    async fn the_script_of_a_bar_is_told_to_its_member(app: TestApp) {
        let (_, ada) = member(&app, "ada").await;
        let (_, eve) = member(&app, "eve").await;
        let bar = ada.post("/api/v1/bars", json!({ "name": "Draft" })).await.expect(201);
        let refused = ada.get(&path(&bar, "/script")).await;
        refused.problem(404);
        assert_eq!(refused.json()["type"], "urn:contactbar:problem:never-published");
        ada.post(&path(&bar, "/publish"), json!({})).await.expect(200);
        let told = ada.get(&path(&bar, "/script")).await.expect(200);
        assert_eq!(told["url"], bar["script_url"]);
        let pinned = &told["pinned"];
        let (url, integrity) = (pinned["url"].as_str().unwrap(), pinned["integrity"].as_str().unwrap());
        let snippet = format!("<script async src=\"{url}\" integrity=\"{integrity}\" crossorigin=\"anonymous\"></script>");
        assert_eq!(pinned["snippet"], snippet);
        eve.get(&path(&bar, "/script")).await.problem(404);
        app.client().get(&path(&bar, "/script")).await.problem(401);
        ada.post(&path(&bar, "/pause"), json!({})).await.expect(200);
        assert_eq!(ada.get(&path(&bar, "/script")).await.expect(200), told, "paused or not");
    }

    // Promise 44.
    async fn the_visitor_sees_and_changes_their_choice_without_a_cookie(app: TestApp) {
        let visitor = app.client();
        let page = visitor.get("/optout").await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(page.text().contains("data-choice=\"\""), "a GET changes nothing");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(page.text().contains("http://localhost:8080/policies/privacy"), "promise 10");
        let send = |body: &'static str, site: &'static str| {
            let call = visitor.call(Method::POST, "/optout").header("sec-fetch-site", site);
            call.header("content-type", "application/x-www-form-urlencoded").body(body).send()
        };
        let out = send("choice=out", "same-origin").await;
        assert!(out.status == 200 && out.text().contains("data-choice=\"out\""));
        assert_eq!(out.header("set-cookie"), "");
        send("choice=in", "cross-site").await.problem(403);
        assert_eq!(send("choice=maybe", "same-origin").await.problem(422), ["choice: must be `out` or `in`"]);
        visitor.post("/optout", json!({ "choice": "out" })).await.problem(415);
        let german = visitor.call(Method::GET, "/optout").header("accept-language", "fr, de-DE;q=0.8, en;q=0.5").send().await;
        assert!(german.text().contains("<html lang=\"de\">"));
    }

    async fn the_demo_is_made_once_and_shown_at_its_page(app: TestApp) {
        app.migrate().await.unwrap();
        app.client().get("/demo").await.problem(404);
        for _ in 0..2 {
            contactbar::demo::make(&app.accounts, &app.bars, &app.config.public_url).await.unwrap();
        }
        let page = app.client().get("/demo").await;
        assert_eq!(page.status, 200);
        let line = "<script async src=\"http://localhost:8080/b/dem0garden.js\"></script>";
        assert!(page.text().contains(line));
        let bar = app.client().get("/b/dem0garden.js").await;
        assert!(bar.text().contains("Ask Ivy"), "{}", bar.text());
    }
}
