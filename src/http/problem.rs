//! What goes wrong, told in one shape: RFC 9457 `application/problem+json`.
//!
//! Owns [`Problem`], the error type of every handler, and the translation of whatever else fails on the way (no route,
//! bad JSON, a parameter that does not parse) into it. It must never tell a client what happened inside: a 5xx says
//! so and no more, and its cause is logged here, once.

use std::error::Error as StdError;

use poem::{
    IntoResponse, Response,
    error::{MethodNotAllowedError, NotFoundError, ResponseError},
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use poem_openapi::{
    ApiResponse, Object,
    error::{
        AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
    },
    registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry},
    types::{ToJSON, Type},
};

/// The content type of every error.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// One field of a request that can't be taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct FieldError {
    /// Where: a path such as `variants[0].goal.url`, or the name of a parameter or header. Empty for the whole.
    pub field: String,
    /// What is wrong with it, for people.
    pub message: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// The body of every error (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(rename = "Problem", skip_serializing_if_is_none, skip_serializing_if_is_empty)]
struct Body {
    /// What kind of problem: a URI that stays the same. `about:blank` when the status says it all.
    #[oai(rename = "type")]
    kind: String,
    /// The kind of problem in words, the same each time.
    title: String,
    /// The HTTP status, again.
    #[oai(validator(minimum(value = "400"), maximum(value = "599")))]
    status: u16,
    /// What happened this time, and what to do about it.
    detail: Option<String>,
    /// The fields at fault.
    #[oai(default)]
    errors: Vec<FieldError>,
    /// Quote it to support: the logs know the request by this id (`X-Request-Id`).
    request_id: Option<String>,
}

/// A problem on its way to the client. Every handler returns `Result<_, Problem>`.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    kind: Option<&'static str>,
    detail: Option<String>,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The answers that an operation may give besides its own; openapi.rs strikes those that one can't.
const DOCUMENTED: [(u16, &str); 11] = [
    (
        400,
        "The request can't be understood: broken JSON, or a parameter or header that does not parse.",
    ),
    (401, "No valid session or token."),
    (
        403,
        "The role or the token's scopes do not allow this, or the request came from another site.",
    ),
    (404, "There is no such thing, or it is not yours."),
    (408, "The body took too long to arrive."),
    (409, "It is in a state that does not allow this."),
    (413, "The body is too large."),
    (415, "The body's content type is not supported."),
    (
        422,
        "The request is understood, but some fields can't be taken; `errors` names them.",
    ),
    (429, "Too many requests; `Retry-After` says when to come back."),
    (
        503,
        "Not able to answer right now; nothing was changed. Try again after `Retry-After` seconds.",
    ),
];

impl Problem {
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            kind: None,
            detail: None,
            errors: Vec::new(),
            headers: Vec::new(),
            source: None,
        }
    }

    /// 400: the request can't be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST).detail(detail)
    }

    /// 401, with the challenge that HTTP asks for.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED)
            .detail(detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 403: known, but not allowed.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN).detail(detail)
    }

    /// 404: not there, or somebody else's.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND)
    }

    /// 409: its state does not allow it.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT).detail(detail)
    }

    /// 422: the fields at fault.
    pub fn unprocessable(errors: impl Into<Vec<FieldError>>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY);
        problem.errors = errors.into();
        problem
    }

    /// 422 for one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::unprocessable([FieldError::new(field, message)])
    }

    /// 429: come back later.
    pub fn too_many_requests(retry_after_secs: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS).retry_after(retry_after_secs)
    }

    /// 503: nothing was changed, come back later. The cause is logged, not told.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(1);
        problem.source = Some(source.into());
        problem
    }

    /// 500. The cause is logged, not told.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR);
        problem.source = Some(source.into());
        problem
    }

    /// What happened this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// A kind of problem that programs may want to tell from others of the same status: a URI that stays the same.
    #[must_use]
    pub fn kind(mut self, uri: &'static str) -> Self {
        self.kind = Some(uri);
        self
    }

    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    #[must_use]
    pub fn retry_after(self, secs: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(secs))
    }

    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Logs what is ours to repair, and makes the answer.
    pub fn respond(self, request_id: &str) -> Response {
        if self.status.is_server_error() {
            match &self.source {
                Some(source) => tracing::error!(
                    http.status = self.status.as_u16(),
                    error = chain(&**source),
                    "request failed"
                ),
                // Shed, or told before why; the metrics count it.
                None => tracing::debug!(http.status = self.status.as_u16(), "request refused"),
            }
        }
        self.answer(Some(request_id.to_owned()))
    }

    fn answer(self, request_id: Option<String>) -> Response {
        let body = Body {
            kind: self.kind.unwrap_or("about:blank").to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            errors: self.errors,
            request_id,
        };
        let mut response = Response::builder()
            .status(self.status)
            .content_type(CONTENT_TYPE)
            .header(header::CACHE_CONTROL, "no-store")
            .body(body.to_json_string());
        response.headers_mut().extend(self.headers);
        response
    }
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

