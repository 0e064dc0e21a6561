//! What a search looks in, and how its words are matched.

/// What is kept of one contact to be searched, in characters.
const MAX_CHARS: usize = 20_000;

/// The text that a contact is found by.
pub fn text<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for part in parts {
        let part = part.to_lowercase();
        if !part.is_empty() && !text.contains(&part) {
            text.push_str(&part);
            text.push('\n');
        }
    }
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
        text.truncate(end);
    }
    text
}

/// The words of a search, all of which must be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    const MOST: usize = 8;

    pub fn of(query: Option<&str>) -> Self {
        let words = query.unwrap_or_default().split_whitespace();
        Self(words.take(Self::MOST).map(str::to_lowercase).collect())
    }

    /// A pattern for SQL's `LIKE … ESCAPE '\'` each.
    pub fn patterns(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|word| {
            let escaped: String = word
                .chars()
                .flat_map(|c| {
                    matches!(c, '%' | '_' | '\\')
                        .then_some('\\')
                        .into_iter()
                        .chain([c])
                })
                .collect();
            format!("%{escaped}%")
        })
    }

    /// What FTS5 is to look for in an index of trigrams: whoever holds the words holds all of these. `None` where no word
    /// is long enough to have any.
    pub fn trigrams(&self) -> Option<String> {
        let mut all: Vec<String> = Vec::new();
        for word in &self.0 {
            let chars: Vec<char> = word.chars().filter(|c| *c != '\0').collect();
            for three in chars.windows(3) {
                let quoted = format!("\"{}\"", String::from_iter(three).replace('"', "\"\""));
                if !all.contains(&quoted) {
                    all.push(quoted);
                }
            }
        }
        (!all.is_empty()).then(|| all.join(" AND "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded_and_said_once() {
        let found_by = text(["Anna@Example.com", "ÄNNE", "", "anna"]);
        assert_eq!(found_by, "anna@example.com\nänne\n");
    }

    #[test]
    fn wildcards_in_a_query_stand_for_themselves() {
        let words = Words::of(Some(" 100%  A_b\\ "));
        assert_eq!(words.patterns().collect::<Vec<_>>(), ["%100\\%%", "%a\\_b\\\\%"]);
    }

    #[test]
    fn words_are_looked_up_by_threes_of_their_letters() {
        let trigrams = |query| Words::of(Some(query)).trigrams();
        assert_eq!(
            trigrams("Änne x\"y"),
            Some("\"änn\" AND \"nne\" AND \"x\"\"y\"".into())
        );
        assert_eq!(trigrams("aaaa"), Some("\"aaa\"".into()));
        assert_eq!(trigrams("a bc"), None);
        assert_eq!(Words::of(None).trigrams(), None);
    }
}
