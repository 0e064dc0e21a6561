//! Compression of text answers, as the client asks for it.
//!
//! Only whole bodies in memory of known size; streams and what is encoded already pass through untouched.

use std::io::Write;

use hyper::body::Body as _;
use poem::{
    Body, Response,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};

/// Below this a header costs more than is saved.
const WORTH_IT_BYTES: u64 = 860;

/// An encoding that we can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The best one that the client takes, by its `Accept-Encoding`.
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut brotli = None;
        let mut gzip = None;
        let mut any = None;
        let values = headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok());
        for item in values.flat_map(|value| value.split(',')) {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let quality = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            match name {
                "br" => brotli = Some(quality),
                "gzip" | "x-gzip" => gzip = Some(quality),
                "*" => any = Some(quality),
                _ => {}
            }
        }
        let brotli = brotli.or(any).unwrap_or(0.0);
        let gzip = gzip.or(any).unwrap_or(0.0);
        if brotli > 0.0 && brotli >= gzip {
            Some(Self::Brotli)
        } else if gzip > 0.0 {
            Some(Self::Gzip)
        } else {
            None
        }
    }

    /// Quick rather than small: what is served often is compressed beforehand by its maker.
    fn encode(self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let room = Vec::with_capacity(bytes.len() / 3);
        match self {
            Self::Brotli => {
                let mut writer = brotli::CompressorWriter::new(room, 4096, 4, 20);
                writer.write_all(bytes)?;
                Ok(writer.into_inner())
            }
            Self::Gzip => {
                let mut writer = flate2::write::GzEncoder::new(room, flate2::Compression::new(5));
                writer.write_all(bytes)?;
                writer.finish()
            }
        }
    }
}

/// Compresses an answer if it is text of some size and the client takes it.
pub async fn compress(accepted: Option<Encoding>, mut response: Response) -> Response {
    let headers = response.headers();
    let whole =
        response.status() != StatusCode::PARTIAL_CONTENT && !headers.contains_key(header::CONTENT_ENCODING);
    let kept = headers
        .get(header::CACHE_CONTROL)
        .is_some_and(|v| v.as_bytes().windows(12).any(|w| w == b"no-transform"));
    if !whole || kept || !is_text(headers) {
        return response;
    }
    let body: http_body_util::combinators::BoxBody<_, _> = response.take_body().into();
    let size = body.size_hint().exact();
    response.set_body(Body::from(body));
    if size.is_none_or(|size| size < WORTH_IT_BYTES) {
        return response;
    }
    // The answer depends on the question, whichever form is sent now.
    if !response
        .headers()
        .get_all(header::VARY)
        .iter()
        .any(|v| v == "accept-encoding")
    {
        response
            .headers_mut()
            .append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    let Some(encoding) = accepted else { return response };
    let Ok(bytes) = response.take_body().into_bytes().await else {
        return response;
    };
    match encoding.encode(&bytes) {
        Ok(smaller) => {
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_ENCODING,
                HeaderValue::from_static(encoding.name()),
            );
            headers.remove(header::CONTENT_LENGTH);
            weaken_etag(headers);
            response.set_body(smaller);
        }
        Err(error) => {
            tracing::warn!(error = %error, "compression failed");
            response.set_body(bytes);
        }
    }
    response
}

/// A strong tag names the bytes, and these are others now.
fn weaken_etag(headers: &mut HeaderMap) {
    let weak = headers
        .get(header::ETAG)
        .and_then(|tag| tag.to_str().ok())
        .filter(|tag| !tag.starts_with("W/"));
    if let Some(weak) = weak.and_then(|tag| HeaderValue::try_from(format!("W/{tag}")).ok()) {
        headers.insert(header::ETAG, weak);
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/") && essence != "text/event-stream"
        || matches!(
            essence,
            "application/json" | "application/problem+json" | "application/javascript" | "image/svg+xml"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(value: &'static str) -> Option<Encoding> {
        Encoding::accepted(&HeaderMap::from_iter([(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static(value),
        )]))
    }

    #[test]
    fn the_client_chooses() {
        assert_eq!(accepted("gzip, deflate, br"), Some(Encoding::Brotli));
        assert_eq!(accepted("gzip"), Some(Encoding::Gzip));
        assert_eq!(accepted("br;q=0.1, gzip;q=0.5"), Some(Encoding::Gzip));
        assert_eq!(accepted("br;q=0, *"), Some(Encoding::Gzip));
        assert_eq!(accepted("identity"), None);
    }
}
