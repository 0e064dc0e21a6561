//! What kind of route a path is: decided once, before routing, so that limits, hosts, headers and metrics agree.

/// The kinds of routes, told apart by path alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteClass {
    /// `GET /b/{key}.js`, `GET /b/{key}/{hash}.js`: the bar; and what old snippets load instead.
    Script,
    /// `POST /e`, `GET /e.gif`: beacons.
    Beacon,
    /// `POST /b/{key}/contacts`: form posts.
    Form,
    /// `/optout`, `/m/…`, `/c/…`: the visitor's choice, mail opens and clicks.
    Visit,
    /// `/api/…`: the management API and its document.
    Api,
    /// `/docs…`: the reference page.
    Docs,
    /// `/healthz`, `/readyz`.
    Health,
    /// `/assets/…`: the files that the dashboard's pages load.
    Asset,
    /// Everything else on the app host: pages.
    Page,
}

/// Which of the two hosts answers a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Embed,
    App,
    Both,
}

impl RouteClass {
    pub fn of(path: &str) -> Self {
        let under = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if path == "/e" || path == "/e.gif" {
            Self::Beacon
        } else if path == "/assets/js/manycontacts.min.js" {
            Self::Script
        } else if let Some(rest) = path.strip_prefix("/b/") {
            if rest.ends_with(".js") {
                Self::Script
            } else {
                Self::Form
            }
        } else if path == "/optout" || path.starts_with("/m/") || path.starts_with("/c/") {
            Self::Visit
        } else if under("/api") {
            Self::Api
        } else if under("/docs") {
            Self::Docs
        } else if path == "/healthz" || path == "/readyz" {
            Self::Health
        } else if under("/assets") {
            Self::Asset
        } else {
            Self::Page
        }
    }

    pub fn side(self) -> Side {
        match self {
            Self::Script | Self::Beacon | Self::Form | Self::Visit => Side::Embed,
            Self::Api | Self::Docs | Self::Asset | Self::Page => Side::App,
            Self::Health => Side::Both,
        }
    }

    /// The largest body that a route of this kind takes.
    pub fn body_cap_bytes(self) -> usize {
        match self {
            Self::Beacon => 16 * 1024,
            _ => 64 * 1024,
        }
    }

    /// The label in the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Beacon => "beacon",
            Self::Form => "form",
            Self::Visit => "visit",
            Self::Api => "api",
            Self::Docs => "docs",
            Self::Health => "health",
            Self::Asset => "asset",
            Self::Page => "page",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fall_into_their_class() {
        for (path, class) in [
            ("/e", RouteClass::Beacon),
            ("/e.gif", RouteClass::Beacon),
            ("/ex", RouteClass::Page),
            ("/b/0123456789.js", RouteClass::Script),
            ("/assets/js/manycontacts.min.js", RouteClass::Script),
            ("/assets/js/other.js", RouteClass::Asset),
            ("/assets/index-B1x2.css", RouteClass::Asset),
            ("/assets.html", RouteClass::Page),
            ("/b/0123456789/9f86d081884c7d65.js", RouteClass::Script),
            ("/b/0123456789/contacts", RouteClass::Form),
            ("/optout", RouteClass::Visit),
            ("/api/v1/bars", RouteClass::Api),
            ("/apis", RouteClass::Page),
            ("/docs", RouteClass::Docs),
            ("/docs/ui.js", RouteClass::Docs),
            ("/healthz", RouteClass::Health),
            ("/", RouteClass::Page),
        ] {
            assert_eq!(RouteClass::of(path), class, "{path}");
        }
    }
}
