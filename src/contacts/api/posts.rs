//! `POST /b/{key}/contacts`: a form post from a page that is none of ours.

use std::net::IpAddr;

use poem::http::{HeaderMap, StatusCode, header};
use poem::{Endpoint, Request, Response, endpoint::make};
use serde_json::{Value, json};
use url::Url;

use crate::bars::{BarKey, PublishedBar};
use crate::contacts::{Contacts, Error, NotAPost, parse_post};
use crate::http::rate_limit::RateLimit;
use crate::http::{ClientAddr, FieldError, Problem};
use crate::tracking::api::visit;

/// Form posts a minute from one address, over all bars.
pub const POSTS_PER_MINUTE_AND_ADDRESS: u32 = 20;
/// Form posts a minute through one bar.
pub const POSTS_PER_MINUTE_AND_BAR: u32 = 300;

/// How many form posts are taken.
#[derive(Clone)]
pub struct FormLimits {
    pub of_address: RateLimit<IpAddr>,
    pub of_bar: RateLimit<BarKey>,
}

impl FormLimits {
    /// Forgets the callers that are back at their full amount.
    pub fn forget_idle(&self) {
        self.of_address.forget_idle();
        self.of_bar.forget_idle();
    }
}

/// The route of form posts; the path's parameter is `key`.
pub fn post(contacts: Contacts, limits: FormLimits) -> impl Endpoint<Output = Response> + 'static {
    make(move |mut request: Request| {
        let (contacts, limits) = (contacts.clone(), limits.clone());
        async move {
            check_content_type(request.headers())?;
            let client = *request
                .data::<ClientAddr>()
                .expect("the guards give every request its client's address");
            let key: BarKey = request
                .raw_path_param("key")
                .and_then(|key| key.parse().ok())
                .ok_or_else(Problem::not_found)?;
            limits
                .of_address
                .check(&client.network())
                .map_err(Problem::from)?;
            let body = request.take_body().into_bytes().await?;
            let post = parse_post(&body).map_err(Problem::from)?;
            let bar = contacts
                .find_bar(&key)
                .await
                .map_err(Problem::from)?
                .ok_or_else(Problem::not_found)?;
            // Counted for bars that there are: nobody fills our memory with keys that there aren't.
            limits.of_bar.check(&key).map_err(Problem::from)?;
            check_origin(request.headers(), &bar)?;
            let visit = visit(request.headers(), client);
            let message = contacts.receive(bar, post, &visit).await.map_err(Problem::from)?;
            Ok::<_, poem::Error>(
                Response::builder()
                    .content_type("application/json")
                    .header(header::CACHE_CONTROL, "no-store")
                    .body(json!({ "message": message }).to_string()),
            )
        }
    })
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

/// A browser's word for where a post comes from weighs more than the page's own. `null` (a sandboxed frame) and none at
/// all say nothing; then the page's address decides.
fn check_origin(headers: &HeaderMap, bar: &PublishedBar) -> Result<(), Problem> {
    let origin = headers
        .get(header::ORIGIN)
        .and_then(|value| value.to_str().ok())
        .filter(|origin| *origin != "null");
    let Some(origin) = origin else { return Ok(()) };
    let allowed = Url::parse(origin)
        .ok()
        .is_some_and(|url| url.host_str().is_some_and(|host| bar.may_show_on(host)));
    if allowed {
        Ok(())
    } else {
        Err(Error::HostNotAllowed.into())
    }
}

impl From<NotAPost> for Problem {
    fn from(not: NotAPost) -> Self {
        match not {
            NotAPost::NotJson(line, column) => {
                Problem::bad_request(format!("This is not JSON: line {line}, column {column}."))
            }
            NotAPost::Fields(errors) => {
                let errors = errors
                    .into_iter()
                    .map(|error| FieldError::new(error.field, error.message));
                Problem::unprocessable(errors.collect::<Vec<_>>())
            }
        }
    }
}

