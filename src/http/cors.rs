//! Which other sites' scripts may read an answer: any, on the embed routes and of the dashboard's files, without
//! credentials; none elsewhere.
//!
//! Written here because poem's own reflects any origin once credentials are allowed, and its wildcard panics on an
//! `Origin` that is not ASCII. Ours never looks at what the `Origin` says.

use poem::{
    Request, Response,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};

use super::{
    request_id,
    route_class::{RouteClass, Side},
};

/// What the bar may read of an answer besides its body.
pub const DROPPED: HeaderName = HeaderName::from_static("x-contactbar-dropped");

/// The answer to a browser that asks first; `None` if this is no such question, or not for us to allow.
pub fn preflight(class: RouteClass, request: &Request) -> Option<Response> {
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks || class.side() != Side::Embed {
        return None;
    }
    Some(
        Response::builder()
            .status(StatusCode::NO_CONTENT)
            .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST")
            .header(header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type")
            .header(header::ACCESS_CONTROL_MAX_AGE, "86400")
            .finish(),
    )
}

/// Lets any site read the answers of the embed routes, errors included. And the dashboard's files: its preview is a frame
/// whose origin is nobody's, and scripts that are modules are asked for across origins there.
pub fn allow(class: RouteClass, headers: &mut HeaderMap) {
    if class.side() == Side::Embed || class == RouteClass::Asset {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    if class.side() == Side::Embed {
        let exposed = format!("{}, {}, retry-after", DROPPED, request_id::HEADER);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::try_from(exposed).expect("names are ASCII"),
        );
    }
}
