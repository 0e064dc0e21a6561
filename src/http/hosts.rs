//! The two hosts: when `PUBLIC_URL` and `EMBED_URL` differ, neither answers the other's routes.

use poem::{Request, http::header};
use url::Url;

use super::{
    problem::Problem,
    route_class::{RouteClass, Side},
};

/// The host names of the two sides.
#[derive(Debug, Clone)]
pub struct Hosts {
    /// `None` when both sides share one host: then every host is answered.
    split: Option<(String, String)>,
    public_origin: String,
}

impl Hosts {
    pub fn new(public_url: &Url, embed_url: &Url) -> Self {
        let split = (public_url.authority() != embed_url.authority()).then(|| {
            (
                public_url.authority().to_owned(),
                embed_url.authority().to_owned(),
            )
        });
        Self {
            split,
            public_origin: public_url.origin().ascii_serialization(),
        }
    }

    /// The origin of our own pages.
    pub fn public_origin(&self) -> &str {
        &self.public_origin
    }

    /// 404 for a route on the host that does not have it, and on hosts that are not ours.
    pub fn check(&self, class: RouteClass, request: &Request) -> Result<(), Problem> {
        let Some((app, embed)) = &self.split else {
            return Ok(());
        };
        let asked = request.uri().authority().map(|a| a.as_str());
        let asked = asked
            .or_else(|| request.headers().get(header::HOST)?.to_str().ok())
            .unwrap_or_default();
        let fits = match class.side() {
            Side::App => asked.eq_ignore_ascii_case(app),
            Side::Embed => asked.eq_ignore_ascii_case(embed),
            // Health checks come by whatever address the balancer knows.
            Side::Both => true,
        };
        if fits { Ok(()) } else { Err(Problem::not_found()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(public: &str, embed: &str, host: &'static str, class: RouteClass) -> bool {
        let hosts = Hosts::new(&public.parse().unwrap(), &embed.parse().unwrap());
        hosts
            .check(class, &Request::builder().header("host", host).finish())
            .is_ok()
    }

    #[test]
    fn each_side_answers_its_own_routes_only() {
        let (public, embed) = ("https://app.example", "https://bar.example:8443");
        assert!(answers(public, embed, "app.example", RouteClass::Api));
        assert!(!answers(public, embed, "app.example", RouteClass::Script));
        assert!(answers(public, embed, "bar.example:8443", RouteClass::Script));
        assert!(!answers(public, embed, "bar.example:8443", RouteClass::Page));
        assert!(!answers(public, embed, "evil.example", RouteClass::Page));
        assert!(answers(public, embed, "10.0.0.7:8080", RouteClass::Health));
    }

    #[test]
    fn one_host_answers_everything() {
        assert!(answers(
            "http://a.example",
            "http://a.example",
            "whatever",
            RouteClass::Api
        ));
        assert!(answers(
            "http://a.example",
            "http://a.example",
            "whatever",
            RouteClass::Script
        ));
    }
}