/// The route, for the document.
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
    let example = json!({ "i": "0b8f6c1e5d3a49c7a1f2e3d4c5b6a798", "v": "a", "u": "https://shop.example/pricing",
        "r": "https://news.example/", "l": "de-AT", "t": 5200, "f": { "email": "jo@example.com" }, "c": true });
    json!({
        "paths": { "/b/{key}/contacts": { "post": {
            "operationId": "submit_form", "tags": ["Embed"], "summary": "Leave details through a bar's form",
            "description": "Checked against the published form of the bar. Answered once everything is committed: the \
                contact (one for all posts with the same email address), the post with its consent, the `submit` event of \
                the same id (unless the visitor opted out), mails and webhooks. A post whose id has been seen is \
                answered the same and kept once. What a machine sent (a filled `h`, or a form that stood there for less \
                than 0.8 seconds) is answered the same too, kept nowhere, and counted among what was dropped. The body \
                is JSON whichever of the two content types it has; `text/plain` saves browsers a preflight.",
            "parameters": [{ "name": "key", "in": "path", "required": true, "description": "The bar's key.",
                "schema": { "type": "string", "pattern": "^[0-9a-hjkmnp-tv-z]{10}$" }, "example": "7k2m9q4x8w" }],
            "requestBody": { "required": true, "content": {
                "application/json": { "schema": { "$ref": "#/components/schemas/FormPost" }, "example": example },
                "text/plain": { "schema": { "type": "string", "description": "The same JSON." }, "example": example.to_string() }
            } },
            "responses": {
                "200": { "description": "Kept.", "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/FormAnswer" }, "example": { "message": "Thank you!" } } } },
                "400": problem("It is not JSON."),
                "403": problem("The bar may not be used on this site."),
                "404": problem("No bar that is switched on has this key, or the embed routes are not on this host."),
                "408": problem("The body took too long to arrive."),
                "413": problem("More than 64 KiB."),
                "415": problem("Neither text/plain nor application/json."),
                "422": problem("The post does not fit the published form; `errors` names the fields, in the visitor's language."),
                "429": come_back("Too many posts from this address, or through this bar."),
                "500": problem("Our fault; it has been logged under the request's id."),
                "503": come_back("Nothing was kept. Send it again: a post's id makes it count once.")
            }
        } } },
        "components": { "schemas": {
            "FormPost": {
                "type": "object", "additionalProperties": false, "required": ["i", "v", "u", "t", "f"],
                "properties": {
                    "i": { "type": "string", "pattern": "^[0-9a-fA-F]{32}$", "description": "The post's id, made by the client." },
                    "v": { "type": "string", "description": "The variant's key." },
                    "u": { "type": "string", "format": "uri", "maxLength": 2048, "description": "The page's http or https URL." },
                    "r": { "type": "string", "nullable": true, "description": "The referrer. Only its host is kept." },
                    "l": { "type": "string", "nullable": true, "pattern": "^[A-Za-z0-9-]{1,35}$", "description": "The visitor's language tag." },
                    "t": { "type": "integer", "minimum": 0, "maximum": i32::MAX, "description": "Milliseconds since the form was shown." },
                    "f": { "type": "object", "description": "What was entered, by the fields' names: texts, and true or false for checkboxes.",
                           "additionalProperties": { "anyOf": [{ "type": "string" }, { "type": "boolean" }] } },
                    "c": { "type": "boolean", "default": false, "description": "The visitor consents to the words shown." },
                    "h": { "type": "string", "default": "", "description": "A field that no person sees: it stays empty." },
                    "o": { "type": "boolean", "default": false, "description": "The visitor opted out of being counted." }
                }
            },
            "FormAnswer": {
                "type": "object", "required": ["message"],
                "properties": { "message": { "type": "string", "description": "What the visitor is told, in their language." } }
            }
        } }
    })
}
