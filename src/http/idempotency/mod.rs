//! `Idempotency-Key`: a POST that is sent again is not done again.
//!
//! The same key and the same request get the answer of the first time; the same key with another request is a 422. Keys
//! belong to the credential that sent them and are forgotten after a day. An answer that holds a secret (a cookie, a
//! token that is shown once, whatever its handler marks `no-store`) is not kept: asked again, we say only that it has
//! been done. What failed through no fault of the request (5xx, 429) may be tried again with the same key.
//!
//! The note is made beside the deed, not within its transaction: a process that dies between the two leaves a key that
//! is taken for open, and a retry after [`ABANDONED`] does it anew.

mod store;

use std::time::Duration;

use bytes::Bytes;
use poem::{
    Body, Endpoint, Request, Response,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};
use sha2::{Digest, Sha256};

use super::{
    problem::{self, Problem},
    request_id::RequestId,
};
use crate::{
    clock::{Clock, DAY, Timestamp},
    db::{self, Db},
};

pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
pub const MAX_KEY_CHARS: usize = 128;

/// A request that has not been answered after so long never will be.
pub const ABANDONED: Duration = Duration::from_secs(60);
const KEPT: Duration = DAY;

/// One use of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Use {
    /// A hash of the credential.
    principal: String,
    key: String,
    /// A hash of what is asked.
    request_sha256: Vec<u8>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    request_sha256: Vec<u8>,
    answer: Option<Kept>,
    created_at: Timestamp,
    expires_at: Timestamp,
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    status: i32,
    content_type: Option<String>,
    /// `None` if it held a secret.
    body: Option<Vec<u8>>,
}

/// What to do about a request with a key.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Do,
    Replay(Kept),
    Underway,
    Mismatch,
}

/// The notes about keys. Cheap to clone.
#[derive(Clone)]
pub struct Idempotency {
    db: Db,
    clock: Clock,
}

impl Idempotency {
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// The routes, with keys honoured.
    pub fn around<E: Endpoint<Output = Response>>(&self, routes: E) -> Idempotent<E> {
        Idempotent {
            notes: self.clone(),
            routes,
        }
    }

    /// Forgets keys whose day is over; called now and then.
    pub async fn forget_expired(&self) -> db::Result<usize> {
        let now = self.clock.now();
        self.db.write(move |tx| store::delete_expired(tx, now)).await
    }

    async fn begin(&self, wanted: Use) -> db::Result<Verdict> {
        let now = self.clock.now();
        let expires = now + KEPT;
        self.db
            .write(move |tx| {
                if store::insert(tx, &wanted, now, expires)? {
                    return Ok(Verdict::Do);
                }
                let Some(known) = store::find(tx, &wanted)? else {
                    return Ok(Verdict::Underway);
                };
                let verdict = judge(&wanted, known, now);
                if verdict == Verdict::Do {
                    store::restart(tx, &wanted, now, expires)?;
                }
                Ok(verdict)
            })
            .await
    }

    async fn end(&self, used: Use, answer: Option<Kept>) -> db::Result<()> {
        self.db
            .write(move |tx| match &answer {
                Some(answer) => store::keep(tx, &used, answer),
                None => store::delete(tx, &used),
            })
            .await
    }
}

fn judge(wanted: &Use, known: Known, now: Timestamp) -> Verdict {
    if known.expires_at <= now {
        return Verdict::Do;
    }
    if known.request_sha256 != wanted.request_sha256 {
        return Verdict::Mismatch;
    }
    match known.answer {
        Some(answer) => Verdict::Replay(answer),
        None if now.since(known.created_at) >= ABANDONED => Verdict::Do,
        None => Verdict::Underway,
    }
}

/// Routes that honour keys.
pub struct Idempotent<E> {
    notes: Idempotency,
    routes: E,
}

