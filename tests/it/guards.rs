//! Each guard, by what it lets through and what it does not.

use std::{num::NonZeroU32, time::Duration};

use contactbar::{
    clock::Clock,
    http::{
        ClientAddr, Methods,
        client_addr::TrustedProxies,
        guards::{AddressLimits, Guarded, Rules},
        headers::SecurityHeaders,
        hosts::Hosts,
        metrics::Metrics,
        rate_limit::{Policy, RateLimit},
    },
    secrets::Random,
};
use poem::{Body, Endpoint, Response, Route, handler, http::Method};
use serde_json::json;

use crate::support::{Answer, Client, START};

pub fn rules() -> Rules {
    rules_on(&Clock::frozen(START.parse().unwrap()), 1000)
}

fn rules_on(clock: &Clock, per_minute: u32) -> Rules {
    let limit = |name| {
        let amount = NonZeroU32::new(per_minute).unwrap();
        RateLimit::new(
            Policy {
                name,
                amount,
                window: Duration::from_secs(60),
            },
            clock.clone(),
        )
    };
    let url = "http://localhost:8080".parse().unwrap();
    Rules {
        hosts: Hosts::new(&url, &url),
        headers: SecurityHeaders { hsts: false },
        proxies: TrustedProxies::default(),
        limits: AddressLimits {
            api: limit("api"),
            embed: limit("embed"),
        },
        metrics: Metrics::new(),
        random: Random::seeded(1),
    }
}

#[handler]
async fn length(body: Vec<u8>) -> String {
    body.len().to_string()
}

#[handler]
async fn address(client: ClientAddr) -> String {
    client.0.to_string()
}

#[handler]
async fn panicking() -> String {
    panic!("the secret is swordfish")
}

#[handler]
async fn long() -> Response {
    Response::builder()
        .content_type("text/html")
        .header("etag", "\"v1\"")
        .body("<p>Hello, hello, hello!</p>".repeat(100))
}

fn routes() -> impl Endpoint<Output = Response> + 'static {
    Route::new()
        .at("/e", Methods::new().post(length))
        .at("/api/v1/length", Methods::new().post(length))
        .at("/address", Methods::new().get(address))
        .at("/panic", Methods::new().get(panicking))
        .at("/long", Methods::new().get(long))
        .at("/b/0123456789.js", Methods::new().get(long))
}

pub fn guarded(rules: Rules) -> impl Endpoint<Output = Response> + 'static {
    Guarded::new(rules, routes())
}

fn client() -> Client {
    Client::of(guarded(rules()))
}

async fn post(path: &str, bytes: usize) -> Answer {
    client()
        .call(Method::POST, path)
        .body(vec![b'x'; bytes])
        .send()
        .await
}

#[tokio::test]
async fn a_body_may_fill_its_cap_and_no_more() {
    assert_eq!(post("/e", 16 * 1024).await.text(), "16384");
    post("/e", 16 * 1024 + 1).await.problem(413);
    assert_eq!(post("/api/v1/length", 64 * 1024).await.text(), "65536");
    post("/api/v1/length", 64 * 1024 + 1).await.problem(413);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_capped_as_it_comes() {
    let chunks = |count: usize| {
        let chunks = (0..count).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 1024]));
        Body::from_bytes_stream(futures_util::stream::iter(chunks))
    };
    let send = |count| client().call(Method::POST, "/e").body(chunks(count)).send();
    assert_eq!(send(16).await.text(), "16384");
    send(17).await.problem(413);
}

#[tokio::test]
async fn a_promise_of_too_much_is_refused_unread() {
    let never = Body::from_bytes_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let call = client()
        .call(Method::POST, "/e")
        .header("content-length", "99999999");
    call.body(never).send().await.problem(413);
}

