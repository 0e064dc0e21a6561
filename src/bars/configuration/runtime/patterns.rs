//! Rules about addresses, compiled to regular expressions that JavaScript and Rust read alike: no look-around, no
//! flags.
//!
//! A browser tells a page's address in the normal form of the URL standard: scheme and host in lower case and ASCII,
//! path and query percent-encoded. So are the rules brought into it before they are compiled.

use crate::bars::configuration::Match;

/// From the beginning to where the path begins, with the `/` that every page has there.
const ORIGIN: &str = "^[^:]+://[^/]*";
/// To somewhere in the path: what follows begins with `/`.
const SOMEWHERE: &str = "^[^:]+://.*";
/// Characters that JavaScript takes as syntax.
const SYNTAX: &str = "\\^$.|?*+()[]{}";
/// What browsers encode in paths but not in queries, or did not always: both are met.
const SOMETIMES_ENCODED: &str = "`{}^'";
const ALWAYS_ENCODED: &str = " \"<>";

/// Does it say a whole address, rather than a path? A glob may leave the scheme open.
pub fn begins_with_scheme(compare: Match, value: &str) -> bool {
    let Some((scheme, _)) = value.split_once("://") else {
        return false;
    };
    let open = |c: char| compare == Match::Glob && c == '*';
    scheme.starts_with(|c: char| c.is_ascii_alphabetic() || open(c))
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c) || open(c))
}

/// One of these suffices; of none: empty.
pub(super) fn any_of(sources: &[&str]) -> String {
    sources.join("|")
}

/// A parameter of a query with this very value, in any of the ways in which it may be written.
pub(super) fn parameter(name: &str, value: &str) -> String {
    let value: String = value
        .chars()
        .map(|c| match c {
            ' ' => r"(?:\+|%20)".to_owned(),
            c if c.is_ascii_alphanumeric() || "-_~".contains(c) => c.to_string(),
            c => {
                let mut bytes = [0; 4];
                let encoded: String = c.encode_utf8(&mut bytes).bytes().map(encoded_byte).collect();
                let plain = if SYNTAX.contains(c) {
                    format!("\\{c}")
                } else {
                    c.to_string()
                };
                format!("(?:{plain}|{encoded})")
            }
        })
        .collect();
    format!("[?&]{name}={value}(?:&|$)")
}

/// A rule, taken apart.
pub(super) struct Rule {
    pieces: Vec<Piece>,
    whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// The regular expression of one character.
    Character(String),
    One,
    Run,
}

impl Rule {
    /// A rule about a page: its path and query, or its whole address if the value says one.
    pub(super) fn of_page(compare: Match, value: &str) -> Self {
        let whole = begins_with_scheme(compare, value);
        Self {
            pieces: pieces(compare, value, whole),
            whole,
        }
    }

    /// A rule about a whole address, whatever part of it the value says.
    pub(super) fn of_address(compare: Match, value: &str) -> Self {
        Self {
            pieces: pieces(compare, value, begins_with_scheme(compare, value)),
            whole: true,
        }
    }

    /// The regular expression. Never empty.
    pub(super) fn source(&self) -> String {
        let (body, end) = match self.pieces.split_last() {
            Some((Piece::Run, body)) => (body, ""),
            _ => (&self.pieces[..], "$"),
        };
        let start = if self.whole {
            match body.split_first() {
                Some((Piece::Run, rest)) => source(rest),
                _ => format!("^{}", source(body)),
            }
        } else {
            on_path(body, !end.is_empty())
        };
        start + end
    }
}

