//! A form post as it comes over the wire, parsed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::bars::configuration::FieldError;
use crate::ids::EventId;
use crate::tracking::{PageUrl, referrer_host};

/// A whole and well-formed post; whether it fits the form is for [`super::form`] to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    /// Made by the page, so that a retry is kept once.
    pub id: EventId,
    pub variant: String,
    pub page: PageUrl,
    /// Empty when nobody led to the page.
    pub referrer_host: String,
    pub language: Option<String>,
    pub shown_ms: u64,
    pub fields: BTreeMap<String, Value>,
    pub consent: bool,
    pub honeypot: String,
    pub opted_out: bool,
}

/// Why a body is no post.
#[derive(Debug, PartialEq)]
pub enum NotAPost {
    /// It is not JSON: line and column.
    NotJson(usize, usize),
    Fields(Vec<FieldError>),
}

/// Longer than this no form stands open: 24 days, what fits the events' column.
const MAX_SHOWN_MS: u64 = i32::MAX as u64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    i: String,
    v: String,
    u: String,
    #[serde(default)]
    r: Option<String>,
    #[serde(default)]
    l: Option<String>,
    t: u64,
    f: BTreeMap<String, Value>,
    #[serde(default)]
    c: bool,
    #[serde(default)]
    h: String,
    #[serde(default)]
    o: bool,
}

/// Reads the body of a form post.
pub fn parse(body: &[u8]) -> Result<Post, NotAPost> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| NotAPost::NotJson(error.line(), error.column()))?;
    let wire: Wire = serde_path_to_error::deserialize(&value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { String::new() } else { path };
        NotAPost::Fields(vec![FieldError {
            field,
            message: error.into_inner().to_string(),
        }])
    })?;
    let mut errors = Vec::new();
    let mut fault = |field: &str, message: &str| {
        errors.push(FieldError {
            field: field.to_owned(),
            message: message.to_owned(),
        });
    };
    let id = hex_id(&wire.i);
    if id.is_none() {
        fault("i", "must be 32 hexadecimal digits");
    }
    let page = wire.u.parse::<PageUrl>();
    if let Err(error) = &page {
        fault("u", &error.to_string());
    }
    if wire.l.as_deref().is_some_and(|tag| !is_language_tag(tag)) {
        fault("l", "must be a language tag");
    }
    if wire.t > MAX_SHOWN_MS {
        fault("t", "must be at most 2147483647");
    }
    match (id, page) {
        (Some(id), Ok(page)) if errors.is_empty() => Ok(Post {
            id,
            variant: wire.v,
            referrer_host: referrer_host(wire.r.as_deref(), &page),
            page,
            language: wire.l,
            shown_ms: wire.t,
            fields: wire.f,
            consent: wire.c,
            honeypot: wire.h,
            opted_out: wire.o,
        }),
        _ => Err(NotAPost::Fields(errors)),
    }
}

fn hex_id(text: &str) -> Option<EventId> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Uuid::try_parse(text).ok().map(EventId::from_uuid)
}

fn is_language_tag(tag: &str) -> bool {
    !tag.is_empty()
        && tag.len() <= 35
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole() -> Value {
        json!({"i": "0123456789abcdef0123456789abcdef", "v": "a", "u": "https://shop.example/p?q=1", "t": 5000, "f": {"email": "a@b.example"}})
    }

    fn faults(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut body = whole();
        change(&mut body);
        match parse(body.to_string().as_bytes()) {
            Ok(_) => Vec::new(),
            Err(NotAPost::Fields(errors)) => errors.into_iter().map(|e| e.field).collect(),
            Err(NotAPost::NotJson(..)) => vec!["not json".into()],
        }
    }

    #[test]
    fn a_whole_post_parses() {
        assert_eq!(faults(|_| {}), [""; 0]);
        assert_eq!(faults(|body| body["r"] = json!("android-app://x")), [""; 0]);
    }

    #[test]
    fn each_fault_is_named() {
        assert_eq!(
            faults(|body| body["i"] = json!("{0123456789abcdef0123456789abcd}")),
            ["i"]
        );
        assert_eq!(faults(|body| body["u"] = json!("javascript:alert(1)")), ["u"]);
        assert_eq!(
            faults(|body| body["u"] = json!(format!("https://a.example/{}", "x".repeat(2048)))),
            ["u"]
        );
        assert_eq!(faults(|body| body["l"] = json!("de\u{0}")), ["l"]);
        assert_eq!(faults(|body| body["t"] = json!(-1)), ["t"]);
        assert_eq!(faults(|body| body["x"] = json!(1)), ["x"]);
        assert_eq!(parse(b"{").unwrap_err(), NotAPost::NotJson(1, 1));
        assert!(parse(b"[]").is_err());
    }
}
