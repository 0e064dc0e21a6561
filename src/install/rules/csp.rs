//! What a page's Content-Security-Policy lets load, by CSP Level 3 (<https://www.w3.org/TR/CSP3/>), as far as an
//! external script and its requests go.

use url::Url;

/// One policy: its directives, the first of each name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    directives: Vec<(String, Vec<String>)>,
}

/// What a script tag brings besides its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tag<'a> {
    pub nonce: Option<&'a str>,
    pub integrity: Option<&'a str>,
    /// Does it stand in the page's HTML, rather than being added by another script?
    pub parser_inserted: bool,
}

impl Policy {
    /// A serialized policy, as a `<meta>` has it.
    pub fn parse(text: &str) -> Self {
        let mut directives: Vec<(String, Vec<String>)> = Vec::new();
        for directive in text.split(';') {
            let mut words = directive.split_ascii_whitespace();
            let Some(name) = words.next().map(str::to_ascii_lowercase) else {
                continue;
            };
            if directives.iter().all(|(known, _)| *known != name) {
                directives.push((name, words.map(str::to_owned).collect()));
            }
        }
        Self { directives }
    }

    /// The policies of a header field: several, with commas between them.
    pub fn parse_list(field: &str) -> Vec<Self> {
        let policies = field.split(',').map(Self::parse);
        policies.filter(|policy| !policy.directives.is_empty()).collect()
    }

    /// The directive that forbids this script to load on a page of `origin`; `None`: it may.
    pub fn forbids_script(&self, origin: &Url, script: &Url, tag: Tag<'_>) -> Option<&str> {
        let (name, sources) = self.first(&["script-src-elem", "script-src", "default-src"])?;
        let has = |keyword: &str| sources.iter().any(|source| source.eq_ignore_ascii_case(keyword));
        let allowed = names_nonce(sources, tag.nonce)
            || names_integrity(sources, tag.integrity)
            || if has("'strict-dynamic'") {
                !tag.parser_inserted
            } else {
                matches(sources, origin, script)
            };
        (!allowed).then_some(name)
    }

    /// Do addresses count for nothing, because scripts must come with a nonce or a hash?
    pub fn is_strict_dynamic(&self) -> bool {
        let sources = self.first(&["script-src-elem", "script-src", "default-src"]);
        sources.is_some_and(|(_, sources)| {
            sources
                .iter()
                .any(|source| source.eq_ignore_ascii_case("'strict-dynamic'"))
        })
    }

    /// The directive that forbids requests to this address; `None`: they may be made.
    pub fn forbids_requests(&self, origin: &Url, to: &Url) -> Option<&str> {
        let (name, sources) = self.first(&["connect-src", "default-src"])?;
        (!matches(sources, origin, to)).then_some(name)
    }

    /// Does a sandbox keep the whole page from running scripts? (A `<meta>` can't.)
    pub fn forbids_all_scripts(&self) -> bool {
        self.first(&["sandbox"]).is_some_and(|(_, flags)| {
            !flags
                .iter()
                .any(|flag| flag.eq_ignore_ascii_case("allow-scripts"))
        })
    }

    fn first(&self, names: &[&str]) -> Option<(&str, &[String])> {
        names.iter().find_map(|name| {
            let found = self.directives.iter().find(|(known, _)| known == name)?;
            Some((found.0.as_str(), found.1.as_slice()))
        })
    }
}

/// What stands between a prefix and the closing quote of a source: `'nonce-…'`, `'sha256-…'`. The prefix is of any case.
fn quoted<'a>(source: &'a str, prefix: &str) -> Option<&'a str> {
    let inner = source.strip_prefix('\'')?.strip_suffix('\'')?;
    let head = inner.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &inner[prefix.len()..])
}

fn names_nonce(sources: &[String], nonce: Option<&str>) -> bool {
    nonce.is_some_and(|nonce| {
        !nonce.is_empty() && { sources.iter() }.any(|source| quoted(source, "nonce-") == Some(nonce))
    })
}

