//! What a beacon says, parsed: exactly the fields that there are, each of its form, or a precise complaint.

use std::borrow::Cow;

use serde::Deserialize;
use uuid::Uuid;

use super::{EventKind, PageUrl, primary_language, referrer_host};
use crate::bars::BarKey;
use crate::ids::EventId;

/// One event as the browser reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct Beacon {
    pub key: BarKey,
    pub id: EventId,
    pub kind: EventKind,
    pub variant: String,
    pub page: PageUrl,
    pub referrer_host: String,
    pub language: String,
    pub shown_ms: Option<i32>,
    pub webdriver: bool,
}

/// More events one request may not carry.
pub const MAX_EVENTS: usize = 32;

/// What is wrong with a beacon, in words for whoever made it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("{0}")]
    NotJson(String),
    #[error("an empty list carries no event")]
    Empty,
    #[error("a request carries at most {MAX_EVENTS} events")]
    TooMany,
    #[error("event {event}: `{field}` {what}")]
    Field {
        event: usize,
        field: &'static str,
        what: &'static str,
    },
    #[error("`{0}` stands twice")]
    Twice(&'static str),
    #[error("there is no field {0:?}; known are b, i, k, v, u, r, t, l and w")]
    Unknown(String),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow)]
    b: Cow<'a, str>,
    #[serde(borrow)]
    i: Cow<'a, str>,
    #[serde(borrow)]
    k: Cow<'a, str>,
    #[serde(borrow)]
    v: Cow<'a, str>,
    #[serde(borrow)]
    u: Cow<'a, str>,
    #[serde(borrow, default)]
    r: Option<Cow<'a, str>>,
    #[serde(default)]
    t: Option<f64>,
    #[serde(borrow, default)]
    l: Option<Cow<'a, str>>,
    #[serde(default)]
    w: Option<bool>,
}

/// The body of `POST /e`: one event, or a list of them.
pub fn parse(body: &[u8]) -> Result<Vec<Beacon>, Malformed> {
    let not_json = |error: serde_json::Error| Malformed::NotJson(cut(&error.to_string()));
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let wires: Vec<Wire<'_>> = match first {
        Some(b'[') => serde_json::from_slice(body).map_err(not_json)?,
        _ => vec![serde_json::from_slice(body).map_err(not_json)?],
    };
    match wires.len() {
        0 => Err(Malformed::Empty),
        1..=MAX_EVENTS => wires
            .into_iter()
            .enumerate()
            .map(|(event, wire)| wire.read(event))
            .collect(),
        _ => Err(Malformed::TooMany),
    }
}

/// The query of `GET /e.gif`: one event. Without scripts a page knows neither a fresh id nor its own address: `fresh`
/// and the request's `Referer` stand in for them.
pub fn parse_query(query: &str, fresh: EventId, referer: Option<&str>) -> Result<Beacon, Malformed> {
    let mut wire = Wire::default();
    let mut seen = [false; 9];
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        const NAMES: [&str; 9] = ["b", "i", "k", "v", "u", "r", "t", "l", "w"];
        let Some(place) = NAMES.iter().position(|known| *known == name) else {
            return Err(Malformed::Unknown(cut(&name)));
        };
        if std::mem::replace(&mut seen[place], true) {
            return Err(Malformed::Twice(NAMES[place]));
        }
        let wrong = |what| Malformed::Field {
            event: 0,
            field: NAMES[place],
            what,
        };
        match NAMES[place] {
            "b" => wire.b = value,
            "i" => wire.i = value,
            "k" => wire.k = value,
            "v" => wire.v = value,
            "u" => wire.u = value,
            "r" => wire.r = Some(value),
            "t" => wire.t = Some(value.parse().map_err(|_| wrong("is not a number"))?),
            "l" => wire.l = Some(value),
            _ => wire.w = Some(value.parse().map_err(|_| wrong("is neither true nor false"))?),
        }
    }
    if wire.i.is_empty() {
        wire.i = fresh.uuid().simple().to_string().into();
    }
    if wire.k.is_empty() {
        wire.k = "view".into();
    }
    if wire.u.is_empty() {
        wire.u = referer.unwrap_or_default().to_owned().into();
    }
    wire.read(0)
}

