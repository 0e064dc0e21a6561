//! `GET /b/{key}.js`, `GET /optout` and `POST /optout`: plain routes of the embed host.

use std::sync::Arc;

use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{Endpoint, Request, Response, endpoint::make};
use serde_json::{Value, json};

use super::optout::{self, Choice};
use super::script::{Form, Script};
use super::{Answer, Scripts};
use crate::bars::{BarKey, LegacyId, PublishedBars};
use crate::http::compress::Encoding;
use crate::http::{FieldError, Methods, Problem};

/// A minute in browsers; a day beyond that while a new one is fetched, a week while we can't be reached.
const CACHED_BAR: HeaderValue =
    HeaderValue::from_static("max-age=60, stale-while-revalidate=86400, stale-if-error=604800");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// `/b/{key}.js`. The route's parameter is `key`, the ending included. Old snippets know their bar by its legacy id.
pub fn script(scripts: Scripts, published: PublishedBars) -> impl Endpoint<Output = Response> + 'static {
    make(move |request: Request| {
        let (scripts, published) = (scripts.clone(), published.clone());
        async move {
            let file = request.raw_path_param("key").unwrap_or_default();
            let key = file.strip_suffix(".js").ok_or_else(Problem::not_found)?;
            let key = match key.parse::<BarKey>() {
                Ok(key) => Some(key),
                Err(_) => find_legacy(&published, key).await.map_err(Problem::from)?,
            };
            // What is nobody's gets the page the script that does nothing.
            let answer = scripts.find(key).await.map_err(Problem::from)?;
            Ok::<_, poem::Error>(match answer {
                Answer::Script(script) => write_script(&request, &script, CACHED_BAR),
                Answer::Unbuilt(script) => {
                    write_script(&request, &script, HeaderValue::from_static("no-store"))
                }
            })
        }
    })
}

async fn find_legacy(published: &PublishedBars, id: &str) -> Result<Option<BarKey>, crate::db::Error> {
    match id.parse::<LegacyId>() {
        Ok(id) => published.find_key(&id).await,
        Err(_) => Ok(None),
    }
}

fn write_script(request: &Request, script: &Script, cache_control: HeaderValue) -> Response {
    let form = chosen(request, script);
    let known = request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|tags| tags.to_str().ok());
    let unchanged = { known }.any(|tags| form.is_among(tags));
    let mut response = if unchanged {
        Response::builder().status(StatusCode::NOT_MODIFIED).finish()
    } else {
        Response::builder().body(form.bytes.clone())
    };
    let headers = response.headers_mut();
    if !unchanged {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/javascript; charset=utf-8"),
        );
        if let Some(encoding) = form.encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    if let Ok(etag) = HeaderValue::try_from(form.etag.as_str()) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, cache_control);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("cross-origin"),
    );
    response
}

fn chosen<'a>(request: &Request, script: &'a Script) -> &'a Form {
    match Encoding::accepted(request.headers()) {
        Some(Encoding::Brotli) => script.brotli(),
        Some(Encoding::Gzip) => script.gzip(),
        None => script.plain(),
    }
}

/// `/optout`: GET shows the choice, POST changes it. `public_url` is where the policies are.
pub fn optout(public_url: &url::Url) -> Methods {
    let policies: Arc<str> = format!("{}/policies", public_url.as_str().trim_end_matches('/')).into();
    let known = policies.clone();
    Methods::new()
        .get(make(move |request: Request| {
            let policies = known.clone();
            async move { Ok::<_, poem::Error>(write_page(&request, None, &policies)) }
        }))
        .post(make(move |request: Request| {
            let policies = policies.clone();
            async move { change_choice(request, &policies).await.map_err(poem::Error::from) }
        }))
}

async fn change_choice(mut request: Request, policies: &str) -> Result<Response, Problem> {
    // Another site's form must not undo what the visitor chose.
    if request
        .header("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none")
    {
        return Err(Problem::forbidden("Only this page itself may change the choice."));
    }
    let essence = request
        .content_type()
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default();
    if !essence
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    {
        let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        return Err(problem.detail("A form is expected: application/x-www-form-urlencoded."));
    }
    let body = request
        .take_body()
        .into_bytes()
        .await
        .map_err(|_| Problem::bad_request("The body broke off."))?;
    let choice = read_choice(&body)?;
    Ok(write_page(&request, Some(choice), policies))
}

