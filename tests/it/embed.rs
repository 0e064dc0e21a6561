//! What a page gets from the embed host: the script in every form, nothing where there is nothing, the visitor's choice.

use std::io::Read;

use contactbar::clock::MINUTE;
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
        contactbar::embed::built_runtime().is_some(),
        "run `make widget`, then build the tests again"
    );
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
