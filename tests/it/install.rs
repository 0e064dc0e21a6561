//! Help with embedding: snippets in the reader's language, a look at a real page, and old snippets that still work.

use std::sync::{Arc, Mutex};

use contactbar::bars::{BarKey, LegacyId, LegacyIdError};
use contactbar::clock::MINUTE;
use poem::http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bars::{member, path, published};
use crate::support::{Answer, Client, TestApp};

/// A member's site: every path answers what is set.
#[derive(Clone)]
struct Site {
    url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            answer: Arc::default(),
            asked: Arc::default(),
        };
        let this = site.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut part = [0; 1024];
                    match stream.read(&mut part).await.unwrap() {
                        0 => break,
                        read => request.extend_from_slice(&part[..read]),
                    }
                }
                this.asked
                    .lock()
                    .unwrap()
                    .push(String::from_utf8(request).unwrap());
                let answer = this.answer.lock().unwrap().clone();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        site
    }

    /// A page with these header lines.
    fn shows(&self, headers: &str, html: &str) {
        let length = html.len();
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\n";
        *self.answer.lock().unwrap() = format!("{head}{headers}content-length: {length}\r\n\r\n{html}");
    }
}

/// A service that may look at pages of this computer.
async fn private(app: &TestApp) -> (TestApp, Client, Value) {
    let app = TestApp::start(app.kind(), &["--webhooks-allow-private=on"]).await;
    let (_, client) = member(&app, "ada").await;
    let bar = published(&client).await;
    (app, client, bar)
}

async fn check(client: &Client, bar: &Value, url: &str) -> Answer {
    client
        .post(&path(bar, "/install-check"), json!({ "url": url }))
        .await
}

