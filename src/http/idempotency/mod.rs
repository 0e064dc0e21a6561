//! `Idempotency-Key`: a POST that a client sends again, because the answer got lost, is done once and answered alike.
//!
//! Per credential and key, for a day, over every POST of the management API that comes with a session or a token: without
//! either, two strangers' keys would meet. What is kept is sealed under the credential and the key, of which the database
//! knows only hashes: an answer that tells a secret once is a secret to the database too. An error changed nothing, so
//! nothing of it is kept.
//!
//! The note is made beside the deed, not within its transaction. A process that dies between the two leaves a key whose
//! outcome is not known; that is what we say then, rather than do it twice.

mod store;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use poem::{
    Body, Endpoint, IntoResponse, Request, Response,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};
use serde::{Deserialize, Serialize};
use tracing::Instrument;

use super::problem::{FieldError, Problem};
use crate::{
    clock::{Clock, DAY, MINUTE, Timestamp},
    db::{self, Db},
    secrets::sha256,
};
use store::{Earlier, Place, Sealed};

pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is the one of an earlier request.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
pub const MAX_KEY_CHARS: usize = 128;
/// How long an answer is kept.
const KEPT: Duration = DAY;
/// What has not been answered after so long never will be.
pub const ABANDONED: Duration = MINUTE;

const IN_PROGRESS: &str = "urn:contactbar:problem:idempotency-in-progress";
const OUTCOME_UNKNOWN: &str = "urn:contactbar:problem:idempotency-outcome-unknown";
const OTHER_REQUEST: &str = "urn:contactbar:problem:idempotency-key-reused";

/// The notes about keys. Cheap to clone.
#[derive(Clone)]
pub struct Idempotency {
    db: Db,
    clock: Clock,
}

/// Routes that honour keys.
pub struct Idempotent<E> {
    keys: Idempotency,
    routes: Arc<E>,
}

impl<E: Endpoint + 'static> Endpoint for Idempotent<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let key = match request.headers().get(HEADER) {
            Some(value) if request.method() == Method::POST => key_of(value)?,
            _ => return Ok(self.routes.call(request).await?.into_response()),
        };
        let Some(credential) = credential(request.headers()) else {
            return Ok(self.routes.call(request).await?.into_response());
        };
        let body = request.take_body().into_bytes().await?;
        let asked = Asked::new(&credential, &key, &request, &body, self.keys.clock.now());
        request.set_body(Body::from_bytes(body));
        if let Some(earlier) = self.keys.take(&asked).await.map_err(Problem::from)? {
            return Ok(asked.answer_again(earlier)?);
        }
        // A task of its own: if the client goes away meanwhile, the answer is kept for when it comes back.
        let (routes, keys, place) = (self.routes.clone(), self.keys.clone(), asked.place.clone());
        let working = async move {
            let answered = routes.call(request).await.map(IntoResponse::into_response);
            keys.settle(&asked, answered).await
        };
        match tokio::spawn(working.in_current_span()).await {
            Ok(answered) => answered,
            Err(error) if error.is_panic() => {
                self.keys.release(place).await;
                std::panic::resume_unwind(error.into_panic())
            }
            Err(error) => Err(Problem::unavailable(error).into()),
        }
    }
}

/// What a request proves who it is with, unlooked-at.
fn credential(headers: &HeaderMap) -> Option<String> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        return value.to_str().ok().map(str::to_owned);
    }
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == "session" || *name == "__Host-session")
        .map(|(_, value)| value.to_owned())
}

fn key_of(value: &HeaderValue) -> Result<String, Problem> {
    let fits = !value.is_empty()
        && value.len() <= MAX_KEY_CHARS
        && value.as_bytes().iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(text) if fits => Ok(text.to_owned()),
        _ => Err(Problem::bad_request(format!(
            "Idempotency-Key must be 1 to {MAX_KEY_CHARS} visible ASCII characters."
        ))),
    }
}

/// A request under a key.
#[derive(Clone)]
struct Asked {
    place: Place,
    request_sha256: [u8; 32],
    /// Opens and seals what is kept for it: made of what the client sends each time and we never store.
    seal: [u8; 32],
    at: Timestamp,
}

impl Asked {
    fn new(credential: &str, key: &str, request: &Request, body: &[u8], at: Timestamp) -> Self {
        let uri = request.original_uri();
        let target = uri
            .path_and_query()
            .map_or_else(|| uri.path().to_owned(), ToString::to_string);
        Self {
            place: Place {
                principal: hex(&digest("principal", &[credential.as_bytes()])),
                key: hex(&digest("key", &[credential.as_bytes(), key.as_bytes()])),
            },
            request_sha256: digest("request", &[target.as_bytes(), body]),
            seal: digest("seal", &[credential.as_bytes(), key.as_bytes()]),
            at,
        }
    }

    /// What a request gets that was asked before.
    fn answer_again(&self, earlier: Earlier) -> Result<Response, Problem> {
        if earlier.request_sha256 != self.request_sha256 {
            let message = "was used for another request before; take a new one";
            return Err(
                Problem::unprocessable([FieldError::new("Idempotency-Key", message)]).kind(OTHER_REQUEST),
            );
        }
        let Some(sealed) = earlier.answer else {
            return Err(if self.at.since(earlier.created_at) < ABANDONED {
                Problem::conflict("The same request is being worked on.")
                    .kind(IN_PROGRESS)
                    .retry_after(1)
            } else {
                Problem::conflict(
                    "The same request came before and how it ended is not known. See what is there, then ask under a new key.",
                )
                .kind(OUTCOME_UNKNOWN)
            });
        };
        let kept: Kept = serde_json::from_slice(&cipher(&self.seal_of(earlier.created_at), sealed.rest))
            .map_err(Problem::internal)?;
        let status = u16::try_from(sealed.status)
            .ok()
            .and_then(|code| StatusCode::from_u16(code).ok());
        kept.into_response(status.unwrap_or(StatusCode::OK), sealed.content_type)
    }