/// Every hash of the tag's `integrity` must be among the sources.
fn names_integrity(sources: &[String], integrity: Option<&str>) -> bool {
    let known = |hash: &&str| {
        ["sha256-", "sha384-", "sha512-"]
            .iter()
            .any(|kind| hash.starts_with(kind))
    };
    let mut hashes = integrity
        .unwrap_or_default()
        .split_ascii_whitespace()
        .map(|hash| hash.split('?').next().unwrap_or_default())
        .filter(known)
        .peekable();
    let url_safe = |text: &str| text.replace('-', "+").replace('_', "/");
    let named = |hash: &str| {
        let (kind, value) = hash.split_at("sha256-".len());
        sources
            .iter()
            .filter_map(|source| quoted(source, kind))
            .any(|known| url_safe(known) == url_safe(value))
    };
    hashes.peek().is_some() && hashes.all(named)
}

/// Does an address match a source list (6.7.2.6)?
fn matches(sources: &[String], origin: &Url, url: &Url) -> bool {
    sources.iter().any(|source| matches_source(source, origin, url))
}

fn matches_source(source: &str, origin: &Url, url: &Url) -> bool {
    if source == "*" {
        return matches!(url.scheme(), "http" | "https" | "ws" | "wss") || url.scheme() == origin.scheme();
    }
    if source.eq_ignore_ascii_case("'self'") {
        return is_self(origin, url);
    }
    if source.starts_with('\'') {
        return false; // other keywords, nonces and hashes are nobody's address
    }
    if let Some(scheme) = source.strip_suffix(':').filter(|scheme| is_scheme(scheme)) {
        return scheme_matches(scheme, url.scheme());
    }
    matches_host(source, origin, url)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Is the scheme of an address that of a source, or its safer sister?
fn scheme_matches(source: &str, url: &str) -> bool {
    let source = source.to_ascii_lowercase();
    source == url
        || matches!(
            (source.as_str(), url),
            ("http", "https") | ("ws", "wss" | "http" | "https") | ("wss", "https")
        )
}

fn is_self(origin: &Url, url: &Url) -> bool {
    let default_ports = |url: &Url| url.port().is_none();
    origin.origin() == url.origin()
        || (origin.host_str() == url.host_str()
            && (origin.port() == url.port() || (default_ports(origin) && default_ports(url)))
            && (matches!(url.scheme(), "https" | "wss") || (origin.scheme(), url.scheme()) == ("http", "ws")))
}

/// `[scheme://]host[:port][/path]` (6.7.2.8)
fn matches_host(source: &str, origin: &Url, url: &Url) -> bool {
    let (scheme, rest) = match source.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, source),
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    scheme_matches(scheme.unwrap_or(origin.scheme()), url.scheme())
        && host_matches(host, url.host_str().unwrap_or_default())
        && port_matches(port, url)
        && path_matches(path.split(['?', '#']).next().unwrap_or_default(), url.path())
}

/// Addresses match as text, as browsers have it; the specification would know 127.0.0.1 only.
fn host_matches(pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix('*') {
        Some("") => true,
        Some(below) => below.starts_with('.') && host.len() > below.len() && host.ends_with(below),
        None => !pattern.is_empty() && pattern == host,
    }
}

