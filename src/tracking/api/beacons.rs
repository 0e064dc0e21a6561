//! `POST /e` and `GET /e.gif`: the hot path. Answers when everything is committed, and says what was not counted.

use std::sync::Arc;

use poem::http::{HeaderMap, StatusCode, header};
use poem::{Endpoint, Request, Response, endpoint::make};
use serde_json::{Value, json};

use super::visit;
use crate::http::{ClientAddr, Problem, cors};
use crate::tracking::beacon::{self, Malformed};
use crate::tracking::{Beacon, CountError, Dropped, Tracking};

/// A transparent point, 43 bytes.
const GIF: &[u8; 43] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// `POST /e`
pub fn post(tracking: Tracking) -> impl Endpoint<Output = Response> + 'static {
    let tracking = Arc::new(tracking);
    make(move |mut request: Request| {
        let tracking = tracking.clone();
        async move {
            check_content_type(request.headers())?;
            let client = client(&request);
            let body = request.take_body().into_bytes().await?;
            let headers = std::mem::take(request.headers_mut());
            let beacons = beacon::parse(&body).map_err(Problem::from)?;
            let dropped = count(&tracking, beacons, &headers, client).await?;
            Ok::<_, poem::Error>(answer(StatusCode::NO_CONTENT, &dropped).finish())
        }
    })
}

/// `GET /e.gif`
pub fn gif(tracking: Tracking) -> impl Endpoint<Output = Response> + 'static {
    let tracking = Arc::new(tracking);
    make(move |mut request: Request| {
        let tracking = tracking.clone();
        async move {
            let client = client(&request);
            let query = request.uri().query().unwrap_or_default().to_owned();
            let headers = std::mem::take(request.headers_mut());
            let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
            let beacon = beacon::parse_query(&query, tracking.event_id(), referer).map_err(Problem::from)?;
            let dropped = count(&tracking, vec![beacon], &headers, client).await?;
            Ok::<_, poem::Error>(
                answer(StatusCode::OK, &dropped)
                    .content_type("image/gif")
                    .body(GIF.as_slice()),
            )
        }
    })
}

fn client(request: &Request) -> ClientAddr {
    *request
        .data::<ClientAddr>()
        .expect("the guards give every request its client's address")
}

/// `text/plain` needs no preflight; whoever wants one may send JSON as such.
fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("text/plain") || essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        .detail("Send JSON as text/plain or application/json."))
}

async fn count(
    tracking: &Tracking,
    beacons: Vec<Beacon>,
    headers: &HeaderMap,
    client: ClientAddr,
) -> Result<Dropped, Problem> {
    Ok(tracking.count(beacons, &visit(headers, client)).await?)
}

fn answer(status: StatusCode, dropped: &Dropped) -> poem::ResponseBuilder {
    let response = Response::builder()
        .status(status)
        .header(header::CACHE_CONTROL, "no-store");
    if dropped.is_empty() {
        response
    } else {
        response.header(cors::DROPPED, dropped.to_string())
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Problem::bad_request(malformed.to_string())
    }
}

impl From<CountError> for Problem {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Queue(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE)
                .retry_after(1)
                .detail("Not acknowledged; send it again, with the same ids: it counts once."),
            CountError::Db(error) if error.is_unavailable() => Problem::from(error),
            CountError::Db(error) => Problem::unavailable(error),
        }
    }
}

