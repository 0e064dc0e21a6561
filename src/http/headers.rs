//! The headers that keep browsers from doing what nobody meant: one set per kind of page.

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::route_class::RouteClass;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// A document that nothing may be done with: what APIs and errors are to a browser.
const INERT: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
/// Our own pages: everything from us, nothing inline, nobody's frame. `blob:`: a picture that somebody chose from their
/// own disk, which goes nowhere.
const PAGE: &str = "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; \
                    img-src 'self' data: blob:; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'";

/// The security headers of this installation.
#[derive(Debug, Clone)]
pub struct SecurityHeaders {
    /// Whether browsers are told to insist on HTTPS: when `PUBLIC_URL` is https.
    pub hsts: bool,
}

impl SecurityHeaders {
    /// Adds what the handler has not set itself (a page with a policy of its own keeps it).
    pub fn add(&self, class: RouteClass, headers: &mut HeaderMap) {
        let mut set = |name: HeaderName, value: &'static str| {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        };
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(header::REFERRER_POLICY, "no-referrer");
        if self.hsts {
            set(
                header::STRICT_TRANSPORT_SECURITY,
                "max-age=31536000; includeSubDomains",
            );
        }
        match class {
            // Embedded in other sites by design.
            RouteClass::Script | RouteClass::Beacon | RouteClass::Form => {
                set(CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin");
            }
            RouteClass::Visit => {
                set(CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin");
                set(header::CONTENT_SECURITY_POLICY, PAGE);
                set(header::X_FRAME_OPTIONS, "DENY");
            }
            RouteClass::Api | RouteClass::Health => {
                set(CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
                set(header::CONTENT_SECURITY_POLICY, INERT);
                set(header::X_FRAME_OPTIONS, "DENY");
                // What the API says is somebody's own; caches on the way must not keep it.
                set(header::CACHE_CONTROL, "no-store");
            }
            // A sandboxed frame of ours has an origin of its own. Opened alone, a picture may do nothing.
            RouteClass::Asset => {
                set(CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin");
                set(header::CONTENT_SECURITY_POLICY, INERT);
            }
            RouteClass::Docs | RouteClass::Page => {
                set(CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
                set(CROSS_ORIGIN_OPENER_POLICY, "same-origin");
                set(
                    PERMISSIONS_POLICY,
                    "camera=(), geolocation=(), microphone=(), payment=()",
                );
                set(header::CONTENT_SECURITY_POLICY, PAGE);
                set(header::X_FRAME_OPTIONS, "DENY");
            }
        }
    }
}