fn port_matches(port: Option<&str>, url: &Url) -> bool {
    match port {
        None => url.port().is_none(),
        Some("*") => true,
        Some(port) => port.parse().ok() == url.port_or_known_default(),
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    if pattern.is_empty() || (pattern == "/" && path.is_empty()) {
        return true;
    }
    let exact = !pattern.ends_with('/');
    let decoded = |piece: &str| percent_encoding::percent_decode_str(piece).collect::<Vec<u8>>();
    let mut wanted: Vec<_> = pattern.split('/').map(decoded).collect();
    let there: Vec<_> = path.split('/').map(decoded).collect();
    if wanted.len() > there.len() || (exact && wanted.len() != there.len()) {
        return false;
    }
    if !exact {
        wanted.pop();
    }
    wanted.iter().zip(&there).all(|(wanted, there)| wanted == there)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    const SCRIPT: &str = "https://bars.example/b/7m2k9x4qtz.js";

    /// Is the bar's script, in a tag of the page's HTML, forbidden there, and by what?
    fn forbids<'a>(policy: &'a Policy, tag: Tag<'_>) -> Option<&'a str> {
        policy.forbids_script(&url("https://shop.example/"), &url(SCRIPT), tag)
    }

    fn plain() -> Tag<'static> {
        Tag {
            parser_inserted: true,
            ..Tag::default()
        }
    }

    fn allows(source: &str, page: &str, script: &str) -> bool {
        let policy = Policy::parse(&format!("script-src {source}"));
        policy.forbids_script(&url(page), &url(script), plain()).is_none()
    }

    #[test]
    fn the_directive_that_speaks_of_scripts_is_the_nearest() {
        for (policy, directive) in [
            ("default-src 'self'", Some("default-src")),
            ("default-src https://bars.example", None),
            ("script-src 'self'; default-src *", Some("script-src")),
            ("script-src *; default-src 'none'", None),
            ("script-src *; script-src-elem 'self'", Some("script-src-elem")),
            ("script-src-elem *; script-src 'none'", None),
            ("script-src-attr 'none'; img-src 'self'", None),
            ("style-src 'self'", None),
            ("", None),
            ("script-src", Some("script-src")),
            ("SCRIPT-SRC 'SELF'", Some("script-src")),
            ("script-src *; script-src 'none'", None),
        ] {
            assert_eq!(forbids(&Policy::parse(policy), plain()), directive, "{policy}");
        }
    }

    #[test]
    fn requests_go_by_connect_src_and_its_fallback() {
        let (page, to) = (url("https://shop.example/"), url("https://bars.example/e"));
        for (policy, directive) in [
            ("connect-src 'self'", Some("connect-src")),
            ("connect-src bars.example; default-src 'none'", None),
            ("default-src 'none'; script-src *", Some("default-src")),
            ("script-src 'none'", None),
            ("connect-src https://bars.example/e", None),
            ("connect-src https://bars.example/b/", Some("connect-src")),
            ("connect-src wss:", None),
        ] {
            assert_eq!(
                Policy::parse(policy).forbids_requests(&page, &to),
                directive,
                "{policy}"
            );
        }
    }

    #[test]
    fn sources_match_by_scheme_host_port_and_path() {
        let page = "https://shop.example/";
        for source in [
            "*",
            "https:",
            "HTTPS:",
            "http:",
            "bars.example",
            "BARS.example",
            "https://bars.example",
            "http://bars.example",
            "bars.example:443",
            "bars.example:*",
            "*.example",
            "https://*",
            "*:443",
            "bars.example/b/",
            "bars.example/b/7m2k9x4qtz.js",
            "bars.example/b/7m2k9x4%71tz.js",
            "https://bars.example/",
            "'none' bars.example",
        ] {
            assert!(allows(source, page, SCRIPT), "{source}");
        }
        for source in [
            "'none'",
            "'self'",
            "'unsafe-inline'",
            "'unsafe-eval'",
            "data:",
            "wss://other.example",
            "example",
            "*.bars.example",
            "ars.example",
            "bars.example.evil.test",
            "bars.example:8443",
            "bars.example:http",
            "bars.example/b",
            "bars.example/c/",
            "bars.example/b/7m2k9x4qtz",
            "bars.example/b/7m2k9x4qtz.js/",
            "'nonce-abc'",
            "'sha256-abc'",
            "'report-sample'",
        ] {
            assert!(!allows(source, page, SCRIPT), "{source}");
        }
    }

    #[test]
    fn a_source_without_a_scheme_has_the_page_s() {
        assert!(allows(
            "bars.test",
            "http://shop.test/",
            "http://bars.test/b/k.js"
        ));
        assert!(allows(
            "bars.test",
            "http://shop.test/",
            "https://bars.test/b/k.js"
        ));
        assert!(!allows(
            "bars.test",
            "https://shop.test/",
            "http://bars.test/b/k.js"
        ));
        assert!(!allows(
            "https://bars.test",
            "http://shop.test/",
            "http://bars.test/b/k.js"
        ));
        assert!(allows(
            "127.0.0.1:8080",
            "http://shop.test/",
            "http://127.0.0.1:8080/b/k.js"
        ));
        assert!(allows(
            "[::1]:8080",
            "http://shop.test/",
            "http://[::1]:8080/b/k.js"
        ));
        assert!(!allows("[::1]", "http://shop.test/", "http://[::1]:8080/b/k.js"));
    }

    #[test]
    fn self_is_the_page_s_own_origin_or_its_safer_sister() {
        assert!(allows(
            "'self'",
            "https://shop.test/a",
            "https://shop.test/b/k.js"
        ));
        assert!(allows("'self'", "http://shop.test/", "https://shop.test/b/k.js"));
        assert!(!allows("'self'", "https://shop.test/", "http://shop.test/b/k.js"));
        assert!(!allows(
            "'self'",
            "https://shop.test/",
            "https://shop.test:8443/b/k.js"
        ));
        assert!(!allows(
            "'self'",
            "https://shop.test/",
            "https://www.shop.test/b/k.js"
        ));
    }

    #[test]
    fn a_nonce_or_the_tag_s_hash_lets_it_in() {
        let with = |nonce, integrity| Tag {
            nonce,
            integrity,
            parser_inserted: true,
        };
        let policy = Policy::parse("script-src 'nonce-R4nd0m' 'sha256-AB+/=' 'sha384-CD=='");
        assert_eq!(forbids(&policy, with(Some("R4nd0m"), None)), None);
        assert_eq!(forbids(&policy, with(Some("r4nd0m"), None)), Some("script-src"));
        assert_eq!(forbids(&policy, with(Some(""), None)), Some("script-src"));
        assert_eq!(forbids(&policy, with(None, Some("sha256-AB+/="))), None);
        assert_eq!(
            forbids(&policy, with(None, Some("sha256-AB-_= sha384-CD==?opt"))),
            None
        );
        assert_eq!(
            forbids(&policy, with(None, Some("sha256-AB+/= sha512-EF"))),
            Some("script-src")
        );
        assert_eq!(forbids(&policy, with(None, Some("md5-AB"))), Some("script-src"));
        assert_eq!(
            forbids(
                &Policy::parse("script-src 'Nonce-R4nd0m'"),
                with(Some("R4nd0m"), None)
            ),
            None
        );
        assert_eq!(
            forbids(&Policy::parse("script-src 'nonce-'"), with(Some(""), None)),
            Some("script-src")
        );
    }

    #[test]
    fn strict_dynamic_asks_for_a_nonce_in_the_html_and_for_nothing_in_scripts() {
        let policy = Policy::parse("script-src 'strict-dynamic' 'nonce-a' https: *");
        assert_eq!(
            forbids(&policy, plain()),
            Some("script-src"),
            "addresses count for nothing"
        );
        assert_eq!(
            forbids(
                &policy,
                Tag {
                    nonce: Some("a"),
                    ..plain()
                }
            ),
            None
        );
        assert_eq!(
            forbids(&policy, Tag::default()),
            None,
            "added by a script that was trusted"
        );
    }

    #[test]
    fn a_field_may_hold_several_policies() {
        let policies = Policy::parse_list("script-src *, default-src 'none' ,, ;");
        assert_eq!(policies.len(), 2);
        assert_eq!(forbids(&policies[0], plain()), None);
        assert_eq!(forbids(&policies[1], plain()), Some("default-src"));
    }

    #[test]
    fn a_sandbox_without_scripts_forbids_all() {
        assert!(Policy::parse("sandbox").forbids_all_scripts());
        assert!(Policy::parse("sandbox allow-forms").forbids_all_scripts());
        assert!(!Policy::parse("sandbox allow-Scripts").forbids_all_scripts());
        assert!(!Policy::parse("script-src 'none'").forbids_all_scripts());
    }
}