impl StdError for Problem {}

// Makes `Problem` an error of poem that is still recognised, headers and all, when it comes out of the router.
impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn as_response(&self) -> Response {
        let copy = Problem {
            status: self.status,
            kind: self.kind,
            detail: self.detail.clone(),
            errors: self.errors.clone(),
            headers: self.headers.clone(),
            source: None,
        };
        copy.answer(None)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.answer(None)
    }
}

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let responses = DOCUMENTED
            .into_iter()
            .chain([(500, "Our fault; it has been logged under the request's id.")])
            .map(|(status, description)| MetaResponse {
                description,
                status: Some(status),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: CONTENT_TYPE,
                    schema: Body::schema_ref(),
                }],
                headers: match status {
                    429 | 503 => vec![retry_after_header()],
                    _ => Vec::new(),
                },
            })
            .collect();
        MetaResponses { responses }
    }

    fn register(registry: &mut Registry) {
        Body::register(registry);
    }
}

fn retry_after_header() -> MetaHeader {
    MetaHeader {
        name: "Retry-After".to_owned(),
        description: Some("Seconds to wait before the next try.".to_owned()),
        required: false,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("integer", "int32"))),
    }
}

impl From<crate::db::Error> for Problem {
    fn from(error: crate::db::Error) -> Self {
        match error {
            // The pool has said so, once for all requests: a line for each would fill the disk of whoever is in trouble already.
            crate::db::Error::Unavailable(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(1),
            error if error.is_unavailable() => Self::unavailable(error),
            error => Self::internal(error),
        }
    }
}

/// Turns whatever poem, poem-openapi or a handler failed with into a [`Problem`].
pub fn from_error(error: poem::Error) -> Problem {
    let error = match error.downcast::<Problem>() {
        Ok(problem) => return problem,
        Err(error) => error,
    };
    if error.is::<NotFoundError>() || error.is::<ParsePathError>() {
        // An id of the wrong form is an id that does not exist.
        return Problem::not_found();
    }
    if error.is::<MethodNotAllowedError>() {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED);
    }
    if error.is::<AuthorizationError>() {
        return Problem::unauthorized("Log in, or send a token: Authorization: Bearer cb_…");
    }
    if let Some(parameter) = error.downcast_ref::<ParseParamError>() {
        let mut problem = Problem::bad_request("A parameter does not parse.");
        problem.errors = vec![FieldError::new(parameter.name, plain_words(&parameter.reason))];
        return problem;
    }
    if let Some(content_type) = error.downcast_ref::<ContentTypeError>() {
        let detail = match content_type {
            ContentTypeError::NotSupported { .. } => "This content type is not supported here.",
            ContentTypeError::ExpectContentType => "Say what the body is: a Content-Type header is missing.",
        };
        return Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).detail(detail);
    }
    if let Some(payload) = error.downcast_ref::<ParseRequestPayloadError>() {
        return Problem::bad_request(plain_words(&payload.reason));
    }
    let status = error.status();
    if status.is_client_error() {
        return Problem::new(status);
    }
    Problem {
        source: Some(error.to_string().into()),
        ..Problem::new(status_or_500(status))
    }
}

fn status_or_500(status: StatusCode) -> StatusCode {
    if status.is_server_error() {
        status
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

/// Takes the names of our types out of poem-openapi's messages.
pub(crate) fn plain_words(reason: &str) -> String {
    let reason = reason.split(" (occurred while parsing").next().unwrap_or(reason);
    let reason = match reason.strip_prefix("failed to parse \"") {
        Some(rest) => rest.split_once("\": ").map_or(rest, |(_, words)| words),
        None => reason,
    };
    match reason
        .strip_prefix("Expected input type \"")
        .and_then(|rest| rest.split_once('"'))
    {
        Some((expected, _)) => format!("expected {expected}"),
        None if reason.starts_with("Type \"") => "is required".to_owned(),
        None => reason.trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_do_not_name_our_types() {
        assert_eq!(
            plain_words("failed to parse \"BarId\": not an id (occurred while parsing \"Bar\")"),
            "not an id"
        );
        assert_eq!(
            plain_words("Expected input type \"integer\", found \"x\"."),
            "expected integer"
        );
        assert_eq!(
            plain_words("Type \"string\" expects an input value."),
            "is required"
        );
    }

    #[test]
    fn a_cause_is_not_told() {
        let response = Problem::internal("the password is swordfish").respond("req_1");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = futures_util::FutureExt::now_or_never(response.into_body().into_string())
            .unwrap()
            .unwrap();
        assert_eq!(
            body,
            r#"{"request_id":"req_1","status":500,"title":"Internal Server Error","type":"about:blank"}"#
        );
    }
}