#[tokio::test]
async fn a_request_without_an_id_gets_one_and_a_sane_one_is_kept() {
    assert_eq!(client().get("/address").await.header("x-request-id").len(), 32);
    let named = client()
        .call(Method::GET, "/address")
        .header("x-request-id", "mine-1")
        .send()
        .await;
    assert_eq!(named.header("x-request-id"), "mine-1");
    let forged = client()
        .call(Method::GET, "/address")
        .header("x-request-id", "a\" evil=\"b")
        .send()
        .await;
    assert_eq!(forged.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    let client = client();
    let answer = client.get("/panic").await;
    answer.problem(500);
    assert!(!answer.text().contains("swordfish"));
    assert_eq!(client.get("/address").await.status, 200);
}

#[tokio::test]
async fn any_site_may_read_the_embed_routes_whatever_its_origin_says() {
    for origin in ["https://shop.example", "https://läden.example", "null", ""] {
        let answer = client()
            .call(Method::POST, "/e")
            .header("origin", origin)
            .send()
            .await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin")),
            (200, "*"),
            "{origin}"
        );
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    let refused = client()
        .call(Method::POST, "/e")
        .body(vec![0; 20_000])
        .send()
        .await;
    assert_eq!(
        (refused.status, refused.header("access-control-allow-origin")),
        (413, "*")
    );
}

#[tokio::test]
async fn no_other_site_may_read_the_app_routes() {
    let answer = client()
        .call(Method::GET, "/address")
        .header("origin", "https://shop.example")
        .send()
        .await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    let preflight = client()
        .call(Method::OPTIONS, "/api/v1/length")
        .header("origin", "https://shop.example");
    let answer = preflight
        .header("access-control-request-method", "POST")
        .send()
        .await;
    answer.problem(405);
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn a_browser_that_asks_first_is_told_what_it_may() {
    let preflight = client()
        .call(Method::OPTIONS, "/e")
        .header("origin", "https://shop.example");
    let answer = preflight
        .header("access-control-request-method", "POST")
        .send()
        .await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (204, "*")
    );
    assert_eq!(answer.header("access-control-allow-methods"), "GET, POST");
}

#[tokio::test]
async fn a_client_cannot_lie_about_its_address() {
    let call = client()
        .call(Method::GET, "/address")
        .header("x-forwarded-for", "1.2.3.4");
    assert_eq!(call.peer_at("203.0.113.9:1").send().await.text(), "203.0.113.9");
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_about_its_own_client_only() {
    let proxies = TrustedProxies {
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        ..TrustedProxies::default()
    };
    let client = Client::of(guarded(Rules { proxies, ..rules() }));
    let call = client
        .call(Method::GET, "/address")
        .header("x-forwarded-for", "6.6.6.6, 203.0.113.9");
    assert_eq!(call.peer_at("10.1.1.1:1").send().await.text(), "203.0.113.9");
}

#[tokio::test]
async fn requests_too_many_come_back_later() {
    let clock = Clock::frozen(START.parse().unwrap());
    let client = Client::of(guarded(rules_on(&clock, 2)));
    let first = client.get("/address").await;
    assert_eq!(first.header("ratelimit-policy"), "\"api\";q=2;w=60");
    assert_eq!(first.header("ratelimit"), "\"api\";r=1;t=30");
    assert_eq!(
        client.get("/address").await.header("ratelimit"),
        "\"api\";r=0;t=60"
    );
    let third = client.get("/address").await;
    third.problem(429);
    assert_eq!(third.header("retry-after"), "30");
    assert_eq!(third.header("ratelimit"), "\"api\";r=0;t=30");
    // A neighbour is not concerned, nor is the embed side.
    let neighbour = client
        .call(Method::GET, "/address")
        .peer_at("203.0.113.9:1")
        .send()
        .await;
    assert_eq!(neighbour.status, 200);
    assert_eq!(client.call(Method::POST, "/e").send().await.status, 200);
    clock.advance(Duration::from_secs(30));
    assert_eq!(client.get("/address").await.status, 200);
}

#[tokio::test]
async fn callers_who_have_been_away_are_forgotten() {
    let clock = Clock::frozen(START.parse().unwrap());
    let rules = rules_on(&clock, 2);
    let limit = rules.limits.api.clone();
    let client = Client::of(guarded(rules));
    client.get("/address").await;
    limit.forget_idle();
    assert_eq!(limit.len(), 1);
    clock.advance(Duration::from_secs(120));
    limit.forget_idle();
    assert_eq!(limit.len(), 0);
}

#[tokio::test]
async fn a_cookie_from_another_site_changes_nothing() {
    let with_cookie = |method, path| client().call(method, path).header("cookie", "session=x");
    let change = || with_cookie(Method::POST, "/api/v1/length");
    change()
        .header("origin", "https://evil.example")
        .send()
        .await
        .problem(403);
    change()
        .header("sec-fetch-site", "same-site")
        .header("origin", "http://localhost:8080")
        .send()
        .await
        .problem(403);
    change().send().await.problem(403);
    assert_eq!(
        change()
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .status,
        200
    );
    assert_eq!(
        change()
            .header("origin", "http://localhost:8080")
            .send()
            .await
            .status,
        200
    );
    assert_eq!(
        with_cookie(Method::GET, "/address")
            .header("origin", "https://evil.example")
            .send()
            .await
            .status,
        200
    );
    // No cookie, no borrowed authority; and beacons read none.
    assert_eq!(
        client().call(Method::POST, "/api/v1/length").send().await.status,
        200
    );
    assert_eq!(
        with_cookie(Method::POST, "/e")
            .header("origin", "https://shop.example")
            .send()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn each_host_answers_its_own_routes_only() {
    let hosts = Hosts::new(
        &"https://app.example".parse().unwrap(),
        &"https://bar.example".parse().unwrap(),
    );
    let client = Client::of(guarded(Rules { hosts, ..rules() }));
    let ask = |host, path| client.call(Method::GET, path).header("host", host).send();
    assert_eq!(ask("app.example", "/address").await.status, 200);
    ask("bar.example", "/address").await.problem(404);
    assert_eq!(ask("bar.example", "/b/0123456789.js").await.status, 200);
    ask("app.example", "/b/0123456789.js").await.problem(404);
}

#[tokio::test]
async fn text_is_compressed_as_the_client_asks() {
    let plain = client().get("/long").await;
    assert_eq!(
        (plain.header("content-encoding"), plain.header("vary")),
        ("", "accept-encoding")
    );
    let small = client()
        .call(Method::GET, "/long")
        .header("accept-encoding", "gzip, br")
        .send()
        .await;
    assert_eq!(
        (small.header("content-encoding"), small.header("etag")),
        ("br", "W/\"v1\"")
    );
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(
        &mut brotli::Decompressor::new(&small.body[..], 4096),
        &mut unpacked,
    )
    .unwrap();
    assert_eq!(unpacked, plain.body);
    let gzip = client()
        .call(Method::GET, "/long")
        .header("accept-encoding", "gzip")
        .send()
        .await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn browsers_are_told_to_be_careful() {
    let page = client().get("/long").await;
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("x-frame-options"), "DENY");
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'self'")
    );
    assert_eq!(page.header("strict-transport-security"), "");
    let script = client().get("/b/0123456789.js").await;
    assert_eq!(script.header("cross-origin-resource-policy"), "cross-origin");
    let https = Client::of(guarded(Rules {
        headers: SecurityHeaders { hsts: true },
        ..rules()
    }));
    assert!(
        https
            .get("/long")
            .await
            .header("strict-transport-security")
            .starts_with("max-age=31536000")
    );
}

#[tokio::test]
async fn what_is_answered_is_counted_by_class_and_never_by_path() {
    let rules = rules();
    let metrics = rules.metrics.clone();
    metrics.observe("queue_length", "Events waiting", || 3);
    let client = Client::of(guarded(rules));
    client.get("/address").await;
    client.get("/nowhere/at/all").await;
    client.post("/api/v1/length", json!({})).await;
    let text = metrics.text();
    assert!(
        text.contains(r#"contactbar_http_requests_total{class="page",status="200"} 1"#),
        "{text}"
    );
    assert!(
        text.contains(r#"contactbar_http_requests_total{class="page",status="404"} 1"#),
        "{text}"
    );
    assert!(
        text.contains("contactbar_queue_length 3") && text.contains("contactbar_http_requests_in_flight 0"),
        "{text}"
    );
    assert!(!text.contains("nowhere"));
}