    /// A key that was used again after its day has another seal.
    fn seal_of(&self, created_at: Timestamp) -> [u8; 32] {
        digest("at", &[&self.seal, &created_at.micros().to_be_bytes()])
    }
}

/// What of an answer is kept beside its status and content type.
#[derive(Serialize, Deserialize)]
struct Kept {
    headers: Vec<(String, String)>,
    body: String,
}

const KEPT_HEADERS: [HeaderName; 2] = [header::LOCATION, header::ETAG];

impl Kept {
    fn of(response: &Response, body: &[u8]) -> Option<Self> {
        let headers = KEPT_HEADERS.into_iter().filter_map(|name| {
            let value = response.headers().get(&name)?.to_str().ok()?.to_owned();
            Some((name.to_string(), value))
        });
        Some(Self {
            headers: headers.collect(),
            body: std::str::from_utf8(body).ok()?.to_owned(),
        })
    }

    fn into_response(self, status: StatusCode, content_type: Option<String>) -> Result<Response, Problem> {
        let mut builder = Response::builder().status(status);
        if let Some(content_type) = content_type {
            builder = builder.content_type(content_type);
        }
        let mut response = builder.body(self.body);
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).map_err(Problem::internal)?;
            let value = HeaderValue::try_from(value).map_err(Problem::internal)?;
            response.headers_mut().insert(name, value);
        }
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
        Ok(response)
    }
}

impl Idempotency {
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// The routes, with keys honoured.
    pub fn around<E>(&self, routes: E) -> Idempotent<E> {
        Idempotent {
            keys: self.clone(),
            routes: Arc::new(routes),
        }
    }

    /// Forgets keys whose day is over; called now and then.
    pub async fn forget_expired(&self) -> db::Result<usize> {
        let now = self.clock.now();
        self.db.write(move |tx| store::purge(tx, now)).await
    }

    async fn take(&self, asked: &Asked) -> Result<Option<Earlier>, db::Error> {
        let asked = asked.clone();
        self.db
            .write(move |tx| store::take(tx, &asked.place, &asked.request_sha256, asked.at, asked.at + KEPT))
            .await
    }

    async fn release(&self, place: Place) {
        let released: db::Result<()> = self.db.write(move |tx| store::release(tx, &place)).await;
        if let Err(error) = released {
            tracing::warn!(%error, "an idempotency key could not be given back");
        }
    }

    /// Keeps a success; gives the place back after an error, for then nothing was changed. A cookie is never kept.
    async fn settle(&self, asked: &Asked, answered: poem::Result<Response>) -> poem::Result<Response> {
        let place = asked.place.clone();
        let success = |response: &Response| {
            response.status().is_success() && !response.headers().contains_key(header::SET_COOKIE)
        };
        match answered {
            Ok(mut response) if success(&response) => {
                let body: Bytes = response.take_body().into_bytes().await?;
                let (status, content_type) = (
                    i32::from(response.status().as_u16()),
                    response.content_type().map(str::to_owned),
                );
                let kept = Kept::of(&response, &body).and_then(|kept| serde_json::to_vec(&kept).ok());
                response.set_body(body);
                let Some(plain) = kept else { return Ok(response) };
                let sealed = Sealed {
                    status,
                    content_type,
                    rest: cipher(&asked.seal_of(asked.at), plain),
                };
                let written = self.db.write(move |tx| store::keep(tx, &place, &sealed)).await;
                if let Err(error) = written {
                    // It is done all the same; who asks again is told that the outcome is not known.
                    tracing::warn!(%error, "an answer could not be kept for its idempotency key");
                }
                Ok(response)
            }
            other => {
                self.release(place).await;
                other
            }
        }
    }
}

/// SHA-256 over parts, each with its length before it, so that no two lists of parts are the same text.
fn digest(purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut text = Vec::new();
    for part in [purpose.as_bytes()].iter().chain(parts) {
        text.extend_from_slice(&(part.len() as u64).to_be_bytes());
        text.extend_from_slice(part);
    }
    sha256(&text)
}

/// Seals and opens: a stream of SHA-256 over key and counter. Each key is used for one text.
fn cipher(key: &[u8; 32], mut text: Vec<u8>) -> Vec<u8> {
    for (counter, chunk) in (0u64..).zip(text.chunks_mut(32)) {
        let pad = digest("pad", &[key, &counter.to_be_bytes()]);
        chunk.iter_mut().zip(pad).for_each(|(byte, pad)| *byte ^= pad);
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_the_same_key_only() {
        let (key, other) = (digest("a", &[b"x"]), digest("a", &[b"y"]));
        let plain = b"a text that is longer than one block of thirty-two bytes".to_vec();
        let sealed = cipher(&key, plain.clone());
        assert_ne!(sealed, plain);
        assert_ne!(cipher(&other, sealed.clone()), plain);
        assert_eq!(cipher(&key, sealed), plain);
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(digest("a", &[b"bc", b"d"]), digest("a", &[b"b", b"cd"]));
    }

    #[test]
    fn a_key_is_visible_ascii() {
        for good in ["x", "8e03978e-40d5-43dd-bc93-6894a57f9324"] {
            assert!(key_of(&HeaderValue::from_str(good).unwrap()).is_ok());
        }
        for bad in ["", " ", "a b", &"x".repeat(129)] {
            assert!(key_of(&HeaderValue::from_str(bad).unwrap()).is_err(), "{bad}");
        }
    }
}