impl<E: Endpoint<Output = Response>> Endpoint for Idempotent<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let key = match request.headers().get(HEADER) {
            Some(key) if request.method() == Method::POST => parse_key(key)?,
            _ => return self.routes.call(request).await,
        };
        let id = request
            .data::<RequestId>()
            .map_or_else(String::new, |id| id.as_str().to_owned());
        // The guards have read it whole and within its cap.
        let body = request.take_body().into_bytes().await?;
        let used = Use {
            principal: principal(request.headers()),
            key,
            request_sha256: fingerprint(&request, &body),
        };
        request.set_body(Body::from_bytes(body));
        match self.notes.begin(used.clone()).await.map_err(Problem::from)? {
            Verdict::Do => {}
            Verdict::Replay(answer) => return replay(answer),
            Verdict::Underway => {
                return Err(Problem::conflict("The same request is being answered.")
                    .retry_after(1)
                    .into());
            }
            Verdict::Mismatch => {
                return Err(Problem::field("Idempotency-Key", "was used for another request").into());
            }
        }
        let response = match self.routes.call(request).await {
            Ok(response) => response,
            Err(error) => problem::from_error(error).respond(&id),
        };
        let (response, answer) = to_keep(response).await?;
        if let Err(error) = self.notes.end(used, answer).await {
            tracing::warn!(error = %error, "the answer to an Idempotency-Key was not kept");
        }
        Ok(response)
    }
}

fn parse_key(value: &HeaderValue) -> Result<String, Problem> {
    let text = value.to_str().unwrap_or_default();
    let sane = (1..=MAX_KEY_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if sane {
        Ok(text.to_owned())
    } else {
        let rule =
            format!("An Idempotency-Key is 1 to {MAX_KEY_CHARS} letters, digits and signs, without spaces.");
        Err(Problem::bad_request(rule))
    }
}

/// Who asks, by a hash of what they prove it with.
fn principal(headers: &HeaderMap) -> String {
    let token = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let session = cookies
        .flat_map(|line| line.split(';'))
        .map(str::trim)
        .find(|pair| {
            pair.split_once('=')
                .is_some_and(|(name, _)| name == "session" || name == "__Host-session")
        });
    match token.or(session.map(str::as_bytes)) {
        Some(credential) => Sha256::digest(credential)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        None => "anonymous".to_owned(),
    }
}

fn fingerprint(request: &Request, body: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(
        request
            .original_uri()
            .path_and_query()
            .map_or("", |path| path.as_str()),
    );
    hash.update([0]);
    hash.update(body);
    hash.finalize().to_vec()
}

/// The answer, and what of it is kept: nothing if the request may be tried again.
async fn to_keep(mut response: Response) -> poem::Result<(Response, Option<Kept>)> {
    let status = response.status();
    let again = status.is_server_error()
        || matches!(
            status,
            StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::TOO_MANY_REQUESTS
        );
    if again {
        return Ok((response, None));
    }
    let bytes: Bytes = response.take_body().into_bytes().await?;
    let secret = status.is_success() && (marked_secret(response.headers()) || holds_token(&bytes));
    let kept = Kept {
        status: i32::from(status.as_u16()),
        content_type: response.content_type().map(str::to_owned),
        body: (!secret).then(|| bytes.to_vec()),
    };
    response.set_body(Body::from_bytes(bytes));
    Ok((response, Some(kept)))
}

fn marked_secret(headers: &HeaderMap) -> bool {
    let no_store = |value: &HeaderValue| value.as_bytes().windows(8).any(|word| word == b"no-store");
    headers.contains_key(header::SET_COOKIE) || headers.get(header::CACHE_CONTROL).is_some_and(no_store)
}

/// Our tokens are a prefix, `_` and 43 characters of base64url. They are stored as a hash only, so they must not be
/// stored here.
fn holds_token(body: &[u8]) -> bool {
    let is_sign = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    body.split(|byte| !is_sign(byte))
        .any(|run| run.len() >= 43 && run[..run.len() - 42].contains(&b'_'))
}

fn replay(answer: Kept) -> poem::Result<Response> {
    let Some(body) = answer.body else {
        let detail = "This has been done. Its answer held a secret and was not kept.";
        return Err(Problem::conflict(detail).into());
    };
    let status = u16::try_from(answer.status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = Response::builder()
        .status(status.unwrap_or(StatusCode::OK))
        .header(REPLAYED, "true");
    if let Some(content_type) = answer.content_type {
        response = response.content_type(content_type);
    }
    Ok(response.body(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_recognised_and_ids_are_not() {
        let token = format!(r#"{{"token":"cb_{}"}}"#, "a-Z_09".repeat(7) + "x");
        assert!(holds_token(token.as_bytes()));
        assert!(!holds_token(
            br#"{"id":"bar_01jd3k8q9x7v2m5n6p4r8s0tbw","name":"what_a_name"}"#
        ));
    }
}