/// The expression for a path and query, of which the first character is `/`.
fn on_path(body: &[Piece], ends_here: bool) -> String {
    let is_open = |piece: &&Piece| matches!(piece, Piece::One | Piece::Run);
    let open = body.iter().take_while(is_open).count();
    let (open, rest) = body.split_at(open);
    let ones = open.iter().filter(|piece| **piece == Piece::One).count();
    let run = if ones < open.len() { ".*" } else { "" };
    let begins_with_slash = rest.first() == Some(&Piece::Character("/".to_owned()));
    match (ones, run) {
        // A path that is all said. Without its `/` it would be none.
        (0, "") if begins_with_slash || (rest.is_empty() && !ends_here) => ORIGIN.to_owned() + &source(rest),
        (0, "") => format!("{ORIGIN}/{}", source(rest)),
        (0, _) if begins_with_slash => SOMEWHERE.to_owned() + &source(rest),
        (0, _) => format!("{ORIGIN}/.*{}", source(rest)),
        // The first of them is the `/`.
        _ => format!("{ORIGIN}/{}{run}{}", ".".repeat(ones - 1), source(rest)),
    }
}

fn source(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Character(source) => source.as_str(),
            Piece::One => ".",
            Piece::Run => ".*",
        })
        .collect()
}

fn pieces(compare: Match, value: &str, names_origin: bool) -> Vec<Piece> {
    let value = if names_origin {
        with_normal_origin(compare, value)
    } else {
        value.to_owned()
    };
    let mut pieces = Vec::new();
    let mut rest = value.as_str();
    if matches!(compare, Match::Contains | Match::Ends) {
        pieces.push(Piece::Run);
    }
    while let Some(first) = rest.chars().next() {
        let (piece, taken) = match (compare, first) {
            (Match::Glob, '*') => (Piece::Run, 1),
            (Match::Glob, '?') => (Piece::One, 1),
            (_, '%') if let Some(byte) = encoded_already(rest) => (Piece::Character(encoded_byte(byte)), 3),
            _ => (Piece::Character(character(first)), first.len_utf8()),
        };
        pieces.push(piece);
        rest = &rest[taken..];
    }
    if matches!(compare, Match::Contains | Match::Starts) {
        pieces.push(Piece::Run);
    }
    // Runs beside each other are one: to a regular expression they would be a lot of work.
    pieces.dedup_by(|next, before| *next == Piece::Run && *before == Piece::Run);
    pieces
}

/// Scheme and host as browsers write them, and the `/` behind the host that they never leave out.
fn with_normal_origin(compare: Match, value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_owned();
    };
    // In a glob `?` is any character, be it in a host.
    let ends: &[char] = if compare == Match::Glob {
        &['/']
    } else {
        &['/', '?']
    };
    let (host, rest) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
    let labels: Vec<_> = host.split('.').map(ascii_label).collect();
    let slash = match rest.chars().next() {
        Some('?') => "/",
        None if compare == Match::Exact => "/",
        _ => "",
    };
    format!(
        "{}://{}{slash}{rest}",
        scheme.to_ascii_lowercase(),
        labels.join(".")
    )
}

fn ascii_label(label: &str) -> String {
    if label.is_ascii() {
        return label.to_ascii_lowercase();
    }
    let (name, port) = label.split_at(label.find(':').unwrap_or(label.len()));
    match url::Host::parse(name) {
        Ok(url::Host::Domain(ascii)) => ascii + port,
        _ => label.to_lowercase(),
    }
}

