//! The dashboard as browsers get it. Its pages' paths hold whether it was built or not; how its files are sent is tried on
//! files of our own.

use contactbar::http::dashboard::Dashboard;
use contactbar::http::guards::Guarded;
use contactbar::http::hosts::Hosts;
use poem::http::Method;
use poem::{EndpointExt, Route};

use crate::guards::rules;
use crate::support::{Answer, Client, Kind, TestApp};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

fn built() -> Dashboard {
    let files = [
        ("index.html", "<!doctype html><title>Contactbar</title>"),
        ("index.html.br", "index in brotli"),
        ("index.html.gz", "index in gzip"),
        ("preview.html", "<!doctype html><title>Preview</title>"),
        ("favicon.svg", "<svg/>"),
        ("assets/app-B1x2.js", "start()"),
        ("assets/app-B1x2.js.br", "start in brotli"),
        ("assets/logo-C3.svg", "<svg/>"),
    ];
    Dashboard::of(files.map(|(path, text)| (path.to_owned(), text.into())))
}

fn client(dashboard: &Dashboard) -> Client {
    Client::of(Guarded::new(rules(), dashboard.routes(Route::new())))
}

async fn get(path: &str, encodings: &str) -> Answer {
    let call = client(&built()).call(Method::GET, path);
    call.header("accept-encoding", encodings).send().await
}

