//! `/docs`: the reference page, all of it from here. Swagger UI comes embedded in poem-openapi; it is cut out of there
//! and served as files, so that the page needs no inline script and asks nobody else for anything.

use bytes::Bytes;
use poem::{Endpoint, Response, Route, endpoint::make_sync, http::header};
use poem_openapi::OpenApiService;

use super::methods::Methods;

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Contactbar API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/ui.css">
</head>
<body>
<div id="ui"></div>
<noscript>This page needs JavaScript. The document itself is at <a href="/api/openapi.json">/api/openapi.json</a>.</noscript>
<script src="/docs/ui.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"#;

const START: &str = r##"SwaggerUIBundle({ url: "/api/openapi.json", dom_id: "#ui", deepLinking: true, validatorUrl: null });
"##;

/// Swagger UI sets style attributes and draws with data: images; scripts come from files only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and its files.
pub fn routes() -> Route {
    let html = OpenApiService::new((), "", "").swagger_ui_html();
    let script = between(&html, "<script charset=\"UTF-8\">", "</script>\n</head>");
    let style = between(&html, "<style charset=\"UTF-8\">", "</style>");
    Route::new()
        .at(
            "/",
            Methods::new().get(file("text/html; charset=utf-8", PAGE.into())),
        )
        .at(
            "/ui.js",
            Methods::new().get(file(
                "text/javascript; charset=utf-8",
                Bytes::copy_from_slice(script.as_bytes()),
            )),
        )
        .at(
            "/ui.css",
            Methods::new().get(file(
                "text/css; charset=utf-8",
                Bytes::copy_from_slice(style.as_bytes()),
            )),
        )
        .at(
            "/start.js",
            Methods::new().get(file("text/javascript; charset=utf-8", START.into())),
        )
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or("", |(inner, _)| inner)
}

fn file(content_type: &'static str, bytes: Bytes) -> impl Endpoint<Output = Response> + 'static {
    make_sync(move |_| {
        Response::builder()
            .content_type(content_type)
            .header(header::CACHE_CONTROL, "public, max-age=3600")
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .body(bytes.clone())
    })
}
