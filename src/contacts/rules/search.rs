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

/// One pattern for SQL's `LIKE … ESCAPE '\'` a word: every word must be found.
pub fn patterns(query: &str) -> Vec<String> {
    query
        .split_whitespace()
        .take(8)
        .map(|word| {
            let escaped: String = word
                .to_lowercase()
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
        .collect()
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
        assert_eq!(patterns(" 100%  A_b\\ "), ["%100\\%%", "%a\\_b\\\\%"]);
    }
}