impl Wire<'_> {
    fn read(self, event: usize) -> Result<Beacon, Malformed> {
        let wrong = |field, what| Malformed::Field { event, field, what };
        let key = self
            .b
            .parse()
            .map_err(|_| wrong("b", "is not the key of a bar"))?;
        let id = event_id(&self.i).ok_or_else(|| wrong("i", "is not 32 hexadecimal digits"))?;
        let kind = self
            .k
            .parse()
            .map_err(|()| wrong("k", "is not one of view, click, close, submit"))?;
        if !is_variant_key(&self.v) {
            return Err(wrong("v", "is not the key of a variant"));
        }
        let page: PageUrl = self.u.parse().map_err(|_| {
            wrong(
                "u",
                "is not the http or https URL of a page, of at most 2048 characters",
            )
        })?;
        let shown_ms = match self.t {
            None => None,
            Some(t) if (0.0..=f64::from(i32::MAX)).contains(&t) => Some(t as i32),
            Some(_) => return Err(wrong("t", "is not a number of milliseconds")),
        };
        let referrer_host = referrer_host(self.r.as_deref(), &page);
        Ok(Beacon {
            key,
            id,
            kind,
            variant: self.v.into_owned(),
            referrer_host,
            language: primary_language(self.l.as_deref()),
            page,
            shown_ms,
            webdriver: self.w == Some(true),
        })
    }
}

/// 32 hexadecimal digits.
pub fn event_id(text: &str) -> Option<EventId> {
    (text.len() == 32)
        .then(|| Uuid::try_parse(text).ok())
        .flatten()
        .map(EventId::from_uuid)
}

fn is_variant_key(text: &str) -> bool {
    (1..=16).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

/// A complaint quotes what was sent, but not without end.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::secrets::Random;

    const GOOD: &str = r#"{"b":"0123456789","i":"0123456789abcdef0123456789abcdef","k":"view","v":"a",
        "u":"https://example.com/a?utm_source=x","r":"https://news.example.org/","t":12.7,"l":"de-AT","w":false}"#;

    fn complaint(body: &str) -> String {
        parse(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_event_is_read() {
        let beacon = &parse(GOOD.as_bytes()).unwrap()[0];
        assert_eq!(beacon.key.as_str(), "0123456789");
        assert_eq!((beacon.kind, beacon.variant.as_str()), (EventKind::View, "a"));
        assert_eq!(
            (beacon.page.page(), beacon.referrer_host.as_str()),
            ("example.com/a", "news.example.org")
        );
        assert_eq!(
            (beacon.shown_ms, beacon.language.as_str(), beacon.webdriver),
            (Some(12), "de", false)
        );
        assert_eq!(parse(format!(" [{GOOD},{GOOD}]").as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn complaints_are_precise() {
        assert_eq!(complaint("[]"), "an empty list carries no event");
        assert_eq!(
            complaint(&format!("[{}]", vec![GOOD; 33].join(","))),
            "a request carries at most 32 events"
        );
        assert!(complaint(&GOOD.replace("\"w\"", "\"x\"")).starts_with("unknown field `x`"));
        assert!(complaint("{}").starts_with("missing field `b`"));
        assert!(complaint("").starts_with("EOF"));
        for (from, to, expected) in [
            (
                "0123456789\"",
                "012345678u\"",
                "event 1: `b` is not the key of a bar",
            ),
            ("cdef\"", "cde\"", "event 1: `i` is not 32 hexadecimal digits"),
            (
                "view",
                "look",
                "event 1: `k` is not one of view, click, close, submit",
            ),
            ("\"a\"", "\"A\"", "event 1: `v` is not the key of a variant"),
            (
                "https://example",
                "ftp://example",
                "event 1: `u` is not the http or https URL of a page, of at most 2048 characters",
            ),
            ("12.7", "-1", "event 1: `t` is not a number of milliseconds"),
        ] {
            let body = format!("[{GOOD},{}]", GOOD.replace(from, to));
            assert_eq!(complaint(&body), expected);
        }
    }

    #[test]
    fn a_pixel_needs_only_what_a_page_without_scripts_can_know() {
        let fresh = EventId::new(
            &Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            &Random::seeded(1),
        );
        let beacon = parse_query("b=0123456789&v=a", fresh, Some("https://example.com/")).unwrap();
        assert_eq!(
            (beacon.id, beacon.kind, beacon.page.page()),
            (fresh, EventKind::View, "example.com/")
        );
        let whole = "b=0123456789&v=a&k=click&i=0123456789abcdef0123456789abcdef&u=https%3A%2F%2Fexample.com%2Fx&t=3&w=true";
        assert!(parse_query(whole, fresh, None).unwrap().webdriver);
        assert_eq!(
            parse_query("b=0123456789&b=1", fresh, None),
            Err(Malformed::Twice("b"))
        );
        assert_eq!(
            parse_query("z=1", fresh, None),
            Err(Malformed::Unknown("z".into()))
        );
    }

    /// Whatever arrives is read or refused, never more.
    #[test]
    fn damaged_beacons_never_panic() {
        let random = Random::seeded(7);
        for _ in 0..20_000 {
            let mut body = GOOD.as_bytes().to_vec();
            for _ in 0..=random.below(3) {
                let place = random.below(u32::try_from(body.len()).unwrap()) as usize;
                body[place] = random.bytes::<1>()[0];
            }
            let _read_or_refused = parse(&body);
        }
    }
}
