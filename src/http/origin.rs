//! A request that a browser's cookie vouches for must come from our own pages if it changes anything.
//!
//! `Sec-Fetch-Site` says so in every current browser; older ones send `Origin`. A request with neither is not a
//! browser's cross-site request, since those always carry an `Origin`; but we ask for one all the same. A request with
//! a token in `Authorization` needs no cookie and is not concerned.

use poem::{
    Request,
    http::{Method, header},
};

use super::{
    problem::Problem,
    route_class::{RouteClass, Side},
};

/// Refuses a change that comes with a cookie from elsewhere.
pub fn check(class: RouteClass, request: &Request, own_origin: &str) -> Result<(), Problem> {
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if harmless || class.side() == Side::Embed || !request.headers().contains_key(header::COOKIE) {
        return Ok(());
    }
    if request.headers().contains_key(header::AUTHORIZATION) {
        return Ok(());
    }
    let same = match (request.header("sec-fetch-site"), request.header("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => origin == own_origin,
        (None, None) => false,
    };
    if same {
        Ok(())
    } else {
        Err(Problem::forbidden(
            "A change that comes with a cookie must come from this site's own pages.",
        ))
    }
}