/// The two routes, for the document.
pub fn describe() -> Value {
    let problem = |description: &str| {
        json!({ "description": description, "content": { "application/problem+json": {
            "schema": { "$ref": "#/components/schemas/Problem" } } } })
    };
    let come_back = |description: &str| {
        let mut response = problem(description);
        response["headers"] = json!({ "Retry-After": { "description": "Seconds to wait before the next try.",
            "schema": { "type": "integer", "format": "int32" } } });
        response
    };
    let dropped = json!({ "X-Contactbar-Dropped": {
        "description": "What was not counted, by reason. Absent when everything was.",
        "schema": { "type": "string" }, "example": "bot=1" } });
    let errors = |with_body: bool| {
        let mut errors = json!({
            "400": problem("Malformed: `detail` says where."),
            "404": problem("The embed routes are not on this host."),
            "429": come_back("Too many requests from this address."),
            "500": problem("Our fault; it has been logged under the request's id."),
            "503": come_back("Nothing was counted. Send it again: an event's id makes it count once.")
        });
        if with_body {
            errors["408"] = problem("The body took too long to arrive.");
            errors["413"] = problem("More than 16 KiB.");
            errors["415"] = problem("Neither text/plain nor application/json.");
        }
        errors
    };
    let mut post_responses = errors(true);
    post_responses["204"] = json!({ "description": "Committed.", "headers": dropped });
    let mut gif_responses = errors(false);
    gif_responses["200"] = json!({ "description": "Committed: a transparent point.", "headers": dropped,
        "content": { "image/gif": { "schema": { "type": "string", "format": "binary" } } } });
    let example = json!({ "b": "7k2m9q4x8w", "i": "0b8f6c1e5d3a49c7a1f2e3d4c5b6a798", "k": "view", "v": "a",
        "u": "https://shop.example/pricing?utm_source=news", "r": "https://news.example/", "t": 0, "l": "de-AT" });
    let parameters = ["b", "i", "k", "v", "u", "r", "t", "l", "w"].map(|name| {
        let schema = event_schema()["properties"][name].clone();
        let required = ["b", "v"].contains(&name);
        json!({ "name": name, "in": "query", "required": required, "schema": schema })
    });
    json!({
        "paths": {
            "/e": { "post": {
                "operationId": "send_events", "tags": ["Embed"], "summary": "Report events of a bar",
                "description": "Answered once everything is committed. An event whose id has been seen counts once. \
                    The body is JSON whichever of the two content types it has; `text/plain` saves browsers a preflight.",
                "requestBody": { "required": true, "content": {
                    "application/json": { "schema": { "$ref": "#/components/schemas/Events" }, "example": example },
                    "text/plain": { "schema": { "type": "string", "description": "The same JSON." }, "example": example.to_string() }
                } },
                "responses": post_responses
            } },
            "/e.gif": { "get": {
                "operationId": "send_event_by_pixel", "tags": ["Embed"], "summary": "Report one event by loading a pixel",
                "description": "For pages without scripts. Without `i` each request is an event of its own; without `k` \
                    it is a view; without `u` the page is what `Referer` says.",
                "parameters": parameters,
                "responses": gif_responses
            } }
        },
        "components": { "schemas": {
            "Event": event_schema(),
            "Events": { "anyOf": [
                { "$ref": "#/components/schemas/Event" },
                { "type": "array", "minItems": 1, "maxItems": beacon::MAX_EVENTS,
                  "items": { "$ref": "#/components/schemas/Event" } }
            ] }
        } }
    })
}

fn event_schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["b", "i", "k", "v", "u"],
        "properties": {
            "b": { "type": "string", "pattern": "^[0-9a-hjkmnp-tv-z]{10}$", "description": "The bar's key." },
            "i": { "type": "string", "pattern": "^[0-9a-fA-F]{32}$", "description": "The event's id, made by the client." },
            "k": { "type": "string", "enum": ["view", "click", "close", "submit"], "description": "What happened." },
            "v": { "type": "string", "pattern": "^[a-z0-9_-]{1,16}$", "description": "The variant's key." },
            "u": { "type": "string", "format": "uri", "maxLength": 2048,
                   "description": "The page's http or https URL. Host and path are kept, of the query only `utm_…`." },
            "r": { "type": "string", "description": "The referrer. Only its host is kept." },
            "t": { "type": "number", "minimum": 0, "maximum": i32::MAX, "description": "Milliseconds since the bar was shown." },
            "l": { "type": "string", "description": "The browser's language tag. Its first part is kept." },
            "w": { "type": "boolean", "description": "True when `navigator.webdriver` is." }
        }
    })
}