#[tokio::test]
async fn one_page_answers_for_every_page() {
    for path in [
        "/",
        "/login",
        "/bars/bar_01jd3k8q9x7v2m5n6p4r8s0tbw/edit",
        "/verify?token=a.b",
    ] {
        let page = get(path, "identity").await;
        assert_eq!(
            (page.status, page.text()),
            (200, "<!doctype html><title>Contactbar</title>"),
            "{path}"
        );
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-cache");
        assert_eq!(page.header("x-frame-options"), "DENY");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'self'; ") && policy.contains("frame-ancestors 'none'"));
        assert!(policy.contains("img-src 'self' data: blob:") && policy.contains("frame-src 'self'"));
        assert_eq!(page.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn what_is_no_page_is_not_found() {
    for path in [
        "/assets/none-D4.js",
        "/assets/",
        "/assets",
        "/assets/app-B1x2.js.br",
        "/assets/../index.html",
        "/api/nothing",
        "/b/x/y/z",
        "/e/x",
        "/m/x",
        "/c/x",
        "/mail/x",
        "/docs",
        "/policies",
        "/healthz",
        "/robots.txt",
        "/index.html",
        "/preview.html",
        "/bars/.git",
        "/favicon.svg.br",
    ] {
        get(path, "br").await.problem(404);
    }
}

#[tokio::test]
async fn pages_and_files_are_only_read() {
    let client = client(&built());
    for (path, allowed) in [
        ("/login", "GET, HEAD"),
        ("/assets/app-B1x2.js", "GET, HEAD"),
        ("/preview", "GET, HEAD"),
    ] {
        let answer = client.call(Method::POST, path).send().await;
        answer.problem(405);
        assert_eq!(answer.header("allow"), allowed);
    }
    let head = client
        .call(Method::HEAD, "/login")
        .header("accept-encoding", "br")
        .send()
        .await;
    assert_eq!(
        (head.status, head.body.len(), head.header("content-length")),
        (200, 0, "15")
    );
}

#[tokio::test]
async fn each_form_is_sent_to_who_takes_it_and_only_once() {
    for (encodings, encoding, text) in [
        ("br, gzip", "br", "index in brotli"),
        ("gzip", "gzip", "index in gzip"),
        ("br;q=0.1, gzip", "gzip", "index in gzip"),
        ("identity", "", "<!doctype html><title>Contactbar</title>"),
    ] {
        let page = get("/", encodings).await;
        assert_eq!((page.header("content-encoding"), page.text()), (encoding, text));
        assert_eq!(page.header("vary"), "accept-encoding");
        assert_eq!(page.headers.get_all("vary").iter().count(), 1);
        let tag = page.header("etag");
        assert!(tag.starts_with('"'), "{tag} is strong");
        let again = client(&built())
            .call(Method::GET, "/login")
            .header("accept-encoding", encodings);
        let again = again.header("if-none-match", tag).send().await;
        assert_eq!(
            (again.status, again.body.len(), again.header("etag")),
            (304, 0, tag)
        );
    }
}

#[tokio::test]
async fn files_are_kept_for_ever_and_read_by_a_frame_that_is_nobody_s() {
    let script = get("/assets/app-B1x2.js", "gzip, br").await;
    assert_eq!((script.status, script.text()), (200, "start in brotli"));
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("cache-control"), IMMUTABLE);
    assert_eq!(script.header("access-control-allow-origin"), "*");
    assert_eq!(script.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(script.header("x-content-type-options"), "nosniff");
    let gzip = get("/assets/app-B1x2.js", "gzip").await;
    assert_eq!(
        (gzip.header("content-encoding"), gzip.text()),
        ("", "start()"),
        "there is no such form"
    );
    let picture = get("/assets/logo-C3.svg", "br").await;
    assert_eq!(picture.header("content-type"), "image/svg+xml");
    assert!(picture.header("content-security-policy").contains("sandbox"));
    let icon = get("/favicon.svg", "br").await;
    assert_eq!((icon.status, icon.header("cache-control")), (200, "no-cache"));
}

#[tokio::test]
async fn the_preview_is_a_frame_of_ours_that_can_do_nothing_but_show() {
    let preview = get("/preview", "identity").await;
    assert_eq!(
        (preview.status, preview.text()),
        (200, "<!doctype html><title>Preview</title>")
    );
    assert_eq!(
        preview.header("content-security-policy"),
        "default-src 'none'; script-src 'self' blob:; style-src 'self'; img-src data: blob:; connect-src 'none'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts allow-forms"
    );
    assert_eq!(preview.header("x-frame-options"), "SAMEORIGIN");
    assert_eq!(preview.header("cache-control"), "no-cache");
}

#[tokio::test]
async fn files_do_not_use_up_what_an_address_may_ask_for() {
    let client = client(&built());
    let asset = client.get("/assets/app-B1x2.js").await;
    assert_eq!(asset.header("ratelimit"), "");
    let page = client.get("/login").await;
    assert!(
        page.header("ratelimit").starts_with("\"api\";r=999"),
        "{}",
        page.header("ratelimit")
    );
}

#[tokio::test]
async fn the_embed_host_has_none_of_it() {
    let (app, embed) = (
        "https://app.example".parse().unwrap(),
        "https://bar.example".parse().unwrap(),
    );
    let rules = contactbar::http::guards::Rules {
        hosts: Hosts::new(&app, &embed),
        ..rules()
    };
    let client = Client::of(Guarded::new(rules, built().routes(Route::new())).boxed());
    for path in ["/", "/login", "/preview", "/assets/app-B1x2.js", "/favicon.svg"] {
        let on = |host: &'static str| client.call(Method::GET, path).header("host", host).send();
        assert_eq!(on("app.example").await.status, 200, "{path}");
        on("bar.example").await.problem(404);
    }
}

#[tokio::test]
async fn without_a_built_dashboard_a_page_says_what_to_build() {
    let client = client(&Dashboard::of([]));
    for path in ["/", "/verify?token=x", "/preview"] {
        let page = client.get(path).await;
        assert_eq!((page.status, page.header("cache-control")), (503, "no-store"));
        assert!(page.text().contains("make dashboard"), "{}", page.text());
    }
    client.get("/assets/app-B1x2.js").await.problem(404);
}

/// The dashboard knows these paths: they stand in mails that were sent long ago.
#[tokio::test]
async fn every_path_that_a_mail_links_to_is_a_page() {
    let app = TestApp::start(Kind::Sqlite, &[]).await;
    for path in [
        "/login",
        "/verify",
        "/reset-password",
        "/forgot-password",
        "/confirm-address",
        "/invitation",
        "/contacts",
        "/contacts/con_01jd3k8q9x7v2m5n6p4r8s0tbw",
        "/settings/mail",
        "/settings/sessions",
        "/settings/tokens",
    ] {
        let page = app.client().get(&format!("{path}?token=x")).await;
        assert!(
            page.status == 200 || page.status == 503,
            "{path}: {}",
            page.status
        );
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
    }
    for path in ["/policies/privacy", "/policies/terms"] {
        assert_eq!(app.client().get(path).await.status, 200, "{path}");
    }
}
