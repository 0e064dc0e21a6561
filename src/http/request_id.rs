//! Every request has an id: the caller's `X-Request-Id` if it is a sane one, else a new one. It is in the answer's
//! header, in every log line of the request and in every problem.

use poem::{
    FromRequest, Request, RequestBody,
    http::{HeaderMap, HeaderName, HeaderValue},
};

use crate::secrets::Random;

pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request at hand; an extractor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    pub fn of(headers: &HeaderMap, random: &Random) -> Self {
        headers
            .get(HEADER)
            .and_then(|value| value.to_str().ok())
            .filter(|text| is_sane(text))
            .map_or_else(
                || {
                    let number = u128::from_be_bytes(random.bytes::<16>());
                    Self(format!("{number:032x}"))
                },
                |text| Self(text.to_owned()),
            )
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an id is letters, digits, '-', '_' and '.'")
    }
}

/// Short and of harmless characters, so that it can stand in a log and a header.
fn is_sane(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

impl<'a> FromRequest<'a> for RequestId {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(request
            .data::<Self>()
            .expect("the guards give every request an id")
            .clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(sent: &str) -> RequestId {
        let headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_str(sent).unwrap())]);
        RequestId::of(&headers, &Random::seeded(1))
    }

    #[test]
    fn a_sane_id_is_kept() {
        assert_eq!(id_for("abc-123_4.5").as_str(), "abc-123_4.5");
    }

    #[test]
    fn any_other_is_replaced() {
        for sent in ["", "a b", "x\"y", "{}", &"a".repeat(65)] {
            let id = id_for(sent);
            assert_eq!(id.as_str().len(), 32, "{sent}");
        }
    }
}
