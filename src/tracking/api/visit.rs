//! What a request's header says of the visitor.

use poem::http::{HeaderMap, HeaderName, header};

use crate::http::ClientAddr;
use crate::tracking::Visit;

const BRANDS: HeaderName = HeaderName::from_static("sec-ch-ua");
const PLATFORM: HeaderName = HeaderName::from_static("sec-ch-ua-platform");
const PLATFORM_VERSION: HeaderName = HeaderName::from_static("sec-ch-ua-platform-version");
const MOBILE: HeaderName = HeaderName::from_static("sec-ch-ua-mobile");
const GPC: HeaderName = HeaderName::from_static("sec-gpc");
const PREFETCH: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// Longer user agents are cut: no browser has one, and each is looked at by many patterns.
const MAX_FIELD_BYTES: usize = 512;

/// Reads the visit out of a request's header.
pub fn visit(headers: &HeaderMap, client: ClientAddr) -> Visit<'_> {
    Visit {
        address: client.0,
        network: client.network(),
        user_agent: user_agent(headers),
        brands: field(headers, &BRANDS),
        platform: field(headers, &PLATFORM),
        platform_version: field(headers, &PLATFORM_VERSION),
        mobile: field(headers, &MOBILE) == "?1",
        accept_language: Some(field(headers, &header::ACCEPT_LANGUAGE)).filter(|value| !value.is_empty()),
        gpc: field(headers, &GPC) == "1",
        dnt: field(headers, &header::DNT) == "1",
        prefetch: PREFETCH.iter().any(|name| is_ahead(field(headers, name))),
    }
}

/// The user agent of a request, as visits know it.
pub fn user_agent(headers: &HeaderMap) -> &str {
    field(headers, &header::USER_AGENT)
}

/// `Sec-Purpose` (Fetch), and what came before it: `Purpose` of Chromium and WebKit, `X-Moz` of Firefox, `X-Purpose` of old
/// Safari.
fn is_ahead(purpose: &str) -> bool {
    purpose.split([';', ',']).any(|token| {
        let token = token.trim();
        ["prefetch", "prerender", "preview", "instant", "speculation"]
            .iter()
            .any(|known| token.eq_ignore_ascii_case(known))
    })
}

/// Empty if it is not there, or no text.
fn field<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    let value = headers.get(name).map_or(&b""[..], |value| value.as_bytes());
    let text = std::str::from_utf8(value).unwrap_or_default();
    &text[..text.floor_char_boundary(MAX_FIELD_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefetches(name: &'static str, value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        visit(&headers, ClientAddr("192.0.2.1".parse().unwrap())).prefetch
    }

    #[test]
    fn a_look_ahead_is_seen() {
        assert!(prefetches("sec-purpose", "prefetch;prerender"));
        assert!(prefetches("purpose", "prefetch"));
        assert!(prefetches("purpose", "Prefetch"));
        assert!(prefetches("x-purpose", "preview"));
        assert!(prefetches("x-moz", "prefetch"));
        assert!(!prefetches("sec-purpose", "something"));
    }

    #[test]
    fn odd_fields_are_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "user-agent",
            poem::http::HeaderValue::from_bytes(&[0xff, 0xfe]).unwrap(),
        );
        let client = ClientAddr("2001:db8:1:2:3::4".parse().unwrap());
        let seen = visit(&headers, client);
        assert_eq!(
            (seen.user_agent, seen.network.to_string().as_str()),
            ("", "2001:db8:1:2::")
        );
        headers.insert(
            "user-agent",
            poem::http::HeaderValue::from_bytes("ü".repeat(600).as_bytes()).unwrap(),
        );
        assert_eq!(visit(&headers, client).user_agent.len(), MAX_FIELD_BYTES);
    }
}
