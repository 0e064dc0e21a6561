//! What was made and compressed beforehand, sent in the form that the client takes, or not at all when it has it already.

use bytes::Bytes;
use poem::{
    Request, Response,
    http::{HeaderValue, StatusCode, header},
};

/// One form of something: plain, or compressed.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    pub bytes: &'a Bytes,
    /// The strong entity tag, quotes included: another one for each form, for the bytes are others.
    pub etag: &'a str,
    /// The `Content-Encoding`.
    pub encoding: Option<&'static str>,
}

impl Form<'_> {
    /// The answer to a GET: these bytes, or a 304.
    pub fn answer(
        self,
        request: &Request,
        content_type: &'static str,
        cache_control: HeaderValue,
    ) -> Response {
        let unchanged = request
            .headers()
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|tags| tags.to_str().ok())
            .any(|tags| names(tags, self.etag));
        let mut response = if unchanged {
            Response::builder().status(StatusCode::NOT_MODIFIED).finish()
        } else {
            Response::builder().body(self.bytes.clone())
        };
        let headers = response.headers_mut();
        if !unchanged {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            if let Some(encoding) = self.encoding {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
            }
        }
        if let Ok(etag) = HeaderValue::try_from(self.etag) {
            headers.insert(header::ETAG, etag);
        }
        headers.insert(header::CACHE_CONTROL, cache_control);
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        response
    }
}

/// Does `If-None-Match` name this tag? Intermediaries may have weakened it on its way.
fn names(if_none_match: &str, etag: &str) -> bool {
    if_none_match
        .split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others() {
        assert!(names("\"x\", W/\"a-br\"", "\"a-br\"") && names("*", "\"a-br\""));
        assert!(!names("\"a-id\"", "\"a-br\"") && !names("", "\"a-br\""));
    }
}
