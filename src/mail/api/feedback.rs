//! `POST /mail/feedback`: what a delivery service says of our mails, in a form of ours that any of theirs is easily turned into. For
//! whoever has the operator's secret.

use poem::http::header;
use poem::{Endpoint, Request, Response, endpoint::make};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::Mailer;
use super::super::feedback::{Feedback, FeedbackKind, Source, Status, Taken};
use crate::http::{FieldError, Problem};
use crate::ids::MessageId;
use crate::secrets::same_secret;

/// The route.
pub const FEEDBACK: &str = "/mail/feedback";

const MAX_EVENTS: usize = 100;
const MAX_ID_BYTES: usize = 200;
const MAX_WORDS_CHARS: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Events {
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    id: String,
    kind: Kind,
    message_id: String,
    status: Option<String>,
    #[serde(default)]
    detail: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Bounced,
    Complained,
    Delivered,
}

/// What became of a batch.
#[derive(Default, Serialize)]
struct Outcome {
    noted: usize,
    known: usize,
    /// The ids of those about no message that was sent.
    unknown: Vec<String>,
}

/// The route, if the operator has a secret for it.
pub fn feedback(mailer: Mailer, secret: Option<String>) -> impl Endpoint<Output = Response> + 'static {
    make(move |mut request: Request| {
        let (mailer, secret) = (mailer.clone(), secret.clone());
        async move {
            let Some(secret) = secret else {
                return Err(Problem::not_found().into());
            };
            if !is_authorized(&request, &secret) {
                return Err(Problem::unauthorized(
                    "The secret of CONTACTBAR_MAIL_FEEDBACK_SECRET is needed.",
                )
                .into());
            }
            let body = request.take_body().into_bytes().await?;
            let events: Events =
                serde_json::from_slice(&body).map_err(|error| Problem::bad_request(error.to_string()))?;
            let (ids, all) = parse(events)?;
            let taken = mailer.take_all_feedback(all).await.map_err(Problem::from)?;
            let mut outcome = Outcome::default();
            for (id, taken) in ids.into_iter().zip(taken) {
                match taken {
                    Taken::Noted => outcome.noted += 1,
                    Taken::Known => outcome.known += 1,
                    Taken::Unknown => outcome.unknown.push(id),
                }
            }
            let body = serde_json::to_string(&outcome).expect("counts and ids are plain data");
            Ok::<_, poem::Error>(
                Response::builder()
                    .content_type("application/json")
                    .header(header::CACHE_CONTROL, "no-store")
                    .body(body),
            )
        }
    })
}

fn is_authorized(request: &Request, secret: &str) -> bool {
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()).unwrap_or_default();
    given
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .is_some_and(|(_, token)| same_secret(token.trim().as_bytes(), secret.as_bytes()))
}

/// The whole batch or, where one is at fault, none of it.
fn parse(events: Events) -> Result<(Vec<String>, Vec<Feedback>), Problem> {
    if events.events.len() > MAX_EVENTS {
        let message = format!("at most {MAX_EVENTS} at a time");
        return Err(Problem::field("events", message));
    }
    let (mut ids, mut all, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for (number, event) in events.events.into_iter().enumerate() {
        let at = |field: &str| format!("events.{number}.{field}");
        if event.id.is_empty() || event.id.len() > MAX_ID_BYTES || event.id.contains(char::is_control) {
            let message =
                format!("must have 1 to {MAX_ID_BYTES} characters, none of them a control character");
            wrong.push(FieldError::new(at("id"), message));
        }
        let status: Option<Status> = match event.status.as_deref().map(str::parse).transpose() {
            Ok(status) => status,
            Err(error) => {
                wrong.push(FieldError::new(at("status"), format!("{error}")));
                None
            }
        };
        let Some(message) = message_of(&event.message_id) else {
            wrong.push(FieldError::new(
                at("message_id"),
                "is not the Message-ID of a mail of ours",
            ));
            continue;
        };
        all.push(Feedback {
            source: Source::event(&event.id),
            message,
            kind: match event.kind {
                Kind::Bounced => FeedbackKind::of_bounce(status),
                Kind::Complained => FeedbackKind::Complained,
                Kind::Delivered => FeedbackKind::Delivered,
            },
            status,
            words: event
                .detail
                .chars()
                .filter(|c| !c.is_control())
                .take(MAX_WORDS_CHARS)
                .collect(),
        });
        ids.push(event.id);
    }
    if wrong.is_empty() {
        Ok((ids, all))
    } else {
        Err(Problem::unprocessable(wrong))
    }
}

/// `msg_…`, `msg_…@host` or `<msg_…@host>`
fn message_of(text: &str) -> Option<MessageId> {
    text.trim_matches(['<', '>', ' ']).split('@').next()?.parse().ok()
}

/// The route, for the document.
pub fn describe() -> Value {
    let problem = |description: &str| {
        json!({ "description": description,
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } })
    };
    let string = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "paths": { FEEDBACK: { "post": {
            "operationId": "send_mail_feedback", "tags": ["Mail"], "summary": "Tell what became of mails",
            "description": "For delivery services, by whoever runs this one: bounces, complaints and deliveries. The operator's secret (`CONTACTBAR_MAIL_FEEDBACK_SECRET`) is the bearer token; without such a setting there is no such route. An event counts once, however often it is sent. All of a batch is taken or, where one is at fault, none.",
            "security": [{ "feedback_secret": [] }],
            "requestBody": { "required": true, "content": { "application/json": {
                "schema": { "type": "object", "additionalProperties": false, "required": ["events"], "properties": {
                    "events": { "type": "array", "maxItems": MAX_EVENTS, "items": {
                        "type": "object", "additionalProperties": false, "required": ["id", "kind", "message_id"],
                        "properties": {
                            "id": { "type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES, "description": "What the service calls the event; said twice, it counts once." },
                            "kind": { "type": "string", "enum": ["bounced", "complained", "delivered"] },
                            "message_id": string("The mail's Message-ID, such as `msg_01jd9m4w9tq2v…@bars.example`."),
                            "status": { "type": "string", "nullable": true, "description": "Of a bounce (RFC 3463), such as `5.1.1`. Without one it is taken for a missing mailbox." },
                            "detail": string("What the server said.")
                        }
                    } }
                } },
                "example": { "events": [{ "id": "evt-81f3", "kind": "bounced", "message_id": "msg_01kb2n4d00000000000000000a@bars.example", "status": "5.1.1", "detail": "550 5.1.1 no such user" }] }
            } } },
            "responses": {
                "200": { "description": "All of it was read.", "content": { "application/json": {
                    "schema": { "type": "object", "required": ["noted", "known", "unknown"], "properties": {
                        "noted": { "type": "integer", "description": "Events that are new." },
                        "known": { "type": "integer", "description": "Events that were known." },
                        "unknown": { "type": "array", "items": { "type": "string" }, "description": "The ids of events about mails that there aren't, or that were not sent." }
                    } },
                    "example": { "noted": 1, "known": 0, "unknown": [] }
                } } },
                "400": problem("Not JSON, or not of this shape."),
                "401": problem("The secret is missing or wrong."),
                "404": problem("The operator takes no feedback this way."),
                "413": problem("Too large."),
                "422": problem("An event is at fault; `errors` says which."),
                "503": problem("Not able to answer right now. Try again after `Retry-After` seconds.")
            }
        } } },
        "components": { "securitySchemes": { "feedback_secret": {
            "type": "http", "scheme": "bearer", "description": "The operator's secret for feedback about mails."
        } } }
    })
}