fn kinds(check: &Value) -> Vec<&str> {
    let findings = check["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|found| found["kind"].as_str().unwrap())
        .collect()
}

fn key(bar: &Value) -> BarKey {
    bar["key"].as_str().unwrap().parse().unwrap()
}

fn legacy(id: &str) -> Option<LegacyId> {
    Some(id.parse().unwrap())
}

fn shows(answer: &Answer, bar: &Value) -> bool {
    answer.status == 200 && answer.text().contains(bar["key"].as_str().unwrap())
}

both_databases! {
    async fn snippets_come_in_the_reader_s_language(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let english = client.get(&path(&bar, "/snippets")).await.expect(200);
        let kinds: Vec<_> = english["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["html", "noscript_pixel", "wordpress", "shopify", "google_tag_manager", "npm", "consent_manager"]);
        assert_eq!(english["items"][0]["code"], bar["snippet"]);
        let german = client.call(Method::GET, &path(&bar, "/snippets")).header("accept-language", "de-AT, en;q=0.5").send().await.expect(200);
        assert!(german["items"][0]["steps"][0].as_str().unwrap().starts_with("Fügen Sie"));
        assert_eq!(german["items"][0]["code"], bar["snippet"]);
        let asked = client.call(Method::GET, &path(&bar, "/snippets?language=en")).header("accept-language", "de").send().await;
        assert_eq!(asked.expect(200), english);
        client.get(&path(&bar, "/snippets?language=fr")).await.problem(400);
    }

    async fn the_bar_of_another_member_is_not_there(app: TestApp) {
        let (_, ada) = member(&app, "ada").await;
        let (_, eve) = member(&app, "eve").await;
        let bar = published(&ada).await;
        eve.get(&path(&bar, "/snippets")).await.problem(404);
        check(&eve, &bar, "https://shop.example/").await.problem(404);
    }

    async fn a_page_with_the_snippet_works_and_one_with_a_policy_does_not(app: TestApp) {
        let (_app, client, bar) = private(&app).await;
        let site = Site::start().await;
        let line = bar["snippet"].as_str().unwrap();
        site.shows("", &format!("<!doctype html><title>Shop</title>{line}"));
        let works = check(&client, &bar, &format!("{}/shop#top", site.url)).await.expect(200);
        assert_eq!((works["outcome"].as_str(), kinds(&works)), (Some("works"), vec!["installed"]), "{works}");
        assert_eq!((works["status"].as_u64(), &works["final_url"]), (Some(200), &json!(format!("{}/shop", site.url))));
        let asked = site.asked.lock().unwrap()[0].to_lowercase();
        assert!(asked.starts_with("get /shop http/1.1\r\n") && asked.contains("contactbar/"), "{asked}");
        assert!(!asked.contains("cookie") && !asked.contains("authorization") && !asked.contains("referer"));

        site.shows("content-security-policy: default-src 'self'\r\ncontent-security-policy-report-only: script-src 'none'\r\n", line);
        let blocked = check(&client, &bar, &site.url).await.expect(200);
        assert_eq!((blocked["outcome"].as_str(), kinds(&blocked)), (Some("blocked"), vec!["installed", "blocked_by_csp", "blocked_by_csp"]));
        assert_eq!(blocked["findings"][1]["subject"], "default-src");
        assert!(blocked["findings"][1]["message"].as_str().unwrap().contains("add http://localhost:8080 to `default-src`"));
    }

    async fn what_keeps_a_bar_from_a_page_is_said_in_the_reader_s_language(app: TestApp) {
        let (_app, client, bar) = private(&app).await;
        let site = Site::start().await;
        site.shows("", "<p>Hello");
        client.patch(&path(&bar, ""), json!({ "allowed_hosts": ["shop.example"] })).await.expect(200);
        client.post(&path(&bar, "/pause"), json!({})).await.expect(200);
        let call = client.call(Method::POST, &path(&bar, "/install-check?language=de")).json(&json!({ "url": site.url }));
        let found = call.send().await.expect(200);
        assert_eq!((found["outcome"].as_str(), kinds(&found)), (Some("missing"), vec!["missing", "host_not_allowed", "paused"]));
        assert!(found["findings"][2]["message"].as_str().unwrap().starts_with("Die Leiste ist angehalten"));
        assert!(found["findings"].as_array().unwrap().iter().all(|found| found["level"] == "problem"));
        let draft = client.post("/api/v1/bars", json!({ "name": "Draft" })).await.expect(201);
        let found = check(&client, &draft, &site.url).await.expect(200);
        assert_eq!(kinds(&found), ["missing", "not_published"]);
    }

    async fn a_page_that_can_not_be_read_is_a_finding(app: TestApp) {
        let (_app, client, bar) = private(&app).await;
        let site = Site::start().await;
        *site.answer.lock().unwrap() = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned();
        let found = check(&client, &bar, &site.url).await.expect(200);
        assert_eq!((found["outcome"].as_str(), kinds(&found), found["status"].as_u64()), (Some("unknown"), vec!["status"], Some(404)));
        *site.answer.lock().unwrap() = "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned();
        let found = check(&client, &bar, &site.url).await.expect(200);
        assert_eq!((kinds(&found), found.get("status")), (vec!["unreachable"], None));
        assert_eq!(site.asked.lock().unwrap().len(), 1 + 4, "three redirects are followed");
        let closed = Site::start().await.url.replace("127.0.0.1", "127.0.0.2");
        assert_eq!(kinds(&check(&client, &bar, &closed).await.expect(200)), ["unreachable"]);
    }

    // Quality: outgoing requests never reach into our own network.
    async fn a_check_never_looks_into_our_network(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        for url in ["http://127.0.0.1:8080/", "http://[::1]/", "https://169.254.169.254/", "10.0.0.1"] {
            assert_eq!(check(&client, &bar, url).await.problem(422), ["url: must not lead into a private network"]);
        }
        for url in ["ftp://shop.example/", "http://shop.example:22/", "https://u:p@shop.example/", "https://a b/", "://"] {
            assert_eq!(check(&client, &bar, url).await.problem(422).len(), 1, "{url}");
        }
        client.post(&path(&bar, "/install-check"), json!({ "url": "https://a.example", "x": 1 })).await.problem(422);
        let found = check(&client, &bar, "localhost:8080").await.expect(200);
        assert_eq!(kinds(&found), ["unreachable"], "a name that leads there is found out when it is looked up");
        assert!(found["findings"][0]["message"].as_str().unwrap().contains("private network"), "{found}");
    }

    async fn ten_looks_a_minute_are_enough(app: TestApp) {
        let (app, client, bar) = private(&app).await;
        let site = Site::start().await;
        site.shows("", "");
        for _ in 0..10 {
            check(&client, &bar, &site.url).await.expect(200);
        }
        let answer = check(&client, &bar, &site.url).await;
        answer.problem(429);
        assert!(!answer.header("retry-after").is_empty());
        assert_eq!(site.asked.lock().unwrap().len(), 10);
        app.clock.advance(MINUTE);
        check(&client, &bar, &site.url).await.expect(200);
    }

    async fn an_old_snippet_shows_the_bar_that_has_its_id(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let id = "53a149b780df1a843f68e6d3";
        let old = format!("/b/{id}.js");
        assert!(!shows(&app.client().get(&old).await, &bar), "nobody has it");
        let given = app.bars.set_legacy_id(key(&bar), legacy(id)).await.unwrap().unwrap();
        assert_eq!(given.legacy_id, legacy(id));
        let script = app.client().get(&old).await;
        assert!(shows(&script, &bar), "{}", script.text());
        let by_key = app.client().get(&format!("/b/{}.js", bar["key"].as_str().unwrap())).await;
        assert_eq!(by_key.body, script.body);
        assert_eq!(client.get(&path(&bar, "")).await.expect(200)["legacy_id"], id);
        client.post(&path(&bar, "/pause"), json!({})).await.expect(200);
        assert!(!shows(&app.client().get(&old).await, &bar), "paused");
        client.post(&path(&bar, "/resume"), json!({})).await.expect(200);
        app.bars.set_legacy_id(key(&bar), None).await.unwrap();
        assert!(!shows(&app.client().get(&old).await, &bar), "taken away");
        assert_eq!(client.get(&path(&bar, "")).await.expect(200).get("legacy_id"), None);
    }

    async fn a_legacy_id_belongs_to_one_bar_and_goes_with_it(app: TestApp) {
        let (_, ada) = member(&app, "ada").await;
        let (_, eve) = member(&app, "eve").await;
        let (first, second) = (published(&ada).await, published(&eve).await);
        app.bars.set_legacy_id(key(&first), legacy("old-1")).await.unwrap();
        let taken = app.bars.set_legacy_id(key(&second), legacy("old-1")).await.unwrap_err();
        assert!(matches!(taken, LegacyIdError::Taken { owner, .. } if owner == key(&first)));
        assert!(taken.to_string().contains(first["key"].as_str().unwrap()), "{taken}");
        app.bars.set_legacy_id(key(&first), legacy("old-1")).await.unwrap(); // once more: as it was
        assert_eq!(app.bars.set_legacy_id("0000000000".parse().unwrap(), legacy("x")).await.unwrap(), None);
        let copy = ada.post(&path(&first, "/duplicate"), json!({})).await.expect(201);
        assert_eq!(copy.get("legacy_id"), None);
        assert_eq!(ada.delete(&path(&first, "")).await.status, 204);
        app.bars.set_legacy_id(key(&second), legacy("old-1")).await.unwrap().unwrap();
        assert!(shows(&app.client().get("/b/old-1.js").await, &second));
        app.clock.advance(MINUTE);
        app.run_jobs().await;
    }

    async fn who_gave_a_legacy_id_is_on_record(app: TestApp) {
        let (owner, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        app.bars.set_legacy_id(key(&bar), legacy("old-1")).await.unwrap();
        app.clock.advance(MINUTE);
        app.bars.set_legacy_id(key(&bar), None).await.unwrap();
        let entries = app.db.read(move |conn| contactbar::audit::list(conn, owner, &Default::default(), None, 10)).await.unwrap();
        let told: Vec<_> = entries.iter().filter(|entry| entry.action == "bar.legacy_id_changed").collect();
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|entry| entry.actor == contactbar::audit::Actor::System && entry.target == bar["id"].as_str().unwrap()));
        assert_eq!(told[1].detail, json!({ "from": null, "to": "old-1" }));
    }

    async fn no_member_gives_a_legacy_id(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let faults = client.patch(&path(&bar, ""), json!({ "legacy_id": "old-1" })).await.problem(422);
        assert!(faults[0].starts_with("legacy_id: "), "{faults:?}");
    }

    async fn the_old_script_loads_the_bar_from_here(app: TestApp) {
        let app = TestApp::start(app.kind(), &["--public-url=https://app.example", "--embed-url=https://bars.example"]).await;
        let ask = |host: &'static str| app.client().call(Method::GET, "/assets/js/manycontacts.min.js").header("host", host).send();
        let script = ask("bars.example").await;
        assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"));
        assert!(script.header("cache-control").starts_with("max-age=86400"));
        assert_eq!(script.header("cross-origin-resource-policy"), "cross-origin");
        assert_eq!(script.header("access-control-allow-origin"), "*");
        assert!(script.text().contains("\"https://bars.example/b/\"") && script.text().contains("__bID"));
        ask("app.example").await.problem(404);
    }
}