fn read_choice(body: &[u8]) -> Result<Choice, Problem> {
    let mut choice = None;
    let mut faults = Vec::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        match value.parse::<Choice>() {
            _ if name != "choice" => faults.push(FieldError::new("", "only `choice` is known here")),
            _ if choice.is_some() => faults.push(FieldError::new("choice", "stands there twice")),
            Ok(made) => choice = Some(made),
            Err(error) => faults.push(FieldError::new("choice", error.to_string())),
        }
    }
    match choice {
        Some(choice) if faults.is_empty() => Ok(choice),
        None if faults.is_empty() => Err(Problem::field("choice", "is required: `out` or `in`")),
        _ => Err(Problem::unprocessable(faults)),
    }
}

fn write_page(request: &Request, choice: Option<Choice>, policies: &str) -> Response {
    let page = optout::page(reads_german(request), choice, policies);
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, page.content_security_policy)
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::VARY, "accept-language")
        .body(page.html)
}

/// Does German come before English among the languages that the visitor reads?
fn reads_german(request: &Request) -> bool {
    let languages = request.header("accept-language").unwrap_or_default();
    let known = languages
        .split(',')
        .map(|tag| tag.trim().get(..2).unwrap_or_default().to_ascii_lowercase());
    { known }
        .find(|tag| tag == "de" || tag == "en")
        .is_some_and(|tag| tag == "de")
}

/// These routes, for the document.
pub fn describe() -> Value {
    let problem = |description: &str| {
        json!({ "description": description,
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } })
    };
    let page = |description: &str| {
        json!({ "description": description, "content": { "text/html": { "schema": { "type": "string" },
                "example": "<!doctype html><html lang=\"en\">…" } } })
    };
    let etag = json!({ "description": "Names these very bytes.", "schema": { "type": "string" },
                       "example": "\"5f0c2ab98d0e6a51cc4af0d2-br\"" });
    json!({
        "tags": [{ "name": "Embed", "description": "What visitors' browsers talk to: on the embed host, without cookies, open to every origin." }],
        "paths": {
            "/b/{key}.js": { "get": {
                "operationId": "read_script", "tags": ["Embed"], "summary": "The bar's script",
                "description": "The script and the published configuration of a bar in one answer, compressed as the browser takes it \
                    (`br`, `gzip`). A page embeds it with `<script async src=\"https://HOST/b/KEY.js\"></script>`. A bar that is paused, \
                    deleted or was never published, and a key that is nobody's, get a script that does nothing.",
                "parameters": [
                    { "name": "key", "in": "path", "required": true, "description": "The bar's key, or its legacy id.",
                      "schema": { "type": "string" }, "example": "7m2k9x4qtz" },
                    { "name": "If-None-Match", "in": "header", "description": "Tags that the client has.",
                      "schema": { "type": "string" }, "example": "\"5f0c2ab98d0e6a51cc4af0d2-br\"" }
                ],
                "responses": {
                    "200": { "description": "The script.", "headers": { "ETag": etag.clone() },
                             "content": { "text/javascript": { "schema": { "type": "string" }, "example": "(()=>{…})();" } } },
                    "304": { "description": "The client has it already.", "headers": { "ETag": etag } },
                    "404": problem("The path is not that of a script."),
                    "503": problem("Not able to answer right now. Try again after `Retry-After` seconds.")
                }
            } },
            "/optout": {
                "get": {
                    "operationId": "show_optout", "tags": ["Embed"], "summary": "The visitor's choice, as a page",
                    "description": "Shows whether bars on this address report about the visitor, and lets them change that. The choice \
                        is kept by the browser alone (in `localStorage`, where the bar's script looks): no cookie is set, and the \
                        server never learns it. A GET changes nothing.",
                    "responses": { "200": page("The page, in English or German."), "429": problem("Too many requests.") }
                },
                "post": {
                    "operationId": "change_optout", "tags": ["Embed"], "summary": "Change the visitor's choice",
                    "description": "Answers the page, which carries out the choice in the browser that shows it.",
                    "requestBody": { "required": true, "content": { "application/x-www-form-urlencoded": {
                        "schema": { "type": "object", "required": ["choice"], "additionalProperties": false, "properties": {
                            "choice": { "type": "string", "enum": ["out", "in"], "description": "`out`: report nothing about me. `in`: go back." } } },
                        "example": { "choice": "out" } } } },
                    "responses": {
                        "200": page("The page, with the choice carried out."),
                        "400": problem("The body can't be read."),
                        "403": problem("The form came from another site."),
                        "408": problem("The body took too long to arrive."),
                        "413": problem("The body is too large."),
                        "415": problem("The body is no form."),
                        "422": problem("The choice is missing or unknown."),
                        "429": problem("Too many requests.")
                    }
                }
            }
        }
    })
}