/// The byte that a `%` and two digits stand for.
fn encoded_already(text: &str) -> Option<u8> {
    let digits = text.get(1..3)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// One character as it stands in an address.
fn character(c: char) -> String {
    let encoded = || {
        let mut bytes = [0; 4];
        let bytes = c.encode_utf8(&mut bytes).bytes();
        bytes.map(encoded_byte).collect::<String>()
    };
    let plain = || {
        if SYNTAX.contains(c) {
            format!("\\{c}")
        } else {
            c.to_string()
        }
    };
    if !c.is_ascii() || ALWAYS_ENCODED.contains(c) {
        encoded()
    } else if SOMETIMES_ENCODED.contains(c) {
        format!("(?:{}|{})", plain(), encoded())
    } else {
        plain()
    }
}

/// `%C3`, or `%c3` as some sites write their links.
fn encoded_byte(byte: u8) -> String {
    let digits = format!("{byte:02X}");
    let either = digits.chars().map(|digit| {
        if digit.is_ascii_digit() {
            digit.to_string()
        } else {
            format!("[{digit}{}]", digit.to_ascii_lowercase())
        }
    });
    format!("%{}", either.collect::<String>())
}

#[cfg(test)]
mod tests {
    use regex::Regex;
    use url::Url;

    use super::*;

    const ALL: [Match; 5] = [
        Match::Exact,
        Match::Contains,
        Match::Starts,
        Match::Ends,
        Match::Glob,
    ];

    fn page_rule(compare: Match, value: &str) -> Regex {
        Regex::new(&Rule::of_page(compare, value).source()).unwrap()
    }

    /// As a browser tells the address of a page.
    fn address(of: &str) -> Url {
        let mut url: Url = of.parse().unwrap();
        url.set_fragment(None);
        url
    }

    /// The same question, answered slowly.
    fn holds(compare: Match, value: &str, text: &str) -> bool {
        fn glob(pattern: &[u8], text: &[u8]) -> bool {
            match (pattern.split_first(), text.split_first()) {
                (None, None) => true,
                (Some((b'*', rest)), _) => {
                    glob(rest, text) || text.split_first().is_some_and(|(_, text)| glob(pattern, text))
                }
                (Some((b'?', pattern)), Some((_, text))) => glob(pattern, text),
                (Some((a, pattern)), Some((b, text))) => a == b && glob(pattern, text),
                _ => false,
            }
        }
        match compare {
            Match::Exact => text == value,
            Match::Contains => text.contains(value),
            Match::Starts => text.starts_with(value),
            Match::Ends => text.ends_with(value),
            Match::Glob => glob(value.as_bytes(), text.as_bytes()),
        }
    }

    #[test]
    fn compiled_rules_hold_where_the_rules_do() {
        let ends = [
            "",
            "/",
            "/a",
            "/a/b",
            "/ab.html",
            "/a?b=(c)",
            "/a/?b=c+d",
            "//a",
            "/example",
            "/A",
            "/a[1]",
        ];
        let hosts = ["https://example.com", "http://a.example:8080", "https://b"];
        let pages: Vec<Url> = hosts
            .iter()
            .flat_map(|host| ends.map(|end| address(&format!("{host}{end}"))))
            .collect();
        let values = [
            "/",
            "/a",
            "/a/",
            "/a?b=(c)",
            "a",
            "b",
            ".",
            "/a.b",
            "?b",
            "+d",
            "//",
            "example",
            "e",
            "*",
            "?",
            "/*",
            "*a",
            "*/a",
            "*?a",
            "?*",
            "?a",
            "??",
            "**",
            "/?/b",
            "/a*b*",
            "*b=?c?",
            "*.html",
            "/[1]",
            "^",
            "$",
            "(c)",
            "https://example.com/*",
            "https://b/",
            "https://",
            "*://b/a*",
            "http*://*.example:8080/a",
            "https://b/?",
        ];
        for compare in ALL {
            for value in values {
                let rule = page_rule(compare, value);
                for page in &pages {
                    let origin = page.origin().ascii_serialization();
                    let text = if begins_with_scheme(compare, value) {
                        page.as_str()
                    } else {
                        &page.as_str()[origin.len()..]
                    };
                    // These name no path; a check says so before.
                    let is_fit = value.starts_with('/')
                        || begins_with_scheme(compare, value)
                        || matches!(compare, Match::Contains | Match::Ends)
                        || (compare == Match::Glob && value.starts_with(['*', '?']));
                    if is_fit {
                        assert_eq!(
                            rule.is_match(page.as_str()),
                            holds(compare, value, text),
                            "{compare:?} {value} on {page}: {rule}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_host_is_no_path() {
        for value in ["example", "com", "e", "https"] {
            for compare in ALL {
                let rule = page_rule(compare, value);
                assert!(
                    !rule.is_match("https://example.com/"),
                    "{compare:?} {value}: {rule}"
                );
            }
        }
        assert!(page_rule(Match::Ends, "/").is_match("https://example.com/"));
        assert!(!page_rule(Match::Exact, "/a").is_match("https://example.com/b/a"));
    }

    #[test]
    fn what_browsers_encode_matches_what_the_member_wrote() {
        for (value, page) in [
            ("/über uns", "https://example.com/über uns"),
            ("/%C3%BCber", "https://example.com/über"),
            ("/über", "https://example.com/%c3%bcber"),
            ("/日本語/", "https://example.com/日本語/"),
            ("/\u{1f600}", "https://example.com/\u{1f600}"),
            ("/a?q=ü \"x\"'", "https://example.com/a?q=ü \"x\"'"),
            ("/{id}`^", "https://example.com/{id}`^"),
            ("/a?{id}`^", "https://example.com/a?{id}`^"),
            ("/100%", "https://example.com/100%"),
            ("/%zz%4", "https://example.com/%zz%4"),
            ("/a|b", "https://example.com/a|b"),
            ("https://bücher.example/x", "https://BÜCHER.example/x"),
            ("https://Bücher.example:8443", "https://bücher.example:8443/"),
            ("HTTPS://Example.COM", "https://example.com"),
            ("https://example.com?a", "https://example.com?a"),
        ] {
            let page = address(page);
            for compare in [Match::Exact, Match::Starts, Match::Glob] {
                let is_open = compare == Match::Glob && (value.contains('?') || !value.contains("/x"));
                let rule = page_rule(compare, value);
                assert!(
                    is_open || rule.is_match(page.as_str()),
                    "{compare:?} {value} on {page}: {rule}"
                );
            }
            assert!(
                !page_rule(Match::Exact, value).is_match(&format!("{page}x")),
                "{value}"
            );
        }
        let glob = page_rule(Match::Glob, "https://*.bücher.example/ü*");
        assert!(glob.is_match(address("https://www.bücher.example/über").as_str()));
        assert!(
            !page_rule(Match::Exact, "/Case").is_match("https://example.com/case"),
            "case matters"
        );
    }

    #[test]
    fn a_referrer_is_always_a_whole_address() {
        let rule = |compare, value: &str| Regex::new(&Rule::of_address(compare, value).source()).unwrap();
        let search = "https://www.search.example/";
        assert!(rule(Match::Contains, "search.").is_match(search));
        assert!(rule(Match::Ends, ".example/").is_match(search));
        assert!(rule(Match::Exact, "https://www.search.example").is_match(search));
        assert!(rule(Match::Starts, "https://www").is_match(search));
        assert!(rule(Match::Glob, "*.search.*").is_match(search));
        assert!(!rule(Match::Contains, "search.").is_match(""));
        assert!(
            !rule(Match::Contains, "searchx").is_match(search),
            "a dot is a dot"
        );
        assert_eq!(Rule::of_address(Match::Glob, "*").source(), "^");
    }

    #[test]
    fn several_rules_are_one_expression() {
        let sources = [
            Rule::of_page(Match::Exact, "/a"),
            Rule::of_page(Match::Starts, "/b/"),
        ]
        .map(|r| r.source());
        let joined = any_of(&[&sources[0], &sources[1]]);
        assert_eq!(joined, "^[^:]+://[^/]*/a$|^[^:]+://[^/]*/b/");
        let rule = Regex::new(&joined).unwrap();
        assert!(rule.is_match("https://x.example/a") && rule.is_match("https://x.example/b/c"));
        assert!(!rule.is_match("https://x.example/ab") && !rule.is_match("https://x.example/"));
        assert_eq!(any_of(&[]), "");
    }
}
