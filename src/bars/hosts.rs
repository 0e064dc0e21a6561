//! Where a bar may be shown: host names, and all below a name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `example.org`; `*.example.org` for every name below it (but not itself); `*` for any host. Kept in lower case and in
/// its ASCII form (punycode). Ports are ignored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostPattern {
    Any,
    Host(String),
    Below(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a host such as `example.org`, `*.example.org` for all below it, or `*` for any")]
pub struct NotAHostPattern;

impl HostPattern {
    /// Is it this host, given as a URL has it: lower case, ASCII, no port?
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self {
            Self::Any => true,
            Self::Host(name) => host == name,
            Self::Below(name) => host
                .strip_suffix(name.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
        }
    }
}

/// May a bar with these allowed hosts be shown on `host`? No patterns: anywhere.
pub fn is_allowed(patterns: &[HostPattern], host: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(host))
}

impl FromStr for HostPattern {
    type Err = NotAHostPattern;
    fn from_str(text: &str) -> Result<Self, NotAHostPattern> {
        let text = text.trim();
        if text == "*" {
            return Ok(Self::Any);
        }
        let (below, host) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let host = without_port(host);
        let host = host.strip_suffix('.').unwrap_or(host);
        // What a browser would make of it; it also refuses spaces, slashes, `@` and what else can't be in a name.
        match url::Host::parse(host).map_err(|_| NotAHostPattern)? {
            url::Host::Domain(name) if is_name(&name) => Ok(if below {
                Self::Below(name)
            } else {
                Self::Host(name)
            }),
            url::Host::Domain(_) => Err(NotAHostPattern),
            // There are no names below an address.
            _ if below => Err(NotAHostPattern),
            address => Ok(Self::Host(address.to_string())),
        }
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        })
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (name.ends_with(']') || !name.contains(':')) =>
        {
            name
        }
        _ => host,
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Host(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = NotAHostPattern;
    fn try_from(text: String) -> Result<Self, NotAHostPattern> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> String {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_is_itself_and_nothing_else() {
        let shop = pattern("Shop.Example.org:8443");
        assert_eq!(shop.to_string(), "shop.example.org");
        assert!(shop.matches("shop.example.org") && shop.matches("shop.example.org."));
        for host in [
            "example.org",
            "www.shop.example.org",
            "myshop.example.org",
            "",
            "shop.example.org.evil.test",
        ] {
            assert!(!shop.matches(host), "{host}");
        }
    }

    #[test]
    fn a_wildcard_is_all_below_but_not_the_name_itself() {
        let all = pattern("*.example.org");
        assert!(all.matches("www.example.org") && all.matches("a.b.example.org"));
        for host in [
            "example.org",
            "badexample.org",
            ".example.org",
            "example.org.evil.test",
        ] {
            assert!(!all.matches(host), "{host}");
        }
    }

    #[test]
    fn names_of_any_script_meet_in_their_ascii_form() {
        assert_eq!(pattern("Bücher.example").to_string(), "xn--bcher-kva.example");
        assert_eq!(pattern("*.bücher.example").to_string(), "*.xn--bcher-kva.example");
        assert!(pattern("[::1]:80").matches("[::1]") && pattern("127.0.0.1").matches("127.0.0.1"));
        assert!(pattern("localhost").matches("localhost"));
    }

    #[test]
    fn no_hosts_mean_any_host() {
        assert!(is_allowed(&[], "anything.example") && is_allowed(&[pattern("*")], "anything.example"));
        assert!(!is_allowed(&[pattern("example.org")], "example.net"));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*.",
            "*.*.example.org",
            "a.*.org",
            "https://example.org",
            "example.org/path",
            "a b",
            "a@b",
            "..",
            "a..b",
            "*.127.0.0.1",
            "::1",
            &"a".repeat(64),
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }
}
