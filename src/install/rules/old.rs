//! ManyContacts' snippets: a script that sets `window._EP` (where from) and `window.__bID` (which bar), and loads
//! `/assets/js/manycontacts.min.js` from there.

use url::Url;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// `window.__bID`
    pub id: String,
    /// `window._EP`, if it is plain to see.
    pub endpoint: Option<String>,
}

impl Snippet {
    /// Does it load from our own host?
    pub fn loads_from(&self, embed_url: &Url) -> bool {
        let endpoint = self.endpoint.as_deref().unwrap_or_default();
        // `//host` takes the page's scheme.
        let absolute = embed_url.join(endpoint).ok();
        !endpoint.is_empty() && absolute.is_some_and(|url| url.origin() == embed_url.origin())
    }
}

/// The snippet in the text of a script, if there is one.
pub fn find(text: &str) -> Option<Snippet> {
    let id = assigned(text, "__bID")?.to_owned();
    let endpoint = assigned(text, "_EP").map(str::to_owned);
    Some(Snippet { id, endpoint })
}

/// The string that is assigned to a name.
fn assigned<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.match_indices(name).find_map(|(at, _)| {
        let is_part_of_a_name = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        let rest = text[at + name.len()..].trim_start();
        // `window["__bID"] = …` too
        let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest).trim_start();
        let rest = rest.strip_prefix(']').unwrap_or(rest).trim_start();
        let rest = rest
            .strip_prefix('=')
            .filter(|rest| !rest.starts_with('='))?
            .trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
        let value = rest[1..].split(quote).next()?;
        (!is_part_of_a_name && (1..=200).contains(&value.len())).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNIPPET: &str = r#"
        (function(){
            window._EP   = "https://www.manycontacts.com";
            window.__bID = "53a149b780df1a843f68e6d3";
            document.body.appendChild(
                document.createElement("script")
            ).src = window._EP + "/assets/js/manycontacts.min.js";
        })();"#;

    #[test]
    fn the_snippet_that_people_pasted_is_read() {
        let snippet = find(SNIPPET).unwrap();
        assert_eq!(snippet.id, "53a149b780df1a843f68e6d3");
        assert_eq!(snippet.endpoint.as_deref(), Some("https://www.manycontacts.com"));
    }

    #[test]
    fn it_is_read_however_it_is_written() {
        for text in [
            "window.__bID='a1';",
            "__bID =\n 'a1'",
            "window['__bID'] = \"a1\"",
            "if (window.__bID == 'x') {} window.__bID=`a1`",
        ] {
            assert_eq!(find(text).unwrap().id, "a1", "{text}");
        }
        for text in [
            "",
            "__bID",
            "my__bID = 'a'",
            "window.__bID == 'a'",
            "window.__bID = id",
            "__bID = ''",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn it_is_ours_if_it_loads_from_our_host() {
        let embed: Url = "https://bars.example/".parse().unwrap();
        let from = |endpoint: Option<&str>| Snippet {
            id: "a".into(),
            endpoint: endpoint.map(str::to_owned),
        };
        for ours in [
            "https://bars.example",
            "//bars.example",
            "https://bars.example:443/",
        ] {
            assert!(from(Some(ours)).loads_from(&embed), "{ours}");
        }
        for other in [
            Some("https://www.manycontacts.com"),
            Some("http://bars.example"),
            Some(""),
            None,
        ] {
            assert!(!from(other).loads_from(&embed), "{other:?}");
        }
    }
}
